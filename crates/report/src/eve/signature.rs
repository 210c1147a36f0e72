use std::net::IpAddr;

use detect::{Finding, Kind, Severity, Victim};
use serde::Serialize;

use super::values::{Destination, Source, share};

/// What an alert is called, in every version: rules of others select by the number.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Signature {
    /// The identifier, among those that are for local use.
    pub(super) id: u32,
    /// What it says, for people; the same in every alert, so that alerts can be counted by it.
    pub(super) title: &'static str,
    /// The class, in the words of Snort and Suricata.
    pub(super) category: &'static str,
}

/// The signature of an incident.
pub(super) const INCIDENT: Signature = Signature {
    id: 1_900_901,
    title: "Attack in several stages",
    category: "Successful Administrator Privilege Gain",
};

impl Signature {
    pub(super) const fn of(kind: Kind) -> Self {
        let (id, category) = match kind {
            Kind::SynFlood => (1_900_101, "Attempted Denial of Service"),
            Kind::SynScan => (1_900_102, "Detection of a Network Scan"),
            Kind::SynAckReflection => (1_900_103, "Attempted Denial of Service"),
            Kind::Backscatter => (1_900_104, "Misc activity"),
            Kind::RdpBruteforce => (1_900_201, "Attempted User Privilege Gain"),
            Kind::RdpCompromise => (1_900_202, "Successful User Privilege Gain"),
            Kind::RdpExploit => (1_900_203, "Attempted Administrator Privilege Gain"),
            Kind::RdpWithoutNla => (1_900_204, "Potentially Bad Traffic"),
            Kind::Mining => (1_900_301, "Crypto Currency Mining Activity Detected"),
            Kind::WorkRequests => (1_900_302, "Crypto Currency Mining Activity Detected"),
            Kind::CryptocurrencyNode => (1_900_303, "Potential Corporate Privacy Violation"),
        };
        Self { id, title: kind.title(), category }
    }
}

/// The object `alert`.
#[derive(Serialize)]
pub(super) struct Alert<'a> {
    action: &'static str,
    gid: u32,
    signature_id: u32,
    rev: u32,
    signature: String,
    category: &'static str,
    severity: u8,
    metadata: Metadata<'a>,
}

/// What rules for Suricata say of themselves, each a list of words.
#[derive(Serialize)]
struct Metadata<'a> {
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    mitre_technique_id: &'a [&'static str],
    confidence: [&'static str; 1],
    signature_severity: [&'static str; 1],
}

impl<'a> Alert<'a> {
    pub(super) fn new(
        signature: Signature,
        severity: Severity,
        confidence: f64,
        techniques: &'a [&'static str],
    ) -> Self {
        let (number, word) = match severity {
            Severity::Critical => (1, "Critical"),
            Severity::High => (1, "Major"),
            Severity::Medium => (2, "Minor"),
            Severity::Low => (3, "Informational"),
        };
        // Rounded first, so that the word fits the number that stands beside it.
        let sure = match share(confidence) {
            high if high >= 0.8 => "High",
            medium if medium >= 0.5 => "Medium",
            _ => "Low",
        };
        Self {
            action: "allowed",
            gid: 1,
            signature_id: signature.id,
            rev: 1,
            signature: format!("flowcanary: {}", signature.title),
            category: signature.category,
            severity: number,
            metadata: Metadata {
                mitre_technique_id: techniques,
                confidence: [sure],
                signature_severity: [word],
            },
        }
    }
}

/// The ends that an alert shows: who does it, and to whom. Of what a victim itself does, that is the victim and the other side.
pub(super) fn ends(finding: &Finding) -> (Option<Source>, Option<Destination>) {
    if let Some(connection) = finding.connection {
        let (source, target) = (connection.source, connection.target);
        return (
            Some(Source { src_ip: source.address, src_port: Some(source.port) }),
            Some(Destination { dest_ip: target.address, dest_port: Some(target.port) }),
        );
    }
    let victim: Option<(IpAddr, Option<u16>)> = match finding.victim {
        Victim::Port(address, port) => Some((address, Some(port))),
        Victim::Address(address) => Some((address, None)),
        Victim::Prefix(prefix) => Some((prefix.address(), None)),
        Victim::Many => None,
    };
    let offender = finding.offenders.first().map(|offender| (*offender, None));
    let (source, destination) =
        if is_of_victim(finding.kind) { (victim, offender) } else { (offender, victim) };
    (
        source.map(|(src_ip, src_port)| Source { src_ip, src_port }),
        destination.map(|(dest_ip, dest_port)| Destination { dest_ip, dest_port }),
    )
}

/// Is it the victim that acts?
pub(crate) const fn is_of_victim(kind: Kind) -> bool {
    matches!(kind, Kind::Mining | Kind::WorkRequests | Kind::CryptocurrencyNode)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eve_md_lists_every_signature() {
        let all = Kind::ALL.map(|kind| (kind.name(), Signature::of(kind)));
        let rows = all.into_iter().chain([("incident", INCIDENT)]).map(|(name, signature)| {
            let Signature { id, title, category } = signature;
            format!("| {id} | `{name}` | flowcanary: {title} | {category} |\n")
        });
        let table = format!(
            "| signature_id | kind | signature | category |\n|---|---|---|---|\n{}",
            rows.collect::<String>()
        );
        let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/EVE.md");
        let page = std::fs::read_to_string(page).unwrap();
        assert!(page.contains(&table), "docs/EVE.md lists other signatures; these are there:\n{table}");
    }

    #[test]
    fn identifiers_are_unique() {
        let mut all: Vec<_> = Kind::ALL.map(|kind| Signature::of(kind).id).into();
        all.push(INCIDENT.id);
        all.sort_unstable();
        assert!(all.windows(2).all(|pair| pair[0] < pair[1]));
    }
}
