use flow::{FlowKey, Side};
use wire::Timestamp;

use super::{
    bin::NOWHERE,
    fates::Fate,
    young_index::{Entered, Window, YoungIndex},
};

/// The handshakes that may still go on, in the order in which they were opened; the oldest one goes when there are too many.
///
/// The index is asked for the packets of young connections, and those that open or reset one. A handshake that nobody answers costs a
/// line of it; what it costs of the order, and of the slots, is written one after the other.
///
/// Handshakes that have ended give their places to the next, so that those that go on lie close together.
#[derive(Debug)]
pub(super) struct HalfOpenTable {
    index: YoungIndex,
    /// Of all in the window, by the lowest bits of their numbers, those that have ended meanwhile included. As many as a power of two.
    order: Vec<Opened>,
    window: Window,
    slots: Vec<Handshake>,
    /// Places in `slots` that are free.
    free: Vec<u32>,
    capacity: u32,
}

/// A handshake in the order, and how it is found.
#[derive(Clone, Copy, Debug)]
struct Opened {
    entered: Entered,
    /// Where it is in the slots, or [`GONE`].
    place: u32,
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
    /// How often since the last pause.
    pub(super) rapid: u8,
}

impl Handshake {
    /// One of which nothing is known yet, and that is counted nowhere.
    pub(super) const fn new(key: FlowKey, client: Side, opened: Timestamp) -> Self {
        Self {
            key,
            client,
            client_sequence: 0,
            server_sequence: 0,
            opened,
            last_syn: Timestamp::ZERO,
            last_syn_ack: Timestamp::ZERO,
            target: NOWHERE,
            source: NOWHERE,
            fate: Fate::Silent,
            answers: Answers::None,
            unsolicited: false,
            repeats: 0,
            rapid: 0,
        }
    }
}

/// How often a SYN-ACK was seen.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Answers {
    None,
    Once,
    /// And again, after a pause.
    Again,
}

/// Which handshake it is, until it ends: its number.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Place(u32);

impl HalfOpenTable {
    /// A table of at most `capacity` handshakes, at least one.
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            index: YoungIndex::new(),
            order: Vec::new(),
            window: Window::default(),
            slots: Vec::new(),
            free: Vec::new(),
            capacity: u32::try_from(capacity).unwrap_or(u32::MAX).clamp(1, u32::MAX / 2),
        }
    }

    /// How many are followed.
    pub(super) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Has the processor fetch what a handshake with this hash is sought by. What it returns means nothing, and must be used.
    #[inline]
    pub(super) fn touch(&self, hash: u32) -> u32 {
        self.index.touch(hash)
    }

    /// The same, and the handshake itself, which is likely to be there.
    #[inline]
    pub(super) fn touch_known(&self, hash: u32) -> u32 {
        let found = self.index.find(hash, self.window, |_| true, |number| self.entered(number));
        let handshake = found.and_then(|number| self.slots.get(self.opened(number)?.place as usize));
        handshake.map_or(0, |handshake| handshake.client_sequence)
    }

    /// The handshake of a 4-tuple with its hash.
    #[inline]
    pub(super) fn find(&mut self, key: &FlowKey, hash: u32) -> Option<(Place, &mut Handshake)> {
        if self.index.may_have(hash, self.window) { self.find_known(key, hash) } else { None }
    }

    fn find_known(&mut self, key: &FlowKey, hash: u32) -> Option<(Place, &mut Handshake)> {
        let is_it = |number| {
            let opened = self.opened(number);
            opened.and_then(|opened| self.slots.get(opened.place as usize)).is_some_and(|one| one.key == *key)
        };
        let number = self.index.find(hash, self.window, is_it, |number| self.entered(number))?;
        let place = self.opened(number)?.place;
        self.slots.get_mut(place as usize).map(|one| (Place(number), one))
    }

    /// Follows a handshake, which must not be in the table, and whose key has this hash. Gives the fate of the one that had to make room
    /// for it.
    #[inline]
    pub(super) fn open(&mut self, handshake: Handshake, hash: u32) -> Option<Fate> {
        let evicted = if self.window.len >= self.capacity { self.pop() } else { None };
        if self.window.len as usize >= self.order.len() {
            self.grow();
        }
        let place = match self.free.pop() {
            Some(place) => place,
            None => u32::try_from(self.slots.len()).unwrap_or(GONE),
        };
        match self.slots.get_mut(place as usize) {
            Some(free) => *free = handshake,
            None => self.slots.push(handshake),
        }
        let number = self.window.next();
        let entered = self.index.enter(hash, number);
        let at = self.at(number);
        if let Some(opened) = self.order.get_mut(at) {
            *opened = Opened { entered, place };
            self.window.len += 1;
        }
        evicted
    }

    /// Follows a handshake no longer.
    pub(super) fn close(&mut self, Place(number): Place) -> Option<Handshake> {
        let Opened { entered, place } = self.opened(number)?;
        let handshake = *self.slots.get(place as usize)?;
        let at = self.at(number);
        self.order.get_mut(at)?.place = GONE;
        let order = &self.order;
        let mask = order.len().wrapping_sub(1);
        self.index.leave(entered.hash, number, self.window, |number| {
            order.get(number as usize & mask).map(|opened| opened.entered)
        });
        self.free.push(place);
        while self.oldest().is_some_and(|opened| opened.place == GONE) {
            self.pop();
        }
        Some(handshake)
    }

    /// Follows those no longer that were opened before `earliest`.
    pub(super) fn expire(&mut self, earliest: Timestamp) {
        let is_over = |opened: Opened| {
            self.slots.get(opened.place as usize).is_none_or(|handshake| handshake.opened < earliest)
        };
        let over =
            self.window.numbers().take_while(|number| self.opened(*number).is_some_and(is_over)).count();
        for _ in 0..over {
            self.pop();
        }
    }

    /// Takes out the oldest one, and says its fate. `None` if it has ended before.
    #[inline]
    fn pop(&mut self) -> Option<Fate> {
        let Opened { place, .. } = self.oldest()?;
        self.window = Window { first: self.window.first.wrapping_add(1), len: self.window.len - 1 };
        let fate = self.slots.get(place as usize)?.fate;
        self.free.push(place);
        Some(fate)
    }

    #[inline]
    fn oldest(&self) -> Option<Opened> {
        self.opened(self.window.first)
    }

    /// The handshake with a number, if that is in use.
    #[inline]
    fn opened(&self, number: u32) -> Option<Opened> {
        self.order.get(self.at(number)).filter(|_| self.window.has(number)).copied()
    }

    #[inline]
    fn entered(&self, number: u32) -> Option<Entered> {
        self.opened(number).map(|opened| opened.entered)
    }

    /// Where it stands in the order.
    #[inline]
    const fn at(&self, number: u32) -> usize {
        number as usize & self.order.len().wrapping_sub(1)
    }

    /// Makes room for twice as many.
    #[cold]
    fn grow(&mut self) {
        let before: Vec<_> = self.window.numbers().filter_map(|number| self.opened(number)).collect();
        let room = (2 * self.order.len()).max(LEAST_ROOM);
        // No number that is in use.
        self.index.clear(room, self.window.first.wrapping_sub(1));
        self.order.resize(room, Opened { entered: Entered::default(), place: GONE });
        for (mut opened, number) in before.into_iter().zip(self.window.numbers()) {
            if opened.place != GONE {
                opened.entered = self.index.enter(opened.entered.hash, number);
            }
            let at = self.at(number);
            if let Some(moved) = self.order.get_mut(at) {
                *moved = opened;
            }
        }
    }
}

/// The place of a handshake that has ended.
const GONE: u32 = u32::MAX;
/// A power of two.
const LEAST_ROOM: usize = 64;

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
        Handshake::new(key(number), Side::Low, Timestamp::from_nanos(opened))
    }

    proptest! {
        /// A map with the time of each handshake says the same, also when numbers wrap.
        #[test]
        fn it_keeps_the_youngest(acts in proptest::collection::vec((0_u8..20, 0_u8..4), 0..300)) {
            const CAPACITY: usize = 8;
            let mut table = HalfOpenTable::new(CAPACITY);
            table.window.first = u32::MAX - 100;
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
                        if evicted.is_some() {
                            let oldest = model.iter().min_by_key(|(_, opened)| **opened).map(|(number, _)| *number);
                            model.retain(|number, _| Some(*number) != oldest);
                        }
                    }
                }
                prop_assert!(table.window.len as usize <= CAPACITY && table.slots.len() <= CAPACITY);
                prop_assert!(table.order.len() <= LEAST_ROOM.max(2 * CAPACITY));
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
