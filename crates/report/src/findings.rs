mod json;
mod text;

use std::{collections::BTreeMap, net::IpAddr};

use detect::{
    Connection, Finding, Kind, Severity, Statement, Victim,
    incident::{CaseId, Incident},
};
use wire::Timestamp;

use crate::worst::{Rank, Worst};

/// What was found in a run: as text for people (`Display`), as JSON for programs (`Serialize`).
///
/// Of each thing that was found the last statement is kept, unless an earlier one matters more. The worst [`MAX_FINDINGS`] and
/// [`MAX_INCIDENTS`] are kept; the others are counted, and one that comes again counts again.
#[derive(Clone, Debug)]
pub struct Findings {
    detectors: Vec<&'static str>,
    found: Worst<Topic, Found>,
    incidents: Worst<CaseId, Incident>,
    further_found: BTreeMap<(Kind, Severity), u64>,
    further_incidents: u64,
}

/// What a finding is about.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Topic {
    kind: Kind,
    victim: Option<Victim>,
    offender: Option<IpAddr>,
}

/// What is kept of a finding.
#[derive(Clone, Debug)]
struct Found {
    kind: Kind,
    severity: Severity,
    confidence: f64,
    victim: Victim,
    offenders: Vec<IpAddr>,
    offender_count: u64,
    connection: Option<Connection>,
    case: Option<CaseId>,
    first_seen: Timestamp,
    last_seen: Timestamp,
}

impl Findings {
    /// Nothing is found yet. `detectors` are the names of those that look, for people.
    pub fn new(detectors: &[&'static str]) -> Self {
        Self {
            detectors: detectors.to_vec(),
            found: Worst::new(MAX_FINDINGS),
            incidents: Worst::new(MAX_INCIDENTS),
            further_found: BTreeMap::new(),
            further_incidents: 0,
        }
    }

    /// Takes in what a judge has said.
    pub fn take(&mut self, statement: &Statement) {
        match statement {
            Statement::Finding { finding, case, .. } => {
                let rank = Rank::new(finding.severity, finding.confidence, finding.first_seen);
                let found = Found::new(finding, *case);
                if let Some(least) = self.found.put(Topic::of(finding), rank, found) {
                    *self.further_found.entry((least.kind, least.severity)).or_default() += 1;
                }
            }
            Statement::Incident(incident) => {
                let rank = Rank::new(incident.severity, incident.confidence, incident.first_seen);
                let least = self.incidents.put(incident.id, rank, incident.clone());
                self.further_incidents += u64::from(least.is_some());
            }
        }
    }

    /// Incidents, the worst first: the last that was said of each.
    pub fn incidents(&self) -> impl Iterator<Item = &Incident> {
        self.incidents.iter()
    }

    /// How many things of a kind and a severity were found.
    pub fn counts(&self) -> BTreeMap<(Kind, Severity), u64> {
        let mut counts = self.further_found.clone();
        for found in self.found.iter() {
            *counts.entry((found.kind, found.severity)).or_default() += 1;
        }
        counts
    }

    /// How many incidents there are, with those that were not kept.
    pub fn incident_count(&self) -> u64 {
        u64::try_from(self.incidents.iter().count())
            .unwrap_or(u64::MAX)
            .saturating_add(self.further_incidents)
    }

    /// Was nothing found?
    pub fn is_empty(&self) -> bool {
        self.found.is_empty() && self.incidents.is_empty()
    }

    /// What belongs to no incident, the worst first.
    fn apart(&self) -> impl Iterator<Item = &Found> {
        self.found.iter().filter(|found| found.case.is_none_or(|case| !self.incidents.contains(&case)))
    }
}

impl Default for Findings {
    /// Nothing is found, since nobody looks.
    fn default() -> Self {
        Self::new(&[])
    }
}

impl Topic {
    /// What stays the same in all statements on one thing. A scan begins with one host and comes to many; those who take part in a
    /// flood, or in guessing from many sides, come and go.
    fn of(finding: &Finding) -> Self {
        let victim = (finding.kind != Kind::SynScan).then_some(finding.victim);
        let is_by_one = match finding.kind {
            Kind::SynFlood | Kind::SynAckReflection | Kind::Backscatter | Kind::RdpWithoutNla => false,
            _ => finding.offender_count <= 1,
        };
        let offender = finding.offenders.first().copied().filter(|_| is_by_one);
        Self { kind: finding.kind, victim, offender }
    }
}

impl Found {
    fn new(finding: &Finding, case: Option<CaseId>) -> Self {
        Self {
            kind: finding.kind,
            severity: finding.severity,
            confidence: finding.confidence,
            victim: finding.victim,
            offenders: finding.offenders.clone(),
            offender_count: finding.offender_count,
            connection: finding.connection,
            case,
            first_seen: finding.first_seen,
            last_seen: finding.last_seen,
        }
    }
}

/// Findings that are kept: some megabytes at worst.
pub const MAX_FINDINGS: usize = 4_096;
/// Incidents that are kept: each is some kilobytes.
pub const MAX_INCIDENTS: usize = 256;

#[cfg(test)]
mod tests;
