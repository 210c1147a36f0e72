use application::Recognized;
use flow::{Biflow, Endpoint, FlowId, Side};
use wire::{Packet, Tcp, TcpFlags, Timestamp};

use crate::{
    Kind, Observation, rdp,
    stratum::{
        self, Heard, encrypted,
        judge::{Confidence, Grade},
    },
    stream::{Chunk, Direction},
};

/// A connection that is listened to.
#[derive(Debug)]
pub(super) struct Listener {
    flow: FlowId,
    initiator: Side,
    /// The initiator's address and port, and the responder's.
    ends: [Endpoint; 2],
    /// Of the initiator, and of the responder.
    streams: [Direction; 2],
    ears: Ears,
    told: Told,
    /// What it turned out to be.
    recognized: Option<Recognized>,
    /// The clock at its latest segment.
    last: Timestamp,
}

/// Those who listen.
#[derive(Debug)]
struct Ears {
    mining: Option<Box<stratum::Session>>,
    encrypted: Option<Box<encrypted::Session>>,
    desktop: Option<Box<rdp::Connection>>,
}

/// What of the mining was told to the judge.
#[derive(Debug, Default)]
struct Told {
    grade: Option<Grade>,
    /// Statements, or records of TLS.
    heard: u32,
    is_suspected: bool,
    at: Timestamp,
}

/// What the first octets of a connection may be about.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Interest {
    pub(super) mining: bool,
    pub(super) encrypted: bool,
    pub(super) desktop: bool,
}

impl Interest {
    pub(super) fn of(from_initiator: bool, octets: &[u8], is_midstream: bool) -> Self {
        let mining = match stratum::interest(octets) {
            stratum::Interest::Maybe => true,
            stratum::Interest::Sizes => !is_midstream,
            stratum::Interest::No => false,
        };
        Self {
            mining,
            encrypted: encrypted::interest(octets) && !encrypted::is_ruled_out(octets),
            desktop: rdp::interest(from_initiator, octets) != rdp::Interest::None,
        }
    }

    pub(super) const fn is_any(self) -> bool {
        self.mining || self.encrypted || self.desktop
    }
}

impl Listener {
    /// A listener to a flow of which nothing was heard. If its beginning was not seen, it is `is_midstream`.
    pub(super) fn new(id: FlowId, flow: &Biflow, interest: Interest, is_midstream: bool) -> Self {
        let (key, initiator) = (flow.key(), flow.initiator());
        let mut streams = [Direction::new(), Direction::new()];
        if let ([stream, _], Some(sequence), false) = (&mut streams, flow.syn_sequence(), is_midstream) {
            // So that segments out of order find their place from the beginning.
            stream.segment(sequence, TcpFlags::SYN, &[], |_| {});
        }
        let mining = interest.mining.then(|| {
            let mut session = stratum::Session::new(is_midstream);
            if flow.syn_sequence().is_some() {
                session.saw_opening();
            }
            Box::new(session)
        });
        Self {
            flow: id,
            initiator,
            ends: [key.endpoint(initiator), key.endpoint(initiator.opposite())],
            streams,
            ears: Ears {
                mining,
                encrypted: interest.encrypted.then(|| Box::new(encrypted::Session::new(is_midstream))),
                desktop: interest.desktop.then(|| Box::new(rdp::Connection::new())),
            },
            told: Told::default(),
            recognized: None,
            last: Timestamp::ZERO,
        }
    }

    /// Takes in a segment of `sender`.
    pub(super) fn segment(
        &mut self,
        packet: &Packet<'_>,
        tcp: &Tcp,
        sender: Side,
        clock: Timestamp,
        observations: &mut Vec<Observation>,
    ) {
        self.last = clock;
        let from_initiator = sender == self.initiator;
        if let Some(session) = &mut self.ears.mining {
            session.captured(from_initiator);
        }
        let Self { streams: [initiator, responder], ears, .. } = self;
        let (own, other) =
            if from_initiator { (&mut *initiator, responder) } else { (responder, &mut *initiator) };
        if tcp.flags.contains(TcpFlags::ACK) {
            other.acknowledged(tcp.acknowledgment, |chunk| ears.hear(!from_initiator, clock, chunk));
        }
        own.segment(tcp.sequence, tcp.flags, packet.payload, |chunk| ears.hear(from_initiator, clock, chunk));
        let is_reset = tcp.flags.contains(TcpFlags::RST);
        if is_reset {
            own.finish(|chunk| ears.hear(from_initiator, clock, chunk));
            other.finish(|chunk| ears.hear(!from_initiator, clock, chunk));
        }
        let closes = is_reset || tcp.flags.contains(TcpFlags::FIN) || own.is_complete();
        if closes && (is_reset || own.is_complete()) {
            ears.closed(from_initiator, clock, is_reset);
        }
        let is_over = is_reset || own.is_complete() && other.is_complete();
        self.tell(clock, is_over, observations);
    }

    /// Nothing more will come: it was quiet for too long, or the capture ends, or its ports are used for another connection.
    pub(super) fn end(&mut self, time: Timestamp, observations: &mut Vec<Observation>) {
        let Self { streams: [initiator, responder], ears, .. } = self;
        initiator.finish(|chunk| ears.hear(true, time, chunk));
        responder.finish(|chunk| ears.hear(false, time, chunk));
        if let Some(desktop) = &mut ears.desktop {
            desktop.ended(time);
        }
        self.tell(time, true, observations);
    }

    /// What it is, once that is known.
    pub(super) const fn recognized(&self) -> Option<Recognized> {
        self.recognized
    }

    /// Does nobody listen any more?
    pub(super) const fn is_done(&self) -> bool {
        self.ears.mining.is_none() && self.ears.encrypted.is_none() && self.ears.desktop.is_none()
    }

    /// When it is given up if nothing comes.
    pub(super) const fn deadline(&self) -> Timestamp {
        let patience = if self.is_told_of() { MINING_PATIENCE_NANOS } else { PATIENCE_NANOS };
        self.last.saturating_add_nanos(patience)
    }

    /// How much would be lost with it, from the least.
    pub(super) const fn weight(&self) -> (bool, Timestamp) {
        (self.is_told_of(), self.last)
    }

    /// Was it told of as mining, or as what may be?
    const fn is_told_of(&self) -> bool {
        self.told.grade.is_some() || self.told.is_suspected
    }

    fn tell(&mut self, time: Timestamp, is_over: bool, observations: &mut Vec<Observation>) {
        self.tell_desktop(time, observations);
        self.tell_mining(time, is_over, observations);
        self.tell_encrypted(time, is_over, observations);
    }

    fn tell_desktop(&mut self, time: Timestamp, observations: &mut Vec<Observation>) {
        let Some(connection) = &mut self.ears.desktop else { return };
        if connection.recognition() == rdp::Recognition::Rdp {
            self.recognized = Some(Recognized::Rdp);
        }
        let [client, server] = self.ends;
        while let Some(fact) = connection.next_fact() {
            let observation = rdp::Observation::new(time, self.flow, client, server, fact, connection);
            observations.push(Observation::RemoteDesktop(Box::new(observation)));
        }
        if connection.logon().is_some() || connection.recognition() == rdp::Recognition::Other {
            self.ears.desktop = None;
        }
    }

    /// Tells of mining when more is known than before: at once if that makes another opinion, else now and then.
    fn tell_mining(&mut self, time: Timestamp, is_over: bool, observations: &mut Vec<Observation>) {
        let Some(session) = &mut self.ears.mining else { return };
        if is_over {
            session.end();
        }
        let (facts, is_of_no_interest) = (session.facts(), session.is_of_no_interest());
        let has_more = facts.statements != self.told.heard;
        let grade = if has_more || facts.noise.is_some() || is_over {
            stratum::judge::grade(facts)
        } else {
            self.told.grade
        };
        if grade.is_some_and(|grade| grade.kind == Kind::Mining && grade.confidence > Confidence::Low) {
            self.recognized = Some(Recognized::Stratum);
        }
        let is_due = has_more && time.nanos_since(self.told.at) >= TELLING_NANOS;
        // What is asked is mostly answered at once, and says more then.
        let begun = facts.first.unwrap_or(self.last);
        let is_settled = grade.is_some_and(|grade| grade.confidence > Confidence::Low)
            || time.nanos_since(begun) >= SETTLING_NANOS
            || is_over;
        if is_settled && grade.is_some() && (grade != self.told.grade || is_due || is_over) {
            self.told = Told { grade, heard: facts.statements, is_suspected: false, at: time };
            let heard = Heard::Words(facts.clone());
            observations.push(self.mining(time, heard, is_over));
        }
        if is_over || is_of_no_interest {
            self.ears.mining = None;
        }
    }
}

impl Listener {
    /// Tells of what may be mining inside TLS, now and then: only the judge knows the names of pools' addresses.
    fn tell_encrypted(&mut self, time: Timestamp, is_over: bool, observations: &mut Vec<Observation>) {
        let Some(session) = &mut self.ears.encrypted else { return };
        if is_over {
            session.end(time);
        }
        let facts = session.facts();
        let is_due = facts.records != self.told.heard && time.nanos_since(self.told.at) >= TELLING_NANOS;
        let is_of_no_interest = session.is_of_no_interest();
        if is_due || is_over {
            let heard = encrypted::is_possible(facts).then(|| Heard::Rhythm(facts.clone()));
            let is_suspected = self.told.is_suspected || heard.is_some();
            self.told = Told { grade: None, heard: facts.records, is_suspected, at: time };
            observations.extend(heard.map(|heard| self.mining(time, heard, is_over)));
        }
        if is_over || is_of_no_interest {
            self.ears.encrypted = None;
        }
    }

    fn mining(&self, time: Timestamp, heard: Heard, is_over: bool) -> Observation {
        let [initiator, responder] = self.ends;
        let flow = self.flow;
        Observation::Mining(Box::new(stratum::Observation {
            time,
            flow,
            initiator,
            responder,
            heard,
            is_over,
        }))
    }
}

impl Ears {
    fn hear(&mut self, from_initiator: bool, time: Timestamp, chunk: Chunk<'_>) {
        if let Some(session) = &mut self.mining {
            match chunk {
                Chunk::Octets(octets) => session.octets(from_initiator, time, octets),
                Chunk::Gap(_) => session.gap(from_initiator),
            }
        }
        if let Some(session) = &mut self.encrypted {
            match chunk {
                Chunk::Octets(octets) => session.octets(from_initiator, time, octets),
                Chunk::Gap(missing) => session.gap(from_initiator, missing),
            }
        }
        if let Some(connection) = &mut self.desktop {
            match chunk {
                Chunk::Octets(octets) => connection.octets(from_initiator, time, octets),
                Chunk::Gap(missing) => connection.gap(from_initiator, missing.into()),
            }
        }
    }

    fn closed(&mut self, from_initiator: bool, time: Timestamp, reset: bool) {
        if let Some(connection) = &mut self.desktop {
            connection.closed(from_initiator, time, reset);
        }
    }
}

/// What goes on is told again after a minute.
const TELLING_NANOS: u64 = 60_000_000_000;
/// An answer that takes longer is none.
const SETTLING_NANOS: u64 = 5_000_000_000;
/// Five minutes: most keep-alives come sooner.
const PATIENCE_NANOS: u64 = 300_000_000_000;
/// An hour: blocks of some currencies are far apart.
const MINING_PATIENCE_NANOS: u64 = 3_600_000_000_000;
