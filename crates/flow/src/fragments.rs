use std::collections::VecDeque;

use ahash::RandomState;
use hashbrown::{HashTable, hash_table::Entry};
use wire::{FragmentId, Timestamp};

/// Remembers something of each fragmented packet, for a while and within a bound.
///
/// RFC 791, 3.2 and RFC 8200, 4.5 have a receiver wait for the rest of a packet for up to a minute; half of it is what operating
/// systems do.
#[derive(Debug)]
pub(crate) struct FragmentCache<T> {
    hasher: RandomState,
    packets: HashTable<Remembered<T>>,
    /// In the order of their expiry. An entry that was replaced since stands here twice; its later expiry counts.
    expiries: VecDeque<(Timestamp, FragmentId)>,
    capacity: usize,
}

#[derive(Debug)]
struct Remembered<T> {
    id: FragmentId,
    expires: Timestamp,
    value: T,
}

impl<T> FragmentCache<T> {
    /// An empty cache for at most `capacity` packets.
    pub(crate) fn new(capacity: usize) -> Self {
        Self { hasher: RandomState::new(), packets: HashTable::new(), expiries: VecDeque::new(), capacity }
    }

    /// What is remembered of a packet.
    pub(crate) fn get(&self, id: &FragmentId, clock: Timestamp) -> Option<&T> {
        let packet = self.packets.find(self.hasher.hash_one(id), |packet| packet.id == *id)?;
        (clock < packet.expires).then_some(&packet.value)
    }

    /// The same, to be changed. That does not make it last longer.
    pub(crate) fn get_mut(&mut self, id: &FragmentId, clock: Timestamp) -> Option<&mut T> {
        let packet = self.packets.find_mut(self.hasher.hash_one(id), |packet| packet.id == *id)?;
        (clock < packet.expires).then_some(&mut packet.value)
    }

    /// Forgets a packet: its identification is used again.
    pub(crate) fn forget(&mut self, id: &FragmentId) {
        if let Ok(entry) = self.packets.find_entry(self.hasher.hash_one(id), |packet| packet.id == *id) {
            entry.remove();
        }
    }

    /// Remembers `value` of a packet, and gives what was remembered of it before. Call [`Self::expire`] before, for as long as it
    /// gives something: it makes room.
    pub(crate) fn insert(&mut self, id: FragmentId, value: T, clock: Timestamp) -> Option<T> {
        let expires = clock.saturating_add_nanos(REMEMBERED_NANOS);
        self.expiries.push_back((expires, id));
        let hasher = &self.hasher;
        let rehash = |packet: &Remembered<T>| hasher.hash_one(packet.id);
        let remembered = Remembered { id, expires, value };
        match self.packets.entry(hasher.hash_one(id), |packet| packet.id == id, rehash) {
            Entry::Occupied(mut entry) => Some(std::mem::replace(entry.get_mut(), remembered).value),
            Entry::Vacant(entry) => {
                entry.insert(remembered);
                None
            }
        }
    }

    /// When the next packet is to be forgotten for its age; never, if none is remembered.
    pub(crate) fn next_expiry(&self) -> Timestamp {
        self.expiries.front().map_or(Timestamp::MAX, |(expires, _)| *expires)
    }

    /// Takes out the next packet whose time has passed, or the oldest if there are too many, and says when its time was over.
    pub(crate) fn expire(&mut self, clock: Timestamp) -> Option<(Timestamp, T)> {
        loop {
            let &(expires, id) = self.expiries.front()?;
            if expires > clock && self.expiries.len() < self.capacity {
                return None;
            }
            self.expiries.pop_front();
            let is_it = |packet: &Remembered<T>| packet.id == id && packet.expires == expires;
            if let Ok(entry) = self.packets.find_entry(self.hasher.hash_one(id), is_it) {
                return Some((expires, entry.remove().0.value));
            }
        }
    }
}

/// How many tunnel packets whose first fragment has come are remembered, by those who share packets out and by those who meter them
/// alike: otherwise the two would not agree. Tunnel packets that are fragmented are few.
pub(crate) const CARRIERS: usize = 1 << 12;
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

    fn insert<T>(cache: &mut FragmentCache<T>, number: u32, value: T, clock: Timestamp) {
        while cache.expire(clock).is_some() {}
        cache.insert(id(number), value, clock);
    }

    #[test]
    fn a_packet_is_remembered_for_half_a_minute() {
        let mut cache = FragmentCache::new(10);
        insert(&mut cache, 1, 'a', at(100));
        assert_eq!(cache.next_expiry(), at(130));
        assert_eq!(cache.get(&id(1), at(129)), Some(&'a'));
        assert_eq!(cache.get(&id(1), at(130)), None);
        assert_eq!(cache.get(&id(2), at(100)), None);
        assert_eq!((cache.expire(at(129)), cache.expire(at(130))), (None, Some((at(130), 'a'))));
        assert_eq!(cache.next_expiry(), Timestamp::MAX);
    }

    #[test]
    fn an_identification_that_is_used_again_means_the_later_packet() {
        let mut cache = FragmentCache::new(10);
        insert(&mut cache, 1, 'a', at(100));
        insert(&mut cache, 1, 'b', at(110));
        insert(&mut cache, 2, 'c', at(131));
        assert_eq!(cache.get(&id(1), at(135)), Some(&'b'));
        assert_eq!(cache.insert(id(1), 'd', at(136)), Some('b'));
        assert_eq!(cache.expire(at(160)), None, "only the latest time counts");
        cache.forget(&id(1));
        assert_eq!(cache.get(&id(1), at(137)), None);
    }

    #[test]
    fn fragments_without_end_push_out_the_oldest() {
        let mut cache = FragmentCache::new(3);
        for number in 0..1_000 {
            insert(&mut cache, number, number, at(5));
            assert!(cache.packets.len() <= 3 && cache.expiries.len() <= 3);
        }
        assert_eq!((cache.get(&id(996), at(5)), cache.get(&id(999), at(5))), (None, Some(&999)));
    }
}
