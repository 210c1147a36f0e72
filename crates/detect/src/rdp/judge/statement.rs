//! How findings are worded.

use std::net::IpAddr;

use wire::Timestamp;

use super::{JudgeConfig, Topic, server::Failing, source::Tries, step::Step};
use crate::rdp::{
    Outcome, Reason, SecurityProtocols,
    observation::{LogonSeen, Observation},
};
use crate::{
    CaptureQuality, Connection, Evidence, Finding, Kind, MAX_OFFENDERS, Phase, Severity, Value, Victim,
};

/// How passwords are guessed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Pattern {
    Fast,
    Slow,
    OverServers,
    Steady,
    Shared,
    Refused,
    Succeeded,
}

impl Pattern {
    const fn name(self) -> &'static str {
        match self {
            Self::Fast => "fast guessing",
            Self::Slow => "slow guessing",
            Self::OverServers => "guessing over several servers",
            Self::Steady => "one name at a steady period: probably a saved password that has expired",
            Self::Shared => "failures of an address whose other users succeed: probably a jump host",
            Self::Refused => "refused in the negotiation, before any logon",
            Self::Succeeded => "guessing, then a success",
        }
    }

    /// How sure it makes, before the numbers.
    const fn confidence(self) -> f64 {
        match self {
            Self::Steady | Self::Shared => 0.3,
            Self::Refused => 0.5,
            Self::Fast | Self::Slow | Self::OverServers => 0.8,
            Self::Succeeded => 0.9,
        }
    }
}

/// Tries of one source that are guessing.
pub(super) struct Guessing<'a> {
    pub(super) pattern: Pattern,
    pub(super) severity: Severity,
    pub(super) tries: &'a Tries<'a>,
}

impl Guessing<'_> {
    pub(super) fn finding(&self, observation: &Observation, config: &JudgeConfig) -> Finding {
        let tries = self.tries;
        let (failed, screens) = (tries.count(Outcome::Failed), tries.count(Outcome::Unknown));
        let mut evidence = EvidenceList::default();
        evidence.add("pattern", self.pattern.name());
        add_tries(&mut evidence, tries);
        evidence.add("refused_connections", count(tries.count(Outcome::Refused)));
        evidence.add("weighted_failures", tries.weight(config));
        evidence
            .add("threshold_fast", format!("{} in {} s", config.fast_failures, config.fast_window.as_secs()));
        evidence
            .add("threshold_slow", format!("{} in {} s", config.slow_failures, config.slow_window.as_secs()));
        // What was typed at a logon screen, if anything, was not seen.
        let certainty = if screens > failed { LOGON_SCREEN_CERTAINTY } else { 1.0 };
        Finding {
            kind: Kind::RdpBruteforce,
            severity: self.severity,
            confidence: self.pattern.confidence() * certainty,
            techniques: techniques(tries, config),
            first_seen: tries.first().map_or(observation.time, |first| first.opened),
            evidence: evidence.0,
            ..about_pair(observation)
        }
    }
}

/// A logon that succeeded after tries of the same source.
pub(super) struct Success<'a> {
    pub(super) seen: &'a LogonSeen,
    /// What distinguishes the success, where the logon cannot be seen.
    pub(super) step: Option<Step>,
    /// Did the tries come faster than people type, or with several names?
    pub(super) is_fast: bool,
    pub(super) tries: &'a Tries<'a>,
}

impl Success<'_> {
    pub(super) fn finding(&self, observation: &Observation) -> Finding {
        let (seen, tries) = (self.seen, self.tries);
        let is_session =
            seen.logon.outcome != Outcome::Accepted && !matches!(self.step, Some(Step::Sequence(_)));
        let mut evidence = EvidenceList::default();
        let outcome = match self.step {
            Some(Step::Size(_)) => "session by its size",
            Some(Step::Sequence(_)) => "session by its connection sequence",
            None => seen.logon.outcome.name(),
        };
        evidence.add("outcome", outcome);
        evidence.add("distinguished_by", seen.logon.reason.to_string());
        evidence.add("user", seen.user.as_deref().unwrap_or("not told"));
        add_tries(&mut evidence, tries);
        let gap = tries.last().map_or(0.0, |last| (seen.opened - last.ended).as_secs_f64());
        evidence.add("gap_seconds", gap);
        evidence.add("server_octets", seen.server_octets);
        match self.step {
            Some(Step::Size(usual)) => {
                evidence.add("server_octets_of_failures", usual);
            }
            Some(Step::Sequence(most)) => {
                evidence.add("client_records", u64::from(seen.client_records));
                evidence.add("client_records_of_failures", u64::from(most));
            }
            None => {}
        }
        if let Some(ja4) = &seen.ja4 {
            evidence.add("ja4", ja4.as_str());
        }
        Finding {
            kind: Kind::RdpCompromise,
            severity: if is_session { Severity::Critical } else { Severity::High },
            confidence: self.confidence(),
            techniques: if is_session { vec!["T1110", "T1078", "T1021.001"] } else { vec!["T1110", "T1078"] },
            first_seen: tries.first().map_or(seen.opened, |first| first.opened),
            evidence: evidence.0,
            ..about_pair(observation)
        }
    }

    fn confidence(&self) -> f64 {
        let by_reason = match self.seen.logon.reason {
            Reason::ConnectionSequenceDone | Reason::DesktopAfterLogon | Reason::CredentialsDelegated => 0.95,
            Reason::ProofAnswered => 0.9,
            Reason::LongAndBusy => 0.7,
            _ => 0.5,
        };
        if self.is_fast { by_reason } else { by_reason * TYPED_CERTAINTY }
    }
}

/// Guessing by many sources at one server.
pub(super) fn distributed(
    observation: &Observation,
    failing: &Failing,
    config: &JudgeConfig,
) -> (Topic, Finding) {
    let mut evidence = EvidenceList::default();
    evidence.add("pattern", "guessing by many sources at one server");
    evidence.add("sources", count(failing.sources.len()));
    evidence.add("weighted_failures", failing.weight);
    evidence.add("weighted_failures_of_the_most_active_source", failing.most);
    evidence.add("span_seconds", (observation.time - failing.first).as_secs_f64());
    let (failures, sources) = (config.distributed_failures, config.distributed_sources);
    let seconds = config.slow_window.as_secs();
    evidence.add("threshold", format!("{failures} by {sources} sources in {seconds} s"));
    let finding = Finding {
        kind: Kind::RdpBruteforce,
        severity: Severity::Medium,
        confidence: 0.7,
        techniques: vec!["T1110.001"],
        offenders: failing.sources.iter().copied().take(MAX_OFFENDERS).collect(),
        offender_count: count(failing.sources.len()),
        first_seen: failing.first,
        evidence: evidence.0,
        ..about_pair(observation)
    };
    (Topic { kind: Kind::RdpBruteforce, source: None, server: Some(observation.server) }, finding)
}

/// An attempt at CVE-2019-0708.
pub(super) fn exploit(observation: &Observation, client_name: &str, client_build: u32) -> (Topic, Finding) {
    let mut evidence = EvidenceList::default();
    evidence.add("cve", "CVE-2019-0708");
    evidence.add("channel", "MS_T120");
    evidence.add("client_name", client_name);
    evidence.add("client_build", u64::from(client_build));
    evidence.add("says", "an exploit or a scanner for it; whether the server is patched cannot be seen");
    // From inside it spreads, from outside it breaks in.
    let technique = if is_inside(observation.client.address) { "T1210" } else { "T1190" };
    let finding = Finding {
        severity: Severity::High,
        confidence: 0.9,
        techniques: vec![technique],
        kind: Kind::RdpExploit,
        evidence: evidence.0,
        ..about_pair(observation)
    };
    let (source, server) = (Some(observation.client.address), Some(observation.server));
    (Topic { kind: Kind::RdpExploit, source, server }, finding)
}

/// A server that lets clients log on without network level authentication.
pub(super) fn without_nla(observation: &Observation, permitted: SecurityProtocols) -> (Topic, Finding) {
    let mut evidence = EvidenceList::default();
    evidence.add("selected_protocol", permitted.to_string());
    evidence.add("says", "whether the server is patched cannot be seen; these matter more without network level authentication");
    for (name, updates) in FIXES {
        evidence.add(name, updates);
    }
    let finding = Finding {
        kind: Kind::RdpWithoutNla,
        confidence: 0.9,
        offenders: Vec::new(),
        offender_count: 0,
        evidence: evidence.0,
        ..about_pair(observation)
    };
    (Topic { kind: Kind::RdpWithoutNla, source: None, server: Some(observation.server) }, finding)
}

/// What all findings on a client and a server have in common: of low severity, and of no kind in particular.
fn about_pair(observation: &Observation) -> Finding {
    let &Observation { time, flow, client, server, .. } = observation;
    Finding {
        kind: Kind::RdpBruteforce,
        phase: Phase::Started,
        severity: Severity::Low,
        confidence: 0.0,
        techniques: Vec::new(),
        victim: Victim::at(server),
        offenders: vec![client.address],
        offender_count: 1,
        connection: Some(Connection { flow, source: client, target: server }),
        first_seen: time,
        last_seen: time,
        stated_at: time,
        evidence: Vec::new(),
        // The judge of handshakes knows it.
        capture_quality: CaptureQuality::default(),
    }
}

fn add_tries(evidence: &mut EvidenceList, tries: &Tries<'_>) {
    evidence.add("failed_logons", count(tries.count(Outcome::Failed)));
    evidence.add("logon_screens_left", count(tries.count(Outcome::Unknown)));
    evidence.add("users", count(tries.users()));
    evidence.add("servers", count(tries.servers()));
    let begin = tries.first().map_or(Timestamp::ZERO, |first| first.opened);
    let end = tries.last().map_or(begin, |last| last.ended);
    evidence.add("span_seconds", (end - begin).as_secs_f64());
    evidence.add("median_pause_seconds", tries.median_pause().unwrap_or_default().as_secs_f64());
    if let Some(tool) = tries.tool() {
        evidence.add("tool", tool.name());
    }
}

/// Guessing, and spraying where there are many names with few tries each.
fn techniques(tries: &Tries<'_>, config: &JudgeConfig) -> Vec<&'static str> {
    let many = |n: usize, most: u32| n >= usize::try_from(most).unwrap_or(usize::MAX);
    let users = tries.users();
    let is_sprayed = many(users, config.sprayed_users) && tries.len() <= users * TRIES_PER_SPRAYED_USER;
    if is_sprayed || many(tries.servers(), config.sprayed_servers) {
        vec!["T1110.003"]
    } else {
        vec!["T1110.001"]
    }
}

/// Addresses of private networks (RFC 1918; RFC 4193).
fn is_inside(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_private(),
        IpAddr::V6(address) => address.is_unique_local(),
    }
}

fn count(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}

#[derive(Default)]
struct EvidenceList(Vec<Evidence>);

impl EvidenceList {
    fn add(&mut self, name: &'static str, value: impl Into<Value>) {
        self.0.push(Evidence::new(name, value));
    }
}

const LOGON_SCREEN_CERTAINTY: f64 = 0.75;
const TYPED_CERTAINTY: f64 = 0.7;
const TRIES_PER_SPRAYED_USER: usize = 3;
/// Microsoft's updates, by the advisories of each.
const FIXES: [(&str, &str); 3] = [
    (
        "fixes_of_cve_2019_0708",
        "XP and 2003 KB4500331; 2008 KB4499149 or KB4499180; 7 and 2008 R2 KB4499164 or KB4499175; later systems not affected",
    ),
    (
        "fixes_of_cve_2019_1181_and_1182",
        "7 and 2008 R2 KB4512506 or KB4512486; 2012 KB4512518 or KB4512482; 8.1 and 2012 R2 KB4512488 or KB4512489; 10 KB4512497; \
         1607 and 2016 KB4512517; 1703 KB4512507; 1709 KB4512516; 1803 KB4512501; 1809 and 2019 KB4511553; 1903 KB4512508",
    ),
    ("fixes_of_cve_2012_0002", "KB2621440, KB2667402"),
];
