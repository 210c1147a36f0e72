use std::{fmt, ops::Sub, time::Duration};

const NANOS_PER_SECOND: u64 = 1_000_000_000;

/// A moment of packet time: nanoseconds since 1970-01-01T00:00:00Z, leap seconds not counted.
///
/// It reaches to the year 2554. Arithmetic saturates: a capture may hold any time, and none may end the program.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The beginning of the epoch.
    pub const ZERO: Self = Self(0);
    /// The last moment that can be expressed.
    pub const MAX: Self = Self(u64::MAX);

    /// The moment that is `nanos` nanoseconds after the epoch.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// The moment that is `seconds` and `nanos` after the epoch; `nanos` may exceed a second.
    pub const fn from_parts(seconds: u64, nanos: u64) -> Self {
        Self(seconds.saturating_mul(NANOS_PER_SECOND).saturating_add(nanos))
    }

    /// Nanoseconds since the epoch.
    pub const fn nanos(self) -> u64 {
        self.0
    }

    /// Whole microseconds since the epoch.
    pub const fn micros(self) -> u64 {
        self.0 / 1_000
    }

    /// Whole milliseconds since the epoch.
    pub const fn millis(self) -> u64 {
        self.0 / 1_000_000
    }

    /// Whole seconds since the epoch.
    pub const fn seconds(self) -> u64 {
        self.0 / NANOS_PER_SECOND
    }

    /// This moment and `nanos` nanoseconds more.
    #[must_use]
    pub const fn saturating_add_nanos(self, nanos: u64) -> Self {
        Self(self.0.saturating_add(nanos))
    }

    /// Nanoseconds from `earlier` to this moment, 0 if `earlier` is later.
    pub const fn nanos_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl Sub for Timestamp {
    type Output = Duration;

    /// The time from `earlier` to `self`; zero if `earlier` is later.
    fn sub(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.nanos_since(earlier))
    }
}

impl fmt::Display for Timestamp {
    /// Seconds and nine digits: `1700000000.000000042`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:09}", self.seconds(), self.0 % NANOS_PER_SECOND)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_that_runs_back_has_no_duration() {
        let (early, late) = (Timestamp::from_parts(5, 7), Timestamp::from_parts(9, 8));
        assert_eq!(late - early, Duration::new(4, 1));
        assert_eq!(early - late, Duration::ZERO);
    }

    #[test]
    fn absurd_times_saturate() {
        assert_eq!(Timestamp::from_parts(u64::MAX, u64::MAX), Timestamp::MAX);
        assert_eq!(Timestamp::MAX.saturating_add_nanos(1), Timestamp::MAX);
    }

    #[test]
    fn units_agree() {
        let t = Timestamp::from_parts(1_700_000_000, 123_456_789);
        assert_eq!(
            (t.seconds(), t.millis(), t.micros()),
            (1_700_000_000, 1_700_000_000_123, 1_700_000_000_123_456)
        );
        assert_eq!(t.to_string(), "1700000000.123456789");
    }
}
