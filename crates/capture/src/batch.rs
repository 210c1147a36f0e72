use wire::Frame;

use crate::{Frames, frames::FrameIndex};

/// Frames that share one buffer: the octets of a stretch of a capture, and an index of the frames in them.
///
/// It is made once and filled again and again. Threads may share it as `Arc<Batch>`.
#[derive(Debug, Default)]
pub struct Batch {
    /// Longer than what is filled: its length only grows while it is recycled, so that octets are zeroed once.
    buffer: Vec<u8>,
    /// How many octets of `buffer` are of this batch.
    filled: usize,
    index: Vec<FrameIndex>,
    packets_before: u64,
}

impl Batch {
    /// An empty batch that gets its memory when it is filled first.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty batch with room for `octets` and `frames`.
    pub fn with_capacity(octets: usize, frames: usize) -> Self {
        Self { buffer: vec![0; octets], index: Vec::with_capacity(frames), ..Self::default() }
    }

    /// Forgets the frames and keeps the memory, except what an unusually long record made it take.
    pub fn clear(&mut self) {
        self.filled = 0;
        self.index.clear();
        self.packets_before = 0;
        if self.buffer.len() > RECYCLED_OCTETS {
            self.buffer.truncate(RECYCLED_OCTETS);
            self.buffer.shrink_to(RECYCLED_OCTETS);
        }
        self.index.shrink_to(RECYCLED_FRAMES);
    }

    /// How many frames it holds.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether it holds no frame.
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// The frame number `i`, counted from 0 in the order of the capture.
    #[inline]
    pub fn frame(&self, i: usize) -> Option<Frame<'_>> {
        self.index.get(i).and_then(|entry| entry.in_octets(&self.buffer))
    }

    /// Its frames in the order of the capture.
    #[inline]
    pub fn frames(&self) -> Frames<'_> {
        Frames::indexed(&self.buffer, &self.index)
    }

    /// The octets that its frames are parts of, and record headers between them.
    pub fn octets(&self) -> &[u8] {
        self.buffer.get(..self.filled).unwrap_or_default()
    }

    /// How many packets its source gave before this batch: the first frame here is packet number `packets_before() + 1`.
    pub fn packets_before(&self) -> u64 {
        self.packets_before
    }

    /// Appends a copy of `frame`: for sources that give one frame at a time. `false` if the batch cannot take it, since
    /// offsets have 32 bits.
    #[must_use]
    pub fn push(&mut self, frame: &Frame<'_>) -> bool {
        let end = self.filled.saturating_add(frame.data.len());
        let (Ok(offset), Ok(captured), Ok(_)) =
            (u32::try_from(self.filled), u32::try_from(frame.data.len()), u32::try_from(end))
        else {
            return false;
        };
        self.append(frame.data);
        self.index.push(FrameIndex {
            timestamp: frame.timestamp,
            offset,
            captured,
            original: frame.original_length,
            link_type: frame.link_type,
            interface: frame.interface,
        });
        true
    }

    pub(crate) fn set_packets_before(&mut self, packets: u64) {
        self.packets_before = packets;
    }

    /// Adds `first` to the interface numbers of its frames.
    pub(crate) fn number_interfaces_from(&mut self, first: u16) {
        for entry in &mut self.index {
            entry.interface = entry.interface.saturating_add(first);
        }
    }

    /// Copies octets behind the filled ones.
    pub(crate) fn append(&mut self, octets: &[u8]) {
        let end = self.filled.saturating_add(octets.len());
        self.grow_to(end);
        if let Some(room) = self.buffer.get_mut(self.filled..end) {
            room.copy_from_slice(octets);
            self.filled = end;
        }
    }

    /// Room for at least `octets` behind the filled ones, to read into.
    pub(crate) fn room(&mut self, octets: usize) -> &mut [u8] {
        let end = self.filled.saturating_add(octets);
        self.grow_to(end);
        self.buffer.get_mut(self.filled..end).unwrap_or_default()
    }

    /// States that `octets` were read into the room.
    pub(crate) fn filled(&mut self, octets: usize) {
        self.filled = self.filled.saturating_add(octets).min(self.buffer.len());
    }

    /// Takes out the first `octets`. Only before there are frames: their offsets would no longer be right.
    pub(crate) fn discard(&mut self, octets: usize) {
        debug_assert!(self.index.is_empty());
        let octets = octets.min(self.filled);
        if octets == 0 {
            // Nothing moves, but the standard library would copy a long block onto itself each time a pipe adds to it.
            return;
        }
        self.buffer.copy_within(octets..self.filled, 0);
        self.filled -= octets;
    }

    /// Takes away the octets from `end` on.
    pub(crate) fn truncate(&mut self, end: usize) {
        self.filled = self.filled.min(end);
    }

    /// How many octets it has memory for.
    #[cfg(test)]
    pub(crate) fn room_octets(&self) -> usize {
        self.buffer.capacity()
    }

    /// The octets, and the index to enter them in.
    pub(crate) fn parts(&mut self) -> (&[u8], &mut Vec<FrameIndex>) {
        (self.buffer.get(..self.filled).unwrap_or_default(), &mut self.index)
    }

    /// Makes the buffer at least `octets` long. Its length doubles, so that what is added in small pieces is not copied each time;
    /// and it is asked for as zeroed memory, which the system has for nothing, while to zero it costs as much as to read.
    fn grow_to(&mut self, octets: usize) {
        if octets <= self.buffer.len() {
            return;
        }
        let mut grown = vec![0; octets.max(self.buffer.len().saturating_mul(2))];
        if let (Some(kept), Some(filled)) = (grown.get_mut(..self.filled), self.buffer.get(..self.filled)) {
            kept.copy_from_slice(filled);
        }
        self.buffer = grown;
    }
}

/// How many octets a recycled batch keeps: several reads and the longest usual packet.
const RECYCLED_OCTETS: usize = 4 << 20;
/// How many entries the index of a recycled batch keeps: more than records of the usual size fit in a read.
const RECYCLED_FRAMES: usize = 1 << 16;

#[cfg(test)]
mod tests {
    use wire::{LinkType, Timestamp};

    use super::*;

    fn frame(data: &[u8]) -> Frame<'_> {
        Frame {
            data,
            timestamp: Timestamp::from_nanos(5),
            original_length: 99,
            link_type: LinkType::RAW,
            interface: 3,
        }
    }

    #[test]
    fn frames_come_back_as_they_were_pushed() {
        let mut batch = Batch::with_capacity(4, 1);
        assert!(batch.push(&frame(b"one")) && batch.push(&frame(b"")) && batch.push(&frame(b"three")));
        assert_eq!(batch.len(), 3);
        assert_eq!(batch.frames().map(|f| f.data).collect::<Vec<_>>(), [&b"one"[..], b"", b"three"]);
        let last = batch.frame(2).unwrap();
        assert_eq!(
            (last.timestamp.nanos(), last.original_length, last.link_type.0, last.interface),
            (5, 99, 101, 3)
        );
        assert_eq!(batch.octets(), b"onethree");
        assert!(batch.frame(3).is_none());
    }

    #[test]
    fn a_cleared_batch_gives_back_what_a_long_record_took() {
        let mut batch = Batch::new();
        assert!(batch.push(&frame(&vec![1; 20 << 20])));
        batch.clear();
        assert!(batch.is_empty() && batch.octets().is_empty());
        assert!(batch.buffer.capacity() <= RECYCLED_OCTETS);
    }

    #[test]
    fn batches_cross_threads() {
        fn shareable<T: Send + Sync>() {}
        shareable::<Batch>();
    }
}
