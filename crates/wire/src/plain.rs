//! Plain frames: Ethernet, IPv4 without options or IPv6 without extension headers, whole, and in it TCP or UDP.
//!
//! Nearly all frames are plain, and reading one in one piece costs a fraction of the walk from header to header (`benches/decode.rs`).
//! Whatever is otherwise in any respect is left to the walk, which knows plain frames, too: tests hold both to the same packets.

use crate::{
    Address, Frame, Ip, Link, MPLS_ENTRIES, MplsEntry, Packet, Ports, Tcp, Transport,
    transport::{self, TCP_OCTETS},
};

/// Fills in all of `packet` from a plain frame. `None` if the frame is not plain; what is in `packet` means nothing then.
#[inline]
pub(crate) fn decode<'a>(frame: &Frame<'a>, packet: &mut Packet<'a>) -> Option<()> {
    let (ethernet, captured) = frame.data.split_first_chunk::<ETHERNET_OCTETS>()?;
    let &[d0, d1, d2, d3, d4, d5, s0, s1, s2, s3, s4, s5, ether_type @ ..] = ethernet;
    let ip = Captured { octets: captured, frame_length: frame.original_length };
    match ether_type {
        [0x08, 0x00] => ip.v4(packet)?,
        [0x86, 0xdd] => ip.v6(packet)?,
        _ => return None,
    }
    packet.timestamp = frame.timestamp;
    packet.interface = frame.interface;
    packet.link = Link {
        source: [s0, s1, s2, s3, s4, s5],
        destination: [d0, d1, d2, d3, d4, d5],
        vlans: [0; 2],
        vlan_count: 0,
        mpls_count: 0,
        mpls: [MplsEntry([0; 3]); MPLS_ENTRIES],
    };
    packet.segment = None;
    packet.carrier = None;
    Some(())
}

/// What a frame holds from its IP header on.
struct Captured<'a> {
    octets: &'a [u8],
    frame_length: u32,
}

impl<'a> Captured<'a> {
    #[inline]
    fn v4(&self, packet: &mut Packet<'a>) -> Option<()> {
        let &[0x45, tos, t0, t1, _, _, f0, f1, ttl, protocol, _, _, ref addresses @ ..] =
            self.octets.first_chunk::<IPV4_OCTETS>()?
        else {
            return None;
        };
        let total = u32::from(u16::from_be_bytes([t0, t1]));
        if u16::from_be_bytes([f0, f1]) & MORE_FRAGMENTS_AND_OFFSET != 0 || total < IPV4_LENGTH {
            return None;
        }
        let (octets, captured) = self.packet(total);
        above::<IPV4_OCTETS>(captured, protocol, octets - IPV4_LENGTH, packet)?;
        let &[s0, s1, s2, s3, d0, d1, d2, d3] = addresses;
        let (source, destination) = (Address::from_v4([s0, s1, s2, s3]), Address::from_v4([d0, d1, d2, d3]));
        packet.ip = Ip { source, destination, version: 4, protocol, tos, ttl, octets, fragment: None };
        Some(())
    }

    #[inline]
    fn v6(&self, packet: &mut Packet<'a>) -> Option<()> {
        let (first, addresses) = self.octets.first_chunk::<IPV6_OCTETS>()?.split_first_chunk::<8>()?;
        let &[version_class, class_label, _, _, l0, l1, protocol, ttl] = first;
        let length = u16::from_be_bytes([l0, l1]);
        if version_class >> 4 != 6 || length == 0 {
            return None;
        }
        let (octets, captured) = self.packet(IPV6_LENGTH + u32::from(length));
        above::<IPV6_OCTETS>(captured, protocol, octets - IPV6_LENGTH, packet)?;
        let (source, destination) = addresses.split_first_chunk::<16>()?;
        packet.ip = Ip {
            source: Address(*source),
            destination: Address(*destination.first_chunk()?),
            version: 6,
            protocol,
            tos: version_class << 4 | class_label >> 4,
            ttl,
            octets,
            fragment: None,
        };
        Some(())
    }

    /// How long the IP packet was that says it has `total` octets, and what was captured of it, its header included.
    #[inline]
    fn packet(&self, total: u32) -> (u32, &'a [u8]) {
        let whole = usize::try_from(total).ok().and_then(|total| self.octets.get(..total));
        whole.map_or_else(|| (total.min(self.wire()), self.octets), |whole| (total, whole))
    }

    /// Octets that there were on the wire, at least as many as were captured.
    #[cold]
    fn wire(&self) -> u32 {
        // As the walk does, which has to tell the greatest number from others.
        let wire = self.frame_length.min(u32::MAX - 1).saturating_sub(ETHERNET_LENGTH);
        wire.max(u32::try_from(self.octets.len()).unwrap_or(u32::MAX))
    }
}

/// Reads what stands above an IP header of `HEADER` octets in a captured packet; `length` is how long that was, as sent.
#[inline]
fn above<'a, const HEADER: usize>(
    captured: &'a [u8],
    protocol: u8,
    length: u32,
    packet: &mut Packet<'a>,
) -> Option<()> {
    let captured = captured.get(HEADER..)?;
    let (header, payload) = match protocol {
        TCP => {
            let (tcp, header, payload) = tcp(captured, length)?;
            packet.transport = Transport::Tcp(tcp);
            (header, payload)
        }
        UDP => {
            let (ports, payload) = udp(captured)?;
            packet.transport = Transport::Ports(ports);
            (UDP_OCTETS, payload)
        }
        _ => return None,
    };
    packet.payload = payload;
    packet.payload_offset = ETHERNET_OCTETS + HEADER + header;
    Some(())
}

/// A header, its length and its payload; `length` is that of both together, as sent.
#[inline]
fn tcp(captured: &[u8], length: u32) -> Option<(Tcp, usize, &[u8])> {
    let fixed = captured.first_chunk::<TCP_OCTETS>()?;
    // The data offset counts words.
    let header = usize::from(fixed[12] >> 4) * 4;
    if header < TCP_OCTETS {
        return None;
    }
    Some((transport::tcp(fixed, length), header, captured.get(header..)?))
}

/// Ports and payload, unless the port is that of a tunnel.
#[inline]
fn udp(captured: &[u8]) -> Option<(Ports, &[u8])> {
    let (header, payload) = captured.split_first_chunk::<UDP_OCTETS>()?;
    let &[a, b, c, d, l0, l1, _, _] = header;
    let ports = Ports { source: u16::from_be_bytes([a, b]), destination: u16::from_be_bytes([c, d]) };
    let length = usize::from(u16::from_be_bytes([l0, l1])).checked_sub(UDP_OCTETS)?;
    if transport::is_of_tunnel(ports) {
        return None;
    }
    Some((ports, payload.get(..length).unwrap_or(payload)))
}

const ETHERNET_OCTETS: usize = 14;
const ETHERNET_LENGTH: u32 = 14;
const IPV4_OCTETS: usize = 20;
const IPV4_LENGTH: u32 = 20;
const IPV6_OCTETS: usize = 40;
const IPV6_LENGTH: u32 = 40;
const UDP_OCTETS: usize = 8;
/// RFC 791, 3.1: the flag that more fragments follow, and the offset of this one.
const MORE_FRAGMENTS_AND_OFFSET: u16 = 0x3fff;
const TCP: u8 = 6;
const UDP: u8 = 17;
