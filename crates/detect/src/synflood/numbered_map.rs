use std::{hash::Hash, ops::Index};

use ahash::RandomState;
use hashbrown::HashTable;

/// A map whose entries have numbers, from 0 on, in the order in which they came.
///
/// Who comes back to an entry knows it by its number, and need not hash its key again. Entries stand side by side, so that going over
/// all of them touches nothing else, and does so in an order that is no hash's.
#[derive(Clone, Debug)]
pub struct NumberedMap<K, V> {
    entries: Vec<(K, V)>,
    numbers: HashTable<u32>,
    hasher: RandomState,
}

impl<K, V> Default for NumberedMap<K, V> {
    fn default() -> Self {
        Self { entries: Vec::new(), numbers: HashTable::new(), hasher: RandomState::new() }
    }
}

impl<K, V> NumberedMap<K, V> {
    /// A map that takes so many entries before it grows.
    pub(super) fn with_capacity(entries: usize) -> Self {
        Self {
            entries: Vec::with_capacity(entries),
            numbers: HashTable::with_capacity(entries),
            hasher: RandomState::new(),
        }
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Is there none?
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// All entries, in the order of their numbers.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.entries.iter().map(|(key, value)| (key, value))
    }

    /// All values, in the order of their numbers.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.entries.iter().map(|(_, value)| value)
    }

    /// All entries, in the order of their numbers.
    pub(super) fn into_entries(self) -> Vec<(K, V)> {
        self.entries
    }

    /// The value with a number.
    #[inline]
    pub(super) fn at_mut(&mut self, number: u32) -> Option<&mut V> {
        self.entries.get_mut(place(number)).map(|(_, value)| value)
    }
}

impl<K: Eq + Hash, V> NumberedMap<K, V> {
    /// The value of `key`.
    pub fn get(&self, key: &K) -> Option<&V> {
        let entries = &self.entries;
        let is_it = |number: &u32| entries.get(place(*number)).is_some_and(|(known, _)| known == key);
        let number = *self.numbers.find(self.hasher.hash_one(key), is_it)?;
        entries.get(place(number)).map(|(_, value)| value)
    }
}

impl<K: Eq + Hash, V: Default> NumberedMap<K, V> {
    /// The number of `key`, which enters the map if it is not there and `may_enter`.
    pub(super) fn number(&mut self, key: K, may_enter: bool) -> Option<u32> {
        let hash = self.hasher.hash_one(&key);
        let (entries, hasher) = (&mut self.entries, &self.hasher);
        let is_it = |number: &u32| entries.get(place(*number)).is_some_and(|(known, _)| *known == key);
        if let Some(number) = self.numbers.find(hash, is_it) {
            return Some(*number);
        }
        let number = u32::try_from(entries.len()).ok().filter(|_| may_enter)?;
        self.numbers.insert_unique(hash, number, |number| {
            entries.get(place(*number)).map_or(0, |(known, _)| hasher.hash_one(known))
        });
        entries.push((key, V::default()));
        Some(number)
    }

    /// The value of `key`, which enters the map if it is not there.
    pub(super) fn value(&mut self, key: K) -> Option<&mut V> {
        let number = self.number(key, true)?;
        self.at_mut(number)
    }
}

impl<K: Eq + Hash, V: PartialEq> PartialEq for NumberedMap<K, V> {
    /// Have the same keys the same values, in whichever order they came?
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().all(|(key, value)| other.get(key) == Some(value))
    }
}

impl<K: Eq + Hash, V> Index<&K> for NumberedMap<K, V> {
    type Output = V;

    #[expect(clippy::expect_used, reason = "as other maps do; what may be missing is asked for by `get`")]
    fn index(&self, key: &K) -> &V {
        self.get(key).expect("no entry for this key")
    }
}

const fn place(number: u32) -> usize {
    number as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stay_and_equality_knows_no_order() {
        let (mut map, mut other) = (NumberedMap::<u64, u64>::default(), NumberedMap::with_capacity(9));
        for key in 0..1_000 {
            assert_eq!(map.number(key * 7, true), u32::try_from(key).ok());
            *map.value(key * 7).unwrap() += key;
            *other.value((999 - key) * 7).unwrap() += 999 - key;
        }
        assert_eq!(map.number(1, false), None);
        assert_eq!((map.len(), map[&14], map.get(&15)), (1_000, 2, None));
        assert_eq!(map, other);
        *other.at_mut(5).unwrap() += 1;
        assert_ne!(map, other);
    }
}
