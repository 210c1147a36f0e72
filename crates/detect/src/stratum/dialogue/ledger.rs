use std::collections::VecDeque;

use super::Expectation;

/// Requests that wait for their answers, oldest first.
#[derive(Debug, Default)]
pub(super) struct Requests(VecDeque<(u64, Expectation)>);

impl Requests {
    /// Remembers a request. The oldest is forgotten if there are too many: its answer was not captured.
    pub(super) fn add(&mut self, identifier: u64, expectation: Expectation) {
        if self.0.len() >= MAX_REQUESTS {
            self.0.pop_front();
        }
        self.0.push_back((identifier, expectation));
    }

    /// The oldest request with this identifier: some programs give all of theirs the same.
    pub(super) fn take(&mut self, identifier: u64) -> Option<Expectation> {
        let place = self.0.iter().position(|(candidate, _)| *candidate == identifier)?;
        self.0.remove(place).map(|(_, expectation)| expectation)
    }

    /// The introduction or login that waits alone: some pools give their answers to these a number of their own.
    pub(super) fn lone_greeting(&mut self) -> Option<Expectation> {
        let is_greeting = |expectation| matches!(expectation, Expectation::Introduction | Expectation::Login);
        if self.0.len() == 1 && self.0.front().is_some_and(|(_, expectation)| is_greeting(*expectation)) {
            return self.0.pop_front().map(|(_, expectation)| expectation);
        }
        None
    }

    /// The oldest request for work: a template is too long for its answer's identifier, which comes last, to be seen.
    pub(super) fn oldest_work(&mut self) -> Option<Expectation> {
        let place = self.0.iter().position(|(_, expectation)| *expectation == Expectation::Work)?;
        self.0.remove(place).map(|(_, expectation)| expectation)
    }

    /// The oldest share, for dialects whose answers name none, as the hashes that it takes.
    pub(super) fn oldest_share(&mut self) -> Option<f64> {
        let place =
            self.0.iter().position(|(_, expectation)| matches!(expectation, Expectation::Share { .. }))?;
        match self.0.remove(place)?.1 {
            Expectation::Share { hashes } => Some(hashes),
            _ => None,
        }
    }
}

/// The latest jobs.
#[derive(Debug, Default)]
pub(super) struct Jobs(VecDeque<(u64, Hashes)>);

/// The hashes that a share of a job takes, if that is known.
pub(super) type Hashes = Option<f64>;

impl Jobs {
    pub(super) fn add(&mut self, identifier: u64, hashes: Hashes) {
        if self.0.len() >= MAX_JOBS {
            self.0.pop_front();
        }
        self.0.push_back((identifier, hashes));
    }

    /// The hashes of a share of this job; `None` if the job is not known. A name that is used again is the later job.
    pub(super) fn hashes(&self, identifier: u64) -> Option<Hashes> {
        self.0.iter().rev().find(|(candidate, _)| *candidate == identifier).map(|(_, hashes)| *hashes)
    }
}

/// Requests in flight: a miner waits for a share's answer for at most some twenty seconds, and a proxy hands in a few a second.
const MAX_REQUESTS: usize = 64;

/// Jobs that a share may still name: pools take shares of a handful of jobs at most.
const MAX_JOBS: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_with_one_identifier_are_answered_in_order() {
        let mut requests = Requests::default();
        requests.add(1, Expectation::Login);
        requests.add(1, Expectation::Share { hashes: 5.0 });
        assert_eq!(requests.take(1), Some(Expectation::Login));
        assert_eq!(requests.oldest_share(), Some(5.0));
        assert_eq!(requests.take(1), None);
    }

    #[test]
    fn ledgers_do_not_grow() {
        let (mut requests, mut jobs) = (Requests::default(), Jobs::default());
        for number in 0..1_000 {
            requests.add(number, Expectation::Other);
            jobs.add(number, None);
        }
        assert_eq!((requests.0.len(), jobs.0.len()), (MAX_REQUESTS, MAX_JOBS));
        assert_eq!((jobs.hashes(0), jobs.hashes(999)), (None, Some(None)));
    }
}
