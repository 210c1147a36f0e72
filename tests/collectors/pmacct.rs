//! nfacctd of pmacct collects what the program sends.

use std::{
    fs::{self, File},
    path::Path,
    process::Stdio,
};

use serde_json::Value;

use super::{
    arriving::{Listening, free_port, wait_until},
    expected::Expected,
};
use crate::{
    parallel,
    program::{Ended, Flow, own_capture, program, read_flows, replay, tool},
};

#[test]
fn nfacctd_prints_the_flows_of_our_flow_file() {
    parallel::each(&["cryptojacking.pcap", "tunnels.pcap"], |name| assert_collected(&own_capture(name)));
}

/// With the primitives that `flowcanary elements` prints, and TCP control bits as version 1.7.7 reads them.
#[test]
fn nfacctd_prints_the_incidents_of_flows_and_their_flags() {
    let primitives = Ended::of(program().args(["elements", "--format", "pmacct"]));
    let aggregate =
        format!("{AGGREGATE_ALWAYS}, tcpflags, incident_id, incident_score, direction_reason, flow_identity");
    let primitives = primitives.assert_status(0).stdout.clone() + FLOW_IDENTITY;
    let arguments = ["--ipfix-profile", "pmacct177", "--findings", "inline"];
    let capture = own_capture("cryptojacking.pcap");
    let (printed, flows) = collected(&capture, &primitives, &aggregate, &arguments);
    assert_eq!(printed.len(), flows.len());
    let (mut linked, mut flags) = (0, 0);
    for line in &printed {
        let record: Value = serde_json::from_str(line).unwrap();
        let text = |name: &str| record[name].as_str().unwrap_or_else(|| panic!("{name}: {line}"));
        // Of the slices of a flow, which have its identifier, each has its own flags.
        let ours = flows.iter().filter(|flow| flow.number("flow_id").to_string() == text("flow_identity"));
        let ours: Vec<_> =
            ours.map(|flow| Expected::new(flow).number("tcp_flags", false).unwrap_or_default()).collect();
        let found: u64 = text("tcp_flags").parse().unwrap();
        assert!(ours.iter().any(|flags| flags & 0xff == found), "{ours:?}: {line}");
        flags |= found;
        if text("incident_id") != "0" {
            assert_eq!(text("incident_id"), "7864418954363276", "{line}");
            assert!(text("incident_score").parse::<u64>().unwrap() > 50, "{line}");
            assert!([text("ip_src"), text("ip_dst")].contains(&"192.0.2.10"), "{line}");
            linked += 1;
        }
    }
    assert_eq!(flags & SYN_ACK, SYN_ACK);
    assert!((5..200).contains(&linked), "{linked}");
}

/// What both programs say of a record. pmacct's version 1.7.7 reads TCP control bits of one octet only, so that they are not
/// among it.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Printed {
    flow_id: String,
    ends: [(String, u64); 2],
    packets: u64,
    octets: u64,
    reverse_packets: String,
    reverse_octets: String,
    /// Of the way from the source, in seconds and microseconds.
    times: [String; 2],
}

fn assert_collected(capture: &Path) {
    let primitives = format!("{PRIMITIVES}{FLOW_IDENTITY}");
    let aggregate = format!("{AGGREGATE_ALWAYS}, {AGGREGATE}");
    let (printed, flows) = collected(capture, &primitives, &aggregate, &[]);
    let mut expected: Vec<_> = flows.iter().map(of_flow).collect();
    let mut printed: Vec<_> = printed.iter().map(|line| of_line(line)).collect();
    expected.sort();
    printed.sort();
    assert_eq!(printed.len(), expected.len(), "{}", capture.display());
    for (expected, printed) in expected.iter().zip(&printed) {
        assert_eq!(printed, expected, "{}", capture.display());
    }
}

/// The lines that nfacctd prints, and the flows of our flow file.
fn collected(
    capture: &Path,
    primitives: &str,
    aggregate: &str,
    arguments: &[&str],
) -> (Vec<String>, Vec<Flow>) {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let port = free_port();
    fs::write(path("primitives"), primitives).unwrap();
    let settings = [
        "daemonize: false".to_owned(),
        "nfacctd_ip: 127.0.0.1".to_owned(),
        format!("nfacctd_port: {port}"),
        format!("aggregate_primitives: {}", path("primitives").display()),
        format!("aggregate[flows]: {aggregate}"),
        "plugins: print[flows]".to_owned(),
        "print_output: json".to_owned(),
        format!("print_output_file[flows]: {}", path("printed").display()),
        "print_output_file_append: true".to_owned(),
        "print_refresh_time: 2".to_owned(),
        "timestamps_since_epoch: true".to_owned(),
        format!("logfile: {}", path("log").display()),
    ];
    fs::write(path("settings"), settings.join("\n") + "\n").unwrap();
    let mut command = tool("nfacctd", "pmacct");
    let file = File::create(path("output")).unwrap();
    command.stdin(Stdio::null()).stdout(file.try_clone().unwrap()).stderr(file);
    let nfacctd = Listening::start(command.arg("-f").arg(path("settings")), port);
    // Of its two processes the one that prints is ready later than the one that listens.
    wait_until(|| fs::read_to_string(path("log")).is_ok_and(|log| log.contains("setting object handlers")));

    let mut command = replay([capture]);
    command.args(["--summary", "none", "--export", &nfacctd.url(), "--flows"]).arg(path("flows.jsonl"));
    command.args(arguments);
    Ended::of(&mut command).assert_status(0);
    nfacctd.wait_until_taken();
    let flows = read_flows(&path("flows.jsonl"));
    wait_until(|| {
        fs::read_to_string(path("printed")).is_ok_and(|lines| lines.lines().count() >= flows.len())
    });
    nfacctd.end("INT");

    let log = fs::read_to_string(path("log")).unwrap();
    assert!(!["malformed", "unable", "Missing data"].iter().any(|word| log.contains(word)), "{log}");
    let printed = fs::read_to_string(path("printed")).unwrap_or_default();
    (printed.lines().map(str::to_owned).collect(), flows)
}

fn of_flow(flow: &Flow) -> Printed {
    let expected = Expected::new(flow);
    let number = |column, is_reverse| expected.number(column, is_reverse).unwrap_or_default();
    let reverse = |column| {
        // A field that is not in the template is 0.
        if expected.is_bidirectional() { number(column, true).to_string() } else { "0".to_owned() }
    };
    Printed {
        flow_id: flow.number("flow_id").to_string(),
        ends: expected.ends().map(|(address, port)| (address.to_owned(), port)),
        packets: number("packets", false),
        octets: number("octets", false),
        reverse_packets: reverse("packets"),
        reverse_octets: reverse("octets"),
        times: expected.times(false).map(|time| seconds(&time)),
    }
}

fn of_line(line: &str) -> Printed {
    let record: Value = serde_json::from_str(line).unwrap();
    let number = |name: &str| record[name].as_u64().unwrap_or_else(|| panic!("{name}: {line}"));
    let text = |name: &str| record[name].as_str().unwrap_or_else(|| panic!("{name}: {line}")).to_owned();
    Printed {
        flow_id: text("flow_identity"),
        ends: [(text("ip_src"), number("port_src")), (text("ip_dst"), number("port_dst"))],
        packets: number("packets"),
        octets: number("bytes"),
        reverse_packets: text("reverse_packets"),
        reverse_octets: text("reverse_octets"),
        times: [text("timestamp_start"), text("timestamp_end")],
    }
}

/// `2026-03-04 12:00:00.123` as seconds since 1970 and microseconds.
fn seconds(time: &str) -> String {
    let (whole, milliseconds) = time.split_once('.').unwrap();
    let whole = jiff::civil::DateTime::strptime("%Y-%m-%d %H:%M:%S", whole).unwrap();
    let seconds = whole.to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp().as_second();
    format!("{seconds}.{milliseconds}000")
}

/// Elements that pmacct does not know by itself.
const PRIMITIVES: &str = "\
name=reverse_octets   field_type=29305:1  len=8  semantics=u_int
name=reverse_packets  field_type=29305:2  len=8  semantics=u_int
";
const FLOW_IDENTITY: &str = "name=flow_identity    field_type=148      len=8  semantics=u_int\n";
const AGGREGATE_ALWAYS: &str =
    "src_host, dst_host, src_port, dst_port, proto, timestamp_start, timestamp_end";
const AGGREGATE: &str = "reverse_octets, reverse_packets, flow_identity";
/// TCP control bits (RFC 9293, 3.1).
const SYN_ACK: u64 = 0x12;
