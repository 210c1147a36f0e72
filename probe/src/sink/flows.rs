use std::{fs::File, io};

use anyhow::Context as _;
use flow::FlowRecord;
use report::{FlowFile, OutputCounts};

use super::{Sink, SinkReport};
use crate::destination::FlowsPath;

/// A file of flow records.
pub(crate) struct FlowsSink {
    name: String,
    file: FlowFile<Box<dyn io::Write>>,
    records: u64,
    lost: u64,
    failure: Option<String>,
}

impl FlowsSink {
    /// Creates the file, or empties it if there is one.
    pub(crate) fn create(flows: &FlowsPath) -> anyhow::Result<Self> {
        let output: Box<dyn io::Write> = match &flows.path {
            None => Box::new(io::stdout()),
            Some(path) => {
                let file = File::create(path)
                    .with_context(|| format!("cannot create the flow file {}", path.display()))?;
                Box::new(file)
            }
        };
        let name = flows.to_string();
        let file = FlowFile::new(flows.format, output).with_context(|| format!("cannot write to {name}"))?;
        Ok(Self { name, file, records: 0, lost: 0, failure: None })
    }

    fn note(&mut self, error: &io::Error) {
        self.failure.get_or_insert_with(|| format!("{}: cannot be written further: {error}", self.name));
    }
}

impl Sink for FlowsSink {
    fn record(&mut self, record: &FlowRecord) {
        if self.failure.is_some() {
            self.lost += 1;
            return;
        }
        match self.file.write(record) {
            Ok(()) => self.records += 1,
            Err(error) => {
                self.lost += 1;
                self.note(&error);
            }
        }
    }

    fn finish(mut self: Box<Self>) -> SinkReport {
        if self.failure.is_none()
            && let Err(error) = self.file.flush()
        {
            self.note(&error);
        }
        let counts = OutputCounts {
            output: self.name,
            records: self.records,
            lost_records: self.lost,
            ..OutputCounts::default()
        };
        SinkReport { counts, failure: self.failure }
    }
}
