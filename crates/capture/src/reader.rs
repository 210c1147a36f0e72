//! One capture becomes batches.
//!
//! The reader is our own for three reasons. libpcap refuses pcapng files whose interfaces differ in link type or snap
//! length, and gives no positions for damage. The crates that read both formats hand out a packet at a time from a buffer
//! of their own, so that sharing packets with other threads costs a copy of each. And it costs less: 14 ns a packet of 64 octets
//! from a file in the page cache, of which the kernel's copy is more than half, against 39 ns with libpcap
//! (`benches/reading.rs`).

use std::{fmt, fs::File, io::Read, path::Path, sync::Arc};

use crate::{
    Batch, Damage, DamageKind, Interface, OpenError,
    octets::ByteOrder,
    pcap_format::{FILE_HEADER_OCTETS, PcapFormat},
    pcapng::{Pcapng, Sink},
    stream::{Indexed, Stop, Stream, StreamEnd},
};

/// Reads one capture: pcap or pcapng, plain or compressed with gzip or zstd.
///
/// What it is, its content says. The formats' variants are those that libpcap reads: pcap in both byte orders, with
/// microseconds, nanoseconds, and the modified format with longer record headers; pcapng with any number of sections and
/// interfaces. Three things are decided here where the formats leave them open:
///
/// - A frame that is longer than the snap length of its interface is cut to it, as libpcap does for pcap files.
/// - A simple packet block has no time: its frame gets the time of the packet before it, and the epoch if it is the first.
/// - Seconds are unsigned: a pcap file reaches to the year 2106.
pub struct CaptureReader {
    capture: Arc<str>,
    stream: Stream,
    format: Format,
    interfaces: Vec<Interface>,
    first_interface: u16,
    /// The beginning of a record that the batch before could not complete.
    carry: Vec<u8>,
    packets: u64,
    /// Of the uncompressed stream: everything before it was delivered or skipped.
    offset: u64,
    read_octets: usize,
    state: State,
}

/// Whether a batch got frames.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[must_use]
pub enum Fill {
    /// At least one.
    Frames,
    /// None: the source has ended, and will not give any again.
    End,
}

enum Format {
    /// pcap, its header not yet read.
    PcapHeader(ByteOrder),
    Pcap(PcapFormat),
    Pcapng(Pcapng),
    /// A stream that ends before it shows what it is.
    Unknown,
}

enum State {
    Reading,
    /// Found while there were frames to deliver first.
    Damaged(Damage),
    Ended,
}

impl CaptureReader {
    /// Opens a capture file.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, or is no capture.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let name = path.display().to_string();
        let file = File::open(path).map_err(|source| OpenError::Io { path: name.clone(), source })?;
        Self::from_stream(&name, file)
    }

    /// Reads a capture from standard input.
    ///
    /// # Errors
    ///
    /// If it cannot be read, or is no capture.
    pub fn from_standard_input() -> Result<Self, OpenError> {
        Self::from_stream("standard input", std::io::stdin())
    }

    /// Reads a capture from any stream; `name` stands for it in messages. Reads may be as short as they like.
    ///
    /// # Errors
    ///
    /// If the stream's first octets cannot be read, or do not begin a capture.
    pub fn from_stream(name: &str, stream: impl Read + Send + 'static) -> Result<Self, OpenError> {
        let stream = Stream::new(stream).map_err(|source| OpenError::Io { path: name.into(), source })?;
        let format = match *stream.ahead() {
            [a, b, c, d, ..] => Format::detect([a, b, c, d]),
            ref beginning => {
                (stream.has_failed() || Format::may_begin_with(beginning)).then_some(Format::Unknown)
            }
        };
        let Some(format) = format else {
            return Err(OpenError::NotACapture { path: name.into(), octets: stream.ahead().to_vec() });
        };
        Ok(Self {
            capture: name.into(),
            stream,
            format,
            interfaces: Vec::new(),
            first_interface: 0,
            carry: Vec::new(),
            packets: 0,
            offset: 0,
            read_octets: READ_OCTETS,
            state: State::Reading,
        })
    }

    /// Clears `batch` and fills it with the frames that come next: about as many as one read gives.
    ///
    /// # Errors
    ///
    /// Once, where the capture is damaged and all frames before were delivered. After that it has ended.
    pub fn fill(&mut self, batch: &mut Batch) -> Result<Fill, Damage> {
        batch.clear();
        batch.set_packets_before(self.packets);
        if matches!(self.state, State::Reading) {
            self.read_batch(batch);
        }
        if !batch.is_empty() {
            return Ok(Fill::Frames);
        }
        match std::mem::replace(&mut self.state, State::Ended) {
            State::Damaged(damage) => Err(damage),
            State::Ended | State::Reading => Ok(Fill::End),
        }
    }

    /// What the capture has said of its interfaces so far; all of it once it has ended. Frames number them from
    /// 0 on, over all sections.
    pub fn interfaces(&self) -> &[Interface] {
        &self.interfaces
    }

    /// The name it was opened with.
    pub fn name(&self) -> &str {
        &self.capture
    }

    /// How many packets were delivered.
    pub fn packets_read(&self) -> u64 {
        self.packets
    }

    /// How many octets of the uncompressed stream are done with.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// How many octets were taken from the file, compressed as they are there.
    pub fn input_octets(&self) -> u64 {
        self.stream.input_octets()
    }

    /// Numbers the interfaces of the capture from `first` on.
    pub(crate) fn number_interfaces_from(&mut self, first: u16) {
        self.first_interface = first;
    }

    /// Sets about how many octets a batch gets.
    pub(crate) fn set_read_octets(&mut self, octets: usize) {
        self.read_octets = octets.max(1);
    }

    /// Undoes [`Self::set_read_octets`].
    pub(crate) fn set_default_read_octets(&mut self) {
        self.read_octets = READ_OCTETS;
    }

    /// Reads until there are frames, or the end. At the end, [`State`] says which.
    fn read_batch(&mut self, batch: &mut Batch) {
        batch.append(&self.carry);
        self.carry.clear();
        let mut consumed = 0;
        loop {
            let end = self.stream.read(batch, self.read_octets);
            let Indexed { consumed: now, stop } = self.index(batch, consumed);
            consumed = now;
            if let Some(kind) = damage_at(end.as_ref(), stop, batch.octets().len() - consumed, self.offset) {
                self.state = State::Damaged(self.damage(kind, batch, consumed));
            } else if end.is_some() {
                self.state = State::Ended;
            } else if batch.is_empty() {
                // Blocks without packets, or part of a record: what is done with makes room for what follows.
                batch.discard(consumed);
                self.advance(consumed);
                consumed = 0;
                continue;
            }
            break;
        }
        self.packets += u64::try_from(batch.len()).unwrap_or_default();
        self.advance(consumed);
        if matches!(self.state, State::Reading) {
            self.carry.extend_from_slice(batch.octets().get(consumed..).unwrap_or_default());
            self.carry.shrink_to(READ_OCTETS);
        }
        batch.truncate(consumed);
    }

    /// Indexes what is in the batch from `from` on.
    fn index(&mut self, batch: &mut Batch, from: usize) -> Indexed {
        let (octets, index) = batch.parts();
        let mut from = from;
        if let Format::PcapHeader(order) = self.format {
            match PcapFormat::read_header(order, octets, &self.capture) {
                None => {
                    let kind =
                        DamageKind::CutFileHeader { expected: FILE_HEADER_OCTETS, present: octets.len() };
                    return Indexed { consumed: from, stop: Stop::Short(kind) };
                }
                Some(Err(kind)) => return Indexed { consumed: from, stop: Stop::Damaged(kind) },
                Some(Ok((format, interface))) => {
                    self.format = Format::Pcap(format);
                    self.interfaces.push(interface);
                    from = FILE_HEADER_OCTETS;
                }
            }
        }
        match &mut self.format {
            Format::Pcap(format) => format.index(octets, from, self.first_interface, index),
            Format::Pcapng(pcapng) => {
                let (interfaces, capture) = (&mut self.interfaces, &self.capture);
                let mut sink = Sink { index, interfaces, first_interface: self.first_interface, capture };
                pcapng.index(octets, from, &mut sink)
            }
            Format::PcapHeader(_) | Format::Unknown => {
                let kind = DamageKind::CutFileHeader { expected: FILE_HEADER_OCTETS, present: octets.len() };
                Indexed { consumed: from, stop: Stop::Short(kind) }
            }
        }
    }

    /// Damage to the record that begins at `consumed` in the batch.
    fn damage(&self, kind: DamageKind, batch: &Batch, consumed: usize) -> Damage {
        let delivered = self.packets + u64::try_from(batch.len()).unwrap_or_default();
        Damage {
            capture: self.capture.to_string(),
            packet: delivered + 1,
            offset: self.offset + u64::try_from(consumed).unwrap_or_default(),
            kind,
        }
    }

    fn advance(&mut self, octets: usize) {
        self.offset += u64::try_from(octets).unwrap_or_default();
    }
}

impl Format {
    fn detect(magic: [u8; 4]) -> Option<Self> {
        if Pcapng::detect(magic) {
            return Some(Self::Pcapng(Pcapng::new()));
        }
        PcapFormat::detect(magic).map(Self::PcapHeader)
    }

    /// Whether a capture may begin with these octets, fewer than four.
    fn may_begin_with(octets: &[u8]) -> bool {
        const MAGICS: [[u8; 4]; 7] = [
            [0x0a, 0x0d, 0x0d, 0x0a],
            [0xa1, 0xb2, 0xc3, 0xd4],
            [0xd4, 0xc3, 0xb2, 0xa1],
            [0xa1, 0xb2, 0x3c, 0x4d],
            [0x4d, 0x3c, 0xb2, 0xa1],
            [0xa1, 0xb2, 0xcd, 0x34],
            [0x34, 0xcd, 0xb2, 0xa1],
        ];
        // Those of the compressed formats: gzip's is complete after two octets, and detected then.
        const COMPRESSED: [[u8; 3]; 2] = [[0x1f, 0x8b, 0x08], [0x28, 0xb5, 0x2f]];
        MAGICS.iter().any(|magic| magic.starts_with(octets))
            || COMPRESSED.iter().any(|magic| magic.starts_with(octets))
    }
}

impl fmt::Debug for CaptureReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CaptureReader")
            .field("capture", &self.capture)
            .field("packets", &self.packets)
            .field("offset", &self.offset)
            .finish_non_exhaustive()
    }
}

/// What is wrong, if anything, when indexing stopped with `left` octets over and the stream has or has not ended.
fn damage_at(end: Option<&StreamEnd>, stop: Stop, left: usize, offset: u64) -> Option<DamageKind> {
    match (end, stop) {
        (_, Stop::Damaged(kind)) => Some(kind),
        (Some(StreamEnd::Failed(kind)), Stop::Short(_)) => Some(kind.clone()),
        (None, Stop::Short(_)) => None,
        (Some(StreamEnd::Reached), Stop::Short(kind)) => match (left, kind) {
            (0, DamageKind::CutFileHeader { .. }) if offset == 0 => Some(DamageKind::Empty),
            (0, DamageKind::CutRecordHeader { .. }) => None,
            (_, kind) => Some(kind),
        },
    }
}

/// How many octets one read asks for.
const READ_OCTETS: usize = 1 << 20;

#[cfg(test)]
mod tests;
