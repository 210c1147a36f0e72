use std::borrow::Cow;

use detect::incident::IncidentLink;
use flow::{BUCKETS, Detail, EndReason, FlowRecord};
use serde::{Serialize, Serializer, ser::SerializeMap};
use wire::{Segment, TcpFlags};

use super::values::{Destination, Head, Source};
use crate::{
    FlowContext,
    application_object::ApplicationMembers,
    columns::{hexadecimal, loss_names, protocol_name},
    moment::Moment,
};

/// The line of a flow record.
pub(super) fn line<'a>(record: &'a FlowRecord, context: FlowContext<'a>) -> impl Serialize + 'a {
    let (initiator, responder, protocol) = (record.initiator(), record.responder(), record.protocol());
    let port = |port| PROTOCOLS_WITH_PORTS.contains(&protocol).then_some(port);
    FlowLine {
        head: Head {
            timestamp: Moment(record.ended),
            flow_id: Some(record.id.0),
            event_type: "flow",
            source: Some(Source { src_ip: initiator.address, src_port: port(initiator.port) }),
            destination: Some(Destination { dest_ip: responder.address, dest_port: port(responder.port) }),
        },
        proto: protocol_name(protocol),
        vlan: vlans(record),
        icmp: IcmpObject::of(record),
        application: ApplicationMembers(context.application),
        flow: FlowObject::from(record),
        tcp: (protocol == TCP).then(|| TcpObject::from(record)),
        flowcanary: Ours::of(record, context.incident),
    }
}

#[derive(Serialize)]
struct FlowLine<'a> {
    #[serde(flatten)]
    head: Head,
    proto: Cow<'static, str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    vlan: &'a [u16],
    #[serde(flatten)]
    icmp: IcmpObject,
    #[serde(flatten)]
    application: ApplicationMembers<'a>,
    flow: FlowObject,
    #[serde(skip_serializing_if = "Option::is_none")]
    tcp: Option<TcpObject>,
    flowcanary: Ours,
}

/// The tags of whichever side was seen.
fn vlans(record: &FlowRecord) -> &[u16] {
    let sent = if record.forward.packets > 0 { &record.forward } else { &record.reverse };
    let link = &sent.first_packet.link;
    link.vlans.get(..link.vlan_count.into()).unwrap_or(&link.vlans)
}

#[derive(Default, Serialize)]
struct IcmpObject {
    #[serde(skip_serializing_if = "Option::is_none")]
    icmp_type: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    icmp_code: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_icmp_type: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_icmp_code: Option<u8>,
}

impl IcmpObject {
    fn of(record: &FlowRecord) -> Self {
        if !matches!(record.protocol(), ICMP | ICMPV6) {
            return Self::default();
        }
        let forward = (record.forward.packets > 0).then_some(record.forward.first_packet.icmp);
        let reverse = (record.reverse.packets > 0).then_some(record.reverse.first_packet.icmp);
        Self {
            icmp_type: forward.map(|icmp| icmp.kind),
            icmp_code: forward.map(|icmp| icmp.code),
            response_icmp_type: reverse.map(|icmp| icmp.kind),
            response_icmp_code: reverse.map(|icmp| icmp.code),
        }
    }
}

#[derive(Serialize)]
struct FlowObject {
    pkts_toserver: u64,
    pkts_toclient: u64,
    bytes_toserver: u64,
    bytes_toclient: u64,
    start: Moment,
    end: Moment,
    age: u64,
    state: &'static str,
    reason: &'static str,
}

impl From<&FlowRecord> for FlowObject {
    fn from(record: &FlowRecord) -> Self {
        let (first, last) = (record.first(), record.last());
        Self {
            pkts_toserver: record.forward.packets,
            pkts_toclient: record.reverse.packets,
            bytes_toserver: record.forward.octets,
            bytes_toclient: record.reverse.octets,
            start: Moment(first),
            end: Moment(last),
            age: last.seconds().saturating_sub(first.seconds()),
            state: match record.end_reason {
                EndReason::EndOfFlowDetected => "closed",
                _ if record.is_bidirectional() => "established",
                _ => "new",
            },
            // Closed connections leave Suricata's table by a timeout, too; flows are forced out where there is no room.
            reason: match record.end_reason {
                EndReason::IdleTimeout | EndReason::ActiveTimeout | EndReason::EndOfFlowDetected => "timeout",
                EndReason::ForcedEnd => "shutdown",
                EndReason::LackOfResources => "forced",
            },
        }
    }
}

/// TCP control bits of both directions, in hexadecimal digits and by name.
struct TcpObject {
    to_server: TcpFlags,
    to_client: TcpFlags,
}

impl From<&FlowRecord> for TcpObject {
    fn from(record: &FlowRecord) -> Self {
        Self { to_server: record.forward.tcp_flags, to_client: record.reverse.tcp_flags }
    }
}

impl Serialize for TcpObject {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let all = TcpFlags(self.to_server.0 | self.to_client.0);
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("tcp_flags", &Hexadecimal(all))?;
        map.serialize_entry("tcp_flags_ts", &Hexadecimal(self.to_server))?;
        map.serialize_entry("tcp_flags_tc", &Hexadecimal(self.to_client))?;
        for (name, bit) in FLAG_NAMES {
            if all.contains(bit) {
                map.serialize_entry(name, &true)?;
            }
        }
        map.end()
    }
}

/// The octet of TCP control bits as two digits.
struct Hexadecimal(TcpFlags);

impl Serialize for Hexadecimal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let digit = |nibble: u16| b"0123456789abcdef"[usize::from(nibble & 0xf)];
        let digits = [digit(self.0.0 >> 4), digit(self.0.0)];
        serializer.serialize_str(str::from_utf8(&digits).unwrap_or_default())
    }
}

/// What is ours of a flow.
#[derive(Serialize)]
struct Ours {
    end_reason: &'static str,
    direction_reason: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    overlay: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    vni: Option<u32>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    loss: Vec<&'static str>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    segments: Option<SegmentsObject>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    details: Option<DetailsObject>,
    #[serde(skip_serializing_if = "Option::is_none")]
    incident_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    incident_score: Option<u8>,
}

/// What the numbers of TCP segments tell; what is 0 is left out.
#[derive(Serialize)]
struct SegmentsObject {
    #[serde(skip_serializing_if = "is_zero")]
    retransmitted_toserver: u32,
    #[serde(skip_serializing_if = "is_zero")]
    retransmitted_toclient: u32,
    #[serde(skip_serializing_if = "is_zero")]
    out_of_order_toserver: u32,
    #[serde(skip_serializing_if = "is_zero")]
    out_of_order_toclient: u32,
    #[serde(skip_serializing_if = "is_zero")]
    missed_bytes_toserver: u32,
    #[serde(skip_serializing_if = "is_zero")]
    missed_bytes_toclient: u32,
    #[serde(skip_serializing_if = "is_zero")]
    client_rtt_us: u32,
    #[serde(skip_serializing_if = "is_zero")]
    server_rtt_us: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
const fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl From<&FlowRecord> for SegmentsObject {
    fn from(record: &FlowRecord) -> Self {
        let (to_server, to_client) = (&record.forward.segments, &record.reverse.segments);
        Self {
            retransmitted_toserver: to_server.retransmitted,
            retransmitted_toclient: to_client.retransmitted,
            out_of_order_toserver: to_server.out_of_order,
            out_of_order_toclient: to_client.out_of_order,
            missed_bytes_toserver: to_server.missed_octets,
            missed_bytes_toclient: to_client.missed_octets,
            client_rtt_us: to_server.handshake_rtt_us,
            server_rtt_us: to_client.handshake_rtt_us,
        }
    }
}

/// What was asked for besides.
#[derive(Serialize)]
struct DetailsObject {
    #[serde(skip_serializing_if = "String::is_empty")]
    payload_toserver: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    payload_toclient: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    packet_lengths_toserver: Option<[u32; BUCKETS]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    packet_lengths_toclient: Option<[u32; BUCKETS]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    packet_gaps_toserver: Option<[u32; BUCKETS]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    packet_gaps_toclient: Option<[u32; BUCKETS]>,
}

impl From<&[Detail; 2]> for DetailsObject {
    fn from([to_server, to_client]: &[Detail; 2]) -> Self {
        let lengths = |detail: &Detail| detail.histograms.map(|histograms| histograms.lengths);
        let gaps = |detail: &Detail| detail.histograms.map(|histograms| histograms.gaps);
        Self {
            payload_toserver: hexadecimal(&to_server.payload),
            payload_toclient: hexadecimal(&to_client.payload),
            packet_lengths_toserver: lengths(to_server),
            packet_lengths_toclient: lengths(to_client),
            packet_gaps_toserver: gaps(to_server),
            packet_gaps_toclient: gaps(to_client),
        }
    }
}

impl Ours {
    fn of(record: &FlowRecord, incident: Option<IncidentLink>) -> Self {
        let (overlay, vni) = match record.segment() {
            None => (None, None),
            Some(Segment::Vxlan(vni)) => (Some("vxlan"), Some(vni)),
            Some(Segment::Geneve(vni)) => (Some("geneve"), Some(vni)),
        };
        Self {
            end_reason: record.end_reason.name(),
            direction_reason: record.direction_reason.name(),
            overlay,
            vni,
            loss: loss_names(record.loss()).collect(),
            segments: (record.protocol() == TCP).then(|| record.into()),
            details: record.details.as_deref().map(DetailsObject::from),
            incident_id: incident.map(|incident| incident.case.to_string()),
            incident_score: incident.map(|incident| incident.score),
        }
    }
}

const ICMP: u8 = 1;
const TCP: u8 = 6;
const ICMPV6: u8 = 58;
/// TCP, UDP, DCCP, SCTP, UDP-Lite.
const PROTOCOLS_WITH_PORTS: [u8; 5] = [TCP, 17, 33, 132, 136];
/// Suricata's names, in its order.
const FLAG_NAMES: [(&str, TcpFlags); 8] = [
    ("syn", TcpFlags::SYN),
    ("fin", TcpFlags::FIN),
    ("rst", TcpFlags::RST),
    ("psh", TcpFlags::PSH),
    ("ack", TcpFlags::ACK),
    ("urg", TcpFlags::URG),
    ("ecn", TcpFlags(0x40)),
    ("cwr", TcpFlags(0x80)),
];
