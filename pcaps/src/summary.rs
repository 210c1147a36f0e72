//! What a capture holds, counted from its frames alone: numbers that any other program must find as well.

use std::collections::BTreeSet;

use etherparse::{IpNumber, NetSlice, SlicedPacket, TransportSlice};

use crate::capture_file::Frame;

/// Counts of frames and conversations.
///
/// A conversation is a pair of addresses, or of addresses and ports, in either direction, as `tshark -z conv`
/// counts it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Summary {
    /// All frames.
    pub frames: usize,
    /// Frames that hold TCP.
    pub tcp_frames: usize,
    /// Frames that hold UDP.
    pub udp_frames: usize,
    /// Frames that hold ICMP or `ICMPv6`.
    pub icmp_frames: usize,
    /// Frames without IP.
    pub other_frames: usize,
    /// Conversations over TCP.
    pub tcp_conversations: usize,
    /// Conversations over UDP.
    pub udp_conversations: usize,
}

impl Summary {
    /// Counts `frames`, which hold no tunnels.
    pub fn of(frames: &[Frame]) -> Self {
        let mut summary = Self { frames: frames.len(), ..Self::default() };
        let (mut tcp, mut udp) = (BTreeSet::new(), BTreeSet::new());
        for frame in frames {
            let Ok(sliced) = SlicedPacket::from_ethernet(&frame.octets) else { continue };
            let (source, destination) = match &sliced.net {
                Some(NetSlice::Ipv4(net)) => {
                    (net.header().source_addr().into(), net.header().destination_addr().into())
                }
                Some(NetSlice::Ipv6(net)) => {
                    (net.header().source_addr().into(), net.header().destination_addr().into())
                }
                _ => {
                    summary.other_frames += 1;
                    continue;
                }
            };
            let (source, destination): (std::net::IpAddr, std::net::IpAddr) = (source, destination);
            let ends = |from: u16, to: u16| {
                let (one, other) = ((source, from), (destination, to));
                (one.min(other), one.max(other))
            };
            match &sliced.transport {
                Some(TransportSlice::Tcp(header)) => {
                    summary.tcp_frames += 1;
                    tcp.insert(ends(header.source_port(), header.destination_port()));
                }
                Some(TransportSlice::Udp(header)) => {
                    summary.udp_frames += 1;
                    udp.insert(ends(header.source_port(), header.destination_port()));
                }
                _ => {
                    let payload = sliced.net.as_ref().and_then(NetSlice::ip_payload_ref);
                    let protocol = payload.map(|payload| payload.ip_number);
                    summary.icmp_frames +=
                        usize::from(matches!(protocol, Some(IpNumber::ICMP | IpNumber::IPV6_ICMP)));
                }
            }
        }
        (summary.tcp_conversations, summary.udp_conversations) = (tcp.len(), udp.len());
        summary
    }
}
