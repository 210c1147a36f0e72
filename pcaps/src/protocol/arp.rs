//! Address resolution (RFC 826), and its successor for IPv6 (RFC 4861).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use etherparse::EtherType;

use crate::{
    host::Host,
    packet::{Ip, ethernet_frame},
};

/// The frames with which `asking` finds the hardware address of `asked`: a question to all, and an answer to one.
pub fn resolution(asking: &Host, asked: &Host) -> [Vec<u8>; 2] {
    match (asking.address, asked.address) {
        (IpAddr::V4(asking_address), IpAddr::V4(asked_address)) => {
            let question = arp(1, (asking.mac, asking_address), ([0; 6], asked_address));
            let answer = arp(2, (asked.mac, asked_address), (asking.mac, asking_address));
            [
                ethernet_frame(asking.mac, [0xff; 6], EtherType::ARP, &question),
                ethernet_frame(asked.mac, asking.mac, EtherType::ARP, &answer),
            ]
        }
        (_, IpAddr::V6(asked_address)) => neighbor_discovery(asking, asked, asked_address),
        (IpAddr::V6(_), IpAddr::V4(asked_address)) => {
            neighbor_discovery(asking, asked, asked_address.to_ipv6_mapped())
        }
    }
}

fn arp(operation: u16, sender: ([u8; 6], Ipv4Addr), target: ([u8; 6], Ipv4Addr)) -> Vec<u8> {
    // Ethernet, IPv4, and the lengths of their addresses.
    let mut message = vec![0, 1, 0x08, 0x00, 6, 4];
    message.extend(operation.to_be_bytes());
    for (hardware, address) in [sender, target] {
        message.extend(hardware);
        message.extend(address.octets());
    }
    message
}

fn neighbor_discovery(asking: &Host, asked: &Host, target: Ipv6Addr) -> [Vec<u8>; 2] {
    let [.., a, b, c] = target.octets();
    // RFC 4291, section 2.7.1: the solicited-node multicast address, and RFC 2464, section 7, its hardware address.
    let everyone = Ipv6Addr::from([0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, a, b, c]);
    let ip = |source, destination| Ip {
        source,
        destination,
        hop_limit: 255,
        identification: 0,
        dont_fragment: false,
    };
    let mut solicitation = target.octets().to_vec();
    solicitation.extend([SOURCE_LINK_LAYER_ADDRESS, 1]);
    solicitation.extend(asking.mac);
    let mut advertisement = target.octets().to_vec();
    advertisement.extend([TARGET_LINK_LAYER_ADDRESS, 1]);
    advertisement.extend(asked.mac);
    let question = ip(asking.address, everyone.into()).icmp_v6(NEIGHBOR_SOLICITATION, [0; 4], &solicitation);
    let answer =
        ip(asked.address, asking.address).icmp_v6(NEIGHBOR_ADVERTISEMENT, SOLICITED_OVERRIDE, &advertisement);
    [
        ethernet_frame(asking.mac, [0x33, 0x33, 0xff, a, b, c], EtherType::IPV6, &question),
        ethernet_frame(asked.mac, asking.mac, EtherType::IPV6, &answer),
    ]
}

/// RFC 4861, sections 4.3, 4.4 and 4.6.1.
const NEIGHBOR_SOLICITATION: u8 = 135;
const NEIGHBOR_ADVERTISEMENT: u8 = 136;
const SOURCE_LINK_LAYER_ADDRESS: u8 = 1;
const TARGET_LINK_LAYER_ADDRESS: u8 = 2;
const SOLICITED_OVERRIDE: [u8; 4] = [0x60, 0, 0, 0];
