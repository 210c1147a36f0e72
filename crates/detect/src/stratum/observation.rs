use flow::{Endpoint, FlowId};
use wire::Timestamp;

use super::{Facts, encrypted};

/// What a connection was heard to say of mining so far, for the judge.
#[derive(Clone, Debug, PartialEq)]
pub struct Observation {
    /// The packet that showed it, or the moment at which the connection was given up.
    pub time: Timestamp,
    /// The connection's flow.
    pub flow: FlowId,
    /// Who opened the connection.
    pub initiator: Endpoint,
    /// The other end.
    pub responder: Endpoint,
    /// What was heard, or seen from outside.
    pub heard: Heard,
    /// Nothing more will be heard.
    pub is_over: bool,
}

/// What an observation of mining rests on.
#[derive(Clone, Debug, PartialEq)]
pub enum Heard {
    /// What the two ends said.
    Words(Facts),
    /// What a TLS connection shows from outside.
    Rhythm(encrypted::Facts),
}

impl Observation {
    /// Who mines, and the pool, as far as is known.
    pub fn miner_and_pool(&self) -> (Endpoint, Endpoint) {
        let miner_is_initiator = match &self.heard {
            Heard::Words(facts) => facts.miner_is_initiator,
            Heard::Rhythm(facts) => encrypted::miner_is_initiator(facts),
        };
        match miner_is_initiator {
            Some(false) => (self.responder, self.initiator),
            _ => (self.initiator, self.responder),
        }
    }
}
