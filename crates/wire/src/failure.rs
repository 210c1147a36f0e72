use std::fmt;

use crate::LinkType;

/// Why no packet was found in a frame. A fact to be counted, not an error.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum DecodeFailure {
    /// The frame's link type is not decoded.
    LinkType(LinkType),
    /// A header contradicts itself or the standard: a wrong version, a length shorter than the header.
    Malformed(Layer),
    /// The frame carries no IP. This is no fault: ARP, spanning tree, link control and the like.
    NotIp(NotIp),
    /// The frame ends within a header.
    Truncated(Layer),
    /// More headers are stacked than this program walks through.
    TooDeep,
}

/// What a frame carries that is not IP.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum NotIp {
    /// An address family of a loopback capture.
    AddressFamily(u32),
    /// An `EtherType`.
    EtherType(u16),
    /// An IEEE 802.2 LLC frame, by its destination service access point.
    Llc(u8),
    /// An MPLS label stack above something that is neither IP nor Ethernet with IP.
    Mpls,
    /// A PPP protocol (RFC 1661).
    Ppp(u16),
}

/// A header, to say where decoding ended.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the names are those of the protocols")]
pub enum Layer {
    Authentication,
    BackboneTag,
    CiscoHdlc,
    EncryptedInterface,
    EtherIp,
    Ethernet,
    Geneve,
    Gre,
    Gtp,
    Ip,
    Ipv4,
    Ipv6,
    Layer2Tunnel,
    Llc,
    LinuxCooked,
    Loopback,
    Mpls,
    NetfilterLog,
    PacketFilterLog,
    Ppp,
    PppoE,
    SecurityGroupTag,
    ServiceFunction,
    VirtualLan,
    VirtualNicTag,
    Vxlan,
}

impl fmt::Display for DecodeFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LinkType(link) => write!(f, "link type {link} is not decoded"),
            Self::Malformed(layer) => write!(f, "malformed {layer} header"),
            Self::NotIp(what) => write!(f, "not IP: {what}"),
            Self::Truncated(layer) => write!(f, "cut short in the {layer} header"),
            Self::TooDeep => f.write_str("too many headers"),
        }
    }
}

impl fmt::Display for NotIp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::AddressFamily(family) => write!(f, "address family {family}"),
            Self::EtherType(number) => match named(ETHER_TYPES, number) {
                Some(name) => f.write_str(name),
                None => write!(f, "EtherType 0x{number:04x}"),
            },
            Self::Llc(0x42) => f.write_str("spanning tree"),
            Self::Llc(0xfe) => f.write_str("OSI (IS-IS, CLNP)"),
            Self::Llc(0xe0) => f.write_str("IPX"),
            Self::Llc(0xf0) => f.write_str("NetBIOS"),
            Self::Llc(access_point) => write!(f, "LLC 0x{access_point:02x}"),
            Self::Mpls => f.write_str("MPLS payload"),
            Self::Ppp(number) => match named(PPP_PROTOCOLS, number) {
                Some(name) => f.write_str(name),
                None => write!(f, "PPP protocol 0x{number:04x}"),
            },
        }
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Authentication => "AH",
            Self::BackboneTag => "802.1ah",
            Self::CiscoHdlc => "Cisco HDLC",
            Self::EncryptedInterface => "enc",
            Self::EtherIp => "EtherIP",
            Self::Ethernet => "Ethernet",
            Self::Geneve => "Geneve",
            Self::Gre => "GRE",
            Self::Gtp => "GTP-U",
            Self::Ip => "IP",
            Self::Ipv4 => "IPv4",
            Self::Ipv6 => "IPv6",
            Self::Layer2Tunnel => "L2TP",
            Self::Llc => "LLC",
            Self::LinuxCooked => "Linux cooked",
            Self::Loopback => "loopback",
            Self::Mpls => "MPLS",
            Self::NetfilterLog => "NFLOG",
            Self::PacketFilterLog => "pflog",
            Self::Ppp => "PPP",
            Self::PppoE => "PPPoE",
            Self::SecurityGroupTag => "Cisco MetaData",
            Self::ServiceFunction => "NSH",
            Self::VirtualLan => "VLAN",
            Self::VirtualNicTag => "VN-tag",
            Self::Vxlan => "VXLAN",
        })
    }
}

fn named(names: &[(u16, &'static str)], number: u16) -> Option<&'static str> {
    names.iter().find(|&&(n, _)| n == number).map(|&(_, name)| name)
}

/// From the IEEE and IANA lists; those that a mirror port shows most.
const ETHER_TYPES: &[(u16, &str)] = &[
    (0x0806, "ARP"),
    (0x2000, "CDP"),
    (0x2004, "DTP"),
    (0x6003, "DECnet"),
    (0x8035, "RARP"),
    (0x809b, "AppleTalk"),
    (0x80f3, "AppleTalk ARP"),
    (0x8137, "IPX"),
    (0x8808, "MAC control"),
    (0x8809, "slow protocols (LACP)"),
    (0x8863, "PPPoE discovery"),
    (0x888e, "EAPOL"),
    (0x8892, "PROFINET"),
    (0x88a2, "ATA over Ethernet"),
    (0x88a4, "EtherCAT"),
    (0x88b8, "GOOSE"),
    (0x88ba, "sampled values"),
    (0x88c7, "802.11 pre-authentication"),
    (0x88cc, "LLDP"),
    (0x88e1, "HomePlug"),
    (0x88e5, "MACsec"),
    (0x88f7, "PTP"),
    (0x8902, "Ethernet OAM"),
    (0x8906, "FCoE"),
    (0x8914, "FIP"),
    (0x9000, "loopback test"),
];

/// RFC 1661 and IANA's PPP numbers.
const PPP_PROTOCOLS: &[(u16, &str)] = &[
    (0x002b, "IPX over PPP"),
    (0x003d, "PPP multilink"),
    (0x8021, "IPCP"),
    (0x8057, "IPv6CP"),
    (0x80fd, "CCP"),
    (0xc021, "LCP"),
    (0xc023, "PAP"),
    (0xc025, "LQR"),
    (0xc223, "CHAP"),
];
