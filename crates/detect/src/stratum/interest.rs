use memchr::memmem;

use super::carrier::{Guess, guess};

/// Whether a connection can be about mining, by the first octets of one of its ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Interest {
    /// No: nothing needs to be kept.
    No,
    /// Only by the sizes of what is sent: as many octets as the key that encrypted Stratum V2 begins with, or as a greeting
    /// among nodes of Ethereum says of itself.
    Sizes,
    /// It may: a [`super::Session`] should listen.
    Maybe,
}

/// A first look at the first octets that an end sends, the payload of its first segment. It keeps nothing, and for most protocols
/// costs a look at one octet.
///
/// A connection that began before the capture may begin in the middle of a message; there the first octets of a few segments
/// deserve a look.
pub fn interest(octets: &[u8]) -> Interest {
    match guess(octets) {
        Guess::Lines | Guess::WebSocket | Guess::Socks | Guess::StratumV2 | Guess::Peer(_) | Guess::More => {
            if octets.is_empty() {
                Interest::No
            } else {
                Interest::Maybe
            }
        }
        Guess::Http if is_http_of_interest(octets) => Interest::Maybe,
        Guess::Unknown if octets.len() == NOISE_KEY_OCTETS || is_rlpx(octets) => Interest::Sizes,
        Guess::Http | Guess::Tls | Guess::Unknown => Interest::No,
    }
}

/// A size that is that of the rest, then an uncompressed key (EIP-8).
fn is_rlpx(octets: &[u8]) -> bool {
    match octets {
        [high, low, 4, ..] => octets.len() == 2 + usize::from(u16::from_be_bytes([*high, *low])),
        _ => false,
    }
}

/// Most of HTTP is pages: only tunnels, `WebSocket` and requests with JSON lead anywhere.
fn is_http_of_interest(octets: &[u8]) -> bool {
    let head = octets.get(..MAX_HEAD_LOOK.min(octets.len())).unwrap_or_default();
    let has = |word: &[u8]| memmem::find(head, word).is_some();
    match octets.first() {
        Some(b'C') => true,
        Some(b'G') => has(b"ebsocket") || has(b"ebSocket") || has(b"X-Mining-"),
        Some(b'H') => {
            octets.get(9..12) == Some(b"101") || has(b"onnection established") || has(b"application/json")
        }
        // A body that comes later may be JSON.
        _ => match memmem::find(head, b"\r\n\r\n").and_then(|end| octets.get(end + 4)) {
            Some(first) => matches!(first, b'{' | b'[') || first.is_ascii_whitespace() || has(b"chunked"),
            None => !has(b"multipart/") && !has(b"x-www-form-urlencoded"),
        },
    }
}

/// How far into a head the look goes.
const MAX_HEAD_LOOK: usize = 2_048;
/// Stratum V2 specification, 4.5.
const NOISE_KEY_OCTETS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_protocols_are_of_no_interest() {
        for octets in [
            &b""[..],
            b"SSH-2.0-OpenSSH_9.2\r\n",
            b"\x16\x03\x01\x02\x00\x01",
            b"GET / HTTP/1.1\r\nHost: www.example.org\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<p>",
            b"POST /login HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\n\r\nuser=a",
            b"220 mail.example ESMTP\r\n",
            b"EHLO mail.example\r\n",
            b"\x03\x00\x00\x13\x0e\xe0",
        ] {
            assert_eq!(interest(octets), Interest::No, "{}", String::from_utf8_lossy(octets));
        }
    }

    #[test]
    fn what_can_carry_mining_deserves_a_session() {
        for octets in [
            &b"{\"id\":1"[..],
            b"POST / HTTP/1.1\r\nContent-Type: application/json\r\n\r\n",
            b"POST / HTTP/1.1\r\n\r\n{\"id\":0}",
            b"CONNECT pool.example:3333 HTTP/1.1\r\n\r\n",
            b"GET /ws HTTP/1.1\r\nUpgrade: websocket\r\n\r\n",
            b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
            b"\x05\x01\x00",
            b"\x81\xfe\x01\x00",
            b"\x01\x21\x01\x01\x01\x01\x01\x01",
        ] {
            assert_eq!(interest(octets), Interest::Maybe, "{}", String::from_utf8_lossy(octets));
        }
        assert_eq!(interest(&[0xee; 64]), Interest::Sizes);
    }
}
