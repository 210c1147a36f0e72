use std::io;

use anyhow::Context as _;
use application::Application;
use flow::FlowRecord;
use report::{FlowFile, OutputCounts};

use super::{Sink, SinkReport, create_file};
use crate::destination::FlowsPath;

/// A file of flow records.
pub(crate) struct FlowsSink {
    name: String,
    file: FlowFile<Box<dyn io::Write>>,
    failure: Option<io::Error>,
}

impl FlowsSink {
    /// Creates the file, or empties it if there is one.
    pub(crate) fn create(flows: &FlowsPath) -> anyhow::Result<Self> {
        let output: Box<dyn io::Write> = match &flows.path {
            None => Box::new(io::stdout()),
            Some(path) => Box::new(create_file(path)?),
        };
        let name = flows.to_string();
        let file = FlowFile::new(flows.format, output).with_context(|| format!("cannot write to {name}"))?;
        Ok(Self { name, file, failure: None })
    }
}

impl Sink for FlowsSink {
    fn record(&mut self, record: &FlowRecord, application: Option<&Application>) {
        if let Err(error) = self.file.write(record, application) {
            self.failure.get_or_insert(error);
        }
    }

    fn flush(&mut self) {
        if let Err(error) = self.file.flush() {
            self.failure.get_or_insert(error);
        }
    }

    fn finish(mut self: Box<Self>) -> SinkReport {
        if let Err(error) = self.file.flush() {
            self.failure.get_or_insert(error);
        }
        let (records, lost_records) = (self.file.written_records(), self.file.lost_records());
        let failure =
            self.failure.map(|error| format!("{}: {lost_records} records are lost: {error}", self.name));
        let counts = OutputCounts { output: self.name, records, lost_records, ..OutputCounts::default() };
        SinkReport { counts, failure }
    }
}
