//! Captures that show one packet of many: what looks like handshakes that lead nowhere, and what still is.

use detect::{Kind, Severity};

use crate::{
    packets::{Lot, ends},
    probe::{findings, severest},
    traps::{Packets, SECOND, SERVER, answered, assert_silent, join, spoofed},
};

/// Clients that ask once or twice and get answers, `per_second` of them.
fn visits(to_ms: u64, per_second: u64) -> Packets {
    let mut lot = Lot(per_second);
    (0..to_ms * per_second / SECOND)
        .flat_map(|n| {
            let ends = ends(lot.address(), lot.port(), SERVER, 80);
            let ms = n * SECOND / per_second;
            let mut packets = ends.handshake(ms);
            packets.extend((0..lot.next() % 8).map(|more| ends.ack(ms + 100 + u64::from(more))));
            packets
        })
        .collect()
}

fn one_of(many: u32, packets: Packets) -> Packets {
    let mut lot = Lot(many.into());
    packets.into_iter().filter(|_| lot.next().is_multiple_of(many)).collect()
}

#[test]
fn a_sample_of_ordinary_traffic_is_no_attack_here_or_elsewhere() {
    for (many, per_second) in [(4, 100), (10, 300), (100, 1_500)] {
        assert_silent(&findings(one_of(many, visits(90 * SECOND, per_second))));
    }
}

#[test]
fn a_flood_stands_out_in_a_sample_too() {
    for (many, per_second) in [(4, 400), (10, 1_000)] {
        let flood = answered(&spoofed(SERVER, 80, 40 * SECOND, 60 * SECOND, per_second));
        let found = findings(one_of(many, join([visits(90 * SECOND, 30), flood])));
        assert!(severest(&found, Kind::SynFlood) >= Some(Severity::Medium), "{many}: {found:#?}");
        assert_eq!(severest(&found, Kind::Backscatter), None, "{many}");
    }
}

#[test]
fn a_carpet_of_answered_handshakes_is_told_once() {
    // Four a second for each host: enough for each of them to be stated for its persistence.
    let mut lot = Lot(35);
    let flood: Packets = (0..40_000_u64)
        .flat_map(|n| {
            let host = [192, 0, 2, u8::try_from(n % 250).unwrap()];
            let ends = ends(lot.address(), lot.port(), host, 443).without_options();
            [ends.syn(n), ends.syn_ack(n + 1), ends.syn_ack(n + 1_001)]
        })
        .collect();
    let found = findings(flood);
    assert!(found.iter().all(|finding| finding.victim.to_string() == "192.0.2.0/24"), "{}", found.len());
    let end = found.last().unwrap();
    assert!((end.last_seen - end.first_seen).as_secs() >= 39, "{end:#?}");
}
