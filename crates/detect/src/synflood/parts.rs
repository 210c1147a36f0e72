//! What of a second is judged: ports of hosts, and networks with what none of their hosts explains.

use std::net::IpAddr;

use super::{
    config::JudgeConfig,
    second::{Second, Target},
    victim::VictimSecond,
};
use crate::Victim;

/// A port of a second that is to be judged.
///
/// In the order of addresses, which are numbers here: to compare addresses, each pair of them would be a call.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct PortToJudge {
    bits: (u8, u128),
    port: u16,
    /// Its number among the targets of the second.
    pub(super) number: u32,
}

impl PortToJudge {
    pub(super) fn new(address: IpAddr, port: u16, number: u32) -> Self {
        Self { bits: bits(address), port, number }
    }

    /// Is the other one of the same host?
    pub(super) fn shares_host(&self, other: &Self) -> bool {
        self.bits == other.bits
    }

    pub(super) fn address(&self) -> IpAddr {
        address(self.bits.0, self.bits.1)
    }

    pub(super) fn victim(&self) -> Victim {
        Victim::Port(self.address(), self.port)
    }
}

/// The second of a network, of several in the order of victims.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) victim: Victim,
    pub(super) count: VictimSecond,
}

/// Adds to prefixes what an observer had no room for by port.
pub(super) fn add_overflow(prefixes: &mut Vec<Part>, second: &mut Second, config: &JudgeConfig) {
    for ((target, _), count) in second.targets.iter_mut() {
        let victim = match target {
            Target::Port(..) => continue,
            Target::Prefix(prefix) => Victim::Prefix(*prefix),
            Target::Other => Victim::Many,
        };
        let mut count = VictimSecond::of(count, config);
        count.parts = count.sources.distinct();
        match prefixes.binary_search_by_key(&victim, |part| part.victim) {
            Ok(at) => {
                if let Some(part) = prefixes.get_mut(at) {
                    part.count.add(&count);
                }
            }
            Err(at) => prefixes.insert(at, Part { victim, count }),
        }
    }
}

/// An address as numbers, which have its order.
fn bits(address: IpAddr) -> (u8, u128) {
    match address {
        IpAddr::V4(address) => (4, address.to_bits().into()),
        IpAddr::V6(address) => (6, address.to_bits()),
    }
}

fn address(version: u8, bits: u128) -> IpAddr {
    match u32::try_from(bits) {
        Ok(bits) if version == 4 => IpAddr::V4(bits.into()),
        _ => IpAddr::V6(bits.into()),
    }
}
