//! What replaying and watching set up alike: outputs, detectors, the closing summary.

use std::{
    io::{self, Write as _},
    num::NonZeroU32,
    time::Duration,
};

use anyhow::Context as _;
use capture::Filter;
use detect::{Judge, JudgeConfig, incident, observe::ObserverConfig};
use flow::MeterConfig;
use ipfix_export::{ExporterConfig, FileOutput, MAXIMUM_MESSAGE, Output, TcpOutput, TcpSettings, UdpOutput};
use report::{Findings, SamplingUnit, Summary, printable};

use crate::{
    arguments::{CommonArguments, Detection, IpfixArguments, SummaryForm, Thresholds},
    collector::Collector,
    destination::Destination,
    outcome::UsageError,
    say,
    sink::{EveSink, FlowsSink, IpfixSink, Pacing, Sink},
};

/// What each worker is set up with.
#[derive(Clone, Copy)]
pub(crate) struct WorkerConfig {
    pub(crate) meter: MeterConfig,
    /// `None` if nothing is to be detected.
    pub(crate) observer: Option<ObserverConfig>,
}

impl WorkerConfig {
    /// What the arguments give to each of the workers.
    pub(crate) fn of(arguments: &CommonArguments) -> Self {
        let memory_octets = arguments.memory.as_u64() / u64::from(arguments.workers.get());
        // Listening takes a sixteenth of what flows may take, at worst, beside it.
        let listening_octets = usize::try_from(memory_octets / LISTENING_PART).unwrap_or(usize::MAX);
        Self {
            meter: MeterConfig { timeouts: arguments.timeouts.timeouts(), memory_octets },
            observer: (arguments.detect == Detection::On)
                .then(|| ObserverConfig { listening_octets, ..ObserverConfig::default() }),
        }
    }
}

/// Whether packets wait.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Source {
    /// Captures do: a collector that is slow holds them up.
    Captures,
    /// Interfaces do not: records wait for a collector, or are lost.
    Interfaces,
}

/// The collector, with its judges and outputs.
pub(crate) fn collector(arguments: &CommonArguments, source: Source) -> anyhow::Result<Collector> {
    let judge = Judge::new(judges(arguments));
    let detectors: &'static [&'static str] = if arguments.detect == Detection::On { DETECTORS } else { &[] };
    Ok(Collector::new(judge, Findings::new(detectors), open_sinks(arguments, source)?))
}

/// When judges say what.
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

fn open_sinks(arguments: &CommonArguments, source: Source) -> anyhow::Result<Vec<Box<dyn Sink>>> {
    let mut sinks: Vec<Box<dyn Sink>> = Vec::new();
    for destination in &arguments.export {
        sinks.push(Box::new(open_export(destination, &arguments.ipfix, source)?));
    }
    if let Some(flows) = &arguments.flows {
        sinks.push(Box::new(FlowsSink::create(flows)?));
    }
    if let Some(eve) = &arguments.eve {
        sinks.push(Box::new(EveSink::create(eve, arguments.eve_types, arguments.sampling())?));
    }
    Ok(sinks)
}

fn open_export(
    destination: &Destination,
    ipfix: &IpfixArguments,
    source: Source,
) -> anyhow::Result<IpfixSink> {
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
        Destination::Rotated(files) => {
            let octets = ipfix.message_octets.unwrap_or(MAXIMUM_MESSAGE);
            (Box::new(files.open()?.with_maximum_message(octets)), None)
        }
        Destination::Udp(collector) => {
            (Box::new(UdpOutput::resolve(collector)?), NonZeroU32::new(ipfix.datagram_rate).map(Pacing::new))
        }
        Destination::Tcp(collector) => {
            (Box::new(TcpOutput::resolve(collector, tcp(destination, ipfix, source))?), None)
        }
        Destination::Tls(tls) => {
            let settings = tcp(destination, ipfix, source).with_tls(tls.settings());
            (Box::new(TcpOutput::resolve(&tls.collector, settings)?), None)
        }
    };
    IpfixSink::new(destination.to_string(), config, output, pacing)
}

/// How a collector over TCP that is slow or away is dealt with.
fn tcp(destination: &Destination, ipfix: &IpfixArguments, source: Source) -> TcpSettings {
    let (patience, closing_patience) = match source {
        Source::Captures => (REPLAY_PATIENCE, REPLAY_PATIENCE),
        Source::Interfaces => (Duration::ZERO, LIVE_PATIENCE),
    };
    let settings = TcpSettings::new()
        .with_patience(patience)
        .with_closing_patience(closing_patience)
        .with_maximum_message(ipfix.message_octets.unwrap_or(MAXIMUM_MESSAGE));
    match (&ipfix.spool, destination.spool()) {
        (Some(spool), Some(name)) => settings.with_spool(spool.join(name), ipfix.spool_size.as_u64()),
        _ => settings,
    }
}

pub(crate) fn filter(expression: &str) -> anyhow::Result<Filter> {
    Filter::new(expression)
        .map_err(|error| UsageError(format!("{error}; pcap-filter(7) describes the language")).into())
}

const LISTENING_PART: u64 = 16;
/// How long a replay waits for a collector that takes nothing, at its end and when no room is left.
const REPLAY_PATIENCE: Duration = Duration::from_secs(10);
/// How long somebody waits who has asked the program to end; a service manager has not much more patience.
const LIVE_PATIENCE: Duration = Duration::from_secs(3);
/// What was looked for, as the summary names it.
const DETECTORS: &[&str] = &["SYN floods and scans", "RDP logons", "mining"];
/// One more than IPv4 leaves of a packet's 65,535 octets.
const MOST_DATAGRAM_OCTETS: u16 = 65_508;

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
