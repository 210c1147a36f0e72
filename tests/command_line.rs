//! What the program says to its user: exit statuses and messages.

use std::{
    fs::{self, File},
    io::Write as _,
    path::{Path, PathBuf},
    process::Command,
};

use flate2::{Compression, write::GzEncoder};
use serde_json::Value;

use crate::program::{Ended, Flow, Replay, file_url, own_capture, parse_flows, program, read_flows, replay};

#[test]
fn what_cannot_be_read_is_refused_with_its_reason() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing.pcap");
    assert_refused(&mut replay([&missing]), 1, &[&name(&missing), "No such file or directory"]);
    assert_refused(&mut replay([folder.path()]), 1, &[&name(folder.path()), "Is a directory"]);
}

#[test]
fn what_is_no_capture_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("page.pcap");
    fs::write(&page, "This is a page of text, and long enough to be one.\n").unwrap();
    assert_refused(&mut replay([&page]), 1, &[&name(&page), "not a capture", "pcap and pcapng are read"]);

    let compressed = folder.path().join("capture.pcap.xz");
    fs::write(&compressed, b"\xfd7zXZ\0\0\x04\xe6\xd6\xb4\x46\x02\0\x21\x01\x1c\0\0\0").unwrap();
    assert_refused(&mut replay([&compressed]), 1, &[&name(&compressed), "xz", "decompress it first"]);

    // One that is none among others that are: nothing is metered.
    let flows = folder.path().join("flows.jsonl");
    let mut command = replay([tunnels(), page]);
    assert_refused(command.arg("--flows").arg(&flows), 1, &["page.pcap: not a capture"]);
    assert!(!flows.exists());
}

#[test]
fn standard_input_is_named_once_at_most() {
    assert_refused(&mut replay(["-", "-"]), 2, &["standard input", "only once"]);
}

#[test]
fn wrong_arguments_are_wrong_usage() {
    let refused = |arguments: &[&str], says: &[&str]| {
        assert_refused(replay([tunnels()]).args(arguments), 2, says);
    };
    refused(&["--filter", "tcp porrt 3389"], &["tcp porrt 3389", "pcap-filter(7)"]);
    refused(
        &["--export", "http://collector"],
        &["http://collector", "tls://HOST:PORT?ca=PATH, file:PATH, failover:URL,URL or spread:URL,URL"],
    );
    refused(&["--export", "udp://collector:x"], &["udp://collector:x", "1 to 65535"]);
    refused(&["--workers", "0"], &["--workers", "'0'"]);
    refused(&["--workers", "many"], &["--workers", "'many'"]);
    refused(&["--flows", "flows.txt"], &["flows.txt", ".jsonl or .csv"]);
    refused(&["--active-timeout", "soon"], &["soon", "5m"]);
    refused(&["--flows", "-", "--summary", "json"], &["--flows -", "--summary json", "standard output"]);
    refused(&["--eve", "-", "--summary", "json"], &["--eve -", "--summary json", "standard output"]);
    refused(&["--eve", "-", "--flows", "-"], &["--flows -", "--eve -", "standard output"]);
    refused(&["--eve", ""], &["--eve", "path"]);
    refused(&["--eve-types", "alert,dns"], &["dns", "alert,rdp,flow,stats"]);
    refused(&["--incident-window", "169h"], &["--incident-window", "a week"]);
    refused(&["--detect", "maybe"], &["--detect", "maybe"]);
    assert_refused(program().arg("replay"), 2, &["<FILE>..."]);
}

#[test]
fn a_collector_whose_name_does_not_resolve_is_refused() {
    // RFC 6761, 6.4: no name under .invalid is ever looked up in vain for long.
    let mut command = replay([tunnels()]);
    command.args(["--export", "udp://collector.invalid:4739"]);
    assert_refused(&mut command, 1, &["collector.invalid:4739", "cannot resolve"]);
}

#[test]
fn outputs_that_cannot_be_created_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing");
    let (flows, ipfix) = (missing.join("flows.jsonl"), missing.join("flows.ipfix"));
    assert_refused(replay([tunnels()]).arg("--flows").arg(&flows), 1, &[&name(&flows), "No such file"]);
    let mut command = replay([tunnels()]);
    assert_refused(command.arg("--export").arg(file_url(&ipfix)), 1, &[&name(&ipfix), "No such file"]);
    let eve = missing.join("eve.json");
    assert_refused(replay([tunnels()]).arg("--eve").arg(&eve), 1, &[&name(&eve), "No such file"]);
}

#[test]
fn a_full_disk_under_flows_is_said_with_what_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    for capture in ["tunnels.pcap", "cryptojacking.pcap"] {
        let full = folder.path().join(format!("{capture}.jsonl"));
        std::os::unix::fs::symlink("/dev/full", &full).unwrap();
        let mut command = replay([own_capture(capture)]);
        command.arg("--flows").arg(&full);
        assert_lost(&mut command, &name(&full), Replay::of([own_capture(capture)], &[]).flows.len());
    }
    // A file that does not even take the names of the columns is found before anything is metered.
    let full = folder.path().join("flows.csv");
    std::os::unix::fs::symlink("/dev/full", &full).unwrap();
    assert_refused(
        replay([tunnels()]).arg("--flows").arg(&full),
        1,
        &[&name(&full), "No space left on device"],
    );
}

#[test]
fn a_full_disk_under_ipfix_is_said_with_what_is_lost() {
    for capture in ["tunnels.pcap", "cryptojacking.pcap"] {
        let mut command = replay([own_capture(capture)]);
        // Flows alone: records of findings and statistics are lost likewise.
        command.args(["--export", "file:/dev/full", "--ipfix-profile", "nfdump", "--pen", "9999"]);
        assert_lost(&mut command, "/dev/full", Replay::of([own_capture(capture)], &[]).flows.len());
    }
}

#[test]
fn a_full_disk_under_eve_is_said_with_what_is_lost() {
    let capture = own_capture("cryptojacking.pcap");
    let lines = crate::eve::eve_of(&[&capture], &[]);
    let written = [&lines.alerts, &lines.findings, &lines.rdp, &lines.flows, &lines.stats];
    let mut command = replay([&capture]);
    command.args(["--eve", "/dev/full"]);
    assert_lost(&mut command, "/dev/full", written.into_iter().map(Vec::len).sum());
}

#[test]
fn an_output_that_fails_leaves_the_others_whole() {
    let folder = tempfile::tempdir().unwrap();
    let flows = folder.path().join("flows.jsonl");
    let mut command = replay([own_capture("cryptojacking.pcap")]);
    command.args(["--export", "file:/dev/full", "--summary", "none", "--flows"]).arg(&flows);
    Ended::of(&mut command).assert_status(3);
    assert_eq!(read_flows(&flows), Replay::of([own_capture("cryptojacking.pcap")], &[]).flows);
}

#[test]
fn an_output_that_is_a_capture_is_refused_and_leaves_it_unharmed() {
    let folder = tempfile::tempdir().unwrap();
    let capture = folder.path().join("capture.jsonl");
    fs::copy(tunnels(), &capture).unwrap();
    let link = folder.path().join("link.jsonl");
    std::os::unix::fs::symlink(&capture, &link).unwrap();
    let roundabout = folder.path().join(".").join("capture.jsonl");
    for output in [&capture, &link, &roundabout] {
        let mut command = replay([&capture]);
        assert_refused(command.arg("--export").arg(file_url(output)), 2, &["capture", "another name"]);
        assert_refused(replay([&capture]).arg("--flows").arg(output), 2, &["capture", "another name"]);
        assert_refused(replay([&capture]).arg("--eve").arg(output), 2, &["capture", "another name"]);
    }
    assert!(fs::read(&capture).unwrap() == fs::read(tunnels()).unwrap());
}

#[test]
fn two_outputs_to_one_file_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("output.jsonl");
    let mut command = replay([tunnels()]);
    command.arg("--flows").arg(&output).arg("--export").arg(file_url(&output));
    assert_refused(&mut command, 2, &[&name(&output), "another name"]);
}

#[test]
fn an_empty_file_is_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty.pcap");
    File::create(&empty).unwrap();
    let replay = Replay::of([&empty], &[]);
    replay.ended.assert_status(3);
    assert_eq!(warnings(&replay), [format!("{}: empty file", empty.display())]);
    assert_eq!((replay.packets("received"), replay.flows.len()), (0, 0));

    // Without a summary, it is still said.
    let ended = Ended::of(crate::program::replay([&empty]).args(["--summary", "none"]));
    assert_eq!(ended.assert_status(3).stderr, format!("warning: {}: empty file\n", empty.display()));
}

#[test]
fn a_cut_capture_is_metered_up_to_the_cut() {
    let folder = tempfile::tempdir().unwrap();
    let octets = fs::read(tunnels()).unwrap();
    let (whole, half) = (record_ends(&octets), octets.len() / 2);
    let packets = whole.iter().filter(|&&end| end <= half).count();
    let offset = whole[packets - 1];
    assert!(offset < half, "the cut is within a packet");

    let (cut, before) = (folder.path().join("cut.pcap"), folder.path().join("before.pcap"));
    fs::write(&cut, &octets[..half]).unwrap();
    fs::write(&before, &octets[..offset]).unwrap();
    let (damaged, sound) = (Replay::of([&cut], &[]), Replay::of([&before], &[]));
    damaged.ended.assert_status(3);
    sound.ended.assert_status(0);
    assert_eq!(damaged.flows, sound.flows);
    assert_eq!(damaged.packets("received"), i64::try_from(packets).unwrap());
    let [warning] = &warnings(&damaged)[..] else { panic!("{damaged:?}") };
    let place = format!("{}: packet {} at octet {offset}: ", cut.display(), packets + 1);
    assert!(warning.starts_with(&place) && warning.contains("cut short"), "{warning}");

    // What follows it is read all the same.
    let both = Replay::of([&cut, &own_capture("cryptojacking.pcap")], &[]);
    both.ended.assert_status(3);
    assert_eq!(both.packets("received"), i64::try_from(packets + 9_108).unwrap());
}

#[test]
fn standard_input_and_compressed_files_give_what_the_plain_file_gives() {
    let folder = tempfile::tempdir().unwrap();
    let expected = Replay::of([own_capture("cryptojacking.pcap")], &[]).flows;
    let octets = fs::read(own_capture("cryptojacking.pcap")).unwrap();
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(&octets).unwrap();
    let compressed = [gzip.finish().unwrap(), zstd::encode_all(&octets[..], 1).unwrap()];
    for input in [&octets, &compressed[0], &compressed[1]] {
        // The name says nothing about the form, so that only the content can.
        let path = folder.path().join("capture");
        fs::write(&path, input).unwrap();
        let file = Ended::of(replay([&path]).args(["--flows", "-", "--summary", "none"]));
        assert!(parse_flows(&file.assert_status(0).stdout) == expected);

        let mut command = replay(["-"]);
        command.args(["--flows", "-", "--summary", "none"]);
        let piped = Ended::with_input(&mut command, input);
        assert!(parse_flows(&piped.assert_status(0).stdout) == expected);
    }
}

#[test]
fn several_captures_are_read_in_the_order_of_their_first_packets() {
    let folder = tempfile::tempdir().unwrap();
    let octets = fs::read(own_capture("cryptojacking.pcap")).unwrap();
    let ends = record_ends(&octets);
    let (third, two_thirds) = (ends[ends.len() / 3], ends[ends.len() * 2 / 3]);
    let part = |name: &str, from: usize, to: usize| {
        let path = folder.path().join(name);
        fs::write(&path, [&octets[..FILE_HEADER], &octets[from..to]].concat()).unwrap();
        path
    };
    let first = part("c.pcap", FILE_HEADER, third);
    let second = part("a.pcap", third, two_thirds);
    let last = part("b.pcap", two_thirds, octets.len());
    let whole = Replay::of([own_capture("cryptojacking.pcap")], &[]).flows;
    for order in [[&first, &second, &last], [&last, &second, &first], [&second, &first, &last]] {
        let replay = Replay::of(order, &[]);
        replay.ended.assert_status(0);
        // Each capture has an interface of its own; all else is as if it were one.
        assert_eq!(without_interface(&replay.flows), without_interface(&whole));
    }
}

#[test]
fn a_link_type_that_is_not_decoded_is_no_error_and_said_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bluetooth.pcap");
    let mut octets = fs::read(tunnels()).unwrap();
    // LINKTYPE_BLUETOOTH_HCI_H4 of the tcpdump.org list.
    octets[20..24].copy_from_slice(&187_u32.to_le_bytes());
    fs::write(&path, octets).unwrap();
    let replay = Replay::of([&path, &own_capture("cryptojacking.pcap")], &["--workers", "2"]);
    replay.ended.assert_status(0);
    let [warning] = &warnings(&replay)[..] else { panic!("{replay:?}") };
    assert!(warning.contains("BLUETOOTH_HCI_H4") && warning.contains("194"), "{warning}");
    let reasons = &replay.summary["packets"]["undecoded_by_reason"];
    let named: Vec<_> =
        reasons.as_object().unwrap().iter().filter(|(name, _)| name.contains("BLUETOOTH_HCI_H4")).collect();
    assert_eq!(named.len(), 1, "{reasons}");
    assert_eq!(named[0].1, 194);
    assert_eq!(replay.packets("metered"), 9_074);
}

#[test]
fn a_filter_leaves_its_count_in_the_ledger() {
    let capture = own_capture("cryptojacking.pcap");
    let all = Replay::of([&capture], &[]);
    let filtered = Replay::of([&capture], &["--filter", "tcp port 3389"]);
    filtered.ended.assert_status(0);
    assert_eq!(filtered.packets("received"), all.packets("received"));
    assert_eq!(filtered.packets("balance"), 0);
    // A filter is asked before a frame is decoded, so that ARP is filtered too.
    assert_eq!(filtered.packets("metered") + filtered.packets("filtered"), filtered.packets("received"));
    let is_rdp = |flow: &&Flow| flow.text("proto") == "TCP" && flow.number("dest_port") == 3_389;
    // What is known of an incident depends on the flows that the filter has left out, too.
    let metered = |flow: &Flow| flow.without("incident_id").without("incident_score");
    let by_id = |flow: &Flow| (flow.number("flow_id"), flow.text("start").to_owned());
    let mut expected: Vec<_> = all.flows.iter().filter(is_rdp).map(metered).collect();
    assert!(expected.len() > 50);
    let mut kept: Vec<_> = filtered.flows.iter().map(metered).collect();
    kept.sort_by_key(by_id);
    expected.sort_by_key(by_id);
    assert_eq!(kept, expected);
}

#[test]
fn the_summary_in_json_balances() {
    let replay = Replay::of([own_capture("cryptojacking.pcap"), tunnels()], &[]);
    assert_eq!(replay.ended.complaints(), Vec::<&str>::new());
    let parts = ["metered", "tunnel_fragments", "filtered", "sampled_out", "undecoded"]
        .map(|part| replay.packets(part));
    assert_eq!(replay.packets("received"), 9_108 + 194);
    assert_eq!(parts.iter().sum::<i64>(), 9_108 + 194);
    assert_eq!(replay.packets("balance"), 0);
    assert_eq!(replay.summary["packets"]["undecoded_by_reason"]["not IP: ARP"], 34);
    let flows = &replay.summary["flows"];
    let reasons =
        ["idle_timeout", "active_timeout", "end_of_flow_detected", "forced_end", "lack_of_resources"];
    let ended: u64 = reasons.iter().map(|reason| flows[reason].as_u64().unwrap()).sum();
    assert_eq!(flows["records"].as_u64(), Some(ended));
    assert_eq!(u64::try_from(replay.flows.len()).unwrap(), ended);
    for output in replay.summary["outputs"].as_array().unwrap() {
        assert_eq!((&output["records"], &output["lost_records"]), (&Value::from(ended), &Value::from(0)));
    }
}

#[test]
fn the_summary_as_text_says_that_the_ledger_balances() {
    let ended = Ended::of(&mut replay([tunnels()]));
    ended.assert_status(0);
    assert_eq!(ended.stdout, "");
    assert!(ended.stderr.contains("The ledger balances"), "{ended:?}");
    let quiet = Ended::of(replay([tunnels()]).args(["--summary", "none"]));
    assert_eq!((&*quiet.stdout, &*quiet.stderr), ("", ""));
}

/// It ends with `status` and one line on standard error, which says each of `says`.
#[track_caller]
fn assert_refused(command: &mut Command, status: i32, says: &[&str]) {
    let ended = Ended::of(command);
    ended.assert_status(status);
    assert_eq!(ended.stdout, "", "{command:?}");
    for text in says {
        assert!(ended.stderr.contains(text), "{text}: {}", ended.stderr);
    }
    assert_eq!(ended.stderr.lines().count(), 1, "more than one line: {}", ended.stderr);
    let causes: Vec<_> = ended.stderr.trim().split(": ").collect();
    assert!(causes.windows(2).all(|causes| causes[0] != causes[1]), "said twice: {}", ended.stderr);
}

/// It ends with status 3, and one line on standard error says that all `records` of `output` were lost.
#[track_caller]
fn assert_lost(command: &mut Command, output: &str, records: usize) {
    let ended = Ended::of(command.args(["--summary", "none"]));
    ended.assert_status(3);
    let mut lines = ended.stderr.lines();
    let line = lines.next().unwrap_or_default();
    assert!(line.contains(output) && line.contains("No space left on device"), "{ended:?}");
    assert!(line.contains(&format!("{records} records")), "{records} records are lost: {line}");
    assert_eq!(lines.next(), None);
}

fn warnings(replay: &Replay) -> Vec<String> {
    let warnings = replay.summary["warnings"].as_array().unwrap();
    warnings.iter().map(|warning| warning.as_str().unwrap().to_owned()).collect()
}

/// Where the packets of a pcap file end, behind its header.
fn record_ends(octets: &[u8]) -> Vec<usize> {
    let mut ends = Vec::new();
    let mut at = FILE_HEADER;
    while let Some(captured) = octets.get(at + 8..at + 12) {
        at += RECORD_HEADER + usize::try_from(u32::from_le_bytes(captured.try_into().unwrap())).unwrap();
        ends.push(at);
    }
    ends
}

fn without_interface(flows: &[Flow]) -> Vec<Flow> {
    flows.iter().map(|flow| flow.without("interface")).collect()
}

fn name(path: &Path) -> String {
    path.display().to_string()
}

fn tunnels() -> PathBuf {
    own_capture("tunnels.pcap")
}

/// Octets of a pcap file before its first packet, and of a packet before its data.
const FILE_HEADER: usize = 24;
const RECORD_HEADER: usize = 16;

#[test]
fn times_that_lie_long_before_others_are_warned_of_and_lose_nothing() {
    let packet = |seconds: u32| {
        let mut record = Vec::new();
        for field in [seconds, 0, 20, 20] {
            record.extend(field.to_le_bytes());
        }
        record.extend([0x45, 0, 0, 20, 0, 0, 0, 0, 64, 50, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2]);
        record
    };
    let header = [0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 101, 0, 0, 0];
    let capture =
        [&header[..], &packet(4_000_000_000), &packet(1_700_000_000), &packet(1_700_000_001)].concat();
    let ended = Ended::with_input(&mut replay(["-"]), &capture);
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert!(
        ended.stderr.contains("warning: the times of 2 packets lie an hour or more before"),
        "{}",
        ended.stderr
    );
    assert!(ended.stderr.contains("The ledger balances") && ended.complaints().len() > 3, "{}", ended.stderr);
}
