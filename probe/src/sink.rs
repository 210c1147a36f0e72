//! Where records and statements go from here.

mod eve;
mod flows;
mod ipfix;
pub(crate) mod outputs;
mod pipe;
mod share;
mod stream;

pub(crate) use outputs::Outputs;

use std::{
    fs::{File, OpenOptions},
    io::{self, ErrorKind, Write},
    os::{
        fd::AsFd as _,
        unix::fs::{FileTypeExt as _, OpenOptionsExt as _},
    },
    path::Path,
};

use anyhow::{Context as _, anyhow};
use detect::{Statement, rdp};
use flow::FlowRecord;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use report::{FlowContext, OutputCounts, Statistics};

use self::{
    eve::EveSink,
    flows::FlowsSink,
    ipfix::{Exports, IpfixSink, Pacing},
    share::Share,
    stream::Stream,
};
use crate::signals::Signals;

/// An output of the program.
///
/// One that fails goes on taking records and counts what it loses, since the others are to go on: a full disk must not end a
/// session with a collector.
pub(crate) trait Sink: Send {
    /// From now on takes only the records of some flows, or those of all.
    fn take_share(&mut self, _share: Option<Share>) {}

    /// Takes a record, with what is known of its flow.
    fn record(&mut self, record: &FlowRecord, context: FlowContext<'_>);

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

    /// Why it will take nothing any more, if so: only opening it anew can help.
    fn failure(&self) -> Option<&io::Error> {
        None
    }

    /// Whether the failure left its file within a line.
    fn has_cut_line(&self) -> bool {
        false
    }

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

/// How outputs are opened.
#[derive(Clone, Copy)]
struct Opening<'a> {
    /// They say when an output that takes nothing is not to be waited for any longer.
    signals: Option<&'a Signals>,
    /// The program has run for a while: a file that is there is written on, and nobody is waited for.
    is_again: bool,
    /// The file was left within a line, which is to be ended first: that cannot be seen from it, since files may only be written then.
    ends_line: bool,
}

impl Opening<'_> {
    /// Whether packets wait where an output is slow: those of captures do, those of interfaces do not.
    const fn holds_up_packets(&self) -> bool {
        self.signals.is_none()
    }
}

/// Creates an output file, or empties it if there is one; standard output if it has no path. Of a pipe a reader is waited for.
fn open(path: Option<&Path>, opening: Opening<'_>) -> anyhow::Result<Box<dyn Write + Send>> {
    let file = match path {
        None if opening.signals.is_none() => return Ok(Box::new(io::stdout())),
        None => File::from(io::stdout().as_fd().try_clone_to_owned().context("no standard output")?),
        Some(path) if opening.is_again => {
            let mut file = append_to_file(path)?;
            if opening.ends_line {
                file.write_all(b"\n").with_context(|| format!("cannot go on with {}", path.display()))?;
            }
            file
        }
        Some(path) if is_pipe(path) => pipe::open(path, opening.signals)?,
        Some(path) => create_file(path)?,
    };
    let Some(signals) = opening.signals else { return Ok(Box::new(file)) };
    // A disk is always ready.
    let is_plain = file.metadata().is_ok_and(|file| file.is_file());
    Ok(if is_plain { Box::new(file) } else { Box::new(Stream::new(file, signals.clone())) })
}

/// Whether a named pipe is there.
fn is_pipe(path: &Path) -> bool {
    path.metadata().is_ok_and(|file| file.file_type().is_fifo())
}

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

/// A pipe without a reader is an error here: there are others that would wait with it.
fn append_to_file(path: &Path) -> anyhow::Result<File> {
    open_at_once(path).map_err(|error| {
        let advice = match error.kind() {
            _ if pipe::has_no_reader(&error) => "; nobody reads it: start its reader first",
            ErrorKind::NotFound => "; create its folder first",
            ErrorKind::PermissionDenied => {
                "; it has given up what it would take: files can be opened in the folders of outputs that it began with, if its user may write there"
            }
            _ => "",
        };
        anyhow!("cannot open {}: {error}{advice}", path.display())
    })
}

/// Opens a file, or creates it, and writes behind what is in it. Does not wait for a reader, as opening a pipe would.
fn open_at_once(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    let file = options.append(true).create(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(path)?;
    fcntl(&file, FcntlArg::F_SETFL(OFlag::O_APPEND))?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use nix::{sys::stat::Mode, unistd::mkfifo};

    use super::*;

    #[test]
    fn what_is_opened_again_is_written_on_and_a_pipe_is_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let [file, pipe] = ["file", "pipe"].map(|name| folder.path().join(name));
        fs::write(&file, "one").unwrap();
        append_to_file(&file).unwrap().write_all(b"two").unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "onetwo");
        mkfifo(&pipe, Mode::S_IRWXU).unwrap();
        let unread = append_to_file(&pipe).unwrap_err().to_string();
        assert!(unread.ends_with("; nobody reads it: start its reader first"), "{unread}");
        let missing = append_to_file(&folder.path().join("no/file")).unwrap_err().to_string();
        assert!(missing.ends_with("; create its folder first"), "{missing}");
    }
}
