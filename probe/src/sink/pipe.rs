//! Named pipes, which can be opened for writing only while somebody reads them.

use std::{fs::File, io, path::Path, thread, time::Duration};

use anyhow::anyhow;
use nix::errno::Errno;

use super::open_at_once;
use crate::{signals::Signals, standard_error::say};

/// Waits until somebody reads the pipe, or until it is to stop, and says so.
pub(super) fn open(path: &Path, signals: Option<&Signals>) -> anyhow::Result<File> {
    let mut has_said = false;
    loop {
        match open_at_once(path) {
            Err(error) if has_no_reader(&error) => {}
            opened => return opened.map_err(|error| anyhow!("cannot open {}: {error}", path.display())),
        }
        if !std::mem::replace(&mut has_said, true) {
            say(&format!("{} is a pipe that nobody reads: waiting for a reader", path.display()));
        }
        if signals.is_some_and(Signals::is_stopping) {
            return Err(anyhow!("{} is a pipe that nobody has read", path.display()));
        }
        thread::sleep(LOOK_INTERVAL);
    }
}

/// fifo(7)
pub(super) fn has_no_reader(error: &io::Error) -> bool {
    error.raw_os_error() == Some(Errno::ENXIO as i32)
}

const LOOK_INTERVAL: Duration = Duration::from_millis(100);
