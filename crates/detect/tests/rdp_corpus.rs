//! RDP in labelled captures that stand beside the checkout: `../shared`, or what `FLOWCANARY_SHARED` names.

#![expect(clippy::unwrap_used, reason = "a test ends where its setting fails")]

#[path = "rdp_corpus/connections.rs"]
mod connections;
#[path = "rdp_corpus/shared.rs"]
mod shared;

use std::{collections::BTreeMap, path::Path};

use detect::rdp::{Connection, ConnectionConfirm, Judge, JudgeConfig, Outcome};
use detect::{Finding, Kind, Severity};
use serde_json::Value;

use connections::{Ends, rdp_connections};

/// A connection as the labels describe it.
#[derive(Debug, PartialEq)]
struct Described {
    cookie: Option<String>,
    requested: Option<String>,
    answer: String,
}

impl Described {
    fn by_label(label: &Value) -> Self {
        let text = |name: &str| label[name].as_str().map(String::from);
        let cookie = text("cookie").map(|cookie| cookie.trim_start_matches("Cookie: mstshash=").into());
        Self { cookie, requested: text("requested_protocols"), answer: text("server_answer").unwrap() }
    }

    fn by_us(connection: &Connection) -> Self {
        let description = connection.description();
        let request = description.request.as_ref().unwrap();
        let requested =
            request.protocols.map(|protocols| format!("{:#010x} flags {:#04x}", protocols.0, request.flags));
        let answer = match description.confirm {
            None | Some(ConnectionConfirm::Bare) => "none".into(),
            Some(ConnectionConfirm::Selected { protocol, flags }) => {
                format!("selected {:#x} flags {flags:#04x}", protocol.0)
            }
            Some(ConnectionConfirm::Failure(code)) => format!("failure {:#x}", code.0),
        };
        Self { cookie: request.cookie.clone(), requested, answer }
    }
}

#[test]
fn every_labelled_connection_is_recognised_as_it_is_labelled_and_no_other() {
    let mut labelled = 0;
    for (file, label) in shared::labels("corpus") {
        let Some(connections) = rdp_connections(&shared::capture("corpus", &file)) else { continue };
        let mut found: BTreeMap<Ends, Described> =
            connections.iter().map(|c| (c.ends.clone(), Described::by_us(&c.connection))).collect();
        for observed in &connections {
            println!("{file:44} {} {}", observed.ends, line(&observed.connection));
        }
        for positive in label["positives"]["rdp"].as_array().unwrap() {
            if positive["transport"] == "tcp" {
                labelled += 1;
                let ends = Ends::by_label(positive);
                let ours = found.remove(&ends);
                assert_eq!(ours, Some(Described::by_label(positive)), "{file} {ends}");
            }
        }
        assert!(found.is_empty(), "{file} has no label for {found:?}");
    }
    println!("{labelled} labelled connections");
}

/// What was said of a connection, in a line.
fn line(connection: &Connection) -> String {
    let description = connection.description();
    let logon = connection.logon();
    let ja4 = description.tls_client.as_ref().map_or("-", |client| client.ja4.as_str());
    let (client, server) = (connection.records().client, connection.records().server);
    format!(
        "{:8} {} [{}/{} records, {}/{} octets] {ja4} {}",
        logon.map_or("open", |logon| logon.outcome.name()),
        logon.map(|logon| logon.reason.to_string()).unwrap_or_default(),
        client.records,
        server.records,
        client.octets,
        server.octets,
        description.tool.map(|tool| tool.to_string()).unwrap_or_default(),
    )
}

#[test]
fn logons_of_the_recorded_attacks_are_not_sessions() {
    let recorded = shared::labels("lab").into_iter().map(|(file, _)| file);
    for file in recorded.filter(|file| ["rdp_spray.pcap", "rdp_hydra.pcap"].contains(&file.as_str())) {
        let connections = rdp_connections(&shared::capture("lab", &file)).unwrap();
        assert!(connections.len() >= 4, "{file}");
        for observed in connections {
            println!("{file} {} {}", observed.ends, line(&observed.connection));
            let logon = observed.connection.logon().unwrap();
            assert_eq!(logon.outcome, Outcome::Unknown, "{file} {}", observed.ends);
            assert!(logon.reason.is_attempt(), "{file} {}", observed.ends);
        }
    }
}

#[test]
fn logons_of_the_projects_own_capture_end_as_they_were_played() {
    let capture = shared::workspace().join("pcaps/cryptojacking.pcap");
    let mut outcomes: BTreeMap<(String, Outcome), usize> = BTreeMap::new();
    for observed in rdp_connections(&capture).unwrap() {
        println!("{} {}", observed.ends, line(&observed.connection));
        let outcome = observed.connection.logon().unwrap().outcome;
        *outcomes.entry((observed.ends.client.ip().to_string(), outcome)).or_default() += 1;
    }
    let of = |client: &str, outcome| outcomes.get(&(client.to_string(), outcome)).copied().unwrap_or(0);
    assert_eq!(of("198.51.100.5", Outcome::Refused), 1);
    assert_eq!((of("192.0.2.20", Outcome::Failed), of("192.0.2.20", Outcome::Session)), (1, 1));
    assert_eq!(of("198.51.100.7", Outcome::Failed), 58);
    assert_eq!((of("198.51.100.7", Outcome::Accepted), of("198.51.100.7", Outcome::Session)), (1, 1));
    assert_eq!(outcomes.values().sum::<usize>(), 63, "{outcomes:?}");
}

/// What the judge states of a capture, told on the way.
fn findings(capture: &Path) -> Option<Vec<Finding>> {
    let mut observations: Vec<_> =
        rdp_connections(capture)?.into_iter().flat_map(|observed| observed.observations).collect();
    observations.sort_by_key(|observation| observation.time);
    let mut judge = Judge::new(JudgeConfig::default());
    for observation in &observations {
        judge.observe(observation);
    }
    let findings = judge.take_findings();
    for finding in &findings {
        let evidence: Vec<_> = finding.evidence.iter().map(|e| format!("{}={}", e.name, e.value)).collect();
        let (kind, severity) = (finding.kind.name(), finding.severity.name());
        println!(
            "{} {kind} {severity} {:.2} {:?} > {} {:?} {}",
            capture.file_name().unwrap().display(),
            finding.confidence,
            finding.offenders,
            finding.victim,
            finding.techniques,
            evidence.join(", ")
        );
    }
    Some(findings)
}

fn severe(findings: &[Finding]) -> Vec<(Kind, Severity)> {
    let severe =
        findings.iter().filter(|finding| finding.severity >= Severity::Medium && finding.phase.is_alert());
    severe.map(|finding| (finding.kind, finding.severity)).collect()
}

#[test]
fn nothing_in_the_corpus_is_an_attack_on_logons() {
    for (file, _) in shared::labels("corpus") {
        if let Some(findings) = findings(&shared::capture("corpus", &file)) {
            assert_eq!(severe(&findings), [], "{file}");
        }
    }
}

#[test]
fn the_recorded_attacks_are_found_as_they_are_labelled() {
    for (file, label) in shared::labels("lab") {
        let is_attack = label["positives"]["rdp_bruteforce"] == true;
        let expected = if is_attack { vec![(Kind::RdpBruteforce, Severity::Medium)] } else { Vec::new() };
        let findings = findings(&shared::capture("lab", &file)).unwrap();
        assert_eq!(severe(&findings), expected, "{file}");
    }
}

#[test]
fn the_attack_of_the_projects_own_capture_is_found_from_guess_to_session() {
    let findings = findings(&shared::workspace().join("pcaps/cryptojacking.pcap")).unwrap();
    let expected = [
        (Kind::RdpBruteforce, Severity::Medium),
        (Kind::RdpBruteforce, Severity::High),
        (Kind::RdpCompromise, Severity::High),
        (Kind::RdpCompromise, Severity::Critical),
    ];
    assert_eq!(severe(&findings), expected);
    for finding in findings.iter().filter(|finding| finding.severity >= Severity::Medium) {
        assert_eq!(finding.victim.address().unwrap().to_string(), "192.0.2.10");
        assert_eq!(finding.offenders.len(), 1);
        assert_eq!(finding.offenders[0].to_string(), "198.51.100.7");
    }
}
