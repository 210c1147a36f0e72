//! Compressed captures, decompressed to the last octet before any damage.
//!
//! The readers that the two libraries offer lose what they have decompressed in the same call that fails, which can be a great
//! many packets, and how many depends on how reads divide the stream. So their codecs are driven here.

use std::io::{self, BufRead, BufReader, Read};

use flate2::{Crc, Decompress, FlushDecompress};
use zstd::stream::raw::{self, DParameter, InBuffer, Operation, OutBuffer};

use crate::DamageKind;

/// How a capture is compressed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Compression {
    None,
    Gzip,
    Zstd,
}

impl Compression {
    /// What a stream with this beginning is compressed with.
    pub(crate) fn detect(beginning: &[u8]) -> Self {
        match beginning {
            // RFC 1952, section 2.3.1.
            [0x1f, 0x8b, ..] => Self::Gzip,
            // RFC 8878, sections 3.1.1 and 3.1.2: a frame, or one to be skipped, which parallel compressors put first.
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Self::Zstd,
            _ => Self::None,
        }
    }

    /// The content of a compressed `source`. Several members or frames, one after the other, are one content.
    pub(crate) fn decompress(self, source: impl Read + Send + 'static) -> io::Result<Box<dyn Read + Send>> {
        let codec: Box<dyn Codec> = match self {
            Self::None => return Ok(Box::new(source)),
            Self::Gzip => Box::new(Gzip::new()),
            Self::Zstd => Box::new(Zstd::new()?),
        };
        let source = BufReader::with_capacity(COMPRESSED_BUFFER_OCTETS, source);
        Ok(Box::new(Decompressor { source, codec, failure: None }))
    }

    /// What an error of reading the content says of the stream.
    pub(crate) fn damage(self, error: &io::Error) -> DamageKind {
        let format = match self {
            Self::None => return DamageKind::Unreadable(error.to_string()),
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        };
        match error.kind() {
            io::ErrorKind::UnexpectedEof => DamageKind::CompressionCut(format),
            io::ErrorKind::InvalidData => DamageKind::Compression { format, reason: error.to_string() },
            _ => DamageKind::Unreadable(error.to_string()),
        }
    }
}

/// Reads the content of a compressed source.
struct Decompressor<R> {
    source: BufReader<R>,
    codec: Box<dyn Codec>,
    /// What went wrong behind the octets that were given last.
    failure: Option<io::Error>,
}

impl<R: Read> Read for Decompressor<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        loop {
            let input = self.source.fill_buf()?;
            let is_at_end = input.is_empty();
            let Progress { taken, given, failure } = self.codec.run(input, buffer);
            self.source.consume(taken);
            match failure {
                Some(failure) if given == 0 => return Err(failure),
                failure => self.failure = failure,
            }
            if given > 0 || buffer.is_empty() {
                return Ok(given);
            }
            if is_at_end {
                return if self.codec.may_end() { Ok(0) } else { Err(io::ErrorKind::UnexpectedEof.into()) };
            }
        }
    }
}

/// A decompressor that has no input or output of its own.
trait Codec: Send {
    /// Takes from `input` and gives to `output`, as far as it can.
    fn run(&mut self, input: &[u8], output: &mut [u8]) -> Progress;

    /// Whether a stream that ends here is complete.
    fn may_end(&self) -> bool;
}

/// What a codec took and gave, and why it cannot go on from there.
#[derive(Debug, Default)]
struct Progress {
    taken: usize,
    given: usize,
    failure: Option<io::Error>,
}

/// Members of a gzip stream (RFC 1952).
struct Gzip {
    state: GzipState,
    inflate: Decompress,
    checksum: Crc,
}

/// What of a member comes next.
#[derive(Clone, Copy, Debug)]
enum GzipState {
    /// The ten octets that every member begins with, of which so many were read, and the flags that are in them.
    Fixed {
        read: u8,
        flags: u8,
    },
    /// The optional fields, which `flags` still announces.
    Optional {
        flags: u8,
    },
    ExtraLength {
        flags: u8,
        low: Option<u8>,
    },
    Extra {
        flags: u8,
        left: u16,
    },
    /// A text that ends with a zero octet.
    Text {
        flags: u8,
    },
    HeaderChecksum {
        left: u8,
    },
    Body,
    /// Checksum and length of the content, both little-endian; so many octets were read.
    Trailer {
        read: u8,
        octets: u64,
    },
}

impl Gzip {
    fn new() -> Self {
        Self { state: GzipState::FIRST, inflate: Decompress::new(false), checksum: Crc::new() }
    }

    fn inflate(&mut self, input: &[u8], output: &mut [u8]) -> Progress {
        let (taken, given) = (self.inflate.total_in(), self.inflate.total_out());
        let result = self.inflate.decompress(input, output, FlushDecompress::None);
        // Also where it fails, the counts say what it did before.
        let [taken, given] = [self.inflate.total_in() - taken, self.inflate.total_out() - given]
            .map(|octets| usize::try_from(octets).unwrap_or_default());
        self.checksum.update(output.get(..given).unwrap_or_default());
        let failure = match result {
            Ok(flate2::Status::StreamEnd) => {
                self.state = GzipState::Trailer { read: 0, octets: 0 };
                None
            }
            Ok(_) if taken == 0 && given == 0 && !input.is_empty() && !output.is_empty() => {
                Some(damaged("deflate stream goes nowhere"))
            }
            Ok(_) => None,
            Err(_) => Some(damaged("corrupt deflate stream")),
        };
        Progress { taken, given, failure }
    }

    /// Takes one octet of a header or trailer.
    fn take(&mut self, octet: u8) -> Result<(), &'static str> {
        self.state = match self.state {
            GzipState::Fixed { read, flags } => GzipState::take_fixed(octet, read, flags)?,
            GzipState::Optional { .. } | GzipState::Body => return Ok(()),
            GzipState::ExtraLength { flags, low: None } => GzipState::ExtraLength { flags, low: Some(octet) },
            GzipState::ExtraLength { flags, low: Some(low) } => {
                GzipState::Extra { flags, left: u16::from_le_bytes([low, octet]) }.settled()
            }
            GzipState::Extra { flags, left } => {
                GzipState::Extra { flags, left: left.saturating_sub(1) }.settled()
            }
            GzipState::Text { flags } if octet == 0 => GzipState::Optional { flags }.settled(),
            GzipState::Text { flags } => GzipState::Text { flags },
            GzipState::HeaderChecksum { left: 2 } => GzipState::HeaderChecksum { left: 1 },
            GzipState::HeaderChecksum { .. } => GzipState::Body,
            GzipState::Trailer { read, octets } => {
                let octets = octets | u64::from(octet) << (8 * read);
                if read == 7 {
                    self.end_member(octets)?
                } else {
                    GzipState::Trailer { read: read + 1, octets }
                }
            }
        };
        Ok(())
    }

    fn end_member(&mut self, trailer: u64) -> Result<GzipState, &'static str> {
        let stated = u64::from(self.checksum.sum()) | u64::from(self.checksum.amount()) << 32;
        if trailer != stated {
            return Err("checksum or length do not match the content");
        }
        self.checksum.reset();
        self.inflate.reset(false);
        Ok(GzipState::FIRST)
    }
}

impl GzipState {
    /// The beginning of a member.
    const FIRST: Self = Self::Fixed { read: 0, flags: 0 };

    fn take_fixed(octet: u8, read: u8, flags: u8) -> Result<Self, &'static str> {
        let is_right = match read {
            0 => octet == 0x1f,
            1 => octet == 0x8b,
            // The one method there is.
            2 => octet == 8,
            // Bits that have no meaning yet could announce fields.
            3 => octet & 0xe0 == 0,
            _ => true,
        };
        let flags = if read == 3 { octet } else { flags };
        match (is_right, read) {
            (false, _) => Err("no gzip header where a member should begin"),
            (true, 9) => Ok(Self::Optional { flags }.settled()),
            (true, _) => Ok(Self::Fixed { read: read + 1, flags }),
        }
    }

    /// The state that takes the next octet: optional fields that are not there, and those without content, are passed over.
    fn settled(self) -> Self {
        const HEADER_CHECKSUM: u8 = 0x02;
        const EXTRA: u8 = 0x04;
        const NAME: u8 = 0x08;
        const COMMENT: u8 = 0x10;
        let flags = match self {
            Self::Optional { flags } | Self::Extra { flags, left: 0 } => flags,
            other => return other,
        };
        if flags & EXTRA != 0 {
            Self::ExtraLength { flags: flags & !EXTRA, low: None }
        } else if flags & NAME != 0 {
            Self::Text { flags: flags & !NAME }
        } else if flags & COMMENT != 0 {
            Self::Text { flags: flags & !COMMENT }
        } else if flags & HEADER_CHECKSUM != 0 {
            Self::HeaderChecksum { left: 2 }
        } else {
            Self::Body
        }
    }
}

impl Codec for Gzip {
    fn run(&mut self, input: &[u8], output: &mut [u8]) -> Progress {
        if matches!(self.state, GzipState::Body) {
            return self.inflate(input, output);
        }
        let mut taken = 0;
        for &octet in input {
            if matches!(self.state, GzipState::Body) {
                break;
            }
            taken += 1;
            if let Err(reason) = self.take(octet) {
                return Progress { taken, given: 0, failure: Some(damaged(reason)) };
            }
        }
        Progress { taken, ..Progress::default() }
    }

    fn may_end(&self) -> bool {
        matches!(self.state, GzipState::Fixed { read: 0, .. })
    }
}

/// Frames of a zstd stream (RFC 8878).
struct Zstd {
    decoder: raw::Decoder<'static>,
    /// How many octets the decoder asks for next: a header or a block.
    wanted: usize,
    /// Those of them that are there.
    waiting: Vec<u8>,
    /// All frames so far are complete.
    is_complete: bool,
}

impl Zstd {
    fn new() -> io::Result<Self> {
        let mut decoder = raw::Decoder::new()?;
        decoder.set_parameter(DParameter::WindowLogMax(ZSTD_WINDOW_LOG))?;
        Ok(Self { decoder, wanted: ZSTD_BEGINNING_OCTETS, waiting: Vec::new(), is_complete: true })
    }
}

impl Codec for Zstd {
    fn run(&mut self, input: &[u8], output: &mut [u8]) -> Progress {
        // Neither more than it asks for, since it forgets what good blocks gave in the call in which it meets a bad one, nor less
        // as long as there is more, since of some kinds of blocks it would give a part before it sees that they are bad.
        let taken = self.wanted.saturating_sub(self.waiting.len()).min(input.len());
        self.waiting.extend_from_slice(input.get(..taken).unwrap_or_default());
        let is_at_end = input.is_empty();
        if (self.waiting.len() < self.wanted && !is_at_end) || (self.waiting.is_empty() && self.is_complete) {
            return Progress { taken, ..Progress::default() };
        }
        let (mut input, mut output) = (InBuffer::around(&self.waiting), OutBuffer::around(output));
        let result = self.decoder.run(&mut input, &mut output);
        let (used, given) = (input.pos(), output.pos());
        self.waiting.drain(..used);
        let failure = match result {
            // Nothing at the end of a frame, behind which it is ready for another.
            Ok(hint) => {
                self.is_complete = hint == 0;
                self.wanted = if hint == 0 { ZSTD_BEGINNING_OCTETS } else { hint.min(ZSTD_BLOCK_OCTETS) };
                None
            }
            Err(error) => Some(damaged(&error.to_string())),
        };
        Progress { taken, given, failure }
    }

    fn may_end(&self) -> bool {
        self.is_complete && self.waiting.is_empty()
    }
}

fn damaged(reason: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

/// How much of a compressed file is read at once.
const COMPRESSED_BUFFER_OCTETS: usize = 128 << 10;
/// The largest window that a zstd frame may ask for, 128 MiB: what `zstd --long` writes and the zstd program accepts
/// unasked.
const ZSTD_WINDOW_LOG: u32 = 27;
/// The least that tells how long the header of a frame is: `ZSTD_FRAMEHEADERSIZE_MIN` of the library.
const ZSTD_BEGINNING_OCTETS: usize = 5;
/// The longest block (RFC 8878, section 3.1.1.2.4), and the header of the next one. What is longer is to be skipped.
const ZSTD_BLOCK_OCTETS: usize = (128 << 10) + 3;
