use std::{collections::BTreeMap, net::IpAddr};

use detect::{Phase, incident::Incident};
use flow::FlowRecord;

use super::findings::score;

/// Which flows belong to incidents that were stated: those between a victim and its offenders.
#[derive(Debug, Default)]
pub(super) struct Incidents(BTreeMap<IpAddr, Open>);

#[derive(Debug)]
struct Open {
    link: IncidentLink,
    offenders: Vec<IpAddr>,
    stated_at: wire::Timestamp,
}

/// What a flow record says of its incident.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct IncidentLink {
    pub(super) incident: u64,
    pub(super) score: u8,
}

impl Incidents {
    /// Takes in what was stated. An incident that has ended has no more flows.
    pub(super) fn take(&mut self, incident: &Incident) {
        if incident.phase == Phase::Ended {
            self.0.remove(&incident.victim);
            return;
        }
        let link = IncidentLink { incident: incident.id.0, score: score(incident) };
        let open = Open { link, offenders: incident.offenders.clone(), stated_at: incident.stated_at };
        self.0.insert(incident.victim, open);
        // A case that has to make room for others states no end.
        if self.0.len() > detect::incident::MAX_CASES
            && let Some(oldest) =
                self.0.iter().min_by_key(|(_, open)| open.stated_at).map(|(victim, _)| *victim)
        {
            self.0.remove(&oldest);
        }
    }

    /// The incident that a flow belongs to, if any.
    #[inline]
    pub(super) fn link(&self, record: &FlowRecord) -> Option<IncidentLink> {
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
