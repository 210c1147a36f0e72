//! Whatever comes, and however it is cut: nothing panics, and facts are the same.

mod stratum_support;

use detect::stratum::judge::judge;
use detect::stratum::{Session, interest};
use proptest::prelude::*;
use stratum_support::{By, M, P, Turn, frame, listen_cut, post, response};
use wire::Timestamp;

/// Octets that reach deep: words of all carriers and dialects, and noise.
fn octets() -> impl Strategy<Value = Vec<u8>> {
    let word = prop_oneof![
        Just(b"{\"id\":1,\"method\":\"mining.subscribe\",\"params\":[\"a\"]}\n".to_vec()),
        Just(b"{\"id\":1,\"result\":true}\n".to_vec()),
        Just(b"{\"id\":2,\"method\":\"login\",\"params\":{\"login\":\"4\",\"pass\":\"x\",\"agent\":\"y\"}}\n".to_vec()),
        Just(b"{\"method\":\"job\",\"params\":{\"blob\":\"0a\",\"job_id\":\"1\",\"target\":\"ffffffff\"}}".to_vec()),
        Just(b"{\"id\":3,\"method\":\"submit\",\"params\":{\"job_id\":\"1\",\"nonce\":\"00\",\"result\":\"00\"}}".to_vec()),
        Just(b"{\"method\":\"mining.set_difficulty\",\"params\":[1e308]}\n".to_vec()),
        Just(b"{\"method\":\"mining.notify\",\"params\":[".to_vec()),
        Just(b"CONNECT a:1 HTTP/1.1\r\n\r\n".to_vec()),
        Just(b"HTTP/1.1 200 Connection established\r\n\r\n".to_vec()),
        Just(b"GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n".to_vec()),
        Just(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"a\":\r\n2\r\n1}\r\n0\r\n\r\n".to_vec()),
        Just(b"POST / HTTP/1.1\r\nContent-Length: 18446744073709551615\r\n\r\n{".to_vec()),
        Just(vec![5, 1, 0]),
        Just(vec![5, 0, 0, 1, 1, 2, 3, 4, 0, 80]),
        Just(b"\x00\x00\x00\x12\x00\x00\x00\x02\x00\x02\x00\x00\x00\x00\x00\x01a\x00\x00\x00\x00\x00\x00\x00".to_vec()),
        Just(b"\x00\x80\x1a\xff\xff\xff".to_vec()),
        Just(b"\xf9\xbe\xb4\xd9version".to_vec()),
        Just(post(r#"{"id":0,"method":"getwork","params":[]}"#)),
        Just(response(r#"{"id":0,"result":{"data":"0","target":"0"}}"#)),
        Just(frame(r#"{"type":"auth","params":{"site_key":"a"}}"#, true)),
        proptest::collection::vec(any::<u8>(), 0..80),
    ];
    proptest::collection::vec(word, 0..5).prop_map(|words| words.concat())
}

fn turns() -> impl Strategy<Value = Vec<Turn>> {
    proptest::collection::vec((prop_oneof![Just(By::Initiator), Just(By::Responder)], octets()), 0..8)
}

#[test]
fn what_is_kept_of_a_connection_is_small() {
    assert!(size_of::<Session>() <= 1_024, "{}", size_of::<Session>());
    assert!(size_of::<detect::stream::Direction>() <= 64, "{}", size_of::<detect::stream::Direction>());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn cutting_makes_no_difference(turns in turns(), size in 1..40_usize, is_midstream: bool) {
        let whole = listen_cut(&turns, is_midstream, usize::MAX);
        let cut = listen_cut(&turns, is_midstream, size);
        prop_assert_eq!(format!("{:?}", whole.facts()), format!("{:?}", cut.facts()));
        prop_assert_eq!(format!("{:?}", judge(whole.facts())), format!("{:?}", judge(cut.facts())));
    }

    #[test]
    fn gaps_anywhere_do_no_harm(turns in turns(), gaps: u8, is_midstream: bool) {
        let mut session = Session::new(is_midstream);
        for (number, (by, octets)) in turns.iter().enumerate() {
            session.octets(*by == M, Timestamp::from_nanos(u64::from(gaps)), octets);
            if gaps >> number & 1 == 1 {
                session.gap(*by == P);
            }
        }
        session.end();
        let _verdict = judge(session.facts());
        let _can_go = session.is_of_no_interest();
    }

    #[test]
    fn a_first_look_takes_anything(octets in octets()) {
        let _interest = interest(&octets);
    }
}
