//! What holds of every stream and every filter program, whatever their octets: for the targets in `fuzz/` and for tests.

use std::io::{self, Read};

use crate::{
    Batch, CaptureReader, Damage, Fill,
    bpf::{Instruction, Program},
};

/// Reads `octets` as a capture at once and in pieces, whose size the first octet says. Both must give the same.
#[doc(hidden)]
pub fn fuzz_reader(octets: &[u8]) {
    let Some((&piece, stream)) = octets.split_first() else { return };
    let at_once = read(stream, usize::MAX);
    let in_pieces = read(stream, usize::from(piece).max(1));
    assert_eq!(at_once, in_pieces, "how reads divide the octets makes a difference");
}

/// Runs `octets` as a filter program, eight an instruction, on the last of them.
#[doc(hidden)]
pub fn fuzz_filter_program(octets: &[u8]) {
    let (chunks, packet) = octets.as_chunks::<8>();
    let instruction = |&[code_high, code_low, jump_true, jump_false, a, b, c, d]: &[u8; 8]| Instruction {
        code: u16::from_be_bytes([code_high, code_low]),
        jump_true,
        jump_false,
        constant: u32::from_be_bytes([a, b, c, d]),
    };
    let program = Program::new(chunks.iter().map(instruction).collect());
    let wire_octets = u32::try_from(octets.len()).unwrap_or(u32::MAX);
    // That it ends is what is tried.
    let _: bool = program.accepts(packet, wire_octets) | program.accepts(octets, wire_octets);
}

/// What a stream gave.
#[derive(Debug, Default, Eq, PartialEq)]
struct Reading {
    /// Their times, lengths on the wire, and octets.
    frames: Vec<(u64, u32, Vec<u8>)>,
    damage: Option<Damage>,
}

/// `None` if it is no capture.
fn read(octets: &[u8], piece: usize) -> Option<Reading> {
    let stream = Pieces { octets: octets.to_vec(), taken: 0, piece };
    let mut reader = CaptureReader::from_stream("fuzz", stream).ok()?;
    let (mut reading, mut batch) = (Reading::default(), Batch::new());
    loop {
        match reader.fill(&mut batch) {
            Ok(Fill::Frames) => {}
            Ok(Fill::End) => return Some(reading),
            Err(damage) => {
                assert_eq!(usize::try_from(damage.packet).ok(), Some(reading.frames.len() + 1));
                reading.damage = Some(damage);
                return Some(reading);
            }
        }
        assert_eq!(batch.frames().count(), batch.len(), "every frame lies within its batch");
        reading
            .frames
            .extend(batch.frames().map(|f| (f.timestamp.nanos(), f.original_length, f.data.to_vec())));
    }
}

struct Pieces {
    octets: Vec<u8>,
    taken: usize,
    piece: usize,
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.piece.min(buffer.len());
        let mut rest = self.octets.get(self.taken..).unwrap_or_default();
        let read = rest.read(buffer.get_mut(..length).unwrap_or_default())?;
        self.taken += read;
        Ok(read)
    }
}
