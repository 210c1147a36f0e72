use std::{net::IpAddr, time::Duration};

use flow::FlowRecord;
use wire::Timestamp;

use super::{
    CaseId, Incident, Link, Stage, StageReport,
    case::{Case, stage_of},
    links::Links,
    wording,
};
use crate::{Finding, Kind, Prefix, Victim, bounded_map::BoundedMap};

/// The cases of all victims.
///
/// It keeps [`MAX_CASES`] of them, and those of which nothing was heard for longest make room.
#[derive(Clone, Debug)]
pub struct Ledger {
    config: Config,
    cases: BoundedMap<IpAddr, Case>,
    /// Floods, by the network of their victims: they hide attacks on neighbours, too.
    floods: BoundedMap<Prefix, Flood>,
    links: Links,
    swept_until: Timestamp,
    incidents: Vec<Incident>,
}

/// How far apart stages may be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Config {
    /// What is over for longer than this is of another attack. Guessing lasts for days where it is slow.
    pub window: Duration,
}

/// A flood of a network.
#[derive(Clone, Debug)]
struct Flood {
    /// Its victim, if it is one host.
    victim: Option<IpAddr>,
    report: StageReport,
}

impl Default for Config {
    fn default() -> Self {
        Self { window: Duration::from_hours(24) }
    }
}

impl Ledger {
    /// A ledger without cases.
    pub fn new(config: Config) -> Self {
        Self {
            config,
            cases: BoundedMap::new(MAX_CASES),
            floods: BoundedMap::new(MAX_FLOODS),
            links: Links::new(),
            swept_until: Timestamp::ZERO,
            incidents: Vec::new(),
        }
    }

    /// Goes by another window from now on.
    pub const fn reconfigure(&mut self, config: Config) {
        self.config = config;
    }

    /// Takes in a finding; they must come in the order in which they could be stated. Returns the case of its victim, if it may be a
    /// stage of an attack, and what other victims have in common with this one.
    pub fn finding(&mut self, finding: &Finding) -> (Option<CaseId>, Vec<Link>) {
        let time = finding.stated_at;
        self.sweep(time);
        if finding.kind == Kind::SynFlood {
            self.flood(finding);
        }
        if finding.kind == Kind::SynScan {
            for offender in finding.offenders.clone() {
                self.scan(offender, finding);
            }
        }
        let (Some(_), Some(victim)) = (stage_of(finding.kind), finding.victim.address()) else {
            return (None, Vec::new());
        };
        let links = self.links.note(victim, finding);
        let case = self.cases.entry(victim, time, || Case::new(victim, finding));
        case.take(finding, links.clone());
        let id = case.id;
        self.state(victim, time);
        (Some(id), links)
    }

    /// Takes in a flow record; they must come in order, and among the findings by time.
    #[inline]
    pub fn record(&mut self, record: &FlowRecord) {
        if self.cases.is_empty() {
            return;
        }
        let initiator = record.initiator().address;
        if self.cases.get_mut(&initiator).is_some_and(|case| case.record(record)) {
            self.state(initiator, record.ended);
        }
    }

    /// The capture has ended at `time`: states the last of each incident.
    pub fn close(&mut self, time: Timestamp) {
        let ended: Vec<_> = self
            .cases
            .values()
            .filter_map(|(victim, case)| case.last_word(time, self.noise(*victim)))
            .collect();
        self.incidents.extend(ended);
    }

    /// What has been stated since the last call.
    pub fn take_incidents(&mut self) -> Vec<Incident> {
        std::mem::take(&mut self.incidents)
    }

    /// Cases that had to make room.
    pub fn evicted(&self) -> u64 {
        self.cases.evicted()
    }

    fn flood(&mut self, finding: &Finding) {
        let prefix = match finding.victim {
            Victim::Port(address, _) | Victim::Address(address) => Prefix::of(address),
            Victim::Prefix(prefix) => prefix,
            Victim::Many => return,
        };
        let report = wording::report(Stage::Noise, finding);
        let victim = finding.victim.address();
        let flood = self.floods.entry(prefix, finding.stated_at, || Flood { victim, report: report.clone() });
        if report.severity >= flood.report.severity {
            let first_seen = flood.report.first_seen.min(report.first_seen);
            *flood = Flood { victim, report: StageReport { first_seen, ..report } };
        }
        flood.report.last_seen = flood.report.last_seen.max(finding.last_seen);
    }

    fn scan(&mut self, offender: IpAddr, finding: &Finding) {
        if let Some(case) = self.cases.get_mut(&offender) {
            case.scans(finding);
            self.state(offender, finding.stated_at);
        }
    }

    /// A flood of the victim's network that may have hidden the attack on it.
    fn noise(&self, victim: IpAddr) -> Option<StageReport> {
        let flood = self.floods.get(&Prefix::of(victim))?;
        Some(match flood.victim {
            Some(host) if host != victim => wording::of_neighbour(&flood.report),
            _ => flood.report.clone(),
        })
    }

    fn state(&mut self, victim: IpAddr, time: Timestamp) {
        let noise = self.noise(victim);
        let news = self.cases.get_mut(&victim).and_then(|case| case.news(time, noise));
        self.incidents.extend(news);
    }

    /// Forgets what is out of the window, once a minute.
    fn sweep(&mut self, time: Timestamp) {
        let minute = Timestamp::from_parts(time.seconds() / 60 * 60, 0);
        if minute <= self.swept_until {
            return;
        }
        self.swept_until = minute;
        let window = u64::try_from(self.config.window.as_nanos()).unwrap_or(u64::MAX);
        let oldest = Timestamp::from_nanos(minute.nanos().saturating_sub(window));
        let over: Vec<_> = self.cases.used_before(oldest);
        for victim in over {
            let noise = self.noise(victim);
            if let Some(case) = self.cases.remove(&victim) {
                let last_word: Option<Incident> = case.last_word(time, noise);
                self.incidents.extend(last_word);
            }
        }
        for case in self.cases.values_mut() {
            case.forget_before(oldest);
        }
        self.floods.forget_before(oldest);
        self.links.forget_before(oldest);
    }
}

/// Victims whose cases are kept.
pub const MAX_CASES: usize = 4_096;
const MAX_FLOODS: usize = 1_024;
