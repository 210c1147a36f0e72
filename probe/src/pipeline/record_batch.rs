use std::sync::Arc;

use application::Application;
use flow::FlowRecord;

/// Records in their order, and what is known of the applications of some of them.
///
/// It goes from a worker to the collector and back, and the worker clears it: so what a record owns is freed by the thread that allocated
/// it. Otherwise the two threads would wait for each other in the allocator, several times for each flow.
#[derive(Debug, Default)]
pub(crate) struct RecordBatch {
    pub(crate) records: Vec<FlowRecord>,
    /// With the places of their records.
    applications: Vec<(usize, Arc<Application>)>,
    /// How many of the records were passed on, and how many of the applications.
    passed: (usize, usize),
}

impl RecordBatch {
    pub(crate) fn with_capacity(records: usize) -> Self {
        Self { records: Vec::with_capacity(records), ..Self::default() }
    }

    /// Puts what is known of their applications beside the records.
    pub(crate) fn tell(&mut self, mut of_record: impl FnMut(&FlowRecord) -> Option<Arc<Application>>) {
        let records = self.records.iter().enumerate();
        self.applications.extend(records.filter_map(|(place, record)| Some((place, of_record(record)?))));
    }

    /// The next one that was not passed on.
    pub(crate) fn head(&self) -> Option<&FlowRecord> {
        self.records.get(self.passed.0)
    }

    /// Passes the next one on, with its application.
    pub(crate) fn pass(&mut self) -> Option<(&FlowRecord, Option<&Application>)> {
        let (place, told) = self.passed;
        let record = self.records.get(place)?;
        let known = self.applications.get(told).filter(|(of, _)| *of == place);
        self.passed = (place + 1, told + usize::from(known.is_some()));
        Some((record, known.map(|(_, application)| &**application)))
    }

    /// Empties it for further records, and keeps its memory.
    pub(crate) fn cleared(mut self) -> Self {
        self.records.clear();
        self.applications.clear();
        self.passed = (0, 0);
        self
    }
}
