//! What a service manager is told by `sd_notify(3)`: that the program is ready, that it is alive, that it stops. Where there is no service
//! manager, nothing is told.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use sd_notify::NotifyState;

use crate::pipeline::{Batches, Share, SourceCounts};

/// The pulses of all workers, and what was told.
#[derive(Debug, Default)]
pub(crate) struct Service {
    pulses: Vec<Arc<AtomicU64>>,
    /// What they were when it was last told that all live.
    told: Vec<u64>,
    has_said_stopping: bool,
}

/// Batches of a worker that count how often it asks for one: at least each tenth of a second, however quiet the link is.
pub(crate) struct Beating<B> {
    batches: B,
    pulse: Arc<AtomicU64>,
}

impl Service {
    /// Feels the pulse of a further worker.
    pub(crate) fn watch<B: Batches>(&mut self, batches: B) -> Beating<B> {
        let pulse = Arc::default();
        self.pulses.push(Arc::clone(&pulse));
        self.told.push(0);
        Beating { batches, pulse }
    }

    /// Everything is open, and all threads are there.
    pub(crate) fn say_ready() {
        tell(&NotifyState::Ready);
    }

    /// Tells that the program is alive, unless a worker has stood still since it last did. The collector's thread calls this, so that a
    /// collector that stands still is noticed as well. Returns whether all workers are alive.
    pub(crate) fn say_alive(&mut self) -> bool {
        let is_alive = self.is_alive();
        if is_alive {
            tell(&NotifyState::Watchdog);
        }
        is_alive
    }

    /// It has begun to end. Said once.
    pub(crate) fn say_stopping(&mut self) {
        if !std::mem::replace(&mut self.has_said_stopping, true) {
            tell(&NotifyState::Stopping);
        }
    }

    /// Whether every worker has asked for a batch since it was last so.
    fn is_alive(&mut self) -> bool {
        let now: Vec<_> = self.pulses.iter().map(|pulse| pulse.load(Ordering::Relaxed)).collect();
        let is_alive = now.iter().zip(&self.told).all(|(now, told)| now != told);
        if is_alive {
            self.told = now;
        }
        is_alive
    }
}

impl<B> Beating<B> {
    /// The batches themselves.
    pub(crate) fn into_batches(self) -> B {
        self.batches
    }
}

impl<B: Batches> Batches for Beating<B> {
    fn next(&mut self) -> Option<Share<'_>> {
        self.pulse.fetch_add(1, Ordering::Relaxed);
        self.batches.next()
    }

    fn counts(&mut self) -> SourceCounts {
        self.batches.counts()
    }
}

/// Does nothing without a service manager; one that does not listen is not waited for.
fn tell(state: &NotifyState<'_>) {
    sd_notify::notify(false, std::slice::from_ref(state)).ok();
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Nothing;

    impl Batches for Nothing {
        fn next(&mut self) -> Option<Share<'_>> {
            None
        }
    }

    #[test]
    fn a_worker_that_stands_still_is_noticed_among_others() {
        let mut service = Service::default();
        let (mut one, mut other) = (service.watch(Nothing), service.watch(Nothing));
        assert!(!service.is_alive());
        one.next();
        assert!(!service.is_alive());
        other.next();
        assert!(service.is_alive());
        one.next();
        one.next();
        assert!(!service.is_alive());
        other.next();
        assert!(service.is_alive());
    }
}
