//! What metering costs, by how many flows live: the table alone, without decoding.
//!
//! Packets of a fixed set of flows in an order that no cache can guess, four fifths of them on one tenth of the flows. `one at a
//! time` accounts each packet as it comes; `in groups` fetches the flows of 32 before it accounts any, as the worker does. `opening`
//! is the flood: each packet opens a flow.

use std::{hint::black_box, time::Duration};

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use flow::{Meter, MeterConfig, Placed, Placement};
use wire::{Address, Ip, Link, Packet, Ports, Tcp, TcpFlags, Timestamp, Transport};

/// So few that the packets themselves stay in the second-level cache: only flows are to be far away.
const PACKETS: u32 = 1 << 11;
const OPENED_FLOWS: u32 = 1 << 16;
const GROUP: usize = 32;

fn accounting(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("accounting");
    group
        .throughput(Throughput::Elements(PACKETS.into()))
        .sample_size(20)
        .measurement_time(Duration::from_secs(3));
    for flows in [10_000_u32, 100_000, 1_000_000] {
        let mut meter = meter();
        for flow in 0..flows {
            account(&mut meter, packet(flow, 0));
        }
        let mut round = 0;
        let mut packets = move || {
            round += 1;
            (0..PACKETS)
                .map(|number| packet(chosen(number.wrapping_add(round * PACKETS), flows), 1))
                .collect::<Vec<_>>()
        };
        group.bench_function(BenchmarkId::new("one at a time", flows), |bencher| {
            bencher.iter_batched(
                &mut packets,
                |packets| packets.into_iter().for_each(|packet| account(&mut meter, packet)),
                BatchSize::PerIteration,
            );
        });
        group.bench_function(BenchmarkId::new("in groups", flows), |bencher| {
            bencher.iter_batched(
                &mut packets,
                |packets| account_in_groups(&mut meter, &packets),
                BatchSize::LargeInput,
            );
        });
    }
    group.finish();
}

fn opening(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("opening");
    group.throughput(Throughput::Elements(OPENED_FLOWS.into())).sample_size(20);
    let packets: Vec<_> = (0..OPENED_FLOWS).map(|number| packet(number, 0)).collect();
    group.bench_function("a flow with each packet", |bencher| {
        bencher.iter_batched(
            meter,
            |mut meter| {
                account_in_groups(&mut meter, &packets);
                meter
            },
            BatchSize::LargeInput,
        );
    });
    group.finish();
}

/// Records out of a table that is closed.
fn taking_records(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("taking records");
    group.throughput(Throughput::Elements(OPENED_FLOWS.into())).sample_size(20);
    let packets: Vec<_> = (0..OPENED_FLOWS).map(|number| packet(number, 0)).collect();
    group.bench_function("of all flows at the end", |bencher| {
        bencher.iter_batched(
            || {
                let mut meter = meter();
                account_in_groups(&mut meter, &packets);
                meter
            },
            |mut meter| {
                let mut records = Vec::with_capacity(256);
                meter.close(Timestamp::from_parts(1, 0));
                while meter.take_records(&mut records, 256) {
                    black_box(&records);
                    records.clear();
                }
                meter
            },
            BatchSize::LargeInput,
        );
    });
    group.finish();
}

fn meter() -> Meter {
    Meter::new(MeterConfig::default())
}

fn account(meter: &mut Meter, packet: Packet<'static>) {
    if let Placed::InFlow(placement) = meter.place(&packet, packet.timestamp) {
        meter.account(&packet, &placement);
    }
}

fn account_in_groups(meter: &mut Meter, packets: &[Packet<'static>]) {
    let mut placements: Vec<Placement> = Vec::with_capacity(GROUP);
    for packets in packets.chunks(GROUP) {
        placements.extend(packets.iter().filter_map(|packet| match meter.place(packet, packet.timestamp) {
            Placed::InFlow(placement) => Some(placement),
            Placed::Carried | Placed::Waiting => None,
        }));
        black_box(placements.iter_mut().fold(0, |touched, placement| touched ^ meter.touch(placement)));
        for (packet, placement) in packets.iter().zip(&placements) {
            meter.account(packet, placement);
        }
        placements.clear();
    }
}

/// The flow of packet `number`: of four out of five among the first tenth.
fn chosen(number: u32, flows: u32) -> u32 {
    let mixed = (u64::from(number) ^ 0x5bd1_e995).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let among = if mixed >> 32 & 0xff < 205 { flows / 10 } else { flows };
    #[expect(clippy::cast_possible_truncation, reason = "half of the random number is enough")]
    let chosen = mixed as u32 % among;
    chosen
}

fn packet(flow: u32, seconds: u64) -> Packet<'static> {
    let [a, b, c, d] = flow.to_be_bytes();
    let ports = Ports { source: u16::from_be_bytes([c, d]), destination: 443 };
    let ip = Ip {
        source: Address::from_v4([10, a, b, c]),
        destination: Address::from_v4([192, 0, 2, d]),
        version: 4,
        protocol: 6,
        tos: 0,
        ttl: 64,
        octets: 60,
        fragment: None,
    };
    Packet {
        timestamp: Timestamp::from_parts(seconds, 0),
        interface: 0,
        link: Link::default(),
        segment: None,
        ip,
        transport: Transport::Tcp(Tcp { ports, flags: TcpFlags::ACK, ..Tcp::default() }),
        payload: &[],
        payload_offset: 0,
        carrier: None,
    }
}

criterion_group!(benches, accounting, opening, taking_records);
criterion_main!(benches);
