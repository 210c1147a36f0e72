//! What following handshakes costs per packet: of ordinary traffic, and of floods, whose packets all cost state.

use std::{hint::black_box, time::Duration};

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use detect::synflood::{Observer, ObserverConfig};
use flow::{Meter, MeterConfig};
use wire::Packet;

#[path = "../tests/synflood/packets.rs"]
#[expect(dead_code, clippy::unwrap_used, reason = "written for the tests, which make more kinds of packets")]
mod packets;

use packets::{Lot, ends, place};

const FLOOD_PACKETS: u64 = 200_000;

fn observing(criterion: &mut Criterion) {
    let mut lot = Lot(1);
    bench(criterion, "ordinary traffic", &ordinary(&mut lot));
    let mut flood = |name, packet: &mut dyn FnMut(&mut Lot, u64) -> Packet<'static>| {
        let packets: Vec<_> = (0..FLOOD_PACKETS).map(|n| packet(&mut lot, n)).collect();
        bench(criterion, name, &packets);
    };
    // 200,000 SYN a second.
    flood("spoofed flood", &mut |lot, n| ends(lot.address(), lot.port(), [192, 0, 2, 10], 80).syn(n / 200));
    flood("flood of one source", &mut |lot, n| {
        ends([203, 0, 113, 5], lot.port(), [192, 0, 2, 10], 80).syn(n / 200)
    });
    flood("everybody to everybody", &mut |lot, n| {
        ends(lot.address(), 1, lot.address(), lot.port()).syn(n / 200)
    });
}

/// Connections of a hundred packets, some thousand at a time.
fn ordinary(lot: &mut Lot) -> Vec<Packet<'static>> {
    let mut packets = Vec::new();
    for n in 0..4_000_u64 {
        let [last, ..] = lot.address();
        let one = ends(lot.address(), lot.port(), [192, 0, 2, last], 443);
        packets.extend(one.handshake(n));
        packets.extend((0..48).flat_map(|m| [one.ack(n + 100 + m * 20), one.server_data(n + 101 + m * 20)]));
    }
    packets.sort_by_key(|packet| packet.timestamp);
    packets
}

fn bench(criterion: &mut Criterion, name: &str, packets: &[Packet<'static>]) {
    let mut group = criterion.benchmark_group("observing handshakes");
    let count = u64::try_from(packets.len()).unwrap_or(u64::MAX);
    let mut meter = Meter::new(MeterConfig::default());
    let placed =
        packets.iter().filter_map(|packet| Some((packet, place(&mut meter, packet, packet.timestamp)?)));
    let placed: Vec<_> = placed.collect();
    group.throughput(Throughput::Elements(count)).sample_size(10).measurement_time(Duration::from_secs(2));
    group.bench_function(name, |bencher| {
        bencher.iter_batched(
            || Observer::new(ObserverConfig::default()),
            |mut observer| {
                for (packet, placement) in &placed {
                    observer.segment(packet, placement);
                    while let Some(second) = observer.take() {
                        black_box(second);
                    }
                }
                observer
            },
            BatchSize::LargeInput,
        );
    });
    group.finish();
}

criterion_group!(benches, observing);
criterion_main!(benches);
