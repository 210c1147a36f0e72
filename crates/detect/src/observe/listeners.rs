use ahash::RandomState;
use application::Recognized;
use flow::{FlowKey, FlowNumber, Meter};
use hashbrown::HashMap;
use wire::{Packet, Tcp, Timestamp};

use super::{
    attention::{Attention, Speech},
    listener::{Interest, Listener},
};
use crate::{Observation, stratum::encrypted, stream::MAX_HELD_OCTETS};

/// The connections of a worker that are listened to.
#[derive(Debug)]
pub(super) struct Listeners {
    /// By key and not by the flow's number: flows time out sooner than conversations end.
    by_key: HashMap<FlowKey, Box<Listener>, RandomState>,
    most: usize,
    /// None is to be given up before.
    next_deadline: Timestamp,
    evicted: u64,
}

/// A segment with all that is known of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Segment<'a, 'p> {
    pub(super) packet: &'a Packet<'p>,
    pub(super) tcp: &'a Tcp,
    pub(super) flow: FlowNumber,
    pub(super) clock: Timestamp,
}

impl Listeners {
    pub(super) fn new(octets: usize) -> Self {
        Self {
            by_key: HashMap::with_hasher(RandomState::new()),
            most: (octets / OCTETS_PER_LISTENER).max(LEAST_LISTENERS),
            next_deadline: Timestamp::MAX,
            evicted: 0,
        }
    }

    /// Takes in a segment, and says what becomes of what its connection says, and what it was recognized as.
    #[inline]
    pub(super) fn segment(
        &mut self,
        segment: &Segment<'_, '_>,
        speech: Speech,
        meter: &Meter,
        observations: &mut Vec<Observation>,
    ) -> (Speech, Option<Recognized>) {
        match speech {
            Speech::Ignored => (Speech::Ignored, None),
            Speech::Listened => self.listen(segment, observations),
            Speech::Looked(_) if segment.packet.payload.is_empty() => (speech, None),
            Speech::Looked(looks) => self.look(segment, looks, meter, observations),
        }
    }

    /// A flow has begun: a new connection, or the rest of one that is listened to.
    pub(super) fn begin(
        &mut self,
        packet: &Packet<'_>,
        tcp: &Tcp,
        clock: Timestamp,
        observations: &mut Vec<Observation>,
    ) -> Attention {
        if self.by_key.is_empty() {
            return Attention::NEW;
        }
        let (key, _) = FlowKey::of(packet);
        let Some(listener) = self.by_key.get_mut(&key) else { return Attention::NEW };
        let deadline = listener.deadline();
        if tcp.flags.is_syn() || deadline <= clock {
            listener.end(deadline.min(clock), observations);
            self.by_key.remove(&key);
            return Attention::NEW;
        }
        Attention::NEW.with_speech(Speech::Listened)
    }

    /// Gives up those of which nothing was heard for long before `clock`.
    pub(super) fn expire(&mut self, clock: Timestamp, observations: &mut Vec<Observation>) {
        if self.next_deadline > clock {
            return;
        }
        self.next_deadline = Timestamp::MAX;
        for (_, listener) in &mut self.by_key {
            let deadline = listener.deadline();
            if deadline <= clock {
                // Their order among each other is made later.
                listener.end(deadline, observations);
            } else {
                self.next_deadline = self.next_deadline.min(deadline);
            }
        }
        self.by_key.retain(|_, listener| !listener.is_done());
    }

    /// Ends all of them.
    pub(super) fn close(&mut self, clock: Timestamp, observations: &mut Vec<Observation>) {
        self.expire(clock, observations);
        for (_, mut listener) in self.by_key.drain() {
            listener.end(clock, observations);
        }
    }

    /// How many there are.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.by_key.len()
    }

    /// How many were given up for others.
    pub(super) const fn evicted(&self) -> u64 {
        self.evicted
    }

    fn listen(
        &mut self,
        segment: &Segment<'_, '_>,
        observations: &mut Vec<Observation>,
    ) -> (Speech, Option<Recognized>) {
        let (key, sender) = FlowKey::of(segment.packet);
        let Some(listener) = self.by_key.get_mut(&key) else { return (Speech::Ignored, None) };
        listener.segment(segment.packet, segment.tcp, sender, segment.clock, observations);
        let recognized = listener.recognized();
        if !listener.is_done() {
            return (Speech::Listened, recognized);
        }
        self.by_key.remove(&key);
        (Speech::Ignored, recognized)
    }

    /// Looks at the octets of a segment, and listens if they may be of interest.
    fn look(
        &mut self,
        segment: &Segment<'_, '_>,
        looks: u8,
        meter: &Meter,
        observations: &mut Vec<Observation>,
    ) -> (Speech, Option<Recognized>) {
        const IGNORED: (Speech, Option<Recognized>) = (Speech::Ignored, None);
        let &Segment { packet, tcp, flow, clock } = segment;
        let (number, Some(flow)) = (flow, meter.flow(flow)) else { return IGNORED };
        let (key, sender) = FlowKey::of(packet);
        let is_from_begin = flow.syn_sequence().is_some();
        let is_midstream = !is_from_begin || looks > 0;
        if !is_midstream && encrypted::interest(packet.payload) && encrypted::is_ruled_out(packet.payload) {
            // TLS with a web site, as nearly all of it is: what follows cannot be read, and is not worth its rhythm.
            return IGNORED;
        }
        let interest = Interest::of(sender == flow.initiator(), packet.payload, is_midstream);
        if !interest.is_any() {
            let most = if is_from_begin { LOOKS } else { MIDSTREAM_LOOKS };
            let looks = looks.saturating_add(1);
            return if looks < most { (Speech::Looked(looks), None) } else { IGNORED };
        }
        if self.by_key.len() >= self.most {
            self.make_room(clock, observations);
        }
        let Some(id) = meter.flow_id(number) else { return IGNORED };
        let mut listener = Listener::new(id, flow, interest, is_midstream);
        listener.segment(packet, tcp, sender, clock, observations);
        let recognized = listener.recognized();
        if listener.is_done() {
            return (Speech::Ignored, recognized);
        }
        self.next_deadline = self.next_deadline.min(listener.deadline());
        self.by_key.insert(key, Box::new(listener));
        (Speech::Listened, recognized)
    }

    /// Gives up some that matter little, many at a time so that this is not done for each new one.
    #[cold]
    fn make_room(&mut self, clock: Timestamp, observations: &mut Vec<Observation>) {
        let mut weights: Vec<_> =
            self.by_key.iter().map(|(key, listener)| (listener.weight(), *key)).collect();
        weights.sort_unstable();
        for (_, key) in weights.into_iter().take(self.most.div_ceil(EVICTED_PART)) {
            if let Some(mut listener) = self.by_key.remove(&key) {
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
