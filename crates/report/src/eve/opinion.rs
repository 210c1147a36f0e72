use std::net::IpAddr;

use detect::{
    Finding, Victim,
    incident::{CaseId, Link, Stage},
};
use serde::Serialize;

use super::{
    signature::{Alert, Signature, ends},
    values::{EvidenceObject, Head, LinkObject, QualityObject, Shown, links, share},
};
use crate::{moment::Moment, sampling::Sampling};

/// The line of a finding.
pub(super) fn line<'a>(
    finding: &'a Finding,
    case: Option<CaseId>,
    others: &'a [Link],
    sampling: Option<Sampling>,
) -> impl Serialize {
    let (source, destination) = ends(finding);
    let alert = finding.phase.is_alert().then(|| {
        Alert::new(Signature::of(finding.kind), finding.severity, finding.confidence, &finding.techniques)
    });
    FindingLine {
        head: Head {
            timestamp: Moment(finding.stated_at),
            flow_id: finding.connection.map(|connection| connection.flow.0),
            event_type: if alert.is_some() { "alert" } else { "finding" },
            source,
            destination,
        },
        // All kinds there are so far.
        proto: "TCP",
        alert,
        flowcanary: FindingObject::new(finding, case, others, sampling),
    }
}

#[derive(Serialize)]
struct FindingLine<'a> {
    #[serde(flatten)]
    head: Head,
    proto: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    alert: Option<Alert<'a>>,
    flowcanary: FindingObject<'a>,
}

/// What is ours of a finding.
#[derive(Serialize)]
struct FindingObject<'a> {
    kind: &'static str,
    phase: &'static str,
    severity: &'static str,
    confidence: f64,
    techniques: &'a [&'static str],
    victim: Shown<Victim>,
    offenders: &'a [IpAddr],
    offender_count: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    stage: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    incident_id: Option<Shown<CaseId>>,
    first_seen: Moment,
    last_seen: Moment,
    evidence: EvidenceObject<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    links: Vec<LinkObject<'a>>,
    capture_quality: QualityObject,
}

impl<'a> FindingObject<'a> {
    fn new(
        finding: &'a Finding,
        case: Option<CaseId>,
        others: &'a [Link],
        sampling: Option<Sampling>,
    ) -> Self {
        Self {
            kind: finding.kind.name(),
            phase: finding.phase.name(),
            severity: finding.severity.name(),
            confidence: share(finding.confidence),
            techniques: &finding.techniques,
            victim: Shown(finding.victim),
            offenders: &finding.offenders,
            offender_count: finding.offender_count,
            stage: Stage::of(finding.kind).map(Stage::name),
            incident_id: case.map(Shown),
            first_seen: Moment(finding.first_seen),
            last_seen: Moment(finding.last_seen),
            evidence: EvidenceObject(&finding.evidence),
            links: links(others),
            capture_quality: QualityObject::from(finding.capture_quality).with_sampling(sampling),
        }
    }
}
