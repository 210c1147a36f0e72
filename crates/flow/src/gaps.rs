//! Parts of a direction's sequence space that were skipped.

/// What was skipped of the sequence space of a direction (RFC 9293, 3.4): ascending, none touching another.
///
/// Few are remembered. Where there is no room for one more, the lowest is forgotten: its octets count as missed, and as seen should they
/// come after all.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Gaps {
    ranges: [Range; MOST_GAPS],
    count: u8,
    /// What lies before it was acknowledged, and is counted as missed; meaningful while there are gaps.
    acknowledged: u32,
}

/// Sequence numbers from one up to, but not including, another.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Range {
    pub(crate) from: u32,
    pub(crate) to: u32,
}

/// What a segment that came late has brought.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Filled {
    /// Octets that had been skipped.
    pub(crate) octets: u32,
    /// Those of them that were counted as missed.
    pub(crate) were_missed: u32,
    /// Octets of a gap that had to be forgotten, and were not counted as missed yet.
    pub(crate) forgotten: u32,
}

impl Range {
    pub(crate) const fn octets(self) -> u32 {
        self.to.wrapping_sub(self.from)
    }

    /// What lies in both.
    fn overlap(self, other: Self) -> Self {
        let from = if is_before(self.from, other.from) { other.from } else { self.from };
        let to = if is_before(self.to, other.to) { self.to } else { other.to };
        if is_before(from, to) { Self { from, to } } else { Self { from, to: from } }
    }
}

impl Gaps {
    const fn is_empty(&self) -> bool {
        self.count == 0
    }

    fn ranges(&self) -> &[Range] {
        self.ranges.get(..self.count.into()).unwrap_or_default()
    }

    /// Skips `gap`, which begins where all that was seen ends. Returns the octets of another that had to be forgotten, and were not
    /// counted as missed yet.
    pub(crate) fn skip(&mut self, gap: Range) -> u32 {
        if self.is_empty() {
            self.acknowledged = gap.from;
        }
        let last = usize::from(self.count).checked_sub(1).and_then(|last| self.ranges.get_mut(last));
        match last {
            Some(last) if last.to == gap.from => {
                last.to = gap.to;
                0
            }
            _ => self.push(gap),
        }
    }

    /// All before `to` was acknowledged. Returns how many octets were missed, as is known now.
    pub(crate) fn acknowledge(&mut self, to: u32) -> u32 {
        if self.is_empty() || !is_before(self.acknowledged, to) {
            return 0;
        }
        let news = Range { from: self.acknowledged, to };
        self.acknowledged = to;
        self.ranges().iter().map(|gap| gap.overlap(news).octets()).sum()
    }

    /// Takes octets that came late out of the gaps.
    pub(crate) fn fill(&mut self, late: Range) -> Filled {
        let (before, mut filled) = (*self, Filled::default());
        self.count = 0;
        for gap in before.ranges() {
            let part = gap.overlap(late);
            let missed = Range { from: gap.from, to: before.acknowledged };
            if part.octets() == 0 {
                filled.forgotten += self.push(*gap);
                continue;
            }
            filled.octets += part.octets();
            filled.were_missed += part.overlap(missed).octets();
            for rest in [Range { to: part.from, ..*gap }, Range { from: part.to, ..*gap }] {
                if rest.octets() > 0 {
                    filled.forgotten += self.push(rest);
                }
            }
        }
        filled
    }

    /// Whether an acknowledgment to come would say more of them.
    pub(crate) fn await_acknowledgment(&self) -> bool {
        self.ranges().last().is_some_and(|gap| is_before(self.acknowledged, gap.to))
    }

    /// Octets that were skipped, and are not counted as missed.
    pub(crate) fn open_octets(&self) -> u32 {
        self.ranges().iter().map(|gap| self.open_part(*gap).octets()).sum()
    }

    /// Forgets what was acknowledged of them. `true` if there are others.
    pub(crate) fn forget_missed(&mut self) -> bool {
        let before = *self;
        self.count = 0;
        for gap in before.ranges() {
            let open = before.open_part(*gap);
            if open.octets() > 0 {
                self.push(open);
            }
        }
        !self.is_empty()
    }

    /// What is not counted as missed of a gap.
    fn open_part(&self, gap: Range) -> Range {
        gap.overlap(Range { from: self.acknowledged, to: gap.to })
    }

    /// Adds a gap behind all others.
    fn push(&mut self, gap: Range) -> u32 {
        let mut forgotten = 0;
        if usize::from(self.count) == MOST_GAPS {
            forgotten = self.ranges().first().map_or(0, |lowest| self.open_part(*lowest).octets());
            self.ranges.rotate_left(1);
            self.count -= 1;
        }
        if let Some(place) = self.ranges.get_mut(usize::from(self.count)) {
            *place = gap;
            self.count += 1;
        }
        forgotten
    }
}

/// Whether a sequence number comes before another (RFC 9293, 3.4), neither being more than half of the space ahead.
#[inline]
pub(crate) const fn is_before(one: u32, other: u32) -> bool {
    one.wrapping_sub(other).cast_signed() < 0
}

/// Losses come in bursts, and each is a gap or two.
pub(crate) const MOST_GAPS: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    const fn range(from: u32, to: u32) -> Range {
        Range { from, to }
    }

    #[test]
    fn what_was_skipped_is_missed_once_it_is_acknowledged() {
        let mut gaps = Gaps::default();
        assert_eq!(gaps.skip(range(u32::MAX - 9, 10)), 0);
        assert_eq!((gaps.open_octets(), gaps.await_acknowledgment()), (20, true));
        assert_eq!(gaps.acknowledge(0), 10);
        assert_eq!(gaps.acknowledge(u32::MAX), 0, "an old acknowledgment");
        assert_eq!(gaps.acknowledge(100), 10);
        assert_eq!((gaps.open_octets(), gaps.await_acknowledgment()), (0, false));
        assert_eq!(gaps.fill(range(5, 20)), Filled { octets: 5, were_missed: 5, forgotten: 0 });
        assert!(!gaps.forget_missed());
    }

    #[test]
    fn octets_that_come_late_fill_and_divide_gaps() {
        let mut gaps = Gaps::default();
        gaps.skip(range(0, 100));
        gaps.skip(range(200, 250));
        gaps.skip(range(250, 300));
        assert_eq!(gaps.fill(range(40, 60)).octets, 20);
        assert_eq!(gaps.ranges(), [range(0, 40), range(60, 100), range(200, 300)]);
        assert_eq!(gaps.fill(range(90, 250)).octets, 60);
        assert_eq!(gaps.ranges(), [range(0, 40), range(60, 90), range(250, 300)]);
        assert_eq!(gaps.fill(range(40, 60)), Filled::default());
    }

    #[test]
    fn the_lowest_gap_is_forgotten_where_there_is_no_room() {
        let mut gaps = Gaps::default();
        for from in [0, 100, 200] {
            assert_eq!(gaps.skip(range(from, from + 50)), 0);
        }
        gaps.acknowledge(20);
        assert_eq!(gaps.skip(range(300, 350)), 30, "20 of its 50 octets were counted before");
        assert_eq!(gaps.fill(range(0, 50)).octets, 0);
        assert_eq!(gaps.fill(range(210, 220)), Filled { octets: 10, were_missed: 0, forgotten: 50 });
    }
}
