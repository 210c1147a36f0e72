use std::collections::VecDeque;

use ahash::RandomState;
use flow::{FlowKey, Side};
use hashbrown::HashTable;
use wire::Timestamp;

use super::second::Fate;

/// The handshakes that may still go on, in the order in which they were opened; the oldest one goes when there are too many.
///
/// The index is asked for nearly every packet, and mostly has nothing: that costs a hash and one cache line of its control octets.
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

    /// Is none followed?
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.index.is_empty()
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
