/// The order in which a stream's numbers are written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum ByteOrder {
    Little,
    Big,
}

impl ByteOrder {
    /// The two octets at `at`, `None` if `octets` ends before.
    pub(crate) fn u16(self, octets: &[u8], at: usize) -> Option<u16> {
        let field = *octets.get(at..)?.first_chunk()?;
        Some(if self == Self::Big { u16::from_be_bytes(field) } else { u16::from_le_bytes(field) })
    }

    /// The four octets at `at`.
    pub(crate) fn u32(self, octets: &[u8], at: usize) -> Option<u32> {
        let field = *octets.get(at..)?.first_chunk()?;
        Some(self.word(field))
    }

    /// The eight octets at `at`.
    pub(crate) fn u64(self, octets: &[u8], at: usize) -> Option<u64> {
        let field = *octets.get(at..)?.first_chunk()?;
        Some(if self == Self::Big { u64::from_be_bytes(field) } else { u64::from_le_bytes(field) })
    }

    /// Four octets as a number.
    pub(crate) fn word(self, octets: [u8; 4]) -> u32 {
        if self == Self::Big { u32::from_be_bytes(octets) } else { u32::from_le_bytes(octets) }
    }
}

/// A length from a 32-bit field as a size in memory. Every target of this program has at least 32-bit sizes.
pub(crate) fn size(octets: u32) -> usize {
    usize::try_from(octets).unwrap_or(usize::MAX)
}
