//! Connections with TLS, as lists of records with their times.

#![allow(dead_code, clippy::allow_attributes, reason = "each test binary uses a part of it")]
#![expect(clippy::unwrap_used, reason = "a test ends where its setting fails")]
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "times and lengths of scripts are small and positive"
)]

use std::ops::Range;

use detect::stratum::encrypted::Session;
use wire::Timestamp;

pub(crate) mod traps;

/// How a connection begins.
#[derive(Clone, Debug)]
pub(crate) struct Tls {
    version: u16,
    server_name: Option<&'static str>,
    alpn: Option<&'static str>,
    has_handshake: bool,
}

/// What both ends send, and when.
#[derive(Clone, Debug)]
pub(crate) struct Script {
    version: u16,
    /// Seconds, whether the client sends it, octets.
    turns: Vec<(f64, bool, Vec<u8>)>,
    chance: u64,
}

impl Tls {
    /// The usual handshake, of a client that asks for no host and no protocol.
    pub(crate) fn new() -> Self {
        Self { version: 0x0304, server_name: None, alpn: None, has_handshake: true }
    }

    pub(crate) fn midstream() -> Self {
        Self { has_handshake: false, ..Self::new() }
    }

    pub(crate) fn version(self, version: u16) -> Self {
        Self { version, ..self }
    }

    pub(crate) fn server_name(self, name: &'static str) -> Self {
        Self { server_name: Some(name), ..self }
    }

    pub(crate) fn alpn(self, protocol: &'static str) -> Self {
        Self { alpn: Some(protocol), ..self }
    }

    /// A connection that is set up and says nothing yet.
    pub(crate) fn script(&self) -> Script {
        let mut script = Script { version: self.version, turns: Vec::new(), chance: 1 };
        if !self.has_handshake {
            return script;
        }
        script.turns.push((0.0, true, self.client_hello()));
        if self.version == 0x0304 {
            let flight = [record(20, 1), script.encrypted(6), script.encrypted(2_000), script.encrypted(52)];
            script.turns.push((0.1, false, [self.server_hello(), flight.concat()].concat()));
            script.turns.push((0.2, true, [record(20, 1), script.encrypted(52)].concat()));
            script.turns.push((0.3, false, script.encrypted(230).repeat(2)));
        } else {
            script.turns.push((0.1, false, [self.server_hello(), record(22, 2_000)].concat()));
            script.turns.push((0.2, true, [record(22, 70), record(20, 1), record(22, 40)].concat()));
            script.turns.push((0.3, false, [record(22, 202), record(20, 1), record(22, 40)].concat()));
        }
        script
    }

    fn client_hello(&self) -> Vec<u8> {
        let mut extensions = vec![0, 13, 0, 4, 0, 2, 4, 3];
        if let Some(name) = self.server_name {
            let entry = [&[0][..], &prefixed(name.as_bytes())].concat();
            extensions.extend([&[0, 0][..], &prefixed(&prefixed(&entry))].concat());
        }
        if let Some(protocol) = self.alpn {
            let entry = [&[u8::try_from(protocol.len()).unwrap()][..], protocol.as_bytes()].concat();
            extensions.extend([&[0, 16][..], &prefixed(&prefixed(&entry))].concat());
        }
        if self.version == 0x0304 {
            extensions.extend([0, 43, 0, 5, 4, 3, 4, 3, 3]);
        }
        let body =
            [&[3, 3][..], &[9; 32], &[0, 0, 4, 0x13, 2, 0xc0, 0x30, 1, 0], &prefixed(&extensions)].concat();
        handshake(1, &body)
    }

    fn server_hello(&self) -> Vec<u8> {
        let (suite, extensions): ([u8; 2], &[u8]) =
            if self.version == 0x0304 { ([0x13, 2], &[0, 43, 0, 2, 3, 4]) } else { ([0xc0, 0x30], &[]) };
        handshake(2, &[&[3, 3][..], &[9; 32], &[0], &suite, &[0], &prefixed(extensions)].concat())
    }
}

impl Script {
    /// The client says so much and hears so much 90 ms later.
    pub(crate) fn ask(&mut self, seconds: f64, octets: usize, answer: usize) {
        self.tell(seconds, octets);
        self.push(seconds + 0.09, answer);
    }

    /// The client says so much.
    pub(crate) fn tell(&mut self, seconds: f64, octets: usize) {
        self.turns.push((seconds + 1.0, true, self.encrypted(octets)));
    }

    /// The server says so much.
    pub(crate) fn push(&mut self, seconds: f64, octets: usize) {
        self.turns.push((seconds + 1.0, false, self.encrypted(octets)));
    }

    /// Something happens so often, by luck, after the first ten seconds.
    pub(crate) fn lucky(&mut self, count: u32, mean_seconds: f64, mut each: impl FnMut(&mut Self, f64)) {
        let mut time = 10.0;
        for _ in 0..count {
            time += -mean_seconds * (1.0 - self.chance()).ln();
            each(self, time);
        }
    }

    /// The same, with lengths from a range.
    pub(crate) fn varied(
        &mut self,
        count: u32,
        mean_seconds: f64,
        octets: Range<usize>,
        mut each: impl FnMut(&mut Self, f64, usize),
    ) {
        self.lucky(count, mean_seconds, |script, time| {
            let length = octets.start + (script.chance() * octets.len() as f64) as usize;
            each(script, time, length);
        });
    }

    /// What is sent, in the order of time: whether by the client, when, and what.
    pub(crate) fn turns(&self) -> impl Iterator<Item = (bool, Timestamp, Vec<u8>)> + use<> {
        let mut turns = self.turns.clone();
        turns.sort_by(|a, b| a.0.total_cmp(&b.0));
        let at = |seconds: f64| Timestamp::from_nanos(1_000_000_000_000 + (seconds * 1e9) as u64);
        turns.into_iter().map(move |(seconds, from_client, octets)| (from_client, at(seconds), octets))
    }

    /// What is sent after the handshake and the first words, for a capture that begins there.
    pub(crate) fn later_turns(&self) -> impl Iterator<Item = (bool, Timestamp, Vec<u8>)> + use<> {
        let late = Self {
            turns: self.turns.iter().filter(|(seconds, ..)| *seconds > 7.0).cloned().collect(),
            ..*self
        };
        late.turns()
    }

    fn encrypted(&self, content: usize) -> Vec<u8> {
        record(23, content + if self.version == 0x0304 { 17 } else { 24 })
    }

    /// The next of numbers from 0 to 1 that look like chance (a linear congruential generator).
    fn chance(&mut self) -> f64 {
        self.chance =
            self.chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.chance >> 33) as f64 / f64::from(1_u32 << 31)
    }
}

/// A miner with one share in twenty seconds, a job a minute, and a sign of life now and then, for so many seconds.
pub(crate) fn mining(tls: &Tls, seconds: u32) -> Script {
    let mut script = tls.script();
    script.ask(0.5, 430, 520);
    let end = f64::from(seconds);
    script.lucky(seconds / 20, 20.0, |script, time| {
        if time < end {
            script.ask(time, 181 + usize::from(time > 200.0), 63);
        }
    });
    script.lucky(seconds / 180, 180.0, |script, time| {
        if time < end {
            script.ask(time + 0.3, 84, 70);
        }
    });
    script.varied(seconds / 50, 50.0, 384..392, |script, time, octets| {
        if time < end {
            script.push(time + 0.15, octets);
        }
    });
    script
}

/// A session that has heard all of a script.
pub(crate) fn heard(script: &Script) -> Session {
    let mut session = Session::new(false);
    for (from_initiator, time, octets) in script.turns() {
        session.octets(from_initiator, time, &octets);
    }
    session
}

/// A record with so much content, of noise that looks like a header now and then.
pub(crate) fn record(content_type: u8, length: usize) -> Vec<u8> {
    let mut record = vec![content_type, 3, 3];
    record.extend(u16::try_from(length).unwrap().to_be_bytes());
    record.extend((0..length).map(|place| [0x17, 3, 0xee, 0x41, 3][place % 5]));
    record
}

fn handshake(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut record = vec![22, 3, 1];
    record.extend(prefixed(&[&[kind, 0][..], &prefixed(body)].concat()));
    record
}

fn prefixed(octets: &[u8]) -> Vec<u8> {
    [&u16::try_from(octets.len()).unwrap().to_be_bytes()[..], octets].concat()
}
