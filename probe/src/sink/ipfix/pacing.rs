use std::{num::NonZeroU32, thread, time::Duration};

/// Spreads datagrams over time: a replay makes them faster than any network does, and the receiver's buffer is small.
///
/// A Linux socket holds some ninety datagrams of full size by default, and a collector that shares its processor may not look at it
/// for some milliseconds. RFC 7011 section 10.3.1 leaves it to the exporter not to congest the path.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pacing {
    /// Datagrams between two pauses.
    burst: u64,
    pause: Duration,
    paused_at: u64,
}

impl Pacing {
    /// At most so many datagrams a second.
    pub(crate) fn new(datagrams_per_second: NonZeroU32) -> Self {
        let rate = datagrams_per_second.get();
        let burst = (rate / PAUSES_PER_SECOND).max(1);
        let pause = Duration::from_secs(1) * burst / rate;
        Self { burst: burst.into(), pause, paused_at: 0 }
    }

    /// Pauses if enough was sent since the last pause. `messages` is how many were sent in all.
    pub(crate) fn pause_after(&mut self, messages: u64) {
        if messages >= self.paused_at + self.burst {
            self.paused_at = messages;
            thread::sleep(self.pause);
        }
    }
}

/// The system wakes a thread no more often than that with any precision.
const PAUSES_PER_SECOND: u32 = 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bursts_and_pauses_make_the_rate() {
        for rate in [1, 7, 1_000, 10_000, 1_000_000] {
            let pacing = Pacing::new(NonZeroU32::new(rate).unwrap());
            let per_second = f64::from(u32::try_from(pacing.burst).unwrap()) / pacing.pause.as_secs_f64();
            assert!((per_second / f64::from(rate) - 1.0).abs() < 0.01, "{rate}: {pacing:?}");
        }
    }
}
