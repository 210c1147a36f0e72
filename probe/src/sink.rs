//! Where records go from here.

mod flows;
mod ipfix;

pub(crate) use flows::FlowsSink;
pub(crate) use ipfix::{IpfixSink, Pacing};

use flow::FlowRecord;
use report::OutputCounts;

/// An output of the program.
///
/// One that fails goes on taking records and counts what it loses, since the others are to go on: a full disk must not end a
/// session with a collector.
pub(crate) trait Sink {
    /// Takes a record.
    fn record(&mut self, record: &FlowRecord);

    /// Hands on what it still holds.
    fn finish(self: Box<Self>) -> SinkReport;
}

/// What became of an output.
#[derive(Debug)]
pub(crate) struct SinkReport {
    pub(crate) counts: OutputCounts,
    /// What went wrong, in a sentence, if anything.
    pub(crate) failure: Option<String>,
}
