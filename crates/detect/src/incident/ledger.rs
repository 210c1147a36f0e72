use std::{net::IpAddr, time::Duration};

use flow::FlowRecord;
use wire::Timestamp;

use super::{
    CaseId, Incident, Link, Stage, StageReport,
    case::{Case, stage_of},
    links::Links,
    wording,
};
use crate::{Finding, Kind, Prefix, Severity, Victim, bounded_map::BoundedMap};

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
        if is_reaching_out(finding) {
            for offender in finding.offenders.clone() {
                self.reaches_out(offender, finding);
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

    fn reaches_out(&mut self, offender: IpAddr, finding: &Finding) {
        if let Some(case) = self.cases.get_mut(&offender) {
            case.reaches_out(finding);
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

/// Is it what spreads from a victim, on the side of who does it? Guessing that is probably an old password is not.
fn is_reaching_out(finding: &Finding) -> bool {
    match finding.kind {
        Kind::SynScan => true,
        Kind::RdpBruteforce | Kind::RdpCompromise | Kind::RdpExploit => finding.severity >= Severity::Medium,
        _ => false,
    }
}

/// Victims whose cases are kept.
pub const MAX_CASES: usize = 4_096;
const MAX_FLOODS: usize = 1_024;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Evidence, finding::testing};

    const VICTIM: [u8; 4] = [192, 0, 2, 10];
    const ATTACKER: [u8; 4] = [198, 51, 100, 7];
    const NEXT: [u8; 4] = [192, 0, 2, 44];

    fn about(kind: Kind, severity: Severity, offender: [u8; 4], victim: [u8; 4], second: u64) -> Finding {
        let time = Timestamp::from_parts(1_700_000_000 + second, 0);
        Finding {
            severity,
            techniques: vec!["T1110.001"],
            evidence: vec![Evidence::new("failed_logons", 15_u64)],
            ..testing::finding(kind, victim, offender, time)
        }
    }

    fn incidents(findings: &[Finding]) -> Vec<Incident> {
        let mut ledger = Ledger::new(Config::default());
        for finding in findings {
            ledger.finding(finding);
        }
        ledger.take_incidents()
    }

    #[test]
    fn a_victim_that_guesses_at_others_once_somebody_got_in_spreads() {
        let got_in = about(Kind::RdpCompromise, Severity::Critical, ATTACKER, VICTIM, 20);
        let guesses = |severity, second| about(Kind::RdpBruteforce, severity, VICTIM, NEXT, second);
        let stated = incidents(&[got_in.clone(), guesses(Severity::Medium, 60)]);
        let spread = stated[0].stage(Stage::Spread).unwrap();
        assert_eq!(stated[0].victim, IpAddr::from(VICTIM));
        assert_eq!(spread.says, "guesses RDP passwords at 192.0.2.44:3389");
        // An old password of the victim's, and what it did before, are none.
        assert_eq!(incidents(&[got_in.clone(), guesses(Severity::Low, 60)]), []);
        assert_eq!(incidents(&[guesses(Severity::Medium, 10), got_in]), []);
    }
}
