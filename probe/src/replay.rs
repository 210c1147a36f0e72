//! `flowcanary replay`: captures in, flows out.

use std::thread;

use capture::{CaptureFiles, Filter};
use flow::Shard;

use crate::{
    arguments::ReplayArguments,
    collector::Collector,
    configuration::{self, Typed},
    outcome::Outcome,
    pipeline::{Direct, Inlet, Overflow, Reading, WorkerConfig, join, spawn},
    progress::{Progress, ProgressDisplay},
    run::{Input, Run, started},
    sampling::{Sampled, Sampler},
    setup,
};

/// Replays captures. An error means that nothing was metered, or that the program itself broke.
pub(crate) fn run(arguments: ReplayArguments, typed: &Typed) -> anyhow::Result<Outcome> {
    let started = started();
    let arguments = configuration::complete_replay(arguments, typed)?;
    let filter = arguments.common.filter.as_deref().map(setup::filter).transpose()?;
    let files = CaptureFiles::open(&arguments.captures)?;
    let collector = setup::collector(&arguments.common, None, &[])?;

    let workers = arguments.common.workers.get();
    let config = setup::worker(&arguments.common);
    // The same part each time: a replay is a function of its input.
    let sampler = Sampler::new(arguments.common.sampling(), 0);
    let run = meter(files, collector, workers, config, filter.as_ref(), sampler)?;

    let outcome = if run.is_incomplete { Outcome::Incomplete } else { Outcome::Done };
    let summary = run.summary(arguments.captures, started.elapsed(), workers.into());
    setup::print(&summary, arguments.common.summary)?;
    Ok(outcome)
}

/// Where the threads are: starts them, collects, and waits for their reports.
fn meter(
    files: CaptureFiles,
    collector: Collector,
    count: u16,
    config: WorkerConfig,
    filter: Option<&Filter>,
    sampler: Option<Sampler>,
) -> anyhow::Result<Run> {
    let (mut workers, inlet) = Inlet::of_workers(count, config, filter, Overflow::Waits);
    let progress = Progress::default();
    let display = ProgressDisplay::new(progress.clone(), files.total_octets());
    thread::scope(|scope| {
        let (collected, files, reports) = if let [_] = workers[..]
            && let Some(worker) = workers.pop()
        {
            let mut batches = Sampled::new(Direct::new(files, progress), sampler, Shard(0));
            let thread = spawn(scope, "worker 0", move || {
                (worker.run(&mut batches, None), batches.into_batches().into_files())
            })?;
            let collected = collector.run(inlet, |_| display.show());
            let (report, files) = join(thread)?;
            (collected, files, vec![report])
        } else {
            let (reading, sources) = Reading::new(files, progress, filter.cloned(), inlet.backlog(), count);
            let reader = spawn(scope, "reader", move || reading.run())?;
            let mut running = Vec::new();
            for ((number, worker), batches) in (0..count).zip(workers).zip(sources) {
                let mut batches = Sampled::new(batches, sampler, Shard(number));
                running
                    .push(spawn(scope, &format!("worker {number}"), move || worker.run(&mut batches, None))?);
            }
            let collected = collector.run(inlet, |_| display.show());
            let files = join(reader)?;
            (collected, files, running.into_iter().map(join).collect::<Result<_, _>>()?)
        };
        display.clear();
        Ok(Run::new(Input::from(&files), &reports, collected))
    })
}
