use capture::{Inapplicable, live::LiveCounts};
use detect::observe::ObserverCounts;
use flow::MeterCounts;
use report::{PacketLedger, WorkerLosses};
use wire::Timestamp;

use super::delivery::Undelivered;

/// What a worker has counted: at its end, and now and then before if it reads interfaces.
#[derive(Clone, Debug, Default)]
pub(crate) struct WorkerReport {
    pub(crate) ledger: PacketLedger,
    pub(crate) counts: MeterCounts,
    pub(crate) observed: ObserverCounts,
    /// Flows whose application was given up for others.
    pub(crate) applications_evicted: u64,
    /// Times of the earliest and the latest packet.
    pub(crate) packet_time: Option<(Timestamp, Timestamp)>,
    /// Packets whose time lies an hour or more before that of a packet before them.
    pub(crate) late_packets: u64,
    /// Frames that the filter could not judge, one entry for each link type.
    pub(crate) inapplicable: Vec<Inapplicable>,
    /// What the kernel has counted, for interfaces.
    pub(crate) live: LiveCounts,
    /// Records and observations that the collector had no room for.
    pub(crate) undelivered: Undelivered,
}

impl WorkerReport {
    /// What several workers have counted together.
    pub(crate) fn sum(reports: &[Self]) -> Self {
        let mut sum = Self::default();
        for report in reports {
            sum.add(report);
        }
        sum
    }

    fn add(&mut self, other: &Self) {
        self.ledger.add(&other.ledger);
        self.counts.add(&other.counts);
        self.observed.add(&other.observed);
        self.applications_evicted += other.applications_evicted;
        if let Some((first, last)) = other.packet_time {
            let (earliest, latest) = self.packet_time.unwrap_or((first, last));
            self.packet_time = Some((earliest.min(first), latest.max(last)));
        }
        self.late_packets += other.late_packets;
        for what in &other.inapplicable {
            match self.inapplicable.iter_mut().find(|known| known.link_type == what.link_type) {
                Some(known) => known.frames += what.frames,
                None => self.inapplicable.push(what.clone()),
            }
        }
        self.inapplicable.sort_by_key(|what| what.link_type.map(|link_type| link_type.0));
        self.live.add(other.live);
        self.undelivered.records += other.undelivered.records;
        self.undelivered.observations += other.undelivered.observations;
    }

    /// What was lost on the way to the worker, and from it.
    pub(crate) fn losses(&self) -> WorkerLosses {
        WorkerLosses {
            received: self.ledger.received,
            unread: self.live.received.saturating_sub(self.live.dropped + self.ledger.received),
            dropped_by_kernel: self.live.dropped,
            dropped_by_interface: self.live.dropped_by_interface,
            records_lost: self.undelivered.records,
            observations_lost: self.undelivered.observations,
        }
    }
}

#[cfg(test)]
mod tests {
    use wire::LinkType;

    use super::*;

    /// A worker whose filter could not judge so many frames of each of these link types.
    fn report(seconds: [u64; 2], inapplicable: &[(LinkType, u64)]) -> WorkerReport {
        let [first, last] = seconds.map(|seconds| Timestamp::from_parts(seconds, 0));
        let inapplicable = inapplicable
            .iter()
            .map(|(link_type, frames)| Inapplicable {
                link_type: Some(*link_type),
                reason: "no VLAN".to_owned(),
                frames: *frames,
            })
            .collect();
        let live = LiveCounts { received: 10, dropped: 2, dropped_by_interface: 1 };
        let mut report = WorkerReport {
            packet_time: Some((first, last)),
            inapplicable,
            live,
            late_packets: 1,
            ..WorkerReport::default()
        };
        report.ledger.received = 5;
        report.counts.flows = 4;
        report
    }

    #[test]
    fn a_sum_has_what_each_worker_has() {
        let reports = [
            report([3, 5], &[(LinkType::RAW, 1), (LinkType::ETHERNET, 2)]),
            WorkerReport::default(),
            report([2, 4], &[(LinkType::ETHERNET, 3)]),
        ];
        let sum = WorkerReport::sum(&reports);
        assert_eq!((sum.ledger.received, sum.counts.flows, sum.late_packets), (10, 8, 2));
        assert_eq!(sum.packet_time, Some((Timestamp::from_parts(2, 0), Timestamp::from_parts(5, 0))));
        let unjudged: Vec<_> = sum.inapplicable.iter().map(|what| (what.link_type, what.frames)).collect();
        assert_eq!(unjudged, [(Some(LinkType::ETHERNET), 5), (Some(LinkType::RAW), 1)]);
        let losses = sum.losses();
        assert_eq!((losses.unread, losses.dropped_by_kernel, losses.dropped_by_interface), (6, 4, 2));
    }
}
