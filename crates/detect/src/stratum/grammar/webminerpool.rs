//! `{"identifier":…}`: webminerpool, which brings Monero's dialect into web pages.
//!
//! There is no official description; its server's and its script's messages agree on this much.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Act, Credentials, Statement, Weight, cryptonote};
use crate::stratum::facts::Dialect;
use crate::stratum::message::{Message, hexadecimal_digits, members, text};

pub(super) fn read<'a>(identifier: &str, message: &Message<'a>) -> Option<Statement<'a>> {
    let miner = |act| Statement::of_miner(Dialect::Coinhive, Weight::Hint, act);
    let pool = |act| Statement::of_pool(Dialect::Coinhive, Weight::Hint, act);
    match identifier {
        "handshake" => {
            let Handshake { pool, user } = members(message.value())?;
            pool?;
            Some(miner(Act::Login(Credentials { user: text(user)?, ..Credentials::default() })))
        }
        "job" => cryptonote::read_job(message.value()).map(|(_, job)| pool(Act::Job(job))),
        "solved" => {
            let Solved { job_id, nonce, result } = members(message.value())?;
            hexadecimal_digits(&text(nonce)?)?;
            hexadecimal_digits(&text(result)?)?;
            Some(miner(Act::Share { job: text(job_id), user: None }))
        }
        "hashsolved" => Some(pool(Act::ShareAnswer(Ok(()))).plausible()),
        _ => None,
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Handshake<'a> {
    #[serde(borrow)]
    pool: Option<&'a RawValue>,
    #[serde(borrow, rename = "login")]
    user: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Solved<'a> {
    #[serde(borrow)]
    job_id: Option<&'a RawValue>,
    #[serde(borrow)]
    nonce: Option<&'a RawValue>,
    #[serde(borrow)]
    result: Option<&'a RawValue>,
}
