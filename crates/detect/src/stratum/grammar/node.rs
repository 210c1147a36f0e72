//! Work from a node: `getwork`, `getblocktemplate` (BIP 22) and Monero's `get_block_template`.
//!
//! Whoever looks after a node asks for a template, too. Only who hands in a block or a share is a miner.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Act, Job, Statement, Weight};
use crate::stratum::difficulty::Difficulty;
use crate::stratum::facts::Dialect;
use crate::stratum::message::{List, Message, members, text};

pub(super) fn read<'a>(method: &str, message: &Message<'a>) -> Option<Statement<'a>> {
    match method {
        "getwork" => {
            let data = List::of(message.params).and_then(|list| list.hexadecimal(0));
            let act = match data {
                Some(digits) if digits >= GETWORK_DATA_DIGITS => Act::Share { job: None, user: None },
                Some(_) => return None,
                None => Act::Poll { user: None },
            };
            let is_share = data.is_some();
            let statement = Statement::of_miner(Dialect::Getwork, Weight::Shape, act);
            Some(if is_share { statement } else { statement.ambiguous() })
        }
        // Merged mining asks for the hash of a block, and hands in the other currency's work for it.
        "getauxblock" | "createauxblock" | "submitauxblock" => {
            let proof = List::of(message.params).and_then(|list| list.hexadecimal(1));
            let act = match proof {
                Some(digits) if digits >= LEAST_BLOCK_DIGITS => Act::Share { job: None, user: None },
                _ if method == "submitauxblock" => return None,
                _ => Act::Poll { user: None },
            };
            let statement = Statement::of_miner(Dialect::BlockTemplate, Weight::Shape, act);
            Some(if proof.is_some() { statement } else { statement.ambiguous() })
        }
        "getblocktemplate" | "get_block_template" | "getminerdata" => {
            let wallet =
                members::<Request<'_>>(message.params).and_then(|request| text(request.wallet_address));
            let act = Act::Poll { user: wallet };
            Some(Statement::of_miner(Dialect::BlockTemplate, Weight::Shape, act).ambiguous())
        }
        "submitblock" | "submit_block" => {
            // Of a message that is too long to be read, the block is what made it so.
            let is_block =
                || List::of(message.params)?.hexadecimal(0).map(|digits| digits >= LEAST_BLOCK_DIGITS);
            (!message.is_whole || is_block()?).then(|| {
                let act = Act::Share { job: None, user: None };
                Statement::of_miner(Dialect::BlockTemplate, Weight::Shape, act)
            })
        }
        _ => None,
    }
}

/// The work in an answer: of a block template of Bitcoin or of Monero, or of getwork.
pub(super) fn read_work(value: Option<&RawValue>) -> Option<(Dialect, Job<'_>)> {
    let work: Work<'_> = members(value)?;
    let is_hexadecimal = |value, least| {
        text(value)
            .is_some_and(|text| text.len() >= least && text.bytes().all(|digit| digit.is_ascii_hexdigit()))
    };
    if is_hexadecimal(work.data, GETWORK_DATA_DIGITS) && work.target.is_some() {
        let difficulty = text(work.target).and_then(|target| Difficulty::of_getwork_target(&target));
        return Some((Dialect::Getwork, Job { difficulty, ..Job::default() }));
    }
    let of_bitcoin =
        is_hexadecimal(work.previousblockhash, 64) && (work.bits.is_some() || work.target.is_some());
    let of_monero = work.blocktemplate_blob.is_some() || work.blockhashing_blob.is_some();
    if of_bitcoin || of_monero {
        return Some((Dialect::BlockTemplate, Job::default()));
    }
    None
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Request<'a> {
    #[serde(borrow)]
    wallet_address: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Work<'a> {
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    #[serde(borrow)]
    target: Option<&'a RawValue>,
    #[serde(borrow)]
    previousblockhash: Option<&'a RawValue>,
    #[serde(borrow)]
    bits: Option<&'a RawValue>,
    #[serde(borrow)]
    blocktemplate_blob: Option<&'a RawValue>,
    #[serde(borrow)]
    blockhashing_blob: Option<&'a RawValue>,
}

/// A block header of 80 octets, padded to two blocks of SHA-256.
const GETWORK_DATA_DIGITS: usize = 256;
/// A block has a header of 80 octets and a transaction; Monero's smallest is of about that size.
const LEAST_BLOCK_DIGITS: usize = 160;
