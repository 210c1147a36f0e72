use std::{collections::BTreeMap, time::Duration};

use application::Application;
use detect::{
    Judge, JudgeConfig, JudgeCounts, Kind, Observation, Severity, Statement, incident::LinkedFlows,
};
use flow::{EndReason, FlowRecord};
use report::{Findings, FlowContext, FlowCounts, OutputCounts, Statistics, TopTalkers};
use wire::Timestamp;

use crate::{
    arguments::CommonArguments,
    pipeline::{Inlet, Item, Received},
    signals::Signals,
    sink::Outputs,
    standard_error::say,
};

/// Takes the observations and records of all workers in their one order, has them judged, counts them, and hands all to the outputs.
pub(crate) struct Collector {
    judge: Judge,
    audience: Audience,
    counts: FlowCounts,
    talkers: TopTalkers,
}

/// Those who hear what judges say.
struct Audience {
    findings: Findings,
    outputs: Outputs,
    incidents: LinkedFlows,
}

/// All that was collected so far, for whoever asks while it goes on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Collected {
    /// Without the number of flows, which the workers know.
    pub(crate) counts: FlowCounts,
    pub(crate) judged: JudgeCounts,
    pub(crate) findings: BTreeMap<(Kind, Severity), u64>,
    pub(crate) incidents: u64,
    pub(crate) outputs: Vec<OutputCounts>,
}

/// What the collector has to say at its end.
pub(crate) struct CollectorReport {
    /// Without the number of flows, which the workers know.
    pub(crate) counts: FlowCounts,
    pub(crate) talkers: TopTalkers,
    pub(crate) judged: JudgeCounts,
    pub(crate) findings: Findings,
    /// They want the totals, and to be finished.
    pub(crate) outputs: Outputs,
}

impl Collector {
    pub(crate) fn new(judge: Judge, findings: Findings, outputs: Outputs) -> Self {
        let audience = Audience { findings, outputs, incidents: LinkedFlows::default() };
        Self { judge, audience, counts: FlowCounts::default(), talkers: TopTalkers::new() }
    }

    /// Collects until the last worker has ended. Meanwhile it calls `pulse` after each delivery, and every tenth of a second where there is
    /// none.
    pub(crate) fn run(mut self, mut inlet: Inlet, mut pulse: impl FnMut(&mut Self)) -> CollectorReport {
        loop {
            match inlet.receive(PULSE_INTERVAL, |item| self.take(item)) {
                Received::UpTo(watermark) if watermark < Timestamp::MAX => {
                    self.judge.advance(watermark, &mut |statement| self.audience.hear(&statement));
                }
                Received::UpTo(_) | Received::Nothing => {}
                Received::End => break,
            }
            pulse(&mut self);
        }
        self.judge.close(&mut |statement| self.audience.hear(&statement));
        let judged = self.judge.counts();
        CollectorReport {
            counts: self.counts,
            talkers: self.talkers,
            judged,
            findings: self.audience.findings,
            outputs: self.audience.outputs,
        }
    }

    /// What was counted so far, without the number of flows, which the workers know.
    pub(crate) const fn counts(&self) -> FlowCounts {
        self.counts
    }

    /// What the judges had no room for so far.
    pub(crate) fn judged(&self) -> JudgeCounts {
        self.judge.counts()
    }

    /// All that was collected so far.
    pub(crate) fn collected(&self) -> Collected {
        Collected {
            counts: self.counts,
            judged: self.judge.counts(),
            findings: self.audience.findings.counts(),
            incidents: self.audience.findings.incident_count(),
            outputs: self.audience.outputs.counts(),
        }
    }

    /// Has the judges go by other thresholds from now on.
    pub(crate) const fn reconfigure(&mut self, config: &JudgeConfig) {
        self.judge.reconfigure(config);
    }

    /// Changes the outputs to those that are asked for now, and says what was opened and closed. See [`Outputs::change`].
    pub(crate) fn change_outputs(
        &mut self,
        arguments: &CommonArguments,
        signals: &Signals,
    ) -> anyhow::Result<Vec<String>> {
        self.audience.outputs.change(arguments, signals)
    }

    /// Has the outputs hand on what they hold, so that nobody waits for it, and says which have failed: the end may be weeks away.
    pub(crate) fn flush(&mut self) {
        for sink in self.audience.outputs.sinks() {
            sink.flush();
        }
        for failure in self.audience.outputs.new_failures() {
            say(&failure);
        }
    }

    /// Gives the outputs the totals as they are.
    pub(crate) fn tell_totals(&mut self, statistics: &Statistics<'_>) {
        for sink in self.audience.outputs.sinks() {
            sink.totals(statistics);
        }
    }

    fn take(&mut self, item: Item<'_>) {
        match item {
            Item::Record(record, application) => self.record(record, application),
            Item::Observation(observation) => self.observation(observation),
        }
    }

    fn record(&mut self, record: &FlowRecord, application: Option<&Application>) {
        self.count(record);
        self.talkers.count(record);
        // What is said because of it stands behind it.
        self.judge.advance(record.ended, &mut |statement| self.audience.hear(&statement));
        let context = FlowContext { application, incident: self.audience.incidents.link(record) };
        for sink in self.audience.outputs.sinks() {
            sink.record(record, context);
        }
        self.judge.record(record, &mut |statement| self.audience.hear(&statement));
    }

    fn observation(&mut self, observation: Observation) {
        self.judge.advance(observation.time(), &mut |statement| self.audience.hear(&statement));
        if let Observation::RemoteDesktop(seen) = &observation {
            for sink in self.audience.outputs.sinks() {
                sink.remote_desktop(seen);
            }
        }
        self.judge.observe(observation, &mut |statement| self.audience.hear(&statement));
    }

    fn count(&mut self, record: &FlowRecord) {
        let counts = &mut self.counts;
        counts.records += 1;
        counts.packets += record.forward.packets + record.reverse.packets;
        counts.octets += record.forward.octets + record.reverse.octets;
        counts.bidirectional += u64::from(record.is_bidirectional());
        *match record.end_reason {
            EndReason::IdleTimeout => &mut counts.idle_timeout,
            EndReason::ActiveTimeout => &mut counts.active_timeout,
            EndReason::EndOfFlowDetected => &mut counts.end_of_flow_detected,
            EndReason::ForcedEnd => &mut counts.forced_end,
            EndReason::LackOfResources => &mut counts.lack_of_resources,
        } += 1;
    }
}

impl Audience {
    fn hear(&mut self, statement: &Statement) {
        self.findings.take(statement);
        if let Statement::Incident(incident) = statement {
            self.incidents.take(incident);
        }
        for sink in self.outputs.sinks() {
            sink.statement(statement);
        }
    }
}

const PULSE_INTERVAL: Duration = Duration::from_millis(100);
