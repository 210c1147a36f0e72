use detect::{JudgeCounts, observe::ObserverCounts};
use serde::{Serialize, Serializer};
use wire::{DecodeFailure, Timestamp};

use super::values::Shown;
use crate::moment::Moment;
use crate::{FlowCounts, PacketLedger, WorkerLosses};

/// All counts from the beginning of the run to `time`. A `stats` line is made of those up to the judges'.
#[derive(Clone, Copy, Debug)]
pub struct Statistics<'a> {
    /// The time of the capture.
    pub time: Timestamp,
    /// What became of the packets.
    pub packets: &'a PacketLedger,
    /// What became of the flows.
    pub flows: &'a FlowCounts,
    /// What the observers of all workers had no room for, summed up.
    pub observers: ObserverCounts,
    /// What the judges had no room for.
    pub judges: JudgeCounts,
    /// The names of interfaces, by their numbers; empty where there is none.
    pub interfaces: &'a [String],
    /// What was lost on the way to workers and from them, where interfaces are watched.
    pub workers: &'a [WorkerLosses],
}

/// The line of counts.
pub(super) fn line<'a>(statistics: &Statistics<'a>) -> impl Serialize + 'a {
    StatisticsLine {
        timestamp: Moment(statistics.time),
        event_type: "stats",
        stats: StatisticsObject {
            packets: PacketsObject::from(statistics.packets),
            flows: statistics.flows,
            detectors: DetectorsObject(bounds_reached(&statistics.observers, &statistics.judges)),
        },
    }
}

#[derive(Serialize)]
struct StatisticsLine<'a> {
    timestamp: Moment,
    event_type: &'static str,
    stats: StatisticsObject<'a>,
}

#[derive(Serialize)]
struct StatisticsObject<'a> {
    packets: PacketsObject,
    flows: &'a FlowCounts,
    detectors: DetectorsObject,
}

#[derive(Serialize)]
struct PacketsObject {
    received: u64,
    received_octets: u64,
    metered: u64,
    metered_octets: u64,
    tunnel_fragments: u64,
    filtered: u64,
    sampled_out: u64,
    undecoded: u64,
    /// A list: reasons come from the network, and databases make a column of each name in an object.
    undecoded_by_reason: Vec<ReasonObject>,
    undecoded_otherwise: u64,
    balance: i64,
}

#[derive(Serialize)]
struct ReasonObject {
    reason: Shown<DecodeFailure>,
    packets: u64,
}

impl From<&PacketLedger> for PacketsObject {
    fn from(ledger: &PacketLedger) -> Self {
        let reasons = ledger.undecoded_by_reason().into_iter();
        Self {
            received: ledger.received,
            received_octets: ledger.received_octets,
            metered: ledger.metered,
            metered_octets: ledger.metered_octets,
            tunnel_fragments: ledger.tunnel_fragments,
            filtered: ledger.filtered,
            sampled_out: ledger.sampled_out,
            undecoded: ledger.undecoded(),
            undecoded_by_reason: reasons
                .map(|(reason, packets)| ReasonObject { reason: Shown(reason), packets })
                .collect(),
            undecoded_otherwise: ledger.undecoded_otherwise(),
            balance: i64::try_from(ledger.balance()).unwrap_or(i64::MAX),
        }
    }
}

/// What detectors had no room for, by name; all zero where they had enough.
pub const fn bounds_reached(observers: &ObserverCounts, judges: &JudgeCounts) -> [(&'static str, u64); 15] {
    let ObserverCounts { handshakes: seen, listeners_evicted } = observers;
    let JudgeCounts { handshakes: seconds, logons, miners, names, cases } = judges;
    [
        ("half_open_evicted", seen.half_open_evicted),
        ("targets_overflow", seen.targets_overflow),
        ("sources_overflow", seen.sources_overflow),
        ("samples_exhausted", seen.samples_exhausted),
        ("seconds_lost", seen.seconds_lost),
        ("listeners_evicted", *listeners_evicted),
        ("seconds_late", seconds.seconds_late),
        ("victims_forgotten", seconds.victims_forgotten),
        ("sources_forgotten", seconds.sources_forgotten),
        ("rdp_sources_evicted", logons.sources),
        ("rdp_servers_evicted", logons.servers),
        ("rdp_statements_evicted", logons.statements),
        ("miners_evicted", *miners),
        ("names_evicted", *names),
        ("cases_evicted", *cases),
    ]
}

/// [`bounds_reached`] as an object.
struct DetectorsObject([(&'static str, u64); 15]);

impl Serialize for DetectorsObject {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0)
    }
}
