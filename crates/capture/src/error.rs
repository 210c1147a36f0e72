use std::{fmt, fmt::Write as _, io};

/// A capture could not be opened. Nothing of it was read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The file is missing, is a directory, must not be read, or cannot be.
    #[error("{path}: cannot be read: {source}{}", advice(source.kind()))]
    Io {
        /// As it was given.
        path: String,
        /// The system's words.
        source: io::Error,
    },
    /// The content is none that this program knows.
    #[error(
        "{path}: not a capture (begins with {}{}): pcap and pcapng are read, plain or compressed with gzip or zstd",
        hexadecimal(octets),
        other_format(octets)
    )]
    NotACapture {
        /// As it was given.
        path: String,
        /// The first octets, decompressed if the stream is compressed.
        octets: Vec<u8>,
    },
    /// Standard input was named more than once.
    #[error("standard input (-) can be read only once")]
    StandardInputTwice,
}

/// Where a capture stops making sense: everything before was delivered, nothing after it can be.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Damage {
    /// The capture, as it was named when it was opened.
    pub capture: String,
    /// The number of the first packet that could not be read; the first packet of a capture has the number 1.
    pub packet: u64,
    /// Where the record or block that could not be read begins, in octets of the uncompressed stream.
    pub offset: u64,
    /// What is wrong there.
    pub kind: DamageKind,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { capture, packet, offset, kind } = self;
        match kind {
            DamageKind::Empty => write!(f, "{capture}: {kind}"),
            _ => write!(f, "{capture}: packet {packet} at octet {offset}: {kind}"),
        }
    }
}

impl std::error::Error for Damage {}

/// What is wrong with a damaged capture.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DamageKind {
    /// No octets at all.
    #[error("empty file")]
    Empty,
    /// The end comes inside the header of the file.
    #[error("cut short: the file header has {expected} octets, the file ends after {present} of them")]
    CutFileHeader {
        /// Octets of the header.
        expected: usize,
        /// Octets that are there.
        present: usize,
    },
    /// The end comes inside the header of a record or block.
    #[error("cut short: a record header has {expected} octets, the file ends after {present} of them")]
    CutRecordHeader {
        /// Octets of the header.
        expected: usize,
        /// Octets that are there.
        present: usize,
    },
    /// The end comes inside the octets of a packet.
    #[error("cut short: the record header says {expected} octets, the file ends after {present}")]
    CutPacket {
        /// Octets of the packet that were captured.
        expected: usize,
        /// Octets that are there.
        present: usize,
    },
    /// The end comes inside a pcapng block.
    #[error("cut short: the block (type {block:#x}) says {expected} octets, the file ends after {present}")]
    CutBlock {
        /// The block's type.
        block: u32,
        /// Octets of the block, with its type and lengths.
        expected: usize,
        /// Octets that are there.
        present: usize,
    },
    /// The system failed to give more of the file.
    #[error("cannot be read further: {0}")]
    Unreadable(String),
    /// The compressed stream ends inside.
    #[error("cut short: the {0} stream ends in the middle")]
    CompressionCut(&'static str),
    /// The compressed stream makes no sense.
    #[error("the {format} stream is damaged: {reason}")]
    Compression {
        /// gzip or zstd.
        format: &'static str,
        /// The decompressor's words.
        reason: String,
    },
    /// A version of the format that this program does not know.
    #[error("version {major}.{minor} of {format} is not known")]
    Version {
        /// pcap or pcapng.
        format: &'static str,
        /// Its major version.
        major: u16,
        /// Its minor version.
        minor: u16,
    },
    /// A packet is longer than any of its link type can be.
    #[error("the record header says {length} octets, a packet has at most {limit}")]
    PacketTooLong {
        /// Octets by the record header.
        length: u32,
        /// Octets that are allowed.
        limit: u32,
    },
    /// A pcapng section does not say in which byte order it is written.
    #[error("the section has no valid byte-order mark")]
    ByteOrderMark,
    /// The stated length of a block is impossible.
    #[error("the block (type {block:#x}) says {length} octets, which is {fault}")]
    BlockLength {
        /// The block's type.
        block: u32,
        /// Its stated length.
        length: u32,
        /// Too short, too long, or not a multiple of four.
        fault: &'static str,
    },
    /// A block's length is stated twice, at its ends, and the two differ.
    #[error("the block (type {block:#x}) says {leading} octets at its beginning and {trailing} at its end")]
    BlockLengthsDiffer {
        /// The block's type.
        block: u32,
        /// The length at the beginning.
        leading: u32,
        /// The length at the end.
        trailing: u32,
    },
    /// A packet that was captured on an interface that the section does not describe.
    #[error("a packet of interface {interface}, but the section describes {described} so far")]
    UnknownInterface {
        /// The interface's number in its section.
        interface: u32,
        /// How many there are.
        described: usize,
    },
    /// A packet is longer than the block that holds it.
    #[error("a packet of {length} octets in a block that has room for {room}")]
    PacketBeyondBlock {
        /// Captured octets.
        length: u32,
        /// Octets between the block's fixed fields and its end.
        room: usize,
    },
    /// An option of an interface's description cannot be right; the times of its packets would be guesses.
    #[error("option {0} of an interface description has an impossible length")]
    InterfaceOption(u16),
    /// More interfaces than frames can number.
    #[error("more than {0} interfaces")]
    TooManyInterfaces(usize),
}

/// Octets as `0a 0d 0d 0a`.
fn hexadecimal(octets: &[u8]) -> String {
    octets.iter().enumerate().fold(String::new(), |mut text, (i, octet)| {
        let separator = if i == 0 { "" } else { " " };
        // Writing to a String cannot fail.
        write!(text, "{separator}{octet:02x}").unwrap_or_default();
        text
    })
}

/// What to do about a file that cannot be read.
const fn advice(kind: io::ErrorKind) -> &'static str {
    match kind {
        io::ErrorKind::NotFound => "; check the path",
        io::ErrorKind::PermissionDenied => "; run as a user who may read it",
        io::ErrorKind::IsADirectory => "; name the captures in it",
        _ => "",
    }
}

/// What the octets begin that people take for a capture, and what to do with it.
fn other_format(octets: &[u8]) -> &'static str {
    match octets {
        [0xfd, b'7', b'z', b'X', ..] => ", an xz file: decompress it first",
        [b'B', b'Z', b'h', ..] => ", a bzip2 file: decompress it first",
        [b'P', b'K', 3, 4, ..] => ", a zip archive: unpack it first",
        [0x04, 0x22, 0x4d, 0x18, ..] => ", an lz4 file: decompress it first",
        [b's', b'n', b'o', b'o', b'p', ..] => ", a snoop file: convert it with editcap",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_capture_is_shown() {
        let error = |octets: &[u8]| {
            OpenError::NotACapture { path: "a.xz".into(), octets: octets.to_vec() }.to_string()
        };
        assert_eq!(
            error(b"\xfd7zXZ"),
            "a.xz: not a capture (begins with fd 37 7a 58 5a, an xz file: decompress it first): \
             pcap and pcapng are read, plain or compressed with gzip or zstd"
        );
        assert!(error(&[1, 2]).contains("(begins with 01 02)"));
    }

    #[test]
    fn damage_is_one_clear_line() {
        let kind = DamageKind::CutPacket { expected: 1514, present: 300 };
        let damage = Damage { capture: "a.pcap".into(), packet: 1203, offset: 9000, kind };
        assert_eq!(
            damage.to_string(),
            "a.pcap: packet 1203 at octet 9000: cut short: the record header says 1514 octets, the file ends after 300"
        );
        let empty = Damage { capture: "a.pcap".into(), packet: 1, offset: 0, kind: DamageKind::Empty };
        assert_eq!(empty.to_string(), "a.pcap: empty file");
    }
}
