//! Sessions that several tests need.

use detect::stratum::Facts;
use detect::stratum::judge::Confidence;
use detect::{Kind, Severity};

use super::{M, P, Turn, hex, lines, verdict};

pub(crate) fn shares(facts: &Facts) -> [u32; 4] {
    [facts.shares.submitted, facts.shares.accepted, facts.shares.rejected, facts.shares.stale]
}

pub(crate) fn assert_high(turns: &[Turn]) {
    let verdict = verdict(turns).expect("this is mining");
    assert_eq!(
        (verdict.kind, verdict.confidence, verdict.severity),
        (Kind::Mining, Confidence::High, Severity::High)
    );
    assert!(verdict.techniques.contains(&"T1496.001"));
}

pub(crate) fn bitcoin() -> Vec<Turn> {
    let notify = format!(
        r#"{{"id":null,"method":"mining.notify","params":["bf","{}","01000000010000","072f736c7573682f",["{}"],"20000000","1c2ac4af","504e86b9",false]}}"#,
        hex(64),
        hex(64)
    );
    lines(&[
        (
            M,
            r#"{"id":0,"method":"mining.configure","params":[["version-rolling"],{"version-rolling.mask":"1fffe000"}]}"#,
        ),
        (P, r#"{"id":0,"result":{"version-rolling":true,"version-rolling.mask":"1fffe000"},"error":null}"#),
        (M, r#"{"id":1,"method":"mining.subscribe","params":["cgminer/4.10.0",null,"pool.example","3333"]}"#),
        (
            P,
            r#"{"id":1,"result":[[["mining.set_difficulty","b4b6693b"],["mining.notify","ae6812eb"]],"08000002",4],"error":null}"#,
        ),
        (
            M,
            r#"{"id":2,"method":"mining.authorize","params":["1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa.rig7","secret"]}"#,
        ),
        (P, r#"{"id":2,"result":true,"error":null}"#),
        (P, r#"{"id":null,"method":"mining.set_difficulty","params":[2]}"#),
        (P, &notify),
        (P, r#"{"id":null,"method":"mining.set_difficulty","params":[1024]}"#),
        (
            M,
            r#"{"id":4,"method":"mining.submit","params":["1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa.rig7","bf","00000001","504e86ed","b2957c02","1fffe000"]}"#,
        ),
        (P, r#"{"id":4,"result":true,"error":null}"#),
        (
            M,
            r#"{"id":5,"method":"mining.submit","params":["1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa.rig7","bf","00000002","504e86ed","b2957c03"]}"#,
        ),
        (P, r#"{"id":5,"result":null,"error":[21,"Job not found",null]}"#),
        (
            M,
            r#"{"id":6,"method":"mining.submit","params":["1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa.rig7","bf","00000002","504e86ed","b2957c03"]}"#,
        ),
        (P, r#"{"id":6,"result":null,"error":[22,"Duplicate share",null]}"#),
    ])
}

pub(crate) fn cryptonote() -> Vec<Turn> {
    let (blob, seed) = (hex(152), hex(64));
    let job = format!(
        r#"{{"blob":"{blob}","job_id":"j1","target":"b88d0600","algo":"rx/0","height":3,"seed_hash":"{seed}"}}"#
    );
    let next = job.replace("j1", "j2").replace("b88d0600", "dc460300");
    let submit = |id: u32, job: &str| {
        format!(
            r#"{{"id":{id},"jsonrpc":"2.0","method":"submit","params":{{"id":"s1","job_id":"{job}","nonce":"d0030040","result":"{}"}}}}"#,
            hex(64)
        )
    };
    lines(&[
        (
            M,
            r#"{"id":1,"jsonrpc":"2.0","method":"login","params":{"login":"48edfHu7V9Z84YzzMa6fUueoELZ9ZRXq9VetWzYGzKt52XU5xvqgzYnDK9URnRoJMk1j8nLwEVsaSWJ4fhdUyZijBGUicoD+5000.office","pass":"secret","agent":"XMRig/6.21.0 (Linux x86_64) libuv/1.44.2 gcc/11.2.1","algo":["rx/0","cn/r"]}}"#,
        ),
        (
            P,
            &format!(
                r#"{{"id":1,"jsonrpc":"2.0","result":{{"id":"s1","job":{job},"status":"OK"}},"error":null}}"#
            ),
        ),
        (M, &submit(2, "j1")),
        (P, &format!(r#"{{"jsonrpc":"2.0","method":"job","params":{next}}}"#)),
        (P, r#"{"id":2,"jsonrpc":"2.0","error":null,"result":{"status":"OK"}}"#),
        (M, r#"{"id":3,"jsonrpc":"2.0","method":"keepalived","params":{"id":"s1"}}"#),
        (P, r#"{"id":3,"jsonrpc":"2.0","error":null,"result":{"status":"KEEPALIVED"}}"#),
        (M, &submit(4, "j2")),
        (P, r#"{"id":4,"jsonrpc":"2.0","error":{"code":-1,"message":"Low difficulty share"}}"#),
        (M, &submit(5, "j1")),
        (P, r#"{"id":5,"jsonrpc":"2.0","error":{"code":-1,"message":"Block expired"}}"#),
        (M, &submit(6, "j2")),
        (P, r#"{"id":6,"jsonrpc":"2.0","error":null,"result":{"status":"OK"}}"#),
    ])
}
