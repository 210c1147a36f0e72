use wire::Timestamp;

use super::carrier::{Carrier, Context, Path};
use super::dialogue::Dialogue;
use super::facts::{Dialect, Facts};
use super::flights::Flights;

/// One TCP connection, listened to for mining.
///
/// It is fed the octets of both ends, each in order, in the order in which they were captured, and keeps [`Facts`]. How the octets
/// are cut makes no difference. One end alone is enough, and the connection may have begun before the capture.
#[derive(Debug)]
pub struct Session {
    dialogue: Dialogue,
    initiator: End,
    responder: End,
    path: Path,
    flights: Flights,
    /// When octets came last.
    latest: Timestamp,
}

#[derive(Debug)]
struct End {
    carrier: Carrier,
    /// It has sent octets, beyond what a proxy said.
    spoke: bool,
    /// It has sent segments.
    is_captured: bool,
}

impl Session {
    /// A connection of which nothing has been heard. If its beginning was not seen, what cannot be read is taken for the rest of
    /// a message.
    pub fn new(is_midstream: bool) -> Self {
        let end = || End { carrier: Carrier::new(), spoke: false, is_captured: false };
        Self {
            dialogue: Dialogue::new(Facts { is_from_beginning: !is_midstream, ..Facts::default() }),
            initiator: end(),
            responder: end(),
            path: Path { is_midstream, ..Path::default() },
            flights: Flights::default(),
            latest: Timestamp::ZERO,
        }
    }

    /// Takes note that the connection was seen being opened, though what was said first was not heard, or was about something else.
    pub fn saw_opening(&mut self) {
        self.dialogue.facts.is_from_beginning = true;
    }

    /// Takes note that segments of an end were captured, even if they hold nothing. An end that is there and keeps silent says
    /// something; one whose way was not captured does not.
    pub fn captured(&mut self, from_initiator: bool) {
        let end = if from_initiator { &mut self.initiator } else { &mut self.responder };
        end.is_captured = true;
        self.dialogue.facts.both_ends_captured = self.initiator.is_captured && self.responder.is_captured;
    }

    /// Takes the next octets of an end, which were captured at `time`.
    pub fn octets(&mut self, from_initiator: bool, time: Timestamp, octets: &[u8]) {
        if octets.is_empty() {
            return;
        }
        self.captured(from_initiator);
        self.latest = time;
        if !self.path.is_midstream {
            self.flights.octets(from_initiator, octets, &mut self.dialogue.facts.noise);
        }
        let end = if from_initiator { &mut self.initiator } else { &mut self.responder };
        let (dialogue, path) = (&mut self.dialogue, &mut self.path);
        let mut context = Context { dialogue, from_initiator, time, path, spoke: true };
        end.carrier.octets(octets, &mut context);
        end.spoke = context.spoke;
        if self.dialogue.facts.statements == 0 && self.flights.is_rlpx() {
            self.dialogue.meets_node(Dialect::EthereumPeer, time);
        }
        let pool = if self.dialogue.facts.miner_is_initiator == Some(false) {
            &self.initiator
        } else {
            &self.responder
        };
        self.dialogue.facts.pool_spoke = pool.spoke;
    }

    /// Takes note that octets of an end are missing.
    pub fn gap(&mut self, from_initiator: bool) {
        let end = if from_initiator { &mut self.initiator } else { &mut self.responder };
        let (dialogue, path, time) = (&mut self.dialogue, &mut self.path, self.latest);
        end.carrier.gap(&mut Context { dialogue, from_initiator, time, path, spoke: end.spoke });
    }

    /// Takes note that the connection has ended.
    pub fn end(&mut self) {
        self.flights.close(&mut self.dialogue.facts.noise);
    }

    /// What has been heard so far.
    pub fn facts(&self) -> &Facts {
        &self.dialogue.facts
    }

    /// Can it be let go, since nothing was heard of mining, and nothing will be?
    pub fn is_of_no_interest(&self) -> bool {
        let facts = &self.dialogue.facts;
        let is_silent = facts.statements == 0 && facts.noise.is_none();
        let ends_tell = self.initiator.carrier.is_opaque()
            && (self.responder.carrier.is_opaque() || !self.responder.spoke);
        let is_noise_possible = !self.path.is_midstream && self.flights.is_possible(facts.noise);
        is_silent && !is_noise_possible && (self.dialogue.is_foreign() || ends_tell)
    }
}
