//! What collectors and decoders that others wrote make of our IPFIX.

mod arriving;
mod expected;
mod file_decoders;
mod netflow_parser;
mod nfdump;
mod outages;
mod own_records;
mod paths;
mod pipes;
mod pmacct;
mod several;
pub(crate) mod streams;
mod tshark;

use std::path::PathBuf;

use self::expected::Expected;
use crate::{
    program::{Replay, own_capture},
    shared::folder,
};

/// The project's own captures, and of the corpus some with what these have not: other link types, protocols and times.
fn captures() -> Vec<PathBuf> {
    let own = ["cryptojacking.pcap", "tunnels.pcap"].map(own_capture);
    let others = folder("corpus").into_iter().flat_map(|folder| CAPTURES.map(|name| folder.join(name)));
    own.into_iter().chain(others).collect()
}

/// What is compared here has to be there: a record of each kind that is exported in a way of its own.
#[test]
fn records_of_every_kind_are_among_those_compared() {
    let mut missing = KINDS.to_vec();
    for capture in captures() {
        for flow in &Replay::of([&capture], &[]).flows {
            let kinds = Expected::new(flow).kinds();
            missing.retain(|kind| !kinds.contains(kind));
        }
    }
    // Without the corpus there is no capture of answers only.
    let is_whole = folder("corpus").is_some();
    missing.retain(|kind| is_whole || *kind != "answers only");
    assert!(missing.is_empty(), "no record of: {missing:?}");
}

const KINDS: [&str; 10] = [
    "both ways",
    "one way",
    "answers only",
    "IPv6",
    "ICMP",
    "ICMPv6",
    "VLAN",
    "two VLANs",
    "labels",
    "overlay",
];
const CAPTURES: [&str; 20] = [
    "arkime__arkime_synthetic.pcap",
    "dpkt__dns_icmp.pcap",
    "ipfixprobe__mixed.pcap",
    "iti-ics__c37118_1100_unclean.pcap",
    "libpcap__AH-IPcomp-IPv4.pcap",
    "malcolm__OSPF.pcap",
    "malcolm__dns_caa_records.pcap",
    "mercury__geneve.pcap",
    "mercury__pppoe_double_vlan_tagging.pcap",
    "ndpi__http_asymmetric.pcapng",
    "ndpi__tls_1.2_unidirectional_server_no_cert.pcapng",
    "nfstream__mdns.pcap",
    "pcapplusplus__ip6_fragments.pcap",
    "pcapplusplus__raw_ip.pcap",
    "peafowl__dhcpv6_1.pcap",
    "stopddos__amp.dns.RRSIG.fragmented.pcap",
    "suricata-verify__vxlan-decoder-03__vxlan.pcap",
    "tcpdump__forces3.pcap",
    "zeek__mixed-vlan-mpls.pcap",
    "zeek__mpls-in-vlan.pcap",
];
