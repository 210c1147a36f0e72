use std::io::{self, BufReader, Read};

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
        Ok(match self {
            Self::None => Box::new(source),
            Self::Gzip => {
                let source = BufReader::with_capacity(COMPRESSED_BUFFER_OCTETS, source);
                Box::new(flate2::bufread::MultiGzDecoder::new(source))
            }
            Self::Zstd => {
                let source = BufReader::with_capacity(COMPRESSED_BUFFER_OCTETS, source);
                let mut decoder = zstd::Decoder::with_buffer(source)?;
                decoder.window_log_max(ZSTD_WINDOW_LOG)?;
                Box::new(decoder)
            }
        })
    }

    /// What an error of reading the content says of the stream.
    pub(crate) fn damage(self, error: &io::Error) -> DamageKind {
        let format = match self {
            Self::None => return DamageKind::Unreadable(error.to_string()),
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        };
        if error.raw_os_error().is_some() {
            return DamageKind::Unreadable(error.to_string());
        }
        match error.kind() {
            io::ErrorKind::UnexpectedEof => DamageKind::CompressionCut(format),
            _ => DamageKind::Compression { format, reason: error.to_string() },
        }
    }
}

/// How much of a compressed file is read at once.
const COMPRESSED_BUFFER_OCTETS: usize = 128 << 10;
/// The largest window that a zstd frame may ask for, 128 MiB: what `zstd --long` writes and the zstd program accepts
/// unasked.
const ZSTD_WINDOW_LOG: u32 = 27;
