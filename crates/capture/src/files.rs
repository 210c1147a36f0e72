use std::path::{Path, PathBuf};

use crate::{Batch, CaptureReader, Damage, DamageKind, Fill, Interface, OpenError};

/// Many captures as one source, read one after the other in the order of their first packets.
///
/// The path `-` is standard input. Captures without packets come first, captures whose first packets have the same time
/// in the order in which they were named. A damaged capture gives what is before the damage, which is noted, and the next
/// one follows.
#[derive(Debug)]
pub struct CaptureFiles {
    /// Those to come, the next one last.
    waiting: Vec<Waiting>,
    current: Option<CaptureReader>,
    /// What standard input and other streams gave when their first packet was looked for.
    looked_at: Option<LookedAt>,
    interfaces: Vec<Interface>,
    /// How many of `interfaces` are of captures that have ended.
    interfaces_before: usize,
    damages: Vec<Damage>,
    packets_before: u64,
    input_octets_before: u64,
    total_octets: Option<u64>,
}

/// A capture that was opened to look for its first packet.
#[derive(Debug)]
enum Waiting {
    /// Closed again: many captures must not take many file handles.
    File(PathBuf),
    /// A stream, which can be read only once, and what was read of it.
    Stream(Box<(CaptureReader, LookedAt)>),
}

/// The first fill of a reader.
#[derive(Debug)]
struct LookedAt {
    batch: Batch,
    outcome: Result<Fill, Damage>,
}

impl CaptureFiles {
    /// Opens all captures, looks for their first packets, and brings them in order.
    ///
    /// # Errors
    ///
    /// The first one that cannot be read or is no capture, and standard input if it is named twice. Damage is no error
    /// here.
    pub fn open<P: AsRef<Path>>(paths: impl IntoIterator<Item = P>) -> Result<Self, OpenError> {
        let mut captures = Vec::new();
        let mut total_octets = Some(0_u64);
        let mut standard_input_named = false;
        for path in paths {
            let path = path.as_ref();
            let is_standard_input = path == Path::new(STANDARD_INPUT);
            if is_standard_input && std::mem::replace(&mut standard_input_named, true) {
                return Err(OpenError::StandardInputTwice);
            }
            let file_octets = path
                .metadata()
                .ok()
                .filter(|data| data.is_file() && !is_standard_input)
                .map(|data| data.len());
            total_octets = total_octets.zip(file_octets).map(|(total, octets)| total.saturating_add(octets));
            let reader = if is_standard_input {
                CaptureReader::from_standard_input()?
            } else {
                CaptureReader::open(path)?
            };
            captures.push(look_at(reader, file_octets.map(|_| path)));
        }
        // The sort is stable; the next one shall be the last.
        captures.sort_by_key(|(first_packet, _)| *first_packet);
        let waiting = captures.into_iter().rev().map(|(_, waiting)| waiting).collect();
        Ok(Self {
            waiting,
            current: None,
            looked_at: None,
            interfaces: Vec::new(),
            interfaces_before: 0,
            damages: Vec::new(),
            packets_before: 0,
            input_octets_before: 0,
            total_octets,
        })
    }

    /// Clears `batch` and fills it with the frames that come next. A batch never holds frames of two captures.
    pub fn fill(&mut self, batch: &mut Batch) -> Fill {
        loop {
            if self.current.is_none() && !self.begin_next() {
                batch.clear();
                return Fill::End;
            }
            let Some(reader) = self.current.as_mut() else { continue };
            let outcome = match self.looked_at.take() {
                Some(looked_at) => {
                    *batch = looked_at.batch;
                    looked_at.outcome
                }
                None => reader.fill(batch),
            };
            if reader.interfaces().len() > self.interfaces.len() - self.interfaces_before
                || outcome != Ok(Fill::Frames)
            {
                self.interfaces.truncate(self.interfaces_before);
                self.interfaces.extend_from_slice(reader.interfaces());
            }
            match outcome {
                Ok(Fill::Frames) => {
                    batch.set_packets_before(self.packets_before + batch.packets_before());
                    return Fill::Frames;
                }
                Ok(Fill::End) => self.end_current(),
                Err(damage) => {
                    self.damages.push(damage);
                    self.end_current();
                }
            }
        }
    }

    /// The interfaces of all captures so far; frames number them over all captures. Numbers end at 65 535, which stands
    /// for all further ones.
    pub fn interfaces(&self) -> &[Interface] {
        &self.interfaces
    }

    /// Where captures were damaged, so far.
    pub fn damages(&self) -> &[Damage] {
        &self.damages
    }

    /// The capture that is being read.
    pub fn current(&self) -> Option<&CaptureReader> {
        self.current.as_ref()
    }

    /// How many packets were delivered.
    pub fn packets_read(&self) -> u64 {
        self.packets_before + self.current.as_ref().map_or(0, CaptureReader::packets_read)
    }

    /// How many octets were taken from the files, compressed as they are there.
    pub fn input_octets(&self) -> u64 {
        self.input_octets_before + self.current.as_ref().map_or(0, CaptureReader::input_octets)
    }

    /// What [`CaptureFiles::input_octets`] will come to, by the sizes of the files when they were opened; `None` with
    /// standard input or another stream among them.
    pub fn total_octets(&self) -> Option<u64> {
        self.total_octets
    }

    /// Makes the next capture the current one; `false` if there is none.
    fn begin_next(&mut self) -> bool {
        while let Some(waiting) = self.waiting.pop() {
            let first = u16::try_from(self.interfaces_before).unwrap_or(u16::MAX);
            match waiting {
                Waiting::File(path) => match CaptureReader::open(&path) {
                    Ok(mut reader) => {
                        reader.number_interfaces_from(first);
                        self.current = Some(reader);
                        return true;
                    }
                    Err(error) => self.damages.push(opened_no_more(&path, &error)),
                },
                Waiting::Stream(stream) => {
                    let (mut reader, mut looked_at) = *stream;
                    reader.number_interfaces_from(first);
                    looked_at.batch.number_interfaces_from(first);
                    self.looked_at = Some(looked_at);
                    self.current = Some(reader);
                    return true;
                }
            }
        }
        false
    }

    fn end_current(&mut self) {
        if let Some(reader) = self.current.take() {
            self.packets_before += reader.packets_read();
            self.input_octets_before += reader.input_octets();
            self.interfaces_before = self.interfaces.len();
        }
    }
}

/// Finds the time of the first packet. `file` is where it can be opened again.
fn look_at(mut reader: CaptureReader, file: Option<&Path>) -> (Option<wire::Timestamp>, Waiting) {
    let mut batch = Batch::new();
    reader.set_read_octets(LOOK_AT_OCTETS);
    let outcome = reader.fill(&mut batch);
    reader.set_default_read_octets();
    let first_packet = batch.frame(0).map(|frame| frame.timestamp);
    let waiting = match file {
        Some(path) => Waiting::File(path.to_owned()),
        None => Waiting::Stream(Box::new((reader, LookedAt { batch, outcome }))),
    };
    (first_packet, waiting)
}

/// A file that could be opened before and now cannot.
fn opened_no_more(path: &Path, error: &OpenError) -> Damage {
    let reason = match error {
        OpenError::Io { source, .. } => source.to_string(),
        other => other.to_string(),
    };
    Damage { capture: path.display().to_string(), packet: 1, offset: 0, kind: DamageKind::Unreadable(reason) }
}

/// The path that means standard input.
const STANDARD_INPUT: &str = "-";
/// How much is read at once to find a first packet.
const LOOK_AT_OCTETS: usize = 4 << 10;
