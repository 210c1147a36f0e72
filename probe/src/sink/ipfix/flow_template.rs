//! What a flow record is in IPFIX.
//!
//! Three rules come from collectors, which were tried: reverse elements (RFC 5103) stand before their forward twins, since nfdump
//! takes those that it does not know for the forward ones and lets the last one win; start and end in milliseconds are always
//! there; and ICMP type and code have a field of their own, beside ports that are zero.

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
    application_fields::ApplicationShape, content::Content, options::FIRST_OPTIONS_TEMPLATE,
    own_fields::OwnFields,
};

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
    fn first_template(self, is_linked: bool, has_details: bool) -> u16 {
        let variant = if self.has_short_flags { 1 } else { 2 * u16::from(self.has_microseconds) };
        let options = u16::from(is_linked) + 2 * u16::from(has_details);
        FIRST_TEMPLATE + (variant * 4 + options) * TEMPLATES_OF_A_LAYOUT
    }
}

/// What there is to say of a record: which blocks of fields its template has.
#[expect(clippy::struct_excessive_bools, reason = "each stands for a block of fields")]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Shape {
    is_v6: bool,
    /// Packets went both ways; else the record is one of a single direction, with its sender as the source.
    is_bidirectional: bool,
    kind: Kind,
    /// Octets of payload and histograms are in it.
    has_details: bool,
    has_segment: bool,
    /// VLAN identifiers, up to two.
    vlans: u8,
    /// MPLS labels, up to [`MPLS_ENTRIES`].
    labels: u8,
    application: ApplicationShape,
}

/// What there is to say of a protocol.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    Icmp,
    Tcp,
    Other,
}

/// A record seen from the end that the exported record calls its source.
struct Oriented<'a> {
    source: Endpoint,
    destination: Endpoint,
    forward: &'a Direction,
    reverse: &'a Direction,
    /// Whether its forward direction is the record's reverse one.
    is_turned: bool,
    biflow_direction: u8,
}

impl Shape {
    /// How many shapes there are.
    pub(super) const COUNT: usize = FRAMES * (1 + 2 * MOST_APPLICATIONS);

    pub(super) fn of(content: &Content<'_>) -> Self {
        let Content { record, application, .. } = *content;
        let (forward, reverse) = (&record.forward.first_packet.link, &record.reverse.first_packet.link);
        let most_labels = u8::try_from(MPLS_ENTRIES).unwrap_or(u8::MAX);
        let kind = match record.protocol() {
            1 | 58 => Kind::Icmp,
            6 => Kind::Tcp,
            _ => Kind::Other,
        };
        // Nothing speaks over ICMP, and no identifiers are set aside for it.
        let application = application.filter(|_| kind != Kind::Icmp);
        Self {
            is_v6: record.key.version() == 6,
            is_bidirectional: record.is_bidirectional(),
            kind,
            has_details: record.details.is_some(),
            has_segment: record.segment().is_some(),
            vlans: forward.vlan_count.max(reverse.vlan_count).min(2),
            labels: forward.mpls_count.max(reverse.mpls_count).min(most_labels),
            application: ApplicationShape::of(application.map(|known| known.application())),
        }
    }

    /// A number below [`Self::COUNT`]. Template identifiers follow from it: they stay the same from version to version, since
    /// some collectors remember them beyond the end of a session.
    pub(super) fn index(self) -> usize {
        let flags = [self.is_v6, self.is_bidirectional, self.has_segment].map(usize::from);
        let [v6, bidirectional, segment] = flags;
        let tags = usize::from(self.vlans) + 3 * usize::from(self.labels);
        let kind = match self.kind {
            Kind::Icmp => 0,
            Kind::Other => 1 + self.application.index(),
            Kind::Tcp => 1 + MOST_APPLICATIONS + self.application.index(),
        };
        (v6 | bidirectional << 1 | segment << 2) + 8 * tags + FRAMES * kind
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
        for element in self.own_fields(is_linked).elements() {
            fields.push(element.under(layout.pen)?.field());
        }
        Ok(Template::new(self.template_id(layout, is_linked), fields)?)
    }

    /// The identifier of that.
    pub(super) fn template_id(self, layout: Layout, is_linked: bool) -> u16 {
        let first = layout.first_template(is_linked, self.has_details);
        first.saturating_add(u16::try_from(self.index()).unwrap_or(u16::MAX))
    }

    pub(super) fn write(
        self,
        content: &Content<'_>,
        layout: Layout,
        writer: &mut RecordWriter<'_>,
    ) -> Result<(), RecordError> {
        let Content { record, application, incident, .. } = *content;
        let Oriented { source, destination, forward, reverse, is_turned, biflow_direction } =
            Oriented::new(record);
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
        self.own_fields(incident.is_some()).write(content, is_turned, writer)
    }

    fn own_fields(self, is_linked: bool) -> OwnFields {
        OwnFields {
            is_tcp: self.kind == Kind::Tcp,
            is_bidirectional: self.is_bidirectional,
            has_details: self.has_details,
            is_linked,
        }
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
        if self.kind == Kind::Icmp {
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
        if self.kind == Kind::Icmp {
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
                is_turned: true,
                biflow_direction: if is_known { REVERSE_INITIATOR } else { ARBITRARY },
            }
        } else {
            Self {
                source: record.initiator(),
                destination: record.responder(),
                forward: &record.forward,
                reverse: &record.reverse,
                is_turned: false,
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
/// Shapes of flows of one protocol and one application: IPv4 or IPv6, one way or both, in a virtual network or not, tags and labels.
const FRAMES: usize = 8 * 3 * 5;
/// Room for the shapes of three more.
const MOST_APPLICATIONS: usize = 20;
const _: () = assert!(ApplicationShape::COUNT <= MOST_APPLICATIONS);
/// What follows the last layout is for options.
const TEMPLATES_OF_A_LAYOUT: u16 = 4_920;
const _: () = assert!(Shape::COUNT == TEMPLATES_OF_A_LAYOUT as usize);
const _: () =
    assert!(FIRST_TEMPLATE as u32 + 12 * TEMPLATES_OF_A_LAYOUT as u32 <= FIRST_OPTIONS_TEMPLATE as u32);
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
mod tests;
