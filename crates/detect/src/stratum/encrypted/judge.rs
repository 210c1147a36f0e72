//! An opinion on what a TLS connection shows from outside.

use std::ops::RangeInclusive;

use super::facts::{Facts, Introduction};
use super::rhythm::Rhythm;
use crate::stratum::judge::{Confidence, Verdict};
use crate::stratum::pools::{PoolName, pool_name};
use crate::{Evidence, Kind, Severity};

/// States an opinion; `None` if what is seen from outside could well be something else.
///
/// The opinion is never more than a suspicion: nothing of what was said was read.
pub fn judge(facts: &Facts) -> Option<Verdict> {
    if facts.given_up.is_some() || facts.has_alpn {
        return None;
    }
    let name = facts.server_name.as_deref().map(pool_name);
    if name == Some(PoolName::Other) || facts.introduction.is_some_and(|introduction| !is_login(introduction))
    {
        return None;
    }
    let resolved = facts.resolved_name.as_deref().map(pool_name);
    let is_known = facts.is_known_pool();
    let need = if is_known { &OF_KNOWN_POOL } else { &OF_ANY };
    if facts.seconds() < need.seconds || per_minute(facts.records, facts) > MOST_RECORDS_PER_MINUTE {
        return None;
    }
    let (miner_is_initiator, rhythm) = facts
        .rhythms()
        .find(|(_, rhythm)| has_jobs(rhythm, need) && (is_known || has_shares(rhythm, need)))?;
    Some(Verdict {
        kind: Kind::Mining,
        confidence: Confidence::Low,
        severity: Severity::Low,
        reasons: reasons(facts, name, resolved, has_shares(rhythm, need)),
        techniques: vec![COMPUTE_HIJACKING, ENCRYPTED_CHANNEL],
        evidence: evidence(facts, need, miner_is_initiator, rhythm),
        impact: None,
    })
}

/// Could an opinion be stated if the server were known as a pool's? Its name may be known elsewhere.
pub fn is_possible(facts: &Facts) -> bool {
    facts.given_up.is_none()
        && facts.seconds() >= OF_KNOWN_POOL.seconds
        && facts.rhythms().any(|(_, rhythm)| has_jobs(rhythm, &OF_KNOWN_POOL))
}

/// Whether the one who opened the connection mines, as far as the rhythm tells.
pub fn miner_is_initiator(facts: &Facts) -> Option<bool> {
    let need = if facts.is_known_pool() { &OF_KNOWN_POOL } else { &OF_ANY };
    facts.rhythms().find(|(_, rhythm)| has_jobs(rhythm, need)).map(|(is_initiator, _)| is_initiator)
}

/// How much is asked of a session before anything is said of it.
struct Need {
    seconds: f64,
    answered: u32,
    pushes: u32,
}

fn is_login(introduction: Introduction) -> bool {
    introduction.answers > 0 && ANSWER_TO_LOGIN_OCTETS.contains(&introduction.answer_octets)
}

/// What comes unasked is of one length, and longer than what answers. Nobody acknowledges a job.
fn has_jobs(rhythm: &Rhythm, need: &Need) -> bool {
    let [_, answer, push] = rhythm.medians();
    let is_like_jobs = JOB_OCTETS.contains(&push) && rhythm.pushes_alike() >= LEAST_PUSHES_ALIKE;
    let counts = rhythm.counts();
    let is_acknowledged = f64::from(counts.answered_pushes) > MOST_ANSWERED_PUSHES * f64::from(counts.pushes);
    counts.pushes >= need.pushes && is_like_jobs && answer < push && !is_acknowledged
}

/// Records of one or two lengths are answered at once by shorter ones of one or two lengths, and come by luck.
fn has_shares(rhythm: &Rhythm, need: &Need) -> bool {
    let counts = rhythm.counts();
    let [request, answer, _] = rhythm.medians();
    let is_answered = f64::from(counts.answered) >= LEAST_ANSWERED * f64::from(counts.requests);
    let sizes = SHARE_OCTETS.contains(&request) && ANSWER_OCTETS.contains(&answer) && answer < request;
    let alike = rhythm.requests_alike() >= LEAST_ALIKE && rhythm.answers_alike() >= LEAST_ALIKE;
    let by_luck = IRREGULARITY.contains(&rhythm.irregularity());
    counts.answered >= need.answered && is_answered && sizes && alike && by_luck
}

fn per_minute(count: u32, facts: &Facts) -> f64 {
    f64::from(count) * 60.0 / facts.seconds().max(60.0)
}

fn reasons(
    facts: &Facts,
    name: Option<PoolName>,
    resolved: Option<PoolName>,
    has_shares: bool,
) -> Vec<&'static str> {
    let mut reasons = Vec::new();
    match name {
        Some(PoolName::Known) => {
            reasons
                .push("the client asks for a host of a well-known pool, and not for a protocol of web sites");
        }
        Some(_) => {
            reasons.push(
                "the client asks for a host that is named like a pool, and not for a protocol of web sites",
            );
        }
        None if facts.hello_seen => reasons.push("the client asks for no host and no protocol, as miners do"),
        None => {}
    }
    match resolved {
        Some(PoolName::Known) => {
            reasons.push("DNS gave the server's address for a host of a well-known pool");
        }
        Some(PoolName::Hint) => {
            reasons.push("DNS gave the server's address for a host that is named like a pool");
        }
        _ => {}
    }
    if has_shares {
        reasons.push("short records of one or two lengths are answered at once by shorter ones, like shares");
        reasons.push("they come by luck and not by the clock, like shares");
    }
    reasons.push("what comes unasked is of one length and longer than answers, like jobs");
    if facts.introduction.is_some() {
        reasons.push("the client spoke first, as long as a login, and was answered");
    }
    reasons.push("little is sent, for long");
    reasons
}

fn evidence(facts: &Facts, need: &Need, miner_is_initiator: bool, rhythm: &Rhythm) -> Vec<Evidence> {
    let counts = rhythm.counts();
    let [request, answer, push] = rhythm.medians();
    let mut evidence = Vec::new();
    for (name, text) in
        [("server_name", &facts.server_name), ("resolved_name", &facts.resolved_name), ("ja4", &facts.ja4)]
    {
        evidence.extend(text.as_deref().map(|text| Evidence::new(name, text)));
    }
    if let Some(introduction) = facts.introduction {
        evidence.push(Evidence::new("login_octets", u64::from(introduction.first_octets)));
    }
    evidence.extend([
        Evidence::new("miner", if miner_is_initiator { "initiator" } else { "responder" }),
        Evidence::new("duration_seconds", facts.seconds()).held_against(need.seconds),
        Evidence::new("records_per_minute", per_minute(facts.records, facts))
            .held_against(MOST_RECORDS_PER_MINUTE),
        Evidence::new("client_records_per_minute", per_minute(counts.requests, facts)),
        Evidence::new("requests", u64::from(counts.requests)),
        Evidence::new("answered_requests", u64::from(counts.answered)).held_against(f64::from(need.answered)),
        Evidence::new("unasked_records", u64::from(counts.pushes)).held_against(f64::from(need.pushes)),
        Evidence::new("median_request_octets", request as u64),
        Evidence::new("median_answer_octets", answer as u64),
        Evidence::new("median_unasked_octets", push as u64),
        Evidence::new("requests_alike", rhythm.requests_alike()).held_against(LEAST_ALIKE),
        Evidence::new("answers_alike", rhythm.answers_alike()).held_against(LEAST_ALIKE),
        Evidence::new("unasked_alike", rhythm.pushes_alike()).held_against(LEAST_PUSHES_ALIKE),
        Evidence::new("request_irregularity", rhythm.irregularity()).held_against(*IRREGULARITY.start()),
    ]);
    if facts.gaps > 0 {
        evidence.push(Evidence::new("gaps", u64::from(facts.gaps)));
    }
    evidence
}

/// Without a name, only numbers speak: eight shares let their irregularity be told from that of a clock, and four jobs their
/// length from chance. Five minutes are the least in which both come at usual rates.
const OF_ANY: Need = Need { seconds: 300.0, answered: 8, pushes: 4 };
/// The name speaks; two jobs tell it from a visit of the web site.
const OF_KNOWN_POOL: Need = Need { seconds: 60.0, answered: 4, pushes: 2 };

/// Pools set difficulties so that a miner hands in 1 to 20 shares a minute, each of which takes two records.
const MOST_RECORDS_PER_MINUTE: f64 = 60.0;
/// What answers a login, with a job and with what TLS has to say between them.
const ANSWER_TO_LOGIN_OCTETS: RangeInclusive<u32> = 40..=8_192;
/// `submit` in all dialects but Equihash's, whose shares have 2.7 KiB; `XMRig`'s has 180 octets.
const SHARE_OCTETS: RangeInclusive<usize> = 70..=480;
/// From a bare `true` with its number to a refusal with its reason. Acknowledgments of binary protocols are shorter.
const ANSWER_OCTETS: RangeInclusive<usize> = 20..=200;
/// From a short `mining.notify` to one with a long branch; Monero's jobs have 230 to 500.
const JOB_OCTETS: RangeInclusive<usize> = 100..=3_072;
/// A connection that is lost for a while, or a job between a share and its answer, costs a few.
const LEAST_ANSWERED: f64 = 0.7;
/// Of shares and answers in the clear, all were in one or two clusters.
const LEAST_ALIKE: f64 = 0.8;
/// Jobs come with changes of difficulty between them: in captures in the clear, 0.88 and more were alike.
const LEAST_PUSHES_ALIKE: f64 = 0.75;
/// Where a client acknowledges what it is told, it does so nearly always; see [`Counts::answered_pushes`](super::Counts).
const MOST_ANSWERED_PUSHES: f64 = 0.6;
/// Times between events by luck deviate by as much as their mean (an exponential distribution); eight of them are seldom below a
/// third of that. Clocks are near 0. Pauses and changes of difficulty drive it up, people and their talk still further.
const IRREGULARITY: RangeInclusive<f64> = 0.35..=3.0;

const COMPUTE_HIJACKING: &str = "T1496.001";
const ENCRYPTED_CHANNEL: &str = "T1573";
