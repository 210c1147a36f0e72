use std::{collections::BTreeMap, net::IpAddr};

use flow::FlowRecord;
use wire::Timestamp;

use super::{CaseId, Incident, MAX_CASES};
use crate::Phase;

/// Which flows belong to incidents that were stated and are not over: those between a victim and its named offenders.
#[derive(Debug, Default)]
pub struct LinkedFlows(BTreeMap<IpAddr, Open>);

/// The incident that a flow belongs to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct IncidentLink {
    /// The case.
    pub case: CaseId,
    /// [`Incident::score`], as it was last stated.
    pub score: u8,
}

/// An incident that is not over.
#[derive(Debug)]
struct Open {
    link: IncidentLink,
    offenders: Vec<IpAddr>,
    stated_at: Timestamp,
}

impl LinkedFlows {
    /// Takes in what was stated. An incident that has ended has no more flows.
    pub fn take(&mut self, incident: &Incident) {
        if incident.phase == Phase::Ended {
            self.0.remove(&incident.victim);
            return;
        }
        let link = IncidentLink { case: incident.id, score: incident.score() };
        let open = Open { link, offenders: incident.offenders.clone(), stated_at: incident.stated_at };
        self.0.insert(incident.victim, open);
        // A case that has to make room for others states no end.
        if self.0.len() > MAX_CASES
            && let Some(oldest) =
                self.0.iter().min_by_key(|(_, open)| open.stated_at).map(|(victim, _)| *victim)
        {
            self.0.remove(&oldest);
        }
    }

    /// The incident that a flow belongs to, if any.
    #[inline]
    pub fn link(&self, record: &FlowRecord) -> Option<IncidentLink> {
        if self.0.is_empty() {
            return None;
        }
        let (one, other) = (record.initiator().address, record.responder().address);
        [(one, other), (other, one)].into_iter().find_map(|(victim, offender)| {
            let open = self.0.get(&victim)?;
            open.offenders.contains(&offender).then_some(open.link)
        })
    }
}
