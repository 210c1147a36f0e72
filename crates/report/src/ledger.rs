use std::collections::BTreeMap;

use serde::{Serialize, Serializer, ser::SerializeMap};
use wire::DecodeFailure;

/// What became of every packet that was received. The parts add up to the whole: see [`PacketLedger::balance`].
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct PacketLedger {
    /// Packets that the sources gave.
    pub received: u64,
    /// Octets of these packets on the wire, from the link layer on.
    pub received_octets: u64,
    /// Packets that were counted to a flow.
    pub metered: u64,
    /// Octets that were counted to flows: those of the metered packets from the IP header on.
    pub metered_octets: u64,
    /// Fragments of tunnel packets after the first, which hold the rest of a packet that was metered whole.
    pub tunnel_fragments: u64,
    /// Packets that the filter did not ask for.
    pub filtered: u64,
    /// Packets that sampling has left out.
    pub sampled_out: u64,
    /// Octets on the wire of the packets in which no IP packet was found.
    pub undecoded_octets: u64,
    /// Packets without IP that could be reached, by reason.
    undecoded: BTreeMap<DecodeFailure, u64>,
    /// Those of reasons beyond [`MAX_REASONS`].
    undecoded_otherwise: u64,
}

impl PacketLedger {
    /// Counts a packet in which no IP packet was found.
    pub fn count_undecoded(&mut self, reason: DecodeFailure) {
        self.add_undecoded(reason, 1);
    }

    /// Takes in another ledger: that of a further worker.
    pub fn add(&mut self, other: &Self) {
        self.received += other.received;
        self.received_octets += other.received_octets;
        self.metered += other.metered;
        self.metered_octets += other.metered_octets;
        self.tunnel_fragments += other.tunnel_fragments;
        self.filtered += other.filtered;
        self.sampled_out += other.sampled_out;
        self.undecoded_octets += other.undecoded_octets;
        self.undecoded_otherwise += other.undecoded_otherwise;
        for (reason, packets) in &other.undecoded {
            self.add_undecoded(*reason, *packets);
        }
    }

    /// Packets in which no IP packet was found, by reason, the most frequent first; without those of reasons beyond the bound.
    pub fn undecoded_by_reason(&self) -> Vec<(DecodeFailure, u64)> {
        let mut reasons: Vec<_> =
            self.undecoded.iter().map(|(reason, packets)| (*reason, *packets)).collect();
        reasons.sort_by_key(|&(reason, packets)| (std::cmp::Reverse(packets), reason));
        reasons
    }

    /// All packets in which no IP packet was found.
    pub fn undecoded(&self) -> u64 {
        self.undecoded.values().sum::<u64>() + self.undecoded_otherwise
    }

    /// Those of reasons beyond [`MAX_REASONS`].
    pub const fn undecoded_otherwise(&self) -> u64 {
        self.undecoded_otherwise
    }

    /// What was received less what is accounted for. Anything but zero is a fault of this program.
    pub fn balance(&self) -> i128 {
        let parts = [self.metered, self.tunnel_fragments, self.filtered, self.sampled_out, self.undecoded()];
        i128::from(self.received) - parts.into_iter().map(i128::from).sum::<i128>()
    }

    fn add_undecoded(&mut self, reason: DecodeFailure, packets: u64) {
        *self.undecoded.entry(reason).or_default() += packets;
        if self.undecoded.len() > MAX_REASONS
            && let Some((_, packets)) = self.undecoded.pop_last()
        {
            // The smallest reasons stay, whoever counts them: so the ledger is the same for any number of workers.
            self.undecoded_otherwise += packets;
        }
    }
}

impl Serialize for PacketLedger {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("received", &self.received)?;
        map.serialize_entry("received_octets", &self.received_octets)?;
        map.serialize_entry("metered", &self.metered)?;
        map.serialize_entry("metered_octets", &self.metered_octets)?;
        map.serialize_entry("tunnel_fragments", &self.tunnel_fragments)?;
        map.serialize_entry("filtered", &self.filtered)?;
        map.serialize_entry("sampled_out", &self.sampled_out)?;
        map.serialize_entry("undecoded", &self.undecoded())?;
        map.serialize_entry("undecoded_by_reason", &Reasons(self))?;
        map.serialize_entry("balance", &i64::try_from(self.balance()).unwrap_or(i64::MAX))?;
        map.end()
    }
}

struct Reasons<'a>(&'a PacketLedger);

impl Serialize for Reasons<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (reason, packets) in self.0.undecoded_by_reason() {
            map.serialize_entry(&reason.to_string(), &packets)?;
        }
        if self.0.undecoded_otherwise > 0 {
            map.serialize_entry("other reasons", &self.0.undecoded_otherwise)?;
        }
        map.end()
    }
}

/// So many reasons have a count of their own: more than a network has protocols, and a bound for a capture that claims any.
pub const MAX_REASONS: usize = 512;

#[cfg(test)]
mod tests {
    use wire::NotIp;

    use super::*;

    fn family(number: u32) -> DecodeFailure {
        DecodeFailure::NotIp(NotIp::AddressFamily(number))
    }

    #[test]
    fn the_ledger_balances_when_all_parts_are_counted() {
        let mut ledger = PacketLedger {
            received: 5,
            metered: 1,
            tunnel_fragments: 1,
            filtered: 1,
            sampled_out: 1,
            ..PacketLedger::default()
        };
        assert_eq!(ledger.balance(), 1);
        ledger.count_undecoded(DecodeFailure::TooDeep);
        assert_eq!(ledger.balance(), 0);
    }

    #[test]
    fn reasons_are_bounded_and_the_same_however_the_packets_are_shared() {
        let numbers = || (0..2_000_u32).map(|i| i.wrapping_mul(2_654_435_761) % 1_500);
        let mut one = PacketLedger::default();
        let mut shares = vec![PacketLedger::default(); 3];
        for (i, number) in numbers().enumerate() {
            one.count_undecoded(family(number));
            shares[i % 3].count_undecoded(family(number));
        }
        let mut sum = PacketLedger::default();
        for share in &shares {
            sum.add(share);
        }
        assert_eq!(sum, one);
        assert_eq!((one.undecoded_by_reason().len(), one.undecoded()), (MAX_REASONS, 2_000));
    }
}
