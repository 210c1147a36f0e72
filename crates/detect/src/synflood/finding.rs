use std::{fmt, net::IpAddr};

use wire::Timestamp;

use crate::{Evidence, Severity};

use super::{capture_quality::CaptureQuality, prefix::Prefix, server_state::ServerState};

/// An opinion: what was done, to whom, how sure, and on what grounds.
///
/// There is one when something is first stated, one more whenever its severity rises, and one when it has ended.
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
    /// Who it was done to.
    pub victim: Victim,
    /// Who did it, or seems to have; those that did most first, and no more than [`MAX_OFFENDERS`].
    pub offenders: Vec<IpAddr>,
    /// How many there were: exact below 64, else an estimate.
    pub offender_count: u64,
    /// The first packet of it.
    pub first_seen: Timestamp,
    /// The last one so far.
    pub last_seen: Timestamp,
    /// The second that made it so, as its end: what the judge knew.
    pub stated_at: Timestamp,
    /// How the server bears it; `None` if it is not about a server.
    pub server: Option<ServerState>,
    /// Numbers, and the thresholds that they were held against.
    pub evidence: Vec<Evidence>,
    /// What the capture could show.
    pub capture_quality: CaptureQuality,
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
}

impl Kind {
    /// Its name in outputs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SynFlood => "syn_flood",
            Self::SynScan => "syn_scan",
            Self::SynAckReflection => "syn_ack_reflection",
            Self::Backscatter => "backscatter",
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
    /// It is over, or the capture is.
    Ended,
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

/// Offenders that a finding names.
pub const MAX_OFFENDERS: usize = 16;
