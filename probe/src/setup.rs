//! What replaying and watching set up alike: outputs, detectors, the closing summary.

use std::io::{self, Write as _};

use anyhow::Context as _;
use capture::Filter;
use detect::{
    Judge, JudgeConfig, incident,
    observe::{ApplicationsConfig, ObserverConfig},
};
use flow::{DetailsConfig, MeterConfig};
use report::{Findings, SamplingUnit, Summary, printable};

use crate::{
    arguments::{ApplicationFields, CommonArguments, Detection, SummaryForm, Thresholds, TimeoutArguments},
    collector::Collector,
    elements::EXAMPLE_PEN,
    outcome::UsageError,
    pipeline::WorkerConfig,
    signals::Signals,
    sink::Outputs,
    standard_error::{self, say},
};

/// What the arguments give to each of the workers.
pub(crate) fn worker(arguments: &CommonArguments) -> WorkerConfig {
    let memory_octets = arguments.memory.as_u64() / u64::from(arguments.workers.get());
    // What is listened to takes this part of what flows may take, at worst, and beside it.
    let listening_octets = usize::try_from(memory_octets / LISTENING_PART).unwrap_or(usize::MAX);
    let octets = usize::try_from(memory_octets / APPLICATIONS_PART).unwrap_or(usize::MAX);
    let longest_silence_nanos = longest_silence_nanos(&arguments.timeouts);
    WorkerConfig {
        meter: meter(arguments, memory_octets),
        observer: (arguments.detect == Detection::On)
            .then(|| ObserverConfig { listening_octets, ..ObserverConfig::default() }),
        applications: (arguments.application == ApplicationFields::On && arguments.has_outputs())
            .then_some(ApplicationsConfig { octets, longest_silence_nanos }),
    }
}

fn meter(arguments: &CommonArguments, memory_octets: u64) -> MeterConfig {
    let details = if arguments.has_outputs() {
        DetailsConfig { payload_octets: arguments.payload, has_histograms: arguments.histograms }
    } else {
        DetailsConfig::default()
    };
    // Flows that are sampled by flow lack no packets.
    let is_sampled = arguments.sampling().is_some_and(|sampling| sampling.unit == SamplingUnit::Packet);
    MeterConfig { timeouts: arguments.timeouts.timeouts(), memory_octets, details, is_sampled }
}

/// How long a flow may go on without a record: a record covers as long as the active timeout at most, and none begins after the idle one.
/// Twice that, since flows are looked at now and then.
fn longest_silence_nanos(timeouts: &TimeoutArguments) -> u64 {
    let &TimeoutArguments { active, tcp, tcp_closed, udp, icmp, other } = timeouts;
    let idle = tcp.max(tcp_closed).max(udp).max(icmp).max(other);
    u64::try_from(active.saturating_add(idle).saturating_mul(2).as_nanos()).unwrap_or(u64::MAX)
}

/// The collector, with its judges and outputs. `signals` say when outputs are not to be waited for any longer, where something does.
/// `interfaces` are the names of those that are known before anything is read.
pub(crate) fn collector(
    arguments: &CommonArguments,
    signals: Option<&Signals>,
    interfaces: &[String],
) -> anyhow::Result<Collector> {
    let judge = Judge::new(judges(arguments));
    let detectors: &'static [&'static str] = if arguments.detect == Detection::On { DETECTORS } else { &[] };
    let outputs = Outputs::open(arguments, signals, interfaces)?;
    // Only once all outputs are open: where one cannot be, that error alone is said.
    if arguments.ipfix.pen == EXAMPLE_PEN && !arguments.export.is_empty() {
        say(&format!(
            "elements of its own are exported under {EXAMPLE_PEN}, which is for examples; --pen takes your number"
        ));
    }
    Ok(Collector::new(judge, Findings::new(detectors), outputs))
}

/// The thresholds of all judges.
pub(crate) const fn judges(arguments: &CommonArguments) -> JudgeConfig {
    let Thresholds { handshakes, logons } = arguments.thresholds;
    JudgeConfig { handshakes, logons, incidents: incident::Config { window: arguments.incident_window } }
}

/// Detectors follow connections from their first packet on, and would take each packet that was left out for one that never came.
pub(crate) fn check_sampling(arguments: &CommonArguments) -> anyhow::Result<()> {
    let is_by_packet = arguments.sampling().is_some_and(|sampling| sampling.unit == SamplingUnit::Packet);
    if is_by_packet && arguments.detect == Detection::On {
        let text = "--sample-by packet leaves nothing whole that detectors could follow; add --detect off, or use --sample-by flow";
        return Err(UsageError(text.to_owned()).into());
    }
    Ok(())
}

pub(crate) fn filter(expression: &str) -> anyhow::Result<Filter> {
    Filter::new(expression)
        .map_err(|error| UsageError(format!("{error}; pcap-filter(7) describes the language")).into())
}

const LISTENING_PART: u64 = 16;
const APPLICATIONS_PART: u64 = 8;
/// What was looked for, as the summary names it.
const DETECTORS: &[&str] = &["SYN floods and scans", "RDP logons", "mining"];

/// Two outputs on standard output would be read as one.
pub(crate) fn check_standard_output(arguments: &CommonArguments) -> anyhow::Result<()> {
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

pub(crate) fn print(summary: &Summary, form: SummaryForm) -> anyhow::Result<()> {
    match form {
        SummaryForm::Text => standard_error::write(&summary.to_string()),
        SummaryForm::Json => {
            let mut output = io::stdout().lock();
            serde_json::to_writer_pretty(&mut output, summary)
                .map_err(io::Error::from)
                .and_then(|()| writeln!(output))
                .context("cannot write the summary to standard output")?;
        }
        SummaryForm::None => {
            for warning in &summary.warnings {
                standard_error::write(&format!("warning: {}\n", printable(warning)));
            }
        }
    }
    Ok(())
}
