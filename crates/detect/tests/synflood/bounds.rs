//! Nothing that is sent makes anything grow past its bound, and what is kept says the same however packets are divided.

use detect::Kind;
use detect::synflood::{JudgeConfig, ObserverConfig};
use flow::{Meter, MeterConfig};
use proptest::prelude::*;
use wire::{Packet, Tcp, Transport};

use crate::{
    packets::{Ends, Lot, ends, place},
    probe::{Probe, findings, started},
};

/// Small bounds, so that they are reached.
const OBSERVER: ObserverConfig = ObserverConfig {
    half_open: 1_000,
    targets_per_second: 100,
    prefixes_per_second: 50,
    sources_per_second: 200,
    sampled_per_second: 500,
    sample_seed: 7,
};

/// Of one observer: the handshakes, and five seconds of targets, prefixes, the rest, sources and what is beyond the first of samples;
/// and the targets of those that wait to be taken.
const MOST_ENTRIES: usize = 1_000 + 5 * (100 + 51 + 1 + 200 + 2 * 500) + 8 * 152;

fn judge_config() -> JudgeConfig {
    JudgeConfig { victims: 64, sources: 128, ..JudgeConfig::default() }
}

/// Shows the packets to a probe with small bounds, which are looked at all the time.
fn watch(packets: impl Iterator<Item = Packet<'static>>) -> Probe {
    let mut probe = Probe::with_configs(1, OBSERVER, judge_config());
    for (n, packet) in packets.enumerate() {
        probe.packet(&packet);
        if n % 1_000 == 0 {
            let entries = probe.observers[0].entries();
            assert!(entries <= MOST_ENTRIES, "{entries} entries after {n} packets");
            assert!(probe.judge.entries() <= 64 + 128);
        }
    }
    probe
}

#[test]
fn a_hundred_thousand_sources_and_victims_stay_within_the_bounds() {
    let mut lot = Lot(1);
    let mut any = move |ms: u64| ends(lot.address(), lot.port(), lot.address(), lot.port()).syn(ms);
    let mut probe = watch((0..100_000).map(|n| any(n / 10)));
    probe.close();
    let counts = probe.observers[0].counts();
    assert_eq!(counts.segments, 100_000);
    assert!(counts.half_open_evicted > 90_000);
    assert!(counts.targets_overflow > 90_000 && counts.sources_overflow > 90_000);
    assert!(probe.judge.counts().victims_forgotten > 0 && probe.judge.counts().sources_forgotten > 0);
}

#[test]
fn a_flood_is_found_with_every_bound_reached() {
    let mut lot = Lot(2);
    let packets = (0..100_000_u64).map(move |n| {
        let victim = if n % 2 == 0 { [192, 0, 2, 10] } else { lot.address() };
        ends(lot.address(), lot.port(), victim, 80).without_options().syn(n / 10)
    });
    let mut probe = watch(packets);
    let findings = probe.close();
    let flood = started(&findings, Kind::SynFlood).unwrap();
    assert_eq!(flood.victim.to_string(), "192.0.2.10:80");
    assert!(findings.len() < 50, "{} findings", findings.len());
}

#[test]
fn one_source_with_all_ports_and_one_victim_with_all_sources_stay_within_the_bounds() {
    let mut lot = Lot(3);
    let packets = (0..100_000_u64).map(move |n| {
        let port = u16::try_from(n % 65_536).unwrap();
        if n % 2 == 0 {
            ends([203, 0, 113, 1], 1, [192, 0, 2, 10], port).syn(n / 20)
        } else {
            ends(lot.address(), port, [192, 0, 2, 11], 80).syn_ack(n / 20)
        }
    });
    watch(packets).close();
}

#[test]
fn seconds_that_nobody_takes_are_lost_and_counted() {
    let mut observer = detect::synflood::Observer::new(OBSERVER);
    let mut meter = Meter::new(MeterConfig::default());
    for second in 0..1_000 {
        let packet = ends([203, 0, 113, 1], 1, [192, 0, 2, 10], 80).syn(second * 1_000);
        observer.segment(&packet, &place(&mut meter, &packet, packet.timestamp).unwrap());
    }
    assert!(observer.counts().seconds_lost > 900);
    assert!(observer.entries() < 100);
}

/// Something that hosts of a small network may do, or seem to.
#[derive(Clone, Debug)]
struct Act {
    ms: u64,
    ends: (u8, u8, u8),
    what: u8,
    times: u8,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = (0_u64..60_000, (0_u8..12, 0_u8..4, 0_u8..6), 0_u8..8, 1_u8..60)
        .prop_map(|(ms, ends, what, times)| Act { ms, ends, what, times });
    proptest::collection::vec(act, 1..60)
}

fn packets_of(act: &Act) -> Vec<Packet<'static>> {
    let (client, server, port) = act.ends;
    (0..u64::from(act.times))
        .flat_map(|n| {
            let source_port = 10_000 + u16::try_from(n).unwrap() + u16::from(act.what) * 100;
            let one: Ends = ends([198, 51, 100, client], source_port, [192, 0, 2, server], u16::from(port));
            let ms = act.ms + n * 7;
            match act.what {
                0 => one.handshake(ms),
                1 => vec![one.syn(ms), one.syn_ack(ms + 1), one.syn_ack(ms + 1_001)],
                2 => vec![one.syn(ms), one.server_reset(ms + 3)],
                3 => vec![one.syn(ms), one.syn_ack(ms + 1), one.client_reset(ms + 2)],
                4 => vec![one.syn(ms), one.syn(ms + 1_000), one.syn(ms + 3_000)],
                5 => vec![one.syn_ack(ms), one.server_data(ms + 5_000)],
                6 => vec![one.syn(ms), one.ack(ms + 9_000)],
                _ => vec![one.without_options().syn(ms)],
            }
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn findings_do_not_depend_on_how_packets_are_divided(acts in acts()) {
        // It compares one observer with three.
        findings(acts.iter().flat_map(packets_of).collect());
    }

    #[test]
    fn any_segments_are_borne(
        segments in proptest::collection::vec((any::<u64>(), any::<[u8; 2]>(), any::<[u16; 2]>(), any::<[u32; 2]>(), 0_u16..0x1000), 0..400),
    ) {
        let packets = segments.iter().map(|(nanos, hosts, ports, numbers, flags)| {
            let one = ends([192, 0, 2, hosts[0] % 4], ports[0] % 8, [192, 0, 2, hosts[1] % 4], ports[1] % 8);
            let mut packet = one.syn(0);
            packet.timestamp = wire::Timestamp::from_nanos(*nanos);
            packet.transport = Transport::Tcp(Tcp {
                ports: wire::Ports { source: ports[0] % 8, destination: ports[1] % 8 },
                sequence: numbers[0],
                acknowledgment: numbers[1],
                flags: wire::TcpFlags(*flags),
                window: 0,
                data_octets: 0,
            });
            packet
        });
        let mut probe = watch(packets);
        for finding in probe.close() {
            prop_assert!((0.0..=1.0).contains(&finding.confidence));
            prop_assert!(finding.evidence.iter().filter_map(|one| one.value.number()).all(f64::is_finite));
        }
    }
}
