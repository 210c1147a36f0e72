//! Connections as lists of what their ends say.

#![allow(dead_code, unused_imports, clippy::allow_attributes, reason = "each test binary uses a part of it")]
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test ends where its setting fails")]

use detect::stratum::judge::{Verdict, judge};
use detect::stratum::{Facts, Session};
use wire::Timestamp;

pub(crate) mod sessions;

/// Who speaks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum By {
    /// Who opened the connection.
    Initiator,
    /// The other end.
    Responder,
}

pub(crate) use By::{Initiator as M, Responder as P};

/// What an end says at once.
pub(crate) type Turn = (By, Vec<u8>);

/// Lines of text, each with its newline.
pub(crate) fn lines(turns: &[(By, &str)]) -> Vec<Turn> {
    turns.iter().map(|(by, line)| (*by, format!("{line}\n").into_bytes())).collect()
}

/// Texts as they are.
pub(crate) fn texts(turns: &[(By, &str)]) -> Vec<Turn> {
    turns.iter().map(|(by, text)| (*by, text.as_bytes().to_vec())).collect()
}

/// Lets both ends speak, one turn every ten seconds, each cut into pieces of at most so many octets.
pub(crate) fn listen_cut(turns: &[Turn], is_midstream: bool, size: usize) -> Session {
    let mut session = Session::new(is_midstream);
    for (number, (by, octets)) in (1_u64..).zip(turns) {
        let time = Timestamp::from_parts(1_000_000 + 10 * number, 0);
        for piece in octets.chunks(size.max(1)) {
            session.octets(*by == By::Initiator, time, piece);
        }
    }
    session.end();
    session
}

/// The verdict where segments of both ends were captured, whether they speak or not.
pub(crate) fn verdict_of_both_ways(turns: &[Turn], is_midstream: bool) -> Option<Verdict> {
    let mut session = Session::new(is_midstream);
    session.captured(true);
    session.captured(false);
    for (number, (by, octets)) in (1_u64..).zip(turns) {
        let time = Timestamp::from_parts(1_000_000 + 10 * number, 0);
        session.octets(*by == By::Initiator, time, octets);
    }
    session.end();
    judge(session.facts())
}

/// As they say it.
pub(crate) fn listen(turns: &[Turn]) -> Session {
    listen_cut(turns, false, usize::MAX)
}

/// The facts, after making sure that cutting makes no difference.
pub(crate) fn facts(turns: &[Turn]) -> Facts {
    let whole = listen(turns).facts().clone();
    for size in [1, 2, 3, 7, 64, 1_448] {
        assert_eq!(*listen_cut(turns, false, size).facts(), whole, "in pieces of {size} octets");
    }
    whole
}

/// The facts of a connection that began before the capture.
pub(crate) fn facts_midstream(turns: &[Turn]) -> Facts {
    let whole = listen_cut(turns, true, usize::MAX).facts().clone();
    assert_eq!(*listen_cut(turns, true, 1).facts(), whole);
    whole
}

/// The verdict on lines.
pub(crate) fn verdict(turns: &[Turn]) -> Option<Verdict> {
    judge(&facts(turns))
}

/// Only what one end says.
pub(crate) fn only(by: By, turns: &[Turn]) -> Vec<Turn> {
    turns.iter().filter(|(speaker, _)| *speaker == by).cloned().collect()
}

/// An HTTP request with a JSON body.
pub(crate) fn post(body: &str) -> Vec<u8> {
    format!(
        "POST / HTTP/1.1\r\nHost: node.example:8332\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// The response to it.
pub(crate) fn response(body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// A frame of WebSocket with a text, masked as a client's has to be.
pub(crate) fn frame(text: &str, is_masked: bool) -> Vec<u8> {
    let mut octets = vec![0x81];
    let mask = if is_masked { 0x80 } else { 0 };
    match u16::try_from(text.len()).unwrap() {
        length @ 0..=125 => octets.push(mask + u8::try_from(length).unwrap()),
        length => {
            octets.push(mask + 126);
            octets.extend(length.to_be_bytes());
        }
    }
    let key = [0x12, 0xab, 0x00, 0x77];
    if is_masked {
        octets.extend(key);
    }
    let key = if is_masked { key } else { [0; 4] };
    octets.extend(text.bytes().zip(key.iter().cycle()).map(|(octet, key)| octet ^ key));
    octets
}

/// A change to WebSocket, and its answer.
pub(crate) fn upgrade() -> Vec<Turn> {
    texts(&[
        (
            M,
            "GET /proxy HTTP/1.1\r\nHost: ws.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: \
             dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        ),
        (P, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"),
    ])
}

/// So many hexadecimal digits.
pub(crate) fn hex(digits: usize) -> String {
    "0123456789abcdef".chars().cycle().skip(digits % 7).take(digits).collect()
}
