//! The command line as it is typed. What it means is worked out where it is used.

use std::{
    fmt,
    net::SocketAddr,
    num::{NonZeroU16, NonZeroU32},
    ops::RangeInclusive,
    path::PathBuf,
    str::FromStr,
    time::Duration,
};

use bytesize::ByteSize;
use clap::{Args, Parser, Subcommand, ValueEnum};
use detect::{rdp, synflood};
use flow::Timeouts;
use ipfix_export::REVERSE_ENTERPRISE;
use jiff::SignedDuration;
use report::{EveTypes, Sampling, SamplingUnit};

use crate::{
    cpus::CpuChoice,
    destination::{Destination, EvePath, FlowsPath},
    elements::{EXAMPLE_PEN, ElementsFormat},
};

/// A passive network probe that warns of cryptojacking.
#[derive(Debug, Parser)]
#[command(name = "flowcanary", version, propagate_version = true, arg_required_else_help = true)]
#[command(
    after_help = "Exit status: 0 done; 1 failed; 2 wrong usage or configuration; 3 done, but some input was damaged or an output lost \
                        something."
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Meters the packets of captures into flows and hands these on.
    Replay(ReplayArguments),
    /// Watches interfaces, until TERM or INT.
    Live(LiveArguments),
    /// Reads a configuration file, and says what it means or what is wrong with it.
    Check(CheckArguments),
    /// Examines whether a machine sees all that passes an interface, before it is trusted.
    Doctor(DoctorArguments),
    /// Prints the information elements of its own, in the form that a collector reads.
    Elements(ElementsArguments),
    /// Prints completions of command lines for a shell.
    Completions(CompletionsArguments),
    /// Prints a page of the manual, for man(1).
    Man(ManArguments),
}

#[derive(Args, Debug)]
pub(crate) struct ReplayArguments {
    /// Captures: pcap or pcapng, plain or compressed with gzip or zstd; - for standard input. Several are read in the order of
    /// their first packets.
    #[arg(value_name = "FILE", required = true)]
    pub(crate) captures: Vec<PathBuf>,

    #[command(flatten)]
    pub(crate) common: CommonArguments,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct LiveArguments {
    /// An interface to watch. May be given more than once: the two of a tap that gives each direction on one of its own.
    #[arg(short, long = "interface", value_name = "IFACE", required_unless_present = "config")]
    pub(crate) interfaces: Vec<String>,

    /// How the kernel shares frames out to several workers.
    #[arg(long, value_enum, value_name = "MODE", default_value_t = FanoutMode::Hash)]
    pub(crate) fanout: FanoutMode,

    /// What the ring of each worker and interface takes, in which the kernel keeps frames until they are read.
    #[arg(long, value_name = "SIZE", default_value = "64MiB", value_parser = ring)]
    pub(crate) ring: ByteSize,

    /// Octets that are kept of a frame, at most.
    #[arg(long, value_name = "OCTETS", default_value_t = 65_535, value_parser = snap_length)]
    pub(crate) snap_length: u32,

    /// Do not have the interface take frames that are not meant for it.
    #[arg(long)]
    pub(crate) no_promiscuous: bool,

    /// The processors that workers are bound to, such as 2,3 or 0-3, one after the other; `auto` for the first ones that the program
    /// may use, `none` for any.
    #[arg(long, value_name = "LIST", default_value = "auto")]
    pub(crate) cpus: CpuChoice,

    /// Who to be once the interfaces are open.
    #[arg(long, value_name = "NAME")]
    pub(crate) user: Option<String>,

    /// How often EVE gets a line of statistics, and IPFIX its records of them.
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = duration)]
    pub(crate) stats_interval: Duration,

    /// Where Prometheus finds counts, over HTTP at /metrics: an address and a port, such as 127.0.0.1:9469.
    #[arg(long, value_name = "ADDRESS:PORT", value_parser = metrics)]
    pub(crate) metrics: Option<SocketAddr>,

    #[command(flatten)]
    pub(crate) common: CommonArguments,
}

#[derive(Args, Debug)]
#[command(
    after_help = "Exit status: 0 if nothing is bad; 1 if something is, or the interface is not there; 2 wrong usage."
)]
pub(crate) struct DoctorArguments {
    /// The interface to examine.
    #[arg(short, long, value_name = "IFACE")]
    pub(crate) interface: String,

    /// How long its traffic is watched.
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = duration)]
    pub(crate) time: Duration,

    /// Octets that are to be kept of a frame, at most, as `live` will be told.
    #[arg(long, value_name = "OCTETS", default_value_t = 65_535, value_parser = snap_length)]
    pub(crate) snap_length: u32,

    /// Write it as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct ElementsArguments {
    /// Who is to read them.
    #[arg(long, value_enum, value_name = "FORM", default_value_t = ElementsFormat::Markdown)]
    pub(crate) format: ElementsFormat,

    /// The Private Enterprise Number that they are exported under.
    #[arg(long, value_name = "N", default_value_t = EXAMPLE_PEN, value_parser = pen)]
    pub(crate) pen: u32,
}

#[derive(Args, Debug)]
pub(crate) struct CompletionsArguments {
    /// Which shell is to read them.
    #[arg(value_enum, value_name = "SHELL")]
    pub(crate) shell: clap_complete::Shell,
}

#[derive(Args, Debug)]
pub(crate) struct ManArguments {
    /// The command that the page is about; the program as a whole without one.
    #[arg(value_name = "COMMAND")]
    pub(crate) command: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct CheckArguments {
    /// The file, as `live` and `replay` take it for --config.
    #[arg(value_name = "CONFIG")]
    pub(crate) path: PathBuf,
}

/// What replaying and watching have in common.
#[derive(Args, Clone, Debug)]
pub(crate) struct CommonArguments {
    /// A file of options, in TOML; options that are given here win over it. `flowcanary check` says what one means.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// From when on detectors say something: only a file says it.
    #[arg(skip)]
    pub(crate) thresholds: Thresholds,

    /// Where flow records go as IPFIX: `udp://HOST[:PORT]`, `tcp://HOST[:PORT]`, `tls://HOST[:PORT]?ca=PATH` or `file:PATH`. May be
    /// given more than once. `ca` names the certificates of those who sign for collectors; `&cert=PATH&key=PATH` show who we are,
    /// `&name=NAME` says what the collector's certificate is for, if not for HOST. `file:PATH?rotate=100MB` or `=1h` begins a new file
    /// at that size or with each such period. `failover:URL,URL` sends to the first of several collectors over tcp or tls that is there,
    /// `spread:URL,URL` gives each of several collectors its share of the flows, and all of them findings and statistics.
    #[arg(long, value_name = "URL")]
    pub(crate) export: Vec<Destination>,

    /// A file of flow records: PATH.jsonl or PATH.csv; - for JSON lines on standard output.
    #[arg(long, value_name = "PATH")]
    pub(crate) flows: Option<FlowsPath>,

    /// A file of findings, incidents, RDP logons, flows and statistics as EVE JSON lines; - for standard output.
    #[arg(long, value_name = "PATH")]
    pub(crate) eve: Option<EvePath>,

    /// Which lines EVE gets, separated by commas.
    #[arg(long, value_name = "TYPES", default_value_t = EveTypes::ALL)]
    pub(crate) eve_types: EveTypes,

    /// Only packets that this pcap filter asks for, such as 'tcp port 3389'.
    #[arg(long, value_name = "EXPR")]
    pub(crate) filter: Option<String>,

    /// Look at a part of the packets only: one in N, written as 1:N.
    #[arg(long, value_name = "1:N", value_parser = sample)]
    pub(crate) sample: Option<NonZeroU32>,

    /// What is taken or left as a whole: all that two addresses have between them, or each packet by itself. Detectors need flows.
    #[arg(long, value_enum, value_name = "UNIT", default_value_t = SampleUnit::Flow)]
    pub(crate) sample_by: SampleUnit,

    /// How many threads meter. The records are the same for any number.
    #[arg(long, value_name = "N", default_value = "1", value_parser = workers)]
    pub(crate) workers: NonZeroU16,

    /// What the flow tables may take in memory, such as 512MiB. A full table ends flows early, which is counted.
    #[arg(long, value_name = "SIZE", default_value = "2GiB", value_parser = memory)]
    pub(crate) memory: ByteSize,

    /// Whether to look for attacks and mining, or only to meter.
    #[arg(long, value_enum, value_name = "ON|OFF", default_value_t = Detection::On)]
    pub(crate) detect: Detection,

    /// Whether flow records say what is known of their application: names, versions, codes of DNS, HTTP, TLS, QUIC and SSH. RDP and
    /// mining are named where detectors recognize them.
    #[arg(long, value_enum, value_name = "ON|OFF", default_value_t = ApplicationFields::On)]
    pub(crate) application: ApplicationFields,

    /// So many of the first octets that each end of a flow has sent behind transport headers are in its records, at most 512; 0 for none.
    #[arg(long, value_name = "OCTETS", default_value_t = 0, value_parser = payload)]
    pub(crate) payload: u16,

    /// Have flow records say how their packets are spread by length, and by the time between them.
    #[arg(long)]
    pub(crate) histograms: bool,

    /// Stages of an attack that lie further apart are not of one incident; at most 168h, a week.
    #[arg(long, value_name = "TIME", default_value = "24h", value_parser = incident_window)]
    pub(crate) incident_window: Duration,

    /// The closing summary: as text on standard error, as JSON on standard output, or none.
    #[arg(long, value_enum, value_name = "FORM", default_value_t = SummaryForm::Text)]
    pub(crate) summary: SummaryForm,

    #[command(flatten)]
    pub(crate) timeouts: TimeoutArguments,

    #[command(flatten)]
    pub(crate) ipfix: IpfixArguments,
}

/// When judges say what.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Thresholds {
    /// Floods and scans.
    pub(crate) handshakes: synflood::JudgeConfig,
    /// Remote desktops.
    pub(crate) logons: rdp::JudgeConfig,
}

/// How frames are shared out.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum FanoutMode {
    /// By addresses and ports, both directions of a flow alike.
    Hash,
    /// By the interface's receive queue; right only if its hash is symmetric.
    Queue,
    /// By the processor that received the frame; likewise.
    Cpu,
    /// By the two addresses, both directions alike; those inside of VXLAN.
    Tunnel,
}

/// What sampling takes or leaves.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum SampleUnit {
    /// All packets between two addresses.
    Flow,
    /// Each packet.
    Packet,
}

/// Whether detectors run.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Detection {
    On,
    Off,
}

/// Whether flow records say something of applications.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum ApplicationFields {
    On,
    Off,
}

/// The form of the closing summary.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum SummaryForm {
    Text,
    Json,
    None,
}

/// Times of packets that end flows.
#[derive(Args, Clone, Copy, Debug)]
#[command(next_help_heading = "Timeouts, such as 90, 1.5s or 5m")]
pub(crate) struct TimeoutArguments {
    /// A record covers at most this long.
    #[arg(long = "active-timeout", value_name = "TIME", default_value = "5m", value_parser = duration)]
    pub(crate) active: Duration,
    /// TCP without a packet for this long has ended.
    #[arg(long = "tcp-timeout", value_name = "TIME", default_value = "2m", value_parser = duration)]
    pub(crate) tcp: Duration,
    /// So has TCP that was closed or reset, after this long.
    #[arg(long = "tcp-closed-timeout", value_name = "TIME", default_value = "1s", value_parser = duration)]
    pub(crate) tcp_closed: Duration,
    /// So has UDP.
    #[arg(long = "udp-timeout", value_name = "TIME", default_value = "1m", value_parser = duration)]
    pub(crate) udp: Duration,
    /// So has ICMP.
    #[arg(long = "icmp-timeout", value_name = "TIME", default_value = "30s", value_parser = duration)]
    pub(crate) icmp: Duration,
    /// So has any other protocol.
    #[arg(long = "other-timeout", value_name = "TIME", default_value = "30s", value_parser = duration)]
    pub(crate) other: Duration,
}

/// What the exported messages are like.
#[derive(Args, Clone, Debug, Eq, PartialEq)]
#[command(next_help_heading = "IPFIX")]
pub(crate) struct IpfixArguments {
    /// The observation domain; give every probe its own.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) observation_domain: u32,
    /// Octets of a message at most: 1400 by default over UDP, which the path must carry in one piece, 65535 elsewhere.
    #[arg(long, value_name = "OCTETS", value_parser = message_octets)]
    pub(crate) message_octets: Option<u16>,
    /// Datagrams a second over UDP at most, so that the collector can follow; 0 for no limit.
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    pub(crate) datagram_rate: u32,
    /// Templates are repeated over UDP after this long.
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = refresh)]
    pub(crate) template_refresh: Duration,
    /// The Private Enterprise Number that elements of its own have. The default is the one for examples, which nobody may rely on.
    #[arg(long, value_name = "N", default_value_t = EXAMPLE_PEN, value_parser = pen)]
    pub(crate) pen: u32,
    /// How findings and incidents are exported.
    #[arg(long, value_enum, value_name = "MODE", default_value_t = FindingsExport::Options)]
    pub(crate) findings: FindingsExport,
    /// What the collector needs that reads it.
    #[arg(long, value_enum, value_name = "PROFILE", default_value_t = IpfixProfile::Default)]
    pub(crate) ipfix_profile: IpfixProfile,
    /// A folder in which records wait while a collector over TCP or TLS is away; what is left there goes first in the next run. Without it
    /// 16 MiB wait in memory.
    #[arg(long, value_name = "DIR")]
    pub(crate) spool: Option<PathBuf>,
    /// What may wait in the spool for each collector. What finds no room is lost, and said.
    #[arg(long, value_name = "SIZE", default_value = "1GiB", value_parser = spool_size)]
    pub(crate) spool_size: ByteSize,
}

/// How findings are exported as IPFIX.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum FindingsExport {
    /// As options data records, which collectors of flows leave aside.
    Options,
    /// Likewise; besides, flows between a victim and its offenders say their incident once it is stated.
    Inline,
    /// As data records beside those of flows.
    Data,
    /// Not at all.
    Off,
}

/// What IPFIX is like for a collector.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum IpfixProfile {
    /// Biflows (RFC 5103), findings and statistics.
    Default,
    /// For pmacct up to 1.7.7: TCP control bits take one octet.
    Pmacct177,
    /// For those that know no biflows, such as goflow2 and vFlow: a record for each direction.
    Uniflow,
    /// For nfdump: flows, and nothing that disturbs its count of records.
    Nfdump,
    /// For libfixbuf: times in microseconds besides.
    Fixbuf,
}

impl CommonArguments {
    /// Whether flow records go anywhere.
    pub(crate) const fn has_outputs(&self) -> bool {
        !self.export.is_empty() || self.flows.is_some() || self.eve.is_some()
    }

    /// Which part of the packets is looked at; `None` for all.
    pub(crate) fn sampling(&self) -> Option<Sampling> {
        let unit = match self.sample_by {
            SampleUnit::Flow => SamplingUnit::Flow,
            SampleUnit::Packet => SamplingUnit::Packet,
        };
        self.sample.filter(|one_in| one_in.get() > 1).map(|one_in| Sampling { one_in, unit })
    }
}

impl TimeoutArguments {
    pub(crate) const fn timeouts(&self) -> Timeouts {
        let &Self { active, tcp, tcp_closed, udp, icmp, other } = self;
        Timeouts { active, tcp, tcp_closed, udp, icmp, other }
    }
}

/// Octets of payload.
pub(crate) fn payload(text: &str) -> Result<u16, String> {
    match u16::from_str(text) {
        Ok(octets) if octets <= MOST_PAYLOAD => Ok(octets),
        _ => Err(format!("a number up to {MOST_PAYLOAD}")),
    }
}

pub(crate) fn workers(text: &str) -> Result<NonZeroU16, String> {
    match NonZeroU16::from_str(text) {
        Ok(number) if number.get() <= MOST_WORKERS => Ok(number),
        _ => Err(format!("a number from 1 to {MOST_WORKERS}")),
    }
}

/// `1:N`.
pub(crate) fn sample(text: &str) -> Result<NonZeroU32, String> {
    let number = text.strip_prefix("1:").and_then(|number| number.parse().ok());
    number
        .filter(|number: &NonZeroU32| number.get() <= MOST_SAMPLED)
        .ok_or_else(|| format!("write it as 1:N, with N from 1 to {MOST_SAMPLED}"))
}

pub(crate) fn memory(text: &str) -> Result<ByteSize, String> {
    let size = ByteSize::from_str(text).map_err(|_| "write it as 512MiB or 2GiB".to_owned())?;
    if size < LEAST_MEMORY { Err(format!("at least {LEAST_MEMORY}")) } else { Ok(size) }
}

pub(crate) fn ring(text: &str) -> Result<ByteSize, String> {
    let size = ByteSize::from_str(text).map_err(|_| "write it as 64MiB".to_owned())?;
    let is_possible = (LEAST_MEMORY..=MOST_RING).contains(&size);
    if is_possible { Ok(size) } else { Err(format!("from {LEAST_MEMORY} to {MOST_RING}")) }
}

pub(crate) fn metrics(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "write it as 127.0.0.1:9469 or [::1]:9469".to_owned())
}

pub(crate) fn spool_size(text: &str) -> Result<ByteSize, String> {
    let size = ByteSize::from_str(text).map_err(|_| "write it as 64MiB or 1GiB".to_owned())?;
    if size < LEAST_MEMORY { Err(format!("at least {LEAST_MEMORY}")) } else { Ok(size) }
}

pub(crate) fn snap_length(text: &str) -> Result<u32, String> {
    number(text, 64..=262_144)
}

pub(crate) fn message_octets(text: &str) -> Result<u16, String> {
    number(text, LEAST_MESSAGE..=u16::MAX)
}

/// Not that of IANA, nor that of reverse elements.
pub(crate) fn pen(text: &str) -> Result<u32, String> {
    number(text, 1..=u32::MAX).and_then(|pen| match pen {
        REVERSE_ENTERPRISE => Err("29305 is for reverse elements (RFC 5103)".to_owned()),
        pen => Ok(pen),
    })
}

fn number<T: Copy + FromStr + PartialOrd + fmt::Display>(
    text: &str,
    range: RangeInclusive<T>,
) -> Result<T, String> {
    match text.parse() {
        Ok(number) if range.contains(&number) => Ok(number),
        _ => Err(format!("a number from {} to {}", range.start(), range.end())),
    }
}

/// As [`duration`], in whole seconds: export times have no parts of them.
pub(crate) fn refresh(text: &str) -> Result<Duration, String> {
    let duration = duration(text)?;
    if duration.subsec_nanos() == 0 { Ok(duration) } else { Err("write it in whole seconds".to_owned()) }
}

/// As [`duration`], up to a week: what is remembered of victims is not kept for longer.
pub(crate) fn incident_window(text: &str) -> Result<Duration, String> {
    let window = duration(text)?;
    if window <= LONGEST_WINDOW { Ok(window) } else { Err("at most 168h, a week".to_owned()) }
}

/// A number of seconds, or a number with a unit.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let seconds = text.parse::<f64>().ok();
    let parsed = match seconds {
        Some(seconds) => Duration::try_from_secs_f64(seconds).ok(),
        None => text.parse::<SignedDuration>().ok().and_then(|duration| Duration::try_from(duration).ok()),
    };
    match parsed {
        Some(duration) if !duration.is_zero() && duration <= LONGEST => Ok(duration),
        Some(_) => Err("more than zero and at most 8760h, a year".to_owned()),
        None => Err("write it as 90, 1.5s or 5m".to_owned()),
    }
}

/// What RFC 7011 section 10.3.3 has an exporter assume of a path that it knows nothing of; every template and record fits.
const LEAST_MESSAGE: u16 = 512;
/// A first packet of each end is mostly longer; what is kept of all flows must have room.
const MOST_PAYLOAD: u16 = 512;
const MOST_WORKERS: u16 = 256;
const MOST_SAMPLED: u32 = 1_000_000;
const LEAST_MEMORY: ByteSize = ByteSize::mib(1);
/// libpcap counts its octets with 31 bits, and gets one less of this.
const MOST_RING: ByteSize = ByteSize::gib(2);
const LONGEST_WINDOW: Duration = Duration::from_hours(7 * 24);
const LONGEST: Duration = Duration::from_hours(365 * 24);

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn durations_have_units_or_are_seconds() {
        assert_eq!(duration("90"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("1.5s"), Ok(Duration::from_millis(1_500)));
        assert_eq!(duration("5m"), Ok(Duration::from_mins(5)));
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(duration("8760h"), Ok(LONGEST));
        for wrong in ["", "0", "-1s", "soon", "1e300", "NaN", "8761h"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn templates_are_refreshed_after_whole_seconds() {
        assert_eq!(refresh("2m"), Ok(Duration::from_mins(2)));
        assert!(refresh("999ms").is_err() && refresh("1.5s").is_err());
    }

    #[test]
    fn memory_has_a_least_size() {
        assert_eq!(memory("2GiB"), Ok(ByteSize::gib(2)));
        assert!(memory("10k").is_err() && memory("much").is_err());
    }
}
