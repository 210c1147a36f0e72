//! What must hold whatever two ends say to each other.

use wire::{TcpFlags, Timestamp};

use crate::{
    names, rdp,
    stratum::{self, encrypted},
    stream::{Chunk, Direction},
};

/// A conversation by the octets: turns, each with a first octet that says who speaks and whether something is missing before it, and
/// a second one that says how many octets follow.
struct Turns<'a>(&'a [u8]);

/// Something that an end says.
#[derive(Clone, Copy)]
struct Turn<'a> {
    from_initiator: bool,
    missing: u32,
    /// How far back it begins in what was said before.
    repeated: u32,
    octets: &'a [u8],
}

impl<'a> Iterator for Turns<'a> {
    type Item = Turn<'a>;

    fn next(&mut self) -> Option<Turn<'a>> {
        let &[how, length, ref rest @ ..] = self.0 else { return None };
        let (octets, rest) = rest.split_at(usize::from(length).min(rest.len()));
        self.0 = rest;
        let missing = if how & 2 == 0 { 0 } else { u32::from(how >> 4) * 100 + 1 };
        let repeated = if how & 4 == 0 { 0 } else { u32::from(how >> 4) };
        Some(Turn { from_initiator: how & 1 == 0, missing, repeated, octets })
    }
}

/// Those who listen to a conversation.
struct Ears {
    mining: stratum::Session,
    encrypted: encrypted::Session,
    desktop: rdp::Connection,
}

impl Ears {
    fn new(is_midstream: bool) -> Self {
        Self {
            mining: stratum::Session::new(is_midstream),
            encrypted: encrypted::Session::new(is_midstream),
            desktop: rdp::Connection::new(),
        }
    }

    fn hear(&mut self, from_initiator: bool, time: Timestamp, chunk: Chunk<'_>) {
        match chunk {
            Chunk::Octets(octets) => {
                self.mining.octets(from_initiator, time, octets);
                self.encrypted.octets(from_initiator, time, octets);
                self.desktop.octets(from_initiator, time, octets);
            }
            Chunk::Gap(missing) => {
                self.mining.gap(from_initiator);
                self.encrypted.gap(from_initiator, missing);
                self.desktop.gap(from_initiator, missing.into());
            }
        }
        while self.desktop.next_fact().is_some() {}
    }

    /// Everything that came of it.
    fn outcome(mut self, time: Timestamp) -> String {
        self.mining.end();
        self.encrypted.end(time);
        self.desktop.ended(time);
        let (mining, encrypted) = (self.mining.facts(), self.encrypted.facts());
        let verdicts = (stratum::judge::judge(mining), encrypted::judge(encrypted));
        format!(
            "{mining:?} {encrypted:?} {verdicts:?} {:?} {:?}",
            self.desktop.description(),
            self.desktop.logon()
        )
    }
}

/// Has all listen to a conversation, whole and cut into small pieces, and checks that this makes no difference. The first octet says
/// whether it was seen from its beginning.
#[doc(hidden)]
pub fn fuzz_conversation(octets: &[u8]) {
    let Some((first, turns)) = octets.split_first() else { return };
    let is_midstream = first & 1 == 1;
    let outcomes = [usize::MAX, 1, 7].map(|piece| {
        let mut ears = Ears::new(is_midstream);
        let mut seconds = 0;
        for (turn, second) in Turns(turns).zip(1..) {
            seconds = second;
            let time = Timestamp::from_parts(u64::from(*first) + seconds * 9, 0);
            if turn.missing > 0 {
                ears.hear(turn.from_initiator, time, Chunk::Gap(turn.missing));
            }
            for piece in turn.octets.chunks(piece) {
                ears.hear(turn.from_initiator, time, Chunk::Octets(piece));
            }
        }
        ears.outcome(Timestamp::from_parts(u64::from(*first) + seconds * 9 + 1, 0))
    });
    let [whole, others @ ..] = &outcomes;
    assert!(others.iter().all(|cut| cut == whole), "cutting makes a difference: {outcomes:#?}");
}

/// Shows segments that overlap, repeat, leave gaps and go back, and checks what a direction makes of them.
#[doc(hidden)]
pub fn fuzz_segments(octets: &[u8]) {
    let (mut direction, mut next) = (Direction::new(), 0_u32);
    let mut check = |chunk: Chunk<'_>| match chunk {
        Chunk::Octets(octets) => assert!(!octets.is_empty()),
        Chunk::Gap(missing) => assert!(missing > 0),
    };
    for turn in Turns(octets) {
        let sequence = next.wrapping_add(turn.missing).wrapping_sub(turn.repeated);
        direction.segment(sequence, TcpFlags::ACK, turn.octets, &mut check);
        if !turn.from_initiator {
            direction.acknowledged(sequence, &mut check);
        }
        next = sequence.wrapping_add(u32::try_from(turn.octets.len()).unwrap_or_default());
        assert!(direction.held_octets() <= crate::stream::MAX_HELD_OCTETS);
    }
    direction.finish(check);
    assert_eq!(direction.held_octets(), 0);
}

/// Reads octets as a message of DNS.
#[doc(hidden)]
pub fn fuzz_names(octets: &[u8]) {
    names::answers(octets, |_, name| assert!(!name.is_empty() && name.len() <= 253 && name.is_ascii()));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Turns with words that listeners know, so that they get beyond the first octet.
    fn conversation() -> impl Strategy<Value = Vec<u8>> {
        let words = prop::sample::select(vec![
            &b"{\"id\":1,\"method\":\"mining.subscribe\",\"params\":[]}\n"[..],
            b"{\"id\":1,\"result\":true,\"error\":null}\n",
            b"{\"id\":1,\"jsonrpc\":\"2.0\",\"method\":\"login\",\"params\":{\"login\":\"w\",\"pass\":\"x\"}}\n",
            b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\n{\"id\"",
            b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
            b"\x05\x01\x00",
            b"\x03\x00\x00\x13\x0e\xe0\x00\x00\x00\x00\x00\x01\x00\x08\x00\x0b\x00\x00\x00",
            b"\x03\x00\x00\x13\x0e\xd0\x00\x00\x12\x34\x00\x02\x00\x08\x00\x02\x00\x00\x00",
            b"\x17\x03\x03\x00\x20aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            b"\x81\x85\x00\x00\x00\x00{\"id\"",
        ]);
        let said =
            prop_oneof![3 => words.prop_map(<[u8]>::to_vec), 1 => prop::collection::vec(any::<u8>(), 0..40)];
        let turn = (any::<u8>(), said).prop_map(|(how, said)| {
            let length = u8::try_from(said.len()).unwrap();
            [vec![how, length], said].concat()
        });
        prop::collection::vec(turn, 0..12).prop_map(|turns| turns.concat())
    }

    proptest! {
        #[test]
        fn anything_can_be_said(first: u8, said in conversation()) {
            fuzz_conversation(&[vec![first], said].concat());
        }

        #[test]
        fn segments_can_come_anyhow(said in conversation()) {
            fuzz_segments(&said);
        }
    }
}
