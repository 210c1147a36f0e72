//! How the kernel shares frames out to workers, in each of the ways that it is asked for.

use std::{path::Path, thread, time::Duration};

use super::{
    network::Network,
    recordings::{assert_same_flows, replay},
    traffic::{write_conversations, write_direction, write_tunnelled},
    watching::{Watched, watch},
};
use crate::program::{Flow, Replay, read_flows};

/// Both directions in a tunnel come to one worker: on their way in and on their way out.
#[test]
fn flows_in_tunnels_are_whole() {
    for (interface, workers) in [("probe0", "2"), ("probe0", "4"), ("wire0", "2"), ("wire0", "4")] {
        let Some(run) = Run::over("tunnel", interface, workers, write_tunnelled) else { return };
        assert_eq!(run.flows.len(), usize::from(FLOWS));
        assert!(
            run.flows.iter().all(|flow| flow.text("src_ip").starts_with("10.0.")),
            "they are the inner ones"
        );
        assert_same_flows(&run.flows, &run.replay.flows);
        run.assert_spread();
    }
}

/// What goes wrong by default, and why there is a mode for it.
#[test]
fn by_default_flows_in_tunnels_are_split() {
    for workers in ["2", "4"] {
        let Some(run) = Run::over("hash", "probe0", workers, write_tunnelled) else { return };
        assert_eq!(run.replay.flows.len(), usize::from(FLOWS));
        assert!(run.flows.len() > usize::from(FLOWS + FLOWS / 4), "{} flows", run.flows.len());
    }
}

/// Without tunnels it does no worse than by default.
#[test]
fn flows_outside_of_tunnels_are_whole_in_the_mode_for_tunnels() {
    for workers in ["2", "4"] {
        let Some(run) = Run::over("tunnel", "probe0", workers, write_conversations) else { return };
        assert_same_flows(&run.flows, &run.replay.flows);
        run.assert_spread();
    }
}

/// Queue by queue: the sender's kernel chooses the queue here, by a hash that is the same both ways, and so flows are whole.
#[test]
fn frames_of_a_queue_come_to_the_worker_of_its_number() {
    for (queues, workers) in [(4, "2"), (4, "4"), (1, "2")] {
        let Some(network) = Network::with_queues(1, queues) else { return };
        let folder = tempfile::tempdir().unwrap();
        let [capture, flows] = ["sent.pcap", "flows.jsonl"].map(|name| folder.path().join(name));
        write_conversations(&capture, FLOWS, ROUNDS);
        let flows_path = flows.to_str().unwrap();
        let arguments = ["-i", "probe0", "--fanout", "queue", "--workers", workers, "--flows", flows_path];
        let watching = watch(&network, &arguments);
        let sent = network.send(&capture, "wire0", 10_000);
        let watched = watching.end("TERM");
        watched.ended.assert_status(0);
        watched.assert_accounts_for(sent);
        assert_eq!(watched.packets("received"), sent, "{}", watched.summary);
        assert_eq!(read_flows(&flows).len(), usize::from(FLOWS));
        let received = watched.workers("received");
        if queues == 1 {
            assert_eq!(received, [sent, 0]);
        } else {
            assert!(received.iter().all(|&packets| packets > 0), "{received:?}");
        }
    }
}

/// Processor by processor: directions that are received by two of them are two flows.
#[test]
fn frames_that_a_processor_received_come_to_its_worker() {
    let Some(network) = Network::new(1) else { return };
    let folder = tempfile::tempdir().unwrap();
    let [there, back, flows] =
        ["there.pcap", "back.pcap", "flows.jsonl"].map(|name| folder.path().join(name));
    write_direction(&there, FLOWS, ROUNDS, false);
    write_direction(&back, FLOWS, ROUNDS, true);
    let flows_path = flows.to_str().unwrap();
    let arguments = ["-i", "probe0", "--fanout", "cpu", "--workers", "2", "--flows", flows_path];
    let watching = watch(&network, &arguments);
    let sent = network.send_on(0, &there, "wire0", 10_000) + network.send_on(1, &back, "wire0", 10_000);
    let watched = watching.end("TERM");
    watched.ended.assert_status(0);
    watched.assert_accounts_for(sent);
    assert_eq!(watched.workers("received"), [sent / 2, sent / 2]);
    assert_eq!(read_flows(&flows).len(), 2 * usize::from(FLOWS), "every flow is split");
    assert_eq!(watched.number(&["flows", "bidirectional"]), 0);
}

/// A capture of conversations that was watched, and what a replay of the same packets says.
struct Run {
    sent: u64,
    watched: Watched,
    flows: Vec<Flow>,
    replay: Replay,
}

impl Run {
    fn over(
        mode: &str,
        interface: &str,
        workers: &str,
        write: fn(&Path, flows: u16, rounds: u16),
    ) -> Option<Self> {
        let network = Network::new(1)?;
        let folder = tempfile::tempdir().unwrap();
        let [capture, recorded, flows] =
            ["sent.pcap", "recorded.pcap", "flows.jsonl"].map(|name| folder.path().join(name));
        write(&capture, FLOWS, ROUNDS);
        let recording = network.record(interface, &recorded);
        let flows_path = flows.to_str().unwrap();
        let arguments = ["-i", interface, "--fanout", mode, "--workers", workers, "--flows", flows_path];
        let watching = watch(&network, &arguments);
        let sent = network.send(&capture, "wire0", 10_000);
        // The last ones may still be on their way to the recorder.
        thread::sleep(Duration::from_millis(300));
        let watched = watching.end("TERM");
        recording.end("INT").ended.assert_status(0);
        watched.ended.assert_status(0);
        watched.assert_accounts_for(sent);
        assert_eq!(watched.packets("metered"), sent, "{}", watched.summary);
        Some(Self { sent, watched, flows: read_flows(&flows), replay: replay(&recorded) })
    }

    /// No worker has less than half of its share.
    fn assert_spread(&self) {
        let received = self.watched.workers("received");
        let workers = u64::try_from(received.len()).unwrap();
        assert!(received.iter().all(|&packets| packets > self.sent / workers / 2), "{received:?}");
    }
}

const FLOWS: u16 = 1_000;
const ROUNDS: u16 = 4;
