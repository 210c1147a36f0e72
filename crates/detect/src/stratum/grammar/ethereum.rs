//! `eth_*`: the proxy's way to mine Ethereum and its relatives, and others that took it over (Nervos CKB, `docs/stratum_v1.md`).
//!
//! A wallet says `eth_call`, `eth_getBalance` and the like, none of which is here.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Act, Credentials, Job, Statement, Weight};
use crate::stratum::difficulty::Difficulty;
use crate::stratum::facts::Dialect;
use crate::stratum::message::{List, Message, hexadecimal_digits, members, text};

pub(super) fn read<'a>(method: &str, message: &Message<'a>) -> Option<Statement<'a>> {
    // Relatives say it with their own name in front: `ckb_submitLogin`.
    let (coin, verb) = method.split_once('_')?;
    let is_ethereum = coin == "eth";
    let says = |act| {
        let statement = Statement::of_miner(Dialect::EthProxy, Weight::Name, act);
        if is_ethereum { statement } else { statement.plausible() }
    };
    match verb {
        "submitLogin" => login(message).map(|credentials| says(Act::Login(credentials))),
        "login" if is_ethereum => login(message).map(|credentials| says(Act::Login(credentials))),
        // Whoever looks after a node may ask for its work, too.
        "getWork" => Some(says(Act::Poll { user: None }).ambiguous()),
        "submitWork" => {
            if let Some(share) = members::<Share<'_>>(message.params) {
                let job =
                    text(share.pow_hash).filter(|hash| hexadecimal_digits(hash) == Some(HASH_DIGITS))?;
                hexadecimal_digits(&text(share.nonce)?)?;
                let statement = Statement::of_miner(
                    Dialect::EthProxy,
                    Weight::Name,
                    Act::Share { job: Some(job), user: None },
                );
                return Some(statement);
            }
            let list = List::of(message.params)?;
            let is_share = list.is_hexadecimal(0, 16)
                && list.is_hexadecimal(1, HASH_DIGITS)
                && list.is_hexadecimal(2, HASH_DIGITS);
            is_share.then(|| says(Act::Share { job: list.text(1), user: None }))
        }
        "submitHashrate" => {
            let rate = match List::of(message.params) {
                Some(list) => list.text(0)?,
                None => text(message.params)?,
            };
            // A node may ask 32 octets of it; more than 64 bits of hashes per second is nobody's rate.
            let digits = rate.strip_prefix("0x")?.trim_start_matches('0');
            let rate = u64::from_str_radix(if digits.is_empty() { "0" } else { digits }, 16).ok()?;
            #[expect(clippy::cast_precision_loss, reason = "a rate is an estimate")]
            let rate = rate as f64;
            Some(says(Act::Rate(rate)))
        }
        _ => None,
    }
}

/// Who is paid: a list with the user, or members of an object.
fn login<'a>(message: &Message<'a>) -> Option<Credentials<'a>> {
    let worker = text(message.worker).filter(|worker| !worker.is_empty());
    if let Some(person) = members::<Person<'_>>(message.params) {
        let worker = text(person.worker).or(worker);
        return Some(Credentials {
            user: text(person.user)?,
            worker,
            agent: text(person.agent),
            algorithm: None,
        });
    }
    let user = List::of(message.params)?.text(0)?;
    Some(Credentials { user, worker, ..Credentials::default() })
}

/// The work that `eth_getWork` gives: header hash, seed hash, boundary, in some pools a height.
pub(super) fn read_work<'a>(list: &List<'a>) -> Option<Job<'a>> {
    let is_hash =
        |at| list.text(at).is_some_and(|text| text.starts_with("0x")) && list.is_hexadecimal(at, 64);
    (is_hash(0) && is_hash(1) && is_hash(2)).then(|| Job {
        id: list.text(0),
        difficulty: list.text(2).and_then(|boundary| Difficulty::of_boundary(&boundary)),
        ..Job::default()
    })
}

/// The same in the form of an object: the hash of the header, and the boundary.
pub(super) fn read_named_work(value: Option<&RawValue>) -> Option<Job<'_>> {
    let work: NamedWork<'_> = members(value)?;
    let hash = |value| text(value).filter(|text| hexadecimal_digits(text) == Some(HASH_DIGITS));
    let (id, boundary) = (hash(work.pow_hash)?, hash(work.target)?);
    Some(Job { id: Some(id), difficulty: Difficulty::of_boundary(&boundary), ..Job::default() })
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Person<'a> {
    #[serde(borrow, rename = "login")]
    user: Option<&'a RawValue>,
    #[serde(borrow)]
    worker: Option<&'a RawValue>,
    #[serde(borrow)]
    agent: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Share<'a> {
    #[serde(borrow)]
    pow_hash: Option<&'a RawValue>,
    #[serde(borrow)]
    nonce: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct NamedWork<'a> {
    #[serde(borrow)]
    pow_hash: Option<&'a RawValue>,
    #[serde(borrow)]
    target: Option<&'a RawValue>,
}

/// Digits of a hash of 256 bits.
const HASH_DIGITS: usize = 64;
