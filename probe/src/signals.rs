//! What the system asks of a program that runs for weeks.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use anyhow::Context as _;
use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1},
    flag,
};

/// Signals that have come and were not looked at yet.
#[derive(Clone, Debug, Default)]
pub(crate) struct Signals {
    stop: Arc<AtomicBool>,
    report: Arc<AtomicBool>,
    reload: Arc<AtomicBool>,
}

impl Signals {
    /// Takes note in `self` of signals from now on: TERM and INT to stop, USR1 to report, HUP to read the configuration again. A second TERM or
    /// INT ends the program at once, should the first not be heard.
    pub(crate) fn watch(&self) -> anyhow::Result<()> {
        for signal in [SIGTERM, SIGINT] {
            flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&self.stop))
                .and_then(|_| flag::register(signal, Arc::clone(&self.stop)))
                .context("cannot watch for signals")?;
        }
        for (signal, noted) in [(SIGUSR1, &self.report), (SIGHUP, &self.reload)] {
            flag::register(signal, Arc::clone(noted)).context("cannot watch for signals")?;
        }
        Ok(())
    }

    /// Whether it is time to stop.
    pub(crate) fn is_stopping(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// As TERM.
    #[cfg(test)]
    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Whether a report was asked for since the last call.
    pub(crate) fn take_report(&self) -> bool {
        self.report.swap(false, Ordering::Relaxed)
    }

    /// Whether the configuration is to be read again, since the last call.
    pub(crate) fn take_reload(&self) -> bool {
        self.reload.swap(false, Ordering::Relaxed)
    }
}
