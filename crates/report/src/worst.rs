use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use detect::Severity;
use wire::Timestamp;

/// Things of which the worst are kept, as many as there is room for.
#[derive(Clone, Debug)]
pub(crate) struct Worst<K, V> {
    room: usize,
    things: BTreeMap<K, (Rank, V)>,
    /// The same, the least first.
    ranks: BTreeSet<(Rank, Reverse<K>)>,
}

/// How bad something is: its severity, then how sure that is, then that it was earlier.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Rank {
    severity: Severity,
    confidence_thousandths: u16,
    first_seen: Reverse<Timestamp>,
}

impl Rank {
    pub(crate) fn new(severity: Severity, confidence: f64, first_seen: Timestamp) -> Self {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "from 0 to 1000; 0 if no number"
        )]
        let confidence_thousandths = (confidence * 1_000.0).round().clamp(0.0, 1_000.0) as u16;
        Self { severity, confidence_thousandths, first_seen: Reverse(first_seen) }
    }
}

impl<K: Copy + Ord, V> Worst<K, V> {
    pub(crate) const fn new(room: usize) -> Self {
        Self { room, things: BTreeMap::new(), ranks: BTreeSet::new() }
    }

    /// Puts a thing in the place of what was known by its key, unless that mattered more. Returns what there is no room for.
    pub(crate) fn put(&mut self, key: K, rank: Rank, thing: V) -> Option<V> {
        if let Some((known, _)) = self.things.get(&key) {
            if known.severity > rank.severity {
                return None;
            }
            self.ranks.remove(&(*known, Reverse(key)));
        }
        self.things.insert(key, (rank, thing));
        self.ranks.insert((rank, Reverse(key)));
        if self.things.len() <= self.room {
            return None;
        }
        let (_, Reverse(least)) = self.ranks.pop_first()?;
        self.things.remove(&least).map(|(_, thing)| thing)
    }

    pub(crate) fn contains(&self, key: &K) -> bool {
        self.things.contains_key(key)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.things.is_empty()
    }

    /// All, the worst first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &V> {
        let thing = |(_, Reverse(key)): &(Rank, Reverse<K>)| self.things.get(key).map(|(_, thing)| thing);
        self.ranks.iter().rev().filter_map(thing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rank(severity: Severity, confidence: f64) -> Rank {
        Rank::new(severity, confidence, Timestamp::ZERO)
    }

    #[test]
    fn the_least_goes_whoever_comes() {
        let mut worst = Worst::new(2);
        assert_eq!(worst.put(1, rank(Severity::Low, 0.5), "low"), None);
        assert_eq!(worst.put(2, rank(Severity::High, 0.5), "high"), None);
        assert_eq!(worst.put(3, rank(Severity::Medium, 0.5), "medium"), Some("low"));
        assert_eq!(worst.put(4, rank(Severity::Low, 0.9), "another low"), Some("another low"));
        assert_eq!(worst.put(3, rank(Severity::High, 0.9), "worse"), None);
        assert_eq!(worst.iter().copied().collect::<Vec<_>>(), ["worse", "high"]);
        assert_eq!(worst.put(3, rank(Severity::Low, 1.0), "less"), None);
        assert_eq!(worst.iter().copied().collect::<Vec<_>>(), ["worse", "high"]);
        assert_eq!((worst.things.len(), worst.ranks.len()), (2, 2));
    }

    #[test]
    fn what_is_no_number_is_not_sure() {
        assert_eq!(rank(Severity::Low, f64::NAN), rank(Severity::Low, 0.0));
    }
}
