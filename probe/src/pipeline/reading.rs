use std::sync::Arc;

use capture::{CaptureFiles, Fill};
use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use flow::{Clock, Shard, ShardMap};

use super::batches::{Shared, SharedBatch};
use crate::progress::Progress;

/// Reads captures and shares their frames out to several workers.
pub(crate) struct Reading {
    files: CaptureFiles,
    progress: Progress,
    shards: ShardMap,
    clock: Clock,
    workers: Vec<Sender<Arc<SharedBatch>>>,
    done: Receiver<SharedBatch>,
    /// Batches that were made so far.
    made: usize,
}

impl Reading {
    /// A reading for `workers`, and where each of them gets its batches from.
    pub(crate) fn new(files: CaptureFiles, progress: Progress, workers: u16) -> (Self, Vec<Shared>) {
        let (give_back, done) = unbounded();
        let (senders, sources) = (0..workers)
            .map(|_| {
                let (sender, receiver) = bounded(BATCHES_IN_FLIGHT);
                (sender, Shared::new(receiver, give_back.clone()))
            })
            .unzip();
        let shards = ShardMap::new(workers);
        (Self { files, progress, shards, clock: Clock::default(), workers: senders, done, made: 0 }, sources)
    }

    /// Reads to the end, and returns the captures for what they have to say.
    pub(crate) fn run(mut self) -> CaptureFiles {
        loop {
            let mut shared = self.empty_batch();
            if self.files.fill(&mut shared.batch) == Fill::End {
                return self.files;
            }
            self.progress.set(self.files.input_octets());
            self.share_out(&mut shared);
            let shared = Arc::new(shared);
            for worker in &self.workers {
                if worker.send(Arc::clone(&shared)).is_err() {
                    // A worker has ended early, which the one who waits for it will report.
                    return self.files;
                }
            }
        }
    }

    /// One that is given back, or a new one while there are few.
    fn empty_batch(&mut self) -> SharedBatch {
        if let Ok(batch) = self.done.try_recv() {
            return batch;
        }
        if self.made <= BATCHES_IN_FLIGHT {
            self.made += 1;
            return SharedBatch::default();
        }
        self.done.recv().unwrap_or_default()
    }

    /// Finds each frame's shard. Frames without IP are the first worker's.
    fn share_out(&mut self, shared: &mut SharedBatch) {
        let SharedBatch { batch, shards } = shared;
        shards.clear();
        for frame in batch.frames() {
            let clock = self.clock.advance(frame.timestamp);
            shards.push(wire::decode(&frame).map_or(Shard(0), |packet| self.shards.shard(&packet, clock)));
        }
    }
}

/// A worker may be so many batches behind the fastest.
const BATCHES_IN_FLIGHT: usize = 4;
