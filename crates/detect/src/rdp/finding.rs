use std::net::IpAddr;

use flow::Endpoint;
use wire::Timestamp;

use crate::{Evidence, Severity};

/// An opinion: what was done, to whom, how sure, and on what grounds.
///
/// There is one when something is first stated, and one more whenever its severity rises.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// What was done.
    pub kind: Kind,
    /// How much it matters.
    pub severity: Severity,
    /// From 0 to 1.
    pub confidence: f64,
    /// Identifiers of MITRE ATT&CK v18.
    pub techniques: Vec<&'static str>,
    /// The server; where several were attacked, the one that was attacked last.
    pub victim: Endpoint,
    /// Who did it, those that did most first.
    pub offenders: Vec<IpAddr>,
    /// When what it rests on began.
    pub first_seen: Timestamp,
    /// When what it rests on was last seen.
    pub last_seen: Timestamp,
    /// Numbers, and the thresholds that they were held against, in a fixed order.
    pub evidence: Vec<Evidence>,
}

/// What was done.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Kind {
    /// Passwords are guessed.
    Bruteforce,
    /// A logon succeeded after guesses that failed.
    Compromise,
    /// A client asks for what only exploits ask for.
    Exploit,
    /// A server lets clients log on without network level authentication.
    WithoutNla,
}

impl Kind {
    /// Its name in outputs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bruteforce => "rdp_bruteforce",
            Self::Compromise => "rdp_compromise",
            Self::Exploit => "rdp_exploit",
            Self::WithoutNla => "rdp_without_nla",
        }
    }
}
