//! Dialects of rarer coins and programs, written from their specifications: what they have in common with the others has to be
//! enough.

#![expect(clippy::expect_used, reason = "a test ends where its setting fails")]

mod stratum_support;

use detect::Kind;
use detect::stratum::judge::Confidence;
use detect::stratum::{Dialect, Login};
use flate2::{Compress, Compression, FlushCompress};
use stratum_support::sessions::{assert_high, bitcoin, cryptonote};
use stratum_support::{By, M, P, Turn, facts, frame, hex, lines, post, response, texts, upgrade, verdict};

#[track_caller]
fn assert_mining(turns: &[Turn], least: Confidence) {
    let verdict = verdict(turns).expect("this is mining");
    assert_eq!(verdict.kind, Kind::Mining);
    assert!(verdict.confidence >= least, "{verdict:?}");
}

fn x(digits: usize) -> String {
    format!("0x{}", hex(digits))
}

#[test]
fn nervos_names_its_methods_after_itself() {
    let work = format!(r#""result":{{"pow_hash":"{}","target":"{}"}}"#, x(64), x(64));
    let turns = lines(&[
        (
            M,
            r#"{"id":1,"method":"ckb_submitLogin","params":{"login":"ckt1qyqgs3","agent":"Miner/v1","worker":"rig"}}"#,
        ),
        (P, r#"{"id":1,"result":true}"#),
        (M, r#"{"id":2,"method":"ckb_getWork","params":null}"#),
        (P, &format!(r#"{{"id":2,{work}}}"#)),
        (P, &format!(r#"{{"id":0,{work}}}"#)),
        (
            M,
            &format!(
                r#"{{"id":3,"method":"ckb_submitWork","params":{{"pow_hash":"{}","nonce":"0x9a93e9597317c7a"}}}}"#,
                x(64)
            ),
        ),
        (P, r#"{"id":3,"result":true}"#),
        (M, r#"{"id":4,"method":"ckb_submitHashrate","params":"0x123"}"#),
        (P, r#"{"id":4,"result":true}"#),
    ]);
    let heard = facts(&turns);
    assert_eq!((heard.jobs, heard.worker.as_deref(), heard.login), (2, Some("rig"), Login::Accepted));
    assert_eq!(heard.reported_hashes_per_second, Some(291.0));
    assert_high(&turns);
    assert_mining(&turns[..2], Confidence::Low);
}

#[test]
fn eth_proxy_with_named_parameters() {
    assert_mining(
        &lines(&[
            (
                M,
                r#"{"id":1,"method":"eth_submitLogin","params":{"login":"0x9c99d212f7e5daa18ab50810e0fd255d1f04303b","pass":"x"}}"#,
            ),
            (P, r#"{"id":1,"result":true}"#),
        ]),
        Confidence::Medium,
    );
}

#[test]
fn alephium_says_hello_in_a_list_and_parameters_without() {
    let turns = lines(&[
        (M, r#"{"id":"0","method":"mining.hello","params":["lolMiner 1.6","AlephiumStratum/1.0.0"]}"#),
        (P, r#"{"id":"0","result":["AlephiumStratum/1.0.0",false,"1e","5","node"]}"#),
        (M, r#"{"id":"3","method":"mining.authorize","params":["1abc.w","x"]}"#),
        (P, r#"{"id":"3","result":"w1"}"#),
        (P, r#"{"method":"mining.set_extranonce","params":"0a0b"}"#),
        (P, r#"{"method":"mining.set_target","params":"00ff"}"#),
        (P, &format!(r#"{{"method":"mining.notify","params":["j1","0f","{}"]}}"#, hex(300))),
        (M, &format!(r#"{{"id":"4","method":"mining.submit","params":["j1","{}","w1"]}}"#, hex(44))),
        (P, r#"{"id":"4","result":true}"#),
    ]);
    assert_high(&turns);
    assert_mining(&turns[..2], Confidence::Medium);
}

#[test]
fn jobs_and_shares_whose_parts_have_names() {
    let job = format!(
        r#"{{"jobId":"1","fromGroup":0,"toGroup":1,"headerBlob":"{}","targetBlob":"00ff"}}"#,
        hex(300)
    );
    for job in [format!("[{job}]"), job] {
        let turns = lines(&[
            (M, r#"{"id":1,"method":"mining.authorize","params":{"user":"w.r","password":"secret"}}"#),
            (P, r#"{"id":1,"result":true}"#),
            (P, &format!(r#"{{"method":"mining.notify","params":{job}}}"#)),
            (
                M,
                r#"{"id":2,"method":"mining.submit","params":{"jobId":"1","nonce":"00aabbccddeeff00","worker":"w.r"}}"#,
            ),
            (P, r#"{"id":2,"result":true}"#),
        ]);
        let heard = facts(&turns);
        assert_eq!((heard.jobs, heard.shares.of_known_jobs, heard.user.as_deref()), (1, 1, Some("w.r")));
        assert!(!format!("{heard:?}").contains("secret"));
        assert_high(&turns);
    }
}

#[test]
fn a_seal_is_a_share_of_its_header() {
    let header = x(64);
    let turns = lines(&[
        (M, r#"{"jsonrpc":"2.0","id":1,"method":"mining.subscribe","params":[]}"#),
        (P, r#"{"jsonrpc":"2.0","id":1,"result":[],"error":null}"#),
        (M, r#"{"jsonrpc":"2.0","id":2,"method":"mining.authorize","params":["m","p"]}"#),
        (P, r#"{"jsonrpc":"2.0","id":2,"result":true,"error":null}"#),
        (P, &format!(r#"{{"jsonrpc":"2.0","id":3,"method":"mining.notify","params":["{header}","100"]}}"#)),
        (
            M,
            &format!(
                r#"{{"jsonrpc":"2.0","id":4,"method":"mining.submit","params":["{header}",["{header}"]]}}"#
            ),
        ),
        (P, r#"{"jsonrpc":"2.0","id":4,"result":true,"error":null}"#),
    ]);
    assert_eq!(facts(&turns).shares.of_known_jobs, 1);
    assert_high(&turns);
}

#[test]
fn relatives_of_cryptonote_have_headers_by_other_names() {
    let login = r#"{"id":1,"jsonrpc":"2.0","method":"login","params":{"login":"account.miner","pass":"x","agent":"node/v2"}}"#;
    let jobs = [
        format!(r#"{{"job_id":"q7","bds":"{}","target":"b88d0600","height":2}}"#, hex(66)),
        format!(r#"{{"job_id":"q7","seed":"{}","nonce":"8000000000000000","target":"c5a70000"}}"#, hex(64)),
        format!(r#"{{"job_id":"q7","data":"{}","nonce_size":16,"weight":60.1}}"#, hex(200)),
    ];
    for job in jobs {
        let turns = lines(&[
            (M, login),
            (P, r#"{"id":1,"jsonrpc":"2.0","error":null,"result":{"status":"OK"}}"#),
            (P, &format!(r#"{{"jsonrpc":"2.0","method":"job","params":{job}}}"#)),
            (M, r#"{"id":2,"jsonrpc":"2.0","method":"submit","params":{"job_id":"q7","nonce":"d0030040"}}"#),
            (P, r#"{"id":2,"jsonrpc":"2.0","error":null,"result":{"status":"OK"}}"#),
        ]);
        assert_eq!(facts(&turns).shares.of_known_jobs, 1, "{job}");
        assert_high(&turns);
        assert_mining(&turns[..2], Confidence::Low);
    }
}

#[test]
fn beam_lets_in_with_a_prefix_for_nonces() {
    assert_mining(
        &lines(&[
            (M, r#"{"method":"login","api_key":"wallet.w","id":"login","jsonrpc":"2.0"}"#),
            (
                P,
                r#"{"jsonrpc":"2.0","method":"result","id":"login","code":0,"description":"Login successful","nonceprefix":"0a"}"#,
            ),
        ]),
        Confidence::Medium,
    );
}

#[test]
fn grin_answers_with_the_method_of_the_request() {
    let turns = lines(&[
        (
            M,
            r#"{"id":"0","jsonrpc":"2.0","method":"login","params":{"login":"a","pass":"x","agent":"grin-miner"}}"#,
        ),
        (P, r#"{"id":"0","jsonrpc":"2.0","method":"login","result":"ok","error":null}"#),
        (M, r#"{"id":"0","jsonrpc":"2.0","method":"getjobtemplate","params":null}"#),
        (
            P,
            r#"{"id":"0","jsonrpc":"2.0","method":"getjobtemplate","result":{"difficulty":1,"height":1,"job_id":4,"pre_pow":"00010000"},"error":null}"#,
        ),
        (
            M,
            r#"{"id":"0","jsonrpc":"2.0","method":"submit","params":{"edge_bits":29,"height":1,"job_id":4,"nonce":88,"pow":[1,2]}}"#,
        ),
        (P, r#"{"id":"0","jsonrpc":"2.0","method":"submit","result":"ok","error":null}"#),
    ]);
    let heard = facts(&turns);
    assert_eq!((heard.dialect, heard.login, heard.contradictions), (Some(Dialect::Grin), Login::Accepted, 0));
    assert_eq!((heard.jobs, heard.shares.accepted), (1, 1));
    assert_high(&turns);
}

#[test]
fn messages_that_are_spread_over_lines() {
    let spread: Vec<Turn> = bitcoin()
        .into_iter()
        .map(|(by, line)| {
            let text = String::from_utf8(line).expect("it is text");
            (by, text.replace(",\"", ",\n  \"").into_bytes())
        })
        .collect();
    assert_eq!(facts(&spread).shares, facts(&bitcoin()).shares);
    assert_high(&spread);
}

fn framed(turns: &[(By, &str)]) -> Vec<Turn> {
    upgrade().into_iter().chain(turns.iter().map(|(by, text)| (*by, frame(text, *by == M)))).collect()
}

#[test]
fn webminerpool_in_a_page() {
    let job = format!(
        r#"{{"identifier":"job","job_id":"1","algo":"cn","variant":4,"height":0,"blob":"{}","target":"ffffff00"}}"#,
        hex(152)
    );
    let solved =
        format!(r#"{{"identifier":"solved","job_id":"1","nonce":"0a0b0c0d","result":"{}"}}"#, hex(64));
    let turns = framed(&[
        (
            M,
            r#"{"identifier":"handshake","pool":"pool.example","login":"48abc","password":"secret","userid":"","version":7}"#,
        ),
        (P, &job),
        (M, &solved),
        (P, r#"{"identifier":"hashsolved"}"#),
    ]);
    let heard = facts(&turns);
    assert_eq!((heard.jobs, heard.shares.accepted, heard.algorithm.as_deref()), (1, 1, Some("cn")));
    assert!(!format!("{heard:?}").contains("secret"));
    assert_high(&turns);
    assert_mining(&turns[..4], Confidence::Medium);
}

/// Compresses each message as RFC 7692 has it, with what was said before in mind.
fn packed(turns: &[Turn]) -> Vec<Turn> {
    let mut streams =
        [Compress::new(Compression::default(), false), Compress::new(Compression::default(), false)];
    let frames = turns.iter().map(|(by, text)| {
        let stream = &mut streams[usize::from(*by == P)];
        let mut octets = Vec::with_capacity(16_384);
        stream.compress_vec(text, &mut octets, FlushCompress::Sync).expect("there is room");
        octets.truncate(octets.len() - 4);
        let length = u16::try_from(octets.len()).expect("it is short");
        let (mask, key): (u8, &[u8]) = if *by == M { (0x80, &[1, 2, 3, 4]) } else { (0, &[]) };
        let mut frame = vec![0xc1, mask | 0x7e];
        frame.extend(length.to_be_bytes());
        frame.extend(key);
        let mut cycle = key.iter().cycle();
        frame.extend(octets.iter().map(|octet| octet ^ cycle.next().copied().unwrap_or_default()));
        (*by, frame)
    });
    let frames: Vec<Turn> = frames.collect();
    upgrade().into_iter().chain(frames).collect()
}

#[test]
fn compressed_websocket() {
    let turns = packed(&cryptonote());
    assert_eq!(facts(&turns).shares, facts(&cryptonote()).shares);
    assert_high(&turns);
    // What is longer than is kept in mind does no harm.
    let long = vec![(P, vec![b'x'; 300_000]), (P, b"{}".to_vec())];
    assert_eq!(facts(&packed(&long)).statements, 0);
}

#[test]
fn long_polls_for_work_have_no_method() {
    let work = format!(
        r#"{{"id":0,"error":null,"result":{{"data":"{}","hash1":"{}","target":"{}"}}}}"#,
        hex(256),
        hex(128),
        hex(64)
    );
    let ask = "GET /LP HTTP/1.1\r\nHost: pool.example:8332\r\nX-Mining-Extensions: longpoll midstate rollntime\r\n\r\n";
    let turns = [texts(&[(M, ask)]), vec![(P, response(&work))]].concat();
    assert_eq!((facts(&turns).polls, facts(&turns).jobs), (1, 1));
    assert_mining(&turns, Confidence::Medium);
    // Without the header, it may be anybody: nodes do not know the method any more, hence a suspicion.
    let plain = vec![(M, post(r#"{"method":"getwork","params":[],"id":0}"#)), (P, response(&work))];
    assert_mining(&plain, Confidence::Low);
    assert_eq!(verdict(&plain).map(|verdict| verdict.confidence), Some(Confidence::Low));
}

#[test]
fn who_tells_its_rate_mines() {
    let work = format!(r#"{{"id":1,"jsonrpc":"2.0","result":["0x{0}","0x{0}","0x{0}"]}}"#, hex(64));
    let rate = format!(
        r#"{{"id":2,"jsonrpc":"2.0","method":"eth_submitHashrate","params":["0x500000","0x{}"]}}"#,
        hex(64)
    );
    let turns = vec![
        (M, post(r#"{"id":1,"jsonrpc":"2.0","method":"eth_getWork","params":[]}"#)),
        (P, response(&work)),
        (M, post(&rate)),
        (P, response(r#"{"id":2,"jsonrpc":"2.0","result":true}"#)),
    ];
    assert_mining(&turns, Confidence::Medium);
}

#[test]
fn merged_mining() {
    let work = format!(
        r#"{{"id":1,"error":null,"result":{{"hash":"{}","previousblockhash":"{}","bits":"1a00"}}}}"#,
        hex(64),
        hex(64)
    );
    let share = format!(r#"{{"id":2,"method":"getauxblock","params":["{}","{}"]}}"#, hex(64), hex(800));
    let turns = vec![
        (M, post(r#"{"id":1,"method":"getauxblock","params":[]}"#)),
        (P, response(&work)),
        (M, post(&share)),
        (P, response(r#"{"id":2,"error":null,"result":true}"#)),
    ];
    assert_eq!(verdict(&turns[..2]).map(|verdict| verdict.kind), Some(Kind::WorkRequests));
    assert_high(&turns);
}

#[test]
fn a_capture_that_cuts_every_packet_still_has_names() {
    let mut session = detect::stratum::Session::new(false);
    for (number, (by, line)) in (1_u64..).zip(bitcoin()) {
        let time = wire::Timestamp::from_parts(1_000_000 + number, 0);
        let length = line.len().min(58);
        session.octets(by == M, time, &line[..length]);
        if length < line.len() {
            session.gap(by == M);
        }
    }
    session.end();
    let heard = session.facts();
    assert_eq!((heard.jobs, heard.shares.submitted, heard.login), (1, 3, Login::Accepted));
    let verdict = detect::stratum::judge::judge(heard).expect("this is mining");
    assert!(verdict.confidence >= Confidence::Medium);
}
