use std::net::IpAddr;

use super::sample::{address_hash, endpoint_hash};
use crate::{Prefix, Victim};

/// Which things may be among those that a judge remembers, by their hashes: a bit for each of many, so that the rest of the internet,
/// which is not, costs a look at a small table and no trip to memory (`benches/detection.rs`).
#[derive(Debug)]
pub(super) struct Watched {
    bits: Box<[u64]>,
}

impl Watched {
    pub(super) fn new() -> Self {
        Self { bits: vec![0; WORDS].into_boxed_slice() }
    }

    /// Remembers what has this hash.
    pub(super) fn note(&mut self, hash: u64) {
        let (word, bit) = place(hash);
        if let Some(bits) = self.bits.get_mut(word) {
            *bits |= bit;
        }
    }

    /// `false` if it was not noted since everything was forgotten.
    pub(super) fn may_be(&self, hash: u64) -> bool {
        let (word, bit) = place(hash);
        self.bits.get(word).is_some_and(|bits| bits & bit != 0)
    }

    /// Forgets everything but these.
    pub(super) fn keep(&mut self, hashes: impl Iterator<Item = u64>) {
        self.bits.fill(0);
        hashes.for_each(|hash| self.note(hash));
    }
}

const fn place(hash: u64) -> (usize, u64) {
    let word = (hash >> 32) as usize % WORDS;
    (word, 1 << (hash % 64))
}

/// What a victim is watched by.
pub(super) fn victim_hash(victim: Victim) -> u64 {
    match victim {
        Victim::Port(address, port) => endpoint_hash(OF_PORTS, address, port),
        Victim::Address(address) => address_hash(OF_HOSTS, address),
        Victim::Prefix(prefix) => address_hash(OF_NETWORKS, prefix.address()),
        Victim::Many => 0,
    }
}

/// What the network that a victim is in is watched by.
pub(super) fn network_hash(victim: Victim) -> u64 {
    match victim {
        Victim::Port(address, _) | Victim::Address(address) => {
            victim_hash(Victim::Prefix(Prefix::of(address)))
        }
        Victim::Prefix(_) | Victim::Many => victim_hash(victim),
    }
}

/// What a source is watched by.
pub(super) fn source_hash(source: IpAddr) -> u64 {
    address_hash(OF_HOSTS, source)
}

/// Sixteen bits for each of some four thousand: few are taken for others.
const WORDS: usize = 1_024;

/// Keys of hashes, so that a host is not taken for its network.
const OF_PORTS: u64 = 1;
const OF_HOSTS: u64 = 2;
const OF_NETWORKS: u64 = 3;

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn what_was_noted_may_be_and_most_else_is_not() {
        let address = |number: u32| address_hash(0, IpAddr::from(Ipv4Addr::from_bits(number)));
        let mut watched = Watched::new();
        (0..4_000).map(address).for_each(|address| watched.note(address));
        assert!((0..4_000).map(address).all(|address| watched.may_be(address)));
        let others = (10_000..20_000).filter(|number| watched.may_be(address(*number))).count();
        assert!(others < 1_500, "{others}");
        watched.keep([address(7)].into_iter());
        assert!(watched.may_be(address(7)));
        assert!((0..4_000).filter(|number| watched.may_be(address(*number))).count() < 10);
    }
}
