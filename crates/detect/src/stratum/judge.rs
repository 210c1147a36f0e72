//! An opinion on a session's facts.

use super::facts::{Dialect, Facts, Login, Stage};
use super::impact::{Impact, Unit};
use crate::{Evidence, Kind, Severity};

/// What is thought of a connection.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// What it is.
    pub kind: Kind,
    /// How sure that is.
    pub confidence: Confidence,
    /// How much it matters.
    pub severity: Severity,
    /// Why, in the order of weight.
    pub reasons: Vec<&'static str>,
    /// MITRE ATT&CK techniques (v18), by identifier.
    pub techniques: Vec<&'static str>,
    /// What the opinion rests on.
    pub evidence: Vec<Evidence>,
    /// How fast is mined.
    pub impact: Option<Impact>,
}

/// How sure an opinion is.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Confidence {
    /// Rhythm, sizes or an attempt.
    Low,
    /// The two ends agreed to mine, or do, without all of it being seen.
    Medium,
    /// They agreed, work was handed out, and shares of it were handed in.
    High,
}

impl Confidence {
    /// How probable that is, as far as the labelled captures tell.
    pub const fn probability(self) -> f64 {
        match self {
            Self::Low => 0.4,
            Self::Medium => 0.8,
            Self::High => 0.98,
        }
    }
}

/// The essence of an opinion: what a connection is, how sure that is, and why.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Grade {
    /// What it is: [`Kind::Mining`], [`Kind::WorkRequests`] or [`Kind::CryptocurrencyNode`].
    pub kind: Kind,
    /// How sure that is.
    pub confidence: Confidence,
    /// Why.
    pub reason: &'static str,
}

impl Grade {
    const fn new(kind: Kind, confidence: Confidence, reason: &'static str) -> Self {
        Self { kind, confidence, reason }
    }

    /// How much it matters: nodes and questions little, mining as much as it is certain.
    pub fn severity(&self) -> Severity {
        match self.confidence {
            _ if self.kind != Kind::Mining => Severity::Low,
            Confidence::High => Severity::High,
            Confidence::Medium => Severity::Medium,
            Confidence::Low => Severity::Low,
        }
    }
}

/// States an opinion; `None` if the facts hold nothing that other software would not say, too.
pub fn judge(facts: &Facts) -> Option<Verdict> {
    Some(verdict(facts, grade(facts)?))
}

/// The essence of [`judge`], which costs little.
pub fn grade(facts: &Facts) -> Option<Grade> {
    let stage = facts.stage()?;
    if facts.noise.is_some() && facts.statements == 0 {
        let reason = "sizes of the handshake are those of encrypted Stratum V2";
        return Some(Grade::new(Kind::Mining, Confidence::Low, reason));
    }
    let dialect = facts.dialect?;
    if dialect.is_of_nodes() {
        let reason = "nodes of a currency talk; mining does not follow from it";
        let confidence = if dialect == Dialect::EthereumPeer { Confidence::Low } else { Confidence::High };
        return Some(Grade::new(Kind::CryptocurrencyNode, confidence, reason));
    }
    if only_asks(facts, dialect) {
        return asks_only(facts, stage);
    }
    // An echo, or a record of what others said, has both roles at one end.
    let has_words = facts.is_distinctive || facts.is_plausible;
    if !has_words || facts.contradictions > facts.statements / CONTRADICTIONS_PER_STATEMENT {
        return None;
    }
    if let Some(reason) = doubt(facts) {
        return Some(Grade::new(Kind::Mining, Confidence::Low, reason));
    }
    let (confidence, reason) = confidence(facts, stage);
    Some(Grade::new(Kind::Mining, confidence, reason))
}

/// Does it do no more than somebody who looks after a node? Who tells how fast it is, or is a program made for mining, does more.
fn only_asks(facts: &Facts, dialect: Dialect) -> bool {
    let asks = dialect.asks_a_node() || (dialect == Dialect::EthProxy && facts.polls == 1 && facts.jobs <= 1);
    let is_miner = facts.miner_names_itself && facts.jobs > 0;
    asks && facts.shares.submitted == 0
        && facts.login == Login::Unseen
        && facts.reported_hashes_per_second.is_none()
        && !is_miner
}

/// Why what was said, though it belongs to mining, is no alarm.
fn doubt(facts: &Facts) -> Option<&'static str> {
    if !facts.is_distinctive {
        return Some("what was said, other programs may say too");
    }
    if facts.miner_spoke && facts.pool_said {
        return None;
    }
    // A file of what miners and pools said, or a log that is followed, has the words and no one to answer them.
    if facts.both_ends_captured {
        if facts.miner_spoke {
            return Some("a miner's words, and the other end did not answer them");
        }
        let answers = facts.shares.answered() > 0 || facts.login == Login::Accepted;
        if facts.is_from_beginning || answers {
            return Some("a pool's words, for which nobody asked");
        }
    }
    (!lasts(facts)).then_some("only one end's words, too few to be sure that they are not a record of others")
}

fn confidence(facts: &Facts, stage: Stage) -> (Confidence, &'static str) {
    let shares = facts.shares;
    if facts.login == Login::Accepted && facts.jobs > 0 && shares.submitted > 0 {
        return (Confidence::High, "the pool let the miner in, handed out jobs and was handed shares");
    }
    if shares.of_known_jobs > 0 && shares.accepted > 0 {
        return (Confidence::High, "the pool handed out jobs and accepted shares of them");
    }
    if facts.dialect.is_some_and(Dialect::asks_a_node) && facts.jobs > 0 && shares.accepted > 0 {
        return (Confidence::High, "the node gave work and accepted what was made of it");
    }
    match stage {
        Stage::Attempt => (Confidence::Low, "the miner asked and was not answered"),
        Stage::Answered => (Confidence::Low, "the miner asked and was answered, but not let in"),
        Stage::Handshake if facts.authorization == Login::Accepted => {
            (Confidence::Medium, "the pool let the miner in")
        }
        Stage::Handshake if facts.login == Login::Refused => {
            (Confidence::Medium, "the pool let the miner subscribe, and refused the name that it gave")
        }
        Stage::Handshake => (Confidence::Medium, "the pool let the miner subscribe"),
        Stage::Session => (Confidence::Medium, part_of_session(facts)),
    }
}

/// What was seen of a session of which some part is missing.
fn part_of_session(facts: &Facts) -> &'static str {
    let has_shares = facts.shares.submitted > 0 || facts.shares.answered() > 0;
    match (facts.login, facts.jobs > 0, has_shares) {
        (Login::Accepted, true, false) => {
            "the pool let the miner in and handed out jobs; no share of them was seen"
        }
        (Login::Accepted, true, true) => {
            "the pool let the miner in, handed out jobs and answered shares; the miner was not heard to hand them in"
        }
        (Login::Accepted, false, true) => {
            "the pool let the miner in, and shares were handed in; its jobs were not seen"
        }
        (Login::Accepted, false, false) => "the pool let the miner in and said how hard a share is",
        (Login::Refused, ..) => {
            "the pool did not let the miner in, and yet jobs, difficulty or shares went by"
        }
        (_, true, true) => {
            "jobs were handed out, and shares handed in; that the pool let the miner in was not seen"
        }
        (_, false, true) => "shares were handed in; jobs, and that the pool let the miner in, were not seen",
        (_, _, false) => "jobs or difficulty went by; nothing else was seen",
    }
}

/// A record arrives at once; a pool hands out jobs as blocks are found, and miners find shares by luck.
fn lasts(facts: &Facts) -> bool {
    match (facts.first, facts.last) {
        (Some(first), Some(last)) => last.nanos_since(first) >= LEAST_SPAN_NANOS,
        _ => false,
    }
}

fn asks_only(facts: &Facts, stage: Stage) -> Option<Grade> {
    let is_again = facts.polls > 1 && facts.jobs > 1;
    // Nodes have not known `getwork` since 2014 (Bitcoin Core 0.10); who asks for it mines.
    if is_again || (facts.dialect == Some(Dialect::Getwork) && facts.jobs > 0) {
        let reason = "work was asked for and given again and again: a miner without luck, or monitoring";
        return Some(Grade::new(Kind::Mining, Confidence::Low, reason));
    }
    let is_worked_for = facts.jobs > 0 || facts.is_distinctive;
    let reason = match stage {
        Stage::Attempt => "work was asked for and not given",
        _ if facts.jobs > 0 => {
            "work was asked for and given, but none handed in: a miner without luck, or monitoring"
        }
        _ => "work was asked for and refused",
    };
    is_worked_for.then(|| Grade::new(Kind::WorkRequests, Confidence::Low, reason))
}

fn verdict(facts: &Facts, grade: Grade) -> Verdict {
    let mut reasons = vec![grade.reason];
    let impact = Impact::of(facts);
    match impact.map(|impact| impact.unit) {
        Some(Unit::TakenForBitcoins) => {
            reasons.push("difficulty 1 was taken for 2^32 hashes, as with SHA-256; if scrypt is mined, the rate is a 65,536th");
        }
        Some(Unit::TakenForScrypts) => {
            reasons.push(
                "difficulty 1 was taken for 2^16 hashes of scrypt, with which the payee's coin is mined",
            );
        }
        Some(Unit::Told) | None => {}
    }
    if impact.is_some_and(|impact| impact.shares < FEW_SHARES) {
        reasons.push("few shares: the hash rate is uncertain, see its interval");
    }
    Verdict {
        kind: grade.kind,
        confidence: grade.confidence,
        severity: grade.severity(),
        reasons,
        techniques: techniques(facts, grade.kind),
        evidence: evidence(facts, impact.as_ref()),
        impact,
    }
}

/// ATT&CK techniques that the facts show. T1571, a port that does not fit the protocol, needs the port, see
/// [`Verdict::add_port`].
fn techniques(facts: &Facts, kind: Kind) -> Vec<&'static str> {
    if kind != Kind::Mining {
        return Vec::new();
    }
    let carriers = facts.carriers;
    let mut techniques = vec![COMPUTE_HIJACKING];
    if carriers.http || carriers.websocket {
        techniques.push(WEB_PROTOCOLS);
    }
    if carriers.socks || carriers.connect {
        techniques.push(PROXY);
    }
    if facts.dialect == Some(Dialect::StratumV2Noise) || facts.noise.is_some() {
        techniques.push(ENCRYPTED_CHANNEL);
    }
    techniques
}

impl Verdict {
    /// Takes the pool's port into account: Stratum has none of its own, so one that belongs to another protocol hides it.
    pub fn add_port(&mut self, port: u16, is_web: bool) {
        let is_hidden = PORTS_OF_OTHERS.contains(&port) && !(is_web && WEB_PORTS.contains(&port));
        if self.kind == Kind::Mining && is_hidden && !self.techniques.contains(&NON_STANDARD_PORT) {
            self.techniques.push(NON_STANDARD_PORT);
        }
    }
}

fn evidence(facts: &Facts, impact: Option<&Impact>) -> Vec<Evidence> {
    let mut evidence = Vec::new();
    let mut text = |name, value: Option<&str>| {
        if let Some(value) = value {
            evidence.push(Evidence::new(name, value));
        }
    };
    text("dialect", facts.dialect.map(Dialect::name));
    text("coin", facts.coin);
    text("algorithm", facts.algorithm.as_deref());
    text("wallet", facts.wallet.as_deref());
    text("worker", facts.worker.as_deref());
    text("user", facts.user.as_deref());
    text("agent", facts.agent.as_deref());
    text("pool", facts.pool.as_deref());
    text("redirect", facts.redirect.as_deref());
    let shares = facts.shares;
    let counts = [
        ("jobs", facts.jobs),
        ("polls", facts.polls),
        ("shares_submitted", shares.submitted),
        ("shares_accepted", shares.accepted),
        ("shares_rejected", shares.rejected),
        ("shares_stale", shares.stale),
        ("share_sized_flights", facts.noise.map_or(0, |noise| noise.share_sized_flights)),
        ("contradictions", facts.contradictions),
    ];
    evidence.extend(
        counts
            .into_iter()
            .filter(|(_, count)| *count > 0)
            .map(|(name, count)| Evidence::new(name, u64::from(count))),
    );
    let rate = impact.map(|impact| impact.hashes_per_second);
    let numbers = [
        ("share_difficulty", facts.difficulty.map(|difficulty| difficulty.value)),
        ("hashes_per_second", rate.map(|rate| rate.likely)),
        ("hashes_per_second_low", rate.map(|rate| rate.low)),
        ("hashes_per_second_high", rate.map(|rate| rate.high)),
        ("hashes_per_second_reported", facts.reported_hashes_per_second),
    ];
    evidence.extend(numbers.into_iter().filter_map(|(name, number)| Some(Evidence::new(name, number?))));
    let processors = impact.and_then(|impact| impact.processors);
    for (low, high, range) in processors.iter().flat_map(|processors| {
        [
            ("cores_low", "cores_high", processors.cores),
            ("watts_low", "watts_high", processors.watts),
            ("kwh_per_day_low", "kwh_per_day_high", processors.kilowatt_hours_per_day),
        ]
    }) {
        evidence.extend([Evidence::new(low, range.0), Evidence::new(high, range.1)]);
    }
    if processors.is_some_and(|processors| processors.is_more_than_one_machine) {
        evidence.push(Evidence::new("machines", "more than one: a proxy, or a machine made for it"));
    }
    evidence
}

/// One message in so many may break the roles: a broken program, or a reflected line.
const CONTRADICTIONS_PER_STATEMENT: u32 = 8;
/// Blocks of the fastest coins come every second, those of most every minute: words over so long were not read from a file.
const LEAST_SPAN_NANOS: u64 = 10_000_000_000;
/// With 30 shares, the interval reaches a third to each side.
const FEW_SHARES: u32 = 30;
const WEB_PORTS: &[u16] = &[80, 443, 8080];
/// Ports whose own protocol is not mining, and that firewalls let pass.
const PORTS_OF_OTHERS: &[u16] =
    &[20, 21, 22, 23, 25, 53, 80, 110, 123, 143, 443, 465, 587, 853, 993, 995, 3389, 8080];

const COMPUTE_HIJACKING: &str = "T1496.001";
const WEB_PROTOCOLS: &str = "T1071.001";
const NON_STANDARD_PORT: &str = "T1571";
const ENCRYPTED_CHANNEL: &str = "T1573";
const PROXY: &str = "T1090";
