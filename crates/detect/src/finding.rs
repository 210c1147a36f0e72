//! What judges say.

use std::{fmt, net::IpAddr};

use flow::{Endpoint, FlowId};
use wire::Timestamp;

use crate::{CaptureQuality, Evidence, Prefix, Severity, Value, digest};

/// An opinion: what was done, to whom, by whom, how sure, and on what grounds.
///
/// There is one when something is first stated, one more whenever its severity rises, and where it goes on, some when more is known
/// of it and one when it has ended ([`Phase`]).
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// What was done.
    pub kind: Kind,
    /// Which of its findings this is.
    pub phase: Phase,
    /// How much it matters.
    pub severity: Severity,
    /// From 0 to 1.
    pub confidence: f64,
    /// Identifiers of MITRE ATT&CK v18.
    pub techniques: Vec<&'static str>,
    /// Who it was done to. Whoever mines is a victim: its owner pays for the current.
    pub victim: Victim,
    /// Who did it, or seems to have; those that did most first, and no more than [`MAX_OFFENDERS`]. The pool, of mining.
    pub offenders: Vec<IpAddr>,
    /// How many there were: exact below 64, else an estimate.
    pub offender_count: u64,
    /// The connection that made it so, where it was one.
    pub connection: Option<Connection>,
    /// The first packet of it.
    pub first_seen: Timestamp,
    /// The last one so far.
    pub last_seen: Timestamp,
    /// The time of the capture when it could be said.
    pub stated_at: Timestamp,
    /// Numbers, the thresholds that they were held against, and decoded facts, in a fixed order.
    pub evidence: Vec<Evidence>,
    /// What the capture could show.
    pub capture_quality: CaptureQuality,
}

/// Says that findings are about the same thing: it is a digest of what was done, to whom and, where that is about a single offender, by whom.
/// 53 bits, the same in every run.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct FindingId(pub u64);

/// A connection that a finding rests on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Connection {
    /// Its flow.
    pub flow: FlowId,
    /// Who did it; of mining, the miner.
    pub source: Endpoint,
    /// Who it was done to; of mining, the pool.
    pub target: Endpoint,
}

/// What was done.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Kind {
    /// Handshakes are opened and left.
    SynFlood,
    /// Ports or hosts are tried out.
    SynScan,
    /// Servers are made to send SYN-ACKs to somebody who never asked.
    SynAckReflection,
    /// A server sends SYN-ACKs to many who never asked: it is attacked elsewhere, with their addresses forged.
    Backscatter,
    /// Passwords of remote desktops are guessed.
    RdpBruteforce,
    /// A logon at a remote desktop succeeded after guesses that failed.
    RdpCompromise,
    /// A client asks a remote desktop for what only exploits ask for.
    RdpExploit,
    /// A remote desktop lets clients log on without network level authentication.
    RdpWithoutNla,
    /// Somebody mines, or tries to.
    Mining,
    /// Somebody asks a node for work and hands in none: a miner without luck, or monitoring.
    WorkRequests,
    /// A node of a currency talks to another.
    CryptocurrencyNode,
}

impl Kind {
    /// Every kind there is.
    pub const ALL: [Self; 11] = [
        Self::SynFlood,
        Self::SynScan,
        Self::SynAckReflection,
        Self::Backscatter,
        Self::RdpBruteforce,
        Self::RdpCompromise,
        Self::RdpExploit,
        Self::RdpWithoutNla,
        Self::Mining,
        Self::WorkRequests,
        Self::CryptocurrencyNode,
    ];

    /// Its name in outputs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SynFlood => "syn_flood",
            Self::SynScan => "syn_scan",
            Self::SynAckReflection => "syn_ack_reflection",
            Self::Backscatter => "backscatter",
            Self::RdpBruteforce => "rdp_bruteforce",
            Self::RdpCompromise => "rdp_compromise",
            Self::RdpExploit => "rdp_exploit",
            Self::RdpWithoutNla => "rdp_without_nla",
            Self::Mining => "mining",
            Self::WorkRequests => "work_requests",
            Self::CryptocurrencyNode => "cryptocurrency_node",
        }
    }

    /// What it is, for people.
    pub const fn title(self) -> &'static str {
        match self {
            Self::SynFlood => "SYN flood",
            Self::SynScan => "SYN scan",
            Self::SynAckReflection => "SYN-ACK reflection",
            Self::Backscatter => "Backscatter of a SYN flood elsewhere",
            Self::RdpBruteforce => "RDP password guessing",
            Self::RdpCompromise => "RDP logon after password guessing",
            Self::RdpExploit => "RDP exploit attempt",
            Self::RdpWithoutNla => "RDP server without network level authentication",
            Self::Mining => "Cryptocurrency mining",
            Self::WorkRequests => "Requests for mining work",
            Self::CryptocurrencyNode => "Cryptocurrency node",
        }
    }
}

/// Which of the findings on one thing it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Phase {
    /// The first.
    Started,
    /// Its severity has risen.
    Raised,
    /// More is known of it, and it matters as before.
    Updated,
    /// It is over, or the capture is.
    Ended,
}

impl Phase {
    /// Its name in outputs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Raised => "raised",
            Self::Updated => "updated",
            Self::Ended => "ended",
        }
    }

    /// Is it worth an alert? What is merely continued or over is not.
    pub const fn is_alert(self) -> bool {
        matches!(self, Self::Started | Self::Raised)
    }
}

/// Who something is done to.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Victim {
    /// A port of a host.
    Port(IpAddr, u16),
    /// A host.
    Address(IpAddr),
    /// A network.
    Prefix(Prefix),
    /// No network in particular.
    Many,
}

impl Victim {
    /// A port of a host.
    pub const fn at(endpoint: Endpoint) -> Self {
        Self::Port(endpoint.address, endpoint.port)
    }

    /// The host, if it is one.
    pub const fn address(self) -> Option<IpAddr> {
        match self {
            Self::Port(address, _) | Self::Address(address) => Some(address),
            Self::Prefix(_) | Self::Many => None,
        }
    }

    /// The port, if it is one.
    pub const fn port(self) -> Option<u16> {
        match self {
            Self::Port(_, port) => Some(port),
            _ => None,
        }
    }
}

impl fmt::Display for Victim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Port(IpAddr::V4(address), port) => write!(f, "{address}:{port}"),
            Self::Port(IpAddr::V6(address), port) => write!(f, "[{address}]:{port}"),
            Self::Address(address) => write!(f, "{address}"),
            Self::Prefix(prefix) => write!(f, "{prefix}"),
            Self::Many => write!(f, "many"),
        }
    }
}

impl Finding {
    /// What the finding is about, whatever is known of it by now.
    pub fn id(&self) -> FindingId {
        let is_by_offender =
            matches!(self.kind, Kind::SynScan | Kind::RdpBruteforce | Kind::RdpCompromise | Kind::RdpExploit);
        let offender = self.offenders.first().filter(|_| is_by_offender && self.offender_count == 1);
        let offender = offender.map(ToString::to_string).unwrap_or_default();
        let text = format!("{} {} {offender}", self.kind.name(), self.victim);
        FindingId(digest::identifier(text.bytes()))
    }

    /// The value of an evidence.
    pub fn value(&self, name: &str) -> Option<&Value> {
        self.evidence.iter().find(|evidence| evidence.name == name).map(|evidence| &evidence.value)
    }

    /// The words of an evidence.
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.value(name)? {
            Value::Text(text) => Some(text),
            Value::Count(_) | Value::Number(_) => None,
        }
    }

    /// The number of an evidence.
    pub fn number(&self, name: &str) -> Option<f64> {
        self.value(name)?.number()
    }
}

/// Offenders that a finding names.
pub const MAX_OFFENDERS: usize = 16;

#[cfg(test)]
pub(crate) mod testing {
    use super::*;

    /// A finding on a port of `victim` by one who offends.
    pub(crate) fn finding(kind: Kind, victim: [u8; 4], offender: [u8; 4], time: Timestamp) -> Finding {
        Finding {
            kind,
            phase: Phase::Started,
            severity: Severity::High,
            confidence: 0.9,
            techniques: Vec::new(),
            victim: Victim::Port(victim.into(), 3_389),
            offenders: vec![offender.into()],
            offender_count: 1,
            connection: None,
            first_seen: time,
            last_seen: time,
            stated_at: time,
            evidence: Vec::new(),
            capture_quality: CaptureQuality::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(kind: Kind, victim: [u8; 4], offender: [u8; 4]) -> Finding {
        testing::finding(kind, victim, offender, Timestamp::from_parts(1_700_000_000, 0))
    }

    #[test]
    fn a_finding_is_the_same_thing_whenever_it_is_said() {
        let (victim, offender) = ([192, 0, 2, 1], [198, 51, 100, 7]);
        let first = finding(Kind::RdpBruteforce, victim, offender);
        let stated_at = Timestamp::from_parts(1_800_000_000, 0);
        let later =
            Finding { phase: Phase::Raised, severity: Severity::Critical, stated_at, ..first.clone() };
        assert_eq!(first.id(), later.id());
        for other in [
            finding(Kind::RdpCompromise, victim, offender),
            finding(Kind::RdpBruteforce, [192, 0, 2, 2], offender),
            finding(Kind::RdpBruteforce, victim, [198, 51, 100, 8]),
        ] {
            assert_ne!(first.id(), other.id());
        }
        assert_eq!(
            finding(Kind::SynFlood, victim, offender).id(),
            finding(Kind::SynFlood, victim, [198, 51, 100, 8]).id(),
            "a flood is about its victim, whoever sends it"
        );
    }
}
