mod entries;
mod findings;
mod flow_template;
mod linked;
mod options;
mod pacing;

pub(crate) use pacing::Pacing;

use std::collections::BTreeMap;

use anyhow::Context as _;
use detect::Statement;
use flow::{Direction, FlowRecord};
use ipfix_export::{ExportError, Exporter, ExporterConfig, Field, Output, Template, TemplateHandle};
use report::{OutputCounts, Sampling, Statistics};
use wire::Timestamp;

use self::{
    entries::Entry,
    findings::{SHAPES, StatementRecord},
    flow_template::{Layout, Shape},
    linked::{IncidentLink, Incidents},
    options::{FINDINGS_TEMPLATE, OptionsRecord, Sent},
};
use super::{Sink, SinkReport};
use crate::arguments::{FindingsExport, IpfixProfile};

/// An IPFIX exporting process for flow records, findings and statistics.
///
/// A record's template depends on what there is to say of it (see [`Shape`]), so that a plain flow takes few octets and a tagged,
/// labelled one keeps its tags and labels. Templates are registered when they are first needed. The time of export is the time at
/// which the record was cut or the finding stated, by packets: a replay gives the same octets each time.
pub(crate) struct IpfixSink {
    name: String,
    exporter: Exporter<Box<dyn Output>>,
    exports: Exports,
    domain: u32,
    /// Those of flows, by shape; those of flows with an incident are behind.
    templates: Vec<Option<TemplateHandle>>,
    /// All others, by their identifiers.
    others: BTreeMap<u16, TemplateHandle>,
    /// The templates whose flow keys were exported so far.
    flow_keys: Vec<Template>,
    /// One that is to be announced with its first record: its keys are exported behind that.
    new_template: Option<Template>,
    incidents: Incidents,
    /// The names of those that are known from the beginning.
    interfaces: Vec<String>,
    pacing: Option<Pacing>,
    export_time_s: u32,
    has_begun: bool,
    flow_records: u64,
    refused: u64,
    /// The first one.
    failure: Option<String>,
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
    /// Whether elements of our own are among it.
    pub(crate) const fn has_own_elements(self) -> bool {
        self.has_statistics()
    }

    /// nfdump does not count options records, and takes them for a loss.
    const fn has_statistics(self) -> bool {
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
        output: Box<dyn Output>,
        pacing: Option<Pacing>,
    ) -> anyhow::Result<Self> {
        let domain = config.observation_domain();
        let exporter = Exporter::new(config, output).with_context(|| format!("cannot export to {name}"))?;
        Ok(Self {
            name,
            exporter,
            exports,
            domain,
            templates: vec![None; 2 * Shape::COUNT],
            others: BTreeMap::new(),
            flow_keys: Vec::new(),
            new_template: None,
            incidents: Incidents::default(),
            interfaces: Vec::new(),
            pacing,
            export_time_s: 0,
            has_begun: false,
            flow_records: 0,
            refused: 0,
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

    fn template(&mut self, shape: Shape, is_linked: bool) -> anyhow::Result<TemplateHandle> {
        let place = shape.index() + if is_linked { Shape::COUNT } else { 0 };
        if let Some(handle) = self.templates.get(place).copied().flatten() {
            return Ok(handle);
        }
        let template = shape.template(self.exports.layout(), is_linked)?;
        let handle = self.exporter.register(&template)?;
        if let Some(slot) = self.templates.get_mut(place) {
            *slot = Some(handle);
        }
        if self.exports.has_statistics() {
            self.new_template = Some(template);
        }
        Ok(handle)
    }

    fn flow(&mut self, record: &FlowRecord, link: Option<IncidentLink>) {
        let (shape, layout) = (Shape::of(record), self.exports.layout());
        let handle = match self.template(shape, link.is_some()) {
            Ok(handle) => handle,
            Err(error) => return self.refuse(&format!("{error:#}")),
        };
        let outcome = self
            .exporter
            .record(&handle, self.export_time_s, |writer| shape.write(record, layout, link, writer));
        self.flow_records += u64::from(!matches!(outcome, Err(ExportError::Record { .. })));
        self.take_outcome(outcome);
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
            Err(error) => return self.refuse(&format!("{error:#}")),
        };
        entries::fit(entries, self.exporter.largest_record());
        let outcome = self.exporter.record(&handle, self.export_time_s, |writer| {
            entries.iter().try_for_each(|entry| entry.write(writer))
        });
        self.take_outcome(outcome);
    }

    fn other_template(&mut self, id: u16, scope: usize, entries: &[Entry]) -> anyhow::Result<TemplateHandle> {
        if let Some(handle) = self.others.get(&id) {
            return Ok(*handle);
        }
        let mut fields: Vec<Field> =
            entries.iter().map(|entry| entry.field(self.exports.pen)).collect::<Result<_, _>>()?;
        let options = fields.split_off(scope.min(fields.len()));
        let template =
            if scope == 0 { Template::new(id, options)? } else { Template::options(id, fields, options)? };
        let handle = self.exporter.register(&template)?;
        self.others.insert(id, handle);
        Ok(handle)
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
        let lost_records = statistics.lost_records + statistics.refused_records + self.refused;
        Sent {
            messages: statistics.messages,
            octets: statistics.octets,
            // Which of the records are lost is not known; most are flows.
            flow_records: self.flow_records.saturating_sub(statistics.lost_records),
            lost_records,
        }
    }

    fn refuse(&mut self, failure: &str) {
        self.refused += 1;
        self.note(failure.to_owned());
    }

    fn note(&mut self, failure: String) {
        self.failure.get_or_insert(failure);
    }
}

impl Sink for IpfixSink {
    fn record(&mut self, record: &FlowRecord) {
        self.begin(record.ended);
        let link = self.incidents.link(record);
        if self.exports.profile == IpfixProfile::Uniflow && record.is_bidirectional() {
            let there = FlowRecord { reverse: Direction::default(), ..record.clone() };
            let back = FlowRecord { forward: Direction::default(), ..record.clone() };
            self.flow(&there, link);
            self.flow(&back, link);
        } else {
            self.flow(record, link);
        }
    }

    fn statement(&mut self, statement: &Statement) {
        let scope = match self.exports.findings() {
            FindingsExport::Off => return,
            FindingsExport::Data => 0,
            FindingsExport::Options | FindingsExport::Inline => 1,
        };
        if let (FindingsExport::Inline, Statement::Incident(incident)) = (self.exports.findings(), statement)
        {
            self.incidents.take(incident);
        }
        let StatementRecord { shape, stated_at, mut entries } = StatementRecord::of(statement);
        self.begin(stated_at);
        let template = FINDINGS_TEMPLATE + shape + if scope == 0 { SHAPES } else { 0 };
        self.entries(template, scope, &mut entries);
    }

    fn flush(&mut self) {
        if let Err(error) = self.exporter.flush(self.export_time_s) {
            self.note(error.source.to_string());
        }
    }

    fn totals(&mut self, statistics: &Statistics<'_>) {
        self.begin(statistics.time);
        if !self.exports.has_statistics() {
            return;
        }
        // What is counted as sent is what was sent.
        self.flush();
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
        let sent = self.sent();
        self.options(options::exporting_reliability(EXPORTING_PROCESS, &sent));
        self.options(options::metering_statistics(self.domain, &sent, statistics.flows.flows));
    }

    fn finish(mut self: Box<Self>) -> SinkReport {
        self.flush();
        let statistics = self.exporter.statistics();
        if statistics.refused_messages > 0 {
            self.note(format!(
                "nobody listens there: {} of {} messages were refused; start the collector first",
                statistics.refused_messages, statistics.messages
            ));
        }
        let Sent { flow_records, lost_records, .. } = self.sent();
        let failure = self.failure.map(|failure| match lost_records {
            0 => format!("{}: {failure}", self.name),
            1 => format!("{}: 1 record is lost: {failure}", self.name),
            lost => format!("{}: {lost} records are lost: {failure}", self.name),
        });
        let counts = OutputCounts {
            output: self.name,
            records: flow_records,
            lost_records,
            messages: Some(statistics.messages),
            octets: Some(statistics.octets),
        };
        SinkReport { counts, failure }
    }
}

/// One process exports to each collector.
const EXPORTING_PROCESS: u32 = 1;
