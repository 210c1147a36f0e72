//! Numbers that stand for what is longer: the same in every version and on every machine.

/// FNV-1a with 64 bits (draft-eastlake-fnv, 5). Whoever chooses the octets can make two of them meet: what a collision spoils has to be
/// bearable.
pub(crate) fn fnv1a(octets: impl IntoIterator<Item = u8>) -> u64 {
    octets.into_iter().fold(FNV_OFFSET_BASIS, |hash, octet| (hash ^ u64::from(octet)).wrapping_mul(FNV_PRIME))
}

/// An identifier for outputs, of 53 bits as those of flows, so that every reader of JSON takes it as a whole number. A part of `SplitMix64`'s
/// finalizer has the bits that stay depend on those that go.
pub(crate) fn identifier(octets: impl IntoIterator<Item = u8>) -> u64 {
    let digest = fnv1a(octets);
    let mixed = (digest ^ (digest >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (mixed ^ (mixed >> 27)) >> 11
}

const FNV_OFFSET_BASIS: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0000_0100_0000_01b3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_those_of_the_draft() {
        // draft-eastlake-fnv, appendix C.
        assert_eq!(fnv1a(*b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a(*b"a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(fnv1a(*b"foobar"), 0x8594_4171_f739_67e8);
        assert!(identifier(*b"foobar") < 1 << 53);
    }
}
