use std::net::IpAddr;

use serde::{Serialize, Serializer, ser::SerializeStruct};

use super::{Findings, Found};
use crate::{
    eve::{IncidentObject, share},
    moment::Moment,
};

impl Serialize for Findings {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let counts = self.counts().into_iter().map(|((kind, severity), findings)| Count {
            kind: kind.name(),
            severity: severity.name(),
            findings,
        });
        let mut findings = serializer.serialize_struct("Findings", 6)?;
        findings.serialize_field("detectors", &self.detectors)?;
        findings.serialize_field("counts", &counts.collect::<Vec<_>>())?;
        findings
            .serialize_field("incidents", &self.incidents().map(IncidentObject::from).collect::<Vec<_>>())?;
        findings.serialize_field("further_incidents", &self.further_incidents)?;
        findings
            .serialize_field("findings", &self.found.iter().map(FoundObject::from).collect::<Vec<_>>())?;
        findings.serialize_field("further_findings", &self.further_found.values().sum::<u64>())?;
        findings.end()
    }
}

#[derive(Serialize)]
struct Count {
    kind: &'static str,
    severity: &'static str,
    findings: u64,
}

#[derive(Serialize)]
struct FoundObject<'a> {
    kind: &'static str,
    severity: &'static str,
    confidence: f64,
    victim: String,
    offenders: &'a [IpAddr],
    offender_count: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    incident_id: Option<String>,
    first_seen: Moment,
    last_seen: Moment,
}

impl<'a> From<&'a Found> for FoundObject<'a> {
    fn from(found: &'a Found) -> Self {
        Self {
            kind: found.kind.name(),
            severity: found.severity.name(),
            confidence: share(found.confidence),
            victim: found.victim.to_string(),
            offenders: &found.offenders,
            offender_count: found.offender_count,
            incident_id: found.case.map(|case| case.to_string()),
            first_seen: Moment(found.first_seen),
            last_seen: Moment(found.last_seen),
        }
    }
}
