use std::{hash::Hash, ops::Index};

use ahash::RandomState;
use hashbrown::HashTable;

/// A map whose entries have numbers, from 0 on, in the order in which they came.
///
/// Who comes back to an entry knows it by its number, and need not hash its key again. Keys stand apart from values, so that who looks
/// at keys fetches only the values that are wanted; which are not, whoever has filled the map may have noted.
#[derive(Clone, Debug)]
pub struct NumberedMap<K, V> {
    keys: Vec<K>,
    values: Vec<V>,
    /// Of the first of `values`, whether they are of no interest by themselves.
    quiet: Vec<bool>,
    numbers: HashTable<Numbered>,
    hasher: RandomState,
}

/// A number, and the hash of its key: so the table grows without looking at keys, and a wrong guess seldom touches one.
#[derive(Clone, Copy, Debug)]
struct Numbered {
    hash: u32,
    number: u32,
}

impl<K, V> Default for NumberedMap<K, V> {
    fn default() -> Self {
        Self::with_capacity(0)
    }
}

impl<K, V> NumberedMap<K, V> {
    /// A map that takes so many entries before it grows.
    pub(super) fn with_capacity(entries: usize) -> Self {
        Self {
            keys: Vec::with_capacity(entries),
            values: Vec::with_capacity(entries),
            quiet: Vec::new(),
            numbers: HashTable::with_capacity(entries),
            hasher: RandomState::new(),
        }
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Is there none?
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// All entries, in the order of their numbers.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.keys.iter().zip(&self.values)
    }

    /// All values, in the order of their numbers.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.values.iter()
    }

    /// All keys, in the order of their numbers, and whether it was noted that their values are quiet.
    pub(super) fn keys(&self) -> impl Iterator<Item = (&K, bool)> {
        let quiet = self.quiet.iter().copied().chain(std::iter::repeat(false));
        self.keys.iter().zip(quiet)
    }

    /// Notes which values are quiet. What is added to a value, other than by [`Self::merge`], must keep it so.
    pub(super) fn note_quiet(&mut self, is_quiet: impl FnMut(&V) -> bool) {
        self.quiet.clear();
        self.quiet.extend(self.values.iter().map(is_quiet));
    }

    /// Takes out all entries, and keeps the room that they had.
    pub(super) fn clear(&mut self) {
        self.keys.clear();
        self.values.clear();
        self.quiet.clear();
        self.numbers.clear();
    }

    /// The value with a number.
    #[inline]
    pub(super) fn at(&self, number: u32) -> Option<&V> {
        self.values.get(place(number))
    }

    /// The same, to be changed.
    #[inline]
    pub(super) fn at_mut(&mut self, number: u32) -> Option<&mut V> {
        self.values.get_mut(place(number))
    }

    /// As [`Self::keys`], with the values.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = ((&K, bool), &mut V)> {
        let quiet = self.quiet.iter().copied().chain(std::iter::repeat(false));
        self.keys.iter().zip(quiet).zip(&mut self.values)
    }
}

impl<K: Eq + Hash, V> NumberedMap<K, V> {
    /// The value of `key`.
    pub fn get(&self, key: &K) -> Option<&V> {
        self.at(self.find(key, self.hash(key))?)
    }

    #[inline]
    fn find(&self, key: &K, hash: u32) -> Option<u32> {
        let is_it = |known: &Numbered| {
            known.hash == hash && self.keys.get(place(known.number)).is_some_and(|known| known == key)
        };
        self.numbers.find(spread(hash), is_it).map(|known| known.number)
    }

    #[inline]
    fn hash(&self, key: &K) -> u32 {
        #[expect(clippy::cast_possible_truncation, reason = "half of a hash is enough")]
        let half = self.hasher.hash_one(key) as u32;
        half
    }
}

impl<K: Copy + Eq + Hash, V: Default> NumberedMap<K, V> {
    /// The number of `key`, which enters the map if it is not there and `may_enter`.
    #[inline]
    pub(super) fn number(&mut self, key: &K, may_enter: bool) -> Option<u32> {
        let hash = self.hash(key);
        match self.find(key, hash) {
            None if may_enter => self.enter(key, hash),
            known => known,
        }
    }

    /// Gives a number to a key that is not in the map, and has this hash.
    #[inline(never)]
    fn enter(&mut self, key: &K, hash: u32) -> Option<u32> {
        let number = u32::try_from(self.keys.len()).ok()?;
        self.numbers.insert_unique(spread(hash), Numbered { hash, number }, |known| spread(known.hash));
        self.keys.push(*key);
        self.values.push(V::default());
        Some(number)
    }

    /// Adds the values of another map. Sums of what is quiet are quiet.
    pub(super) fn merge(&mut self, other: &Self, add: impl Fn(&mut V, &V)) {
        for ((key, is_quiet), value) in other.keys().zip(&other.values) {
            let Some(number) = self.number(key, true) else { return };
            if let Some(both) = self.quiet.get_mut(place(number)) {
                *both &= is_quiet;
            } else if self.quiet.len() == place(number) {
                self.quiet.push(is_quiet);
            }
            if let Some(own) = self.at_mut(number) {
                add(own, value);
            }
        }
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

/// What the table takes half of a hash as: it looks at the lowest bits, and at the seven highest.
const fn spread(hash: u32) -> u64 {
    (hash as u64) << 32 | hash as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stay_and_equality_knows_no_order() {
        let (mut map, mut other) = (NumberedMap::<u64, u64>::default(), NumberedMap::with_capacity(9));
        for key in 0..1_000 {
            assert_eq!(map.number(&(key * 7), true), u32::try_from(key).ok());
            *map.at_mut(u32::try_from(key).unwrap()).unwrap() += key;
            let number = other.number(&((999 - key) * 7), true).unwrap();
            *other.at_mut(number).unwrap() += 999 - key;
        }
        assert_eq!(map.number(&1, false), None);
        assert_eq!((map.len(), map[&14], map.get(&15)), (1_000, 2, None));
        assert_eq!(map, other);
        *other.at_mut(5).unwrap() += 1;
        assert_ne!(map, other);
    }

    #[test]
    fn what_is_cleared_is_empty_and_keeps_its_room() {
        let mut map = NumberedMap::<u64, u64>::default();
        for key in 0..1_000 {
            map.number(&key, true).unwrap();
        }
        map.note_quiet(|_| true);
        let capacity = map.values.capacity();
        map.clear();
        assert!(map.is_empty() && map.keys().next().is_none() && map.get(&7).is_none());
        assert_eq!((map.number(&7, true), map.values.capacity()), (Some(0), capacity));
        assert_eq!(map.keys().collect::<Vec<_>>(), [(&7, false)]);
    }

    #[test]
    fn a_sum_is_quiet_if_both_parts_are() {
        let of = |entries: &[(u64, u64)]| {
            let mut map = NumberedMap::<u64, u64>::default();
            for (key, value) in entries {
                let number = map.number(key, true).unwrap();
                *map.at_mut(number).unwrap() += value;
            }
            map.note_quiet(|value| *value == 0);
            map
        };
        let mut map = of(&[(1, 0), (2, 0), (3, 1)]);
        map.merge(&of(&[(3, 0), (1, 7), (4, 0), (2, 0), (5, 5)]), |own, other| *own += other);
        let quiet: Vec<_> = map.keys().map(|(key, is_quiet)| (*key, is_quiet)).collect();
        assert_eq!(quiet, [(1, false), (2, true), (3, false), (4, true), (5, false)]);
        assert_eq!(map.values().copied().collect::<Vec<_>>(), [7, 0, 1, 0, 5]);
    }
}
