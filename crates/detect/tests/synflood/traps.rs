//! What looks like a flood or a scan and is none, and what does not look like one and is: each trap is a test, with packets that
//! are written here. All are judged twice, with one observer and with three.

use detect::synflood::ServerState;
use detect::{Finding, Kind, Phase, Severity, Victim, View};
use wire::{Packet, Transport};

use crate::{
    packets::{BEGINNING_MS, Ends, Lot, ends, v4},
    probe::{findings, severest, started, value},
};

pub(crate) const SERVER: [u8; 4] = [192, 0, 2, 10];
pub(crate) const SECOND: u64 = 1_000;

pub(crate) type Packets = Vec<Packet<'static>>;

/// Connections of many clients that go as they should.
pub(crate) fn crowd(server: [u8; 4], from_ms: u64, to_ms: u64, per_second: u64) -> Packets {
    let mut lot = Lot(per_second);
    let times = (from_ms..to_ms).step_by(usize::try_from(SECOND / per_second).unwrap());
    times
        .flat_map(|ms| {
            let client = [198, 51, 100, u8::try_from(lot.next() % 250).unwrap()];
            ends(client, lot.port(), server, 80).handshake(ms)
        })
        .collect()
}

/// SYN from addresses drawn by lot.
pub(crate) fn spoofed(
    server: [u8; 4],
    port: u16,
    from_ms: u64,
    to_ms: u64,
    per_second: u64,
) -> Vec<(u64, Ends)> {
    let mut lot = Lot(per_second + 1);
    let count = (to_ms - from_ms) * per_second / SECOND;
    (0..count)
        .map(|n| {
            let ms = from_ms + n * SECOND / per_second;
            (ms, ends(lot.address(), lot.port(), server, port).without_options())
        })
        .collect()
}

/// The SYN, and the SYN-ACK that a server sends, and sends again.
pub(crate) fn answered(flood: &[(u64, Ends)]) -> Packets {
    flood
        .iter()
        .flat_map(|(ms, ends)| {
            [ends.syn(*ms), ends.syn_ack(ms + 1), ends.syn_ack(ms + 1_001), ends.syn_ack(ms + 3_001)]
        })
        .collect()
}

pub(crate) fn unanswered(flood: &[(u64, Ends)]) -> Packets {
    flood.iter().map(|(ms, ends)| ends.syn(*ms)).collect()
}

pub(crate) fn join(parts: impl IntoIterator<Item = Packets>) -> Packets {
    parts.into_iter().flatten().collect()
}

/// Whatever it says is of low severity.
pub(crate) fn assert_calm(findings: &[Finding]) {
    let loud: Vec<_> = findings.iter().filter(|finding| finding.severity > Severity::Low).collect();
    assert!(loud.is_empty(), "{loud:#?}");
}

pub(crate) fn assert_silent(findings: &[Finding]) {
    assert!(findings.is_empty(), "{findings:#?}");
}

/// The one flood against the server's port 80: stated once, ended once.
fn the_flood(findings: &[Finding]) -> &Finding {
    let flood = started(findings, Kind::SynFlood).expect("no flood was found");
    assert_eq!(flood.victim, Victim::Port(v4(SERVER), 80));
    let phases: Vec<_> = findings.iter().map(|finding| finding.phase).collect();
    assert!(phases.len() <= 4 && phases.last() == Some(&Phase::Ended), "{phases:?}");
    flood
}

#[test]
fn low_floods_under_ordinary_traffic_are_found_within_seconds() {
    for per_second in [20, 50, 125, 500] {
        let flood = spoofed(SERVER, 80, 90 * SECOND, 130 * SECOND, per_second);
        let findings = findings(join([crowd(SERVER, 0, 150 * SECOND, 100), answered(&flood)]));
        let flood = the_flood(&findings);
        assert!(flood.severity >= Severity::Medium);
        let delay = (flood.stated_at - flood.first_seen).as_secs();
        assert!(delay <= 9, "{per_second} SYN/s after {delay} s");
        assert!((flood.first_seen.millis() - BEGINNING_MS).abs_diff(90_000) <= 1_000);
        assert_eq!(flood.text("server_state"), Some(ServerState::Unaffected.name()));
        assert!(flood.techniques.contains(&"T1499.001"));
    }
}

#[test]
fn a_capture_that_begins_within_a_flood_shows_it() {
    let flood = spoofed(SERVER, 80, 0, 30 * SECOND, 30);
    let findings = findings(join([crowd(SERVER, 0, 30 * SECOND, 50), answered(&flood)]));
    assert!(the_flood(&findings).severity == Severity::Medium);
}

#[test]
fn a_flood_of_twenty_in_all_is_a_low_finding_if_it_lasts() {
    let flood = spoofed(SERVER, 80, 0, 90 * SECOND, 1);
    let findings = findings(answered(&flood));
    assert_eq!(severest(&findings, Kind::SynFlood), Some(Severity::Low));
}

/// A server holds a handshake half open for a minute: of a flood that lasts longer, it never has all at a time.
#[test]
fn the_most_that_is_half_open_at_a_time_is_less_than_all_of_a_long_flood() {
    let flood = answered(&spoofed(SERVER, 80, 20 * SECOND, 170 * SECOND, 50));
    let found = findings(join([crowd(SERVER, 0, 300 * SECOND, 10), flood]));
    let last = found.iter().rfind(|finding| finding.kind == Kind::SynFlood).unwrap();
    let [peak, now, all] = ["half_open_peak", "half_open_now", "half_open"].map(|name| value(last, name));
    assert!((0.9..=1.0).contains(&(peak / (63.0 * 50.0))), "{peak}");
    assert!(now <= peak && all > 1.5 * peak, "{now} {peak} {all}");
}

#[test]
fn a_syn_may_bear_the_flags_of_ecn() {
    let mut packets = answered(&spoofed(SERVER, 80, 0, 10 * SECOND, 50));
    for packet in &mut packets {
        if let Transport::Tcp(tcp) = &mut packet.transport
            && tcp.flags.is_syn()
        {
            tcp.flags.0 |= 0xc0;
        }
    }
    the_flood(&findings(packets));
}

#[test]
fn a_backlog_that_is_exhausted_makes_it_severe() {
    let flood = spoofed(SERVER, 80, 70 * SECOND, 110 * SECOND, 100);
    let (first, rest) = flood.split_at(1_000);
    let findings = findings(join([crowd(SERVER, 0, 80 * SECOND, 50), answered(first), unanswered(rest)]));
    the_flood(&findings);
    let raised = findings.iter().find(|finding| finding.phase == Phase::Raised).unwrap();
    assert_eq!(
        (raised.severity, raised.text("server_state")),
        (Severity::High, Some(ServerState::BacklogExhausted.name()))
    );
}

#[test]
fn syn_ack_that_is_not_repeated_shows_syn_cookies() {
    let flood = spoofed(SERVER, 80, 0, 20 * SECOND, 100);
    let packets = flood.iter().flat_map(|(ms, ends)| [ends.syn(*ms), ends.syn_ack(ms + 1)]).collect();
    assert_eq!(
        the_flood(&findings(packets)).text("server_state"),
        Some(ServerState::SynCookiesProbable.name())
    );
}

#[test]
fn a_flood_whose_sender_resets_what_is_answered_is_one_all_the_same() {
    let mut lot = Lot(3);
    let packets = (0..2_000)
        .flat_map(|n| {
            let ends = ends([203, 0, 113, 5], lot.port(), SERVER, 80).without_options();
            [ends.syn(n * 5), ends.syn_ack(n * 5 + 1), ends.client_reset(n * 5 + 2)]
        })
        .collect();
    let findings = findings(packets);
    assert_eq!(the_flood(&findings).offenders, [v4([203, 0, 113, 5])]);
}

#[test]
fn a_flood_that_repeats_one_segment_is_found() {
    let one = ends([203, 0, 113, 5], 20, SERVER, 80).without_options();
    let findings = findings((0..200).map(|n| one.syn(n)).collect());
    the_flood(&findings);
}

#[test]
fn a_flood_that_repeats_few_segments_is_found_under_ordinary_traffic() {
    // As many clients as segments: they are no reason for what others repeat.
    let flood = (0..600_u64).map(|n| {
        ends([203, 0, 113, u8::try_from(n % 3).unwrap()], 20, SERVER, 80)
            .without_options()
            .syn(20_000 + n * 40)
    });
    let findings = findings(join([crowd(SERVER, 0, 50 * SECOND, 25), flood.collect()]));
    the_flood(&findings);
    let last = findings.last().unwrap();
    assert_eq!(last.offenders, [0, 1, 2].map(|host| v4([203, 0, 113, host])));
    assert_eq!(last.offender_count, 3);
}

#[test]
fn pauses_do_not_make_one_flood_many() {
    let waves = (0..4).map(|n| answered(&spoofed(SERVER, 80, n * 12_000, n * 12_000 + 5_000, 100 + n)));
    let findings = findings(join(waves));
    assert_eq!(findings.len(), 2, "{findings:#?}");
}

#[test]
fn a_flash_crowd_completes() {
    let packets = join([crowd(SERVER, 0, 60 * SECOND, 5), crowd(SERVER, 60 * SECOND, 90 * SECOND, 1_000)]);
    assert_silent(&findings(packets));
}

#[test]
fn a_load_test_of_one_source_completes() {
    let packets = (0..10_000)
        .flat_map(|n| {
            let port = 1_024 + u16::try_from(n % 60_000).unwrap();
            ends([192, 0, 2, 99], port, SERVER, 80).handshake(n)
        })
        .collect();
    assert_silent(&findings(packets));
}

#[test]
fn a_crawler_completes_with_many_hosts() {
    // ntopng #8631 and FastNetMon #566: a client of many servers was called an attacker.
    let mut lot = Lot(8);
    let packets = (0..3_000)
        .flat_map(|n| ends([192, 0, 2, 50], lot.port(), lot.address(), 443).handshake(n * 10))
        .collect();
    assert_silent(&findings(packets));
}

#[test]
fn many_users_behind_one_address_complete() {
    let mut lot = Lot(81);
    let packets =
        (0..6_000).flat_map(|n| ends([203, 0, 113, 77], lot.port(), SERVER, 443).handshake(n * 5)).collect();
    assert_silent(&findings(packets));
}

#[test]
fn health_checks_leave_handshakes_with_rst_and_with_fin() {
    let packets = (0..600_u64)
        .flat_map(|n| {
            let checker = [192, 0, 2, 200 + u8::try_from(n % 4).unwrap()];
            let ends = ends(checker, 20_000 + u16::try_from(n).unwrap(), SERVER, 80);
            let ms = n * 250;
            [
                ends.syn(ms),
                ends.syn_ack(ms + 1),
                if n % 2 == 0 { ends.client_reset(ms + 2) } else { ends.ack(ms + 2) },
            ]
        })
        .collect();
    assert_silent(&findings(packets));
}

#[test]
fn clients_of_a_dead_server_ask_again() {
    // New clients come at 100 a second, and each asks at 0, 1, 3 and 7 seconds with one sequence number.
    let mut lot = Lot(5);
    let packets = (0..4_000_u64)
        .flat_map(|n| {
            let ends = ends(lot.address(), lot.port(), SERVER, 80);
            [0, 1_000, 3_000, 7_000].map(|wait| ends.syn(n * 10 + wait))
        })
        .collect();
    assert_silent(&findings(packets));
}

#[test]
fn clients_that_wait_three_seconds_ask_again_too() {
    let mut lot = Lot(6);
    let packets = (0..3_000_u64)
        .flat_map(|n| {
            let ends = ends(lot.address(), lot.port(), SERVER, 80);
            [0, 3_000, 9_000].map(|wait| ends.syn(n * 10 + wait))
        })
        .collect();
    assert_silent(&findings(packets));
}

#[test]
fn clients_of_a_closed_port_are_refused_and_ask_again() {
    let mut lot = Lot(7);
    let packets = (0..3_000_u64)
        .flat_map(|n| {
            let ends = ends([198, 51, 100, u8::try_from(n % 100).unwrap()], lot.port(), SERVER, 8_080);
            [0, 500, 1_000].map(|wait| [ends.syn(n * 20 + wait), ends.server_reset(n * 20 + wait + 1)])
        })
        .flatten()
        .collect();
    assert_silent(&findings(packets));
}

#[test]
fn a_proxy_whose_server_is_down_is_no_more_than_worth_knowing() {
    let packets = (0..6_000_u64)
        .flat_map(|n| {
            let port = 1_024 + u16::try_from(n).unwrap();
            let ends = ends([192, 0, 2, 5], port, SERVER, 8_080);
            [ends.syn(n * 10), ends.server_reset(n * 10 + 1)]
        })
        .collect();
    assert_calm(&findings(packets));
}

#[test]
fn a_flood_of_a_closed_port_is_one_and_harms_nothing() {
    let flood = spoofed(SERVER, 80, 0, 20 * SECOND, 100);
    let packets = flood.iter().flat_map(|(ms, ends)| [ends.syn(*ms), ends.server_reset(ms + 1)]).collect();
    let findings = findings(packets);
    let flood = the_flood(&findings);
    assert_eq!(
        (flood.severity, flood.text("server_state")),
        (Severity::Medium, Some(ServerState::PortClosed.name()))
    );
}

#[test]
fn a_peer_that_meets_nobody_is_no_more_than_worth_knowing() {
    let mut lot = Lot(23);
    let packets = (0..200_u64)
        .flat_map(|n| {
            let ends = ends([192, 0, 2, 33], lot.port(), lot.address(), lot.port());
            if n % 3 == 0 {
                vec![ends.syn(n * 100), ends.server_reset(n * 100 + 30)]
            } else {
                [0, 1_000, 3_000].map(|wait| ends.syn(n * 100 + wait)).to_vec()
            }
        })
        .collect();
    assert_calm(&findings(packets));
}

#[test]
fn a_server_that_restarts_refuses_for_a_while() {
    let mut lot = Lot(9);
    let refused = (0..500_u64)
        .flat_map(|n| {
            let ends = ends(lot.address(), lot.port(), SERVER, 80);
            [ends.syn(30_000 + n * 10), ends.server_reset(30_001 + n * 10)]
        })
        .collect();
    let packets =
        join([crowd(SERVER, 0, 30 * SECOND, 100), refused, crowd(SERVER, 35 * SECOND, 60 * SECOND, 100)]);
    assert_silent(&findings(packets));
}

#[test]
fn a_capture_of_what_goes_to_servers_shows_no_flood_where_clients_go_on() {
    let packets: Packets = crowd(SERVER, 0, 60 * SECOND, 200).into_iter().filter(goes_to_server).collect();
    assert_silent(&findings(packets.clone()));

    // And shows the one that is there, says what it cannot see, and is less sure.
    let flood = spoofed(SERVER, 80, 20 * SECOND, 40 * SECOND, 100);
    let seen = findings(join([packets, unanswered(&flood)]));
    let one_way = the_flood(&seen);
    assert_eq!(one_way.capture_quality.view, View::TowardsServers);
    assert_ne!(one_way.text("server_state"), Some(ServerState::BacklogExhausted.name()));
    let both = findings(join([crowd(SERVER, 0, 60 * SECOND, 200), answered(&flood)]));
    assert!(the_flood(&both).confidence > one_way.confidence);
}

#[test]
fn a_capture_of_what_goes_to_clients_shows_no_backscatter_where_servers_go_on() {
    let packets = crowd(SERVER, 0, 60 * SECOND, 200).into_iter().filter(|packet| !goes_to_server(packet));
    assert_silent(&findings(packets.collect()));
}

pub(crate) fn goes_to_server(packet: &Packet<'_>) -> bool {
    packet.ip.destination.v4_octets() == SERVER
}

#[test]
fn a_lossy_capture_shows_no_flood_and_hides_none() {
    let lossy = |packets: Packets| -> Packets {
        let mut lot = Lot(11);
        packets.into_iter().filter(|_| lot.next() % 100 >= 15).collect()
    };
    assert_silent(&findings(lossy(crowd(SERVER, 0, 90 * SECOND, 500))));
    let flood = spoofed(SERVER, 80, 70 * SECOND, 90 * SECOND, 100);
    let findings = findings(lossy(join([crowd(SERVER, 0, 90 * SECOND, 100), answered(&flood)])));
    let flood = the_flood(&findings);
    assert!(flood.capture_quality.missing > 0.05);
}

#[test]
fn a_sampled_capture_shows_no_flood() {
    // One packet of ten: most SYN are seen without what follows them.
    let mut lot = Lot(12);
    let mut packets = Packets::new();
    for n in 0..12_000_u64 {
        let ends = ends(lot.address(), lot.port(), SERVER, 80);
        packets.extend(ends.handshake(n * 5));
        for more in 0..20 {
            packets.push(if more % 2 == 0 {
                ends.ack(n * 5 + 100 + more)
            } else {
                ends.server_data(n * 5 + 100 + more)
            });
        }
    }
    let sampled = packets.into_iter().filter(|_| lot.next().is_multiple_of(10)).collect();
    assert_silent(&findings(sampled));
}

#[test]
fn a_mirror_may_show_every_packet_twice() {
    let twice =
        |packets: Packets| packets.into_iter().flat_map(|packet| [packet, packet]).collect::<Packets>();
    assert_silent(&findings(twice(crowd(SERVER, 0, 30 * SECOND, 500))));
    let mut lot = Lot(13);
    let dead = (0..1_000_u64)
        .flat_map(|n| {
            let ends = ends(lot.address(), lot.port(), SERVER, 80);
            [0, 1_000, 3_000].map(|wait| ends.syn(n * 20 + wait))
        })
        .collect();
    assert_silent(&findings(twice(dead)));
}

#[test]
fn a_vertical_scan_is_no_flood() {
    let scanner = [203, 0, 113, 9];
    let packets = (1..=1_000_u16)
        .flat_map(|port| {
            let (ends, ms) = (ends(scanner, 40_000, SERVER, port).without_options(), u64::from(port));
            [ends.syn(ms), ends.server_reset(ms + 1)]
        })
        .collect();
    let findings = findings(packets);
    assert_eq!(severest(&findings, Kind::SynFlood), None);
    let scan = started(&findings, Kind::SynScan).unwrap();
    assert_eq!((scan.victim, &scan.offenders), (Victim::Address(v4(SERVER)), &vec![v4(scanner)]));
    assert_eq!(scan.techniques, ["T1046"]);
}

#[test]
fn a_horizontal_scan_is_no_flood() {
    let scanner = [203, 0, 113, 9];
    let packets = (0..=255)
        .map(|host| ends(scanner, 40_000, [192, 0, 2, host], 445).syn(u64::from(host) * 20))
        .collect();
    let findings = findings(packets);
    assert_eq!(severest(&findings, Kind::SynFlood), None);
    let scan = started(&findings, Kind::SynScan).unwrap();
    assert_eq!(scan.victim.to_string(), "192.0.2.0/24");
    assert_eq!(scan.techniques, ["T1595.001", "T1046"]);
}

#[test]
fn a_scan_at_one_port_in_five_seconds_is_found() {
    let packets = (0..100_u16)
        .map(|n| ends([203, 0, 113, 9], 40_000, SERVER, n + 1).syn(u64::from(n) * 5_000))
        .collect();
    assert!(severest(&findings(packets), Kind::SynScan).is_some());
}

#[test]
fn a_worm_that_waits_for_each_neighbour_is_a_scanner() {
    let packets = (0..100_u8)
        .flat_map(|host| {
            let ends = ends([192, 0, 2, 200], 40_000 + u16::from(host), [10, 0, 7, host], 445);
            [0, 1_000, 3_000].map(|wait| ends.syn(u64::from(host) * 100 + wait))
        })
        .collect();
    assert!(severest(&findings(packets), Kind::SynScan).is_some());
}

#[test]
fn a_scan_within_a_flood_is_seen_besides_it() {
    let flood = spoofed(SERVER, 80, 0, 20 * SECOND, 500);
    let scan = (0..400_u16)
        .flat_map(|port| {
            let (ends, ms) = (ends([203, 0, 113, 9], 40_000, SERVER, port + 1_000), u64::from(port) * 50);
            [ends.syn(ms), ends.server_reset(ms + 1)]
        })
        .collect();
    let findings = findings(join([answered(&flood), scan]));
    assert_eq!(started(&findings, Kind::SynScan).unwrap().offenders, [v4([203, 0, 113, 9])]);
    assert_eq!(started(&findings, Kind::SynFlood).unwrap().victim, Victim::Port(v4(SERVER), 80));
}

#[test]
fn a_client_without_network_is_no_scanner() {
    let mut lot = Lot(21);
    let packets = (0..120_u64)
        .flat_map(|n| {
            let ends = ends([192, 0, 2, 33], lot.port(), lot.address(), 443);
            [0, 1_000, 3_000, 7_000].map(|wait| ends.syn(n * 300 + wait))
        })
        .collect();
    assert_silent(&findings(packets));
}

#[test]
fn a_peer_that_tries_stale_addresses_is_no_scanner() {
    let mut lot = Lot(22);
    let packets = (0..300_u64)
        .flat_map(|n| {
            let ends = ends([192, 0, 2, 33], lot.port(), lot.address(), lot.port());
            if n % 6 == 0 {
                ends.handshake(n * 100)
            } else {
                [0, 1_000, 3_000].map(|wait| ends.syn(n * 100 + wait)).to_vec()
            }
        })
        .collect();
    assert_silent(&findings(packets));
}

#[test]
fn the_noise_of_the_internet_against_one_host_is_no_flood() {
    // Many sources, each with a few ports, none of which is answered.
    let mut lot = Lot(31);
    let packets = (0..1_800_u64)
        .map(|n| ends(lot.address(), lot.port(), SERVER, lot.port() % 200).without_options().syn(n * 100))
        .collect();
    assert_calm(&findings(packets));
}

#[test]
fn the_noise_of_the_internet_against_a_network_is_no_flood() {
    let mut lot = Lot(32);
    let packets = (0..6_000_u64)
        .map(|n| {
            let host = [192, 0, 2, u8::try_from(lot.next() % 256).unwrap()];
            ends(lot.address(), lot.port(), host, lot.port() % 500).without_options().syn(n * 30)
        })
        .collect();
    assert_calm(&findings(packets));
}

#[test]
fn ports_drawn_by_lot_make_a_flood_of_the_host() {
    let mut lot = Lot(33);
    let packets = (0..8_000_u64)
        .map(|n| ends(lot.address(), lot.port(), SERVER, lot.port()).without_options().syn(n * 2))
        .collect();
    let findings = findings(packets);
    assert_eq!(started(&findings, Kind::SynFlood).unwrap().victim, Victim::Address(v4(SERVER)));
}

#[test]
fn a_carpet_over_a_network_is_a_flood_of_the_network() {
    // Two a second for each host: none of them stands out.
    let mut lot = Lot(34);
    let packets = (0..10_000_u64)
        .flat_map(|n| {
            let host = [192, 0, 2, u8::try_from(n % 250).unwrap()];
            let ends = ends(lot.address(), lot.port(), host, 443).without_options();
            [ends.syn(n * 2), ends.syn_ack(n * 2 + 1)]
        })
        .collect();
    let findings = findings(packets);
    let flood = findings.iter().find(|finding| finding.severity >= Severity::Medium).unwrap();
    assert_eq!((flood.kind, flood.victim.to_string()), (Kind::SynFlood, "192.0.2.0/24".to_owned()));
}

#[test]
fn backscatter_is_no_flood_of_anybody_here() {
    let mut lot = Lot(41);
    let attacked = [203, 0, 113, 80];
    let packets = (0..2_000_u64)
        .map(|n| {
            ends([192, 0, lot.next().to_be_bytes()[0], lot.next().to_be_bytes()[0]], lot.port(), attacked, 80)
                .syn_ack(n * 10)
        })
        .collect();
    let findings = findings(packets);
    assert_calm(&findings);
    assert_eq!(started(&findings, Kind::Backscatter).unwrap().victim, Victim::Port(v4(attacked), 80));
}

#[test]
fn servers_that_are_made_to_answer_somebody_are_no_victims() {
    let victim = [203, 0, 113, 66];
    let mut lot = Lot(42);
    let packets = (0..6_000_u64)
        .flat_map(|n| {
            let server = [192, 0, 2, u8::try_from(n % 10).unwrap()];
            let (ends, ms) = (ends(victim, lot.port(), server, 443), n * 3);
            [ends.syn(ms), ends.syn_ack(ms + 1), ends.syn_ack(ms + 1_001)]
        })
        .collect();
    let findings = findings(packets);
    let reflection = started(&findings, Kind::SynAckReflection).unwrap();
    assert_eq!(
        (reflection.victim, &reflection.techniques[..]),
        (Victim::Address(v4(victim)), &["T1498.002"][..])
    );
    assert!(findings.iter().all(|finding| finding.kind == Kind::SynAckReflection), "{findings:#?}");
}

#[test]
fn syn_ack_of_many_servers_that_nobody_asked_are_a_reflection() {
    let mut lot = Lot(43);
    let packets =
        (0..3_000_u64).map(|n| ends(SERVER, lot.port(), lot.address(), 80).syn_ack(n * 5)).collect();
    let findings = findings(packets);
    let reflection = started(&findings, Kind::SynAckReflection).unwrap();
    assert_eq!(reflection.victim, Victim::Address(v4(SERVER)));
    assert!(value(reflection, "unsolicited_syn_ack") > 100.0);
}

#[test]
fn a_clock_that_stands_still_ends_nothing_and_hides_no_flood() {
    let mut packets = unanswered(&spoofed(SERVER, 80, 0, 10 * SECOND, 100));
    for packet in &mut packets {
        packet.timestamp = wire::Timestamp::ZERO;
    }
    the_flood(&findings(packets));
}

#[test]
fn a_clock_that_leaps_is_no_reason_for_anything() {
    let mut packets = crowd(SERVER, 0, 20 * SECOND, 200);
    for packet in packets.iter_mut().skip(4_000) {
        packet.timestamp = packet.timestamp.saturating_add_nanos(u64::MAX / 2);
    }
    assert_silent(&findings(packets));
}

#[test]
fn many_who_check_whether_a_port_is_open_are_no_flood() {
    // Forty balancers, a check a second each: SYN, SYN-ACK, RST.
    let checks = (0..120_u64).flat_map(|second| {
        (0..40_u8).flat_map(move |balancer| {
            let port = 10_000 + u16::try_from(second).unwrap();
            let ends = ends([10, 0, 0, balancer], port, SERVER, 80);
            let ms = second * SECOND + u64::from(balancer) * 10;
            [ends.syn(ms), ends.syn_ack(ms + 1), ends.client_reset(ms + 2)]
        })
    });
    assert_calm(&findings(checks.collect()));
}

#[test]
fn a_peer_that_knows_one_port_of_stale_addresses_is_no_more_than_worth_knowing() {
    let mut lot = Lot(5);
    let tries = (0..400_u64).flat_map(|n| {
        let ends = ends([192, 0, 2, 7], 20_000 + u16::try_from(n).unwrap(), lot.address(), 8_333);
        let ms = n * 500;
        match n % 10 {
            0 => ends.handshake(ms),
            1 => vec![ends.syn(ms), ends.server_reset(ms + 50)],
            _ => vec![ends.syn(ms), ends.syn(ms + 1_000), ends.syn(ms + 3_000)],
        }
    });
    assert_calm(&findings(tries.collect()));
}

#[test]
fn a_carpet_that_one_host_lays_is_a_flood_of_the_network_and_one_walk_over_it_is_a_scan() {
    let walk = |rounds: u64| -> Packets {
        let syn = |n: u64| {
            let server = [192, 0, 2, u8::try_from(n % 256).unwrap()];
            let port = 1_024 + u16::try_from(n).unwrap();
            ends([198, 51, 100, 66], port, server, 80).without_options().syn(n)
        };
        (0..rounds * 256).map(syn).collect()
    };
    assert_eq!(severest(&findings(walk(40)), Kind::SynFlood), Some(Severity::High));
    assert_eq!(severest(&findings(walk(2)), Kind::SynFlood), None);
    assert_eq!(severest(&findings(walk(2)), Kind::SynScan), Some(Severity::Medium));
}
