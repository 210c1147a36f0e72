use std::{path::PathBuf, time::Duration};

use capture::{CaptureFiles, Inapplicable, Interface};
use detect::observe::ObserverCounts;
use flow::MeterCounts;
use report::{
    Findings, FlowCounts, InterfaceDrops, LiveSummary, OutputCounts, PacketLedger, Statistics, Summary,
    TopTalkers, WorkerLosses,
};
use wire::{DecodeFailure, Timestamp};

use crate::{collector::CollectorReport, pipeline::WorkerReport, ticks::Ticks};

/// What a run came to: the reports of all threads, put together.
pub(crate) struct Run {
    ledger: PacketLedger,
    counts: FlowCounts,
    findings: Findings,
    talkers: TopTalkers,
    packet_time: Option<(Timestamp, Timestamp)>,
    live: Option<LiveSummary>,
    drops: Vec<InterfaceDrops>,
    outputs: Vec<OutputCounts>,
    warnings: Vec<String>,
    /// Some input was damaged, or an output lost something.
    pub(crate) is_incomplete: bool,
}

/// What there is to say of where packets came from.
#[derive(Debug, Default)]
pub(crate) struct Input {
    /// What is damaged or gone, each in a sentence.
    pub(crate) complaints: Vec<String>,
    /// Drops that captures tell of.
    pub(crate) drops: Vec<InterfaceDrops>,
    /// The names of interfaces, by their numbers; empty where there is none.
    pub(crate) interfaces: Vec<String>,
    /// Set if it was interfaces.
    pub(crate) live: Option<LiveSummary>,
}

impl From<&CaptureFiles> for Input {
    fn from(files: &CaptureFiles) -> Self {
        Self {
            complaints: files.damages().iter().map(ToString::to_string).collect(),
            drops: files.interfaces().iter().enumerate().filter_map(drops).collect(),
            interfaces: files.interfaces().iter().map(name).collect(),
            live: None,
        }
    }
}

/// The losses of a worker, as its report has them.
pub(crate) fn losses(report: &WorkerReport) -> WorkerLosses {
    WorkerLosses {
        received: report.ledger.received,
        unread: report.live.received.saturating_sub(report.live.dropped + report.ledger.received),
        dropped_by_kernel: report.live.dropped,
        dropped_by_interface: report.live.dropped_by_interface,
        records_lost: report.undelivered.records,
        observations_lost: report.undelivered.observations,
    }
}

impl Run {
    pub(crate) fn new(input: Input, workers: Vec<WorkerReport>, collected: CollectorReport) -> Self {
        let mut ledger = PacketLedger::default();
        let (mut flows, mut evicted, mut late, mut undelivered) = (0, 0, 0, 0);
        let mut observers = ObserverCounts::default();
        let mut applications_evicted = 0;
        let mut packet_time: Option<(Timestamp, Timestamp)> = None;
        let mut inapplicable = Vec::new();
        for worker in workers {
            ledger.add(&worker.ledger);
            let MeterCounts { flows: opened, evicted: ended, .. } = worker.counts;
            flows += opened;
            evicted += ended;
            late += worker.late_packets;
            undelivered += worker.undelivered.records + worker.undelivered.observations;
            observers.add(&worker.observed);
            applications_evicted += worker.applications_evicted;
            if let Some((first, last)) = worker.packet_time {
                let (earliest, latest) = packet_time.unwrap_or((first, last));
                packet_time = Some((earliest.min(first), latest.max(last)));
            }
            add_inapplicable(&mut inapplicable, worker.inapplicable);
        }
        let mut warnings = input.complaints;
        let flows = FlowCounts { flows, ..collected.counts };
        let end = packet_time.map_or(Timestamp::ZERO, |(_, latest)| latest);
        let statistics = Statistics {
            time: if input.live.is_some() { Ticks.now().max(end) } else { end },
            packets: &ledger,
            flows: &flows,
            observers,
            judges: collected.judged,
            interfaces: &input.interfaces,
            workers: input.live.as_ref().map(|live| &*live.workers).unwrap_or_default(),
        };
        let (outputs, failures) = collected.outputs.finish(&statistics);
        warnings.extend(failures);
        let lost: u64 = outputs.iter().map(|output| output.lost_records).sum();
        let is_incomplete = !warnings.is_empty() || lost + undelivered > 0;
        warnings.extend(not_decoded(&ledger));
        warnings.extend(
            inapplicable.iter().map(|what| format!("the filter cannot judge {what}; none of them matched")),
        );
        if late > 0 {
            warnings.push(format!(
                "the times of {late} packets lie an hour or more before that of an earlier packet; their flows end late"
            ));
        }
        if evicted > 0 {
            let advice = "the flow table was full and ended flows early; --memory gives it more";
            warnings.push(format!("{advice} ({evicted} flows)"));
        }
        warnings.extend(unheard(&observers));
        if applications_evicted > 0 {
            let advice = "records lack their application; --memory gives it more room";
            warnings.push(format!("{applications_evicted} flows' {advice}"));
        }
        Self {
            ledger,
            counts: flows,
            findings: collected.findings,
            talkers: collected.talkers,
            packet_time,
            live: input.live,
            drops: input.drops,
            outputs,
            warnings,
            is_incomplete,
        }
    }

    /// The closing summary.
    pub(crate) fn summary(self, captures: Vec<PathBuf>, elapsed: Duration, workers: usize) -> Summary {
        Summary {
            version: env!("CARGO_PKG_VERSION"),
            captures: captures.into_iter().map(|path| path.display().to_string()).collect(),
            live: self.live,
            elapsed,
            workers,
            packet_time: self.packet_time,
            packets: self.ledger,
            drops: self.drops,
            flows: self.counts,
            top_talkers: self.talkers.top(TOP_TALKERS),
            findings: self.findings,
            outputs: self.outputs,
            warnings: self.warnings,
        }
    }
}

/// What detectors had no room for, where that may have hidden something.
fn unheard(observers: &ObserverCounts) -> Option<String> {
    let listeners = observers.listeners_evicted;
    (listeners > 0).then(|| {
        format!("{listeners} connections that might have told more were given up for others; --memory lets more be listened to")
    })
}

/// One sentence for each link type that is not decoded.
fn not_decoded(ledger: &PacketLedger) -> Vec<String> {
    let sentence = |(reason, packets)| match reason {
        DecodeFailure::LinkType(link) => {
            Some(format!("link type {link} is not decoded; {packets} packets have it"))
        }
        _ => None,
    };
    ledger.undecoded_by_reason().into_iter().filter_map(sentence).collect()
}

fn add_inapplicable(sum: &mut Vec<Inapplicable>, more: Vec<Inapplicable>) {
    for what in more {
        match sum.iter_mut().find(|known| known.link_type == what.link_type) {
            Some(known) => known.frames += what.frames,
            None => sum.push(what),
        }
    }
    sum.sort_by_key(|what| what.link_type.map(|link_type| link_type.0));
}

fn name(interface: &Interface) -> String {
    interface.name.as_deref().unwrap_or_default().to_owned()
}

fn drops((number, interface): (usize, &Interface)) -> Option<InterfaceDrops> {
    let (by_interface, by_system) =
        (interface.dropped.unwrap_or(0), interface.dropped_by_system.unwrap_or(0));
    (by_interface > 0 || by_system > 0).then(|| InterfaceDrops {
        capture: interface.capture.to_string(),
        interface: interface.name.as_ref().map_or_else(|| format!("interface {number}"), ToString::to_string),
        by_interface,
        by_system,
    })
}

const TOP_TALKERS: usize = 10;
