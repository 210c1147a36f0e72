use crate::{CaptureQuality, View};

use super::{
    estimate::share,
    second::{Second, TargetCount},
};

/// Sums over the last minutes, from which the quality of the capture follows.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ViewTally {
    completed: u64,
    completed_unanswered: u64,
    unsolicited_completed: u64,
    /// Answers of any kind to SYN that were seen.
    answers: u64,
    evicted: u64,
    halved: u64,
}

impl ViewTally {
    /// Takes in a second.
    pub(super) fn add(&mut self, second: &Second) {
        if second.second.saturating_sub(self.halved) >= HALF_LIFE_SECONDS {
            self.halved = second.second;
            for count in [
                &mut self.completed,
                &mut self.completed_unanswered,
                &mut self.unsolicited_completed,
                &mut self.answers,
            ] {
                *count /= 2;
            }
        }
        for count in second.targets.values() {
            self.add_target(count);
        }
        self.evicted = self.evicted.saturating_add(second.evicted);
    }

    fn add_target(&mut self, count: &TargetCount) {
        self.completed = self.completed.saturating_add(count.fates.completed);
        self.completed_unanswered = self.completed_unanswered.saturating_add(count.completed_unanswered);
        self.unsolicited_completed = self.unsolicited_completed.saturating_add(count.unsolicited_completed);
        let refused = count.fates.refused.saturating_add(count.refused_late);
        self.answers = self.answers.saturating_add(count.answered).saturating_add(refused);
    }

    /// What they say.
    pub(super) fn quality(&self) -> CaptureQuality {
        let all = self.completed.saturating_add(self.unsolicited_completed);
        let unanswered = share(self.completed_unanswered, all);
        let unsolicited = share(self.unsolicited_completed, all);
        let view = if all >= COMPLETED_TO_TELL && unanswered >= NEARLY_ALL {
            View::TowardsServers
        } else if all >= COMPLETED_TO_TELL && unsolicited >= NEARLY_ALL {
            View::TowardsClients
        } else if self.answers > 0 {
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
