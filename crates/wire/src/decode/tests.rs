use std::{env, fs, path::Path};

use proptest::prelude::*;

use super::*;
use crate::{Address, Fragment, Icmp, Layer, MplsEntry, NotIp, Ports, Tcp, TcpFlags, Timestamp};

/// The addresses of the packets in these tests; [`INNER`] those within a tunnel.
const OUTER: u8 = 1;
const INNER: u8 = 2;

fn frame(link_type: LinkType, data: &[u8]) -> Frame<'_> {
    let original_length = u32::try_from(data.len()).unwrap();
    Frame { data, timestamp: Timestamp::from_nanos(7), original_length, link_type, interface: 5 }
}

fn on(link_type: LinkType, data: &[u8]) -> Result<Packet<'_>, DecodeFailure> {
    decode(&frame(link_type, data))
}

fn ethernet(ether_type: u16, payload: &[u8]) -> Vec<u8> {
    [&[2, 0, 0, 0, 0, 0xd, 2, 0, 0, 0, 0, 0x5], &ether_type.to_be_bytes()[..], payload].concat()
}

fn ipv4(net: u8, protocol: u8, payload: &[u8]) -> Vec<u8> {
    let [high, low] = u16::try_from(20 + payload.len()).unwrap().to_be_bytes();
    let header = [0x45, 0x2e, high, low, 0x12, 0x34, 0, 0, 64, protocol, 0, 0, 10, net, 0, 1, 10, net, 0, 2];
    [&header[..], payload].concat()
}

/// A piece of a packet: `offset` in units of eight octets, and whether more follow.
fn ipv4_fragment(net: u8, protocol: u8, offset: u16, more: bool, payload: &[u8]) -> Vec<u8> {
    let mut packet = ipv4(net, protocol, payload);
    packet[6..8].copy_from_slice(&(offset | u16::from(more) << 13).to_be_bytes());
    packet
}

fn ipv6(net: u8, next_header: u8, payload: &[u8]) -> Vec<u8> {
    let [high, low] = u16::try_from(payload.len()).unwrap().to_be_bytes();
    let mut addresses = [0; 32];
    (addresses[0], addresses[1], addresses[15]) = (0x20, net, 1);
    (addresses[16], addresses[17], addresses[31]) = (0x20, net, 2);
    [&[0x62, 0xe0, 0, 0, high, low, next_header, 64], &addresses[..], payload].concat()
}

fn udp(destination: u16, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(8 + payload.len()).unwrap().to_be_bytes();
    [&[0xc0, 0x01], &destination.to_be_bytes()[..], &length, &[0, 0], payload].concat()
}

fn tcp(payload: &[u8]) -> Vec<u8> {
    let header = [0xc0, 2, 1, 0xbb, 0, 0, 0, 7, 0, 0, 0, 9, 0x60, 0x18, 4, 0, 0, 0, 0, 0, 1, 1, 1, 0];
    [&header[..], payload].concat()
}

/// The packet that tunnels carry in these tests.
fn inner() -> Vec<u8> {
    ipv4(INNER, 17, &udp(53, b"query"))
}

#[track_caller]
fn assert_is_inner(packet: &Packet<'_>) {
    assert_eq!(packet.ip.source, Address::from_v4([10, INNER, 0, 1]));
    assert_eq!((packet.ip.octets, packet.payload), (33, &b"query"[..]));
    assert_eq!(packet.transport, Transport::Ports(Ports { source: 0xc001, destination: 53 }));
}

#[track_caller]
fn assert_is_outer(packet: &Packet<'_>) {
    assert_eq!(packet.ip.source, Address::from_v4([10, OUTER, 0, 1]));
    assert_eq!(packet.segment, None);
}

#[test]
fn tcp_over_ipv4_over_ethernet() {
    let data = ethernet(0x0800, &ipv4(OUTER, 6, &tcp(b"hello")));
    let packet = on(LinkType::ETHERNET, &data).unwrap();
    assert_eq!((packet.timestamp.nanos(), packet.interface), (7, 5));
    assert_eq!((packet.link.destination, packet.link.source), ([2, 0, 0, 0, 0, 0xd], [2, 0, 0, 0, 0, 0x5]));
    let ip = Ip {
        source: Address::from_v4([10, 1, 0, 1]),
        destination: Address::from_v4([10, 1, 0, 2]),
        version: 4,
        protocol: 6,
        tos: 0x2e,
        ttl: 64,
        octets: 49,
        fragment: None,
    };
    assert_eq!(packet.ip, ip);
    let ports = Ports { source: 0xc002, destination: 443 };
    let tcp =
        Tcp { ports, sequence: 7, acknowledgment: 9, flags: TcpFlags(0x18), window: 1_024, data_octets: 5 };
    assert_eq!(packet.transport, Transport::Tcp(tcp));
    assert_eq!((packet.payload, packet.payload_offset), (&b"hello"[..], data.len() - 5));
}

#[test]
fn every_link_type_leads_to_ip() {
    let (v4, v6) = (inner(), ipv6(INNER, 17, &udp(53, b"query")));
    let before = |header: &[u8], packet: &[u8]| [header, packet].concat();
    let cooked =
        |protocol: u16| [&[0, 0, 0, 1, 0, 6, 9, 9, 9, 9, 9, 9, 0, 0], &protocol.to_be_bytes()[..]].concat();
    let cooked2 = |protocol: u16| {
        [&protocol.to_be_bytes()[..], &[0, 0, 0, 0, 0, 3, 0, 1, 0, 6, 9, 9, 9, 9, 9, 9, 0, 0]].concat()
    };
    let frames = [
        (LinkType::RAW, v4.clone(), v6.clone()),
        (LinkType(12), v4.clone(), v6.clone()),
        (LinkType(14), v4.clone(), v6.clone()),
        (LinkType::NULL, before(&[2, 0, 0, 0], &v4), before(&[30, 0, 0, 0], &v6)),
        (LinkType::NULL, before(&[0, 0, 0, 2], &v4), before(&[0, 0, 0, 24], &v6)),
        (LinkType::LOOP, before(&[0, 0, 0, 2], &v4), before(&[0, 0, 0, 28], &v6)),
        (LinkType::LINUX_SLL, before(&cooked(0x0800), &v4), before(&cooked(0x86dd), &v6)),
        (LinkType::LINUX_SLL2, before(&cooked2(0x0800), &v4), before(&cooked2(0x86dd), &v6)),
        (LinkType::PPP, before(&[0x00, 0x21], &v4), before(&[0x00, 0x57], &v6)),
        (LinkType::PPP, before(&[0xff, 0x03, 0x00, 0x21], &v4), before(&[0xff, 0x03, 0x57], &v6)),
        (LinkType::PPP_HDLC, before(&[0xff, 0x03, 0x00, 0x21], &v4), before(&[0x0f, 0, 0x86, 0xdd], &v6)),
        (
            LinkType::PPP_ETHER,
            before(&[0x11, 0, 0, 1, 0, 35, 0, 0x21], &v4),
            before(&[0x11, 0, 0, 1, 0, 55, 0, 0x57], &v6),
        ),
        (LinkType::C_HDLC, before(&[0x8f, 0, 0x08, 0x00], &v4), before(&[0x0f, 0, 0x86, 0xdd], &v6)),
        (
            LinkType::C_HDLC_WITH_DIR,
            before(&[0, 0x8f, 0, 0x08, 0x00], &v4),
            before(&[1, 0x0f, 0, 0x86, 0xdd], &v6),
        ),
        (LinkType::PPP_WITH_DIR, before(&[0, 0x00, 0x21], &v4), before(&[1, 0xff, 0x03, 0x00, 0x57], &v6)),
        (
            LinkType::ENC,
            before(&[2, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 1], &v4),
            before(&[0, 0, 0, 24, 0, 0, 0, 9, 0, 0, 0, 1], &v6),
        ),
        (
            LinkType::PFLOG,
            before(&[&[61, 2], &[0; 62][..]].concat(), &v4),
            before(&[&[48, 30], &[0; 46][..]].concat(), &v6),
        ),
        (
            LinkType::NFLOG,
            before(&[2, 0, 0, 7, 5, 0, 10, 0, 0, 9, 9, 9, 37, 0, 9, 0], &v4),
            before(&[10, 0, 0, 7, 0, 8, 0, 1, 8, 0, 0, 0, 0, 57, 0, 9], &v6),
        ),
        (LinkType::ETHERNET, ethernet(0x0800, &v4), ethernet(0x86dd, &v6)),
    ];
    for (link_type, v4, v6) in frames {
        assert_is_inner(&on(link_type, &v4).unwrap());
        let packet = on(link_type, &v6).unwrap();
        assert_eq!((packet.ip.version, packet.ip.octets, packet.ip.tos), (6, 53, 0x2e), "{link_type}");
        assert_eq!(packet.ip.destination.0[..2], [0x20, INNER], "{link_type}");
        assert_eq!(packet.payload, b"query", "{link_type}");
    }
    assert_is_inner(&on(LinkType::IPV4, &v4).unwrap());
    assert_eq!(on(LinkType::IPV6, &v6).unwrap().payload, b"query");
    assert_eq!(on(LinkType::IPV4, &v6).unwrap_err(), DecodeFailure::Malformed(Layer::Ipv4));
    assert_eq!(on(LinkType(105), &v4).unwrap_err(), DecodeFailure::LinkType(LinkType(105)));
    assert_eq!(on(LinkType::LINUX_SLL, &[cooked(0x0800), v4].concat()).unwrap().link.source, [9; 6]);
}

#[test]
fn the_two_outer_tags_of_a_stack_are_kept() {
    let data = ethernet(0x88a8, &[&[0x20, 7, 0x81, 0, 0, 8, 0x91, 0, 0, 9, 8, 0], &inner()[..]].concat());
    let packet = on(LinkType::ETHERNET, &data).unwrap();
    assert_is_inner(&packet);
    assert_eq!((packet.link.vlans, packet.link.vlan_count), ([7, 8], 2));
    // More tags than any sane frame has: no packet, but an end.
    let endless = ethernet(0x8100, &[0, 1, 0x81, 0].repeat(300));
    assert_eq!(on(LinkType::ETHERNET, &endless).unwrap_err(), DecodeFailure::TooDeep);
}

#[test]
fn labels_are_kept_and_what_they_carry_is_guessed() {
    let labels = [0, 1, 0, 64, 0, 2, 1, 64];
    let kept = [MplsEntry([0, 1, 0]), MplsEntry([0, 2, 1])];
    let pseudowire = ethernet(0x0800, &inner());
    // A pseudowire's Ethernet frame whose first octet looks like a control word.
    let mut without_word = pseudowire.clone();
    without_word[0] = 0;
    let with_word = [&[0, 0, 0, 1], &pseudowire[..]].concat();
    for (carried, destination) in [
        (inner(), [2, 0, 0, 0, 0, 0xd]),
        (with_word, [2, 0, 0, 0, 0, 0xd]),
        (without_word, [0, 0, 0, 0, 0, 0xd]),
        (ethernet(0x8100, &[&[0, 9, 8, 0], &inner()[..]].concat()), [2, 0, 0, 0, 0, 0xd]),
    ] {
        let data = ethernet(0x8847, &[&labels[..], &carried].concat());
        let packet = on(LinkType::ETHERNET, &data).unwrap();
        assert_is_inner(&packet);
        assert_eq!((&packet.link.mpls[..2], packet.link.mpls_count), (&kept[..], 2));
        assert_eq!(packet.link.destination, destination);
    }
    let other = ethernet(0x8847, &[&labels[..], &[0x33; 40]].concat());
    assert_eq!(on(LinkType::ETHERNET, &other).unwrap_err(), DecodeFailure::NotIp(NotIp::Mpls));
    let endless = ethernet(0x8848, &[0, 1, 0, 64].repeat(17));
    assert_eq!(on(LinkType::ETHERNET, &endless).unwrap_err(), DecodeFailure::TooDeep);
}

#[test]
fn tags_of_other_kinds_are_walked_over() {
    let customer = ethernet(0x0800, &inner());
    for (ether_type, tag, carried) in [
        (0x88e7, &[0, 0, 0, 9][..], &customer),
        (0x8926, &[0, 1, 0, 2, 8, 0], &inner()),
        (0x893f, &[0, 1, 0, 2, 0, 3, 8, 0], &inner()),
        (0x8864, &[0x11, 0, 0, 1, 0, 35, 0, 0x21], &inner()),
        (0x880b, &[0, 0x21], &inner()),
        (0x8909, &[1, 1, 0, 1, 0, 5, 8, 0], &inner()),
        (0x894f, &[0x0f, 0xc2, 2, 1, 0, 0, 1, 255], &inner()),
        (0x894f, &[0x0f, 0xc3, 2, 3, 0, 0, 1, 255, 9, 9, 9, 9], &customer),
        (36, &[6, 6, 3], &inner()),
    ] {
        let data = ethernet(ether_type, &[tag, carried].concat());
        assert_is_inner(&on(LinkType::ETHERNET, &data).unwrap());
    }
    let snap = [&[0xaa, 0xaa, 3, 0, 0, 0, 8, 0], &inner()[..]].concat();
    let padded = ethernet(u16::try_from(snap.len()).unwrap(), &[&snap[..], &[0; 9]].concat());
    assert_is_inner(&on(LinkType::ETHERNET, &padded).unwrap());
}

#[test]
fn what_is_not_ip_says_what_it_is() {
    for (data, what) in [
        (ethernet(0x0806, &[0; 28]), NotIp::EtherType(0x0806)),
        (ethernet(38, &[0x42, 0x42, 3, 0, 0]), NotIp::Llc(0x42)),
        (ethernet(8, &[0xaa, 0xaa, 3, 0, 0, 0xc, 0, 1]), NotIp::EtherType(1)),
        (ethernet(0x8864, &[0x11, 0, 0, 1, 0, 2, 0xc0, 0x21]), NotIp::Ppp(0xc021)),
    ] {
        assert_eq!(on(LinkType::ETHERNET, &data).unwrap_err(), DecodeFailure::NotIp(what));
    }
    let osi = on(LinkType::NULL, &[7, 0, 0, 0, 1]).unwrap_err();
    assert_eq!(osi, DecodeFailure::NotIp(NotIp::AddressFamily(7)));
    let malformed = ethernet(0x8864, &[0x21, 0, 0, 1, 0, 2, 0xc0, 0x21]);
    assert_eq!(on(LinkType::ETHERNET, &malformed).unwrap_err(), DecodeFailure::Malformed(Layer::PppoE));
}

/// A name, what carries [`inner`] as the payload of IPv4 of a protocol, and the virtual network.
type Tunnel = (&'static str, u8, Vec<u8>, Option<Segment>);

fn tunnels() -> Vec<Tunnel> {
    [tunnels_in_ip(), tunnels_in_udp()].concat()
}

fn tunnels_in_ip() -> Vec<Tunnel> {
    let bridged = ethernet(0x0800, &inner());
    let after = |header: &[u8], carried: &[u8]| [header, carried].concat();
    vec![
        ("IPv4", 4, inner(), None),
        ("GRE", 47, after(&[0, 0, 8, 0], &inner()), None),
        ("GRE, key and sequence", 47, after(&[0x30, 0, 8, 0, 0, 0, 0, 1, 0, 0, 0, 2], &inner()), None),
        ("GRE, checksum", 47, after(&[0x80, 0, 8, 0, 0, 0, 0, 0], &inner()), None),
        ("NVGRE", 47, after(&[0x20, 0, 0x65, 0x58, 0, 0, 1, 0], &bridged), None),
        (
            "PPTP",
            47,
            after(&[0x30, 0x81, 0x88, 0x0b, 0, 35, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0x21], &inner()),
            None,
        ),
        ("ERSPAN I", 47, after(&[0, 0, 0x88, 0xbe], &bridged), None),
        (
            "ERSPAN II",
            47,
            after(&[0x10, 0, 0x88, 0xbe, 0, 0, 0, 1, 0x10, 0, 0, 0, 0, 0, 0, 0], &bridged),
            None,
        ),
        (
            "ERSPAN III",
            47,
            after(
                &[&[0x10, 0, 0x22, 0xeb, 0, 0, 0, 1, 0x20], &[0; 10][..], &[1], &[0; 8]].concat(),
                &bridged,
            ),
            None,
        ),
        ("MPLS in IP", 137, after(&[0, 1, 1, 64], &inner()), None),
        ("MPLS in GRE", 47, after(&[0, 0, 0x88, 0x47, 0, 1, 1, 64], &inner()), None),
        ("EtherIP", 97, after(&[0x30, 0], &bridged), None),
        ("AH", 51, after(&[&[4, 4][..], &[0; 22]].concat(), &inner()), None),
    ]
}

fn tunnels_in_udp() -> Vec<Tunnel> {
    let bridged = ethernet(0x0800, &inner());
    let after = |header: &[u8], carried: &[u8]| [header, carried].concat();
    let gtp_length = |extra: u8| 33 + extra;
    vec![
        ("VXLAN", 17, udp(4789, &after(&[8, 0, 0, 0, 0, 1, 2, 0], &bridged)), Some(Segment::Vxlan(0x0102))),
        (
            "VXLAN, policy",
            17,
            udp(8472, &after(&[0x88, 0x48, 1, 2, 0, 1, 2, 0], &bridged)),
            Some(Segment::Vxlan(0x0102)),
        ),
        (
            "Geneve",
            17,
            udp(6081, &after(&[1, 0, 0x65, 0x58, 0, 3, 4, 0, 9, 9, 9, 9], &bridged)),
            Some(Segment::Geneve(0x0304)),
        ),
        (
            "Geneve, IP",
            17,
            udp(6081, &after(&[0, 0, 8, 0, 0, 3, 4, 0], &inner())),
            Some(Segment::Geneve(0x0304)),
        ),
        (
            "VXLAN-GPE",
            17,
            udp(4790, &after(&[0x0c, 0, 0, 3, 0, 1, 2, 0], &bridged)),
            Some(Segment::Vxlan(0x0102)),
        ),
        (
            "VXLAN-GPE, IP",
            17,
            udp(4790, &after(&[0x0e, 0, 0, 1, 0, 1, 2, 0], &inner())),
            Some(Segment::Vxlan(0x0102)),
        ),
        (
            "VXLAN-GPE, NSH",
            17,
            udp(4790, &after(&[0x0c, 0, 0, 4, 0, 1, 2, 0, 0x0f, 0xc2, 2, 1, 0, 0, 1, 255], &inner())),
            Some(Segment::Vxlan(0x0102)),
        ),
        ("MPLS in UDP", 17, udp(6635, &after(&[0, 1, 1, 64], &inner())), None),
        ("GRE in UDP", 17, udp(4754, &after(&[0, 0, 8, 0], &inner())), None),
        ("L2TP", 17, udp(1701, &after(&[0, 2, 0, 1, 0, 2, 0xff, 3, 0, 0x21], &inner())), None),
        (
            "L2TP, all fields",
            17,
            udp(1701, &after(&[0x4b, 2, 0, 51, 0, 1, 0, 2, 0, 3, 0, 4, 0, 2, 9, 9, 0, 0x21], &inner())),
            None,
        ),
        ("GTP-U", 17, udp(2152, &after(&[0x30, 255, 0, gtp_length(0), 0, 0, 0, 1], &inner())), None),
        // The last octet of the optional fields means nothing without its flag.
        (
            "GTP-U, sequence",
            17,
            udp(2152, &after(&[0x32, 255, 0, gtp_length(4), 0, 0, 0, 1, 0, 1, 0, 0x85], &inner())),
            None,
        ),
        (
            "GTP-U, extensions",
            17,
            udp(
                2152,
                &after(
                    &[0x34, 255, 0, gtp_length(12), 0, 0, 0, 1, 0, 0, 0, 0x85, 1, 0, 0, 0x85, 1, 0, 0, 0],
                    &inner(),
                ),
            ),
            None,
        ),
    ]
}

#[test]
fn every_tunnel_leads_to_the_packet_within() {
    for (name, protocol, payload, segment) in tunnels() {
        for data in [
            ethernet(0x0800, &ipv4(OUTER, protocol, &payload)),
            ethernet(0x86dd, &ipv6(OUTER, protocol, &payload)),
        ] {
            let packet = on(LinkType::ETHERNET, &data).unwrap();
            assert_eq!(packet.segment, segment, "{name}");
            assert_eq!((packet.link.source, packet.carrier), ([2, 0, 0, 0, 0, 5], None), "{name}");
            assert_is_inner(&packet);
            assert_eq!(data.get(packet.payload_offset..), Some(&b"query"[..]), "{name}");
        }
    }
    let in_v4 = ipv4(OUTER, 41, &ipv6(INNER, 17, &udp(53, b"query")));
    assert_eq!(on(LinkType::RAW, &in_v4).unwrap().ip.octets, 53);
}

/// Whatever is cut, the outer packet stands as soon as it is whole, and never is anything read beyond.
#[test]
fn frames_that_are_cut_anywhere_end_as_packet_or_failure() {
    for (name, protocol, payload, _) in tunnels() {
        let whole = ethernet(0x0800, &ipv4(OUTER, protocol, &payload));
        for length in 0..=whole.len() {
            let cut = Frame {
                original_length: u32::try_from(whole.len()).unwrap(),
                ..frame(LinkType::ETHERNET, &whole[..length])
            };
            match decode(&cut) {
                Err(DecodeFailure::Truncated(_)) => assert!(length < 34, "{name} cut after {length}"),
                Err(failure) => panic!("{name} cut after {length}: {failure}"),
                Ok(packet) => {
                    assert!(length >= 34, "{name} cut after {length}");
                    let end = packet.payload_offset + packet.payload.len();
                    assert_eq!(whole[..length].get(packet.payload_offset..end), Some(packet.payload));
                    let octets = if packet.ip.source.0[13] == INNER {
                        33
                    } else {
                        u32::try_from(whole.len() - 14).unwrap()
                    };
                    assert_eq!(packet.ip.octets, octets, "{name} cut after {length}");
                }
            }
        }
    }
}

#[test]
fn a_tunnel_that_leads_nowhere_leaves_its_carrier() {
    let nowhere = [
        (47, vec![0x40, 0, 8, 0, 0, 0, 0, 0]),
        (47, vec![0, 0, 0, 0]),
        (47, [&[0, 0, 8, 6], &[0; 28][..]].concat()),
        (4, vec![0x65; 30]),
        (51, [&[17, 4], &[0; 22][..], &udp(5, b"abc")].concat()),
        (97, [&[3, 0], &ethernet(0x0800, &inner())[..]].concat()),
        (17, udp(1701, &[&[0xc8, 2, 0, 20], &[0; 16][..]].concat())),
        (17, udp(1701, &[&[0, 3, 0, 1, 0, 2, 0, 0x21], &inner()[..]].concat())),
        (17, udp(6635, &[&[0, 1, 1, 64], &inner()[..], &[0]].concat())),
        (17, udp(6635, &[0, 1, 0, 64].repeat(9))),
        (17, udp(4790, &[&[0x0d, 0, 0, 1, 0, 1, 2, 0], &inner()[..]].concat())),
        (17, udp(4790, &[&[0x0c, 0, 0, 9, 0, 1, 2, 0], &inner()[..]].concat())),
        (17, udp(4789, &[&[8, 0, 0, 0, 0, 1, 2, 0], &ethernet(0x0806, &[0; 28])[..]].concat())),
        (17, udp(4789, &[&[0, 0, 0, 0, 0, 1, 2, 0], &ethernet(0x0800, &inner())[..]].concat())),
        (17, udp(6081, &[0x40, 0, 8, 0, 0, 0, 0, 0])),
        (17, udp(2152, &[0x32, 1, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0])),
        (
            17,
            udp(
                2152,
                &[&[0x34, 255, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0x85], &[1, 0, 0, 0x85].repeat(20)[..]].concat(),
            ),
        ),
        (17, udp(2152, &[0x34, 255, 0, 12, 0, 0, 0, 1, 0, 0, 0, 0x85, 0, 0, 0, 0])),
    ];
    for (protocol, payload) in nowhere {
        let data = ethernet(0x0800, &ipv4(OUTER, protocol, &payload));
        let packet = on(LinkType::ETHERNET, &data).unwrap();
        assert_is_outer(&packet);
        let transport = if protocol == 17 {
            matches!(packet.transport, Transport::Ports(_))
        } else {
            packet.transport == Transport::Other
        };
        assert!(transport, "{payload:02x?}");
        assert_eq!(packet.link.source, [2, 0, 0, 0, 0, 5]);
    }
}

#[test]
fn tunnels_within_tunnels_end() {
    let nested = |depth| (0..depth).fold(inner(), |carried, _| ipv4(OUTER, 4, &carried));
    assert_is_inner(&on(LinkType::RAW, &nested(3)).unwrap());
    assert_is_outer(&on(LinkType::RAW, &nested(4)).unwrap());
    assert_is_outer(&on(LinkType::RAW, &nested(1_000)).unwrap());
}

#[test]
fn extension_headers_lead_to_the_upper_layer() {
    let (hop_by_hop, routing, destination) =
        ([43, 0, 1, 4, 0, 0, 0, 0], [60, 0, 0, 0, 0, 0, 0, 0], [51, 0, 1, 4, 0, 0, 0, 0]);
    let authentication = [44, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2];
    let atomic = [6, 0, 0, 0, 0, 0, 0, 9];
    let headers = [&hop_by_hop[..], &routing, &destination, &authentication, &atomic].concat();
    let data = ipv6(OUTER, 0, &[&headers[..], &tcp(b"hello")].concat());
    let packet = on(LinkType::IPV6, &data).unwrap();
    assert_eq!((packet.ip.protocol, packet.ip.fragment), (6, None));
    assert_eq!((packet.payload, packet.ip.octets), (&b"hello"[..], u32::try_from(data.len()).unwrap()));
    // Cut within them: what comes above is not known.
    for length in 40..40 + headers.len() {
        let packet = on(LinkType::IPV6, &data[..length]).unwrap();
        assert!(matches!(packet.ip.protocol, 0 | 43 | 44 | 51 | 60 | 6), "{length}");
        let seen = if packet.ip.protocol == 6 { length == 40 + headers.len() } else { false };
        assert!(!seen);
        assert_eq!(packet.transport, Transport::Unseen, "{length}");
    }
    let endless = ipv6(OUTER, 60, &[60, 0, 1, 4, 0, 0, 0, 0].repeat(100));
    assert_eq!(on(LinkType::IPV6, &endless).unwrap().transport, Transport::Unseen);
}

#[test]
fn fragments_have_their_place() {
    let first = ipv4_fragment(OUTER, 6, 0, true, &tcp(b"he"));
    let packet = on(LinkType::RAW, &first).unwrap();
    assert_eq!(packet.ip.fragment, Some(Fragment { identification: 0x1234, offset: 0, more: true }));
    assert!(matches!(packet.transport, Transport::Tcp(_)));
    let last = ipv4_fragment(OUTER, 6, 185, false, b"llo");
    let packet = on(LinkType::RAW, &last).unwrap();
    assert_eq!(packet.ip.fragment, Some(Fragment { identification: 0x1234, offset: 185, more: false }));
    assert_eq!((packet.transport, packet.payload, packet.ip.protocol), (Transport::Unseen, &b"llo"[..], 6));

    for (offset, more) in [(0_u16, true), (185, false), (185, true)] {
        let [high, low] = (offset << 3 | u16::from(more)).to_be_bytes();
        let data = ipv6(OUTER, 44, &[&[6, 0, high, low, 0xde, 0xad, 0xbe, 0xef], &tcp(b"")[..]].concat());
        let packet = on(LinkType::RAW, &data).unwrap();
        assert_eq!(packet.ip.fragment, Some(Fragment { identification: 0xdead_beef, offset, more }));
        assert_eq!(packet.transport == Transport::Unseen, offset > 0);
    }
    // A second header, that of a whole packet, hides no fragment.
    let data = ipv6(OUTER, 44, &[&[44, 0, 0, 1, 0, 0, 0, 7, 6, 0, 0, 0, 0, 0, 0, 8], &tcp(b"")[..]].concat());
    assert_eq!(on(LinkType::RAW, &data).unwrap().ip.fragment.unwrap().identification, 7);
}

#[test]
fn fragments_of_ipv6_are_of_one_packet_whatever_header_each_names() {
    let piece = |more: u8, offset: u8, data: &[u8]| {
        ipv6(OUTER, 44, &[&[60, 0, offset, more, 0, 0, 0, 7], data].concat())
    };
    let options = [17, 0, 1, 4, 0, 0, 0, 0];
    let first = piece(1, 0, &[&options, &udp(53, b"")[..]].concat());
    let last = piece(0, 1, b"rest");
    let [first, last] = [&first, &last].map(|data| on(LinkType::RAW, data).unwrap().ip);
    assert_eq!((first.protocol, last.protocol), (17, 60));
    let [of_first, of_last] = [first, last].map(|ip| FragmentId::new(&ip, None, ip.fragment.unwrap()));
    assert_eq!(of_first, of_last);
    // The identification of IPv4 is one for each protocol (RFC 791, 3.2).
    let [udp, tcp] = [17, 6].map(|protocol| ipv4_fragment(OUTER, protocol, 1, false, b"rest"));
    let [udp, tcp] = [&udp, &tcp].map(|data| on(LinkType::RAW, data).unwrap().ip);
    let [of_udp, of_tcp] = [udp, tcp].map(|ip| FragmentId::new(&ip, None, ip.fragment.unwrap()));
    assert_ne!(of_udp, of_tcp);
}

#[test]
fn a_packet_in_the_first_fragment_of_its_carrier_has_all_its_octets() {
    let long = ipv4(INNER, 17, &udp(53, &[7; 2_000]));
    let first = ipv4_fragment(OUTER, 47, 0, true, &[&[0, 0, 8, 0], &long[..996]].concat());
    let packet = on(LinkType::RAW, &first).unwrap();
    assert_eq!((packet.ip.source.0[13], packet.ip.octets), (INNER, 2_028));
    assert_eq!(packet.payload.len(), 996 - 28);
    let carrier = packet.carrier.unwrap();
    assert_eq!((carrier.identification, carrier.protocol, carrier.source.0[13]), (0x1234, 47, OUTER));
    let second = ipv4_fragment(OUTER, 47, 125, false, &long[996..]);
    let packet = on(LinkType::RAW, &second).unwrap();
    assert_eq!((packet.transport, packet.carrier), (Transport::Unseen, None));
    assert_is_outer(&packet);
}

#[test]
fn octets_are_those_of_the_ip_packet() {
    let packet = inner();
    // Padding of a short frame does not count.
    let padded = ethernet(0x0800, &[&packet[..], &[0; 13]].concat());
    assert_is_inner(&on(LinkType::ETHERNET, &padded).unwrap());
    // What a snap length cut counts.
    let cut = Frame { original_length: 33, ..frame(LinkType::RAW, &packet[..28]) };
    assert_eq!((decode(&cut).unwrap().ip.octets, decode(&cut).unwrap().payload.len()), (33, 0));
    // More than there was on the wire does not.
    let lying = Frame { original_length: 30, ..frame(LinkType::RAW, &packet[..28]) };
    assert_eq!(decode(&lying).unwrap().ip.octets, 30);
    // Segmentation offload leaves the length to the network card.
    let mut offloaded = packet.clone();
    offloaded[2..4].fill(0);
    assert_is_inner(&on(LinkType::RAW, &offloaded).unwrap());
    let mut offloaded = ipv6(OUTER, 6, &tcp(b"hello"));
    offloaded[4..6].fill(0);
    assert_eq!(on(LinkType::RAW, &offloaded).unwrap().ip.octets, 69);
    // Without a next header, what follows is padding.
    let nothing = [ipv6(OUTER, 59, b""), vec![0; 6]].concat();
    let nothing = on(LinkType::RAW, &nothing).unwrap();
    assert_eq!((nothing.ip.octets, nothing.payload.len(), nothing.transport), (40, 0, Transport::Other));
    // A length within the header says that it is none.
    let mut malformed = packet;
    malformed[3] = 19;
    assert_eq!(on(LinkType::RAW, &malformed).unwrap_err(), DecodeFailure::Malformed(Layer::Ipv4));
}

#[test]
fn transports_begin_where_they_say() {
    let on_ip = |protocol, payload: &[u8]| {
        let data = ipv4(OUTER, protocol, payload);
        let packet = on(LinkType::RAW, &data).unwrap();
        (packet.transport, packet.payload.to_vec())
    };
    let ports = Transport::Ports(Ports { source: 1, destination: 2 });
    assert_eq!(on_ip(132, b"\0\x01\0\x02\0\0\0\x09\0\0\0\0chunk"), (ports, b"chunk".to_vec()));
    assert_eq!(on_ip(136, b"\0\x01\0\x02\0\x08\0\0data"), (ports, b"data".to_vec()));
    assert_eq!(on_ip(33, b"\0\x01\0\x02\x03\0\0\0\0\0\0\0data"), (ports, b"data".to_vec()));
    assert_eq!(on_ip(132, b"\0\x01\0\x02\0"), (ports, vec![]));
    assert_eq!(on_ip(132, b"\0\x01\0"), (Transport::Unseen, vec![]));
    let echo = Transport::Icmp(Icmp { kind: 8, code: 0 });
    assert_eq!(on_ip(1, b"\x08\0\xff\xffrest"), (echo, b"rest".to_vec()));
    assert_eq!(on_ip(1, b"\x08"), (Transport::Unseen, b"\x08".to_vec()));
    assert_eq!(on_ip(58, b"\x80\0\xff\xffrest").0, Transport::Other);
    assert_eq!(on_ip(50, b"secret"), (Transport::Other, b"secret".to_vec()));
    // Of a TCP header that was cut, the ports may be left.
    assert_eq!(on_ip(6, &tcp(b"")[..19]).0, Transport::Ports(Ports { source: 0xc002, destination: 443 }));
    assert_eq!(on_ip(6, &tcp(b"")[..3]).0, Transport::Unseen);
    // One that lies about its length is a segment all the same, without payload.
    for offset in [0x40, 0xf0] {
        let mut lying = tcp(b"hello");
        lying[12] = offset;
        let (transport, payload) = on_ip(6, &lying);
        assert!(matches!(transport, Transport::Tcp(tcp) if tcp.sequence == 7) && payload.is_empty());
    }
    // A datagram ends where it says, if it says so rightly.
    let mut datagram = udp(53, b"query and more");
    datagram[5] = 13;
    assert_eq!(on_ip(17, &datagram).1, b"query");
    datagram[5] = 7;
    assert_eq!(on_ip(17, &datagram).1, b"query and more");
}

fn plain_frames() -> [Vec<u8>; 4] {
    let (segment, datagram) = (tcp(b"hello"), udp(53, b"query"));
    [
        ethernet(0x0800, &ipv4(OUTER, 6, &segment)),
        ethernet(0x0800, &ipv4(OUTER, 17, &datagram)),
        ethernet(0x86dd, &ipv6(OUTER, 6, &segment)),
        ethernet(0x86dd, &ipv6(OUTER, 17, &datagram)),
    ]
}

#[test]
fn plain_frames_are_not_left_to_the_walk() {
    for data in plain_frames() {
        // As it is, with padding, and cut.
        let padded = [&data[..], &[0; 4]].concat();
        let cut = &data[..data.len() - 3];
        for data in [&data[..], &padded, cut] {
            assert!(plain::decode(&frame(LinkType::ETHERNET, data), &mut Packet::default()).is_some());
        }
    }
    let tunnel = ethernet(0x0800, &ipv4(OUTER, 17, &udp(4789, &[])));
    assert!(plain::decode(&frame(LinkType::ETHERNET, &tunnel), &mut Packet::default()).is_none());
}

/// The tunnels above are what fuzzing begins with. `UPDATE_EXPECT=1` writes them anew.
#[test]
fn seeds_of_fuzzing_are_the_tunnels() {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/seeds/decode"));
    for (name, protocol, payload, _) in tunnels() {
        // Ethernet, and as long as it was on the wire.
        let seed = [vec![0, 0], ethernet(0x0800, &ipv4(OUTER, protocol, &payload))].concat();
        let path = folder.join(name.to_lowercase().replace(", ", "-").replace(' ', "-"));
        if env::var_os("UPDATE_EXPECT").is_some() {
            fs::create_dir_all(folder).unwrap();
            fs::write(&path, &seed).unwrap();
        }
        assert_eq!(fs::read(&path).unwrap(), seed, "{}", path.display());
        fuzz_decode(&seed);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_octets_end_as_packet_or_failure(octets in prop::collection::vec(any::<u8>(), 0..200)) {
        fuzz_decode(&octets);
    }

    #[test]
    fn spoilt_tunnels_end_as_packet_or_failure(
        which in 0_usize..18,
        spoilt in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<u8>(),
        left in any::<prop::sample::Index>(),
    ) {
        let (_, protocol, payload, _) = tunnels().swap_remove(which);
        let mut octets = [vec![0, cut], ethernet(0x0800, &ipv4(OUTER, protocol, &payload))].concat();
        for (at, octet) in spoilt {
            let at = at.index(octets.len() - 2) + 2;
            octets[at] = octet;
        }
        octets.truncate(left.index(octets.len()) + 1);
        fuzz_decode(&octets);
    }

    #[test]
    fn frames_that_are_nearly_plain_are_read_alike_in_both_ways(
        which in 0_usize..4,
        spoilt in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        cut in any::<u8>(),
        left in any::<prop::sample::Index>(),
    ) {
        let mut octets = [vec![0, cut], plain_frames()[which].clone(), vec![0; 6]].concat();
        for (at, octet) in spoilt {
            let at = at.index(octets.len() - 2) + 2;
            octets[at] = octet;
        }
        octets.truncate(left.index(octets.len()) + 1);
        fuzz_decode(&octets);
    }
}
