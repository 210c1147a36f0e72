//! Who guesses passwords, and who got in: opinions from the observations of all workers, in the order of packet time.

mod config;
mod server;
mod source;
mod statement;
mod step;

use std::net::IpAddr;

use flow::Endpoint;
use wire::Timestamp;

pub use config::JudgeConfig;

use super::{
    ConnectionConfirm, Outcome, Reason, SecurityProtocols,
    observation::{LogonSeen, Observation, Seen},
};
use crate::{Finding, Kind, Phase, Severity, bounded_map::BoundedMap};

use server::Server;
use source::{Source, Tries, Try};
use statement::{Guessing, Pattern, Success};
use step::Step;

/// A ledger of logons by source and by server, over a day at most, and what has been stated of them.
///
/// It keeps the latest tries of [`MAX_SOURCES`] sources, sums for [`MAX_SERVERS`] servers, and what was said of [`MAX_STATEMENTS`]
/// things: some 30 MB if all of them are full. What was used longest ago makes room, and is counted.
#[derive(Clone, Debug)]
pub struct Judge {
    config: JudgeConfig,
    sources: BoundedMap<IpAddr, Source>,
    servers: BoundedMap<Endpoint, Server>,
    stated: BoundedMap<Topic, Stated>,
    next_sweep: Timestamp,
    findings: Vec<Finding>,
}

/// What a finding is about: said once, and again when it is worse.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Topic {
    kind: Kind,
    source: Option<IpAddr>,
    server: Option<Endpoint>,
}

/// What was said of a topic.
#[derive(Clone, Copy, Debug)]
struct Stated {
    severity: Severity,
    /// When it was said last.
    at: Timestamp,
}

/// What had to make room in full ledgers.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Evicted {
    /// Sources with their tries.
    pub sources: u64,
    /// Servers, and sources at a server.
    pub servers: u64,
    /// Statements, which may be made again.
    pub statements: u64,
}

impl Judge {
    /// A judge who has seen nothing.
    pub fn new(config: JudgeConfig) -> Self {
        Self {
            config,
            sources: BoundedMap::new(MAX_SOURCES),
            servers: BoundedMap::new(MAX_SERVERS),
            stated: BoundedMap::new(MAX_STATEMENTS),
            next_sweep: Timestamp::ZERO,
            findings: Vec::new(),
        }
    }

    /// Goes by other thresholds from now on.
    pub const fn reconfigure(&mut self, config: JudgeConfig) {
        self.config = config;
    }

    /// Takes an observation. They must come in the order of their times.
    pub fn observe(&mut self, observation: &Observation) {
        self.sweep(observation.time);
        match &observation.seen {
            Seen::Answered(confirm) => self.answered(observation, *confirm),
            Seen::AskedForMsT120 { client_name, client_build } => {
                self.state(statement::exploit(observation, client_name, *client_build));
            }
            Seen::Logon(seen) => self.logon(observation, seen),
        }
    }

    /// What has been stated since the last call, in the order of the observations.
    pub fn take_findings(&mut self) -> Vec<Finding> {
        std::mem::take(&mut self.findings)
    }

    /// What had to make room.
    pub fn evicted(&self) -> Evicted {
        let at_servers: u64 = self.servers.values().map(|(_, server)| server.evicted()).sum();
        Evicted {
            sources: self.sources.evicted(),
            servers: self.servers.evicted() + at_servers,
            statements: self.stated.evicted(),
        }
    }

    fn answered(&mut self, observation: &Observation, confirm: ConnectionConfirm) {
        let permitted = match confirm {
            ConnectionConfirm::Bare => SecurityProtocols::RDP,
            ConnectionConfirm::Selected { protocol, .. } => protocol,
            ConnectionConfirm::Failure(_) => return,
        };
        if matches!(permitted, SecurityProtocols::RDP | SecurityProtocols::SSL) {
            self.state(statement::without_nla(observation, permitted));
        }
    }

    fn logon(&mut self, observation: &Observation, seen: &LogonSeen) {
        match seen.logon.outcome {
            Outcome::Refused => self.refused(observation, seen),
            Outcome::Failed => self.failed(observation, seen),
            Outcome::Accepted | Outcome::Session => self.succeeded(observation, seen, None),
            Outcome::Unknown if seen.logon.reason == Reason::LeftAtLogonScreen => {
                self.left_logon_screen(observation, seen);
            }
            Outcome::Unknown => {}
        }
    }

    /// Where a logon cannot be seen, a try that leaves what those before have in common is one that succeeded.
    fn left_logon_screen(&mut self, observation: &Observation, seen: &LogonSeen) {
        let lasted = seen.lasted(observation.time);
        let step = self.sources.get(&observation.client.address).and_then(|source| {
            Step::of(seen, lasted, &source.guesses().at(observation.server), &self.config)
        });
        if step.is_some() {
            self.succeeded(observation, seen, step);
        } else if lasted <= self.config.logon_screen_time {
            self.failed(observation, seen);
        }
    }

    fn refused(&mut self, observation: &Observation, seen: &LogonSeen) {
        let config = self.config;
        let source = self.push(observation, seen);
        let tries = source.refusals().since(earlier(observation.time, config.fast_window));
        if tries.len() >= usize::try_from(config.refusals).unwrap_or(usize::MAX) {
            let guessing = Guessing { pattern: Pattern::Refused, severity: Severity::Low, tries: &tries };
            let finding = guessing.finding(observation, &config);
            self.state_of_source(observation, finding);
        }
    }

    fn failed(&mut self, observation: &Observation, seen: &LogonSeen) {
        let (config, time) = (self.config, observation.time);
        let source = self.push(observation, seen);
        let all = source.guesses();
        let here = all.at(observation.server);
        let is_shared = is_shared(source, &all);
        let is_steady = here.is_steady(&config);
        let fast = earlier(time, config.fast_window);
        let pattern = match () {
            () if here.since(fast).weight(&config) >= config.fast_failures.into() => {
                Some((Pattern::Fast, true))
            }
            () if here.weight(&config) >= config.slow_failures.into() => Some((Pattern::Slow, true)),
            () if all.since(fast).weight(&config) >= config.fast_failures.into() => {
                Some((Pattern::OverServers, false))
            }
            () if all.weight(&config) >= config.slow_failures.into() => Some((Pattern::OverServers, false)),
            () => None,
        };
        let finding = pattern.map(|(pattern, is_at_server)| {
            let (pattern, severity) = match pattern {
                _ if is_steady && is_at_server => (Pattern::Steady, Severity::Low),
                _ if is_shared => (Pattern::Shared, Severity::Low),
                pattern => (pattern, Severity::Medium),
            };
            let tries = if is_at_server { &here } else { &all };
            (Guessing { pattern, severity, tries }.finding(observation, &config), is_at_server)
        });
        match finding {
            Some((finding, true)) => self.state_of_pair(observation, finding),
            Some((finding, false)) => self.state_of_source(observation, finding),
            None => {}
        }
        let weight = if seen.logon.outcome == Outcome::Failed { 1.0 } else { config.logon_screen_weight };
        self.failed_at_server(observation, weight, is_steady);
    }

    /// Looks at all sources of a server together.
    fn failed_at_server(&mut self, observation: &Observation, weight: f64, is_steady: bool) {
        let (config, time) = (self.config, observation.time);
        let server = self.servers.entry(observation.server, time, Server::new);
        server.forget_before(earlier(time, config.slow_window));
        let at = server.at(observation.client.address, time);
        at.weight += weight;
        at.is_steady = is_steady;
        let failing = server.failing();
        let threshold: f64 = config.distributed_failures.into();
        let is_distributed = failing.sources.len() >= usize::try_from(config.distributed_sources).unwrap_or(usize::MAX)
            && failing.weight >= threshold
            // One source alone is found by its own tries.
            && failing.weight - failing.most >= threshold / 2.0;
        if is_distributed {
            self.state(statement::distributed(observation, &failing, &config));
        }
    }

    /// `step` is by what the success leaves the failures before, where the logon itself cannot be seen.
    fn succeeded(&mut self, observation: &Observation, seen: &LogonSeen, step: Option<Step>) {
        let (config, time) = (self.config, observation.time);
        let is_under_attack = self.is_under_attack(observation.server);
        let source = self.sources.entry(observation.client.address, time, Source::default);
        source.forget_before(earlier(time, config.slow_window));
        let tries = source.guesses();
        let is_fast = tries.users() > 1
            || tries.median_pause().is_some_and(|p| p < config.typing_pause)
            || tries.are_of_program()
            || tries.is_clockwork(&config);
        let needed = match is_fast {
            // One of many guessers needs few tries of its own, but more than somebody who types.
            _ if is_under_attack => config.forgiven_failures + 1,
            true => config.failures_before_success,
            false => config.typed_failures_before_success,
        };
        // Who shares the guessing out over many addresses gives each of them a steady period.
        let is_old_password = tries.at(observation.server).is_steady(&config) && !is_under_attack;
        let is_compromise =
            tries.weight(&config) >= needed.into() && !is_shared(source, &tries) && !is_old_password;
        let findings = is_compromise.then(|| {
            let success = Success { seen, step, is_fast, tries: &tries };
            let guessing = Guessing { pattern: Pattern::Succeeded, severity: Severity::High, tries: &tries };
            (success.finding(observation), guessing.finding(observation, &config))
        });
        source.forgive(seen.user.as_deref(), observation.server, &config);
        source.succeeded(time, seen.user.as_deref());
        let server = self.servers.entry(observation.server, time, Server::new);
        server.at(observation.client.address, time).has_succeeded = true;
        if let Some((compromise, guessing)) = findings {
            self.state_of_pair(observation, guessing);
            self.state_of_pair(observation, compromise);
        }
    }

    /// Has guessing by many sources been stated of this server?
    fn is_under_attack(&self, server: Endpoint) -> bool {
        let topic = Topic { kind: Kind::RdpBruteforce, source: None, server: Some(server) };
        self.stated.get(&topic).is_some()
    }

    fn push(&mut self, observation: &Observation, seen: &LogonSeen) -> &Source {
        let source = self.sources.entry(observation.client.address, observation.time, Source::default);
        source.forget_before(earlier(observation.time, self.config.slow_window));
        source.push(Try::new(observation.time, observation.server, seen), &self.config);
        source
    }

    fn state_of_pair(&mut self, observation: &Observation, finding: Finding) {
        let (source, server) = (Some(observation.client.address), Some(observation.server));
        self.state((Topic { kind: finding.kind, source, server }, finding));
    }

    fn state_of_source(&mut self, observation: &Observation, finding: Finding) {
        let source = Some(observation.client.address);
        self.state((Topic { kind: finding.kind, source, server: None }, finding));
    }

    /// Says it if it is new, worse than what was said, or was said a while ago.
    fn state(&mut self, (topic, mut finding): (Topic, Finding)) {
        let time = finding.stated_at;
        let Some(stated) = self.stated.get(&topic).copied() else {
            self.stated.entry(topic, time, || Stated { severity: finding.severity, at: time });
            return self.findings.push(finding);
        };
        let is_worse = finding.severity > stated.severity;
        let is_due = finding.severity == stated.severity && time.nanos_since(stated.at) >= UPDATE_NANOS;
        if is_worse || is_due {
            finding.phase = if is_worse { Phase::Raised } else { Phase::Updated };
            *self.stated.entry(topic, time, || stated) = Stated { severity: finding.severity, at: time };
            self.findings.push(finding);
        }
    }

    /// Forgets what is out of all windows, now and then.
    fn sweep(&mut self, time: Timestamp) {
        if time < self.next_sweep {
            return;
        }
        let oldest = earlier(time, self.config.slow_window);
        self.sources.forget_before(oldest);
        self.servers.forget_before(oldest);
        self.stated.forget_before(oldest);
        self.next_sweep = time.saturating_add_nanos(SWEEP_NANOS);
    }
}

/// A jump host or an address that many share: several of its users succeed, and about as many fail.
fn is_shared(source: &Source, tries: &Tries<'_>) -> bool {
    let successful = source.successful_users();
    successful >= SHARED_USERS && tries.users() <= successful * 2
}

fn earlier(time: Timestamp, window: std::time::Duration) -> Timestamp {
    let nanos = u64::try_from(window.as_nanos()).unwrap_or(u64::MAX);
    Timestamp::from_nanos(time.nanos().saturating_sub(nanos))
}

/// Sources whose tries are kept.
pub const MAX_SOURCES: usize = 4_096;
/// Servers whose sources are kept.
pub const MAX_SERVERS: usize = 1_024;
/// Things that are remembered as said.
pub const MAX_STATEMENTS: usize = 8_192;
/// What goes on is said again after a minute, with its new numbers.
const UPDATE_NANOS: u64 = 60_000_000_000;
const SWEEP_NANOS: u64 = 3_600_000_000_000;
/// Users of one address that have succeeded; an attacker who has as many has been found by the first.
const SHARED_USERS: usize = 3;

#[cfg(test)]
mod tests;
