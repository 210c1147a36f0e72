use super::guess::Guess;
use super::peer;
use super::stratum_v2;

/// Guesses from the first octets. Sixteen of them always are enough: magic and command of
/// Bitcoin's nodes.
pub(in crate::stratum) fn guess(octets: &[u8]) -> Guess {
    let Some(first) = octets.first() else { return Guess::More };
    match first {
        b'{' => Guess::Lines,
        // A batch of JSON-RPC.
        b'[' => words(octets, &[b"[{"], Guess::Lines),
        b'P' | b'G' | b'C' | b'H' => words(octets, HTTP_WORDS, Guess::Http),
        0x00 if octets.get(1).is_some_and(|reply| SOCKS_4_REPLIES.contains(reply)) => Guess::Socks,
        0x00 => stratum_v2::guess(octets),
        0x01 | 0x0a | 0x0b | 0xbf | 0xc0 | 0xc1 | 0xd9 | 0xe3 | 0xf9 | 0xfa | 0xfb | 0xfc => {
            peer::guess(octets)
        }
        0x04 => words(octets, &[b"\x04\x01"], Guess::Socks),
        0x05 => Guess::Socks,
        0x16 => Guess::Tls,
        0x81 | 0x82 => websocket(octets),
        _ => Guess::Unknown,
    }
}

/// Is this one of the words, or may it become one?
fn words(octets: &[u8], words: &[&[u8]], guess: Guess) -> Guess {
    if words.iter().any(|word| octets.starts_with(word)) {
        guess
    } else if words.iter().any(|word| word.starts_with(octets)) {
        Guess::More
    } else {
        Guess::Unknown
    }
}

/// A whole message in a frame (RFC 6455, 5.2) that begins like JSON, or like an event of socket.io.
fn websocket(octets: &[u8]) -> Guess {
    let Some(second) = octets.get(1) else { return Guess::More };
    let (is_masked, length) = (second & 0x80 != 0, second & 0x7f);
    let key_at = match length {
        126 => 4,
        127 => 10,
        _ => 2,
    };
    let payload_at = if is_masked { key_at + 4 } else { key_at };
    let Some(octet) = octets.get(payload_at) else {
        return if length == 0 { Guess::Unknown } else { Guess::More };
    };
    let mask = if is_masked { octets.get(key_at).copied().unwrap_or_default() } else { 0 };
    if matches!(octet ^ mask, b'{' | b'4') { Guess::WebSocket } else { Guess::Unknown }
}

/// What a SOCKS4 proxy says of a request after an octet of 0: granted, or why not.
const SOCKS_4_REPLIES: std::ops::RangeInclusive<u8> = 0x5a..=0x5d;
const HTTP_WORDS: &[&[u8]] = &[b"POST ", b"GET ", b"CONNECT ", b"HTTP/1."];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_octets_tell() {
        let cases: &[(&[u8], Guess)] = &[
            (b"", Guess::More),
            (b"{", Guess::Lines),
            (b"POST / HT", Guess::Http),
            (b"PO", Guess::More),
            (b"PUT /", Guess::Unknown),
            (b"CONNECT pool.example:3333 HTTP/1.1", Guess::Http),
            (b"HTTP/1.1 200", Guess::Http),
            (b"\x05\x01\x00", Guess::Socks),
            (b"\x04\x01\x0d\x05", Guess::Socks),
            (b"\x04\x02\x0d\x05", Guess::Unknown),
            (b"\x00\x5a\x00\x00", Guess::Socks),
            (b"[{\"id\"", Guess::Lines),
            (b"[1, 2", Guess::Unknown),
            (b"\x16\x03\x01", Guess::Tls),
            (b"\x81\x05{\"a\"", Guess::WebSocket),
            (b"\x81\x85\x01\x02\x03\x04\x7a", Guess::WebSocket),
            (b"\x81\xfe\x01\x00\x01\x02\x03\x04", Guess::More),
            (b"\x81\x05hello", Guess::Unknown),
            (b"SSH-2.0-", Guess::Unknown),
        ];
        for (octets, expected) in cases {
            assert_eq!(guess(octets), *expected, "{octets:x?}");
        }
    }

    #[test]
    fn sixteen_octets_are_always_enough() {
        for first in 0..=255_u8 {
            for filling in [0, 1, 0x7e, 0x7f, 0xff, b'{'] {
                let mut octets = [filling; 16];
                octets[0] = first;
                assert_ne!(guess(&octets), Guess::More, "{octets:x?}");
            }
        }
    }
}
