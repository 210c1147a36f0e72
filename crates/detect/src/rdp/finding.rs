use std::{fmt, net::IpAddr};

use flow::Endpoint;
use wire::Timestamp;

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

/// How much it matters.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Severity {
    /// Worth knowing.
    Low,
    /// Worth a look.
    Medium,
    /// Worth getting up for.
    High,
    /// Somebody is in.
    Critical,
}

impl Severity {
    /// Its name in outputs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

/// A number or a word that a finding rests on.
#[derive(Clone, Debug, PartialEq)]
pub struct Evidence {
    /// What it is; units stand in the name.
    pub name: &'static str,
    /// Its value.
    pub value: Value,
}

/// The value of an [`Evidence`].
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A whole number.
    Count(u64),
    /// A measured number.
    Number(f64),
    /// Words.
    Text(String),
}

impl From<u64> for Value {
    fn from(count: u64) -> Self {
        Self::Count(count)
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(count) => write!(f, "{count}"),
            Self::Number(number) => write!(f, "{number}"),
            Self::Text(text) => f.write_str(text),
        }
    }
}
