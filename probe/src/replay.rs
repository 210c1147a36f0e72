//! `flowcanary replay`: captures in, flows out.

use std::{
    io::{self, Write as _},
    num::NonZeroU32,
    thread,
    time::Instant,
};

use anyhow::{Context as _, anyhow};
use capture::{CaptureFiles, Filter};
use crossbeam_channel::unbounded;
use detect::{
    Judge, JudgeConfig, incident,
    observe::{Observer, ObserverConfig},
};
use flow::{Meter, MeterConfig, Shard};
use ipfix_export::{ExporterConfig, FileOutput, Output, UdpOutput};
use report::{Findings, Summary, printable};

use crate::{
    arguments::{Detection, IpfixArguments, ReplayArguments, SummaryForm},
    collector::Collector,
    destination::Destination,
    files_apart,
    outcome::{Outcome, UsageError},
    pipeline::{Backlog, Direct, Merge, Outlet, Reading, Worker},
    progress::{Progress, ProgressDisplay},
    run::Run,
    say,
    sink::{EveSink, FlowsSink, IpfixSink, Pacing, Sink},
};

/// Replays captures. An error means that nothing was metered, or that the program itself broke.
pub(crate) fn run(arguments: ReplayArguments) -> anyhow::Result<Outcome> {
    let started = started();
    check_standard_output(&arguments)?;
    files_apart::check(&arguments)?;
    let filter = arguments.filter.as_deref().map(filter).transpose()?;
    let files = CaptureFiles::open(&arguments.captures)?;
    let sinks = open_sinks(&arguments)?;

    let workers = arguments.workers.get();
    let memory_octets = arguments.memory.as_u64() / u64::from(workers);
    let config = WorkerConfig {
        meter: MeterConfig { timeouts: arguments.timeouts.timeouts(), memory_octets },
        observer: (arguments.detect == Detection::On).then(|| observer_config(memory_octets)),
    };
    let judge = Judge::new(JudgeConfig {
        incidents: incident::Config { window: arguments.incident_window },
        ..JudgeConfig::default()
    });
    let detectors: &'static [&'static str] = if config.observer.is_some() { DETECTORS } else { &[] };
    let collector = Collector::new(judge, Findings::new(detectors), sinks);
    let run = meter(files, collector, workers, config, filter.as_ref())?;

    let outcome = if run.is_incomplete { Outcome::Incomplete } else { Outcome::Done };
    let summary = run.summary(arguments.captures, started.elapsed(), workers.into());
    print(&summary, arguments.summary)?;
    Ok(outcome)
}

#[expect(clippy::disallowed_methods, reason = "how long a run takes is no time of packets")]
fn started() -> Instant {
    Instant::now()
}

/// What each worker is set up with.
#[derive(Clone, Copy)]
struct WorkerConfig {
    meter: MeterConfig,
    /// `None` if nothing is to be detected.
    observer: Option<ObserverConfig>,
}

/// Listening takes a sixteenth of what flows may take, at worst, beside it.
fn observer_config(memory_octets: u64) -> ObserverConfig {
    let listening_octets = usize::try_from(memory_octets / LISTENING_PART).unwrap_or(usize::MAX);
    ObserverConfig { listening_octets, ..ObserverConfig::default() }
}

/// Where the threads are: starts them, collects, and waits for their reports.
fn meter(
    files: CaptureFiles,
    collector: Collector,
    workers: u16,
    config: WorkerConfig,
    filter: Option<&Filter>,
) -> anyhow::Result<Run> {
    let (deliver, deliveries) = unbounded();
    let (is_alone, backlog) = (workers == 1, Backlog::default());
    let (mut threads, mut emptied) = (Vec::new(), Vec::new());
    for number in 0..workers {
        let (outlet, give_back) = Outlet::new(number.into(), deliver.clone(), backlog.clone(), is_alone);
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
            let mut batches = Direct::new(files, progress);
            let thread = spawn(scope, "worker 0", move || (worker.run(&mut batches), batches.into_files()))?;
            let collected = collector.run(&deliveries, merge, &backlog, &display);
            let (report, files) = thread.join().map_err(broken)?;
            (collected, files, vec![report])
        } else {
            let (reading, sources) = Reading::new(files, progress, filter.cloned(), backlog.clone(), workers);
            let reader = spawn(scope, "reader", move || reading.run())?;
            let mut running = Vec::new();
            for ((number, worker), mut batches) in threads.into_iter().enumerate().zip(sources) {
                running.push(spawn(scope, &format!("worker {number}"), move || worker.run(&mut batches))?);
            }
            let collected = collector.run(&deliveries, merge, &backlog, &display);
            let files = reader.join().map_err(broken)?;
            let reports =
                running.into_iter().map(|thread| thread.join().map_err(broken)).collect::<Result<_, _>>()?;
            (collected, files, reports)
        };
        Ok(Run::new(&files, reports, collected))
    })
}

fn spawn<'scope, T: Send + 'scope>(
    scope: &'scope thread::Scope<'scope, '_>,
    name: &str,
    work: impl FnOnce() -> T + Send + 'scope,
) -> anyhow::Result<thread::ScopedJoinHandle<'scope, T>> {
    thread::Builder::new()
        .name(name.into())
        .spawn_scoped(scope, work)
        .with_context(|| format!("cannot start the thread {name}"))
}

fn open_sinks(arguments: &ReplayArguments) -> anyhow::Result<Vec<Box<dyn Sink>>> {
    let mut sinks: Vec<Box<dyn Sink>> = Vec::new();
    for destination in &arguments.export {
        sinks.push(Box::new(open_export(destination, &arguments.ipfix)?));
    }
    if let Some(flows) = &arguments.flows {
        sinks.push(Box::new(FlowsSink::create(flows)?));
    }
    if let Some(eve) = &arguments.eve {
        sinks.push(Box::new(EveSink::create(eve, arguments.eve_types)?));
    }
    Ok(sinks)
}

fn open_export(destination: &Destination, ipfix: &IpfixArguments) -> anyhow::Result<IpfixSink> {
    let refresh_s = u32::try_from(ipfix.template_refresh.as_secs().max(1)).unwrap_or(u32::MAX);
    let mut config = ExporterConfig::new(ipfix.observation_domain).with_template_refresh_s(refresh_s);
    if let (Destination::Udp(_), Some(MOST_DATAGRAM_OCTETS..)) = (destination, ipfix.message_octets) {
        let text = format!(
            "{destination}: a datagram has room for a message of fewer than {MOST_DATAGRAM_OCTETS} octets"
        );
        return Err(UsageError(format!("{text}; lower --message-octets")).into());
    }
    if let Some(octets) = ipfix.message_octets {
        config = config.with_maximum_message(octets);
    }
    let (output, pacing): (Box<dyn Output>, _) = match destination {
        Destination::File(path) => (Box::new(FileOutput::create(path)?), None),
        Destination::Udp(collector) => {
            (Box::new(UdpOutput::resolve(collector)?), NonZeroU32::new(ipfix.datagram_rate).map(Pacing::new))
        }
    };
    IpfixSink::new(destination.to_string(), config, output, pacing)
}

fn filter(expression: &str) -> anyhow::Result<Filter> {
    Filter::new(expression)
        .map_err(|error| UsageError(format!("{error}; pcap-filter(7) describes the language")).into())
}

const LISTENING_PART: u64 = 16;
/// What was looked for, as the summary names it.
const DETECTORS: &[&str] = &["SYN floods and scans", "RDP logons", "mining"];
/// One more than IPv4 leaves of a packet's 65,535 octets.
const MOST_DATAGRAM_OCTETS: u16 = 65_508;

/// Two outputs on standard output would be read as one.
fn check_standard_output(arguments: &ReplayArguments) -> anyhow::Result<()> {
    let flows = arguments.flows.as_ref().is_some_and(|flows| flows.path.is_none()).then_some("--flows -");
    let eve = arguments.eve.as_ref().is_some_and(|eve| eve.0.is_none()).then_some("--eve -");
    let summary = (arguments.summary == SummaryForm::Json).then_some("--summary json");
    let there: Vec<_> = [flows, eve, summary].into_iter().flatten().collect();
    if let [one, other, ..] = there[..] {
        let advice = if summary.is_some() { " or use --summary text" } else { "" };
        let text = format!("{one} and {other} both write to standard output; give {one} a file{advice}");
        return Err(UsageError(text).into());
    }
    Ok(())
}

fn print(summary: &Summary, form: SummaryForm) -> anyhow::Result<()> {
    match form {
        SummaryForm::Text => say(&summary.to_string()),
        SummaryForm::Json => {
            let mut output = io::stdout().lock();
            serde_json::to_writer_pretty(&mut output, summary)
                .map_err(io::Error::from)
                .and_then(|()| writeln!(output))
                .context("cannot write the summary to standard output")?;
        }
        SummaryForm::None => {
            for warning in &summary.warnings {
                say(&format!("warning: {}\n", printable(warning)));
            }
        }
    }
    Ok(())
}
