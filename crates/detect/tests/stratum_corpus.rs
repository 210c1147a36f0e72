//! Sessions of mining in captures that others made, and none in the rest.
//!
//! The captures and their labels are no part of the project. They lie beside the checkout, or where `FLOWCANARY_SHARED` says.

#![expect(clippy::expect_used, reason = "a test ends where its setting fails")]

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use capture::{Batch, CaptureReader, Fill};
use detect::Kind;
use detect::stratum::judge::{Confidence, Verdict, judge};
use detect::stratum::{Dialect, Facts, Interest, Session, interest};
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
    client: String,
    client_port: u16,
    server: String,
    server_port: u16,
    dialect: String,
    stage: String,
    #[serde(default)]
    encrypted: bool,
}

/// A connection as the probe would follow it.
struct Connection {
    initiator: Side,
    session: Session,
    directions: [Direction; 2],
    is_worth_it: bool,
}

impl Connection {
    fn new(side: Side, tcp: &Tcp) -> Self {
        let initiator = if tcp.flags.is_syn_ack() { side.opposite() } else { side };
        Self {
            initiator,
            session: Session::new(!tcp.flags.contains(TcpFlags::SYN)),
            directions: [Direction::new(), Direction::new()],
            is_worth_it: false,
        }
    }

    fn take(&mut self, side: Side, packet: &Packet<'_>, tcp: &Tcp) {
        if !packet.payload.is_empty() {
            self.is_worth_it |= interest(packet.payload) != Interest::No;
        }
        let from_initiator = side == self.initiator;
        let [low, high] = &mut self.directions;
        let (sender, receiver) = if side == Side::Low { (low, high) } else { (high, low) };
        let (session, time) = (&mut self.session, packet.timestamp);
        if tcp.flags.contains(TcpFlags::ACK) {
            receiver.acknowledged(tcp.acknowledgment, |chunk| feed(session, !from_initiator, time, chunk));
        }
        sender.segment(tcp.sequence, tcp.flags, packet.payload, |chunk| {
            feed(session, from_initiator, time, chunk);
        });
    }

    fn end(mut self, time: Timestamp) -> Self {
        for (number, direction) in self.directions.iter_mut().enumerate() {
            let from_initiator = (number == 0) == (self.initiator == Side::Low);
            let session = &mut self.session;
            direction.finish(|chunk| feed(session, from_initiator, time, chunk));
        }
        self.session.end();
        self
    }
}

fn feed(session: &mut Session, from_initiator: bool, time: Timestamp, chunk: Chunk<'_>) {
    match chunk {
        Chunk::Octets(octets) => session.octets(from_initiator, time, octets),
        Chunk::Gap(_) => session.gap(from_initiator),
    }
}

/// A connection that has ended: its ends as text, miner or initiator first, and what was heard.
struct Heard {
    client: String,
    server: String,
    facts: Facts,
    verdict: Option<Verdict>,
    is_worth_it: bool,
}

fn listen(path: &Path) -> Vec<Heard> {
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
            let is_again = tcp.flags.is_syn()
                && open
                    .get(&key)
                    .is_some_and(|connection| connection.directions.iter().any(Direction::is_complete));
            if is_again {
                ended.extend(open.remove(&key).map(|connection| heard(&key, connection, last)));
            }
            open.entry(key).or_insert_with(|| Connection::new(side, &tcp)).take(side, &packet, &tcp);
        }
    }
    ended.extend(open.into_iter().map(|(key, connection)| heard(&key, connection, last)));
    ended
}

fn heard(key: &FlowKey, connection: Connection, time: Timestamp) -> Heard {
    let connection = connection.end(time);
    let facts = connection.session.facts().clone();
    let miner = match facts.miner_is_initiator {
        Some(false) => connection.initiator.opposite(),
        _ => connection.initiator,
    };
    Heard {
        client: key.endpoint(miner).to_string(),
        server: key.endpoint(miner.opposite()).to_string(),
        verdict: judge(&facts),
        facts,
        is_worth_it: connection.is_worth_it,
    }
}

/// The labels' words for dialects.
fn is_named(dialect: Option<Dialect>, label: &str) -> bool {
    let names: &[Dialect] = match label {
        // The label is about the words; jobs of Ethereum in these words have a name of their own here.
        "btc_stratum_v1" => &[Dialect::Bitcoin, Dialect::EthashStratum],
        "equihash_stratum" => &[Dialect::Equihash],
        "xmr_login" => &[Dialect::CryptoNote],
        "eth_proxy_stratum" => &[Dialect::EthProxy],
        "eth_getwork_http" => &[Dialect::EthereumGetwork],
        "btc_getwork_http" => &[Dialect::Getwork],
        "btc_getblocktemplate_http" => &[Dialect::BlockTemplate],
        "coinhive_websocket" => &[Dialect::Coinhive],
        _ => &[],
    };
    dialect.is_some_and(|dialect| names.contains(&dialect))
}

fn shared() -> PathBuf {
    std::env::var_os("FLOWCANARY_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), PathBuf::from)
}

#[derive(Default)]
struct Row {
    labelled: u32,
    recognised: u32,
    right_stage: u32,
}

#[test]
fn labelled_sessions_are_recognised_and_nothing_else() {
    let corpus = shared().join("corpus");
    let Ok(labels) = std::fs::read(corpus.join("labels.json")) else {
        assert!(std::env::var_os("CI").is_none(), "no labelled captures at {}", corpus.display());
        eprintln!(
            "NOT TESTED: there are no labelled captures at {}; set FLOWCANARY_SHARED",
            corpus.display()
        );
        return;
    };
    let labels: Vec<Label> = serde_json::from_slice(&labels).expect("the labels are of their form");
    let (mut faults, mut table) = (Vec::new(), BTreeMap::<(String, String), Row>::new());
    for label in &labels {
        let heard = listen(&corpus.join(&label.file));
        for mining in &label.positives.mining {
            if let Some(fault) = check(mining, &heard, &mut table) {
                faults.push(format!("{}: {fault}", label.file));
            }
        }
        faults.extend(false_alarms(label, &heard).map(|fault| format!("{}: {fault}", label.file)));
    }
    println!("{:28}{:12}{:>9}{:>12}{:>13}", "dialect", "stage", "labelled", "recognised", "same stage");
    for ((dialect, stage), row) in table {
        println!("{dialect:28}{stage:12}{:9}{:12}{:13}", row.labelled, row.recognised, row.right_stage);
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

/// What was written into the project's own capture, see `pcaps/cryptojacking.md`.
#[test]
fn the_miner_of_the_projects_own_capture_is_known_to_the_last_share() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../pcaps/cryptojacking.pcap");
    let heard = listen(&path);
    let mining: Vec<&Heard> = heard.iter().filter(|heard| heard.verdict.is_some()).collect();
    let [miner] = mining.as_slice() else { panic!("{} verdicts", mining.len()) };
    let facts = &miner.facts;
    assert!(miner.client.starts_with("192.0.2.10:") && miner.server == "198.51.100.99:3333");
    assert_eq!((facts.jobs, facts.shares.accepted, facts.shares.rejected), (48, 79, 4));
    assert_eq!(facts.shares.submitted, 83);
    assert!(facts.wallet.as_deref().is_some_and(|wallet| wallet.starts_with("42Qe") && wallet.len() == 95));
    let verdict = miner.verdict.as_ref().expect("it was filtered by having one");
    assert_eq!(verdict.confidence, Confidence::High);
    let rate = verdict.impact.expect("shares tell").hashes_per_second;
    assert!((rate.likely - 1_902.0).abs() < 10.0 && rate.low < 1_900.0 && rate.high > 1_900.0, "{rate:?}");
}

fn check(mining: &Mining, heard: &[Heard], table: &mut BTreeMap<(String, String), Row>) -> Option<String> {
    let client = format!("{}:{}", mining.client, mining.client_port);
    let server = format!("{}:{}", mining.server, mining.server_port);
    let found: Vec<&Heard> =
        heard.iter().filter(|heard| heard.client == client && heard.server == server).collect();
    let right =
        found.iter().find(|heard| is_named(heard.facts.dialect, &mining.dialect) && heard.is_worth_it);
    let row = table.entry((mining.dialect.clone(), mining.stage.clone())).or_default();
    row.labelled += 1;
    let stage = right.and_then(|heard| heard.facts.stage()).map(|stage| format!("{stage:?}").to_lowercase());
    row.right_stage += u32::from(stage.as_deref() == Some(&mining.stage));
    if std::env::var_os("FLOWCANARY_VERBOSE").is_some() && stage.as_deref() != Some(&mining.stage) {
        println!("{client} to {server}: {} {} is {stage:?}", mining.dialect, mining.stage);
    }
    let is_judged = right.is_some_and(|heard| heard.verdict.is_some());
    row.recognised += u32::from(is_judged);
    let must = matches!(mining.stage.as_str(), "session" | "handshake") && !mining.encrypted;
    (must && !is_judged).then(|| {
        let facts: Vec<_> = found.iter().map(|heard| (heard.facts.dialect, heard.facts.stage())).collect();
        format!("{client} to {server}: {} {} is missed: {facts:?}", mining.dialect, mining.stage)
    })
}

fn false_alarms<'a>(label: &'a Label, heard: &'a [Heard]) -> impl Iterator<Item = String> + 'a {
    let ambiguous = label.ambiguous.as_ref().map(ToString::to_string).unwrap_or_default();
    heard.iter().filter_map(move |heard| {
        let verdict = heard.verdict.as_ref()?;
        let is_labelled = label
            .positives
            .mining
            .iter()
            .any(|mining| heard.server == format!("{}:{}", mining.server, mining.server_port));
        let is_alarm = verdict.kind == Kind::Mining && verdict.confidence >= Confidence::Medium;
        let host = heard.server.rsplit_once(':').map_or("", |(host, _)| host);
        let is_excused = is_labelled || (ambiguous.contains("mining") && ambiguous.contains(host));
        if std::env::var_os("FLOWCANARY_VERBOSE").is_some() && !is_labelled {
            println!(
                "{}: {} {} {:?} {:?}",
                label.file, heard.client, heard.server, verdict.kind, verdict.confidence
            );
        }
        (is_alarm && !is_excused).then(|| format!("{} to {}: false: {verdict:?}", heard.client, heard.server))
    })
}
