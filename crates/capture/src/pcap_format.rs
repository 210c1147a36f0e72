//! The pcap format: a header of 24 octets, then records of a header and a packet each.
//!
//! Source: draft-ietf-opsawg-pcap; for the versions before 2.4 and the modified format, what libpcap does.

use std::sync::Arc;

use wire::{LinkType, Timestamp};

use crate::{
    DamageKind, Interface,
    batch::FrameIndex,
    interface::{effective_snap_length, link_type_in_file, longest_packet},
    octets::{ByteOrder, size},
    stream::{Indexed, Stop},
};

/// What the header of a pcap file says of its records.
#[derive(Debug)]
pub(crate) struct PcapFormat {
    order: ByteOrder,
    /// Nanoseconds in the unit of the second field of a time.
    unit: u64,
    record_header: usize,
    lengths: LengthOrder,
    /// Frames are cut to it.
    snap_length: u32,
    /// A record that is longer is damage.
    longest: u32,
    link_type: LinkType,
}

/// In which order a record gives the captured and the original length. Version 2.3 put the captured one first.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum LengthOrder {
    CapturedFirst,
    OriginalFirst,
    /// Version 2.3 was written in both orders; the captured length is the smaller one.
    SmallerIsCaptured,
}

impl PcapFormat {
    /// Whether a file that begins with these four octets is pcap, and in which byte order.
    pub(crate) fn detect(magic: [u8; 4]) -> Option<ByteOrder> {
        let known = |order: ByteOrder| matches!(order.word(magic), MICROSECONDS | NANOSECONDS | MODIFIED);
        [ByteOrder::Little, ByteOrder::Big].into_iter().find(|&order| known(order))
    }

    /// Reads the file's header. `None` if `octets` has less than [`FILE_HEADER_OCTETS`].
    pub(crate) fn read_header(
        order: ByteOrder,
        octets: &[u8],
        capture: &Arc<str>,
    ) -> Option<Result<(Self, Interface), DamageKind>> {
        let magic = order.u32(octets, 0)?;
        let (major, minor) = (order.u16(octets, 4)?, order.u16(octets, 6)?);
        let stated_snap_length = order.u32(octets, 16)?;
        // The bits above the link type say how long a frame check sequence is.
        let [low, high, ..] = order.u32(octets, 20)?.to_le_bytes();
        let link_type = link_type_in_file(u16::from_le_bytes([low, high]));
        let lengths = match (major, minor) {
            (2, 0..=2) | DG_UX => LengthOrder::OriginalFirst,
            (2, 3) => LengthOrder::SmallerIsCaptured,
            (2, 4) => LengthOrder::CapturedFirst,
            _ => return Some(Err(DamageKind::Version { format: "pcap", major, minor })),
        };
        let mut snap_length = effective_snap_length(link_type, stated_snap_length);
        let modified = magic == MODIFIED;
        if modified && link_type == LinkType::ETHERNET {
            // A cooked capture of that libpcap got an Ethernet header in front of what the snap length had cut.
            snap_length = snap_length.saturating_add(14);
        }
        let format = Self {
            order,
            unit: if magic == NANOSECONDS { 1 } else { 1_000 },
            record_header: if modified { MODIFIED_RECORD_HEADER_OCTETS } else { RECORD_HEADER_OCTETS },
            lengths,
            snap_length,
            longest: longest_packet(link_type),
            link_type,
        };
        Some(Ok((format, Interface::new(Arc::clone(capture), link_type, stated_snap_length))))
    }

    /// Enters the records in `octets`, from `at` on, into `index`.
    pub(crate) fn index(
        &self,
        octets: &[u8],
        at: usize,
        interface: u16,
        index: &mut Vec<FrameIndex>,
    ) -> Indexed {
        match self.order {
            ByteOrder::Little => self.index_in_order::<false>(octets, at, interface, index),
            ByteOrder::Big => self.index_in_order::<true>(octets, at, interface, index),
        }
    }

    fn index_in_order<const BIG: bool>(
        &self,
        octets: &[u8],
        mut at: usize,
        interface: u16,
        index: &mut Vec<FrameIndex>,
    ) -> Indexed {
        let stop = loop {
            let rest = octets.get(at..).unwrap_or_default();
            let (Some(header), Some(data)) = (rest.first_chunk(), rest.get(self.record_header..)) else {
                break Stop::Short(DamageKind::CutRecordHeader {
                    expected: self.record_header,
                    present: rest.len(),
                });
            };
            let [seconds, fraction, first, second] = words::<BIG>(header);
            let (stored, original) = self.lengths.apply(first, second);
            if stored > self.longest {
                break Stop::Damaged(DamageKind::PacketTooLong { length: stored, limit: self.longest });
            }
            if data.len() < size(stored) {
                break Stop::Short(DamageKind::CutPacket { expected: size(stored), present: data.len() });
            }
            let begin = at + self.record_header;
            index.push(FrameIndex {
                timestamp: Timestamp::from_parts(u64::from(seconds), u64::from(fraction) * self.unit),
                offset: u32::try_from(begin).unwrap_or(u32::MAX),
                captured: stored.min(self.snap_length),
                original,
                link_type: self.link_type,
                interface,
            });
            at = begin + size(stored);
        };
        Indexed { consumed: at, stop }
    }
}

impl LengthOrder {
    /// The captured and the original length.
    fn apply(self, first: u32, second: u32) -> (u32, u32) {
        match self {
            Self::OriginalFirst => (second, first),
            Self::SmallerIsCaptured if first > second => (second, first),
            Self::SmallerIsCaptured | Self::CapturedFirst => (first, second),
        }
    }
}

/// The four fields that every record header begins with.
fn words<const BIG: bool>(header: &[u8; RECORD_HEADER_OCTETS]) -> [u32; 4] {
    let mut words = [0; 4];
    for (word, octets) in words.iter_mut().zip(header.as_chunks().0) {
        *word = if BIG { u32::from_be_bytes(*octets) } else { u32::from_le_bytes(*octets) };
    }
    words
}

/// How long the header of the file is.
pub(crate) const FILE_HEADER_OCTETS: usize = 24;
/// Seconds, fraction of a second, two lengths.
const RECORD_HEADER_OCTETS: usize = 16;
/// As above, then an interface number, a protocol, a packet type and an octet of padding.
const MODIFIED_RECORD_HEADER_OCTETS: usize = 24;

const MICROSECONDS: u32 = 0xa1b2_c3d4;
const NANOSECONDS: u32 = 0xa1b2_3c4d;
/// The libpcap that Alexey Kuznetzov modified.
const MODIFIED: u32 = 0xa1b2_cd34;
/// The version that tcpdump of DG/UX wrote.
const DG_UX: (u16, u16) = (543, 0);
