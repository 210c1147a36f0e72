//! Whatever comes inside TLS, and however it is cut: nothing panics, and facts are the same.

mod encrypted_support;

use detect::stratum::encrypted::{Session, interest, judge};
use encrypted_support::{Script, Tls, mining, record};
use proptest::prelude::*;
use wire::Timestamp;

fn cut(script: &Script, is_midstream: bool, size: usize) -> Session {
    let mut session = Session::new(is_midstream);
    for (from_initiator, time, octets) in script.turns() {
        for piece in octets.chunks(size) {
            session.octets(from_initiator, time, piece);
        }
    }
    session
}

fn octets() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        (20..25_u8, 0..700_usize).prop_map(|(content_type, length)| record(content_type, length)),
        Just(vec![23, 3, 3, 0x48]),
        Just(vec![22, 3, 1, 0x0f, 0xff, 1, 0]),
        proptest::collection::vec(any::<u8>(), 0..60),
        Just(
            mining(&Tls::new().server_name("pool.example"), 0)
                .turns()
                .next()
                .map(|turn| turn.2)
                .unwrap_or_default()
        ),
        Just(mining(&Tls::new(), 0).turns().nth(1).map(|turn| turn.2).unwrap_or_default()),
    ];
    proptest::collection::vec(piece, 0..4).prop_map(|pieces| pieces.concat())
}

#[test]
fn a_miner_is_the_same_in_any_pieces() {
    for (tls, is_midstream) in
        [(Tls::new(), false), (Tls::new().version(0x0303), false), (Tls::midstream(), true)]
    {
        let script = mining(&tls, 1_200);
        let whole = cut(&script, is_midstream, usize::MAX);
        assert!(judge(whole.facts()).is_some());
        for size in [1, 2, 3, 4, 5, 6, 7, 64, 1_448] {
            assert_eq!(cut(&script, is_midstream, size).facts(), whole.facts(), "in pieces of {size} octets");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn cutting_makes_no_difference(
        turns in proptest::collection::vec((any::<bool>(), octets(), prop::option::of(0..900_u32)), 0..8),
        size in 1..40_usize,
        is_midstream: bool,
    ) {
        let (mut whole, mut cut) = (Session::new(is_midstream), Session::new(is_midstream));
        for (number, (from_initiator, octets, gap)) in (1_u64..).zip(&turns) {
            let time = Timestamp::from_parts(1_000 + 40 * number, 0);
            whole.octets(*from_initiator, time, octets);
            octets.chunks(size).for_each(|piece| cut.octets(*from_initiator, time, piece));
            if let Some(missing) = gap {
                whole.gap(*from_initiator, *missing);
                cut.gap(*from_initiator, *missing);
            }
            prop_assert!(whole.held_octets() <= 2 * 8_192);
        }
        prop_assert_eq!(whole.facts(), cut.facts());
        prop_assert_eq!(judge(whole.facts()), judge(cut.facts()));
    }

    #[test]
    fn a_first_look_takes_anything(octets in proptest::collection::vec(any::<u8>(), 0..12)) {
        let _interest = interest(&octets);
    }
}
