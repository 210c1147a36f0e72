use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use capture::{CaptureFiles, Interface};
use report::{
    Findings, FlowCounts, InterfaceDrops, LiveSummary, OutputCounts, PacketLedger, Statistics, Summary,
    TopTalkers,
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
    /// The interfaces that were watched, if it was interfaces.
    pub(crate) live: Option<Vec<String>>,
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

/// When a run begins.
#[expect(clippy::disallowed_methods, reason = "how long a run takes is no time of packets")]
pub(crate) fn started() -> Instant {
    Instant::now()
}

impl Run {
    /// Finishes the outputs with what all threads have to say.
    pub(crate) fn new(input: Input, workers: &[WorkerReport], collected: CollectorReport) -> Self {
        let all = WorkerReport::sum(workers);
        let live = input.live.map(|interfaces| LiveSummary {
            interfaces,
            workers: workers.iter().map(WorkerReport::losses).collect(),
        });
        let flows = FlowCounts { flows: all.counts.flows, ..collected.counts };
        let end = all.packet_time.map_or(Timestamp::ZERO, |(_, latest)| latest);
        let (outputs, failures) = collected.outputs.finish(&Statistics {
            time: if live.is_some() { Ticks.now().max(end) } else { end },
            packets: &all.ledger,
            flows: &flows,
            observers: all.observed,
            judges: collected.judged,
            interfaces: &input.interfaces,
            workers: live.as_ref().map(|live| &*live.workers).unwrap_or_default(),
        });
        let mut warnings = input.complaints;
        warnings.extend(failures);
        let lost: u64 = outputs.iter().map(|output| output.lost_records).sum();
        let undelivered = all.undelivered.records + all.undelivered.observations;
        let is_incomplete = !warnings.is_empty() || lost + undelivered > 0;
        warnings.extend(reservations(&all));
        Self {
            ledger: all.ledger,
            counts: flows,
            findings: collected.findings,
            talkers: collected.talkers,
            packet_time: all.packet_time,
            live,
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

/// What has to be known of the results though nothing was damaged or lost, each in a sentence.
fn reservations(all: &WorkerReport) -> Vec<String> {
    let mut sentences = not_decoded(&all.ledger);
    sentences.extend(
        all.inapplicable.iter().map(|what| format!("the filter cannot judge {what}; none of them matched")),
    );
    let counted = |count: u64, sentence: fn(u64) -> String| (count > 0).then(|| sentence(count));
    sentences.extend(
        [
            counted(all.late_packets, |packets| {
                format!(
                    "the times of {packets} packets lie an hour or more before that of an earlier packet; their flows end late"
                )
            }),
            counted(all.counts.evicted, |flows| {
                format!("the flow table was full and ended flows early; --memory gives it more ({flows} flows)")
            }),
            counted(all.observed.listeners_evicted, |connections| {
                format!(
                    "{connections} connections that might have told more were given up for others; --memory lets more be listened to"
                )
            }),
            counted(all.applications_evicted, |flows| {
                format!("{flows} flows' records lack their application; --memory gives it more room")
            }),
        ]
        .into_iter()
        .flatten(),
    );
    sentences
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
