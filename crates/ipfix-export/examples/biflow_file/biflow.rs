//! A bidirectional flow (RFC 5103) of 35 values, in 150 octets over IPv4 and 174 over IPv6.

use std::{
    error::Error,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use ipfix_export::{DataType, InformationElement, RecordError, RecordWriter, Semantics, Template, iana};

pub(crate) struct Biflow {
    pub(crate) source: IpAddr,
    pub(crate) destination: IpAddr,
    pub(crate) source_port: u16,
    pub(crate) destination_port: u16,
    pub(crate) protocol: u8,
    pub(crate) forward: Direction,
    pub(crate) reverse: Direction,
    pub(crate) syn_count: u32,
    pub(crate) rst_count: u32,
    pub(crate) fin_count: u32,
    pub(crate) ack_count: u32,
    pub(crate) sequence: u32,
    pub(crate) end_reason: u8,
    pub(crate) initiator_known: bool,
    pub(crate) vlan: u16,
    pub(crate) interface: u32,
    pub(crate) flow_id: u64,
    pub(crate) incident_id: u64,
}

pub(crate) struct Direction {
    pub(crate) octets: u64,
    pub(crate) packets: u64,
    pub(crate) tcp_flags: u16,
    pub(crate) class_of_service: u8,
    pub(crate) ttl: u8,
    pub(crate) tcp_window: u16,
    pub(crate) start_ms: u64,
    pub(crate) end_ms: u64,
}

impl Biflow {
    /// One of many attempts to log on at a server of remote desktops; each fourth over IPv6.
    pub(crate) fn logon_attempt(flow_id: u64, start_ms: u64) -> Self {
        let number = flow_id.to_be_bytes();
        let [.., high, low] = number;
        let (source, destination) = if flow_id % 4 == 3 {
            let network = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, u16::from_be_bytes([high, low]));
            (network.into(), Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 0, 0, 0, 20).into())
        } else {
            (Ipv4Addr::new(192, 0, 2, low).into(), Ipv4Addr::new(198, 51, 100, 20).into())
        };
        let start_ms = start_ms + flow_id * 40;
        Self {
            source,
            destination,
            source_port: u16::from_be_bytes([high, low]) | 0xc000,
            destination_port: 3389,
            protocol: 6,
            forward: Direction {
                octets: 1_200 + flow_id % 7,
                packets: 12,
                tcp_flags: 0x1b,
                class_of_service: 0,
                ttl: 64,
                tcp_window: 64_240,
                start_ms,
                end_ms: start_ms + 2_500,
            },
            reverse: Direction {
                octets: 9_900 + flow_id % 11,
                packets: 11,
                tcp_flags: 0x1a,
                class_of_service: 32,
                ttl: 127,
                tcp_window: 8_192,
                start_ms: start_ms + 10,
                end_ms: start_ms + 2_400,
            },
            syn_count: 2,
            rst_count: 0,
            fin_count: 1,
            ack_count: 22,
            sequence: u32::from_be_bytes([low, high, low, high]),
            end_reason: 3,
            initiator_known: true,
            vlan: 7,
            interface: 2,
            flow_id,
            incident_id: flow_id % 2,
        }
    }

    /// Writes the values in the order of [`template`].
    pub(crate) fn write(&self, record: &mut RecordWriter<'_>) -> Result<(), RecordError> {
        let Self { forward, reverse, .. } = self;
        record.u64(reverse.octets)?;
        record.u64(reverse.packets)?;
        record.u16(reverse.tcp_flags)?;
        record.u8(reverse.class_of_service)?;
        record.u8(reverse.ttl)?;
        record.u16(reverse.tcp_window)?;
        record.date_time_milliseconds(reverse.start_ms)?;
        record.date_time_milliseconds(reverse.end_ms)?;
        record.date_time_milliseconds(forward.start_ms)?;
        record.date_time_milliseconds(forward.end_ms)?;
        record.date_time_microseconds(forward.start_ms * NS_PER_MS)?;
        record.date_time_microseconds(forward.end_ms * NS_PER_MS)?;
        record.address(self.source)?;
        record.address(self.destination)?;
        record.u16(self.source_port)?;
        record.u16(self.destination_port)?;
        record.u8(self.protocol)?;
        record.u8(if self.source.is_ipv4() { 4 } else { 6 })?;
        record.u8(forward.class_of_service)?;
        record.u8(forward.ttl)?;
        record.u16(forward.tcp_flags)?;
        record.u16(forward.tcp_window)?;
        record.u32(self.sequence)?;
        record.u64(forward.octets)?;
        record.u64(forward.packets)?;
        record.u64(self.syn_count.into())?;
        record.u64(self.fin_count.into())?;
        record.u64(self.rst_count.into())?;
        record.u64(self.ack_count.into())?;
        record.u16(self.vlan)?;
        record.u32(self.interface)?;
        record.u8(self.end_reason)?;
        record.u8(self.initiator_known.into())?;
        record.u64(self.flow_id)?;
        record.u64(self.incident_id)
    }
}

/// Reverse elements come first: some collectors take those they do not know for the forward ones.
pub(crate) fn template(id: u16, version: u8) -> Result<Template, Box<dyn Error>> {
    let (source, destination) = if version == 4 {
        (iana::SOURCE_IPV4_ADDRESS, iana::DESTINATION_IPV4_ADDRESS)
    } else {
        (iana::SOURCE_IPV6_ADDRESS, iana::DESTINATION_IPV6_ADDRESS)
    };
    let fields = [
        iana::OCTET_DELTA_COUNT.reverse()?.field(),
        iana::PACKET_DELTA_COUNT.reverse()?.field(),
        iana::TCP_CONTROL_BITS.reverse()?.field(),
        iana::IP_CLASS_OF_SERVICE.reverse()?.field(),
        iana::IP_TTL.reverse()?.field(),
        iana::TCP_WINDOW_SIZE.reverse()?.field(),
        iana::FLOW_START_MILLISECONDS.reverse()?.field(),
        iana::FLOW_END_MILLISECONDS.reverse()?.field(),
        iana::FLOW_START_MILLISECONDS.field(),
        iana::FLOW_END_MILLISECONDS.field(),
        iana::FLOW_START_MICROSECONDS.field(),
        iana::FLOW_END_MICROSECONDS.field(),
        source.field(),
        destination.field(),
        iana::SOURCE_TRANSPORT_PORT.field(),
        iana::DESTINATION_TRANSPORT_PORT.field(),
        iana::PROTOCOL_IDENTIFIER.field(),
        iana::IP_VERSION.field(),
        iana::IP_CLASS_OF_SERVICE.field(),
        iana::IP_TTL.field(),
        iana::TCP_CONTROL_BITS.field(),
        iana::TCP_WINDOW_SIZE.field(),
        iana::TCP_SEQUENCE_NUMBER.field(),
        iana::OCTET_DELTA_COUNT.field(),
        iana::PACKET_DELTA_COUNT.field(),
        iana::TCP_SYN_TOTAL_COUNT.with_length(4),
        iana::TCP_FIN_TOTAL_COUNT.with_length(4),
        iana::TCP_RST_TOTAL_COUNT.with_length(4),
        iana::TCP_ACK_TOTAL_COUNT.with_length(4),
        iana::VLAN_ID.field(),
        iana::INGRESS_INTERFACE.field(),
        iana::FLOW_END_REASON.field(),
        iana::BIFLOW_DIRECTION.field(),
        iana::FLOW_ID.field(),
        incident_id()?.field(),
    ];
    Ok(Template::new(id, fields)?)
}

pub(crate) fn incident_id() -> Result<InformationElement, Box<dyn Error>> {
    let element = InformationElement::new(ENTERPRISE, 1001, "incidentId", DataType::Unsigned64)?;
    Ok(element
        .with_semantics(Semantics::Identifier)
        .with_description("The incident that the record belongs to."))
}

/// Reserved for examples (RFC 5612): in earnest, take the number that IANA has given to your organisation.
pub(crate) const ENTERPRISE: u32 = 32_473;

const NS_PER_MS: u64 = 1_000_000;
