//! TCP, with or without TLS.

mod acknowledged;
mod backlog;
mod connection;
mod endpoint;
mod notice;
mod sender;
mod spool;
#[cfg(feature = "tls")]
mod tls;

use std::{
    fmt, io,
    path::PathBuf,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

pub use self::notice::{Gap, Notice};
#[cfg(feature = "tls")]
pub use self::tls::TlsSettings;
use self::{
    backlog::{Backlog, OnWay, Origin},
    endpoint::Endpoint,
    sender::Sender,
    spool::Spool,
};
use super::{
    Output,
    parcel::{Parcel, Sorter},
};
use crate::{MAXIMUM_MESSAGE, Statistics};

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
/// A host that has gone without a word is noticed after about a minute if something is to be sent, or else by TCP keep-alive.
pub struct TcpOutput {
    collector: String,
    shared: Arc<Shared>,
    sorter: Sorter,
    /// Until the thread begins.
    endpoint: Option<Endpoint>,
    settings: TcpSettings,
    /// Whether it was waited for room in vain since anything was confirmed.
    gave_up_at: Option<u64>,
    is_closed: bool,
}

/// How a [`TcpOutput`] deals with a collector that is slow or away.
#[derive(Clone, Debug)]
pub struct TcpSettings {
    memory_octets: usize,
    spool: Option<(PathBuf, u64)>,
    patience: Duration,
    closing_patience: Duration,
    maximum_message: u16,
    #[cfg(feature = "tls")]
    tls: Option<TlsSettings>,
}

/// What the caller's thread and the sender's share.
struct Shared {
    state: Mutex<State>,
    /// Something has come, or it is to end.
    for_sender: Condvar,
    /// Something was confirmed, or it has ended.
    for_caller: Condvar,
}

struct State {
    backlog: Backlog,
    /// How often something was confirmed.
    progress: u64,
    stage: Stage,
    /// There is a connection.
    is_talking: bool,
    /// The thread has ended, or will without touching anything.
    is_finished: bool,
}

/// What is expected of the sender.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Stage {
    /// More may come.
    Open,
    /// Nothing more will come.
    Closing,
    /// Nobody waits any longer.
    GivenUp,
}

impl TcpSettings {
    /// 16 MiB in memory, no folder, and no patience.
    pub const fn new() -> Self {
        Self {
            memory_octets: DEFAULT_MEMORY,
            spool: None,
            patience: Duration::ZERO,
            closing_patience: DEFAULT_CLOSING_PATIENCE,
            maximum_message: MAXIMUM_MESSAGE,
            #[cfg(feature = "tls")]
            tls: None,
        }
    }

    /// How many octets of messages may wait in memory or be on their way, 16 MiB by default.
    #[must_use]
    pub const fn with_memory_octets(mut self, octets: usize) -> Self {
        self.memory_octets = octets;
        self
    }

    /// A folder for what has to wait, and how many octets of messages may wait there. It is made if it is not there.
    ///
    /// With it a crash of the program takes along what was on its way at that moment and no more, and what is left at the end of the program
    /// goes first when another one is given the same folder. In it are IPFIX files (RFC 5655) that other programs can read.
    #[must_use]
    pub fn with_spool(mut self, folder: impl Into<PathBuf>, octets: u64) -> Self {
        self.spool = Some((folder.into(), octets));
        self
    }

    /// How long the caller may be kept waiting for room, without anything being confirmed, before something is lost: not at all by default,
    /// as suits somebody whose packets do not wait. It is not waited again until something was confirmed.
    #[must_use]
    pub const fn with_patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// How long [`Output::close`] waits without anything being confirmed, 10 seconds by default.
    #[must_use]
    pub const fn with_closing_patience(mut self, patience: Duration) -> Self {
        self.closing_patience = patience;
        self
    }

    /// The largest message for announcements; give it what the exporter was given.
    #[must_use]
    pub const fn with_maximum_message(mut self, octets: u16) -> Self {
        self.maximum_message = octets;
        self
    }

    /// Has messages go inside TLS (RFC 7011 section 11).
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn with_tls(mut self, tls: TlsSettings) -> Self {
        self.tls = Some(tls);
        self
    }
}

impl Default for TcpSettings {
    fn default() -> Self {
        Self::new()
    }
}

impl TcpOutput {
    /// An output to `collector`, given as `host:port`, `address:port` or `[IPv6 address]:port`. It need not be there yet.
    ///
    /// # Errors
    ///
    /// The text is no address and no name that resolves; a file that TLS needs is no good; the spool cannot be used.
    pub fn resolve(collector: &str, settings: TcpSettings) -> io::Result<Self> {
        let endpoint = Endpoint::resolve(
            collector,
            #[cfg(feature = "tls")]
            settings.tls.as_ref(),
        )?;
        let spool = match &settings.spool {
            None => None,
            Some((folder, octets)) => Some((Spool::open(folder, *octets)?, *octets)),
        };
        Ok(Self {
            collector: collector.to_owned(),
            shared: Arc::new(Shared::new(Backlog::new(settings.memory_octets, spool))),
            sorter: Sorter::default(),
            endpoint: Some(endpoint),
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
        let Some(endpoint) = self.endpoint.take() else { return Ok(()) };
        let (shared, maximum_message) = (Arc::clone(&self.shared), self.settings.maximum_message);
        thread::Builder::new()
            .name("export".to_owned())
            .spawn(move || Sender::new(&shared, endpoint, maximum_message).run())
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

impl State {
    /// Whether nothing is left to be done, or nobody wants it done.
    fn is_over(&self) -> bool {
        match self.stage {
            Stage::Open => false,
            Stage::Closing => self.backlog.is_empty(),
            Stage::GivenUp => true,
        }
    }
}

impl Shared {
    fn new(backlog: Backlog) -> Self {
        Self {
            state: Mutex::new(State {
                backlog,
                progress: 0,
                stage: Stage::Open,
                is_talking: false,
                is_finished: false,
            }),
            for_sender: Condvar::new(),
            for_caller: Condvar::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until something is confirmed, or it has ended, or for `time` at most.
    fn wait_for_progress<'a>(&self, state: MutexGuard<'a, State>, time: Duration) -> MutexGuard<'a, State> {
        let (seen, was_talking) = (state.progress, state.is_talking);
        let is_as_before = |state: &mut State| {
            state.progress == seen
                && !state.is_finished
                && (state.is_talking || !was_talking || state.stage != Stage::GivenUp)
        };
        self.for_caller
            .wait_timeout_while(state, time, is_as_before)
            .unwrap_or_else(PoisonError::into_inner)
            .0
    }

    /// Whether nothing is left to be done, or nobody wants it done.
    fn is_over(&self) -> bool {
        self.lock().is_over()
    }

    fn is_given_up(&self) -> bool {
        self.lock().stage == Stage::GivenUp
    }

    /// There is a connection. `false` if nobody waits for it any more.
    fn begin(&self) -> bool {
        let mut state = self.lock();
        if state.stage == Stage::GivenUp {
            return false;
        }
        if !state.is_talking {
            state.is_talking = true;
            state.backlog.connect();
        }
        true
    }

    fn next(&self) -> Option<(Parcel, Origin)> {
        self.lock().backlog.next()
    }

    fn confirm(&self, confirmed: impl Iterator<Item = OnWay>) {
        let mut state = self.lock();
        state.backlog.confirm(confirmed);
        state.progress += 1;
        drop(state);
        self.for_caller.notify_all();
    }

    /// There is no connection any more, or none yet; what was on its way comes back.
    fn leave(&self, on_way: Vec<(Parcel, Origin)>, reason: Option<&io::Error>) {
        let mut state = self.lock();
        if state.is_talking {
            state.backlog.disconnect(on_way.into_iter());
        }
        state.is_talking = false;
        if let Some(reason) = reason.filter(|_| state.stage != Stage::GivenUp) {
            state.backlog.tell_away(reason.to_string());
        }
        drop(state);
        self.for_caller.notify_all();
    }

    fn finish(&self) {
        self.lock().is_finished = true;
        self.for_caller.notify_all();
    }

    /// Waits for something to send, for `time` at most.
    fn wait_for_parcels(&self, time: Duration) {
        let state = self.lock();
        if state.stage != Stage::GivenUp {
            drop(self.for_sender.wait_timeout(state, time).unwrap_or_else(PoisonError::into_inner));
        }
    }

    /// Waits for `time`, or until nobody waits any more.
    fn pause(&self, time: Duration) {
        let goes_on = |state: &mut State| !state.is_over();
        let state = self.lock();
        drop(
            self.for_sender.wait_timeout_while(state, time, goes_on).unwrap_or_else(PoisonError::into_inner),
        );
    }
}

const DEFAULT_MEMORY: usize = 16 << 20;
const DEFAULT_CLOSING_PATIENCE: Duration = Duration::from_secs(10);
/// Two seconds, of which a sender needs a tenth to notice that it is to end.
const LAST_WAITS: u32 = 20;
const LAST_WAIT: Duration = Duration::from_millis(100);
