//! The pcap format: a header of 24 octets, then records of a header and a packet each.
//!
//! Source: draft-ietf-opsawg-pcap; for the versions before 2.4 and the modified format, what libpcap does.

use std::sync::Arc;

use wire::{LinkType, Timestamp};

use crate::{
    DamageKind, Interface,
    frames::FrameIndex,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        octets::ByteOrder::{Big, Little},
        sample::{Field, damage, fields, pcap_header, read_octets, record, small_pcap},
    };

    /// The same packet in a file of every kind.
    #[test]
    fn both_orders_and_both_units_read_alike() {
        for order in [Little, Big] {
            for (magic, fraction) in [(MICROSECONDS, 123_456), (NANOSECONDS, 123_456_000)] {
                let file =
                    [pcap_header(order, magic, 96, 101), record(order, (7, fraction), b"packet", 1_500)]
                        .concat();
                let (frames, damage) = read_octets(&file);
                assert_eq!(damage, None);
                let [frame] = &frames[..] else { panic!("one packet, not {}", frames.len()) };
                assert_eq!((frame.nanos, frame.original), (7_123_456_000, 1_500));
                assert_eq!((&frame.data[..], frame.link_type, frame.interface), (&b"packet"[..], 101, 0));
            }
        }
    }

    #[test]
    fn a_fraction_of_more_than_a_second_is_added() {
        let header = pcap_header(Little, MICROSECONDS, 0, 1);
        let file = [header, record(Little, (u32::MAX, u32::MAX), b"", 0)].concat();
        assert_eq!(read_octets(&file).0[0].nanos, u64::from(u32::MAX) * 1_000_001_000);
    }

    #[test]
    fn the_modified_format_has_longer_record_headers() {
        let record = fields(
            Little,
            &[
                Field::Word(1),
                Field::Word(2),
                Field::Word(3),
                Field::Word(60),
                Field::Long(0),
                Field::Octets(b"abc"),
            ],
        );
        let file = [pcap_header(Little, MODIFIED, 96, 1), record.clone(), record].concat();
        let (frames, damage) = read_octets(&file);
        assert_eq!((frames.len(), damage), (2, None));
        assert_eq!(
            (&frames[1].data[..], frames[1].original, frames[1].nanos),
            (&b"abc"[..], 60, 1_000_002_000)
        );
    }

    #[test]
    fn old_versions_have_the_lengths_the_other_way_round() {
        let file = |major, minor, first, second| {
            use Field::{Long, Octets, Short, Word};
            let header = [Word(MICROSECONDS), Short(major), Short(minor), Long(0), Word(96), Word(1)];
            let record = [Word(1), Word(0), Word(first), Word(second), Octets(b"abc")];
            [fields(Little, &header), fields(Little, &record)].concat()
        };
        for (major, minor, first, second) in
            [(2, 4, 3, 9), (2, 3, 3, 9), (2, 3, 9, 3), (2, 2, 9, 3), (2, 0, 9, 3), (543, 0, 9, 3)]
        {
            let (frames, damage) = read_octets(&file(major, minor, first, second));
            assert_eq!(damage, None, "version {major}.{minor}");
            assert_eq!((frames[0].data.len(), frames[0].original), (3, 9), "version {major}.{minor}");
        }
        for (major, minor) in [(1, 2), (2, 5), (3, 0)] {
            assert_eq!(
                damage(&file(major, minor, 3, 9)),
                (0, DamageKind::Version { format: "pcap", major, minor })
            );
        }
    }

    #[test]
    fn frames_are_cut_to_the_snap_length() {
        let file = [pcap_header(Little, MICROSECONDS, 4, 1), record(Little, (0, 0), b"packet", 6)].concat();
        assert_eq!(read_octets(&file).0[0].data, b"pack");
        for no_limit in [0, 0x8000_0000, u32::MAX] {
            let file = [pcap_header(Little, MICROSECONDS, no_limit, 1), record(Little, (0, 0), b"packet", 6)]
                .concat();
            assert_eq!(read_octets(&file).0[0].data, b"packet");
        }
    }

    #[test]
    fn the_length_of_a_frame_check_sequence_is_no_link_type() {
        let file =
            [pcap_header(Little, MICROSECONDS, 0, 0x5400_0001), record(Little, (0, 0), b"", 0)].concat();
        assert_eq!(read_octets(&file).0[0].link_type, 1);
    }

    #[test]
    fn raw_ip_has_one_number() {
        for number in [12, 14, 101] {
            let file =
                [pcap_header(Little, MICROSECONDS, 0, number), record(Little, (0, 0), b"", 0)].concat();
            assert_eq!(read_octets(&file).0[0].link_type, 101);
        }
    }

    #[test]
    fn a_packet_that_is_too_long_is_damage() {
        let file =
            [small_pcap(), fields(Little, &[Field::Long(0), Field::Word(262_145), Field::Word(262_145)])]
                .concat();
        assert_eq!(damage(&file), (3, DamageKind::PacketTooLong { length: 262_145, limit: 262_144 }));
        let file =
            [small_pcap(), fields(Little, &[Field::Long(0), Field::Word(262_144), Field::Word(262_144)])]
                .concat();
        assert_eq!(damage(&file), (3, DamageKind::CutPacket { expected: 262_144, present: 0 }));
    }

    #[test]
    fn a_file_that_is_cut_anywhere_says_where() {
        let file = small_pcap();
        // Where records end, and how many packets there are by then.
        let ends = [24, 24 + 16 + 3, 24 + 32 + 3, 24 + 48 + 8];
        for length in 0..file.len() {
            let (frames, damage) = read_octets(&file[..length]);
            let complete = ends.iter().filter(|&&end| end <= length).count();
            assert_eq!(frames.len(), complete.saturating_sub(1), "cut after {length}");
            let Some(damage) = damage else {
                assert!(ends.contains(&length), "cut after {length}");
                continue;
            };
            let begin = complete.checked_sub(1).map_or(0, |i| ends[i]);
            assert_eq!(damage.offset, u64::try_from(begin).unwrap(), "cut after {length}");
            let present = length - begin;
            let kind = match (complete, present) {
                (0, 0) => DamageKind::Empty,
                (0, _) => DamageKind::CutFileHeader { expected: 24, present },
                (_, ..16) => DamageKind::CutRecordHeader { expected: 16, present },
                (i, _) => DamageKind::CutPacket { expected: [3, 0, 5][i - 1], present: present - 16 },
            };
            assert_eq!(damage.kind, kind, "cut after {length}");
        }
    }
}
