use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Job, Refusal, cryptonote, ethereum, node, refusal};
use crate::stratum::facts::Dialect;
use crate::stratum::message::{List, Message, members, text};

/// What a request that has not been answered yet was.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::stratum) enum Expectation {
    /// An introduction: subscribing, configuring, hello.
    Introduction,
    /// Logging in or authorizing.
    Login,
    /// A share, with the hashes that it takes on average, or 0 if that is not known.
    Share {
        /// Expected hashes.
        hashes: f64,
    },
    /// Work that was asked for.
    Work,
    /// Anything else that miners ask for.
    Other,
    /// Something in words that are not known.
    Foreign,
}

/// What the answer to a request says.
#[derive(Debug)]
pub(in crate::stratum) enum Answer<'a> {
    /// The introduction or login is accepted, perhaps with the first job.
    Welcome(Option<(Dialect, Job<'a>)>),
    /// It is refused.
    Unwelcome,
    /// What became of the share.
    Share(Result<(), Refusal>),
    /// Work that was asked for, or that is pushed in the form of an answer.
    Work(Dialect, Job<'a>),
}

/// What an answer means for the request that was `expected`. Without one, only an answer whose shape nothing else has counts.
pub(in crate::stratum) fn read_answer<'a>(
    message: &Message<'a>,
    expected: Option<Expectation>,
) -> Option<Answer<'a>> {
    let is_refused = message.error.is_some_and(|error| !matches!(error.get(), "[]" | "\"\"" | "false" | "0"))
        && message.result.is_none_or(|result| matches!(result.get(), "false" | "null"));
    match expected {
        Some(Expectation::Introduction | Expectation::Login) if is_refused => Some(Answer::Unwelcome),
        Some(Expectation::Introduction) => Some(introduction(message)),
        Some(Expectation::Login) => Some(login(message)),
        Some(Expectation::Share { .. }) => Some(Answer::Share(share(message, is_refused))),
        Some(Expectation::Work) => work(message),
        Some(Expectation::Other | Expectation::Foreign) => None,
        None => unexpected(message),
    }
}

fn introduction<'a>(message: &Message<'a>) -> Answer<'a> {
    let is_welcome = match message.result {
        Some(result) => {
            is_subscription(result)
                || matches!(result.get().bytes().next(), Some(b'{' | b'"'))
                || result.get() == "true"
        }
        None => false,
    };
    if is_welcome { Answer::Welcome(None) } else { Answer::Unwelcome }
}

/// Does the pool agree that the miner changes bits of the block's version (BIP 310)? That speeds up SHA-256 and nothing else.
pub(in crate::stratum) fn rolls_versions(message: &Message<'_>) -> bool {
    members::<Extensions>(message.result).is_some_and(|extensions| extensions.version_rolling)
}

/// The answers to `mining.subscribe`: subscriptions and an extra nonce, in the shapes of the dialects.
fn is_subscription(result: &RawValue) -> bool {
    let Some(list) = List::of(Some(result)) else { return false };
    // Bitcoin: [[["mining.notify", id], …], extranonce1, extranonce2 size]; Equihash: [session or null, nonce 1];
    // Kaspa: [true, "EthereumStratum/1.0.0"].
    list.is_list(0)
        || list.text(0).is_some()
        || list.hexadecimal(1).is_some()
        || list.text(1).is_some_and(|protocol| protocol.starts_with("EthereumStratum"))
}

fn login<'a>(message: &Message<'a>) -> Answer<'a> {
    let Some(result) = message.result else { return Answer::Unwelcome };
    if let Some(session) = members::<CryptoNoteSession<'_>>(Some(result)) {
        let is_ok = text(session.status).is_some_and(|status| status.eq_ignore_ascii_case("ok"));
        let job = cryptonote::read_job(session.job);
        return if job.is_some() || is_ok { Answer::Welcome(job) } else { Answer::Unwelcome };
    }
    match result.get() {
        "true" => Answer::Welcome(None),
        // Grin says "ok"; EthereumStratum/2.0.0 gives the worker a number.
        words if words.starts_with('"') => Answer::Welcome(None),
        _ => Answer::Unwelcome,
    }
}

fn share(message: &Message<'_>, is_refused: bool) -> Result<(), Refusal> {
    let Some(result) = message.result else {
        // submitblock answers null if the block counts (BIP 22).
        return if message.error.is_some() { Err(refusal(message.error)) } else { Ok(()) };
    };
    let words = result.get();
    // Conflux: ["false", "why"].
    if let Some(list) = List::of(Some(result)) {
        let is_no = list.value(0).is_some_and(|first| matches!(first.get(), "false" | "\"false\""));
        return if is_no || is_refused { Err(refusal(message.error.or(Some(result)))) } else { Ok(()) };
    }
    if is_refused || words == "false" || (words.starts_with('"') && !is_approval(words)) {
        return Err(refusal(message.error.or(Some(result))));
    }
    Ok(())
}

fn is_approval(words: &str) -> bool {
    words.trim_matches('"').eq_ignore_ascii_case("ok") || words.contains("blockfound")
}

fn work<'a>(message: &Message<'a>) -> Option<Answer<'a>> {
    if let Some(list) = List::of(message.result) {
        return ethereum::read_work(&list).map(|job| Answer::Work(Dialect::EthProxy, job));
    }
    if let Some(job) = ethereum::read_named_work(message.result) {
        return Some(Answer::Work(Dialect::EthProxy, job));
    }
    let (dialect, job) = node::read_work(message.result).or_else(|| cryptonote::read_job(message.result))?;
    Some(Answer::Work(dialect, job))
}

/// An answer to a request that was not seen: only one way was captured, or the beginning is missing.
fn unexpected<'a>(message: &Message<'a>) -> Option<Answer<'a>> {
    let result = message.result?;
    if let Some(list) = List::of(Some(result)) {
        if let Some(job) = ethereum::read_work(&list) {
            return Some(Answer::Work(Dialect::EthProxy, job));
        }
        let subscriptions = list.value(0)?.get();
        let names_notify = subscriptions.starts_with('[') && subscriptions.contains("\"mining.notify\"");
        return (names_notify || list.text(0).as_deref() == Some("mining.notify"))
            .then_some(Answer::Welcome(None));
    }
    if let Some(job) = ethereum::read_named_work(Some(result)) {
        return Some(Answer::Work(Dialect::EthProxy, job));
    }
    let session: CryptoNoteSession<'_> = members(Some(result))?;
    if session.job.is_some() {
        return cryptonote::read_job(session.job).map(|job| Answer::Welcome(Some(job)));
    }
    (text(session.status)? == "OK" && session.id.is_none()).then_some(Answer::Share(Ok(())))
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct CryptoNoteSession<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    job: Option<&'a RawValue>,
    #[serde(borrow)]
    status: Option<&'a RawValue>,
}

/// Of those in the answer to `mining.configure`.
#[derive(Deserialize)]
struct Extensions {
    #[serde(rename = "version-rolling")]
    version_rolling: bool,
}
