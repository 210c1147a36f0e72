//! Mining inside TLS in captures that others made, and none in the rest.
//!
//! Few captures hold mining inside TLS, and few hold long TLS of any kind. So all that other connections say is also put into
//! records of TLS and judged: what miners say in the clear should be suspected then, and what others say should not.
//!
//! The captures and their labels are no part of the project. They lie beside the checkout, or where `FLOWCANARY_SHARED` says.

#![expect(clippy::expect_used, reason = "a test ends where its setting fails")]

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use capture::{Batch, CaptureReader, Fill};
use detect::stratum::encrypted::{Facts, Session, interest, judge};
use detect::stratum::judge::Verdict;
use detect::stream::{Chunk, Direction};
use flow::{FlowKey, Side};
use serde::Deserialize;
use wire::{Packet, Tcp, TcpFlags, Timestamp, Transport};

#[derive(Deserialize)]
struct Label {
    file: String,
    positives: Positives,
    #[serde(default)]
    ambiguous: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Positives {
    mining: Vec<Mining>,
}

#[derive(Deserialize)]
struct Mining {
    server: String,
    server_port: u16,
    dialect: String,
}

/// A connection as it is, and as it would look inside TLS.
struct Connection {
    initiator: Side,
    directions: [Direction; 2],
    real: Session,
    inside: Session,
    is_tls: bool,
}

impl Connection {
    fn new(side: Side, tcp: &Tcp) -> Self {
        Self {
            initiator: if tcp.flags.is_syn_ack() { side.opposite() } else { side },
            directions: [Direction::new(), Direction::new()],
            real: Session::new(!tcp.flags.contains(TcpFlags::SYN)),
            inside: Session::new(true),
            is_tls: false,
        }
    }

    fn take(&mut self, side: Side, packet: &Packet<'_>, tcp: &Tcp) {
        self.is_tls |= interest(packet.payload);
        let from_initiator = side == self.initiator;
        let [low, high] = &mut self.directions;
        let (sender, receiver) = if side == Side::Low { (low, high) } else { (high, low) };
        let (real, inside, time) = (&mut self.real, &mut self.inside, packet.timestamp);
        if tcp.flags.contains(TcpFlags::ACK) {
            receiver
                .acknowledged(tcp.acknowledgment, |chunk| feed(real, inside, !from_initiator, time, chunk));
        }
        sender.segment(tcp.sequence, tcp.flags, packet.payload, |chunk| {
            feed(real, inside, from_initiator, time, chunk);
        });
    }

    fn end(mut self, time: Timestamp) -> Self {
        let (real, inside) = (&mut self.real, &mut self.inside);
        for (number, direction) in self.directions.iter_mut().enumerate() {
            let from_initiator = (number == 0) == (self.initiator == Side::Low);
            direction.finish(|chunk| feed(real, inside, from_initiator, time, chunk));
        }
        self.real.end(time);
        self.inside.end(time);
        self
    }
}

/// To one session as it is, to the other as records, one for each segment.
fn feed(real: &mut Session, inside: &mut Session, from_initiator: bool, time: Timestamp, chunk: Chunk<'_>) {
    match chunk {
        Chunk::Octets(octets) => {
            real.octets(from_initiator, time, octets);
            for content in octets.chunks(1 << 14) {
                let length = u16::try_from(content.len() + 17).expect("a record is short");
                let header = [[23, 3, 3].as_slice(), &length.to_be_bytes()].concat();
                inside.octets(from_initiator, time, &header);
                inside.octets(from_initiator, time, content);
                inside.octets(from_initiator, time, &[0; 17]);
            }
        }
        Chunk::Gap(missing) => {
            real.gap(from_initiator, missing);
            inside.gap(from_initiator, missing);
        }
    }
}

/// A connection that has ended.
struct Seen {
    ends: [String; 2],
    is_tls: bool,
    real: (Facts, Option<Verdict>),
    inside: (Facts, Option<Verdict>),
}

impl Seen {
    fn of(key: &FlowKey, connection: Connection, time: Timestamp) -> Self {
        let connection = connection.end(time);
        let judged = |session: &Session| (session.facts().clone(), judge(session.facts()));
        let initiator = connection.initiator;
        Self {
            ends: [initiator, initiator.opposite()].map(|side| key.endpoint(side).to_string()),
            is_tls: connection.is_tls,
            real: judged(&connection.real),
            inside: judged(&connection.inside),
        }
    }

    fn has_end(&self, end: &str) -> bool {
        self.ends.iter().any(|known| known == end)
    }
}

fn look(path: &Path) -> Vec<Seen> {
    let mut reader =
        CaptureReader::from_stream("capture", File::open(path).expect("the capture is readable"));
    let Ok(reader) = &mut reader else { return Vec::new() };
    let (mut batch, mut open, mut ended) = (Batch::new(), BTreeMap::<FlowKey, Connection>::new(), Vec::new());
    let mut last = Timestamp::ZERO;
    // Damage ends a capture; what came before it counts.
    while let Ok(Fill::Frames) = reader.fill(&mut batch) {
        for frame in batch.frames() {
            let Ok(packet) = wire::decode(&frame) else { continue };
            let Transport::Tcp(tcp) = packet.transport else { continue };
            last = packet.timestamp;
            let (key, side) = FlowKey::of(&packet);
            let is_complete = |open: &Connection| open.directions.iter().any(Direction::is_complete);
            if tcp.flags.is_syn() && open.get(&key).is_some_and(is_complete) {
                ended.extend(open.remove(&key).map(|connection| Seen::of(&key, connection, last)));
            }
            open.entry(key).or_insert_with(|| Connection::new(side, &tcp)).take(side, &packet, &tcp);
        }
    }
    ended.extend(open.into_iter().map(|(key, connection)| Seen::of(&key, connection, last)));
    ended
}

fn shared() -> PathBuf {
    std::env::var_os("FLOWCANARY_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), PathBuf::from)
}

fn labels(corpus: &Path) -> Option<Vec<Label>> {
    let Ok(labels) = std::fs::read(corpus.join("labels.json")) else {
        assert!(std::env::var_os("CI").is_none(), "no labelled captures at {}", corpus.display());
        eprintln!(
            "NOT TESTED: there are no labelled captures at {}; set FLOWCANARY_SHARED",
            corpus.display()
        );
        return None;
    };
    Some(serde_json::from_slice(&labels).expect("the labels are of their form"))
}

/// What was seen of the corpus, for the reader of the test's output.
#[derive(Debug, Default)]
struct Tally {
    connections: u32,
    of_five_minutes: u32,
    tls: u32,
    tls_of_five_minutes: u32,
    let_go: BTreeMap<String, u32>,
}

impl Tally {
    fn add(&mut self, seen: &Seen) {
        self.connections += 1;
        self.of_five_minutes += u32::from(seen.inside.0.seconds() >= 300.0);
        if seen.is_tls {
            self.tls += 1;
            self.tls_of_five_minutes += u32::from(seen.real.0.seconds() >= 300.0);
            let why = seen.real.0.given_up.map_or_else(|| "not".into(), |why| format!("{why:?}"));
            *self.let_go.entry(why).or_default() += 1;
        }
    }
}

#[test]
fn miners_are_suspected_and_nothing_else() {
    let corpus = shared().join("corpus");
    let Some(labels) = labels(&corpus) else { return };
    let (mut faults, mut tally, mut miners) = (Vec::new(), Tally::default(), 0);
    for label in &labels {
        let is_ambiguous =
            label.ambiguous.as_ref().is_some_and(|ambiguous| ambiguous.get("mining").is_some());
        for seen in look(&corpus.join(&label.file)) {
            let is_server =
                |mining: &&Mining| seen.has_end(&format!("{}:{}", mining.server, mining.server_port));
            let mining = label.positives.mining.iter().find(is_server);
            tally.add(&seen);
            for (how, (facts, verdict)) in [("as it is", &seen.real), ("inside TLS", &seen.inside)] {
                if let Some(verdict) = verdict {
                    println!("{} {:?} {how}: {verdict:?}", label.file, seen.ends);
                    if mining.is_none() && !is_ambiguous {
                        faults.push(format!("{} {:?} {how}: false: {verdict:?}", label.file, seen.ends));
                    }
                }
                let is_told = std::env::var_os("FLOWCANARY_VERBOSE").is_some();
                if is_told && (facts.seconds() >= 120.0 || is_ambiguous || mining.is_some()) {
                    println!("{} {:?} {how}: {facts:#?}", label.file, seen.ends);
                }
            }
            let counts = seen.inside.0.initiator_mines.counts();
            let is_enough = seen.inside.0.seconds() >= 300.0 && counts.answered >= 8 && counts.pushes >= 4;
            if mining.is_some_and(|mining| mining.dialect == "xmr_login") && is_enough {
                miners += 1;
                if seen.inside.1.is_none() {
                    faults.push(format!("{} {:?}: missed: {:?}", label.file, seen.ends, seen.inside.0));
                }
            }
        }
    }
    println!("{tally:#?}\n{miners} of Monero's miners are long enough");
    assert!(miners > 0 && tally.tls > 0 && tally.of_five_minutes > 0);
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}
