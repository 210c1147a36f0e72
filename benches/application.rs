//! What finding out applications adds to metering, per packet.
//!
//! `past the prefix` is data of connections of which all is known: each packet costs a look at the mark. `no application` is whole
//! connections that say nothing that is known: after four packets with octets they cost that, too. `requests` is connections with a
//! request of HTTP and its answer and nothing else, the dearest there are for their length.

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use detect::observe::{Applications, ApplicationsConfig};
use flow::{FlowRecord, Meter, MeterConfig, Placed};
use wire::{Address, Ip, Link, Packet, Ports, Tcp, TcpFlags, Timestamp, Transport};

const FLOWS: u32 = 10_000;
const PACKETS_PER_FLOW: u32 = 20;
const REQUEST: &[u8] =
    b"GET /index.html HTTP/1.1\r\nHost: www.example.org\r\nUser-Agent: Mozilla/5.0\r\n\r\n";
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 9000\r\n\r\n<html>";
const DATA: &[u8] = &[0xee; 1_400];

fn applications(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("application");
    group.sample_size(20);
    for observes in [false, true] {
        let name =
            |what: &str| format!("{what}, {}", if observes { "with applications" } else { "metering alone" });
        group.throughput(Throughput::Elements((FLOWS * PACKETS_PER_FLOW).into()));
        let mut known = Probe::new(observes);
        for flow in 0..FLOWS {
            known.exchange(flow);
        }
        group.bench_function(name("past the prefix"), |bencher| {
            bencher.iter(|| {
                each_packet(|flow, number| known.show(&packet(flow, true, 0x10, 200 + number, DATA)));
            });
        });
        group.bench_function(name("no application"), |bencher| {
            let others = |mut probe: Probe| {
                each_packet(|flow, number| {
                    let flags = if number == 0 { 0x02 } else { 0x10 };
                    let said = if number == 0 { &[] } else { DATA };
                    probe.show(&packet(flow, number % 2 == 0, flags, number / 2 * 1_400, said));
                });
                probe.close()
            };
            bencher.iter_batched(|| Probe::new(observes), others, BatchSize::PerIteration);
        });
        group.throughput(Throughput::Elements((FLOWS * 3).into()));
        group.bench_function(name("requests"), |bencher| {
            let asked = |mut probe: Probe| {
                (0..FLOWS).for_each(|flow| probe.exchange(flow));
                probe.close()
            };
            bencher.iter_batched(|| Probe::new(observes), asked, BatchSize::PerIteration);
        });
    }
    group.finish();
}

/// Flow by flow for each number, so that no flow's packets come one after the other.
fn each_packet(mut show: impl FnMut(u32, u32)) {
    for number in 0..PACKETS_PER_FLOW {
        (0..FLOWS).for_each(|flow| show(flow, number));
    }
}

/// A worker without threads.
struct Probe {
    meter: Meter,
    applications: Option<Applications>,
}

impl Probe {
    fn new(observes: bool) -> Self {
        let config = ApplicationsConfig { octets: 1 << 28, longest_silence_nanos: u64::MAX };
        let applications = observes.then(|| Applications::new(config));
        Self { meter: Meter::new(MeterConfig::default()), applications }
    }

    fn show(&mut self, packet: &Packet<'_>) {
        let Placed::InFlow(placement) = self.meter.place(packet, Timestamp::ZERO) else { return };
        let accounted = self.meter.account(packet, &placement);
        if let Some(applications) = &mut self.applications {
            applications.packet(packet, accounted, Timestamp::ZERO, &mut self.meter);
        }
    }

    /// SYN, request and answer.
    fn exchange(&mut self, flow: u32) {
        self.show(&packet(flow, true, 0x02, 0, &[]));
        self.show(&packet(flow, true, 0x10, 1, REQUEST));
        self.show(&packet(flow, false, 0x10, 1, ANSWER));
    }

    /// Takes all records with their applications.
    fn close(mut self) -> usize {
        self.meter.close(Timestamp::ZERO);
        let (mut records, mut known) = (Vec::<FlowRecord>::new(), 0);
        while self.meter.take_records(&mut records, 256) {
            for record in records.drain(..) {
                if let Some(applications) = &mut self.applications {
                    known += usize::from(black_box(applications.of_record(&record)).is_some());
                }
            }
        }
        known
    }
}

fn packet(flow: u32, from_client: bool, flags: u16, sequence: u32, payload: &[u8]) -> Packet<'_> {
    let [_, b, c, d] = flow.to_be_bytes();
    let (client, server) = (Address::from_v4([10, b, c, d]), Address::from_v4([192, 0, 2, 1]));
    let (source, destination) = if from_client { (client, server) } else { (server, client) };
    let ports = if from_client { [40_000, 8_080] } else { [8_080, 40_000] };
    let ports = Ports { source: ports[0], destination: ports[1] };
    let tcp = Tcp { ports, flags: TcpFlags(flags), sequence, acknowledgment: 1, ..Tcp::default() };
    let octets = 40 + u32::try_from(payload.len()).unwrap_or_default();
    Packet {
        timestamp: Timestamp::ZERO,
        interface: 0,
        link: Link::default(),
        segment: None,
        ip: Ip { source, destination, version: 4, protocol: 6, ttl: 64, octets, ..Ip::default() },
        transport: Transport::Tcp(tcp),
        payload,
        payload_offset: 0,
        carrier: None,
    }
}

criterion_group!(benches, applications);
criterion_main!(benches);
