use detect::{Prefix, incident::Link};

use super::*;
use crate::{
    sample::{CASE, address, at, guessing, incident, mining},
    wrapped::WIDTH,
};

fn stated(finding: Finding, case: Option<CaseId>) -> Statement {
    Statement::Finding { finding, case, links: Vec::<Link>::new() }
}

fn scan(number: u32) -> Finding {
    Finding {
        kind: Kind::SynScan,
        severity: Severity::Low,
        confidence: 0.7,
        victim: Victim::Many,
        offenders: vec![std::net::Ipv4Addr::from(0xc633_6400 + number).into()],
        connection: None,
        first_seen: at(u64::from(number) * 1_000),
        ..guessing()
    }
}

#[test]
fn incidents_are_told_so_that_a_stranger_knows_what_to_do() {
    let mut findings = Findings::new(&["SYN floods and scans", "RDP logons", "mining"]);
    findings.take(&stated(guessing(), Some(CASE)));
    findings.take(&stated(mining(), Some(CASE)));
    findings.take(&stated(scan(9), None));
    findings.take(&stated(
        Finding {
            kind: Kind::SynFlood,
            severity: Severity::High,
            victim: Victim::Prefix(Prefix::of(address("192.0.2.10"))),
            offenders: (1..=16).map(|last| address(&format!("203.0.113.{last}"))).collect(),
            offender_count: 1_234,
            connection: None,
            ..guessing()
        },
        None,
    ));
    findings.take(&Statement::Incident(incident()));
    let text = findings.to_string();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/findings/golden.txt");
    assert_eq!(text, std::fs::read_to_string(path).unwrap_or_default(), "{path}");
    assert!(text.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
}

#[test]
fn a_miner_is_shown_with_its_pool() {
    let mut findings = Findings::default();
    findings.take(&stated(mining(), Some(CASE)));
    let text = findings.to_string();
    let line = "  high      2026-03-04 08:10:51  Cryptocurrency mining: 192.0.2.10, with 198.51.100.20:3333, 98 % sure\n";
    assert!(text.ends_with(line), "{text}");
}

#[test]
fn nothing_is_said_of_nothing_only_where_somebody_looked() {
    assert_eq!(Findings::default().to_string(), "");
    assert_eq!(
        Findings::new(&["RDP logons"]).to_string(),
        "Nothing was found. Detectors that ran: RDP logons.\n"
    );
}

#[test]
fn a_thing_counts_once_however_often_it_is_said() {
    let mut findings = Findings::default();
    findings.take(&stated(scan(1), None));
    let host = Victim::Address(address("192.0.2.1"));
    findings.take(&stated(Finding { severity: Severity::Medium, victim: host, ..scan(1) }, None));
    findings.take(&stated(Finding { phase: detect::Phase::Ended, ..scan(1) }, None));
    let flood = |offender: &str, offender_count| Finding {
        kind: Kind::SynFlood,
        offenders: vec![address(offender)],
        offender_count,
        ..guessing()
    };
    findings.take(&stated(flood("203.0.113.1", 1), None));
    findings.take(&stated(flood("203.0.113.2", 9), None));
    let expected =
        BTreeMap::from([((Kind::SynFlood, Severity::Medium), 1), ((Kind::SynScan, Severity::Medium), 1)]);
    assert_eq!(findings.counts(), expected);
}

#[test]
fn the_worst_stay_and_the_others_are_counted() {
    let mut findings = Findings::default();
    let all = u32::try_from(MAX_FINDINGS).unwrap() + 100;
    for number in 0..all {
        findings.take(&stated(scan(number), None));
    }
    findings.take(&stated(guessing(), None));
    assert_eq!(findings.counts()[&(Kind::SynScan, Severity::Low)], u64::from(all));
    let text = findings.to_string();
    assert!(text.ends_with(&format!("  {} more\n", crate::grouped(u64::from(all) + 1 - 20))), "{text}");
    let first = text.lines().find(|line| line.contains(" by ")).unwrap();
    assert!(
        first.starts_with("  medium    2026-03-04 08:08:00  RDP password guessing: 192.0.2.10:3389"),
        "{first}"
    );
    let json = serde_json::to_value(&findings).unwrap();
    assert_eq!(json["further_findings"], 101);
    assert_eq!(json["findings"].as_array().unwrap().len(), MAX_FINDINGS);
    for number in 0..300 {
        findings.take(&Statement::Incident(Incident { id: CaseId(number), ..incident() }));
    }
    assert_eq!(findings.incidents().count(), MAX_INCIDENTS);
    assert!(findings.to_string().ends_with("  290 more\n"));
}

#[test]
fn json_has_the_incidents_and_the_counts() {
    let mut findings = Findings::new(&["mining"]);
    findings.take(&stated(mining(), Some(CASE)));
    findings.take(&Statement::Incident(incident()));
    let json = serde_json::to_value(&findings).unwrap();
    assert_eq!(json["counts"][0], serde_json::json!({"kind": "mining", "severity": "high", "findings": 1}));
    assert_eq!(json["incidents"][0]["dwell_times"][0]["seconds"], 36.0);
    assert_eq!(json["findings"][0]["incident_id"], json["incidents"][0]["incident_id"]);
}

#[test]
fn hostile_words_of_an_incident_stay_within_their_lines() {
    let mut hostile = incident();
    hostile.stages[0].says = format!("\u{1b}[2J\n  CRITICAL  forged \u{202e} {}", "z".repeat(10_000));
    hostile.stages[2].first_seen = at(0);
    let mut findings = Findings::default();
    findings.take(&Statement::Incident(hostile));
    let text = findings.to_string();
    assert!(text.chars().all(|char| char == '\n' || !crate::readable::is_acted_on(char)));
    assert!(
        text.lines().all(|line| line.chars().count() <= WIDTH && !line.starts_with("  CRITICAL  forged"))
    );
    // Mining began before the access that stands above it.
    assert!(text.contains("mining    2026-03-04 08:08:00    earlier  mines"), "{text}");
}
