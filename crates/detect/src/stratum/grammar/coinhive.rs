//! `{"type":…,"params":…}`: Coinhive and those that took over its messages.
//!
//! There is no official description; two servers that were written for it agree on this much.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Act, Credentials, Refusal, Statement, Weight, cryptonote};
use crate::stratum::facts::Dialect;
use crate::stratum::message::{Message, hexadecimal_digits, members, text};

pub(super) fn read<'a>(kind: &str, message: &Message<'a>) -> Option<Statement<'a>> {
    let miner = |act| Statement::of_miner(Dialect::Coinhive, Weight::Shape, act);
    let pool = |act| Statement::of_pool(Dialect::Coinhive, Weight::Shape, act);
    match kind {
        "auth" => {
            let auth: Auth<'_> = members(message.params)?;
            let user = text(auth.site_key)?;
            Some(miner(Act::Login(Credentials { user, worker: text(auth.user), ..Credentials::default() })))
        }
        "submit" => {
            let share: Share<'_> = members(message.params)?;
            hexadecimal_digits(&text(share.nonce)?)?;
            hexadecimal_digits(&text(share.result)?)?;
            Some(miner(Act::Share { job: text(share.job_id), user: None }))
        }
        "authed" => members::<Authed<'_>>(message.params)?.hashes.map(|_| pool(Act::Welcome)),
        "job" => cryptonote::read_job(message.params).map(|(_, job)| pool(Act::Job(job))),
        "hash_accepted" => Some(pool(Act::ShareAnswer(Ok(())))),
        "banned" => Some(pool(Act::Notice).ambiguous()),
        "error" => {
            let Failure { error } = members(message.params)?;
            error.map(|_| pool(Act::ShareAnswer(Err(Refusal::Other))).ambiguous())
        }
        _ => None,
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Auth<'a> {
    #[serde(borrow)]
    site_key: Option<&'a RawValue>,
    #[serde(borrow)]
    user: Option<&'a RawValue>,
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
}

#[derive(Deserialize)]
struct Authed<'a> {
    #[serde(borrow)]
    hashes: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Failure<'a> {
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}
