//! Decoders of IPFIX files: ipfixDump, which is CERT's libfixbuf, and the Python package ipfix.

use std::{fs, path::Path};

use super::{
    captures,
    expected::{Elements, Expected, is_label, normal},
};
use crate::{
    parallel,
    program::{Ended, Flow, Replay, own_capture, tool},
    shared::workspace,
};

#[test]
fn ipfix_dump_finds_every_value() {
    parallel::each(&captures(), |capture| {
        let replay = Replay::of([capture], &["--application", "off"]);
        let mut command = tool("ipfixDump", "libfixbuf-tools");
        let dumped = Ended::of(command.arg("--rfc5610").arg("-i").arg(replay.ipfix()));
        let records = records_of_dump(&dumped.assert_status(0).stdout);
        let count = records.len();
        assert_same(capture, &replay, &of_flows(records));
        // Its exit status says nothing about damage; its last line does.
        let last = dumped.stdout.lines().rfind(|line| !line.is_empty()).unwrap_or_default();
        let messages = &replay.summary["outputs"][0]["messages"];
        let counts = format!("File Stats: {messages} Messages, {count} Data Records,");
        assert!(last.contains(&counts), "{}: {last}", capture.display());
    });
}

/// What is known of applications reaches a decoder that learns our elements from the file itself (RFC 5610).
#[test]
fn ipfix_dump_finds_applications_by_name() {
    let replay = Replay::of([own_capture("cryptojacking.pcap")], &[]);
    let mut command = tool("ipfixDump", "libfixbuf-tools");
    let dumped = Ended::of(command.arg("--rfc5610").arg("-i").arg(replay.ipfix()));
    let values = |name: &str| {
        let ending = format!(" {name}");
        let lines = dumped.assert_status(0).stdout.lines().filter_map(|line| line.split_once(" : "));
        let values = lines.filter(|(known, _)| known.ends_with(&ending)).map(|(_, value)| value);
        // A text follows its length: `(len: 4) http`.
        let values = values.map(|value| value.split_once(") ").map_or(value, |(_, text)| text).to_owned());
        sorted(values)
    };
    let known = |name: &str, key: &str| {
        let of = |flow: &Flow| {
            let application = flow.application()?;
            // Remote desktops have what is known of their TLS inside.
            let application =
                if application["name"] == name { application } else { application.get(name)? };
            let value = application.get(key)?;
            Some(value.as_str().map_or_else(|| value.to_string(), str::to_owned))
        };
        let values = sorted(replay.flows.iter().filter_map(of));
        assert!(values.len() > 3, "{name} {key}: {values:?}");
        values
    };
    assert_eq!(values("dnsQueryName"), known("dns", "rrname"));
    assert_eq!(values("dnsTransactionId"), known("dns", "id"));
    assert_eq!(values("httpRequestHost"), known("http", "hostname"));
    assert_eq!(values("httpStatusCode"), known("http", "status"));
    assert_eq!(values("tlsJa4"), known("tls", "ja4"));
}

fn sorted(values: impl Iterator<Item = String>) -> Vec<String> {
    let mut values: Vec<_> = values.collect();
    values.sort_unstable();
    values
}

#[test]
fn python_ipfix_finds_every_value() {
    parallel::each(&captures(), |capture| {
        let replay = Replay::of([capture], &["--application", "off"]);
        let mut command = tool("python3", "python3");
        // The package is Debian's, for Debian's Python; another one may come first on the path.
        if Path::new(SYSTEM_PYTHON).exists() {
            command = std::process::Command::new(SYSTEM_PYTHON);
        }
        let decoded = Ended::of(command.args(["-c", DECODE]).arg(replay.ipfix()));
        assert!(
            !decoded.stderr.contains("ModuleNotFoundError"),
            "the package python3-ipfix is not installed, and `make test` installs it: {}",
            decoded.stderr
        );
        let lines = decoded.assert_status(0).stdout.lines();
        let records: Vec<Elements> = lines.map(|line| named(serde_json::from_str(line).unwrap())).collect();
        assert_same(capture, &replay, &of_flows(records));
    });
}

/// A record of python-ipfix, which does not know our elements: `_ipfix_32473_1011` is `00:00:01:31` there.
fn named(record: Elements) -> Elements {
    let kept = fs::read_to_string(workspace().join("tests/elements/kept.csv")).unwrap();
    let name = |number: &str| {
        let mut known = kept.lines().filter_map(|line| line.split(',').collect::<Vec<_>>().try_into().ok());
        known.find_map(|[id, name, _]: [&str; 3]| (id == number).then(|| name.to_owned())).unwrap()
    };
    let own = |(element, value): (String, String)| match element.strip_prefix("_ipfix_32473_") {
        Some(number) => {
            let value = u64::from_str_radix(&value.replace(':', ""), 16);
            (name(number), value.map_or(element, |value| value.to_string()))
        }
        None => (element, value),
    };
    record.into_iter().map(own).collect()
}

/// Those of flows: they alone have an end. Options, such as statistics, are data records, too.
pub(super) fn of_flows(records: Vec<Elements>) -> Vec<Elements> {
    records.into_iter().filter(|record| record.contains_key("flowEndReason")).collect()
}

/// `records` are those of the flows, one by one and in the same order.
pub(super) fn assert_same(capture: &Path, replay: &Replay, records: &[Elements]) {
    replay.ended.assert_status(0);
    assert!(!records.is_empty(), "{}: no records", capture.display());
    assert_eq!(records.len(), replay.flows.len(), "{}", capture.display());
    for (flow, record) in replay.flows.iter().zip(records) {
        let decoded: Elements =
            record.iter().map(|(name, value)| (name.clone(), normal(name, value))).collect();
        assert_eq!(decoded, Expected::new(flow).elements(), "{}: {flow:?}", capture.display());
    }
}

/// The flags of a name's query and of its response are elements of one name; those that nobody has described have one, too.
///
/// Lines such as `(29305/1)    reverseOctetDeltaCount : 1397` below a line for each data record.
pub(super) fn records_of_dump(dumped: &str) -> Vec<Elements> {
    let mut records = Vec::new();
    let mut is_in_record = false;
    for line in dumped.lines() {
        if line.starts_with("---") {
            is_in_record = line.starts_with("--- data record");
            if is_in_record {
                records.push(Elements::new());
            }
        }
        let Some((name, value)) = line.split_once(" : ").filter(|_| is_in_record) else { continue };
        let Some((_, name)) = name.split_once(')') else { continue };
        let (name, value) = (name.trim(), value.trim());
        let value = if is_label(name) { label_of_dump(value) } else { value.to_owned() };
        if let Some(record) = records.last_mut() {
            let before = record.insert(name.to_owned(), value);
            let may_be_there_twice = ["_alienInformationElement", "dnsFlags"].contains(&name);
            assert!(before.is_none() || may_be_there_twice, "{name} is there twice: {record:?}");
        }
    }
    records
}

/// It prints three octets as a number, the first octet the lowest.
fn label_of_dump(value: &str) -> String {
    let [first, second, third, _] = value.parse::<u32>().unwrap().to_le_bytes();
    (u32::from_be_bytes([0, first, second, third]) >> 4).to_string()
}

const SYSTEM_PYTHON: &str = "/usr/bin/python3";
const DECODE: &str = "
import json, sys
import ipfix.ie, ipfix.reader
ipfix.ie.use_iana_default()
ipfix.ie.use_5103_default()

def text(name, value):
    if hasattr(value, 'strftime'):
        return value.strftime('%Y-%m-%d %H:%M:%S.') + f'{value.microsecond // 1000:03}'
    if isinstance(value, bytes) and 'abelStackSection' in name:
        return str(int.from_bytes(value, 'big') >> 4)
    if isinstance(value, bytes):
        return ':'.join(f'{octet:02x}' for octet in value)
    return str(value)

with open(sys.argv[1], 'rb') as file:
    for record in ipfix.reader.from_stream(file).namedict_iterator():
        print(json.dumps({name: text(name, value) for name, value in record.items()}))
";
