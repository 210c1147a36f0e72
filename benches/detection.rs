//! What detection adds to metering, per packet, on traffic as it is: mostly TLS and web pages, names, some shells, a scan, and a few
//! miners and remote desktops.
//!
//! `metering` decodes and accounts in groups as the worker does, and takes records. `with the observer` shows each packet to the
//! observers of all detectors, too, and `with observer and judge` has judged what they say. The capture is built in memory, so that
//! what is added is held against less than where packets come from a file.

use std::{hint::black_box, time::Duration};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use detect::{
    Judge, JudgeConfig, Observation,
    observe::{Observer, ObserverConfig},
};
use flow::{Clock, FlowRecord, Meter, MeterConfig, Placed, Placement};
use pcaps::{
    capture_file,
    conversation::{Close, Conversation, Side},
    host::{Host, Path, Stack, ipv4},
    protocol::credssp::Server,
    random::Random,
    recording::Recording,
    scenes::{
        miner::Mining,
        names::Lookup,
        remote_desktop::{self, Desktop},
        web::{Loss, Visit},
    },
};
use wire::{Frame, LinkType, Packet, Timestamp};

const VISITS: u32 = 1_000;
const MINUTE: Duration = Duration::from_mins(1);
const GROUP: usize = 32;
const LISTENING_OCTETS: usize = 1 << 24;

fn detection(criterion: &mut Criterion) {
    let frames = traffic().into_frames(MINUTE);
    let mut group = criterion.benchmark_group("detection");
    group
        .throughput(Throughput::Elements(frames.len() as u64))
        .sample_size(20)
        .measurement_time(Duration::from_secs(8));
    group.bench_function("metering", |bencher| bencher.iter(|| Probe::new(false, false).run(&frames)));
    group.bench_function("with the observer", |bencher| {
        bencher.iter(|| Probe::new(true, false).run(&frames));
    });
    group.bench_function("with observer and judge", |bencher| {
        bencher.iter(|| {
            let stated = Probe::new(true, true).run(&frames);
            assert!(stated > 0, "there is something to find");
        });
    });
    group.finish();
}

/// The worker and the collector in one, without threads.
struct Probe {
    meter: Meter,
    clock: Clock,
    observer: Option<Observer>,
    judge: Option<Judge>,
    observations: Vec<Observation>,
    records: Vec<FlowRecord>,
    stated: usize,
}

impl Probe {
    fn new(observes: bool, judges: bool) -> Self {
        let config = ObserverConfig { listening_octets: LISTENING_OCTETS, ..ObserverConfig::default() };
        Self {
            meter: Meter::new(MeterConfig::default()),
            clock: Clock::default(),
            observer: observes.then(|| Observer::new(config)),
            judge: judges.then(|| Judge::new(JudgeConfig::default())),
            observations: Vec::new(),
            records: Vec::new(),
            stated: 0,
        }
    }

    /// Takes in all frames, and says how much was stated.
    fn run(mut self, frames: &[capture_file::Frame]) -> usize {
        let mut group = Vec::with_capacity(GROUP);
        for frames in frames.chunks(GROUP) {
            for frame in frames {
                self.place(frame, &mut group);
            }
            self.account(&mut group);
        }
        let now = self.clock.now();
        self.meter.close(now);
        if let Some(observer) = &mut self.observer {
            observer.close(now, &mut self.observations);
        }
        self.collect();
        if let Some(judge) = &mut self.judge {
            judge.close(&mut |_| self.stated += 1);
        }
        self.stated
    }

    fn place<'a>(&mut self, frame: &'a capture_file::Frame, group: &mut Vec<(Packet<'a>, Placement)>) {
        let timestamp = Timestamp::from_nanos(u64::try_from(frame.at.as_nanos()).unwrap_or_default());
        let data = &frame.octets[..];
        let original_length = u32::try_from(data.len()).unwrap_or_default();
        let link_type = LinkType::ETHERNET;
        let clock = self.clock.advance(timestamp);
        let frame = Frame { data, timestamp, original_length, link_type, interface: 0 };
        let Ok(packet) = wire::decode(&frame) else { return };
        if let Placed::InFlow(placement) = self.meter.place(&packet, clock) {
            group.push((packet, placement));
        }
    }

    fn account(&mut self, group: &mut Vec<(Packet<'_>, Placement)>) {
        black_box(group.iter_mut().fold(0, |touched, (_, placement)| touched ^ self.meter.touch(placement)));
        if let Some(observer) = &self.observer {
            black_box(
                group
                    .iter()
                    .fold(0, |touched, (packet, placement)| touched ^ observer.touch(packet, placement)),
            );
        }
        for (packet, placement) in group.drain(..) {
            let accounted = self.meter.account(&packet, &placement);
            if let Some(observer) = &mut self.observer {
                observer.packet(&packet, &placement, accounted, &mut self.meter);
            }
        }
        let now = self.clock.now();
        if self.meter.advance(now) {
            if let Some(observer) = &mut self.observer {
                observer.take_before(now, &mut self.observations);
            }
            self.collect();
        }
    }

    /// Takes what is ready, observations before records: here they are few at a time, and need no merging.
    fn collect(&mut self) {
        let Self { judge, stated, .. } = self;
        let mut say = |statement| {
            black_box(&statement);
            *stated += 1;
        };
        for observation in self.observations.drain(..) {
            match judge {
                Some(judge) => judge.observe(observation, &mut say),
                None => _ = black_box(observation),
            }
        }
        loop {
            let is_more = self.meter.take_records(&mut self.records, 256);
            for record in self.records.drain(..) {
                match judge {
                    Some(judge) => judge.record(&record, &mut say),
                    None => _ = black_box(record),
                }
            }
            if !is_more {
                return;
            }
        }
    }
}

/// A minute of an office and a server room.
fn traffic() -> Recording {
    let mut recording = Recording::seeded("detection");
    let mut random = Random::seeded("detection, who and when");
    for visit in 0..VISITS {
        let at = random.time(Duration::ZERO, MINUTE * 5 / 6);
        let client = Host::here(ipv4([10, 0, 1], octet(&mut random)), Stack::Windows);
        let server = Host::beyond(ipv4([203, 0, 113], octet(&mut random)), Stack::Linux, 9);
        let name = format!("host-{}.example.net", random.between(1, 999));
        let from = client.port(recording.random.client_port());
        match visit % 20 {
            0..=8 => browse(&mut recording, client, server, &name, at),
            9..=12 => {
                let path = Path::to_server_afar(12);
                let server = server.port(80);
                let visit = Visit { path, client: from, server, host_name: &name, agent: "Mozilla/5.0" };
                visit.plain(&mut recording, &[("/", 9_000), ("/style.css", 2_500)], Loss::None, at);
            }
            13..=16 => {
                look_up(&mut recording, client, server, &name, at);
            }
            17 => shell(&mut recording, client, server, at),
            _ => scan(&mut recording, client, at),
        }
    }
    miners_and_desktops(&mut recording);
    recording
}

fn octet(random: &mut Random) -> u8 {
    u8::try_from(random.between(1, 250)).unwrap_or(1)
}

/// A name, then a page over TLS with ALPN.
fn browse(recording: &mut Recording, client: Host, server: Host, name: &str, at: Duration) {
    let at = look_up(recording, client, server, name, at);
    let visit = Visit {
        path: Path::to_server_afar(15),
        client: client.port(recording.random.client_port()),
        server: server.port(443),
        host_name: name,
        agent: "Mozilla/5.0",
    };
    visit.encrypted(recording, &[0x5a; 2_400], &[(420, 14_000), (380, 30_000)], at);
}

fn look_up(recording: &mut Recording, client: Host, server: Host, name: &str, at: Duration) -> Duration {
    let resolver = Host::here(ipv4([10, 0, 0], 53), Stack::Linux);
    Lookup { client, resolver }.resolve(recording, name, &[server.address], at)
}

/// As SSH goes: greetings in the clear, then short segments to and fro.
fn shell(recording: &mut Recording, client: Host, server: Host, at: Duration) {
    let client = client.port(recording.random.client_port());
    let path = Path::to_server_afar(20);
    let mut conversation = Conversation::open(recording, path, client, server.port(22), at);
    conversation.client(b"SSH-2.0-OpenSSH_9.6\r\n");
    conversation.server(b"SSH-2.0-OpenSSH_9.2p1\r\n");
    for _ in 0..20 {
        for side in [Side::Client, Side::Server] {
            let typed = conversation.random().octets(36);
            conversation.send(side, &typed);
        }
        let idle = conversation.random().waiting_time(Duration::from_millis(200));
        conversation.pause(idle);
    }
    conversation.close(Close::Finish(Side::Client));
}

/// Four of the targets of somebody who asks for many.
fn scan(recording: &mut Recording, client: Host, at: Duration) {
    let scanner = Host::beyond(ipv4([198, 51, 100], 66), Stack::Linux, 14);
    for probe in 0..4 {
        let from = scanner.port(recording.random.client_port());
        let port = u16::try_from(recording.random.between(1, 1_024)).unwrap_or(1);
        let at = at + Duration::from_millis(probe * 3);
        Conversation::refused(recording, Path::to_client_afar(30), from, client.port(port), at);
    }
}

fn miners_and_desktops(recording: &mut Recording) {
    let pool = Host::beyond(ipv4([192, 0, 2], 80), Stack::Linux, 11);
    let server = Host::here(ipv4([10, 0, 2], 20), Stack::Windows);
    let desktop = Desktop {
        endpoint: server.port(3_389),
        names: Server { netbios_name: "SERVER", dns_name: "server.example" },
        certificate: &[0x5a; 700],
    };
    for number in 1..=4_u8 {
        let at = Duration::from_secs(number.into());
        let miner = Host::here(ipv4([10, 0, 2], number), Stack::Windows);
        let mining = Mining {
            path: Path::to_server_afar(26),
            miner: miner.port(50_000),
            pool: pool.port(3_333),
            worker: "w",
            agent: "XMRig/6.21.0",
            hash_rate: 4_000,
            first_difficulty: 10_000,
            difficulty: 20_000,
            epoch: Duration::ZERO,
        };
        mining.play(recording, at, MINUTE);
        let client = Host::beyond(ipv4([198, 51, 100], number), Stack::Windows, 12);
        let client = client.port(recording.random.client_port());
        remote_desktop::probe(recording, Path::to_client_afar(40), client, &desktop, "admin", at);
    }
}

criterion_group!(benches, detection);
criterion_main!(benches);
