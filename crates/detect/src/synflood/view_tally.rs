use crate::{CaptureQuality, View};

use super::{
    estimate::share,
    second::{Second, Shown},
};

/// Sums over the last minutes, from which the quality of the capture follows.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ViewTally {
    shown: Shown,
    evicted: u64,
    halved: u64,
}

impl ViewTally {
    /// Takes in a second.
    pub(super) fn add(&mut self, second: &Second) {
        if second.second.saturating_sub(self.halved) >= HALF_LIFE_SECONDS {
            self.halved = second.second;
            self.shown.halve();
        }
        self.shown.add(&second.shown);
        self.evicted = self.evicted.saturating_add(second.evicted);
    }

    /// What they say.
    pub(super) fn quality(&self) -> CaptureQuality {
        let shown = &self.shown;
        let all = shown.completed.saturating_add(shown.unsolicited_completed);
        let unanswered = share(shown.completed_unanswered, all);
        let unsolicited = share(shown.unsolicited_completed, all);
        let view = if all >= COMPLETED_TO_TELL && unanswered >= NEARLY_ALL {
            View::TowardsServers
        } else if all >= COMPLETED_TO_TELL && unsolicited >= NEARLY_ALL {
            View::TowardsClients
        } else if shown.answers > 0 {
            View::BothWays
        } else {
            View::Unknown
        };
        let missing = if view == View::BothWays { unanswered + unsolicited } else { 0.0 };
        CaptureQuality { view, missing, is_overloaded: self.evicted > 0 }
    }
}

/// After a minute, what was before counts half.
const HALF_LIFE_SECONDS: u64 = 60;
/// Fewer completed handshakes prove nothing.
const COMPLETED_TO_TELL: u64 = 5;
const NEARLY_ALL: f64 = 0.8;
