//! What a flow record is in IPFIX.
//!
//! Three rules come from collectors, which were tried: reverse elements (RFC 5103) stand before their forward twins, since nfdump
//! takes those that it does not know for the forward ones and lets the last one win; start and end in milliseconds are always
//! there; and ICMP type and code have a field of their own, beside ports that are zero.

use application::Application;
use flow::{Direction, DirectionReason, Endpoint, FirstPacket, FlowRecord};
use ipfix_export::{
    Field, InformationElement, RecordError, RecordWriter, Template,
    iana::{
        BIFLOW_DIRECTION, DESTINATION_IPV4_ADDRESS, DESTINATION_IPV6_ADDRESS, DESTINATION_MAC_ADDRESS,
        DESTINATION_TRANSPORT_PORT, DOT1Q_CUSTOMER_VLAN_ID, DOT1Q_VLAN_ID, FLOW_END_MICROSECONDS,
        FLOW_END_MILLISECONDS, FLOW_END_REASON, FLOW_ID, FLOW_START_MICROSECONDS, FLOW_START_MILLISECONDS,
        ICMP_TYPE_CODE_IPV4, ICMP_TYPE_CODE_IPV6, INGRESS_INTERFACE, IP_CLASS_OF_SERVICE, LAYER2_SEGMENT_ID,
        MAXIMUM_TTL, MINIMUM_TTL, MPLS_LABEL_STACK_SECTION2, MPLS_LABEL_STACK_SECTION3,
        MPLS_LABEL_STACK_SECTION4, MPLS_TOP_LABEL_STACK_SECTION, OCTET_DELTA_COUNT, PACKET_DELTA_COUNT,
        PROTOCOL_IDENTIFIER, SOURCE_IPV4_ADDRESS, SOURCE_IPV6_ADDRESS, SOURCE_MAC_ADDRESS,
        SOURCE_TRANSPORT_PORT, TCP_CONTROL_BITS, VLAN_ID,
    },
};
use wire::{MPLS_ENTRIES, Segment};

use super::{
    application_fields::{ApplicationShape, Bounded},
    linked::IncidentLink,
    options::FIRST_OPTIONS_TEMPLATE,
};
use crate::elements::registry::{DIRECTION_REASON, INCIDENT_ID, INCIDENT_SCORE};

/// How all records of an exporter are laid out, for the collector that is to read them.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Layout {
    /// TCP control bits take one octet, without those that few know.
    pub(super) has_short_flags: bool,
    /// Times are in microseconds besides.
    pub(super) has_microseconds: bool,
    /// The enterprise of our own elements.
    pub(super) pen: u32,
}

impl Layout {
    /// Templates of another layout have other identifiers: some collectors remember them beyond the end of a session. No profile asks for
    /// short flags and microseconds both.
    fn first_template(self, is_linked: bool) -> u16 {
        let variant = if self.has_short_flags { 1 } else { 2 * u16::from(self.has_microseconds) };
        FIRST_TEMPLATE + (variant * 2 + u16::from(is_linked)) * TEMPLATES_OF_A_LAYOUT
    }
}

/// What there is to say of a record: which blocks of fields its template has.
#[expect(clippy::struct_excessive_bools, reason = "each stands for a block of fields")]
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Shape {
    is_v6: bool,
    /// Packets went both ways; else the record is one of a single direction, with its sender as the source.
    is_bidirectional: bool,
    is_icmp: bool,
    has_segment: bool,
    /// VLAN identifiers, up to two.
    vlans: u8,
    /// MPLS labels, up to [`MPLS_ENTRIES`].
    labels: u8,
    application: ApplicationShape,
}

/// A record seen from the end that the exported record calls its source.
struct Oriented<'a> {
    source: Endpoint,
    destination: Endpoint,
    forward: &'a Direction,
    reverse: &'a Direction,
    biflow_direction: u8,
}

impl Shape {
    /// How many shapes there are.
    pub(super) const COUNT: usize = ApplicationShape::COUNT << FLOW_BITS;

    pub(super) fn of(record: &FlowRecord, application: Option<&Application>) -> Self {
        let (forward, reverse) = (&record.forward.first_packet.link, &record.reverse.first_packet.link);
        let most_labels = u8::try_from(MPLS_ENTRIES).unwrap_or(u8::MAX);
        Self {
            is_v6: record.key.version() == 6,
            is_bidirectional: record.is_bidirectional(),
            is_icmp: matches!(record.protocol(), 1 | 58),
            has_segment: record.segment().is_some(),
            vlans: forward.vlan_count.max(reverse.vlan_count).min(2),
            labels: forward.mpls_count.max(reverse.mpls_count).min(most_labels),
            application: ApplicationShape::of(application),
        }
    }

    /// A number below [`Self::COUNT`]. Template identifiers follow from it: they stay the same from version to version, since
    /// some collectors remember them beyond the end of a session.
    pub(super) fn index(self) -> usize {
        let flags = [self.is_v6, self.is_bidirectional, self.is_icmp, self.has_segment].map(usize::from);
        let [v6, bidirectional, icmp, segment] = flags;
        v6 | bidirectional << 1
            | icmp << 2
            | segment << 3
            | usize::from(self.vlans) << 4
            | usize::from(self.labels) << 6
            | self.application.index() << FLOW_BITS
    }

    /// `is_linked` has the records say which incident they belong to.
    pub(super) fn template(self, layout: Layout, is_linked: bool) -> anyhow::Result<Template> {
        let mut fields = Vec::new();
        if self.is_bidirectional {
            fields.extend(self.direction_elements(layout).into_iter().filter_map(|field| {
                let length = field.length();
                field.element().reverse().ok().map(|element| element.with_length(length))
            }));
        }
        fields.extend(self.direction_elements(layout));
        let addresses = if self.is_v6 {
            [SOURCE_IPV6_ADDRESS, DESTINATION_IPV6_ADDRESS]
        } else {
            [SOURCE_IPV4_ADDRESS, DESTINATION_IPV4_ADDRESS]
        };
        fields.extend(addresses.map(Field::new));
        let both: [InformationElement; 9] = [
            SOURCE_TRANSPORT_PORT,
            DESTINATION_TRANSPORT_PORT,
            PROTOCOL_IDENTIFIER,
            FLOW_END_REASON,
            BIFLOW_DIRECTION,
            FLOW_ID,
            INGRESS_INTERFACE,
            SOURCE_MAC_ADDRESS,
            DESTINATION_MAC_ADDRESS,
        ];
        fields.extend(both.map(Field::new));
        if self.has_segment {
            fields.push(LAYER2_SEGMENT_ID.field());
        }
        fields.extend(self.application.fields(layout.pen)?);
        if is_linked {
            for element in [DIRECTION_REASON, INCIDENT_ID, INCIDENT_SCORE] {
                fields.push(element.under(layout.pen)?.field());
            }
        }
        Ok(Template::new(self.template_id(layout, is_linked), fields)?)
    }

    /// The identifier of that.
    pub(super) fn template_id(self, layout: Layout, is_linked: bool) -> u16 {
        layout.first_template(is_linked).saturating_add(u16::try_from(self.index()).unwrap_or(u16::MAX))
    }

    /// `link` is there where the template is linked.
    pub(super) fn write(
        self,
        record: &FlowRecord,
        application: Option<Bounded<'_>>,
        layout: Layout,
        link: Option<IncidentLink>,
        writer: &mut RecordWriter<'_>,
    ) -> Result<(), RecordError> {
        let Oriented { source, destination, forward, reverse, biflow_direction } = Oriented::new(record);
        if self.is_bidirectional {
            self.write_direction(reverse, layout, writer)?;
        }
        self.write_direction(forward, layout, writer)?;
        writer.address(source.address)?;
        writer.address(destination.address)?;
        writer.u16(source.port)?;
        writer.u16(destination.port)?;
        writer.u8(record.protocol())?;
        writer.u8(record.end_reason.code())?;
        writer.u8(biflow_direction)?;
        writer.u64(record.id.0)?;
        writer.u32(forward.first_packet.interface.into())?;
        writer.mac_address(forward.first_packet.link.source)?;
        writer.mac_address(forward.first_packet.link.destination)?;
        if let Some(segment) = record.segment() {
            writer.u64(layer2_segment_id(segment))?;
        }
        if let Some(application) = application.filter(|_| self.application != ApplicationShape::default()) {
            application.write(writer)?;
        }
        if let Some(IncidentLink { incident, score }) = link {
            writer.u8(record.direction_reason as u8)?;
            writer.u64(incident)?;
            writer.u8(score)?;
        }
        Ok(())
    }

    /// The elements that a biflow has twice.
    fn direction_elements(self, layout: Layout) -> Vec<Field> {
        let mut fields: Vec<_> = [
            OCTET_DELTA_COUNT,
            PACKET_DELTA_COUNT,
            FLOW_START_MILLISECONDS,
            FLOW_END_MILLISECONDS,
            IP_CLASS_OF_SERVICE,
            MINIMUM_TTL,
            MAXIMUM_TTL,
        ]
        .map(Field::new)
        .into();
        let flags_octets = if layout.has_short_flags { 1 } else { 2 };
        fields.insert(TCP_CONTROL_BITS_PLACE, TCP_CONTROL_BITS.with_length(flags_octets));
        if layout.has_microseconds {
            fields.extend([FLOW_START_MICROSECONDS, FLOW_END_MICROSECONDS].map(Field::new));
        }
        if self.is_icmp {
            fields.push(if self.is_v6 { ICMP_TYPE_CODE_IPV6.field() } else { ICMP_TYPE_CODE_IPV4.field() });
        }
        // Old collectors know the first name of a VLAN, new ones the second.
        let vlans = [VLAN_ID, DOT1Q_VLAN_ID, DOT1Q_CUSTOMER_VLAN_ID].map(Field::new);
        let vlan_fields = if self.vlans == 0 { 0 } else { usize::from(self.vlans) + 1 };
        fields.extend(vlans.into_iter().take(vlan_fields));
        let labels = [
            MPLS_TOP_LABEL_STACK_SECTION,
            MPLS_LABEL_STACK_SECTION2,
            MPLS_LABEL_STACK_SECTION3,
            MPLS_LABEL_STACK_SECTION4,
        ];
        fields
            .extend(labels.into_iter().take(self.labels.into()).map(|label| label.with_length(LABEL_OCTETS)));
        fields
    }

    fn write_direction(
        self,
        direction: &Direction,
        layout: Layout,
        writer: &mut RecordWriter<'_>,
    ) -> Result<(), RecordError> {
        let FirstPacket { link, icmp, tos, .. } = &direction.first_packet;
        writer.u64(direction.octets)?;
        writer.u64(direction.packets)?;
        writer.date_time_milliseconds(direction.first.millis())?;
        writer.date_time_milliseconds(direction.last.millis())?;
        let flags = direction.tcp_flags.0;
        writer.u16(if layout.has_short_flags { flags & SHORT_FLAGS } else { flags })?;
        writer.u8(*tos)?;
        writer.u8(direction.minimum_ttl)?;
        writer.u8(direction.maximum_ttl)?;
        if layout.has_microseconds {
            writer.date_time_microseconds(direction.first.nanos())?;
            writer.date_time_microseconds(direction.last.nanos())?;
        }
        if self.is_icmp {
            writer.u16(u16::from_be_bytes([icmp.kind, icmp.code]))?;
        }
        let [outer, inner] = link.vlans;
        if self.vlans > 0 {
            writer.u16(outer)?;
            writer.u16(outer)?;
        }
        if self.vlans > 1 {
            writer.u16(inner)?;
        }
        for label in link.mpls.iter().take(self.labels.into()) {
            writer.octets(&label.0)?;
        }
        Ok(())
    }
}

impl<'a> Oriented<'a> {
    fn new(record: &'a FlowRecord) -> Self {
        let is_known = record.direction_reason != DirectionReason::FirstSeen;
        if record.forward.packets == 0 {
            // Only answers were seen: as a record of one direction, its source is who sent them.
            Self {
                source: record.responder(),
                destination: record.initiator(),
                forward: &record.reverse,
                reverse: &record.forward,
                biflow_direction: if is_known { REVERSE_INITIATOR } else { ARBITRARY },
            }
        } else {
            Self {
                source: record.initiator(),
                destination: record.responder(),
                forward: &record.forward,
                reverse: &record.reverse,
                biflow_direction: if is_known { INITIATOR } else { ARBITRARY },
            }
        }
    }
}

/// RFC 7133 section 3.3.2: the top octet says which kind of overlay, 1 is VXLAN; Geneve has no number, and 0 is no kind.
fn layer2_segment_id(segment: Segment) -> u64 {
    match segment {
        Segment::Vxlan(identifier) => 1 << 56 | u64::from(identifier),
        Segment::Geneve(identifier) => u64::from(identifier),
    }
}

const FIRST_TEMPLATE: u16 = 256;
/// Bits of a shape's number that are about the flow itself.
const FLOW_BITS: u32 = 9;
/// Room for the shapes of three more applications. What follows the last layout is for options.
const TEMPLATES_OF_A_LAYOUT: u16 = 19 << FLOW_BITS;
const _: () = assert!(Shape::COUNT <= TEMPLATES_OF_A_LAYOUT as usize);
const _: () =
    assert!(FIRST_TEMPLATE as u32 + 6 * TEMPLATES_OF_A_LAYOUT as u32 <= FIRST_OPTIONS_TEMPLATE as u32);
/// Behind the times.
const TCP_CONTROL_BITS_PLACE: usize = 4;
/// RFC 9293 section 3.1: the bits from CWR on.
const SHORT_FLAGS: u16 = 0xff;
/// A label, its traffic class and the bottom-of-stack bit.
const LABEL_OCTETS: u16 = 3;
/// The values of biflowDirection (RFC 5103 section 6.3).
const ARBITRARY: u8 = 0;
const INITIATOR: u8 = 1;
const REVERSE_INITIATOR: u8 = 2;

#[cfg(test)]
mod tests {
    use application::{
        Certificate, Dns, DnsResponse, Http, HttpRequest, HttpResponse, Quic, SmolStr, Ssh, Tls, TlsClient,
        TlsServer,
    };
    use flow::{Meter, MeterConfig, Placed};
    use ipfix_export::{Exporter, ExporterConfig, MemoryOutput};
    use wire::{Address, Icmp, Ip, Link, MplsEntry, Packet, Ports, Timestamp, Transport};

    use super::*;

    fn packet(
        is_v6: bool,
        transport: Transport,
        protocol: u8,
        link: Link,
        segment: Option<Segment>,
    ) -> Packet<'static> {
        let version = if is_v6 { 6 } else { 4 };
        let (source, destination) = (Address::from_v4([192, 0, 2, 1]), Address::from_v4([192, 0, 2, 2]));
        let ip = Ip { source, destination, version, protocol, tos: 1, ttl: 2, octets: 60, fragment: None };
        let timestamp = Timestamp::from_parts(1_700_000_000, 0);
        Packet {
            timestamp,
            interface: 0,
            link,
            segment,
            ip,
            transport,
            payload: &[],
            payload_offset: 0,
            carrier: None,
        }
    }

    fn account(meter: &mut Meter, packet: &Packet<'_>) {
        let Placed::InFlow(placement) = meter.place(packet, packet.timestamp) else { panic!("no fragment") };
        meter.account(packet, &placement);
    }

    /// Records of every shape.
    fn records() -> Vec<FlowRecord> {
        let mut records = Vec::new();
        for bits in 0..16_u8 {
            let [is_v6, both, is_icmp, has_segment] = [1, 2, 4, 8].map(|bit| bits & bit != 0);
            for (vlan_count, mpls_count) in
                (0..=2).flat_map(|vlans| (0..=4).map(move |labels| (vlans, labels)))
            {
                let link =
                    Link { vlan_count, mpls_count, mpls: [MplsEntry([1, 2, 3]); 4], ..Link::default() };
                let segment = has_segment.then_some(Segment::Vxlan(7));
                let (transport, protocol) = match (is_icmp, is_v6) {
                    (true, true) => (Transport::Icmp(Icmp { kind: 128, code: 0 }), 58),
                    (true, false) => (Transport::Icmp(Icmp { kind: 8, code: 0 }), 1),
                    (false, _) => (Transport::Ports(Ports { source: 1, destination: 2 }), 17),
                };
                let there = packet(is_v6, transport, protocol, link, segment);
                let mut back = there;
                (back.ip.source, back.ip.destination) = (there.ip.destination, there.ip.source);
                if let Transport::Ports(ports) = &mut back.transport {
                    (ports.source, ports.destination) = (2, 1);
                }
                let mut meter = Meter::new(MeterConfig::default());
                for packet in [there, back].into_iter().take(if both { 2 } else { 1 }) {
                    account(&mut meter, &packet);
                }
                meter.close(there.timestamp);
                assert!(meter.take_records(&mut records, usize::MAX));
            }
        }
        records
    }

    /// Applications of every shape, and none.
    fn applications() -> Vec<Option<Application>> {
        let dns = |query_flags, response| Dns { query_flags, response, ..Dns::default() };
        let response = Some(DnsResponse { flags: 0x8180, code: 0 });
        let http = |request, response| Application::Http(Http { request, response });
        let (request, page) = (Some(HttpRequest::default()), Some(HttpResponse::default()));
        let mut all = vec![
            Application::Dns(dns(Some(1), None)),
            Application::Dns(dns(None, response)),
            Application::Dns(dns(Some(1), response)),
            http(request.clone(), None),
            http(None, page.clone()),
            http(request, page),
            Application::Quic(Quic::default()),
            Application::Ssh(Ssh::default()),
        ];
        for parts in 1..8 {
            let [client, server, certificate] = [1, 2, 4].map(|part| parts & part != 0);
            all.push(Application::Tls(Tls {
                client: client.then(TlsClient::default),
                server: server.then(TlsServer::default),
                certificate: certificate.then(Certificate::default),
            }));
        }
        all.into_iter().map(Some).chain([None]).collect()
    }

    fn layouts() -> impl Iterator<Item = (Layout, Option<IncidentLink>)> {
        [(false, false), (true, false), (false, true)].into_iter().flat_map(
            |(has_short_flags, has_microseconds)| {
                let layout = Layout { has_short_flags, has_microseconds, pen: 32_473 };
                [None, Some(IncidentLink { incident: 7, score: 90 })].map(|link| (layout, link))
            },
        )
    }

    #[test]
    fn values_meet_their_template_in_every_shape() {
        let mut exporter = Exporter::new(ExporterConfig::new(1), MemoryOutput::stream()).unwrap();
        let mut indices = std::collections::BTreeSet::new();
        let (records, applications) = (records(), applications());
        for (record, application) in records
            .iter()
            .flat_map(|record| applications.iter().map(move |application| (record, application)))
        {
            let application = application.as_ref();
            let shape = Shape::of(record, application);
            assert!(shape.index() < Shape::COUNT && indices.insert(shape.index()), "{shape:?}");
            for (layout, link) in layouts() {
                let template = shape.template(layout, link.is_some()).unwrap();
                let handle = exporter.register(&template).unwrap();
                let application = application.map(|application| Bounded::new(application, usize::MAX));
                let write =
                    |writer: &mut RecordWriter<'_>| shape.write(record, application, layout, link, writer);
                exporter.record(&handle, 1, write).unwrap();
            }
        }
        assert_eq!(indices.len(), 16 * 3 * 5 * applications.len());
        assert_eq!(applications.len(), ApplicationShape::COUNT);
    }

    /// Applications with the longest texts that there are.
    fn longest_applications() -> [Application; 4] {
        let text = |octets: usize| SmolStr::from("é".repeat(octets / 2));
        let request = HttpRequest {
            method: text(16),
            target: text(1_024),
            host: text(260),
            user_agent: text(256),
            minor_version: 1,
        };
        let response = HttpResponse { status: 200, content_type: text(128) };
        let client = TlsClient {
            version: 771,
            server_name: text(254),
            alpn: vec![text(32); 8].into(),
            ja3: text(32).as_str().try_into().unwrap(),
            ja4: text(36).as_str().try_into().unwrap(),
        };
        let tls = Tls {
            client: Some(client.clone()),
            server: Some(TlsServer::default()),
            certificate: Some(Certificate {
                subject: text(128),
                issuer: text(128),
                ..Certificate::default()
            }),
        };
        [
            Application::Http(Http { request: Some(request), response: Some(response) }),
            Application::Tls(tls),
            Application::Quic(Quic { version: 1, client }),
            Application::Ssh(Ssh { client: text(254), server: text(254) }),
        ]
    }

    /// In a message as small as it may be, texts are cut; as large as it is for a datagram, none is.
    #[test]
    fn the_longest_record_has_room_in_every_message() {
        let layout = Layout { has_short_flags: false, has_microseconds: true, pen: 32_473 };
        let link = Some(IncidentLink { incident: 7, score: 90 });
        for (octets, is_cut) in [(1_400, false), (512, true)] {
            let config = ExporterConfig::new(1).with_maximum_message(octets);
            let mut exporter = Exporter::new(config, MemoryOutput::datagram()).unwrap();
            for (record, application) in records()
                .iter()
                .flat_map(|record| longest_applications().map(|application| (record.clone(), application)))
            {
                let shape = Shape::of(&record, Some(&application));
                let template = shape.template(layout, link.is_some()).unwrap();
                let handle = exporter.register(&template).unwrap();
                let fixed = template.fields().iter().filter(|field| !field.is_variable());
                let fixed: usize = fixed.map(|field| usize::from(field.length())).sum();
                let bounded = Bounded::new(&application, exporter.largest_record() - fixed);
                assert_eq!(bounded.is_cut(), is_cut);
                exporter
                    .record(&handle, 1, |writer| shape.write(&record, Some(bounded), layout, link, writer))
                    .unwrap();
            }
        }
    }

    #[test]
    fn what_only_answers_is_the_source_and_said_to_be_the_responder() {
        let segment = wire::Tcp {
            ports: Ports { source: 443, destination: 50_000 },
            flags: wire::TcpFlags(0x12),
            ..wire::Tcp::default()
        };
        let answer = packet(false, Transport::Tcp(segment), 6, Link::default(), None);
        let mut meter = Meter::new(MeterConfig::default());
        account(&mut meter, &answer);
        meter.close(answer.timestamp);
        let mut records = Vec::new();
        assert!(meter.take_records(&mut records, 1));
        let oriented = Oriented::new(&records[0]);
        assert_eq!((oriented.source.port, oriented.forward.packets), (443, 1));
        assert_eq!(oriented.biflow_direction, REVERSE_INITIATOR);
        assert_eq!((records[0].initiator().port, records[0].reverse.packets), (50_000, 1));
    }
}
