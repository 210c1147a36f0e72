//! What mining is wrapped in: HTTP, WebSocket, proxies, and the frames of Stratum V2.

mod stratum_support;

use detect::stratum::judge::Confidence;
use detect::stratum::{Dialect, Stage};
use detect::{Kind, Severity};
use stratum_support::sessions::{assert_high, bitcoin, cryptonote, shares};
use stratum_support::{
    M, P, Turn, facts, facts_midstream, frame, hex, post, response, texts, upgrade, verdict,
};

#[test]
fn getwork_over_http() {
    let work = format!(
        r#"{{"id":0,"error":null,"result":{{"midstate":"{}","data":"{}","hash1":"{}","target":"{}00000000"}}}}"#,
        hex(64),
        hex(256),
        hex(128),
        "f".repeat(56)
    );
    let turns = vec![
        (M, post(r#"{"method":"getwork","params":[],"id":0}"#)),
        (P, response(&work)),
        (M, post(&format!(r#"{{"method":"getwork","params":["{}"],"id":0}}"#, hex(256)))),
        (P, response(r#"{"id":0,"error":null,"result":true}"#)),
    ];
    let heard = facts(&turns);
    assert_eq!((heard.dialect, heard.jobs, heard.polls), (Some(Dialect::Getwork), 1, 1));
    assert_eq!(shares(&heard), [1, 1, 0, 0]);
    assert!(heard.carriers.http);
    let verdict = verdict(&turns).expect("this is mining");
    assert_eq!((verdict.kind, verdict.confidence), (Kind::Mining, Confidence::High));
    assert!(verdict.techniques.contains(&"T1071.001"));
}

#[test]
fn a_block_template_is_no_mining_until_a_block_is_handed_in() {
    let template = format!(
        r#"{{"result":{{"version":4,"previousblockhash":"{}","bits":"1b00","height":2,"transactions":[]}},"error":null,"id":1}}"#,
        hex(64)
    );
    let ask = post(r#"{"id":1,"method":"getblocktemplate","params":[{"rules":["segwit"]}]}"#);
    let mut turns = vec![(M, ask), (P, response(&template))];
    let asked = verdict(&turns).expect("it is worth knowing");
    assert_eq!((asked.kind, asked.severity), (Kind::WorkRequests, Severity::Low));
    turns.push((M, post(&format!(r#"{{"id":2,"method":"submitblock","params":["{}"]}}"#, hex(400)))));
    turns.push((P, response(r#"{"result":null,"error":null,"id":2}"#)));
    let mined = verdict(&turns).expect("this is mining");
    assert_eq!((mined.kind, mined.confidence), (Kind::Mining, Confidence::High));
}

#[test]
fn templates_and_blocks_longer_than_what_is_read() {
    let transactions = format!(r#"{{"data":"{}"}}"#, hex(40_000));
    let template = format!(
        r#"{{"result":{{"version":4,"previousblockhash":"{}","bits":"1b00","transactions":[{transactions}]}},"error":null,"id":1}}"#,
        hex(64)
    );
    let turns = vec![
        (M, post(r#"{"id":1,"method":"getblocktemplate","params":[{"rules":["segwit"]}]}"#)),
        (P, response(&template)),
        (M, post(&format!(r#"{{"id":2,"method":"submitblock","params":["{}"]}}"#, hex(100_000)))),
        (P, response(r#"{"result":null,"error":null,"id":2}"#)),
    ];
    let facts = facts(&turns);
    assert_eq!((facts.jobs, shares(&facts)), (1, [1, 1, 0, 0]));
    assert_high(&turns);
}

#[test]
fn monero_template_from_a_daemon() {
    let turns = vec![
        (
            M,
            post(
                r#"{"jsonrpc":"2.0","id":"0","method":"get_block_template","params":{"wallet_address":"44GBHzv6ZyQdJkjqZje6KLZ3xSyN1hBSFAnLP6EAqJtCRVzMzZmeXTC2AHKDS9aEDTRKmo6a6o9r9j86pYfhCWDkKjbtcns","reserve_size":60}}"#,
            ),
        ),
        (
            P,
            response(
                r#"{"id":"0","jsonrpc":"2.0","result":{"blocktemplate_blob":"0e0e","blockhashing_blob":"0e0e","difficulty":1,"status":"OK"}}"#,
            ),
        ),
    ];
    let facts = facts(&turns);
    assert_eq!((facts.dialect, facts.coin, facts.jobs), (Some(Dialect::BlockTemplate), Some("Monero"), 1));
}

fn framed(turns: &[(stratum_support::By, &str)]) -> Vec<Turn> {
    let frames = turns.iter().map(|(by, text)| (*by, frame(text, *by == M)));
    upgrade().into_iter().chain(frames).collect()
}

#[test]
fn coinhive_over_websocket() {
    let turns = framed(&[
        (M, r#"{"type":"auth","params":{"site_key":"abcSiteKey","type":"user","user":"john","goal":0}}"#),
        (P, r#"{"type":"authed","params":{"token":"","hashes":0}}"#),
        (
            P,
            &format!(
                r#"{{"type":"job","params":{{"job_id":"72","blob":"{}","target":"ffffff00"}}}}"#,
                hex(152)
            ),
        ),
        (
            M,
            &format!(
                r#"{{"type":"submit","params":{{"job_id":"72","nonce":"a1b2c3d4","result":"{}"}}}}"#,
                hex(64)
            ),
        ),
        (P, r#"{"type":"hash_accepted","params":{"hashes":256}}"#),
    ]);
    let heard = facts(&turns);
    assert_eq!((heard.dialect, heard.wallet.as_deref()), (Some(Dialect::Coinhive), Some("abcSiteKey")));
    assert_eq!(shares(&heard), [1, 1, 0, 0]);
    assert!(heard.carriers.websocket);
    assert_high(&turns);
    let without_upgrade = turns.get(2..).expect("frames follow");
    assert_eq!(facts_midstream(without_upgrade).shares.accepted, 1);
}

#[test]
fn cryptonote_over_websocket_and_in_socket_io() {
    let plain: Vec<(stratum_support::By, String)> = cryptonote()
        .into_iter()
        .map(|(by, line)| (by, String::from_utf8(line).unwrap().trim().to_owned()))
        .collect();
    for wrap in ["{}", "42[\"miner-message\",{}]"] {
        let wrapped: Vec<Turn> =
            plain.iter().map(|(by, text)| (*by, frame(&wrap.replace("{}", text), *by == M))).collect();
        let turns = [upgrade(), wrapped].concat();
        let facts = facts(&turns);
        assert_eq!((facts.dialect, facts.shares.accepted), (Some(Dialect::CryptoNote), 2), "{wrap}");
    }
}

#[test]
fn inside_socks5() {
    let opening = vec![
        (M, vec![5, 2, 0, 2]),
        (P, vec![5, 2]),
        (M, b"\x01\x04user\x06secret".to_vec()),
        (P, vec![1, 0]),
        (M, b"\x05\x01\x00\x03\x0cpool.example\x0d\x05".to_vec()),
        (P, vec![5, 0, 0, 1, 0, 0, 0, 0, 0, 0]),
    ];
    let turns = [opening, cryptonote()].concat();
    let heard = facts(&turns);
    assert_eq!((heard.dialect, heard.shares.accepted), (Some(Dialect::CryptoNote), 2));
    assert_eq!(heard.pool.as_deref(), Some("pool.example:3333"));
    assert!(heard.carriers.socks);
    assert!(verdict(&turns).expect("this is mining").techniques.contains(&"T1090"));
    let unanswered: Vec<Turn> = turns.into_iter().take(7).collect();
    assert_eq!(
        facts(&unanswered).stage(),
        Some(Stage::Attempt),
        "what the proxy said is no answer of the pool"
    );
}

#[test]
fn inside_socks4() {
    for (request, pool) in [
        (&b"\x04\x01\x0d\x05\xcb\x00\x71\x09user\x00"[..], "203.0.113.9:3333"),
        (b"\x04\x01\x0d\x05\x00\x00\x00\x01\x00pool.example\x00", "pool.example:3333"),
    ] {
        let opening = vec![(M, request.to_vec()), (P, b"\x00\x5a\x00\x00\x00\x00\x00\x00".to_vec())];
        let turns = [opening, bitcoin()].concat();
        let heard = facts(&turns);
        assert_eq!((heard.pool.as_deref(), heard.shares.accepted), (Some(pool), 1));
        assert!(heard.carriers.socks);
        assert_high(&turns);
    }
    let refused = vec![
        (M, b"\x04\x01\x0d\x05\xcb\x00\x71\x09\x00".to_vec()),
        (P, b"\x00\x5b\x00\x00\x00\x00\x00\x00".to_vec()),
    ];
    assert_eq!(verdict(&refused), None);
}

#[test]
fn batches_of_json_rpc() {
    let mut turns = bitcoin();
    let rest = turns.split_off(2);
    let batch = |by| {
        let lines: Vec<_> = turns.iter().filter(|(speaker, _)| *speaker == by).collect();
        let lines: Vec<_> =
            lines.iter().map(|(_, line)| String::from_utf8_lossy(line).trim().to_owned()).collect();
        (by, format!("[{}]\n", lines.join(",")).into_bytes())
    };
    let batched = [vec![batch(M), batch(P)], rest].concat();
    assert_eq!(facts(&batched).shares, facts(&bitcoin()).shares);
    assert_eq!(facts(&batched).algorithm.as_deref(), Some("sha256d"), "the first messages count, too");
}

#[test]
fn inside_http_connect() {
    let opening = texts(&[
        (M, "CONNECT pool.example:3333 HTTP/1.1\r\nHost: pool.example:3333\r\n\r\n"),
        (P, "HTTP/1.1 200 OK\r\nProxy-Agent: x\r\n\r\n"),
    ]);
    let turns = [opening, bitcoin()].concat();
    let facts = facts(&turns);
    assert_eq!((facts.dialect, facts.shares.accepted), (Some(Dialect::Bitcoin), 1));
    assert_eq!(facts.pool.as_deref(), Some("pool.example:3333"));
    assert!(facts.carriers.connect);
    assert_high(&turns);
}

/// A frame of Stratum V2.
fn frame_v2(kind: u8, payload: &[u8]) -> Vec<u8> {
    let [a, b, c, ..] = payload.len().to_le_bytes();
    let extension = if kind >= 0x15 { [0, 0x80] } else { [0, 0] };
    [&extension[..], &[kind, a, b, c], payload].concat()
}

#[test]
fn stratum_v2_in_the_clear() {
    let target =
        [[0; 28], [0xff; 28]].concat().into_iter().skip(24).take(28).chain([0; 4]).collect::<Vec<u8>>();
    let setup = [
        &[0, 2, 0, 2, 0, 0, 0, 0, 0][..],
        b"\x0cpool.example",
        &[0x05, 0x0d],
        b"\x06Vendor\x03hw1\x03fw1\x00",
    ]
    .concat();
    let open = [&[1, 0, 0, 0][..], b"\x0awallet.rig", &1.0e12_f32.to_le_bytes(), &[0xff; 32]].concat();
    let opened = [&[1, 0, 0, 0, 7, 0, 0, 0][..], &target, &[2, 0, 0, 0, 0, 0]].concat();
    let submit = [7_u32, 1, 5, 99, 0, 0].iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<u8>>();
    let accepted = [&[7, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0][..], &[1, 0, 0, 0, 0, 0, 0, 0]].concat();
    let refused = [&[7, 0, 0, 0, 2, 0, 0, 0][..], b"\x0bstale-share"].concat();
    let turns = vec![
        (M, frame_v2(0x00, &setup)),
        (P, frame_v2(0x01, &[2, 0, 0, 0, 0, 0])),
        (M, frame_v2(0x10, &open)),
        (P, frame_v2(0x11, &opened)),
        (P, frame_v2(0x15, &[7, 0, 0, 0, 5, 0, 0, 0, 0])),
        (M, frame_v2(0x1a, &submit)),
        (P, frame_v2(0x1c, &accepted)),
        (M, frame_v2(0x1a, &submit)),
        (P, frame_v2(0x1d, &refused)),
    ];
    let facts = facts(&turns);
    assert_eq!(
        (facts.dialect, facts.jobs, facts.pool.as_deref()),
        (Some(Dialect::StratumV2), 1, Some("pool.example:3333"))
    );
    assert_eq!((facts.wallet.as_deref(), facts.agent.as_deref()), (Some("wallet"), Some("Vendor hw1")));
    assert_eq!(shares(&facts), [2, 1, 1, 1]);
    assert!(facts.reported_hashes_per_second.is_some_and(|rate| (rate / 1e12 - 1.0).abs() < 1e-6));
    assert_high(&turns);
}

#[test]
fn stratum_v2_encrypted_is_known_by_sizes_with_low_confidence() {
    let random = |length: usize, seed: u32| -> Vec<u8> {
        let mut state = seed;
        std::iter::repeat_with(|| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state.to_be_bytes()[0]
        })
        .take(length)
        .collect()
    };
    let turns = vec![
        (M, random(64, 99)),
        (P, random(234, 2)),
        (M, random(130, 3)),
        (P, random(44, 4)),
        (M, random(100, 5)),
        (P, random(300, 6)),
        (M, random(62, 7)),
    ];
    let verdict = verdict(&turns).expect("sizes tell");
    assert_eq!((verdict.confidence, verdict.severity), (Confidence::Low, Severity::Low));
    assert!(verdict.techniques.contains(&"T1573"));
}

#[test]
fn nodes_are_no_miners() {
    let bitcoin = vec![
        (M, b"\xf9\xbe\xb4\xd9version\0\0\0\0\0\x66\0\0\0".to_vec()),
        (P, b"\xf9\xbe\xb4\xd9version\0\0\0\0\0".to_vec()),
    ];
    let monero = vec![(M, b"\x01\x21\x01\x01\x01\x01\x01\x01\xe2\0\0\0\0\0\0\0\x01\xe9\x03\0\0".to_vec())];
    for (turns, dialect) in [(bitcoin, Dialect::BitcoinPeer), (monero, Dialect::MoneroPeer)] {
        let verdict = verdict(&turns).expect("it is worth knowing");
        assert_eq!((verdict.kind, verdict.severity), (Kind::CryptocurrencyNode, Severity::Low));
        assert_eq!(facts(&turns).dialect, Some(dialect));
        assert!(verdict.techniques.is_empty());
    }
}
