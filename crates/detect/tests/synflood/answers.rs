//! What is told from SYN-ACKs that nobody asked for: where it ends, whom it names, and what it turns out to be.

use detect::synflood::ObserverConfig;
use detect::{Finding, Kind, Phase, Severity, Victim, View};

use crate::{
    packets::{BEGINNING_MS, Lot, ends, v4},
    probe::{findings, findings_with, severest, started, value},
    traps::{Packets, SECOND, SERVER, answered, crowd, goes_to_server, join, spoofed},
};

const ELSEWHERE: [u8; 4] = [203, 0, 113, 80];

fn ended(findings: &[Finding], kind: Kind) -> &Finding {
    findings.iter().find(|finding| finding.kind == kind && finding.phase == Phase::Ended).unwrap()
}

/// SYN-ACKs of one server for hosts of the inside that asked for none.
fn backscatter(from_ms: u64, to_ms: u64, pause_ms: usize) -> Packets {
    let mut lot = Lot(from_ms + 1);
    let times = (from_ms..to_ms).step_by(pause_ms);
    times
        .map(|ms| {
            let [high, low, ..] = lot.address();
            ends([192, 0, high, low], lot.port(), ELSEWHERE, 80).syn_ack(ms)
        })
        .collect()
}

fn from_server(packets: Packets) -> Packets {
    packets.into_iter().filter(|packet| !goes_to_server(packet)).collect()
}

#[test]
fn backscatter_ends_with_its_last_second_and_not_with_its_sum() {
    let findings =
        findings(join([backscatter(0, 10 * SECOND, 5), backscatter(10 * SECOND, 200 * SECOND, 1_500)]));
    let end = ended(&findings, Kind::Backscatter);
    assert!((9..=11).contains(&(end.last_seen - end.first_seen).as_secs()), "{end:#?}");
    assert!(value(started(&findings, Kind::Backscatter).unwrap(), "unsolicited_cusum") >= 60.0);
    assert!(findings.iter().all(|finding| finding.offenders.is_empty() && finding.offender_count == 0));
}

#[test]
fn a_flood_seen_from_the_server_alone_names_who_did_not_go_on() {
    let flood = answered(&spoofed(SERVER, 80, 20 * SECOND, 40 * SECOND, 100));
    let findings = findings(from_server(join([crowd(SERVER, 0, 60 * SECOND, 20), flood])));
    let (start, end) = (started(&findings, Kind::SynFlood).unwrap(), ended(&findings, Kind::SynFlood));
    assert_eq!((start.severity, start.capture_quality.view), (Severity::Medium, View::TowardsClients));
    assert!(
        !start.offenders.is_empty()
            && start.offenders.iter().all(|one| !one.to_string().starts_with("198.51.100."))
    );
    assert!((1_400..=2_800).contains(&end.offender_count), "{}", end.offender_count);
    assert!((19..=21).contains(&(end.last_seen - end.first_seen).as_secs()), "{end:#?}");
    assert!((90.0..=130.0).contains(&value(end, "peak_per_second")));
}

#[test]
fn what_looked_like_backscatter_is_a_flood_once_the_capture_tells_its_side() {
    // Handshakes are so few at first that it cannot be known which side is seen.
    let flood = answered(&spoofed(SERVER, 80, 0, 60 * SECOND, 100));
    let findings = findings(from_server(join([crowd(SERVER, 10 * SECOND, 60 * SECOND, 10), flood])));
    let told: Vec<_> = findings.iter().map(|finding| (finding.kind, finding.phase)).collect();
    let expected = [
        (Kind::Backscatter, Phase::Started),
        (Kind::Backscatter, Phase::Ended),
        (Kind::SynFlood, Phase::Started),
        (Kind::SynFlood, Phase::Ended),
    ];
    assert_eq!(told, expected);
    assert_eq!(severest(&findings, Kind::SynFlood), Some(Severity::Medium));
}

#[test]
fn a_reflection_at_fixed_ports_is_one_as_well() {
    // Few servers and one port of the victim: each answer has numbers of its own.
    let mut lot = Lot(44);
    let packets = (0..6_000_u64)
        .flat_map(|n| {
            let server = [198, 51, 100, u8::try_from(lot.next() % 200).unwrap()];
            let mut ends = ends(SERVER, 80, server, 443);
            ends.sequence = lot.next();
            [ends.syn_ack(n * 5), ends.client_reset(n * 5 + 1)]
        })
        .collect();
    let findings = findings(packets);
    let (start, end) =
        (started(&findings, Kind::SynAckReflection).unwrap(), ended(&findings, Kind::SynAckReflection));
    assert_eq!(start.victim, Victim::Address(v4(SERVER)));
    assert_eq!(start.first_seen.millis(), BEGINNING_MS);
    assert!((29..=30).contains(&(end.last_seen - end.first_seen).as_secs()), "{end:#?}");
}

#[test]
fn answers_that_a_server_repeats_after_a_flood_are_no_backscatter() {
    // Handshakes that had to make room are forgotten, and their server still repeats its answers.
    let flood = spoofed(SERVER, 80, 0, 10 * SECOND, 200);
    let late = flood.iter().map(|(ms, ends)| ends.syn_ack(ms + 31_001)).collect();
    let config = ObserverConfig { half_open: 500, ..ObserverConfig::default() };
    let findings = findings_with(config, join([answered(&flood), late]));
    let told: Vec<_> = findings.iter().map(|finding| (finding.kind, finding.phase)).collect();
    assert_eq!(told, [(Kind::SynFlood, Phase::Started), (Kind::SynFlood, Phase::Ended)]);
    assert!((9..=10).contains(&(findings[1].last_seen - findings[1].first_seen).as_secs()), "{findings:#?}");
}

#[test]
fn who_goes_on_is_no_offender() {
    let flood = answered(&spoofed(SERVER, 80, 20 * SECOND, 50 * SECOND, 20));
    let findings = findings(join([crowd(SERVER, 0, 80 * SECOND, 100), flood]));
    let end = ended(&findings, Kind::SynFlood);
    // Six hundred addresses drawn by lot, and 250 that are clients.
    assert!((420..=780).contains(&end.offender_count), "{}", end.offender_count);
}
