use crossbeam_channel::{Receiver, Sender, unbounded};
use detect::Observation;
use wire::Timestamp;

use super::{Backlog, RecordBatch};

/// What a worker hands to the collector: observations and records, each in order, and how far it has come.
///
/// Records come with or after all observations that were made before they ended.
#[derive(Debug)]
pub(crate) struct Delivery {
    pub(crate) worker: usize,
    pub(crate) observations: Vec<Observation>,
    pub(crate) batch: RecordBatch,
    /// All observations that were made, and all records that ended before it have been handed over.
    pub(crate) watermark: Timestamp,
}

/// The worker's end of the way to the collector.
///
/// Batches of records that the collector has passed on come back. A worker that is alone has a fixed number of them, and waits. One
/// among others must not while there is input: the collector may wait for another worker's watermark, and that one for the reader,
/// which waits until this one takes its next batch. It makes further batches then, and says in the [`Backlog`] what is on the way.
#[derive(Debug)]
pub(crate) struct Outlet {
    worker: usize,
    deliveries: Sender<Delivery>,
    returned: Receiver<RecordBatch>,
    made: usize,
    may_wait: bool,
    backlog: Backlog,
    overflow: Overflow,
    undelivered: Undelivered,
    /// Empty ones.
    spare: Vec<RecordBatch>,
}

/// What happens when the collector is far behind.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Overflow {
    /// Somebody waits: nothing is lost.
    Waits,
    /// What there is no room for is dropped and counted: an interface does not wait.
    Drops,
}

/// What was dropped since the collector was far behind.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Undelivered {
    pub(crate) records: u64,
    pub(crate) observations: u64,
}

impl Outlet {
    /// The outlet of `worker`, and where the collector returns batches to. `is_alone` if there is no other worker.
    pub(crate) fn new(
        worker: usize,
        deliveries: Sender<Delivery>,
        backlog: Backlog,
        is_alone: bool,
        overflow: Overflow,
    ) -> (Self, Sender<RecordBatch>) {
        let (give_back, returned) = unbounded();
        let may_wait = is_alone && overflow == Overflow::Waits;
        let undelivered = Undelivered::default();
        let outlet = Self {
            worker,
            deliveries,
            returned,
            made: 0,
            may_wait,
            backlog,
            overflow,
            undelivered,
            spare: Vec::new(),
        };
        (outlet, give_back)
    }

    /// From now on nobody waits for this worker's input.
    pub(crate) const fn end_of_input(&mut self) {
        self.may_wait = true;
    }

    /// Whether the collector should hear soon how far this worker has come.
    pub(crate) fn is_backlog_large(&self) -> bool {
        self.backlog.is_large()
    }

    /// An empty batch, as a rule with room for [`RECORDS_PER_BATCH`].
    pub(crate) fn empty_batch(&mut self) -> RecordBatch {
        self.spare.extend(self.returned.try_iter().map(RecordBatch::cleared));
        if let Some(batch) = self.spare.pop() {
            return batch;
        }
        if self.made < BATCHES || !self.may_wait {
            self.made += 1;
            // While an output blocks for hours, records come few at a time: room for more would add up.
            let is_behind = self.overflow == Overflow::Drops && self.made > BATCHES;
            return RecordBatch::with_capacity(if is_behind { 0 } else { RECORDS_PER_BATCH });
        }
        self.returned.recv().map(RecordBatch::cleared).unwrap_or_default()
    }

    /// What was dropped so far.
    pub(crate) const fn undelivered(&self) -> Undelivered {
        self.undelivered
    }

    /// Hands over observations, records and the watermark.
    pub(crate) fn deliver(
        &mut self,
        mut observations: Vec<Observation>,
        mut batch: RecordBatch,
        watermark: Timestamp,
    ) {
        if self.overflow == Overflow::Drops && !self.may_wait && self.backlog.is_large() {
            self.undelivered.records += count(batch.records.len());
            self.undelivered.observations += count(observations.len());
            observations.clear();
            self.spare.push(std::mem::take(&mut batch).cleared());
            // The collector waits for nothing while it has so much: it hears how far this worker has come with what comes later.
            if self.deliveries.len() >= MOST_DELIVERIES {
                return;
            }
        }
        self.backlog.add(observations.len() + batch.records.len());
        let delivery = Delivery { worker: self.worker, observations, batch, watermark };
        // The collector outlives its workers, unless it has failed: then nobody wants the records.
        self.deliveries.send(delivery).ok();
    }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

/// Handing over costs a wake-up each time, and records are to be in the cache of the one who takes them.
pub(crate) const RECORDS_PER_BATCH: usize = 256;
const BATCHES: usize = 8;
/// How many deliveries the collector has to be behind not to be told of further ones that are empty.
const MOST_DELIVERIES: usize = 4_096;
