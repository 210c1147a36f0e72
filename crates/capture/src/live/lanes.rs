use std::collections::VecDeque;

use wire::Timestamp;

use crate::{Batch, Frames};

/// Frames of several interfaces, which wait until they can be given in the order of their times.
///
/// The kernel hands frames over block by block, and blocks of two interfaces at different times: without waiting, the answer on one
/// cable of a tap would often come before the question on the other.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    /// By interface.
    by_interface: Vec<Lane>,
    waiting: usize,
    emptied: Vec<Batch>,
}

/// Frames of one interface, in the order of time.
#[derive(Debug, Default)]
struct Lane {
    batches: VecDeque<Batch>,
    /// The next frame of the first batch.
    next: usize,
    /// Nothing comes any more.
    is_closed: bool,
}

impl Lanes {
    pub(super) fn new(interfaces: usize) -> Self {
        Self {
            by_interface: (0..interfaces).map(|_| Lane::default()).collect(),
            waiting: 0,
            emptied: Vec::new(),
        }
    }

    /// Takes in copies of what has come to an interface.
    pub(super) fn add(&mut self, interface: u16, frames: Frames<'_>) {
        let Some(lane) = self.by_interface.get_mut(usize::from(interface)) else { return };
        if frames.is_empty() {
            return;
        }
        let mut batch = self.emptied.pop().unwrap_or_default();
        batch.clear();
        for frame in frames {
            // There is room: no more are taken at a time than a batch takes.
            let _is_taken = batch.push(&frame);
        }
        self.waiting += batch.len();
        lane.batches.push_back(batch);
    }

    /// Nobody needs to wait for this interface any more.
    pub(super) fn close(&mut self, interface: u16) {
        if let Some(lane) = self.by_interface.get_mut(usize::from(interface)) {
            lane.is_closed = true;
        }
    }

    /// Gives `batch` the frames before which none can still come: those that each interface has something after, and those from before
    /// `horizon`. And more of them if too many wait.
    pub(super) fn release(&mut self, horizon: Timestamp, batch: &mut Batch) {
        while let Some((time, place)) = self.first() {
            let is_ripe = self.by_interface.iter().all(|lane| lane.is_closed || !lane.batches.is_empty());
            if !is_ripe && time >= horizon && self.waiting <= MOST_WAITING {
                return;
            }
            let Some(lane) = self.by_interface.get_mut(place) else { return };
            self.waiting -= 1;
            self.emptied.extend(lane.pass_on(batch));
        }
    }

    /// The earliest of all, and where it waits.
    fn first(&self) -> Option<(Timestamp, usize)> {
        let heads = self.by_interface.iter().enumerate();
        heads.filter_map(|(place, lane)| lane.head().map(|time| (time, place))).min()
    }
}

impl Lane {
    fn head(&self) -> Option<Timestamp> {
        self.batches.front()?.frame(self.next).map(|frame| frame.timestamp)
    }

    /// Copies the first frame; returns its batch if it was the last one there.
    fn pass_on(&mut self, to: &mut Batch) -> Option<Batch> {
        let batch = self.batches.front()?;
        if let Some(frame) = batch.frame(self.next) {
            // There is room: no more wait than a batch takes.
            let _is_taken = to.push(&frame);
        }
        self.next += 1;
        if self.next < batch.len() {
            return None;
        }
        self.next = 0;
        self.batches.pop_front()
    }
}

/// Frames; of 1,500 octets each they take 100 MB. A quarter of a second at 256 thousand a second.
const MOST_WAITING: usize = 1 << 16;

#[cfg(test)]
mod tests {
    use wire::{Frame, LinkType};

    use super::*;

    fn batch(interface: u16, times: &[u64]) -> Batch {
        let mut batch = Batch::new();
        for &time in times {
            let frame = Frame {
                data: &[0; 60],
                timestamp: Timestamp::from_nanos(time),
                original_length: 60,
                link_type: LinkType::ETHERNET,
                interface,
            };
            assert!(batch.push(&frame));
        }
        batch
    }

    fn released(lanes: &mut Lanes, horizon: u64) -> Vec<u64> {
        let mut batch = Batch::new();
        lanes.release(Timestamp::from_nanos(horizon), &mut batch);
        batch.frames().map(|frame| frame.timestamp.nanos()).collect()
    }

    #[test]
    fn frames_wait_for_those_of_the_other_interface() {
        let mut lanes = Lanes::new(2);
        lanes.add(0, batch(0, &[10, 30, 50]).frames());
        assert_eq!(released(&mut lanes, 0), [0; 0]);
        lanes.add(1, batch(1, &[20, 40]).frames());
        // After 40 something of the second interface may still come.
        assert_eq!(released(&mut lanes, 0), [10, 20, 30, 40]);
        // Nothing before 60 can.
        assert_eq!(released(&mut lanes, 60), [50]);
        lanes.add(1, batch(1, &[70]).frames());
        assert_eq!(released(&mut lanes, 60), [0; 0]);
        lanes.close(0);
        assert_eq!(released(&mut lanes, 60), [70]);
        assert_eq!(lanes.waiting, 0);
    }

    #[test]
    fn no_more_than_so_many_wait() {
        let mut lanes = Lanes::new(2);
        for _ in 0..=MOST_WAITING {
            lanes.add(0, batch(0, &[10]).frames());
        }
        assert_eq!(released(&mut lanes, 0).len(), 1);
        assert_eq!(lanes.waiting, MOST_WAITING);
    }
}
