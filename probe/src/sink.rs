//! Where records and statements go from here.

mod eve;
mod flows;
mod ipfix;
mod stream;

pub(crate) use eve::EveSink;
pub(crate) use flows::FlowsSink;
pub(crate) use ipfix::{IpfixSink, Pacing};

use std::{
    fs::File,
    io::{self, ErrorKind, Write},
    os::fd::AsFd as _,
    path::Path,
};

use anyhow::{Context as _, anyhow};
use detect::{Statement, rdp};
use flow::FlowRecord;
use report::{OutputCounts, Statistics};

use self::stream::Stream;
use crate::signals::Signals;

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

    /// What it has taken and lost so far.
    fn counts(&self) -> OutputCounts;

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

/// Creates an output file, or empties it if there is one; standard output if it has no path. With `signals`, one that takes nothing is
/// not waited for once the program is to stop.
fn open(path: Option<&Path>, signals: Option<&Signals>) -> anyhow::Result<Box<dyn Write>> {
    let Some(signals) = signals else {
        return Ok(match path {
            None => Box::new(io::stdout()),
            Some(path) => Box::new(create_file(path)?),
        });
    };
    let file = match path {
        None => File::from(io::stdout().as_fd().try_clone_to_owned().context("no standard output")?),
        Some(path) => create_file(path)?,
    };
    // A disk is always ready.
    let is_plain = file.metadata().is_ok_and(|file| file.is_file());
    Ok(if is_plain { Box::new(file) } else { Box::new(Stream::new(file, signals.clone())) })
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
