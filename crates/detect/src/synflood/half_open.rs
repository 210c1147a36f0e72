use std::collections::VecDeque;

use ahash::RandomState;
use flow::{FlowKey, Side};
use hashbrown::HashTable;
use wire::Timestamp;

use super::second::Fate;

/// The handshakes that may still go on, in the order in which they were opened; the oldest one goes when there are too many.
///
/// The index is asked for the packets of young connections, and those that open or reset one.
#[derive(Debug)]
pub(super) struct HalfOpenTable {
    index: HashTable<u32>,
    hasher: RandomState,
    handshakes: VecDeque<Handshake>,
    /// The number of the first of `handshakes`; numbers wrap.
    base: u32,
    capacity: usize,
}

/// A handshake that was opened.
#[derive(Clone, Copy, Debug)]
pub(super) struct Handshake {
    pub(super) key: FlowKey,
    /// The end that opened it.
    pub(super) client: Side,
    /// Sequence number of the SYN; of the expected one if it was not seen.
    pub(super) client_sequence: u32,
    /// Sequence number of the latest SYN-ACK.
    pub(super) server_sequence: u32,
    /// When its first packet came.
    pub(super) opened: Timestamp,
    pub(super) last_syn: Timestamp,
    pub(super) last_syn_ack: Timestamp,
    pub(super) fate: Fate,
    pub(super) answers: Answers,
    /// No SYN was seen.
    pub(super) unsolicited: bool,
    /// How often the SYN was repeated.
    pub(super) repeats: u8,
    /// False once it was taken out of the index.
    pub(super) listed: bool,
}

/// How often a SYN-ACK was seen.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Answers {
    None,
    Once,
    /// And again, after a pause.
    Again,
}

impl HalfOpenTable {
    /// A table of at most `capacity` handshakes, at least one.
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            index: HashTable::new(),
            hasher: RandomState::new(),
            handshakes: VecDeque::new(),
            base: 0,
            capacity: capacity.clamp(1, usize::try_from(u32::MAX / 2).unwrap_or(usize::MAX)),
        }
    }

    /// How many are followed.
    pub(super) fn len(&self) -> usize {
        self.index.len()
    }

    /// The handshake of a 4-tuple.
    #[inline]
    pub(super) fn find(&mut self, key: &FlowKey) -> Option<&mut Handshake> {
        let hash = self.hasher.hash_one(key);
        let (handshakes, base) = (&self.handshakes, self.base);
        let number = *self
            .index
            .find(hash, |number| handshakes.get(place(*number, base)).is_some_and(|one| one.key == *key))?;
        self.handshakes.get_mut(place(number, base))
    }

    /// Follows a handshake, which must not be in the table. Gives the one that had to make room for it.
    pub(super) fn open(&mut self, handshake: Handshake) -> Option<Handshake> {
        let evicted = if self.handshakes.len() >= self.capacity { self.pop() } else { None };
        let number = self.base.wrapping_add(u32::try_from(self.handshakes.len()).unwrap_or_default());
        let hash = self.hasher.hash_one(handshake.key);
        self.handshakes.push_back(handshake);
        let (handshakes, base, hasher) = (&self.handshakes, self.base, &self.hasher);
        self.index.insert_unique(hash, number, |number| {
            handshakes.get(place(*number, base)).map_or(0, |one| hasher.hash_one(one.key))
        });
        evicted.filter(|one| one.listed)
    }

    /// Follows the handshake of a 4-tuple no longer.
    pub(super) fn close(&mut self, key: &FlowKey) {
        let hash = self.hasher.hash_one(key);
        let (handshakes, base) = (&mut self.handshakes, self.base);
        let found = self.index.find_entry(hash, |number| {
            handshakes.get(place(*number, base)).is_some_and(|one| one.key == *key)
        });
        let Ok(found) = found else { return };
        let (number, _) = found.remove();
        if let Some(one) = handshakes.get_mut(place(number, base)) {
            one.listed = false;
        }
        while self.handshakes.front().is_some_and(|one| !one.listed) {
            self.pop();
        }
    }

    /// Follows those no longer that were opened before `earliest`.
    pub(super) fn expire(&mut self, earliest: Timestamp) {
        while self.handshakes.front().is_some_and(|one| !one.listed || one.opened < earliest) {
            self.pop();
        }
    }

    /// Takes out the oldest one.
    fn pop(&mut self) -> Option<Handshake> {
        let oldest = self.handshakes.pop_front()?;
        let number = self.base;
        self.base = self.base.wrapping_add(1);
        if oldest.listed {
            let hash = self.hasher.hash_one(oldest.key);
            if let Ok(found) = self.index.find_entry(hash, |other| *other == number) {
                found.remove();
            }
        }
        Some(oldest)
    }
}

/// Where the handshake with a number is.
const fn place(number: u32, base: u32) -> usize {
    number.wrapping_sub(base) as usize
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use wire::{Address, Ip, Link, Packet, Transport};

    use super::*;

    fn key(number: u8) -> FlowKey {
        let source = Address::from_v4([192, 0, 2, number]);
        let packet = Packet {
            timestamp: Timestamp::ZERO,
            interface: 0,
            link: Link::default(),
            segment: None,
            ip: Ip { source, version: 4, protocol: 6, ..Ip::default() },
            transport: Transport::Other,
            payload: &[],
            payload_offset: 0,
            carrier: None,
        };
        FlowKey::of(&packet).0
    }

    fn handshake(number: u8, opened: u64) -> Handshake {
        Handshake {
            key: key(number),
            client: Side::Low,
            client_sequence: u32::from(number),
            server_sequence: 0,
            opened: Timestamp::from_nanos(opened),
            last_syn: Timestamp::ZERO,
            last_syn_ack: Timestamp::ZERO,
            fate: Fate::Silent,
            answers: Answers::None,
            unsolicited: false,
            repeats: 0,
            listed: true,
        }
    }

    proptest! {
        /// A map with the time of each handshake says the same, also when numbers wrap.
        #[test]
        fn it_keeps_the_youngest(acts in proptest::collection::vec((0_u8..20, 0_u8..4), 0..300)) {
            const CAPACITY: usize = 8;
            let mut table = HalfOpenTable::new(CAPACITY);
            table.base = u32::MAX - 100;
            let mut model = BTreeMap::<u8, u64>::new();
            for (now, (number, act)) in (0_u64..).zip(acts) {
                match act {
                    0 => {
                        table.close(&key(number));
                        model.remove(&number);
                    }
                    1 => {
                        let earliest = now.saturating_sub(6);
                        table.expire(Timestamp::from_nanos(earliest));
                        model.retain(|_, opened| *opened >= earliest);
                    }
                    _ if model.contains_key(&number) => {}
                    _ => {
                        let evicted = table.open(handshake(number, now));
                        model.insert(number, now);
                        if let Some(evicted) = evicted {
                            let oldest = model.iter().min_by_key(|(_, opened)| **opened);
                            prop_assert_eq!(oldest.map(|(number, _)| u32::from(*number)), Some(evicted.client_sequence));
                            model.retain(|number, _| u32::from(*number) != evicted.client_sequence);
                        }
                    }
                }
                prop_assert!(table.handshakes.len() <= CAPACITY);
                prop_assert_eq!(table.len(), model.len());
                for number in 0..20 {
                    let found = table.find(&key(number)).map(|one| one.opened.nanos());
                    prop_assert_eq!(found, model.get(&number).copied());
                }
            }
        }
    }
}
