use wire::Timestamp;

use super::sizes::Sizes;

/// Who asks and who answers among encrypted records, how long they are and how they are spread over time, if one of the ends is
/// taken for a miner.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rhythm {
    /// When the miner's records that wait for an answer came, the oldest first.
    waiting: [Option<Timestamp>; MAX_WAITING],
    last_request: Option<Timestamp>,
    /// The latest record that nothing had asked for, if nothing has come since.
    last_push: Option<Timestamp>,
    intervals: Intervals,
    requests: Sizes,
    answers: Sizes,
    pushes: Sizes,
    counts: Counts,
}

/// How often what happened.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Counts {
    /// Records of the miner.
    pub requests: u32,
    /// Of these, how many were answered at once by one small record.
    pub answered: u32,
    /// Of these, how many were answered at once by something longer.
    pub answered_at_length: u32,
    /// Records of the pool that nothing had asked for.
    pub pushes: u32,
    /// Of these, how many the miner answered at once.
    pub answered_pushes: u32,
}

/// Mean and spread of the times between the miner's records (Welford's method).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Intervals {
    count: u32,
    mean: f64,
    squares: f64,
}

impl Rhythm {
    /// Takes a record with so many octets of content.
    pub(super) fn record(&mut self, from_miner: bool, time: Timestamp, octets: usize) {
        if from_miner { self.said_by_miner(time, octets) } else { self.said_by_pool(time, octets) }
    }

    /// Octets are missing: what they answered is not known.
    pub(super) fn gap(&mut self) {
        self.waiting = [None; MAX_WAITING];
        self.last_request = None;
        self.last_push = None;
    }

    /// How often what happened.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Median octets of what the miner sends, of short answers, and of what the pool sends unasked.
    pub fn medians(&self) -> [usize; 3] {
        [self.requests.median(), self.answers.median(), self.pushes.median()]
    }

    /// Which share of the miner's records has one of two lengths: that of a share of work, and that of a sign of life.
    pub fn requests_alike(&self) -> f64 {
        self.requests.clustered(2)
    }

    /// Which share of the answers has one of two lengths.
    pub fn answers_alike(&self) -> f64 {
        self.answers.clustered(2)
    }

    /// Which share of what the pool sends unasked is about as long as its median.
    pub fn pushes_alike(&self) -> f64 {
        self.pushes.near_median()
    }

    /// The deviation of the times between the miner's records, relative to their mean: 0 for a clock, 1 for luck.
    pub fn irregularity(&self) -> f64 {
        let Intervals { count, mean, squares } = self.intervals;
        if count < 2 || mean <= 0.0 { 0.0 } else { (squares / f64::from(count - 1)).sqrt() / mean }
    }

    fn said_by_miner(&mut self, time: Timestamp, octets: usize) {
        self.counts.requests = self.counts.requests.saturating_add(1);
        self.requests.add(octets);
        let is_at_once = |push: Timestamp| time.nanos_since(push) <= ACKNOWLEDGMENT_NANOS;
        let is_answer = self.last_push.take().is_some_and(is_at_once);
        self.counts.answered_pushes = self.counts.answered_pushes.saturating_add(u32::from(is_answer));
        if let Some(last) = self.last_request.replace(time) {
            self.intervals.add((time - last).as_secs_f64());
        }
        self.forget_before(time);
        if let Some(place) = self.waiting.iter_mut().find(|waiting| waiting.is_none()) {
            *place = Some(time);
        }
    }

    fn said_by_pool(&mut self, time: Timestamp, octets: usize) {
        self.forget_before(time);
        if self.waiting.iter().flatten().next().is_none() {
            self.counts.pushes = self.counts.pushes.saturating_add(1);
            self.pushes.add(octets);
            self.last_push = Some(time);
            return;
        }
        self.last_push = None;
        self.next_waits();
        if octets <= LONGEST_ANSWER_OCTETS {
            self.counts.answered = self.counts.answered.saturating_add(1);
            self.answers.add(octets);
        } else {
            self.counts.answered_at_length = self.counts.answered_at_length.saturating_add(1);
        }
    }

    /// Requests that were not answered in time will not be.
    fn forget_before(&mut self, time: Timestamp) {
        while let Some(Some(oldest)) = self.waiting.first()
            && time.nanos_since(*oldest) > LONGEST_WAIT_NANOS
        {
            self.next_waits();
        }
    }

    fn next_waits(&mut self) {
        self.waiting.rotate_left(1);
        if let Some(last) = self.waiting.last_mut() {
            *last = None;
        }
    }
}

impl Intervals {
    fn add(&mut self, seconds: f64) {
        self.count = self.count.saturating_add(1);
        let before = seconds - self.mean;
        self.mean += before / f64::from(self.count);
        self.squares += before * (seconds - self.mean);
    }
}

/// Miners that find shares faster than they are answered are rare; more requests count, but do not wait.
const MAX_WAITING: usize = 4;
/// A pool answers within a round trip and the time that checking a hash takes, which is less than a second; the rest is for
/// paths and machines that are slow.
const LONGEST_WAIT_NANOS: u64 = 3_000_000_000;
/// A program that acknowledges what it is told does so within a round trip. At 20 shares a minute, luck brings one in so short a time
/// after a job in two cases of seven.
const ACKNOWLEDGMENT_NANOS: u64 = 1_000_000_000;
/// "OK" takes 36 to 80 octets in all dialects, a refusal with its reason up to 200; a job takes more.
pub(super) const LONGEST_ANSWER_OCTETS: usize = 200;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_nanos(millis * 1_000_000)
    }

    #[test]
    fn what_follows_a_request_answers_it_and_the_rest_is_unasked() {
        let mut rhythm = Rhythm::default();
        for (from_miner, millis, octets) in [
            (true, 0, 180),
            (false, 90, 63),
            (false, 5_000, 250),
            (true, 9_000, 181),
            (true, 9_010, 182),
            (false, 9_100, 63),
            (false, 9_110, 63),
            (true, 20_000, 180),
            (false, 20_100, 900),
            (true, 30_000, 180),
            (false, 35_000, 251),
        ] {
            rhythm.record(from_miner, at(millis), octets);
        }
        let counts =
            Counts { requests: 5, answered: 3, answered_at_length: 1, pushes: 2, answered_pushes: 0 };
        assert_eq!(rhythm.counts(), counts);
        assert_eq!(rhythm.medians(), [180, 60, 252]);
    }

    #[test]
    fn what_is_told_may_be_acknowledged() {
        let mut rhythm = Rhythm::default();
        for (from_miner, millis) in [
            (false, 0),
            (true, 80),
            (false, 150),
            (false, 10_000),
            (true, 10_900),
            (false, 20_000),
            (true, 21_100),
            (false, 30_000),
        ] {
            rhythm.record(from_miner, at(millis), 100);
        }
        assert_eq!((rhythm.counts().pushes, rhythm.counts().answered_pushes), (4, 2));
    }

    #[test]
    fn clocks_are_regular_and_luck_is_not() {
        let mut clock = Rhythm::default();
        (0..50).for_each(|number| clock.record(true, at(number * 60_000), 100));
        assert!(clock.irregularity() < 0.01);
        let mut luck = Rhythm::default();
        let mut time = Timestamp::ZERO;
        for number in 1..=50_u32 {
            // Quantiles of an exponential distribution.
            let interval = Duration::from_secs_f64(-20.0 * (f64::from(number) / 51.0).ln());
            time = time.saturating_add_nanos(u64::try_from(interval.as_nanos()).unwrap());
            luck.record(true, time, 100);
        }
        assert!((luck.irregularity() - 1.0).abs() < 0.2, "{}", luck.irregularity());
    }
}
