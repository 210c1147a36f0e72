//! Headers around a payload, with right lengths and checksums, from the inside out.

use std::net::IpAddr;

use etherparse::{
    EtherType, Ethernet2Header, IpNumber, Ipv4Header, Ipv6FlowLabel, Ipv6Header, SingleVlanHeader, TcpHeader,
    UdpHeader, VlanId, checksum::Sum16BitWords,
};

use crate::host::Host;

/// What the IP header of a packet says.
#[derive(Clone, Copy, Debug)]
pub struct Ip {
    /// Where the packet comes from.
    pub source: IpAddr,
    /// Where it goes. Of the same version as `source`; else both are written as IPv6.
    pub destination: IpAddr,
    /// The hop limit, which IPv4 calls time to live.
    pub hop_limit: u8,
    /// The identification (IPv4 only).
    pub identification: u16,
    /// Whether routers may not fragment the packet (IPv4 only).
    pub dont_fragment: bool,
}

impl Ip {
    /// A packet from one host to another, as it passes the probe.
    pub fn between(from: &Host, to: &Host, identification: u16) -> Self {
        Self {
            source: from.address,
            destination: to.address,
            hop_limit: from.hop_limit(),
            identification,
            dont_fragment: true,
        }
    }

    /// The IP packet around `payload`.
    pub fn packet(&self, protocol: IpNumber, payload: &[u8]) -> Vec<u8> {
        match (self.source, self.destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                let mut header = Ipv4Header {
                    total_len: length16(Ipv4Header::MIN_LEN + payload.len()),
                    identification: self.identification,
                    dont_fragment: self.dont_fragment,
                    time_to_live: self.hop_limit,
                    protocol,
                    source: source.octets(),
                    destination: destination.octets(),
                    ..Ipv4Header::default()
                };
                header.header_checksum = header.calc_header_checksum();
                joined(&header.to_bytes(), payload)
            }
            (source, destination) => {
                let header = Ipv6Header {
                    traffic_class: 0,
                    flow_label: Ipv6FlowLabel::ZERO,
                    payload_length: length16(payload.len()),
                    next_header: protocol,
                    hop_limit: self.hop_limit,
                    source: octets_v6(source),
                    destination: octets_v6(destination),
                };
                joined(&header.to_bytes(), payload)
            }
        }
    }

    /// The IP packet around a UDP datagram.
    pub fn udp(&self, source_port: u16, destination_port: u16, payload: &[u8]) -> Vec<u8> {
        self.packet(IpNumber::UDP, &self.udp_datagram(source_port, destination_port, payload))
    }

    /// A UDP datagram whose checksum covers the addresses of this header.
    pub fn udp_datagram(&self, source_port: u16, destination_port: u16, payload: &[u8]) -> Vec<u8> {
        let length = length16(UdpHeader::LEN + payload.len());
        let mut header = UdpHeader { source_port, destination_port, length, checksum: 0 };
        let datagram = joined(&header.to_bytes(), payload);
        header.checksum =
            self.pseudo_header(IpNumber::UDP, &datagram).to_ones_complement_with_no_zero().to_be();
        joined(&header.to_bytes(), payload)
    }

    /// The IP packet around a TCP segment; the header's checksum is put right.
    pub fn tcp(&self, mut header: TcpHeader, payload: &[u8]) -> Vec<u8> {
        header.checksum = 0;
        let segment = joined(&header.to_bytes(), payload);
        header.checksum = self.pseudo_header(IpNumber::TCP, &segment).ones_complement().to_be();
        self.packet(IpNumber::TCP, &joined(&header.to_bytes(), payload))
    }

    /// The IP packet around an ICMP or `ICMPv6` echo message (RFC 792, RFC 4443).
    pub fn echo(&self, echo: Echo, identifier: u16, sequence: u16, payload: &[u8]) -> Vec<u8> {
        let version_6 = self.source.is_ipv6() || self.destination.is_ipv6();
        let kind = match (echo, version_6) {
            (Echo::Request, false) => 8,
            (Echo::Reply, false) => 0,
            (Echo::Request, true) => 128,
            (Echo::Reply, true) => 129,
        };
        let mut message = vec![kind, 0, 0, 0];
        message.extend(identifier.to_be_bytes());
        message.extend(sequence.to_be_bytes());
        message.extend(payload);
        let (protocol, sum) = if version_6 {
            (IpNumber::IPV6_ICMP, self.pseudo_header(IpNumber::IPV6_ICMP, &message))
        } else {
            (IpNumber::ICMP, Sum16BitWords::new().add_slice(&message))
        };
        message.splice(2..4, sum.ones_complement().to_be().to_be_bytes());
        self.packet(protocol, &message)
    }

    /// The IP packet around an `ICMPv6` message (RFC 4443, section 2.1) of code 0.
    pub fn icmp_v6(&self, kind: u8, rest_of_header: [u8; 4], body: &[u8]) -> Vec<u8> {
        let mut message = vec![kind, 0, 0, 0];
        message.extend(rest_of_header);
        message.extend(body);
        let sum = self.pseudo_header(IpNumber::IPV6_ICMP, &message).ones_complement();
        message.splice(2..4, sum.to_be().to_be_bytes());
        self.packet(IpNumber::IPV6_ICMP, &message)
    }

    /// The sum over the pseudo header (RFC 9293, section 3.1; RFC 8200, section 8.1) and what follows it.
    fn pseudo_header(&self, protocol: IpNumber, payload: &[u8]) -> Sum16BitWords {
        let mut sum = Sum16BitWords::new();
        sum = match (self.source, self.destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                sum.add_4bytes(source.octets()).add_4bytes(destination.octets())
            }
            (source, destination) => sum.add_16bytes(octets_v6(source)).add_16bytes(octets_v6(destination)),
        };
        sum.add_2bytes([0, protocol.0]).add_4bytes(length32(payload.len()).to_be_bytes()).add_slice(payload)
    }
}

/// Which of the two echo messages.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Echo {
    /// The question.
    Request,
    /// The answer.
    Reply,
}

/// An Ethernet frame around an IP packet, with a VLAN tag if there is one, padded to the least length (IEEE
/// 802.3, 3.2.8).
pub fn ethernet(from: &Host, to: &Host, vlan: Option<u16>, packet: &[u8]) -> Vec<u8> {
    let is_ipv6 = packet.first().is_some_and(|first| first >> 4 == 6);
    let ether_type = if is_ipv6 { EtherType::IPV6 } else { EtherType::IPV4 };
    match vlan {
        None => ethernet_frame(from.mac, to.mac, ether_type, packet),
        Some(id) => {
            ethernet_frame(from.mac, to.mac, EtherType::VLAN_TAGGED_FRAME, &vlan_tag(id, ether_type, packet))
        }
    }
}

/// An Ethernet frame around anything.
pub fn ethernet_frame(
    source: [u8; 6],
    destination: [u8; 6],
    ether_type: EtherType,
    payload: &[u8],
) -> Vec<u8> {
    let mut frame = joined(&Ethernet2Header { source, destination, ether_type }.to_bytes(), payload);
    frame.resize(frame.len().max(ETHERNET_LEAST_LENGTH), 0);
    frame
}

/// The rest of a VLAN tag, behind its Ethernet type, and what it tags.
pub fn vlan_tag(id: u16, ether_type: EtherType, payload: &[u8]) -> Vec<u8> {
    let vlan_id = VlanId::try_new(id).unwrap_or_default();
    let header = SingleVlanHeader { vlan_id, ether_type, ..SingleVlanHeader::default() };
    joined(&header.to_bytes(), payload)
}

/// Two runs of octets, one behind the other.
pub fn joined(first: &[u8], second: &[u8]) -> Vec<u8> {
    [first, second].concat()
}

/// A length for a field of 16 bits. Nothing here is longer: TCP cuts to the segment size, and datagrams are
/// written short.
pub fn length16(length: usize) -> u16 {
    u16::try_from(length).unwrap_or(u16::MAX)
}

/// A length for a field of 32 bits.
pub fn length32(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

fn octets_v6(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => address.octets(),
    }
}

/// Without the frame check sequence, which adapters take off.
const ETHERNET_LEAST_LENGTH: usize = 60;

#[cfg(test)]
mod tests {
    use etherparse::{NetSlice, SlicedPacket, TransportSlice};

    use super::*;
    use crate::host::{Stack, ipv4, ipv6};

    #[test]
    fn checksums_are_those_that_etherparse_computes() {
        let v4 =
            [Host::here(ipv4([192, 0, 2], 1), Stack::Linux), Host::here(ipv4([192, 0, 2], 2), Stack::Linux)];
        let v6 = [Host::here(ipv6(1, 1), Stack::Linux), Host::here(ipv6(1, 2), Stack::Linux)];
        for ([from, to], payload) in [(v4, &b"odd"[..]), (v6, b"odd"), (v4, b""), (v6, b"even")] {
            let ip = Ip::between(&from, &to, 7);
            for packet in [ip.tcp(TcpHeader::new(1, 2, 3, 4), payload), ip.udp(1, 2, payload)] {
                let frame = ethernet(&from, &to, Some(20), &packet);
                let sliced = SlicedPacket::from_ethernet(&frame).unwrap();
                match (sliced.transport.unwrap(), sliced.net.unwrap()) {
                    (TransportSlice::Tcp(tcp), NetSlice::Ipv4(net)) => {
                        let (source, destination) = (net.header().source(), net.header().destination());
                        assert_eq!(tcp.checksum(), tcp.calc_checksum_ipv4(source, destination).unwrap());
                    }
                    (TransportSlice::Tcp(tcp), NetSlice::Ipv6(net)) => {
                        let (source, destination) = (net.header().source(), net.header().destination());
                        assert_eq!(tcp.checksum(), tcp.calc_checksum_ipv6(source, destination).unwrap());
                    }
                    (TransportSlice::Udp(udp), NetSlice::Ipv4(net)) => {
                        let (source, destination) = (net.header().source(), net.header().destination());
                        let expected =
                            udp.to_header().calc_checksum_ipv4_raw(source, destination, udp.payload());
                        assert_eq!(udp.checksum(), expected.unwrap());
                    }
                    (TransportSlice::Udp(udp), NetSlice::Ipv6(net)) => {
                        let (source, destination) = (net.header().source(), net.header().destination());
                        let expected =
                            udp.to_header().calc_checksum_ipv6_raw(source, destination, udp.payload());
                        assert_eq!(udp.checksum(), expected.unwrap());
                    }
                    other => panic!("{other:?}"),
                }
            }
        }
    }
}
