use std::collections::VecDeque;

use crossbeam_channel::Sender;
use flow::FlowRecord;
use wire::Timestamp;

use super::Delivery;

/// Brings the records of all workers in one order: that of [`FlowRecord::order`], in which each worker delivers its own.
#[derive(Debug)]
pub(crate) struct Merge {
    lanes: Vec<Lane>,
}

/// What a worker has delivered and nobody has taken yet.
#[derive(Debug)]
struct Lane {
    batches: VecDeque<Vec<FlowRecord>>,
    /// The next record of the first batch.
    next: usize,
    watermark: Timestamp,
    emptied: Sender<Vec<FlowRecord>>,
}

impl Merge {
    /// A merge of as many workers as there are places to return emptied batches to.
    pub(crate) fn new(emptied: Vec<Sender<Vec<FlowRecord>>>) -> Self {
        let lane = |emptied| Lane { batches: VecDeque::new(), next: 0, watermark: Timestamp::ZERO, emptied };
        Self { lanes: emptied.into_iter().map(lane).collect() }
    }

    /// Takes in a delivery, and gives `each` the records whose turn has come.
    pub(crate) fn take(&mut self, delivery: Delivery, mut each: impl FnMut(&FlowRecord)) {
        let Some(lane) = self.lanes.get_mut(delivery.worker) else { return };
        lane.watermark = lane.watermark.max(delivery.watermark);
        if delivery.records.is_empty() {
            lane.give_back(delivery.records);
        } else {
            lane.batches.push_back(delivery.records);
        }
        while let Some(lane) = self.next_lane() {
            lane.pass(&mut each);
        }
    }

    /// The lane that has the first record of all, if no other can still deliver an earlier one.
    fn next_lane(&mut self) -> Option<&mut Lane> {
        let first =
            self.lanes.iter().filter_map(Lane::head).min_by(|one, other| one.order().cmp(&other.order()))?;
        let (ended, order) = (first.ended, first.order());
        // A lane that has ended says so by the last moment there is, at which records may end, too.
        let may_pass =
            |lane: &Lane| lane.head().is_some() || ended < lane.watermark || lane.watermark == Timestamp::MAX;
        let is_turn = self.lanes.iter().all(may_pass);
        let place =
            self.lanes.iter().position(|lane| lane.head().is_some_and(|head| head.order() == order))?;
        if is_turn { self.lanes.get_mut(place) } else { None }
    }
}

impl Lane {
    fn head(&self) -> Option<&FlowRecord> {
        self.batches.front()?.get(self.next)
    }

    /// Hands on the first record, and gives its batch back if that was the last one in it.
    fn pass(&mut self, each: &mut impl FnMut(&FlowRecord)) {
        if let Some(record) = self.head() {
            each(record);
            self.next += 1;
        }
        if self.head().is_none()
            && let Some(batch) = self.batches.pop_front()
        {
            self.next = 0;
            self.give_back(batch);
        }
    }

    fn give_back(&self, mut batch: Vec<FlowRecord>) {
        batch.clear();
        // A worker that has ended needs it no more.
        self.emptied.send(batch).ok();
    }
}
