use proptest::{collection::vec, prelude::*};

use super::*;

/// A frame as the kernel might write it.
#[derive(Clone, Debug)]
struct Written {
    data: Vec<u8>,
    /// What was on the wire beyond that.
    cut: u32,
    nanos: u64,
    /// Its control information, and its protocol if that is said.
    tag: Option<(u16, Option<u16>)>,
    /// How much is left between header and octets.
    gap: u16,
}

/// A block with these frames, as `linux/if_packet.h` and `af_packet.c` have it.
fn block(frames: &[Written], octets: usize) -> Vec<u8> {
    let count = u32::try_from(frames.len()).unwrap();
    let mut block: Vec<u8> = [1, 48, 1, count, 48].map(u32::to_ne_bytes).concat();
    block.resize(48, 0xee);
    for frame in frames {
        let link_header = 68 + 4 + frame.gap;
        let length = (usize::from(link_header) + frame.data.len()).next_multiple_of(8);
        let captured = u32::try_from(frame.data.len()).unwrap();
        let (seconds, nanos) = (frame.nanos / 1_000_000_000, frame.nanos % 1_000_000_000);
        let [seconds, nanos] = [seconds, nanos].map(|number| u32::try_from(number).unwrap());
        let (control, protocol) = frame.tag.unwrap_or_default();
        let status = 1 | u32::from(frame.tag.is_some()) << 4 | u32::from(protocol.is_some()) << 6;
        let next = u32::try_from(length).unwrap();
        let begin = block.len();
        let words = [next, seconds, nanos, captured, captured + frame.cut, status];
        block.extend(words.map(u32::to_ne_bytes).concat());
        block.extend([link_header, link_header + 14].map(u16::to_ne_bytes).concat());
        block.extend([7, u32::from(control)].map(u32::to_ne_bytes).concat());
        block.extend(protocol.unwrap_or_default().to_ne_bytes());
        block.resize(begin + usize::from(link_header), 0xdd);
        block.extend(&frame.data);
        block.resize(begin + length, 0xcc);
    }
    // The last one leads nowhere.
    block.resize(octets.max(block.len()), 0xbb);
    block
}

/// What is to be seen of a frame: its octets, its length on the wire, its time.
fn expected(frame: &Written, snap_length: u32) -> (Vec<u8>, u32, u64) {
    let original = u32::try_from(frame.data.len()).unwrap() + frame.cut;
    let (mut data, mut length) = (frame.data.clone(), original);
    if let Some((control, protocol)) = frame.tag
        && data.len() >= 12
    {
        let tag = [protocol.unwrap_or(0x8100), control].map(u16::to_be_bytes).concat();
        data.splice(12..12, tag);
        length += 4;
    }
    data.truncate(size(snap_length));
    (data, length, frame.nanos)
}

/// What is seen of all frames of a block, of which a few are read at a time.
fn seen(block: &mut [u8], snap_length: u32) -> Vec<(Vec<u8>, u32, u64)> {
    let (mut rest, mut seen) = (Rest::of(block), Vec::new());
    while rest.frames() > 0 {
        let octets = block.get_mut(DESCRIPTOR_OCTETS..).unwrap_or_default();
        let frames = BlockFrames::new(octets, &mut rest, 3, snap_length, 7);
        let before = seen.len();
        let len = frames.len();
        assert!((1..=3).contains(&len));
        seen.extend(frames.map(|frame| {
            assert_eq!((frame.link_type, frame.interface), (LinkType::ETHERNET, 7));
            (frame.data.to_vec(), frame.original_length, frame.timestamp.nanos())
        }));
        assert!(seen.len() - before == len || rest.frames() == 0);
    }
    seen
}

fn written() -> impl Strategy<Value = Written> {
    let tag = proptest::option::of((any::<u16>(), proptest::option::of(any::<u16>())));
    let nanos = 0..u64::from(u32::MAX) * 1_000_000_000;
    (vec(any::<u8>(), 0..100), 0_u32..10_000, nanos, tag, 0_u16..40)
        .prop_map(|(data, cut, nanos, tag, gap)| Written { data, cut, nanos, tag, gap })
}

proptest! {
    #[test]
    fn frames_are_seen_as_they_were_on_the_wire(
        frames in vec(written(), 0..20), snap_length in 0_u32..120, room in 0_usize..5_000,
    ) {
        let expected: Vec<_> = frames.iter().map(|frame| expected(frame, snap_length)).collect();
        prop_assert_eq!(seen(&mut block(&frames, room), snap_length), expected);
    }

    /// The kernel does not do that. If it did, something is seen or nothing, and nothing beyond the block.
    #[test]
    fn no_number_leads_out_of_the_block(
        frames in vec(written(), 1..8), kept in 0_usize..2_000,
        places in vec((0_usize..1_000, prop_oneof![any::<u32>(), 0_u32..200, Just(u32::MAX), Just(0)]), 1..6),
    ) {
        let mut block = block(&frames, 0);
        for (place, number) in places {
            if let Some(word) = block.get_mut(place * 4..).and_then(|rest| rest.first_chunk_mut()) {
                *word = number.to_ne_bytes();
            }
        }
        block.truncate(kept);
        let (octets, frames) = (block.len(), seen(&mut block, u32::MAX));
        // A header is longer than that.
        prop_assert!(frames.len() <= octets / HEADER_OCTETS + 1);
    }
}

/// What comes before a bad header is there; its own frame, and what comes after it, is not.
#[test]
fn a_header_that_leads_out_of_the_block_is_the_end() {
    let frame = Written { data: vec![1; 60], cut: 0, nanos: 5, tag: None, gap: 14 };
    let frames = vec![frame; 3];
    let length = (68 + 4 + 14 + 60_usize).next_multiple_of(8);
    let second = 48 + length;
    let bad = [
        ("octets", second + 12, u32::MAX),
        ("octets", second + 12, 1_000),
        ("octets", second + 12, 67),
        ("begin", second + 24, 0xffff_ffff),
        ("begin", second + 24, 0),
        ("next", 48, 0),
        ("next", 48, 47),
        ("next", 48, u32::MAX),
    ];
    for (what, place, number) in bad {
        let mut block = block(&frames, 0);
        block[place..place + 4].copy_from_slice(&number.to_ne_bytes());
        let expected = usize::from(what != "next");
        assert_eq!(seen(&mut block, 100).len(), expected, "{what} {number}");
    }
    assert_eq!(seen(&mut block(&frames, 0), 100).len(), 3);
    assert_eq!(seen(&mut [1; 20], 100), []);
    // A first frame in the descriptor is none.
    let mut block = block(&frames, 0);
    block[16..20].copy_from_slice(&47_u32.to_ne_bytes());
    assert_eq!(seen(&mut block, 100), []);
}
