//! Which connections are listened to, for how long, and what becomes of them.

use detect::{
    Observation,
    stratum::{Facts, Heard},
};
use wire::Ports;

use crate::conversation::{
    DATA, Desk, FIN,
    From::{Client, Server},
    Pair, SYN,
};

const MINER: Pair = Pair { client: ([192, 0, 2, 10], 50_000), server: ([198, 51, 100, 99], 3_333) };
const ROOM: usize = 64 << 20;

const LOGIN: &str = concat!(
    r#"{"id":1,"jsonrpc":"2.0","method":"login","params":{"login":"wallet","pass":"x","agent":"XMRig/6.21.3"}}"#,
    "\n"
);
const WELCOME: &str = concat!(
    r#"{"id":1,"jsonrpc":"2.0","error":null,"result":{"id":"1be0","job":{"blob":"0707d5ef","job_id":"q7PL","target":"b88d0600","#,
    r#""seed_hash":"7915d56de262bf23b1fb9104cf5d2a13fcbed2f6b4b9b657309c222b09f54bc0"},"status":"OK"}}"#,
    "\n"
);
const SHARE: &str = concat!(
    r#"{"id":2,"jsonrpc":"2.0","method":"submit","params":{"id":"1be0","job_id":"q7PL","nonce":"d0030040","#,
    r#""result":"e1364b8782719d7683e2ccd3d8f724bc59dfa780a9e960e7c0e0046acdb40100"}}"#,
    "\n"
);
const ACCEPTED: &str = concat!(r#"{"id":2,"jsonrpc":"2.0","error":null,"result":{"status":"OK"}}"#, "\n");

/// What was last told of a miner.
fn last_facts(observations: &[Observation]) -> Option<&Facts> {
    observations.iter().rev().find_map(|observation| match observation {
        Observation::Mining(observation) => match &observation.heard {
            Heard::Words(facts) => Some(facts),
            Heard::Rhythm(_) => None,
        },
        _ => None,
    })
}

fn mining(observations: &[Observation]) -> usize {
    observations.iter().filter(|observation| matches!(observation, Observation::Mining(_))).count()
}

#[test]
fn a_miner_is_heard_from_login_to_share() {
    let mut desk = Desk::new(ROOM);
    desk.talk(100, MINER, &[(Client, LOGIN), (Server, WELCOME), (Client, SHARE), (Server, ACCEPTED)]);
    let observations = desk.observed_until(None);
    let facts = last_facts(&observations).unwrap();
    assert_eq!((facts.shares.submitted, facts.shares.accepted, facts.jobs), (1, 1, 1));
}

#[test]
fn a_silence_longer_than_a_flow_does_not_end_the_conversation() {
    let mut desk = Desk::new(ROOM);
    let places = desk.talk(100, MINER, &[(Client, LOGIN), (Server, WELCOME)]);
    // Half an hour later the flow has long timed out, and a new one begins without SYN.
    desk.go_on(1_900, MINER, places, &[(Client, SHARE), (Server, ACCEPTED)]);
    let observations = desk.observed_until(None);
    let facts = last_facts(&observations).unwrap();
    assert_eq!((facts.shares.accepted, facts.shares.of_known_jobs, facts.jobs), (1, 1, 1));
}

#[test]
fn segments_out_of_order_are_heard_in_order() {
    let mut desk = Desk::new(ROOM);
    let (head, tail) = LOGIN.split_at(40);
    desk.segment(100, MINER, Client, SYN, 0, "");
    desk.segment(101, MINER, Client, DATA, 41, tail);
    desk.segment(101, MINER, Client, DATA, 1, head);
    desk.segment(102, MINER, Server, DATA, 1, WELCOME);
    let observations = desk.observed_until(None);
    let facts = last_facts(&observations).expect("it was heard");
    assert_eq!(facts.agent.as_deref(), Some("XMRig/6.21.3"));
}

#[test]
fn a_new_connection_on_the_same_ports_is_another() {
    let mut desk = Desk::new(ROOM);
    let places = desk.talk(100, MINER, &[(Client, LOGIN), (Server, WELCOME)]);
    desk.segment(110, MINER, Client, FIN, places[0], "");
    desk.sequence = 9_000;
    desk.talk(200, MINER, &[(Client, LOGIN), (Server, WELCOME)]);
    let flows: Vec<_> = desk
        .observed_until(None)
        .iter()
        .filter_map(|observation| match observation {
            Observation::Mining(observation) => Some((observation.flow, observation.is_over)),
            _ => None,
        })
        .collect();
    let ended: Vec<_> = flows.iter().filter(|(_, is_over)| *is_over).map(|(flow, _)| flow).collect();
    assert_eq!(ended.len(), 2);
    assert_ne!(ended[0], ended[1]);
}

#[test]
fn a_question_that_nobody_answers_is_told_in_the_end() {
    let mut desk = Desk::new(ROOM);
    desk.talk(100, MINER, &[(Client, LOGIN)]);
    assert_eq!(mining(&desk.observed_until(Some(104))), 0, "an answer may still come");
    assert_eq!(mining(&desk.observed_until(Some(1_000))), 1, "none came");
    assert_eq!(mining(&desk.observed_until(None)), 0);
}

#[test]
fn those_that_mine_are_kept_when_there_are_too_many() {
    let mut desk = Desk::new(0);
    let places = desk.talk(100, MINER, &[(Client, LOGIN), (Server, WELCOME)]);
    for last in 0..=255 {
        let pair = Pair { client: ([203, 0, 113, last], 40_000), ..MINER };
        desk.talk(110, pair, &[(Client, "{\"half\":")]);
    }
    assert!(desk.counts().listeners_evicted > 100, "{:?}", desk.counts());
    desk.go_on(120, MINER, places, &[(Client, SHARE), (Server, ACCEPTED)]);
    let observations = desk.observed_until(None);
    assert_eq!(last_facts(&observations).unwrap().shares.accepted, 1);
}

#[test]
fn a_name_is_told_once() {
    // An answer of DNS: pool.example is 198.51.100.99.
    let mut answer = vec![0x12, 0x34, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0];
    answer.extend(b"\x04pool\x07example\x00\x00\x01\x00\x01\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04");
    answer.extend(MINER.server.0);
    let mut desk = Desk::new(ROOM);
    for second in 0..3 {
        let ports = Ports { source: 53, destination: 40_000 };
        desk.datagram(100 + second, ([192, 0, 2, 53], [192, 0, 2, 10]), ports, &answer);
    }
    let observations = desk.observed_until(None);
    let [Observation::Name(heard)] = &observations[..] else { panic!("{observations:?}") };
    assert_eq!((&*heard.name, &heard.addresses[..]), ("pool.example", &[MINER.server.0.into()][..]));
}

#[test]
fn observations_come_in_order() {
    let mut desk = Desk::new(ROOM);
    for last in 0..20 {
        let pair = Pair { client: ([192, 0, 2, last], 40_000), ..MINER };
        desk.talk(100 + u64::from(last % 7), pair, &[(Client, LOGIN), (Server, WELCOME), (Client, SHARE)]);
    }
    let mut all = desk.observed_until(Some(109));
    assert!(all.iter().all(|observation| observation.time().seconds() < 109));
    all.extend(desk.observed_until(None));
    assert!(all.windows(2).all(|pair| pair[0].order() <= pair[1].order()));
    assert!(mining(&all) >= 40);
}
