use std::io;

use detect::{Statement, rdp};
use flow::FlowRecord;
use report::{Eve, EveTypes, FlowContext, OutputCounts, Sampling, Statistics};

use super::{Opening, Sink, SinkReport, open};
use crate::destination::EvePath;

/// A file of EVE JSON lines.
pub(crate) struct EveSink {
    name: String,
    eve: Eve<Box<dyn io::Write + Send>>,
    failure: Option<io::Error>,
}

impl EveSink {
    /// Opens the file.
    pub(super) fn open(
        path: &EvePath,
        types: EveTypes,
        sampling: Option<Sampling>,
        opening: Opening<'_>,
    ) -> anyhow::Result<Self> {
        let eve = Eve::new(types, open(path.0.as_deref(), opening)?).with_sampling(sampling);
        Ok(Self { name: path.to_string(), eve, failure: None })
    }

    fn note(&mut self, outcome: io::Result<()>) {
        if let Err(error) = outcome {
            self.failure.get_or_insert(error);
        }
    }
}

impl Sink for EveSink {
    fn record(&mut self, record: &FlowRecord, context: FlowContext<'_>) {
        let outcome = self.eve.flow(record, context);
        self.note(outcome);
    }

    fn remote_desktop(&mut self, observation: &rdp::Observation) {
        let outcome = self.eve.rdp(observation);
        self.note(outcome);
    }

    fn statement(&mut self, statement: &Statement) {
        let outcome = match statement {
            Statement::Finding { finding, case, links } => self.eve.finding(finding, *case, links),
            Statement::Incident(incident) => self.eve.incident(incident),
        };
        self.note(outcome);
    }

    fn flush(&mut self) {
        let outcome = self.eve.flush();
        self.note(outcome);
    }

    fn totals(&mut self, statistics: &Statistics<'_>) {
        let outcome = self.eve.stats(statistics);
        self.note(outcome);
    }

    fn counts(&self) -> OutputCounts {
        let (records, lost_records) = (self.eve.written_lines(), self.eve.lost_lines());
        OutputCounts { output: self.name.clone(), records, lost_records, ..OutputCounts::default() }
    }

    fn failure(&self) -> Option<&io::Error> {
        self.failure.as_ref()
    }

    fn has_cut_line(&self) -> bool {
        self.eve.has_cut_line()
    }

    fn finish(mut self: Box<Self>) -> SinkReport {
        let outcome = self.eve.flush();
        self.note(outcome);
        let counts = self.counts();
        let lost = counts.lost_records;
        let failure = self.failure.map(|error| format!("{}: {lost} records are lost: {error}", self.name));
        SinkReport { counts, failure }
    }
}
