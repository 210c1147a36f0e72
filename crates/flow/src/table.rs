//! The flows that live, and those that have ended and wait to be taken.
//!
//! A flow has a number, its place in the slab. The index maps hashes to numbers and holds 32 bits of the hash, so that it grows
//! without looking at the flows, and a wrong guess seldom touches one. Beside each flow stands the tick at which it is due to be
//! looked at: a dense array that a sweep reads at memory speed, and that packets do not touch. A flow that is looked at and has
//! not ended gets the tick of its next deadline.
//!
//! Deadlines are exact all the same: the packet that comes after one finds it passed, whether a sweep has been there or not.

use hashbrown::HashTable;
use wire::{Packet, TcpFlags, Timestamp, Transport};

use crate::{
    Direction, EndReason, FlowId, FlowRecord, Placement, Side,
    biflow::{Biflow, Opening, of, of_mut},
    chunks::{Chunks, SparseChunks},
    config::{IdleClass, TimeoutNanos},
};

#[derive(Debug)]
pub(crate) struct FlowTable {
    index: HashTable<Entry>,
    flows: Chunks<Biflow>,
    /// By number, of the end that sent the first packet.
    openings: Chunks<Opening>,
    /// By number, of the other end, if it has answered. A flood is not answered: its flows take no room here.
    answers: SparseChunks<Opening>,
    /// By number, [`NEVER`] for flows that have ended and for free places.
    due: Vec<u32>,
    free: Vec<u32>,
    timeouts: TimeoutNanos,
    /// How many flows may live.
    capacity: usize,
    clock: Timestamp,
    /// Where ticks are counted from: the clock at the first packet.
    epoch: Option<Timestamp>,
    /// The tick and the time of the last sweep.
    swept: u32,
    swept_at: Timestamp,
    /// Ended, in any order.
    ended: Vec<Ended>,
    /// Ended, in order, the next one to be taken last.
    ready: Vec<Ended>,
    /// Where the search for a flow to evict goes on.
    hand: u32,
    opened: u64,
    evicted: u64,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    hash: u32,
    number: u32,
}

/// A flow, or a copy of one that lives on, whose record waits.
#[derive(Clone, Copy, Debug)]
struct Ended {
    at: Timestamp,
    number: u32,
    reason: EndReason,
}

impl FlowTable {
    pub(crate) fn new(timeouts: TimeoutNanos, memory_octets: u64) -> Self {
        let capacity = usize::try_from(memory_octets).unwrap_or(usize::MAX) / OCTETS_PER_FLOW;
        Self {
            index: HashTable::new(),
            flows: Chunks::new(),
            openings: Chunks::new(),
            answers: SparseChunks::new(),
            due: Vec::new(),
            free: Vec::new(),
            timeouts,
            capacity: capacity.clamp(LEAST_CAPACITY, GREATEST_CAPACITY),
            clock: Timestamp::ZERO,
            epoch: None,
            swept: 0,
            swept_at: Timestamp::ZERO,
            ended: Vec::new(),
            ready: Vec::new(),
            hand: 0,
            opened: 0,
            evicted: 0,
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
        self.flows.get(number)
    }

    /// Brings what the packet will need closer, and returns something of it so that the compiler does not leave that out.
    #[inline]
    pub(crate) fn touch(&self, placement: &Placement) -> u64 {
        match self.index.find(spread(placement.hash), |entry| entry.hash == placement.hash) {
            Some(entry) => {
                let flow = self.flows.get(entry.number);
                flow.map_or(0, |flow| flow.seen.nanos() ^ u64::from(flow.key.protocol()))
            }
            None => self.touch_vacancy(placement.hash),
        }
    }

    /// Brings closer the place in the index where a new flow will stand: one of the first that its hash leads to. The search for
    /// the flow has seen that they have no such entry, but not the places themselves.
    #[inline]
    fn touch_vacancy(&self, hash: u32) -> u64 {
        let mask = self.index.num_buckets().wrapping_sub(1);
        #[expect(clippy::cast_possible_truncation, reason = "the index takes the low bits, too")]
        let first = spread(hash) as usize;
        // A place that is free cannot be looked at.
        let taken =
            (0..VACANCY_SEARCH).find_map(|further| self.index.get_bucket(first.wrapping_add(further) & mask));
        taken.map_or(0, |entry| entry.number.into())
    }

    /// Counts a packet to its flow, which it opens if there is none, and returns the flow's number.
    #[inline]
    pub(crate) fn account(&mut self, packet: &Packet<'_>, placement: &Placement) -> u32 {
        self.clock = self.clock.max(placement.clock);
        let number = match self.find(placement) {
            Some(number) if !self.is_over(number, packet, placement) => number,
            _ => self.open(packet, placement),
        };
        self.count(number, packet, placement.sender);
        number
    }

    /// Lets the clock go on, and looks through the flows if that is due. `true` if records may be ready.
    #[inline]
    pub(crate) fn advance(&mut self, clock: Timestamp) -> bool {
        self.clock = self.clock.max(clock);
        let many = self.ended.len() >= MANY_ENDED && self.clock > self.swept_at;
        if many || self.tick(self.clock) > self.swept {
            self.sweep();
            self.bring_in_order(self.clock);
            return true;
        }
        false
    }

    /// Ends all flows.
    pub(crate) fn close(&mut self, clock: Timestamp) {
        self.clock = self.clock.max(clock);
        self.sweep();
        // All at once: taking millions of them out of the index one by one would cost a cache miss for each.
        self.index = HashTable::new();
        for number in 0..self.due.len() {
            let number = u32::try_from(number).unwrap_or(NEVER);
            if self.lives(number) {
                self.retire(number, self.clock, EndReason::ForcedEnd);
            }
        }
        self.bring_in_order(Timestamp::MAX);
    }

    /// Moves the next records that are ready into `records`, until it holds `limit`.
    pub(crate) fn take_records(&mut self, records: &mut Vec<FlowRecord>, limit: usize) {
        while records.len() < limit
            && let Some(Ended { at, number, reason }) = self.ready.pop()
        {
            records.extend(self.record(number, at, reason));
            self.free.push(number);
        }
    }

    #[inline]
    fn find(&self, placement: &Placement) -> Option<u32> {
        let is_it = |entry: &Entry| {
            entry.hash == placement.hash
                && self.flows.get(entry.number).is_some_and(|flow| flow.key == placement.key)
        };
        self.index.find(spread(placement.hash), is_it).map(|entry| entry.number)
    }

    /// Whether flow `number` does not go on with this packet. If so it has been ended.
    #[inline]
    fn is_over(&mut self, number: u32, packet: &Packet<'_>, placement: &Placement) -> bool {
        let Some(flow) = self.flows.get(number) else { return true };
        let idle = self.clock.nanos_since(flow.seen) >= self.timeouts.idle(flow.idle_class);
        let active = self.clock.nanos_since(flow.opened) >= self.timeouts.active;
        let full = *of(&flow.packets, placement.sender) == u32::MAX;
        let opens = matches!(&packet.transport, Transport::Tcp(tcp) if tcp.flags.is_syn());
        if !(idle | active | full | opens) {
            return false;
        }
        self.is_over_indeed(number, packet, placement)
    }

    #[cold]
    fn is_over_indeed(&mut self, number: u32, packet: &Packet<'_>, placement: &Placement) -> bool {
        if self.settle(number) {
            return true;
        }
        let Some(flow) = self.flows.get(number) else { return true };
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

    /// Does what the flow's deadlines ask for, if they have passed: cuts a record, ends the flow. `true` if it has ended.
    fn settle(&mut self, number: u32) -> bool {
        let Some(flow) = self.flows.get(number) else { return true };
        let idle_class = flow.idle_class;
        let (idle_at, active_at) = (flow.idle_at(&self.timeouts), flow.active_at(&self.timeouts));
        if active_at <= self.clock && active_at <= idle_at {
            self.cut(number, active_at);
        }
        if idle_at <= self.clock {
            let is_closed = idle_class == IdleClass::TcpClosed;
            let reason = if is_closed { EndReason::EndOfFlowDetected } else { EndReason::IdleTimeout };
            self.end(number, idle_at, reason);
            return true;
        }
        let deadline = self.flows.get(number).map_or(idle_at, |flow| flow.deadline(&self.timeouts));
        self.set_due(number, deadline);
        false
    }

    fn open(&mut self, packet: &Packet<'_>, placement: &Placement) -> u32 {
        if self.epoch.is_none() {
            self.epoch = Some(self.clock);
        }
        if self.len() >= self.capacity {
            self.evict();
        }
        let Placement { key, sender, hash, .. } = *placement;
        let flow = Biflow::new(key, hash, packet, sender, self.clock);
        self.opened += 1;
        let number = self.place(flow, Opening::new(packet));
        self.index.insert_unique(spread(hash), Entry { hash, number }, |entry| spread(entry.hash));
        number
    }

    #[inline]
    fn count(&mut self, number: u32, packet: &Packet<'_>, sender: Side) {
        let clock = self.clock;
        let Some(flow) = self.flows.get_mut(number) else { return };
        let begins = flow.is_empty();
        if begins {
            flow.opened = clock;
        }
        flow.seen = clock;
        let latest = of_mut(&mut flow.last, sender);
        let (is_first, is_late) = (*of(&flow.packets, sender) == 0, packet.timestamp < *latest);
        *latest = (*latest).max(packet.timestamp);
        *of_mut(&mut flow.packets, sender) += 1;
        *of_mut(&mut flow.octets, sender) += u64::from(packet.ip.octets);
        let minimum = of_mut(&mut flow.minimum_ttl, sender);
        *minimum = (*minimum).min(packet.ip.ttl);
        let maximum = of_mut(&mut flow.maximum_ttl, sender);
        *maximum = (*maximum).max(packet.ip.ttl);
        let mut closes = false;
        if let Transport::Tcp(tcp) = &packet.transport {
            of_mut(&mut flow.tcp_flags, sender).0 |= tcp.flags.0;
            if tcp.flags.0 & (TcpFlags::SYN.0 | TcpFlags::FIN.0 | TcpFlags::RST.0) != 0 {
                flow.connection.observe(tcp.flags, sender);
                flow.correct_direction(tcp.flags, sender);
                if tcp.flags.is_syn() {
                    flow.syn_sequence = tcp.sequence;
                }
                closes = flow.connection.is_closed() && flow.idle_class == IdleClass::Tcp;
            }
        }
        if closes {
            flow.idle_class = IdleClass::TcpClosed;
        }
        if begins | closes {
            // A deadline has come closer; otherwise packets only put it off.
            let deadline = flow.deadline(&self.timeouts);
            self.set_due(number, deadline);
        }
        if is_first | is_late {
            self.describe(number, packet, sender, is_first);
        }
    }

    /// Notes what the first packet of a direction says, and an earlier time if packets come out of order.
    fn describe(&mut self, number: u32, packet: &Packet<'_>, sender: Side, is_first: bool) {
        let Some(flow) = self.flows.get_mut(number) else { return };
        let opening = if sender == flow.bearing.first_sender() {
            self.openings.get_mut(number)
        } else if flow.bearing.is_answered() {
            self.answers.get_mut(number)
        } else {
            flow.bearing.set_answered();
            if let Some(answer) = self.answers.get_mut(number) {
                *answer = Opening::new(packet);
            }
            return;
        };
        if let Some(opening) = opening {
            let time = packet.timestamp;
            opening.first = if is_first { time } else { opening.first.min(time) };
        }
    }

    /// Looks at every flow that is due.
    fn sweep(&mut self) {
        let now = self.tick(self.clock);
        (self.swept, self.swept_at) = (now, self.clock);
        let mut group = 0;
        while let Some(due) = self.due.get(group..).filter(|rest| !rest.is_empty()) {
            let due = due.get(..SWEEP_GROUP).unwrap_or(due);
            let (length, earliest) = (due.len(), due.iter().copied().fold(NEVER, u32::min));
            if earliest <= now {
                for number in group..group + length {
                    let is_due = self.due.get(number).is_some_and(|due| *due <= now);
                    if let (true, Ok(number)) = (is_due, u32::try_from(number)) {
                        self.settle(number);
                    }
                }
            }
            group += length;
        }
    }

    /// Moves what has ended before `end` to what is ready. What ends right now has to wait: more may end now, and belong before it.
    fn bring_in_order(&mut self, end: Timestamp) {
        if end == Timestamp::MAX && self.ready.is_empty() {
            std::mem::swap(&mut self.ready, &mut self.ended);
        } else {
            self.ready.extend(self.ended.extract_if(.., |ended| ended.at < end));
        }
        let flows = &self.flows;
        let order = |ended: &Ended| flows.get(ended.number).map(|flow| (flow.opened, &flow.key));
        // Ascending, and what ended first keeps its place among equals; then the other way around, for the end to be taken off.
        self.ready.sort_by(|one, other| one.at.cmp(&other.at).then_with(|| order(one).cmp(&order(other))));
        self.ready.reverse();
    }

    /// Ends a flow.
    fn end(&mut self, number: u32, at: Timestamp, reason: EndReason) {
        let Some(flow) = self.flows.get(number) else { return };
        if let Ok(entry) = self.index.find_entry(spread(flow.hash), |entry| entry.number == number) {
            entry.remove();
        }
        self.retire(number, at, reason);
    }

    /// Puts a flow that is no longer in the index among those that have ended, if there is anything to say of it.
    fn retire(&mut self, number: u32, at: Timestamp, reason: EndReason) {
        let Some(flow) = self.flows.get(number) else { return };
        if let Some(due) = self.due.get_mut(number as usize) {
            *due = NEVER;
        }
        if flow.is_empty() {
            self.free.push(number);
            return;
        }
        let is_closed = flow.idle_class == IdleClass::TcpClosed;
        let reason =
            if is_closed && reason == EndReason::ForcedEnd { EndReason::EndOfFlowDetected } else { reason };
        self.ended.push(Ended { at, number, reason });
    }

    /// Cuts a record off a flow that goes on: a copy of it waits, and it counts from nothing.
    fn cut(&mut self, number: u32, at: Timestamp) {
        let (Some(flow), Some(opening)) = (self.flows.get_mut(number), self.openings.get(number)) else {
            return;
        };
        let (copy, opening) = (flow.clone(), opening.clone());
        flow.begin_record();
        let answer = self.answers.get(number).filter(|_| copy.bearing.is_answered()).cloned();
        let number = self.place(copy, opening);
        if let Some(answer) = answer
            && let Some(place) = self.answers.get_mut(number)
        {
            *place = answer;
        }
        self.ended.push(Ended { at, number, reason: EndReason::ActiveTimeout });
    }

    /// Finds a place for a flow, which is not due before it is told so.
    fn place(&mut self, flow: Biflow, opening: Opening) -> u32 {
        if let Some(number) = self.free.pop()
            && let (Some(place), Some(described)) =
                (self.flows.get_mut(number), self.openings.get_mut(number))
        {
            (*place, *described) = (flow, opening);
            return number;
        }
        let number = u32::try_from(self.flows.len()).unwrap_or(NEVER);
        self.flows.push(flow);
        self.openings.push(opening);
        self.due.push(NEVER);
        number
    }

    /// Ends the one of the next flows that matters least: an attempt that nobody answered, before a single packet, before a
    /// closed connection, before the one that was quiet for longest.
    fn evict(&mut self) {
        let places = u32::try_from(self.due.len()).unwrap_or(NEVER);
        let mut least: Option<(u8, Timestamp, u32)> = None;
        let mut candidates = 0;
        for _ in 0..places {
            self.hand = if self.hand + 1 < places { self.hand + 1 } else { 0 };
            let Some(flow) = self.flows.get(self.hand).filter(|_| self.lives(self.hand)) else { continue };
            let candidate = (flow.weight(), flow.seen, self.hand);
            least = Some(least.map_or(candidate, |least| least.min(candidate)));
            candidates += 1;
            let is_light = least.is_some_and(|(weight, ..)| weight <= LIGHT);
            if candidates >= if is_light { FEW_CANDIDATES } else { MANY_CANDIDATES } {
                break;
            }
        }
        if let Some((_, _, number)) = least {
            self.evicted += 1;
            self.end(number, self.clock, EndReason::LackOfResources);
        }
    }

    fn lives(&self, number: u32) -> bool {
        self.due.get(number as usize).is_some_and(|due| *due != NEVER)
    }

    fn record(&self, number: u32, ended: Timestamp, end_reason: EndReason) -> Option<FlowRecord> {
        let (flow, opening) = (self.flows.get(number)?, self.openings.get(number)?);
        let answer = self.answers.get(number).filter(|_| flow.bearing.is_answered());
        let (initiator, responder) = (flow.initiator(), flow.initiator().opposite());
        let direction = |side| {
            let opening = if side == flow.bearing.first_sender() { Some(opening) } else { answer };
            opening.map_or_else(Direction::default, |opening| direction(flow, opening, side))
        };
        Some(FlowRecord {
            ended,
            opened: flow.opened,
            id: FlowId::new(&flow.key, flow.began),
            key: flow.key,
            initiator,
            direction_reason: flow.bearing.reason(),
            end_reason,
            forward: direction(initiator),
            reverse: direction(responder),
        })
    }

    #[inline]
    fn set_due(&mut self, number: u32, deadline: Timestamp) {
        let tick = self.tick(deadline);
        if let Some(due) = self.due.get_mut(number as usize) {
            *due = tick;
        }
    }

    #[inline]
    fn tick(&self, at: Timestamp) -> u32 {
        let nanos = self.epoch.map_or(0, |epoch| at.nanos_since(epoch));
        u32::try_from(nanos / TICK_NANOS).unwrap_or(LAST_TICK).min(LAST_TICK)
    }
}

fn direction(flow: &Biflow, opening: &Opening, side: Side) -> Direction {
    let Opening { first, first_packet } = *opening;
    let packets = u64::from(*of(&flow.packets, side));
    if packets == 0 {
        return Direction { first_packet, ..Direction::default() };
    }
    Direction {
        packets,
        octets: *of(&flow.octets, side),
        first,
        last: *of(&flow.last, side),
        tcp_flags: *of(&flow.tcp_flags, side),
        minimum_ttl: *of(&flow.minimum_ttl, side),
        maximum_ttl: *of(&flow.maximum_ttl, side),
        first_packet,
    }
}

/// The index wants 64 bits, and takes the place from the lowest and a tag from the highest.
#[inline]
const fn spread(hash: u32) -> u64 {
    (hash as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// A sweep reads four octets per flow: at this interval that is a few thousandths of a core for a million flows, and a record
/// waits no longer than this after its flow has ended.
const TICK_NANOS: u64 = 250_000_000;
/// So many places of the index share a cache line, more or less.
const VACANCY_SEARCH: usize = 6;
const LAST_TICK: u32 = NEVER - 1;
const NEVER: u32 = u32::MAX;

/// How many due times are compared at once.
const SWEEP_GROUP: usize = 64;
/// So many records wait at most until the next sweep.
const MANY_ENDED: usize = 1 << 15;
/// The search for a flow to evict compares this many if one of them is of little weight (single packets), else more.
const FEW_CANDIDATES: usize = 8;
const MANY_CANDIDATES: usize = 256;
const LIGHT: u8 = 1;

/// A flow's places in the slabs, the due time, the index (a fill of seven sixteenths at worst), the list of those that ended.
const OCTETS_PER_FLOW: usize = size_of::<Biflow>()
    + size_of::<[Opening; 2]>()
    + 4
    + (size_of::<Entry>() + 1) * 16 / 7
    + size_of::<Ended>() * 3 / 2;
const LEAST_CAPACITY: usize = 4_096;
/// Numbers have 32 bits, and copies of flows whose records wait take some.
const GREATEST_CAPACITY: usize = 3 << 30;
