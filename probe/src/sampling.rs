//! Looking at a part of the packets, where all are too many.
//!
//! Which part depends on the packets alone, so that every worker takes and leaves the same ones. A replay takes the same part each time;
//! a live run draws the key of the choice by lot, so that nobody can send what is never looked at.

use std::num::NonZeroU32;

use capture::Batch;
use flow::Shard;
use report::{Sampling, SamplingUnit};
use wire::{Address, Frame};

use crate::pipeline::{Batches, Share, SourceCounts};

/// Says which frames are taken.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sampler {
    sampling: Sampling,
    key: u64,
}

/// Batches of which a part is taken.
pub(crate) struct Sampled<B> {
    batches: B,
    /// `None` if all is taken.
    sampler: Option<Sampler>,
    shard: Shard,
    /// Of the worker's own frames, how many were left out, and their octets on the wire.
    left_out: u64,
    left_out_octets: u64,
    taken: Batch,
    shards: Vec<Shard>,
}

impl Sampler {
    /// `None` if there is nothing to leave out.
    pub(crate) fn new(sampling: Option<Sampling>, key: u64) -> Option<Self> {
        sampling.filter(|sampling| sampling.one_in > NonZeroU32::MIN).map(|sampling| Self { sampling, key })
    }

    /// Whether a frame is taken.
    fn takes(self, frame: &Frame<'_>) -> bool {
        let hash = match self.sampling.unit {
            SamplingUnit::Packet => self.of_packet(frame),
            SamplingUnit::Flow => match self.of_addresses(frame) {
                Some(hash) => hash,
                // It is of no flow, and is counted for what it is.
                None => return true,
            },
        };
        // The first of so many equal parts of all hashes.
        (u128::from(hash) * u128::from(self.sampling.one_in.get())) >> 64 == 0
    }

    /// By what it holds, and by its time: what is sent again and again would else be taken always or never.
    fn of_packet(self, frame: &Frame<'_>) -> u64 {
        let octets = frame.data.get(..HASHED_OCTETS).unwrap_or(frame.data);
        let words = octets.chunks(8).map(|chunk| {
            let mut word = [0; 8];
            word.iter_mut().zip(chunk).for_each(|(octet, from)| *octet = *from);
            u64::from_le_bytes(word)
        });
        let begin = mix(self.key, frame.timestamp.nanos() ^ u64::from(frame.original_length).rotate_left(32));
        mix(words.fold(begin, mix), self.key)
    }

    /// By the two innermost addresses in whichever order: fragments have no ports.
    fn of_addresses(self, frame: &Frame<'_>) -> Option<u64> {
        let packet = wire::decode(frame).ok()?;
        let number = |address: Address| u128::from_be_bytes(address.0);
        let (one, other) = (number(packet.ip.source), number(packet.ip.destination));
        let words = [one.min(other), one.max(other)].into_iter().flat_map(halves);
        Some(mix(words.fold(mix(self.key, SECOND), mix), self.key))
    }
}

impl<B> Sampled<B> {
    /// Those of a worker.
    pub(crate) fn new(batches: B, sampler: Option<Sampler>, shard: Shard) -> Self {
        let (taken, shards) = (Batch::new(), Vec::new());
        Self { batches, sampler, shard, left_out: 0, left_out_octets: 0, taken, shards }
    }

    /// The batches themselves.
    pub(crate) fn into_batches(self) -> B {
        self.batches
    }
}

impl<B: Batches> Batches for Sampled<B> {
    fn next(&mut self) -> Option<Share<'_>> {
        let Some(sampler) = self.sampler else { return self.batches.next() };
        let share = self.batches.next()?;
        self.taken.clear();
        self.shards.clear();
        for (i, frame) in share.frames.enumerate() {
            let owner = share.shards.map_or(Some(self.shard), |shards| shards.get(i).copied());
            let Some(owner) = owner else { continue };
            // Those of others are handed on, too: all workers go by the times of all packets.
            if sampler.takes(&frame) && self.taken.push(&frame) {
                self.shards.push(owner);
            } else if owner == self.shard {
                self.left_out += 1;
                self.left_out_octets += u64::from(frame.original_length);
            }
        }
        let shards = share.shards.is_some().then_some(&*self.shards);
        Some(Share { frames: self.taken.frames(), shards, now: share.now })
    }

    fn counts(&mut self) -> SourceCounts {
        SourceCounts {
            sampled_out: self.left_out,
            sampled_out_octets: self.left_out_octets,
            ..self.batches.counts()
        }
    }
}

/// A multiplication of which both halves are folded together, as wyhash has it: every bit of both depends on all others.
fn mix(state: u64, word: u64) -> u64 {
    let [low, high] = halves(u128::from(state ^ FIRST) * u128::from(word ^ SECOND));
    low ^ high.rotate_left(32) ^ word
}

fn halves(number: u128) -> [u64; 2] {
    [number, number >> 64].map(|half| u64::try_from(half & u128::from(u64::MAX)).unwrap_or_default())
}

/// Link layer, addresses, ports, numbers, and some of what is said.
const HASHED_OCTETS: usize = 96;
/// Odd numbers with as many ones as zeros: the fractions of the golden ratio and of the root of 2.
const FIRST: u64 = 0x9e37_79b9_7f4a_7c15;
const SECOND: u64 = 0x6a09_e667_f3bc_c909;

#[cfg(test)]
mod tests {
    use wire::{LinkType, Timestamp};

    use super::*;

    fn sampler(one_in: u32, unit: SamplingUnit) -> Sampler {
        let sampling = Sampling { one_in: NonZeroU32::new(one_in).unwrap(), unit };
        Sampler::new(Some(sampling), 7).unwrap()
    }

    /// UDP between two hosts, one way or the other.
    fn takes(sampler: Sampler, hosts: [u16; 2], nanos: u64) -> bool {
        let ([a, b], [c, d]) = (hosts[0].to_be_bytes(), hosts[1].to_be_bytes());
        let data =
            [0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, a, b, 10, 1, c, d, 0, 9, 0, 9, 0, 8, 0, 0];
        let link_type = LinkType::RAW;
        let timestamp = Timestamp::from_nanos(nanos);
        sampler.takes(&Frame { data: &data, timestamp, original_length: 28, link_type, interface: 0 })
    }

    #[test]
    fn a_share_of_packets_is_taken_though_they_are_alike() {
        let one_in_ten = sampler(10, SamplingUnit::Packet);
        let taken = (0..100_000).filter(|nanos| takes(one_in_ten, [1, 2], *nanos)).count();
        assert!((9_500..10_500).contains(&taken), "{taken}");
    }

    #[test]
    fn a_share_of_pairs_is_taken_whole() {
        let one_in_ten = sampler(10, SamplingUnit::Flow);
        let mut taken = 0;
        for host in 0..20_000 {
            let first = takes(one_in_ten, [host, 1], 0);
            assert!((1..5).all(|nanos| takes(one_in_ten, [host, 1], nanos) == first));
            taken += usize::from(first);
        }
        assert!((1_850..2_150).contains(&taken), "{taken}");
    }

    #[test]
    fn another_key_takes_others() {
        let one = sampler(2, SamplingUnit::Flow);
        let other = Sampler { key: 8, ..one };
        let differ =
            (0..1_000).filter(|host| takes(one, [*host, 1], 0) != takes(other, [*host, 1], 0)).count();
        assert!((400..600).contains(&differ), "{differ}");
    }

    #[test]
    fn what_is_of_no_flow_is_taken_and_one_in_one_is_all() {
        let frame = Frame {
            data: &[0; 14],
            timestamp: Timestamp::ZERO,
            original_length: 14,
            link_type: LinkType::RAW,
            interface: 0,
        };
        assert!(sampler(1_000_000, SamplingUnit::Flow).takes(&frame));
        let all = Sampling { one_in: NonZeroU32::MIN, unit: SamplingUnit::Packet };
        assert!(Sampler::new(Some(all), 0).is_none());
    }
}
