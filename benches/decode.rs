//! What it costs to decode a packet: ours, and etherparse's slicers of whole packets for comparison.
//!
//! `cargo bench --bench decode`. Throughput is in packets: the time of one of them is its reciprocal.

#![expect(clippy::unwrap_used, reason = "a bench ends where its setting fails")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use etherparse::{LaxSlicedPacket, PacketBuilder, SlicedPacket, TransportSlice, VlanId};
use wire::{Frame, LinkType, Ports, Timestamp, Transport};

criterion_group!(benches, plain, tunnelled);
criterion_main!(benches);

/// More packets than a branch predictor can learn by heart.
const PACKETS: usize = 4_096;

fn plain(criterion: &mut Criterion) {
    let packets = mixed(0x2545_f491_4f6c_dd1d);
    let mut group = criterion.benchmark_group("decode/plain");
    group.throughput(Throughput::Elements(u64::try_from(PACKETS).unwrap()));
    group.bench_function("flowcanary", |bencher| bencher.iter(|| decode_all(&packets)));
    group.bench_function("etherparse LaxSlicedPacket", |bencher| {
        bencher.iter(|| {
            let look_at = |packet: &Vec<u8>| {
                let sliced = LaxSlicedPacket::from_ethernet(black_box(packet)).ok()?;
                let length = sliced.ip_payload()?.payload.len();
                Some(u64::try_from(length).unwrap_or_default() + ports(sliced.transport.as_ref()))
            };
            packets.iter().filter_map(look_at).sum::<u64>()
        });
    });
    group.bench_function("etherparse SlicedPacket", |bencher| {
        bencher.iter(|| {
            let look_at = |packet: &Vec<u8>| {
                let sliced = SlicedPacket::from_ethernet(black_box(packet)).ok()?;
                let length = sliced.ip_payload()?.payload.len();
                Some(u64::try_from(length).unwrap_or_default() + ports(sliced.transport.as_ref()))
            };
            packets.iter().filter_map(look_at).sum::<u64>()
        });
    });
    group.finish();

    let kinds = [("IPv4 TCP", 0), ("IPv4 UDP", 70), ("IPv6 TCP", 85), ("VLAN IPv4 TCP", 95)];
    let mut group = criterion.benchmark_group("decode/only");
    group.throughput(Throughput::Elements(u64::try_from(PACKETS).unwrap()));
    for (name, kind) in kinds {
        let packets: Vec<_> = (0..PACKETS).map(|i| packet(kind, u32::try_from(i).unwrap())).collect();
        group.bench_function(name, |bencher| bencher.iter(|| decode_all(&packets)));
    }
    group.finish();
}

fn tunnelled(criterion: &mut Criterion) {
    let vxlan: Vec<_> = mixed(0x9e37_79b9_7f4a_7c15).iter().map(|inner| in_vxlan(inner)).collect();
    let mut group = criterion.benchmark_group("decode/tunnelled");
    group.throughput(Throughput::Elements(u64::try_from(PACKETS).unwrap()));
    group.bench_function("VXLAN", |bencher| bencher.iter(|| decode_all(&vxlan)));
    group.finish();
}

/// Looks at some fields, as those who decode packets do; to have each of them copied whole would measure the copy.
fn decode_all(packets: &[Vec<u8>]) -> u64 {
    let look_at = |data: &Vec<u8>| {
        let frame = Frame {
            data: black_box(data),
            timestamp: Timestamp::ZERO,
            original_length: u32::try_from(data.len()).unwrap_or(u32::MAX),
            link_type: black_box(LinkType::ETHERNET),
            interface: 0,
        };
        let packet = wire::decode(&frame).ok()?;
        let ports = match packet.transport {
            Transport::Tcp(tcp) => tcp.ports,
            Transport::Ports(ports) => ports,
            _ => Ports::default(),
        };
        Some(u64::from(packet.ip.octets) + u64::from(ports.source) + u64::from(ports.destination))
    };
    packets.iter().filter_map(look_at).sum()
}

fn ports(transport: Option<&TransportSlice<'_>>) -> u64 {
    match transport {
        Some(TransportSlice::Tcp(tcp)) => u64::from(tcp.source_port()) + u64::from(tcp.destination_port()),
        Some(TransportSlice::Udp(udp)) => u64::from(udp.source_port()) + u64::from(udp.destination_port()),
        _ => 0,
    }
}

/// Of a hundred packets, 70 are TCP over IPv4, 15 are UDP, 10 are TCP over IPv6, 5 have a VLAN tag; in no order.
fn mixed(mut random: u64) -> Vec<Vec<u8>> {
    let mut next = || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        u32::try_from(random >> 32).unwrap()
    };
    (0..PACKETS).map(|_| packet(next() % 100, next())).collect()
}

fn packet(kind: u32, random: u32) -> Vec<u8> {
    let [a, b, c, d] = random.to_be_bytes();
    let port = u16::from_be_bytes([a, b]);
    let ethernet = PacketBuilder::ethernet2([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]);
    let (source, destination) = ([10, a, b, c], [192, 0, 2, d]);
    let payload = vec![d; usize::from(c)];
    let mut octets = Vec::new();
    match kind {
        0..70 => {
            let step = ethernet.ipv4(source, destination, 64).tcp(port, 443, random, 1_024).ack(random);
            step.write(&mut octets, &payload).unwrap();
        }
        70..85 => {
            let step = ethernet.ipv4(source, destination, 64).udp(port, 53);
            step.write(&mut octets, &payload).unwrap();
        }
        85..95 => {
            let step = ethernet.ipv6([a; 16], [b; 16], 64).tcp(port, 443, random, 1_024).ack(random);
            step.write(&mut octets, &payload).unwrap();
        }
        _ => {
            let vlan = VlanId::try_new(port & 0x0fff).unwrap();
            let step = ethernet.single_vlan(vlan).ipv4(source, destination, 64).tcp(port, 443, random, 1_024);
            step.write(&mut octets, &payload).unwrap();
        }
    }
    octets
}

fn in_vxlan(inner: &[u8]) -> Vec<u8> {
    let header = [8, 0, 0, 0, 0, 0, 42, 0];
    let ethernet = PacketBuilder::ethernet2([2, 0, 0, 0, 0, 3], [2, 0, 0, 0, 0, 4]);
    let mut octets = Vec::new();
    ethernet
        .ipv4([198, 51, 100, 1], [198, 51, 100, 2], 64)
        .udp(49_152, 4_789)
        .write(&mut octets, &[&header, inner].concat())
        .unwrap();
    octets
}
