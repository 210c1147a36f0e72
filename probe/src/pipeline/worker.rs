use std::hint::black_box;

use capture::{Filter, Frames};
use detect::{
    Observation,
    observe::{Applications, ApplicationsConfig, Observer, ObserverConfig},
};
use flow::{Clock, Meter, MeterConfig, Placed, Placement, Shard};
use report::PacketLedger;
use wire::{Frame, Packet, Timestamp};

use super::{
    Batches, Board, Outlet, WorkerReport,
    batches::{Share, SourceCounts},
    delivery::RECORDS_PER_BATCH,
};

/// What each worker is set up with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WorkerConfig {
    pub(crate) meter: MeterConfig,
    /// `None` if nothing is to be detected.
    pub(crate) observer: Option<ObserverConfig>,
    /// `None` if records are to be without their applications.
    pub(crate) applications: Option<ApplicationsConfig>,
}

/// A thread's part: from frames to flow records and observations, with a table of its own and nothing shared.
pub(crate) struct Worker {
    shard: Shard,
    filter: Option<Filter>,
    meter: Meter,
    observers: Observers,
    clock: Clock,
    ledger: PacketLedger,
    /// Times of the earliest and the latest packet.
    packet_time: Option<(Timestamp, Timestamp)>,
    outlet: Outlet,
    /// Packets whose time lies long before that of a packet before them.
    late_packets: u64,
    /// Frames walked past since the collector last heard how far this worker has come.
    unreported_frames: u64,
    /// When anything was delivered last.
    delivered: Timestamp,
}

/// Packets that are accounted together, and the flow of each.
struct Group<'a> {
    /// The first `len` are of the group; behind them are places to be filled in.
    members: Box<[(Packet<'a>, Placement); GROUP_PACKETS]>,
    len: usize,
}

/// Those who look at what the meter has counted.
#[derive(Debug)]
struct Observers {
    attacks: Option<Observer>,
    applications: Option<Applications>,
}

impl Worker {
    pub(crate) fn new(shard: Shard, filter: Option<Filter>, config: WorkerConfig, outlet: Outlet) -> Self {
        let meter = Meter::new(config.meter);
        let observers = Observers {
            attacks: config.observer.map(Observer::new),
            applications: config.applications.map(Applications::new),
        };
        let (clock, ledger) = (Clock::default(), PacketLedger::default());
        Self {
            shard,
            filter,
            meter,
            observers,
            clock,
            ledger,
            packet_time: None,
            outlet,
            late_packets: 0,
            unreported_frames: 0,
            delivered: Timestamp::ZERO,
        }
    }

    /// Meters all batches, then ends all flows. Meanwhile it says on the `board`, if there is one, how far it has come.
    pub(crate) fn run(mut self, batches: &mut impl Batches, board: Option<&Board>) -> WorkerReport {
        let mut published = Timestamp::ZERO;
        while let Some(share) = batches.next() {
            self.take(share);
            if let Some(board) = board
                && self.clock.now().nanos_since(published) >= PUBLISHING_NANOS
            {
                published = self.clock.now();
                board.publish(self.shard, self.report(batches.counts()));
            }
        }
        // All workers come to this same time, however often they were heard on the way.
        self.meter.look(self.clock.now());
        self.deliver(self.clock.now());
        self.outlet.end_of_input();
        self.meter.close(self.clock.now());
        self.deliver(Timestamp::MAX);
        self.report(batches.counts())
    }

    /// `source` has what this worker was not given, which the ledger accounts for as well.
    fn report(&self, source: SourceCounts) -> WorkerReport {
        let SourceCounts { live, sampled_out, sampled_out_octets } = source;
        let (counts, mut ledger) = (self.meter.counts(), self.ledger.clone());
        ledger.metered += counts.waited.packets;
        ledger.metered_octets += counts.waited.octets;
        ledger.received += sampled_out;
        ledger.received_octets += sampled_out_octets;
        ledger.sampled_out += sampled_out;
        WorkerReport {
            ledger,
            counts,
            observed: self.observers.attacks.as_ref().map(Observer::counts).unwrap_or_default(),
            applications_evicted: self.observers.applications.as_ref().map_or(0, Applications::evicted),
            packet_time: self.packet_time,
            late_packets: self.late_packets,
            inapplicable: self.filter.as_ref().map(Filter::inapplicable).unwrap_or_default(),
            live,
            undelivered: self.outlet.undelivered(),
        }
    }

    /// Meters a batch, a few packets at a time: while the flow of one is fetched from memory, so are those of the others.
    fn take(&mut self, share: Share<'_>) {
        let mut group = Group::new();
        let frames = share.frames.len();
        match share.frames {
            Frames::Indexed(frames) => self.receive_all(frames, share.shards, &mut group),
            Frames::Block(frames) => self.receive_all(frames, share.shards, &mut group),
        }
        if let Some(now) = share.now {
            self.clock.tell(now);
        }
        self.account(&mut group);
        if share.shards.is_some() {
            self.report_progress(frames);
        } else if share.now.is_some() && self.clock.now().nanos_since(self.delivered) >= DELIVERING_NANOS {
            // However quiet it is: others wait to hear how far this worker has come.
            self.meter.look(self.clock.now());
            self.deliver(self.clock.now());
        }
    }

    /// Puts those of these frames that are its own into a group, and accounts it whenever it is full.
    fn receive_all<'a>(
        &mut self,
        frames: impl Iterator<Item = Frame<'a>>,
        shards: Option<&[Shard]>,
        group: &mut Group<'a>,
    ) {
        let mut shards = shards.map(<[Shard]>::iter);
        for frame in frames {
            let clock = self.clock.advance(frame.timestamp);
            if shards.as_mut().is_some_and(|shards| shards.next() != Some(&self.shard)) {
                continue;
            }
            self.receive(&frame, clock, group);
            if group.len == GROUP_PACKETS {
                self.account(group);
            }
        }
    }

    /// Tells the collector from time to time how far this worker has come, though little packet time has passed: the records of the
    /// other workers wait for that. It does so whenever many records wait, and else once it has passed as many frames as it has flows, so
    /// that looking at the flows costs little per frame.
    fn report_progress(&mut self, frames: usize) {
        self.unreported_frames += u64::try_from(frames).unwrap_or(u64::MAX);
        let is_due = self.unreported_frames >= self.meter.counts().live.max(FRAMES_PER_REPORT);
        if is_due || self.outlet.is_backlog_large() {
            self.meter.look(self.clock.now());
            self.deliver(self.clock.now());
        }
    }

    /// Makes of a frame a packet in `group`, or an entry in the ledger.
    #[inline]
    fn receive<'a>(&mut self, frame: &Frame<'a>, clock: Timestamp, group: &mut Group<'a>) {
        self.ledger.received += 1;
        self.ledger.received_octets += u64::from(frame.original_length);
        let (first, last) = self.packet_time.unwrap_or((frame.timestamp, frame.timestamp));
        self.packet_time = Some((first.min(frame.timestamp), last.max(frame.timestamp)));
        self.late_packets += u64::from(clock.nanos_since(frame.timestamp) >= LATE_NANOS);
        if let Some(filter) = &mut self.filter
            && !filter.matches(frame)
        {
            self.ledger.filtered += 1;
            return;
        }
        let Some((packet, placement)) = group.next() else { return };
        if let Err(failure) = wire::decode_into(frame, packet) {
            self.ledger.undecoded_octets += u64::from(frame.original_length);
            return self.ledger.count_undecoded(failure);
        }
        placement.clock = clock;
        group.len += 1;
    }

    /// Finds out which flows the packets of a group belong to; packets that belong to none leave the group. It is done for the whole group at
    /// once, after all of it was decoded: what was written a moment ago would have to be waited for.
    fn place(&mut self, group: &mut Group<'_>) {
        let (mut placed, mut octets) = (0, 0);
        for i in 0..group.len {
            let Some((packet, placement)) = group.members.get_mut(i) else { break };
            match self.meter.place_into(packet, placement.clock, placement) {
                Placed::InFlow(()) => {
                    octets += u64::from(packet.ip.octets);
                    if placed < i {
                        group.members.swap(placed, i);
                    }
                    placed += 1;
                }
                Placed::Carried => self.ledger.tunnel_fragments += 1,
                // The meter counts it when it has found a flow for it.
                Placed::Waiting => {}
            }
        }
        group.len = placed;
        self.ledger.metered += u64::try_from(placed).unwrap_or_default();
        self.ledger.metered_octets += octets;
    }

    /// Has the processor fetch what is known of the flows of a group. The less there is to do for each, the more of them it fetches at once.
    fn fetch(&self, group: &mut Group<'_>) {
        black_box(group.iter_mut().fold(0, |touched, (_, placement)| touched ^ self.meter.touch(placement)));
        if let Some(observer) = &self.observers.attacks {
            black_box(
                group
                    .iter()
                    .fold(0, |touched, (packet, placement)| touched ^ observer.touch(packet, placement)),
            );
        }
    }

    /// Meters the packets of a group, and shows them to those who observe.
    fn account(&mut self, group: &mut Group<'_>) {
        self.place(group);
        self.fetch(group);
        for (packet, placement) in group.iter() {
            let accounted = self.meter.account(packet, placement);
            if let Some(applications) = &mut self.observers.applications {
                applications.packet(packet, accounted, placement.clock, &mut self.meter);
            }
            if let Some(observer) = &mut self.observers.attacks {
                let recognized = observer.packet(packet, placement, accounted, &mut self.meter);
                if let (Some(recognized), Some(applications)) = (recognized, &mut self.observers.applications)
                {
                    applications.recognize(accounted.flow, recognized, placement.clock, &mut self.meter);
                }
            }
        }
        group.len = 0;
        if self.meter.advance(self.clock.now()) {
            self.deliver(self.clock.now());
        }
    }

    /// Hands over all observations and records that are ready.
    fn deliver(&mut self, watermark: Timestamp) {
        self.unreported_frames = 0;
        self.delivered = self.clock.now();
        // Observations go first: records come with or after those that were made before them.
        let mut observations = self.observations(watermark);
        loop {
            let mut batch = self.outlet.empty_batch();
            let is_more = self.meter.take_records(&mut batch.records, RECORDS_PER_BATCH);
            if let Some(applications) = &mut self.observers.applications {
                batch.tell(|record| applications.of_record(record));
            }
            // Until the last of them the watermark is where it was.
            let watermark = if is_more { Timestamp::ZERO } else { watermark };
            self.outlet.deliver(std::mem::take(&mut observations), batch, watermark);
            if !is_more {
                break;
            }
        }
        if let Some(applications) = &mut self.observers.applications {
            applications.forget_before(self.clock.now());
        }
    }

    /// What was observed before `watermark`; all, if that is the end of time.
    fn observations(&mut self, watermark: Timestamp) -> Vec<Observation> {
        let mut observations = Vec::new();
        match &mut self.observers.attacks {
            Some(observer) if watermark == Timestamp::MAX => {
                observer.close(self.clock.now(), &mut observations);
            }
            Some(observer) => observer.take_before(watermark, &mut observations),
            None => {}
        }
        observations
    }
}

impl<'a> Group<'a> {
    fn new() -> Self {
        Self { members: Box::new([(Packet::default(), Placement::default()); GROUP_PACKETS]), len: 0 }
    }

    /// Where the next packet is to be filled in, which is of the group once `len` has grown. There is room, since a full group is accounted.
    #[inline]
    fn next(&mut self) -> Option<&mut (Packet<'a>, Placement)> {
        self.members.get_mut(self.len)
    }

    fn iter_mut(&mut self) -> impl Iterator<Item = &mut (Packet<'a>, Placement)> {
        self.members.iter_mut().take(self.len)
    }

    fn iter(&self) -> impl Iterator<Item = &(Packet<'a>, Placement)> {
        self.members.iter().take(self.len)
    }
}

/// Enough to have the memory busy, few enough to stay in the first-level cache (`benches/flow_table.rs`).
const GROUP_PACKETS: usize = 32;
/// A quarter of a second: how old what is delivered may be.
const DELIVERING_NANOS: u64 = 250_000_000;
/// A second: how old what the board says may be.
const PUBLISHING_NANOS: u64 = 1_000_000_000;
/// An hour: more than clocks are set back by, and more than packets are late by.
const LATE_NANOS: u64 = 3_600_000_000_000;
/// Fewer frames than this make no records worth a look.
const FRAMES_PER_REPORT: u64 = 1 << 15;
