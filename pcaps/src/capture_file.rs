//! The pcap format with nanoseconds (draft-ietf-opsawg-pcap), and the first place where two captures differ.

use std::{fmt, time::Duration};

use crate::packet::length32;

/// A frame and when it was seen.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Frame {
    /// Time since the capture began.
    pub at: Duration,
    /// The frame, from its link-layer header on.
    pub octets: Vec<u8>,
}

/// The snap length that is used where nothing is to be cut: more than any frame has.
pub const SNAP_LENGTH: u32 = 262_144;

/// A capture file of Ethernet frames, little endian.
///
/// `start` is the time of the capture's beginning since the epoch; frames longer than `snap_length` octets
/// are cut, and say so.
pub fn write(frames: &[Frame], start: Duration, snap_length: u32) -> Vec<u8> {
    let mut file = Vec::new();
    file.extend(MAGIC_NANOSECONDS.to_le_bytes());
    file.extend(VERSION_MAJOR.to_le_bytes());
    file.extend(VERSION_MINOR.to_le_bytes());
    file.extend([0; 8]);
    file.extend(snap_length.to_le_bytes());
    file.extend(LINKTYPE_ETHERNET.to_le_bytes());
    for frame in frames {
        let at = start + frame.at;
        let original = length32(frame.octets.len());
        let captured = original.min(snap_length);
        file.extend(u32::try_from(at.as_secs()).unwrap_or(u32::MAX).to_le_bytes());
        file.extend(at.subsec_nanos().to_le_bytes());
        file.extend(captured.to_le_bytes());
        file.extend(original.to_le_bytes());
        file.extend(frame.octets.iter().take(usize::try_from(captured).unwrap_or(usize::MAX)));
    }
    file
}

/// Where two captures part.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Difference {
    /// Their file headers differ.
    FileHeader,
    /// The packet of this number, counted from 1, differs in its time, its lengths or its octets.
    Packet(usize),
    /// The first capture ends before the packet of this number.
    FirstEnds(usize),
    /// The second capture ends before the packet of this number.
    SecondEnds(usize),
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FileHeader => write!(f, "the file headers differ"),
            Self::Packet(number) => write!(f, "packet {number} differs"),
            Self::FirstEnds(number) => write!(f, "the file ends before packet {number}"),
            Self::SecondEnds(number) => {
                write!(f, "the file holds more than it should, from packet {number} on")
            }
        }
    }
}

/// The first difference of two captures; `None` if they are equal octet by octet.
pub fn first_difference(first: &[u8], second: &[u8]) -> Option<Difference> {
    if first == second {
        return None;
    }
    if first.get(..FILE_HEADER_LENGTH) != second.get(..FILE_HEADER_LENGTH) {
        return Some(Difference::FileHeader);
    }
    let (mut first, mut second) = (records(first), records(second));
    let mut number = 0;
    loop {
        number += 1;
        match (first.next(), second.next()) {
            (None, None) => return Some(Difference::Packet(number)),
            (None, Some(_)) => return Some(Difference::FirstEnds(number)),
            (Some(_), None) => return Some(Difference::SecondEnds(number)),
            (Some(left), Some(right)) if left != right => return Some(Difference::Packet(number)),
            (Some(_), Some(_)) => {}
        }
    }
}

/// The packets of a capture, each with its header; a damaged one is the rest of the file.
fn records(file: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = file.get(FILE_HEADER_LENGTH..).unwrap_or_default();
    std::iter::from_fn(move || {
        let captured =
            rest.get(8..12).and_then(|octets| octets.try_into().ok()).map_or(0, u32::from_le_bytes);
        let length = PACKET_HEADER_LENGTH
            .saturating_add(usize::try_from(captured).unwrap_or(usize::MAX))
            .min(rest.len());
        let (record, behind) = rest.split_at(length);
        rest = behind;
        (!record.is_empty()).then_some(record)
    })
}

const MAGIC_NANOSECONDS: u32 = 0xa1b2_3c4d;
const VERSION_MAJOR: u16 = 2;
const VERSION_MINOR: u16 = 4;
const LINKTYPE_ETHERNET: u32 = 1;
const FILE_HEADER_LENGTH: usize = 24;
const PACKET_HEADER_LENGTH: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    fn capture(packets: &[&[u8]], snap_length: u32) -> Vec<u8> {
        let frames: Vec<_> = (1..)
            .zip(packets)
            .map(|(i, p)| Frame { at: Duration::from_nanos(i), octets: p.to_vec() })
            .collect();
        write(&frames, Duration::from_secs(1_700_000_000), snap_length)
    }

    #[test]
    fn the_format_is_pcap_with_nanoseconds() {
        let file = capture(&[b"abcdef"], 4);
        assert_eq!(file[..8], [0x4d, 0x3c, 0xb2, 0xa1, 2, 0, 4, 0]);
        assert_eq!(file[24..40], [0x00, 0xf1, 0x53, 0x65, 1, 0, 0, 0, 4, 0, 0, 0, 6, 0, 0, 0]);
        assert_eq!(file[40..], *b"abcd");
    }

    #[test]
    fn a_difference_is_named_by_its_packet() {
        let kept = capture(&[b"one", b"two", b"three"], 99);
        assert_eq!(first_difference(&kept, &kept), None);
        assert_eq!(
            first_difference(&kept, &capture(&[b"one", b"TWO", b"three"], 99)),
            Some(Difference::Packet(2))
        );
        assert_eq!(first_difference(&kept, &capture(&[b"one", b"two"], 99)), Some(Difference::SecondEnds(3)));
        assert_eq!(first_difference(&capture(&[], 99), &kept), Some(Difference::FirstEnds(1)));
        assert_eq!(first_difference(&kept, &capture(&[b"one"], 98)), Some(Difference::FileHeader));
        assert_eq!(first_difference(&kept[..kept.len() - 1], &kept), Some(Difference::Packet(3)));
    }
}
