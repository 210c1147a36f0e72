use std::collections::VecDeque;

use flow::{FlowKey, Side};
use hashbrown::HashTable;
use wire::Timestamp;

use super::fates::Fate;

/// The handshakes that may still go on, in the order in which they were opened; the oldest one goes when there are too many.
///
/// The index is asked for the packets of young connections, and those that open or reset one. Handshakes that have ended give their
/// places to the next, so that those that go on lie close together.
#[derive(Debug)]
pub(super) struct HalfOpenTable {
    index: HashTable<u32>,
    slots: Vec<Slot>,
    /// Places in `slots` that are free.
    free: Vec<u32>,
    /// The places of handshakes in the order in which these were opened, [`GONE`] of those that have ended.
    order: VecDeque<u32>,
    /// The number of the first of `order`; numbers wrap.
    base: u32,
    capacity: usize,
}

/// A handshake, and how it is found.
#[derive(Clone, Copy, Debug)]
struct Slot {
    handshake: Handshake,
    hash: u32,
    number: u32,
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
    /// The numbers of its server and its client in the bin of the second in which it was opened.
    pub(super) target: u32,
    pub(super) source: u32,
    pub(super) fate: Fate,
    pub(super) answers: Answers,
    /// No SYN was seen.
    pub(super) unsolicited: bool,
    /// How often the SYN was repeated.
    pub(super) repeats: u8,
}

/// How often a SYN-ACK was seen.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Answers {
    None,
    Once,
    /// And again, after a pause.
    Again,
}

/// Where a handshake is, until it ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Place(u32);

impl HalfOpenTable {
    /// A table of at most `capacity` handshakes, at least one.
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            index: HashTable::new(),
            slots: Vec::new(),
            free: Vec::new(),
            order: VecDeque::new(),
            base: 0,
            capacity: capacity.clamp(1, usize::try_from(u32::MAX / 2).unwrap_or(usize::MAX)),
        }
    }

    /// How many are followed.
    pub(super) fn len(&self) -> usize {
        self.index.len()
    }

    /// Has the processor fetch the handshake with this hash, if there is one. What it returns means nothing, and must be used.
    #[inline]
    pub(super) fn touch(&self, hash: u32) -> u64 {
        let found = self.index.find(spread(hash), |_| true).and_then(|place| self.slots.get(*place as usize));
        found.map_or(0, |slot| u64::from(slot.hash) ^ slot.handshake.opened.nanos())
    }

    /// The handshake of a 4-tuple with its hash.
    #[inline]
    pub(super) fn find(&mut self, key: &FlowKey, hash: u32) -> Option<(Place, &mut Handshake)> {
        let slots = &self.slots;
        let is_it = |place: &u32| {
            slots.get(*place as usize).is_some_and(|slot| slot.hash == hash && slot.handshake.key == *key)
        };
        let place = *self.index.find(spread(hash), is_it)?;
        self.slots.get_mut(place as usize).map(|slot| (Place(place), &mut slot.handshake))
    }

    /// Follows a handshake, which must not be in the table, and whose key has this hash. Gives the one that had to make room for it.
    pub(super) fn open(&mut self, handshake: Handshake, hash: u32) -> Option<Handshake> {
        let evicted = if self.order.len() >= self.capacity { self.pop() } else { None };
        let number = self.base.wrapping_add(u32::try_from(self.order.len()).unwrap_or_default());
        let slot = Slot { handshake, hash, number };
        let place = match self.free.pop() {
            Some(place) => place,
            None => u32::try_from(self.slots.len()).unwrap_or(GONE),
        };
        match self.slots.get_mut(place as usize) {
            Some(free) => *free = slot,
            None => self.slots.push(slot),
        }
        self.order.push_back(place);
        let slots = &self.slots;
        self.index.insert_unique(spread(hash), place, |place| {
            slots.get(*place as usize).map_or(0, |slot| spread(slot.hash))
        });
        evicted
    }

    /// Follows a handshake no longer.
    pub(super) fn close(&mut self, Place(place): Place) -> Option<Handshake> {
        let slot = *self.slots.get(place as usize)?;
        let order = slot.number.wrapping_sub(self.base) as usize;
        *self.order.get_mut(order).filter(|known| **known == place)? = GONE;
        self.release(place, slot.hash);
        while self.order.front() == Some(&GONE) {
            self.pop();
        }
        Some(slot.handshake)
    }

    /// Follows those no longer that were opened before `earliest`.
    pub(super) fn expire(&mut self, earliest: Timestamp) {
        let is_over = |place: u32| {
            place == GONE
                || self.slots.get(place as usize).is_none_or(|slot| slot.handshake.opened < earliest)
        };
        let over = self.order.iter().take_while(|place| is_over(**place)).count();
        for _ in 0..over {
            self.pop();
        }
    }

    /// Takes out the oldest one. `None` if it has ended before.
    fn pop(&mut self) -> Option<Handshake> {
        let place = self.order.pop_front()?;
        self.base = self.base.wrapping_add(1);
        if place == GONE {
            return None;
        }
        let slot = *self.slots.get(place as usize)?;
        self.release(place, slot.hash);
        Some(slot.handshake)
    }

    fn release(&mut self, place: u32, hash: u32) {
        if let Ok(found) = self.index.find_entry(spread(hash), |other| *other == place) {
            found.remove();
        }
        self.free.push(place);
    }
}

/// What the index takes half of a hash as: it looks at the lowest bits, and at the seven highest.
const fn spread(hash: u32) -> u64 {
    (hash as u64) << 32 | hash as u64
}

/// The place of a handshake that has ended.
const GONE: u32 = u32::MAX;

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

    /// Some share one.
    fn hash(number: u8) -> u32 {
        u32::from(number / 2).wrapping_mul(0x9e37_79b9)
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
            target: 0,
            source: 0,
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
                        let key = key(number);
                        let hash = hash(number);
                        if let Some((place, _)) = table.find(&key, hash) {
                            table.close(place);
                        }
                        model.remove(&number);
                    }
                    1 => {
                        let earliest = now.saturating_sub(6);
                        table.expire(Timestamp::from_nanos(earliest));
                        model.retain(|_, opened| *opened >= earliest);
                    }
                    _ if model.contains_key(&number) => {}
                    _ => {
                        let hash = hash(number);
                        let evicted = table.open(handshake(number, now), hash);
                        model.insert(number, now);
                        if let Some(evicted) = evicted {
                            let oldest = model.iter().min_by_key(|(_, opened)| **opened);
                            prop_assert_eq!(oldest.map(|(number, _)| u32::from(*number)), Some(evicted.client_sequence));
                            model.retain(|number, _| u32::from(*number) != evicted.client_sequence);
                        }
                    }
                }
                prop_assert!(table.order.len() <= CAPACITY && table.slots.len() <= CAPACITY);
                prop_assert_eq!(table.len(), model.len());
                for number in 0..20 {
                    let hash = hash(number);
                    let found = table.find(&key(number), hash).map(|(_, one)| one.opened.nanos());
                    prop_assert_eq!(found, model.get(&number).copied());
                }
            }
        }
    }
}
