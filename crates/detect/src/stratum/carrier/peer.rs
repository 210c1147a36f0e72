//! Nodes of a currency among themselves. They follow it; whether they mine, they do not say.

use super::guess::Guess;
use crate::stratum::facts::Dialect;

pub(super) fn guess(octets: &[u8]) -> Guess {
    if LEVIN_SIGNATURE.starts_with(octets) {
        return if octets.len() == LEVIN_SIGNATURE.len() {
            Guess::Peer(Dialect::MoneroPeer)
        } else {
            Guess::More
        };
    }
    if octets.starts_with(LEVIN_SIGNATURE) {
        return Guess::Peer(Dialect::MoneroPeer);
    }
    let (magic, command) = octets.split_at(octets.len().min(BITCOIN_MAGIC_OCTETS));
    if !BITCOIN_MAGICS.iter().any(|candidate| candidate.starts_with(magic)) {
        return Guess::Unknown;
    }
    match command.get(..BITCOIN_COMMAND_OCTETS) {
        None => Guess::More,
        Some(command) if is_command(command) => Guess::Peer(Dialect::BitcoinPeer),
        Some(_) => Guess::Unknown,
    }
}

/// A word in lower case, filled up with zeros.
fn is_command(octets: &[u8]) -> bool {
    let end = octets.iter().position(|octet| *octet == 0).unwrap_or(octets.len());
    let (word, filling) = octets.split_at(end);
    !word.is_empty()
        && word.iter().all(|octet| octet.is_ascii_lowercase() || octet.is_ascii_digit())
        && filling.iter().all(|octet| *octet == 0)
}

/// Monero, `contrib/epee/include/net/levin_base.h`: `LEVIN_SIGNATURE`.
const LEVIN_SIGNATURE: &[u8] = &[0x01, 0x21, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01];

/// The first octets of every message (Bitcoin Core, `src/kernel/chainparams.cpp`, and the same file of its relatives).
const BITCOIN_MAGICS: &[[u8; BITCOIN_MAGIC_OCTETS]] = &[
    [0xf9, 0xbe, 0xb4, 0xd9], // main network
    [0x0b, 0x11, 0x09, 0x07], // testnet3
    [0x0a, 0x03, 0xcf, 0x40], // signet
    [0xfa, 0xbf, 0xb5, 0xda], // regression tests
    [0xf9, 0xbe, 0xb4, 0xfe], // Namecoin
    [0xfb, 0xc0, 0xb6, 0xdb], // Litecoin
    [0xc0, 0xc0, 0xc0, 0xc0], // Dogecoin
    [0xbf, 0x0c, 0x6b, 0xbd], // Dash
    [0xe3, 0xe1, 0xf3, 0xe8], // Bitcoin Cash
];

const BITCOIN_MAGIC_OCTETS: usize = 4;
const BITCOIN_COMMAND_OCTETS: usize = 12;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_are_known_by_magic_and_command() {
        assert_eq!(guess(b"\xf9\xbe\xb4\xd9version\0\0\0\0\0"), Guess::Peer(Dialect::BitcoinPeer));
        assert_eq!(guess(b"\xf9\xbe\xb4\xd9\x01\x02\x03\0\0\0\0\0\0\0\0\0"), Guess::Unknown);
        assert_eq!(guess(b"\xf9\xbe\xb4\xd9vers"), Guess::More);
        assert_eq!(guess(b"\x01\x21\x01\x01\x01\x01\x01\x01\x99"), Guess::Peer(Dialect::MoneroPeer));
        assert_eq!(guess(b"\x01\x21\x01\x02"), Guess::Unknown);
    }
}
