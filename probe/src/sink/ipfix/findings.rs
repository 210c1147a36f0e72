//! What findings and incidents are in IPFIX: records of a few shapes, each with what all findings have and the counters of its detector.

mod codes;
mod counters;

use std::{
    fmt::Write as _,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use detect::{
    CaptureQuality, Evidence, Finding, Phase, Severity, Statement, Victim,
    incident::{CaseId, Incident, Stage, StageReport},
};
use ipfix_export::iana::FLOW_ID;
use wire::Timestamp;

use self::{
    codes::{kind_number, phase_number, view_number},
    counters::Detector,
};
use super::entries::Entry;
use crate::elements::registry::{
    ATTACK_STAGE, ATTACK_TECHNIQUES, CAPTURE_MISSING_PERMILLE, CAPTURE_VIEW, EVIDENCE, FINDING_CONFIDENCE,
    FINDING_ID, FINDING_KIND, FINDING_NAME, FINDING_PHASE, FINDING_SEVERITY, FIRST_SEEN_MILLISECONDS,
    INCIDENT_ID, INCIDENT_SCORE, LAST_SEEN_MILLISECONDS, LOSS_AFFECTED, MISSING_STAGES, OFFENDER_ADDRESSES,
    OFFENDER_COUNT, OFFENDER_IPV4_ADDRESS, OFFENDER_IPV6_ADDRESS, STATED_MILLISECONDS, VICTIM_IPV4_ADDRESS,
    VICTIM_IPV6_ADDRESS, VICTIM_PORT, VICTIM_PREFIX_LENGTH,
};

/// A finding or an incident as a record. The first entry is the scope.
pub(super) struct StatementRecord {
    /// Below [`SHAPES`]; records of one shape have the same fields.
    pub(super) shape: u16,
    pub(super) stated_at: Timestamp,
    pub(super) entries: Vec<Entry>,
}

impl StatementRecord {
    pub(super) fn of(statement: &Statement) -> Self {
        match statement {
            Statement::Finding { finding, case, .. } => of_finding(finding, *case),
            Statement::Incident(incident) => of_incident(incident),
        }
    }
}

fn of_finding(finding: &Finding, case: Option<CaseId>) -> StatementRecord {
    let ends = Ends::of(finding.victim, &finding.offenders);
    let name = finding.kind.name();
    let about = About {
        kind: kind_number(finding.kind),
        name,
        phase: finding.phase,
        stage: Stage::of(finding.kind),
        severity: finding.severity,
        confidence: finding.confidence,
        techniques: &finding.techniques,
        offenders: &finding.offenders,
        offender_count: finding.offender_count,
        times: [finding.first_seen, finding.last_seen, finding.stated_at],
        quality: finding.capture_quality,
    };
    let mut entries = vec![
        Entry::own(FINDING_ID, finding.id().0),
        Entry::own(INCIDENT_ID, case.map_or(0, |case| case.0)),
        Entry::standard(FLOW_ID, finding.connection.map_or(0, |connection| connection.flow.0)),
    ];
    entries.extend(about.entries());
    entries.extend(ends.entries());
    let detector = Detector::of(finding.kind);
    entries.extend(detector.entries(finding));
    entries.push(Entry::own(EVIDENCE, evidence_text(&finding.evidence)));
    StatementRecord { shape: shape(detector as u16, ends.is_v6), stated_at: finding.stated_at, entries }
}

fn of_incident(incident: &Incident) -> StatementRecord {
    let ends = Ends::of(Victim::Address(incident.victim), &incident.offenders);
    let about = About {
        kind: INCIDENT_KIND,
        name: "incident",
        phase: incident.phase,
        stage: incident.stages.last().map(|report| report.stage),
        severity: incident.severity,
        confidence: incident.confidence,
        techniques: &incident.techniques,
        offenders: &incident.offenders,
        offender_count: u64::try_from(incident.offenders.len()).unwrap_or(u64::MAX),
        times: [incident.first_seen, incident.last_seen, incident.stated_at],
        quality: incident.capture_quality,
    };
    let missing: Vec<_> = incident.missing.iter().map(|stage| stage.name()).collect();
    let says = |report: &StageReport| format!("{}={}", report.stage.name(), report.says);
    let says: Vec<_> = incident.stages.iter().map(says).collect();
    let mut entries =
        vec![Entry::own(INCIDENT_ID, incident.id.0), Entry::own(INCIDENT_SCORE, u64::from(incident.score()))];
    entries.extend(about.entries());
    entries.extend(ends.entries());
    entries.push(Entry::own(MISSING_STAGES, missing.join(",")));
    entries.push(Entry::own(EVIDENCE, says.join("; ")));
    StatementRecord { shape: shape(INCIDENT_SHAPE, ends.is_v6), stated_at: incident.stated_at, entries }
}

/// What findings and incidents have in common.
struct About<'a> {
    kind: u8,
    name: &'static str,
    phase: Phase,
    stage: Option<Stage>,
    severity: Severity,
    confidence: f64,
    techniques: &'a [&'static str],
    offenders: &'a [IpAddr],
    offender_count: u64,
    times: [Timestamp; 3],
    quality: CaptureQuality,
}

impl About<'_> {
    fn entries(&self) -> Vec<Entry> {
        let stage = self.stage.and_then(|stage| Stage::ALL.iter().position(|one| *one == stage));
        let stage = stage.map_or(0, |place| u64::try_from(place + 1).unwrap_or_default());
        let offenders: Vec<_> = self.offenders.iter().map(ToString::to_string).collect();
        let [first, last, stated] = self.times;
        let CaptureQuality { view, missing, is_overloaded } = self.quality;
        let missing = whole(missing * PERMILLE);
        vec![
            Entry::own(FINDING_KIND, u64::from(self.kind)),
            Entry::own(FINDING_NAME, self.name),
            Entry::own(FINDING_PHASE, phase_number(self.phase)),
            Entry::own(ATTACK_STAGE, stage),
            Entry::own(FINDING_SEVERITY, u64::from(self.severity.number())),
            Entry::own(FINDING_CONFIDENCE, whole(self.confidence * 100.0)),
            Entry::own(ATTACK_TECHNIQUES, self.techniques.join(",")),
            Entry::own(OFFENDER_COUNT, self.offender_count),
            Entry::own(OFFENDER_ADDRESSES, offenders.join(",")),
            Entry::own(FIRST_SEEN_MILLISECONDS, first),
            Entry::own(LAST_SEEN_MILLISECONDS, last),
            Entry::own(STATED_MILLISECONDS, stated),
            Entry::own(CAPTURE_VIEW, view_number(view)),
            Entry::own(CAPTURE_MISSING_PERMILLE, missing),
            Entry::own(LOSS_AFFECTED, missing > 0 || is_overloaded),
        ]
    }
}

/// Victim and first offender, both of one version of IP.
struct Ends {
    is_v6: bool,
    victim: IpAddr,
    prefix_length: u8,
    port: u16,
    offender: IpAddr,
}

impl Ends {
    fn of(victim: Victim, offenders: &[IpAddr]) -> Self {
        let known = match victim {
            Victim::Port(address, _) | Victim::Address(address) => {
                Some((address, if address.is_ipv6() { 128 } else { 32 }))
            }
            Victim::Prefix(prefix) => Some((prefix.address(), prefix.length())),
            Victim::Many => None,
        };
        let is_v6 = known.map(|(address, _)| address).or_else(|| offenders.first().copied());
        let is_v6 = is_v6.is_some_and(|address| address.is_ipv6());
        let none = if is_v6 { IpAddr::V6(Ipv6Addr::UNSPECIFIED) } else { IpAddr::V4(Ipv4Addr::UNSPECIFIED) };
        let (victim_address, prefix_length) = known.unwrap_or((none, 0));
        let offender = offenders.iter().copied().find(|offender| offender.is_ipv6() == is_v6);
        Self {
            is_v6,
            victim: victim_address,
            prefix_length,
            port: victim.port().unwrap_or_default(),
            offender: offender.unwrap_or(none),
        }
    }

    fn entries(&self) -> [Entry; 4] {
        let (victim, offender) = if self.is_v6 {
            (VICTIM_IPV6_ADDRESS, OFFENDER_IPV6_ADDRESS)
        } else {
            (VICTIM_IPV4_ADDRESS, OFFENDER_IPV4_ADDRESS)
        };
        [
            Entry::own(victim, self.victim),
            Entry::own(VICTIM_PREFIX_LENGTH, u64::from(self.prefix_length)),
            Entry::own(VICTIM_PORT, u64::from(self.port)),
            Entry::own(offender, self.offender),
        ]
    }
}

/// `name=value`, with the threshold in brackets, separated by semicolons.
fn evidence_text(evidence: &[Evidence]) -> String {
    let mut text = String::new();
    for (place, Evidence { name, value, threshold }) in evidence.iter().enumerate() {
        let separator = if place == 0 { "" } else { "; " };
        // Writing to a text does not fail.
        match value {
            detect::Value::Number(number) => write!(text, "{separator}{name}={}", readable(*number)).ok(),
            value => write!(text, "{separator}{name}={value}").ok(),
        };
        if let Some(threshold) = threshold {
            write!(text, " ({})", readable(*threshold)).ok();
        }
    }
    text
}

/// To six digits: the last bits of a sum would differ from one machine's library to another's.
fn readable(number: f64) -> f64 {
    format!("{number:.5e}").parse().unwrap_or(number)
}

/// The nearest whole number from 0 on.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "such a conversion saturates")]
fn whole(number: f64) -> u64 {
    number.round() as u64
}

fn shape(detector: u16, is_v6: bool) -> u16 {
    detector << 1 | u16::from(is_v6)
}

/// How many shapes there are.
pub(super) const SHAPES: u16 = (INCIDENT_SHAPE + 1) << 1;
const INCIDENT_SHAPE: u16 = 3;
const INCIDENT_KIND: u8 = 0;
const PERMILLE: f64 = 1_000.0;

#[cfg(test)]
mod tests;
