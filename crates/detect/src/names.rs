//! Names of addresses, from answers of DNS that went by.
//!
//! [`answers`] reads a response, and [`Names`] remembers. A name is the one that was asked for: that of a service, not that of
//! the machine behind it. It is what a resolver said, and nothing proves that who used the address had asked.
//!
//! It must never know packets, ports, or who asked.

use std::{cmp::Reverse, collections::VecDeque, net::IpAddr, sync::Arc};

use ahash::RandomState;
use application::dns;
use domain::base::iana::{Class, Opcode, Rcode, Rtype};
use domain::base::name::ToName;
use domain::base::{Message, ParsedName};
use domain::rdata::{A, Aaaa, Cname};

use crate::stratum::pools::pool_name;

/// Reads a DNS message as UDP carries it, and hands out each address that it gives for the name that was asked for, with that name.
///
/// Only successful responses count. Of a message that is damaged or cut, what comes before the damage counts.
pub fn answers(message: &[u8], each: impl FnMut(IpAddr, &str)) {
    // Nothing to say about what is no response.
    let _is_read = read(message, each);
}

fn read(message: &[u8], mut each: impl FnMut(IpAddr, &str)) -> Option<()> {
    let message = Message::from_slice(message).ok()?;
    let (header, counts) = (message.header(), message.header_counts());
    let is_answer = header.qr() && header.opcode() == Opcode::QUERY && header.rcode() == Rcode::NOERROR;
    (is_answer && counts.qdcount() == 1).then_some(())?;
    let mut questions = message.question();
    let question = questions.next()?.ok().filter(|question| question.qclass() == Class::IN)?;
    let name = dns::name(question.qname())?;
    let mut owner = *question.qname();
    // A server puts each alias before what it stands for (RFC 1034, 4.3.2), so that one pass follows them all.
    for record in questions.answer().ok()?.take(MAX_RECORDS) {
        let record = record.ok()?;
        if record.class() != Class::IN || !record.owner().name_eq(&owner) {
            continue;
        }
        match record.rtype() {
            Rtype::CNAME => {
                if let Some(alias) = record.to_record::<Cname<ParsedName<&[u8]>>>().ok()? {
                    owner = *alias.data().cname();
                }
            }
            Rtype::A => {
                if let Some(address) = record.to_record::<A>().ok()? {
                    give(IpAddr::V4(address.data().addr()), &name, &mut each);
                }
            }
            Rtype::AAAA => {
                if let Some(address) = record.to_record::<Aaaa>().ok()? {
                    give(IpAddr::V6(address.data().addr()), &name, &mut each);
                }
            }
            _ => {}
        }
    }
    Some(())
}

/// Resolvers that block names answer with addresses that are nobody's.
fn give(address: IpAddr, name: &str, each: &mut impl FnMut(IpAddr, &str)) {
    if !address.is_unspecified() && !address.is_loopback() {
        each(address, name);
    }
}

/// What addresses are called, as far as was heard: the last [`MAX_NAMES`] names that were given for an address.
///
/// Names are heard all the time, and asked for when somebody mines. So they are kept as they come, and searched through when asked for:
/// an index would cost each of them a trip to memory (`benches/detection.rs`).
#[derive(Clone, Debug, Default)]
pub struct Names {
    heard: VecDeque<(IpAddr, Arc<str>)>,
    evicted: u64,
}

impl Names {
    /// Nothing has been heard.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes note that `name` was given for `address`. To hear it again tells nothing new, so that who tells it need not tell it twice.
    pub fn learn(&mut self, address: IpAddr, name: impl Into<Arc<str>>) {
        if self.heard.len() >= MAX_NAMES {
            self.heard.pop_front();
            self.evicted += 1;
        }
        self.heard.push_back((address, name.into()));
    }

    /// What an address is called: of several names that of a pool, if one is, else the first in the alphabet.
    pub fn of(&self, address: IpAddr) -> Option<&str> {
        let names = self.heard.iter().filter(|(named, _)| *named == address).map(|(_, name)| &**name);
        names.max_by_key(|name| (pool_name(name), Reverse(*name)))
    }

    /// How many names are kept.
    pub fn len(&self) -> usize {
        self.heard.len()
    }

    /// Is no name kept?
    pub fn is_empty(&self) -> bool {
        self.heard.is_empty()
    }

    /// How many names had to make room.
    pub fn evicted(&self) -> u64 {
        self.evicted
    }
}

/// Names that one observer has told of, so that it need not tell them again. It forgets, since it is small.
///
/// What it forgets must not differ from run to run. Whoever finds names that displace each other has some told twice.
#[derive(Debug)]
pub(crate) struct Told {
    digests: Box<[u64]>,
    hasher: RandomState,
}

impl Told {
    pub(crate) fn new() -> Self {
        Self { digests: vec![0; TOLD].into_boxed_slice(), hasher: RandomState::with_seeds(1, 2, 3, 4) }
    }

    /// Takes note that it is told. `true` if it is remembered to have been told before.
    pub(crate) fn note(&mut self, address: IpAddr, name: &str) -> bool {
        let digest = self.hasher.hash_one((address, name)) | 1;
        let place = (digest >> 32) as usize % TOLD;
        self.digests.get_mut(place).is_some_and(|known| std::mem::replace(known, digest) == digest)
    }
}

/// How many names of addresses are kept: with names of usual lengths, three megabytes. Whoever mines has asked for the pool shortly before.
pub const MAX_NAMES: usize = 32_768;
const TOLD: usize = 4_096;
/// More records are of no use to who asked: the longest answers of services that spread their load have some twenty.
const MAX_RECORDS: usize = 64;

#[cfg(test)]
mod tests;
