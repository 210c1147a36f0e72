use std::{
    hash::{Hash, Hasher},
    net::IpAddr,
};

use ahash::RandomState;
use flow::FlowRecord;
use hashbrown::HashMap;
use serde::Serialize;

/// The hosts that exchange the most octets, found in bounded memory.
///
/// Hosts are counted in a table of fixed size. When it is full, the half that has the fewest octets is dropped, and a new host with
/// no more than the largest of those is let in only now and then: a flood of hosts that come once must not cost more than it is
/// worth, and one that comes often gets in. Up to as many hosts as the table holds, counts are exact; beyond, a count misses what
/// the host exchanged before it got in for good.
#[derive(Debug)]
pub struct TopTalkers {
    hosts: HashMap<Host, Counts, RandomState>,
    /// Octets of the largest host that was dropped last.
    floor: u64,
    /// Records of hosts below the floor.
    knocks: u64,
}

/// A host and what it sent and received.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub struct Talker {
    /// Its address.
    pub address: IpAddr,
    /// Octets of its flows, both ways, from the IP header on.
    pub octets: u64,
    /// Packets of its flows, both ways.
    pub packets: u64,
    /// Flow records that it has part in.
    pub records: u64,
}

/// An address that hashes as one number.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Host(IpAddr);

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    octets: u64,
    packets: u64,
    records: u64,
}

impl TopTalkers {
    /// No hosts yet.
    pub fn new() -> Self {
        Self { hosts: HashMap::with_capacity_and_hasher(MAX_HOSTS, RandomState::new()), floor: 0, knocks: 0 }
    }

    /// Counts a record to both its ends.
    pub fn count(&mut self, record: &FlowRecord) {
        let octets = record.forward.octets + record.reverse.octets;
        let packets = record.forward.packets + record.reverse.packets;
        let (initiator, responder) = (record.initiator().address, record.responder().address);
        self.add(initiator, octets, packets);
        if responder != initiator {
            self.add(responder, octets, packets);
        }
    }

    /// The `number` hosts with the most octets, the first one first.
    pub fn top(&self, number: usize) -> Vec<Talker> {
        let talker = |(host, counts): (&Host, &Counts)| {
            let Counts { octets, packets, records } = *counts;
            Talker { address: host.0, octets, packets, records }
        };
        // In any order: sorted right after.
        let mut talkers: Vec<_> = self.hosts.iter().map(talker).collect();
        talkers.sort_by_key(|talker| (std::cmp::Reverse(talker.octets), talker.address));
        talkers.truncate(number);
        talkers
    }

    fn add(&mut self, address: IpAddr, octets: u64, packets: u64) {
        let host = Host(address);
        if let Some(counts) = self.hosts.get_mut(&host) {
            counts.octets += octets;
            counts.packets += packets;
            counts.records += 1;
            return;
        }
        if octets <= self.floor {
            self.knocks += 1;
            if !self.knocks.is_multiple_of(KNOCKS) {
                return;
            }
        }
        if self.hosts.len() >= MAX_HOSTS {
            self.drop_half();
        }
        self.hosts.insert(host, Counts { octets, packets, records: 1 });
    }

    /// Which hosts are dropped depends on counts and addresses alone: the smaller half is the same set in any order.
    fn drop_half(&mut self) {
        let mut ranks: Vec<_> = self.hosts.iter().map(|(host, counts)| (counts.octets, *host)).collect();
        let middle = ranks.len() / 2;
        let (_, &mut (octets, last), _) = ranks.select_nth_unstable(middle);
        self.hosts.retain(|host, counts| (counts.octets, *host) > (octets, last));
        self.floor = octets;
    }
}

impl Hash for Host {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u128(match self.0 {
            IpAddr::V4(address) => address.to_bits().into(),
            IpAddr::V6(address) => address.to_bits(),
        });
    }
}

impl Default for TopTalkers {
    fn default() -> Self {
        Self::new()
    }
}

/// So many hosts are counted at once; they fit in a processor's cache.
const MAX_HOSTS: usize = 4_096;
/// One in so many small records of unknown hosts lets its host in.
const KNOCKS: u64 = 16;

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn hosts_that_matter_are_found_among_very_many() {
        let mut talkers = TopTalkers::new();
        let host = |number: u32| IpAddr::V4(Ipv4Addr::from(number));
        for number in 0..100_000 {
            talkers.add(host(number), 60, 1);
            if number % 10 == 0 {
                talkers.add(host(7), 1_000, 2);
            }
            assert!(talkers.hosts.len() <= MAX_HOSTS);
        }
        let [first, second] = talkers.top(2)[..] else { panic!("two are asked for") };
        assert_eq!((first.address, first.octets, first.packets), (host(7), 10_000_060, 20_001));
        assert!(second.octets <= 120);
    }
}
