use hashbrown::HashTable;

/// From the hash of a key to the number of its flow.
///
/// An entry holds 32 bits of the hash: so the index grows without looking at flows, and a wrong guess seldom touches one.
#[derive(Debug)]
pub(crate) struct FlowIndex {
    entries: HashTable<Entry>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    hash: u32,
    number: u32,
}

impl FlowIndex {
    pub(crate) const fn new() -> Self {
        Self { entries: HashTable::new() }
    }

    /// How many flows there are.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The flow of this hash for which `is_it` holds.
    #[inline]
    pub(crate) fn find(&self, hash: u32, is_it: impl Fn(u32) -> bool) -> Option<u32> {
        let entry = self.entries.find(spread(hash), |entry| entry.hash == hash && is_it(entry.number));
        entry.map(|entry| entry.number)
    }

    pub(crate) fn insert(&mut self, hash: u32, number: u32) {
        self.entries.insert_unique(spread(hash), Entry { hash, number }, |entry| spread(entry.hash));
    }

    pub(crate) fn remove(&mut self, hash: u32, number: u32) {
        if let Ok(entry) = self.entries.find_entry(spread(hash), |entry| entry.number == number) {
            entry.remove();
        }
    }

    /// Forgets all flows at once, and gives the memory back: taking millions of them out one by one would cost a cache miss for each.
    pub(crate) fn clear(&mut self) {
        self.entries = HashTable::new();
    }

    /// Brings closer the place where a new flow will stand: one of the first that its hash leads to. The search for the flow has
    /// seen that they have no such entry, but not the places themselves.
    #[inline]
    pub(crate) fn touch_vacancy(&self, hash: u32) -> u64 {
        let mask = self.entries.num_buckets().wrapping_sub(1);
        #[expect(clippy::cast_possible_truncation, reason = "the table takes the low bits, too")]
        let first = spread(hash) as usize;
        let place = |further: usize| first.wrapping_add(further) & mask;
        // A place that is free cannot be looked at.
        let taken = (0..VACANCY_SEARCH).find_map(|further| self.entries.get_bucket(place(further)));
        taken.map_or(0, |entry| entry.number.into())
    }

    /// What an entry takes in memory at worst: the table doubles when it is seven eighths full.
    pub(crate) const OCTETS_PER_FLOW: usize = (size_of::<Entry>() + 1) * 16 / 7;
}

/// The table wants 64 bits, and takes the place from the lowest and a tag from the highest.
#[inline]
const fn spread(hash: u32) -> u64 {
    (hash as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// So many places share a cache line, more or less.
const VACANCY_SEARCH: usize = 6;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flows_of_one_hash_are_told_apart_by_more() {
        let mut index = FlowIndex::new();
        for number in 0..1_000 {
            index.insert(number % 10, number);
        }
        assert_eq!(index.find(7, |number| number == 507), Some(507));
        assert_eq!(index.find(7, |number| number == 508), None, "it has another hash");
        index.remove(7, 507);
        assert_eq!((index.find(7, |number| number == 507), index.len()), (None, 999));
        index.clear();
        assert_eq!((index.find(7, |_| true), index.len()), (None, 0));
    }
}
