//! What findings and incidents are in IPFIX: records of a few shapes, each with what all findings have and the counters of its detector.

use std::{
    fmt::Write as _,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use detect::{
    CaptureQuality, Evidence, Finding, Kind, Phase, Severity, Statement, Victim, View,
    incident::{CaseId, Incident, Stage, StageReport},
};
use ipfix_export::iana::FLOW_ID;
use wire::Timestamp;

use super::entries::Entry;
use crate::elements::{
    Element,
    registry::{
        ATTACK_SOURCE_COUNT, ATTACK_STAGE, ATTACK_TARGET_COUNT, ATTACK_TECHNIQUES, CAPTURE_MISSING_PERMILLE,
        CAPTURE_VIEW, COMPLETION_PERMILLE, EVIDENCE, FAILED_LOGON_COUNT, FINDING_CONFIDENCE, FINDING_ID,
        FINDING_KIND, FINDING_NAME, FINDING_PHASE, FINDING_SEVERITY, FIRST_SEEN_MILLISECONDS,
        HANDSHAKES_ABORTED, HANDSHAKES_COMPLETED, HANDSHAKES_HALF_OPEN, HANDSHAKES_HALF_OPEN_PEAK,
        HANDSHAKES_OPENED, HANDSHAKES_PEAK_PER_SECOND, HANDSHAKES_REFUSED, HANDSHAKES_SILENT, HASH_RATE,
        HASH_RATE_LOWER_BOUND, HASH_RATE_UPPER_BOUND, INCIDENT_ID, INCIDENT_SCORE, LAST_SEEN_MILLISECONDS,
        LOGON_OUTCOME, LOGON_SCREEN_LEFT_COUNT, LOGON_USER_NAME, LOSS_AFFECTED, MEDIAN_PAUSE_MILLISECONDS,
        MINING_COIN, MINING_DIALECT, MINING_JOB_COUNT, MINING_POOL_NAME, MINING_WALLET, MISSING_STAGES,
        OFFENDER_ADDRESSES, OFFENDER_COUNT, OFFENDER_IPV4_ADDRESS, OFFENDER_IPV6_ADDRESS,
        REFUSED_CONNECTION_COUNT, SHARES_ACCEPTED_COUNT, SHARES_REJECTED_COUNT, SHARES_SUBMITTED_COUNT,
        STATED_MILLISECONDS, SYN_COUNT, TRIED_SERVER_COUNT, TRIED_USER_COUNT, UNSOLICITED_SYN_ACK_COUNT,
        VICTIM_IPV4_ADDRESS, VICTIM_IPV6_ADDRESS, VICTIM_PORT, VICTIM_PREFIX_LENGTH,
    },
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
        Entry::own(FINDING_ID, finding_id(finding)),
        Entry::own(INCIDENT_ID, case.map_or(0, |case| case.0)),
        Entry::standard(FLOW_ID, finding.connection.map_or(0, |connection| connection.flow.0)),
    ];
    entries.extend(about.entries());
    entries.extend(ends.entries());
    let detector = Detector::of(finding.kind);
    for counter in detector.counters() {
        entries.push(counter.entry(finding));
    }
    for (element, names) in detector.texts() {
        let text = names.iter().find_map(|name| finding.text(name)).unwrap_or_default();
        entries.push(Entry::own(*element, text));
    }
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

/// Whose counters a finding has.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Detector {
    Handshakes = 0,
    Logons = 1,
    Miners = 2,
}

/// An element, and the number of the evidence that fills it.
struct Counter {
    element: Element,
    evidence: &'static str,
    /// By how much the evidence is multiplied.
    scale: f64,
}

impl Counter {
    const fn new(element: Element, evidence: &'static str) -> Self {
        Self { element, evidence, scale: 1.0 }
    }

    const fn scaled(element: Element, evidence: &'static str, scale: f64) -> Self {
        Self { element, evidence, scale }
    }

    fn entry(&self, finding: &Finding) -> Entry {
        let number = match finding.value(self.evidence) {
            Some(detect::Value::Count(count)) if self.scale <= 1.0 => *count,
            Some(value) => whole(value.number().unwrap_or_default() * self.scale),
            None => 0,
        };
        Entry::own(self.element, number)
    }
}

impl Detector {
    const fn of(kind: Kind) -> Self {
        match kind {
            Kind::SynFlood | Kind::SynScan | Kind::SynAckReflection | Kind::Backscatter => Self::Handshakes,
            Kind::RdpBruteforce | Kind::RdpCompromise | Kind::RdpExploit | Kind::RdpWithoutNla => {
                Self::Logons
            }
            Kind::Mining | Kind::WorkRequests | Kind::CryptocurrencyNode => Self::Miners,
        }
    }

    const fn counters(self) -> &'static [Counter] {
        match self {
            Self::Handshakes => HANDSHAKE_COUNTERS,
            Self::Logons => LOGON_COUNTERS,
            Self::Miners => MINING_COUNTERS,
        }
    }

    /// Elements of text, each with the evidence that fills it, the first that there is.
    const fn texts(self) -> &'static [(Element, &'static [&'static str])] {
        match self {
            Self::Handshakes => &[],
            Self::Logons => LOGON_TEXTS,
            Self::Miners => MINING_TEXTS,
        }
    }
}

const HANDSHAKE_COUNTERS: &[Counter] = &[
    Counter::new(SYN_COUNT, "syn"),
    Counter::new(UNSOLICITED_SYN_ACK_COUNT, "unsolicited_syn_ack"),
    Counter::new(HANDSHAKES_OPENED, "opened"),
    Counter::new(HANDSHAKES_COMPLETED, "completed"),
    Counter::new(HANDSHAKES_HALF_OPEN, "half_open"),
    Counter::new(HANDSHAKES_SILENT, "silent"),
    Counter::new(HANDSHAKES_REFUSED, "refused"),
    Counter::new(HANDSHAKES_ABORTED, "aborted"),
    Counter::new(HANDSHAKES_PEAK_PER_SECOND, "peak_per_second"),
    Counter::new(HANDSHAKES_HALF_OPEN_PEAK, "half_open_peak"),
    Counter::scaled(COMPLETION_PERMILLE, "completion_60s", PERMILLE),
    Counter::new(ATTACK_SOURCE_COUNT, "sources"),
    Counter::new(ATTACK_TARGET_COUNT, "targets"),
];
const LOGON_COUNTERS: &[Counter] = &[
    Counter::new(FAILED_LOGON_COUNT, "failed_logons"),
    Counter::new(LOGON_SCREEN_LEFT_COUNT, "logon_screens_left"),
    Counter::new(TRIED_USER_COUNT, "users"),
    Counter::new(TRIED_SERVER_COUNT, "servers"),
    Counter::new(REFUSED_CONNECTION_COUNT, "refused_connections"),
    Counter::scaled(MEDIAN_PAUSE_MILLISECONDS, "median_pause_seconds", MILLISECONDS_PER_SECOND),
    Counter::new(ATTACK_SOURCE_COUNT, "sources"),
];
const MINING_COUNTERS: &[Counter] = &[
    Counter::new(MINING_JOB_COUNT, "jobs"),
    Counter::new(SHARES_SUBMITTED_COUNT, "shares_submitted"),
    Counter::new(SHARES_ACCEPTED_COUNT, "shares_accepted"),
    Counter::new(SHARES_REJECTED_COUNT, "shares_rejected"),
    Counter::new(HASH_RATE, "hashes_per_second"),
    Counter::new(HASH_RATE_LOWER_BOUND, "hashes_per_second_low"),
    Counter::new(HASH_RATE_UPPER_BOUND, "hashes_per_second_high"),
];
const LOGON_TEXTS: &[(Element, &[&str])] = &[(LOGON_OUTCOME, &["outcome"]), (LOGON_USER_NAME, &["user"])];
const MINING_TEXTS: &[(Element, &[&str])] = &[
    (MINING_DIALECT, &["dialect"]),
    (MINING_COIN, &["coin"]),
    (MINING_WALLET, &["wallet"]),
    (MINING_POOL_NAME, &["pool_name", "pool"]),
];

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

/// What a finding is about, in a number of 53 bits, as other identifiers have: the kind, the victim and, where the finding is about one of
/// them, the offender.
fn finding_id(finding: &Finding) -> u64 {
    let is_by_offender =
        matches!(finding.kind, Kind::SynScan | Kind::RdpBruteforce | Kind::RdpCompromise | Kind::RdpExploit);
    let offender = finding.offenders.first().filter(|_| is_by_offender && finding.offender_count == 1);
    let offender = offender.map(ToString::to_string).unwrap_or_default();
    let text = format!("{} {} {offender}", finding.kind.name(), finding.victim);
    // FNV-1a, and the finalizer of SplitMix64, so that each bit counts.
    let digest = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |digest, octet| {
        (digest ^ u64::from(octet)).wrapping_mul(0x0100_0000_01b3)
    });
    let mixed = (digest ^ (digest >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (mixed ^ (mixed >> 27)) >> 11
}

const fn kind_number(kind: Kind) -> u8 {
    match kind {
        Kind::SynFlood => 1,
        Kind::SynScan => 2,
        Kind::SynAckReflection => 3,
        Kind::Backscatter => 4,
        Kind::RdpBruteforce => 5,
        Kind::RdpCompromise => 6,
        Kind::RdpExploit => 7,
        Kind::RdpWithoutNla => 8,
        Kind::Mining => 9,
        Kind::WorkRequests => 10,
        Kind::CryptocurrencyNode => 11,
    }
}

const fn phase_number(phase: Phase) -> u64 {
    match phase {
        Phase::Started => 1,
        Phase::Raised => 2,
        Phase::Updated => 3,
        Phase::Ended => 4,
    }
}

const fn view_number(view: View) -> u64 {
    match view {
        View::Unknown => 0,
        View::BothWays => 1,
        View::TowardsServers => 2,
        View::TowardsClients => 3,
    }
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
const MILLISECONDS_PER_SECOND: f64 = 1_000.0;

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use detect::Prefix;
    use ipfix_export::{Exporter, ExporterConfig, Field, MemoryOutput, Template};

    use super::{super::entries::fit, *};

    fn finding(kind: Kind, victim: Victim, offender: &str) -> Finding {
        let time = Timestamp::from_parts(1_700_000_000, 0);
        Finding {
            kind,
            phase: Phase::Started,
            severity: Severity::High,
            confidence: 0.876,
            techniques: vec!["T1110.001", "T1078"],
            victim,
            offenders: vec![offender.parse().unwrap()],
            offender_count: 1,
            connection: None,
            first_seen: time,
            last_seen: time,
            stated_at: time,
            evidence: vec![
                Evidence::new("opened", 70_000_u64),
                Evidence::new("completion_60s", 0.0149).held_against(0.2),
                Evidence::new("hashes_per_second", 1e30),
                Evidence::new("median_pause_seconds", 0.25),
                Evidence::new("wallet", "w".repeat(9_000)),
                Evidence::new("pool", "told"),
                Evidence::new("pool_name", "looked up"),
            ],
            capture_quality: CaptureQuality { missing: 0.0021, ..CaptureQuality::default() },
        }
    }

    fn victims() -> Vec<(Victim, &'static str)> {
        let (v4, v6): (IpAddr, IpAddr) = ("192.0.2.1".parse().unwrap(), "2001:db8::1".parse().unwrap());
        [(v4, "198.51.100.7"), (v6, "2001:db8:f::7")]
            .into_iter()
            .flat_map(|(address, offender)| {
                let prefix = Victim::Prefix(Prefix::of(address));
                let victims = [Victim::Port(address, 3_389), Victim::Address(address), prefix, Victim::Many];
                victims.map(|victim| (victim, offender))
            })
            .collect()
    }

    #[test]
    fn records_of_a_shape_have_the_same_fields_and_fit_into_the_smallest_message() {
        let mut shapes = BTreeMap::new();
        let config = ExporterConfig::new(1).with_maximum_message(512);
        let mut exporter = Exporter::new(config, MemoryOutput::datagram()).unwrap();
        for kind in Kind::ALL {
            for (victim, offender) in victims() {
                let statement = Statement::Finding {
                    finding: finding(kind, victim, offender),
                    case: None,
                    links: Vec::new(),
                };
                let mut record = StatementRecord::of(&statement);
                assert!(record.shape < SHAPES);
                let fields: Vec<Field> =
                    record.entries.iter().map(|entry| entry.field(9_999).unwrap()).collect();
                let (handle, known) = shapes.entry(record.shape).or_insert_with(|| {
                    let (scope, options) = fields.split_at(1);
                    let id = 256 + record.shape;
                    let template = Template::options(id, scope.to_vec(), options.to_vec()).unwrap();
                    (exporter.register(&template).unwrap(), fields.clone())
                });
                assert_eq!(*known, fields, "{kind:?} {victim}");
                fit(&mut record.entries, exporter.largest_record());
                exporter
                    .record(handle, 1, |writer| {
                        record.entries.iter().try_for_each(|entry| entry.write(writer))
                    })
                    .unwrap();
            }
        }
        assert_eq!(shapes.len(), 6);
    }

    #[test]
    fn numbers_are_those_of_the_evidence() {
        let victim = victims()[0].0;
        let of = |kind, element: Element| {
            let finding = finding(kind, victim, "198.51.100.7");
            let record = StatementRecord::of(&Statement::Finding {
                finding,
                case: Some(CaseId(5)),
                links: Vec::new(),
            });
            let field = element.under(9_999).unwrap().field();
            let entry = record.entries.into_iter().find(|entry| entry.field(9_999).unwrap() == field);
            entry.unwrap_or_else(|| panic!("no {}", element.name))
        };
        assert_eq!(of(Kind::SynFlood, HANDSHAKES_OPENED), Entry::own(HANDSHAKES_OPENED, 70_000_u64));
        assert_eq!(of(Kind::SynFlood, COMPLETION_PERMILLE), Entry::own(COMPLETION_PERMILLE, 15_u64));
        assert_eq!(of(Kind::SynFlood, LOSS_AFFECTED), Entry::own(LOSS_AFFECTED, true));
        assert_eq!(of(Kind::SynFlood, INCIDENT_ID), Entry::own(INCIDENT_ID, 5_u64));
        assert_eq!(of(Kind::RdpBruteforce, FINDING_CONFIDENCE), Entry::own(FINDING_CONFIDENCE, 88_u64));
        let pause = Entry::own(MEDIAN_PAUSE_MILLISECONDS, 250_u64);
        assert_eq!(of(Kind::RdpBruteforce, MEDIAN_PAUSE_MILLISECONDS), pause);
        // More than the element can hold.
        assert_eq!(of(Kind::Mining, HASH_RATE), Entry::own(HASH_RATE, u64::MAX));
        assert_eq!(of(Kind::Mining, MINING_POOL_NAME), Entry::own(MINING_POOL_NAME, "looked up"));
        assert_eq!(of(Kind::Mining, ATTACK_TECHNIQUES), Entry::own(ATTACK_TECHNIQUES, "T1110.001,T1078"));
    }

    #[test]
    fn a_finding_is_the_same_thing_whenever_it_is_said() {
        let (victim, offender) = victims()[0];
        let first = finding(Kind::RdpBruteforce, victim, offender);
        let mut later = Finding { phase: Phase::Raised, severity: Severity::Critical, ..first.clone() };
        later.stated_at = Timestamp::from_parts(1_800_000_000, 0);
        assert_eq!(finding_id(&first), finding_id(&later));
        for other in [
            finding(Kind::RdpCompromise, victim, offender),
            finding(Kind::RdpBruteforce, victims()[1].0, offender),
            finding(Kind::RdpBruteforce, victim, "198.51.100.8"),
        ] {
            assert_ne!(finding_id(&first), finding_id(&other));
        }
        assert!(finding_id(&first) < 1 << 53);
    }
}
