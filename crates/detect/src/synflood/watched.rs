use std::net::IpAddr;

use super::sample::address_hash;

/// Which addresses may be among those that a judge remembers: a bit for each of many, so that the rest of the internet, which is not,
/// costs a look at a small table and no trip to memory (`benches/detection.rs`).
#[derive(Debug)]
pub(super) struct Watched {
    bits: Box<[u64]>,
}

impl Watched {
    pub(super) fn new() -> Self {
        Self { bits: vec![0; WORDS].into_boxed_slice() }
    }

    /// Remembers an address.
    pub(super) fn note(&mut self, address: IpAddr) {
        let (word, bit) = place(address);
        if let Some(bits) = self.bits.get_mut(word) {
            *bits |= bit;
        }
    }

    /// `false` if it was not noted since everything was forgotten.
    pub(super) fn may_be(&self, address: IpAddr) -> bool {
        let (word, bit) = place(address);
        self.bits.get(word).is_some_and(|bits| bits & bit != 0)
    }

    /// Forgets everything but these.
    pub(super) fn keep(&mut self, addresses: impl Iterator<Item = IpAddr>) {
        self.bits.fill(0);
        addresses.for_each(|address| self.note(address));
    }
}

fn place(address: IpAddr) -> (usize, u64) {
    let hash = address_hash(0, address);
    let word = (hash >> 32) as usize % WORDS;
    (word, 1 << (hash % 64))
}

/// Sixteen bits for each of some four thousand: few are taken for others.
const WORDS: usize = 1_024;

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn what_was_noted_may_be_and_most_else_is_not() {
        let address = |number: u32| IpAddr::from(Ipv4Addr::from_bits(number));
        let mut watched = Watched::new();
        (0..4_000).map(address).for_each(|address| watched.note(address));
        assert!((0..4_000).map(address).all(|address| watched.may_be(address)));
        let others = (10_000..20_000).filter(|number| watched.may_be(address(*number))).count();
        assert!(others < 1_500, "{others}");
        watched.keep([address(7)].into_iter());
        assert!(watched.may_be(address(7)));
        assert!((0..4_000).filter(|number| watched.may_be(address(*number))).count() < 10);
    }
}
