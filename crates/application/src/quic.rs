//! The hello of a QUIC client, from its Initial packets (RFC 9000, 17.2.2; RFC 9001, 5; RFC 9369).
//!
//! Their keys follow from the connection identifier that the client chose, which stands in them: they hide nothing, and are there so
//! that machines on the way do not grow used to what is inside.

mod initial;

use crate::{
    TlsClient,
    octets::Octets,
    tls::{CLIENT_HELLO, Carrier, ClientHello},
    tls_session,
};
use initial::{Initial, Keys};

pub(crate) use initial::is_initial;

/// The hello of a client, as far as it is there.
#[derive(Debug, Default)]
pub(crate) struct Handshake {
    version: u32,
    /// From the first packet; a server that asks to try again has them change (RFC 9001, 5.2).
    keys: Option<Keys>,
    /// Pieces of the stream of handshake messages, with their offsets.
    pieces: Vec<(usize, Box<[u8]>)>,
    octets: usize,
}

impl Handshake {
    pub(crate) const fn version(&self) -> u32 {
        self.version
    }

    pub(crate) const fn octets(&self) -> usize {
        size_of::<Self>() + self.octets
    }

    /// Takes in a datagram of either end, and says what the hello says, if it is whole now.
    pub(crate) fn datagram(&mut self, datagram: &[u8]) -> Option<TlsClient> {
        let (mut rest, mut unopened) = (datagram, 0);
        // Several packets may share a datagram (RFC 9000, 12.2).
        while let Some((packet, next)) = Initial::read(rest).filter(|_| unopened < MAX_UNOPENED) {
            if let Some(frames) = self.open(&packet) {
                self.version = packet.version();
                self.frames(&frames);
            } else {
                unopened += 1;
            }
            rest = next;
        }
        self.hello()
    }

    /// The frames of a packet, by the keys that are known or those that it names.
    fn open(&mut self, packet: &Initial<'_>) -> Option<Vec<u8>> {
        if let Some(keys) = &self.keys
            && let Some(frames) = packet.open(keys)
        {
            return Some(frames);
        }
        let keys = packet.keys()?;
        let frames = packet.open(&keys)?;
        self.keys = Some(keys);
        Some(frames)
    }

    /// Takes the pieces of handshake messages out of the frames (RFC 9000, 19) that may be in an Initial packet (17.2.2).
    fn frames(&mut self, frames: &[u8]) -> Option<()> {
        let mut frames = Octets::new(frames);
        loop {
            match frames.u8()? {
                PADDING | PING => {}
                kind @ (ACK | ACK_WITH_COUNTS) => {
                    let (_largest, _delay) = (frames.quic_integer()?, frames.quic_integer()?);
                    let ranges = frames.quic_integer()?;
                    let _first_range = frames.quic_integer()?;
                    let counts = if kind == ACK_WITH_COUNTS { 3 } else { 0 };
                    for _ in 0..ranges.checked_mul(2)?.checked_add(counts)? {
                        frames.quic_integer()?;
                    }
                }
                CRYPTO => {
                    let offset = usize::try_from(frames.quic_integer()?).ok()?;
                    let length = usize::try_from(frames.quic_integer()?).ok()?;
                    self.piece(offset, frames.take(length)?);
                }
                _ => return None,
            }
        }
    }

    fn piece(&mut self, offset: usize, octets: &[u8]) {
        let is_within = offset.saturating_add(octets.len()) <= MAX_OCTETS;
        if is_within && self.octets + octets.len() <= MAX_OCTETS && self.pieces.len() < MAX_PIECES {
            self.octets += octets.len();
            self.pieces.push((offset, octets.into()));
        }
    }

    /// Joins the pieces, which come in any order and may overlap, and reads them.
    fn hello(&mut self) -> Option<TlsClient> {
        self.pieces.sort_by_key(|(offset, _)| *offset);
        let mut stream = Vec::with_capacity(self.octets);
        for (offset, octets) in &self.pieces {
            // Nothing follows a gap yet.
            let known = stream.len().checked_sub(*offset)?;
            stream.extend_from_slice(octets.get(known..).unwrap_or_default());
        }
        let mut octets = Octets::new(&stream);
        (octets.u8()? == CLIENT_HELLO).then_some(())?;
        let length = octets.u24_be()?;
        let hello = ClientHello::of_body(octets.take(length)?)?;
        Some(tls_session::client(&hello, Carrier::Quic))
    }
}

const PADDING: u8 = 0x00;
const PING: u8 = 0x01;
const ACK: u8 = 0x02;
const ACK_WITH_COUNTS: u8 = 0x03;
const CRYPTO: u8 = 0x06;
/// Of the stream: hellos with keys against quantum computers have some 1,800.
const MAX_OCTETS: usize = 8 * 1024;
/// Some clients cut their hello into a dozen and shuffle them.
const MAX_PIECES: usize = 64;

/// Of a datagram, packets that no key opens, each of which costs keys of its own: one can be filled with dozens.
const MAX_UNOPENED: u8 = 2;

#[cfg(test)]
mod tests;
