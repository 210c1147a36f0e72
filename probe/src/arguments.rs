//! The command line as it is typed. What it means is worked out where it is used.

mod ipfix;
pub(crate) mod values;

use std::{
    net::SocketAddr,
    num::{NonZeroU16, NonZeroU32},
    path::PathBuf,
    time::Duration,
};

use bytesize::ByteSize;
use clap::{Args, Parser, Subcommand, ValueEnum};
use detect::{rdp, synflood};
use flow::Timeouts;
use report::{EveTypes, Sampling, SamplingUnit};

pub(crate) use ipfix::{FindingsExport, IpfixArguments, IpfixProfile};
use values::{duration, incident_window, memory, metrics, payload, pen, ring, sample, snap_length, workers};

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

    /// The thresholds of detectors. No option sets them, only a configuration file.
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

/// The thresholds of detectors.
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

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }
}
