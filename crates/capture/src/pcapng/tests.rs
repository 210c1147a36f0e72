use super::*;
use crate::{
    CaptureReader,
    octets::ByteOrder::{Big, Little},
    sample::{
        Field::{Long, Octets, Short, Word},
        block, damage, drain, enhanced_packet, fields, interface, read_octets, section, small_pcapng,
    },
};

/// The times of the packets in `blocks`, which follow a section header.
fn nanos(order: ByteOrder, blocks: &[Vec<u8>]) -> Vec<u64> {
    let (frames, damage) = read_octets(&[section(order), blocks.concat()].concat());
    assert_eq!(damage, None);
    frames.iter().map(|frame| frame.nanos).collect()
}

#[test]
fn sections_have_their_own_order_and_interfaces() {
    let (frames, damage) = read_octets(&small_pcapng());
    assert_eq!(damage, None);
    let fields: Vec<_> =
        frames.iter().map(|f| (f.nanos, &f.data[..], f.original, f.link_type, f.interface)).collect();
    assert_eq!(
        fields,
        [
            (1_000_001_000, &b"one"[..], 60, 1, 0),
            (5, b"four", 4, 101, 1),
            // A simple packet has no time and no other interface than the first.
            (5, b"fiver", 5, 1, 0),
            (7_000_000, b"seventh", 9, 113, 2),
        ]
    );
}

#[test]
fn interfaces_are_described() {
    let file = [
        section(Big),
        interface(Big, 1, 96, &[(2, b"eth0"), (0, b""), (2, b"behind the end")]),
        interface(Big, 113, 0, &[]),
        block(
            Big,
            5,
            &fields(Big, &[Word(0), Long(0), Short(4), Short(8), Long(70), Short(5), Short(8), Long(3)]),
        ),
        block(Big, 5, &fields(Big, &[Word(9), Long(0), Short(4), Short(8), Long(70)])),
        block(
            Big,
            5,
            &fields(Big, &[Word(0), Long(0), Short(4), Short(8), Long(80), Short(7), Short(8), Long(1)]),
        ),
    ]
    .concat();
    let mut reader = CaptureReader::from_stream("sample", std::io::Cursor::new(file)).unwrap();
    assert_eq!(drain(&mut reader), (vec![], None));
    let [first, second] = reader.interfaces() else { panic!("two interfaces") };
    assert_eq!((first.name.as_deref(), first.link_type.0, first.snap_length), (Some("eth0"), 1, 96));
    assert_eq!((first.received, first.dropped, first.dropped_by_system), (Some(80), Some(3), Some(1)));
    assert_eq!((second.name.as_deref(), second.link_type.0, second.received), (None, 113, None));
    assert_eq!(&*first.capture, "sample");
}

#[test]
fn each_interface_counts_time_in_its_own_units() {
    for order in [Little, Big] {
        let offset = |seconds: i64| fields(order, &[Long(seconds.cast_unsigned())]);
        let blocks = [
            interface(order, 1, 0, &[]),
            interface(order, 1, 0, &[(9, &[9])]),
            interface(order, 1, 0, &[(9, &[0x8a]), (14, &offset(3))]),
            interface(order, 1, 0, &[(14, &offset(-1))]),
            enhanced_packet(order, 0, 5_000_000_000_000, b"", 0),
            enhanced_packet(order, 1, 5_000_000_000_000, b"", 0),
            enhanced_packet(order, 2, 1_536, b"", 0),
            enhanced_packet(order, 3, 1_000_001, b"", 0),
        ];
        assert_eq!(nanos(order, &blocks), [5_000_000_000_000_000, 5_000_000_000_000, 4_500_000_000, 1_000]);
    }
}

#[test]
fn an_obsolete_packet_block_has_a_short_interface_number() {
    for order in [Little, Big] {
        let body = [Short(1), Short(0xffff), Word(1), Word(2), Word(3), Word(60), Octets(b"abc")];
        let file = [
            section(order),
            interface(order, 1, 0, &[]),
            interface(order, 101, 0, &[]),
            block(order, 2, &fields(order, &body)),
        ];
        let (frames, damage) = read_octets(&file.concat());
        assert_eq!(damage, None);
        assert_eq!((&frames[0].data[..], frames[0].original, frames[0].interface), (&b"abc"[..], 60, 1));
        assert_eq!(frames[0].nanos, ((1 << 32) + 2) * 1_000);
    }
}

#[test]
fn a_simple_packet_is_cut_to_the_first_interface() {
    let simple = |original, data| block(Little, 3, &fields(Little, &[Word(original), Octets(data)]));
    let begun = [section(Little), interface(Little, 1, 4, &[])].concat();
    let (frames, no_damage) = read_octets(&[begun.clone(), simple(3, b"abc"), simple(900, b"abcd")].concat());
    assert_eq!(no_damage, None);
    let seen: Vec<_> = frames.iter().map(|frame| (&frame.data[..], frame.original, frame.nanos)).collect();
    assert_eq!(seen, [(&b"abc"[..], 3, 0), (b"abcd", 900, 0)]);

    let unlimited = [section(Little), interface(Little, 1, 0, &[])].concat();
    let kind = DamageKind::PacketBeyondBlock { length: 900, room: 4 };
    assert_eq!(damage(&[unlimited, simple(900, b"abcd")].concat()), (0, kind));
    let kind = DamageKind::UnknownInterface { interface: 0, described: 0 };
    assert_eq!(damage(&[section(Little), simple(3, b"abc")].concat()), (0, kind));
}

#[test]
fn a_packet_that_is_longer_than_the_snap_length_is_cut() {
    let file =
        [section(Little), interface(Little, 1, 4, &[]), enhanced_packet(Little, 0, 0, b"packet", 6)].concat();
    let (frames, _) = read_octets(&file);
    assert_eq!((&frames[0].data[..], frames[0].original), (&b"pack"[..], 6));
}

#[test]
fn a_packet_of_an_interface_of_an_earlier_section_is_damage() {
    let file = [small_pcapng(), enhanced_packet(Big, 1, 0, b"", 0)].concat();
    assert_eq!(damage(&file), (4, DamageKind::UnknownInterface { interface: 1, described: 1 }));
}

#[test]
fn impossible_packets_are_damage() {
    let begun = [section(Little), interface(Little, 1, 0, &[])].concat();
    let packet = |captured| {
        let body = fields(Little, &[Word(0), Long(0), Word(captured), Word(captured), Octets(b"abcd")]);
        [begun.clone(), block(Little, 6, &body)].concat()
    };
    assert_eq!(damage(&packet(5)), (0, DamageKind::PacketBeyondBlock { length: 5, room: 4 }));
    assert_eq!(
        damage(&packet(u32::MAX)),
        (0, DamageKind::PacketTooLong { length: u32::MAX, limit: 262_144 })
    );
}

#[test]
fn impossible_blocks_are_damage() {
    let after = |octets: &[u8]| damage(&[&section(Little), octets].concat());
    let header = |length| fields(Little, &[Word(9), Word(length), Word(length)]);
    let fault = |length, fault| DamageKind::BlockLength { block: 9, length, fault };
    assert_eq!(after(&header(8)), (0, fault(8, "too short")));
    assert_eq!(after(&header(13)), (0, fault(13, "not a multiple of four")));
    assert_eq!(after(&header((16 << 20) + 4)), (0, fault((16 << 20) + 4, "too long")));
    let differ = DamageKind::BlockLengthsDiffer { block: 9, leading: 12, trailing: 16 };
    assert_eq!(after(&fields(Little, &[Word(9), Word(12), Word(16)])), (0, differ));
    for (kind, body) in [(1, 4), (2, 16), (3, 0), (6, 16)] {
        let length = 12 + body;
        let fault = DamageKind::BlockLength { block: kind, length, fault: "too short for its kind" };
        assert_eq!(after(&block(Little, kind, &[0; 16][..size(body)])), (0, fault));
    }
}

#[test]
fn impossible_sections_are_damage() {
    assert_eq!(damage(&block(Little, SECTION_HEADER, &[0; 16])), (0, DamageKind::ByteOrderMark));
    let versioned = |major, minor| {
        let body = [Word(BYTE_ORDER_MARK), Short(major), Short(minor), Long(0)];
        [block(Big, SECTION_HEADER, &fields(Big, &body)), interface(Big, 1, 0, &[])].concat()
    };
    assert_eq!(read_octets(&versioned(1, 2)), (vec![], None));
    let (major, minor) = (2, 0);
    assert_eq!(damage(&versioned(major, minor)), (0, DamageKind::Version { format: "pcapng", major, minor }));
    let short = block(Little, SECTION_HEADER, &fields(Little, &[Word(BYTE_ORDER_MARK), Word(1)]));
    assert!(matches!(damage(&short).1, DamageKind::BlockLength { fault: "too short for its kind", .. }));
}

#[test]
fn options_that_make_times_a_guess_are_damage() {
    for (code, value) in
        [(OPTION_IF_TSRESOL, &b""[..]), (OPTION_IF_TSRESOL, b"66"), (OPTION_IF_TSOFFSET, b"1234")]
    {
        let file = [section(Little), interface(Little, 1, 0, &[(code, value)])].concat();
        assert_eq!(damage(&file), (0, DamageKind::InterfaceOption(code)));
    }
    // An option that reaches beyond its block.
    let body = fields(Little, &[Short(1), Short(0), Word(0), Short(2), Short(9), Octets(b"abcd")]);
    assert_eq!(
        damage(&[section(Little), block(Little, 1, &body)].concat()),
        (0, DamageKind::InterfaceOption(2))
    );
}

#[test]
fn interfaces_without_end_are_damage() {
    let described = interface(Little, 1, 0, &[]);
    let file = [section(Little), described.repeat(MAX_INTERFACES + 1)].concat();
    assert_eq!(damage(&file), (0, DamageKind::TooManyInterfaces(MAX_INTERFACES)));
}

#[test]
fn a_stream_that_is_cut_anywhere_gives_what_was_before() {
    let file = small_pcapng();
    let (all, _) = read_octets(&file);
    let mut ends = vec![];
    let mut at = 0;
    while at < file.len() {
        let order = if at < file.len() - 100 { Little } else { Big };
        let length = [Little, Big].map(|order| order.u32(&file, at + 4).unwrap()).into_iter().min().unwrap();
        assert!(length < 200, "{order:?}");
        at += size(length);
        ends.push(at);
    }
    for length in 4..file.len() {
        let (frames, damage) = read_octets(&file[..length]);
        assert_eq!(frames, all[..frames.len()], "cut after {length}");
        assert_eq!(damage.is_none(), ends.contains(&length), "cut after {length}");
        let Some(damage) = damage else { continue };
        let begin = ends.iter().copied().filter(|&end| end <= length).max().unwrap_or(0);
        assert_eq!(damage.offset, u64::try_from(begin).unwrap(), "cut after {length}");
        let present = length - begin;
        let is_named = match damage.kind {
            DamageKind::CutRecordHeader { expected: 12, present: there } => there == present && present < 12,
            DamageKind::CutBlock { present: there, .. } => there == present && present >= 12,
            _ => false,
        };
        assert!(is_named, "cut after {length}: {damage}");
    }
}
