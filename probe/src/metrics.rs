//! Counts for Prometheus, over HTTP, while interfaces are watched.
//!
//! Workers put these counts on the board anyway, and the collector keeps them anyway, so that a packet costs nothing more. A thread of its own
//! puts them together when somebody asks, and so answers even while an output blocks the collector.

mod server;

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use report::{Exposition, FlowCounts, MetricKind, OutputCounts, WorkerLosses, bounds_reached};

use crate::{
    collector::Collected,
    pipeline::{Board, WorkerReport},
};
pub(crate) use server::Endpoint;

/// What is shown, and where it comes from.
pub(crate) struct Metrics {
    board: Arc<Board>,
    collected: Mutex<Told>,
    started: Instant,
}

/// What the collector has said last, and when.
struct Told {
    collected: Collected,
    at: Instant,
    /// When all workers and the collector were last seen to do something.
    alive_at: Instant,
}

impl Metrics {
    /// Nothing is collected yet.
    pub(crate) fn new(board: Arc<Board>, started: Instant) -> Self {
        let told = Told { collected: Collected::default(), at: started, alive_at: started };
        Self { board, collected: Mutex::new(told), started }
    }

    /// Takes what the collector knows at the time `now`, and whether all workers have done something since the last time.
    pub(crate) fn tell(&self, collected: Collected, now: Instant, are_workers_alive: bool) {
        let mut told = self.told();
        let alive_at = if are_workers_alive { now } else { told.alive_at };
        *told = Told { collected, at: now, alive_at };
    }

    /// Whether all is well; otherwise what is not, in a sentence.
    fn health(&self, now: Instant) -> Result<(), String> {
        let told = self.told();
        let (collector, workers) = (now.duration_since(told.at), now.duration_since(told.alive_at));
        if collector >= UNWELL {
            return Err(format!(
                "the collector has stood still for {} s: an output blocks it",
                collector.as_secs()
            ));
        }
        if workers >= UNWELL {
            return Err(format!("a worker has stood still for {} s", workers.as_secs()));
        }
        Ok(())
    }

    /// All counts in the text format of Prometheus.
    fn exposition(&self, now: Instant) -> String {
        let reports = self.board.reports();
        let all = WorkerReport::sum(&reports);
        let (collected, age) = {
            let told = self.told();
            (told.collected.clone(), now.duration_since(told.at))
        };
        let mut text = Exposition::default();
        text.family("flowcanary_build_info", MetricKind::Gauge, "The version that runs.");
        text.sample(&[("version", env!("CARGO_PKG_VERSION"))], 1);
        text.family("flowcanary_uptime_seconds", MetricKind::Gauge, "How long it has run.");
        text.sample(&[], now.duration_since(self.started).as_secs_f64());
        text.family(
            "flowcanary_collector_age_seconds",
            MetricKind::Gauge,
            "How old the counts of records, outputs and findings are: more than a few seconds, and an output blocks.",
        );
        text.sample(&[], age.as_secs_f64());
        packets(&mut text, &reports, &all);
        flows(&mut text, &reports, &collected.counts);
        outputs(&mut text, &collected.outputs);
        detection(&mut text, &all, &collected);
        text.into_text()
    }

    fn told(&self) -> std::sync::MutexGuard<'_, Told> {
        self.collected.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A family with a sample for each worker.
fn by_worker(
    text: &mut Exposition,
    reports: &[WorkerReport],
    (name, kind, help): (&'static str, MetricKind, &str),
    count: impl Fn(&WorkerReport) -> u64,
) {
    text.family(name, kind, help);
    for (number, report) in reports.iter().enumerate() {
        text.sample(&[("worker", &number.to_string())], count(report));
    }
}

/// A family of counters with a sample for each value of one label.
fn by_label<'a>(
    text: &mut Exposition,
    (name, help): (&'static str, &str),
    label: &str,
    samples: impl IntoIterator<Item = (&'a str, u64)>,
) {
    text.family(name, MetricKind::Counter, help);
    for (value, count) in samples {
        text.sample(&[(label, value)], count);
    }
}

fn packets(text: &mut Exposition, reports: &[WorkerReport], all: &WorkerReport) {
    type Count = fn(&WorkerReport, &WorkerLosses) -> u64;
    let counts: [(&str, &str, Count); 7] = [
        ("flowcanary_packets_received_total", "Packets that the worker received.", |report, _| {
            report.ledger.received
        }),
        (
            "flowcanary_octets_received_total",
            "Octets of these packets on the wire, from the link layer on.",
            |report, _| report.ledger.received_octets,
        ),
        ("flowcanary_packets_metered_total", "Packets that were counted to flows.", |report, _| {
            report.ledger.metered
        }),
        (
            "flowcanary_packets_tunnel_fragments_total",
            "Fragments that hold the rest of a packet that was metered whole.",
            |report, _| report.ledger.tunnel_fragments,
        ),
        ("flowcanary_packets_sampled_out_total", "Packets that sampling left out.", |report, _| {
            report.ledger.sampled_out
        }),
        (
            "flowcanary_packets_dropped_by_kernel_total",
            "Packets that the kernel dropped, since the ring was full.",
            |_, losses| losses.dropped_by_kernel,
        ),
        (
            "flowcanary_packets_dropped_by_interface_total",
            "Packets that interfaces dropped, as far as they count them; the first worker has them.",
            |_, losses| losses.dropped_by_interface,
        ),
    ];
    for (name, help, count) in counts {
        by_worker(text, reports, (name, MetricKind::Counter, help), |report| count(report, &report.losses()));
    }
    let waiting = "Packets that the kernel had for the worker and that it has not read yet.";
    by_worker(text, reports, ("flowcanary_packets_waiting", MetricKind::Gauge, waiting), |report| {
        report.losses().unread
    });
    let reasons = all.ledger.undecoded_by_reason().into_iter();
    let mut reasons: Vec<_> = reasons.map(|(reason, packets)| (reason.to_string(), packets)).collect();
    reasons.push(("other reasons".to_owned(), all.ledger.undecoded_otherwise()));
    by_label(
        text,
        ("flowcanary_packets_undecoded_total", "Packets in which no IP packet was found, by reason."),
        "reason",
        reasons.iter().map(|(reason, packets)| (&**reason, *packets)),
    );
}

fn flows(text: &mut Exposition, reports: &[WorkerReport], counts: &FlowCounts) {
    type Count = fn(&WorkerReport) -> u64;
    let families: [(&str, MetricKind, &str, Count); 5] = [
        ("flowcanary_flows_live", MetricKind::Gauge, "Flows that are open.", |report| report.counts.live),
        ("flowcanary_flows_total", MetricKind::Counter, "Flows that were seen.", |report| {
            report.counts.flows
        }),
        (
            "flowcanary_flows_evicted_total",
            MetricKind::Counter,
            "Flows that were ended early, since the table was full.",
            |report| report.counts.evicted,
        ),
        (
            "flowcanary_records_lost_total",
            MetricKind::Counter,
            "Flow records that outputs were too slow for.",
            |report| report.undelivered.records,
        ),
        (
            "flowcanary_observations_lost_total",
            MetricKind::Counter,
            "Observations that outputs were too slow for.",
            |report| report.undelivered.observations,
        ),
    ];
    for (name, kind, help, count) in families {
        by_worker(text, reports, (name, kind, help), count);
    }
    let ends = [
        ("idle_timeout", counts.idle_timeout),
        ("active_timeout", counts.active_timeout),
        ("end_of_flow_detected", counts.end_of_flow_detected),
        ("forced_end", counts.forced_end),
        ("lack_of_resources", counts.lack_of_resources),
    ];
    let records =
        ("flowcanary_records_total", "Flow records that outputs were given, by why the flow ended.");
    by_label(text, records, "end_reason", ends);
}

fn outputs(text: &mut Exposition, outputs: &[OutputCounts]) {
    type Count = fn(&OutputCounts) -> Option<u64>;
    let families: [(&str, &str, Count); 5] = [
        ("flowcanary_output_records_total", "Records and lines that the output took.", |output| {
            Some(output.records)
        }),
        ("flowcanary_output_records_lost_total", "Those that it lost.", |output| Some(output.lost_records)),
        (
            "flowcanary_output_records_shortened_total",
            "Those with texts that were cut to have room in an IPFIX message.",
            |output| output.shortened_records,
        ),
        ("flowcanary_output_messages_total", "IPFIX messages that it took.", |output| output.messages),
        ("flowcanary_output_octets_total", "Octets of these messages.", |output| output.octets),
    ];
    for (name, help, count) in families {
        let samples = outputs.iter().filter_map(|output| Some((&*output.output, count(output)?)));
        by_label(text, (name, help), "output", samples);
    }
}

fn detection(text: &mut Exposition, all: &WorkerReport, collected: &Collected) {
    text.family(
        "flowcanary_findings",
        MetricKind::Gauge,
        "What was found, by kind and the highest severity so far.",
    );
    for ((kind, severity), findings) in &collected.findings {
        text.sample(&[("kind", kind.name()), ("severity", severity.name())], findings);
    }
    text.family(
        "flowcanary_incidents",
        MetricKind::Gauge,
        "Incidents: findings on a victim that belong together.",
    );
    text.sample(&[], collected.incidents);
    let bounds = (
        "flowcanary_detector_bound_reached_total",
        "How often detectors had no room for something, by what for.",
    );
    by_label(text, bounds, "bound", bounds_reached(&all.observed, &collected.judged));
}

/// Where the counts are, on a line for people.
pub(crate) fn announcement(address: SocketAddr) -> String {
    let warning =
        if address.ip().is_loopback() { "" } else { "; whoever reaches this address can read them" };
    format!("metrics are at http://{address}/metrics{warning}")
}

/// How long something may stand still: all of it does something ten times a second.
const UNWELL: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_still_is_named() {
        #[expect(clippy::disallowed_methods, reason = "a test needs some moment")]
        let started = Instant::now();
        let metrics = Metrics::new(Arc::new(Board::new(1)), started);
        let after = |seconds| started + Duration::from_secs(seconds);
        assert_eq!(metrics.health(after(4)), Ok(()));
        metrics.tell(Collected::default(), after(4), true);
        assert_eq!(metrics.health(after(8)), Ok(()));
        metrics.tell(Collected::default(), after(8), false);
        assert_eq!(metrics.health(after(9)), Err("a worker has stood still for 5 s".to_owned()));
        let blocked = "the collector has stood still for 6 s: an output blocks it";
        assert_eq!(metrics.health(after(14)), Err(blocked.to_owned()));
        metrics.tell(Collected::default(), after(15), true);
        assert_eq!(metrics.health(after(15)), Ok(()));
    }
}
