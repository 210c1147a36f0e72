use std::collections::VecDeque;

use ahash::RandomState;
use hashbrown::{HashTable, hash_table::Entry};
use wire::{FragmentId, Timestamp};

/// Remembers something of the first fragment of each packet for those that follow it, for a while and within a bound.
///
/// RFC 791, 3.2 and RFC 8200, 4.5 have a receiver wait for the rest of a packet for up to a minute; half of it is what
/// operating systems do.
#[derive(Debug)]
pub(crate) struct FragmentCache<T> {
    hasher: RandomState,
    firsts: HashTable<First<T>>,
    /// In the order of their expiry. An entry that was replaced since stands here twice; its later expiry counts.
    expiries: VecDeque<(Timestamp, FragmentId)>,
    capacity: usize,
}

#[derive(Debug)]
struct First<T> {
    id: FragmentId,
    expires: Timestamp,
    remembered: T,
}

impl<T: Copy> FragmentCache<T> {
    /// An empty cache for at most `capacity` packets.
    pub(crate) fn new(capacity: usize) -> Self {
        Self { hasher: RandomState::new(), firsts: HashTable::new(), expiries: VecDeque::new(), capacity }
    }

    /// What was remembered of the first fragment of `id`.
    pub(crate) fn get(&self, id: &FragmentId, clock: Timestamp) -> Option<T> {
        let first = self.firsts.find(self.hasher.hash_one(id), |first| first.id == *id)?;
        (clock < first.expires).then_some(first.remembered)
    }

    /// Remembers `value` of the first fragment of `id`, and forgets the oldest if there are too many.
    pub(crate) fn insert(&mut self, id: FragmentId, value: T, clock: Timestamp) {
        let expires = clock.saturating_add_nanos(REMEMBERED_NANOS);
        self.forget_before(clock);
        self.expiries.push_back((expires, id));
        let hasher = &self.hasher;
        let rehash = |first: &First<T>| hasher.hash_one(first.id);
        match self.firsts.entry(hasher.hash_one(id), |first| first.id == id, rehash) {
            Entry::Occupied(mut entry) => {
                let first = entry.get_mut();
                (first.expires, first.remembered) = (expires, value);
            }
            Entry::Vacant(entry) => {
                entry.insert(First { id, expires, remembered: value });
            }
        }
    }

    fn forget_before(&mut self, clock: Timestamp) {
        while let Some(&(expires, id)) = self.expiries.front() {
            if clock < expires && self.expiries.len() < self.capacity {
                break;
            }
            self.expiries.pop_front();
            let hash = self.hasher.hash_one(id);
            if let Ok(entry) =
                self.firsts.find_entry(hash, |first| first.id == id && first.expires == expires)
            {
                entry.remove();
            }
        }
    }
}

/// How long the rest of a packet is waited for.
const REMEMBERED_NANOS: u64 = 30_000_000_000;

#[cfg(test)]
mod tests {
    use wire::Address;

    use super::*;

    fn id(identification: u32) -> FragmentId {
        let source = Address::from_v4([10, 0, 0, 1]);
        FragmentId { source, destination: source, segment: None, identification, version: 4, protocol: 17 }
    }

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_parts(seconds, 0)
    }

    #[test]
    fn a_first_fragment_is_remembered_for_half_a_minute() {
        let mut cache = FragmentCache::new(10);
        cache.insert(id(1), 'a', at(100));
        assert_eq!(cache.get(&id(1), at(129)), Some('a'));
        assert_eq!(cache.get(&id(1), at(130)), None);
        assert_eq!(cache.get(&id(2), at(100)), None);
    }

    #[test]
    fn an_identification_that_is_used_again_means_the_later_packet() {
        let mut cache = FragmentCache::new(10);
        cache.insert(id(1), 'a', at(100));
        cache.insert(id(1), 'b', at(110));
        cache.insert(id(2), 'c', at(131));
        assert_eq!(cache.get(&id(1), at(135)), Some('b'));
    }

    #[test]
    fn fragments_without_end_push_out_the_oldest() {
        let mut cache = FragmentCache::new(3);
        for number in 0..1_000 {
            cache.insert(id(number), number, at(5));
            assert!(cache.firsts.len() <= 3 && cache.expiries.len() <= 3);
        }
        assert_eq!((cache.get(&id(996), at(5)), cache.get(&id(999), at(5))), (None, Some(999)));
    }
}
