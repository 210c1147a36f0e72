use std::slice;

use wire::{Frame, LinkType, Timestamp};

use crate::{live::BlockFrames, octets::size};

/// Frames one after the other, as they lie in memory.
///
/// To tell once which they are, and not for each, is for whoever takes many of them in a loop of a few dozen instructions.
#[derive(Debug)]
pub enum Frames<'a> {
    /// Those of a [`Batch`](crate::Batch).
    Indexed(IndexedFrames<'a>),
    /// Those of a block of the kernel's ring.
    Block(BlockFrames<'a>),
}

/// Frames in a buffer of which an index says where they are.
#[derive(Debug, Default)]
pub struct IndexedFrames<'a> {
    octets: &'a [u8],
    index: slice::Iter<'a, FrameIndex>,
}

/// Where a frame lies in its buffer, and what its record says of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FrameIndex {
    pub(crate) timestamp: Timestamp,
    pub(crate) offset: u32,
    pub(crate) captured: u32,
    pub(crate) original: u32,
    pub(crate) link_type: LinkType,
    pub(crate) interface: u16,
}

impl<'a> Frames<'a> {
    pub(crate) fn indexed(octets: &'a [u8], index: &'a [FrameIndex]) -> Self {
        Self::Indexed(IndexedFrames { octets, index: index.iter() })
    }

    /// How many are left, as far as they are what their source says they are.
    pub fn len(&self) -> usize {
        match self {
            Self::Indexed(frames) => frames.index.len(),
            Self::Block(frames) => frames.len(),
        }
    }

    /// Whether none is left.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<'a> Iterator for Frames<'a> {
    type Item = Frame<'a>;

    #[inline]
    fn next(&mut self) -> Option<Frame<'a>> {
        match self {
            Self::Indexed(frames) => frames.next(),
            Self::Block(frames) => frames.next(),
        }
    }
}

impl<'a> Iterator for IndexedFrames<'a> {
    type Item = Frame<'a>;

    #[inline]
    fn next(&mut self) -> Option<Frame<'a>> {
        // All entries lie in the octets: one that does not is no frame.
        self.index.find_map(|entry| entry.in_octets(self.octets))
    }
}

impl FrameIndex {
    #[inline]
    pub(crate) fn in_octets<'a>(&self, octets: &'a [u8]) -> Option<Frame<'a>> {
        Some(Frame {
            data: octets.get(size(self.offset)..)?.get(..size(self.captured))?,
            timestamp: self.timestamp,
            original_length: self.original,
            link_type: self.link_type,
            interface: self.interface,
        })
    }
}

impl Default for Frames<'_> {
    /// None.
    fn default() -> Self {
        Self::Indexed(IndexedFrames::default())
    }
}
