//! The decoder `netflow_parser`, a library in Rust.

use std::path::Path;

use netflow_parser::{
    NetflowPacket, NetflowParser,
    variable_versions::{
        enterprise_registry::EnterpriseFieldDef,
        field_value::{DataNumber, DurationValue, FieldDataType, FieldValue},
        ipfix::{FlowSetBody, IPFixFieldPair, lookup::IPFixField},
    },
};

use super::{
    captures,
    expected::{Elements, normal},
    file_decoders::{assert_same, of_flows, records_of_dump},
};
use crate::{
    parallel,
    program::{Ended, Replay, own_capture, program, tool},
};

#[test]
fn netflow_parser_finds_every_value() {
    parallel::each(&captures(), |capture| {
        let replay = Replay::of([capture], &["--application", "off"]);
        let records = decode(&replay.ipfix()).into_iter().map(Elements::from_iter).collect();
        assert_same(capture, &replay, &of_flows(records));
    });
}

/// Elements of our own under the names that `flowcanary elements` gives, in flows and in options records. libfixbuf, which knows them from
/// the stream itself, reads the same.
#[test]
fn netflow_parser_finds_what_is_ours() {
    let replay = Replay::of([own_capture("cryptojacking.pcap")], &["--findings", "inline"]);
    let own = own_elements();
    let decoded: Vec<_> = decode(&replay.ipfix()).into_iter().map(|record| ours(record, &own)).collect();
    let mut command = tool("ipfixDump", "libfixbuf-tools");
    let dumped = Ended::of(command.arg("--rfc5610").arg("-i").arg(replay.ipfix()));
    let expected: Vec<_> = records_of_dump(&dumped.assert_status(0).stdout)
        .into_iter()
        .map(|record| {
            let plain = |(name, value): (String, String)| {
                (name.trim_start_matches("(S)").trim().to_owned(), plain(&value))
            };
            ours(record.into_iter().map(plain).collect(), &own)
        })
        .collect();
    let with = |name: &str| decoded.iter().filter(|record| record.contains_key(name)).count();
    for (name, least) in
        [("tlsJa4", 4), ("dnsTransactionId", 4), ("incidentScore", 1), ("findingName", 4), ("attackStage", 1)]
    {
        assert!(with(name) >= least, "{name} is in {} records", with(name));
    }
    // It takes a text of no octets, which RFC 7011 section 7 allows, for damage, and passes over the rest of the set.
    let (mut decoded, mut is_passed_over) = (decoded.iter().peekable(), false);
    for expected in &expected {
        if decoded.next_if_eq(&expected).is_some() {
            is_passed_over = false;
            continue;
        }
        is_passed_over |= expected.values().any(String::is_empty);
        assert!(is_passed_over, "{expected:?} is missing before {:?}", decoded.peek());
    }
    assert_eq!(decoded.next(), None);
}

/// Elements that `flowcanary elements` names, whose values decoders print alike: texts and numbers.
fn ours(record: Vec<(String, String)>, own: &[EnterpriseFieldDef]) -> Elements {
    let is_ours = |name: &str| {
        name == "flowId" || own.iter().any(|own| own.name == name && is_comparable(own.data_type))
    };
    // A query of DNS and its answer both have flags.
    record.into_iter().filter(|(name, _)| is_ours(name) && name != "dnsFlags").collect()
}

fn is_comparable(data_type: FieldDataType) -> bool {
    matches!(data_type, FieldDataType::String | FieldDataType::UnsignedDataNumber)
}

/// ipfixDump writes `(len: 4) http`.
fn plain(value: &str) -> String {
    let text = value.strip_prefix("(len: ").and_then(|rest| rest.split_once(')'));
    text.map_or(value, |(_, text)| text.strip_prefix(' ').unwrap_or(text)).to_owned()
}

/// The definitions that are printed for programs: number, name and type behind the enterprise.
fn own_elements() -> Vec<EnterpriseFieldDef> {
    let printed = Ended::of(program().args(["elements", "--format", "csv"]));
    let define = |line: &str| {
        let mut columns = line.split(',');
        let mut column = || columns.next().unwrap();
        let (pen, id, name) = (column().parse().unwrap(), column().parse().unwrap(), column());
        let data_type = match column() {
            "string" => FieldDataType::String,
            "dateTimeSeconds" => FieldDataType::DurationSeconds,
            "dateTimeMilliseconds" => FieldDataType::DurationMillis,
            "ipv4Address" => FieldDataType::Ip4Addr,
            "ipv6Address" => FieldDataType::Ip6Addr,
            "boolean" | "octetArray" => FieldDataType::Vec,
            unsigned if unsigned.starts_with("unsigned") => FieldDataType::UnsignedDataNumber,
            other => panic!("no type of it for {other}"),
        };
        EnterpriseFieldDef::new(pen, id, name, data_type)
    };
    printed.assert_status(0).stdout.lines().skip(1).map(define).collect()
}

/// All data records in a file, those of options too, message by message.
fn decode(path: &Path) -> Vec<Vec<(String, String)>> {
    let own = own_elements();
    let mut parser = NetflowParser::builder()
        .register_enterprise_fields(own.clone())
        .with_max_records_per_flowset(usize::from(u16::MAX))
        .with_max_decoded_field_values_per_message(1 << 20)
        .build()
        .unwrap();
    let octets = std::fs::read(path).unwrap();
    let (mut rest, mut records) = (&octets[..], Vec::new());
    while !rest.is_empty() {
        let (message, behind) = rest.split_at(u16::from_be_bytes([rest[2], rest[3]]).into());
        rest = behind;
        let parsed = parser.parse_bytes(message);
        assert!(parsed.error.is_none(), "{}: {:?}", path.display(), parsed.error);
        for packet in &parsed.packets {
            let NetflowPacket::IPFix(message) = packet else { panic!("{packet:?}") };
            for set in &message.flowsets {
                let found = match &set.body {
                    FlowSetBody::Data(data) => &data.fields,
                    FlowSetBody::OptionsData(data) => &data.fields,
                    FlowSetBody::NoTemplate(_) | FlowSetBody::Empty => panic!("{set:?}"),
                    _ => continue,
                };
                records.extend(found.iter().map(|record| elements(record, &own)));
            }
        }
    }
    records
}

fn elements(record: &[IPFixFieldPair], own: &[EnterpriseFieldDef]) -> Vec<(String, String)> {
    let element = |(field, value): &IPFixFieldPair| {
        let name = name(*field, own);
        let value = normal(&name, &text(&name, value));
        (name, value)
    };
    record.iter().map(element).collect()
}

/// It has its own way to write names, such as `SourceIpv4address`.
fn name(field: IPFixField, own: &[EnterpriseFieldDef]) -> String {
    let (IPFixField::IANA(_) | IPFixField::ReverseInformationElement(_) | IPFixField::Enterprise { .. }) =
        field
    else {
        panic!("{field:?}");
    };
    if let IPFixField::Enterprise { field_number, .. } = field {
        let known = own.iter().find(|known| known.field_number == field_number);
        return known.unwrap_or_else(|| panic!("{field:?}")).name.clone();
    }
    let printed = format!("{field:?}");
    let name = printed.split_once('(').unwrap().1.trim_end_matches(')');
    let (first, rest) = name.split_at(1);
    let name = first.to_lowercase() + rest;
    let name = name.replace("Ipv4address", "IPv4Address").replace("Ipv6address", "IPv6Address");
    let name = name.replace("Macaddress", "MacAddress").replace("2segment", "2Segment");
    name.replace("CodeIpv", "CodeIPv").replace("imumTtl", "imumTTL")
}

fn text(name: &str, value: &FieldValue) -> String {
    match value {
        FieldValue::String(text) => text.value.clone(),
        FieldValue::DataNumber(number) => number_text(number),
        FieldValue::Ip4Addr(address) => address.to_string(),
        FieldValue::Ip6Addr(address) => address.to_string(),
        FieldValue::MacAddr(octets) => octets.map(|octet| format!("{octet:02x}")).join(":"),
        FieldValue::ProtocolType(protocol) => u8::from(*protocol).to_string(),
        FieldValue::TcpControlBits(bits, _) => u16::from(*bits).to_string(),
        FieldValue::FlowEndReason(reason) => u8::from(*reason).to_string(),
        FieldValue::Duration(DurationValue::Millis { value, .. }) => time(*value),
        FieldValue::Duration(other) => format!("{other:?}"),
        // A label in three octets, with its traffic class and the bottom-of-stack bit.
        FieldValue::Vec(octets) if name.contains("abelStackSection") => {
            let [first, second, third] = octets[..] else { panic!("{name}: {octets:?}") };
            (u32::from_be_bytes([0, first, second, third]) >> 4).to_string()
        }
        other => format!("{other:?}"),
    }
}

fn number_text(number: &DataNumber) -> String {
    match number {
        DataNumber::U8(number) => number.to_string(),
        DataNumber::U16(number) => number.to_string(),
        DataNumber::U24(number) | DataNumber::U32(number) => number.to_string(),
        DataNumber::U64(number) => number.to_string(),
        other => panic!("{other:?}"),
    }
}

/// `2026-03-04 12:00:00.123`
fn time(milliseconds: u64) -> String {
    let seconds = i64::try_from(milliseconds / 1_000).unwrap();
    let whole = jiff::Timestamp::from_second(seconds).unwrap().strftime("%Y-%m-%d %H:%M:%S").to_string();
    format!("{whole}.{:03}", milliseconds % 1_000)
}
