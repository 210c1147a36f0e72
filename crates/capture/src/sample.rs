//! Captures made octet by octet, and what the reader makes of them: for the tests of this crate.

use std::io::{self, Cursor, Read, Write};

use crate::{Batch, CaptureReader, Damage, DamageKind, Fill, octets::ByteOrder};

/// A frame that was read, in a form that outlives its batch.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Seen {
    pub(crate) nanos: u64,
    pub(crate) data: Vec<u8>,
    pub(crate) original: u32,
    pub(crate) link_type: u16,
    pub(crate) interface: u16,
}

/// Reads everything from `stream`.
pub(crate) fn read(stream: impl Read + Send + 'static) -> (Vec<Seen>, Option<Damage>) {
    drain(&mut CaptureReader::from_stream("sample", stream).unwrap())
}

/// Reads everything from `octets`, at once.
pub(crate) fn read_octets(octets: &[u8]) -> (Vec<Seen>, Option<Damage>) {
    read(Cursor::new(octets.to_vec()))
}

/// The kind of damage in `octets`, and how many frames came before.
pub(crate) fn damage(octets: &[u8]) -> (usize, DamageKind) {
    let (frames, damage) = read_octets(octets);
    (frames.len(), damage.unwrap().kind)
}

pub(crate) fn drain(reader: &mut CaptureReader) -> (Vec<Seen>, Option<Damage>) {
    let mut batch = Batch::new();
    let mut seen = Vec::new();
    loop {
        let before = u64::try_from(seen.len()).unwrap();
        match reader.fill(&mut batch) {
            Ok(Fill::Frames) => assert_eq!(batch.packets_before(), before),
            Ok(Fill::End) => return (seen, None),
            Err(damage) => {
                assert_eq!(damage.packet, before + 1);
                assert_eq!(reader.fill(&mut batch), Ok(Fill::End), "damage is told once");
                return (seen, Some(damage));
            }
        }
        seen.extend(batch.frames().map(|frame| Seen {
            nanos: frame.timestamp.nanos(),
            data: frame.data.to_vec(),
            original: frame.original_length,
            link_type: frame.link_type.0,
            interface: frame.interface,
        }));
    }
}

/// A stream that gives its octets in pieces of the given sizes, over and over, and is interrupted in between.
pub(crate) struct Pieces {
    octets: Cursor<Vec<u8>>,
    sizes: Vec<usize>,
    reads: usize,
}

impl Pieces {
    pub(crate) fn new(octets: &[u8], sizes: Vec<usize>) -> Self {
        Self { octets: Cursor::new(octets.to_vec()), sizes, reads: 0 }
    }
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.reads += 1;
        if self.reads.is_multiple_of(7) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let size = self.sizes[self.reads % self.sizes.len()].clamp(1, buffer.len().max(1)).min(buffer.len());
        self.octets.read(&mut buffer[..size])
    }
}

/// A stream that fails once its octets were read, as a disk does.
pub(crate) struct Failing(pub(crate) Cursor<Vec<u8>>);

impl Read for Failing {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buffer)? {
            0 if !buffer.is_empty() => Err(io::Error::other("the disk is gone")),
            read => Ok(read),
        }
    }
}

/// Numbers of 16, 32 and 64 bits in one order, and octets as they are.
pub(crate) enum Field<'a> {
    Short(u16),
    Word(u32),
    Long(u64),
    Octets(&'a [u8]),
}

pub(crate) fn fields(order: ByteOrder, fields: &[Field<'_>]) -> Vec<u8> {
    let big = order == ByteOrder::Big;
    let mut octets = Vec::new();
    for field in fields {
        match *field {
            Field::Short(n) => octets.extend(if big { n.to_be_bytes() } else { n.to_le_bytes() }),
            Field::Word(n) => octets.extend(if big { n.to_be_bytes() } else { n.to_le_bytes() }),
            Field::Long(n) => octets.extend(if big { n.to_be_bytes() } else { n.to_le_bytes() }),
            Field::Octets(some) => octets.extend(some),
        }
    }
    octets
}

/// The header of a pcap file of version 2.4.
pub(crate) fn pcap_header(order: ByteOrder, magic: u32, snap_length: u32, link_type: u32) -> Vec<u8> {
    use Field::{Long, Short, Word};
    fields(order, &[Word(magic), Short(2), Short(4), Long(0), Word(snap_length), Word(link_type)])
}

/// A record of a pcap file: a time, the packet, its original length.
pub(crate) fn record(order: ByteOrder, time: (u32, u32), data: &[u8], original: u32) -> Vec<u8> {
    use Field::{Octets, Word};
    let captured = u32::try_from(data.len()).unwrap();
    fields(order, &[Word(time.0), Word(time.1), Word(captured), Word(original), Octets(data)])
}

/// A little-endian pcap file of Ethernet in microseconds, with three packets.
pub(crate) fn small_pcap() -> Vec<u8> {
    let packets: [&[u8]; 3] = [b"one", b"", b"three"];
    let records = (1..).zip(packets).map(|(i, data)| record(ByteOrder::Little, (i, 7), data, 60));
    pcap_header(ByteOrder::Little, 0xa1b2_c3d4, 65_535, 1).into_iter().chain(records.flatten()).collect()
}

/// A pcapng block.
pub(crate) fn block(order: ByteOrder, kind: u32, body: &[u8]) -> Vec<u8> {
    use Field::{Octets, Word};
    let padding = &[0; 3][..body.len().next_multiple_of(4) - body.len()];
    let length = Word(u32::try_from(12 + body.len() + padding.len()).unwrap());
    let again = Word(u32::try_from(12 + body.len() + padding.len()).unwrap());
    fields(order, &[Word(kind), length, Octets(body), Octets(padding), again])
}

/// A pcapng section header.
pub(crate) fn section(order: ByteOrder) -> Vec<u8> {
    use Field::{Long, Short, Word};
    block(order, 0x0a0d_0d0a, &fields(order, &[Word(0x1a2b_3c4d), Short(1), Short(0), Long(u64::MAX)]))
}

/// A pcapng interface description; options are codes and values.
pub(crate) fn interface(
    order: ByteOrder,
    link_type: u16,
    snap_length: u32,
    options: &[(u16, &[u8])],
) -> Vec<u8> {
    use Field::{Octets, Short, Word};
    let mut body = fields(order, &[Short(link_type), Short(0), Word(snap_length)]);
    for (code, value) in options {
        let padding = &[0; 3][..value.len().next_multiple_of(4) - value.len()];
        let length = u16::try_from(value.len()).unwrap();
        body.extend(fields(order, &[Short(*code), Short(length), Octets(value), Octets(padding)]));
    }
    block(order, 1, &body)
}

/// A pcapng enhanced packet block.
pub(crate) fn enhanced_packet(
    order: ByteOrder,
    interface: u32,
    time: u64,
    data: &[u8],
    original: u32,
) -> Vec<u8> {
    use Field::{Octets, Word};
    let [high, low] = [time >> 32, time & 0xffff_ffff].map(|half| Word(u32::try_from(half).unwrap()));
    let captured = u32::try_from(data.len()).unwrap();
    let fields_of = [Word(interface), high, low, Word(captured), Word(original), Octets(data)];
    block(order, 6, &fields(order, &fields_of))
}

/// A pcapng file of two sections in different byte orders, with blocks of many kinds.
pub(crate) fn small_pcapng() -> Vec<u8> {
    use ByteOrder::{Big, Little};
    [
        section(Little),
        interface(Little, 1, 0, &[(2, b"eth0")]),
        enhanced_packet(Little, 0, 1_000_001, b"one", 60),
        block(Little, 0x0000_0bad, b"custom"),
        interface(Little, 101, 4, &[(9, &[9])]),
        enhanced_packet(Little, 1, 5, b"four", 4),
        block(Little, 3, b"\x05\0\0\0fiver"),
        section(Big),
        interface(Big, 113, 0, &[(9, &[3])]),
        enhanced_packet(Big, 0, 7, b"seventh", 9),
    ]
    .concat()
}

pub(crate) fn gzip(octets: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(octets).unwrap();
    encoder.finish().unwrap()
}

/// With a checksum, so that damage to the content shows.
pub(crate) fn zstd(octets: &[u8]) -> Vec<u8> {
    let mut encoder = zstd::Encoder::new(Vec::new(), 3).unwrap();
    encoder.include_checksum(true).unwrap();
    encoder.write_all(octets).unwrap();
    encoder.finish().unwrap()
}
