//! EVE JSON lines, in the shape that Suricata gives them: what reads those reads these.

mod flow_line;
mod incident;
mod one_line;
mod opinion;
mod rdp_line;
mod signature;
mod statistics;
mod types;
mod values;

use std::io::{self, Write};

use ::flow::FlowRecord;
use detect::{
    Finding, Phase,
    incident::{CaseId, Incident, Link},
    rdp,
};
use serde::Serialize;

use crate::{
    FlowContext,
    line_file::{BUFFER_OCTETS, LineFile},
    sampling::Sampling,
};

pub(crate) use incident::IncidentObject;
pub(crate) use signature::is_of_victim;
pub use statistics::{Statistics, bounds_reached};
pub use types::{EveType, EveTypes, UnknownEveType};
pub(crate) use values::share;

/// A file of EVE JSON lines: one object on each, which `docs/EVE.md` describes.
///
/// Lines are written many at a time; [`Self::flush`] hands on those that wait. After the first error nothing is written any more, and
/// every further line counts as lost.
#[derive(Debug)]
pub struct Eve<W: Write> {
    types: EveTypes,
    lines: LineFile<W>,
    buffer: Vec<u8>,
    sampling: Option<Sampling>,
}

impl<W: Write> Eve<W> {
    /// Begins a file of lines of the types that are wanted.
    pub fn new(types: EveTypes, output: W) -> Self {
        Self {
            types,
            lines: LineFile::new(output),
            buffer: Vec::with_capacity(BUFFER_OCTETS),
            sampling: None,
        }
    }

    /// Has every finding and incident say that a part of the packets was looked at.
    #[must_use]
    pub fn with_sampling(self, sampling: Option<Sampling>) -> Self {
        Self { sampling, ..self }
    }

    /// Writes an `alert` where a finding is new or worse, a `finding` where it is over, and nothing in between. `case` and `links` are
    /// those that it was stated with.
    ///
    /// # Errors
    ///
    /// The output's first error; afterwards there is none, lines are just lost. So it is with all that follow.
    pub fn finding(&mut self, finding: &Finding, case: Option<CaseId>, links: &[Link]) -> io::Result<()> {
        if self.is_stated(finding.phase) {
            self.write(&opinion::line(finding, case, links, self.sampling))
        } else {
            Ok(())
        }
    }

    /// Writes an `alert` where an incident is new or worse, a `finding` where it is over, and nothing in between.
    ///
    /// # Errors
    ///
    /// See [`Self::finding`].
    pub fn incident(&mut self, incident: &Incident) -> io::Result<()> {
        if self.is_stated(incident.phase) {
            self.write(&incident::line(incident, self.sampling))
        } else {
            Ok(())
        }
    }

    /// Writes an `rdp` line where the logon of a connection is over: one for each connection.
    ///
    /// # Errors
    ///
    /// See [`Self::finding`].
    pub fn rdp(&mut self, observation: &rdp::Observation) -> io::Result<()> {
        match &observation.seen {
            rdp::Seen::Logon(seen) if self.types.wants(EveType::Rdp) => {
                self.write(&rdp_line::line(observation, seen))
            }
            _ => Ok(()),
        }
    }

    /// Writes a `flow` line for a record, with what is known of its flow.
    ///
    /// # Errors
    ///
    /// See [`Self::finding`].
    pub fn flow(&mut self, record: &FlowRecord, context: FlowContext<'_>) -> io::Result<()> {
        if self.types.wants(EveType::Flow) { self.write(&flow_line::line(record, context)) } else { Ok(()) }
    }

    /// Writes a `stats` line.
    ///
    /// # Errors
    ///
    /// See [`Self::finding`].
    pub fn stats(&mut self, statistics: &Statistics<'_>) -> io::Result<()> {
        if self.types.wants(EveType::Stats) { self.write(&statistics::line(statistics)) } else { Ok(()) }
    }

    /// Hands on the lines that wait.
    ///
    /// # Errors
    ///
    /// The output's first error; afterwards there is none.
    pub fn flush(&mut self) -> io::Result<()> {
        self.write_buffer()?;
        self.lines.flush()
    }

    /// Lines that the output has taken.
    pub const fn written_lines(&self) -> u64 {
        self.lines.written()
    }

    /// Whether a failure left the output within a line: who goes on with it has to end that first.
    pub const fn has_cut_line(&self) -> bool {
        self.lines.has_cut_line()
    }

    /// Lines that it has not, and never will.
    pub const fn lost_lines(&self) -> u64 {
        self.lines.lost()
    }

    fn is_stated(&self, phase: Phase) -> bool {
        self.types.wants(EveType::Alert) && phase != Phase::Updated
    }

    fn write(&mut self, line: &impl Serialize) -> io::Result<()> {
        if !self.lines.begin_line() {
            return Ok(());
        }
        one_line::write(line, &mut self.buffer)?;
        if self.buffer.len() >= BUFFER_OCTETS { self.write_buffer() } else { Ok(()) }
    }

    fn write_buffer(&mut self) -> io::Result<()> {
        let outcome = self.lines.write(&self.buffer);
        self.buffer.clear();
        outcome
    }
}

#[cfg(test)]
mod tests;
