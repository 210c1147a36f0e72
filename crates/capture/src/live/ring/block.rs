//! What stands in a block of the ring: `linux/if_packet.h`, `struct tpacket_block_desc` and `struct tpacket3_hdr`.
//!
//! All numbers are in the machine's own order. The kernel is trusted to write into its memory what is right; that every offset is held
//! against the block all the same keeps a mistake from reading what is not there.

use libc::{TP_STATUS_VLAN_TPID_VALID, TP_STATUS_VLAN_VALID};
use wire::{Frame, LinkType, Timestamp};

use super::memory::{DESCRIPTOR_OCTETS, prefetch};
use crate::octets::size;

/// What has not been read of a block.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Rest {
    /// Where the next frame's header is, counted from the end of the block's descriptor.
    offset: usize,
    frames: u32,
}

/// Some of the frames of a block that is ours, from where the last ones ended.
#[derive(Debug)]
pub struct BlockFrames<'a> {
    /// From the next frame's header to the end of the block.
    octets: &'a mut [u8],
    /// What is left of the block when these are read.
    rest: &'a mut Rest,
    /// How many of them are left.
    len: usize,
    /// What is kept of a frame, at most.
    snap_length: usize,
    interface: u16,
}

/// The header of a frame.
struct Header {
    /// How far away the next one is.
    next: u32,
    timestamp: Timestamp,
    captured: u32,
    original: u32,
    /// Where its octets begin, counted from the header.
    octets_at: u16,
    /// A VLAN tag that the kernel, or the card, took out of it.
    tag: Option<[u8; TAG_OCTETS]>,
}

impl Rest {
    /// All of a block.
    pub(super) fn of(block: &[u8]) -> Self {
        Self::read(block).unwrap_or_default()
    }

    fn read(block: &[u8]) -> Option<Self> {
        let (words, _) = block.first_chunk::<DESCRIPTOR_OCTETS>()?.as_chunks();
        let [_version, _private, _status, frames, first, ..] = words else { return None };
        let offset = size(u32::from_ne_bytes(*first)).checked_sub(DESCRIPTOR_OCTETS)?;
        Some(Self { offset, frames: u32::from_ne_bytes(*frames) })
    }

    pub(super) const fn frames(self) -> u32 {
        self.frames
    }
}

impl<'a> BlockFrames<'a> {
    /// Up to `len` of the frames that follow a block's descriptor. No more than `snap_length` octets are kept of each.
    pub(super) fn new(
        octets: &'a mut [u8],
        rest: &'a mut Rest,
        len: usize,
        snap_length: u32,
        interface: u16,
    ) -> Self {
        let octets = octets.get_mut(rest.offset..).unwrap_or_default();
        let len = len.min(size(rest.frames));
        Self { octets, rest, len, snap_length: size(snap_length), interface }
    }

    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// Passes on to the next header; the octets of the frame before it, its header included.
    #[inline]
    fn pass(&mut self, header: &Header) -> Option<&'a mut [u8]> {
        let octets = std::mem::take(&mut self.octets);
        self.rest.frames -= 1;
        if self.rest.frames == 0 {
            return Some(octets);
        }
        let next = size(header.next);
        // A header is no shorter than that, so that the end comes.
        let (frame, octets) = octets.split_at_mut_checked(next).filter(|_| next >= HEADER_OCTETS)?;
        // What comes next is fetched while this frame is used. Where it is says nothing but this header; but where frames are short, what comes
        // a few of them later lies a little further on, wherever they begin.
        if next < SHORT_OCTETS {
            prefetch(octets.get(FETCHED_AHEAD..).unwrap_or_default(), next);
        } else {
            prefetch(octets, FETCHED_OCTETS);
        }
        self.rest.offset += next;
        self.octets = octets;
        Some(frame)
    }

    #[expect(
        clippy::inline_always,
        reason = "a frame that is handed over through memory is waited for there"
    )]
    #[inline(always)]
    fn read(&mut self) -> Option<Frame<'a>> {
        let header = Header::read(self.octets.first_chunk()?)?;
        let frame = self.pass(&header)?;
        let mut start = usize::from(header.octets_at);
        let mut end = start.checked_add(size(header.captured))?;
        let mut original_length = header.original;
        if let Some(tag) = header.tag
            && header.captured >= ADDRESSES
        {
            start = put_back(frame, start, tag)?;
            original_length = original_length.saturating_add(TAG_LENGTH);
        }
        end = end.min(start.checked_add(self.snap_length)?);
        let data = frame.get(start..end)?;
        let (timestamp, link_type, interface) = (header.timestamp, LinkType::ETHERNET, self.interface);
        Some(Frame { data, timestamp, original_length, link_type, interface })
    }
}

impl<'a> Iterator for BlockFrames<'a> {
    type Item = Frame<'a>;

    /// `None` at the end. Where a header leads out of its block, that is the end, too: what comes after it stays unread.
    #[inline]
    fn next(&mut self) -> Option<Frame<'a>> {
        self.len = self.len.checked_sub(1)?;
        let frame = self.read();
        if frame.is_none() {
            self.len = 0;
            self.rest.frames = 0;
        }
        frame
    }
}

impl Header {
    #[inline]
    fn read(octets: &[u8; HEADER_OCTETS]) -> Option<Self> {
        let (words, _) = octets.as_chunks();
        let [next, seconds, nanos, captured, original, status, link_header, _hash, tag, protocol, ..] = words
        else {
            return None;
        };
        let number = |word: &[u8; 4]| u32::from_ne_bytes(*word);
        let half = |[one, other, ..]: &[u8; 4]| u16::from_ne_bytes([*one, *other]);
        let (status, octets_at) = (number(status), half(link_header));
        if usize::from(octets_at) < HEADER_OCTETS + TAG_OCTETS {
            return None;
        }
        Some(Self {
            next: number(next),
            timestamp: Timestamp::from_parts(number(seconds).into(), number(nanos).into()),
            captured: number(captured),
            original: number(original),
            octets_at,
            tag: (status & TP_STATUS_VLAN_VALID != 0).then(|| {
                let has_protocol = status & TP_STATUS_VLAN_TPID_VALID != 0;
                let protocol = if has_protocol { half(protocol) } else { ETHERTYPE_VLAN };
                let [[a, b], [c, d]] = [protocol, control(number(tag))].map(u16::to_be_bytes);
                [a, b, c, d]
            }),
        })
    }
}

/// Puts a tag between the addresses and what follows them; where the frame begins now. The kernel left room before the addresses.
#[inline]
fn put_back(frame: &mut [u8], start: usize, tag: [u8; TAG_OCTETS]) -> Option<usize> {
    let begin = start.checked_sub(TAG_OCTETS)?;
    let head = frame.get_mut(begin..)?.first_chunk_mut::<{ TAG_OCTETS + ADDRESSES_OCTETS }>()?;
    head.copy_within(TAG_OCTETS.., 0);
    *head.last_chunk_mut()? = tag;
    Some(begin)
}

/// `tp_vlan_tci` has 16 bits that count.
fn control(word: u32) -> u16 {
    u16::try_from(word & 0xffff).unwrap_or_default()
}

/// `struct tpacket3_hdr`.
const HEADER_OCTETS: usize = 48;
/// IEEE 802.1Q: a tag stands behind the two addresses.
const TAG_OCTETS: usize = 4;
const TAG_LENGTH: u32 = 4;
const ADDRESSES_OCTETS: usize = 12;
const ADDRESSES: u32 = 12;
const ETHERTYPE_VLAN: u16 = 0x8100;
/// A frame's header, the room behind it, and the headers of the link, of IP and of TCP, wherever in a cache line they begin.
const FETCHED_OCTETS: usize = 256;
/// With its header and the room behind it.
const SHORT_OCTETS: usize = 512;
/// Several short frames: memory takes longer than it takes to decode one.
const FETCHED_AHEAD: usize = 1_024;

#[cfg(test)]
mod tests;
