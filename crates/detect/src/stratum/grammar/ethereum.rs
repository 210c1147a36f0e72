//! `eth_*`: the proxy's way to mine Ethereum and its relatives.
//!
//! A wallet says `eth_call`, `eth_getBalance` and the like, none of which is here.

use super::{Act, Credentials, Job, Statement, Weight};
use crate::stratum::difficulty::Difficulty;
use crate::stratum::facts::Dialect;
use crate::stratum::message::{List, Message, text};

pub(super) fn read<'a>(method: &str, message: &Message<'a>) -> Option<Statement<'a>> {
    let says = |act| Statement::of_miner(Dialect::EthProxy, Weight::Name, act);
    match method {
        "eth_submitLogin" | "eth_login" => {
            let user = List::of(message.params)?.text(0)?;
            let worker = text(message.worker).filter(|worker| !worker.is_empty());
            Some(says(Act::Login(Credentials { user, worker, ..Credentials::default() })))
        }
        // Whoever looks after a node may ask for its work, too.
        "eth_getWork" => Some(says(Act::Poll { user: None }).ambiguous()),
        "eth_submitWork" => {
            let list = List::of(message.params)?;
            let is_share =
                list.is_hexadecimal(0, 16) && list.is_hexadecimal(1, 64) && list.is_hexadecimal(2, 64);
            is_share.then(|| says(Act::Share { job: list.text(1), user: None }))
        }
        "eth_submitHashrate" => {
            let rate = List::of(message.params)?.text(0)?;
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

/// The work that `eth_getWork` gives: header hash, seed hash, boundary, in some pools a height.
pub(super) fn read_work<'a>(list: &List<'a>) -> Option<Job<'a>> {
    let is_hash =
        |at| list.text(at).is_some_and(|text| text.starts_with("0x")) && list.is_hexadecimal(at, 64);
    (is_hash(0) && is_hash(1) && is_hash(2)).then(|| Job {
        id: list.text(0),
        difficulty: list.text(2).and_then(|boundary| Difficulty::of_boundary(&boundary)),
        algorithm: None,
    })
}
