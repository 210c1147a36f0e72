//! Labelled captures beside the checkout (`../shared`, or what `FLOWCANARY_SHARED` names), and the project's own ones.

use std::{
    env,
    path::{Path, PathBuf},
};

use capture::{Batch, CaptureReader, Fill};
use detect::synflood::ServerState;
use detect::{Finding, Kind, Phase, Severity, Victim};
use serde_json::Value;

use crate::probe::{Probe, started};

/// What a capture is labelled with.
struct Label {
    file: String,
    flood: Expected,
    scan: Expected,
    /// It is said to hold reflected SYN-ACKs, which count as a near miss of a flood there.
    has_reflection: bool,
}

/// What a label says of a kind of finding.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Expected {
    Yes,
    No,
    /// Nobody can tell.
    Either,
}

#[test]
fn every_labelled_flood_and_scan_is_found_and_nothing_else() {
    let mut faults = Vec::new();
    for folder in ["corpus", "lab"] {
        let Some(folder) = shared(folder) else { return };
        let labels = labels(&folder);
        assert!(!labels.is_empty(), "{} has no labels", folder.display());
        for label in &labels {
            let findings = replay(&folder.join(&label.file), 1);
            print(label, &findings);
            faults.extend(judge(label, &findings));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn a_low_flood_under_ordinary_traffic_is_found_within_seconds() {
    let capture = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../pcaps/cryptojacking.pcap");
    let findings = replay(&capture, 1);
    for finding in &findings {
        println!("{}", describe(finding));
    }
    let floods: Vec<_> = findings.iter().filter(|finding| finding.kind == Kind::SynFlood).collect();
    let flood = started(&findings, Kind::SynFlood).expect("the flood was not found");
    assert_eq!(flood.victim, Victim::Port("192.0.2.10".parse().unwrap(), 80));
    assert_eq!(flood.severity, Severity::Medium);
    assert_eq!(flood.text("server_state"), Some(ServerState::Unaffected.name()));
    // pcaps/cryptojacking.md: the capture begins at 2026-03-04 08:00:00 UTC, the flood lasts from 07:00 to 07:48.
    let begins = 1_772_611_200 + 7 * 60;
    assert_eq!(flood.first_seen.seconds(), begins);
    assert!(flood.stated_at.seconds() <= begins + 8, "stated {} s later", flood.stated_at.seconds() - begins);
    let end = floods.iter().find(|finding| finding.phase == Phase::Ended).expect("the flood did not end");
    assert_eq!(end.last_seen.seconds(), begins + 47);
    assert!(findings.iter().all(|finding| finding.kind == Kind::SynFlood), "{findings:?}");
    assert!(floods.iter().all(|finding| finding.victim == flood.victim));
}

#[test]
fn three_observers_say_of_every_capture_what_one_says() {
    for folder in ["corpus", "lab"] {
        let Some(folder) = shared(folder) else { return };
        for label in labels(&folder) {
            let capture = folder.join(&label.file);
            assert_eq!(replay(&capture, 1), replay(&capture, 3), "{}", label.file);
        }
    }
}

fn judge(label: &Label, findings: &[Finding]) -> Vec<String> {
    let mut faults = Vec::new();
    for (kind, expected) in [(Kind::SynFlood, label.flood), (Kind::SynScan, label.scan)] {
        let mut found = findings.iter().filter(|finding| finding.kind == kind);
        let fault = match expected {
            Expected::Yes => found.next().is_none().then_some("missed"),
            Expected::No => found.any(|finding| finding.severity >= Severity::Medium).then_some("false"),
            Expected::Either => None,
        };
        faults.extend(fault.map(|fault| format!("{}: {} {fault}", label.file, kind.name())));
    }
    // Of what has no label of its own, nothing may be loud either.
    let others = findings.iter().filter(|finding| {
        finding.severity >= Severity::Medium
            && match finding.kind {
                Kind::SynFlood | Kind::SynScan => false,
                Kind::SynAckReflection => !label.has_reflection,
                _ => true,
            }
    });
    faults.extend(others.map(|finding| format!("{}: {} false", label.file, finding.kind.name())));
    let reflections = findings.iter().filter(|finding| finding.kind == Kind::SynAckReflection);
    if label.has_reflection && reflections.count() == 0 {
        faults.push(format!("{}: reflection missed", label.file));
    }
    faults
}

fn print(label: &Label, findings: &[Finding]) {
    let is_expected = label.flood == Expected::Yes || label.scan == Expected::Yes;
    if is_expected || !findings.is_empty() {
        println!("{:60} flood {:?}, scan {:?}", label.file, label.flood, label.scan);
    }
    for finding in findings {
        println!("    {}", describe(finding));
    }
}

fn describe(finding: &Finding) -> String {
    let delay = (finding.stated_at - finding.first_seen).as_secs_f64();
    let lasted = (finding.last_seen - finding.first_seen).as_secs_f64();
    format!(
        "{:?} {} {} {:.2} of {} by {} ({:?}…), after {delay:.1} s, lasting {lasted:.1} s, server {}, view {}, missing {:.3}",
        finding.phase,
        finding.severity.name(),
        finding.kind.name(),
        finding.confidence,
        finding.victim,
        finding.offender_count,
        finding.offenders.first(),
        finding.text("server_state").unwrap_or("-"),
        finding.capture_quality.view.name(),
        finding.capture_quality.missing,
    )
}

fn replay(capture: &Path, observers: usize) -> Vec<Finding> {
    let mut probe = Probe::new(observers);
    let Ok(mut reader) = CaptureReader::open(capture) else { return Vec::new() };
    let mut batch = Batch::new();
    loop {
        // A damaged capture gives what is before the damage.
        let outcome = reader.fill(&mut batch);
        for frame in batch.frames() {
            if let Ok(packet) = wire::decode(&frame) {
                probe.packet(&packet);
            }
        }
        if !matches!(outcome, Ok(Fill::Frames)) {
            return probe.close();
        }
    }
}

fn labels(folder: &Path) -> Vec<Label> {
    let text = std::fs::read_to_string(folder.join("labels.json")).unwrap();
    let labels: Vec<Value> = serde_json::from_str(&text).unwrap();
    let expected = |label: &Value, kind: &str| match &label["positives"][kind] {
        Value::Bool(true) => Expected::Yes,
        _ if label["ambiguous"][kind].is_string() => Expected::Either,
        _ => Expected::No,
    };
    labels
        .iter()
        .map(|label| Label {
            file: label["file"].as_str().unwrap().to_owned(),
            flood: expected(label, "syn_flood"),
            scan: expected(label, "syn_scan"),
            has_reflection: label["near_miss"].to_string().contains("SYN-ACK reflection"),
        })
        .collect()
}

/// The folder `name` beside the checkout. `None` where it is absent, which is said; with `CI` set that fails instead.
fn shared(name: &str) -> Option<PathBuf> {
    let shared = env::var_os("FLOWCANARY_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), PathBuf::from);
    let folder = shared.join(name);
    if folder.is_dir() {
        return Some(folder);
    }
    let missing = format!("{} is not there; FLOWCANARY_SHARED names another place", folder.display());
    assert!(env::var_os("CI").is_none(), "{missing}");
    eprintln!("SKIPPED: {missing}");
    None
}
