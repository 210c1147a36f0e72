use std::time::Duration;

use super::{
    network::Network,
    traffic::write_conversations,
    watching::{Program, watch},
};
use crate::program::{Ended, read_flows, tool};

/// A program that did not run for a while finds more in its rings than it takes at a time, and the signal.
#[test]
fn what_waits_in_the_rings_is_received() {
    for workers in ["1", "2"] {
        let Some(network) = Network::new(1) else { return };
        let watching = watch(&network, &["-i", "probe0", "--workers", workers]);
        let mut sender = tool("python3", "python3");
        sender.arg("-c").arg(SEND_AND_END).arg(watching.id().to_string());
        Ended::of(&mut network.enter(&sender)).assert_status(0);
        let watched = watching.ended();
        watched.ended.assert_status(0);
        assert_eq!((watched.packets("received"), watched.workers("unread").iter().sum()), (5_000, 0));
        watched.assert_accounts_for(5_000);
    }
}

#[test]
fn term_and_int_lose_nothing() {
    for (signal, workers) in [("TERM", "1"), ("INT", "2")] {
        let Some(network) = Network::new(1) else { return };
        let folder = tempfile::tempdir().unwrap();
        let [sent, flows] = ["sent.pcap", "flows.jsonl"].map(|name| folder.path().join(name));
        write_conversations(&sent, 1_000, 20);
        let watching =
            watch(&network, &["-i", "probe0", "--workers", workers, "--flows", flows.to_str().unwrap()]);
        let sent = network.send(&sent, "wire0", 20_000);
        let watched = watching.end(signal);
        watched.ended.assert_status(0);
        assert!(watched.took < Duration::from_secs(2), "{:?}", watched.took);
        assert_eq!(watched.packets("received"), sent);
        watched.assert_accounts_for(sent);
        let flows = read_flows(&flows);
        assert_eq!(flows.len(), 1_000);
        assert!(
            flows.iter().all(|flow| (flow.number("packets"), flow.number("reverse_packets")) == (10, 10))
        );
    }
}

/// A link that does not fall silent does not keep the program from ending.
#[test]
fn it_ends_while_packets_come() {
    let Some(network) = Network::new(1) else { return };
    let folder = tempfile::tempdir().unwrap();
    let sent = folder.path().join("sent.pcap");
    write_conversations(&sent, 1_000, 60);
    let watching = watch(&network, &["-i", "probe0"]);
    let (sent, watched) = std::thread::scope(|scope| {
        let sending = scope.spawn(|| network.send(&sent, "wire0", 20_000));
        std::thread::sleep(Duration::from_millis(1_500));
        let watched = watching.end("TERM");
        (sending.join().unwrap(), watched)
    });
    watched.ended.assert_status(0);
    assert!(watched.took < Duration::from_secs(2), "{:?}", watched.took);
    assert!(watched.packets("received") > 1_000, "{}", watched.summary);
    assert!(watched.packets("received") < sent, "all were sent before it was to end");
    watched.assert_balanced();
}

/// One that is not there and one that reads nothing: what they do not take is lost, and said.
#[test]
fn collectors_that_take_nothing_do_not_hold_up_the_end() {
    let Some(network) = Network::new(1) else { return };
    let folder = tempfile::tempdir().unwrap();
    let sent = folder.path().join("sent.pcap");
    write_conversations(&sent, 20_000, 2);
    let mut silent = tool("python3", "python3");
    silent.arg("-c").arg(LISTEN_AND_SLEEP);
    let silent = Program::start(&mut network.enter(&silent));
    silent.wait_for("listening");
    let exports = ["--export", "tcp://127.0.0.1:4739", "--export", "tcp://127.0.0.1:4740"];
    let watching = watch(&network, &[&["-i", "probe0"][..], &exports].concat());
    let sent = network.send(&sent, "wire0", 20_000);
    let watched = watching.end("TERM");
    watched.ended.assert_status(3);
    assert!(watched.took < Duration::from_secs(2), "{:?}", watched.took);
    watched.assert_accounts_for(sent);
    for output in watched.summary["outputs"].as_array().unwrap() {
        let count = |name: &str| output[name].as_u64().unwrap();
        assert!(count("lost_records") > 0, "{output}");
        assert_eq!(count("records") + count("lost_records"), 20_000, "{output}");
    }
}

const LISTEN_AND_SLEEP: &str = "
import socket, sys, time
s = socket.create_server(('127.0.0.1', 4740))
print('listening', file=sys.stderr, flush=True)
time.sleep(60)
";

/// Sends frames while the program is held up, and the signal after them. The places of the sources differ, so that workers share them.
const SEND_AND_END: &str = "
import os, signal, socket, struct, sys
program = int(sys.argv[1])
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(('wire0', 0))
os.kill(program, signal.SIGSTOP)
for number in range(5000):
    header = struct.pack('!BBHHHBBH4sI', 0x45, 0, 46, 0, 0, 64, 17, 0, bytes([10, 0, 0, 1]), number)
    s.send(bytes(12) + bytes([8, 0]) + header + struct.pack('!HHHH', 1000, 2000, 26, 0) + bytes(18))
os.kill(program, signal.SIGTERM)
os.kill(program, signal.SIGCONT)
";
