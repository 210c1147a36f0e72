use wire::Timestamp;

use super::facts::{Facts, GivenUp, Introduction, cleaned};
use super::records::{Record, Records};
use super::rhythm::Rhythm;
use crate::stratum::pools::{PoolName, pool_name};
use crate::tls::{APPLICATION_DATA, Carrier, ClientHello, RECORD_HEADER_OCTETS, ServerHello, TLS_1_3, ja4};

/// One TCP connection that may be TLS with mining inside.
///
/// It is fed the octets of both ends, each in order, in the order in which they were captured. How they are cut makes no
/// difference. It keeps no content but the two hellos, until they are read.
#[derive(Debug)]
pub struct Session {
    initiator: Records,
    responder: Records,
    facts: Facts,
    server_hello: Option<ServerHello>,
    /// With TLS 1.3 the client's first encrypted record ends its handshake, and the server's go before it.
    is_finished: bool,
    /// When the client spoke first.
    introduced: Option<Timestamp>,
    /// Records of the server before that.
    early_records: u32,
    minute: Minute,
}

/// What was sent in the minute that is running.
#[derive(Clone, Copy, Debug, Default)]
struct Minute {
    since: Timestamp,
    records: u32,
    octets: u32,
}

impl Session {
    /// A connection of which nothing has been seen.
    pub fn new(is_midstream: bool) -> Self {
        let end = || if is_midstream { Records::midstream() } else { Records::from_the_beginning() };
        let responder_mines = is_midstream.then(Box::default);
        Self {
            initiator: end(),
            responder: end(),
            facts: Facts { responder_mines, ..Facts::default() },
            server_hello: None,
            is_finished: false,
            introduced: None,
            early_records: 0,
            minute: Minute::default(),
        }
    }

    /// Takes the next octets of an end, which were captured at `time`.
    pub fn octets(&mut self, from_initiator: bool, time: Timestamp, octets: &[u8]) {
        let mut rest = octets;
        while self.facts.given_up.is_none() {
            let end = self.end_mut(from_initiator);
            let Some(record) = end.next(&mut rest) else {
                if end.is_lost() {
                    self.give_up(GivenUp::NotTls);
                }
                return;
            };
            match end.take_first() {
                Some(first) => self.hello(from_initiator, &first),
                None if record.content_type == APPLICATION_DATA => {
                    self.encrypted(from_initiator, time, record);
                }
                None => {}
            }
        }
    }

    /// `missing` octets of an end were not captured.
    pub fn gap(&mut self, from_initiator: bool, missing: u32) {
        self.facts.gaps = self.facts.gaps.saturating_add(1);
        self.end_mut(from_initiator).gap(missing);
        self.facts.initiator_mines.gap();
        if let Some(rhythm) = &mut self.facts.responder_mines {
            rhythm.gap();
        }
    }

    /// Takes note of a name that DNS gave the server's address for. Only that of a pool says something: miners often ask DNS for
    /// the host that they do not tell the server.
    pub fn resolved(&mut self, name: &str) {
        self.facts.resolved(Some(name));
    }

    /// Takes note that the connection has ended.
    pub fn end(&mut self, _time: Timestamp) {
        self.release();
    }

    /// What has been seen so far.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Can it be let go, since it will not be judged mining?
    pub fn is_of_no_interest(&self) -> bool {
        self.facts.given_up.is_some()
    }

    /// What is held of octets at the moment, beside the session itself.
    pub fn held_octets(&self) -> usize {
        self.initiator.held_octets() + self.responder.held_octets()
    }

    fn end_mut(&mut self, from_initiator: bool) -> &mut Records {
        if from_initiator { &mut self.initiator } else { &mut self.responder }
    }

    fn hello(&mut self, from_initiator: bool, first: &[u8]) {
        if let Some(hello) = ClientHello::parse(first) {
            self.facts.hello_seen = true;
            self.facts.client_is_initiator = Some(from_initiator);
            if !from_initiator {
                self.facts.responder_mines.get_or_insert_default();
            }
            self.facts.has_alpn = hello.alpn.iter().next().is_some();
            self.facts.ja4 = Some(ja4(&hello, Carrier::Tcp).as_str().into());
            self.facts.server_name =
                hello.server_name.map(String::from_utf8_lossy).and_then(|name| cleaned(&name));
            if self.facts.has_alpn {
                self.give_up(GivenUp::Alpn);
            } else if self.facts.server_name.as_deref().is_some_and(|name| pool_name(name) == PoolName::Other)
            {
                self.give_up(GivenUp::ServerName);
            }
        } else if let Some(hello) = ServerHello::parse(first) {
            self.facts.tls_version = Some(hello.version);
            self.server_hello = Some(hello);
        }
    }

    fn encrypted(&mut self, from_initiator: bool, time: Timestamp, record: Record) {
        let octets = self.content_octets(record);
        // Where the handshake ends is only known with both hellos.
        let (Some(client), Some(hello)) = (self.facts.client_is_initiator, self.server_hello) else {
            return self.count(from_initiator, time, octets, false);
        };
        let from_client = from_initiator == client;
        let is_tls_1_3 = hello.version >= TLS_1_3;
        if is_tls_1_3 && !self.is_finished {
            self.is_finished = from_client;
            return;
        }
        let is_introduction = self.introduce(from_client, time, octets, is_tls_1_3);
        self.count(from_initiator, time, octets, is_introduction);
    }

    /// Takes note of what is said first, and tells whether this was it.
    fn introduce(&mut self, from_client: bool, time: Timestamp, octets: usize, is_tls_1_3: bool) -> bool {
        let octets = u32::try_from(octets).unwrap_or(u32::MAX);
        match self.introduced {
            None if from_client => {
                self.introduced = Some(time);
                self.facts.introduction =
                    Some(Introduction { first_octets: octets, ..Introduction::default() });
                if !LOGIN_OCTETS.contains(&octets) {
                    self.give_up(GivenUp::Introduction);
                }
            }
            // Tickets to resume the session with come before the client has said a word (RFC 8446, 4.6.1).
            None => {
                self.early_records += 1;
                if !is_tls_1_3 || self.early_records > MAX_TICKETS {
                    self.give_up(GivenUp::ServerSpeaksFirst);
                }
            }
            Some(since) if time.nanos_since(since) > INTRODUCTION_NANOS => return false,
            Some(_) if from_client => {}
            Some(_) => {
                if let Some(introduction) = &mut self.facts.introduction {
                    introduction.answers = introduction.answers.saturating_add(1);
                    introduction.answer_octets = introduction.answer_octets.saturating_add(octets);
                }
            }
        }
        true
    }

    /// Takes note of a record that is none of the handshake.
    fn count(&mut self, from_initiator: bool, time: Timestamp, octets: usize, is_introduction: bool) {
        let facts = &mut self.facts;
        let first = *facts.first.get_or_insert(time);
        facts.last = Some(facts.last.map_or(time, |last| last.max(time)));
        facts.records = facts.records.saturating_add(1);
        facts.octets = facts.octets.saturating_add(octets as u64);
        facts.long_records = facts.long_records.saturating_add(u32::from(octets > LONGEST_JOB_OCTETS));
        if !is_introduction {
            facts.initiator_mines.record(from_initiator, time, octets);
            if let Some(rhythm) = &mut facts.responder_mines {
                rhythm.record(!from_initiator, time, octets);
            }
        }
        let is_one_sided = time.nanos_since(first) > ONE_SIDED_NANOS
            && facts.rhythms().all(|(_, rhythm)| is_one_sided(rhythm))
            && !facts.is_known_pool();
        if self.minute.exceeds(time, octets) || self.facts.long_records > MAX_LONG_RECORDS {
            self.give_up(GivenUp::Volume);
        } else if is_one_sided {
            self.give_up(GivenUp::OneSided);
        }
    }

    /// What an encrypted record holds, at most; in mid-stream, with the overhead of today's ciphers.
    fn content_octets(&self, record: Record) -> usize {
        match self.server_hello {
            Some(hello) => hello.content_of(record.octets).at_most,
            None => record.octets.saturating_sub(RECORD_HEADER_OCTETS + USUAL_OVERHEAD_OCTETS),
        }
    }

    fn give_up(&mut self, why: GivenUp) {
        self.facts.given_up.get_or_insert(why);
        self.release();
    }

    /// Lets go what is held of octets.
    fn release(&mut self) {
        self.initiator.take_first();
        self.responder.take_first();
    }
}

impl Minute {
    /// Takes note of a record, and tells whether it was one too many.
    fn exceeds(&mut self, time: Timestamp, octets: usize) -> bool {
        if time.nanos_since(self.since) >= MINUTE_NANOS {
            *self = Self { since: time, ..Self::default() };
        }
        self.records += 1;
        self.octets = self.octets.saturating_add(u32::try_from(octets).unwrap_or(u32::MAX));
        self.records > MAX_RECORDS_PER_MINUTE || self.octets > MAX_OCTETS_PER_MINUTE
    }
}

/// Nothing was answered, or nothing came unasked.
fn is_one_sided(rhythm: &Rhythm) -> bool {
    let counts = rhythm.counts();
    counts.answered == 0 || counts.pushes == 0
}

/// A name as it is kept: it ends up on terminals.
/// A login with a wallet has 150 to 900 octets, a bare `mining.subscribe` some 50.
const LOGIN_OCTETS: std::ops::RangeInclusive<u32> = 40..=1_200;
/// Servers send one to four tickets.
const MAX_TICKETS: u32 = 4;
/// Logging in takes a few round trips.
const INTRODUCTION_NANOS: u64 = 5_000_000_000;
/// Bitcoin's jobs bear a branch of hashes and have up to 3 KiB; the longest of others half of that.
const LONGEST_JOB_OCTETS: usize = 4_096;
const MAX_LONG_RECORDS: u32 = 3;
/// Four times what a session may have on average: a miner begins with easy shares until the pool knows how fast it is.
const MAX_RECORDS_PER_MINUTE: u32 = 240;
/// 240 records of the usual 250 octets.
const MAX_OCTETS_PER_MINUTE: u32 = 60_000;
const MINUTE_NANOS: u64 = 60_000_000_000;
/// In half an hour every pool has sent a job, and nearly every miner has been answered.
const ONE_SIDED_NANOS: u64 = 30 * MINUTE_NANOS;
/// TLS 1.3 adds 17 octets, AES-GCM in TLS 1.2 adds 24 (RFC 8446, 5.2; RFC 5288, 3).
const USUAL_OVERHEAD_OCTETS: usize = 20;
