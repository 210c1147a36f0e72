use std::net::IpAddr;

use smallvec::SmallVec;

/// A uniform sample of the distinct things that were seen, and an estimate of how many there were.
///
/// It keeps the [`SAMPLE_SIZE`] things with the smallest hashes, which are a fair choice whatever came first or most often, with
/// exact counts for each (Beyer et al., "On synopses for distinct-value estimation under multiset operations", SIGMOD 2007).
/// Samples of parts merge to the sample of the whole. Up to that many things it is no sample but all of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample<T> {
    /// Ascending by hash. Most targets have one source in a second, and most sources one target.
    items: SmallVec<[Sampled<T>; 1]>,
}

/// One thing of a sample.
#[derive(Clone, Debug, PartialEq)]
pub struct Sampled<T> {
    hash: u64,
    /// What is known of it.
    pub value: T,
}

/// What can be added up when it was seen by several.
pub(super) trait Additive {
    fn add(&mut self, other: &Self);
}

impl<T> Default for Sample<T> {
    fn default() -> Self {
        Self { items: SmallVec::new() }
    }
}

impl<T> Sample<T> {
    /// The things that are in the sample, in an order that means nothing.
    pub fn values(&self) -> impl Iterator<Item = &T> {
        self.items.iter().map(|item| &item.value)
    }

    /// How many things are in the sample.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Was nothing seen?
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// How many distinct things there were: exact below [`SAMPLE_SIZE`], else within about 13 %, which is 1/sqrt(64 - 2).
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "an estimate"
    )]
    pub fn distinct(&self) -> u64 {
        match self.items.get(SAMPLE_SIZE - 1) {
            None => self.items.len() as u64,
            Some(last) => {
                ((SAMPLE_SIZE - 1) as f64 * (u64::MAX as f64 / (last.hash.max(1) as f64))).round() as u64
            }
        }
    }

    /// The share of the things that `is` is true for, 0 if there are none.
    #[expect(clippy::cast_precision_loss, reason = "a sample is small")]
    pub fn share(&self, is: impl Fn(&T) -> bool) -> f64 {
        let matching = self.values().filter(|value| is(value)).count();
        matching as f64 / self.items.len().max(1) as f64
    }

    /// How many distinct things there were that `is` is true for.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "an estimate"
    )]
    pub(super) fn distinct_with(&self, is: impl Fn(&T) -> bool) -> u64 {
        (self.share(is) * self.distinct() as f64).round() as u64
    }

    /// What is known of a thing, if it is in the sample.
    pub(super) fn find(&mut self, hash: u64) -> Option<&mut T> {
        if self.is_beyond(hash) {
            return None;
        }
        let at = self.items.binary_search_by_key(&hash, |item| item.hash).ok()?;
        self.items.get_mut(at).map(|item| &mut item.value)
    }

    /// The same for a thing that has been seen now, which enters the sample if it belongs there and there is `room` for one more.
    #[inline]
    pub(super) fn enter(&mut self, hash: u64, room: &mut usize, new: impl FnOnce() -> T) -> Option<&mut T> {
        if self.is_beyond(hash) { None } else { self.enter_within(hash, room, new) }
    }

    #[inline(never)]
    fn enter_within(&mut self, hash: u64, room: &mut usize, new: impl FnOnce() -> T) -> Option<&mut T> {
        let at = match self.items.binary_search_by_key(&hash, |item| item.hash) {
            Ok(at) => at,
            Err(at) => {
                if at >= SAMPLE_SIZE {
                    return None;
                }
                if self.items.len() >= SAMPLE_SIZE {
                    self.items.pop();
                } else if !self.items.is_empty() {
                    *room = room.checked_sub(1)?;
                }
                self.items.insert(at, Sampled { hash, value: new() });
                at
            }
        };
        self.items.get_mut(at).map(|item| &mut item.value)
    }
}

impl<T> Sample<T> {
    /// Is the sample full of smaller hashes? Nearly all are beyond it where there are many things, and a search for each would fetch
    /// much of the sample.
    #[inline]
    fn is_beyond(&self, hash: u64) -> bool {
        self.items.get(SAMPLE_SIZE - 1).is_some_and(|last| last.hash < hash)
    }
}

#[expect(private_bounds, reason = "only the judge adds up")]
impl<T: Additive + Clone> Sample<T> {
    /// Takes in what another observer, or another second, saw.
    pub(super) fn merge(&mut self, other: &Self) {
        for item in &other.items {
            match self.items.binary_search_by_key(&item.hash, |own| own.hash) {
                Ok(at) => {
                    if let Some(own) = self.items.get_mut(at) {
                        own.value.add(&item.value);
                    }
                }
                Err(at) if at < SAMPLE_SIZE => {
                    self.items.insert(at, item.clone());
                    self.items.truncate(SAMPLE_SIZE);
                }
                // All further ones have larger hashes still.
                Err(_) => break,
            }
        }
    }
}

/// The hash that decides whether an address is in a sample: of its own making, so that it is the same on every machine, and keyed,
/// so that nobody outside can choose addresses that fill the samples.
pub(super) fn address_hash(seed: u64, address: IpAddr) -> u64 {
    let bits = match address {
        IpAddr::V4(address) => u128::from(address.to_bits()),
        IpAddr::V6(address) => address.to_bits(),
    };
    #[expect(clippy::cast_possible_truncation, reason = "the halves are what is asked for")]
    let (high, low) = ((bits >> 64) as u64, bits as u64);
    mix(mix(seed ^ high) ^ low)
}

/// The same of an address and a port.
pub(super) fn endpoint_hash(seed: u64, address: IpAddr, port: u16) -> u64 {
    mix(address_hash(seed, address) ^ u64::from(port))
}

/// The finaliser of splitmix64 (Steele, Lea and Flood, OOPSLA 2014).
const fn mix(word: u64) -> u64 {
    let word = word.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

/// How many things a [`Sample`] keeps: enough to tell 25 tried ports from 20, and to give a share within a few percent.
pub const SAMPLE_SIZE: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Debug, PartialEq)]
    struct Count(u32);

    impl Additive for Count {
        fn add(&mut self, other: &Self) {
            self.0 += other.0;
        }
    }

    fn sample_of(things: impl IntoIterator<Item = u64>) -> Sample<Count> {
        let mut sample = Sample::default();
        for thing in things {
            if let Some(count) = sample.enter(mix(thing), &mut 1_000, || Count(0)) {
                count.0 += 1;
            }
        }
        sample
    }

    #[test]
    fn parts_merge_to_the_whole() {
        let whole = sample_of((0..5_000).chain(0..2_500));
        let mut parts = sample_of((0..5_000).filter(|n| n % 3 == 0));
        parts.merge(&sample_of(0..2_500));
        parts.merge(&sample_of((0..5_000).filter(|n| n % 3 != 0)));
        assert_eq!(parts, whole);
        assert!((0.3..0.7).contains(&whole.share(|count| count.0 == 2)));
    }

    #[test]
    fn few_are_counted_and_many_are_estimated() {
        assert_eq!(sample_of(0..63).distinct(), 63);
        for many in [200, 3_000, 100_000] {
            let estimate = sample_of(0..many).distinct();
            assert!(estimate.abs_diff(many) < many * 2 / 5, "{estimate} for {many}");
        }
    }

    #[test]
    fn a_sample_without_room_keeps_its_first() {
        let mut sample = Sample::default();
        for thing in 0..10 {
            sample.enter(mix(thing), &mut 0, || Count(1));
        }
        assert_eq!(sample.len(), 1);
    }
}
