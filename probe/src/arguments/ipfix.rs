//! What is asked of IPFIX exports.

use std::{path::PathBuf, time::Duration};

use bytesize::ByteSize;
use clap::{Args, ValueEnum};

use super::values::{message_octets, pen, refresh, spool_size};
use crate::elements::EXAMPLE_PEN;

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
