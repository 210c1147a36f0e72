//! `flowcanary replay`: captures in, flows out.

use std::{thread, time::Instant};

use anyhow::{Context as _, anyhow};
use capture::{CaptureFiles, Filter};
use crossbeam_channel::unbounded;
use detect::observe::Observer;
use flow::{Meter, Shard};

use crate::{
    arguments::ReplayArguments,
    collector::Collector,
    configuration::{self, Typed},
    files_apart,
    outcome::Outcome,
    pipeline::{Backlog, Direct, Merge, Outlet, Overflow, Reading, Worker},
    progress::{Progress, ProgressDisplay},
    run::{Input, Run},
    sampling::{Sampled, Sampler},
    setup::{self, Source, WorkerConfig},
};

/// Replays captures. An error means that nothing was metered, or that the program itself broke.
pub(crate) fn run(arguments: ReplayArguments, typed: &Typed) -> anyhow::Result<Outcome> {
    let started = started();
    let common = configuration::complete_replay(arguments.common, typed)?;
    let arguments = ReplayArguments { common, ..arguments };
    setup::check_standard_output(&arguments.common)?;
    setup::check_sampling(&arguments.common)?;
    files_apart::check(&arguments.captures, &arguments.common)?;
    let filter = arguments.common.filter.as_deref().map(setup::filter).transpose()?;
    let files = CaptureFiles::open(&arguments.captures)?;
    let collector = setup::collector(&arguments.common, Source::Captures)?;

    let workers = arguments.common.workers.get();
    let config = WorkerConfig::of(&arguments.common);
    // The same part each time: a replay is a function of its input.
    let sampler = Sampler::new(arguments.common.sampling(), 0);
    let run = meter(files, collector, workers, config, filter.as_ref(), sampler)?;

    let outcome = if run.is_incomplete { Outcome::Incomplete } else { Outcome::Done };
    let summary = run.summary(arguments.captures, started.elapsed(), workers.into());
    setup::print(&summary, arguments.common.summary)?;
    Ok(outcome)
}

#[expect(clippy::disallowed_methods, reason = "how long a run takes is no time of packets")]
pub(crate) fn started() -> Instant {
    Instant::now()
}

/// Where the threads are: starts them, collects, and waits for their reports.
fn meter(
    files: CaptureFiles,
    collector: Collector,
    workers: u16,
    config: WorkerConfig,
    filter: Option<&Filter>,
    sampler: Option<Sampler>,
) -> anyhow::Result<Run> {
    let (deliver, deliveries) = unbounded();
    let (is_alone, backlog) = (workers == 1, Backlog::default());
    let (mut threads, mut emptied) = (Vec::new(), Vec::new());
    for number in 0..workers {
        let (outlet, give_back) =
            Outlet::new(number.into(), deliver.clone(), backlog.clone(), is_alone, Overflow::Waits);
        emptied.push(give_back);
        let (meter, observer) = (Meter::new(config.meter), config.observer.map(Observer::new));
        threads.push(Worker::new(Shard(number), filter.cloned(), meter, observer, outlet));
    }
    drop(deliver);
    let progress = Progress::default();
    let display = ProgressDisplay::new(progress.clone(), files.total_octets());
    let merge = Merge::new(emptied, backlog.clone());

    thread::scope(|scope| {
        let broken = |_| anyhow!("a thread has failed; please report the message above");
        let (collected, files, reports) = if let [_] = threads[..]
            && let Some(worker) = threads.pop()
        {
            let mut batches = Sampled::new(Direct::new(files, progress), sampler, Shard(0));
            let out = batches.out();
            let thread = spawn(scope, "worker 0", move || {
                (worker.run(&mut batches, None), batches.into_batches().into_files())
            })?;
            let collected = collector.run(&deliveries, merge, &backlog, |_| display.show());
            let (mut report, files) = thread.join().map_err(broken)?;
            out.add_to(&mut report.ledger);
            (collected, files, vec![report])
        } else {
            let (reading, sources) = Reading::new(files, progress, filter.cloned(), backlog.clone(), workers);
            let reader = spawn(scope, "reader", move || reading.run())?;
            let mut running = Vec::new();
            for ((number, worker), batches) in (0..workers).zip(threads).zip(sources) {
                let mut batches = Sampled::new(batches, sampler, Shard(number));
                let out = batches.out();
                let work = move || {
                    let mut report = worker.run(&mut batches, None);
                    out.add_to(&mut report.ledger);
                    report
                };
                running.push(spawn(scope, &format!("worker {number}"), work)?);
            }
            let collected = collector.run(&deliveries, merge, &backlog, |_| display.show());
            let files = reader.join().map_err(broken)?;
            let reports =
                running.into_iter().map(|thread| thread.join().map_err(broken)).collect::<Result<_, _>>()?;
            (collected, files, reports)
        };
        display.clear();
        Ok(Run::new(Input::from(&files), reports, collected))
    })
}

pub(crate) fn spawn<'scope, T: Send + 'scope>(
    scope: &'scope thread::Scope<'scope, '_>,
    name: &str,
    work: impl FnOnce() -> T + Send + 'scope,
) -> anyhow::Result<thread::ScopedJoinHandle<'scope, T>> {
    thread::Builder::new()
        .name(name.into())
        .spawn_scoped(scope, work)
        .with_context(|| format!("cannot start the thread {name}"))
}
