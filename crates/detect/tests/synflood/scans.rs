//! Scans of other kinds than one SYN to each of many targets.

use detect::{Kind, Severity, Victim};
use wire::{Packet, Transport};

use crate::{
    packets::{Lot, ends, v4},
    probe::{findings, severest, started, value},
    traps::{Packets, SERVER, assert_silent},
};

/// A host that connects to fifteen ports of sixty hosts, which are open in one of five.
fn walk(hosts: impl Fn(u8) -> [u8; 4]) -> Packets {
    let mut lot = Lot(60);
    (0..60_u8)
        .flat_map(|host| (0..15_u16).map(move |port| (host, port)))
        .zip(0_u64..)
        .flat_map(|((host, port), n)| {
            let ends = ends([10, 0, 0, 77], lot.port(), hosts(host), 20 + port * 71);
            let ms = n * 20;
            if (n + u64::from(host)).is_multiple_of(5) {
                ends.handshake(ms)
            } else {
                vec![ends.syn(ms), ends.server_reset(ms + 1)]
            }
        })
        .collect()
}

#[test]
fn a_scanner_of_a_network_meets_open_ports() {
    let findings = findings(walk(|host| [10, 0, 5, host]));
    assert_eq!(severest(&findings, Kind::SynScan), Some(Severity::Medium));
    let scan = started(&findings, Kind::SynScan).unwrap();
    assert_eq!((scan.victim.to_string(), &scan.techniques[..]), ("10.0.5.0/24".to_owned(), &["T1046"][..]));
    // It says what it was held against.
    let completed = scan.evidence.iter().find(|one| one.name == "targets_completed_share").unwrap();
    assert_eq!(completed.threshold, Some(0.3));
    assert!((0.1..0.3).contains(&value(scan, "targets_completed_share")), "{completed:?}");
}

#[test]
fn a_client_of_scattered_hosts_that_mostly_fail_is_no_scanner() {
    assert_silent(&findings(walk(|host| [host + 11, host, 5, host])));
}

fn with_flags(mut packet: Packet<'static>, flags: u16) -> Packet<'static> {
    if let Transport::Tcp(tcp) = &mut packet.transport {
        tcp.flags.0 = flags;
    }
    packet
}

#[test]
fn segments_that_neither_open_nor_acknowledge_are_a_scan() {
    // FIN, none, and FIN with PSH and URG (nmap -sF, -sN, -sX): closed ports answer with RST, open ones not at all.
    for flags in [0x01, 0x00, 0x29] {
        let scanner = [203, 0, 113, 9];
        let packets = (1..=200_u16).flat_map(|port| {
            let (ends, ms) = (ends(scanner, 40_000, SERVER, port), u64::from(port) * 10);
            [with_flags(ends.syn(ms), flags), ends.server_reset(ms + 1)]
        });
        let findings = findings(packets.collect());
        let scan = started(&findings, Kind::SynScan).unwrap();
        assert_eq!((scan.victim, &scan.offenders), (Victim::Address(v4(SERVER)), &vec![v4(scanner)]));
        assert!(value(scan, "without_syn") >= 25.0);
        assert_eq!(severest(&findings, Kind::SynFlood), None);
    }
}

#[test]
fn connections_that_end_are_no_scan() {
    // A FIN that comes alone, of connections that were open before the capture began or that were seen to open.
    let mut lot = Lot(61);
    let packets = (0..500_u64)
        .flat_map(|n| {
            let ends = ends([203, 0, 113, 9], lot.port(), SERVER, 80);
            let ms = n * 20;
            let mut packets =
                if n % 2 == 0 { ends.handshake(ms) } else { vec![ends.ack(ms), ends.server_data(ms + 70)] };
            packets.push(with_flags(ends.ack(ms + 90), 0x01));
            packets
        })
        .collect();
    assert_silent(&findings(packets));
}
