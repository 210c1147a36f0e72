//! TCP, with or without TLS.

mod acknowledged;
mod backlog;
mod collectors;
mod connection;
mod endpoint;
mod notice;
mod sender;
mod settings;
mod shared;
mod spool;
#[cfg(feature = "tls")]
mod tls;

use std::{fmt, io, sync::Arc, thread, time::Duration};

#[cfg(feature = "tls")]
pub use self::tls::TlsSettings;
use self::{
    backlog::Backlog,
    collectors::Collectors,
    sender::Sender,
    shared::{Shared, Stage},
    spool::Spool,
};
pub use self::{
    notice::{Gap, Notice},
    settings::TcpSettings,
};
use super::{
    Output,
    parcel::{Parcel, Sorter},
};
use crate::Statistics;

/// A connection to a collector over TCP (RFC 7011 section 10.4), which is made again whenever it has broken.
///
/// Messages are sent by a thread of the output's own, which begins with the first of them: a collector that stops reading, or is not there,
/// never keeps the caller waiting for longer than [`TcpSettings::with_patience`] allows. What has to wait does so in memory, or in a folder
/// ([`TcpSettings::with_spool`]), in its order and with its times of export. What finds no room is lost, newest first, and told as a
/// [`Notice::Lost`] and in the statistics. Each connection is a transport session of its own: sequence numbers begin at 0, and whatever is
/// known of templates and elements is announced before the first data.
///
/// # What is certain
///
/// TCP confirms octets when the other host's system has them, not when a collector has read them. Linux tells how many it has confirmed, and
/// a message counts as sent when all of it is.
///
/// - A message that was not confirmed when the connection broke is sent again over the next one. If it had arrived and only its confirmation
///   had not, it comes twice; a system waits up to 40 ms with that. No other message comes twice.
/// - A message that was confirmed and that the collector had not read when *it* broke the connection, or ended, is lost, and nobody can know.
///   That is what its receive buffer holds at most.
/// - Everything else arrives once, and in its order.
///
/// Systems other than Linux do not tell; there a message counts as sent when the system has taken it, and what it could not get rid of before the
/// connection broke is lost.
///
/// A host that has gone without a word is noticed within a minute: if something is to be sent, 25 to 50 seconds after it should have
/// answered first, and otherwise by TCP keep-alive after a minute. After four minutes at the latest if it had stopped reading before.
pub struct TcpOutput {
    /// As it was given; several are separated by commas.
    collector: String,
    shared: Arc<Shared>,
    sorter: Sorter,
    /// Until the thread begins.
    collectors: Option<Collectors>,
    settings: TcpSettings,
    /// Whether it was waited for room in vain since anything was confirmed.
    gave_up_at: Option<u64>,
    is_closed: bool,
}

impl TcpOutput {
    /// An output to `collector`, given as `host:port`, `address:port` or `[IPv6 address]:port`, and to those that stand in for it
    /// ([`TcpSettings::with_fallback`]). None need be there yet.
    ///
    /// # Errors
    ///
    /// The text is no address and no name that resolves; a file that TLS needs is no good; the spool cannot be used.
    pub fn resolve(collector: &str, settings: TcpSettings) -> io::Result<Self> {
        let collectors = Collectors::resolve(collector, &settings)?;
        let spool = match &settings.spool {
            None => None,
            Some((folder, octets)) => Some((Spool::open(folder, *octets)?, *octets)),
        };
        Ok(Self {
            collector: collectors.names(),
            shared: Arc::new(Shared::new(Backlog::new(settings.memory_octets, spool))),
            sorter: Sorter::default(),
            collectors: Some(collectors),
            settings,
            gave_up_at: None,
            is_closed: false,
        })
    }

    /// Data records that wait or are on their way.
    pub fn waiting_records(&self) -> u64 {
        self.shared.lock().backlog.waiting_records()
    }

    /// Starts the thread, unless it runs. Not earlier than there is something to do: a program may give privileges up after it has opened
    /// its outputs, and its threads with it.
    fn start(&mut self) -> io::Result<()> {
        let Some(collectors) = self.collectors.take() else { return Ok(()) };
        let (shared, maximum_message) = (Arc::clone(&self.shared), self.settings.maximum_message);
        thread::Builder::new()
            .name("export".to_owned())
            .spawn(move || Sender::new(&shared, collectors, maximum_message).run())
            .map_err(|error| io::Error::new(error.kind(), format!("cannot start a thread: {error}")))?;
        Ok(())
    }

    /// Takes a parcel, if need be after waiting, or counts it as lost.
    fn put(&mut self, mut parcel: Parcel) {
        let shared = Arc::clone(&self.shared);
        let mut state = shared.lock();
        loop {
            match state.backlog.put(parcel) {
                Ok(()) => break,
                Err(refused) => parcel = refused,
            }
            let seen = state.progress;
            if self.settings.patience.is_zero() || self.gave_up_at == Some(seen) || self.is_closed {
                return state.backlog.lose(&parcel);
            }
            state = shared.wait_for_progress(state, self.settings.patience);
            if state.progress == seen {
                self.gave_up_at = Some(seen);
            }
        }
        drop(state);
        shared.for_sender.notify_one();
    }

    /// Waits for the end, as long as there is hope.
    fn wait_for_end(&self) {
        let mut state = self.shared.lock();
        state.stage = Stage::Closing;
        self.shared.for_sender.notify_all();
        // Nobody waits for a connection over which nothing would go.
        while !state.is_finished && (state.is_talking || !state.backlog.is_empty()) {
            let seen = state.progress;
            state = self.shared.wait_for_progress(state, self.settings.closing_patience);
            if state.progress == seen && !state.is_finished {
                break;
            }
        }
        state.stage = Stage::GivenUp;
        self.shared.for_sender.notify_all();
        // What was on its way has to come back; while it connects, nothing is.
        for _ in 0..LAST_WAITS {
            if state.is_finished || !state.is_talking {
                break;
            }
            state = self.shared.wait_for_progress(state, LAST_WAIT);
        }
        state.is_finished = true;
    }
}

impl Output for TcpOutput {
    fn send(&mut self, message: &[u8]) -> io::Result<()> {
        self.start()?;
        let parcel = self.sorter.take(message).map_err(|_| {
            io::Error::new(
                io::ErrorKind::InvalidInput,
                "a message makes no sense: leave it to the exporter to make them",
            )
        })?;
        if let Some(parcel) = parcel {
            self.put(parcel);
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.start()
    }

    fn is_datagram(&self) -> bool {
        false
    }

    fn statistics(&self) -> Option<Statistics> {
        Some(self.shared.lock().backlog.statistics())
    }

    fn take_notices(&mut self) -> Vec<Notice> {
        self.shared.lock().backlog.take_notices()
    }

    fn close(&mut self) -> io::Result<()> {
        if std::mem::replace(&mut self.is_closed, true) {
            return Ok(());
        }
        self.start()?;
        self.wait_for_end();
        let backlog = &mut self.shared.lock().backlog;
        let (waiting, reason) = (backlog.waiting_records(), backlog.away().map(ToOwned::to_owned));
        let folder = backlog.spool().map(|spool| spool.folder().display().to_string());
        let is_done = backlog.is_empty();
        backlog.end();
        if is_done {
            return Ok(());
        }
        let reason = match reason {
            Some(reason) => format!("the collector {} is away: {reason}", self.collector),
            None => format!("the collector {} does not take any more", self.collector),
        };
        Err(io::Error::new(
            io::ErrorKind::NotConnected,
            match folder {
                Some(folder) => {
                    format!("{reason}; {waiting} records wait in {folder} and follow when it is given again")
                }
                None => reason,
            },
        ))
    }
}

impl Drop for TcpOutput {
    fn drop(&mut self) {
        // What is left has no one to wait for it; a spool keeps it. `close` is for those who wait.
        if !std::mem::replace(&mut self.is_closed, true) {
            self.settings.closing_patience = Duration::ZERO;
            self.wait_for_end();
            self.shared.lock().backlog.end();
        }
    }
}

impl fmt::Debug for TcpOutput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TcpOutput")
            .field("collector", &self.collector)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

/// Two seconds, of which a sender needs a tenth to notice that it is to end.
const LAST_WAITS: u32 = 20;
const LAST_WAIT: Duration = Duration::from_millis(100);
