//! What is lost is counted, at the place where it was lost, and said.

use std::{
    fs::{self, OpenOptions},
    process::Command,
    thread,
    time::Duration,
};

use super::{
    network::Network,
    traffic::write_conversations,
    watching::{Program, watch},
};
use crate::program::{Ended, PROGRAM, tool};

/// The output blocks, and so does who writes it. Workers do not: every packet is received or counted, and every record, too.
#[test]
fn an_output_that_nobody_reads_costs_records_and_no_packet() {
    for workers in ["1", "2"] {
        let Some(network) = Network::new(1) else { return };
        let folder = tempfile::tempdir().unwrap();
        let [capture, pipe] = ["sent.pcap", "flows.jsonl"].map(|name| folder.path().join(name));
        write_conversations(&capture, FLOWS, 1);
        Ended::of(Command::new("mkfifo").arg(&pipe)).assert_status(0);
        // As long as this is open, somebody might read.
        let reader = OpenOptions::new().read(true).write(true).open(&pipe).unwrap();
        let pipe = pipe.to_str().unwrap();
        let arguments = ["-i", "probe0", "--workers", workers, "--udp-timeout", "200ms", "--flows", pipe];
        let watching =
            watch(&network, &[&arguments[..], &["--detect", "off", "--memory", "512MiB"]].concat());
        let mut sent = 0;
        for _ in 0..3 {
            sent += network.send(&capture, "wire0", 20_000);
            thread::sleep(Duration::from_millis(700));
        }
        let watched = watching.end("TERM");
        watched.ended.assert_status(3);
        assert!(watched.took < Duration::from_secs(4), "{:?}", watched.took);
        watched.assert_counts(sent);
        assert!(watched.packets("received") > sent / 10 * 9, "it goes on receiving: {}", watched.summary);

        let (by_workers, recorded) = (watched.workers("records_lost"), watched.number(&["flows", "records"]));
        assert!(by_workers.iter().all(|&records| records > 1_000), "{by_workers:?}");
        let lost: u64 = by_workers.iter().sum();
        assert_eq!(recorded + lost, watched.number(&["flows", "flows"]), "{}", watched.summary);
        let output = &watched.summary["outputs"][0];
        let (written, lost) = (output["records"].as_u64().unwrap(), output["lost_records"].as_u64().unwrap());
        assert!(written > 0 && lost > 1_000, "{output}");
        assert_eq!(written + lost, recorded);
        let warnings = watched.summary["warnings"].to_string();
        assert!(warnings.contains("whoever reads it takes nothing"), "{warnings}");
        drop(reader);
    }
}

/// The same in words.
#[test]
fn the_summary_says_that_outputs_were_too_slow() {
    let Some(network) = Network::new(1) else { return };
    let folder = tempfile::tempdir().unwrap();
    let [capture, pipe] = ["sent.pcap", "eve.json"].map(|name| folder.path().join(name));
    write_conversations(&capture, FLOWS, 1);
    Ended::of(Command::new("mkfifo").arg(&pipe)).assert_status(0);
    let reader = OpenOptions::new().read(true).write(true).open(&pipe).unwrap();
    let mut command = Command::new(PROGRAM);
    command.args(["live", "-i", "probe0", "--udp-timeout", "200ms", "--workers", "2", "--eve"]).arg(&pipe);
    let watching = Program::start(&mut network.enter(&command));
    watching.wait_for("flowcanary: watching ");
    for _ in 0..3 {
        network.send(&capture, "wire0", 20_000);
        thread::sleep(Duration::from_millis(700));
    }
    let ended = watching.end("TERM").ended;
    ended.assert_status(3);
    assert!(ended.stderr.contains("OUTPUTS WERE TOO SLOW: "), "{ended:?}");
    let by_worker = ended.stderr.lines().filter(|line| line.contains("observations to slow outputs"));
    assert_eq!(by_worker.count(), 2, "{}", ended.stderr);
    drop(reader);
}

/// More comes at once than the ring takes: the kernel says how much it dropped, and nothing else is missing.
#[test]
fn what_a_small_ring_has_no_room_for_is_counted() {
    for workers in ["1", "2"] {
        let Some(network) = Network::new(1) else { return };
        let watching = watch(&network, &["-i", "probe0", "--ring", "1MiB", "--workers", workers]);
        let mut sender = tool("python3", "python3");
        sender.arg("-c").arg(BURST).arg(watching.id().to_string());
        Ended::of(&mut network.enter(&sender)).assert_status(0);
        // What is in the ring is read before more comes.
        thread::sleep(Duration::from_millis(500));
        Ended::of(&mut network.enter(&sender)).assert_status(0);
        thread::sleep(Duration::from_millis(1_500));
        watching.signal("USR1");
        watching.wait_for("flowcanary: worker 0: ");
        let watched = watching.end("TERM");
        watched.ended.assert_status(0);
        watched.assert_accounts_for(2 * BURST_FRAMES);
        let dropped = watched.workers("dropped_by_kernel");
        assert!(dropped.iter().all(|&frames| frames > 100), "{dropped:?}");
        assert!(watched.packets("received") > 200, "{}", watched.summary);
        let said: u64 = watched.ended.stderr.lines().filter_map(dropped_by_kernel).sum();
        assert_eq!(said, dropped.iter().sum::<u64>(), "{}", watched.ended.stderr);
    }
}

/// What the interface dropped is read from /sys, which another folder stands in for here: no driver of a namespace drops anything
/// by itself. All workers read the same count, and it is said once.
#[test]
fn what_the_interface_dropped_is_counted_once() {
    for workers in ["1", "2"] {
        let Some(network) = Network::new(1) else { return };
        let folder = tempfile::tempdir().unwrap();
        let statistics = folder.path().join("probe0/statistics");
        fs::create_dir_all(&statistics).unwrap();
        let set = |name: &str, count: &str| fs::write(statistics.join(name), count).unwrap();
        set("rx_missed_errors", "5\n");
        set("rx_fifo_errors", "0\n");
        let mut command = tool("unshare", "util-linux");
        command.args(["--mount", "sh", "-c"]);
        command.arg("mount --bind \"$0\" /sys/class/net && exec \"$@\"").arg(folder.path()).arg(PROGRAM);
        command.args(["live", "-i", "probe0", "--summary", "json", "--workers", workers]);
        let watching = Program::start(&mut network.enter(&command));
        watching.wait_for("flowcanary: watching ");
        set("rx_missed_errors", "12\n");
        set("rx_fifo_errors", "100\n");
        thread::sleep(Duration::from_millis(1_500));
        let watched = watching.end("TERM");
        watched.ended.assert_status(0);
        watched.assert_accounts_for(0);
        let dropped = watched.workers("dropped_by_interface");
        assert_eq!((dropped[0], dropped[1..].iter().sum::<u64>()), (107, 0), "{}", watched.summary);
    }
}

fn dropped_by_kernel(line: &str) -> Option<u64> {
    let (_, count) = line.split_once("dropped by the kernel ")?;
    count.split(',').next()?.parse().ok()
}

/// Sends frames while the program is held up.
const BURST: &str = "
import os, signal, socket, struct, sys
program = int(sys.argv[1])
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(('wire0', 0))
os.kill(program, signal.SIGSTOP)
for number in range(4000):
    header = struct.pack('!BBHHHBBH4sI', 0x45, 0, 1400, 0, 0, 64, 17, 0, bytes([10, 0, 0, 1]), number)
    s.send(bytes(12) + bytes([8, 0]) + header + struct.pack('!HHHH', 1000, 2000, 1380, 0) + bytes(1372))
os.kill(program, signal.SIGCONT)
";
const BURST_FRAMES: u64 = 4_000;
const FLOWS: u16 = 45_000;
