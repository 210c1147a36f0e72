use std::{io, path::Path};

use anyhow::Context as _;
use flow::FlowRecord;
use report::{FlowContext, FlowFile, OutputCounts};

use super::{Opening, Sink, SinkReport, open};
use crate::destination::FlowsPath;

/// A file of flow records.
pub(crate) struct FlowsSink {
    name: String,
    file: FlowFile<Box<dyn io::Write + Send>>,
    failure: Option<io::Error>,
}

impl FlowsSink {
    /// Opens the file.
    pub(super) fn open(flows: &FlowsPath, opening: Opening<'_>) -> anyhow::Result<Self> {
        let has_octets = |path: &Path| path.metadata().is_ok_and(|file| file.len() > 0);
        let is_written_on = opening.is_again && flows.path.as_deref().is_some_and(has_octets);
        let output = open(flows.path.as_deref(), opening)?;
        let name = flows.to_string();
        let file = if is_written_on {
            FlowFile::resume(flows.format, output)
        } else {
            FlowFile::new(flows.format, output).with_context(|| format!("cannot write to {name}"))?
        };
        Ok(Self { name, file, failure: None })
    }
}

impl Sink for FlowsSink {
    fn record(&mut self, record: &FlowRecord, context: FlowContext<'_>) {
        if let Err(error) = self.file.write(record, context) {
            self.failure.get_or_insert(error);
        }
    }

    fn flush(&mut self) {
        if let Err(error) = self.file.flush() {
            self.failure.get_or_insert(error);
        }
    }

    fn counts(&self) -> OutputCounts {
        let (records, lost_records) = (self.file.written_records(), self.file.lost_records());
        OutputCounts { output: self.name.clone(), records, lost_records, ..OutputCounts::default() }
    }

    fn failure(&self) -> Option<&io::Error> {
        self.failure.as_ref()
    }

    fn has_cut_line(&self) -> bool {
        self.file.has_cut_line()
    }

    fn finish(mut self: Box<Self>) -> SinkReport {
        if let Err(error) = self.file.flush() {
            self.failure.get_or_insert(error);
        }
        let counts = self.counts();
        let lost = counts.lost_records;
        let failure = self.failure.map(|error| format!("{}: {lost} records are lost: {error}", self.name));
        SinkReport { counts, failure }
    }
}
