//! Our decoder against etherparse's [`LaxSlicedPacket`], which walks through the same headers with code of its own.
//!
//! It knows neither tunnels nor labels, so that of what carries a tunnel only the fact that there is a packet is compared. Where
//! the two differ on purpose, [`assert_agrees`] says so.

use capture::{Batch, CaptureReader, Fill};
use etherparse::{
    IpNumber, Ipv4Header, Ipv6FragmentHeader, LaxNetSlice, LaxSlicedPacket, LinkSlice, PacketBuilder,
    TransportSlice, VlanId,
};
use proptest::prelude::*;
use wire::{DecodeFailure, Fragment, Frame, LinkType, Packet, Timestamp, Transport};

use crate::shared::corpus;

#[test]
fn frames_of_the_corpus_decode_as_etherparse_decodes_them() {
    let mut compared = 0_u32;
    for path in corpus() {
        let mut reader = CaptureReader::open(&path).unwrap();
        let mut batch = Batch::new();
        let mut number = 0_u32;
        while let Ok(Fill::Frames) = reader.fill(&mut batch) {
            for frame in batch.frames() {
                number += 1;
                compared += u32::from(assert_agrees(&frame, &format!("{}, packet {number}", path.display())));
            }
        }
    }
    assert!(compared > 100_000 || corpus().is_empty(), "only {compared} packets were compared");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn built_packets_decode_as_etherparse_decodes_them((link_type, octets) in built_packet()) {
        prop_assert!(assert_agrees(&frame(&octets, link_type), "as built"));
    }

    #[test]
    fn spoilt_and_cut_packets_decode_as_etherparse_decodes_them(
        (link_type, mut octets) in built_packet(),
        spoilt in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        left in any::<prop::sample::Index>(),
    ) {
        for (at, octet) in spoilt {
            // The headers only: what is spoilt behind them is the payload.
            let at = at.index(octets.len().min(90));
            octets[at] = octet;
        }
        assert_agrees(&frame(&octets, link_type), "spoilt");
        octets.truncate(left.index(octets.len() + 1));
        assert_agrees(&frame(&octets, link_type), "spoilt and cut");
    }
}

/// Whether there was something to compare: etherparse found an IP header, and nothing that only we walk through.
fn assert_agrees(frame: &Frame<'_>, which: &str) -> bool {
    let data = frame.data;
    let lax = match frame.link_type {
        LinkType::ETHERNET => LaxSlicedPacket::from_ethernet(data).ok(),
        LinkType::RAW | LinkType::IPV4 | LinkType::IPV6 => LaxSlicedPacket::from_ip(data).ok(),
        _ => None,
    };
    let ours = wire::decode(frame);
    let Some(lax) = lax else { return false };
    if walks_through_macsec(&lax) {
        return false;
    }
    match &lax.net {
        None | Some(LaxNetSlice::Arp(_)) => return false,
        Some(LaxNetSlice::Ipv4(slice)) => {
            let header = slice.header();
            // The two say otherwise: etherparse believes the version field, we the field before it.
            if announced(&lax).is_some_and(|ether_type| ether_type != 0x0800) {
                assert!(ours.is_err(), "{which}");
                return false;
            }
            // A total length that is shorter than the header says that this is no header; 0 stands for segmentation offload.
            if (1..header.slice().len()).contains(&usize::from(header.total_len())) {
                assert!(matches!(ours, Err(DecodeFailure::Malformed(_))), "{which}: {ours:?}");
                return false;
            }
        }
        Some(LaxNetSlice::Ipv6(_)) => {
            if announced(&lax).is_some_and(|ether_type| ether_type != 0x86dd) {
                assert!(ours.is_err(), "{which}");
                return false;
            }
        }
    }
    let packet = ours.unwrap_or_else(|failure| panic!("{which}: {failure} in {data:02x?}"));
    let offset = packet.payload_offset;
    assert_eq!(data.get(offset..offset + packet.payload.len()), Some(packet.payload), "{which}");
    if carries_a_tunnel(&lax) {
        return false;
    }
    assert_same_link(&lax, &packet, which);
    if assert_same_ip(&lax, &packet, which) {
        assert_same_transport(&lax, &packet, which);
    }
    true
}

/// The `EtherType` in front of the IP header.
fn announced(lax: &LaxSlicedPacket<'_>) -> Option<u16> {
    lax.ether_payload().map(|payload| payload.ether_type.0)
}

/// We do not: behind the tag the frame is as good as encrypted, whether it is or not.
fn walks_through_macsec(lax: &LaxSlicedPacket<'_>) -> bool {
    lax.link_exts.len() != lax.vlan_ids().len()
}

fn carries_a_tunnel(lax: &LaxSlicedPacket<'_>) -> bool {
    // IPv4, IPv6, GRE, EtherIP, MPLS.
    let in_ip = lax.ip_payload().is_some_and(|payload| matches!(payload.ip_number.0, 4 | 41 | 47 | 97 | 137));
    // GTP-U, VXLAN and its extension (three ports), Geneve, GRE, MPLS, L2TP (of either end); of a first fragment etherparse does not read the ports.
    let fragment_in_udp =
        lax.ip_payload().is_some_and(|payload| payload.ip_number == IpNumber::UDP && payload.fragmented);
    let in_udp = matches!(&lax.transport, Some(TransportSlice::Udp(udp)) if matches!(udp.destination_port(), 2152 | 4789 | 4790 | 8472 | 6081 | 4754 | 6635 | 1701) || udp.source_port() == 1701);
    in_ip || fragment_in_udp || in_udp
}

fn assert_same_link(lax: &LaxSlicedPacket<'_>, packet: &Packet<'_>, which: &str) {
    let link = packet.link;
    if let Some(LinkSlice::Ethernet2(ethernet)) = &lax.link {
        assert_eq!((ethernet.source(), ethernet.destination()), (link.source, link.destination), "{which}");
    }
    let identifiers: Vec<u16> = lax.vlan_ids().iter().map(|identifier| identifier.value()).collect();
    assert_eq!(usize::from(link.vlan_count), identifiers.len().min(2), "{which}");
    for (ours, theirs) in link.vlans.iter().zip(&identifiers) {
        assert_eq!(ours, theirs, "{which}");
    }
}

/// `false` if what follows is not to be compared.
fn assert_same_ip(lax: &LaxSlicedPacket<'_>, packet: &Packet<'_>, which: &str) -> bool {
    let ip = packet.ip;
    let (source, destination) = (ip.source.to_ip(ip.version), ip.destination.to_ip(ip.version));
    match lax.net.as_ref().unwrap() {
        LaxNetSlice::Ipv4(slice) => {
            let header = slice.header();
            assert_eq!(
                (source, destination),
                (header.source_addr().into(), header.destination_addr().into()),
                "{which}"
            );
            let type_of_service = header.dcp().value() << 2 | header.ecn().value();
            assert_eq!((ip.version, ip.ttl, ip.tos), (4, header.ttl(), type_of_service), "{which}");
            assert_eq!(ip.protocol, header.protocol().0, "{which}");
            let fragment = header.is_fragmenting_payload().then(|| Fragment {
                identification: header.identification().into(),
                offset: header.fragments_offset().value(),
                more: header.more_fragments(),
            });
            assert_eq!(ip.fragment, fragment, "{which}");
            // We leave an authentication header of IPv4 to be what the packet carries, as its protocol field says.
            slice.extensions().is_empty()
        }
        LaxNetSlice::Ipv6(slice) => {
            let header = slice.header();
            assert_eq!(
                (source, destination),
                (header.source_addr().into(), header.destination_addr().into()),
                "{which}"
            );
            assert_eq!(
                (ip.version, ip.ttl, ip.tos),
                (6, header.hop_limit(), header.traffic_class()),
                "{which}"
            );
            let payload = slice.payload();
            let is_later_fragment = ip.fragment.is_some_and(|fragment| fragment.offset != 0);
            // We go on behind a hop-by-hop header that stands in the wrong place, but not into the middle of a packet, which
            // etherparse takes for extension headers if the first one says so, and not through more than eight of them.
            let is_endless = matches!(ip.protocol, 0 | 43 | 44 | 51 | 60);
            if lax.stop_err.is_some() && lax.transport.is_none() || is_later_fragment || is_endless {
                return false;
            }
            assert_eq!(ip.protocol, payload.ip_number.0, "{which}");
            assert_eq!(ip.fragment.is_some(), payload.fragmented, "{which}");
            // Without a next header, what follows is padding.
            ip.protocol != IpNumber::IPV6_NO_NEXT_HEADER.0
        }
        LaxNetSlice::Arp(_) => unreachable!("looked at before"),
    }
}

fn assert_same_transport(lax: &LaxSlicedPacket<'_>, packet: &Packet<'_>, which: &str) {
    match (&lax.transport, packet.transport) {
        (Some(TransportSlice::Tcp(theirs)), Transport::Tcp(ours)) => {
            assert_eq!(
                (ours.ports.source, ours.ports.destination),
                (theirs.source_port(), theirs.destination_port()),
                "{which}"
            );
            assert_eq!(ours.sequence, theirs.sequence_number(), "{which}");
            assert_eq!(ours.acknowledgment, theirs.acknowledgment_number(), "{which}");
            assert_eq!(ours.window, theirs.window_size(), "{which}");
            let flags = [
                theirs.fin(),
                theirs.syn(),
                theirs.rst(),
                theirs.psh(),
                theirs.ack(),
                theirs.urg(),
                theirs.ece(),
            ];
            let flags = flags.into_iter().chain([theirs.cwr(), theirs.ns()]);
            let flags = flags.enumerate().fold(0, |bits, (i, set)| bits | u16::from(set) << i);
            assert_eq!(ours.flags.0 & 0x01ff, flags, "{which}");
            assert_eq!(packet.payload, theirs.payload(), "{which}");
        }
        (Some(TransportSlice::Udp(theirs)), Transport::Ports(ours)) => {
            assert_eq!(
                (ours.source, ours.destination),
                (theirs.source_port(), theirs.destination_port()),
                "{which}"
            );
            assert_eq!(packet.payload, theirs.payload(), "{which}");
        }
        (Some(TransportSlice::Icmpv4(theirs)), Transport::Icmp(ours)) if packet.ip.version == 4 => {
            assert_eq!((ours.kind, ours.code), (theirs.type_u8(), theirs.code_u8()), "{which}");
            assert_eq!(packet.payload, &theirs.slice()[4..], "{which}");
        }
        (Some(TransportSlice::Icmpv6(theirs)), Transport::Icmp(ours)) if packet.ip.version == 6 => {
            assert_eq!((ours.kind, ours.code), (theirs.type_u8(), theirs.code_u8()), "{which}");
            assert_eq!(packet.payload, &theirs.slice()[4..], "{which}");
        }
        // ICMP of the other version is nothing that anyone answers. Etherparse reads nothing of a fragment, nor of a header that
        // was cut or that lies about its length.
        (
            Some(TransportSlice::Icmpv4(_) | TransportSlice::Icmpv6(_) | TransportSlice::Igmp(_)),
            Transport::Other,
        )
        | (None, _) => {}
        (theirs, ours) => panic!("{which}: {theirs:?} became {ours:?}"),
    }
}

fn frame(data: &[u8], link_type: LinkType) -> Frame<'_> {
    let original_length = u32::try_from(data.len()).unwrap();
    Frame { data, timestamp: Timestamp::ZERO, original_length, link_type, interface: 0 }
}

/// Ethernet with up to two tags, or raw IP; IPv4 with options or IPv6 with extension headers; TCP, UDP or ICMP.
fn built_packet() -> impl Strategy<Value = (LinkType, Vec<u8>)> {
    let addresses = (any::<[u8; 16]>(), any::<[u8; 16]>());
    let headers = (0_u8..4, 0_u8..4, 0_u8..4);
    let numbers = (any::<[u16; 5]>(), any::<[u32; 2]>(), any::<u8>(), any::<[u8; 3]>());
    (addresses, headers, numbers, prop::collection::vec(any::<u8>(), 0..64)).prop_map(
        |((source, destination), (link, internet, transport), numbers, payload)| {
            let ip = ip_headers(source, destination, internet, numbers.3);
            let link_type = if link == 0 { LinkType::RAW } else { LinkType::ETHERNET };
            (link_type, write_packet(link, ip, transport, numbers.0, numbers.1, numbers.2, &payload))
        },
    )
}

fn ip_headers(
    source: [u8; 16],
    destination: [u8; 16],
    kind: u8,
    [tos, ttl, extra]: [u8; 3],
) -> etherparse::IpHeaders {
    let v4 = |octets: [u8; 16]| *octets.first_chunk().unwrap();
    if kind < 2 {
        let mut header = Ipv4Header::new(0, ttl, IpNumber(0), v4(source), v4(destination)).unwrap();
        header.dscp = (tos >> 2).try_into().unwrap();
        if kind == 1 {
            header.options = [extra; 8].into();
        }
        return etherparse::IpHeaders::Ipv4(header, etherparse::Ipv4Extensions::default());
    }
    let header = etherparse::Ipv6Header {
        traffic_class: tos,
        hop_limit: ttl,
        source,
        destination,
        ..Default::default()
    };
    let mut extensions = etherparse::Ipv6Extensions::default();
    if kind == 3 {
        let raw = |octets: &[u8]| etherparse::Ipv6RawExtHeader::new_raw(IpNumber(0), octets).unwrap();
        extensions.hop_by_hop_options = Some(raw(&[extra; 6]));
        extensions.destination_options = Some(raw(&[extra; 14]));
        // Neither an offset nor more to come: a whole packet (RFC 6946).
        extensions.fragment =
            Some(Ipv6FragmentHeader::new(IpNumber(0), 0.try_into().unwrap(), false, u32::from(extra)));
    }
    etherparse::IpHeaders::Ipv6(header, extensions)
}

fn write_packet(
    link: u8,
    ip: etherparse::IpHeaders,
    transport: u8,
    ports: [u16; 5],
    words: [u32; 2],
    flags: u8,
    payload: &[u8],
) -> Vec<u8> {
    let [from, to, window, outer, inner] = ports;
    let vlan = |number: u16| VlanId::try_new(number & 0x0fff).unwrap();
    // Away from the ports of tunnels.
    let (from, to) = (from | 0x8000, to & 0x03ff);
    let ethernet = || PacketBuilder::ethernet2([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]);
    let is_v4 = matches!(ip, etherparse::IpHeaders::Ipv4(..));
    let step = match link {
        0 => PacketBuilder::ip(ip),
        1 => ethernet().ip(ip),
        2 => ethernet().single_vlan(vlan(outer)).ip(ip),
        _ => ethernet().double_vlan(vlan(outer), vlan(inner)).ip(ip),
    };
    let mut octets = Vec::new();
    match transport {
        0 | 1 => {
            let mut header = etherparse::TcpHeader::new(from, to, words[0], window);
            header.acknowledgment_number = words[1];
            let bit = |i: u8| flags >> i & 1 == 1;
            (header.fin, header.syn, header.rst, header.psh) = (bit(0), bit(1), bit(2), bit(3));
            (header.ack, header.urg, header.ece, header.cwr) = (bit(4), bit(5), bit(6), bit(7));
            if transport == 1 {
                header.set_options_raw(&[1; 12]).unwrap();
            }
            step.tcp_header(header).write(&mut octets, payload).unwrap();
        }
        2 => step.udp(from, to).write(&mut octets, payload).unwrap(),
        _ if is_v4 => step.icmpv4_echo_request(outer, inner).write(&mut octets, payload).unwrap(),
        _ => step.icmpv6_echo_reply(outer, inner).write(&mut octets, payload).unwrap(),
    }
    octets
}
