use std::sync::{Mutex, PoisonError};

use flow::Shard;

use super::WorkerReport;

/// Where workers that run for weeks say how far they have come.
#[derive(Debug)]
pub(crate) struct Board {
    reports: Vec<Mutex<WorkerReport>>,
}

impl Board {
    /// A board for so many workers.
    pub(crate) fn new(workers: u16) -> Self {
        Self { reports: (0..workers).map(|_| Mutex::default()).collect() }
    }

    /// Says what a worker has to say. Nobody holds the place for longer than it takes to copy it.
    pub(crate) fn publish(&self, worker: Shard, report: WorkerReport) {
        if let Some(place) = self.reports.get(usize::from(worker.0)) {
            *place.lock().unwrap_or_else(PoisonError::into_inner) = report;
        }
    }

    /// What all workers have said last.
    pub(crate) fn reports(&self) -> Vec<WorkerReport> {
        self.reports
            .iter()
            .map(|place| place.lock().unwrap_or_else(PoisonError::into_inner).clone())
            .collect()
    }
}
