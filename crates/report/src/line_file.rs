use std::io::{self, ErrorKind, Write};

use memchr::memchr_iter;

/// A file of lines, and what became of each of them.
///
/// Its user assembles lines and hands over many at a time. After the first error nothing is written any more, since a gap in the
/// middle would be worse than an early end, and every further line counts as lost.
#[derive(Debug)]
pub(crate) struct LineFile<W: Write> {
    output: W,
    /// Lines that its user holds in a buffer.
    pending: u64,
    written: u64,
    lost: u64,
    has_failed: bool,
    /// The last line that the output has taken lacks its end.
    has_cut_line: bool,
}

impl<W: Write> LineFile<W> {
    pub(crate) const fn new(output: W) -> Self {
        Self { output, pending: 0, written: 0, lost: 0, has_failed: false, has_cut_line: false }
    }

    /// Counts another line. If `false`, it is lost and need not be assembled.
    pub(crate) const fn begin_line(&mut self) -> bool {
        if self.has_failed {
            self.lost += 1;
        } else {
            self.pending += 1;
        }
        !self.has_failed
    }

    /// Hands over all lines that were begun since the last call. What stands before them, such as a header, is not counted.
    ///
    /// # Errors
    ///
    /// The output's first error; afterwards there is none.
    pub(crate) fn write(&mut self, octets: &[u8]) -> io::Result<()> {
        if self.has_failed {
            return Ok(());
        }
        let (taken, outcome) = write_as_far_as_it_goes(&mut self.output, octets);
        let lines = memchr_iter(b'\n', octets.get(..taken).unwrap_or(octets)).count();
        let lines = u64::try_from(lines).unwrap_or(u64::MAX).min(self.pending);
        self.written += lines;
        self.lost += self.pending - lines;
        self.has_failed = outcome.is_err();
        self.has_cut_line =
            taken.checked_sub(1).and_then(|last| octets.get(last)).is_some_and(|octet| *octet != b'\n');
        self.pending = 0;
        outcome
    }

    /// Has the output pass on what it was given.
    ///
    /// # Errors
    ///
    /// As the output says, unless it has failed before.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        if self.has_failed { Ok(()) } else { self.output.flush() }
    }

    /// Lines that the output has taken.
    pub(crate) const fn written(&self) -> u64 {
        self.written
    }

    /// Whether the output was left within a line: whoever goes on writing to it has to end that line first.
    pub(crate) const fn has_cut_line(&self) -> bool {
        self.has_cut_line
    }

    /// Lines that it has not, and never will.
    pub(crate) const fn lost(&self) -> u64 {
        self.lost
    }
}

/// Writes octets until that fails, and says how many were taken.
fn write_as_far_as_it_goes(output: &mut impl Write, octets: &[u8]) -> (usize, io::Result<()>) {
    let mut taken = 0;
    while let Some(rest) = octets.get(taken..).filter(|rest| !rest.is_empty()) {
        match output.write(rest) {
            Ok(0) => return (taken, Err(ErrorKind::WriteZero.into())),
            Ok(octets) => taken += octets,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return (taken, Err(error)),
        }
    }
    (taken, Ok(()))
}

/// So many octets of lines are handed over at once.
pub(crate) const BUFFER_OCTETS: usize = 1 << 16;

/// An output for tests that takes so many octets and then fails.
#[cfg(test)]
pub(crate) struct Disk {
    pub(crate) room: usize,
}

#[cfg(test)]
impl Write for Disk {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        let taken = octets.len().min(self.room);
        self.room -= taken;
        if taken == 0 { Err(ErrorKind::StorageFull.into()) } else { Ok(taken) }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
