//! What one end of a TCP connection said, in order, held together from segments as they come by.
//!
//! A [`Direction`] takes segments that are split, merged, reordered, repeated, overlapping or missing, and hands out contiguous
//! octets and the sizes of gaps. It never waits for long: the little that it holds back is bounded, and a gap that is not
//! filled before the bound is reached is given up.

use wire::TcpFlags;

/// A bounded view, in order, of the octets that one end of a TCP connection sends.
///
/// It begins with the first segment that it is shown, with a SYN or in mid-stream. What lies before that is not handed out.
/// Where repeats differ from each other, what comes first is what counts.
#[derive(Debug, Default)]
pub struct Direction {
    /// The sequence number of the next octet to hand out; meaningful once `begun`.
    next: u32,
    begun: bool,
    /// The sequence number after the last octet, once a FIN has said so.
    end: Option<u32>,
    /// Segments beyond a gap, by sequence number.
    held: Vec<Held>,
    /// Octets in `held`.
    held_octets: usize,
}

/// A piece of a [`Direction`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Chunk<'a> {
    /// Octets that follow those before, at least one.
    Octets(&'a [u8]),
    /// So many octets were not captured, at least one.
    Gap(u32),
}

#[derive(Debug)]
struct Held {
    sequence: u32,
    octets: Box<[u8]>,
}

impl Direction {
    /// A direction of which nothing has been seen.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a segment with the sequence number, flags and payload of its header, and hands out what is in order now.
    pub fn segment(
        &mut self,
        sequence: u32,
        flags: TcpFlags,
        payload: &[u8],
        mut consume: impl FnMut(Chunk<'_>),
    ) {
        let sequence = self.header(sequence, flags, payload);
        if !payload.is_empty() {
            self.place(sequence, payload, &mut consume);
        }
    }

    /// Takes a segment as [`Direction::segment`] does, and gives what is new of it, if it is in order and nothing is held back. Otherwise
    /// `None`, and the segment is still to be taken.
    pub fn segment_in_order<'a>(
        &mut self,
        sequence: u32,
        flags: TcpFlags,
        payload: &'a [u8],
    ) -> Option<&'a [u8]> {
        let sequence = self.header(sequence, flags, payload);
        if !self.held.is_empty() || distance(self.next, sequence) > 0 {
            return None;
        }
        let known = self.next.wrapping_sub(sequence) as usize;
        let new = payload.get(known..).unwrap_or_default();
        self.next = self.next.wrapping_add(length(new));
        Some(new)
    }

    /// Takes note of what a header says, which may be said again, and gives the number of the first octet of its payload.
    fn header(&mut self, sequence: u32, flags: TcpFlags, payload: &[u8]) -> u32 {
        // A SYN takes a sequence number of its own, before the data (RFC 9293, 3.4).
        let sequence = sequence.wrapping_add(u32::from(flags.contains(TcpFlags::SYN)));
        if !self.begun {
            self.begun = true;
            self.next = sequence;
        }
        if flags.contains(TcpFlags::FIN) {
            self.end.get_or_insert_with(|| sequence.wrapping_add(length(payload)));
        }
        sequence
    }

    /// Takes note that the other end has acknowledged all before `acknowledgment`: what it has and we do not, we shall not see
    /// again. So a lossy capture costs a gap, and no delay.
    pub fn acknowledged(&mut self, acknowledgment: u32, mut consume: impl FnMut(Chunk<'_>)) {
        while let Some(first) = self.held.first() {
            let (sequence, end) = (first.sequence, first.sequence.wrapping_add(length(&first.octets)));
            if distance(end, acknowledgment) < 0 {
                return;
            }
            self.give_up_gap(sequence, &mut consume);
        }
    }

    /// Hands out what is still held, with the gaps before it: nothing more will come.
    pub fn finish(&mut self, mut consume: impl FnMut(Chunk<'_>)) {
        while let Some(sequence) = self.held.first().map(|first| first.sequence) {
            self.give_up_gap(sequence, &mut consume);
        }
    }

    /// Has everything up to the FIN been handed out?
    pub fn is_complete(&self) -> bool {
        self.end.is_some_and(|end| distance(end, self.next) >= 0)
    }

    /// How many octets are held back at the moment, at most [`MAX_HELD_OCTETS`].
    pub fn held_octets(&self) -> usize {
        self.held_octets
    }

    fn place(&mut self, sequence: u32, payload: &[u8], consume: &mut impl FnMut(Chunk<'_>)) {
        loop {
            let ahead = distance(self.next, sequence);
            if ahead <= 0 {
                self.hand_out(sequence, payload, consume);
                self.drain(consume);
                return;
            }
            let fits = self.held_octets.saturating_add(payload.len()) <= MAX_HELD_OCTETS;
            if fits && self.held.len() < MAX_HELD_SEGMENTS {
                self.hold(sequence, payload);
                return;
            }
            let nearest = match self.held.first() {
                Some(first) if distance(first.sequence, sequence) > 0 => first.sequence,
                _ => sequence,
            };
            self.give_up_gap(nearest, consume);
        }
    }

    /// Hands out what of a segment at or before `next` is new.
    fn hand_out(&mut self, sequence: u32, octets: &[u8], consume: &mut impl FnMut(Chunk<'_>)) {
        let known = self.next.wrapping_sub(sequence) as usize;
        let Some(new @ [_, ..]) = octets.get(known..) else { return };
        consume(Chunk::Octets(new));
        self.next = self.next.wrapping_add(length(new));
    }

    fn hold(&mut self, sequence: u32, payload: &[u8]) {
        let place = self.held.partition_point(|held| distance(held.sequence, sequence) >= 0);
        let end = sequence.wrapping_add(length(payload));
        let before = place.checked_sub(1).and_then(|before| self.held.get(before));
        let is_known = before.is_some_and(|held| {
            let held_end = held.sequence.wrapping_add(length(&held.octets));
            distance(end, held_end) >= 0
        });
        if !is_known {
            self.held_octets = self.held_octets.saturating_add(payload.len());
            self.held.insert(place, Held { sequence, octets: payload.into() });
        }
    }

    fn give_up_gap(&mut self, sequence: u32, consume: &mut impl FnMut(Chunk<'_>)) {
        let missing = sequence.wrapping_sub(self.next);
        if distance(self.next, sequence) > 0 {
            consume(Chunk::Gap(missing));
            self.next = sequence;
        }
        self.drain(consume);
    }

    /// Hands out what is held and in order.
    fn drain(&mut self, consume: &mut impl FnMut(Chunk<'_>)) {
        while self.held.first().is_some_and(|first| distance(self.next, first.sequence) <= 0) {
            let Held { sequence, octets } = self.held.remove(0);
            self.held_octets = self.held_octets.saturating_sub(octets.len());
            self.hand_out(sequence, &octets, consume);
        }
    }
}

/// From one sequence number to another: positive if the other lies after it, on the circle of numbers (RFC 9293, 3.4).
fn distance(from: u32, to: u32) -> i32 {
    to.wrapping_sub(from).cast_signed()
}

fn length(octets: &[u8]) -> u32 {
    // No IP packet is longer; a jumbogram that pretends to be would lose its place in the stream, and nothing else.
    u32::try_from(octets.len()).unwrap_or(u32::MAX)
}

/// How many octets of a direction wait behind a gap: eleven full Ethernet frames, enough for what a path reorders.
pub const MAX_HELD_OCTETS: usize = 16 * 1024;

/// How many segments wait behind a gap, so that tiny ones do not cost more than their octets.
pub const MAX_HELD_SEGMENTS: usize = 32;

#[cfg(test)]
mod tests;
