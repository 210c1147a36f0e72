use std::time::Duration;

use super::{JudgeConfig, source::Tries};
use crate::rdp::observation::LogonSeen;

/// By what a connection without network level authentication leaves those before it, that failed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Step {
    /// The server sent much more than this, which is usual.
    Size(u64),
    /// The client had more to say than this, the most that it ever had, and stayed for longer than ever: after a logon the connection
    /// sequence goes on, since the session is another one than that of the logon screen (MS-RDPBCGR, 1.3.1.3).
    Sequence(u32),
}

impl Step {
    /// What there is of the sort, if anything. `tries` are those at the same server that failed before.
    pub(super) fn of(
        seen: &LogonSeen,
        lasted: Duration,
        tries: &Tries<'_>,
        config: &JudgeConfig,
    ) -> Option<Self> {
        if lasted < STEP_TIME {
            return None;
        }
        let usual = tries.median_logon_screen_octets()?;
        if seen.server_octets >= usual.saturating_mul(STEP_FACTOR).max(STEP_OCTETS) {
            return Some(Self::Size(usual));
        }
        let (most, longest) = tries.furthest(config.failures_before_success)?;
        let is_further = seen.client_records >= most.saturating_add(REACTIVATION_RECORDS);
        (is_further && lasted >= longest * LONGER).then_some(Self::Sequence(most))
    }
}

/// A session against a logon screen: many times the octets, more than any connection sequence takes, and time to work.
const STEP_FACTOR: u64 = 8;
const STEP_OCTETS: u64 = 20_000;
const STEP_TIME: Duration = Duration::from_secs(10);
/// Confirm Active, Synchronize, Control twice, and Font List are said again (MS-RDPBCGR, 1.3.1.3).
const REACTIVATION_RECORDS: u32 = 5;
/// Nobody leaves a session as fast as a tool leaves a logon that failed.
const LONGER: u32 = 2;
