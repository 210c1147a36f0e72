//! One message, octet for octet.

use std::net::Ipv4Addr;

use ipfix_export::{
    DataType, Exporter, ExporterConfig, InformationElement, MemoryOutput, Semantics, Template, iana,
};

#[test]
fn a_message_is_what_the_standards_say() {
    let incident_id = InformationElement::new(32_473, 1_001, "incidentId", DataType::Unsigned64)
        .unwrap()
        .with_semantics(Semantics::Identifier);
    let flow = [
        iana::OCTET_DELTA_COUNT.reverse().unwrap().field(),
        iana::OCTET_DELTA_COUNT.with_length(4),
        iana::FLOW_START_MILLISECONDS.field(),
        iana::SOURCE_IPV4_ADDRESS.field(),
        iana::APPLICATION_NAME.field(),
        incident_id.with_length(2),
    ];
    let scope = [iana::OBSERVATION_DOMAIN_ID.field()];
    let options = [iana::EXPORTED_MESSAGE_TOTAL_COUNT.field(), iana::OBSERVATION_TIME_MICROSECONDS.field()];

    let config = ExporterConfig::new(0x0102_0304);
    let mut exporter = Exporter::new(config, MemoryOutput::datagram()).unwrap();
    let flow = exporter.register(&Template::new(256, flow).unwrap()).unwrap();
    let options = exporter.register(&Template::options(257, scope, options).unwrap()).unwrap();
    for (octets, application) in [(1_200, "rdp"), (70_000, "")] {
        exporter
            .record(&flow, 1_763_888_400, |record| {
                record.u64(9_900)?;
                record.u64(octets)?;
                record.date_time_milliseconds(1_763_888_400_123)?;
                record.ipv4_address(Ipv4Addr::new(192, 0, 2, 10))?;
                record.string(application)?;
                record.u64(42)
            })
            .unwrap();
    }
    exporter
        .record(&options, 1_763_888_401, |record| {
            record.u32(0x0102_0304)?;
            record.u64(3)?;
            record.date_time_microseconds(1_763_888_400_500_000_000)
        })
        .unwrap();
    exporter.flush(1_763_888_402).unwrap();

    assert_eq!(exporter.output().octets(), octets_of(include_str!("golden.hex")));
}

/// The octets of a text in which `#` begins a comment.
fn octets_of(text: &str) -> Vec<u8> {
    let digits = text.lines().filter_map(|line| line.split('#').next()).flat_map(str::split_whitespace);
    digits.map(|octet| u8::from_str_radix(octet, 16).unwrap()).collect()
}
