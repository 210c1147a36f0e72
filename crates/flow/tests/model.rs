//! The meter against a model of it that is as simple as its rules: all flows in a sorted map, all deadlines looked at for each packet.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends where its setting fails")]

#[path = "model/segments.rs"]
mod segments;

use std::{collections::BTreeMap, time::Duration};

use flow::{
    Direction, DirectionReason, EndReason, FirstPacket, FlowKey, FlowRecord, Meter, MeterConfig, Placed,
    Placement, ShardMap, Side, Timeouts,
};
use proptest::prelude::*;
use segments::{FIRST, ModelSegments};
use wire::{
    Address, Fragment, FragmentId, Icmp, Ip, Link, Packet, Ports, Tcp, TcpFlags, Timestamp, Transport,
};

/// What the model knows of a flow; pairs are of the low and the high end.
#[derive(Clone, Debug)]
struct ModelFlow {
    directions: [Direction; 2],
    segments: ModelSegments,
    described: [bool; 2],
    opened: u64,
    seen: u64,
    /// Tells flows apart.
    serial: u64,
    initiator: Side,
    reason: DirectionReason,
    syn: Option<u32>,
    finished: [bool; 2],
    reset: bool,
}

#[derive(Default)]
struct Model {
    flows: BTreeMap<FlowKey, ModelFlow>,
    records: Vec<FlowRecord>,
    clock: u64,
    opened: u64,
    timeouts: Timeouts,
}

impl ModelFlow {
    fn closed(&self) -> bool {
        self.reset || self.finished == [true, true]
    }

    fn closing(&self) -> bool {
        self.reset || self.finished != [false, false]
    }

    fn empty(&self) -> bool {
        self.directions.iter().all(|direction| direction.packets == 0)
    }

    fn idle_at(&self, key: &FlowKey, timeouts: &Timeouts) -> u64 {
        let idle = match key.protocol() {
            6 if self.closed() => timeouts.tcp_closed,
            6 => timeouts.tcp,
            17 => timeouts.udp,
            1 => timeouts.icmp,
            _ => timeouts.other,
        };
        self.seen + nanos(idle)
    }
}

impl Model {
    fn packet(&mut self, packet: &Packet<'_>, clock: u64) {
        self.clock = clock;
        self.expire();
        let (key, sender) = FlowKey::of(packet);
        let tcp = if let Transport::Tcp(tcp) = packet.transport { Some(tcp) } else { None };
        if let (Some(flow), Some(tcp)) = (self.flows.get(&key), tcp)
            && tcp.flags.is_syn()
            && flow.syn != Some(tcp.sequence)
            && (flow.closing() || clock - flow.seen >= 10_000_000_000)
        {
            self.end(key, clock, EndReason::EndOfFlowDetected);
        }
        self.opened += u64::from(!self.flows.contains_key(&key));
        let flow = self.flows.entry(key).or_insert_with(|| {
            let (from, to) = (key.endpoint(sender).port, key.endpoint(sender.opposite()).port);
            let has_ports = matches!(packet.transport, Transport::Tcp(_) | Transport::Ports(_));
            let (initiator, reason) = if has_ports && from < 1_024 && to >= 32_768 {
                (sender.opposite(), DirectionReason::Ports)
            } else if has_ports && to < 1_024 && from >= 32_768 {
                (sender, DirectionReason::Ports)
            } else {
                (sender, DirectionReason::FirstSeen)
            };
            ModelFlow {
                directions: [Direction::default(); 2],
                segments: ModelSegments::default(),
                described: [false; 2],
                opened: clock,
                seen: clock,
                serial: self.opened,
                initiator,
                reason,
                syn: None,
                finished: [false; 2],
                reset: false,
            }
        });
        if flow.empty() {
            flow.opened = clock;
        }
        flow.seen = clock;
        flow.segments.packet(packet, sender);
        let side = sender as usize;
        let direction = &mut flow.directions[side];
        let is_first = direction.packets == 0;
        direction.first = if is_first { packet.timestamp } else { direction.first.min(packet.timestamp) };
        direction.last = direction.last.max(packet.timestamp);
        direction.packets += 1;
        direction.octets += u64::from(packet.ip.octets);
        direction.minimum_ttl =
            if is_first { packet.ip.ttl } else { direction.minimum_ttl.min(packet.ip.ttl) };
        direction.maximum_ttl = direction.maximum_ttl.max(packet.ip.ttl);
        if !flow.described[side] {
            flow.described[side] = true;
            let icmp = if let Transport::Icmp(icmp) = packet.transport { icmp } else { Icmp::default() };
            direction.first_packet =
                FirstPacket { link: packet.link, icmp, interface: packet.interface, tos: packet.ip.tos };
        }
        if let Some(tcp) = tcp {
            direction.tcp_flags.0 |= tcp.flags.0;
            flow.finished[side] |= tcp.flags.contains(TcpFlags::FIN);
            flow.reset |= tcp.flags.contains(TcpFlags::RST);
            let found = match () {
                () if tcp.flags.is_syn() => Some((sender, DirectionReason::Syn)),
                () if tcp.flags.is_syn_ack() => Some((sender.opposite(), DirectionReason::SynAck)),
                () => None,
            };
            if let Some((initiator, reason)) = found.filter(|(_, reason)| *reason > flow.reason) {
                (flow.initiator, flow.reason) = (initiator, reason);
            }
            if tcp.flags.is_syn() {
                flow.syn = Some(tcp.sequence);
            }
        }
    }

    /// Cuts and ends what is due by now.
    fn expire(&mut self) {
        for key in self.flows.keys().copied().collect::<Vec<_>>() {
            let flow = self.flows[&key].clone();
            let (idle_at, active_at) =
                (flow.idle_at(&key, &self.timeouts), flow.opened + nanos(self.timeouts.active));
            if !flow.empty() && active_at <= self.clock && active_at <= idle_at {
                self.record(key, active_at, EndReason::ActiveTimeout);
                let flow = self.flows.get_mut(&key).unwrap();
                for direction in &mut flow.directions {
                    *direction = Direction { first_packet: direction.first_packet, ..Direction::default() };
                }
                flow.segments.begin_record();
            }
            if idle_at <= self.clock {
                let reason = if flow.closed() && key.protocol() == 6 {
                    EndReason::EndOfFlowDetected
                } else {
                    EndReason::IdleTimeout
                };
                self.end(key, idle_at, reason);
            }
        }
    }

    fn end(&mut self, key: FlowKey, at: u64, reason: EndReason) {
        if !self.flows[&key].empty() {
            self.record(key, at, reason);
        }
        self.flows.remove(&key);
    }

    fn record(&mut self, key: FlowKey, at: u64, end_reason: EndReason) {
        let flow = &self.flows[&key];
        let is_last = end_reason != EndReason::ActiveTimeout;
        let direction =
            |side| Direction { segments: flow.segments.of(side, is_last), ..flow.directions[side as usize] };
        let (low, high) = (direction(Side::Low), direction(Side::High));
        let (forward, reverse) = if flow.initiator == Side::Low { (low, high) } else { (high, low) };
        let acknowledges =
            flow.directions.iter().any(|direction| direction.tcp_flags.contains(TcpFlags::ACK));
        let is_one_way = key.protocol() == 6 && acknowledges && flow.described != [true; 2];
        self.records.push(FlowRecord {
            ended: Timestamp::from_nanos(at),
            opened: Timestamp::from_nanos(flow.opened),
            id: flow::FlowId(flow.serial),
            key,
            initiator: flow.initiator,
            direction_reason: flow.reason,
            end_reason,
            second_mark: 0,
            is_one_way,
            is_sampled: false,
            forward,
            reverse,
            details: None,
        });
    }

    fn close(mut self) -> Vec<FlowRecord> {
        self.expire();
        for key in self.flows.keys().copied().collect::<Vec<_>>() {
            let closed = self.flows[&key].closed() && key.protocol() == 6;
            let reason = if closed { EndReason::EndOfFlowDetected } else { EndReason::ForcedEnd };
            self.end(key, self.clock, reason);
        }
        self.records.sort_by(|one, other| one.order().cmp(&other.order()));
        self.records
    }
}

/// How packets are metered.
#[derive(Clone, Copy, Debug)]
struct Way {
    shards: u16,
    /// How many packets are placed before any of them is accounted.
    group: usize,
    /// After every so many packets the meters look for flows that have ended.
    look_every: usize,
}

impl Way {
    const PLAIN: Self = Self { shards: 1, group: 1, look_every: usize::MAX };
}

/// The records of several meters that share the packets, merged, and how many packets were carried by fragments of tunnel packets.
fn metered(packets: &[Packet<'static>], config: MeterConfig, way: Way) -> (Vec<FlowRecord>, u64) {
    let mut map = ShardMap::new(way.shards);
    let mut meters: Vec<_> = (0..way.shards).map(|_| Meter::new(config)).collect();
    let mut groups = vec![Vec::new(); meters.len()];
    let mut records = vec![Vec::new(); meters.len()];
    let mut watermarks = vec![Timestamp::ZERO; meters.len()];
    let (mut clock, mut carried) = (Timestamp::ZERO, 0);
    for (i, packet) in packets.iter().enumerate() {
        clock = clock.max(packet.timestamp);
        let shard = usize::from(map.shard(packet, clock).0);
        match meters[shard].place(packet, clock) {
            Placed::InFlow(placement) => groups[shard].push((*packet, placement)),
            Placed::Carried => carried += 1,
            Placed::Waiting => {}
        }
        let looks = i % way.look_every == way.look_every - 1;
        let lanes = meters.iter_mut().zip(&mut groups).zip(records.iter_mut().zip(&mut watermarks));
        for ((meter, group), (records, watermark)) in lanes {
            if group.len() >= way.group || looks {
                account(meter, group);
            }
            if looks && meter.advance(clock) {
                let before = records.len();
                while meter.take_records(records, usize::MAX) {}
                let taken = &records[before..];
                assert!(
                    taken.iter().all(|record| (*watermark..clock).contains(&record.ended)),
                    "a record comes late"
                );
                *watermark = clock;
            }
        }
    }
    for ((meter, group), records) in meters.iter_mut().zip(&mut groups).zip(&mut records) {
        account(meter, group);
        meter.close(clock);
        while meter.take_records(records, usize::MAX) {}
        assert!(records.is_sorted_by(|one, other| one.order() <= other.order()), "records are out of order");
        assert_eq!(meter.counts().live, 0);
    }
    let mut all: Vec<_> = records.into_iter().flatten().collect();
    all.sort_by(|one, other| one.order().cmp(&other.order()));
    (all, carried)
}

fn account(meter: &mut Meter, group: &mut Vec<(Packet<'static>, Placement)>) {
    std::hint::black_box(
        group.iter_mut().fold(0, |touched, (_, placement)| touched ^ meter.touch(placement)),
    );
    for (packet, placement) in group.drain(..) {
        meter.account(&packet, &placement);
    }
}

/// Packets of few hosts and ports, so that flows meet again, at times that mostly go on, by steps around the timeouts.
fn packets() -> impl Strategy<Value = Vec<Packet<'static>>> {
    let step = prop_oneof![
        6 => 0..2_000_000_000_i64,
        2 => Just(0_i64),
        2 => 0..15_000_000_000_i64,
        1 => 55_000_000_000..65_000_000_000_i64,
        1 => 110_000_000_000..130_000_000_000_i64,
        1 => 290_000_000_000..310_000_000_000_i64,
        1 => -20_000_000_000..0_i64,
        1 => 0..2_000_000_i64,
    ];
    let flags = prop_oneof![4 => Just(0x02_u16), 2 => Just(0x12), 5 => Just(0x10), 3 => Just(0x11), 1 => Just(0x14), 1 => Just(0xc2)];
    let ports = || prop_oneof![Just(80_u16), Just(40_000), Just(5_000)];
    let numbers = (0..3_u32, 0..3_u32, 0..2_u32);
    let one = (step, flags, 0..3_u8, 0..3_u8, ports(), ports(), 0..4_u8, numbers, any::<(u8, u16)>());
    prop::collection::vec(one, 1..120).prop_map(|steps| {
        let mut now = 1_000_000_000_000_i64;
        let made = steps.into_iter().map(
            |(step, flags, from, to, source, destination, kind, numbers, (ttl, octets))| {
                now = (now + step).max(0);
                let ports = Ports { source, destination };
                let (protocol, transport) = match kind {
                    0 => (17, Transport::Ports(ports)),
                    1 => (1, Transport::Icmp(Icmp { kind: 8, code: 0 })),
                    _ => (6, Transport::Tcp(segment(ports, flags, numbers))),
                };
                packet([10, 0, 0, from], [10, 0, 0, to], protocol, transport, now.unsigned_abs(), ttl, octets)
            },
        );
        made.collect()
    })
}

/// A segment with its sequence number, what it acknowledges, and how much it carries.
fn segment(ports: Ports, flags: u16, (sequence, acknowledgment, data_octets): (u32, u32, u32)) -> Tcp {
    let [sequence, acknowledgment] = [sequence, acknowledgment].map(|number| FIRST.wrapping_add(number));
    Tcp { ports, sequence, acknowledgment, flags: TcpFlags(flags), data_octets, ..Tcp::default() }
}

/// Segments of one connection: mostly a handshake first, then any.
fn connection() -> impl Strategy<Value = Vec<Packet<'static>>> {
    let flags = prop_oneof![12 => Just(0x10_u16), 1 => Just(0x11), 1 => Just(0x02), 1 => Just(0x12), 1 => Just(0x14), 1 => Just(0x00)];
    let numbers = (0..60_u32, 0..60_u32, 0..8_u32);
    let step = prop_oneof![20 => 0..3_000_000_u64, 1 => 8_000_000_000..9_000_000_000_u64];
    let any = (step, flags, any::<bool>(), numbers);
    let handshake =
        [(900, 0x02, true, (0, 0, 0)), (70, 0x12, false, (3, 1, 0)), (7_000, 0x10, true, (1, 4, 0))];
    let opening = prop::sample::subsequence(handshake.to_vec(), 0..=3);
    let is_repeated = prop::option::of(0..3_usize);
    (opening, is_repeated, prop::collection::vec(any, 0..60)).prop_map(|(mut opening, repeated, rest)| {
        if let Some(again) = repeated.and_then(|place| opening.get(place).copied()) {
            opening.push(again);
        }
        let mut now = 1_000_000_000_000;
        let made = opening.into_iter().chain(rest).map(|(step, flags, from_client, numbers)| {
            now += step;
            let (source, destination, ports) = if from_client {
                ([10, 0, 0, 1], [10, 0, 0, 2], Ports { source: 40_000, destination: 80 })
            } else {
                ([10, 0, 0, 2], [10, 0, 0, 1], Ports { source: 80, destination: 40_000 })
            };
            packet(source, destination, 6, Transport::Tcp(segment(ports, flags, numbers)), now, 64, 40)
        });
        made.collect()
    })
}

fn packet(
    source: [u8; 4],
    destination: [u8; 4],
    protocol: u8,
    transport: Transport,
    now: u64,
    ttl: u8,
    octets: u16,
) -> Packet<'static> {
    let (source, destination) = (Address::from_v4(source), Address::from_v4(destination));
    let link = Link { vlans: [u16::from(ttl), 0], vlan_count: 1, ..Link::default() };
    Packet {
        timestamp: Timestamp::from_nanos(now),
        interface: u16::from(ttl),
        link,
        segment: None,
        ip: Ip {
            source,
            destination,
            version: 4,
            protocol,
            tos: ttl,
            ttl,
            octets: u32::from(octets),
            fragment: None,
        },
        transport,
        payload: &[],
        payload_offset: 0,
        carrier: None,
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap()
}

/// The records without their flow ids, which the model has no rule for, but with which of them are of one flow.
fn comparable(records: Vec<FlowRecord>) -> Vec<FlowRecord> {
    let mut known = BTreeMap::new();
    let numbered = records.into_iter().map(|record| {
        let next = u64::try_from(known.len()).unwrap();
        let id = *known.entry((record.key, record.id)).or_insert(next);
        FlowRecord { id: flow::FlowId(id), ..record }
    });
    numbered.collect()
}

/// The defaults, and timeouts that stand in other orders to each other.
fn timeouts() -> impl Strategy<Value = Timeouts> {
    let some = || prop_oneof![Just(1), Just(7), Just(30), Just(60), Just(120)].prop_map(Duration::from_secs);
    let any = (some(), some(), some(), some(), some(), some());
    let any = any.prop_map(|(active, tcp, tcp_closed, udp, icmp, other)| Timeouts {
        active,
        tcp,
        tcp_closed,
        udp,
        icmp,
        other,
    });
    prop_oneof![Just(Timeouts::default()), any]
}

/// Fragments of few packets, in any order, some of them lost, between few hosts; now and then one that carries a packet in a tunnel.
fn fragments() -> impl Strategy<Value = Vec<Packet<'static>>> {
    let step =
        prop_oneof![4 => 0..1_000_000_000_u64, 2 => Just(0_u64), 1 => 20_000_000_000..40_000_000_000_u64];
    let one = (step, 0..2_u8, 0..4_u32, 0..4_u16, any::<bool>(), 0..6_u8);
    prop::collection::vec(one, 1..100).prop_map(|steps| {
        let mut now = 1_000_000_000_000;
        let made = steps.into_iter().map(|(step, host, identification, offset, more, kind)| {
            now += step;
            let (source, destination) = ([10, 0, 0, host], [10, 0, 0, 9]);
            let ports = Transport::Ports(Ports { source: 5_000, destination: 6_000 });
            let fragment = Fragment { identification, offset: offset * 100, more: more || offset == 0 };
            let transport = if offset == 0 { ports } else { Transport::Unseen };
            let mut piece = packet(source, destination, 17, transport, now, 64, 1_000);
            piece.ip.fragment = Some(fragment);
            match (kind, offset) {
                (0, _) => piece.ip.fragment = None,
                (1, 0) => {
                    let outer = FragmentId::new(&piece.ip, None, fragment);
                    piece = packet([172, 16, 0, host], [172, 16, 0, 200], 17, ports, now, 64, 3_000);
                    piece.carrier = Some(outer);
                }
                _ => {}
            }
            piece
        });
        made.collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn the_meter_does_what_the_model_does(packets in packets(), timeouts in timeouts(), look_every in 1..50_usize) {
        let mut model = Model { timeouts, ..Model::default() };
        let mut clock = 0;
        for packet in &packets {
            clock = clock.max(packet.timestamp.nanos());
            model.packet(packet, clock);
        }
        let expected = comparable(model.close());
        prop_assert_eq!(total_packets(&expected), packets.len());
        let config = MeterConfig { timeouts, ..MeterConfig::default() };
        for way in [
            Way::PLAIN,
            Way { look_every, ..Way::PLAIN },
            Way { group: 8, look_every, ..Way::PLAIN },
            Way { shards: 3, group: 4, look_every },
        ] {
            let (records, carried) = metered(&packets, config, way);
            prop_assert_eq!(carried, 0);
            prop_assert_eq!(&comparable(records), &expected, "{:?}", way);
        }
    }

    #[test]
    fn the_numbers_of_segments_tell_what_the_model_says(packets in connection(), active in prop_oneof![Just(300_u64), Just(10)]) {
        let timeouts = Timeouts { active: Duration::from_secs(active), ..Timeouts::default() };
        let mut model = Model { timeouts, ..Model::default() };
        for packet in &packets {
            model.packet(packet, packet.timestamp.nanos());
        }
        let expected = comparable(model.close());
        let config = MeterConfig { timeouts, ..MeterConfig::default() };
        let (records, _) = metered(&packets, config, Way { look_every: 7, ..Way::PLAIN });
        prop_assert_eq!(&comparable(records), &expected);
    }

    #[test]
    fn fragments_go_where_they_belong_however_they_are_shared_out(packets in fragments(), look_every in 1..50_usize) {
        let config = MeterConfig::default();
        let (expected, carried) = metered(&packets, config, Way::PLAIN);
        prop_assert_eq!(total_packets(&expected) + usize::try_from(carried).unwrap(), packets.len());
        for way in [Way { group: 8, look_every, ..Way::PLAIN }, Way { shards: 3, group: 4, look_every }] {
            let (records, also_carried) = metered(&packets, config, way);
            prop_assert_eq!(also_carried, carried);
            for (record, expected) in records.iter().zip(&expected) {
                prop_assert_eq!(record, expected, "{:?}", way);
            }
            prop_assert_eq!(records.len(), expected.len());
        }
    }
}

fn total_packets(records: &[FlowRecord]) -> usize {
    records
        .iter()
        .map(|record| usize::try_from(record.forward.packets + record.reverse.packets).unwrap())
        .sum()
}

#[test]
fn a_full_meter_ends_what_matters_least_and_loses_nothing() {
    let config = MeterConfig { memory_octets: 0, ..MeterConfig::default() };
    let tcp = |source, flags| {
        Transport::Tcp(Tcp {
            ports: Ports { source, destination: 443 },
            flags: TcpFlags(flags),
            ..Tcp::default()
        })
    };
    let answer = |destination| {
        Transport::Tcp(Tcp {
            ports: Ports { source: 443, destination },
            flags: TcpFlags(0x12),
            ..Tcp::default()
        })
    };
    let server = [192, 0, 2, 1];
    let mut packets = Vec::new();
    for port in 0..100 {
        packets.push(packet([10, 0, 0, 1], server, 6, tcp(10_000 + port, 0x02), 1_000, 64, 60));
        packets.push(packet(server, [10, 0, 0, 1], 6, answer(10_000 + port), 2_000, 64, 60));
    }
    for flood in 0..100_000_u32 {
        let [_, a, b, c] = flood.to_be_bytes();
        packets.push(packet([203, a, b, c], server, 6, tcp(9, 0x02), 3_000 + u64::from(flood), 64, 40));
    }
    let records = metered(&packets, config, Way { look_every: 32, ..Way::PLAIN }).0;
    assert_eq!(total_packets(&records), 100_200);
    assert_eq!(records.len(), 100_100, "no flow was divided");
    let evicted: Vec<_> =
        records.iter().filter(|record| record.end_reason == EndReason::LackOfResources).collect();
    assert!(evicted.len() > 90_000, "{} were evicted", evicted.len());
    assert!(
        evicted.iter().all(|record| !record.is_bidirectional()),
        "an answered connection was evicted for a flood"
    );
}

fn datagram_fragment(identification: u32, offset: u16, nanos: u64, octets: u16) -> Packet<'static> {
    let ports = Transport::Ports(Ports { source: 7, destination: 9 });
    let transport = if offset == 0 { ports } else { Transport::Unseen };
    let mut piece = packet([10, 0, 0, 1], [10, 0, 0, 2], 17, transport, nanos, 64, octets);
    piece.ip.fragment = Some(Fragment { identification, offset, more: offset == 0 });
    piece
}

/// Source port, packets and octets of each record.
fn gist(packets: &[Packet<'static>]) -> Vec<(u16, u64, u64)> {
    let (records, _) = metered(packets, MeterConfig::default(), Way::PLAIN);
    records.iter().map(|r| (r.initiator().port, r.forward.packets, r.forward.octets)).collect()
}

#[test]
fn later_fragments_go_to_the_flow_of_the_first() {
    let pieces = [
        datagram_fragment(4, 0, 10, 1_500),
        datagram_fragment(4, 185, 20, 500),
        datagram_fragment(5, 185, 30, 400), // whose first is missing
    ];
    assert_eq!(gist(&pieces), [(7, 2, 2_000), (0, 1, 400)]);
}

#[test]
fn fragments_that_come_before_the_first_wait_for_it() {
    let pieces = [datagram_fragment(4, 185, 10, 500), datagram_fragment(4, 0, 20, 1_500)];
    assert_eq!(gist(&pieces), [(7, 2, 2_000)]);
    let too_late = 30_000_000_011;
    let pieces = [datagram_fragment(4, 185, 10, 500), datagram_fragment(4, 0, too_late, 1_500)];
    assert_eq!(gist(&pieces), [(0, 1, 500), (7, 1, 1_500)]);
}

#[test]
fn only_so_many_fragments_wait() {
    let pieces: Vec<_> = (0..5_000).map(|packet| datagram_fragment(packet, 185, 10, 100)).collect();
    let mut meter = Meter::new(MeterConfig::default());
    let waiting =
        pieces.iter().filter(|piece| matches!(meter.place(piece, piece.timestamp), Placed::Waiting));
    assert_eq!(waiting.count(), 4_096);
    assert_eq!(gist(&pieces), [(0, 5_000, 500_000)], "and none is lost");
}

#[test]
fn flows_of_one_key_that_begin_at_the_same_time_are_told_apart() {
    let segment = |sequence, flags| {
        let ports = Ports { source: 1_000, destination: 80 };
        let tcp = Tcp { ports, sequence, flags: TcpFlags(flags), ..Tcp::default() };
        packet([10, 0, 0, 1], [10, 0, 0, 2], 6, Transport::Tcp(tcp), 500, 64, 40)
    };
    let packets: Vec<_> =
        (0..3).flat_map(|sequence| [segment(sequence, 0x02), segment(sequence, 0x14)]).collect();
    let (records, _) = metered(&packets, MeterConfig::default(), Way::PLAIN);
    let ids: std::collections::BTreeSet<_> = records.iter().map(|record| record.id).collect();
    assert_eq!((records.len(), ids.len()), (3, 3));
}
