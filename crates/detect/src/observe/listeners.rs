use ahash::RandomState;
use flow::{Accounted, FlowKey, FlowNumber, Meter};
use hashbrown::HashMap;
use wire::{Packet, Tcp, Timestamp};

use super::{
    attention::{Attention, Attentions},
    listener::{Interest, Listener},
};
use crate::{Observation, stream::MAX_HELD_OCTETS};

/// The connections of a worker that are listened to, and those that may come to be.
#[derive(Debug)]
pub(super) struct Listeners {
    attentions: Attentions,
    /// By key and not by the flow's number: flows time out sooner than conversations end.
    listeners: HashMap<FlowKey, Box<Listener>, RandomState>,
    most: usize,
    /// None is to be given up before.
    next_deadline: Timestamp,
    evicted: u64,
}

impl Listeners {
    pub(super) fn new(octets: usize) -> Self {
        Self {
            attentions: Attentions::default(),
            listeners: HashMap::with_hasher(RandomState::new()),
            most: (octets / OCTETS_PER_LISTENER).max(LEAST_LISTENERS),
            next_deadline: Timestamp::MAX,
            evicted: 0,
        }
    }

    /// Takes in a segment.
    #[inline]
    pub(super) fn segment(
        &mut self,
        packet: &Packet<'_>,
        tcp: &Tcp,
        accounted: Accounted,
        clock: Timestamp,
        meter: &Meter,
        observations: &mut Vec<Observation>,
    ) {
        if accounted.is_new {
            self.begin(packet, tcp, accounted.flow, clock, observations);
        }
        match self.attentions.of(accounted.flow) {
            Attention::NONE => {}
            Attention::LISTENED => self.listen(packet, tcp, accounted.flow, clock, observations),
            _ if packet.payload.is_empty() => {}
            attention => self.look(packet, tcp, accounted.flow, attention, clock, meter, observations),
        }
    }

    /// Gives up those of which nothing was heard for long before `clock`.
    pub(super) fn expire(&mut self, clock: Timestamp, observations: &mut Vec<Observation>) {
        if self.next_deadline > clock {
            return;
        }
        self.next_deadline = Timestamp::MAX;
        for (_, listener) in &mut self.listeners {
            let deadline = listener.deadline();
            if deadline <= clock {
                // Their order among each other is made later.
                listener.end(deadline, observations);
            } else {
                self.next_deadline = self.next_deadline.min(deadline);
            }
        }
        self.listeners.retain(|_, listener| !listener.is_done());
    }

    /// Ends all of them.
    pub(super) fn close(&mut self, clock: Timestamp, observations: &mut Vec<Observation>) {
        self.expire(clock, observations);
        for (_, mut listener) in self.listeners.drain() {
            listener.end(clock, observations);
        }
    }

    /// How many were given up for others.
    pub(super) const fn evicted(&self) -> u64 {
        self.evicted
    }

    /// A flow has begun: a new connection, or the rest of one that is listened to.
    fn begin(
        &mut self,
        packet: &Packet<'_>,
        tcp: &Tcp,
        flow: FlowNumber,
        clock: Timestamp,
        observations: &mut Vec<Observation>,
    ) {
        self.attentions.set(flow, Attention::NEW);
        if self.listeners.is_empty() {
            return;
        }
        let (key, _) = FlowKey::of(packet);
        let Some(listener) = self.listeners.get_mut(&key) else { return };
        let deadline = listener.deadline();
        if tcp.flags.is_syn() || deadline <= clock {
            listener.end(deadline.min(clock), observations);
            self.listeners.remove(&key);
        } else {
            self.attentions.set(flow, Attention::LISTENED);
        }
    }

    fn listen(
        &mut self,
        packet: &Packet<'_>,
        tcp: &Tcp,
        flow: FlowNumber,
        clock: Timestamp,
        observations: &mut Vec<Observation>,
    ) {
        let (key, sender) = FlowKey::of(packet);
        let is_done = match self.listeners.get_mut(&key) {
            Some(listener) => {
                listener.segment(packet, tcp, sender, clock, observations);
                listener.is_done()
            }
            None => true,
        };
        if is_done {
            self.listeners.remove(&key);
            self.attentions.set(flow, Attention::NONE);
        }
    }

    /// Looks at the octets of a segment, and listens if they may be of interest.
    #[expect(clippy::too_many_arguments, reason = "a segment with all that is known of it")]
    fn look(
        &mut self,
        packet: &Packet<'_>,
        tcp: &Tcp,
        number: FlowNumber,
        attention: Attention,
        clock: Timestamp,
        meter: &Meter,
        observations: &mut Vec<Observation>,
    ) {
        let Some(flow) = meter.flow(number) else { return };
        let (key, sender) = FlowKey::of(packet);
        let is_from_begin = flow.syn_sequence().is_some();
        let is_midstream = !is_from_begin || attention != Attention::NEW;
        let interest = Interest::of(sender == flow.initiator(), packet.payload, is_midstream);
        if !interest.is_any() {
            let most = if is_from_begin { LOOKS } else { MIDSTREAM_LOOKS };
            return self.attentions.set(number, attention.after_look(most));
        }
        if self.listeners.len() >= self.most {
            self.make_room(clock, observations);
        }
        let mut listener = Listener::new(&key, flow, interest, is_midstream);
        listener.segment(packet, tcp, sender, clock, observations);
        if listener.is_done() {
            return self.attentions.set(number, Attention::NONE);
        }
        self.attentions.set(number, Attention::LISTENED);
        self.next_deadline = self.next_deadline.min(listener.deadline());
        self.listeners.insert(key, Box::new(listener));
    }

    /// Gives up some that matter little, many at a time so that this is not done for each new one.
    #[cold]
    fn make_room(&mut self, clock: Timestamp, observations: &mut Vec<Observation>) {
        let mut weights: Vec<_> =
            self.listeners.iter().map(|(key, listener)| (listener.weight(), *key)).collect();
        weights.sort_unstable();
        for (_, key) in weights.into_iter().take(self.most.div_ceil(EVICTED_PART)) {
            if let Some(mut listener) = self.listeners.remove(&key) {
                listener.end(clock.min(listener.deadline()), observations);
                self.evicted += 1;
            }
        }
    }
}

/// Segments with octets that are looked at, of both directions, when the first one of a connection was seen. More than one, since they may
/// come out of order.
const LOOKS: u8 = 4;
/// The same in mid-stream, where the first ones may lie within a message.
const MIDSTREAM_LOOKS: u8 = 16;
/// What a listener takes at worst: segments that wait behind gaps in both directions, and a message of about as much in each.
const OCTETS_PER_LISTENER: usize = 4 * MAX_HELD_OCTETS;
const LEAST_LISTENERS: usize = 64;
const EVICTED_PART: usize = 16;
