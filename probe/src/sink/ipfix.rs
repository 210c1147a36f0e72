mod flow_template;
mod notices;
mod pacing;

pub(crate) use pacing::Pacing;

use anyhow::Context as _;
use flow::FlowRecord;
use ipfix_export::{ExportError, Exporter, ExporterConfig, Output, TemplateHandle};
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
            templates: vec![None; Shape::COUNT],
            pacing,
            export_time_s: 0,
            refused: 0,
            failure: None,
        })
    }

    fn template(&mut self, shape: Shape) -> anyhow::Result<TemplateHandle> {
        if let Some(handle) = self.templates.get(shape.index()).copied().flatten() {
            return Ok(handle);
        }
        let handle = self.exporter.register(&shape.template()?)?;
        if let Some(slot) = self.templates.get_mut(shape.index()) {
            *slot = Some(handle);
        }
        Ok(handle)
    }

    fn note(&mut self, failure: String) {
        self.failure.get_or_insert(failure);
    }
}

impl Sink for IpfixSink {
    fn record(&mut self, record: &FlowRecord) {
        self.export_time_s = u32::try_from(record.ended.seconds()).unwrap_or(u32::MAX);
        let shape = Shape::of(record);
        let handle = match self.template(shape) {
            Ok(handle) => handle,
            Err(error) => {
                self.refused += 1;
                return self.note(format!("{error:#}"));
            }
        };
        match self.exporter.record(&handle, self.export_time_s, |writer| shape.write(record, writer)) {
            Ok(()) => {}
            Err(ExportError::Output(error)) => self.note(error.source.to_string()),
            Err(error) => self.note(format!("a record was refused: {error}")),
        }
        if let Some(pacing) = &mut self.pacing {
            pacing.pause_after(self.exporter.statistics().messages);
        }
    }

    fn flush(&mut self) {
        if let Err(error) = self.exporter.flush(self.export_time_s) {
            self.note(error.source.to_string());
        }
        notices::tell(&self.name, self.exporter.output_mut());
    }

    fn finish(mut self: Box<Self>) -> SinkReport {
        if let Err(error) = self.exporter.close(self.export_time_s) {
            self.note(error.source.to_string());
        }
        if let Some(lost) = notices::tell(&self.name, self.exporter.output_mut()) {
            self.note(lost);
        }
        let statistics = self.exporter.statistics();
        if statistics.refused_messages > 0 {
            self.note(format!(
                "nobody listens there: {} of {} messages were refused; start the collector first",
                statistics.refused_messages, statistics.messages
            ));
        }
        let lost_records = statistics.lost_records + statistics.refused_records + self.refused;
        let failure = self.failure.map(|failure| match lost_records {
            0 => format!("{}: {failure}", self.name),
            1 => format!("{}: 1 record is lost: {failure}", self.name),
            lost => format!("{}: {lost} records are lost: {failure}", self.name),
        });
        let counts = OutputCounts {
            output: self.name,
            records: statistics.data_records,
            lost_records,
            messages: Some(statistics.messages),
            octets: Some(statistics.octets),
        };
        SinkReport { counts, failure }
    }
}
