//! Paths over UDP that carry less than what Ethernet does (RFC 7011 section 10.3.3).

use std::{
    fs,
    net::UdpSocket,
    path::Path,
    process::Command,
    thread::{self, JoinHandle},
    time::Duration,
};

use serde_json::Value;

use super::streams::{flow_ids, ids_of};
use crate::{
    namespace::Namespace,
    program::{Ended, PROGRAM, own_capture, read_flows},
};

#[test]
fn messages_are_as_small_as_the_link_needs_it() {
    let Some(network) = Network::new(NARROW, WIDE) else { return };
    let sent = network.send(&[]);
    sent.ended.assert_status(0);
    assert!((800..=usize::from(NARROW) - HEADERS).contains(&sent.longest()), "{}", sent.longest());
    assert_eq!(sent.fragments, 0);
    assert_eq!(sent.arrived(), sent.flows);
}

/// What the first long datagram runs into is known for all that follow.
#[test]
fn messages_are_as_small_as_a_router_says() {
    let Some(network) = Network::new(WIDE, NARROW) else { return };
    // Without descriptions of our elements, which would fill the first messages.
    let sent = network.send(&["--ipfix-profile", "nfdump"]);
    sent.ended.assert_status(3);
    let says = format!(
        "has dropped a message that was too long; it carries {} octets",
        usize::from(NARROW) - HEADERS
    );
    assert!(sent.ended.stderr.contains(&says), "{:?}", sent.ended);
    let warning = sent.summary["warnings"][0].as_str().unwrap();
    assert!(warning.contains("the path has dropped 1 of "), "{warning}");
    // The message that had been made when it was told may go in two fragments.
    let is_long = |datagram: &&Vec<u8>| datagram.len() + HEADERS > usize::from(NARROW);
    let long = u64::try_from(sent.datagrams.iter().filter(is_long).count()).unwrap();
    assert!(long <= 1 && sent.fragments == 2 * long, "{long} {}", sent.fragments);
    let arrived = sent.arrived();
    let lost = sent.flows.len() - arrived.len();
    assert!((1..30).contains(&lost), "{lost}");
    assert_eq!(arrived, sent.flows[lost..], "the first are lost, and no others");
}

/// Somebody may want it so: a collector that is close takes fragments.
#[test]
fn messages_are_as_large_as_they_are_asked_to_be() {
    let Some(network) = Network::new(NARROW, WIDE) else { return };
    let sent = network.send(&["--message-octets", "1400"]);
    sent.ended.assert_status(0);
    assert!(sent.longest() > 1_300 && sent.fragments > 100, "{} {}", sent.longest(), sent.fragments);
    assert_eq!(sent.arrived(), sent.flows);
}

/// A probe, a router and a collector, one behind the other.
struct Network {
    probe: Namespace,
    _router: Namespace,
    collector: Namespace,
}

/// A replay, and what has arrived.
struct Sent {
    ended: Ended,
    summary: Value,
    flows: Vec<String>,
    datagrams: Vec<Vec<u8>>,
    /// That the probe's system has made.
    fragments: u64,
}

impl Network {
    /// `first` is what the link between probe and router carries, `second` the one between router and collector.
    fn new(first: u16, second: u16) -> Option<Self> {
        let [probe, router, collector] = [Namespace::new()?, Namespace::new()?, Namespace::new()?];
        for (host, name, mtu, network) in [(&probe, "near", first, 0), (&collector, "far", second, 1)] {
            router.ip(&format!(
                "link add {name} mtu {mtu} type veth peer name eth0 mtu {mtu} netns {}",
                host.id()
            ));
            router.ip(&format!("link set {name} up"));
            router.ip(&format!("address add 198.51.{network}.1/24 dev {name}"));
            host.ip("link set eth0 up");
            host.ip(&format!("address add 198.51.{network}.2/24 dev eth0"));
            host.ip(&format!("route add default via 198.51.{network}.1"));
        }
        router.run("sh", &["-c", "echo 1 > /proc/sys/net/ipv4/ip_forward"]);
        Some(Self { probe, _router: router, collector })
    }

    fn send(&self, arguments: &[&str]) -> Sent {
        let socket = self.collector.inside(|| UdpSocket::bind("198.51.1.2:4739").unwrap());
        let datagrams = receive(socket);
        let folder = tempfile::tempdir().unwrap();
        let flows = folder.path().join("flows.jsonl");
        let mut command = Command::new(PROGRAM);
        command.arg("replay").arg(own_capture("cryptojacking.pcap")).args(["--summary", "json", "--flows"]);
        command.arg(&flows).args(["--export", "udp://198.51.1.2"]).args(arguments);
        let ended = Ended::of(&mut self.probe.enter(&command));
        let summary = serde_json::from_str(&ended.stdout).unwrap();
        let fragments = self.probe.inside(fragments_made);
        Sent {
            ended,
            summary,
            flows: ids_of(&read_flows(&flows)),
            datagrams: datagrams.join().unwrap(),
            fragments,
        }
    }
}

impl Sent {
    fn longest(&self) -> usize {
        self.datagrams.iter().map(Vec::len).max().unwrap()
    }

    fn arrived(&self) -> Vec<String> {
        flow_ids(&self.datagrams.concat())
    }
}

/// Takes what comes until nothing has come for a while.
fn receive(socket: UdpSocket) -> JoinHandle<Vec<Vec<u8>>> {
    socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    thread::spawn(move || {
        let (mut datagrams, mut octets) = (Vec::new(), vec![0; 65_536]);
        while let Ok(length) = socket.recv(&mut octets) {
            datagrams.push(octets[..length].to_vec());
        }
        datagrams
    })
}

/// By proc(5): names in one line, numbers in the next. Called in the namespace that is meant.
fn fragments_made() -> u64 {
    let counters = fs::read_to_string(Path::new("/proc/thread-self/net/snmp")).unwrap();
    let mut lines = counters.lines().filter(|line| line.starts_with("Ip:"));
    let [names, numbers] = [lines.next().unwrap(), lines.next().unwrap()];
    let place = names.split(' ').position(|name| name == "FragCreates").unwrap();
    numbers.split(' ').nth(place).unwrap().parse().unwrap()
}

const NARROW: u16 = 900;
const WIDE: u16 = 1_500;
/// Of IPv4 and UDP.
const HEADERS: usize = 28;
