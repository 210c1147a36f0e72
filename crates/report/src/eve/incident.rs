use std::net::IpAddr;

use detect::incident::{CaseId, Incident, Stage};
use serde::Serialize;

use super::{
    signature::{Alert, INCIDENT},
    values::{
        Destination, Head, LinkObject, QualityObject, Shown, Source, StageObject, Text, links, readable,
        share,
    },
};
use crate::{moment::Moment, sampling::Sampling};

/// The line of an incident.
pub(super) fn line(incident: &Incident, sampling: Option<Sampling>) -> impl Serialize {
    let alert = incident
        .phase
        .is_alert()
        .then(|| Alert::new(INCIDENT, incident.severity, incident.confidence, &incident.techniques));
    let object = IncidentObject::from(incident);
    let capture_quality = object.capture_quality.with_sampling(sampling);
    IncidentLine {
        head: Head {
            timestamp: Moment(incident.stated_at),
            // Each stage has a flow of its own.
            flow_id: None,
            event_type: if alert.is_some() { "alert" } else { "finding" },
            source: incident.offenders.first().map(|offender| Source { src_ip: *offender, src_port: None }),
            destination: Some(Destination { dest_ip: incident.victim, dest_port: None }),
        },
        // An incident rests on findings, which are all about TCP.
        proto: "TCP",
        alert,
        flowcanary: IncidentObject { capture_quality, ..object },
    }
}

#[derive(Serialize)]
struct IncidentLine<'a> {
    #[serde(flatten)]
    head: Head,
    proto: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    alert: Option<Alert<'a>>,
    flowcanary: IncidentObject<'a>,
}

/// What is ours of an incident.
#[derive(Serialize)]
pub(crate) struct IncidentObject<'a> {
    kind: &'static str,
    phase: &'static str,
    severity: &'static str,
    confidence: f64,
    techniques: &'a [&'static str],
    victim: IpAddr,
    offenders: &'a [IpAddr],
    offender_count: usize,
    /// The one that it has come to.
    #[serde(skip_serializing_if = "Option::is_none")]
    stage: Option<&'static str>,
    incident_id: Shown<CaseId>,
    first_seen: Moment,
    last_seen: Moment,
    stages: Vec<StageObject<'a>>,
    missing: Vec<&'static str>,
    dwell_times: Vec<Dwell>,
    advice: Vec<Text<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    links: Vec<LinkObject<'a>>,
    capture_quality: QualityObject,
}

/// From the beginning of a stage to that of the next.
#[derive(Serialize)]
struct Dwell {
    from: &'static str,
    to: &'static str,
    seconds: f64,
}

impl<'a> From<&'a Incident> for IncidentObject<'a> {
    fn from(incident: &'a Incident) -> Self {
        let dwell = |(from, to, time): (Stage, Stage, std::time::Duration)| Dwell {
            from: from.name(),
            to: to.name(),
            seconds: readable(time.as_secs_f64()),
        };
        Self {
            kind: "incident",
            phase: incident.phase.name(),
            severity: incident.severity.name(),
            confidence: share(incident.confidence),
            techniques: &incident.techniques,
            victim: incident.victim,
            offenders: &incident.offenders,
            offender_count: incident.offenders.len(),
            stage: incident.stages.last().map(|report| report.stage.name()),
            incident_id: Shown(incident.id),
            first_seen: Moment(incident.first_seen),
            last_seen: Moment(incident.last_seen),
            stages: incident.stages.iter().map(StageObject::from).collect(),
            missing: incident.missing.iter().map(|stage| stage.name()).collect(),
            dwell_times: incident.dwell_times().map(dwell).collect(),
            advice: incident.advice.iter().map(|advice| Text(advice)).collect(),
            links: links(&incident.links),
            capture_quality: incident.capture_quality.into(),
        }
    }
}
