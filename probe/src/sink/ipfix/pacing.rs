use std::{thread, time::Duration};

/// Spreads datagrams over time: a replay makes them faster than any network does, and the receiver's buffer is small.
///
/// A Linux socket holds some ninety datagrams of full size by default, and a collector needs its time. RFC 7011 section 10.3.1
/// leaves it to the exporter not to congest the path.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Pacing {
    paused_at: u64,
}

impl Pacing {
    /// Pauses if enough was sent since the last pause. `messages` is how many were sent in all.
    pub(crate) fn pause_after(&mut self, messages: u64) {
        if messages >= self.paused_at + BURST_MESSAGES {
            self.paused_at = messages;
            thread::sleep(PAUSE);
        }
    }
}

/// With the pause: at most 32 thousand datagrams a second, some 300 thousand records.
const BURST_MESSAGES: u64 = 16;
const PAUSE: Duration = Duration::from_micros(500);
