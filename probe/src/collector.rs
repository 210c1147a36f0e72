use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError};
use flow::{EndReason, FlowRecord};
use report::{FlowCounts, TopTalkers};

use crate::{
    pipeline::{Backlog, Delivery, Merge},
    progress::ProgressDisplay,
    sink::{Sink, SinkReport},
};

/// Takes the records of all workers in their one order, counts them, and hands them to the outputs.
pub(crate) struct Collector {
    sinks: Vec<Box<dyn Sink>>,
    counts: FlowCounts,
    talkers: TopTalkers,
}

/// What the collector has to say at its end.
pub(crate) struct CollectorReport {
    /// Without the number of flows, which the workers know.
    pub(crate) counts: FlowCounts,
    pub(crate) talkers: TopTalkers,
    pub(crate) outputs: Vec<SinkReport>,
}

impl Collector {
    pub(crate) fn new(sinks: Vec<Box<dyn Sink>>) -> Self {
        Self { sinks, counts: FlowCounts::default(), talkers: TopTalkers::new() }
    }

    /// Collects until the last worker has ended, and shows the progress meanwhile.
    pub(crate) fn run(
        mut self,
        deliveries: &Receiver<Delivery>,
        mut merge: Merge,
        backlog: &Backlog,
        progress: &ProgressDisplay,
    ) -> CollectorReport {
        loop {
            backlog.set_collector_idles(true);
            let delivery = deliveries.recv_timeout(PROGRESS_INTERVAL);
            backlog.set_collector_idles(false);
            match delivery {
                Ok(delivery) => merge.take(delivery, |record| self.take(record)),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            progress.show();
        }
        progress.clear();
        let outputs = self.sinks.into_iter().map(Sink::finish).collect();
        CollectorReport { counts: self.counts, talkers: self.talkers, outputs }
    }

    fn take(&mut self, record: &FlowRecord) {
        self.count(record);
        self.talkers.count(record);
        for sink in &mut self.sinks {
            sink.record(record);
        }
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

const PROGRESS_INTERVAL: Duration = Duration::from_millis(100);
