use aes_gcm::{
    AeadInPlace as _, Aes128Gcm, KeyInit as _, Nonce, Tag,
    aes::{Aes128, Block, cipher::BlockEncrypt as _},
};
use hkdf::Hkdf;
use sha2::Sha256;

use crate::octets::Octets;

/// An Initial packet, still protected.
#[derive(Clone, Copy, Debug)]
pub(super) struct Initial<'a> {
    version: Version,
    destination: &'a [u8],
    /// From the first octet to the end of the packet.
    octets: &'a [u8],
    /// Where in `octets` the packet number begins, whose length is protected, too.
    number_at: usize,
}

/// What protects the Initial packets of a client.
#[derive(Clone, Debug)]
pub(super) struct Keys {
    key: [u8; 16],
    nonce: [u8; 12],
    header: [u8; 16],
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Version {
    One,
    Two,
}

/// Whether a datagram begins like an Initial packet of a client.
pub(crate) fn is_initial(datagram: &[u8]) -> bool {
    // The client's first identifier has eight octets at least (RFC 9000, 7.2). Servers discard datagrams that are shorter (14.1).
    datagram.len() >= MIN_DATAGRAM_OCTETS
        && Initial::read(datagram).is_some_and(|(packet, _)| packet.destination.len() >= 8)
}

impl<'a> Initial<'a> {
    /// Reads the header of a packet, and gives what follows it in the datagram.
    pub(super) fn read(datagram: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let mut octets = Octets::new(datagram);
        let first = octets.u8()?;
        let version = Version::of(octets.u32_be()?)?;
        let is_initial = first & LONG_HEADER == LONG_HEADER && first >> 4 & 0b11 == version.initial_type();
        is_initial.then_some(())?;
        let destination = octets.vector8().filter(|identifier| identifier.len() <= MAX_IDENTIFIER_OCTETS)?;
        let _source = octets.vector8().filter(|identifier| identifier.len() <= MAX_IDENTIFIER_OCTETS)?;
        let token = usize::try_from(octets.quic_integer()?).ok()?;
        octets.take(token)?;
        let length = usize::try_from(octets.quic_integer()?).ok()?;
        let number_at = datagram.len() - octets.rest().len();
        octets.take(length)?;
        let (octets, next) = datagram.split_at_checked(number_at + length)?;
        Some((Self { version, destination, octets, number_at }, next))
    }

    pub(super) const fn version(&self) -> u32 {
        match self.version {
            Version::One => VERSION_1,
            Version::Two => VERSION_2,
        }
    }

    /// The keys of a client whose first packet this is.
    pub(super) fn keys(&self) -> Option<Keys> {
        let initial = Hkdf::<Sha256>::new(Some(self.version.salt()), self.destination);
        let mut secret = [0; 32];
        initial.expand(&label("client in", secret.len()), &mut secret).ok()?;
        let secret = Hkdf::<Sha256>::from_prk(&secret).ok()?;
        let [key, nonce, header] = self.version.labels();
        let mut keys = Keys { key: [0; 16], nonce: [0; 12], header: [0; 16] };
        secret.expand(&label(key, keys.key.len()), &mut keys.key).ok()?;
        secret.expand(&label(nonce, keys.nonce.len()), &mut keys.nonce).ok()?;
        secret.expand(&label(header, keys.header.len()), &mut keys.header).ok()?;
        Some(keys)
    }

    /// The frames of the packet. `None` if other keys protect it.
    pub(super) fn open(&self, keys: &Keys) -> Option<Vec<u8>> {
        // RFC 9001, 5.4: the sample begins as if the packet number were as long as it can be.
        let sample = self.octets.get(self.number_at + MAX_NUMBER_OCTETS..)?.first_chunk::<16>()?;
        let mut mask = Block::from(*sample);
        Aes128::new(&keys.header.into()).encrypt_block(&mut mask);
        let [first_mask, number_mask @ ..]: [u8; 16] = mask.into();
        let first = self.octets.first()? ^ first_mask & 0x0f;
        let number_octets = usize::from(first & 0b11) + 1;

        let (header, body) = self.octets.split_at_checked(self.number_at + number_octets)?;
        let mut header = header.to_vec();
        *header.first_mut()? = first;
        let mut nonce = keys.nonce;
        let number = header.get_mut(self.number_at..)?;
        for (octet, mask) in number.iter_mut().zip(number_mask) {
            *octet ^= mask;
        }
        // The first packets have numbers that are sent whole.
        for (octet, number) in nonce.iter_mut().rev().zip(number.iter().rev()) {
            *octet ^= number;
        }
        let (body, tag) = body.split_last_chunk::<16>()?;
        let mut frames = body.to_vec();
        let cipher = Aes128Gcm::new(&keys.key.into());
        let opened = cipher.decrypt_in_place_detached(
            Nonce::from_slice(&nonce),
            &header,
            &mut frames,
            Tag::from_slice(tag),
        );
        opened.ok().map(|()| frames)
    }
}

impl Version {
    const fn of(number: u32) -> Option<Self> {
        match number {
            VERSION_1 => Some(Self::One),
            VERSION_2 => Some(Self::Two),
            _ => None,
        }
    }

    /// RFC 9000, 17.2, and RFC 9369, 3.2.
    const fn initial_type(self) -> u8 {
        match self {
            Self::One => 0b00,
            Self::Two => 0b01,
        }
    }

    /// RFC 9001, 5.2, and RFC 9369, 3.3.1.
    const fn salt(self) -> &'static [u8; 20] {
        match self {
            Self::One => b"\x38\x76\x2c\xf7\xf5\x59\x34\xb3\x4d\x17\x9a\xe6\xa4\xc8\x0c\xad\xcc\xbb\x7f\x0a",
            Self::Two => b"\x0d\xed\xe3\xde\xf7\x00\xa6\xdb\x81\x93\x81\xbe\x6e\x26\x9d\xcb\xf9\xbd\x2e\xd9",
        }
    }

    /// RFC 9001, 5.1, and RFC 9369, 3.3.2.
    const fn labels(self) -> [&'static str; 3] {
        match self {
            Self::One => ["quic key", "quic iv", "quic hp"],
            Self::Two => ["quicv2 key", "quicv2 iv", "quicv2 hp"],
        }
    }
}

/// What HKDF-Expand-Label expands with (RFC 8446, 7.1), without a context.
fn label(label: &str, octets: usize) -> Vec<u8> {
    let octets = u16::try_from(octets).unwrap_or_default();
    let length = u8::try_from(LABEL_PREFIX.len() + label.len()).unwrap_or_default();
    [&octets.to_be_bytes()[..], &[length], LABEL_PREFIX, label.as_bytes(), &[0]].concat()
}

/// RFC 9000, 14.1.
const MIN_DATAGRAM_OCTETS: usize = 1_200;
const LABEL_PREFIX: &[u8] = b"tls13 ";
const VERSION_1: u32 = 1;
const VERSION_2: u32 = 0x6b33_43cf;
/// The form and the fixed bit (RFC 9000, 17.2).
const LONG_HEADER: u8 = 0xc0;
/// RFC 9000, 17.2.
const MAX_IDENTIFIER_OCTETS: usize = 20;
const MAX_NUMBER_OCTETS: usize = 4;

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// What a client makes of a header with its packet number in the clear, and of frames.
    pub(in super::super) fn protect(header: &[u8], frames: &[u8]) -> Vec<u8> {
        let unprotected = [header, frames, &[0; 16]].concat();
        let (packet, _) = Initial::read(&unprotected).unwrap();
        let keys = packet.keys().unwrap();
        let mut nonce = keys.nonce;
        for (octet, number) in nonce.iter_mut().rev().zip(header[packet.number_at..].iter().rev()) {
            *octet ^= number;
        }
        let mut body = frames.to_vec();
        let cipher = Aes128Gcm::new(&keys.key.into());
        let tag = cipher.encrypt_in_place_detached(Nonce::from_slice(&nonce), header, &mut body).unwrap();
        let mut protected = [header, &body, &tag].concat();
        let sample: [u8; 16] = protected[packet.number_at + 4..][..16].try_into().unwrap();
        let mut mask = Block::from(sample);
        Aes128::new(&keys.header.into()).encrypt_block(&mut mask);
        protected[0] ^= mask[0] & 0x0f;
        for (octet, mask) in protected[packet.number_at..header.len()].iter_mut().zip(&mask[1..]) {
            *octet ^= mask;
        }
        protected
    }

    #[test]
    fn the_second_version_has_keys_of_its_own() {
        // RFC 9369, A.1, for the client's identifier of RFC 9001.
        let header = b"\xd3\x6b\x33\x43\xcf\x08\x83\x94\xc8\xf0\x3e\x51\x57\x08\0\0\x40\x30\0\0\0\x02";
        let datagram = [&header[..], &[0; 44]].concat();
        let (packet, rest) = Initial::read(&datagram).unwrap();
        assert!(rest.is_empty());
        let keys = packet.keys().unwrap();
        assert_eq!(keys.key, *b"\x8b\x1a\x0b\xc1\x21\x28\x42\x90\xa2\x9e\x09\x71\xb5\xcd\x04\x5d");
        assert_eq!(keys.nonce, *b"\x91\xf7\x3e\x23\x51\xd8\xfa\x91\x66\x0e\x90\x9f");
        assert_eq!(keys.header, *b"\x45\xb9\x5e\x15\x23\x5d\x6f\x45\xa6\xb1\x9c\xbc\xb0\x29\x4b\xa9");
    }
}
