//! Opening exports: what their messages are like, and where they go.

use std::{
    fs,
    net::{SocketAddr, ToSocketAddrs as _},
    num::NonZeroU32,
    slice, thread,
    time::Duration,
};

use anyhow::{Context as _, anyhow};
use crossbeam_channel::bounded;
use ipfix_export::{ExporterConfig, FileOutput, MAXIMUM_MESSAGE, TcpOutput, TcpSettings, UdpOutput};

use super::super::{Exports, IpfixSink, Opening, Pacing, is_pipe, open as open_file};
use crate::{
    arguments::{CommonArguments, IpfixArguments},
    destination::Destination,
    outcome::UsageError,
};

/// What the IPFIX messages of all collectors hold.
pub(crate) fn exports(arguments: &CommonArguments) -> Exports {
    let &IpfixArguments { pen, findings, ipfix_profile: profile, .. } = &arguments.ipfix;
    Exports { pen, findings, profile, sampling: arguments.sampling() }
}

/// Opens an export.
pub(super) fn open(
    destination: &Destination,
    ipfix: &IpfixArguments,
    exports: Exports,
    opening: Opening<'_>,
) -> anyhow::Result<IpfixSink> {
    let refresh_s = u32::try_from(ipfix.template_refresh.as_secs().max(1)).unwrap_or(u32::MAX);
    let mut config = ExporterConfig::new(ipfix.observation_domain)
        .with_template_refresh_s(refresh_s)
        .with_type_information(exports.has_statistics());
    if let (Destination::Udp(_), Some(MOST_DATAGRAM_OCTETS..)) = (destination, ipfix.message_octets) {
        let text = format!(
            "{destination}: a datagram has room for a message of fewer than {MOST_DATAGRAM_OCTETS} octets"
        );
        return Err(UsageError(format!("{text}; lower --message-octets")).into());
    }
    if let Some(octets) = ipfix.message_octets {
        config = config.with_maximum_message(octets);
    }
    if opening.is_again {
        check_again(destination)?;
    }
    let (output, pacing): (Box<dyn ipfix_export::Output + Send>, _) = match destination {
        Destination::File(path) if is_pipe(path) => {
            (Box::new(FileOutput::stream(path, open_file(Some(path), opening)?)), None)
        }
        Destination::File(path) => (Box::new(FileOutput::create(path)?), None),
        Destination::Rotated(files) => {
            let octets = ipfix.message_octets.unwrap_or(MAXIMUM_MESSAGE);
            (Box::new(files.open()?.with_maximum_message(octets)), None)
        }
        Destination::Udp(collector) => {
            (Box::new(UdpOutput::resolve(collector)?), NonZeroU32::new(ipfix.datagram_rate).map(Pacing::new))
        }
        Destination::Tcp(_) | Destination::Tls(_) => {
            (Box::new(connections(slice::from_ref(destination), tcp(destination, ipfix, opening))?), None)
        }
        Destination::Failover(several) => {
            (Box::new(connections(several.members(), tcp(destination, ipfix, opening))?), None)
        }
        Destination::Spread(several) => {
            return Err(anyhow!("spread:{several} is several outputs, and was to be opened as one"));
        }
    };
    IpfixSink::new(destination.to_string(), config, exports, output, pacing)
}

/// An output over TCP or TLS to the first of these collectors, for which the others stand in.
fn connections(collectors: &[Destination], mut settings: TcpSettings) -> anyhow::Result<TcpOutput> {
    let mut first = None;
    for destination in collectors {
        let Some(collector) = destination.collector() else { continue };
        settings = match (destination, first) {
            (Destination::Tls(tls), None) => settings.with_tls(tls.settings()),
            (Destination::Tls(tls), Some(_)) => settings.with_tls_fallback(collector, tls.settings()),
            (_, None) => settings,
            (_, Some(_)) => settings.with_fallback(collector),
        };
        first.get_or_insert(collector);
    }
    Ok(TcpOutput::resolve(first.unwrap_or_default(), settings)?)
}

/// While the program runs, it empties no file, and does not wait long for a name to be looked up.
fn check_again(destination: &Destination) -> anyhow::Result<()> {
    if let Some(path) = destination.path()
        && fs::metadata(path).is_ok_and(|file| file.len() > 0)
    {
        let path = path.display();
        return Err(anyhow!("{path}: it is there, and is not emptied while the program runs; move it away"));
    }
    let members = match destination {
        Destination::Failover(several) => several.members(),
        single => slice::from_ref(single),
    };
    let mut collectors = members.iter().filter_map(Destination::collector);
    collectors.try_for_each(|collector| look_up(destination, collector))
}

/// Whether a collector's name is known to whoever knows names. All outputs wait for the answer, and therefore not for long.
fn look_up(destination: &Destination, collector: &str) -> anyhow::Result<()> {
    if collector.parse::<SocketAddr>().is_ok() {
        return Ok(());
    }
    let (tell, answer) = bounded(1);
    let name = collector.to_owned();
    thread::Builder::new()
        .name("lookup".to_owned())
        // Whoever has asked may have gone.
        .spawn(move || tell.send(name.to_socket_addrs().map(drop)).ok())
        .with_context(|| format!("{destination}: cannot look it up"))?;
    match answer.recv_timeout(LOOKUP_PATIENCE) {
        Ok(found) => found.with_context(|| format!("{destination}: cannot look it up; give the address")),
        Err(_) => Err(anyhow!(
            "{destination}: looking it up takes longer than {} s; give the address, or try again",
            LOOKUP_PATIENCE.as_secs()
        )),
    }
}

/// How a collector over TCP that is slow or away is dealt with.
fn tcp(destination: &Destination, ipfix: &IpfixArguments, opening: Opening<'_>) -> TcpSettings {
    let (patience, closing_patience) = if opening.holds_up_packets() {
        (REPLAY_PATIENCE, REPLAY_PATIENCE)
    } else {
        (Duration::ZERO, LIVE_PATIENCE)
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

/// How long outputs may stand still for a name, while the watchdog of a service manager counts.
const LOOKUP_PATIENCE: Duration = Duration::from_secs(3);
/// How long a replay waits for a collector that takes nothing, at its end and when no room is left.
const REPLAY_PATIENCE: Duration = Duration::from_secs(10);
/// How long a live run waits at its end for a collector that takes nothing: it is to end within two seconds.
const LIVE_PATIENCE: Duration = Duration::from_secs(1);
/// One more than IPv4 leaves of a packet's 65,535 octets.
const MOST_DATAGRAM_OCTETS: u16 = 65_508;
