use std::{
    fs, thread,
    time::{Duration, SystemTime},
};

use serde_json::Value;

use super::{
    network::Network,
    traffic::write_conversations,
    watching::{until, watch},
};
use crate::program::{Ended, file_url, parse_flows, tool};

/// Nothing comes after the packet, and its flow is in the file within a second of its idle timeout. At various times of the second, since
/// what is done now and then must not come too late at any.
#[test]
fn a_quiet_link_exports_in_time() {
    for workers in ["1", "2"] {
        let Some(network) = Network::new(1) else { return };
        let folder = tempfile::tempdir().unwrap();
        let [capture, path] = ["sent.pcap", "flows.jsonl"].map(|name| folder.path().join(name));
        write_conversations(&capture, 1, 1);
        let flows = path.to_str().unwrap();
        let watching =
            watch(&network, &["-i", "probe0", "--udp-timeout", "1s", "--workers", workers, "--flows", flows]);
        for sent in 1..=4 {
            network.send(&capture, "wire0", 1_000);
            let lines = || fs::read_to_string(&path).unwrap();
            until(|| lines().lines().count() == sent, lines);
            let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
            let flow = parse_flows(&lines()).pop().unwrap();
            let ended: jiff::Timestamp = flow.text("end").parse().unwrap();
            let since = now.as_secs_f64() - Duration::try_from(ended.as_duration()).unwrap().as_secs_f64();
            eprintln!("{workers} workers: after {since:.3} s");
            assert!((1.0..2.0).contains(&since), "{since} s after the packet");
            assert_eq!(flow.text("end_reason"), "idle_timeout");
            thread::sleep(Duration::from_millis(130));
        }
        let watched = watching.end("TERM");
        watched.ended.assert_status(0);
        watched.assert_accounts_for(4);
    }
}

/// A collector that is away for a while costs records, which is counted, and no packet.
#[test]
fn a_collector_that_comes_and_goes_does_not_disturb_capture() {
    let Some(network) = Network::new(1) else { return };
    let folder = tempfile::tempdir().unwrap();
    let capture = folder.path().join("sent.pcap");
    write_conversations(&capture, 500, 10);
    let listen = |path: &std::path::Path| {
        let mut listener = tool("python3", "python3");
        listener.arg("-c").arg(LISTENER).arg(path);
        let listener = super::watching::Program::start(&mut network.enter(&listener));
        listener.wait_for("listening");
        listener
    };
    let [first, second] = ["first", "second"].map(|name| folder.path().join(name));
    let listener = listen(&first);
    let watching =
        watch(&network, &["-i", "probe0", "--udp-timeout", "300ms", "--export", "udp://127.0.0.1:4739"]);
    let mut sent = network.send(&capture, "wire0", 5_000);
    let octets = |path: &std::path::Path| fs::metadata(path).map(|file| file.len()).unwrap_or_default();
    until(|| octets(&first) > 10_000, || "nothing has arrived".to_owned());
    drop(listener);
    sent += network.send(&capture, "wire0", 5_000);
    thread::sleep(Duration::from_millis(1_500));
    let _listener = listen(&second);
    sent += network.send(&capture, "wire0", 5_000);
    until(|| octets(&second) > 10_000, || "nothing arrives any more".to_owned());
    let watched = watching.end("TERM");
    watched.ended.assert_status(3);
    watched.assert_accounts_for(sent);
    assert_eq!(watched.packets("metered"), sent);
    let warnings = watched.summary["warnings"].to_string();
    assert!(warnings.contains("nobody listens there"), "{warnings}");
}

#[test]
fn usr1_prints_counts_and_hup_ends_nothing() {
    let Some(network) = Network::new(1) else { return };
    let folder = tempfile::tempdir().unwrap();
    let capture = folder.path().join("sent.pcap");
    write_conversations(&capture, 100, 10);
    let watching = watch(&network, &["-i", "probe0", "--workers", "2"]);
    let sent = network.send(&capture, "wire0", 5_000);
    // Workers say how far they have come once a second.
    thread::sleep(Duration::from_millis(1_500));
    watching.signal("HUP");
    watching.wait_for("configuration");
    watching.signal("USR1");
    watching.wait_for("worker 1: received ");
    let stderr = watching.stderr();
    assert!(stderr.contains(&format!("received {sent}, metered {sent}, flows 100,")), "{stderr}");
    assert_eq!(stderr.matches("dropped by the kernel 0").count(), 2, "{stderr}");
    watching.end("TERM").ended.assert_status(0);
}

#[test]
fn statistics_come_as_often_as_asked_for() {
    let Some(network) = Network::new(1) else { return };
    let folder = tempfile::tempdir().unwrap();
    let [capture, eve] = ["sent.pcap", "eve.json"].map(|name| folder.path().join(name));
    write_conversations(&capture, 100, 10);
    let eve_path = eve.to_str().unwrap();
    let watching = watch(&network, &["-i", "probe0", "--stats-interval", "500ms", "--eve", eve_path]);
    let sent = network.send(&capture, "wire0", 5_000);
    thread::sleep(Duration::from_millis(3_300));
    watching.end("TERM").ended.assert_status(0);
    let text = fs::read_to_string(&eve).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let statistics: Vec<_> = lines.filter(|line| line["event_type"] == "stats").collect();
    // Six or seven, and one at the end.
    assert!((6..=9).contains(&statistics.len()), "{}", statistics.len());
    let received =
        |line: &Value| line["stats"]["packets"]["received"].as_u64().unwrap_or_else(|| panic!("{line}"));
    let counts: Vec<_> = statistics.iter().map(received).collect();
    assert!(counts.is_sorted() && counts.last() == Some(&sent), "{counts:?}");
    let midway = counts.iter().take(counts.len() - 1).filter(|&&count| count == sent).count();
    assert!(midway >= 2, "they lag behind: {counts:?}");
}

/// However quiet a link is, it is the time that it is: not that of the last packet, nor that of none.
#[test]
fn statistics_of_a_quiet_link_bear_the_time() {
    let Some(network) = Network::new(1) else { return };
    let folder = tempfile::tempdir().unwrap();
    let eve = folder.path().join("eve.json");
    let eve_path = eve.to_str().unwrap();
    let watching = watch(&network, &["-i", "probe0", "--stats-interval", "500ms", "--eve", eve_path]);
    thread::sleep(Duration::from_millis(1_300));
    watching.end("TERM").ended.assert_status(0);
    let text = fs::read_to_string(&eve).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let times: Vec<_> = lines.map(|line| line["timestamp"].as_str().unwrap().to_owned()).collect();
    assert!(times.len() >= 3 && times.is_sorted_by(|one, next| one < next), "{times:?}");
    assert!(times[0].as_str() > "2026", "{times:?}");
}

/// A collector hears as often what was lost on the way to each worker, and what the interface is called.
#[test]
fn losses_of_workers_come_as_options_records() {
    let Some(network) = Network::new(1) else { return };
    let folder = tempfile::tempdir().unwrap();
    let [capture, ipfix] = ["sent.pcap", "live.ipfix"].map(|name| folder.path().join(name));
    write_conversations(&capture, 100, 10);
    let export = file_url(&ipfix);
    let arguments =
        ["-i", "probe0", "--workers", "2", "--stats-interval", "500ms", "--pen", "9999", "--export", &export];
    let watching = watch(&network, &arguments);
    let sent = network.send(&capture, "wire0", 5_000);
    thread::sleep(Duration::from_millis(2_300));
    let watched = watching.end("TERM");
    watched.ended.assert_status(0);
    assert!(!watched.ended.stderr.contains("for examples"), "{:?}", watched.ended);
    let mut command = tool("ipfixDump", "libfixbuf-tools");
    let dumped = Ended::of(command.arg("--rfc5610").arg("-i").arg(&ipfix));
    let records: Vec<&str> = dumped.assert_status(0).stdout.split("--- ").collect();
    let values = |record: &str, name: &str| {
        let line = record.lines().find(|line| line.contains(&format!(" {name} : ")));
        line.and_then(|line| line.rsplit(" : ").next()).map(str::to_owned)
    };
    let of_workers: Vec<_> = records
        .iter()
        .filter_map(|record| {
            Some((
                values(record, "meteringProcessId")?,
                values(record, "receivedPacketTotalCount")?,
                values(record, "droppedPacketTotalCount")?,
            ))
        })
        .collect();
    // Four times, and once at the end.
    assert!((8..=14).contains(&of_workers.len()), "{of_workers:?}");
    let last: u64 =
        of_workers.iter().rev().take(2).map(|(_, received, _)| received.parse::<u64>().unwrap()).sum();
    assert_eq!(last, sent, "{of_workers:?}");
    assert!(
        of_workers.iter().all(|(worker, _, dropped)| ["1", "2"].contains(&&**worker) && dropped == "0"),
        "{of_workers:?}"
    );
    let names: Vec<_> = records.iter().filter_map(|record| values(record, "interfaceName")).collect();
    assert!(names.len() >= 5 && names.iter().all(|name| name.ends_with(" probe0")), "{names:?}");
}

/// Takes datagrams and writes them into a file.
const LISTENER: &str = "
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(('127.0.0.1', 4739))
print('listening', file=sys.stderr, flush=True)
with open(sys.argv[1], 'wb', buffering=0) as f:
    while True:
        f.write(s.recv(65535))
";
