use std::{fmt, net::IpAddr};

use wire::{Icmp, Link, Segment, TcpFlags, Timestamp};

use crate::{Detail, FlowKey, Side};

/// A closed biflow, or a slice of one that the active timeout has cut.
#[derive(Clone, Debug, PartialEq)]
pub struct FlowRecord {
    /// When the record was cut: at a timeout, or at the packet that made it end. Records are ordered by it.
    pub ended: Timestamp,
    /// The meter's clock when the record's first packet was accounted.
    pub opened: Timestamp,
    /// Identifies the flow; all its slices have the same.
    pub id: FlowId,
    /// The key, the same for both directions.
    pub key: FlowKey,
    /// The end that opened the flow, as far as `direction_reason` knows: the source of the biflow (RFC 5103, 2).
    pub initiator: Side,
    /// How the initiator is known.
    pub direction_reason: DirectionReason,
    /// Why the record was cut.
    pub end_reason: EndReason,
    /// What [`Meter::second_mark`](crate::Meter::second_mark) had noted of the flow when the record was cut, 0 if nothing.
    pub second_mark: u8,
    /// Of TCP: one end has sent nothing in the whole flow, though the other has acknowledged something. So the capture has one direction only,
    /// or the address of the other end was forged.
    pub is_one_way: bool,
    /// Whether packets were left out before they were metered, one by one.
    pub is_sampled: bool,
    /// From the initiator to the responder.
    pub forward: Direction,
    /// From the responder to the initiator.
    pub reverse: Direction,
    /// What [`DetailsConfig`](crate::DetailsConfig) has asked for, forward and reverse.
    pub details: Option<Box<[Detail; 2]>>,
}

/// What the capture may lack of a record. Losses that left no trace, as those of UDP and of the last segments of TCP, are not known.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a cause of its own")]
pub struct Loss {
    /// Octets of the initiator: see [`Segments::missed_octets`].
    pub forward: bool,
    /// Octets of the responder.
    pub reverse: bool,
    /// See [`FlowRecord::is_one_way`].
    pub one_way: bool,
    /// See [`FlowRecord::is_sampled`].
    pub sampled: bool,
}

/// What went one way.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Direction {
    /// Packets; fragments count each.
    pub packets: u64,
    /// Octets of these packets from the IP header on (RFC 7012 octetDeltaCount).
    pub octets: u64,
    /// Time of the earliest packet; zero if there is none.
    pub first: Timestamp,
    /// Time of the latest packet; zero if there is none.
    pub last: Timestamp,
    /// All TCP control bits, joined.
    pub tcp_flags: TcpFlags,
    /// The smallest time to live or hop limit.
    pub minimum_ttl: u8,
    /// The largest one.
    pub maximum_ttl: u8,
    /// What the flow's first packet in this direction said of itself.
    pub first_packet: FirstPacket,
    /// What the sequence numbers of TCP tell.
    pub segments: Segments,
}

/// What the numbers of a direction's TCP segments tell (RFC 9293, 3.4). Nothing is counted of other protocols, of RST, and of segments in
/// fragments. Counts are of the record alone; the time is that of the flow, and in each of its records.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Segments {
    /// Segments that took sequence numbers, some of which an earlier segment had taken. A single octet right before the next number is
    /// taken for a keep-alive (RFC 9293, 3.8.4), and not counted.
    pub retransmitted: u32,
    /// Segments all of whose numbers lay before others that were seen, and came for the first time.
    pub out_of_order: u32,
    /// Octets that the capture has not, though the other end has acknowledged them; or, where the capture has nothing of that end, that were
    /// skipped. Should they come in the same record after all, they are none.
    pub missed_octets: u32,
    /// From a SYN until this sender's SYN-ACK, or from a SYN-ACK until this sender's acknowledgment of it, in microseconds and at least one:
    /// how far the sender is from the capture, there and back. 0 if it is not known, as when one of them was sent again.
    pub handshake_rtt_us: u32,
}

/// What the first packet of a direction said, which later packets seldom say differently.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct FirstPacket {
    /// Link-layer addresses, VLAN tags, MPLS labels.
    pub link: Link,
    /// ICMP type and code; zero for other protocols.
    pub icmp: Icmp,
    /// The interface it was seen on.
    pub interface: u16,
    /// IPv4 type of service or IPv6 traffic class.
    pub tos: u8,
}

/// An address and a port; the port is 0 where the protocol has none, or where none was seen.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Endpoint {
    /// The IP address.
    pub address: IpAddr,
    /// The transport port.
    pub port: u16,
}

/// Identifies a flow within a run, and in every replay of the same capture. It has 53 bits, which every reader of JSON takes as a
/// whole number (RFC 8259, 6).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct FlowId(pub u64);

/// How a biflow's initiator was found, from the weakest reason to the strongest.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
#[repr(u8)]
pub enum DirectionReason {
    /// It sent the first packet that was seen.
    FirstSeen = 0,
    /// The ports of the first packet that was seen are one of a service and one of a client, which is the initiator's.
    Ports = 1,
    /// A SYN-ACK was sent to it.
    SynAck = 2,
    /// It sent a SYN.
    Syn = 3,
}

/// Why a record was cut: the values of RFC 7012's flowEndReason.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub enum EndReason {
    /// No packet for as long as the idle timeout.
    IdleTimeout = 1,
    /// The active timeout cut the record; the flow may go on.
    ActiveTimeout = 2,
    /// The connection was closed or reset.
    EndOfFlowDetected = 3,
    /// Metering stopped.
    ForcedEnd = 4,
    /// The meter was full.
    LackOfResources = 5,
}

impl FlowRecord {
    /// Who opened the flow: the biflow's source.
    pub fn initiator(&self) -> Endpoint {
        self.key.endpoint(self.initiator)
    }

    /// The other end: the biflow's destination.
    pub fn responder(&self) -> Endpoint {
        self.key.endpoint(self.initiator.opposite())
    }

    /// Whether packets went both ways.
    pub const fn is_bidirectional(&self) -> bool {
        self.forward.packets > 0 && self.reverse.packets > 0
    }

    /// What the capture may lack of it.
    pub const fn loss(&self) -> Loss {
        Loss {
            forward: self.forward.segments.missed_octets > 0,
            reverse: self.reverse.segments.missed_octets > 0,
            one_way: self.is_one_way,
            sampled: self.is_sampled,
        }
    }

    /// The IP protocol number.
    pub const fn protocol(&self) -> u8 {
        self.key.protocol()
    }

    /// The virtual network, if an overlay carries it.
    pub fn segment(&self) -> Option<Segment> {
        self.key.segment()
    }

    /// The time of the earliest packet of both directions.
    pub fn first(&self) -> Timestamp {
        match (self.forward.packets, self.reverse.packets) {
            (_, 0) => self.forward.first,
            (0, _) => self.reverse.first,
            _ => self.forward.first.min(self.reverse.first),
        }
    }

    /// The time of the latest packet of both directions.
    pub fn last(&self) -> Timestamp {
        self.forward.last.max(self.reverse.last)
    }

    /// What records are ordered by. It says which of two records of different flows comes first.
    pub fn order(&self) -> (Timestamp, Timestamp, &FlowKey) {
        (self.ended, self.opened, &self.key)
    }
}

impl FlowId {
    /// The identity of a flow: a digest of its key and of the time it began.
    ///
    /// The mixing steps are the finalizer of `MurmurHash3` as `SplitMix64` uses it, so that each bit of the input reaches each of
    /// the output. It is the same in every version and on every machine.
    pub(crate) fn new(key: &FlowKey, began: Timestamp) -> Self {
        let words = key.words().into_iter().chain([began.nanos()]);
        let digest = words.fold(SEED, |digest, word| {
            let mut mixed = (digest.rotate_left(5) ^ word).wrapping_add(INCREMENT);
            mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            mixed ^ (mixed >> 31)
        });
        Self(digest >> 11)
    }
}

impl fmt::Display for Endpoint {
    /// `192.0.2.1:80`, `[2001:db8::1]:80`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        std::net::SocketAddr::new(self.address, self.port).fmt(f)
    }
}

impl fmt::Display for FlowId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl DirectionReason {
    /// The word for it in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::FirstSeen => "first_seen",
            Self::Ports => "ports",
            Self::SynAck => "syn_ack",
            Self::Syn => "syn",
        }
    }
}

impl EndReason {
    /// The word for it in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::IdleTimeout => "idle_timeout",
            Self::ActiveTimeout => "active_timeout",
            Self::EndOfFlowDetected => "end_of_flow_detected",
            Self::ForcedEnd => "forced_end",
            Self::LackOfResources => "lack_of_resources",
        }
    }

    /// The value of flowEndReason (RFC 7012).
    pub const fn code(self) -> u8 {
        self as u8
    }
}

const SEED: u64 = 0x666c_6f77_6361_6e61;
const INCREMENT: u64 = 0x9e37_79b9_7f4a_7c15;
