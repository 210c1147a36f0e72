//! `mining.*` and `client.*`: Bitcoin's Stratum v1 and what grew from it.
//!
//! Sources: BIP 310 (mining.configure); ZIP 301 (Equihash); `NiceHash`'s `EthereumStratum/1.0.0`; EIP-1571
//! (`EthereumStratum/2.0.0`); the `KawPoW` and Kaspa bridges' own messages.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Act, Credentials, Job, Statement, Weight};
use crate::stratum::difficulty::Difficulty;
use crate::stratum::facts::Dialect;
use crate::stratum::message::{
    List, Message, all_members, hexadecimal_digits, members, number, text, text_or_number,
};

pub(super) fn read<'a>(method: &str, message: &Message<'a>) -> Option<Statement<'a>> {
    if let Some(name) = method.strip_prefix("mining.") {
        return miner(name, message).or_else(|| pool(name, message)).or_else(|| cut(name, message));
    }
    match method {
        "client.reconnect" => Some(pool_says(Act::Redirect(destination(message.params)))),
        "client.show_message" | "client.get_version" => Some(pool_says(Act::Notice).ambiguous()),
        "set_extranonce" => {
            let list = List::of(message.params)?;
            list.hexadecimal(0).map(|_| pool_says(Act::Notice).ambiguous())
        }
        _ => None,
    }
}

fn miner<'a>(name: &str, message: &Message<'a>) -> Option<Statement<'a>> {
    let says = |act| Statement::of_miner(Dialect::Bitcoin, Weight::Name, act);
    match name {
        "subscribe" => subscribe(message),
        "hello" => hello(message),
        "configure" => List::of(message.params)
            .filter(|list| list.is_list(0))
            .map(|_| says(Act::Introduce { agent: None, pool: None })),
        "authorize" => {
            let user = match List::of(message.params) {
                Some(list) => list.text(0)?,
                None => named_user(message.params)?,
            };
            Some(says(Act::Login(Credentials { user, ..Credentials::default() })))
        }
        "submit" => submit(message),
        "extranonce.subscribe"
        | "suggest_difficulty"
        | "suggest_target"
        | "get_transactions"
        | "capabilities"
        | "multi_version"
        | "noop"
        | "bye"
        | "hashrate" => Some(says(Act::Ask)),
        _ => None,
    }
}

fn pool<'a>(name: &str, message: &Message<'a>) -> Option<Statement<'a>> {
    match name {
        "notify" => notify(message),
        "set_difficulty" => {
            let list = List::of(message.params);
            let value = list.as_ref().map_or(message.params, |list| list.value(0));
            let difficulty = Difficulty::of_number(number(value)?);
            Some(pool_says(Act::Difficulty(difficulty)))
        }
        "set_target" => {
            let target = target(message)?;
            let difficulty = Difficulty::of_boundary(&target);
            // Others name a boundary, too; their jobs tell.
            Some(Statement::of_pool(Dialect::Equihash, Weight::Hint, Act::Difficulty(difficulty)))
        }
        "set" => set(message),
        "set_extranonce" | "set_version_mask" => {
            let value = List::of(message.params).map_or(message.params, |list| list.value(0));
            hexadecimal_digits(&text(value)?).map(|_| pool_says(Act::Notice))
        }
        "subscribed" => {
            message.body.map(|_| Statement::of_pool(Dialect::IronFish, Weight::Shape, Act::Welcome))
        }
        "submitted" => {
            let Submitted { result } = members(message.body)?;
            let answer = if result { Ok(()) } else { Err(super::Refusal::Other) };
            Some(Statement::of_pool(Dialect::IronFish, Weight::Shape, Act::ShareAnswer(answer)))
        }
        "reconnect" => Some(pool_says(Act::Redirect(destination(message.params)))),
        "ping" => Some(pool_says(Act::Notice)),
        _ => None,
    }
}

/// A message whose parameters are missing, since the capture cut it: its name is all that is known.
fn cut<'a>(name: &str, message: &Message<'a>) -> Option<Statement<'a>> {
    if message.is_whole {
        return None;
    }
    let says = |act| Statement::of_miner(Dialect::Bitcoin, Weight::Name, act);
    match name {
        "authorize" => Some(says(Act::Login(Credentials::default()))),
        "submit" => Some(says(Act::Share { job: None, user: None })),
        "notify" => Some(pool_says(Act::Job(Job::default()))),
        "set_difficulty" | "set_target" => Some(pool_says(Act::Difficulty(None))),
        _ => None,
    }
}

fn pool_says(act: Act<'_>) -> Statement<'_> {
    Statement::of_pool(Dialect::Bitcoin, Weight::Name, act)
}

fn subscribe<'a>(message: &Message<'a>) -> Option<Statement<'a>> {
    if let Some(body) = members::<IronFishMiner<'_>>(message.body) {
        let credentials = Credentials {
            user: text(body.public_address)?,
            worker: text(body.name),
            ..Credentials::default()
        };
        return Some(Statement::of_miner(Dialect::IronFish, Weight::Shape, Act::Login(credentials)));
    }
    // Parameters are as good as optional, and some programs put them into an object: but then anything may be subscribed to.
    let list = List::of(message.params);
    let is_of_others = list.is_none() && message.params.is_some();
    let list = list.unwrap_or_default();
    let protocol = list.text(1).filter(|protocol| protocol.starts_with("EthereumStratum/1"));
    let dialect = match protocol {
        Some(_) => (Dialect::EthereumStratum1, Weight::Hint),
        None => (Dialect::Bitcoin, Weight::Name),
    };
    let pool = list.text(2).map(|host| address(&host, text_or_number(list.value(3))));
    let act = Act::Introduce { agent: list.text(0), pool };
    let statement = Statement::of_miner(dialect.0, dialect.1, act);
    Some(if is_of_others { statement.plausible() } else { statement })
}

/// EIP-1571: the first word of EthereumStratum/2.0.0.
fn hello<'a>(message: &Message<'a>) -> Option<Statement<'a>> {
    if let Some(list) = List::of(message.params) {
        // Alephium: [agent, "AlephiumStratum/1.0.0"].
        list.text(1).filter(|protocol| protocol.contains("Stratum/"))?;
        let act = Act::Introduce { agent: list.text(0), pool: None };
        return Some(Statement::of_miner(Dialect::Bitcoin, Weight::Name, act));
    }
    let hello: Hello<'_> = members(message.params)?;
    hello.proto?;
    let pool = text(hello.host).map(|host| {
        let port = text(hello.port).and_then(|port| u16::from_str_radix(&port, 16).ok());
        address(&host, port.map(|port| Cow::Owned(port.to_string())))
    });
    let act = Act::Introduce { agent: text(hello.agent), pool };
    Some(Statement::of_miner(Dialect::EthereumStratum2, Weight::Shape, act))
}

/// A share, by the shape of what is handed in.
fn submit<'a>(message: &Message<'a>) -> Option<Statement<'a>> {
    if message.body.is_some() {
        let act = Act::Share { job: None, user: None };
        return Some(Statement::of_miner(Dialect::IronFish, Weight::Shape, act));
    }
    let Some(list) = List::of(message.params) else { return named_share(message.params) };
    let Some(job) = text_or_number(list.value(1)) else { return bare_share(&list) };
    let (dialect, weight) = if list.is_hexadecimal(2, 16)
        && list.is_hexadecimal(3, 64)
        && list.is_hexadecimal(4, 64)
    {
        // Ethereum's shares look the same; jobs tell.
        (Dialect::KawPow, Weight::Hint)
    } else if list.is_hexadecimal(2, 8)
        && list.hexadecimal(4).is_some_and(|digits| digits >= EQUIHASH_LEAST_DIGITS)
    {
        (Dialect::Equihash, Weight::Shape)
    } else if list.is_hexadecimal(3, 8) && list.is_hexadecimal(4, 8) {
        (Dialect::Bitcoin, Weight::Shape)
    } else if list.len() == 3 && list.hexadecimal(2).is_some_and(|digits| digits <= 16) {
        let is_prefixed = list.text(2).is_some_and(|nonce| nonce.starts_with("0x"));
        // A name, a job and a nonce are in the shares of many.
        if is_prefixed { (Dialect::Kaspa, Weight::Hint) } else { (Dialect::EthereumStratum1, Weight::Name) }
    } else if list.len() >= 3 && (1..list.len()).any(|at| list.is_at_least(at, NONCE_DIGITS)) {
        (Dialect::Bitcoin, Weight::Name)
    } else {
        return None;
    };
    let act = Act::Share { job: Some(job), user: list.text(0) };
    Some(Statement::of_miner(dialect, weight, act))
}

/// A job, by the shape of what is handed out.
fn notify<'a>(message: &Message<'a>) -> Option<Statement<'a>> {
    if message.body.is_some() {
        return Some(Statement::of_pool(Dialect::IronFish, Weight::Shape, Act::Job(Job::default())));
    }
    let Some(list) = List::of(message.params) else { return named_job(message.params) };
    let Some(id) = text_or_number(list.value(0)) else { return named_job(list.value(0)) };
    let mut job = Job { id: Some(id), ..Job::default() };
    let hash = |at| list.is_hexadecimal(at, HASH_DIGITS);
    let (dialect, weight) = if hash(1) && list.is_list(4) && (list.is_hexadecimal(5, 8) || list.is_empty(5)) {
        // Sia's blocks have no version.
        job.is_of_coinbase = true;
        (Dialect::Bitcoin, Weight::Shape)
    } else if list.is_hexadecimal(1, 8) && hash(2) && hash(3) && hash(4) {
        (Dialect::Equihash, Weight::Shape)
    } else if hash(1) && hash(2) && hash(3) && list.is_boolean(4) {
        job.difficulty = list.text(3).and_then(|target| Difficulty::of_boundary(&target));
        // KawPoW needs the height to know its program.
        let has_height = number(list.value(5)).is_some();
        (if has_height { Dialect::KawPow } else { Dialect::EthashStratum }, Weight::Shape)
    } else if hash(1) && hash(2) && list.is_boolean(3) {
        (Dialect::EthereumStratum1, Weight::Shape)
    } else if ((list.is_list(1) || list.is_at_least(1, HASH_DIGITS))
        && list.len() == 3
        && number(list.value(2)).is_some())
        || (list.len() == 2 && list.is_hexadecimal(1, KASPA_HEADER_DIGITS))
    {
        (Dialect::Kaspa, Weight::Shape)
    } else if list.hexadecimal(1).is_some_and(|digits| digits <= 8) && hash(2) && list.is_flag(3) {
        (Dialect::EthereumStratum2, Weight::Shape)
    } else if hash(1) && list.len() >= 3 {
        // A header's hash and more: Nervos, Aeternity and others, in the words that they have in common.
        (Dialect::Bitcoin, Weight::Shape)
    } else if (0..list.len()).any(|at| list.is_at_least(at, HEADER_DIGITS)) {
        (Dialect::Bitcoin, Weight::Name)
    } else {
        return None;
    };
    Some(Statement::of_pool(dialect, weight, Act::Job(job)))
}

/// A job whose parts have names, in whose words it is: something in it is as long as a hash, or longer.
fn named_job(value: Option<&RawValue>) -> Option<Statement<'_>> {
    let all = all_members(value)?;
    let is_header = |value| {
        text(Some(value))
            .is_some_and(|text| hexadecimal_digits(&text).is_some_and(|digits| digits >= HASH_DIGITS))
    };
    all.values().any(|value| is_header(value)).then_some(())?;
    let id = JOB_NAMES.iter().find_map(|name| text_or_number(all.get(*name).copied()));
    Some(pool_says(Act::Job(Job { id, ..Job::default() })))
}

/// A share whose parts have names; a nonce is among them.
fn named_share(value: Option<&RawValue>) -> Option<Statement<'_>> {
    let all = all_members(value)?;
    hexadecimal_digits(&text(all.get("nonce").copied())?)?;
    let job = JOB_NAMES.iter().find_map(|name| text_or_number(all.get(*name).copied()));
    Some(Statement::of_miner(Dialect::Bitcoin, Weight::Name, Act::Share { job, user: named_user(value) }))
}

/// A share of the hash of a job's header, and a seal (`CodeChain`, `spec/Stratum.md`).
fn bare_share<'a>(list: &List<'a>) -> Option<Statement<'a>> {
    (list.is_hexadecimal(0, HASH_DIGITS) && list.is_list(1)).then_some(())?;
    let act = Act::Share { job: list.text(0), user: None };
    Some(Statement::of_miner(Dialect::Bitcoin, Weight::Name, act))
}

/// Who is paid, by any of the names that it has.
fn named_user(value: Option<&RawValue>) -> Option<Cow<'_, str>> {
    let all = all_members(value)?;
    USER_NAMES.iter().find_map(|name| text(all.get(*name).copied()))
}

fn target<'a>(message: &Message<'a>) -> Option<Cow<'a, str>> {
    if let Some(body) = members::<IronFishTarget<'_>>(message.body) {
        return text(body.target);
    }
    let Some(list) = List::of(message.params) else { return text(message.params) };
    list.text(0).or_else(|| text_or_number(list.value(0)))
}

/// EIP-1571: what holds for the jobs that follow.
fn set<'a>(message: &Message<'a>) -> Option<Statement<'a>> {
    let set: Set<'_> = members(message.params)?;
    let target = text(set.target);
    if target.is_none() && set.epoch.is_none() && set.extranonce.is_none() && set.algo.is_none() {
        return None;
    }
    let act = match target {
        Some(target) => Act::Difficulty(Difficulty::of_boundary(&format!("{target:0>64}"))),
        None => Act::Notice,
    };
    Some(Statement::of_pool(Dialect::EthereumStratum2, Weight::Shape, act))
}

fn destination(params: Option<&RawValue>) -> Option<String> {
    let list = List::of(params)?;
    list.text(0).filter(|host| !host.is_empty()).map(|host| address(&host, text_or_number(list.value(1))))
}

fn address(host: &str, port: Option<Cow<'_, str>>) -> String {
    match port {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Hello<'a> {
    #[serde(borrow)]
    agent: Option<&'a RawValue>,
    #[serde(borrow)]
    host: Option<&'a RawValue>,
    #[serde(borrow)]
    port: Option<&'a RawValue>,
    #[serde(borrow)]
    proto: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Set<'a> {
    #[serde(borrow)]
    target: Option<&'a RawValue>,
    #[serde(borrow)]
    epoch: Option<&'a RawValue>,
    #[serde(borrow)]
    extranonce: Option<&'a RawValue>,
    #[serde(borrow)]
    algo: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct IronFishMiner<'a> {
    #[serde(borrow, rename = "publicAddress")]
    public_address: Option<&'a RawValue>,
    #[serde(borrow, default)]
    name: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct IronFishTarget<'a> {
    #[serde(borrow)]
    target: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Submitted {
    result: bool,
}

/// A hash of 32 octets and a time of 8, as Kaspa's bridges give them to some machines.
const KASPA_HEADER_DIGITS: usize = 80;
/// Of the shortest parts of a nonce that miners choose themselves (Warthog).
const NONCE_DIGITS: usize = 4;
/// Of the shortest parts of a header that jobs consist of.
const HEADER_DIGITS: usize = 16;
/// Digits of a hash of 256 bits.
const HASH_DIGITS: usize = 64;
/// Solutions of the smallest Equihash in use (192,7) have 400 octets; those of Zcash (200,9) have 1344.
const EQUIHASH_LEAST_DIGITS: usize = 200;
const JOB_NAMES: &[&str] = &["job_id", "jobId", "jobid", "job", "id"];
const USER_NAMES: &[&str] = &["user", "username", "login", "worker", "address", "wallet"];
