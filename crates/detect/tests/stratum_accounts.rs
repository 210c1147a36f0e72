//! What is said of a session beyond that it is one: who was let in, which coin it is, and how fast is mined.

mod stratum_support;

use detect::Severity;
use detect::stratum::impact::{Impact, Unit};
use detect::stratum::judge::Confidence;
use detect::stratum::{Dialect, Login, Stage};
use stratum_support::{M, P, Turn, facts, hex, lines, only, verdict};

const SUBSCRIBED: &str = r#"{"id":1,"result":[[["mining.set_difficulty","b4"],["mining.notify","ae"]],"08000002",4],"error":null}"#;

/// A session in the words of Bitcoin's Stratum: who is to be paid, the difficulty, a job, and shares that are accepted.
fn session(user: &str, difficulty: &str, job: &str, shares: &[&str]) -> Vec<Turn> {
    let mut turns = lines(&[
        (M, r#"{"id":1,"method":"mining.subscribe","params":["miner/1.0"]}"#),
        (P, SUBSCRIBED),
        (M, &format!(r#"{{"id":2,"method":"mining.authorize","params":["{user}","x"]}}"#)),
        (P, r#"{"id":2,"result":true,"error":null}"#),
        (P, difficulty),
        (P, &format!(r#"{{"id":null,"method":"mining.notify","params":{job}}}"#)),
    ]);
    for (number, share) in (3..).zip(shares) {
        turns.extend(lines(&[
            (M, &format!(r#"{{"id":{number},"method":"mining.submit","params":{share}}}"#)),
            (P, &format!(r#"{{"id":{number},"result":true,"error":null}}"#)),
        ]));
    }
    turns
}

fn coinbase_job() -> String {
    format!(r#"["j","{0}","01","02",["{0}"],"20000000","1703a30c","65a1b2c3",true]"#, hex(64))
}

const COINBASE_SHARE: &str = r#"["w","j","00000001","65a1b2c4","b2957c02"]"#;
const DIFFICULTY: &str = r#"{"id":null,"method":"mining.set_difficulty","params":[65536]}"#;

#[test]
fn a_pool_that_refuses_the_name_has_not_let_the_miner_in() {
    let turns = lines(&[
        (M, r#"{"id":1,"method":"mining.subscribe","params":["cgminer/4.10"]}"#),
        (P, SUBSCRIBED),
        (M, r#"{"id":2,"method":"mining.authorize","params":["nobody","x"]}"#),
        (P, r#"{"id":2,"result":null,"error":[24,"Unauthorized worker",null]}"#),
    ]);
    let heard = facts(&turns);
    assert_eq!((heard.login, heard.stage()), (Login::Refused, Some(Stage::Handshake)));
    let found = verdict(&turns).expect("both ends speak of mining");
    assert_eq!((found.confidence, found.severity), (Confidence::Medium, Severity::Medium));
    assert_eq!(
        found.reasons,
        ["the pool let the miner subscribe, and refused the name that it gave"],
        "a host that runs a miner, and is not paid"
    );
    // Another name that is let in is enough, and what was granted stays so.
    let granted = lines(&[
        (M, r#"{"id":3,"method":"mining.authorize","params":["somebody","x"]}"#),
        (P, r#"{"id":3,"result":true,"error":null}"#),
    ]);
    let refused = turns.get(2..).expect("there is more").to_vec();
    let turns = [turns, granted, refused].concat();
    assert_eq!(facts(&turns).login, Login::Accepted);
    assert_eq!(verdict(&turns).map(|verdict| verdict.confidence), Some(Confidence::Medium));
}

#[test]
fn an_extension_that_is_not_known_is_no_refusal() {
    let turns = lines(&[
        (M, r#"{"id":1,"method":"mining.configure","params":[["version-rolling"],{}]}"#),
        (P, r#"{"id":1,"result":null,"error":[20,"Unknown method",null]}"#),
        (M, r#"{"id":2,"method":"mining.subscribe","params":["cgminer/4.10"]}"#),
        (P, &SUBSCRIBED.replace("\"id\":1", "\"id\":2")),
    ]);
    assert_eq!(facts(&turns).login, Login::Accepted);
}

#[test]
fn what_is_not_known_has_an_answer_of_its_own() {
    let job = r#"{"pool_wallet":"w","extra_nonce":"0abc","target":"b88d0600","job_id":"j1","id":"s"}"#;
    let template = |blob: usize| {
        format!(
            r#"{{"id":2,"jsonrpc":"2.0","method":"block_template","params":{{"id":"s","job_id":"j1","blob":"{}","height":3}}}}"#,
            hex(blob)
        )
    };
    for template in [template(600), template(60_000)] {
        let turns = lines(&[
            (
                M,
                r#"{"id":1,"jsonrpc":"2.0","method":"login","params":{"login":"w","pass":"x","algo":["rx/0"]}}"#,
            ),
            (P, &format!(r#"{{"id":1,"jsonrpc":"2.0","result":{{"id":"s","job":{job},"status":"OK"}}}}"#)),
            (M, &template),
            (P, r#"{"id":2,"jsonrpc":"2.0","error":null,"result":{"status":"OK"}}"#),
            (M, r#"{"id":3,"jsonrpc":"2.0","method":"whatever","params":{"id":"s"}}"#),
            (P, r#"{"id":3,"jsonrpc":"2.0","error":null,"result":{"status":"OK"}}"#),
            (
                M,
                &format!(
                    r#"{{"id":4,"jsonrpc":"2.0","method":"submit","params":{{"id":"s","job_id":"j1","nonce":"d0030040","result":"{}"}}}}"#,
                    hex(64)
                ),
            ),
            (P, r#"{"id":4,"jsonrpc":"2.0","error":null,"result":{"status":"OK"}}"#),
        ]);
        let heard = facts(&turns);
        assert_eq!((heard.jobs, heard.shares.submitted, heard.shares.accepted), (1, 1, 1), "self-select");
        assert_eq!(verdict(&turns).map(|verdict| verdict.confidence), Some(Confidence::High));
    }
}

#[test]
fn jobs_that_are_asked_for_count() {
    let job = |id: u32| format!(r#"{{"blob":"{}","job_id":"{id}","target":"b88d0600"}}"#, hex(152));
    let turns = lines(&[
        (M, r#"{"id":1,"method":"login","params":{"login":"w","pass":"x","agent":"cpuminer-multi/0.1"}}"#),
        (P, &format!(r#"{{"id":1,"result":{{"id":"s","job":{},"status":"OK"}}}}"#, job(0))),
        (M, r#"{"id":1,"method":"getjob","params":{"id":"s"}}"#),
        (P, &format!(r#"{{"id":1,"result":{}}}"#, job(1))),
    ]);
    assert_eq!((facts(&turns).jobs, facts(&turns).polls), (2, 1));
}

#[test]
fn a_list_that_begins_with_no_is_a_refusal() {
    let header = format!("0x{}", hex(64));
    let turns = lines(&[
        (M, r#"{"jsonrpc":"2.0","method":"mining.subscribe","params":["w",""],"id":1}"#),
        (P, r#"{"jsonrpc":"2.0","result":true,"id":1}"#),
        (
            P,
            &format!(
                r#"{{"jsonrpc":"2.0","method":"mining.notify","params":["{header}","21000","{header}","0x1a4e{}"],"id":3}}"#,
                hex(40)
            ),
        ),
        (
            M,
            &format!(
                r#"{{"jsonrpc":"2.0","method":"mining.submit","params":["w","{header}","{header}","{header}"],"id":2}}"#
            ),
        ),
        (P, r#"{"jsonrpc":"2.0","result":["false","invalid nonce"],"id":2}"#),
        (
            M,
            &format!(
                r#"{{"jsonrpc":"2.0","method":"mining.submit","params":["w","{header}","{header}","{header}"],"id":3}}"#
            ),
        ),
        (P, r#"{"jsonrpc":"2.0","result":["true"],"id":3}"#),
    ]);
    let heard = facts(&turns);
    assert_eq!((heard.shares.accepted, heard.shares.rejected), (1, 1), "Conflux");
    assert_eq!(heard.dialect, Some(Dialect::Bitcoin), "the fourth is a boundary, and no flag as in EIP-1571");
}

#[test]
fn coins_with_the_words_of_bitcoin_are_not_taken_for_zcash_or_ethereum() {
    let boundary =
        format!(r#"{{"id":null,"method":"mining.set_target","params":["0001{}"]}}"#, "0".repeat(60));
    let (hash, nonce) = (hex(64), hex(16));
    let nervos = "ckb1qyq2znu0gempdahctxsm49sa9jdzq9vnka7qt9ntff.w";
    for (user, difficulty, job, coin) in [
        (nervos, boundary.as_str(), format!(r#"["j","{hash}",1,"{hash}",true]"#), Some("Nervos")),
        (
            "ak_2a1j2Mk9YSmC1gioUq4PWRm3bsv887MbuRVwyv4KaUGoR1eiKi.w",
            &boundary,
            format!(r#"["j","{hash}",true]"#),
            Some("Aeternity"),
        ),
        (
            "xel:ys4peuzztwl67",
            DIFFICULTY,
            format!(r#"["j","{nonce}","{hash}","{hash}",true]"#),
            Some("Xelis"),
        ),
        ("w", DIFFICULTY, format!(r#"["j",900000,"{hash}","","",2,"289480223","",true]"#), None),
    ] {
        let share = format!(r#"["{user}","j","{nonce}"]"#);
        let turns = session(user, difficulty, &job, &[&share, &share]);
        let heard = facts(&turns);
        assert_eq!((heard.dialect, heard.coin), (Some(Dialect::Bitcoin), coin), "{job}");
        assert_eq!(heard.shares.accepted, 2);
        // A boundary says how many hashes it takes; a number says it only where difficulty 1 is known.
        let is_told = difficulty != DIFFICULTY;
        assert_eq!(Impact::of(&heard).map(|impact| impact.unit), is_told.then_some(Unit::Told), "{job}");
    }
}

#[test]
fn kaspas_long_jobs() {
    let job = format!(r#"["j","{}"]"#, hex(80));
    let turns = session("kaspa:qq0.w", DIFFICULTY, &job, &[r#"["kaspa:qq0.w","j","0011223344556677"]"#]);
    assert_eq!(facts(&turns).dialect, Some(Dialect::Kaspa));
}

#[test]
fn scrypt_is_a_65536th_of_bitcoins_hashes() {
    let of = |user: &str| {
        let turns = session(user, DIFFICULTY, &coinbase_job(), &[COINBASE_SHARE, COINBASE_SHARE]);
        let impact = Impact::of(&facts(&turns)).expect("there are shares");
        (impact.unit, impact.hashes_per_second.likely * impact.seconds)
    };
    let (unit, hashes) = of("ltc1qg42tkwuuxefutzxezdkdel39gfstuap288mfea.w");
    assert_eq!(unit, Unit::TakenForScrypts);
    assert!((hashes / (2.0 * 4_294_967_296.0) - 1.0).abs() < 1e-9, "{hashes}");
    let (unit, hashes) = of("somebody.w");
    assert_eq!(unit, Unit::TakenForBitcoins);
    assert!((hashes / (2.0 * 65_536.0 * 4_294_967_296.0) - 1.0).abs() < 1e-9, "{hashes}");
    let turns = session("somebody.w", DIFFICULTY, &coinbase_job(), &[COINBASE_SHARE]);
    let reasons = verdict(&turns).expect("this is mining").reasons;
    assert!(reasons.iter().any(|reason| reason.contains("scrypt")), "it is said: {reasons:?}");
}

#[test]
fn a_boundary_in_the_job_holds_whatever_else_the_pool_says() {
    let job = format!(r#"["j","{0}","{0}","00000001{1}",true,1219838,"1b00ef95"]"#, hex(64), "0".repeat(56));
    let share = format!(r#"["w","j","0x9ba8000000001234","0x{0}","0x{0}"]"#, hex(64));
    let later = lines(&[(P, DIFFICULTY)]);
    let turns = [session("w", DIFFICULTY, &job, &[&share]), later].concat();
    let impact = Impact::of(&facts(&turns)).expect("there is a share");
    assert_eq!(impact.unit, Unit::Told);
    assert!((impact.hashes_per_second.likely * impact.seconds / 4_294_967_296.0 - 1.0).abs() < 1e-6);
}

#[test]
fn who_rolls_versions_mines_sha256() {
    let configure = lines(&[
        (M, r#"{"id":9,"method":"mining.configure","params":[["version-rolling"],{}]}"#),
        (P, r#"{"id":9,"result":{"version-rolling":true,"version-rolling.mask":"1fffe000"},"error":null}"#),
    ]);
    let turns = [configure, session("somebody.w", DIFFICULTY, &coinbase_job(), &[COINBASE_SHARE])].concat();
    let heard = facts(&turns);
    assert_eq!(heard.algorithm.as_deref(), Some("sha256d"));
    assert_eq!(Impact::of(&heard).map(|impact| impact.unit), Some(Unit::Told));
}

#[test]
fn hashes_of_two_algorithms_are_not_added() {
    let job = |id: &str, target: &str, algorithm: &str| {
        format!(
            r#"{{"jsonrpc":"2.0","method":"job","params":{{"blob":"{}","job_id":"{id}","target":"{target}"{algorithm}}}}}"#,
            hex(152)
        )
    };
    let share = |id: u32, job: &str| {
        format!(
            r#"{{"id":{id},"jsonrpc":"2.0","method":"submit","params":{{"id":"s","job_id":"{job}","nonce":"d0030040","result":"{}"}}}}"#,
            hex(64)
        )
    };
    let answer =
        |id: u32| format!(r#"{{"id":{id},"jsonrpc":"2.0","error":null,"result":{{"status":"OK"}}}}"#);
    let rest = |algorithm: &str| {
        lines(&[
            (P, &job("a", "b88d0600", r#","algo":"rx/0""#)),
            (M, &share(2, "a")),
            (P, &answer(2)),
            (P, &job("b", "dc460300", algorithm)),
            (M, &share(3, "b")),
            (P, &answer(3)),
        ])
    };
    let hashes = |algorithm: &str| facts(&rest(algorithm)).accepted_work.hashes;
    assert!((hashes(r#","algo":"gr""#) - 20_000.0).abs() < 2.0, "those of the latest");
    let seed = format!(r#","seed_hash":"{}""#, hex(64));
    assert!((hashes(&seed) - 30_000.0).abs() < 2.0, "the family's name is not another");
}

#[test]
fn addresses_that_begin_alike_are_told_apart_by_the_dialect() {
    let user = "RQpWNdNZ4LQ5yHUM3VAVuhUmMMiMuGLUhT.w";
    let equihash = format!(r#"["j","04000100","{0}","{0}","{0}","65a1b2c3","1a00abcd",true]"#, hex(64));
    let boundary =
        format!(r#"{{"id":null,"method":"mining.set_target","params":["0001{}"]}}"#, "0".repeat(60));
    assert_eq!(facts(&session(user, &boundary, &equihash, &[])).coin, Some("Verus or Komodo"));
    let kawpow = format!(r#"["j","{0}","{0}","{0}",true,1219838,"1b00ef95"]"#, hex(64));
    assert_eq!(facts(&session(user, &boundary, &kawpow, &[])).coin, Some("Ravencoin"));
    let turns = session(user, DIFFICULTY, &coinbase_job(), &[]);
    assert_eq!(facts(&turns).coin, Some("Ravencoin, Verus or Komodo"));
}

#[test]
fn what_is_missing_of_a_session_is_said() {
    let turns = session("somebody.w", DIFFICULTY, &coinbase_job(), &[COINBASE_SHARE]);
    let reason = |turns: &[Turn]| verdict(turns).and_then(|verdict| verdict.reasons.first().copied());
    assert_eq!(
        reason(turns.get(..6).expect("there is more")),
        Some("the pool let the miner in and handed out jobs; no share of them was seen")
    );
    assert_eq!(
        reason(&only(M, &turns)),
        Some("shares were handed in; jobs, and that the pool let the miner in, were not seen")
    );
}
