//! The definitions in the forms that collectors read. Each form is described where its collector is, in `docs/IPFIX.md`.

use std::fmt::Write as _;

use clap::ValueEnum;
use ipfix_export::{
    DataType, InformationElement, REVERSE_ENTERPRISE, Semantics, Units, VARIABLE_LENGTH, iana,
};

use super::{
    EXAMPLE_PEN, Element,
    registry::{ELEMENTS, RANGES},
};

/// Who is to read the definitions.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum ElementsFormat {
    /// People: a page of tables.
    Markdown,
    /// ipfixcol2: a file for the folder of its user elements.
    Libfds,
    /// pmacct: `aggregate_primitives`.
    Pmacct,
    /// goflow2: `-mapping`.
    Goflow2,
    /// Logstash: `ipfix_definitions`.
    Logstash,
    /// Filebeat: `custom_definitions`.
    Filebeat,
    /// Telegraf: `private_enterprise_number_files`.
    Telegraf,
    /// vFlow: `ipfix.elements`, which takes the place of its own.
    Vflow,
    /// libfixbuf: a registry, as `ipfixDump -e` reads it.
    Fixbuf,
    /// Programs: one line for each element.
    Csv,
}

/// The definitions under the enterprise number `pen`.
pub(super) fn definitions(format: ElementsFormat, pen: u32) -> String {
    match format {
        ElementsFormat::Markdown => markdown(pen),
        ElementsFormat::Libfds => libfds(pen),
        ElementsFormat::Pmacct => pmacct(pen),
        ElementsFormat::Goflow2 => goflow2(pen),
        ElementsFormat::Logstash | ElementsFormat::Filebeat => logstash(pen),
        ElementsFormat::Telegraf => telegraf(pen),
        ElementsFormat::Vflow => vflow(pen),
        ElementsFormat::Fixbuf => fixbuf(pen),
        ElementsFormat::Csv => csv(pen),
    }
}

fn markdown(pen: u32) -> String {
    let mut text = String::from(
        "# Information elements\n\n\
         The elements of our own that IPFIX carries. `flowcanary elements` prints this page and the definitions for collectors; both are made\n\
         from `probe/src/elements/registry.rs`. [IPFIX.md](IPFIX.md) says in which records they are.\n\n",
    );
    let example = if pen == EXAMPLE_PEN {
        ", which RFC 5612 sets aside for examples; `--pen` gives another"
    } else {
        ""
    };
    put(
        &mut text,
        format_args!(
            "The enterprise is {pen}{example}. Numbers and meanings never change, and none is used again.\n"
        ),
    );
    for range in RANGES {
        let elements = ELEMENTS.iter().filter(|element| (range.first..=range.last).contains(&element.id));
        let mut elements = elements.peekable();
        if elements.peek().is_none() {
            continue;
        }
        put(&mut text, format_args!("\n## {}: {} to {}\n\n", range.title, range.first, range.last));
        text.push_str("| id | name | type | semantics | units | description |\n|---|---|---|---|---|---|\n");
        for element in elements {
            let Element { id, name, data_type, semantics, units, description } = element;
            let (semantics, units) = (semantics_name(*semantics), units_name(*units));
            put(
                &mut text,
                format_args!("| {id} | `{name}` | {data_type} | {semantics} | {units} | {description} |\n"),
            );
        }
    }
    text
}

fn libfds(pen: u32) -> String {
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<ipfix-elements>\n  \
         <scope><pen>{pen}</pen><name>flowcanary</name><biflow mode=\"none\"></biflow></scope>\n"
    );
    for Element { id, name, data_type, semantics, units, .. } in ELEMENTS {
        let (semantics, units) = (semantics_name(*semantics), units_name(*units));
        put(
            &mut text,
            format_args!("  <element><id>{id}</id><name>{name}</name><dataType>{data_type}</dataType>"),
        );
        put(&mut text, format_args!("<dataSemantics>{semantics}</dataSemantics><units>{units}</units>"));
        text.push_str("<status>current</status></element>\n");
    }
    text + "</ipfix-elements>\n"
}

/// Spaces around `=` are forbidden there. It takes a limited number of lines: those of records that it leaves aside by itself come last, and
/// what is too much is there as a comment.
fn pmacct(pen: u32) -> String {
    let reverse = iana::ELEMENTS.iter().filter(|element| matches!(element.id(), 1 | 2));
    let reverse = reverse.filter_map(|element| element.reverse().ok());
    let mut lines: Vec<_> = reverse
        .map(|element| {
            let (name, id) = (snake_case(element.name()), element.id());
            format!("name={name} field_type={REVERSE_ENTERPRISE}:{id} len=8 semantics=u_int")
        })
        .collect();
    let mut elements: Vec<_> = ELEMENTS.iter().collect();
    elements.sort_by_key(|element| {
        PMACCT_LAST.iter().position(|range| range.contains(&element.id)).map_or(0, |place| place + 1)
    });
    lines.extend(elements.into_iter().map(|Element { id, name, data_type, .. }| {
        let semantics = match data_type {
            DataType::String => "str",
            DataType::OctetArray => "raw",
            DataType::Ipv4Address | DataType::Ipv6Address => "ip",
            _ => "u_int",
        };
        let length = match data_type.natural_length() {
            VARIABLE_LENGTH => "vlen".to_owned(),
            octets => octets.to_string(),
        };
        format!("name={} field_type={pen}:{id} len={length} semantics={semantics}", snake_case(name))
    }));
    let mut text = String::new();
    for (place, line) in lines.into_iter().enumerate() {
        put(&mut text, format_args!("{}{line}\n", if place < PMACCT_LINES { "" } else { "! " }));
    }
    text
}

fn goflow2(pen: u32) -> String {
    let reverse =
        [("reverse_octets", REVERSE_ENTERPRISE, 1, false), ("reverse_packets", REVERSE_ENTERPRISE, 2, false)];
    let own = ELEMENTS.iter().map(|element| {
        let is_text = matches!(
            element.data_type,
            DataType::String | DataType::OctetArray | DataType::Ipv4Address | DataType::Ipv6Address
        );
        (element.name, pen, element.id, is_text)
    });
    let elements: Vec<_> = reverse
        .into_iter()
        .chain(own)
        .map(|(name, pen, id, text)| (snake_case(name), pen, id, text))
        .collect();
    let mut text = String::from("formatter:\n  fields:\n");
    for name in ["type", "src_addr", "dst_addr", "src_port", "dst_port", "proto", "bytes", "packets"] {
        put(&mut text, format_args!("    - {name}\n"));
    }
    for (name, ..) in &elements {
        put(&mut text, format_args!("    - {name}\n"));
    }
    text.push_str("  protobuf:\n");
    // Indices below are those of its own fields.
    for (index, (name, _, _, is_text)) in (GOFLOW2_INDEX..).zip(&elements) {
        let kind = if *is_text { "string" } else { "varint" };
        put(&mut text, format_args!("    - {{name: {name}, index: {index}, type: {kind}}}\n"));
    }
    text.push_str("ipfix:\n  mapping:\n");
    for (name, pen, id, _) in &elements {
        put(
            &mut text,
            format_args!("    - {{field: {id}, penprovided: true, pen: {pen}, destination: {name}}}\n"),
        );
    }
    text
}

/// Filebeat reads the same.
fn logstash(pen: u32) -> String {
    let mut text = format!("{pen}:\n");
    for Element { id, name, data_type, .. } in ELEMENTS {
        let kind = match data_type {
            DataType::Unsigned8 | DataType::Boolean => "uint8",
            DataType::Unsigned16 => "uint16",
            DataType::Unsigned32 => "uint32",
            DataType::Ipv4Address => "ip4_addr",
            DataType::Ipv6Address => "ip6_addr",
            DataType::String => "string",
            DataType::OctetArray => "octetarray",
            _ => "uint64",
        };
        put(&mut text, format_args!("  {id}: [\":{kind}\", \":{name}\"]\n"));
    }
    text
}

fn telegraf(pen: u32) -> String {
    let mut text =
        format!("{REVERSE_ENTERPRISE}.1,reverse_octets,uint\n{REVERSE_ENTERPRISE}.2,reverse_packets,uint\n");
    for Element { id, name, data_type, .. } in ELEMENTS {
        let kind = match data_type {
            DataType::Boolean => "bool",
            DataType::Ipv4Address | DataType::Ipv6Address => "ip",
            DataType::String => "string",
            DataType::OctetArray => "hex",
            _ => "uint",
        };
        put(&mut text, format_args!("{pen}.{id},{},{kind}\n", snake_case(name)));
    }
    text
}

/// The file takes the place of the program's own: all elements of IANA and their reverse ones are in it.
fn vflow(pen: u32) -> String {
    let mut text = String::from("0:\n");
    let put_element = |element: &InformationElement, text: &mut String| {
        put(text, format_args!("  {}: [{}, {}]\n", element.id(), element.name(), element.data_type()));
    };
    for element in iana::ELEMENTS {
        put_element(element, &mut text);
    }
    put(&mut text, format_args!("{REVERSE_ENTERPRISE}:\n"));
    for element in iana::ELEMENTS.iter().filter_map(|element| element.reverse().ok()) {
        put_element(&element, &mut text);
    }
    put(&mut text, format_args!("{pen}:\n"));
    for Element { id, name, data_type, .. } in ELEMENTS {
        put(&mut text, format_args!("  {id}: [{name}, {data_type}]\n"));
    }
    text
}

/// In the shape of IANA's registry, as CERT's tools extend it.
fn fixbuf(pen: u32) -> String {
    let mut text = String::from(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <registry xmlns=\"http://www.iana.org/assignments\" xmlns:cert=\"http://www.cert.org/ipfix\" id=\"flowcanary\">\n  \
         <title>flowcanary</title>\n  <registry id=\"flowcanary-information-elements\">\n    <title>flowcanary</title>\n",
    );
    for Element { id, name, data_type, semantics, units, description } in ELEMENTS {
        let (semantics, units) = (semantics_name(*semantics), units_name(*units));
        put(&mut text, format_args!("    <record>\n      <cert:enterpriseId>{pen}</cert:enterpriseId>\n"));
        put(&mut text, format_args!("      <name>{name}</name>\n      <dataType>{data_type}</dataType>\n"));
        put(&mut text, format_args!("      <dataTypeSemantics>{semantics}</dataTypeSemantics>\n"));
        put(&mut text, format_args!("      <elementId>{id}</elementId>\n      <status>current</status>\n"));
        let description = description.replace('&', "&amp;").replace('<', "&lt;");
        put(
            &mut text,
            format_args!("      <description><paragraph>{description}</paragraph></description>\n"),
        );
        put(&mut text, format_args!("      <units>{units}</units>\n    </record>\n"));
    }
    text + "  </registry>\n</registry>\n"
}

fn csv(pen: u32) -> String {
    let mut text = String::from("pen,id,name,type,semantics,units,description\n");
    for Element { id, name, data_type, semantics, units, description } in ELEMENTS {
        let (semantics, units) = (semantics_name(*semantics), units_name(*units));
        let description = description.replace('"', "\"\"");
        put(&mut text, format_args!("{pen},{id},{name},{data_type},{semantics},{units},\"{description}\"\n"));
    }
    text
}

/// Writing to a text does not fail.
fn put(text: &mut String, more: std::fmt::Arguments<'_>) {
    text.write_fmt(more).ok();
}

/// `hashRateLowerBound` as `hash_rate_lower_bound`, `victimIPv4Address` as `victim_ipv4_address`.
fn snake_case(name: &str) -> String {
    let name = name.replace("IPv", "Ipv");
    let mut text = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() {
            text.push('_');
        }
        text.push(letter.to_ascii_lowercase());
    }
    text
}

/// As the registry of IANA has it.
const fn semantics_name(semantics: Semantics) -> &'static str {
    match semantics {
        Semantics::Quantity => "quantity",
        Semantics::TotalCounter => "totalCounter",
        Semantics::DeltaCounter => "deltaCounter",
        Semantics::Identifier => "identifier",
        Semantics::Flags => "flags",
        Semantics::List => "list",
        _ => "default",
    }
}

const fn units_name(units: Units) -> &'static str {
    match units {
        Units::Bits => "bits",
        Units::Octets => "octets",
        Units::Packets => "packets",
        Units::Flows => "flows",
        Units::Seconds => "seconds",
        Units::Milliseconds => "milliseconds",
        Units::Microseconds => "microseconds",
        Units::Nanoseconds => "nanoseconds",
        Units::Messages => "messages",
        Units::Hops => "hops",
        Units::Ports => "ports",
        _ => "none",
    }
}

/// It takes 64 (version 1.7.7, tried). The rest is for elements of others.
const PMACCT_LINES: usize = 60;
/// Findings, then statistics.
const PMACCT_LAST: [std::ops::RangeInclusive<u16>; 2] = [1040..=1099, 1140..=1179];
/// Its own numbers end below.
const GOFLOW2_INDEX: u32 = 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_snake_case() {
        assert_eq!(snake_case("hashRateLowerBound"), "hash_rate_lower_bound");
        assert_eq!(snake_case("victimIPv4Address"), "victim_ipv4_address");
    }

    #[test]
    fn every_form_has_every_element_and_the_enterprise() {
        for format in ElementsFormat::value_variants() {
            let text = definitions(*format, 9_999);
            for Element { id, name, .. } in ELEMENTS {
                let is_named = text.contains(name) || text.contains(&snake_case(name));
                assert!(is_named && text.contains(&id.to_string()), "{format:?}: {name}");
            }
            assert!(text.contains("9999"), "{format:?}");
        }
    }

    #[test]
    fn lines_are_those_that_collectors_were_tried_with() {
        let has = |format, line: &str| {
            let text = definitions(format, EXAMPLE_PEN);
            assert!(text.lines().any(|found| found.trim() == line), "{format:?}: {line}");
        };
        has(ElementsFormat::Pmacct, "name=incident_id field_type=32473:1002 len=8 semantics=u_int");
        has(ElementsFormat::Pmacct, "name=attack_techniques field_type=32473:1047 len=vlen semantics=str");
        has(ElementsFormat::Logstash, "1042: [\":string\", \":findingName\"]");
        has(ElementsFormat::Telegraf, "32473.1002,incident_id,uint");
        has(
            ElementsFormat::Goflow2,
            "- {field: 1002, penprovided: true, pen: 32473, destination: incident_id}",
        );
        has(ElementsFormat::Vflow, "1: [reverseOctetDeltaCount, unsigned64]");
        has(ElementsFormat::Vflow, "1002: [incidentId, unsigned64]");
    }
}
