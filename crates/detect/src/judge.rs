use std::sync::Arc;

use flow::FlowRecord;
use wire::Timestamp;

use crate::{
    CaptureQuality, Finding, Observation,
    incident::{self, CaseId, Incident, Link},
    names::Names,
    rdp, stratum, synflood,
};

/// All judges together: from the observations and flow records of all workers to opinions.
///
/// It takes them in one order: ascending by time, observations by [`Observation::order`], and observations before records of the same
/// time. Then what it says depends on what was seen alone.
#[derive(Debug)]
pub struct Judge {
    handshakes: synflood::Judge,
    logons: rdp::Judge,
    miners: stratum::Judge,
    names: Names,
    incidents: incident::Ledger,
    /// The whole second that the judges were told last.
    second: u64,
    /// The latest time that was given.
    latest: Timestamp,
    findings: Vec<Finding>,
}

/// When judges say what.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct JudgeConfig {
    /// Of floods and scans.
    pub handshakes: synflood::JudgeConfig,
    /// Of remote desktops.
    pub logons: rdp::JudgeConfig,
    /// Of what belongs together.
    pub incidents: incident::Config,
}

/// Something that is said.
#[derive(Clone, Debug, PartialEq)]
pub enum Statement {
    /// An opinion on one thing.
    Finding {
        /// The opinion.
        finding: Finding,
        /// What it belongs to, if its victim is a host and it may be a stage of an attack.
        case: Option<CaseId>,
        /// What other victims have in common with this one.
        links: Vec<Link>,
    },
    /// What belongs together.
    Incident(Incident),
}

/// What the judges had no room for.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct JudgeCounts {
    /// Of floods and scans.
    pub handshakes: synflood::JudgeCounts,
    /// Of remote desktops.
    pub logons: rdp::Evicted,
    /// Miners and pools.
    pub miners: u64,
    /// Names of addresses.
    pub names: u64,
    /// Cases.
    pub cases: u64,
}

impl Judge {
    /// Judges who have seen nothing.
    pub fn new(config: JudgeConfig) -> Self {
        Self {
            handshakes: synflood::Judge::new(config.handshakes),
            logons: rdp::Judge::new(config.logons),
            miners: stratum::Judge::new(),
            names: Names::new(),
            incidents: incident::Ledger::new(config.incidents),
            second: 0,
            latest: Timestamp::ZERO,
            findings: Vec::new(),
        }
    }

    /// Goes by other thresholds from now on. What was seen stays seen, and what was said stays said.
    pub const fn reconfigure(&mut self, config: &JudgeConfig) {
        self.handshakes.reconfigure(config.handshakes);
        self.logons.reconfigure(config.logons);
        self.incidents.reconfigure(config.incidents);
    }

    /// Takes an observation, and gives `say` what follows from it.
    pub fn observe(&mut self, observation: Observation, say: &mut impl FnMut(Statement)) {
        let time = observation.time();
        self.advance(time, say);
        self.latest = self.latest.max(time);
        match observation {
            Observation::Handshakes(second) => return self.handshakes.add(*second),
            Observation::RemoteDesktop(observation) => {
                self.logons.observe(&observation);
                self.findings.append(&mut self.logons.take_findings());
            }
            Observation::Mining(observation) => {
                let (_, pool) = observation.miner_and_pool();
                self.miners.observe(&observation, self.names.of(pool.address));
                self.findings.append(&mut self.miners.take_findings());
            }
            Observation::Name(heard) => {
                for address in heard.addresses {
                    self.names.learn(address, Arc::clone(&heard.name));
                }
                return;
            }
        }
        self.state(say);
    }

    /// Takes a flow record, and gives `say` what follows from it.
    #[inline]
    pub fn record(&mut self, record: &FlowRecord, say: &mut impl FnMut(Statement)) {
        self.advance(record.ended, say);
        self.incidents.record(record);
        self.state_incidents(say);
    }

    /// All observations and records before `time` have been given: gives `say` what follows from there being no others.
    #[inline]
    pub fn advance(&mut self, time: Timestamp, say: &mut impl FnMut(Statement)) {
        // Those of this very moment may still come.
        let second = time.nanos().saturating_sub(1) / NANOS_PER_SECOND;
        if second > self.second {
            self.begin_second(second, say);
        }
    }

    /// Everything has been given: says what is left to say.
    pub fn close(&mut self, say: &mut impl FnMut(Statement)) {
        self.handshakes.close(&mut self.findings);
        self.miners.close(self.latest);
        self.findings.append(&mut self.miners.take_findings());
        self.state(say);
        self.incidents.close(self.latest);
        self.state_incidents(say);
    }

    /// What the capture can show.
    pub fn capture_quality(&self) -> CaptureQuality {
        self.handshakes.capture_quality()
    }

    /// What there was no room for.
    pub fn counts(&self) -> JudgeCounts {
        JudgeCounts {
            handshakes: self.handshakes.counts(),
            logons: self.logons.evicted(),
            miners: self.miners.evicted(),
            names: self.names.evicted(),
            cases: self.incidents.evicted(),
        }
    }

    #[cold]
    fn begin_second(&mut self, second: u64, say: &mut impl FnMut(Statement)) {
        self.second = second;
        let begin = Timestamp::from_parts(second, 0);
        self.handshakes.advance(begin, &mut self.findings);
        self.miners.advance(begin);
        self.findings.append(&mut self.miners.take_findings());
        self.state(say);
    }

    fn state(&mut self, say: &mut impl FnMut(Statement)) {
        if self.findings.is_empty() {
            return;
        }
        let quality = self.handshakes.capture_quality();
        for mut finding in std::mem::take(&mut self.findings) {
            finding.capture_quality = quality;
            let (case, links) = self.incidents.finding(&finding);
            say(Statement::Finding { finding, case, links });
            self.state_incidents(say);
        }
    }

    fn state_incidents(&mut self, say: &mut impl FnMut(Statement)) {
        for incident in self.incidents.take_incidents() {
            say(Statement::Incident(incident));
        }
    }
}

const NANOS_PER_SECOND: u64 = 1_000_000_000;
