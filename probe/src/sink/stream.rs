use std::{
    fs::File,
    io::{self, ErrorKind, Write},
    os::fd::AsFd as _,
    time::Duration,
};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::signals::Signals;

/// A file that somebody reads while it is written, such as a pipe.
///
/// A slow reader is waited for, but once the program is to stop, no longer than a second in all: then writing fails, so that what was not
/// taken is counted as lost and the program ends.
pub(super) struct Stream {
    file: File,
    signals: Signals,
    /// Since it was to stop.
    waited: Duration,
}

impl Stream {
    pub(super) const fn new(file: File, signals: Signals) -> Self {
        Self { file, signals, waited: Duration::ZERO }
    }

    /// Whether the file takes something now, or says why it never will.
    fn is_ready(&self) -> bool {
        let mut fds = [PollFd::new(self.file.as_fd(), PollFlags::POLLOUT)];
        let patience = PollTimeout::try_from(LOOK_INTERVAL).unwrap_or(PollTimeout::MAX);
        // A signal may end the wait; then it is not ready yet.
        poll(&mut fds, patience).is_ok_and(|ready| ready > 0)
    }
}

impl Write for Stream {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        while !self.is_ready() {
            if self.signals.is_stopping() {
                self.waited += LOOK_INTERVAL;
            }
            if self.waited >= PATIENCE {
                return Err(io::Error::new(ErrorKind::TimedOut, "whoever reads it takes nothing"));
            }
        }
        // A pipe that is ready takes this many octets without waiting; of more it might take a part and then wait.
        let piece = octets.get(..PIPE_BUF).unwrap_or(octets);
        self.file.write(piece)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

const LOOK_INTERVAL: Duration = Duration::from_millis(100);
const PATIENCE: Duration = Duration::from_secs(1);
/// pipe(7).
const PIPE_BUF: usize = 4_096;

#[cfg(test)]
mod tests {
    use std::{io::Read as _, os::fd::OwnedFd, thread};

    use super::*;

    #[test]
    fn a_reader_that_takes_nothing_is_given_up_once_it_is_time_to_stop() {
        let (reader, writer) = io::pipe().unwrap();
        let signals = Signals::default();
        let mut stream = Stream::new(File::from(OwnedFd::from(writer)), signals.clone());
        let filled = thread::spawn(move || {
            let outcome = stream.write_all(&vec![b'x'; 1 << 20]);
            (outcome.map_err(|error| error.kind()), stream.write(&[0]).map_err(|error| error.kind()))
        });
        // Longer than it would wait if it were to stop.
        thread::sleep(PATIENCE + 3 * LOOK_INTERVAL);
        assert!(!filled.is_finished(), "who is slow is waited for");
        signals.stop();
        assert_eq!(filled.join().unwrap(), (Err(ErrorKind::TimedOut), Err(ErrorKind::TimedOut)));
        drop(reader);
    }

    #[test]
    fn a_reader_that_takes_its_time_gets_everything() {
        let (mut reader, writer) = io::pipe().unwrap();
        let mut stream = Stream::new(File::from(OwnedFd::from(writer)), Signals::default());
        let written: Vec<u8> = (0_u32..100_000).flat_map(u32::to_le_bytes).collect();
        let read = thread::spawn(move || {
            thread::sleep(3 * LOOK_INTERVAL);
            let mut read = Vec::new();
            reader.read_to_end(&mut read).map(|_| read)
        });
        stream.write_all(&written).unwrap();
        drop(stream);
        assert!(read.join().unwrap().unwrap() == written);
    }

    #[test]
    fn a_reader_that_is_gone_is_an_error() {
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        let mut stream = Stream::new(File::from(OwnedFd::from(writer)), Signals::default());
        assert_eq!(stream.write(b"x").unwrap_err().kind(), ErrorKind::BrokenPipe);
    }
}
