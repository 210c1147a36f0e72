//! A session of each dialect that is spoken in lines, written from its specification.

mod stratum_support;

use detect::Value;
use detect::stratum::judge::Confidence;
use detect::stratum::{Dialect, Login, Stage};
use stratum_support::sessions::{assert_high, bitcoin, cryptonote, shares};
use stratum_support::{M, P, Turn, facts, facts_midstream, hex, lines, only, verdict};

#[test]
fn bitcoin_stratum_v1() {
    let facts = facts(&bitcoin());
    assert_eq!(facts.dialect, Some(Dialect::Bitcoin));
    assert_eq!(facts.stage(), Some(Stage::Session));
    assert_eq!(facts.agent.as_deref(), Some("cgminer/4.10.0"));
    assert_eq!(facts.pool.as_deref(), Some("pool.example:3333"));
    assert_eq!(facts.wallet.as_deref(), Some("1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"));
    assert_eq!((facts.worker.as_deref(), facts.coin), (Some("rig7"), Some("Bitcoin")));
    assert_eq!(shares(&facts), [3, 1, 2, 1]);
    assert_eq!(
        facts.accepted_work.hashes.to_bits(),
        (2.0 * 4_294_967_296.0_f64).to_bits(),
        "of its own job, not of the latest"
    );
    assert_high(&bitcoin());
}

#[test]
fn no_password_is_kept() {
    let cryptonote = cryptonote();
    for turns in [bitcoin(), cryptonote] {
        let said = format!("{:?} {:?}", facts(&turns), verdict(&turns));
        assert!(!said.contains("secret"), "{said}");
    }
}

#[test]
fn cryptonote_of_monero() {
    let facts = facts(&cryptonote());
    assert_eq!(facts.dialect, Some(Dialect::CryptoNote));
    assert_eq!((facts.coin, facts.worker.as_deref()), (Some("Monero"), Some("office")));
    assert_eq!(facts.algorithm.as_deref(), Some("rx/0"));
    assert_eq!(shares(&facts), [4, 2, 2, 1]);
    assert_eq!(facts.jobs, 2);
    assert!((facts.accepted_work.hashes - 30_000.0).abs() < 2.0);
    assert_high(&cryptonote());
    let verdict = verdict(&cryptonote()).expect("this is mining");
    let wallet =
        verdict.evidence.iter().find(|evidence| evidence.name == "wallet").expect("it names a wallet");
    assert!(matches!(&wallet.value, Value::Text(text) if text.len() == 95), "shown whole");
    assert!(verdict.impact.and_then(|impact| impact.processors).is_some());
}

#[test]
fn one_way_is_enough() {
    let miner = facts(&only(M, &cryptonote()));
    assert_eq!(
        (miner.dialect, miner.shares.submitted, miner.pool_spoke),
        (Some(Dialect::CryptoNote), 4, false)
    );
    let pool = facts(&only(P, &cryptonote()));
    assert_eq!((pool.dialect, pool.jobs, pool.login), (Some(Dialect::CryptoNote), 2, Login::Accepted));
    assert_eq!(pool.shares.accepted, 2);
    assert_eq!(verdict(&only(P, &cryptonote())).map(|verdict| verdict.confidence), Some(Confidence::Medium));
}

#[test]
fn a_session_is_known_in_midstream() {
    let turns = cryptonote();
    let later = turns.get(3..).expect("there is more");
    let facts = facts_midstream(later);
    assert_eq!((facts.dialect, facts.shares.accepted, facts.jobs), (Some(Dialect::CryptoNote), 2, 1));
    let mut cut = later.to_vec();
    cut[0].1.drain(..20);
    let facts = facts_midstream(&cut);
    assert_eq!(
        (facts.jobs, facts.shares.submitted),
        (0, 3),
        "the rest of a message costs nothing but itself"
    );
}

#[test]
fn jobs_alone_are_known_in_midstream() {
    let job = format!(
        r#"{{"jsonrpc":"2.0","method":"job","params":{{"blob":"{}","job_id":"1","target":"b88d0600"}}}}"#,
        hex(152)
    );
    let facts = facts_midstream(&lines(&[(P, &job), (P, &job)]));
    assert_eq!((facts.jobs, facts.miner_is_initiator), (2, Some(true)));
    let from_initiator = facts_midstream(&lines(&[(M, &job), (M, &job)]));
    assert_eq!(from_initiator.miner_is_initiator, Some(false), "who opened it may have been guessed wrong");
}

#[test]
fn login_without_an_answer_is_an_attempt() {
    let attempt: Vec<Turn> = cryptonote().into_iter().take(1).collect();
    assert_eq!(facts(&attempt).stage(), Some(Stage::Attempt));
    assert_eq!(verdict(&attempt).map(|verdict| verdict.confidence), Some(Confidence::Low));
    let refused =
        lines(&[(P, r#"{"id":1,"jsonrpc":"2.0","error":{"code":-1,"message":"Invalid address"}}"#)]);
    let facts = facts(&[attempt, refused].concat());
    assert_eq!((facts.stage(), facts.login), (Some(Stage::Answered), Login::Refused));
}

#[test]
fn eth_proxy() {
    let (header, seed) = (format!("0x{}", hex(64)), format!("0x{}", hex(64)));
    let boundary = "0x00000000dbe6fecebdedd5beb573440e5a884d1b2fbf06fcce912adcb8d8422e";
    let turns = lines(&[
        (
            M,
            r#"{"id":1,"jsonrpc":"2.0","worker":"rig","method":"eth_submitLogin","params":["0x9c99d212f7e5daa18ab50810e0fd255d1f04303b","x"]}"#,
        ),
        (P, r#"{"id":1,"jsonrpc":"2.0","result":true}"#),
        (M, r#"{"id":2,"jsonrpc":"2.0","method":"eth_getWork","params":[]}"#),
        (P, &format!(r#"{{"id":2,"jsonrpc":"2.0","result":["{header}","{seed}","{boundary}"]}}"#)),
        (P, &format!(r#"{{"id":0,"jsonrpc":"2.0","result":["{seed}","{seed}","{boundary}"]}}"#)),
        (
            M,
            &format!(
                r#"{{"id":3,"jsonrpc":"2.0","method":"eth_submitHashrate","params":["0x1d08a61","0x{}"]}}"#,
                hex(64)
            ),
        ),
        (P, r#"{"id":3,"jsonrpc":"2.0","result":true}"#),
        (
            M,
            &format!(
                r#"{{"id":4,"method":"eth_submitWork","params":["0x07a05fa4133e5126","{header}","{seed}"]}}"#
            ),
        ),
        (P, r#"{"id":4,"jsonrpc":"2.0","result":true}"#),
    ]);
    let facts = facts(&turns);
    assert_eq!(
        (facts.dialect, facts.jobs, facts.worker.as_deref()),
        (Some(Dialect::EthProxy), 2, Some("rig"))
    );
    assert_eq!(shares(&facts), [1, 1, 0, 0]);
    assert_eq!(facts.reported_hashes_per_second, Some(30_444_129.0));
    assert!((facts.accepted_work.hashes / 5.0e9 - 1.0).abs() < 0.01);
    assert_high(&turns);
}

#[test]
fn ethereum_stratum_1() {
    let turns = lines(&[
        (M, r#"{"id":1,"method":"mining.subscribe","params":["MinerName/1.0.0","EthereumStratum/1.0.0"]}"#),
        (
            P,
            r#"{"id":1,"result":[["mining.notify","ae6812eb4cd7735a302a8a9dd95cf71f","EthereumStratum/1.0.0"],"080c"],"error":null}"#,
        ),
        (M, r#"{"id":2,"method":"mining.authorize","params":["test","password"]}"#),
        (P, r#"{"id":2,"result":true,"error":null}"#),
        (P, r#"{"id":null,"method":"mining.set_difficulty","params":[0.5]}"#),
        (
            P,
            &format!(
                r#"{{"id":null,"method":"mining.notify","params":["bf0488aa","{}","{}",true]}}"#,
                hex(64),
                hex(64)
            ),
        ),
        (M, r#"{"id":244,"method":"mining.submit","params":["test","bf0488aa","6a909d9bbc0f"]}"#),
        (P, r#"{"id":244,"result":true,"error":null}"#),
    ]);
    let facts = facts(&turns);
    assert_eq!((facts.dialect, facts.shares.accepted), (Some(Dialect::EthereumStratum1), 1));
    assert_eq!(facts.accepted_work.hashes.to_bits(), 2_147_483_648.0_f64.to_bits());
    assert_high(&turns);
}

#[test]
fn ethereum_stratum_2() {
    let turns = lines(&[
        (
            M,
            r#"{"id":0,"method":"mining.hello","params":{"agent":"ethminer-0.17","host":"pool.example","port":"4d2","proto":"EthereumStratum/2.0.0"}}"#,
        ),
        (
            P,
            r#"{"id":0,"result":{"proto":"EthereumStratum/2.0.0","encoding":"plain","resume":"0","timeout":"b4","maxerrors":"5","node":"Geth/v1"}}"#,
        ),
        (M, r#"{"id":1,"method":"mining.subscribe"}"#),
        (P, r#"{"id":1,"result":"s-12345"}"#),
        (M, r#"{"id":2,"method":"mining.authorize","params":["0xaccount.worker","x"]}"#),
        (P, r#"{"id":2,"result":"w-123"}"#),
        (
            P,
            r#"{"method":"mining.set","params":{"epoch":"dc","target":"0112e0be826d694b2e62d01511f12a6061fbaec8bc02357593e70e52ba","algo":"ethash","extranonce":"af4c"}}"#,
        ),
        (P, &format!(r#"{{"method":"mining.notify","params":["bf0488aa","6526d5","{}","0"]}}"#, hex(64))),
        (M, r#"{"id":31,"method":"mining.submit","params":["bf0488aa","68765fccd712","w-123"]}"#),
        (P, r#"{"id":31}"#),
        (M, r#"{"id":50,"method":"mining.noop"}"#),
    ]);
    let facts = facts(&turns);
    assert_eq!(
        (facts.dialect, facts.jobs, facts.pool.as_deref()),
        (Some(Dialect::EthereumStratum2), 1, Some("pool.example:1234"))
    );
    assert_eq!(facts.shares.submitted, 1);
    assert_high(&turns);
}

#[test]
fn zcash_with_solutions_longer_than_a_segment() {
    let solution = format!("fd4005{}", hex(2_688));
    let submit = format!(
        r#"{{"id":4,"method":"mining.submit","params":["t1fAhZF5aUJdY7CikGULHmeYk7id8qmvbAd.rig4","8c6f","a9cc405a","{}","{solution}"]}}"#,
        hex(54)
    );
    let turns = lines(&[
        (M, r#"{"id":1,"method":"mining.subscribe","params":["EWBF 0.3.4b",null,"zec.example","3333"]}"#),
        (P, r#"{"id":1,"result":[null,"04d567b212"],"error":null}"#),
        (
            M,
            r#"{"id":2,"method":"mining.authorize","params":["t1fAhZF5aUJdY7CikGULHmeYk7id8qmvbAd.rig4","x"]}"#,
        ),
        (P, r#"{"id":2,"result":true,"error":null}"#),
        (
            P,
            r#"{"id":null,"method":"mining.set_target","params":["0004189374bc6a7ef9db22d0e5604189374bc6a7ef9db22d0e5604189374bc6a"]}"#,
        ),
        (
            P,
            &format!(
                r#"{{"id":null,"method":"mining.notify","params":["8c6f","04000000","{0}","{0}","{0}","a9cc405a","09d8151c",true]}}"#,
                hex(64)
            ),
        ),
        (M, &submit),
        (P, r#"{"id":4,"result":true}"#),
    ]);
    let facts = facts(&turns);
    assert_eq!((facts.dialect, facts.coin), (Some(Dialect::Equihash), Some("Zcash")));
    assert!((facts.accepted_work.hashes - 16_000.0).abs() < 1.0);
    assert_high(&turns);
}

#[test]
fn kawpow() {
    let turns = lines(&[
        (M, r#"{"id":1,"method":"mining.subscribe","params":["kawpowminer/1.2.4","EthereumStratum/1.0.0"]}"#),
        (P, r#"{"id":1,"result":[null,"9ba8"],"error":null}"#),
        (
            M,
            r#"{"id":2,"method":"mining.authorize","params":["RAb123456789abcdefghijkmnpqrstuvwx.rig","x"]}"#,
        ),
        (P, r#"{"id":2,"result":true,"error":null}"#),
        (
            P,
            &format!(r#"{{"id":null,"method":"mining.set_target","params":["00000001{}"]}}"#, "0".repeat(56)),
        ),
        (
            P,
            &format!(
                r#"{{"id":null,"method":"mining.notify","params":["1f","{0}","{0}","00000001{1}",true,1219838,"1b00ef95"]}}"#,
                hex(64),
                "0".repeat(56)
            ),
        ),
        (
            M,
            &format!(
                r#"{{"id":9,"method":"mining.submit","params":["RAb123456789abcdefghijkmnpqrstuvwx.rig","1f","0x9ba8000000001234","0x{0}","0x{0}"]}}"#,
                hex(64)
            ),
        ),
        (P, r#"{"id":9,"result":true,"error":null}"#),
    ]);
    let facts = facts(&turns);
    assert_eq!(
        (facts.dialect, facts.coin, facts.shares.of_known_jobs),
        (Some(Dialect::KawPow), Some("Ravencoin"), 1)
    );
    assert!((facts.accepted_work.hashes / 4_294_967_296.0 - 1.0).abs() < 1e-6);
    assert_high(&turns);
}

#[test]
fn kaspa() {
    let turns = lines(&[
        (
            M,
            r#"{"id":1,"method":"mining.subscribe","params":["IceRiverMiner-v1.1","EthereumStratum/1.0.0"]}"#,
        ),
        (P, r#"{"id":1,"jsonrpc":"2.0","result":[true,"EthereumStratum/1.0.0"]}"#),
        (P, r#"{"id":null,"method":"set_extranonce","params":["7ed1",6]}"#),
        (
            M,
            r#"{"id":2,"method":"mining.authorize","params":["kaspa:qqkrl0er5ka5snd55gr9rcf6rlpx8nln8gf3jxf83w4dc0khfqmauy6qs83zm.ks0","x"]}"#,
        ),
        (P, r#"{"id":2,"result":true}"#),
        (P, r#"{"method":"mining.set_difficulty","params":[4]}"#),
        (
            P,
            r#"{"method":"mining.notify","params":["1",[7542116789471434512,11218378923478912345,1,2],1690000000000]}"#,
        ),
        (M, r#"{"id":3,"method":"mining.submit","params":["kaspa:qq.ks0","1","0x7ed1000012345678"]}"#),
        (P, r#"{"id":3,"result":true}"#),
    ]);
    let facts = facts(&turns);
    assert_eq!(
        (facts.dialect, facts.coin, facts.worker.as_deref()),
        (Some(Dialect::Kaspa), Some("Kaspa"), Some("ks0"))
    );
    assert_high(&turns);
}

#[test]
fn grin_and_beam() {
    let grin = lines(&[
        (
            M,
            r#"{"id":"0","jsonrpc":"2.0","method":"login","params":{"login":"login","pass":"x","agent":"grin-miner"}}"#,
        ),
        (P, r#"{"id":"0","jsonrpc":"2.0","method":"login","result":"ok","error":null}"#),
        (M, r#"{"id":"1","jsonrpc":"2.0","method":"getjobtemplate","params":null}"#),
        (
            P,
            r#"{"id":"0","jsonrpc":"2.0","method":"job","params":{"difficulty":1,"height":16375,"job_id":5,"pre_pow":"00010000"}}"#,
        ),
        (
            M,
            r#"{"id":"0","jsonrpc":"2.0","method":"submit","params":{"edge_bits":29,"height":16419,"job_id":5,"nonce":8895699060858340771,"pow":[1,2]}}"#,
        ),
    ]);
    assert_eq!(facts(&grin).dialect, Some(Dialect::Grin));
    assert_eq!(facts(&grin).shares.submitted, 1);
    let beam = lines(&[
        (M, r#"{"method":"login","api_key":"skjdb7343636gefyf","id":"login","jsonrpc":"2.0"}"#),
        (P, r#"{"code":0,"description":"Login successful","id":"login","jsonrpc":"2.0","method":"result"}"#),
        (P, r#"{"difficulty":17190208,"id":"14","height":1,"input":"2a2f","jsonrpc":"2.0","method":"job"}"#),
        (M, r#"{"method":"solution","id":"14","nonce":"ef2a","output":"a1b2","jsonrpc":"2.0"}"#),
        (P, r#"{"code":1,"description":"accepted","id":"14","jsonrpc":"2.0","method":"result"}"#),
    ]);
    assert_eq!((facts(&beam).dialect, facts(&beam).shares.accepted), (Some(Dialect::Beam), 1));
    assert_high(&beam);
}

#[test]
fn a_gap_costs_a_message_and_no_more() {
    let turns = cryptonote();
    let mut session = detect::stratum::Session::new(false);
    for (number, (by, octets)) in turns.iter().enumerate() {
        let time = wire::Timestamp::from_parts(100 + number as u64, 0);
        if number == 2 {
            session.octets(true, time, &octets[..40]);
            session.gap(true);
            session.octets(true, time, &octets[60..]);
        } else {
            session.octets(*by == M, time, octets);
        }
    }
    assert_eq!(session.facts().shares.submitted, 3);
    assert_eq!(session.facts().jobs, 2);
}
