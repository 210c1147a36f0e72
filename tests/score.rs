//! What detectors find in captures that others have labelled, as numbers that are kept: a change of any of them shows in the diff.
//!
//! The thresholds were chosen with these captures at hand, so the numbers are no measure of what is found elsewhere.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

use crate::{
    eve::{Lines, eve_of},
    kept::assert_as_kept,
    parallel,
    program::{Ended, PROGRAM, own_capture},
    shared::{corpus, folder, workspace},
};

#[test]
fn the_corpus_is_scored_without_a_miss_or_a_false_alert() {
    assert_scored("corpus");
}

#[test]
fn the_lab_is_scored_without_a_miss_or_a_false_alert() {
    assert_scored("lab");
}

#[test]
fn findings_in_each_capture_are_as_kept() {
    let mut captures = corpus();
    let Some(lab) = folder("lab") else { return };
    let lab = lab.read_dir().unwrap().map(|entry| entry.unwrap().path());
    captures.extend(lab.filter(|path| path.extension().is_some_and(|extension| extension == "pcap")));
    captures.sort();
    let found = parallel::each(&captures, |capture| findings(capture));
    assert_as_kept(&kept("findings.txt"), &found.concat());
}

#[test]
fn findings_in_each_recording_are_as_kept() {
    let recorded = own_capture("recorded").read_dir().unwrap().map(|entry| entry.unwrap().path());
    let mut captures: Vec<_> =
        recorded.filter(|path| path.extension().is_some_and(|extension| extension == "pcap")).collect();
    captures.sort();
    assert!(captures.len() >= 20, "{captures:?}");
    let found = parallel::each(&captures, |capture| findings(capture));
    assert_as_kept(&own_capture("recorded/findings.txt"), &found.concat());
}

/// The scorer finds nothing missed and nothing false, and its table is the one that is kept.
fn assert_scored(name: &str) {
    let (Some(captures), Some(tools)) = (folder(name), folder("tools")) else { return };
    let probe = format!("{PROGRAM} replay {{pcap}} --eve {{eve}} --summary none");
    let mut command = Command::new("python3");
    command.arg(tools.join("score.py")).arg(captures.join("labels.json")).arg(&captures);
    let scored = Ended::of(command.args(["--probe", &probe, "-v"]));
    assert_as_kept(&kept(&format!("{name}.txt")), scored.stdout.trim_start());
    scored.assert_status(0);
}

fn kept(file: &str) -> PathBuf {
    workspace().join("tests/score").join(file)
}

/// A line for each kind and severity of alerts in a capture, with their number, and one for its RDP connections.
fn findings(capture: &Path) -> String {
    let Lines { alerts, rdp, .. } = eve_of(&[capture], &[]);
    let mut counts = BTreeMap::<(String, String, String), usize>::new();
    for alert in &alerts {
        let ours = |name: &str| alert["flowcanary"][name].as_str().unwrap().to_owned();
        *counts.entry((ours("kind"), ours("severity"), ours("victim"))).or_default() += 1;
    }
    let mut outcomes = BTreeMap::<&str, usize>::new();
    for line in &rdp {
        *outcomes.entry(line["rdp"]["outcome"].as_str().unwrap()).or_default() += 1;
    }
    let mut text = String::new();
    let file = capture.file_name().unwrap().to_string_lossy();
    let mut by_kind = BTreeMap::<(String, String), (usize, usize)>::new();
    for ((kind, severity, _), alerts) in counts {
        let (victims, all) = by_kind.entry((kind, severity)).or_default();
        *victims += 1;
        *all += alerts;
    }
    for ((kind, severity), (victims, alerts)) in by_kind {
        writeln!(text, "{file}: {kind} {severity}: {alerts} alerts of {victims} victims").unwrap();
    }
    for (outcome, connections) in outcomes {
        writeln!(text, "{file}: rdp {outcome}: {connections} connections").unwrap();
    }
    text
}

/// Used by other modules to look into alerts.
pub(crate) fn kind(alert: &Value) -> &str {
    alert["flowcanary"]["kind"].as_str().unwrap()
}
