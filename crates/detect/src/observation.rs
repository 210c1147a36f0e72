use std::{net::IpAddr, sync::Arc};

use flow::FlowId;
use smallvec::SmallVec;
use wire::Timestamp;

use crate::{rdp, stratum, synflood};

/// What a worker's observers have seen, for the judges.
///
/// Judges want them ascending by [`Self::order`], from all workers together.
#[derive(Clone, Debug)]
pub enum Observation {
    /// What became of the handshakes of a second.
    Handshakes(Box<synflood::Second>),
    /// A fact of a remote desktop connection.
    RemoteDesktop(Box<rdp::Observation>),
    /// What a connection was heard to say of mining.
    Mining(Box<stratum::Observation>),
    /// A name was given for addresses.
    Name(Box<NameHeard>),
}

/// A name that DNS gave for addresses.
#[derive(Clone, Debug, PartialEq)]
pub struct NameHeard {
    /// When the answer was seen.
    pub time: Timestamp,
    /// The addresses of one answer that were not told of lately.
    pub addresses: SmallVec<[IpAddr; 2]>,
    /// The name that was asked for.
    pub name: Arc<str>,
}

impl Observation {
    /// The time of the capture when it could be made.
    pub fn time(&self) -> Timestamp {
        match self {
            Self::Handshakes(second) => second.is_final_at(),
            Self::RemoteDesktop(observation) => observation.time,
            Self::Mining(observation) => observation.time,
            Self::Name(heard) => heard.time,
        }
    }

    /// Where it stands among the observations of all workers: by time; seconds and names first, whose order among
    /// each other makes no difference; then by flow. Those of one flow come from one worker, in their order.
    pub fn order(&self) -> (Timestamp, u8, FlowId) {
        let (rank, flow) = match self {
            Self::Handshakes(_) => (0, FlowId(0)),
            Self::Name(_) => (1, FlowId(0)),
            Self::RemoteDesktop(observation) => (2, observation.flow),
            Self::Mining(observation) => (3, observation.flow),
        };
        (self.time(), rank, flow)
    }
}
