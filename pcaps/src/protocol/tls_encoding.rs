//! How TLS writes what has a length (RFC 8446, section 3.4).

use crate::packet::length16;

/// A message of the handshake protocol (RFC 8446, section 4).
pub(crate) fn handshake_message(kind: u8, body: &[u8]) -> Vec<u8> {
    let [.., high, middle, low] = body.len().to_be_bytes();
    [&[kind, high, middle, low], body].concat()
}

/// An extension of a hello (RFC 8446, section 4.2).
pub(crate) fn extension(kind: u16, data: &[u8]) -> Vec<u8> {
    [&kind.to_be_bytes()[..], &vector16(data)].concat()
}

/// Octets behind their count in one octet (RFC 8446, section 3.4).
pub(crate) fn vector8(octets: &[u8]) -> Vec<u8> {
    let [.., count] = octets.len().to_be_bytes();
    [&[count], octets].concat()
}

/// Octets behind their count in two octets.
pub(crate) fn vector16(octets: &[u8]) -> Vec<u8> {
    [&length16(octets.len()).to_be_bytes()[..], octets].concat()
}

/// Octets behind their count in three octets.
pub(crate) fn vector24(octets: &[u8]) -> Vec<u8> {
    let [.., high, middle, low] = octets.len().to_be_bytes();
    [&[high, middle, low], octets].concat()
}
