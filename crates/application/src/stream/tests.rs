use proptest::prelude::*;

use super::*;

const NONE: TcpFlags = TcpFlags(0);

#[derive(Clone, Debug, Eq, PartialEq)]
enum Piece {
    Octets(Vec<u8>),
    Gap(u32),
}

/// Collects chunks, with neighbouring octets joined.
#[derive(Default)]
struct Collected(Vec<Piece>);

impl Collected {
    fn take(&mut self, chunk: Chunk<'_>) {
        match (chunk, self.0.last_mut()) {
            (Chunk::Octets(octets), Some(Piece::Octets(before))) => before.extend_from_slice(octets),
            (Chunk::Octets(octets), _) => self.0.push(Piece::Octets(octets.to_vec())),
            (Chunk::Gap(missing), _) => self.0.push(Piece::Gap(missing)),
        }
    }

    fn octets(&self) -> Vec<u8> {
        self.0
            .iter()
            .flat_map(|piece| if let Piece::Octets(octets) = piece { octets.clone() } else { vec![] })
            .collect()
    }
}

fn feed(direction: &mut Direction, segments: &[(u32, &[u8])]) -> Collected {
    let mut collected = Collected::default();
    for &(sequence, payload) in segments {
        direction.segment(sequence, NONE, payload, |chunk| collected.take(chunk));
    }
    collected
}

#[test]
fn data_follows_the_number_of_the_syn() {
    let mut direction = Direction::new();
    let mut collected = Collected::default();
    direction.segment(99, TcpFlags::SYN, b"", |chunk| collected.take(chunk));
    direction.segment(100, NONE, b"abc", |chunk| collected.take(chunk));
    direction.segment(103, TcpFlags::FIN, b"d", |chunk| collected.take(chunk));
    assert_eq!(collected.0, [Piece::Octets(b"abcd".to_vec())]);
    assert!(direction.is_complete());
}

#[test]
fn segments_out_of_order_wait_for_those_before() {
    let mut direction = Direction::new();
    let collected = feed(&mut direction, &[(0, b"ab"), (4, b"ef"), (2, b"cd"), (0, b"xx"), (5, b"fgh")]);
    assert_eq!(collected.0, [Piece::Octets(b"abcdefgh".to_vec())]);
    assert_eq!(direction.held_octets(), 0);
}

#[test]
fn sequence_numbers_wrap_around() {
    let mut direction = Direction::new();
    let collected = feed(&mut direction, &[(u32::MAX - 1, b"ab"), (2, b"ef"), (0, b"cd")]);
    assert_eq!(collected.octets(), b"abcdef");
}

#[test]
fn a_gap_is_given_up_when_the_bound_is_passed() {
    let mut direction = Direction::new();
    let block = [7; 1_000];
    let mut collected = feed(&mut direction, &[(0, b"a")]);
    for number in 0..17 {
        direction.segment(11 + 1_000 * number, NONE, &block, |chunk| collected.take(chunk));
        assert!(direction.held_octets() <= MAX_HELD_OCTETS);
    }
    assert_eq!(collected.0.get(1), Some(&Piece::Gap(10)));
    assert_eq!(collected.octets().len(), 17_001);
}

#[test]
fn a_gap_is_given_up_when_too_many_small_segments_wait() {
    let mut direction = Direction::new();
    let mut collected = feed(&mut direction, &[(0, b"a")]);
    for number in 0..=u32::try_from(MAX_HELD_SEGMENTS).unwrap() {
        direction.segment(2 + 2 * number, NONE, b"x", |chunk| collected.take(chunk));
        assert!(direction.held.len() <= MAX_HELD_SEGMENTS);
    }
    assert_eq!(collected.0.get(1), Some(&Piece::Gap(1)));
}

#[test]
fn a_gap_is_given_up_when_the_other_end_has_what_we_missed() {
    let mut direction = Direction::new();
    let mut collected = feed(&mut direction, &[(0, b"ab"), (5, b"fg")]);
    direction.acknowledged(5, |chunk| collected.take(chunk));
    assert_eq!(
        collected.octets(),
        b"ab",
        "it may still lack the held segment, and then it may be that nothing was lost"
    );
    direction.acknowledged(7, |chunk| collected.take(chunk));
    assert_eq!(collected.0, [Piece::Octets(b"ab".to_vec()), Piece::Gap(3), Piece::Octets(b"fg".to_vec())]);
}

#[test]
fn a_segment_larger_than_the_bound_is_handed_out_after_a_gap() {
    let mut direction = Direction::new();
    let large = vec![1; MAX_HELD_OCTETS + 1];
    let collected = feed(&mut direction, &[(0, b"a"), (2, &large)]);
    assert_eq!(collected.0, [Piece::Octets(b"a".to_vec()), Piece::Gap(1), Piece::Octets(large)]);
}

#[test]
fn keep_alive_probes_are_no_data() {
    let mut direction = Direction::new();
    let collected = feed(&mut direction, &[(10, b"ab"), (11, b"\0"), (12, b"cd")]);
    assert_eq!(collected.octets(), b"abcd");
}

/// Cuts of a stream: (from, length), any order, any overlap.
fn cuts(stream: usize) -> impl Strategy<Value = Vec<(usize, usize)>> {
    proptest::collection::vec((0..stream, 1..200_usize), 0..40)
}

proptest! {
    #[test]
    fn any_order_of_a_whole_stream_gives_the_stream(
        start: u32,
        stream in proptest::collection::vec(any::<u8>(), 1..4_000),
        extra in cuts(4_000),
        size in 150..600_usize,
        seed: u64,
    ) {
        let mut segments: Vec<(usize, &[u8])> =
            stream.chunks(size).enumerate().map(|(number, part)| (number * size, part)).collect();
        for (from, length) in extra {
            if let Some(part @ [_, ..]) = stream.get(from..(from + length).min(stream.len())) {
                segments.push((from, part));
            }
        }
        let mut order = seed;
        segments.sort_by_cached_key(|_| {
            order = order.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            order >> 32
        });
        let mut direction = Direction::new();
        let mut collected = Collected::default();
        direction.segment(start, TcpFlags::SYN, b"", |chunk| collected.take(chunk));
        let first = start.wrapping_add(1);
        for (from, part) in segments {
            let sequence = first.wrapping_add(u32::try_from(from).unwrap());
            direction.segment(sequence, NONE, part, |chunk| collected.take(chunk));
            prop_assert!(direction.held_octets() <= MAX_HELD_OCTETS);
            prop_assert!(direction.held.len() <= MAX_HELD_SEGMENTS);
        }
        direction.finish(|chunk| collected.take(chunk));
        let gaps = collected.0.iter().any(|piece| matches!(piece, Piece::Gap(_)));
        if gaps {
            prop_assert!(direction.held.is_empty());
        } else {
            prop_assert_eq!(collected.octets(), stream);
        }
    }

    #[test]
    fn what_is_missing_becomes_gaps_of_the_right_size(
        start: u32,
        stream in proptest::collection::vec(any::<u8>(), 2..3_000),
        parts in cuts(3_000),
    ) {
        // A naive model: which octets were ever shown. At most 40 short parts stay within the bounds or are given up in order.
        let mut shown = vec![false; stream.len()];
        let mut direction = Direction::new();
        let mut collected = Collected::default();
        direction.segment(start.wrapping_sub(1), TcpFlags::SYN, b"", |chunk| collected.take(chunk));
        for (from, length) in parts.into_iter().take(MAX_HELD_SEGMENTS) {
            let to = (from + length).min(stream.len());
            if from >= to { continue; }
            shown[from..to].fill(true);
            let sequence = start.wrapping_add(u32::try_from(from).unwrap());
            direction.segment(sequence, NONE, &stream[from..to], |chunk| collected.take(chunk));
        }
        direction.finish(|chunk| collected.take(chunk));
        let mut expected = Collected::default();
        let seen = shown.iter().rposition(|shown| *shown).map_or(0, |last| last + 1);
        let mut at = 0;
        while at < seen {
            let missing = shown[at..seen].iter().take_while(|shown| !**shown).count();
            if missing > 0 { expected.take(Chunk::Gap(u32::try_from(missing).unwrap())); }
            at += missing;
            let there = shown[at..seen].iter().take_while(|shown| **shown).count();
            if there > 0 { expected.take(Chunk::Octets(&stream[at..at + there])); }
            at += there;
        }
        prop_assert_eq!(collected.0, expected.0);
    }

    #[test]
    fn arbitrary_segments_never_panic(
        segments in proptest::collection::vec((any::<u32>(), 0..64_u16, proptest::collection::vec(any::<u8>(), 0..64)), 0..80)
    ) {
        let mut direction = Direction::new();
        let mut handed_out = 0;
        let all: usize = segments.iter().map(|(_, _, octets)| octets.len()).sum();
        for (sequence, flags, octets) in segments {
            direction.segment(sequence, TcpFlags(flags), &octets, |chunk| {
                if let Chunk::Octets(octets) = chunk { handed_out += octets.len(); }
            });
        }
        direction.finish(|chunk| if let Chunk::Octets(octets) = chunk { handed_out += octets.len(); });
        prop_assert!(handed_out <= all);
    }
}
