//! The flows that live: what each packet does to them, and what time does.
//!
//! A flow has a number, its place in the slab. The index leads from a key's hash to it, the schedule says when to look at it
//! though no packet comes. Deadlines are exact all the same: the packet that comes after one finds it passed, whether a sweep has
//! been there or not.

use wire::{Packet, Timestamp, Transport};

use crate::{
    Accounted, EndReason, FlowId, FlowNumber, FlowRecord, MeterConfig, Placement, Side,
    biflow::{Biflow, Counted, Opening, of},
    config::{IdleClass, TimeoutNanos},
    ending::{Ended, Ending},
    index::FlowIndex,
    placement::Sighting,
    schedule::Schedule,
    slab::FlowSlab,
};

#[derive(Debug)]
pub(crate) struct FlowTable {
    slab: FlowSlab,
    index: FlowIndex,
    schedule: Schedule,
    ending: Ending,
    timeouts: TimeoutNanos,
    /// How many flows may live.
    capacity: usize,
    clock: Timestamp,
    /// Where the search for a flow to evict goes on.
    hand: u32,
    /// How many flows it compares at most; fewer after it has found none that is light, more after it has.
    candidates: usize,
    opened: u64,
    evicted: u64,
    /// How many flows, or all of them, were taken out of the index.
    ended: u64,
}

impl FlowTable {
    pub(crate) fn new(config: MeterConfig) -> Self {
        let MeterConfig { timeouts, memory_octets, details, is_sampled } = config;
        let octets_per_flow = OCTETS_PER_FLOW + details.octets_per_flow();
        let capacity = usize::try_from(memory_octets).unwrap_or(usize::MAX) / octets_per_flow;
        Self {
            slab: FlowSlab::new(details, is_sampled),
            index: FlowIndex::new(),
            schedule: Schedule::new(),
            ending: Ending::new(),
            timeouts: timeouts.into(),
            capacity: capacity.clamp(LEAST_CAPACITY, GREATEST_CAPACITY),
            clock: Timestamp::ZERO,
            hand: 0,
            candidates: MOST_CANDIDATES,
            opened: 0,
            evicted: 0,
            ended: 0,
        }
    }

    /// How many flows live.
    pub(crate) fn len(&self) -> usize {
        self.index.len()
    }

    /// How many flows there have been.
    pub(crate) const fn opened(&self) -> u64 {
        self.opened
    }

    /// How many flows were ended to make room.
    pub(crate) const fn evicted(&self) -> u64 {
        self.evicted
    }

    pub(crate) fn flow(&self, number: u32) -> Option<&Biflow> {
        self.slab.get(number)
    }

    pub(crate) fn flow_id(&self, number: u32) -> Option<FlowId> {
        self.slab.id(number)
    }

    /// Brings what the packet will need closer, and returns something of it so that the compiler does not leave that out. Where the flow
    /// seems to be is noted in the placement.
    #[inline]
    pub(crate) fn touch(&self, placement: &mut Placement) -> u64 {
        let number = self.index.find(placement.hash, |_| true);
        placement.sighting = Sighting { number, ended: self.ended };
        let Some(number) = number else { return self.index.touch_vacancy(placement.hash) };
        let flow = self.slab.get(number);
        flow.map_or(0, |flow| flow.seen.nanos() ^ u64::from(flow.key.protocol()))
    }

    /// Counts a packet to its flow, which it opens if there is none.
    #[inline]
    pub(crate) fn account(&mut self, packet: &Packet<'_>, placement: &Placement) -> Accounted {
        self.clock = self.clock.max(placement.clock);
        let Sighting { number, ended } = placement.sighting;
        // What nearly every packet needs, in one go.
        if let Some(number) = number
            && ended == self.ended
            && let Some(flow) = self.slab.get_plain(number)
            && flow.key == placement.key
            && !may_be_over(flow, packet, placement.sender, self.clock, &self.timeouts)
        {
            let [mark, second_mark] = flow.marks();
            let counted = flow.count(packet, placement.sender, self.clock);
            if counted.is_of_note() {
                self.note(number, packet, placement.sender, counted);
            }
            return Accounted { flow: FlowNumber(number), is_new: false, mark, second_mark };
        }
        self.search_and_account(packet, placement)
    }

    #[inline(never)]
    fn search_and_account(&mut self, packet: &Packet<'_>, placement: &Placement) -> Accounted {
        let is_it = |number| self.slab.get(number).is_some_and(|flow| flow.key == placement.key);
        let (number, is_new) = match self.index.find(placement.hash, is_it) {
            Some(number) if !self.is_over(number, packet, placement) => (number, false),
            predecessor => (self.open(packet, placement, predecessor), true),
        };
        let [mark, second_mark] = self.count(number, packet, placement.sender);
        Accounted { flow: FlowNumber(number), is_new, mark, second_mark }
    }

    /// Notes an octet of a flow.
    #[inline]
    pub(crate) fn mark(&mut self, number: u32, mark: u8) {
        if let Some(flow) = self.slab.get_mut(number) {
            flow.mark = mark;
        }
    }

    /// Notes three bits of a flow.
    #[inline]
    pub(crate) fn second_mark(&mut self, number: u32, mark: u8) {
        if let Some(flow) = self.slab.get_mut(number) {
            flow.bearing.set_second_mark(mark);
        }
    }

    /// Lets the clock go on, and looks through the flows if that is due. `true` if records may be ready.
    #[inline]
    pub(crate) fn advance(&mut self, clock: Timestamp) -> bool {
        self.clock = self.clock.max(clock);
        let is_crowded = self.ending.is_crowded() && self.schedule.can_advance(self.clock);
        if !is_crowded && !self.schedule.is_due(self.clock) {
            return false;
        }
        self.look(clock);
        true
    }

    /// Lets the clock go on, and looks through the flows.
    pub(crate) fn look(&mut self, clock: Timestamp) {
        self.clock = self.clock.max(clock);
        self.sweep();
        self.bring_in_order(self.clock);
    }

    /// Ends all flows.
    pub(crate) fn close(&mut self, clock: Timestamp) {
        self.clock = self.clock.max(clock);
        self.sweep();
        self.index.clear();
        self.ended += 1;
        for number in 0..self.schedule.len() {
            if self.schedule.has(number) {
                self.retire(number, self.clock, EndReason::ForcedEnd);
            }
        }
        self.bring_in_order(Timestamp::MAX);
    }

    /// Moves the next records that are ready into `records`, until it holds `limit`.
    pub(crate) fn take_records(&mut self, records: &mut Vec<FlowRecord>, limit: usize) {
        while records.len() < limit
            && let Some(Ended { at, number, reason }) = self.ending.take()
        {
            records.extend(self.slab.record(number, at, reason));
            self.slab.free(number);
        }
    }

    /// Whether flow `number` does not go on with this packet. If so it has been ended.
    fn is_over(&mut self, number: u32, packet: &Packet<'_>, placement: &Placement) -> bool {
        let Some(flow) = self.slab.get(number) else { return true };
        may_be_over(flow, packet, placement.sender, self.clock, &self.timeouts)
            && self.is_over_indeed(number, packet, placement)
    }

    #[cold]
    fn is_over_indeed(&mut self, number: u32, packet: &Packet<'_>, placement: &Placement) -> bool {
        if self.settle(number) {
            return true;
        }
        let Some(flow) = self.slab.get(number) else { return true };
        if let Transport::Tcp(tcp) = &packet.transport
            && tcp.flags.is_syn()
            && flow.connection.is_followed_by(tcp, flow.syn_sequence, flow.seen, self.clock)
        {
            self.end(number, self.clock, EndReason::EndOfFlowDetected);
            return true;
        }
        if *of(&flow.packets, placement.sender) == u32::MAX {
            self.cut(number, self.clock);
        }
        false
    }

    /// Opens a flow; `predecessor` is the number of one with the same key that has just ended.
    fn open(&mut self, packet: &Packet<'_>, placement: &Placement, predecessor: Option<u32>) -> u32 {
        let after = predecessor.and_then(|number| self.slab.began(number));
        if self.len() >= self.capacity {
            self.evict();
        }
        let Placement { key, sender, hash, .. } = *placement;
        let flow = Biflow::new(key, hash, packet, sender, self.clock);
        // Two flows of one key that begin at the same time, as coarse clocks have it, are not to be taken for one.
        let began = after.map_or(self.clock, |after| self.clock.max(after.saturating_add_nanos(1)));
        self.opened += 1;
        let number = self.slab.place(flow, began, Opening::new(packet));
        self.index.insert(hash, number);
        number
    }

    /// Counts a packet to a flow, and says how that was marked.
    fn count(&mut self, number: u32, packet: &Packet<'_>, sender: Side) -> [u8; 2] {
        self.slab.detail(number, packet, sender);
        let Some(flow) = self.slab.get_mut(number) else { return [0; 2] };
        let (marks, counted) = (flow.marks(), flow.count(packet, sender, self.clock));
        if counted.is_of_note() {
            self.note(number, packet, sender, counted);
        }
        marks
    }

    /// Does what counting a packet has shown to be necessary.
    fn note(&mut self, number: u32, packet: &Packet<'_>, sender: Side, counted: Counted) {
        if counted.brings_deadline
            && let Some(flow) = self.slab.get(number)
        {
            let deadline = flow.deadline(&self.timeouts);
            self.schedule.set(number, deadline, self.clock);
        }
        if counted.is_first | counted.is_late {
            self.slab.describe(number, packet, sender, counted.is_first);
        }
        if counted.is_irregular {
            self.slab.examine(number, packet, counted.flags_before, sender);
        }
    }

    /// Does what the flow's deadlines ask for, if they have passed: cuts a record, ends the flow. `true` if it has ended.
    fn settle(&mut self, number: u32) -> bool {
        let Some(flow) = self.slab.get(number) else { return true };
        let is_closed = flow.idle_class == IdleClass::TcpClosed;
        let (idle_at, active_at) = (flow.idle_at(&self.timeouts), flow.active_at(&self.timeouts));
        if active_at <= self.clock && active_at <= idle_at {
            self.cut(number, active_at);
        }
        if idle_at <= self.clock {
            let reason = if is_closed { EndReason::EndOfFlowDetected } else { EndReason::IdleTimeout };
            self.end(number, idle_at, reason);
            return true;
        }
        let deadline = self.slab.get(number).map_or(idle_at, |flow| flow.deadline(&self.timeouts));
        self.schedule.set(number, deadline, self.clock);
        false
    }

    /// Looks at every flow that is due.
    fn sweep(&mut self) {
        self.schedule.begin_sweep(self.clock);
        let mut from = 0;
        while let Some(number) = self.schedule.next_due(from) {
            self.settle(number);
            from = number + 1;
        }
    }

    fn bring_in_order(&mut self, end: Timestamp) {
        let slab = &self.slab;
        self.ending.bring_in_order(end, |number| slab.get(number).map(|flow| (flow.opened, &flow.key)));
    }

    /// Ends a flow.
    fn end(&mut self, number: u32, at: Timestamp, reason: EndReason) {
        let Some(flow) = self.slab.get(number) else { return };
        self.index.remove(flow.hash, number);
        self.ended += 1;
        self.retire(number, at, reason);
    }

    /// Puts a flow that is no longer in the index among those that have ended, if there is anything to say of it.
    fn retire(&mut self, number: u32, at: Timestamp, reason: EndReason) {
        let Some(flow) = self.slab.get(number) else { return };
        self.schedule.cancel(number);
        if flow.is_empty() {
            self.slab.free(number);
            return;
        }
        let is_closed = flow.idle_class == IdleClass::TcpClosed;
        let reason =
            if is_closed && reason == EndReason::ForcedEnd { EndReason::EndOfFlowDetected } else { reason };
        self.ending.push(Ended { at, number, reason });
    }

    /// Cuts a record off a flow that goes on: a copy of it waits, and it counts from nothing.
    fn cut(&mut self, number: u32, at: Timestamp) {
        if let Some(number) = self.slab.split(number) {
            self.ending.push(Ended { at, number, reason: EndReason::ActiveTimeout });
        }
    }

    /// Ends the one of the next flows that matters least: an attempt that nobody answered, before a single packet, before a
    /// closed connection, before the one that was quiet for longest.
    fn evict(&mut self) {
        let places = self.schedule.len();
        let mut least: Option<(u8, Timestamp, u32)> = None;
        let mut candidates = 0;
        for _ in 0..places {
            self.hand = if self.hand + 1 < places { self.hand + 1 } else { 0 };
            let Some(flow) = self.slab.get(self.hand).filter(|_| self.schedule.has(self.hand)) else {
                continue;
            };
            let candidate = (flow.weight(), flow.seen, self.hand);
            least = Some(least.map_or(candidate, |least| least.min(candidate)));
            candidates += 1;
            let is_light = least.is_some_and(|(weight, ..)| weight <= LIGHT);
            if candidates >= if is_light { LEAST_CANDIDATES } else { self.candidates } {
                break;
            }
        }
        let found_light = least.is_some_and(|(weight, ..)| weight <= LIGHT);
        self.candidates = if found_light { self.candidates * 2 } else { self.candidates / 2 };
        self.candidates = self.candidates.clamp(LEAST_CANDIDATES, MOST_CANDIDATES);
        if let Some((_, _, number)) = least {
            self.evicted += 1;
            self.end(number, self.clock, EndReason::LackOfResources);
        }
    }
}

/// Whether a flow may not go on with this packet, and has to be looked at.
#[inline]
fn may_be_over(
    flow: &Biflow,
    packet: &Packet<'_>,
    sender: Side,
    clock: Timestamp,
    timeouts: &TimeoutNanos,
) -> bool {
    let is_idle = clock.nanos_since(flow.seen) >= timeouts.idle(flow.idle_class);
    let is_active = clock.nanos_since(flow.opened) >= timeouts.active;
    let is_full = *of(&flow.packets, sender) == u32::MAX;
    let opens = matches!(&packet.transport, Transport::Tcp(tcp) if tcp.flags.is_syn());
    is_idle | is_active | is_full | opens
}

/// The search for a flow to evict compares this many if one of them is of little weight (single packets), else more; where there are
/// none, that would cost each new flow microseconds.
const LEAST_CANDIDATES: usize = 8;
const MOST_CANDIDATES: usize = 256;
const LIGHT: u8 = 1;

/// What a flow takes in memory; the schedule has four octets for it.
const OCTETS_PER_FLOW: usize =
    FlowSlab::OCTETS_PER_FLOW + FlowIndex::OCTETS_PER_FLOW + Ending::OCTETS_PER_FLOW + size_of::<u32>();
const LEAST_CAPACITY: usize = 4_096;
/// Numbers have 32 bits, and copies of flows whose records wait take some.
const GREATEST_CAPACITY: usize = 3 << 30;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Clock, DirectionReason, FlowKey,
        placement::testing::{packet, tcp, udp},
    };

    fn table() -> FlowTable {
        FlowTable::new(MeterConfig { memory_octets: 0, ..MeterConfig::default() })
    }

    fn account(table: &mut FlowTable, packet: &Packet<'_>, clock: Timestamp) -> u32 {
        let (key, sender) = FlowKey::of(packet);
        table.account(packet, &Placement { key, sender, clock, hash: 7, ..Placement::default() }).flow.0
    }

    #[test]
    fn who_opened_a_flow_follows_from_ports_only_where_both_say_so() {
        let reason = |source, destination| {
            let mut table = table();
            let number = account(
                &mut table,
                &packet([10, 0, 0, 9], [10, 0, 0, 1], udp(source, destination)),
                Timestamp::ZERO,
            );
            let flow = table.flow(number).unwrap();
            (flow.key.port(flow.initiator()), flow.bearing.reason())
        };
        assert_eq!(reason(443, 32_768), (32_768, DirectionReason::Ports));
        assert_eq!(reason(32_768, 443), (32_768, DirectionReason::Ports));
        assert_eq!(reason(443, 32_767), (443, DirectionReason::FirstSeen));
        assert_eq!(reason(1_024, 40_000), (1_024, DirectionReason::FirstSeen));
        assert_eq!(reason(1_023, 40_000), (40_000, DirectionReason::Ports));
    }

    #[test]
    fn a_flow_that_ends_after_it_was_found_gets_no_more_packets() {
        let mut table = table();
        let data = packet([10, 0, 0, 1], [10, 0, 0, 2], tcp(1, 2, 0x10));
        let first =
            account(&mut table, &packet([10, 0, 0, 1], [10, 0, 0, 2], tcp(1, 2, 0x02)), Timestamp::ZERO);
        account(&mut table, &packet([10, 0, 0, 2], [10, 0, 0, 1], tcp(2, 1, 0x14)), Timestamp::ZERO);
        let mut again = packet([10, 0, 0, 1], [10, 0, 0, 2], tcp(1, 2, 0x02));
        if let Transport::Tcp(tcp) = &mut again.transport {
            tcp.sequence = 1_000_000;
        }
        let mut group = [again, data].map(|packet| {
            let (key, sender) = FlowKey::of(&packet);
            (packet, Placement { key, sender, hash: 7, ..Placement::default() })
        });
        for (_, placement) in &mut group {
            table.touch(placement);
            assert_eq!(placement.sighting.number, Some(first));
        }
        let [second, last] = group.map(|(packet, placement)| table.account(&packet, &placement));
        assert!(second.is_new && !last.is_new);
        assert_eq!((second.flow == last.flow, last.flow.0 == first), (true, false));
    }

    #[test]
    fn a_counter_that_is_full_cuts_the_record_and_loses_no_packet() {
        let mut table = table();
        let datagram = packet([10, 0, 0, 1], [10, 0, 0, 2], udp(5, 6));
        let number = account(&mut table, &datagram, Timestamp::ZERO);
        table.slab.get_mut(number).unwrap().packets = [u32::MAX - 1, 0];
        for _ in 0..3 {
            account(&mut table, &datagram, Timestamp::ZERO);
        }
        table.close(Timestamp::ZERO);
        let mut records = Vec::new();
        table.take_records(&mut records, 10);
        let packets: Vec<_> = records.iter().map(|record| record.forward.packets).collect();
        assert_eq!(packets, [u64::from(u32::MAX), 2]);
    }

    #[test]
    fn records_do_not_pile_up_while_time_stands_still() {
        let (mut table, mut clock) = (table(), Clock::default());
        let mut taken = Vec::new();
        for connection in 0..100_000_u32 {
            let mut open = packet([10, 0, 0, 1], [10, 0, 0, 2], tcp(1, 2, 0x02));
            if let Transport::Tcp(tcp) = &mut open.transport {
                tcp.sequence = connection;
            }
            for segment in [open, packet([10, 0, 0, 1], [10, 0, 0, 2], tcp(1, 2, 0x04))] {
                let now = clock.advance(Timestamp::ZERO);
                account(&mut table, &segment, now);
            }
            if table.advance(clock.now()) {
                table.take_records(&mut taken, usize::MAX);
            }
            assert!(
                table.slab.places() < 70_000,
                "{} places after {connection} connections",
                table.slab.places()
            );
        }
        assert!(taken.len() > 30_000);
    }

    #[test]
    fn closed_connections_are_evicted_before_open_ones() {
        let mut table = table();
        for flow in 0..4_096_u32 {
            let [_, _, a, b] = flow.to_be_bytes();
            let there = packet([10, 0, a, b], [192, 0, 2, 1], tcp(5_000, 80, 0x10));
            let back = packet(
                [192, 0, 2, 1],
                [10, 0, a, b],
                tcp(80, 5_000, if flow % 8 == 0 { 0x14 } else { 0x10 }),
            );
            account(&mut table, &there, Timestamp::ZERO);
            account(&mut table, &back, Timestamp::ZERO);
        }
        account(&mut table, &packet([10, 1, 0, 0], [192, 0, 2, 1], udp(1, 2)), Timestamp::ZERO);
        table.close(Timestamp::ZERO);
        let mut records = Vec::new();
        table.take_records(&mut records, usize::MAX);
        let evicted: Vec<_> =
            records.iter().filter(|record| record.end_reason == EndReason::LackOfResources).collect();
        assert_eq!(evicted.len(), 1);
        assert_eq!(evicted[0].reverse.tcp_flags.0 | evicted[0].forward.tcp_flags.0, 0x14);
    }
}
