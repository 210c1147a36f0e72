//! What an IP packet carries: transport headers, or the way into a tunnel.

use etherparse::{IpNumber, TcpHeaderSlice, UdpHeaderSlice};

use crate::{
    FragmentId, Icmp, Ports, Tcp, TcpFlags, Transport,
    decode::{Header, Step, Walk},
};

impl Walk<'_, '_> {
    #[inline]
    pub(crate) fn protocol(&mut self, number: u8) -> Step {
        match IpNumber(number) {
            IpNumber::TCP => self.tcp(),
            IpNumber::UDP => self.udp(),
            IpNumber::ICMP => self.icmp(4),
            IpNumber::IPV6_ICMP => self.icmp(6),
            IpNumber::SCTP => self.begins_with_ports(SCTP_HEADER_LENGTH),
            IpNumber::UDP_LITE => self.begins_with_ports(UDP_HEADER_LENGTH),
            IpNumber::DCCP => {
                // The data offset counts words (RFC 4340, 5.1).
                let words = self.rest.captured.get(4).copied().unwrap_or_default();
                self.begins_with_ports(usize::from(words) * 4)
            }
            IpNumber::IPV4 => self.tunnel(Transport::Other, Header::Ipv4),
            IpNumber::IPV6 => self.tunnel(Transport::Other, Header::Ipv6),
            IpNumber::GRE => self.tunnel(Transport::Other, Header::Gre),
            IpNumber::MPLS_IN_IP => self.tunnel(Transport::Other, Header::Mpls),
            IpNumber::ETHER_IP => self.tunnel(Transport::Other, Header::EtherIp),
            IpNumber::AUTHENTICATION_HEADER => self.tunnel(Transport::Other, Header::Authentication),
            _ => self.end(Transport::Other),
        }
    }

    #[inline]
    fn tcp(&mut self) -> Step {
        let captured = self.rest.captured;
        let Some(header) = captured.first_chunk() else {
            // The snap length left the ports and no more.
            let transport = self.ports().map_or(Transport::Unseen, Transport::Ports);
            return self.end(transport);
        };
        let tcp = tcp(header, self.rest.wire);
        // Options that were cut off, or a data offset that lies, leave no payload to look at but do not hide the segment.
        let header_length =
            TcpHeaderSlice::from_slice(captured).map_or(captured.len(), |header| header.slice().len());
        self.rest.skip(header_length);
        self.end(Transport::Tcp(tcp))
    }

    #[inline]
    fn udp(&mut self) -> Step {
        let Ok(header) = UdpHeaderSlice::from_slice(self.rest.captured) else {
            let transport = self.ports().map_or(Transport::Unseen, Transport::Ports);
            return self.end(transport);
        };
        let ports = Ports { source: header.source_port(), destination: header.destination_port() };
        let length = u32::from(header.length());
        self.rest.skip(UDP_HEADER_LENGTH);
        // A length of 0 stands for a jumbogram (RFC 2675, 4).
        if let Some(data) = length.checked_sub(8) {
            self.rest.limit(data);
        }
        let transport = Transport::Ports(ports);
        let header = match ports.destination {
            VXLAN_PORT | VXLAN_PORT_LINUX => Header::Vxlan,
            VXLAN_EXTENSION_PORT => Header::VxlanExtension,
            GENEVE_PORT => Header::Geneve,
            GTP_USER_PORT => Header::Gtp,
            GRE_PORT => Header::Gre,
            MPLS_PORT if self.holds_a_labelled_packet() => Header::Mpls,
            _ if ports.source == L2TP_PORT || ports.destination == L2TP_PORT => Header::Layer2Tunnel,
            _ => return self.end(transport),
        };
        self.tunnel(transport, header)
    }

    /// Whether a datagram is a label stack and an IP packet as long as its header says. Nothing else tells labels from what else
    /// may be sent to that port.
    fn holds_a_labelled_packet(&self) -> bool {
        let captured = self.rest.captured;
        let Some(bottom) = captured.as_chunks().0.iter().position(|[_, _, low, _]| low & 1 == 1) else {
            return false;
        };
        let labels = (bottom + 1) * 4;
        let length = match captured.get(labels..) {
            Some(&[0x45..=0x4f, _, high, low, ..]) => u32::from(u16::from_be_bytes([high, low])),
            Some(&[0x60..=0x6f, _, _, _, high, low, ..]) => u32::from(u16::from_be_bytes([high, low])) + 40,
            _ => return false,
        };
        u32::try_from(labels).is_ok_and(|labels| labels.checked_add(length) == Some(self.rest.wire))
    }

    /// A header of `length` octets, of which no more than the ports is kept.
    fn begins_with_ports(&mut self, length: usize) -> Step {
        let transport = self.ports().map_or(Transport::Unseen, Transport::Ports);
        self.rest.skip(length);
        self.end(transport)
    }

    /// `version` is the IP version that this kind of ICMP belongs to.
    fn icmp(&mut self, version: u8) -> Step {
        if self.packet.ip.version != version {
            return self.end(Transport::Other);
        }
        let Some(&[kind, code]) = self.rest.captured.first_chunk::<2>() else {
            return self.end(Transport::Unseen);
        };
        // The payload begins behind the checksum.
        self.rest.skip(4);
        self.end(Transport::Icmp(Icmp { kind, code }))
    }

    fn ports(&self) -> Option<Ports> {
        let &[a, b, c, d] = self.rest.captured.first_chunk::<4>()?;
        Some(Ports { source: u16::from_be_bytes([a, b]), destination: u16::from_be_bytes([c, d]) })
    }

    #[inline]
    pub(crate) fn end(&mut self, transport: Transport) -> Step {
        self.carry(transport);
        Step::Done
    }

    /// Goes into a tunnel, unless enough of them have been walked through. If it leads nowhere, the carrier is the packet.
    fn tunnel(&mut self, transport: Transport, header: Header) -> Step {
        self.carry(transport);
        if self.ip_headers >= MAX_IP_HEADERS {
            return Step::Done;
        }
        self.tunnel_link = self.packet.link;
        if let Some(fragment) = self.packet.ip.fragment {
            self.rest.wire = u32::MAX;
            self.carrier = Some(FragmentId::new(&self.packet.ip, self.packet.segment, fragment));
        }
        Step::On(header)
    }
}

/// Reads the fixed part of a TCP header (RFC 9293, 3.1); header and data of the segment have `length` octets, as sent.
#[inline]
pub(crate) fn tcp(header: &[u8; TCP_OCTETS], length: u32) -> Tcp {
    let &[a, b, c, d, s0, s1, s2, s3, a0, a1, a2, a3, high, low, w0, w1, _, _, _, _] = header;
    Tcp {
        ports: Ports { source: u16::from_be_bytes([a, b]), destination: u16::from_be_bytes([c, d]) },
        sequence: u32::from_be_bytes([s0, s1, s2, s3]),
        acknowledgment: u32::from_be_bytes([a0, a1, a2, a3]),
        flags: TcpFlags(u16::from_be_bytes([high, low]) & 0x0fff),
        window: u16::from_be_bytes([w0, w1]),
        // The data offset counts words.
        data_octets: length.saturating_sub(u32::from(high >> 4) * 4),
    }
}

/// Whether what a datagram carries may be a packet.
#[inline]
pub(crate) const fn is_of_tunnel(ports: Ports) -> bool {
    let is_to_tunnel = matches!(
        ports.destination,
        VXLAN_PORT
            | VXLAN_PORT_LINUX
            | VXLAN_EXTENSION_PORT
            | GENEVE_PORT
            | GTP_USER_PORT
            | GRE_PORT
            | MPLS_PORT
            | L2TP_PORT
    );
    is_to_tunnel || ports.source == L2TP_PORT
}

/// An IP packet in a tunnel in a tunnel in a tunnel; what is deeper is metered as its carrier.
const MAX_IP_HEADERS: u8 = 4;

/// A TCP header without options.
pub(crate) const TCP_OCTETS: usize = 20;
const UDP_HEADER_LENGTH: usize = 8;
/// The common header of RFC 9260, 3.1; chunks follow.
const SCTP_HEADER_LENGTH: usize = 12;
/// RFC 7348, 5.
const VXLAN_PORT: u16 = 4789;
/// The port Linux used before one was assigned, and still its default.
const VXLAN_PORT_LINUX: u16 = 8472;
/// draft-ietf-nvo3-vxlan-gpe, 5.
const VXLAN_EXTENSION_PORT: u16 = 4790;
/// RFC 8086, 8.
const GRE_PORT: u16 = 4754;
/// RFC 7510, 5.
const MPLS_PORT: u16 = 6635;
/// RFC 2661, 8.1: whoever opens a tunnel may choose another port for its own end.
const L2TP_PORT: u16 = 1701;
/// RFC 8926, 3.3.
const GENEVE_PORT: u16 = 6081;
/// 3GPP TS 29.281, 4.4.2.
const GTP_USER_PORT: u16 = 2152;
