use flow::FlowId;
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
}

impl Observation {
    /// The time of the capture when it could be made.
    pub fn time(&self) -> Timestamp {
        match self {
            Self::Handshakes(second) => second.is_final_at(),
            Self::RemoteDesktop(observation) => observation.time,
            Self::Mining(observation) => observation.time,
        }
    }

    /// Where it stands among the observations of all workers: by time; seconds first, which are added up whatever their order; then
    /// by flow. Those of one flow come from one worker, in their order.
    pub fn order(&self) -> (Timestamp, u8, FlowId) {
        let (rank, flow) = match self {
            Self::Handshakes(_) => (0, FlowId(0)),
            Self::RemoteDesktop(observation) => (1, observation.flow),
            Self::Mining(observation) => (2, observation.flow),
        };
        (self.time(), rank, flow)
    }
}
