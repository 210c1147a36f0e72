//! What a packet costs, measured. Run it with `cargo test --release -p detect --test synflood cost -- --ignored --nocapture`.

use std::time::Duration;

use detect::synflood::{Observer, ObserverConfig};
use wire::Packet;

use crate::packets::{Lot, ends};

/// The time that `packets` take, less than which nothing is known of a machine's quiet; per packet.
#[expect(clippy::disallowed_methods, reason = "it measures")]
fn nanos_per_packet(name: &str, packets: &[Packet<'static>], is_observed: bool) -> u128 {
    let best = (0..5)
        .map(|_| {
            let mut observer = Observer::new(ObserverConfig::default());
            let begin = std::time::Instant::now();
            for packet in packets {
                let packet = std::hint::black_box(packet);
                if is_observed {
                    observer.segment(packet, packet.timestamp);
                } else {
                    std::hint::black_box((packet.timestamp, packet.ip.source, packet.transport));
                }
                while let Some(second) = observer.take() {
                    std::hint::black_box(second);
                }
            }
            begin.elapsed()
        })
        .min()
        .unwrap_or(Duration::MAX);
    let nanos = best.as_nanos() / packets.len() as u128;
    println!("{name:40} {nanos} ns per packet");
    nanos
}

#[test]
#[ignore = "a measurement, which means nothing beside other tests"]
fn of_ordinary_traffic_and_of_floods() {
    // Connections of a hundred packets, some thousand at a time.
    let mut lot = Lot(1);
    let mut ordinary = Vec::new();
    for n in 0..20_000_u64 {
        let one = ends(lot.address(), lot.port(), [192, 0, 2, lot.address()[0]], 443);
        ordinary.extend(one.handshake(n));
        ordinary.extend((0..48).flat_map(|m| [one.ack(n + 100 + m * 20), one.server_data(n + 101 + m * 20)]));
    }
    ordinary.sort_by_key(|packet| packet.timestamp);
    nanos_per_packet("ordinary traffic, not observed", &ordinary, false);
    let ordinary = nanos_per_packet("ordinary traffic", &ordinary, true);

    let spoofed: Vec<_> = (0..1_000_000_u64)
        .map(|n| ends(lot.address(), lot.port(), [192, 0, 2, 10], 80).syn(n / 200))
        .collect();
    let flood = nanos_per_packet("spoofed flood, 200,000 SYN/s", &spoofed, true);

    let single: Vec<_> = (0..1_000_000_u64)
        .map(|n| ends([203, 0, 113, 5], lot.port(), [192, 0, 2, 10], 80).syn(n / 200))
        .collect();
    let single = nanos_per_packet("flood of one source, 200,000 SYN/s", &single, true);

    let scan: Vec<_> =
        (0..1_000_000_u64).map(|n| ends(lot.address(), 1, lot.address(), lot.port()).syn(n / 200)).collect();
    let scan = nanos_per_packet("everybody to everybody, 200,000 SYN/s", &scan, true);
    // Generous: what is meant to be caught is a table that is searched from end to end.
    assert!(ordinary < 500 && flood.max(single).max(scan) < 5_000);
}
