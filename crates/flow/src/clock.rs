use wire::Timestamp;

/// The time of a capture: the latest time that any of its packets had.
///
/// It never runs back, whatever packets claim. That it stands still is no excuse either for keeping everything that happens at
/// one moment: every few thousand packets it goes on by a nanosecond.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Clock {
    now: Timestamp,
    packets: u32,
}

impl Clock {
    /// Takes in the time of the next packet, of whatever flow, and gives the time that it comes at.
    #[inline]
    pub fn advance(&mut self, packet: Timestamp) -> Timestamp {
        self.packets = self.packets.wrapping_add(1);
        if self.packets.is_multiple_of(PACKETS_PER_NANOSECOND) {
            self.now = self.now.saturating_add_nanos(1);
        }
        self.now = self.now.max(packet.min(LATEST));
        self.now
    }

    /// Lets it go on to a time that somebody else knows, when no packets say it.
    pub fn tell(&mut self, now: Timestamp) {
        self.now = self.now.max(now.min(LATEST));
    }

    /// The time now.
    pub const fn now(&self) -> Timestamp {
        self.now
    }
}

const PACKETS_PER_NANOSECOND: u32 = 1 << 15;
/// The clock stays so far from the end of time that a deadline, of a year at most, is always before it (the year 2552).
const LATEST: Timestamp = Timestamp::from_nanos(u64::MAX - 2 * 366 * 86_400 * 1_000_000_000);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_does_not_run_back_and_does_not_stand_still() {
        let mut clock = Clock::default();
        let at = Timestamp::from_nanos;
        assert_eq!([5, 3, 9, 0].map(|nanos| clock.advance(at(nanos))), [5, 5, 9, 9].map(at));
        for _ in 0..2 * PACKETS_PER_NANOSECOND {
            clock.advance(at(0));
        }
        assert_eq!(clock.now(), at(11));
        assert_eq!(clock.advance(Timestamp::MAX), LATEST);
    }
}
