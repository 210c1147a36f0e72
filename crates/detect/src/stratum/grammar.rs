//! What a message means in the languages of mining. A name alone means little: parameters must have the shape that the dialect
//! gives them.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::difficulty::Difficulty;
use super::facts::Dialect;
use super::message::{Message, text};

mod answer;
mod coinhive;
mod cryptonote;
mod ethereum;
mod node;
mod stratum_v1;
mod webminerpool;

pub(super) use answer::{Answer, Expectation, read_answer, rolls_versions};

/// A message that belongs to the grammar of a dialect.
#[derive(Debug)]
pub(super) struct Statement<'a> {
    /// Whose words these are.
    pub(super) speaker: Speaker,
    /// The dialect that this speaks for, and how much: the narrower shape wins.
    pub(super) dialect: Option<(Dialect, Weight)>,
    /// Do other programs not say this?
    pub(super) is_distinctive: bool,
    /// Do few other programs say this?
    pub(super) is_plausible: bool,
    /// What is said.
    pub(super) act: Act<'a>,
}

/// The two roles.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Speaker {
    Miner,
    Pool,
}

/// How much a message tells of its dialect.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Weight {
    /// Nothing was said yet.
    #[default]
    Nothing,
    /// A family of dialects has it.
    Name,
    /// Few have it.
    Hint,
    /// A shape of a job or a share that only this one has, or its name in full.
    Shape,
}

/// What is said.
#[derive(Debug)]
pub(super) enum Act<'a> {
    /// The miner introduces itself, or says what it can do.
    Introduce { agent: Option<Cow<'a, str>>, pool: Option<String> },
    /// The miner says who is to be paid.
    Login(Credentials<'a>),
    /// The miner hands in a share.
    Share { job: Option<Cow<'a, str>>, user: Option<Cow<'a, str>> },
    /// The miner says how fast it is, in hashes per second.
    Rate(f64),
    /// The miner asks for work.
    Poll { user: Option<Cow<'a, str>> },
    /// The miner asks for something else.
    Ask,
    /// The pool hands out work.
    Job(Job<'a>),
    /// The pool says how hard shares of the next jobs are; `None` if it cannot be read.
    Difficulty(Option<Difficulty>),
    /// The pool sends the miner elsewhere.
    Redirect(Option<String>),
    /// The pool answers a share without saying which.
    ShareAnswer(Result<(), Refusal>),
    /// The pool answers an introduction without saying which.
    Welcome,
    /// The pool says something else.
    Notice,
}

/// Who is to be paid. Passwords are read over.
#[derive(Debug, Default)]
pub(super) struct Credentials<'a> {
    pub(super) user: Cow<'a, str>,
    pub(super) worker: Option<Cow<'a, str>>,
    pub(super) agent: Option<Cow<'a, str>>,
    pub(super) algorithm: Option<Cow<'a, str>>,
}

/// Work that is handed out.
#[derive(Debug, Default)]
pub(super) struct Job<'a> {
    pub(super) id: Option<Cow<'a, str>>,
    /// If the job itself says it.
    pub(super) difficulty: Option<Difficulty>,
    pub(super) algorithm: Option<Cow<'a, str>>,
    /// It has the parts of a coinbase transaction and a branch of hashes, from which the miner makes a header as Bitcoin has it.
    pub(super) is_of_coinbase: bool,
    /// Its parts have names that other programs' jobs may have, too.
    pub(super) is_in_other_words: bool,
}

/// Why something was refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Refusal {
    /// The job is over.
    Stale,
    /// Anything else.
    Other,
}

impl<'a> Statement<'a> {
    fn of_miner(dialect: Dialect, weight: Weight, act: Act<'a>) -> Self {
        Self {
            speaker: Speaker::Miner,
            dialect: Some((dialect, weight)),
            is_distinctive: true,
            is_plausible: true,
            act,
        }
    }

    fn of_pool(dialect: Dialect, weight: Weight, act: Act<'a>) -> Self {
        Self {
            speaker: Speaker::Pool,
            dialect: Some((dialect, weight)),
            is_distinctive: true,
            is_plausible: true,
            act,
        }
    }

    /// Another program could say this too.
    fn ambiguous(self) -> Self {
        Self { is_distinctive: false, is_plausible: false, ..self }
    }

    /// A few other programs could say this too.
    fn plausible(self) -> Self {
        Self { is_distinctive: false, ..self }
    }
}

/// What a request, a notification or a typed message means; `None` if it is not about mining.
pub(super) fn read_statement<'a>(message: &Message<'a>) -> Option<Statement<'a>> {
    if let Some(method) = text(message.method) {
        // Some pools repeat the method of a request in its answer, Grin's among them.
        if message.result.is_some() || message.error.is_some() {
            return None;
        }
        return stratum_v1::read(&method, message)
            .or_else(|| cryptonote::read(&method, message))
            .or_else(|| ethereum::read(&method, message))
            .or_else(|| node::read(&method, message));
    }
    if let Some(identifier) = text(message.identifier) {
        return webminerpool::read(&identifier, message);
    }
    coinhive::read(&text(message.kind)?, message)
}

/// Is this the answer to a request?
pub(super) fn is_answer(message: &Message<'_>) -> bool {
    if message.kind.is_some() || message.identifier.is_some() {
        return false;
    }
    let says = message.result.is_some() || message.error.is_some();
    // A block that counts is answered with null (BIP 22). Of what is too long, the members that came later are missing.
    let is_null = || !message.is_whole || message.has("result") || message.has("error");
    says || (message.method.is_none() && message.id.is_some() && is_null())
}

/// Why, by the code or by the words of an error. Code 21 is "job not found" (Stratum v1); `CryptoNote` pools use words only.
fn refusal(error: Option<&RawValue>) -> Refusal {
    let Some(error) = error.map(RawValue::get) else { return Refusal::Other };
    let words = error.to_ascii_lowercase();
    let is_stale = words.trim_start_matches(['[', ' ']).starts_with("21,")
        || [
            "stale",
            "expired",
            "job not found",
            "invalid job id",
            "invalid jobid",
            "unknown job",
            "unknown work",
        ]
        .iter()
        .any(|word| words.contains(word));
    if is_stale { Refusal::Stale } else { Refusal::Other }
}
