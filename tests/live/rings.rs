//! What comes of a ring that is read in place is what libpcap gives.

use std::{fs, thread, time::Duration};

use super::{
    network::Network,
    recordings::{assert_same_flows, replay},
    watching::{Watched, watch},
};
use crate::program::{Ended, read_flows, tool};

/// The kernel takes the outermost tag out of each frame. It is put back, whatever its protocol and however much is kept of a frame, and
/// counts in lengths.
#[test]
fn tags_and_lengths_are_those_that_libpcap_gives() {
    for (workers, snap_length) in [("1", "65535"), ("2", "65535"), ("1", "96"), ("1", "64")] {
        let Some(network) = Network::new(1) else { return };
        let folder = tempfile::tempdir().unwrap();
        let [recorded, flows] = ["recorded.pcap", "flows.jsonl"].map(|name| folder.path().join(name));
        let recording = network.record("probe0", &recorded);
        let mut arguments = vec!["-i", "probe0", "--workers", workers, "--snap-length", snap_length];
        arguments.extend(["--detect", "off", "--application", "off", "--flows", flows.to_str().unwrap()]);
        let watching = watch(&network, &arguments);
        send(&network, TAGGED);
        thread::sleep(A_BLOCK);
        let watched = watching.end("TERM");
        recording.end("INT").ended.assert_status(0);
        watched.ended.assert_status(0);
        watched.assert_accounts_for(TAGGED_FRAMES);

        let (flows, replay) = (read_flows(&flows), replay(&recorded));
        for count in ["received", "received_octets", "metered", "metered_octets", "undecoded"] {
            assert_eq!(watched.packets(count), u64::try_from(replay.packets(count)).unwrap(), "{count}");
        }
        assert_same_flows(&flows, &replay.flows);
        let tagged = |name| flows.iter().filter(|flow| flow.optional_number(name).is_some()).count();
        assert!(tagged("vlan") > tagged("inner_vlan") && tagged("inner_vlan") > 0, "{flows:?}");
    }
}

/// A filter counts the tag as part of the frame, though the kernel has it beside the frame.
#[test]
fn the_kernel_filters_by_tags() {
    for (filter, frames) in [("vlan 7", 150), ("vlan 7 and vlan 9", 50), ("not vlan", 100), ("vlan 8", 0)] {
        let Some(network) = Network::new(1) else { return };
        let watching = watch(&network, &["-i", "probe0", "--filter", filter]);
        send(&network, TAGGED);
        thread::sleep(A_BLOCK);
        let watched = watching.end("TERM");
        watched.ended.assert_status(0);
        assert_eq!(watched.packets("received"), frames, "{filter}: {}", watched.summary);
    }
}

/// What a program has made of its rings is what the kernel says of them.
#[test]
fn ethernet_is_read_from_rings_of_our_own_and_other_links_by_libpcap() {
    let Some(network) = Network::new(1) else { return };
    let watching = watch(&network, &["-i", "probe0", "--workers", "2", "--ring", "32MiB"]);
    assert_eq!(rings(&network).matches("blk_size:2097152,blk_nr:16,frm_size:2048").count(), 2);
    watching.end("TERM").ended.assert_status(0);

    let watching = watch(&network, &["-i", "any", "--ring", "32MiB"]);
    let said = rings(&network);
    assert!(said.contains("ring_rx(") && !said.contains("frm_size:2048"), "{said}");
    send(&network, TAGGED);
    thread::sleep(A_BLOCK);
    let watched = watching.end("TERM");
    watched.ended.assert_status(0);
    watched.assert_balanced();
    let on_both_ends = 2 * TAGGED_FRAMES;
    assert!(watched.packets("received") >= on_both_ends, "{}", watched.summary);
    assert_none_is_left(&watched);
}

/// The kernel takes 4,096 instructions. libpcap goes by a longer filter itself, frame by frame.
#[test]
fn what_the_kernel_does_not_filter_libpcap_does_and_it_is_said() {
    let Some(network) = Network::new(1) else { return };
    let others = (1..300).map(|other| format!(" or ip6 host 2001:db8::{other:x}"));
    let filter = format!("ip host 10.0.1.0 or ip host 10.0.1.6{}", others.collect::<String>());
    let watching = watch(&network, &["-i", "probe0", "--workers", "2", "--filter", &filter]);
    send(&network, TAGGED);
    thread::sleep(A_BLOCK);
    let watched = watching.end("TERM");
    watched.ended.assert_status(0);
    watched.assert_balanced();
    assert_eq!(watched.packets("metered"), 100, "{}", watched.summary);
    let said = watched.ended.stderr.matches(
        "interface probe0: libpcap reads it, which costs more: the kernel does not take the filter: ",
    );
    assert_eq!(said.count(), 1, "{:?}", watched.ended);
}

/// Frames of all lengths, and many at a time: blocks end anywhere among them, and are read in pieces.
#[test]
fn blocks_are_read_to_their_end() {
    for arguments in [&["--ring", "4MiB"][..], &["--workers", "2"]] {
        let Some(network) = Network::new(1) else { return };
        let folder = tempfile::tempdir().unwrap();
        let [recorded, flows] = ["recorded.pcap", "flows.jsonl"].map(|name| folder.path().join(name));
        let recording = network.record("probe0", &recorded);
        let flows_path = flows.to_str().unwrap();
        let watching = watch(&network, &[&["-i", "probe0", "--flows", flows_path][..], arguments].concat());
        send(&network, OF_ALL_LENGTHS);
        thread::sleep(A_BLOCK);
        let watched = watching.end("TERM");
        recording.end("INT").ended.assert_status(0);
        watched.ended.assert_status(0);
        watched.assert_accounts_for(FRAMES_OF_ALL_LENGTHS);
        assert_eq!(watched.packets("received"), FRAMES_OF_ALL_LENGTHS, "{}", watched.summary);
        assert_none_is_left(&watched);
        assert_same_flows(&read_flows(&flows), &replay(&recorded).flows);
        fs::remove_file(&recorded).unwrap();
    }
}

#[track_caller]
fn send(network: &Network, program: &str) {
    let mut sender = tool("python3", "python3");
    sender.arg("-c").arg([FRAMES, program].concat());
    Ended::of(&mut network.enter(&sender)).assert_status(0);
}

#[track_caller]
fn rings(network: &Network) -> String {
    let mut ss = tool("ss", "iproute2");
    let ended = Ended::of(&mut network.enter(ss.args(["--packet", "--extended"])));
    ended.assert_status(0);
    ended.stdout
}

#[track_caller]
fn assert_none_is_left(watched: &Watched) {
    assert_eq!(watched.workers("unread").iter().sum::<u64>(), 0, "{}", watched.summary);
}

const FRAMES: &str = "
import socket, struct, time
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(('wire0', 0))
def send(number, tags, octets):
    tags = b''.join(struct.pack('!HH', *tag) for tag in tags)
    ip = struct.pack('!BBHHHBBH4s4s', 0x45, 0, 28 + octets, 0, 0, 64, 17, 0, bytes([10, 0, 0, 1]), bytes([10, 0, 1, number % 256]))
    udp = struct.pack('!HHHH', 1000 + number // 256, 2000, 8 + octets, 0)
    s.send(bytes([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2]) + tags + bytes([8, 0]) + ip + udp + bytes(octets))
";
/// Tags of priority alone, of one protocol or the other, and one within another.
const TAGGED: &str = "
KINDS = [(), ((0x8100, 7),), ((0x8100, 0xe007), (0x8100, 9)), ((0x88a8, 7), (0x8100, 12)), ((0x8100, 0),), ((0x88a8, 0x1fff),), ()]
for round in range(5):
    for octets in (0, 1, 18, 40, 60, 100, 500, 1000, 1400, 1472):
        for kind, tags in enumerate(KINDS):
            send(kind, tags, octets)
";
const TAGGED_FRAMES: u64 = 5 * 10 * 7;
const OF_ALL_LENGTHS: &str = "
for number in range(20000):
    send(number, ((0x8100, number % 4000),) if number % 5 == 0 else (), number * number % 1473)
    if number % 20 == 0:
        time.sleep(0.001)
";
const FRAMES_OF_ALL_LENGTHS: u64 = 20_000;
/// The kernel hands frames over after this long.
const A_BLOCK: Duration = Duration::from_millis(200);
