//! EVE, as its readers get it.

use std::{collections::BTreeSet, ffi::OsStr, fs};

use serde_json::Value;

use crate::{
    kept::assert_as_kept,
    program::{Ended, own_capture, read_flows, replay},
    score::kind,
};

/// The lines of an EVE file, by their type.
pub(crate) struct Lines {
    pub(crate) alerts: Vec<Value>,
    pub(crate) findings: Vec<Value>,
    pub(crate) rdp: Vec<Value>,
    pub(crate) flows: Vec<Value>,
    pub(crate) stats: Vec<Value>,
}

/// What a replay of captures with further arguments writes as EVE.
pub(crate) fn eve_of<P: AsRef<OsStr>>(captures: &[P], arguments: &[&str]) -> Lines {
    let mut lines = Lines { alerts: vec![], findings: vec![], rdp: vec![], flows: vec![], stats: vec![] };
    for value in eve_in_order(captures, arguments) {
        match value["event_type"].as_str().unwrap() {
            "alert" => lines.alerts.push(value),
            "finding" => lines.findings.push(value),
            "rdp" => lines.rdp.push(value),
            "flow" => lines.flows.push(value),
            "stats" => lines.stats.push(value),
            other => panic!("{other}: {value}"),
        }
    }
    lines
}

/// The same, line by line.
fn eve_in_order<P: AsRef<OsStr>>(captures: &[P], arguments: &[&str]) -> Vec<Value> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("eve.json");
    let mut command = replay(captures);
    let ended = Ended::of(command.args(["--summary", "none", "--eve"]).arg(&path).args(arguments));
    assert!([0, 3].contains(&ended.status), "{ended:?}");
    let text = fs::read_to_string(path).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}

#[test]
fn alerts_of_cryptojacking_are_as_kept() {
    let mut command = replay([own_capture("cryptojacking.pcap")]);
    command.args(["--eve", "-", "--eve-types", "alert,rdp,stats", "--summary", "none"]);
    let ended = Ended::of(&mut command);
    assert_as_kept(&own_capture("cryptojacking.eve.jsonl"), &ended.assert_status(0).stdout);
}

#[test]
fn the_attack_is_one_incident() {
    let lines = eve_of(&[own_capture("cryptojacking.pcap")], &[]);
    let incidents: Vec<_> = lines.alerts.iter().filter(|alert| kind(alert) == "incident").collect();
    let ours = &incidents.last().unwrap()["flowcanary"];
    assert_eq!((ours["severity"].as_str(), ours["victim"].as_str()), (Some("critical"), Some("192.0.2.10")));
    let stages: Vec<_> = ours["stages"].as_array().unwrap().iter().map(|stage| &stage["stage"]).collect();
    assert_eq!(stages, ["noise", "credential_attack", "access_gained", "delivery", "mining"]);
    assert_eq!(ours["missing"], serde_json::json!(["spread"]));
    // Everything that belongs to it has its name.
    let id = ours["incident_id"].as_str().unwrap();
    let others = lines.alerts.iter().chain(&lines.findings);
    for line in others {
        assert_eq!(line["flowcanary"]["incident_id"].as_str(), Some(id), "{line}");
    }
    // In the order of what could be said when.
    let times: Vec<_> = lines.alerts.iter().map(|alert| alert["timestamp"].as_str().unwrap()).collect();
    assert!(times.is_sorted(), "{times:?}");
    assert_eq!((lines.stats.len(), lines.flows.len()), (1, 1_697));
}

/// What was between the victim and those who did it, from when it was said to the end of the incident, and nothing else.
#[test]
fn flows_say_which_incident_they_belong_to() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flows.jsonl");
    let lines = eve_in_order(&[own_capture("cryptojacking.pcap")], &["--flows", path.to_str().unwrap()]);
    let (mut incident, mut linked) = (None, Vec::new());
    for line in &lines {
        let ours = &line["flowcanary"];
        if line["event_type"] != "flow" {
            if ours["kind"] == "incident" {
                incident = (ours["phase"] != "ended").then_some(ours);
            }
            continue;
        }
        let ends = [&line["src_ip"], &line["dest_ip"]];
        let is_between = |incident: &&Value| {
            let offenders = incident["offenders"].as_array().unwrap();
            ends.contains(&&incident["victim"]) && ends.iter().any(|end| offenders.contains(end))
        };
        let expected = incident.filter(is_between).map_or(&Value::Null, |incident| &incident["incident_id"]);
        assert_eq!(&ours["incident_id"], expected, "{line}");
        if let Some(id) = ours["incident_id"].as_str() {
            let [flow, score] =
                [&line["flow_id"], &ours["incident_score"]].map(|number| number.as_u64().unwrap());
            linked.push((flow, id.to_owned(), score));
        }
    }
    // High at 0.9, then critical.
    let scores: BTreeSet<_> = linked.iter().map(|(.., score)| *score).collect();
    assert_eq!((linked.len(), scores.into_iter().collect::<Vec<_>>()), (14, vec![68, 98, 99]), "{linked:?}");
    let in_file = read_flows(&path).into_iter().filter_map(|flow| {
        let id = flow.optional_text("incident_id")?.to_owned();
        Some((flow.number("flow_id"), id, flow.number("incident_score")))
    });
    assert_eq!(in_file.collect::<Vec<_>>(), linked);
}

#[test]
fn only_what_is_asked_for_is_written() {
    let capture = own_capture("cryptojacking.pcap");
    let lines = eve_of(&[&capture], &["--eve-types", "rdp"]);
    assert_eq!(
        (lines.alerts.len(), lines.findings.len(), lines.flows.len(), lines.stats.len()),
        (0, 0, 0, 0)
    );
    // The scanner's, the administrator's two, the attacker's 58 guesses that fail and two that do not.
    assert_eq!(lines.rdp.len(), 63);
    let lines = eve_of(&[&capture], &["--detect", "off"]);
    assert_eq!((lines.alerts.len(), lines.findings.len(), lines.rdp.len()), (0, 0, 0));
    assert_eq!((lines.flows.len(), lines.stats.len()), (1_697, 1));
}

#[test]
fn stages_too_far_apart_are_no_incident() {
    let lines = eve_of(&[own_capture("cryptojacking.pcap")], &["--incident-window", "1m"]);
    let last = lines.alerts.iter().rfind(|alert| kind(alert) == "incident");
    let stages = last.map(|alert| alert["flowcanary"]["stages"].as_array().unwrap().len());
    assert!(stages.is_none_or(|stages| stages < 5), "{stages:?}");
}
