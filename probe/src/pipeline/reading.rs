use std::sync::Arc;

use capture::{CaptureFiles, Fill, Filter};
use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use flow::{Clock, Shard, ShardMap};

use super::{
    Backlog,
    batches::{Shared, SharedBatch},
};
use crate::progress::Progress;

/// Reads captures and shares their frames out to several workers.
pub(crate) struct Reading {
    files: CaptureFiles,
    progress: Progress,
    filter: Option<Filter>,
    backlog: Backlog,
    shards: ShardMap,
    clock: Clock,
    workers: Vec<Sender<Arc<SharedBatch>>>,
    done: Receiver<SharedBatch>,
    /// Batches that were made so far.
    made: usize,
}

impl Reading {
    /// A reading for `workers`, and where each of them gets its batches from.
    pub(crate) fn new(
        files: CaptureFiles,
        progress: Progress,
        filter: Option<Filter>,
        backlog: Backlog,
        workers: u16,
    ) -> (Self, Vec<Shared>) {
        let (give_back, done) = unbounded();
        let (senders, sources) = (0..workers)
            .map(|_| {
                let (sender, receiver) = bounded(BATCHES_IN_FLIGHT);
                (sender, Shared::new(receiver, give_back.clone()))
            })
            .unzip();
        let shards = ShardMap::new(workers);
        (
            Self {
                files,
                progress,
                filter,
                backlog,
                shards,
                clock: Clock::default(),
                workers: senders,
                done,
                made: 0,
            },
            sources,
        )
    }

    /// Reads to the end, and returns the captures for what they have to say.
    pub(crate) fn run(mut self) -> CaptureFiles {
        loop {
            self.backlog.wait_until_small();
            let mut shared = self.empty_batch();
            if self.files.fill(&mut shared.batch) == Fill::End {
                return self.files;
            }
            self.progress.set(self.files.input_octets());
            self.share_out(&mut shared);
            if !self.hand_out(Arc::new(shared)) {
                // A worker has ended early, which the one who waits for it will report.
                return self.files;
            }
        }
    }

    /// Gives a batch to every worker, and keeps nothing of it: the last one to be done with it gives it back. `false` if a worker
    /// is gone.
    fn hand_out(&self, shared: Arc<SharedBatch>) -> bool {
        let Some((last, others)) = self.workers.split_last() else { return false };
        others.iter().all(|worker| worker.send(Arc::clone(&shared)).is_ok()) && last.send(shared).is_ok()
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

    /// Finds each frame's shard. Frames without IP and those that are filtered out are the first worker's.
    fn share_out(&mut self, shared: &mut SharedBatch) {
        let SharedBatch { batch, shards } = shared;
        shards.clear();
        for frame in batch.frames() {
            let clock = self.clock.advance(frame.timestamp);
            // What the filter does not ask for must teach nothing of tunnels, either: a lone worker does not see it.
            let is_asked_for = self.filter.as_mut().is_none_or(|filter| filter.matches(&frame));
            let packet = wire::decode(&frame).ok().filter(|_| is_asked_for);
            shards.push(packet.map_or(Shard(0), |packet| self.shards.shard(&packet, clock)));
        }
    }
}

/// A worker may be so many batches behind the fastest.
const BATCHES_IN_FLIGHT: usize = 4;

#[cfg(test)]
mod tests {
    use std::{fs, thread};

    use super::*;
    use crate::pipeline::Batches as _;

    /// A capture of many times the octets that a batch takes.
    fn large_capture() -> Vec<u8> {
        let mut file =
            vec![0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 101, 0, 0, 0];
        for _ in 0..PACKETS {
            file.extend([1, 0, 0, 0, 0, 0, 0, 0, 0xe8, 3, 0, 0, 0xe8, 3, 0, 0]);
            file.extend([0; 1_000]);
        }
        file
    }

    #[test]
    fn every_batch_comes_back_whoever_is_done_with_it_last() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("large.pcap");
        fs::write(&path, large_capture()).unwrap();
        for workers in [2, 3] {
            let files = CaptureFiles::open([&path]).unwrap();
            let (reading, sources) =
                Reading::new(files, Progress::default(), None, Backlog::default(), workers);
            let frames: Vec<_> = thread::scope(|scope| {
                let running: Vec<_> = sources
                    .into_iter()
                    .map(|mut source| {
                        scope.spawn(move || {
                            let mut frames = 0;
                            while let Some(share) = source.next() {
                                frames += share.frames.len();
                            }
                            frames
                        })
                    })
                    .collect();
                assert_eq!(reading.run().packets_read(), u64::try_from(PACKETS).unwrap());
                running.into_iter().map(|thread| thread.join().unwrap()).collect()
            });
            assert_eq!(frames, vec![PACKETS; workers.into()], "each worker sees every frame");
        }
    }

    const PACKETS: usize = 40_000;
}
