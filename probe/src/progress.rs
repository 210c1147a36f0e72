use std::{
    io::{self, IsTerminal as _},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How far reading has come, as the reading thread says it and the waiting one shows it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Progress {
    octets: Arc<AtomicU64>,
}

impl Progress {
    /// States that so many octets of the input are read.
    pub(crate) fn set(&self, octets: u64) {
        self.octets.store(octets, Ordering::Relaxed);
    }
}

/// A bar on standard error if that is a terminal, else nothing.
#[derive(Debug)]
pub(crate) struct ProgressDisplay {
    bar: ProgressBar,
    progress: Progress,
}

impl ProgressDisplay {
    /// A bar for an input of `total` octets; without a total it shows only what was read.
    pub(crate) fn new(progress: Progress, total: Option<u64>) -> Self {
        if !io::stderr().is_terminal() {
            return Self { bar: ProgressBar::hidden(), progress };
        }
        let (bar, template) = match total {
            Some(total) => {
                (ProgressBar::new(total), "{bar:40} {percent:>3} %  {bytes} of {total_bytes}, {eta} left")
            }
            None => (ProgressBar::no_length(), "{spinner} {bytes} read"),
        };
        bar.set_draw_target(ProgressDrawTarget::stderr_with_hz(10));
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        Self { bar, progress }
    }

    /// Shows how far reading has come.
    pub(crate) fn show(&self) {
        if !self.bar.is_hidden() {
            self.bar.set_position(self.progress.octets.load(Ordering::Relaxed));
        }
    }

    /// Takes the bar away.
    pub(crate) fn clear(&self) {
        self.bar.finish_and_clear();
    }
}
