//! What collectors and decoders that others wrote make of our IPFIX.

mod arriving;
mod expected;
mod file_decoders;
mod nfdump;
mod pmacct;
mod tshark;

use std::path::PathBuf;

use crate::{program::own_capture, shared::folder};

/// The project's own captures, and of the corpus some with what these have not: other link types, protocols and times.
fn captures() -> Vec<PathBuf> {
    let own = ["cryptojacking.pcap", "tunnels.pcap"].map(own_capture);
    let others = folder("corpus").into_iter().flat_map(|folder| CAPTURES.map(|name| folder.join(name)));
    own.into_iter().chain(others).collect()
}

const CAPTURES: [&str; 18] = [
    "arkime__arkime_synthetic.pcap",
    "dpkt__dns_icmp.pcap",
    "ipfixprobe__mixed.pcap",
    "iti-ics__c37118_1100_unclean.pcap",
    "libpcap__AH-IPcomp-IPv4.pcap",
    "malcolm__OSPF.pcap",
    "malcolm__dns_caa_records.pcap",
    "mercury__geneve.pcap",
    "mercury__pppoe_double_vlan_tagging.pcap",
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
