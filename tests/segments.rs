//! What the numbers of TCP segments tell of flows, against what tshark says of the same segments.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use serde_json::Value;

use crate::{
    parallel,
    program::{Ended, Flow, Replay, own_capture, tool},
    shared::corpus,
};

/// An end.
type End = (String, u64);

/// What is said of the captures.
#[derive(Debug, Default)]
struct Said {
    /// Segments that were sent again, or came late, by who sent them to whom.
    repeated: BTreeMap<(End, End), u64>,
    /// Microseconds from the SYN to the acknowledgment of its answer, by both ends in their order.
    round_trips: BTreeMap<[End; 2], u64>,
}

/// What tshark tells apart by the time that has passed, we tell apart by what was seen before; both together are what did not come in order.
/// The two differ where
///
/// - a capture follows itself, or ports are used again at once: what is another flow of ours is the same conversation there;
/// - a segment has a single octet more than one that was probing a closed window, which it does not count;
/// - a segment comes before the first one that was seen of its direction, or the data of a SYN was not taken;
/// - an acknowledgment for more than was seen comes before what it acknowledges: it goes by the number that is expected, we by the octets.
#[test]
fn what_was_sent_again_is_as_tshark_says() {
    let captures = captures();
    let compared: Vec<_> = parallel::each(&captures, |capture| {
        let (ours, theirs) = (ours(capture), theirs(capture));
        let ways = ours.repeated.keys().chain(theirs.repeated.keys());
        let ways: std::collections::BTreeSet<_> = ways.collect();
        let count = |said: &Said, way| said.repeated.get(way).copied().unwrap_or_default();
        let differing: Vec<_> = ways
            .iter()
            .map(|way| (count(&ours, way), count(&theirs, way)))
            .filter(|(ours, theirs)| ours != theirs)
            .collect();
        if !differing.is_empty() {
            println!("{}: ours and theirs {differing:?}", capture.display());
        }
        (
            ours.repeated.values().sum::<u64>(),
            differing.iter().map(|(one, two)| one.abs_diff(*two)).sum::<u64>(),
        )
    });
    let (all, differing) =
        compared.iter().fold((0, 0), |(all, differing), one| (all + one.0, differing + one.1));
    println!("{all} segments in {} captures, {differing} differ", captures.len());
    assert!(differing * 50 <= all, "{differing} of {all} differ");
    assert!(captures.len() == OWN.len() || all > 2_500, "{all} segments");
}

#[test]
fn the_time_of_a_handshake_is_as_tshark_says() {
    let captures = captures();
    let compared: Vec<_> = parallel::each(&captures, |capture| {
        let (ours, theirs) = (ours(capture), theirs(capture));
        let mut same = 0;
        for (ends, ours) in &ours.round_trips {
            // It says nothing of what is in no time, and we round up, twice.
            let theirs = theirs.round_trips.get(ends).copied().unwrap_or_default();
            if ours.abs_diff(theirs) <= 3 {
                same += 1;
            } else {
                println!("{}: {ends:?}: {ours} and {theirs}", capture.display());
            }
        }
        (same, ours.round_trips.len())
    });
    let (same, all) = compared.iter().fold((0, 0), |(same, all), one| (same + one.0, all + one.1));
    println!("{same} of {all} handshakes in {} captures", captures.len());
    // Times of some captures are so coarse that it goes by the order of packets, and we do not.
    assert!((all - same) * 100 <= all, "{same} of {all} are the same");
    assert!(all > if captures.len() == OWN.len() { 100 } else { 1_500 }, "{all} handshakes");
}

#[test]
fn own_captures_lose_nothing_and_say_how_far_the_ends_are() {
    let flows = Replay::of([own_capture("cryptojacking.pcap")], &[]).flows;
    let tcp: Vec<_> = flows.iter().filter(|flow| flow.text("proto") == "TCP").collect();
    assert!(tcp.iter().all(|flow| flow.number("missed_octets") + flow.number("reverse_missed_octets") == 0));
    assert!(
        tcp.iter().any(|flow| flow.optional_number("handshake_rtt_us").is_some_and(|time| time > 20_000))
    );
}

fn ours(capture: &Path) -> Said {
    let mut said = Said::default();
    let replay = Replay::of([capture], &["--detect", "off", "--application", "off"]);
    for flow in replay.flows.iter().filter(|flow| flow.text("proto") == "TCP") {
        let end = |flow: &Flow, address, port| (flow.text(address).to_owned(), flow.number(port));
        let (one, other) = (end(flow, "src_ip", "src_port"), end(flow, "dest_ip", "dest_port"));
        let sum = |columns: [&str; 2]| {
            columns.iter().filter_map(|column| flow.optional_number(column)).sum::<u64>()
        };
        let ways = [
            ((one.clone(), other.clone()), sum(["retransmitted_segments", "out_of_order_segments"])),
            (
                (other.clone(), one.clone()),
                sum(["reverse_retransmitted_segments", "reverse_out_of_order_segments"]),
            ),
        ];
        for (way, count) in ways.into_iter().filter(|(_, count)| *count > 0) {
            *said.repeated.entry(way).or_default() += count;
        }
        let times =
            ["handshake_rtt_us", "reverse_handshake_rtt_us"].map(|column| flow.optional_number(column));
        if let [Some(client), Some(server)] = times {
            let mut ends = [one, other];
            ends.sort();
            said.round_trips.entry(ends).or_insert(client + server);
        }
    }
    said
}

fn theirs(capture: &Path) -> Said {
    let mut command = tool("tshark", "tshark");
    for option in ["ip.defragment:FALSE", "tcp.desegment_tcp_streams:FALSE"] {
        command.args(["-o", option]);
    }
    command.arg("-r").arg(capture).args(["-Y", "tcp", "-T", "fields", "-E", "occurrence=f"]);
    for field in FIELDS {
        command.args(["-e", field]);
    }
    let ended = Ended::of(&mut command);
    let is_cut = ended.status == 2 && ended.stderr.contains("cut short in the middle of a packet");
    assert!(ended.status == 0 || is_cut, "{ended:?}");
    let mut said = Said::default();
    for line in ended.stdout.lines() {
        let mut values = line.split('\t').collect::<Vec<_>>();
        values.resize(FIELDS.len(), "");
        let [v4, v6, port, to_v4, to_v6, to_port, repeated @ .., time] = &values[..] else {
            panic!("{line}")
        };
        let end = |v4: &str, v6: &str, port: &str| ([v4, v6].concat(), port.parse().unwrap_or_default());
        let (source, destination) = (end(v4, v6, port), end(to_v4, to_v6, to_port));
        if repeated.iter().any(|flag| !flag.is_empty()) {
            *said.repeated.entry((source.clone(), destination.clone())).or_default() += 1;
        }
        if let Ok(seconds) = time.parse::<f64>() {
            let mut ends = [source, destination];
            ends.sort();
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a time of a handshake"
            )]
            let microseconds = (seconds * 1e6).round() as u64;
            said.round_trips.entry(ends).or_insert(microseconds);
        }
    }
    said
}

/// Our own captures, and those of the corpus without tunnels, by its labels.
fn captures() -> Vec<PathBuf> {
    let own = OWN.iter().map(|name| own_capture(name));
    let captures = corpus();
    let Some(folder) = captures.first().and_then(|capture| capture.parent()) else { return own.collect() };
    let labels: Vec<Value> =
        serde_json::from_str(&std::fs::read_to_string(folder.join("labels.json")).unwrap()).unwrap();
    let plain = labels.iter().filter_map(|label| {
        let is_bare = label["encapsulations"].as_array().is_some_and(Vec::is_empty);
        let has_packets = label["packets"].as_u64().is_some_and(|packets| (20..8_000).contains(&packets));
        let capture = folder.join(label["file"].as_str()?);
        (is_bare && has_packets && captures.contains(&capture)).then_some(capture)
    });
    own.chain(plain).collect()
}

const OWN: [&str; 1] = ["cryptojacking.pcap"];
const FIELDS: [&str; 11] = [
    "ip.src",
    "ipv6.src",
    "tcp.srcport",
    "ip.dst",
    "ipv6.dst",
    "tcp.dstport",
    "tcp.analysis.retransmission",
    "tcp.analysis.fast_retransmission",
    "tcp.analysis.spurious_retransmission",
    "tcp.analysis.out_of_order",
    "tcp.analysis.initial_rtt",
];
