//! Findings and statistics, as decoders of IPFIX read them.

use std::{collections::BTreeSet, fmt::Write as _, path::Path, time::Duration};

use pcaps::{
    conversation::{Close, Conversation, Side},
    host::{Host, Stack, ipv4},
    recording::Recording,
};

use super::file_decoders::records_of_dump;
use crate::{
    kept::assert_as_kept,
    parallel,
    program::{self, Ended, Replay, file_url, own_capture, program, tool},
    shared::{corpus, folder, workspace},
};

/// Elements by name and value, of each record that has one named `name`.
fn records_with(name: &str, dumped: &str) -> Vec<Vec<(String, String)>> {
    let records = records_of_dump(dumped).into_iter();
    let records = records.map(|record| record.into_iter().collect::<Vec<_>>());
    records.filter(|record| record.iter().any(|(found, _)| without_scope(found) == name)).collect()
}

/// Scope fields are marked.
fn without_scope(name: &str) -> &str {
    name.trim_start_matches("(S)").trim()
}

fn dump(file: &Path, arguments: &[&str]) -> String {
    let mut command = tool("ipfixDump", "libfixbuf-tools");
    Ended::of(command.args(arguments).arg("-i").arg(file)).assert_status(0).stdout.clone()
}

/// Names and types come from the type records alone.
#[test]
fn findings_of_cryptojacking_are_as_kept() {
    let replay = Replay::of([own_capture("cryptojacking.pcap")], &[]);
    let mut text = String::new();
    for record in records_with("findingName", &dump(&replay.ipfix(), &["--rfc5610"])) {
        for (name, value) in record {
            writeln!(text, "{}: {value}", without_scope(&name)).unwrap();
        }
        text.push('\n');
    }
    assert_as_kept(&workspace().join("tests/elements/cryptojacking.findings.txt"), &text);
}

#[test]
fn statistics_of_cryptojacking_add_up() {
    let replay = Replay::of([own_capture("cryptojacking.pcap")], &[]);
    let dumped = dump(&replay.ipfix(), &["--rfc5610"]);
    let one = |name: &str| {
        let records = records_with(name, &dumped);
        let [record] = &records[..] else { panic!("{} records with {name}", records.len()) };
        let value = |name: &str| {
            let found = record.iter().find(|(found, _)| without_scope(found) == name);
            found.unwrap_or_else(|| panic!("{name}: {record:?}")).1.parse::<i64>().unwrap()
        };
        LEDGER
            .iter()
            .chain(&OTHERS)
            .filter(|name| record.iter().any(|(found, _)| without_scope(found) == **name))
            .map(|name| (*name, value(name)))
            .collect::<std::collections::BTreeMap<_, _>>()
    };
    let ledger = one("receivedPacketTotalCount");
    assert_eq!(ledger["receivedPacketTotalCount"], replay.packets("received"));
    assert_eq!(ledger["meteredPacketTotalCount"], replay.packets("metered"));
    let parts: i64 = LEDGER[1..].iter().map(|part| ledger[part]).sum();
    assert_eq!(parts, ledger["receivedPacketTotalCount"]);
    assert_eq!(one("ignoredPacketTotalCount")["ignoredPacketTotalCount"], replay.packets("undecoded"));
    assert_eq!(one("notSentFlowTotalCount")["notSentFlowTotalCount"], 0);
    let sent = one("exportedFlowRecordTotalCount");
    assert_eq!(sent["exportedFlowRecordTotalCount"], i64::try_from(replay.flows.len()).unwrap());
    assert_eq!(sent["observedFlowTotalCount"], replay.summary["flows"]["flows"].as_i64().unwrap());
    // All but the message that says so.
    let messages = replay.summary["outputs"][0]["messages"].as_i64().unwrap();
    assert_eq!(sent["exportedMessageTotalCount"], messages - 1);
    let octets = i64::try_from(replay.ipfix().metadata().unwrap().len()).unwrap();
    assert!((octets - 4_000..octets).contains(&sent["exportedOctetTotalCount"]), "{sent:?} of {octets}");
}

/// The definitions that are printed for libfixbuf name all that the type records name.
#[test]
fn libfixbuf_reads_our_definitions_from_a_file() {
    let replay = Replay::of([own_capture("cryptojacking.pcap")], &["--pen", "9999", "--findings", "inline"]);
    let definitions = tempfile::NamedTempFile::new().unwrap();
    let printed = Ended::of(program().args(["elements", "--format", "fixbuf", "--pen", "9999"]));
    std::fs::write(definitions.path(), &printed.assert_status(0).stdout).unwrap();
    let by_file = dump(&replay.ipfix(), &["-e", definitions.path().to_str().unwrap()]);
    assert_eq!(by_file, dump(&replay.ipfix(), &["--rfc5610"]));
    assert!(by_file.contains("(9999/1040)") && by_file.contains("findingId"), "{by_file}");
    assert!(!by_file.contains("alienInformationElement"));
}

/// In messages that are smaller than they were made for, texts are cut, and that is said in each way that counts are.
#[test]
fn texts_that_were_cut_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let capture = folder.path().join("long.pcap");
    std::fs::write(&capture, long_request()).unwrap();
    let name = "shortenedFlowRecordTotalCount";
    for (octets, host_octets) in [("1400", 250), ("512", 104)] {
        let replay = Replay::of([&capture], &["--message-octets", octets]);
        let output = &replay.summary["outputs"][0];
        assert_eq!((&output["records"], &output["lost_records"]), (&1.into(), &0.into()));
        let dumped = dump(&replay.ipfix(), &["--rfc5610"]);
        let host = records_with("httpRequestHost", &dumped);
        let [record] = &host[..] else { panic!("{host:?}") };
        let (_, host) = record.iter().find(|(found, _)| found == "httpRequestHost").unwrap();
        assert_eq!(*host, format!("(len: {host_octets}) {}", "h".repeat(host_octets)));
        let said = records_with(name, &dumped);
        if octets == "1400" {
            assert!(output.get("shortened_records").is_none() && said.is_empty(), "{output} {said:?}");
            continue;
        }
        assert_eq!(output["shortened_records"], 1);
        assert!(said[0].contains(&(name.to_owned(), "1".to_owned())) && said.len() == 1, "{said:?}");
        let mut again = program::replay([&capture]);
        again.args(["--message-octets", octets, "--export"]).arg(file_url(&replay.ipfix()));
        let printed = Ended::of(&mut again);
        assert!(printed.stderr.contains(", 1 with texts cut"), "{printed:?}");
    }
}

/// A capture of a request whose texts are long, and that nothing answers.
fn long_request() -> Vec<u8> {
    let mut recording = Recording::seeded("long request");
    let host = |last| Host::here(ipv4([192, 0, 2], last), Stack::Linux);
    let (client, server) = (host(1).port(50_000), host(2).port(80));
    let path = pcaps::host::Path::near();
    let mut conversation = Conversation::open(&mut recording, path, client, server, Duration::ZERO);
    let [target, host, agent] = [("t", 300), ("h", 250), ("a", 250)].map(|(text, times)| text.repeat(times));
    let request = format!("GET /{target} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {agent}\r\n\r\n");
    conversation.client(request.as_bytes());
    conversation.close(Close::Reset(Side::Client));
    recording.into_capture(Duration::from_secs(1_700_000_000), Duration::from_mins(1))
}

/// A record tells its template's keys: addresses, ports and protocol.
#[test]
fn flow_keys_are_said_of_each_template() {
    let replay = Replay::of([own_capture("tunnels.pcap")], &[]);
    let dumped = dump(&replay.ipfix(), &["--rfc5610"]);
    let said = records_with("flowKeyIndicator", &dumped);
    let templates: BTreeSet<_> = dumped
        .split("--- template record ---")
        .skip(1)
        .map(|text| {
            let id = text.split("tid:").nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
            let fields = text
                .split("fields:")
                .nth(1)
                .unwrap()
                .lines()
                .skip(1)
                .take_while(|line| line.starts_with('\t'));
            let is_key = |line: &str| {
                line.contains("ent:     0") && KEYS.iter().any(|key| line.trim_end().ends_with(key))
            };
            let bits = fields
                .enumerate()
                .filter(|(_, line)| is_key(line))
                .fold(0_u64, |bits, (place, _)| bits | 1 << place);
            (id, bits.to_string())
        })
        .collect();
    let said: BTreeSet<_> = said
        .into_iter()
        .map(|record| {
            let value =
                |name: &str| record.iter().find(|(found, _)| without_scope(found) == name).unwrap().1.clone();
            (value("templateId"), value("flowKeyIndicator"))
        })
        .collect();
    assert!(templates.len() > 5);
    assert_eq!(said, templates);
}

#[test]
fn sampling_is_said_before_all_flows() {
    let arguments = ["--sample", "1:4", "--ipfix-profile", "nfdump"];
    let replay = Replay::of([own_capture("cryptojacking.pcap")], &arguments);
    let dumped = dump(&replay.ipfix(), &[]);
    let records = records_of_dump(&dumped);
    let first = &records[0];
    let value =
        |name: &str| first.iter().find(|(found, _)| without_scope(found) == name).map(|(_, value)| &**value);
    let expected = [
        ("samplingPacketInterval", "1"),
        ("samplingPacketSpace", "3"),
        ("selectorName", "(len: 11) 1:4 by flow"),
    ];
    for (name, expected) in expected {
        assert_eq!(value(name), Some(expected), "{first:?}");
    }
    assert_eq!(records.len(), replay.flows.len() + 1);
}

/// As python-ipfix reads them, which takes the seconds since 1900 for those since 1970.
#[test]
fn times_in_microseconds_are_those_of_the_packets() {
    let replay = Replay::of([own_capture("cryptojacking.pcap")], &["--ipfix-profile", "fixbuf"]);
    let mut command = tool("python3", "python3");
    if Path::new(SYSTEM_PYTHON).exists() {
        command = std::process::Command::new(SYSTEM_PYTHON);
    }
    let decoded = Ended::of(command.args(["-c", MICROSECONDS]).arg(replay.ipfix()));
    let lines: Vec<_> = decoded.assert_status(0).stdout.lines().collect();
    assert_eq!(lines.len(), replay.flows.len());
    for (flow, line) in replay.flows.iter().zip(lines) {
        // It cuts, or rounds: a microsecond is no matter.
        let found: Vec<i64> = line.split(' ').map(|number| number.parse().unwrap()).collect();
        let way = if flow.number("packets") == 0 { "reverse" } else { "forward" };
        for (end, found) in ["start", "end"].iter().zip(found) {
            let time: jiff::Timestamp = flow.text(&format!("{way}_{end}")).parse().unwrap();
            assert!((time.as_microsecond() + NTP_UNIX_EPOCH_US - found).abs() <= 1, "{found}: {flow:?}");
        }
    }
}

/// Which records there are by mode: options, flows with an incident, data.
#[test]
fn findings_are_where_they_were_asked_for() {
    let of = |mode| {
        let replay = Replay::of([own_capture("cryptojacking.pcap")], &["--findings", mode]);
        let dumped = dump(&replay.ipfix(), &["--rfc5610"]);
        let findings = records_with("findingName", &dumped);
        let in_scope = findings.iter().flatten().filter(|(name, _)| name.starts_with("(S)")).count();
        let linked = records_with("flowEndReason", &dumped).into_iter().filter(|record| {
            record.iter().any(|(name, value)| name == "incidentId" && value == "7864418954363276")
        });
        // Flow files say it always.
        let id = format!("{:013x}", 7_864_418_954_363_276_u64);
        let in_files =
            replay.flows.iter().filter(|flow| flow.optional_text("incident_id") == Some(&id)).count();
        assert_eq!(linked.clone().count(), if mode == "inline" { in_files } else { 0 }, "{mode}");
        (findings.len(), in_scope, linked.count(), replay.flows.len())
    };
    let (findings, in_scope, linked, flows) = of("inline");
    assert!(findings > 10 && in_scope == findings && linked > 5 && linked < flows / 4);
    assert_eq!(of("options"), (findings, findings, 0, flows));
    assert_eq!(of("data"), (findings, 0, 0, flows));
    assert_eq!(of("off"), (0, 0, 0, flows));
}

#[test]
fn two_collectors_get_the_same() {
    let other = tempfile::NamedTempFile::new().unwrap();
    let url = file_url(other.path());
    let replay = Replay::of([own_capture("cryptojacking.pcap")], &["--export", &url]);
    assert!(std::fs::read(replay.ipfix()).unwrap() == std::fs::read(other.path()).unwrap());
}

/// What holds for one worker holds for more, with all that is not flows.
#[test]
fn the_octets_are_the_same_for_any_number_of_workers_in_every_profile() {
    for (profile, findings) in
        [("default", "inline"), ("uniflow", "data"), ("fixbuf", "options"), ("pmacct177", "off")]
    {
        let of = |workers: &str| {
            let arguments = ["--workers", workers, "--ipfix-profile", profile, "--findings", findings];
            std::fs::read(Replay::of([own_capture("cryptojacking.pcap")], &arguments).ipfix()).unwrap()
        };
        assert!(of("1") == of("3"), "{profile}");
    }
}

/// The strict checks of a decoder that shares no code with the exporter.
#[test]
fn nothing_is_wrong_by_the_letter_of_rfc_7011() {
    let Some(tools) = folder("tools") else { return };
    let captures: Vec<_> = corpus().into_iter().step_by(EVERY).collect();
    parallel::each(&captures, |capture| {
        for arguments in
            [&["--findings", "inline"][..], &["--ipfix-profile", "uniflow", "--findings", "data"]]
        {
            let replay = Replay::of([capture], arguments);
            let mut command = tool("python3", "python3");
            let checked =
                Ended::of(command.arg(tools.join("ipfix_decode.py")).arg("--check").arg(replay.ipfix()));
            assert_eq!(checked.status, 0, "{}: {checked:?}", capture.display());
        }
    });
}

/// From 1900 to 1970.
const NTP_UNIX_EPOCH_US: i64 = 2_208_988_800_000_000;
const SYSTEM_PYTHON: &str = "/usr/bin/python3";
const MICROSECONDS: &str = "
import sys
import ipfix.ie, ipfix.reader
from datetime import datetime, timedelta, timezone
ipfix.ie.use_iana_default()
ipfix.ie.use_5103_default()

def microseconds(time):
    time = time if time.tzinfo else time.replace(tzinfo=timezone.utc)
    return (time - datetime(1970, 1, 1, tzinfo=timezone.utc)) // timedelta(microseconds=1)

with open(sys.argv[1], 'rb') as file:
    for record in ipfix.reader.from_stream(file).namedict_iterator():
        if 'flowEndReason' in record:
            print(*(microseconds(record[name]) for name in ('flowStartMicroseconds', 'flowEndMicroseconds')))
";
/// So many captures of the corpus are left out for one that is not.
const EVERY: usize = 12;
const LEDGER: [&str; 6] = [
    "receivedPacketTotalCount",
    "meteredPacketTotalCount",
    "tunnelFragmentTotalCount",
    "filteredPacketTotalCount",
    "sampledOutPacketTotalCount",
    "undecodedPacketTotalCount",
];
const OTHERS: [&str; 6] = [
    "ignoredPacketTotalCount",
    "notSentFlowTotalCount",
    "exportedFlowRecordTotalCount",
    "exportedMessageTotalCount",
    "exportedOctetTotalCount",
    "observedFlowTotalCount",
];
const KEYS: [&str; 8] = [
    " sourceIPv4Address",
    " destinationIPv4Address",
    " sourceIPv6Address",
    " destinationIPv6Address",
    " sourceTransportPort",
    " destinationTransportPort",
    " protocolIdentifier",
    " layer2SegmentId",
];
