use std::hash::{BuildHasher, Hasher};

use ahash::RandomState;
use wire::{Address, FragmentId, Packet, Timestamp};

use crate::fragments::{CARRIERS, FragmentCache};

/// The number of one of several meters that share the packets of a capture, from 0 on.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Shard(pub u16);

/// Says which of several meters a packet belongs to, so that no flow is divided.
///
/// The two addresses decide, in whichever order, and not the ports: fragments have none, and belong to the flow of the packet
/// that they are pieces of. The rest of a fragmented tunnel packet goes where the packet went that its first piece carries.
#[derive(Debug)]
pub struct ShardMap {
    shards: u16,
    hasher: RandomState,
    carriers: FragmentCache<Shard>,
}

impl ShardMap {
    /// A division into `shards`, at least one.
    pub fn new(shards: u16) -> Self {
        Self { shards: shards.max(1), hasher: RandomState::new(), carriers: FragmentCache::new(CARRIERS) }
    }

    /// The shard of `packet`, which came when the clock showed `clock`.
    #[inline]
    pub fn shard(&mut self, packet: &Packet<'_>, clock: Timestamp) -> Shard {
        let shard = self.by_addresses(packet.ip.source, packet.ip.destination);
        match (packet.carrier, packet.ip.fragment) {
            (None, None) => shard,
            (Some(carrier), _) => {
                while self.carriers.expire(clock).is_some() {}
                self.carriers.insert(carrier, shard, clock);
                shard
            }
            (None, Some(fragment)) => {
                let carrier = FragmentId::new(&packet.ip, packet.segment, fragment);
                if fragment.offset == 0 {
                    self.carriers.forget(&carrier);
                    return shard;
                }
                self.carriers.get(&carrier, clock).copied().unwrap_or(shard)
            }
        }
    }

    #[inline]
    fn by_addresses(&self, one: Address, other: Address) -> Shard {
        let (one, other) = (u128::from_be_bytes(one.0), u128::from_be_bytes(other.0));
        let mut hasher = self.hasher.build_hasher();
        hasher.write_u128(one.min(other));
        hasher.write_u128(one.max(other));
        let [a, b, ..] = hasher.finish().to_le_bytes();
        let share = u32::from(u16::from_le_bytes([a, b])) * u32::from(self.shards);
        Shard(u16::try_from(share >> 16).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use wire::Fragment;

    use super::*;
    use crate::placement::testing::{packet, tcp, udp};

    #[test]
    fn both_directions_and_all_fragments_go_to_one_shard() {
        let mut map = ShardMap::new(7);
        let mut used = std::collections::BTreeSet::new();
        for host in 0..=255 {
            let there = packet([10, 0, 0, host], [10, 0, 1, 1], tcp(4_000, 80, 0));
            let back = packet([10, 0, 1, 1], [10, 0, 0, host], tcp(80, 4_000, 0));
            let mut piece = packet([10, 0, 0, host], [10, 0, 1, 1], wire::Transport::Unseen);
            piece.ip.fragment = Some(Fragment { identification: 1, offset: 10, more: false });
            let shards = [there, back, piece].map(|packet| map.shard(&packet, Timestamp::ZERO));
            assert!(shards.iter().all(|shard| *shard == shards[0] && shard.0 < 7));
            used.insert(shards[0]);
        }
        assert_eq!(used.len(), 7);
    }

    #[test]
    fn the_rest_of_a_tunnel_packet_follows_what_it_carries() {
        let mut map = ShardMap::new(64);
        let fragment = Fragment { identification: 9, offset: 0, more: true };
        for host in 0..=255 {
            let mut rest = packet([192, 0, 2, 1], [192, 0, 2, 2], wire::Transport::Unseen);
            rest.ip.fragment = Some(Fragment { offset: 100, more: false, ..fragment });
            let mut inner = packet([10, 0, 0, host], [10, 0, 0, 1], udp(1, 2));
            inner.carrier = Some(FragmentId::new(&rest.ip, None, fragment));
            assert_eq!(map.shard(&inner, Timestamp::ZERO), map.shard(&rest, Timestamp::ZERO));
        }
    }
}
