//! `login`, `job`, `submit`: Monero's miners and their relatives, Grin and Beam.
//!
//! Sources: xmrig-proxy, `doc/STRATUM.md` and `doc/STRATUM_EXT.md`; Grin, `doc/stratum.md`; Beam, `stratum protocol`.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Act, Credentials, Job, Refusal, Statement, Weight};
use crate::stratum::difficulty::Difficulty;
use crate::stratum::facts::Dialect;
use crate::stratum::message::{
    List, Message, all_members, hexadecimal_digits, members, number, text, text_or_number,
};
use crate::stratum::wallet;

pub(super) fn read<'a>(method: &str, message: &Message<'a>) -> Option<Statement<'a>> {
    match method {
        "login" => login(message),
        "submit" => submit(message),
        "job" => match message.input {
            Some(_) => beam_job(message),
            None => read_job(message.params).map(|(dialect, job)| {
                let is_in_other_words = job.is_in_other_words;
                let statement = Statement::of_pool(dialect, Weight::Shape, Act::Job(job));
                if is_in_other_words { statement.plausible() } else { statement }
            }),
        },
        "keepalived" => {
            let Keepalived { id } = members(message.params)?;
            id.map(|_| Statement::of_miner(Dialect::CryptoNote, Weight::Name, Act::Ask).plausible())
        }
        // A job that is asked for, and a template that the miner has chosen itself.
        "getjob" | "block_template" => {
            let Keepalived { id } = members(message.params)?;
            id?;
            let act = if method == "getjob" { Act::Poll { user: None } } else { Act::Ask };
            Some(Statement::of_miner(Dialect::CryptoNote, Weight::Name, act).ambiguous())
        }
        "getjobtemplate" => Some(Statement::of_miner(Dialect::Grin, Weight::Shape, Act::Ask).plausible()),
        "solution" => {
            let is_hexadecimal = |value| text(value).is_some_and(|text| hexadecimal_digits(&text).is_some());
            (is_hexadecimal(message.output) && is_hexadecimal(message.nonce)).then_some(())?;
            let act = Act::Share { job: text_or_number(message.id), user: None };
            Some(Statement::of_miner(Dialect::Beam, Weight::Shape, act))
        }
        "result" => beam_result(message),
        _ => None,
    }
}

fn login<'a>(message: &Message<'a>) -> Option<Statement<'a>> {
    if message.api_key.is_some() {
        let user = text(message.api_key)?;
        let act = Act::Login(Credentials { user, ..Credentials::default() });
        return Some(Statement::of_miner(Dialect::Beam, Weight::Hint, act).plausible());
    }
    let login: Login<'_> = members(message.params)?;
    let user = text(login.user)?;
    let algorithms = List::of(login.algo);
    // Only miners say which algorithms they know, and log in with an address. Anyone may log in somewhere, and many programs say
    // what they are called.
    let is_distinctive =
        algorithms.is_some() || (login.pass.is_some() && wallet::parse(&user).coin.is_some());
    let is_plausible = login.agent.is_some() && login.pass.is_some();
    let act = Act::Login(Credentials {
        user,
        worker: text(login.rigid).filter(|rig| !rig.is_empty()),
        agent: text(login.agent),
        // Of many algorithms, the pool's job says which it is.
        algorithm: algorithms.filter(|list| list.len() == 1).and_then(|list| list.text(0)),
    });
    let statement = Statement::of_miner(Dialect::CryptoNote, Weight::Name, act);
    Some(match (is_distinctive, is_plausible) {
        (true, _) => statement,
        (false, true) => statement.plausible(),
        (false, false) => statement.ambiguous(),
    })
}

fn submit<'a>(message: &Message<'a>) -> Option<Statement<'a>> {
    let share: Share<'_> = members(message.params)?;
    let job = Some(text_or_number(share.job_id)?);
    let act = Act::Share { job, user: None };
    if share.pow.is_some() && share.nonce.is_some() {
        return Some(Statement::of_miner(Dialect::Grin, Weight::Shape, act));
    }
    let digits = |value| text(value).and_then(|text| hexadecimal_digits(&text));
    (digits(share.nonce)? >= NONCE_DIGITS).then_some(())?;
    let is_hash = |value| digits(value).is_some_and(|digits| digits >= HASH_DIGITS);
    if is_hash(share.result) || is_hash(share.hash) {
        return Some(Statement::of_miner(Dialect::CryptoNote, Weight::Shape, act));
    }
    // Some pools want nothing but the nonce.
    Some(Statement::of_miner(Dialect::CryptoNote, Weight::Name, act).ambiguous())
}

/// A job of `CryptoNote` or of Grin.
pub(super) fn read_job(value: Option<&RawValue>) -> Option<(Dialect, Job<'_>)> {
    let work: Work<'_> = members(value)?;
    let id = Some(text_or_number(work.job_id)?);
    if work.pre_pow.is_some() {
        let difficulty = number(work.difficulty).and_then(cycles);
        return Some((
            Dialect::Grin,
            Job { id, difficulty, algorithm: Some("cuckatoo".into()), ..Job::default() },
        ));
    }
    // Whoever selects transactions itself is told whom to pay, and makes the header (xmrig, "self-select").
    let is_for_own_template = work.pool_wallet.is_some() && work.extra_nonce.is_some();
    let digits = |value| text(value).and_then(|text| hexadecimal_digits(&text));
    if digits(work.target).is_none() || (digits(work.blob).is_none() && !is_for_own_template) {
        return other_job(value, id);
    }
    let difficulty = text(work.target).and_then(|target| Difficulty::of_cryptonote_target(&target));
    // A job has a seed hash if the algorithm is RandomX or one of its kin (xmrig-proxy, STRATUM.md).
    let randomx = work.seed_hash.map(|_| "rx".into());
    Some((
        Dialect::CryptoNote,
        Job { id, difficulty, algorithm: text(work.algo).or(randomx), ..Job::default() },
    ))
}

/// A job of a relative, in whose own words the header stands: it has some hash or header, and says how hard a share is. So may the
/// job of a program that builds or renders; a share of it tells them apart.
fn other_job<'a>(value: Option<&'a RawValue>, id: Option<Cow<'a, str>>) -> Option<(Dialect, Job<'a>)> {
    let all = all_members(value)?;
    let digits = |value| text(Some(value)).and_then(|text| hexadecimal_digits(&text));
    let has_header = all.values().any(|value| digits(value).is_some_and(|digits| digits >= HASH_DIGITS));
    let has_target =
        all.get("target").is_some_and(|target| digits(target).is_some_and(|digits| digits % 4 == 0));
    let has_difficulty = ["difficulty", "weight"]
        .iter()
        .any(|name| all.get(*name).is_some_and(|value| number(Some(value)).is_some()));
    if !has_header || !(has_target || has_difficulty) {
        return None;
    }
    let algorithm = all.get("algo").and_then(|algorithm| text(Some(algorithm)));
    Some((Dialect::CryptoNote, Job { id, algorithm, is_in_other_words: true, ..Job::default() }))
}

fn beam_job<'a>(message: &Message<'a>) -> Option<Statement<'a>> {
    number(message.difficulty)?;
    hexadecimal_digits(&text(message.input)?)?;
    let job = Job { id: text_or_number(message.id), algorithm: Some("beamhash".into()), ..Job::default() };
    Some(Statement::of_pool(Dialect::Beam, Weight::Shape, Act::Job(job)))
}

/// Beam answers by a message with a code: 0 for a login, 1 for a share that counts, others for one that does not.
fn beam_result<'a>(message: &Message<'a>) -> Option<Statement<'a>> {
    let act = match message.code?.get() {
        "0" => Act::Welcome,
        "1" => Act::ShareAnswer(Ok(())),
        _ => Act::ShareAnswer(Err(Refusal::Other)),
    };
    let statement = Statement::of_pool(Dialect::Beam, Weight::Hint, act);
    Some(if message.nonceprefix.is_some() { statement } else { statement.ambiguous() })
}

/// Grin and Beam look for cycles and collisions, not for hashes: a share of difficulty D takes D of them.
fn cycles(value: f64) -> Option<Difficulty> {
    (value > 0.0 && value.is_finite()).then_some(Difficulty { value, hashes: value, is_relative: false })
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Login<'a> {
    #[serde(borrow, rename = "login")]
    user: Option<&'a RawValue>,
    /// Only that it is there matters; what it is, is nobody's business.
    #[serde(borrow)]
    pass: Option<&'a RawValue>,
    #[serde(borrow)]
    agent: Option<&'a RawValue>,
    #[serde(borrow)]
    rigid: Option<&'a RawValue>,
    #[serde(borrow)]
    algo: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Share<'a> {
    #[serde(borrow)]
    job_id: Option<&'a RawValue>,
    #[serde(borrow)]
    nonce: Option<&'a RawValue>,
    #[serde(borrow)]
    result: Option<&'a RawValue>,
    #[serde(borrow)]
    hash: Option<&'a RawValue>,
    #[serde(borrow)]
    pow: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Keepalived<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Work<'a> {
    #[serde(borrow)]
    job_id: Option<&'a RawValue>,
    #[serde(borrow)]
    blob: Option<&'a RawValue>,
    #[serde(borrow)]
    target: Option<&'a RawValue>,
    #[serde(borrow)]
    algo: Option<&'a RawValue>,
    #[serde(borrow)]
    seed_hash: Option<&'a RawValue>,
    #[serde(borrow)]
    pool_wallet: Option<&'a RawValue>,
    #[serde(borrow)]
    extra_nonce: Option<&'a RawValue>,
    #[serde(borrow)]
    pre_pow: Option<&'a RawValue>,
    #[serde(borrow)]
    difficulty: Option<&'a RawValue>,
}

/// Digits of the shortest nonces, of 32 bits.
const NONCE_DIGITS: usize = 8;
/// Digits of a hash of 256 bits.
const HASH_DIGITS: usize = 64;
