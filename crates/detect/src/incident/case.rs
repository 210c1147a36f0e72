use std::{collections::BTreeMap, net::IpAddr};

use flow::FlowRecord;
use wire::Timestamp;

use super::{CaseId, Incident, Link, Stage, StageReport, flows::VictimFlows, links, wording};
use crate::{CaptureQuality, Finding, Kind, MAX_OFFENDERS, Phase, Severity, digest};

/// All that is known of one victim.
#[derive(Clone, Debug)]
pub(super) struct Case {
    pub(super) id: CaseId,
    victim: IpAddr,
    stages: BTreeMap<Stage, StageReport>,
    flows: VictimFlows,
    links: Vec<Link>,
    quality: CaptureQuality,
    stated: Option<Stated>,
}

/// What was stated of a case.
#[derive(Clone, Copy, Debug)]
struct Stated {
    severity: Severity,
    stages: usize,
    weighty_stages: usize,
    at: Timestamp,
}

impl Case {
    pub(super) fn new(victim: IpAddr, finding: &Finding) -> Self {
        Self {
            id: CaseId::new(victim, finding.first_seen),
            victim,
            stages: BTreeMap::new(),
            flows: VictimFlows::default(),
            links: Vec::new(),
            quality: CaptureQuality::default(),
            stated: None,
        }
    }

    /// Takes in a finding on the victim, and what it has in common with others.
    pub(super) fn take(&mut self, finding: &Finding, links: Vec<Link>) {
        self.quality = finding.capture_quality;
        links::merge(&mut self.links, links);
        let Some(stage) = stage_of(finding.kind) else { return };
        self.add(wording::report(stage, finding));
        if finding.kind == Kind::RdpCompromise && !self.stages.contains_key(&Stage::CredentialAttack) {
            // The failures before the success are in the finding.
            self.add(wording::guessing_before(finding));
        }
    }

    /// Takes in that the victim itself scans, or attacks remote desktops.
    pub(super) fn reaches_out(&mut self, finding: &Finding) {
        let has_access = self.access().is_some_and(|access| access <= finding.last_seen);
        if has_access || self.stages.contains_key(&Stage::Mining) {
            self.add(wording::reaching_out(finding));
        }
    }

    /// Takes in a record of a flow of the victim. `true` if it tells anything.
    pub(super) fn record(&mut self, record: &FlowRecord) -> bool {
        let access = self.access();
        if !self.flows.take(self.victim, record, access) {
            return false;
        }
        if self.flows.is_spread() {
            let spread = wording::spread(&self.flows);
            self.stages.insert(Stage::Spread, spread);
        }
        true
    }

    /// Forgets what was over before `time`.
    pub(super) fn forget_before(&mut self, time: Timestamp) {
        self.stages.retain(|_, stage| stage.last_seen >= time);
    }

    /// The incident, if it is one now, and there is something to say that was not said. `noise` is a flood of the victim's network.
    pub(super) fn news(&mut self, time: Timestamp, noise: Option<StageReport>) -> Option<Incident> {
        let mut incident = self.incident(time, noise)?;
        incident.phase = match self.stated {
            None => Phase::Started,
            Some(stated) if incident.severity > stated.severity => Phase::Raised,
            Some(stated) if weighty(&incident.stages) > stated.weighty_stages => Phase::Raised,
            Some(stated) if incident.stages.len() > stated.stages => Phase::Updated,
            Some(stated) if time.nanos_since(stated.at) >= UPDATE_NANOS => Phase::Updated,
            Some(_) => return None,
        };
        let severity = self.stated.map_or(incident.severity, |stated| stated.severity.max(incident.severity));
        let (stages, weighty_stages) = (incident.stages.len(), weighty(&incident.stages));
        self.stated = Some(Stated { severity, stages, weighty_stages, at: time });
        Some(incident)
    }

    /// The incident as it stands at its end, if it was one.
    pub(super) fn last_word(&self, time: Timestamp, noise: Option<StageReport>) -> Option<Incident> {
        self.stated?;
        Some(Incident { phase: Phase::Ended, ..self.incident(time, noise)? })
    }

    /// Since when somebody has been in; mining shows that somebody is, however they came.
    fn access(&self) -> Option<Timestamp> {
        self.stages.get(&Stage::Access).map(|access| access.first_seen)
    }

    fn incident(&self, time: Timestamp, noise: Option<StageReport>) -> Option<Incident> {
        let mut stages = self.stages.clone();
        if let Some(noise) = noise {
            stages.entry(Stage::Noise).or_insert(noise);
        }
        let mining = stages.get(&Stage::Mining).map(|mining| mining.first_seen);
        if let Some(download) = self.flows.delivery(mining)
            && self.access().is_some()
        {
            stages.insert(Stage::Delivery, wording::delivery(download));
        }
        if !is_incident(&stages) {
            return None;
        }
        let stages: Vec<_> = stages.into_values().collect();
        let missing =
            Stage::ALL.into_iter().filter(|stage| stages.iter().all(|one| one.stage != *stage)).collect();
        let mut incident = Incident {
            id: self.id,
            phase: Phase::Started,
            victim: self.victim,
            severity: severity(&stages),
            confidence: confidence(&stages),
            missing,
            offenders: offenders(&stages),
            techniques: techniques(&stages),
            first_seen: stages.iter().map(|stage| stage.first_seen).min().unwrap_or(time),
            last_seen: stages.iter().map(|stage| stage.last_seen).max().unwrap_or(time),
            stated_at: time,
            stages,
            links: self.links.clone(),
            advice: Vec::new(),
            capture_quality: self.quality,
        };
        incident.advice = wording::advice(&incident);
        Some(incident)
    }

    /// Adds what another finding says of a stage.
    fn add(&mut self, more: StageReport) {
        let Some(known) = self.stages.get_mut(&more.stage) else {
            self.stages.insert(more.stage, more);
            return;
        };
        let first_seen = known.first_seen.min(more.first_seen);
        let last_seen = known.last_seen.max(more.last_seen);
        for offender in more.offenders.iter().copied() {
            if known.offenders.len() < MAX_OFFENDERS && !known.offenders.contains(&offender) {
                known.offenders.push(offender);
            }
        }
        if (more.severity, more.weight()) >= (known.severity, known.weight()) {
            let offenders = std::mem::take(&mut known.offenders);
            *known = StageReport { offenders, ..more };
        }
        (known.first_seen, known.last_seen) = (first_seen, last_seen);
    }
}

impl StageReport {
    /// What decides between reports on the same stage that matter as much: shares, tries, handshakes.
    fn weight(&self) -> u64 {
        let count = |name: &str| {
            let evidence = self.evidence.iter().find(|evidence| evidence.name == name)?;
            match evidence.value {
                crate::Value::Count(count) => Some(count),
                _ => None,
            }
        };
        ["shares_accepted", "shares_submitted", "failed_logons", "opened"]
            .into_iter()
            .find_map(count)
            .unwrap_or(0)
    }
}

impl CaseId {
    /// That of a victim whose first finding is about packets from `first_seen` on.
    fn new(victim: IpAddr, first_seen: Timestamp) -> Self {
        let address = match victim {
            IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
            IpAddr::V6(address) => address.to_bits(),
        };
        let octets = address.to_be_bytes().into_iter().chain(first_seen.nanos().to_be_bytes());
        Self(digest::identifier(octets))
    }
}

/// The stage that a finding is about, on the side of its victim.
pub(super) const fn stage_of(kind: Kind) -> Option<Stage> {
    match kind {
        Kind::SynFlood => Some(Stage::Noise),
        Kind::RdpBruteforce | Kind::RdpExploit => Some(Stage::CredentialAttack),
        Kind::RdpCompromise => Some(Stage::Access),
        Kind::Mining => Some(Stage::Mining),
        Kind::SynScan
        | Kind::SynAckReflection
        | Kind::Backscatter
        | Kind::RdpWithoutNla
        | Kind::WorkRequests
        | Kind::CryptocurrencyNode => None,
    }
}

/// More than one finding says by itself: guessing and the access that it leads to are one.
fn is_incident(stages: &BTreeMap<Stage, StageReport>) -> bool {
    let has = |stage| stages.contains_key(&stage);
    let is_mining = stages.get(&Stage::Mining).is_some_and(|mining| mining.severity >= Severity::Medium);
    let is_before = has(Stage::Noise) || has(Stage::CredentialAttack) || has(Stage::Access);
    let goes_on = has(Stage::Noise) || has(Stage::Delivery) || has(Stage::Spread) || has(Stage::Mining);
    has(Stage::Access) && goes_on || is_mining && (is_before || has(Stage::Spread))
}

/// Stages whose coming is as bad as if severity rose.
fn weighty(stages: &[StageReport]) -> usize {
    let is_weighty = |report: &&StageReport| {
        matches!(report.stage, Stage::Access | Stage::Mining | Stage::Spread)
            && report.severity >= Severity::Medium
    };
    stages.iter().filter(is_weighty).count()
}

/// Stages before the miner raise its severity: a miner that somebody broke in for is critical.
fn severity(stages: &[StageReport]) -> Severity {
    let get = |stage| stages.iter().find(|report| report.stage == stage);
    let worst = stages.iter().map(|stage| stage.severity).max().unwrap_or(Severity::Low);
    match (get(Stage::Access), get(Stage::Mining)) {
        (Some(_), Some(_)) => Severity::Critical,
        (Some(access), None) => access.severity.max(Severity::High),
        (None, Some(_)) => worst.max(Severity::High),
        (None, None) => worst,
    }
}

/// As if stages were independent witnesses, each of its own weight. Where the miner was there first, what came later did not bring it.
fn confidence(stages: &[StageReport]) -> f64 {
    let mining = stages.iter().find(|report| report.stage == Stage::Mining);
    let doubt = stages.iter().map(|report| {
        let is_late = report.stage < Stage::Delivery
            && mining.is_some_and(|mining| report.first_seen > mining.first_seen);
        let order = if is_late { OUT_OF_ORDER } else { 1.0 };
        1.0 - report.confidence * weight(report.stage) * order
    });
    (1.0 - doubt.product::<f64>()).clamp(0.05, 0.99)
}

/// How much a stage says of there being an attack on the victim at all.
const fn weight(stage: Stage) -> f64 {
    match stage {
        Stage::Access | Stage::Mining => 0.85,
        Stage::Spread => 0.6,
        Stage::CredentialAttack => 0.5,
        Stage::Noise | Stage::Delivery => 0.3,
    }
}

/// Whoever got in comes first, then whoever tried; floods may bear any name.
fn offenders(stages: &[StageReport]) -> Vec<IpAddr> {
    let order = [Stage::Access, Stage::CredentialAttack, Stage::Mining, Stage::Delivery];
    let mut offenders = Vec::new();
    for stage in order.into_iter().filter_map(|stage| stages.iter().find(|report| report.stage == stage)) {
        for offender in &stage.offenders {
            if offenders.len() < MAX_OFFENDERS && !offenders.contains(offender) {
                offenders.push(*offender);
            }
        }
    }
    offenders
}

fn techniques(stages: &[StageReport]) -> Vec<&'static str> {
    let mut techniques = Vec::new();
    for technique in stages.iter().flat_map(|stage| &stage.techniques) {
        if !techniques.contains(technique) {
            techniques.push(*technique);
        }
    }
    techniques
}

/// What goes on is said again after ten minutes, with its new numbers.
const UPDATE_NANOS: u64 = 600_000_000_000;
/// What a stage that came too late still says.
const OUT_OF_ORDER: f64 = 0.3;
