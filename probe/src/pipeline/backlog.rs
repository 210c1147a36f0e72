use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

/// Records that workers have handed over and the outputs have not taken: what several workers tell the reader, so that it stops while
/// the outputs are slower than metering.
///
/// Only the reader waits. A worker that waited for the collector could keep another one from its input, for whose watermark the
/// collector waits.
#[derive(Clone, Debug, Default)]
pub(crate) struct Backlog {
    shared: Arc<State>,
}

#[derive(Debug, Default)]
struct State {
    records: AtomicUsize,
    /// The collector has nothing to do until something is delivered.
    collector_idles: AtomicBool,
}

impl Backlog {
    pub(crate) fn add(&self, records: usize) {
        self.shared.records.fetch_add(records, Ordering::Relaxed);
    }

    pub(crate) fn remove(&self, records: usize) {
        self.shared.records.fetch_sub(records, Ordering::Relaxed);
    }

    /// Whether it is time to stop and let the outputs catch up.
    pub(crate) fn is_large(&self) -> bool {
        self.shared.records.load(Ordering::Relaxed) >= LARGE
    }

    pub(crate) fn set_collector_idles(&self, idles: bool) {
        self.shared.collector_idles.store(idles, Ordering::Relaxed);
    }

    /// Waits until the outputs have caught up, or until it is clear that they wait for more input: the last records of all wait for
    /// what comes after them.
    pub(crate) fn wait_until_small(&self) {
        let mut quiet = Duration::ZERO;
        while self.is_large() && quiet < IDLES_FOR_GOOD {
            thread::sleep(LOOK_INTERVAL);
            let idles = self.shared.collector_idles.load(Ordering::Relaxed);
            quiet = if idles { quiet + LOOK_INTERVAL } else { Duration::ZERO };
        }
    }
}

/// Some fifteen megabytes.
const LARGE: usize = 1 << 16;
const LOOK_INTERVAL: Duration = Duration::from_millis(1);
/// By then the workers are done with the batches that they have.
const IDLES_FOR_GOOD: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reader_waits_for_outputs_but_not_for_itself() {
        let backlog = Backlog::default();
        backlog.wait_until_small();
        backlog.add(LARGE);
        assert!(backlog.is_large());
        thread::scope(|scope| {
            // An output that takes its time: the collector does not idle.
            scope.spawn(|| {
                thread::sleep(4 * IDLES_FOR_GOOD);
                backlog.remove(1);
            });
            backlog.wait_until_small();
            assert!(!backlog.is_large());
        });
        backlog.add(1);
        backlog.set_collector_idles(true);
        backlog.wait_until_small();
        assert!(backlog.is_large(), "nobody else can make it smaller");
    }
}
