//! What we count for each pair of ends, against what tshark says of the same packets.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

use crate::{
    parallel,
    program::{Ended, Flow, Replay, own_capture, tool},
    shared::corpus,
};

#[test]
fn own_capture_is_counted_as_tshark_counts_it() {
    assert_same_counts(&own_capture("cryptojacking.pcap"), ETHERNET_HEADER);
}

#[test]
pub(crate) fn plain_captures_of_the_corpus_are_counted_as_tshark_counts_them() {
    let plain = plain_captures();
    let compared: usize =
        parallel::each(&plain, |(capture, header)| assert_same_counts(capture, *header)).into_iter().sum();
    println!("{compared} ways between two ends in {} captures", plain.len());
    assert!(
        plain.is_empty() || (plain.len() >= 60 && compared > 3_000),
        "{} captures, {compared} ways",
        plain.len()
    );
}

/// One way between two ends: protocol, source, destination.
type Way = (String, (String, u64), (String, u64));
/// Packets, and octets from the IP header on.
type Counts = BTreeMap<Way, (u64, u64)>;

/// How many ways were compared.
fn assert_same_counts(capture: &Path, link_header: u64) -> usize {
    let (ours, theirs) = (our_counts(capture), their_counts(capture, link_header));
    for (way, counts) in &theirs {
        assert_eq!(ours.get(way), Some(counts), "{}: {way:?}", capture.display());
    }
    let more: Vec<_> = ours.keys().filter(|way| !theirs.contains_key(*way)).collect();
    assert!(more.is_empty(), "{}: only we have {more:?}", capture.display());
    theirs.len()
}

fn our_counts(capture: &Path) -> Counts {
    let mut counts = Counts::new();
    for flow in &Replay::of([capture], &[]).flows {
        let end = |flow: &Flow, address, port| (flow.text(address).to_owned(), flow.number(port));
        let (source, destination) = (end(flow, "src_ip", "src_port"), end(flow, "dest_ip", "dest_port"));
        let proto = flow.text("proto").to_owned();
        let ways = [
            ((proto.clone(), source.clone(), destination.clone()), ("packets", "octets")),
            ((proto, destination, source), ("reverse_packets", "reverse_octets")),
        ];
        for (way, (packets, octets)) in ways {
            if flow.number(packets) > 0 {
                let sum = counts.entry(way).or_default();
                *sum = (sum.0 + flow.number(packets), sum.1 + flow.number(octets));
            }
        }
    }
    counts
}

/// From the outermost IP header of each frame: what an ICMP error quotes is no packet.
fn their_counts(capture: &Path, link_header: u64) -> Counts {
    let mut command = tool("tshark", "tshark");
    // Only the first fields of each frame are wanted, so that nothing has to be put together.
    for option in
        ["ip.defragment:FALSE", "tcp.desegment_tcp_streams:FALSE", "tcp.analyze_sequence_numbers:FALSE"]
    {
        command.args(["-o", option]);
    }
    command.arg("-r").arg(capture).args(["-T", "fields", "-E", "occurrence=f"]);
    for field in FIELDS {
        command.args(["-e", field]);
    }
    let said = Ended::of(&mut command);
    // It reads a capture that is cut up to the cut, as we do.
    let is_cut = said.status == 2 && said.stderr.contains("cut short in the middle of a packet");
    assert!(said.status == 0 || is_cut, "{said:?}");
    let mut counts = Counts::new();
    for line in said.stdout.lines() {
        if let Some((way, octets)) = way_of(line, link_header) {
            let sum = counts.entry(way).or_default();
            *sum = (sum.0 + 1, sum.1 + octets);
        }
    }
    counts
}

/// Which way a frame went, and the octets of its IP packet, if it holds one.
fn way_of(line: &str, link_header: u64) -> Option<(Way, u64)> {
    let values: Vec<_> = line.split('\t').collect();
    let text =
        |field| FIELDS.iter().zip(&values).find(|(name, _)| **name == field).map_or("", |(_, value)| *value);
    let number = |field| text(field).parse::<u64>().unwrap_or_default();
    let version = text("frame.protocols").split(':').find(|layer| ["ip", "ipv6"].contains(layer))?;
    let (source, destination, octets, protocol) = match version {
        "ip" => (text("ip.src"), text("ip.dst"), number("ip.len"), text("ip.proto")),
        _ => (text("ipv6.src"), text("ipv6.dst"), number("ipv6.plen") + IPV6_HEADER, text("ipv6.nxt")),
    };
    let ports = match protocol {
        "6" => (number("tcp.srcport"), number("tcp.dstport")),
        "17" => (number("udp.srcport"), number("udp.dstport")),
        _ => (0, 0),
    };
    let way = (name(protocol).to_owned(), (source.to_owned(), ports.0), (destination.to_owned(), ports.1));
    // Some headers claim more than there was on the wire, which nobody can have sent.
    Some((way, octets.min(number("frame.len").saturating_sub(link_header))))
}

/// Captures of the corpus that hold no tunnels, fragments or options, by its labels, and the octets of their link-layer headers.
pub(crate) fn plain_captures() -> Vec<(PathBuf, u64)> {
    let captures = corpus();
    let Some(folder) = captures.first().and_then(|capture| capture.parent()) else { return Vec::new() };
    let labels: Vec<Value> =
        serde_json::from_str(&fs::read_to_string(folder.join("labels.json")).unwrap()).unwrap();
    let plain = |label: &Value| {
        let is_bare = label["encapsulations"].as_array().is_some_and(Vec::is_empty);
        let has_packets = label["packets"].as_u64().is_some_and(|packets| PACKETS.contains(&packets));
        let link_type = LINK_TYPES.iter().find(|(name, _)| label["linktype"] == *name)?;
        let capture = folder.join(label["file"].as_str()?);
        (is_bare && has_packets && captures.contains(&capture)).then_some((capture, link_type.1))
    };
    labels.iter().filter_map(plain).collect()
}

/// The protocol as the flow file calls it.
fn name(protocol: &str) -> &str {
    match protocol {
        "1" => "ICMP",
        "2" => "IGMP",
        "6" => "TCP",
        "17" => "UDP",
        "58" => "IPv6-ICMP",
        "89" => "OSPF",
        "103" => "PIM",
        "112" => "VRRP",
        other => other,
    }
}

const FIELDS: [&str; 14] = [
    "frame.protocols",
    "frame.len",
    "ip.src",
    "ip.dst",
    "ip.len",
    "ip.proto",
    "ipv6.src",
    "ipv6.dst",
    "ipv6.plen",
    "ipv6.nxt",
    "tcp.srcport",
    "tcp.dstport",
    "udp.srcport",
    "udp.dstport",
];
/// Few enough for tshark to be done soon, enough to say something.
const PACKETS: std::ops::Range<u64> = 30..10_000;
const ETHERNET_HEADER: u64 = 14;
/// Octets (RFC 8200, 3).
const IPV6_HEADER: u64 = 40;
/// Link types by the names of the labels, and the octets of their headers.
const LINK_TYPES: [(&str, u64); 6] =
    [("EN10MB", 14), ("LINUX_SLL", 16), ("RAW", 0), ("IPV4", 0), ("IPV6", 0), ("NULL", 4)];
