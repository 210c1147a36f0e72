use std::net::IpAddr;

use flow::Endpoint;
use wire::Timestamp;

use super::{Heard, Observation, encrypted, judge};
use crate::{CaptureQuality, Connection, Evidence, Finding, Kind, Phase, Victim, bounded_map::BoundedMap};

/// Who mines where: findings on miners and their pools, over all their connections.
///
/// A miner that connects again goes on with what was said of it; only what is worse is said anew. It remembers [`MAX_PAIRS`] pairs,
/// and those that were quiet for longest make room.
#[derive(Clone, Debug)]
pub struct Judge {
    pairs: BoundedMap<Pair, Known>,
    /// What has been quiet until then has been looked at.
    swept_until: Timestamp,
    findings: Vec<Finding>,
}

/// What a finding is about.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Pair {
    miner: IpAddr,
    pool: Endpoint,
    kind: Kind,
}

/// What was said of a pair.
#[derive(Clone, Debug)]
struct Known {
    /// The best-founded finding so far, with the latest numbers.
    finding: Finding,
    /// Connections that it was heard on.
    connections: u64,
    /// The connection that was heard last.
    flow: flow::FlowId,
}

impl Judge {
    /// A judge who has heard nothing.
    pub fn new() -> Self {
        Self { pairs: BoundedMap::new(MAX_PAIRS), swept_until: Timestamp::ZERO, findings: Vec::new() }
    }

    /// Takes an observation, and the name that DNS gave for the pool's address. They must come in the order of their times.
    pub fn observe(&mut self, observation: &Observation, pool_name: Option<&str>) {
        let Some(mut finding) = finding(observation, pool_name) else { return };
        let (_, pool) = observation.miner_and_pool();
        let Victim::Address(miner) = finding.victim else { return };
        let pair = Pair { miner, pool, kind: finding.kind };
        let time = observation.time;
        let is_known = self.pairs.get(&pair).is_some();
        let known = self.pairs.entry(pair, time, || Known {
            finding: finding.clone(),
            connections: 0,
            flow: observation.flow,
        });
        if !is_known || known.flow != observation.flow {
            known.flow = observation.flow;
            known.connections = known.connections.saturating_add(1);
        }
        let before = &known.finding;
        finding.first_seen = finding.first_seen.min(before.first_seen);
        if finding.severity < before.severity {
            // A connection that shows less than one before it takes nothing back.
            known.finding.last_seen = finding.last_seen;
            return;
        }
        let is_worse = finding.severity > before.severity;
        let is_due = time.nanos_since(before.stated_at) >= UPDATE_NANOS || observation.is_over;
        finding.phase = match (is_known, is_worse) {
            (false, _) => Phase::Started,
            (true, true) => Phase::Raised,
            (true, false) => Phase::Updated,
        };
        finding.evidence.push(Evidence::new("connections", known.connections));
        if is_known && !is_worse && !is_due {
            finding.stated_at = before.stated_at;
            known.finding = finding;
            return;
        }
        known.finding = finding.clone();
        self.findings.push(finding);
    }

    /// All observations before `time` have been given: ends what has been quiet for long.
    pub fn advance(&mut self, time: Timestamp) {
        // Whole minutes, so that it makes no difference how often this is called.
        let minute = Timestamp::from_parts(time.seconds() / 60 * 60, 0);
        if minute > self.swept_until {
            self.swept_until = minute;
            self.end_quiet(minute);
        }
    }

    /// The capture has ended at `time`: so has everything.
    pub fn close(&mut self, time: Timestamp) {
        let pairs: Vec<_> = self.pairs.values().map(|(pair, _)| *pair).collect();
        for pair in pairs {
            self.end(&pair, time);
        }
    }

    /// What has been stated since the last call.
    pub fn take_findings(&mut self) -> Vec<Finding> {
        std::mem::take(&mut self.findings)
    }

    /// Pairs that had to make room.
    pub fn evicted(&self) -> u64 {
        self.pairs.evicted()
    }

    fn end_quiet(&mut self, time: Timestamp) {
        let mut quiet: Vec<_> = self
            .pairs
            .values()
            .map(|(pair, known)| (quiet_at(&known.finding), *pair))
            .filter(|(at, _)| *at <= time)
            .collect();
        quiet.sort_unstable();
        for (at, pair) in quiet {
            // As if it had been looked at every minute.
            self.end(&pair, at);
        }
    }

    fn end(&mut self, pair: &Pair, time: Timestamp) {
        if let Some(Known { finding, .. }) = self.pairs.remove(pair) {
            self.findings.push(Finding { phase: Phase::Ended, stated_at: time, ..finding });
        }
    }
}

impl Default for Judge {
    fn default() -> Self {
        Self::new()
    }
}

/// The first whole minute at which it has been quiet for long.
fn quiet_at(finding: &Finding) -> Timestamp {
    let quiet = finding.last_seen.saturating_add_nanos(QUIET_NANOS);
    Timestamp::from_parts(quiet.seconds().div_ceil(60).saturating_mul(60), 0)
}

/// What is thought of a connection.
fn finding(observation: &Observation, pool_name: Option<&str>) -> Option<Finding> {
    let (miner, pool) = observation.miner_and_pool();
    let (verdict, first, last) = match &observation.heard {
        Heard::Words(facts) => {
            let mut verdict = judge::judge(facts)?;
            let carriers = facts.carriers;
            verdict.add_port(pool.port, carriers.http || carriers.websocket || carriers.connect);
            (verdict, facts.first, facts.last)
        }
        Heard::Rhythm(facts) => {
            let mut facts = facts.clone();
            facts.resolved(pool_name);
            (encrypted::judge(&facts)?, facts.first, facts.last)
        }
    };
    let mut evidence = vec![Evidence::new("reason", verdict.reasons.join("; "))];
    evidence.extend(pool_name.map(|name| Evidence::new("pool_name", name)));
    evidence.extend(verdict.evidence);
    Some(Finding {
        kind: verdict.kind,
        phase: Phase::Started,
        severity: verdict.severity,
        confidence: verdict.confidence.probability(),
        techniques: verdict.techniques,
        victim: Victim::Address(miner.address),
        offenders: vec![pool.address],
        offender_count: 1,
        connection: Some(Connection { flow: observation.flow, source: miner, target: pool }),
        first_seen: first.unwrap_or(observation.time),
        last_seen: last.unwrap_or(observation.time),
        stated_at: observation.time,
        evidence,
        // The judge of handshakes knows it.
        capture_quality: CaptureQuality::default(),
    })
}

/// Miners and pools that are remembered.
pub const MAX_PAIRS: usize = 8_192;
/// What goes on is said again after a minute, with its new numbers.
const UPDATE_NANOS: u64 = 60_000_000_000;
/// Solo miners of rare coins may wait long for a share, but their pools push jobs; an hour without either is the end.
const QUIET_NANOS: u64 = 3_600_000_000_000;

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use flow::FlowId;

    use super::*;
    use crate::{
        Severity,
        stratum::{Dialect, Facts, Login, Shares},
    };

    fn at(last: u8, port: u16) -> Endpoint {
        Endpoint { address: Ipv4Addr::new(192, 0, 2, last).into(), port }
    }

    fn facts(seconds: u64, login: Login, shares: u32) -> Facts {
        Facts {
            dialect: Some(Dialect::CryptoNote),
            is_distinctive: true,
            miner_is_initiator: Some(true),
            statements: 3,
            pool_spoke: true,
            pool_said: true,
            miner_spoke: true,
            jobs: 1,
            login,
            shares: Shares {
                submitted: shares,
                accepted: shares,
                of_known_jobs: shares,
                ..Shares::default()
            },
            first: Some(Timestamp::from_parts(1_000, 0)),
            last: Some(Timestamp::from_parts(1_000 + seconds, 0)),
            ..Facts::default()
        }
    }

    fn heard(seconds: u64, flow: u64, facts: Facts, is_over: bool) -> Observation {
        Observation {
            time: Timestamp::from_parts(1_000 + seconds, 0),
            flow: FlowId(flow),
            initiator: at(10, 50_000),
            responder: at(200, 3_333),
            heard: Heard::Words(facts),
            is_over,
        }
    }

    fn said(judge: &mut Judge) -> Vec<(Phase, Severity)> {
        judge.take_findings().iter().map(|finding| (finding.phase, finding.severity)).collect()
    }

    #[test]
    fn a_miner_is_stated_once_and_again_when_it_hands_in_shares() {
        let mut judge = Judge::new();
        judge.observe(&heard(1, 1, facts(1, Login::Accepted, 0), false), None);
        assert_eq!(said(&mut judge), [(Phase::Started, Severity::Medium)]);
        judge.observe(&heard(2, 1, facts(2, Login::Accepted, 1), false), None);
        assert_eq!(said(&mut judge), [(Phase::Raised, Severity::High)]);
        judge.observe(&heard(3, 1, facts(3, Login::Accepted, 2), false), None);
        assert_eq!(said(&mut judge), [], "a share more is not worth a word");
        judge.observe(&heard(70, 1, facts(70, Login::Accepted, 9), true), None);
        assert_eq!(said(&mut judge), [(Phase::Updated, Severity::High)]);
        judge.close(Timestamp::from_parts(1_100, 0));
        let ended = judge.take_findings();
        assert_eq!((ended.len(), ended[0].number("shares_submitted")), (1, Some(9.0)));
    }

    #[test]
    fn a_reconnection_that_fails_takes_nothing_back() {
        let mut judge = Judge::new();
        judge.observe(&heard(1, 1, facts(1, Login::Accepted, 1), true), None);
        judge.observe(&heard(100, 2, facts(100, Login::Accepted, 0), true), None);
        assert_eq!(said(&mut judge), [(Phase::Started, Severity::High)]);
        judge.advance(Timestamp::from_parts(1_100 + 3_500, 0));
        assert_eq!(said(&mut judge), [], "not quiet for long enough");
        judge.advance(Timestamp::from_parts(1_100 + 3_700, 0));
        assert_eq!(said(&mut judge), [(Phase::Ended, Severity::High)]);
    }
}
