use wire::Timestamp;

/// When each flow is due to be looked at, in ticks.
///
/// Dense arrays that a sweep reads at memory speed, and that packets do not touch but to open a record or to close a connection. A
/// flow that was looked at and has not ended gets the tick of its next deadline. A flow may be looked at too early, never too late.
#[derive(Debug)]
pub(crate) struct Schedule {
    /// By number, [`NEVER`] for flows that do not live.
    due: Vec<u32>,
    /// By group of [`GROUP`] numbers, a tick before which none of them is due: so a sweep passes by most, also when a flood that is
    /// over has left many numbers.
    earliest: Vec<u32>,
    /// Where ticks are counted from: the clock when the first flow was scheduled.
    epoch: Option<Timestamp>,
    /// The tick and the time of the last sweep.
    swept: u32,
    swept_at: Timestamp,
}

impl Schedule {
    pub(crate) const fn new() -> Self {
        Self { due: Vec::new(), earliest: Vec::new(), epoch: None, swept: 0, swept_at: Timestamp::ZERO }
    }

    /// How many numbers there are, of flows that live and of others.
    pub(crate) fn len(&self) -> u32 {
        u32::try_from(self.due.len()).unwrap_or(NEVER)
    }

    /// Has flow `number` looked at after `deadline`. `clock` is the time now.
    #[inline]
    pub(crate) fn set(&mut self, number: u32, deadline: Timestamp, clock: Timestamp) {
        if self.epoch.is_none() {
            self.epoch = Some(clock);
        }
        let tick = self.tick(deadline);
        let place = number as usize;
        if self.due.len() <= place {
            self.due.resize(place + 1, NEVER);
            self.earliest.resize(place / GROUP + 1, NEVER);
        }
        if let (Some(due), Some(earliest)) = (self.due.get_mut(place), self.earliest.get_mut(place / GROUP)) {
            *due = tick;
            *earliest = (*earliest).min(tick);
        }
    }

    /// Flow `number` lives no more.
    pub(crate) fn cancel(&mut self, number: u32) {
        if let Some(due) = self.due.get_mut(number as usize) {
            *due = NEVER;
        }
    }

    /// Whether flow `number` lives.
    pub(crate) fn has(&self, number: u32) -> bool {
        self.due.get(number as usize).is_some_and(|due| *due != NEVER)
    }

    /// Whether it is time for a sweep.
    #[inline]
    pub(crate) fn is_due(&self, clock: Timestamp) -> bool {
        self.tick(clock) > self.swept
    }

    /// Whether time has passed since the last sweep, if only a little.
    pub(crate) fn can_advance(&self, clock: Timestamp) -> bool {
        clock > self.swept_at
    }

    /// Notes that a sweep begins.
    pub(crate) fn begin_sweep(&mut self, clock: Timestamp) {
        if self.tick(clock) >= LAST_TICK / 2 {
            // Decades from where ticks are counted: a first packet without a time is enough. Count from now, and look at every flow.
            self.epoch = Some(clock);
            for due in self.due.iter_mut().filter(|due| **due != NEVER) {
                *due = 0;
            }
            self.earliest.fill(0);
        }
        (self.swept, self.swept_at) = (self.tick(clock), clock);
    }

    /// The first flow from number `from` on that this sweep has to look at. A sweep begins at 0 and goes on behind each.
    pub(crate) fn next_due(&mut self, from: u32) -> Option<u32> {
        let from = from as usize;
        let mut begin = from;
        for group in from / GROUP..self.earliest.len() {
            if self.earliest.get(group).is_some_and(|earliest| *earliest <= self.swept) {
                let end = self.due.len().min((group + 1) * GROUP);
                let due = self.due.get(begin..end).unwrap_or_default();
                if let Some(place) = due.iter().position(|due| *due <= self.swept) {
                    return u32::try_from(begin + place).ok();
                }
                self.tighten(group, end);
            }
            begin = (group + 1) * GROUP;
        }
        None
    }

    /// Finds out anew when the first of a group is due that has been looked through.
    fn tighten(&mut self, group: usize, end: usize) {
        let all = self.due.get(group * GROUP..end).unwrap_or_default();
        let earliest = all.iter().copied().fold(NEVER, u32::min);
        if let Some(place) = self.earliest.get_mut(group) {
            *place = earliest;
        }
    }

    #[inline]
    fn tick(&self, at: Timestamp) -> u32 {
        let nanos = self.epoch.map_or(0, |epoch| at.nanos_since(epoch));
        u32::try_from(nanos / TICK_NANOS).unwrap_or(LAST_TICK).min(LAST_TICK)
    }
}

/// A record waits no longer than this after its flow has ended.
const TICK_NANOS: u64 = 250_000_000;
const LAST_TICK: u32 = NEVER - 1;
const NEVER: u32 = u32::MAX;
/// Flows in a group: two kibibytes of due ticks.
const GROUP: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_nanos(1_700_000_000_000_000_000 + millis * 1_000_000)
    }

    fn due(schedule: &mut Schedule, clock: Timestamp) -> Vec<u32> {
        schedule.begin_sweep(clock);
        let mut from = 0;
        std::iter::from_fn(|| schedule.next_due(from).inspect(|number| from = number + 1)).collect()
    }

    #[test]
    fn flows_are_due_when_their_deadline_has_come() {
        let mut schedule = Schedule::new();
        for number in 0..2_000 {
            schedule.set(number, at(1_000 + u64::from(number) * 100), at(0));
        }
        schedule.cancel(3);
        assert!(schedule.has(2) && !schedule.has(3) && !schedule.has(2_000));
        assert!(!schedule.is_due(at(100)) && schedule.is_due(at(250)));
        assert_eq!(due(&mut schedule, at(999)), Vec::<u32>::new());
        assert_eq!(due(&mut schedule, at(1_400)), [0, 1, 2, 4], "what is due within the tick is among them");
        schedule.set(1_500, at(1_500), at(1_400));
        assert!(due(&mut schedule, at(1_500)).contains(&1_500), "a deadline that has come closer");
    }

    #[test]
    fn a_clock_that_jumps_by_decades_does_not_end_the_sweeps() {
        let mut schedule = Schedule::new();
        schedule.set(0, Timestamp::MAX, Timestamp::ZERO);
        assert_eq!(due(&mut schedule, Timestamp::from_parts(3_600, 0)), Vec::<u32>::new());
        assert_eq!(due(&mut schedule, at(0)), [0], "looked at too early, and not too late");
        schedule.set(1, at(1_000), at(0));
        assert!(schedule.is_due(at(250)));
        assert_eq!(due(&mut schedule, at(500)), [0]);
        assert_eq!(due(&mut schedule, at(1_000)), [0, 1]);
    }
}
