//! What can be wrapped around an IP packet between two routers, or around a frame between two switches.

use std::net::Ipv4Addr;

use etherparse::{EtherType, IpNumber, Ipv6Header, Ipv6HeaderSlice};

use super::fragment::{fragments_v4, fragments_v6};
use crate::{
    host::{Host, Stack, TEST_NET_3, ipv4},
    packet::{Ip, ethernet_frame, joined, length16, vlan_tag},
};

/// What a packet travels in. Packets of the client and of the server differ where the standard lets them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Carrier {
    /// IEEE 802.1Q, with this identifier.
    Vlan(u16),
    /// IEEE 802.1ad: the provider's identifier, and the customer's in it.
    QinQ(u16, u16),
    /// RFC 3032: labels of the client's packets and of the server's, the outermost first.
    Mpls(&'static [u32], &'static [u32]),
    /// RFC 2516, a session.
    PppoE(u16),
    /// RFC 2784, or RFC 2890 with a key.
    Gre(Option<u32>),
    /// RFC 2784 around Ethernet frames (RFC 1701's transparent bridging).
    GreBridge,
    /// RFC 2003 around IPv4, RFC 4213 around IPv6.
    IpInIp,
    /// RFC 7348, with a network identifier.
    Vxlan(u32),
    /// RFC 8926, with a network identifier and one option.
    Geneve(u32),
    /// 3GPP TS 29.281: tunnel endpoint identifiers of the client's packets and of the server's.
    GtpUser(u32, u32),
    /// GRE whose own packets are in pieces.
    FragmentedGre,
    /// VXLAN whose own packets are in pieces that arrive last piece first.
    FragmentedVxlan(u32),
    /// Nothing but IP itself, in pieces.
    Fragments,
    /// The same, and they arrive last piece first.
    FragmentsReversed,
    /// IPv6 with options for every hop, a routing header and options for the destination (RFC 8200, section 4).
    ExtensionHeaders,
}

/// Which way a packet goes, and the number of the packet in its conversation.
#[derive(Clone, Copy, Debug)]
pub(super) struct Passage {
    pub(super) is_from_client: bool,
    pub(super) number: u16,
}

impl Passage {
    fn either<T>(self, client: T, server: T) -> T {
        if self.is_from_client { client } else { server }
    }
}

impl Carrier {
    /// The frames that carry `packet`, which `frame` would carry without a tunnel.
    pub(super) fn frames(self, frame: &[u8], packet: &[u8], passage: Passage) -> Vec<Vec<u8>> {
        let (from, to) = ends(passage);
        let kind = ether_type(packet);
        let link = |ether_type, payload: &[u8]| vec![ethernet_frame(from.mac, to.mac, ether_type, payload)];
        // What a tunnel between switches carries is the frame without the padding that the last cable needed.
        let unpadded = joined(&frame[..ETHERNET_HEADER_LENGTH], packet);
        match self {
            Self::Vlan(id) => link(EtherType::VLAN_TAGGED_FRAME, &vlan_tag(id, kind, packet)),
            Self::QinQ(outer, inner) => {
                let customer = vlan_tag(inner, kind, packet);
                link(EtherType::PROVIDER_BRIDGING, &vlan_tag(outer, EtherType::VLAN_TAGGED_FRAME, &customer))
            }
            Self::Mpls(client, server) => {
                link(MPLS, &joined(&label_stack(passage.either(client, server)), packet))
            }
            Self::PppoE(session) => link(PPPOE_SESSION, &pppoe(session, packet)),
            Self::Gre(key) => self.over_ip(IpNumber::GRE, &gre(key, kind, packet), passage),
            Self::GreBridge => {
                self.over_ip(IpNumber::GRE, &gre(None, TRANSPARENT_ETHERNET, &unpadded), passage)
            }
            Self::IpInIp => {
                let protocol = if kind == EtherType::IPV6 { IpNumber::IPV6 } else { IpNumber::IPV4 };
                self.over_ip(protocol, packet, passage)
            }
            Self::FragmentedGre => self.over_ip(IpNumber::GRE, &gre(None, kind, packet), passage),
            Self::Vxlan(vni) | Self::FragmentedVxlan(vni) => {
                let source = 49_152 + u16::from(passage.is_from_client);
                self.over_udp(source, VXLAN_PORT, &vxlan(vni, &unpadded), passage)
            }
            Self::Geneve(vni) => {
                let source = 51_000 + u16::from(passage.is_from_client);
                self.over_udp(source, GENEVE_PORT, &geneve(vni, &unpadded), passage)
            }
            Self::GtpUser(client, server) => self.over_udp(
                GTP_USER_PORT,
                GTP_USER_PORT,
                &gtp_user(passage.either(client, server), packet),
                passage,
            ),
            Self::Fragments | Self::FragmentsReversed => {
                let mut pieces = match kind {
                    EtherType::IPV6 => {
                        fragments_v6(packet, LARGEST_PACKET, 0xf1a6_0000 + u32::from(passage.number))
                    }
                    _ => fragments_v4(packet, LARGEST_PACKET),
                };
                if self == Self::FragmentsReversed {
                    pieces.reverse();
                }
                let header = &frame[..ETHERNET_HEADER_LENGTH];
                pieces.iter().map(|piece| padded(joined(header, piece))).collect()
            }
            Self::ExtensionHeaders => {
                vec![joined(&frame[..ETHERNET_HEADER_LENGTH], &with_extension_headers(packet))]
            }
        }
    }

    /// How it is called in the page, with its numbers.
    pub fn title(self) -> String {
        let labels = |labels: &[u32]| labels.iter().map(u32::to_string).collect::<Vec<_>>().join(", ");
        match self {
            Self::Vlan(id) => format!("VLAN {id}"),
            Self::QinQ(outer, inner) => format!("QinQ: VLAN {inner} in VLAN {outer}"),
            Self::Mpls(client, server) => {
                format!("MPLS: labels {} from the client, {} from the server", labels(client), labels(server))
            }
            Self::PppoE(session) => format!("PPPoE, session {session}"),
            Self::Gre(None) => "GRE".to_owned(),
            Self::Gre(Some(key)) => format!("GRE, key {key}"),
            Self::GreBridge => "Ethernet in GRE".to_owned(),
            Self::IpInIp => "IP in IPv4".to_owned(),
            Self::Vxlan(vni) => format!("VXLAN, VNI {vni}"),
            Self::Geneve(vni) => format!("Geneve, VNI {vni}, one option"),
            Self::GtpUser(client, server) => {
                format!("GTP-U, TEID {client} from the client, {server} from the server")
            }
            Self::FragmentedGre => "GRE in IPv4 fragments".to_owned(),
            Self::FragmentedVxlan(vni) => format!("VXLAN, VNI {vni}, in IPv4 fragments, the last first"),
            Self::Fragments => "fragments, in order".to_owned(),
            Self::FragmentsReversed => "fragments, the last first".to_owned(),
            Self::ExtensionHeaders => {
                "IPv6 with hop-by-hop options, a routing header and destination options".to_owned()
            }
        }
    }

    fn over_udp(self, source_port: u16, port: u16, payload: &[u8], passage: Passage) -> Vec<Vec<u8>> {
        let datagram = self.outer(passage).udp_datagram(source_port, port, payload);
        self.over_ip(IpNumber::UDP, &datagram, passage)
    }

    fn over_ip(self, protocol: IpNumber, payload: &[u8], passage: Passage) -> Vec<Vec<u8>> {
        let (from, to) = ends(passage);
        let packet = self.outer(passage).packet(protocol, payload);
        let mut pieces = match self {
            Self::FragmentedGre | Self::FragmentedVxlan(_) => fragments_v4(&packet, LARGEST_PACKET),
            _ => vec![packet],
        };
        if matches!(self, Self::FragmentedVxlan(_)) {
            pieces.reverse();
        }
        pieces.iter().map(|piece| ethernet_frame(from.mac, to.mac, EtherType::IPV4, piece)).collect()
    }

    fn outer(self, passage: Passage) -> Ip {
        let (from, to) = ends(passage);
        let is_fragmented = matches!(self, Self::FragmentedGre | Self::FragmentedVxlan(_));
        Ip { dont_fragment: !is_fragmented, ..Ip::between(&from, &to, passage.number) }
    }
}

/// The IPv4 address of the tunnels' end at the client's side.
pub(super) fn near_end() -> Ipv4Addr {
    ipv4(TEST_NET_3, 1)
}

/// The IPv4 address of the tunnels' end at the server's side.
pub(super) fn far_end() -> Ipv4Addr {
    ipv4(TEST_NET_3, 2)
}

fn ends(passage: Passage) -> (Host, Host) {
    let (near, far) = (Host::here(near_end(), Stack::Linux), Host::here(far_end(), Stack::Linux));
    if passage.is_from_client { (near, far) } else { (far, near) }
}

fn ether_type(packet: &[u8]) -> EtherType {
    let is_v6 = packet.first().is_some_and(|first| first >> 4 == 6);
    if is_v6 { EtherType::IPV6 } else { EtherType::IPV4 }
}

fn padded(mut frame: Vec<u8>) -> Vec<u8> {
    frame.resize(frame.len().max(60), 0);
    frame
}

/// RFC 3032, section 2.1. The bottom of the stack is marked.
fn label_stack(labels: &[u32]) -> Vec<u8> {
    let entry = |(number, label): (usize, &u32)| {
        let is_bottom = u32::from(number + 1 == labels.len());
        ((label << 12) + (is_bottom << 8) + MPLS_TIME_TO_LIVE).to_be_bytes()
    };
    labels.iter().enumerate().flat_map(entry).collect()
}

/// RFC 2516, section 4, and the protocol field of PPP (RFC 1661, section 2).
fn pppoe(session: u16, packet: &[u8]) -> Vec<u8> {
    let protocol: u16 = if ether_type(packet) == EtherType::IPV6 { 0x0057 } else { 0x0021 };
    let mut header = vec![0x11, 0];
    header.extend(session.to_be_bytes());
    header.extend(length16(2 + packet.len()).to_be_bytes());
    header.extend(protocol.to_be_bytes());
    joined(&header, packet)
}

/// RFC 2784, section 2, and RFC 2890, section 2.
fn gre(key: Option<u32>, kind: EtherType, payload: &[u8]) -> Vec<u8> {
    let mut header = if key.is_some() { vec![0x20, 0] } else { vec![0, 0] };
    header.extend(kind.0.to_be_bytes());
    header.extend(key.iter().flat_map(|key| key.to_be_bytes()));
    joined(&header, payload)
}

/// RFC 7348, section 5.
fn vxlan(vni: u32, frame: &[u8]) -> Vec<u8> {
    [&[0x08, 0, 0, 0], &(vni << 8).to_be_bytes()[..], frame].concat()
}

/// RFC 8926, section 3.4, with an option of a class for experiments and eight octets in all.
fn geneve(vni: u32, frame: &[u8]) -> Vec<u8> {
    let option = [0xff, 0xf0, 0x01, 1, 0xde, 0xad, 0xbe, 0xef];
    [&[2, 0, 0x65, 0x58], &(vni << 8).to_be_bytes()[..], &option, frame].concat()
}

/// 3GPP TS 29.281, section 5.1: version 1, no optional field, a G-PDU.
fn gtp_user(endpoint: u32, packet: &[u8]) -> Vec<u8> {
    [&[0x30, 0xff], &length16(packet.len()).to_be_bytes()[..], &endpoint.to_be_bytes(), packet].concat()
}

/// RFC 8200, sections 4.3, 4.4 and 4.6; the routing header is that of RFC 8754 at its last segment.
fn with_extension_headers(packet: &[u8]) -> Vec<u8> {
    let Ok(slice) = Ipv6HeaderSlice::from_slice(packet) else { return packet.to_vec() };
    let mut header = slice.to_header();
    let payload = &packet[Ipv6Header::LEN..];
    let hop_by_hop = [&[IpNumber::IPV6_ROUTE_HEADER.0, 0], &PADDING_OPTION[..]].concat();
    let segments =
        [&[IpNumber::IPV6_DESTINATION_OPTIONS.0, 2, 4, 0, 0, 0, 0, 0], &header.destination[..]].concat();
    let destination = [&[header.next_header.0, 0], &PADDING_OPTION[..]].concat();
    header.next_header = IpNumber::IPV6_HEADER_HOP_BY_HOP;
    let rest = [&hop_by_hop[..], &segments, &destination, payload].concat();
    header.payload_length = length16(rest.len());
    joined(&header.to_bytes(), &rest)
}

const MPLS_TIME_TO_LIVE: u32 = 62;
/// `PadN` over six octets.
const PADDING_OPTION: [u8; 6] = [1, 4, 0, 0, 0, 0];
const ETHERNET_HEADER_LENGTH: usize = 14;
/// What Ethernet carries.
const LARGEST_PACKET: usize = 1500;

// The IANA registry of IEEE 802 numbers.
const MPLS: EtherType = EtherType(0x8847);
const PPPOE_SESSION: EtherType = EtherType(0x8864);
const TRANSPARENT_ETHERNET: EtherType = EtherType(0x6558);

// The IANA registry of ports.
const VXLAN_PORT: u16 = 4789;
const GENEVE_PORT: u16 = 6081;
const GTP_USER_PORT: u16 = 2152;

#[cfg(test)]
mod tests {
    use super::*;

    const PACKET: [u8; 20] = [0x45, 0, 0, 20, 0, 0, 0, 0, 64, 59, 0, 0, 192, 0, 2, 1, 198, 51, 100, 1];

    /// What stands between the Ethernet addresses and the packet, of a packet of the client.
    fn headers(carrier: Carrier) -> Vec<u8> {
        let frame = joined(&[[2; 12].as_slice(), &[8, 0]].concat(), &PACKET);
        let passage = Passage { is_from_client: true, number: 1 };
        let frames = carrier.frames(&frame, &PACKET, passage);
        let at = frames[0].windows(PACKET.len()).position(|octets| octets == PACKET).unwrap();
        frames[0][12..at].to_vec()
    }

    #[test]
    fn headers_are_laid_out_as_their_standards_show() {
        assert_eq!(headers(Carrier::QinQ(100, 20)), [0x88, 0xa8, 0, 100, 0x81, 0, 0, 20, 8, 0]);
        let labels = headers(Carrier::Mpls(&[16_001, 17], &[]));
        assert_eq!(labels, [0x88, 0x47, 0x03, 0xe8, 0x10, 62, 0x00, 0x01, 0x11, 62]);
        assert_eq!(headers(Carrier::PppoE(0x1234)), [0x88, 0x64, 0x11, 0, 0x12, 0x34, 0, 22, 0, 0x21]);
        assert_eq!(headers(Carrier::Gre(Some(77)))[22..], [0x20, 0, 8, 0, 0, 0, 0, 77]);
        assert_eq!(headers(Carrier::Vxlan(100))[30..38], [8, 0, 0, 0, 0, 0, 100, 0]);
        assert_eq!(headers(Carrier::Geneve(300))[30..38], [2, 0, 0x65, 0x58, 0, 1, 44, 0]);
        assert_eq!(headers(Carrier::GtpUser(4001, 0))[30..], [0x30, 0xff, 0, 20, 0, 0, 0x0f, 0xa1]);
    }
}
