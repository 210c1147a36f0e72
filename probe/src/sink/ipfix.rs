mod application_elements;
mod application_fields;
mod flow_template;
mod pacing;

pub(crate) use pacing::Pacing;

use anyhow::{Context as _, anyhow};
use application::Application;
use flow::FlowRecord;
use ipfix_export::{ExportError, Exporter, ExporterConfig, Output, RecordError, TemplateHandle};
use report::OutputCounts;

use self::flow_template::Shape;
use super::{Sink, SinkReport};

/// An IPFIX exporting process for flow records.
///
/// A record's template depends on what there is to say of it (see [`Shape`]), so that a plain flow takes few octets and a tagged,
/// labelled one keeps its tags and labels. Templates are registered when they are first needed. The time of export is the time at
/// which the record was cut, by packets: a replay gives the same octets each time.
pub(crate) struct IpfixSink {
    name: String,
    exporter: Exporter<Box<dyn Output>>,
    /// By shape.
    templates: Vec<Option<TemplateHandle>>,
    pacing: Option<Pacing>,
    export_time_s: u32,
    refused: u64,
    /// Records whose applications found no room in a message: they were refused, and went without.
    shortened: u64,
    /// The first one.
    failure: Option<String>,
}

impl IpfixSink {
    /// An exporter to `output`, which was asked for as `name`; `pacing` where messages could come too fast for a receiver.
    pub(crate) fn new(
        name: String,
        config: ExporterConfig,
        output: Box<dyn Output>,
        pacing: Option<Pacing>,
    ) -> anyhow::Result<Self> {
        let exporter = Exporter::new(config, output).with_context(|| format!("cannot export to {name}"))?;
        Ok(Self {
            name,
            exporter,
            templates: Vec::new(),
            pacing,
            export_time_s: 0,
            refused: 0,
            shortened: 0,
            failure: None,
        })
    }

    fn template(&mut self, shape: Shape) -> anyhow::Result<TemplateHandle> {
        if let Some(handle) = self.templates.get(shape.index()).copied().flatten() {
            return Ok(handle);
        }
        let handle = self.exporter.register(&shape.template()?)?;
        if self.templates.len() <= shape.index() {
            self.templates.resize(shape.index() + 1, None);
        }
        if let Some(slot) = self.templates.get_mut(shape.index()) {
            *slot = Some(handle);
        }
        Ok(handle)
    }

    /// Exports a record. Where there is no room for what is known of its application, it goes without.
    fn export(&mut self, record: &FlowRecord, application: Option<&Application>) -> anyhow::Result<()> {
        let shape = Shape::of(record, application);
        let handle = match (self.template(shape), application) {
            // So small are messages that not even the template has room.
            (Err(_), Some(_)) => return self.export(record, None),
            (handle, _) => handle.inspect_err(|_| self.refused += 1)?,
        };
        let time = self.export_time_s;
        match self.exporter.record(&handle, time, |writer| shape.write(record, application, writer)) {
            Err(ExportError::Record { error: RecordError::NoRoom, .. }) if application.is_some() => {
                self.shortened += 1;
                self.export(record, None)
            }
            Err(ExportError::Output(error)) => Err(error.source.into()),
            Err(error) => Err(anyhow!("a record was refused: {error}")),
            Ok(()) => Ok(()),
        }
    }

    fn note(&mut self, failure: String) {
        self.failure.get_or_insert(failure);
    }
}

impl Sink for IpfixSink {
    fn record(&mut self, record: &FlowRecord, application: Option<&Application>) {
        self.export_time_s = u32::try_from(record.ended.seconds()).unwrap_or(u32::MAX);
        if let Err(error) = self.export(record, application) {
            self.note(format!("{error:#}"));
        }
        if let Some(pacing) = &mut self.pacing {
            pacing.pause_after(self.exporter.statistics().messages);
        }
    }

    fn flush(&mut self) {
        if let Err(error) = self.exporter.flush(self.export_time_s) {
            self.note(error.source.to_string());
        }
    }

    fn counts(&self) -> OutputCounts {
        let statistics = self.exporter.statistics();
        OutputCounts {
            output: self.name.clone(),
            // What describes elements is no record of a flow.
            records: statistics.data_records - statistics.type_records,
            lost_records: statistics.lost_records - statistics.lost_type_records
                + statistics.refused_records.saturating_sub(self.shortened)
                + self.refused,
            messages: Some(statistics.messages),
            octets: Some(statistics.octets),
        }
    }

    fn finish(mut self: Box<Self>) -> SinkReport {
        if let Err(error) = self.exporter.flush(self.export_time_s) {
            self.note(error.source.to_string());
        }
        let statistics = self.exporter.statistics();
        if statistics.refused_messages > 0 {
            self.note(format!(
                "nobody listens there: {} of {} messages were refused; start the collector first",
                statistics.refused_messages, statistics.messages
            ));
        }
        let counts = self.counts();
        let failure = self.failure.map(|failure| match counts.lost_records {
            0 => format!("{}: {failure}", self.name),
            1 => format!("{}: 1 record is lost: {failure}", self.name),
            lost => format!("{}: {lost} records are lost: {failure}", self.name),
        });
        SinkReport { counts, failure }
    }
}
