use std::time::Duration;

use capture::Filter;
use crossbeam_channel::{Receiver, RecvTimeoutError, unbounded};
use flow::Shard;
use wire::Timestamp;

use super::{Backlog, Delivery, Item, Merge, Outlet, Overflow, Worker, WorkerConfig};

/// The collector's end of the way from all workers: the counterpart of their [`Outlet`]s.
#[derive(Debug)]
pub(crate) struct Inlet {
    deliveries: Receiver<Delivery>,
    merge: Merge,
    backlog: Backlog,
}

/// What waiting for the workers has come to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Received {
    /// One of them has delivered: everything before this time has been given.
    UpTo(Timestamp),
    /// None of them had anything for as long as one was willing to wait.
    Nothing,
    /// All of them have ended.
    End,
}

impl Inlet {
    /// As many workers as are asked for, all set up alike, and the collector's end of their way to it. `filter` is for workers that get
    /// frames it has not judged yet.
    pub(crate) fn of_workers(
        count: u16,
        config: WorkerConfig,
        filter: Option<&Filter>,
        overflow: Overflow,
    ) -> (Vec<Worker>, Self) {
        let (deliver, deliveries) = unbounded();
        let (backlog, is_alone) = (Backlog::default(), count == 1);
        let (workers, emptied) = (0..count)
            .map(|number| {
                let (outlet, give_back) =
                    Outlet::new(number.into(), deliver.clone(), backlog.clone(), is_alone, overflow);
                (Worker::new(Shard(number), filter.cloned(), config, outlet), give_back)
            })
            .unzip();
        (workers, Self { deliveries, merge: Merge::new(emptied, backlog.clone()), backlog })
    }

    /// What is on the way, which a reader of captures waits for.
    pub(crate) fn backlog(&self) -> Backlog {
        self.backlog.clone()
    }

    /// Waits for a delivery, no longer than `patience`, and gives `each` whatever has its turn because of it.
    pub(crate) fn receive(&mut self, patience: Duration, each: impl FnMut(Item<'_>)) -> Received {
        self.backlog.set_collector_idles(true);
        let delivery = self.deliveries.recv_timeout(patience);
        self.backlog.set_collector_idles(false);
        match delivery {
            Ok(delivery) => {
                self.merge.take(delivery, each);
                Received::UpTo(self.merge.watermark())
            }
            Err(RecvTimeoutError::Timeout) => Received::Nothing,
            Err(RecvTimeoutError::Disconnected) => Received::End,
        }
    }
}
