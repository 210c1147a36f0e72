use std::collections::BTreeMap;

use wire::Timestamp;

/// A map of at most so many entries: when it is full, those that were used longest ago make room.
#[derive(Clone, Debug)]
pub(crate) struct BoundedMap<K, V> {
    entries: BTreeMap<K, (Timestamp, V)>,
    most: usize,
    evicted: u64,
}

impl<K: Copy + Ord, V> BoundedMap<K, V> {
    pub(crate) fn new(most: usize) -> Self {
        Self { entries: BTreeMap::new(), most, evicted: 0 }
    }

    /// The entry of `key`, made by `make` if there is none, and used at `time`.
    pub(crate) fn entry(&mut self, key: K, time: Timestamp, make: impl FnOnce() -> V) -> &mut V {
        if self.entries.len() >= self.most && !self.entries.contains_key(&key) {
            self.evict();
        }
        let (used, value) = self.entries.entry(key).or_insert_with(|| (time, make()));
        *used = time.max(*used);
        value
    }

    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        self.entries.get(key).map(|(_, value)| value)
    }

    pub(crate) fn remove(&mut self, key: &K) -> Option<V> {
        self.entries.remove(key).map(|(_, value)| value)
    }

    pub(crate) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        self.entries.get_mut(key).map(|(_, value)| value)
    }

    /// In the order of the keys.
    pub(crate) fn values(&self) -> impl Iterator<Item = (&K, &V)> {
        self.entries.iter().map(|(key, (_, value))| (key, value))
    }

    /// In the order of the keys.
    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.entries.values_mut().map(|(_, value)| value)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The keys of entries that were used before `time`, in order.
    pub(crate) fn used_before(&self, time: Timestamp) -> Vec<K> {
        self.entries.iter().filter(|(_, (used, _))| *used < time).map(|(key, _)| *key).collect()
    }

    /// Forgets entries that were used before `time`.
    pub(crate) fn forget_before(&mut self, time: Timestamp) {
        self.entries.retain(|_, (used, _)| *used >= time);
    }

    /// How many entries had to make room.
    pub(crate) fn evicted(&self) -> u64 {
        self.evicted
    }

    /// A quarter at a time, so that a map that stays full is not searched for each new key.
    fn evict(&mut self) {
        let mut used: Vec<(Timestamp, K)> =
            self.entries.iter().map(|(key, (used, _))| (*used, *key)).collect();
        used.sort_unstable();
        for (_, key) in used.iter().take((self.most / 4).max(1)) {
            self.entries.remove(key);
            self.evicted += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_make_room() {
        let mut map = BoundedMap::new(4);
        for key in 0..4_u64 {
            map.entry(key, Timestamp::from_nanos(10 - key), || key);
        }
        map.entry(9, Timestamp::from_nanos(99), || 9);
        assert_eq!(map.values().map(|(key, _)| *key).collect::<Vec<_>>(), [0, 1, 2, 9]);
        assert_eq!((map.evicted(), map.get(&3)), (1, None));
        map.forget_before(Timestamp::from_nanos(9));
        assert_eq!(map.values().count(), 3);
    }
}
