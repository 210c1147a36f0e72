use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, unbounded};
use flow::FlowRecord;
use wire::Timestamp;

/// What a worker hands to the collector: records in order, and how far it has come.
#[derive(Debug)]
pub(crate) struct Delivery {
    pub(crate) worker: usize,
    pub(crate) records: Vec<FlowRecord>,
    /// All records that ended before it have been handed over.
    pub(crate) watermark: Timestamp,
}

/// The worker's end of the way to the collector.
///
/// It has a fixed number of batches of records; those that the collector has emptied come back. A worker that waits for one of
/// them waits for the collector, which may itself wait for another worker's watermark, and that one for the reader, which waits
/// until this one takes its next batch. So while there is input, a worker among others makes further batches; when it has made many,
/// it waits for one to come back, since the outputs may be slower than metering, but not for long.
#[derive(Debug)]
pub(crate) struct Outlet {
    worker: usize,
    deliveries: Sender<Delivery>,
    emptied: Receiver<Vec<FlowRecord>>,
    made: usize,
    may_wait: bool,
}

impl Outlet {
    /// The outlet of `worker`, and where the collector returns batches to. `is_alone` if there is no other worker.
    pub(crate) fn new(
        worker: usize,
        deliveries: Sender<Delivery>,
        is_alone: bool,
    ) -> (Self, Sender<Vec<FlowRecord>>) {
        let (give_back, emptied) = unbounded();
        (Self { worker, deliveries, emptied, made: 0, may_wait: is_alone }, give_back)
    }

    /// From now on nobody waits for this worker's input.
    pub(crate) const fn end_of_input(&mut self) {
        self.may_wait = true;
    }

    /// An empty batch with room for [`RECORDS_PER_BATCH`].
    pub(crate) fn empty_batch(&mut self) -> Vec<FlowRecord> {
        if let Ok(batch) = self.emptied.try_recv() {
            return batch;
        }
        if self.may_wait && self.made >= BATCHES {
            return self.emptied.recv().unwrap_or_default();
        }
        if self.made >= MANY_BATCHES
            && let Ok(batch) = self.emptied.recv_timeout(PATIENCE)
        {
            return batch;
        }
        self.made += 1;
        Vec::with_capacity(RECORDS_PER_BATCH)
    }

    /// Hands over records and the watermark.
    pub(crate) fn deliver(&mut self, records: Vec<FlowRecord>, watermark: Timestamp) {
        let delivery = Delivery { worker: self.worker, records, watermark };
        // The collector outlives its workers, unless it has failed: then nobody wants the records.
        self.deliveries.send(delivery).ok();
    }
}

/// Handing over costs a wake-up each time, and records are to be in the cache of the one who takes them.
pub(crate) const RECORDS_PER_BATCH: usize = 256;
const BATCHES: usize = 8;
const MANY_BATCHES: usize = 128;
/// Long for a collector that is at work, and short for one that waits for another worker.
const PATIENCE: Duration = Duration::from_millis(2);
