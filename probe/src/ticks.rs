//! What time it is for the flows of an interface while no packet comes.

use std::time::{Duration, SystemTime};

use wire::Timestamp;

/// The wall clock, set back by as long as frames may wait in the kernel, so that none of them comes late.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ticks;

impl Ticks {
    /// How often it is looked at, and how long a quiet interface is waited for.
    pub(crate) const INTERVAL: Duration = Duration::from_millis(100);

    /// No frame with an earlier time is still to come, but for those that a busy kernel holds up.
    #[expect(clippy::disallowed_methods, reason = "the frames of an interface bear the time of this clock")]
    #[expect(clippy::unused_self, reason = "having the value is the right to read the clock")]
    pub(crate) fn now(self) -> Timestamp {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let nanos = u64::try_from(since.saturating_sub(LAG).as_nanos()).unwrap_or(u64::MAX);
        Timestamp::from_nanos(nanos)
    }
}

/// Four times what the kernel waits for a block of its ring to fill.
const LAG: Duration = Duration::from_millis(200);
