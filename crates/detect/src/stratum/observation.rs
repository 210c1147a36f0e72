use flow::{Endpoint, FlowId};
use wire::Timestamp;

use super::Facts;

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
    /// What was heard.
    pub facts: Facts,
    /// Nothing more will be heard.
    pub is_over: bool,
}

impl Observation {
    /// Who mines, and the pool, as far as is known.
    pub fn miner_and_pool(&self) -> (Endpoint, Endpoint) {
        match self.facts.miner_is_initiator {
            Some(false) => (self.responder, self.initiator),
            _ => (self.initiator, self.responder),
        }
    }
}
