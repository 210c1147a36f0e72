//! Flows that are spread over several collectors.

use std::net::IpAddr;

use flow::{FlowKey, FlowRecord, Side};

/// Which flows one of several collectors gets.
///
/// Each flow has one, by its addresses, ports and protocol: whichever way it is seen, however often it is cut, in every run, and in every
/// probe that is given the same collectors. It is the one of highest weight (rendezvous hashing), so that the flows of a collector that is
/// no longer named, and no others, come to have another one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Share {
    mine: u64,
    others: Vec<u64>,
}

impl Share {
    /// The share of each of these collectors, which have different names.
    pub(crate) fn of_each(names: &[String]) -> Vec<Self> {
        let seeds: Vec<u64> = names.iter().map(|name| hash(FNV_OFFSET_BASIS, name.as_bytes())).collect();
        let share = |mine: &u64| Self {
            mine: *mine,
            others: seeds.iter().copied().filter(|other| other != mine).collect(),
        };
        seeds.iter().map(share).collect()
    }

    /// Whether the flow of this record is among them.
    pub(crate) fn has(&self, record: &FlowRecord) -> bool {
        let flow = flow_hash(&record.key);
        let weight = |seed: u64| mix(flow ^ seed);
        let mine = weight(self.mine);
        self.others.iter().all(|other| weight(*other) < mine)
    }
}

/// The same for both directions: a key has its ends in an order of their own.
fn flow_hash(key: &FlowKey) -> u64 {
    let hashed = [Side::Low, Side::High].into_iter().fold(FNV_OFFSET_BASIS, |state, side| {
        let end = key.endpoint(side);
        let state = match end.address {
            IpAddr::V4(address) => hash(state, &address.octets()),
            IpAddr::V6(address) => hash(state, &address.octets()),
        };
        hash(state, &end.port.to_be_bytes())
    });
    mix(hash(hashed, &[key.protocol()]))
}

/// FNV-1a.
fn hash(state: u64, octets: &[u8]) -> u64 {
    octets.iter().fold(state, |state, octet| (state ^ u64::from(*octet)).wrapping_mul(FNV_PRIME))
}

/// The finaliser of splitmix64: each bit counts for all.
const fn mix(word: u64) -> u64 {
    let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

/// draft-eastlake-fnv, 5.
const FNV_OFFSET_BASIS: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0000_0100_0000_01b3;
