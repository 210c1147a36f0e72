use wire::{Packet, Timestamp};

use crate::{
    Direction, EndReason, FlowRecord, Side,
    biflow::{Biflow, Opening, of},
    chunks::{Chunks, SparseChunks},
};

/// The places of flows, by number: what every packet changes, and beside it what is written once.
#[derive(Debug)]
pub(crate) struct FlowSlab {
    flows: Chunks<Biflow>,
    /// Of the end that sent the first packet.
    openings: Chunks<Opening>,
    /// Of the other end, if it has answered. A flood is not answered: its flows take no room here.
    answers: SparseChunks<Opening>,
    free: Vec<u32>,
}

impl FlowSlab {
    pub(crate) const fn new() -> Self {
        Self { flows: Chunks::new(), openings: Chunks::new(), answers: SparseChunks::new(), free: Vec::new() }
    }

    #[inline]
    pub(crate) fn get(&self, number: u32) -> Option<&Biflow> {
        self.flows.get(number)
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, number: u32) -> Option<&mut Biflow> {
        self.flows.get_mut(number)
    }

    /// Finds a place for a flow.
    pub(crate) fn place(&mut self, flow: Biflow, opening: Opening) -> u32 {
        if let Some(number) = self.free.pop()
            && let (Some(place), Some(described)) =
                (self.flows.get_mut(number), self.openings.get_mut(number))
        {
            (*place, *described) = (flow, opening);
            return number;
        }
        let number = u32::try_from(self.flows.len()).unwrap_or(u32::MAX);
        self.flows.push(flow);
        self.openings.push(opening);
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
        let (flow, opening) = (self.flows.get_mut(number)?, self.openings.get(number)?.clone());
        let copy = flow.clone();
        flow.begin_record();
        let answer = self.answers.get(number).filter(|_| copy.bearing.is_answered()).cloned();
        let number = self.place(copy, opening);
        if let Some(answer) = answer
            && let Some(place) = self.answers.get_mut(number)
        {
            *place = answer;
        }
        Some(number)
    }

    /// Notes what the first packet of a direction says, and an earlier time if packets come out of order.
    pub(crate) fn describe(&mut self, number: u32, packet: &Packet<'_>, sender: Side, is_first: bool) {
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

    /// The record of a flow as it stands.
    pub(crate) fn record(&self, number: u32, ended: Timestamp, end_reason: EndReason) -> Option<FlowRecord> {
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
            id: flow.id(),
            key: flow.key,
            initiator,
            direction_reason: flow.bearing.reason(),
            end_reason,
            second_mark: flow.bearing.second_mark(),
            forward: direction(initiator),
            reverse: direction(responder),
        })
    }

    /// What a flow takes here, with the number of its place when that is free.
    pub(crate) const OCTETS_PER_FLOW: usize =
        size_of::<Biflow>() + 2 * size_of::<Opening>() + size_of::<u32>();
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
