//! tshark dissects the datagrams that the program sends.

use std::{
    fs,
    net::UdpSocket,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use etherparse::PacketBuilder;

use super::{captures, expected::Expected};
use crate::{
    parallel,
    program::{Ended, Flow, read_flows, replay, tool},
};

#[test]
fn tshark_finds_nothing_wrong_and_every_count() {
    parallel::each(&captures(), |capture| assert_dissected(capture));
}

#[test]
fn no_message_is_larger_than_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let flows = folder.path().join("flows.jsonl");
    let capture = &captures()[0];
    for octets in [512, 1_400] {
        let messages = sent(capture, &flows, &["--message-octets", &octets.to_string()]);
        let largest = messages.iter().map(Vec::len).max().unwrap_or_default();
        assert!(largest <= octets && largest > octets - 200, "{largest} octets where {octets} are allowed");
    }
}

fn assert_dissected(capture: &Path) {
    let folder = tempfile::tempdir().unwrap();
    let flows = folder.path().join("flows.jsonl");
    let messages = sent(capture, &flows, &[]);
    assert!(!messages.is_empty(), "{}", capture.display());
    let wrapped = folder.path().join("messages.pcap");
    fs::write(&wrapped, pcap_of(&messages)).unwrap();

    let mut command = tool("tshark", "tshark");
    command.arg("-r").arg(&wrapped).args(["-d", &format!("udp.port=={PORT},cflow"), "-T", "fields"]);
    // Faults first, then what is counted.
    for field in FAULTS.iter().chain(&FIELDS) {
        command.args(["-e", field]);
    }
    let dissected = Ended::of(&mut command);
    let lines: Vec<_> = dissected.assert_status(0).stdout.lines().collect();
    assert_eq!(lines.len(), messages.len(), "{}", capture.display());
    let mut found = vec![Vec::new(); FIELDS.len()];
    for line in lines {
        let values: Vec<_> = line.split('\t').collect();
        let (faults, values) = values.split_at(FAULTS.len());
        assert!(faults.iter().all(|fault| fault.is_empty()), "{}: {faults:?}", capture.display());
        for (found, values) in found.iter_mut().zip(values) {
            found.extend(values.split(',').filter(|value| !value.is_empty()).map(str::to_owned));
        }
    }
    let expected = of_flows(&read_flows(&flows));
    for ((field, found), expected) in FIELDS.iter().zip(found).zip(expected) {
        assert!(found == expected, "{}: {field}: {found:?} is not {expected:?}", capture.display());
    }
}

/// The messages that are sent for `capture`.
fn sent(capture: &Path, flows: &PathBuf, arguments: &[&str]) -> Vec<Vec<u8>> {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(A_MOMENT)).unwrap();
    let mut command = replay([capture]);
    let url = format!("udp://{}", socket.local_addr().unwrap());
    command.args(["--summary", "none", "--export", &url, "--flows"]).arg(flows).args(arguments);
    thread::scope(|scope| {
        let running = scope.spawn(|| Ended::of(&mut command));
        let (mut messages, mut buffer) = (Vec::new(), vec![0; 65_535]);
        loop {
            let has_ended = running.is_finished();
            match socket.recv(&mut buffer) {
                Ok(length) => messages.push(buffer[..length].to_vec()),
                // What was sent before the end has arrived by now.
                Err(_) if has_ended => break,
                Err(_) => {}
            }
        }
        let ended = running.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        assert_eq!((ended.status, ended.complaints()), (0, vec![]), "{}", capture.display());
        messages
    })
}

/// A pcap file of raw IP packets with the messages.
fn pcap_of(messages: &[Vec<u8>]) -> Vec<u8> {
    let mut file = Vec::new();
    // Magic number, version 2.4, two unused fields, snap length, LINKTYPE_RAW.
    for word in [0xa1b2_c3d4, 0x0004_0002, 0, 0, 0x0004_0000, 101_u32] {
        file.extend(word.to_le_bytes());
    }
    for message in messages {
        let builder = PacketBuilder::ipv4([192, 0, 2, 1], [192, 0, 2, 2], 64).udp(PORT, PORT);
        let mut packet = Vec::new();
        builder.write(&mut packet, message).unwrap();
        let length = u32::try_from(packet.len()).unwrap();
        for word in [1_700_000_000, 0, length, length] {
            file.extend(word.to_le_bytes());
        }
        file.extend(packet);
    }
    file
}

/// For each of [`FIELDS`], its values in all records, in their order.
fn of_flows(flows: &[Flow]) -> Vec<Vec<String>> {
    let mut values = vec![Vec::new(); FIELDS.len()];
    for flow in flows {
        let expected = Expected::new(flow);
        let [source, destination] = expected.ends();
        let (v4, v6) = if expected.is_v6() { (None, Some(())) } else { (Some(()), None) };
        // The reverse way stands before the other.
        let ways: &[bool] = if expected.is_bidirectional() { &[true, false] } else { &[false] };
        let number = |column: &str| -> Vec<_> {
            ways.iter().map(|way| expected.number(column, *way).unwrap_or_default().to_string()).collect()
        };
        let of_record = [
            number("octets"),
            number("packets"),
            number("minimum_ttl"),
            number("maximum_ttl"),
            v4.map(|()| source.0.to_owned()).into_iter().collect(),
            v4.map(|()| destination.0.to_owned()).into_iter().collect(),
            v6.map(|()| source.0.to_owned()).into_iter().collect(),
            v6.map(|()| destination.0.to_owned()).into_iter().collect(),
            vec![source.1.to_string()],
            vec![destination.1.to_string()],
            vec![expected.protocol().to_string()],
        ];
        for (values, of_record) in values.iter_mut().zip(of_record) {
            values.extend(of_record);
        }
    }
    values
}

/// Fields that are there only where something is wrong.
const FAULTS: [&str; 4] = [
    "_ws.malformed",
    "_ws.expert.message",
    "cflow.sequence_analysis.expected_sn",
    "cflow.unknown_field_type",
];
const FIELDS: [&str; 11] = [
    "cflow.octets",
    "cflow.packets",
    "cflow.ttl_min",
    "cflow.ttl_max",
    "cflow.srcaddr",
    "cflow.dstaddr",
    "cflow.srcaddrv6",
    "cflow.dstaddrv6",
    "cflow.srcport",
    "cflow.dstport",
    "cflow.protocol",
];
/// RFC 7011, 10.3.4.
const PORT: u16 = 4_739;
const A_MOMENT: Duration = Duration::from_millis(300);
