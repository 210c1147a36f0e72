//! `flowcanary live`: interfaces in, flows out, until somebody asks it to stop.

use std::{
    collections::BTreeSet,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, anyhow};
use capture::live::{self, Fanout, LiveConfig, LiveSource};
use crossbeam_channel::unbounded;
use detect::observe::{ObserverConfig, ObserverCounts};
use flow::{Meter, Shard};
use report::{FlowCounts, LiveSummary, PacketLedger, Statistics, printable};
use wire::Timestamp;

use crate::{
    arguments::{FanoutMode, LiveArguments},
    collector::Collector,
    configuration::{self, Typed},
    cpus,
    links::Links,
    metrics::{self, Endpoint, Metrics},
    outcome::{Outcome, UsageError},
    pipeline::{Backlog, Board, Live, Merge, Outlet, Overflow, Worker, WorkerReport},
    privileges::{self, Identity},
    reach::Reach,
    reload::Reload,
    replay::{spawn, started},
    rings,
    run::{Input, Run, losses},
    sampling::{Sampled, SampledOut, Sampler},
    say,
    service::Service,
    setup::{self, WorkerConfig},
    signals::Signals,
    ticks::Ticks,
};

/// Watches interfaces. An error means that nothing was watched, or that the program itself broke.
pub(crate) fn run(as_typed: LiveArguments, typed: Typed) -> anyhow::Result<Outcome> {
    let started = started();
    let arguments = &configuration::complete_live(as_typed.clone(), &typed)?;
    let common = &arguments.common;
    let workers = common.workers.get();
    let cpus = arguments.cpus.assign(workers)?;
    let identity = arguments.user.as_deref().map(Identity::of).transpose()?;
    check_interfaces(&arguments.interfaces)?;
    rings::check(arguments)?;
    let sources = live::open(&arguments.interfaces, workers, &live_config(arguments))?;
    say_detours(&sources);
    let signals = Signals::default();
    let collector = setup::collector(common, Some(&signals), &arguments.interfaces)?;
    let endpoint = arguments.metrics.map(Endpoint::open).transpose()?;
    // Before there are threads: what is given up, the calling thread gives up, and those that it starts.
    confine(identity.as_ref(), &Reach::of(arguments))?;
    signals.watch()?;

    let watch = Watch { arguments, signals, cpus, endpoint, started };
    let reload = Reload::new(as_typed, typed, arguments.clone());
    let run = watch.over(sources, collector, reload)?;
    let outcome = if run.is_incomplete { Outcome::Incomplete } else { Outcome::Done };
    let summary = run.summary(Vec::new(), started.elapsed(), workers.into());
    setup::print(&summary, common.summary)?;
    Ok(outcome)
}

/// A run over interfaces.
struct Watch<'a> {
    arguments: &'a LiveArguments,
    signals: Signals,
    /// By worker.
    cpus: Vec<Option<usize>>,
    /// Where counts are asked for, if anywhere.
    endpoint: Option<Endpoint>,
    started: Instant,
}

/// When things that are done now and then are due.
struct Due {
    flush: Instant,
    statistics: Instant,
    look: Instant,
}

/// What the program knows of itself while it runs.
struct Standing {
    due: Due,
    links: Links,
    reload: Reload,
    service: Service,
    /// By worker: its report does not know of them.
    sampled_out: Vec<SampledOut>,
    metrics: Option<Arc<Metrics>>,
}

impl Watch<'_> {
    /// Where the threads are: starts them, collects, and waits for their reports.
    fn over(mut self, sources: Vec<LiveSource>, collector: Collector, reload: Reload) -> anyhow::Result<Run> {
        let workers = self.arguments.common.workers.get();
        let config = self.worker_config();
        let links = Links::new(&self.arguments.interfaces);
        let (deliver, deliveries) = unbounded();
        let (backlog, board) = (Backlog::default(), Arc::new(Board::new(workers)));
        let (mut threads, mut emptied) = (Vec::new(), Vec::new());
        let (mut service, mut sampled_out) = (Service::default(), Vec::new());
        let sampler = Sampler::new(self.arguments.common.sampling(), ahash_seed());
        for (number, source) in (0..workers).zip(sources) {
            let (outlet, give_back) =
                Outlet::new(number.into(), deliver.clone(), backlog.clone(), workers == 1, Overflow::Drops);
            emptied.push(give_back);
            let worker =
                Worker::new(Shard(number), None, Meter::new(config.meter), config.observers(), outlet);
            let batches = service.watch(Live::new(source, self.signals.clone()));
            let batches = Sampled::new(batches, sampler, Shard(number));
            sampled_out.push(batches.out());
            threads.push((worker, batches));
        }
        drop(deliver);
        let merge = Merge::new(emptied, backlog.clone());
        thread::scope(|scope| {
            let mut running = Vec::new();
            let metrics = self.serve_metrics(&board, &sampled_out)?;
            let board = &*board;
            for ((number, (worker, mut live)), cpu) in threads.into_iter().enumerate().zip(&self.cpus) {
                let work = move || {
                    let bound = cpu.map(cpus::bind).transpose();
                    (
                        worker.run(&mut live, Some(board)),
                        live.into_batches().into_batches().into_source(),
                        bound.err(),
                    )
                };
                running.push(spawn(scope, &format!("worker {number}"), work)?);
            }
            self.say_ready();
            let mut standing =
                Standing { due: self.first_due(), links, reload, service, sampled_out, metrics };
            let collected = collector
                .run(&deliveries, merge, &backlog, |collector| self.pulse(collector, board, &mut standing));
            standing.service.say_stopping();
            let broken = |_| anyhow!("a thread has failed; please report the message above");
            let (mut reports, mut input) = (Vec::new(), self.input());
            for (thread, out) in running.into_iter().zip(&standing.sampled_out) {
                let (mut report, source, unbound) = thread.join().map_err(broken)?;
                for gone in source.gone() {
                    let gone = format!("{gone}; it is no longer watched");
                    if !input.complaints.contains(&gone) {
                        input.complaints.push(gone);
                    }
                }
                input.complaints.extend(unbound.map(|error| format!("{error:#}")));
                out.add_to(&mut report.ledger);
                reports.push(report);
            }
            if let Some(live) = &mut input.live {
                live.workers = reports.iter().map(losses).collect();
            }
            Ok(Run::new(input, reports, collected))
        })
    }

    /// Has a thread answer whoever asks for counts, if anybody may. It outlives nobody: it ends with the program.
    fn serve_metrics(
        &mut self,
        board: &Arc<Board>,
        sampled_out: &[SampledOut],
    ) -> anyhow::Result<Option<Arc<Metrics>>> {
        let Some(endpoint) = self.endpoint.take() else { return Ok(None) };
        let metrics = Arc::new(Metrics::new(Arc::clone(board), sampled_out.to_vec(), self.started));
        say(&metrics::announcement(endpoint.address().context("--metrics")?));
        endpoint.serve(Arc::clone(&metrics))?;
        Ok(Some(metrics))
    }

    fn worker_config(&self) -> WorkerConfig {
        let mut config = WorkerConfig::of(&self.arguments.common);
        if let Some(observer) = &mut config.observer {
            // Nobody outside is to know which addresses fill a sample.
            let seed = ahash_seed();
            *observer = ObserverConfig {
                handshakes: detect::synflood::ObserverConfig { sample_seed: seed, ..observer.handshakes },
                ..*observer
            };
        }
        config
    }

    fn input(&self) -> Input {
        let interfaces = self.arguments.interfaces.clone();
        let live = LiveSummary { interfaces: interfaces.clone(), ..LiveSummary::default() };
        Input { interfaces, live: Some(live), ..Input::default() }
    }

    /// Tells systemd, where it asked to be told, and people that it has begun.
    fn say_ready(&self) {
        let interfaces = self.arguments.interfaces.join(", ");
        Service::say_ready();
        say(&format!("flowcanary: watching {}\n", printable(&interfaces)));
    }

    #[expect(clippy::disallowed_methods, reason = "what is done for people goes by their clock")]
    fn first_due(&self) -> Due {
        let now = Instant::now();
        Due {
            flush: now + FLUSH_INTERVAL,
            statistics: now + self.arguments.stats_interval,
            look: now + LOOK_INTERVAL,
        }
    }

    /// What is done every tenth of a second, beside collecting.
    #[expect(clippy::disallowed_methods, reason = "what is done for people goes by their clock")]
    fn pulse(&self, collector: &mut Collector, board: &Board, standing: &mut Standing) {
        let Standing { due, links, reload, service, sampled_out, metrics } = standing;
        let reports = || with_sampled_out(board.reports(), sampled_out);
        let now = Instant::now();
        if now >= due.statistics {
            due.statistics = now + reload.stats_interval();
            self.tell_statistics(collector, &reports());
        }
        if now >= due.flush {
            due.flush = now + FLUSH_INTERVAL;
            collector.flush();
            let are_workers_alive = service.say_alive();
            if let Some(metrics) = metrics {
                metrics.tell(collector.collected(), now, are_workers_alive);
            }
        }
        if now >= due.look {
            due.look = now + LOOK_INTERVAL;
            for change in links.changes() {
                say(&format!("flowcanary: {}\n", printable(&change)));
            }
        }
        if self.signals.take_report() {
            self.report(collector, &reports());
        }
        if self.signals.take_reload() {
            let said = reload.read_again(|arguments| collector.change_outputs(arguments, &self.signals));
            collector.reconfigure(&reload.judges());
            due.statistics = due.statistics.min(now + reload.stats_interval());
            say(&format!("flowcanary: {}\n", printable(&said)));
        }
        if self.signals.is_stopping() {
            service.say_stopping();
        }
    }

    fn tell_statistics(&self, collector: &mut Collector, reports: &[WorkerReport]) {
        let (ledger, flows, observers) = sums(reports, collector.counts());
        let last = reports.iter().filter_map(|report| report.packet_time).map(|(_, last)| last).max();
        let judges = collector.judged();
        let workers: Vec<_> = reports.iter().map(losses).collect();
        collector.tell_totals(&Statistics {
            // However quiet it is.
            time: Ticks.now().max(last.unwrap_or(Timestamp::ZERO)),
            packets: &ledger,
            flows: &flows,
            observers,
            judges,
            interfaces: &self.arguments.interfaces,
            workers: &workers,
        });
    }

    /// Says on standard error what was counted so far.
    fn report(&self, collector: &Collector, reports: &[WorkerReport]) {
        let (ledger, flows, _) = sums(reports, collector.counts());
        let seconds = self.started.elapsed().as_secs();
        let mut text = format!(
            "flowcanary: {seconds} s, received {}, metered {}, flows {}, records {}\n",
            ledger.received, ledger.metered, flows.flows, flows.records
        );
        for (number, report) in reports.iter().enumerate() {
            let worker = losses(report);
            let line = format!(
                "flowcanary: worker {number}: received {}, waiting {}, dropped by the kernel {}, by the interface {}; lost records {}, observations {}\n",
                worker.received,
                worker.unread,
                worker.dropped_by_kernel,
                worker.dropped_by_interface,
                worker.records_lost,
                worker.observations_lost
            );
            text.push_str(&line);
        }
        say(&text);
    }
}

/// Reports as they are with what their workers were never given.
fn with_sampled_out(mut reports: Vec<WorkerReport>, sampled_out: &[SampledOut]) -> Vec<WorkerReport> {
    reports.iter_mut().zip(sampled_out).for_each(|(report, out)| out.add_to(&mut report.ledger));
    reports
}

/// What all workers have counted together.
fn sums(reports: &[WorkerReport], counted: FlowCounts) -> (PacketLedger, FlowCounts, ObserverCounts) {
    let (mut ledger, mut observers) = (PacketLedger::default(), ObserverCounts::default());
    let mut flows = FlowCounts { flows: 0, ..counted };
    for report in reports {
        ledger.add(&report.ledger);
        observers.add(&report.observed);
        flows.flows += report.counts.flows;
    }
    (ledger, flows, observers)
}

/// One that is given twice would have each of its frames counted twice.
fn check_interfaces(interfaces: &[String]) -> Result<(), UsageError> {
    let twice = |(place, name): (usize, &String)| interfaces.iter().take(place).any(|other| other == name);
    match interfaces.iter().enumerate().find(|&pair| twice(pair)) {
        Some((_, name)) => {
            Err(UsageError(format!("--interface {}: it is given twice; once is enough", printable(name))))
        }
        None => Ok(()),
    }
}

fn live_config(arguments: &LiveArguments) -> LiveConfig {
    LiveConfig {
        snap_length: arguments.snap_length,
        ring_octets: u32::try_from(arguments.ring.as_u64()).unwrap_or(u32::MAX),
        is_promiscuous: !arguments.no_promiscuous,
        fanout: match arguments.fanout {
            FanoutMode::Hash => Fanout::Hash,
            FanoutMode::Queue => Fanout::Queue,
            FanoutMode::Cpu => Fanout::Cpu,
            FanoutMode::Tunnel => Fanout::Tunnel,
        },
        filter: arguments.common.filter.clone().unwrap_or_default(),
    }
}

/// Says what costs more than it need.
fn say_detours(sources: &[LiveSource]) {
    // As a rule all workers have the same reason.
    for detour in sources.iter().flat_map(LiveSource::detours).collect::<BTreeSet<_>>() {
        say(&format!("flowcanary: {}\n", printable(&detour)));
    }
}

fn confine(identity: Option<&Identity>, reach: &Reach) -> anyhow::Result<()> {
    let confinement = privileges::give_up(identity, reach).context("cannot give up privileges")?;
    if confinement.is_root {
        say("flowcanary: it runs as root, without capabilities; --user names somebody who may do less\n");
    }
    if !confinement.is_landlocked {
        say("flowcanary: this kernel has no Landlock; the program is not kept from files\n");
    }
    Ok(())
}

/// A number that nobody can guess.
fn ahash_seed() -> u64 {
    std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), 0_u8)
}

/// How long what is said may wait before somebody can read it: with what it waits in a worker, less than a second.
const FLUSH_INTERVAL: Duration = Duration::from_millis(250);
/// How often the state of the interfaces is looked at, and the watchdog hears that all is well.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);
