//! `flowcanary live`: interfaces in, flows out, until somebody asks it to stop.

use std::{
    collections::BTreeSet,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use capture::live::{self, Fanout, LiveConfig, LiveSource};
use detect::observe::ObserverConfig;
use flow::Shard;
use report::{FlowCounts, Statistics, printable};
use wire::Timestamp;

use crate::{
    arguments::{FanoutMode, LiveArguments},
    collector::Collector,
    configuration::{self, Typed},
    cpus,
    links::Links,
    metrics::{self, Endpoint, Metrics},
    outcome::{Outcome, UsageError},
    pipeline::{Board, Inlet, Live, Overflow, WorkerConfig, WorkerReport, join, spawn},
    privileges::{self, Identity},
    reach::Reach,
    reload::Reload,
    rings,
    run::{Input, Run, started},
    sampling::{Sampled, Sampler},
    service::Service,
    setup,
    signals::Signals,
    standard_error::{self, say},
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

/// When what is done now and then is due next.
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
    metrics: Option<Arc<Metrics>>,
}

impl Watch<'_> {
    /// Where the threads are: starts them, collects, and waits for their reports.
    fn over(mut self, sources: Vec<LiveSource>, collector: Collector, reload: Reload) -> anyhow::Result<Run> {
        let count = self.arguments.common.workers.get();
        let (workers, inlet) = Inlet::of_workers(count, self.worker_config(), None, Overflow::Drops);
        let board = Arc::new(Board::new(count));
        let metrics = self.serve_metrics(&board)?;
        let (links, mut service) = (Links::new(&self.arguments.interfaces), Service::default());
        let sampler = Sampler::new(self.arguments.common.sampling(), secret());
        thread::scope(|scope| {
            let mut running = Vec::new();
            let board = &*board;
            for (((number, worker), source), cpu) in (0..count).zip(workers).zip(sources).zip(&self.cpus) {
                let batches = service.watch(Live::new(source, self.signals.clone()));
                let mut batches = Sampled::new(batches, sampler, Shard(number));
                let work = move || {
                    let bound = cpu.map(cpus::bind).transpose();
                    let report = worker.run(&mut batches, Some(board));
                    (report, batches.into_batches().into_batches().into_source(), bound.err())
                };
                running.push(spawn(scope, &format!("worker {number}"), work)?);
            }
            self.say_ready();
            let mut standing = Standing { due: self.first_due(), links, reload, service, metrics };
            let collected = collector.run(inlet, |collector| self.pulse(collector, board, &mut standing));
            standing.service.say_stopping();
            let (mut reports, mut input) = (Vec::new(), self.input());
            for thread in running {
                let (report, source, unbound) = join(thread)?;
                for gone in source.gone() {
                    let gone = format!("{gone}; it is no longer watched");
                    if !input.complaints.contains(&gone) {
                        input.complaints.push(gone);
                    }
                }
                input.complaints.extend(unbound.map(|error| format!("{error:#}")));
                reports.push(report);
            }
            Ok(Run::new(input, &reports, collected))
        })
    }

    /// Starts the thread that answers requests for metrics, if they are asked for. It ends with the program.
    fn serve_metrics(&mut self, board: &Arc<Board>) -> anyhow::Result<Option<Arc<Metrics>>> {
        let Some(endpoint) = self.endpoint.take() else { return Ok(None) };
        let metrics = Arc::new(Metrics::new(Arc::clone(board), self.started));
        say(&metrics::announcement(endpoint.address().context("--metrics")?));
        endpoint.serve(Arc::clone(&metrics))?;
        Ok(Some(metrics))
    }

    fn worker_config(&self) -> WorkerConfig {
        let mut config = setup::worker(&self.arguments.common);
        if let Some(observer) = &mut config.observer {
            // Nobody outside is to know which addresses fill a sample.
            let seed = secret();
            *observer = ObserverConfig {
                handshakes: detect::synflood::ObserverConfig { sample_seed: seed, ..observer.handshakes },
                ..*observer
            };
        }
        config
    }

    fn input(&self) -> Input {
        let interfaces = self.arguments.interfaces.clone();
        Input { interfaces: interfaces.clone(), live: Some(interfaces), ..Input::default() }
    }

    /// Tells systemd, where it asked to be told, and people that it has begun.
    fn say_ready(&self) {
        let interfaces = self.arguments.interfaces.join(", ");
        Service::say_ready();
        say(&format!("watching {interfaces}"));
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
        let Standing { due, links, reload, service, metrics } = standing;
        let now = Instant::now();
        if now >= due.statistics {
            due.statistics = now + reload.stats_interval();
            self.tell_statistics(collector, &board.reports());
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
                say(&change);
            }
        }
        if self.signals.take_report() {
            self.report(collector, &board.reports());
        }
        if self.signals.take_reload() {
            let said = reload.read_again(|arguments| collector.change_outputs(arguments, &self.signals));
            collector.reconfigure(&reload.judges());
            due.statistics = due.statistics.min(now + reload.stats_interval());
            say(&said);
        }
        if self.signals.is_stopping() {
            service.say_stopping();
        }
    }

    fn tell_statistics(&self, collector: &mut Collector, reports: &[WorkerReport]) {
        let all = WorkerReport::sum(reports);
        let flows = FlowCounts { flows: all.counts.flows, ..collector.counts() };
        let last = all.packet_time.map_or(Timestamp::ZERO, |(_, last)| last);
        let judges = collector.judged();
        let workers: Vec<_> = reports.iter().map(WorkerReport::losses).collect();
        collector.tell_totals(&Statistics {
            // However quiet it is.
            time: Ticks.now().max(last),
            packets: &all.ledger,
            flows: &flows,
            observers: all.observed,
            judges,
            interfaces: &self.arguments.interfaces,
            workers: &workers,
        });
    }

    /// Says on standard error what was counted so far.
    fn report(&self, collector: &Collector, reports: &[WorkerReport]) {
        let all = WorkerReport::sum(reports);
        let seconds = self.started.elapsed().as_secs();
        let mut text = format!(
            "flowcanary: {seconds} s, received {}, metered {}, flows {}, records {}\n",
            all.ledger.received,
            all.ledger.metered,
            all.counts.flows,
            collector.counts().records
        );
        for (number, report) in reports.iter().enumerate() {
            let worker = report.losses();
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
        standard_error::write(&text);
    }
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

/// Says which interfaces are read in a slower way than they could be, and why.
fn say_detours(sources: &[LiveSource]) {
    // As a rule all workers have the same reason.
    for detour in sources.iter().flat_map(LiveSource::detours).collect::<BTreeSet<_>>() {
        say(&detour);
    }
}

fn confine(identity: Option<&Identity>, reach: &Reach) -> anyhow::Result<()> {
    let confinement = privileges::give_up(identity, reach).context("cannot give up privileges")?;
    if confinement.is_root {
        say("it runs as root, without capabilities; --user names somebody who may do less");
    }
    if !confinement.is_landlocked {
        say("this kernel has no Landlock; the program is not kept from files");
    }
    Ok(())
}

/// A number that nobody can guess.
fn secret() -> u64 {
    std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), 0_u8)
}

/// How long outputs may hold on to what they were given. With the time that it waits in a worker, that is less than a second.
const FLUSH_INTERVAL: Duration = Duration::from_millis(250);
/// How often the state of the interfaces is looked at, and the watchdog hears that all is well.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);
