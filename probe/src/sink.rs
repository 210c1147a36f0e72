//! Where records and statements go from here.

mod eve;
mod flows;
mod ipfix;

pub(crate) use eve::EveSink;
pub(crate) use flows::FlowsSink;
pub(crate) use ipfix::{Exports, IpfixSink, Pacing};

use std::{fs::File, io::ErrorKind, path::Path};

use anyhow::anyhow;
use detect::{Statement, rdp};
use flow::FlowRecord;
use report::{OutputCounts, Statistics};

/// An output of the program.
///
/// One that fails goes on taking records and counts what it loses, since the others are to go on: a full disk must not end a
/// session with a collector.
pub(crate) trait Sink {
    /// Takes a record.
    fn record(&mut self, record: &FlowRecord);

    /// Takes what was observed of a remote desktop.
    fn remote_desktop(&mut self, _observation: &rdp::Observation) {}

    /// Takes what a judge says.
    fn statement(&mut self, _statement: &Statement) {}

    /// Hands on what it holds, so that nobody waits for it.
    fn flush(&mut self) {}

    /// Takes the totals: once everything else was given, and now and then before.
    fn totals(&mut self, _statistics: &Statistics<'_>) {}

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

/// Creates an output file, or empties it if there is one.
fn create_file(path: &Path) -> anyhow::Result<File> {
    File::create(path).map_err(|error| {
        let advice = match error.kind() {
            ErrorKind::NotFound => "; create its folder first",
            ErrorKind::PermissionDenied => "; choose a folder that may be written to",
            _ => "",
        };
        anyhow!("cannot create {}: {error}{advice}", path.display())
    })
}
