//! The elements that the evidence of each detector fills.

use detect::{Finding, Kind, Value};

use super::{super::entries::Entry, PERMILLE, whole};
use crate::elements::{
    Element,
    registry::{
        ATTACK_SOURCE_COUNT, ATTACK_TARGET_COUNT, COMPLETION_PERMILLE, FAILED_LOGON_COUNT,
        HANDSHAKES_ABORTED, HANDSHAKES_COMPLETED, HANDSHAKES_HALF_OPEN, HANDSHAKES_HALF_OPEN_PEAK,
        HANDSHAKES_OPENED, HANDSHAKES_PEAK_PER_SECOND, HANDSHAKES_REFUSED, HANDSHAKES_SILENT, HASH_RATE,
        HASH_RATE_LOWER_BOUND, HASH_RATE_UPPER_BOUND, LOGON_OUTCOME, LOGON_SCREEN_LEFT_COUNT,
        LOGON_USER_NAME, MEDIAN_PAUSE_MILLISECONDS, MINING_COIN, MINING_DIALECT, MINING_JOB_COUNT,
        MINING_POOL_NAME, MINING_WALLET, REFUSED_CONNECTION_COUNT, SHARES_ACCEPTED_COUNT,
        SHARES_REJECTED_COUNT, SHARES_SUBMITTED_COUNT, SYN_COUNT, TRIED_SERVER_COUNT, TRIED_USER_COUNT,
        UNSOLICITED_SYN_ACK_COUNT,
    },
};

/// Whose counters a finding has.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Detector {
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
            Some(Value::Count(count)) if self.scale <= 1.0 => *count,
            Some(value) => whole(value.number().unwrap_or_default() * self.scale),
            None => 0,
        };
        Entry::own(self.element, number)
    }
}

impl Detector {
    pub(super) const fn of(kind: Kind) -> Self {
        match kind {
            Kind::SynFlood | Kind::SynScan | Kind::SynAckReflection | Kind::Backscatter => Self::Handshakes,
            Kind::RdpBruteforce | Kind::RdpCompromise | Kind::RdpExploit | Kind::RdpWithoutNla => {
                Self::Logons
            }
            Kind::Mining | Kind::WorkRequests | Kind::CryptocurrencyNode => Self::Miners,
        }
    }

    /// What the finding's evidence comes to: numbers first, then texts.
    pub(super) fn entries(self, finding: &Finding) -> Vec<Entry> {
        let counters = self.counters().iter().map(|counter| counter.entry(finding));
        let texts = self.texts().iter().map(|(element, names)| {
            let text = names.iter().find_map(|name| finding.text(name)).unwrap_or_default();
            Entry::own(*element, text)
        });
        counters.chain(texts).collect()
    }

    const fn counters(self) -> &'static [Counter] {
        match self {
            Self::Handshakes => HANDSHAKE_COUNTERS,
            Self::Logons => LOGON_COUNTERS,
            Self::Miners => MINING_COUNTERS,
        }
    }

    /// Elements of text, each with the names of the evidence that may fill it: the first of them that the finding has does.
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
const MILLISECONDS_PER_SECOND: f64 = 1_000.0;
