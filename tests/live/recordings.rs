use std::{collections::BTreeMap, fs, path::Path, thread, time::Duration};

use serde_json::Value;
use tempfile::TempDir;

use super::{
    network::Network,
    traffic::{write_conversations, write_direction},
    watching::{Watched, watch},
};
use crate::program::{Ended, Flow, Replay, own_capture, read_flows, tool};

/// Packets are accounted for, flows are whole, and both are what a replay of the recording gives: with 1, 2 and 4 workers.
#[test]
fn flows_are_those_of_a_replay_of_the_recording() {
    for workers in ["1", "2", "4"] {
        let Some(run) = run(workers) else { return };
        let Run { sent, watched, flows, replay, .. } = &run;
        watched.ended.assert_status(0);
        watched.assert_accounts_for(*sent);
        assert_eq!(watched.packets("received"), *sent, "some were dropped: {}", watched.summary);
        assert_eq!(u64::try_from(replay.packets("received")).unwrap(), *sent);
        for count in ["received_octets", "metered", "metered_octets", "undecoded"] {
            assert_eq!(watched.packets(count), u64::try_from(replay.packets(count)).unwrap(), "{count}");
        }
        let by_workers = watched.workers("received");
        assert_eq!(by_workers.len().to_string(), workers);
        assert!(by_workers.iter().all(|&packets| packets > *sent / 40), "{by_workers:?}");

        assert_eq!(watched.number(&["flows", "flows"]), replay.summary["flows"]["flows"].as_u64().unwrap());
        let bidirectional = replay.summary["flows"]["bidirectional"].as_u64().unwrap();
        assert!(bidirectional > u64::from(FLOWS));
        assert_eq!(watched.number(&["flows", "bidirectional"]), bidirectional);
        assert_same_flows(flows, &replay.flows);
        assert_eq!(found(&watched.summary), found(&replay.summary));
        let kinds = found(&replay.summary);
        for kind in ["syn_flood", "rdp_bruteforce", "rdp_compromise", "mining", "incident of 192.0.2.10"] {
            assert!(kinds.contains_key(kind), "{kind}: {kinds:?}");
        }
    }
}

/// A tap gives each direction on an interface of its own. Their flows are whole.
#[test]
fn directions_that_come_by_two_interfaces_are_brought_together() {
    for workers in ["1", "2"] {
        let Some(network) = Network::new(2) else { return };
        let folder = tempfile::tempdir().unwrap();
        let [there, back, flows] =
            ["there.pcap", "back.pcap", "flows.jsonl"].map(|name| folder.path().join(name));
        write_direction(&there, FLOWS, 8, false);
        write_direction(&back, FLOWS, 8, true);
        let flows_path = flows.to_str().unwrap();
        let watching =
            watch(&network, &["-i", "probe0", "-i", "probe1", "--workers", workers, "--flows", flows_path]);
        let sent: u64 = thread::scope(|scope| {
            let there = scope.spawn(|| network.send(&there, "wire0", 8_000));
            thread::sleep(Duration::from_millis(20));
            network.send(&back, "wire1", 8_000) + there.join().unwrap()
        });
        let watched = watching.end("TERM");
        watched.ended.assert_status(0);
        watched.assert_accounts_for(sent);
        let flows = read_flows(&flows);
        assert_eq!(flows.len(), usize::from(FLOWS));
        for flow in &flows {
            assert_eq!((flow.number("packets"), flow.number("reverse_packets")), (8, 8), "{flow:?}");
        }
    }
}

/// Question and answer are a moment apart and come by two cables, which the kernel hands over at different times: they are put in
/// order again, or else flows would be turned round and conversations not be understood.
#[test]
fn conversations_that_come_by_two_interfaces_are_understood() {
    for workers in ["1", "2"] {
        let Some(network) = Network::new(2) else { return };
        let folder = tempfile::tempdir().unwrap();
        let [one, other, both, flows] =
            ["one.pcap", "other.pcap", "both.pcap", "flows.jsonl"].map(|name| folder.path().join(name));
        let recordings = [network.record("probe0", &one), network.record("probe1", &other)];
        let flows_path = flows.to_str().unwrap();
        let watching =
            watch(&network, &["-i", "probe0", "-i", "probe1", "--workers", workers, "--flows", flows_path]);
        let sent = network.send_apart(&own_capture("cryptojacking.pcap"), ROUTER, 3_000);
        thread::sleep(Duration::from_millis(300));
        let watched = watching.end("TERM");
        watched.ended.assert_status(0);
        watched.assert_accounts_for(sent);
        for recording in recordings {
            recording.end("INT").ended.assert_status(0);
        }
        let packets = |path: &Path| Replay::of([path], &[]).packets("received");
        assert!(packets(&one) > 1_000 && packets(&other) > 1_000, "both cables have their share");
        let mut merge = tool("mergecap", "tshark");
        Ended::of(merge.args(["-F", "nsecpcap", "-w"]).args([&both, &one, &other])).assert_status(0);
        let replay = replay(&both);
        assert_eq!(u64::try_from(replay.packets("received")).unwrap(), sent);
        assert_same_flows(&read_flows(&flows), &replay.flows);
        assert_eq!(found(&watched.summary), found(&replay.summary));
        assert!(found(&replay.summary).contains_key("incident of 192.0.2.10"));
    }
}

/// What was sent, and what came of it.
struct Run {
    sent: u64,
    watched: Watched,
    flows: Vec<Flow>,
    replay: Replay,
    _folder: TempDir,
}

/// Sends the story of an attack and many conversations past a probe and a recorder, and replays the recording.
fn run(workers: &str) -> Option<Run> {
    let network = Network::new(1)?;
    let folder = tempfile::tempdir().unwrap();
    let [conversations, recorded, flows] =
        ["sent.pcap", "recorded.pcap", "flows.jsonl"].map(|name| folder.path().join(name));
    write_conversations(&conversations, FLOWS, 10);
    let recording = network.record("probe0", &recorded);
    let watching =
        watch(&network, &["-i", "probe0", "--workers", workers, "--flows", flows.to_str().unwrap()]);
    let story = own_capture("cryptojacking.pcap");
    let sent = network.send(&story, "wire0", 5_000) + network.send(&conversations, "wire0", 20_000);
    // The last ones may still be on their way to the recorder.
    thread::sleep(Duration::from_millis(300));
    let watched = watching.end("TERM");
    let recording = recording.end("INT");
    assert!(recording.ended.stderr.contains(&format!("{sent} packets captured")), "{:?}", recording.ended);
    let (flows, replay) = (read_flows(&flows), replay(&recorded));
    fs::remove_file(&recorded).unwrap();
    Some(Run { sent, watched, flows, replay, _folder: folder })
}

pub(super) fn replay(recorded: &Path) -> Replay {
    let replay = Replay::of([recorded], &[]);
    replay.ended.assert_status(0);
    replay
}

/// The same flows, in whatever order and by whatever interface, apart from why they ended and what was known of incidents by then: the
/// clock of an interface runs on while nothing comes, so that flows end by it that a replay, whose time ends with its last packet, has to end
/// by force. They leave in another order because of that, and before or after an incident is stated.
#[track_caller]
pub(super) fn assert_same_flows(watched: &[Flow], replayed: &[Flow]) {
    let lines = |flows: &[Flow]| {
        let mut lines: Vec<_> = flows
            .iter()
            .map(|flow| DIFFERING_COLUMNS.iter().fold(flow.clone(), |flow, column| flow.without(column)))
            .map(|flow| format!("{flow:?}"))
            .collect();
        lines.sort();
        lines
    };
    let (watched, replayed) = (lines(watched), lines(replayed));
    assert_eq!(watched.len(), replayed.len());
    let differing: Vec<_> = watched.iter().zip(&replayed).filter(|(one, other)| one != other).collect();
    assert!(differing.is_empty(), "{} flows differ: {:#?}", differing.len(), differing.first());
}

const DIFFERING_COLUMNS: [&str; 4] = ["end_reason", "interface", "incident_id", "incident_score"];

/// What was found, by kind, how often, and the victims of incidents.
fn found(summary: &Value) -> BTreeMap<String, Value> {
    let findings = &summary["findings"];
    let counts = findings["counts"].as_array().unwrap().iter();
    let mut found: BTreeMap<_, _> =
        counts.map(|count| (count["kind"].as_str().unwrap().to_owned(), count["findings"].clone())).collect();
    for incident in findings["incidents"].as_array().unwrap() {
        let victim = incident["victim"].as_str().unwrap();
        found.insert(format!("incident of {victim}"), incident["offenders"].clone());
    }
    found
}

/// What comes from outside in our capture bears its address.
const ROUTER: &str = "02:00:5e:00:00:01";
const FLOWS: u16 = 2_000;
