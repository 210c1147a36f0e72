//! Values that several types of lines have.

use std::{fmt::Display, net::IpAddr};

use detect::{
    CaptureQuality, Evidence, Value,
    incident::{Link, StageReport},
};
use serde::{Serialize, Serializer, ser::SerializeMap};

use crate::{moment::Moment, sampling::Sampling};

/// What every line but `stats` begins with.
#[derive(Serialize)]
pub(super) struct Head {
    pub(super) timestamp: Moment,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) flow_id: Option<u64>,
    pub(super) event_type: &'static str,
    #[serde(flatten)]
    pub(super) source: Option<Source>,
    #[serde(flatten)]
    pub(super) destination: Option<Destination>,
}

/// Where something came from.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub(super) struct Source {
    pub(super) src_ip: IpAddr,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) src_port: Option<u16>,
}

/// Where it went.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub(super) struct Destination {
    pub(super) dest_ip: IpAddr,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) dest_port: Option<u16>,
}

/// Text that may come from the network: of bounded length.
pub(super) struct Text<'a>(pub(super) &'a str);

impl Serialize for Text<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.len() <= TEXT_OCTETS {
            return serializer.serialize_str(self.0);
        }
        let end = self.0.floor_char_boundary(TEXT_OCTETS);
        serializer.collect_str(&format_args!("{}…", self.0.get(..end).unwrap_or_default()))
    }
}

/// What displays itself, as text.
pub(super) struct Shown<T>(pub(super) T);

impl<T: Display> Serialize for Shown<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// Evidence as an object, in its fixed order.
pub(super) struct EvidenceObject<'a>(pub(super) &'a [Evidence]);

impl Serialize for EvidenceObject<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for Evidence { name, value, threshold } in self.0 {
            let value = EvidenceValue(value);
            match threshold {
                None => map.serialize_entry(name, &value)?,
                Some(threshold) => {
                    map.serialize_entry(name, &Held { value, threshold: readable(*threshold) })?;
                }
            }
        }
        map.end()
    }
}

#[derive(Serialize)]
struct Held<'a> {
    value: EvidenceValue<'a>,
    threshold: f64,
}

struct EvidenceValue<'a>(&'a Value);

impl Serialize for EvidenceValue<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Count(count) => serializer.serialize_u64(*count),
            Value::Number(number) => serializer.serialize_f64(readable(*number)),
            Value::Text(text) => Text(text).serialize(serializer),
        }
    }
}

/// Other victims, and what they have in common with this one.
#[derive(Serialize)]
pub(super) struct LinkObject<'a> {
    kind: &'static str,
    value: Text<'a>,
    victims: &'a [IpAddr],
}

pub(super) fn links(links: &[Link]) -> Vec<LinkObject<'_>> {
    links.iter().map(LinkObject::from).collect()
}

impl<'a> From<&'a Link> for LinkObject<'a> {
    fn from(link: &'a Link) -> Self {
        Self { kind: link.kind.name(), value: Text(&link.value), victims: &link.victims }
    }
}

/// What a capture can show.
#[derive(Serialize)]
pub(super) struct QualityObject {
    view: &'static str,
    missing: f64,
    overloaded: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    sampled: Option<Shown<Sampling>>,
}

impl QualityObject {
    /// Says that a part of the packets was looked at.
    pub(super) fn with_sampling(self, sampling: Option<Sampling>) -> Self {
        Self { sampled: sampling.map(Shown), ..self }
    }
}

impl From<CaptureQuality> for QualityObject {
    fn from(quality: CaptureQuality) -> Self {
        let CaptureQuality { view, missing, is_overloaded } = quality;
        Self { view: view.name(), missing: share(missing), overloaded: is_overloaded, sampled: None }
    }
}

/// A stage of an incident.
#[derive(Serialize)]
pub(super) struct StageObject<'a> {
    stage: &'static str,
    first_seen: Moment,
    last_seen: Moment,
    severity: &'static str,
    confidence: f64,
    techniques: &'a [&'static str],
    offenders: &'a [IpAddr],
    says: Text<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    flow_id: Option<u64>,
    evidence: EvidenceObject<'a>,
}

impl<'a> From<&'a StageReport> for StageObject<'a> {
    fn from(report: &'a StageReport) -> Self {
        Self {
            stage: report.stage.name(),
            first_seen: Moment(report.first_seen),
            last_seen: Moment(report.last_seen),
            severity: report.severity.name(),
            confidence: share(report.confidence),
            techniques: &report.techniques,
            offenders: &report.offenders,
            says: Text(&report.says),
            flow_id: report.flow.map(|flow| flow.0),
            evidence: EvidenceObject(&report.evidence),
        }
    }
}

/// A share or a confidence, to three digits after the point. What is not finite stays so, and JSON has `null` for it.
pub(crate) fn share(share: f64) -> f64 {
    (share * 1_000.0).round() / 1_000.0
}

/// A number to six digits: more are noise, and the last bits of a sum would differ from one machine's library to another's.
pub(super) fn readable(number: f64) -> f64 {
    if !number.is_finite() {
        return number;
    }
    format!("{number:.5e}").parse().unwrap_or(number)
}

/// Of a text from the network. Names and wallets are some hundred octets at most; what is longer is there to fill the disk.
pub(super) const TEXT_OCTETS: usize = 1_024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_readable() {
        let json = |number| serde_json::to_string(&number).unwrap();
        assert_eq!(json(readable(1_902.345_678_9)), "1902.35");
        assert_eq!(json(readable(0.1 + 0.2)), "0.3");
        assert_eq!(json(readable(-0.000_012_345_678)), "-0.0000123457");
        assert_eq!(json(readable(0.0)), "0.0");
        assert_eq!([readable(f64::NAN), share(f64::INFINITY)].map(json), ["null", "null"]);
        assert_eq!(json(share(0.978_549_9)), "0.979");
    }

    #[test]
    fn text_is_cut_between_characters() {
        let long = "é".repeat(10_000);
        let json = serde_json::to_value(Text(&long)).unwrap();
        assert_eq!(json.as_str().unwrap(), format!("{}…", "é".repeat(TEXT_OCTETS / 2)));
        let odd = format!("a{long}");
        assert_eq!(serde_json::to_value(Text(&odd)).unwrap().as_str().unwrap().len(), TEXT_OCTETS - 1 + 3);
    }

    #[test]
    fn evidence_keeps_its_order_and_its_thresholds() {
        let evidence = [
            Evidence::new("sources", 12_u64),
            Evidence::new("excess", 7.123_456_78).held_against(5.0),
            Evidence::new("coin", "Monero"),
        ];
        assert_eq!(
            serde_json::to_string(&EvidenceObject(&evidence)).unwrap(),
            r#"{"sources":12,"excess":{"value":7.12346,"threshold":5.0},"coin":"Monero"}"#
        );
    }
}
