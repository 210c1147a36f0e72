//! RDP of real programs, recorded by `scripts/record-rdp`, against what these programs said of it.

#![expect(clippy::unwrap_used, reason = "a test ends where its setting fails")]

#[path = "rdp_corpus/connections.rs"]
mod connections;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
};

use detect::{
    Kind, Severity,
    rdp::{ConnectionConfirm, Judge, JudgeConfig, Outcome, Tool},
};
use serde_json::Value;

use connections::{Ends, Observed, rdp_connections};

const NLA: &str = "with NLA";

fn recorded(file: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../pcaps/recorded")).join(file)
}

/// The captures with their labels.
fn labels() -> BTreeMap<String, Value> {
    let labels: BTreeMap<String, Value> =
        serde_json::from_str(&fs::read_to_string(recorded("labels.json")).unwrap()).unwrap();
    assert!(labels.len() >= 10, "{}", labels.len());
    labels
}

/// The RDP connections of a capture; none of them twice.
fn by_ends(file: &str) -> BTreeMap<Ends, Observed> {
    let observed = rdp_connections(&recorded(file)).unwrap();
    observed.into_iter().map(|observed| (observed.ends.clone(), observed)).collect()
}

/// How an outcome stands to the truth. A logon that was accepted and opened a session was accepted.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Standing {
    Right,
    RightAsFarAsSaid,
    Unknown,
    Wrong,
}

fn standing(truth: &str, outcome: Outcome) -> Standing {
    match (truth, outcome) {
        (truth, outcome) if truth == outcome.name() => Standing::Right,
        ("session", Outcome::Accepted) => Standing::RightAsFarAsSaid,
        (_, Outcome::Unknown) => Standing::Unknown,
        _ => Standing::Wrong,
    }
}

/// What a server agreed to, as far as it decides what can be seen of a logon.
fn security(observed: &Observed) -> &'static str {
    match observed.connection.description().confirm {
        Some(ConnectionConfirm::Selected { protocol, .. }) if protocol.is_network_level_authentication() => {
            NLA
        }
        Some(ConnectionConfirm::Failure(_)) => "refused in the negotiation",
        _ => "without NLA",
    }
}

#[test]
fn no_outcome_contradicts_what_the_programs_said() {
    let mut counts: BTreeMap<(&str, String, Standing), u32> = BTreeMap::new();
    for (file, label) in labels() {
        let mut observed = by_ends(&file);
        for connection in label["connections"].as_array().unwrap() {
            let ends = Ends::by_label(connection);
            let observed = observed.remove(&ends).unwrap();
            let (logon, security) = (observed.connection.logon().unwrap(), security(&observed));
            let truth = connection["outcome"].as_str().unwrap();
            let standing = standing(truth, logon.outcome);
            println!("{file:30} {ends} {truth:8} {:8} {standing:?}: {}", logon.outcome.name(), logon.reason);
            assert_ne!(standing, Standing::Wrong, "{file} {ends}");
            // Where the logon itself can be seen, it has to be; where the session begins, only ciphers with padding hide.
            let worst = if file == "nla-cbc.pcap" { Standing::RightAsFarAsSaid } else { Standing::Right };
            assert!(security != NLA || standing <= worst, "{file} {ends}: {standing:?}");
            *counts.entry((security, truth.to_string(), standing)).or_default() += 1;
        }
        assert!(observed.is_empty(), "{file} has no label for {:?}", observed.keys());
    }
    for ((security, truth, standing), count) in &counts {
        println!("{security}, {truth}: {count} {standing:?}");
    }
}

/// What the judge states of a capture at medium severity or more.
fn severe(observed: &BTreeMap<Ends, Observed>) -> BTreeSet<Kind> {
    let mut observations: Vec<_> =
        observed.values().flat_map(|observed| observed.observations.clone()).collect();
    observations.sort_by_key(|observation| observation.time);
    let mut judge = Judge::new(JudgeConfig::default());
    for observation in &observations {
        judge.observe(observation);
    }
    let findings = judge.take_findings();
    findings
        .iter()
        .filter(|finding| finding.severity >= Severity::Medium)
        .map(|finding| finding.kind)
        .collect()
}

#[test]
fn what_was_done_is_found_and_nothing_else() {
    for (file, label) in labels() {
        let done: BTreeSet<&str> =
            label["findings"].as_array().unwrap().iter().map(|kind| kind.as_str().unwrap()).collect();
        let found: BTreeSet<&str> = severe(&by_ends(&file)).into_iter().map(Kind::name).collect();
        assert_eq!(found, done, "{file}");
    }
}

#[test]
fn programs_that_give_themselves_away_are_named() {
    let tools = |file: &str, client: &str| -> BTreeSet<Option<Tool>> {
        let observed = by_ends(file);
        let of_client = observed.values().filter(|observed| observed.ends.client.ip().to_string() == client);
        of_client.map(|observed| observed.connection.description().tool).collect()
    };
    let only = |tool| BTreeSet::from([Some(tool)]);
    assert_eq!(tools("hydra-fails.pcap", "192.0.2.66"), only(Tool::OpenSsl));
    assert_eq!(tools("patator-gets-in.pcap", "192.0.2.66"), only(Tool::OpenSsl));
    assert_eq!(tools("nla-refuses-others.pcap", "192.0.2.66"), only(Tool::Ncrack));
    assert_eq!(tools("xrdp-ncrack.pcap", "192.0.2.66"), only(Tool::Ncrack));
    assert_eq!(tools("nla-looked-at.pcap", "192.0.2.66"), only(Tool::Nmap));
}
