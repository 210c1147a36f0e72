//! What a line of a flow file must be in IPFIX.

use std::collections::BTreeMap;

use crate::program::Flow;

/// The values of a data record by the names of their information elements (IANA; RFC 5103 for the reverse ones).
///
/// Numbers are in decimal, times as `2026-03-04 12:00:00.000`, labels without traffic class and bottom-of-stack bit.
pub(super) type Elements = BTreeMap<String, String>;

/// A flow, seen from the end that is the source of the record: a record of one way has the sender as its source.
pub(super) struct Expected<'a> {
    flow: &'a Flow,
    is_bidirectional: bool,
    /// Only the responder sent.
    is_turned: bool,
}

impl<'a> Expected<'a> {
    pub(super) fn new(flow: &'a Flow) -> Self {
        let (forward, reverse) = (flow.number("packets"), flow.number("reverse_packets"));
        Self { flow, is_bidirectional: forward > 0 && reverse > 0, is_turned: forward == 0 }
    }

    pub(super) fn is_bidirectional(&self) -> bool {
        self.is_bidirectional
    }

    /// Address and port of the source, then of the destination.
    pub(super) fn ends(&self) -> [(&'a str, u64); 2] {
        let flow = self.flow;
        let initiator = (flow.text("src_ip"), flow.number("src_port"));
        let responder = (flow.text("dest_ip"), flow.number("dest_port"));
        if self.is_turned { [responder, initiator] } else { [initiator, responder] }
    }

    pub(super) fn protocol(&self) -> u64 {
        let name = self.flow.text("proto");
        let known = PROTOCOLS.iter().find(|(known, _)| *known == name);
        known.map_or_else(|| name.parse().unwrap(), |(_, number)| *number)
    }

    /// A number of the way from the source; of the other way if `is_reverse`.
    pub(super) fn number(&self, column: &str, is_reverse: bool) -> Option<u64> {
        self.flow.optional_number(&self.column(column, is_reverse))
    }

    /// Start and end of a way.
    pub(super) fn times(&self, is_reverse: bool) -> [String; 2] {
        let way = if is_reverse == self.is_turned { "forward" } else { "reverse" };
        ["start", "end"].map(|end| milliseconds(self.flow.text(&format!("{way}_{end}"))))
    }

    /// Type and code in one number, as icmpTypeCodeIPv4 has them.
    pub(super) fn icmp(&self, is_reverse: bool) -> Option<u64> {
        Some(self.number("icmp_type", is_reverse)? << 8 | self.number("icmp_code", is_reverse)?)
    }

    /// Labels of a way from the top.
    pub(super) fn labels(&self, is_reverse: bool) -> Vec<&'a str> {
        let labels = self.flow.optional_text(&self.column("mpls_labels", is_reverse));
        labels.map_or_else(Vec::new, |labels| labels.split(' ').collect())
    }

    pub(super) fn is_v6(&self) -> bool {
        self.flow.text("src_ip").contains(':')
    }

    /// Link-layer addresses of source and destination.
    pub(super) fn macs(&self) -> [&'a str; 2] {
        let columns = if self.is_turned { ["dest_mac", "src_mac"] } else { ["src_mac", "dest_mac"] };
        columns.map(|column| self.flow.optional_text(column).unwrap_or("00:00:00:00:00:00"))
    }

    /// In which ways the record is more than two hosts over IPv4.
    pub(super) fn kinds(&self) -> Vec<&'static str> {
        let either = |column| [false, true].iter().any(|way| self.number(column, *way).is_some());
        let labels = [false, true].iter().any(|way| !self.labels(*way).is_empty());
        [
            ("both ways", self.is_bidirectional),
            ("one way", !self.is_bidirectional && !self.is_turned),
            ("answers only", self.is_turned),
            ("IPv6", self.is_v6()),
            ("ICMP", self.protocol() == 1),
            ("ICMPv6", self.protocol() == 58),
            ("VLAN", either("vlan")),
            ("two VLANs", either("inner_vlan")),
            ("labels", labels),
            ("overlay", self.flow.optional_number("vni").is_some()),
        ]
        .into_iter()
        .filter_map(|(kind, is_so)| is_so.then_some(kind))
        .collect()
    }

    /// All elements of the record.
    pub(super) fn elements(&self) -> Elements {
        let version = if self.is_v6() { "IPv6" } else { "IPv4" };
        let [source, destination] = self.ends();
        let [source_mac, destination_mac] = self.macs();
        let mut elements = Elements::new();
        let mut put = |name: &str, value: String| elements.insert(name.to_owned(), value);
        put(&format!("source{version}Address"), source.0.to_owned());
        put(&format!("destination{version}Address"), destination.0.to_owned());
        put("sourceTransportPort", source.1.to_string());
        put("destinationTransportPort", destination.1.to_string());
        put("protocolIdentifier", self.protocol().to_string());
        put("flowEndReason", self.end_reason().to_string());
        put("biflowDirection", self.biflow_direction().to_string());
        put("flowId", self.flow.number("flow_id").to_string());
        put("ingressInterface", self.flow.number("interface").to_string());
        put("sourceMacAddress", source_mac.to_owned());
        put("destinationMacAddress", destination_mac.to_owned());
        if let Some(vni) = self.flow.optional_number("vni") {
            // RFC 7133, 3.3.2: the top octet is the kind of overlay; Geneve has no number there.
            let kind = u64::from(self.flow.text("overlay") == "vxlan");
            put("layer2SegmentId", (kind << 56 | vni).to_string());
        }
        put("directionReason", self.direction_reason().to_string());
        put("lossIndicators", self.loss_indicators().to_string());
        elements.extend(self.way(false));
        if self.is_bidirectional {
            elements.extend(self.way(true).into_iter().map(|(name, value)| (reverse_name(&name), value)));
        }
        elements
    }

    /// The elements that each direction has.
    fn way(&self, is_reverse: bool) -> Elements {
        let [start, end] = self.times(is_reverse);
        let number = |column| self.number(column, is_reverse).unwrap_or_default().to_string();
        let mut elements = vec![
            ("octetDeltaCount", number("octets")),
            ("packetDeltaCount", number("packets")),
            ("flowStartMilliseconds", start),
            ("flowEndMilliseconds", end),
            ("tcpControlBits", number("tcp_flags")),
            ("ipClassOfService", number("tos")),
            ("minimumTTL", number("minimum_ttl")),
            ("maximumTTL", number("maximum_ttl")),
        ];
        if let Some(icmp) = self.icmp(is_reverse) {
            let name = if self.protocol() == 1 { "icmpTypeCodeIPv4" } else { "icmpTypeCodeIPv6" };
            elements.push((name, icmp.to_string()));
        }
        if self.protocol() == 6 {
            elements.extend([
                ("retransmittedSegmentDeltaCount", number("retransmitted_segments")),
                ("outOfOrderSegmentDeltaCount", number("out_of_order_segments")),
                ("missedOctetDeltaCount", number("missed_octets")),
                ("handshakeRoundTripTime", number("handshake_rtt_us")),
            ]);
        }
        // What one way has, the record has for both.
        let either = |column| [false, true].iter().any(|way| self.number(column, *way).is_some());
        if either("vlan") {
            elements.extend([("vlanId", number("vlan")), ("dot1qVlanId", number("vlan"))]);
        }
        if either("inner_vlan") {
            elements.push(("dot1qCustomerVlanId", number("inner_vlan")));
        }
        let labels = self.labels(is_reverse);
        let most_labels = self.labels(false).len().max(self.labels(true).len());
        for (place, name) in LABELS.iter().enumerate().take(most_labels) {
            elements.push((name, labels.get(place).copied().unwrap_or("0").to_owned()));
        }
        elements.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    fn direction_reason(&self) -> usize {
        let reason = self.flow.text("direction_reason");
        ["first_seen", "ports", "syn_ack", "syn"].iter().position(|name| *name == reason).unwrap()
    }

    /// A bit for each cause, the first two by the ends of the record.
    fn loss_indicators(&self) -> u8 {
        let loss = self.flow.optional_text("loss").unwrap_or_default();
        let (source, destination) =
            if self.is_turned { ("reverse", "forward") } else { ("forward", "reverse") };
        let causes = [source, destination, "one_way", "sampled"];
        causes
            .iter()
            .rev()
            .fold(0, |bits, cause| bits << 1 | u8::from(loss.split(' ').any(|word| word == *cause)))
    }

    fn end_reason(&self) -> u8 {
        match self.flow.text("end_reason") {
            "idle_timeout" => 1,
            "active_timeout" => 2,
            "end_of_flow_detected" => 3,
            "forced_end" => 4,
            "lack_of_resources" => 5,
            other => panic!("{other}"),
        }
    }

    /// RFC 5103, 6.3.
    fn biflow_direction(&self) -> u8 {
        match (self.flow.text("direction_reason"), self.is_turned) {
            ("first_seen", _) => 0,
            (_, false) => 1,
            (_, true) => 2,
        }
    }

    fn column(&self, column: &str, is_reverse: bool) -> String {
        if is_reverse == self.is_turned { column.to_owned() } else { format!("reverse_{column}") }
    }
}

/// The element of a record, as a decoder printed it, in the form that [`Elements`] have.
pub(super) fn normal(name: &str, printed: &str) -> String {
    if name.ends_with("Address") && !name.contains("Mac") {
        // There is more than one way to write an IPv6 address.
        return printed
            .parse::<std::net::IpAddr>()
            .map_or_else(|_| printed.to_owned(), |address| address.to_string());
    }
    printed.to_owned()
}

/// Whether an element is an entry of an MPLS label stack.
pub(super) fn is_label(name: &str) -> bool {
    LABELS.iter().any(|label| name == *label || name == reverse_name(label))
}

fn reverse_name(name: &str) -> String {
    let (first, rest) = name.split_at(1);
    format!("reverse{}{rest}", first.to_uppercase())
}

/// `2026-03-04T12:00:00.123456789Z` cut to milliseconds, which IPFIX has.
fn milliseconds(time: &str) -> String {
    time.replace('T', " ")[.."2026-03-04 12:00:00.123".len()].to_owned()
}

const PROTOCOLS: [(&str, u64); 14] = [
    ("ICMP", 1),
    ("IGMP", 2),
    ("TCP", 6),
    ("UDP", 17),
    ("DCCP", 33),
    ("GRE", 47),
    ("ESP", 50),
    ("AH", 51),
    ("IPv6-ICMP", 58),
    ("OSPF", 89),
    ("PIM", 103),
    ("VRRP", 112),
    ("SCTP", 132),
    ("UDPLite", 136),
];
const LABELS: [&str; 4] = [
    "mplsTopLabelStackSection",
    "mplsLabelStackSection2",
    "mplsLabelStackSection3",
    "mplsLabelStackSection4",
];
