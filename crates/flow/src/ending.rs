use wire::Timestamp;

use crate::EndReason;

/// Flows that have ended, and copies of flows whose record was cut, until their records are taken.
#[derive(Debug)]
pub(crate) struct Ending {
    /// In any order.
    ended: Vec<Ended>,
    /// In order, the next one to be taken last.
    ready: Vec<Ended>,
}

/// Where a flow stands that has ended, when that was, and why.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Ended {
    pub(crate) at: Timestamp,
    pub(crate) number: u32,
    pub(crate) reason: EndReason,
}

impl Ending {
    pub(crate) const fn new() -> Self {
        Self { ended: Vec::new(), ready: Vec::new() }
    }

    pub(crate) fn push(&mut self, ended: Ended) {
        self.ended.push(ended);
    }

    /// Whether so many wait to be brought in order that it should not wait longer.
    #[inline]
    pub(crate) const fn is_crowded(&self) -> bool {
        self.ended.len() >= CROWD
    }

    /// Makes ready what has ended before `end`: ascending by time, then by what `order` says of a number; equals stay as they came.
    /// What ends right at `end` has to wait: more may end then, and belong before it.
    pub(crate) fn bring_in_order<K: Ord>(&mut self, end: Timestamp, order: impl Fn(u32) -> K) {
        if end == Timestamp::MAX && self.ready.is_empty() {
            std::mem::swap(&mut self.ready, &mut self.ended);
        } else {
            self.ready.extend(self.ended.extract_if(.., |ended| ended.at < end));
        }
        let order = |ended: &Ended| order(ended.number);
        self.ready.sort_by(|one, other| one.at.cmp(&other.at).then_with(|| order(one).cmp(&order(other))));
        self.ready.reverse();
    }

    /// Takes the next one that is ready.
    pub(crate) fn take(&mut self) -> Option<Ended> {
        self.ready.pop()
    }

    /// What a flow takes here at worst: the sort needs half as much again.
    pub(crate) const OCTETS_PER_FLOW: usize = size_of::<Ended>() * 3 / 2;
}

/// So many records wait at most until the next sweep.
const CROWD: usize = 1 << 15;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ends_now_waits_for_what_else_may_end_now() {
        let mut ending = Ending::new();
        let at = Timestamp::from_nanos;
        for (nanos, number) in [(5, 9), (3, 8), (5, 1), (7, 2)] {
            ending.push(Ended { at: at(nanos), number, reason: EndReason::IdleTimeout });
        }
        let taken = |ending: &mut Ending| -> Vec<u32> {
            std::iter::from_fn(|| ending.take()).map(|ended| ended.number).collect()
        };
        ending.bring_in_order(at(5), |number| number);
        assert_eq!(taken(&mut ending), [8]);
        ending.push(Ended { at: at(5), number: 0, reason: EndReason::IdleTimeout });
        ending.bring_in_order(at(6), |number| number);
        assert_eq!(taken(&mut ending), [0, 1, 9]);
        ending.bring_in_order(Timestamp::MAX, |number| number);
        assert_eq!(taken(&mut ending), [2]);
    }
}
