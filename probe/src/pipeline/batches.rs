use std::sync::Arc;

use capture::{
    Batch, CaptureFiles, Fill, Frames,
    live::{LiveCounts, LiveFill, LiveSource},
};
use crossbeam_channel::{Receiver, Sender};
use flow::Shard;
use wire::Timestamp;

use crate::{progress::Progress, signals::Signals, ticks::Ticks};

/// Where a worker gets its batches from.
pub(crate) trait Batches {
    /// The next batch; the one before is done with. `None` at the end.
    fn next(&mut self) -> Option<Share<'_>>;

    /// What is known of frames that the worker was not given.
    fn counts(&mut self) -> SourceCounts {
        SourceCounts::default()
    }
}

/// Frames that were meant for a worker, as far as it cannot count them itself.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct SourceCounts {
    /// What the kernel has counted, if it gives the frames.
    pub(crate) live: LiveCounts,
    /// Frames that sampling left out.
    pub(crate) sampled_out: u64,
    /// Their octets on the wire.
    pub(crate) sampled_out_octets: u64,
}

/// Frames of a batch, and which of them are whose.
pub(crate) struct Share<'a> {
    pub(crate) frames: Frames<'a>,
    /// By frame. `None` if all are the worker's own.
    pub(crate) shards: Option<&'a [Shard]>,
    /// The time, where it is known without frames: none with an earlier one will come.
    pub(crate) now: Option<Timestamp>,
}

/// Captures that a worker reads by itself.
pub(crate) struct Direct {
    files: CaptureFiles,
    batch: Batch,
    progress: Progress,
}

/// A batch that a reading thread has filled, with the shard of each frame.
#[derive(Debug, Default)]
pub(crate) struct SharedBatch {
    pub(crate) batch: Batch,
    pub(crate) shards: Vec<Shard>,
}

/// Batches that a reading thread hands to several workers.
pub(crate) struct Shared {
    batches: Receiver<Arc<SharedBatch>>,
    current: Option<Arc<SharedBatch>>,
    done: Sender<SharedBatch>,
}

impl Direct {
    pub(crate) fn new(files: CaptureFiles, progress: Progress) -> Self {
        Self { files, batch: Batch::new(), progress }
    }

    /// The captures, for what they have to say at the end.
    pub(crate) fn into_files(self) -> CaptureFiles {
        self.files
    }
}

impl Batches for Direct {
    fn next(&mut self) -> Option<Share<'_>> {
        if self.files.fill(&mut self.batch) == Fill::End {
            return None;
        }
        self.progress.set(self.files.input_octets());
        Some(Share { frames: self.batch.frames(), shards: None, now: None })
    }
}

/// Interfaces that a worker reads, until it is told to stop.
pub(crate) struct Live {
    source: LiveSource,
    ticks: Ticks,
    signals: Signals,
    /// When it ends at the latest, though frames still come. Set once it is to stop.
    ends: Option<Timestamp>,
}

impl Live {
    pub(crate) fn new(source: LiveSource, signals: Signals) -> Self {
        Self { source, ticks: Ticks, signals, ends: None }
    }

    /// The interfaces, for what they have to say at the end.
    pub(crate) fn into_source(self) -> LiveSource {
        self.source
    }
}

impl Batches for Live {
    fn next(&mut self) -> Option<Share<'_>> {
        let now = self.ticks.now();
        if self.signals.is_stopping() {
            self.ends.get_or_insert_with(|| now.saturating_add_nanos(DRAINING_NANOS));
        }
        // What is in the kernel's ring when it is to stop came before that.
        let is_time = self.ends.is_some_and(|ends| now >= ends);
        let fill = if is_time { LiveFill::Idle } else { self.source.fill(Ticks::INTERVAL, now) };
        match fill {
            LiveFill::Gone => return None,
            LiveFill::Idle if self.ends.is_some() => {
                self.source.release();
                if self.source.frames().is_empty() {
                    return None;
                }
                self.ends = Some(Timestamp::ZERO);
            }
            LiveFill::Frames | LiveFill::Idle => {}
        }
        Some(Share { frames: self.source.frames(), shards: None, now: Some(self.ticks.now()) })
    }

    fn counts(&mut self) -> SourceCounts {
        SourceCounts { live: self.source.counts(), ..SourceCounts::default() }
    }
}

impl Shared {
    /// Takes batches from `batches`, and gives back to `done` those that every worker is done with.
    pub(crate) const fn new(batches: Receiver<Arc<SharedBatch>>, done: Sender<SharedBatch>) -> Self {
        Self { batches, current: None, done }
    }
}

impl Batches for Shared {
    fn next(&mut self) -> Option<Share<'_>> {
        if let Some(batch) = self.current.take().and_then(Arc::into_inner) {
            // The reader may have ended; then nobody wants it back.
            self.done.send(batch).ok();
        }
        self.current = self.batches.recv().ok();
        let SharedBatch { batch, shards } = &**self.current.as_ref()?;
        Some(Share { frames: batch.frames(), shards: Some(shards), now: None })
    }
}

/// Half a second: how long a busy link is read when it is time to stop.
const DRAINING_NANOS: u64 = 500_000_000;
