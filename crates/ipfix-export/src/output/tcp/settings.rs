use std::{path::PathBuf, time::Duration};

#[cfg(doc)]
use super::TcpOutput;
#[cfg(feature = "tls")]
use super::TlsSettings;
use crate::MAXIMUM_MESSAGE;
#[cfg(doc)]
use crate::Output;

/// How a [`TcpOutput`] deals with a collector that is slow or away.
#[derive(Clone, Debug)]
pub struct TcpSettings {
    pub(super) memory_octets: usize,
    pub(super) spool: Option<(PathBuf, u64)>,
    pub(super) patience: Duration,
    pub(super) closing_patience: Duration,
    pub(super) maximum_message: u16,
    #[cfg(feature = "tls")]
    pub(super) tls: Option<TlsSettings>,
    pub(super) fallbacks: Vec<Fallback>,
    pub(super) return_after: Duration,
}

/// A collector that stands in for those before it.
#[derive(Clone, Debug)]
pub(super) struct Fallback {
    pub(super) collector: String,
    #[cfg(feature = "tls")]
    pub(super) tls: Option<TlsSettings>,
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
            fallbacks: Vec::new(),
            return_after: DEFAULT_RETURN_AFTER,
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

    /// Names a collector that stands in while all before it are away, `host:port` like the first; it is spoken to in the clear.
    ///
    /// The first that takes a connection gets the records. What it has not confirmed when its connection breaks goes to the next, which may
    /// thus have records that the other one has, too. There is one queue and one spool for all.
    #[must_use]
    pub fn with_fallback(mut self, collector: impl Into<String>) -> Self {
        self.fallbacks.push(Fallback {
            collector: collector.into(),
            #[cfg(feature = "tls")]
            tls: None,
        });
        self
    }

    /// As [`with_fallback`](Self::with_fallback), but it is spoken to inside TLS.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn with_tls_fallback(mut self, collector: impl Into<String>, tls: TlsSettings) -> Self {
        self.fallbacks.push(Fallback { collector: collector.into(), tls: Some(tls) });
        self
    }

    /// How long another collector stands in, at least, before it is tried whether one that is preferred is back, and how long between such
    /// attempts: a minute by default. Over a new connection to that one, records go on where they were; nothing is lost and none sent twice.
    #[must_use]
    pub const fn with_return_after(mut self, time: Duration) -> Self {
        self.return_after = time;
        self
    }
}

impl Default for TcpSettings {
    fn default() -> Self {
        Self::new()
    }
}

const DEFAULT_MEMORY: usize = 16 << 20;
const DEFAULT_CLOSING_PATIENCE: Duration = Duration::from_secs(10);
const DEFAULT_RETURN_AFTER: Duration = Duration::from_mins(1);
