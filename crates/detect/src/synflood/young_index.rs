/// From hashes to the numbers of what was numbered with them, for things of which the oldest go first.
///
/// Numbers rise by one, and wrap. Those in use are a [`Window`]. What is no longer in it is gone from the index, which need not be told:
/// an entry is written over by a younger one. So what comes and goes without being asked for costs one line of the cache, which can be
/// fetched before.
///
/// A line holds the youngest of its numbers. Older ones, should there be any that are in use, are found from one to the next: whoever
/// numbers things keeps what [`YoungIndex::enter`] returns, and gives it back when it is asked for. A number leads to all older ones of
/// its line that had not left when it was entered.
#[derive(Debug)]
pub(super) struct YoungIndex {
    /// As many as a power of two, or none. The lowest bits of a hash choose one.
    lines: Vec<Line>,
}

/// The youngest first.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Line {
    numbers: [u32; IN_LINE],
    /// Of their hashes, the highest bits.
    tags: [u16; IN_LINE],
}

/// How a number was entered.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Entered {
    pub(super) hash: u32,
    /// The one before it in its line.
    before: u32,
}

/// The numbers that are in use.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Window {
    /// The oldest.
    pub(super) first: u32,
    pub(super) len: u32,
}

impl Window {
    #[inline]
    pub(super) const fn has(self, number: u32) -> bool {
        self.age_rank(number) < self.len
    }

    /// The number of the next one.
    #[inline]
    pub(super) const fn next(self) -> u32 {
        self.first.wrapping_add(self.len)
    }

    /// How many are older.
    #[inline]
    const fn age_rank(self, number: u32) -> u32 {
        number.wrapping_sub(self.first)
    }

    /// All numbers, the oldest first.
    pub(super) fn numbers(self) -> impl Iterator<Item = u32> {
        (0..self.len).map(move |older| self.first.wrapping_add(older))
    }
}

impl YoungIndex {
    /// One that has room for nothing yet.
    pub(super) const fn new() -> Self {
        Self { lines: Vec::new() }
    }

    /// Makes room for so many numbers, of which few lines get more than they hold, and forgets all that it knew. `unused` is a number that
    /// is not in use.
    pub(super) fn clear(&mut self, room: usize, unused: u32) {
        let lines = room.div_ceil(EXPECTED_IN_LINE).next_power_of_two();
        self.lines.clear();
        self.lines.resize(lines, Line { numbers: [unused; IN_LINE], tags: [0; IN_LINE] });
    }

    /// Has the processor fetch what stands in the index for a hash. What it returns means nothing, and must be used.
    #[inline]
    pub(super) fn touch(&self, hash: u32) -> u32 {
        // Nothing hangs on it: a branch that waits for memory would have all after it wait, too.
        self.line(hash).map_or(0, |line| line.numbers[0])
    }

    /// Whether there may be a number of this hash that is in use. Nearly always there is one then.
    #[inline]
    pub(super) fn may_have(&self, hash: u32, window: Window) -> bool {
        let Some(Line { numbers: [.., oldest], tags }) = self.line(hash) else { return false };
        let sought = tag(hash);
        // All are looked at, and at once.
        tags.iter().filter(|known| **known == sought).count() > 0 || window.has(*oldest)
    }

    /// The number of this hash that is in use and for which `is_it` holds. `entered` says how a number that is in use was entered.
    #[inline]
    pub(super) fn find(
        &self,
        hash: u32,
        window: Window,
        is_it: impl Fn(u32) -> bool,
        entered: impl Fn(u32) -> Option<Entered>,
    ) -> Option<u32> {
        let Line { numbers, tags } = self.line(hash)?;
        let sought = tag(hash);
        let is_it = |number| entered(number).is_some_and(|entered| entered.hash == hash) && is_it(number);
        let alike = tags.iter().zip(numbers).filter(|(known, _)| **known == sought);
        let found = alike.map(|(_, number)| *number).find(|number| window.has(*number) && is_it(*number));
        if found.is_some() {
            return found;
        }
        let [.., oldest] = *numbers;
        if window.has(oldest) { Self::find_older(oldest, window, is_it, &entered) } else { None }
    }

    /// Enters a number, the next one of those in use.
    #[inline]
    pub(super) fn enter(&mut self, hash: u32, number: u32) -> Entered {
        let at = self.at(hash);
        let Some(Line { numbers, tags }) = self.lines.get_mut(at) else {
            return Entered { hash, before: number };
        };
        let before = numbers[0];
        numbers.copy_within(..IN_LINE - 1, 1);
        tags.copy_within(..IN_LINE - 1, 1);
        (numbers[0], tags[0]) = (number, tag(hash));
        Entered { hash, before }
    }

    /// Takes out a number that is in use. Were those left in that have ended, whoever begins and ends the same thing again and again would
    /// make all be looked at each time.
    pub(super) fn leave(
        &mut self,
        hash: u32,
        number: u32,
        window: Window,
        entered: impl Fn(u32) -> Option<Entered>,
    ) {
        let at = self.at(hash);
        let Some(Line { numbers, tags }) = self.lines.get_mut(at) else { return };
        let Some(place) = numbers.iter().position(|known| *known == number) else { return };
        // The place that becomes free is for the next older one.
        let [.., oldest] = *numbers;
        let older = Self::older(oldest, window, &entered);
        let older = older.and_then(|older| Some((older, tag(entered(older)?.hash))));
        numbers.copy_within(place + 1.., place);
        tags.copy_within(place + 1.., place);
        let unused = (window.first.wrapping_sub(1), 0);
        let ([.., last], [.., last_tag]) = (numbers, tags);
        (*last, *last_tag) = older.unwrap_or(unused);
    }

    #[cold]
    fn find_older(
        oldest: u32,
        window: Window,
        is_it: impl Fn(u32) -> bool,
        entered: impl Fn(u32) -> Option<Entered>,
    ) -> Option<u32> {
        std::iter::successors(Self::older(oldest, window, &entered), |number| {
            Self::older(*number, window, &entered)
        })
        .find(|number| is_it(*number))
    }

    /// The one before a number in its line, if that is in use.
    fn older(number: u32, window: Window, entered: impl Fn(u32) -> Option<Entered>) -> Option<u32> {
        let before = if window.has(number) { entered(number)?.before } else { return None };
        // They become ever older, or are no longer in use.
        Some(before).filter(|before| window.age_rank(*before) < window.age_rank(number))
    }

    #[inline]
    fn line(&self, hash: u32) -> Option<&Line> {
        self.lines.get(self.at(hash))
    }

    #[inline]
    const fn at(&self, hash: u32) -> usize {
        hash as usize & self.lines.len().wrapping_sub(1)
    }
}

/// The part of a hash that does not choose the line, as long as there are not too many of them.
#[inline]
const fn tag(hash: u32) -> u16 {
    (hash >> 16) as u16
}

/// A line of the cache holds them.
const IN_LINE: usize = 10;
/// Fewer than one in a hundred lines get more than they hold (the tail of a Poisson distribution).
const EXPECTED_IN_LINE: usize = 4;
const _: () = assert!(size_of::<Line>() == 64);

#[cfg(test)]
mod tests {
    use std::{cell::Cell, collections::VecDeque};

    use proptest::prelude::*;

    use super::*;

    /// An index of one line, and all that is in its window: how it was entered, and whether it has left.
    struct Kept {
        index: YoungIndex,
        window: Window,
        all: VecDeque<(Entered, bool)>,
        looks: Cell<usize>,
    }

    impl Kept {
        fn new() -> Self {
            let window = Window { first: u32::MAX - 50, len: 0 };
            let mut index = YoungIndex::new();
            index.clear(1, window.first.wrapping_sub(1));
            Self { index, window, all: VecDeque::new(), looks: Cell::new(0) }
        }

        fn entered(&self, number: u32) -> Entered {
            self.looks.set(self.looks.get() + 1);
            self.all[self.window.age_rank(number) as usize].0
        }

        fn enter(&mut self, hash: u32) {
            let number = self.window.next();
            self.all.push_back((self.index.enter(hash, number), false));
            self.window.len += 1;
        }

        fn leave(&mut self, older: usize) {
            let number = self.window.first.wrapping_add(u32::try_from(older).unwrap());
            let mut index = std::mem::replace(&mut self.index, YoungIndex::new());
            index.leave(self.all[older].0.hash, number, self.window, |number| Some(self.entered(number)));
            self.index = index;
            self.all[older].1 = true;
        }

        fn forget_oldest(&mut self) {
            if self.all.pop_front().is_some() {
                self.window = Window { first: self.window.first.wrapping_add(1), len: self.window.len - 1 };
            }
        }

        fn find(&self, hash: u32) -> Option<u32> {
            let stays = |number: u32| !self.all[self.window.age_rank(number) as usize].1;
            let found = self.index.find(hash, self.window, stays, |number| Some(self.entered(number)));
            assert!(found.is_none() || self.index.may_have(hash, self.window));
            found
        }
    }

    proptest! {
        /// Many more than a line holds: each is found until it leaves or is forgotten, also when numbers wrap.
        #[test]
        fn what_a_line_does_not_hold_is_found_from_one_to_the_next(
            acts in proptest::collection::vec((0_u8..8, any::<prop::sample::Index>()), 0..160)
        ) {
            let mut kept = Kept::new();
            for (hash, (act, which)) in (0_u32..).zip(acts) {
                match act {
                    0 => kept.forget_oldest(),
                    1 | 2 if !kept.all.is_empty() => kept.leave(which.index(kept.all.len())),
                    _ => kept.enter(hash << 14),
                }
                for (number, (entered, has_left)) in kept.window.numbers().zip(&kept.all) {
                    let expected = Some(number).filter(|_| !has_left);
                    prop_assert_eq!(kept.find(entered.hash), expected);
                }
            }
        }
    }

    #[test]
    fn what_ends_and_begins_again_is_not_looked_for_among_all_that_have_ended() {
        let mut kept = Kept::new();
        kept.enter(1);
        for last in 1..2_000 {
            assert_eq!(kept.find(7), None);
            kept.enter(7);
            assert!(kept.find(7).is_some());
            kept.leave(last);
        }
        assert!(kept.looks.get() < 10_000, "{}", kept.looks.get());
    }

    #[test]
    fn nothing_is_in_it_at_first() {
        let index = YoungIndex::new();
        assert_eq!((index.touch(7), index.may_have(7, Window { first: 0, len: 9 })), (0, false));
        assert_eq!(index.find(7, Window::default(), |_| true, |_| None), None);
    }
}
