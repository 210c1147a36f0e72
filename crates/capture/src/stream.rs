use std::{
    io::{self, Read},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use crate::{DamageKind, batch::Batch, compression::Compression};

/// Why indexing came to a stop.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The octets end inside a record (or just before one): more are needed. What it is if none follow.
    Short(DamageKind),
    /// The next record cannot be right.
    Damaged(DamageKind),
}

/// How far indexing came.
#[derive(Debug)]
pub(crate) struct Indexed {
    /// The octets before this offset are done with.
    pub(crate) consumed: usize,
    pub(crate) stop: Stop,
}

/// Why no more octets come.
#[derive(Clone, Debug)]
pub(crate) enum StreamEnd {
    Reached,
    Failed(DamageKind),
}

/// The uncompressed octets of a capture.
pub(crate) struct Stream {
    source: Box<dyn Read + Send>,
    compression: Compression,
    /// Octets that were read ahead to see what the stream is.
    ahead: Vec<u8>,
    end: Option<StreamEnd>,
    input_octets: Arc<AtomicU64>,
}

impl Stream {
    /// Looks at the beginning of `source` and decompresses it where that is needed. The error is of reading `source`.
    pub(crate) fn new(source: impl Read + Send + 'static) -> io::Result<Self> {
        let input_octets = Arc::new(AtomicU64::new(0));
        let mut source = Counted { source, octets: Arc::clone(&input_octets) };
        let mut ahead = Vec::new();
        let end = read_ahead(&mut source, &mut ahead)?;
        let compression = Compression::detect(&ahead);
        if compression == Compression::None {
            let end = end.then_some(StreamEnd::Reached);
            return Ok(Self { source: Box::new(source), compression, ahead, end, input_octets });
        }
        let mut source = compression.decompress(io::Cursor::new(ahead).chain(source))?;
        let mut ahead = Vec::new();
        let end = match read_ahead(&mut source, &mut ahead) {
            Ok(end) => end.then_some(StreamEnd::Reached),
            Err(error) => Some(StreamEnd::Failed(compression.damage(&error))),
        };
        Ok(Self { source, compression, ahead, end, input_octets })
    }

    /// The first octets, [`AHEAD_OCTETS`] or all there are.
    pub(crate) fn ahead(&self) -> &[u8] {
        &self.ahead
    }

    /// Whether the stream is known to have failed before its first octets were complete.
    pub(crate) fn has_failed(&self) -> bool {
        matches!(self.end, Some(StreamEnd::Failed(_)))
    }

    /// Octets taken from the source, compressed as they are there.
    pub(crate) fn input_octets(&self) -> u64 {
        self.input_octets.load(Ordering::Relaxed)
    }

    /// Reads what comes next into `batch`: as much as one read gives, or about `octets` of a stream that is decompressed,
    /// since decompressors give little at a time. What it returns is the end, if that was reached.
    pub(crate) fn read(&mut self, batch: &mut Batch, octets: usize) -> Option<StreamEnd> {
        if !self.ahead.is_empty() {
            batch.append(&self.ahead);
            self.ahead = Vec::new();
        }
        let mut missing = octets;
        while self.end.is_none() {
            match self.source.read(batch.room(missing)) {
                Ok(0) => self.end = Some(StreamEnd::Reached),
                Ok(read) => {
                    batch.filled(read);
                    missing = missing.saturating_sub(read);
                    if self.compression == Compression::None || missing == 0 {
                        return None;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => self.end = Some(StreamEnd::Failed(self.compression.damage(&error))),
            }
        }
        self.end.clone()
    }
}

/// Reads until there are [`AHEAD_OCTETS`]; `true` if the end came before.
fn read_ahead(source: &mut impl Read, ahead: &mut Vec<u8>) -> io::Result<bool> {
    let limit = u64::try_from(AHEAD_OCTETS).unwrap_or(u64::MAX);
    // What was read before an error stays in `ahead`.
    source.take(limit).read_to_end(ahead).map(|_| ahead.len() < AHEAD_OCTETS)
}

/// Counts what is taken from a source.
struct Counted<R> {
    source: R,
    octets: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.source.read(buffer)?;
        self.octets.fetch_add(u64::try_from(read).unwrap_or_default(), Ordering::Relaxed);
        Ok(read)
    }
}

/// How many octets are looked at to see what a stream is. No capture has less.
pub(crate) const AHEAD_OCTETS: usize = 8;
