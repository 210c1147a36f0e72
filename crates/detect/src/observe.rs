//! What a worker's packets show: all observers together.
//!
//! An [`Observer`] sees each packet after the meter has counted it. It follows the handshakes of all connections, looks at the first
//! octets of each, and listens to the few that may be of interest. What it sees, it says as [`Observation`]s.
//!
//! A connection of no interest costs the mark of its flow, an octet, and for each packet a look at that. A connection that is
//! listened to is known by its key, so that it is listened to further though its flow has timed out in between.

mod applications;
mod attention;
mod listener;
mod listeners;
mod listening;

use application::Recognized;
use flow::{Accounted, Meter, Placement};
use smallvec::SmallVec;
use wire::{Packet, Tcp, TcpFlags, Timestamp, Transport};

use crate::{NameHeard, Observation, names, synflood};
pub use applications::{Applications, ApplicationsConfig};
use attention::{Attention, Speech};
use listeners::{Listeners, Segment};

/// Observes the packets of one worker.
#[derive(Debug)]
pub struct Observer {
    handshakes: synflood::Observer,
    listeners: Listeners,
    names: names::Told,
    /// Not yet taken.
    observations: Vec<Observation>,
}

/// How much an observer may keep.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct ObserverConfig {
    /// Handshakes and what is counted of them.
    pub handshakes: synflood::ObserverConfig,
    /// What connections that are listened to may take in memory, in octets, at worst. It is rounded up to some dozens of them.
    pub listening_octets: usize,
}

/// What an observer had no room for.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct ObserverCounts {
    /// Handshakes.
    pub handshakes: synflood::ObserverCounts,
    /// Connections that were listened to, and given up for others.
    pub listeners_evicted: u64,
}

impl ObserverCounts {
    /// Adds those of another observer.
    pub const fn add(&mut self, other: &Self) {
        self.handshakes.add(&other.handshakes);
        self.listeners_evicted += other.listeners_evicted;
    }
}

impl Observer {
    /// An observer that has seen nothing.
    pub fn new(config: ObserverConfig) -> Self {
        Self {
            handshakes: synflood::Observer::new(config.handshakes),
            listeners: Listeners::new(config.listening_octets),
            names: names::Told::new(),
            observations: Vec::new(),
        }
    }

    /// Has the processor fetch what a packet that is soon shown will need. What it returns means nothing, and must be used (see
    /// [`std::hint::black_box`]) for that to happen.
    #[inline]
    #[must_use]
    pub fn touch(&self, packet: &Packet<'_>, placement: &Placement) -> u64 {
        self.handshakes.touch(packet, placement)
    }

    /// Takes in a packet that `meter` has placed, and has just counted. Returns what its flow was recognized as, with each packet that is
    /// listened to from then on.
    #[inline]
    pub fn packet(
        &mut self,
        packet: &Packet<'_>,
        placement: &Placement,
        accounted: Accounted,
        meter: &mut Meter,
    ) -> Option<Recognized> {
        match &packet.transport {
            Transport::Tcp(tcp) => return self.segment(packet, tcp, placement, accounted, meter),
            Transport::Ports(ports) if ports.source == DNS_PORT && packet.ip.protocol == UDP => {
                self.names(packet.payload, placement.clock);
            }
            _ => {}
        }
        None
    }

    #[inline]
    fn segment(
        &mut self,
        packet: &Packet<'_>,
        tcp: &Tcp,
        placement: &Placement,
        accounted: Accounted,
        meter: &mut Meter,
    ) -> Option<Recognized> {
        let clock = placement.clock;
        let known = if accounted.is_new {
            self.listeners.begin(packet, tcp, clock, &mut self.observations)
        } else {
            Attention::of(accounted.mark)
        };
        let mut attention = known;
        if known.has_handshake() || tcp.flags.0 & (TcpFlags::SYN.0 | TcpFlags::RST.0) != 0 {
            attention = known.with_handshake(self.handshakes.segment(packet, placement));
            // At once: it keeps few of them, and there may be minutes between packets.
            self.take_seconds();
        }
        let (speech, mut recognized) = (attention.speech(), None);
        if speech != Speech::Ignored {
            let segment = Segment { packet, tcp, flow: accounted.flow, clock };
            let (speech, turned_out) =
                self.listeners.segment(&segment, speech, meter, &mut self.observations);
            (attention, recognized) = (attention.with_speech(speech), turned_out);
        }
        if attention.mark() != accounted.mark {
            meter.mark(accounted.flow, attention.mark());
        }
        recognized
    }

    /// Tells the time, moves into `into` all that was observed before it, in order, and keeps the rest. It must be the time of the
    /// capture's clock, or later.
    pub fn take_before(&mut self, clock: Timestamp, into: &mut Vec<Observation>) {
        self.handshakes.advance(clock);
        self.listeners.expire(clock, &mut self.observations);
        self.take(clock, into);
    }

    /// The capture has ended at `clock`: moves all that was observed into `into`, in order.
    pub fn close(&mut self, clock: Timestamp, into: &mut Vec<Observation>) {
        self.handshakes.close();
        self.listeners.close(clock, &mut self.observations);
        self.take(Timestamp::MAX, into);
        into.append(&mut self.observations);
    }

    /// What it had no room for.
    pub fn counts(&self) -> ObserverCounts {
        ObserverCounts { handshakes: self.handshakes.counts(), listeners_evicted: self.listeners.evicted() }
    }

    /// Takes in an answer of DNS.
    fn names(&mut self, message: &[u8], clock: Timestamp) {
        let (told, mut heard) = (&mut self.names, None::<Box<NameHeard>>);
        names::answers(message, |address, name| {
            if told.note(address, name) {
                return;
            }
            let new = || Box::new(NameHeard { time: clock, addresses: SmallVec::new(), name: name.into() });
            heard.get_or_insert_with(new).addresses.push(address);
        });
        self.observations.extend(heard.map(Observation::Name));
    }

    #[inline]
    fn take_seconds(&mut self) {
        while let Some(second) = self.handshakes.take() {
            self.observations.push(Observation::Handshakes(Box::new(second)));
        }
    }

    fn take(&mut self, before: Timestamp, into: &mut Vec<Observation>) {
        self.take_seconds();
        if self.observations.is_empty() {
            return;
        }
        // Stable: what one packet showed of a flow stays in its order.
        self.observations.sort_by_key(Observation::order);
        let ready = self.observations.partition_point(|observation| observation.time() < before);
        into.extend(self.observations.drain(..ready));
    }
}

/// RFC 1035, 4.2.1.
const DNS_PORT: u16 = 53;
const UDP: u8 = 17;

#[cfg(test)]
mod tests;
