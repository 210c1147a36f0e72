use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::Timestamp;

/// A decoded view of a frame: the innermost IP packet that could be reached, and what it was wrapped in.
///
/// It borrows the frame and is meant to be looked at and let go, not kept.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Packet<'a> {
    /// When the frame was seen.
    pub timestamp: Timestamp,
    /// The interface the frame came from, as in [`crate::Frame`].
    pub interface: u16,
    /// The link layer below the IP header: addresses, tags, labels.
    pub link: Link,
    /// The virtual network the packet travels in, if an overlay (VXLAN, Geneve) carries it.
    pub segment: Option<Segment>,
    /// The innermost IP header.
    pub ip: Ip,
    /// What the IP packet carries.
    pub transport: Transport,
    /// What follows the transport header, without link-layer padding; shorter than sent where a snap length cut it.
    pub payload: &'a [u8],
    /// Where in the frame `payload` begins.
    pub payload_offset: usize,
    /// Set if a tunnel packet that carried this one was the first of several fragments. Those that follow hold the rest of
    /// this packet, whose octets [`Ip::octets`] has counted.
    pub carrier: Option<FragmentId>,
}

impl Default for Packet<'_> {
    /// A packet of which nothing is known.
    fn default() -> Self {
        Self {
            timestamp: Timestamp::ZERO,
            interface: 0,
            link: Link::default(),
            segment: None,
            ip: Ip::default(),
            transport: Transport::Unseen,
            payload: &[],
            payload_offset: 0,
            carrier: None,
        }
    }
}

/// What the link layer says of a packet. For an overlay (VXLAN and its kin) it is the inner Ethernet header.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Link {
    /// The sender's MAC address; zero where the link has none.
    pub source: [u8; 6],
    /// The receiver's MAC address; zero where the link has none.
    pub destination: [u8; 6],
    /// The two outermost VLAN identifiers, service tag first; only `vlan_count` of them are set.
    pub vlans: [u16; 2],
    /// How many of `vlans` are set. Further tags are walked over and forgotten.
    pub vlan_count: u8,
    /// How many of `mpls` are set. Further labels are walked over and forgotten.
    pub mpls_count: u8,
    /// MPLS label stack entries from the top: label, traffic class and bottom-of-stack bit in 24 bits (RFC 3032 without TTL).
    pub mpls: [MplsEntry; MPLS_ENTRIES],
}

/// How many entries of an MPLS label stack are kept.
pub const MPLS_ENTRIES: usize = 4;

/// The first three octets of a label stack entry: label (20 bits), traffic class (3), bottom of stack (1); RFC 3032, 2.1.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct MplsEntry(pub [u8; 3]);

impl MplsEntry {
    /// The label itself.
    pub fn label(self) -> u32 {
        let [a, b, c] = self.0;
        u32::from_be_bytes([0, a, b, c]) >> 4
    }
}

/// A virtual layer-2 network identifier.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Segment {
    /// A Geneve virtual network identifier (RFC 8926), 24 bits.
    Geneve(u32),
    /// A VXLAN network identifier (RFC 7348), 24 bits.
    Vxlan(u32),
}

/// An IP header, as far as metering needs it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Ip {
    /// The sender.
    pub source: Address,
    /// The receiver.
    pub destination: Address,
    /// 4 or 6.
    pub version: u8,
    /// The protocol above: of IPv4 the protocol field, of IPv6 the next header of the last extension header.
    pub protocol: u8,
    /// IPv4 type of service or IPv6 traffic class, all eight bits.
    pub tos: u8,
    /// IPv4 time to live or IPv6 hop limit.
    pub ttl: u8,
    /// Octets of this IP packet, header included, as sent: from its length field, or from the frame's length on the wire
    /// where that field is 0 (segmentation offload, jumbograms) or says more than there was.
    pub octets: u32,
    /// Set for a piece of a fragmented packet.
    pub fragment: Option<Fragment>,
}

/// An IPv6 address, or an IPv4 address in its mapped form (RFC 4291, 2.5.5.2), so that both order and hash alike.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Address(pub [u8; 16]);

impl Address {
    /// The address of an IPv4 header.
    #[inline]
    pub fn from_v4([a, b, c, d]: [u8; 4]) -> Self {
        Self([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d])
    }

    /// The four octets of an IPv4 address that is held in mapped form: the last four.
    pub fn v4_octets(self) -> [u8; 4] {
        let [.., a, b, c, d] = self.0;
        [a, b, c, d]
    }

    /// The address as the standard library knows it; `version` is that of the header it came from.
    pub fn to_ip(self, version: u8) -> IpAddr {
        if version == 4 {
            IpAddr::V4(Ipv4Addr::from(self.v4_octets()))
        } else {
            IpAddr::V6(Ipv6Addr::from(self.0))
        }
    }
}

/// Where a piece belongs in a fragmented packet (RFC 791, 3.2; RFC 8200, 4.5).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Fragment {
    /// Shared by the pieces of one packet; 16 bits in IPv4, 32 in IPv6.
    pub identification: u32,
    /// Of this piece's data, in units of eight octets; 0 is the piece with the transport header.
    pub offset: u16,
    /// More pieces follow.
    pub more: bool,
}

/// What the fragments of one IP packet have in common (RFC 791, 3.2; RFC 8200, 4.5).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct FragmentId {
    /// The sender.
    pub source: Address,
    /// The receiver.
    pub destination: Address,
    /// The virtual network, if an overlay carries them.
    pub segment: Option<Segment>,
    /// The identification field.
    pub identification: u32,
    /// 4 or 6.
    pub version: u8,
    /// The protocol above IPv4. 0 of IPv6, whose fragments may name different headers: that of the first one counts.
    pub protocol: u8,
}

impl FragmentId {
    /// What identifies the packet that `fragment` is a piece of.
    pub fn new(ip: &Ip, segment: Option<Segment>, fragment: Fragment) -> Self {
        Self {
            source: ip.source,
            destination: ip.destination,
            segment,
            identification: fragment.identification,
            version: ip.version,
            protocol: if ip.version == 6 { 0 } else { ip.protocol },
        }
    }
}

/// The header above IP.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Transport {
    /// ICMP or `ICMPv6`.
    Icmp(Icmp),
    /// A protocol without ports, or one that is not decoded.
    Other,
    /// UDP, UDP-Lite, DCCP or SCTP, which all begin with two ports.
    Ports(Ports),
    /// TCP.
    Tcp(Tcp),
    /// Not in this frame: a later fragment, or cut off by the snap length.
    Unseen,
}

/// Source and destination port.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Ports {
    /// The sender's port.
    pub source: u16,
    /// The receiver's port.
    pub destination: u16,
}

/// The first two octets of an ICMP message.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Icmp {
    /// The message type.
    pub kind: u8,
    /// Its code.
    pub code: u8,
}

/// A TCP header (RFC 9293, 3.1).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Tcp {
    /// Source and destination port.
    pub ports: Ports,
    /// Sequence number of the first octet of data, or of the SYN.
    pub sequence: u32,
    /// The next octet expected from the other side; meaningful if [`TcpFlags::ACK`] is set.
    pub acknowledgment: u32,
    /// The control bits.
    pub flags: TcpFlags,
    /// The window field, not scaled.
    pub window: u16,
    /// Octets of data behind the header, as sent; of a fragment, those that it has itself.
    pub data_octets: u32,
}

/// The low twelve bits of octets 12 and 13 of a TCP header, as in the information element tcpControlBits (RFC 9565).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct TcpFlags(pub u16);

impl TcpFlags {
    /// No more data from the sender.
    pub const FIN: Self = Self(0x01);
    /// Synchronise sequence numbers.
    pub const SYN: Self = Self(0x02);
    /// Reset the connection.
    pub const RST: Self = Self(0x04);
    /// Push.
    pub const PSH: Self = Self(0x08);
    /// The acknowledgment field is meaningful.
    pub const ACK: Self = Self(0x10);
    /// The urgent pointer is meaningful.
    pub const URG: Self = Self(0x20);

    /// Are all bits of `other` set?
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// A request to open a connection: SYN without ACK, whatever else is set (ECN sets ECE and CWR).
    pub const fn is_syn(self) -> bool {
        self.0 & (Self::SYN.0 | Self::ACK.0) == Self::SYN.0
    }

    /// The answer to such a request: SYN and ACK.
    pub const fn is_syn_ack(self) -> bool {
        self.contains(Self(Self::SYN.0 | Self::ACK.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn syn_means_syn_without_ack_whatever_else_is_set() {
        assert!(TcpFlags(0x02).is_syn());
        assert!(TcpFlags(0xc2).is_syn(), "ECN-setup SYN");
        assert!(!TcpFlags(0x12).is_syn());
        assert!(TcpFlags(0x12).is_syn_ack());
        assert!(!TcpFlags(0x02).is_syn_ack());
    }

    #[test]
    fn mapped_addresses_keep_their_octets() {
        let address = Address::from_v4([192, 0, 2, 1]);
        assert_eq!(address.v4_octets(), [192, 0, 2, 1]);
        assert_eq!(address.to_ip(4).to_string(), "192.0.2.1");
        assert_eq!(address.to_ip(6).to_string(), "::ffff:192.0.2.1");
    }

    #[test]
    fn a_label_is_the_upper_twenty_bits() {
        assert_eq!(MplsEntry([0x00, 0x11, 0x01]).label(), 272);
        assert_eq!(MplsEntry([0xff, 0xff, 0xf1]).label(), 0xf_ffff);
    }
}
