//! The columns of a flow file, each with its name and where its value comes from: one list for every form.

use std::{
    borrow::Cow,
    fmt::{Display, Write as _},
};

use arrayvec::ArrayString;
use flow::{BUCKETS, Detail, Direction, FlowRecord, Histograms, Loss, Segments};
use wire::{Link, Segment};

use crate::{FlowContext, moment::rfc3339};

/// A column of a flow file.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub meaning: &'static str,
    value: Source,
}

/// Where the value of a column comes from.
#[derive(Clone, Copy, Debug)]
enum Source {
    Record(fn(&FlowRecord) -> Value),
    Context(fn(&FlowContext<'_>) -> Value),
}

/// A value of a column.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Value {
    Absent,
    Number(u64),
    Text(Cow<'static, str>),
    /// A text that need not be allocated.
    Short(ArrayString<SHORT_OCTETS>),
}

impl Column {
    pub(crate) fn value(&self, record: &FlowRecord, context: &FlowContext<'_>) -> Value {
        match self.value {
            Source::Record(value) => value(record),
            Source::Context(value) => value(context),
        }
    }
}

/// All columns of a flow file, in their order.
pub const fn flow_columns() -> &'static [Column] {
    COLUMNS
}

const fn column(name: &'static str, meaning: &'static str, value: fn(&FlowRecord) -> Value) -> Column {
    Column { name, meaning, value: Source::Record(value) }
}

const fn of_context(
    name: &'static str,
    meaning: &'static str,
    value: fn(&FlowContext<'_>) -> Value,
) -> Column {
    Column { name, meaning, value: Source::Context(value) }
}

const COLUMNS: &[Column] = &[
    column("flow_id", "identifies the flow; slices of one flow share it", |r| Value::Number(r.id.0)),
    column("start", "time of the earliest packet, UTC", |r| time(r.first())),
    column("end", "time of the latest packet, UTC", |r| time(r.last())),
    column("src_ip", "address of the initiator", |r| short(r.initiator().address)),
    column("src_port", "port of the initiator, 0 without ports", |r| number(r.initiator().port)),
    column("dest_ip", "address of the responder", |r| short(r.responder().address)),
    column("dest_port", "port of the responder, 0 without ports", |r| number(r.responder().port)),
    column("proto", "IP protocol, by name or number", |r| protocol(r.protocol())),
    column("packets", "packets of the initiator", |r| Value::Number(r.forward.packets)),
    column("octets", "octets of the initiator, from the IP header on", |r| Value::Number(r.forward.octets)),
    column("reverse_packets", "packets of the responder", |r| Value::Number(r.reverse.packets)),
    column("reverse_octets", "octets of the responder, from the IP header on", |r| {
        Value::Number(r.reverse.octets)
    }),
    column("end_reason", "why the record was cut (RFC 7012 flowEndReason)", |r| name(r.end_reason.name())),
    column("direction_reason", "how the initiator is known", |r| name(r.direction_reason.name())),
    column("forward_start", "time of the initiator's earliest packet", |r| of(&r.forward, |d| time(d.first))),
    column("forward_end", "time of the initiator's latest packet", |r| of(&r.forward, |d| time(d.last))),
    column("reverse_start", "time of the responder's earliest packet", |r| of(&r.reverse, |d| time(d.first))),
    column("reverse_end", "time of the responder's latest packet", |r| of(&r.reverse, |d| time(d.last))),
    column("tcp_flags", "TCP control bits of the initiator, joined", |r| tcp_flags(r, &r.forward)),
    column("reverse_tcp_flags", "TCP control bits of the responder, joined", |r| tcp_flags(r, &r.reverse)),
    column("icmp_type", "of the initiator's first packet", |r| icmp(r, &r.forward, |kind, _| kind)),
    column("icmp_code", "of the initiator's first packet", |r| icmp(r, &r.forward, |_, code| code)),
    column("reverse_icmp_type", "of the responder's first packet", |r| icmp(r, &r.reverse, |kind, _| kind)),
    column("reverse_icmp_code", "of the responder's first packet", |r| icmp(r, &r.reverse, |_, code| code)),
    column("tos", "type of service or traffic class of the initiator's first packet", |r| {
        of(&r.forward, |d| number(d.first_packet.tos))
    }),
    column("reverse_tos", "the same of the responder's", |r| of(&r.reverse, |d| number(d.first_packet.tos))),
    column("minimum_ttl", "smallest time to live of the initiator's packets", |r| {
        of(&r.forward, |d| number(d.minimum_ttl))
    }),
    column("maximum_ttl", "largest one", |r| of(&r.forward, |d| number(d.maximum_ttl))),
    column("reverse_minimum_ttl", "smallest time to live of the responder's packets", |r| {
        of(&r.reverse, |d| number(d.minimum_ttl))
    }),
    column("reverse_maximum_ttl", "largest one", |r| of(&r.reverse, |d| number(d.maximum_ttl))),
    column("src_mac", "link-layer address of the initiator's side", |r| {
        mac(r, |link, sent| if sent { link.source } else { link.destination })
    }),
    column("dest_mac", "link-layer address of the responder's side", |r| {
        mac(r, |link, sent| if sent { link.destination } else { link.source })
    }),
    column("vlan", "outermost VLAN identifier of the initiator's packets", |r| vlan(&r.forward, 0)),
    column("inner_vlan", "the next one", |r| vlan(&r.forward, 1)),
    column("reverse_vlan", "outermost VLAN identifier of the responder's packets", |r| vlan(&r.reverse, 0)),
    column("reverse_inner_vlan", "the next one", |r| vlan(&r.reverse, 1)),
    column("mpls_labels", "MPLS labels of the initiator's packets from the top", |r| labels(&r.forward)),
    column("reverse_mpls_labels", "MPLS labels of the responder's packets from the top", |r| {
        labels(&r.reverse)
    }),
    column("overlay", "vxlan or geneve", |r| match r.segment() {
        None => Value::Absent,
        Some(Segment::Vxlan(_)) => name("vxlan"),
        Some(Segment::Geneve(_)) => name("geneve"),
    }),
    column("vni", "the overlay's network identifier", |r| match r.segment() {
        None => Value::Absent,
        Some(Segment::Vxlan(vni) | Segment::Geneve(vni)) => number(vni),
    }),
    column("interface", "number of the capture interface, over all captures from 0", |r| {
        let sent = if r.forward.packets > 0 { &r.forward } else { &r.reverse };
        number(sent.first_packet.interface)
    }),
    column(
        "retransmitted_segments",
        "TCP segments of the initiator with octets that were seen before",
        |r| segments(r, &r.forward, |s| s.retransmitted),
    ),
    column("reverse_retransmitted_segments", "the same of the responder", |r| {
        segments(r, &r.reverse, |s| s.retransmitted)
    }),
    column("out_of_order_segments", "TCP segments of the initiator that came behind later ones", |r| {
        segments(r, &r.forward, |s| s.out_of_order)
    }),
    column("reverse_out_of_order_segments", "the same of the responder", |r| {
        segments(r, &r.reverse, |s| s.out_of_order)
    }),
    column("missed_octets", "octets of the initiator's TCP data that the capture lacks", |r| {
        segments(r, &r.forward, |s| s.missed_octets)
    }),
    column("reverse_missed_octets", "the same of the responder", |r| {
        segments(r, &r.reverse, |s| s.missed_octets)
    }),
    column("handshake_rtt_us", "microseconds from a SYN-ACK to the initiator until its answer", |r| {
        round_trip(&r.forward)
    }),
    column("reverse_handshake_rtt_us", "microseconds from a SYN to the responder until its answer", |r| {
        round_trip(&r.reverse)
    }),
    of_context("app_proto", "the application", |c| {
        c.application.map_or(Value::Absent, |application| name(application.protocol().name()))
    }),
    column("loss", "what the capture may lack: forward, reverse, one_way, sampled", |r| {
        list(loss_names(r.loss()))
    }),
    column("payload", "first octets that the initiator has sent, in hexadecimal digits", |r| {
        payload(r, |[forward, _]| forward)
    }),
    column("reverse_payload", "the same of the responder", |r| payload(r, |[_, reverse]| reverse)),
    column("packet_lengths", "histogram of the lengths of the initiator's packets", |r| {
        histogram(r, |[forward, _]| forward, |histograms| histograms.lengths)
    }),
    column("reverse_packet_lengths", "the same of the responder", |r| {
        histogram(r, |[_, reverse]| reverse, |histograms| histograms.lengths)
    }),
    column("packet_gaps", "histogram of the times between the initiator's packets", |r| {
        histogram(r, |[forward, _]| forward, |histograms| histograms.gaps)
    }),
    column("reverse_packet_gaps", "the same of the responder", |r| {
        histogram(r, |[_, reverse]| reverse, |histograms| histograms.gaps)
    }),
    of_context(
        "incident_id",
        "the incident that the flow belongs to, stated before the record was cut",
        |c| c.incident.map_or(Value::Absent, |incident| short(incident.case)),
    ),
    of_context("incident_score", "how much that asks for attention, from 0 to 100", |c| {
        c.incident.map_or(Value::Absent, |incident| number(incident.score))
    }),
];

fn number(value: impl Into<u64>) -> Value {
    Value::Number(value.into())
}

const fn name(value: &'static str) -> Value {
    Value::Text(Cow::Borrowed(value))
}

const fn text(value: String) -> Value {
    Value::Text(Cow::Owned(value))
}

fn time(timestamp: wire::Timestamp) -> Value {
    short(rfc3339(timestamp))
}

/// Of what is no longer than an address.
fn short(value: impl Display) -> Value {
    let mut text = ArrayString::new();
    match write!(text, "{value}") {
        Ok(()) => Value::Short(text),
        Err(_) => Value::Text(Cow::Owned(value.to_string())),
    }
}

/// The value of a direction, if anything went that way.
fn of(direction: &Direction, value: impl Fn(&Direction) -> Value) -> Value {
    if direction.packets > 0 { value(direction) } else { Value::Absent }
}

fn protocol(protocol: u8) -> Value {
    Value::Text(protocol_name(protocol))
}

/// The names of IANA's protocol numbers, those that are common.
pub(crate) fn protocol_name(protocol: u8) -> Cow<'static, str> {
    Cow::Borrowed(match protocol {
        1 => "ICMP",
        2 => "IGMP",
        6 => "TCP",
        17 => "UDP",
        33 => "DCCP",
        47 => "GRE",
        50 => "ESP",
        51 => "AH",
        58 => "IPv6-ICMP",
        89 => "OSPF",
        103 => "PIM",
        112 => "VRRP",
        132 => "SCTP",
        136 => "UDPLite",
        other => return Cow::Owned(other.to_string()),
    })
}

fn tcp_flags(record: &FlowRecord, direction: &Direction) -> Value {
    if record.protocol() == TCP { of(direction, |d| number(d.tcp_flags.0)) } else { Value::Absent }
}

fn icmp(record: &FlowRecord, direction: &Direction, field: impl Fn(u8, u8) -> u8) -> Value {
    if !matches!(record.protocol(), ICMP | ICMPV6) {
        return Value::Absent;
    }
    of(direction, |d| number(field(d.first_packet.icmp.kind, d.first_packet.icmp.code)))
}

/// The address of one side; `choose` takes it from a link, given whether the initiator's packets say it or the responder's.
fn mac(record: &FlowRecord, choose: impl Fn(&Link, bool) -> [u8; 6]) -> Value {
    let sent = record.forward.packets > 0;
    let direction = if sent { &record.forward } else { &record.reverse };
    let address = choose(&direction.first_packet.link, sent);
    if address == [0; 6] {
        return Value::Absent;
    }
    let mut text = ArrayString::new();
    for (place, octet) in address.iter().enumerate() {
        // There is room.
        write!(text, "{}{octet:02x}", if place == 0 { "" } else { ":" }).unwrap_or_default();
    }
    Value::Short(text)
}

fn vlan(direction: &Direction, place: usize) -> Value {
    let link = &direction.first_packet.link;
    let is_set = direction.packets > 0 && place < usize::from(link.vlan_count);
    link.vlans.get(place).filter(|_| is_set).map_or(Value::Absent, |vlan| number(*vlan))
}

fn labels(direction: &Direction) -> Value {
    let link = &direction.first_packet.link;
    if direction.packets == 0 || link.mpls_count == 0 {
        return Value::Absent;
    }
    let mut labels = String::new();
    for (i, entry) in link.mpls.iter().take(link.mpls_count.into()).enumerate() {
        // Writing to a String cannot fail.
        write!(labels, "{}{}", if i == 0 { "" } else { " " }, entry.label()).unwrap_or_default();
    }
    text(labels)
}

fn segments(record: &FlowRecord, direction: &Direction, count: impl Fn(&Segments) -> u32) -> Value {
    if record.protocol() == TCP { of(direction, |d| number(count(&d.segments))) } else { Value::Absent }
}

fn round_trip(direction: &Direction) -> Value {
    match direction.segments.handshake_rtt_us {
        0 => Value::Absent,
        microseconds => number(microseconds),
    }
}

/// Words for what a capture may lack of a record.
pub(crate) fn loss_names(loss: Loss) -> impl Iterator<Item = &'static str> {
    let Loss { forward, reverse, one_way, sampled } = loss;
    let names = [(forward, "forward"), (reverse, "reverse"), (one_way, "one_way"), (sampled, "sampled")];
    names.into_iter().filter(|(is_so, _)| *is_so).map(|(_, name)| name)
}

fn payload(record: &FlowRecord, side: fn(&[Detail; 2]) -> &Detail) -> Value {
    let payload = record.details.as_deref().map(|details| &side(details).payload);
    match payload.filter(|payload| !payload.is_empty()) {
        Some(payload) => text(hexadecimal(payload)),
        None => Value::Absent,
    }
}

/// Two digits for each octet.
pub(crate) fn hexadecimal(octets: &[u8]) -> String {
    let mut digits = String::with_capacity(2 * octets.len());
    for octet in octets {
        // Writing to a String cannot fail.
        write!(digits, "{octet:02x}").unwrap_or_default();
    }
    digits
}

fn histogram(
    record: &FlowRecord,
    side: fn(&[Detail; 2]) -> &Detail,
    which: fn(&Histograms) -> [u32; BUCKETS],
) -> Value {
    let histograms = record.details.as_deref().and_then(|details| side(details).histograms.as_ref());
    histograms.map_or(Value::Absent, |histograms| list(which(histograms).iter()))
}

/// Words or numbers, separated by spaces.
fn list(words: impl Iterator<Item = impl Display>) -> Value {
    let mut list = String::new();
    for word in words {
        // Writing to a String cannot fail.
        write!(list, "{}{word}", if list.is_empty() { "" } else { " " }).unwrap_or_default();
    }
    if list.is_empty() { Value::Absent } else { text(list) }
}

/// Of an IPv6 address that ends as one of IPv4.
const SHORT_OCTETS: usize = 45;
const ICMP: u8 = 1;
const TCP: u8 = 6;
const ICMPV6: u8 = 58;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_guide_lists_every_column() {
        let rows =
            flow_columns().iter().map(|column| format!("| `{}` | {} |\n", column.name, column.meaning));
        let table = format!("| column | what it holds |\n|---|---|\n{}", rows.collect::<String>());
        let guide = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/GUIDE.md");
        let guide = std::fs::read_to_string(guide).unwrap();
        assert!(guide.contains(&table), "docs/GUIDE.md lists other columns; these are there:\n{table}");
    }
}
