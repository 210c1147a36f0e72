mod application_elements;
mod application_fields;
mod content;
mod entries;
mod findings;
mod flow_template;
mod notices;
mod options;
mod own_fields;
mod pacing;

pub(crate) use pacing::Pacing;

use std::collections::BTreeMap;

use anyhow::Context as _;
use detect::Statement;
use flow::{Direction, FlowRecord};
use ipfix_export::{ExportError, Exporter, ExporterConfig, Field, Output, Template, TemplateHandle};
use report::{FlowContext, OutputCounts, Sampling, Statistics};
use wire::Timestamp;

use self::{
    content::Content,
    entries::Entry,
    findings::{SHAPES, StatementRecord},
    flow_template::{Layout, Shape},
    options::{FINDINGS_TEMPLATE, OptionsRecord, Sent},
};
use super::{Share, Sink, SinkReport};
use crate::arguments::{FindingsExport, IpfixProfile};

/// An IPFIX exporting process for flow records, findings and statistics.
///
/// A record's template depends on what there is to say of it (see [`Shape`]), so that a plain flow takes few octets and a tagged,
/// labelled one keeps its tags and labels. Templates are registered when they are first needed. The time of export is the time at
/// which the record was cut or the finding stated, by packets: a replay gives the same octets each time.
pub(crate) struct IpfixSink {
    name: String,
    exporter: Exporter<Box<dyn Output + Send>>,
    exports: Exports,
    domain: u32,
    /// By their identifiers.
    templates: BTreeMap<u16, Known>,
    /// The templates whose flow keys were exported so far.
    flow_keys: Vec<Template>,
    /// The template of a record that is exported for the first time: its flow keys follow behind that record.
    new_template: Option<Template>,
    /// The flows that it is for; `None` for all.
    share: Option<Share>,
    /// The names of those that are known from the beginning.
    interfaces: Vec<String>,
    pacing: Option<Pacing>,
    export_time_s: u32,
    has_begun: bool,
    /// Records of flows that had no place in any message.
    refused: u64,
    /// Records of flows of which something was cut, so that they have room in a message.
    shortened: u64,
    /// The first one.
    failure: Option<String>,
}

/// A template that is registered.
#[derive(Clone, Copy, Debug)]
struct Known {
    handle: TemplateHandle,
    /// Of a record, without its texts.
    fixed_octets: usize,
}

/// What is exported, and how.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Exports {
    /// The enterprise of our own elements.
    pub(crate) pen: u32,
    pub(crate) findings: FindingsExport,
    pub(crate) profile: IpfixProfile,
    /// Which part of the packets is looked at.
    pub(crate) sampling: Option<Sampling>,
}

impl Exports {
    /// Whether there are options records besides what sampling asks for. nfdump does not count them, and takes them for a loss.
    pub(crate) const fn has_statistics(self) -> bool {
        !matches!(self.profile, IpfixProfile::Nfdump)
    }

    const fn findings(self) -> FindingsExport {
        if self.has_statistics() { self.findings } else { FindingsExport::Off }
    }

    fn layout(self) -> Layout {
        Layout {
            has_short_flags: self.profile == IpfixProfile::Pmacct177,
            has_microseconds: self.profile == IpfixProfile::Fixbuf,
            pen: self.pen,
        }
    }
}

impl IpfixSink {
    /// An exporter to `output`, which was asked for as `name`; `pacing` where messages could come too fast for a receiver.
    pub(crate) fn new(
        name: String,
        config: ExporterConfig,
        exports: Exports,
        output: Box<dyn Output + Send>,
        pacing: Option<Pacing>,
    ) -> anyhow::Result<Self> {
        let domain = config.observation_domain();
        let exporter = Exporter::new(config, output).with_context(|| format!("cannot export to {name}"))?;
        Ok(Self {
            name,
            exporter,
            exports,
            domain,
            templates: BTreeMap::new(),
            flow_keys: Vec::new(),
            new_template: None,
            share: None,
            interfaces: Vec::new(),
            pacing,
            export_time_s: 0,
            has_begun: false,
            refused: 0,
            shortened: 0,
            failure: None,
        })
    }

    /// Has the names of interfaces, by their numbers, stand before all flows.
    #[must_use]
    pub(crate) fn with_interfaces(self, interfaces: &[String]) -> Self {
        Self { interfaces: interfaces.to_vec(), ..self }
    }

    /// Goes on to a time of packets. What stands before all else is exported once the first is known.
    fn begin(&mut self, time: Timestamp) {
        let seconds = u32::try_from(time.seconds()).unwrap_or(u32::MAX);
        self.export_time_s = self.export_time_s.max(seconds);
        if !self.has_begun {
            self.has_begun = true;
            self.export_sampling();
            let interfaces = std::mem::take(&mut self.interfaces);
            self.export_interfaces(&interfaces);
        }
    }

    fn export_interfaces(&mut self, names: &[String]) {
        if self.exports.has_statistics() {
            for (number, name) in (0..).zip(names).filter(|(_, name)| !name.is_empty()) {
                self.options(options::interface(number, name));
            }
        }
    }

    fn export_sampling(&mut self) {
        if let Some(sampling) = self.exports.sampling {
            self.options(options::sampling(sampling));
        }
    }

    fn template(&mut self, shape: Shape, is_linked: bool) -> anyhow::Result<Known> {
        let layout = self.exports.layout();
        let id = shape.template_id(layout, is_linked);
        if let Some(known) = self.templates.get(&id) {
            return Ok(*known);
        }
        let template = shape.template(layout, is_linked)?;
        let known = self.register(&template)?;
        if self.exports.has_statistics() {
            self.new_template = Some(template);
        }
        Ok(known)
    }

    fn register(&mut self, template: &Template) -> anyhow::Result<Known> {
        let fixed = template.fields().iter().filter(|field| !field.is_variable());
        let fixed_octets = fixed.map(|field| usize::from(field.length())).sum();
        let known = Known { handle: self.exporter.register(template)?, fixed_octets };
        self.templates.insert(template.id(), known);
        Ok(known)
    }

    /// Exports a record. Where there is no room for all of it, octets of payload are cut first, and then texts of its application.
    fn flow(&mut self, content: Content<'_>) {
        let (shape, layout) = (Shape::of(&content), self.exports.layout());
        let Known { handle, fixed_octets } = match self.template(shape, content.incident.is_some()) {
            Ok(known) => known,
            Err(error) => {
                self.refused += 1;
                return self.note(format!("{error:#}"));
            }
        };
        let content = content.within(self.exporter.largest_record().saturating_sub(fixed_octets));
        let outcome =
            self.exporter.record(&handle, self.export_time_s, |writer| shape.write(&content, layout, writer));
        match outcome {
            Err(ExportError::Record { .. }) => self.refused += 1,
            _ => self.shortened += u64::from(content.is_cut()),
        }
        self.take_outcome(outcome);
        self.export_flow_keys();
    }

    /// Says of a template that is new which of its fields are the key.
    fn export_flow_keys(&mut self) {
        if let Some(template) = self.new_template.take() {
            self.options(options::flow_keys(&template));
            self.flow_keys.push(template);
        }
    }

    fn options(&mut self, record: OptionsRecord) {
        let OptionsRecord { template, scope, mut entries } = record;
        self.entries(template, scope, &mut entries);
    }

    /// Exports a record of `entries`, the first `scope` of which say what the others are about; 0 for a data record.
    fn entries(&mut self, template: u16, scope: usize, entries: &mut [Entry]) {
        let handle = match self.other_template(template, scope, entries) {
            Ok(handle) => handle,
            Err(error) => return self.note(format!("{error:#}")),
        };
        entries::fit(entries, self.exporter.largest_record());
        let outcome = self.exporter.record(&handle, self.export_time_s, |writer| {
            entries.iter().try_for_each(|entry| entry.write(writer))
        });
        self.take_outcome(outcome);
    }

    fn other_template(&mut self, id: u16, scope: usize, entries: &[Entry]) -> anyhow::Result<TemplateHandle> {
        if let Some(known) = self.templates.get(&id) {
            return Ok(known.handle);
        }
        let mut fields: Vec<Field> =
            entries.iter().map(|entry| entry.field(self.exports.pen)).collect::<Result<_, _>>()?;
        let options = fields.split_off(scope.min(fields.len()));
        let template =
            if scope == 0 { Template::new(id, options)? } else { Template::options(id, fields, options)? };
        Ok(self.register(&template)?.handle)
    }

    fn take_outcome(&mut self, outcome: Result<(), ExportError>) {
        match outcome {
            Ok(()) => {}
            Err(ExportError::Output(error)) => self.note(error.source.to_string()),
            Err(error) => self.note(format!("a record was refused: {error}")),
        }
        if let Some(pacing) = &mut self.pacing {
            pacing.pause_after(self.exporter.statistics().messages);
        }
    }

    fn sent(&self) -> Sent {
        let statistics = self.exporter.statistics();
        Sent {
            messages: statistics.messages,
            octets: statistics.octets,
            flow_records: statistics.data_records.saturating_sub(statistics.options_records),
            lost_records: statistics.lost_records.saturating_sub(statistics.lost_options_records)
                + self.refused,
        }
    }

    fn note(&mut self, failure: String) {
        self.failure.get_or_insert(failure);
    }
}

impl Sink for IpfixSink {
    fn take_share(&mut self, share: Option<Share>) {
        self.share = share;
    }

    fn record(&mut self, record: &FlowRecord, context: FlowContext<'_>) {
        if self.share.as_ref().is_some_and(|share| !share.has(record)) {
            return;
        }
        self.begin(record.ended);
        let is_linked = self.exports.findings() == FindingsExport::Inline;
        let context = FlowContext { incident: context.incident.filter(|_| is_linked), ..context };
        if self.exports.profile == IpfixProfile::Uniflow && record.is_bidirectional() {
            let there = FlowRecord { reverse: Direction::default(), ..record.clone() };
            let back = FlowRecord { forward: Direction::default(), ..record.clone() };
            self.flow(Content::new(&there, context));
            self.flow(Content::new(&back, context));
        } else {
            self.flow(Content::new(record, context));
        }
    }

    fn statement(&mut self, statement: &Statement) {
        let scope = match self.exports.findings() {
            FindingsExport::Off => return,
            FindingsExport::Data => 0,
            FindingsExport::Options | FindingsExport::Inline => 1,
        };
        let StatementRecord { shape, stated_at, mut entries } = StatementRecord::of(statement);
        self.begin(stated_at);
        let template = FINDINGS_TEMPLATE + shape + if scope == 0 { SHAPES } else { 0 };
        self.entries(template, scope, &mut entries);
    }

    fn flush(&mut self) {
        if let Err(error) = self.exporter.flush(self.export_time_s) {
            self.note(error.source.to_string());
        }
        notices::tell(&self.name, self.exporter.output_mut());
    }

    fn totals(&mut self, statistics: &Statistics<'_>) {
        self.begin(statistics.time);
        if !self.exports.has_statistics() {
            return;
        }
        // What is counted as sent is what was sent.
        self.flush();
        let sent = self.sent();
        self.export_interfaces(statistics.interfaces);
        let is_live = !statistics.workers.is_empty();
        if is_live {
            // A collector that came later has not seen them.
            self.export_sampling();
            for template in std::mem::take(&mut self.flow_keys) {
                self.options(options::flow_keys(&template));
                self.flow_keys.push(template);
            }
        }
        for (number, losses) in (1..).zip(statistics.workers) {
            self.options(options::worker(self.domain, number, losses));
        }
        self.options(options::ledger(self.domain, statistics.packets));
        self.options(options::metering_reliability(self.domain, statistics.packets));
        self.options(options::exporting_reliability(EXPORTING_PROCESS, &sent));
        if self.shortened > 0 {
            self.options(options::shortened(EXPORTING_PROCESS, self.shortened));
        }
        self.options(options::metering_statistics(self.domain, &sent, statistics.flows.flows));
    }

    fn counts(&self) -> OutputCounts {
        let Sent { flow_records, lost_records, messages, octets } = self.sent();
        OutputCounts {
            output: self.name.clone(),
            records: flow_records,
            lost_records,
            messages: Some(messages),
            octets: Some(octets),
            shortened_records: Some(self.shortened),
        }
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
        if statistics.too_long_messages > 0 {
            self.note(format!(
                "the path has dropped {} of {} messages or more, which were too long for it; --message-octets makes all of them shorter",
                statistics.too_long_messages, statistics.messages
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

/// One process exports to each collector.
const EXPORTING_PROCESS: u32 = 1;
