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
use detect::stratum::encrypted::{Facts, GivenUp, Session, interest, judge};
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
    stage: String,
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

fn describe(facts: &Facts) -> String {
    let rhythm = |rhythm: &detect::stratum::encrypted::Rhythm| {
        format!(
            "{:?} medians {:?} alike {:.2} {:.2} {:.2} irregular {:.2}",
            rhythm.counts(),
            rhythm.medians(),
            rhythm.requests_alike(),
            rhythm.answers_alike(),
            rhythm.pushes_alike(),
            rhythm.irregularity()
        )
    };
    format!(
        "{:.0} s {} records {:?}\n      {}\n      {:?}",
        facts.seconds(),
        facts.records,
        facts.given_up,
        rhythm(&facts.initiator_mines),
        facts.responder_mines.as_deref().map(rhythm)
    )
}

#[test]
fn nothing_but_mining_is_suspected() {
    let corpus = shared().join("corpus");
    let Some(labels) = labels(&corpus) else { return };
    let mut faults = Vec::new();
    let (mut connections, mut long, mut tls, mut long_tls) = (0, 0, 0, 0);
    let mut given_up = BTreeMap::<String, u32>::new();
    for label in &labels {
        let ambiguous = label.ambiguous.as_ref().is_some_and(|ambiguous| ambiguous.get("mining").is_some());
        for seen in look(&corpus.join(&label.file)) {
            let of = |mining: &&Mining| seen.has_end(&format!("{}:{}", mining.server, mining.server_port));
            let mining = label.positives.mining.iter().find(of);
            connections += 1;
            long += u32::from(seen.inside.0.seconds() >= 300.0);
            if seen.is_tls {
                tls += 1;
                long_tls += u32::from(seen.real.0.seconds() >= 300.0);
                *given_up.entry(format!("{:?}", seen.real.0.given_up)).or_default() += 1;
            }
            let is_excused = mining.is_some() || ambiguous;
            for (how, (facts, verdict)) in [("real", &seen.real), ("inside", &seen.inside)] {
                if how == "real" && !seen.is_tls {
                    continue;
                }
                if verdict.is_some() && !is_excused {
                    faults.push(format!("{} {:?} {how}: {verdict:?}", label.file, seen.ends));
                }
                if verdict.is_some()
                    || (facts.seconds() >= 120.0 && facts.records > 20)
                    || (mining.is_some() && facts.seconds() >= 60.0)
                    || (ambiguous && how == "real")
                {
                    println!(
                        "{} {how} {} {:?} {:?}\n      {}",
                        if verdict.is_some() { "MINING" } else { "------" },
                        label.file,
                        seen.ends,
                        mining.map(|mining| (&mining.dialect, &mining.stage)),
                        describe(facts)
                    );
                }
            }
        }
    }
    println!("{connections} connections, {long} long; {tls} of TLS, {long_tls} of them long; {given_up:?}");
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}
