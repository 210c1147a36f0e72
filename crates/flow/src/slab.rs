use wire::{Packet, TcpFlags, Timestamp};

use crate::{
    DetailsConfig, Direction, EndReason, FlowId, FlowRecord, Segments, Side,
    biflow::{Biflow, Opening, of},
    chunks::{Chunks, SparseChunks},
    details::DetailSlab,
    segments::Irregular,
};

/// The places of flows, by number: what every packet changes, and beside it what is written once.
#[derive(Debug)]
pub(crate) struct FlowSlab {
    flows: Chunks<Biflow>,
    beginnings: Chunks<Beginning>,
    /// Of the other end, if it has answered. A flood is not answered: its flows take no room here.
    answers: SparseChunks<Opening>,
    /// Of connections whose segments did not all come in order, which most do.
    irregulars: SparseChunks<Irregular>,
    /// `None` if none are asked for.
    details: Option<Box<DetailSlab>>,
    is_sampled: bool,
    free: Vec<u32>,
}

/// What is written once for each flow.
#[derive(Clone, Copy, Debug)]
struct Beginning {
    /// The clock at the flow's first packet, or a little later: no two flows of one key have the same.
    began: Timestamp,
    /// Of the end that sent the first packet.
    opening: Opening,
}

impl FlowSlab {
    pub(crate) fn new(details: DetailsConfig, is_sampled: bool) -> Self {
        Self {
            flows: Chunks::new(),
            beginnings: Chunks::new(),
            answers: SparseChunks::new(),
            irregulars: SparseChunks::new(),
            details: details.is_any().then(|| Box::new(DetailSlab::new(details))),
            is_sampled,
            free: Vec::new(),
        }
    }

    #[inline]
    pub(crate) fn get(&self, number: u32) -> Option<&Biflow> {
        self.flows.get(number)
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, number: u32) -> Option<&mut Biflow> {
        self.flows.get_mut(number)
    }

    /// A flow of which nothing is kept but what counting its packets needs.
    #[inline]
    pub(crate) fn get_plain(&mut self, number: u32) -> Option<&mut Biflow> {
        if self.details.is_some() { None } else { self.flows.get_mut(number) }
    }

    /// When a flow began.
    pub(crate) fn began(&self, number: u32) -> Option<Timestamp> {
        self.beginnings.get(number).map(|beginning| beginning.began)
    }

    /// The identity of a flow.
    pub(crate) fn id(&self, number: u32) -> Option<FlowId> {
        Some(FlowId::new(&self.flows.get(number)?.key, self.began(number)?))
    }

    /// Finds a place for a flow that began then.
    pub(crate) fn place(&mut self, flow: Biflow, began: Timestamp, opening: Opening) -> u32 {
        let beginning = Beginning { began, opening };
        if let Some(number) = self.free.pop()
            && let (Some(place), Some(described)) =
                (self.flows.get_mut(number), self.beginnings.get_mut(number))
        {
            (*place, *described) = (flow, beginning);
            if let Some(details) = &mut self.details {
                details.forget(number);
            }
            return number;
        }
        let number = u32::try_from(self.flows.len()).unwrap_or(u32::MAX);
        self.flows.push(flow);
        self.beginnings.push(beginning);
        number
    }

    /// How many places there are, taken or free.
    #[cfg(test)]
    pub(crate) fn places(&self) -> usize {
        self.flows.len()
    }

    /// Gives a place back.
    pub(crate) fn free(&mut self, number: u32) {
        self.free.push(number);
    }

    /// Puts a copy of a flow in a place of its own, and has the flow itself begin a record.
    pub(crate) fn split(&mut self, number: u32) -> Option<u32> {
        let (flow, beginning) = (self.flows.get_mut(number)?, *self.beginnings.get(number)?);
        let copy = flow.clone();
        flow.begin_record();
        let answer = self.answers.get(number).filter(|_| copy.bearing.is_answered()).copied();
        let mut irregular = None;
        if copy.connection.is_irregular()
            && let Some(account) = self.irregulars.get_mut(number)
        {
            irregular = Some(*account);
            flow.connection.set_irregular(account.begin_record());
        }
        let (original, number) = (number, self.place(copy, beginning.began, beginning.opening));
        if let Some(details) = &mut self.details {
            details.split(original, number);
        }
        if let Some(answer) = answer
            && let Some(place) = self.answers.get_mut(number)
        {
            *place = answer;
        }
        if let Some(irregular) = irregular
            && let Some(place) = self.irregulars.get_mut(number)
        {
            *place = irregular;
        }
        Some(number)
    }

    /// Notes what is to be kept of a packet besides, which is not counted yet.
    #[inline]
    pub(crate) fn detail(&mut self, number: u32, packet: &Packet<'_>, sender: Side) {
        let Some(details) = &mut self.details else { return };
        if let Some(flow) = self.flows.get(number) {
            details.packet(number, flow, packet, sender);
        }
    }

    /// Notes what the first packet of a direction says, and an earlier time if packets come out of order.
    pub(crate) fn describe(&mut self, number: u32, packet: &Packet<'_>, sender: Side, is_first: bool) {
        let Some(flow) = self.flows.get_mut(number) else { return };
        let opening = if sender == flow.bearing.first_sender() {
            self.beginnings.get_mut(number).map(|beginning| &mut beginning.opening)
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

    /// Looks at the numbers of a segment that was counted and described. `flags_before` are those of its direction before it.
    #[inline(never)]
    pub(crate) fn examine(&mut self, number: u32, packet: &Packet<'_>, flags_before: TcpFlags, sender: Side) {
        let Some(flow) = self.flows.get_mut(number) else { return };
        let shown = flow.examine(packet, flags_before, sender);
        if let Some(round_trip_us) = shown.round_trip_us {
            let is_first_sender = sender == flow.bearing.first_sender();
            let opening = if is_first_sender {
                self.beginnings.get_mut(number).map(|beginning| &mut beginning.opening)
            } else {
                self.answers.get_mut(number)
            };
            if let Some(opening) = opening {
                opening.round_trip_us = round_trip_us;
            }
        }
        let connection = &mut flow.connection;
        if (connection.is_irregular() || shown.is_irregular())
            && let Some(account) = self.irregulars.get_mut(number)
        {
            if !connection.is_irregular() {
                connection.set_irregular(true);
                *account = Irregular::default();
            }
            account.take(&shown, sender);
            let awaits = connection.awaits_acknowledgment() || account.awaits_acknowledgment();
            connection.set_awaits_acknowledgment(awaits);
        }
    }

    /// The record of a flow as it stands, which it is asked for once.
    pub(crate) fn record(
        &mut self,
        number: u32,
        ended: Timestamp,
        end_reason: EndReason,
    ) -> Option<FlowRecord> {
        let mut details = self.details.as_mut().and_then(|details| details.take(number));
        let (flow, Beginning { began, opening }) = (self.flows.get(number)?, self.beginnings.get(number)?);
        let answer = self.answers.get(number).filter(|_| flow.bearing.is_answered());
        let (initiator, responder) = (flow.initiator(), flow.initiator().opposite());
        if let (Some(details), Side::High) = (&mut details, initiator) {
            details.reverse();
        }
        let acknowledges = flow.tcp_flags.iter().any(|flags| flags.contains(TcpFlags::ACK));
        let is_one_way = flow.key.protocol() == TCP && !flow.bearing.is_answered() && acknowledges;
        let direction = |side| {
            let opening = if side == flow.bearing.first_sender() { Some(opening) } else { answer };
            opening.map_or_else(Direction::default, |opening| Direction {
                segments: self.segments(number, flow, opening, side, end_reason),
                ..direction(flow, opening, side)
            })
        };
        Some(FlowRecord {
            ended,
            opened: flow.opened,
            id: FlowId::new(&flow.key, *began),
            key: flow.key,
            initiator,
            direction_reason: flow.bearing.reason(),
            end_reason,
            second_mark: flow.bearing.second_mark(),
            is_one_way,
            is_sampled: self.is_sampled,
            forward: direction(initiator),
            reverse: direction(responder),
            details,
        })
    }

    /// What the numbers of a direction's segments have told. A gap that nobody can acknowledge, since the capture has one direction only, is
    /// taken for a loss once nothing more will come.
    fn segments(
        &self,
        number: u32,
        flow: &Biflow,
        opening: &Opening,
        side: Side,
        end_reason: EndReason,
    ) -> Segments {
        let handshake_rtt_us = opening.round_trip_us;
        let account = self.irregulars.get(number).filter(|_| flow.connection.is_irregular());
        let Some(account) = account.map(|irregular| irregular.of(side)) else {
            return Segments { handshake_rtt_us, ..Segments::default() };
        };
        let is_last = end_reason != EndReason::ActiveTimeout && !flow.bearing.is_answered();
        let open_octets = if is_last { account.open_octets() } else { 0 };
        Segments {
            retransmitted: account.retransmitted,
            out_of_order: account.out_of_order,
            missed_octets: account.missed_octets.saturating_add(open_octets),
            handshake_rtt_us,
        }
    }

    /// What a flow takes here, with the number of its place when that is free.
    pub(crate) const OCTETS_PER_FLOW: usize = size_of::<Biflow>()
        + size_of::<Beginning>()
        + size_of::<Opening>()
        + size_of::<Irregular>()
        + size_of::<u32>();
}

const TCP: u8 = 6;

fn direction(flow: &Biflow, opening: &Opening, side: Side) -> Direction {
    let Opening { first, first_packet, .. } = *opening;
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
        segments: Segments::default(),
    }
}
