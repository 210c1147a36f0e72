use wire::Timestamp;

use super::rhythm::Rhythm;
use crate::stratum::pools::{PoolName, pool_name};

/// What a TLS connection shows from outside that bears on mining.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    /// The client's hello was seen.
    pub hello_seen: bool,
    /// Who sent the hello; `None` if it was not seen.
    pub client_is_initiator: Option<bool>,
    /// The host that the client asks for.
    pub server_name: Option<Box<str>>,
    /// The host whose address, by an answer of DNS, is the server's.
    pub resolved_name: Option<Box<str>>,
    /// The client offers protocols by ALPN.
    pub has_alpn: bool,
    /// The client's fingerprint.
    pub ja4: Option<Box<str>>,
    /// The version that the server chose: 0x0303 is TLS 1.2.
    pub tls_version: Option<u16>,
    /// How the connection began after the handshake; `None` if that was not seen.
    pub introduction: Option<Introduction>,
    /// When the first encrypted record that counts was complete.
    pub first: Option<Timestamp>,
    /// When the last one was.
    pub last: Option<Timestamp>,
    /// Records of both ends in all.
    pub records: u32,
    /// Octets of these.
    pub octets: u64,
    /// Of the records, how many were longer than what miners and pools say.
    pub long_records: u32,
    /// Places where octets are missing.
    pub gaps: u32,
    /// What is said and answered if the initiator is the miner.
    pub initiator_mines: Rhythm,
    /// The same if the responder is; kept if it is not known who the client is.
    pub responder_mines: Option<Box<Rhythm>>,
    /// Why it was given up to follow the connection.
    pub given_up: Option<GivenUp>,
}

/// What the two ends said in the first seconds after the handshake.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Introduction {
    /// Octets of the client's first record.
    pub first_octets: u32,
    /// Records of the server.
    pub answers: u32,
    /// Octets of these.
    pub answer_octets: u32,
}

/// Why a connection can be no mining.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum GivenUp {
    /// It is no TLS.
    NotTls,
    /// The client asks for another protocol by ALPN.
    Alpn,
    /// The client asks for a host whose name has nothing to do with mining.
    ServerName,
    /// The server speaks first.
    ServerSpeaksFirst,
    /// The client's first words are too short or too long for a login.
    Introduction,
    /// Too much is sent.
    Volume,
    /// Only one end speaks, or nothing is ever asked, or nothing is ever sent unasked.
    OneSided,
}

impl Facts {
    /// Takes note of the name that DNS gave for the server's address.
    pub(crate) fn resolved(&mut self, name: Option<&str>) {
        self.resolved_name = name.and_then(cleaned);
    }

    /// How long encrypted records went to and fro.
    pub fn seconds(&self) -> f64 {
        match (self.first, self.last) {
            (Some(first), Some(last)) => (last - first).as_secs_f64(),
            _ => 0.0,
        }
    }

    /// The server is a well-known pool's, by the name that the client asks for or that DNS gave it.
    pub fn is_known_pool(&self) -> bool {
        let names = [&self.server_name, &self.resolved_name];
        names.into_iter().flatten().any(|name| pool_name(name) == PoolName::Known)
    }

    /// The two ways to take the ends, with who is the miner.
    pub(super) fn rhythms(&self) -> impl Iterator<Item = (bool, &Rhythm)> {
        let is_possible =
            |mines_initiator| self.client_is_initiator.is_none_or(|client| client == mines_initiator);
        let initiator = is_possible(true).then_some((true, &self.initiator_mines));
        initiator.into_iter().chain(
            self.responder_mines.as_deref().filter(|_| is_possible(false)).map(|rhythm| (false, rhythm)),
        )
    }
}

/// A name as it is kept: cut, in small letters, without control characters.
pub(super) fn cleaned(name: &str) -> Option<Box<str>> {
    let name: String = name.chars().filter(|c| !c.is_control()).take(MAX_NAME_CHARACTERS).collect();
    (!name.is_empty()).then(|| name.to_lowercase().into_boxed_str())
}

/// RFC 1035, 2.3.4.
const MAX_NAME_CHARACTERS: usize = 253;
