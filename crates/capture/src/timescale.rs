use wire::Timestamp;

/// How a pcapng interface counts time, for turning its counts into nanoseconds: exactly, fractions cut off.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Timescale {
    unit: Unit,
    offset_seconds: i64,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Unit {
    /// So many nanoseconds.
    Nanoseconds(u64),
    /// A nanosecond divided by this.
    PartOfNanosecond(u64),
    /// A second divided by two to this power.
    BinarySecond(u32),
    /// So small that no 64-bit count of it reaches a nanosecond.
    Nothing,
}

impl Timescale {
    /// By the options `if_tsresol` and `if_tsoffset` of an interface (draft-ietf-opsawg-pcapng, section 4.2).
    pub(crate) fn new(resolution: u8, offset_seconds: i64) -> Self {
        let exponent = u32::from(resolution & 0x7f);
        let unit = if resolution & 0x80 != 0 {
            Unit::BinarySecond(exponent)
        } else if let Some(above) = 9_u32.checked_sub(exponent) {
            Unit::Nanoseconds(10_u64.pow(above))
        } else {
            10_u64.checked_pow(exponent - 9).map_or(Unit::Nothing, Unit::PartOfNanosecond)
        };
        Self { unit, offset_seconds }
    }

    /// The moment that `count` units after the epoch is. Saturates at both ends.
    #[inline]
    pub(crate) fn timestamp(self, count: u64) -> Timestamp {
        match self {
            Self { unit: Unit::Nanoseconds(unit), offset_seconds: 0 } => {
                Timestamp::from_nanos(count.saturating_mul(unit))
            }
            _ => self.general(count),
        }
    }

    fn general(self, count: u64) -> Timestamp {
        let count = i128::from(count);
        // No intermediate value has more than 64 + 34 bits.
        let nanos = match self.unit {
            Unit::Nanoseconds(unit) => count * i128::from(unit),
            Unit::PartOfNanosecond(parts) => count / i128::from(parts),
            Unit::BinarySecond(exponent) => (count * NANOS_PER_SECOND) >> exponent,
            Unit::Nothing => 0,
        };
        let nanos = nanos + i128::from(self.offset_seconds) * NANOS_PER_SECOND;
        Timestamp::from_nanos(u64::try_from(nanos.max(0)).unwrap_or(u64::MAX))
    }
}

const NANOS_PER_SECOND: i128 = 1_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn nanos(resolution: u8, offset_seconds: i64, count: u64) -> u64 {
        Timescale::new(resolution, offset_seconds).timestamp(count).nanos()
    }

    #[test]
    fn powers_of_ten_are_exact() {
        assert_eq!(nanos(0, 0, 7), 7_000_000_000);
        assert_eq!(nanos(3, 0, 7), 7_000_000);
        assert_eq!(nanos(6, 0, 1_700_000_000_123_456), 1_700_000_000_123_456_000);
        assert_eq!(nanos(9, 0, u64::MAX), u64::MAX);
        assert_eq!(nanos(12, 0, 1_999), 1);
        assert_eq!(nanos(28, 0, u64::MAX), 1);
        assert_eq!(nanos(127, 0, u64::MAX), 0);
    }

    #[test]
    fn powers_of_two_are_cut_not_rounded() {
        assert_eq!(nanos(0x80, 0, 3), 3_000_000_000);
        assert_eq!(nanos(0x80 | 0x14, 0, (5 << 20) + 1), 5_000_000_953);
        assert_eq!(nanos(0x80 | 0x20, 0, (1 << 32) - 1), 999_999_999);
        assert_eq!(nanos(0x80 | 0x40, 0, u64::MAX), 999_999_999);
        assert_eq!(nanos(0xff, 0, u64::MAX), 0);
    }

    #[test]
    fn offsets_move_and_saturate() {
        assert_eq!(nanos(6, 5, 1), 5_000_001_000);
        assert_eq!(nanos(6, -5, 5_000_001), 1_000);
        assert_eq!(nanos(6, -5, 1), 0);
        assert_eq!(nanos(0, i64::MIN, u64::MAX), u64::MAX);
        assert_eq!(nanos(0, i64::MAX, 0), u64::MAX);
        assert_eq!(nanos(0, 0, u64::MAX), u64::MAX);
    }
}
