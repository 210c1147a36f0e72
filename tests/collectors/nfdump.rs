//! nfcapd collects what the program sends, and nfdump shows what it has got.

use std::{fs::File, path::Path, process::Stdio};

use serde_json::Value;

use super::{
    arriving::{Listening, free_port},
    captures,
    expected::Expected,
};
use crate::{
    parallel,
    program::{Ended, Flow, own_capture, read_flows, replay, tool},
};

#[test]
fn nfdump_shows_the_flows_of_our_flow_file() {
    parallel::each(&captures(), |capture| {
        // What is there for nfdump has nothing that it would take for a loss.
        let said = assert_collected(capture, &["--ipfix-profile", "nfdump"]);
        assert!(said.contains("Sequence Errors: 0, Bad Packets: 0"), "{}: {said}", capture.display());
    });
}

/// It does not count options records, so that it believes to have missed some: its version 1.7.1 says so, and takes all flows.
#[test]
fn nfdump_is_not_disturbed_by_findings_and_statistics() {
    parallel::each(&["cryptojacking.pcap", "tunnels.pcap"], |name| {
        let said = assert_collected(&own_capture(name), &[]);
        assert!(said.contains("Bad Packets: 0"), "{name}: {said}");
    });
}

/// A record for each direction, as for collectors that know no biflows.
#[test]
fn nfdump_adds_up_one_way_records_to_the_same_counts() {
    let capture = own_capture("cryptojacking.pcap");
    let (shown, ours, _) = collected(&capture, &["--ipfix-profile", "uniflow"]);
    let sum = |of: fn(&Shown) -> u64, shown: &[Shown]| shown.iter().map(of).sum::<u64>();
    let ours: Vec<_> = ours.iter().map(of_flow).collect();
    assert_eq!(sum(|one| one.reverse_packets, &shown), 0);
    assert_eq!(shown.len(), ours.len() + ours.iter().filter(|one| one.reverse_packets > 0).count());
    assert_eq!(sum(|one| one.packets, &shown), sum(|one| one.packets + one.reverse_packets, &ours));
    assert_eq!(sum(|one| one.octets, &shown), sum(|one| one.octets + one.reverse_octets, &ours));
}

/// What both programs say of a record.
#[derive(Clone, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
struct Shown {
    source: (String, u64),
    destination: (String, u64),
    protocol: u64,
    first: String,
    last: String,
    packets: u64,
    octets: u64,
    reverse_packets: u64,
    reverse_octets: u64,
    tcp_flags: u64,
    tos: u64,
    vlan: u64,
    macs: [String; 2],
    icmp: u64,
    /// Labels without those that are 0.
    labels: Vec<String>,
}

/// What nfcapd said of it.
fn assert_collected(capture: &Path, arguments: &[&str]) -> String {
    let (mut shown, ours, said) = collected(capture, arguments);
    let mut expected: Vec<_> = ours.iter().map(of_flow).collect();
    assert!(!shown.is_empty(), "{}: {said}", capture.display());
    assert_eq!(shown.len(), expected.len(), "{}", capture.display());
    expected.sort();
    shown.sort();
    for (expected, shown) in expected.iter().zip(&shown) {
        assert_eq!(shown, expected, "{}", capture.display());
    }
    said
}

/// What nfdump shows, the flows of our flow file, and what nfcapd said.
fn collected(capture: &Path, arguments: &[&str]) -> (Vec<Shown>, Vec<Flow>, String) {
    let folder = tempfile::tempdir().unwrap();
    let (flows, collected) = (folder.path().join("flows.jsonl"), folder.path().join("collected"));
    std::fs::create_dir(&collected).unwrap();
    let log = folder.path().join("log");
    let port = free_port();
    let mut command = tool("nfcapd", "nfdump");
    // A file for an hour: all goes into one.
    command.args(["-b", "127.0.0.1", "-p", &port.to_string(), "-t", "3600", "-w"]).arg(&collected);
    let file = File::create(&log).unwrap();
    command.stdin(Stdio::null()).stdout(file.try_clone().unwrap()).stderr(file);
    let nfcapd = Listening::start(&mut command, port);

    let mut command = replay([capture]);
    command.args(["--summary", "none", "--export", &nfcapd.url(), "--flows"]).arg(&flows).args(arguments);
    let ended = Ended::of(&mut command);
    assert_eq!((ended.status, ended.complaints()), (0, vec![]), "{}", capture.display());
    nfcapd.wait_until_taken();
    nfcapd.end("TERM");

    let said = std::fs::read_to_string(&log).unwrap();
    (dumped(&collected), read_flows(&flows), said)
}

fn of_flow(flow: &Flow) -> Shown {
    let expected = Expected::new(flow);
    let [source, destination] = expected.ends().map(|(address, port)| (address.to_owned(), port));
    let [first, last] = expected.times(false);
    let number = |column, is_reverse| expected.number(column, is_reverse).unwrap_or_default();
    Shown {
        source,
        destination,
        protocol: expected.protocol(),
        first,
        last,
        packets: number("packets", false),
        octets: number("octets", false),
        reverse_packets: number("packets", true),
        reverse_octets: number("octets", true),
        tcp_flags: number("tcp_flags", false),
        tos: number("tos", false),
        vlan: number("vlan", false),
        macs: expected.macs().map(str::to_owned),
        icmp: expected.icmp(false).unwrap_or_default(),
        labels: expected.labels(false).into_iter().filter(|label| *label != "0").map(str::to_owned).collect(),
    }
}

/// All records in the files of `folder`.
fn dumped(folder: &Path) -> Vec<Shown> {
    let mut command = tool("nfdump", "nfdump");
    let dumped = Ended::of(command.arg("-R").arg(folder).args(["-o", "json"]));
    let records: Vec<Value> = serde_json::from_str(&dumped.assert_status(0).stdout).unwrap();
    records.iter().map(of_record).collect()
}

fn of_record(record: &Value) -> Shown {
    let number = |name: &str| record[name].as_u64().unwrap_or_default();
    let text = |name: &str| record[name].as_str().unwrap_or_default().to_owned();
    let address = |end: &str| {
        let v4 = text(&format!("{end}4_addr"));
        if v4.is_empty() {
            super::expected::normal("sourceIPv6Address", &text(&format!("{end}6_addr")))
        } else {
            v4
        }
    };
    let time = |name: &str| text(name).replace('T', " ");
    let labels = (1..=10).map(|place| text(&format!("mpls_{place}")));
    Shown {
        source: (address("src"), number("src_port")),
        destination: (address("dst"), number("dst_port")),
        protocol: number("proto"),
        first: time("first"),
        last: time("last"),
        packets: number("in_packets"),
        octets: number("in_bytes"),
        reverse_packets: number("out_packets"),
        reverse_octets: number("out_bytes"),
        tcp_flags: flags(&text("tcp_flags")),
        tos: number("src_tos"),
        vlan: number("src_vlan"),
        macs: [text("in_src_mac"), text("in_dst_mac")],
        icmp: number("icmp_type") << 8 | number("icmp_code"),
        labels: labels
            .filter_map(|label| label.split('-').next().map(str::to_owned))
            .filter(|l| !l.is_empty() && l != "0")
            .collect(),
    }
}

/// `...AP.SF`, the bit of the highest value first.
fn flags(shown: &str) -> u64 {
    shown.chars().fold(0, |bits, flag| bits << 1 | u64::from(flag != '.'))
}
