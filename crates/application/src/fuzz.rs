//! What must hold whatever two ends say to each other.

use wire::{Tcp, TcpFlags};

use crate::{Application, datagrams::Datagrams, segments::Segments};

/// Turns, each with a first octet that says who speaks and how far ahead, and a second one that says how many octets follow.
fn turns(mut octets: &[u8]) -> impl Iterator<Item = (bool, u8, &[u8])> {
    std::iter::from_fn(move || {
        let &[how, length, ref rest @ ..] = octets else { return None };
        let (said, rest) = rest.split_at(usize::from(length).min(rest.len()));
        octets = rest;
        Some((how & 1 == 0, how >> 1, said))
    })
}

/// Reads segments of both ends, of which some come out of order. The first octet says whether it is DNS.
#[doc(hidden)]
pub fn fuzz_stream(octets: &[u8]) {
    let Some((first, said)) = octets.split_first() else { return };
    let mut segments = Segments::new(first & 1 == 1, (first & 2 == 2).then_some(99));
    let (mut known, mut next) = (None, [100_u32, 500]);
    for (from_initiator, ahead, said) in turns(said) {
        let [initiator, responder] = &mut next;
        let next = if from_initiator { initiator } else { responder };
        let sequence = next.wrapping_add(u32::from(ahead & 0x3));
        let flags = if ahead == 0x7f { TcpFlags::RST } else { TcpFlags::ACK };
        segments.segment(from_initiator, &Tcp { sequence, flags, ..Tcp::default() }, said, &mut known);
        *next = sequence.wrapping_add(u32::try_from(said.len()).unwrap_or_default());
        assert!(segments.octets() <= 2 * (32 * 1024 + crate::stream::MAX_HELD_OCTETS));
    }
    known.iter().for_each(check);
}

/// Reads datagrams. The first octet says whether they are of DNS.
#[doc(hidden)]
pub fn fuzz_datagrams(octets: &[u8]) {
    let Some((first, said)) = octets.split_first() else { return };
    let (mut datagrams, mut known) = (Datagrams::new(first & 1 == 1), None);
    for (_, _, said) in turns(said) {
        if !datagrams.is_done() {
            datagrams.datagram(said, &mut known);
        }
    }
    if !datagrams.is_done() {
        datagrams.datagram(said, &mut known);
    }
    known.iter().for_each(check);
}

/// Text can be shown, and all of it is bounded.
fn check(known: &Application) {
    assert!(known.octets() < 8 * 1024, "{known:?}");
    let shown = format!("{known:?}");
    assert!(!shown.contains(['\n', '\0']), "{shown}");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        dns::tests::message,
        tls::sample::{client_hello, server_hello},
    };

    /// Turns with words that readers know, so that they get beyond the first octet.
    fn said() -> impl Strategy<Value = Vec<u8>> {
        let query = message(7, 0x0100);
        let words = prop::sample::select(vec![
            b"GET / HTTP/1.1\r\nHost: \xffa\r\n\r\n".to_vec(),
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n".to_vec(),
            b"Content-Type: \x7f\r\n\r\n".to_vec(),
            b"SSH-2.0-a\r\n".to_vec(),
            client_hello(Some("a\n.example")),
            server_hello(0x0303, 0xc030),
            [&[0, u8::try_from(query.len()).unwrap()][..], &query].concat(),
            query,
            b"\x16\x03\x03\x00\x04\x0b\x00\x00\x08".to_vec(),
            b"\xc0\x00\x00\x00\x01\x08abcdefgh\x00\x00\x40\x20".to_vec(),
        ]);
        let said = prop_oneof![3 => words, 1 => prop::collection::vec(any::<u8>(), 0..40)];
        let turn = (any::<u8>(), said)
            .prop_map(|(how, said)| [vec![how, u8::try_from(said.len()).unwrap()], said].concat());
        prop::collection::vec(turn, 0..12).prop_map(|turns| turns.concat())
    }

    proptest! {
        #[test]
        fn streams_can_say_anything(first: u8, said in said()) {
            fuzz_stream(&[vec![first], said].concat());
        }

        #[test]
        fn datagrams_can_say_anything(first: u8, said in said()) {
            fuzz_datagrams(&[vec![first], said].concat());
        }

        #[test]
        fn certificates_can_be_anything(body in prop::collection::vec(any::<u8>(), 0..200)) {
            let _nothing = crate::certificate::first(&body);
        }
    }
}
