//! What an exporter says of itself and of what it exports (RFC 7011 section 4): statistics, reliability, flow keys, sampling, interfaces.

use ipfix_export::{
    InformationElement, Template,
    iana::{
        DESTINATION_IPV4_ADDRESS, DESTINATION_IPV6_ADDRESS, DESTINATION_TRANSPORT_PORT,
        DROPPED_PACKET_TOTAL_COUNT, EXPORTED_FLOW_RECORD_TOTAL_COUNT, EXPORTED_MESSAGE_TOTAL_COUNT,
        EXPORTED_OCTET_TOTAL_COUNT, EXPORTING_PROCESS_ID, FLOW_KEY_INDICATOR, HASH_OUTPUT_RANGE_MAX,
        HASH_OUTPUT_RANGE_MIN, HASH_SELECTED_RANGE_MAX, HASH_SELECTED_RANGE_MIN, IGNORED_OCTET_TOTAL_COUNT,
        IGNORED_PACKET_TOTAL_COUNT, INGRESS_INTERFACE, INTERFACE_NAME, LAYER2_SEGMENT_ID,
        METERING_PROCESS_ID, NOT_SENT_FLOW_TOTAL_COUNT, OBSERVATION_DOMAIN_ID, OBSERVED_FLOW_TOTAL_COUNT,
        PROTOCOL_IDENTIFIER, SAMPLING_PACKET_INTERVAL, SAMPLING_PACKET_SPACE, SELECTOR_ALGORITHM,
        SELECTOR_ID, SELECTOR_NAME, SOURCE_IPV4_ADDRESS, SOURCE_IPV6_ADDRESS, SOURCE_TRANSPORT_PORT,
        TEMPLATE_ID,
    },
};
use report::{PacketLedger, Sampling, WorkerLosses};

use super::entries::Entry;
use crate::elements::registry::{
    FILTERED_PACKET_TOTAL_COUNT, INTERFACE_DROPPED_PACKET_TOTAL_COUNT, KERNEL_DROPPED_PACKET_TOTAL_COUNT,
    LOST_FLOW_RECORD_TOTAL_COUNT, LOST_OBSERVATION_TOTAL_COUNT, METERED_PACKET_TOTAL_COUNT,
    RECEIVED_PACKET_TOTAL_COUNT, SAMPLED_OUT_PACKET_TOTAL_COUNT, SHORTENED_FLOW_RECORD_TOTAL_COUNT,
    TUNNEL_FRAGMENT_TOTAL_COUNT, UNDECODED_PACKET_TOTAL_COUNT,
};

/// An options record: which one it is, and its entries, the first ones of which are its scope.
pub(super) struct OptionsRecord {
    pub(super) template: u16,
    pub(super) scope: usize,
    pub(super) entries: Vec<Entry>,
}

/// What an exporter has sent to its collector, and what it has not.
pub(super) struct Sent {
    pub(super) messages: u64,
    pub(super) octets: u64,
    pub(super) flow_records: u64,
    pub(super) lost_records: u64,
}

/// RFC 7011 section 4.1, the Metering Process Statistics.
pub(super) fn metering_statistics(domain: u32, sent: &Sent, observed_flows: u64) -> OptionsRecord {
    OptionsRecord {
        template: METERING_STATISTICS_TEMPLATE,
        scope: 1,
        entries: vec![
            Entry::standard(OBSERVATION_DOMAIN_ID, u64::from(domain)),
            Entry::standard(EXPORTED_MESSAGE_TOTAL_COUNT, sent.messages),
            Entry::standard(EXPORTED_FLOW_RECORD_TOTAL_COUNT, sent.flow_records),
            Entry::standard(EXPORTED_OCTET_TOTAL_COUNT, sent.octets),
            Entry::standard(OBSERVED_FLOW_TOTAL_COUNT, observed_flows),
        ],
    }
}

/// RFC 7011 section 4.2, the Metering Process Reliability Statistics: packets that were received and in which no IP packet was found.
pub(super) fn metering_reliability(domain: u32, ledger: &PacketLedger) -> OptionsRecord {
    OptionsRecord {
        template: METERING_RELIABILITY_TEMPLATE,
        scope: 1,
        entries: vec![
            Entry::standard(OBSERVATION_DOMAIN_ID, u64::from(domain)),
            Entry::standard(IGNORED_PACKET_TOTAL_COUNT, ledger.undecoded()),
            Entry::standard(IGNORED_OCTET_TOTAL_COUNT, ledger.undecoded_octets),
        ],
    }
}

/// RFC 7011 section 4.3, the Exporting Process Reliability Statistics.
pub(super) fn exporting_reliability(process: u32, sent: &Sent) -> OptionsRecord {
    OptionsRecord {
        template: EXPORTING_RELIABILITY_TEMPLATE,
        scope: 1,
        entries: vec![
            Entry::standard(EXPORTING_PROCESS_ID, u64::from(process)),
            Entry::standard(NOT_SENT_FLOW_TOTAL_COUNT, sent.lost_records),
        ],
    }
}

/// What an exporter had to cut.
pub(super) fn shortened(process: u32, records: u64) -> OptionsRecord {
    OptionsRecord {
        template: SHORTENED_TEMPLATE,
        scope: 1,
        entries: vec![
            Entry::standard(EXPORTING_PROCESS_ID, u64::from(process)),
            Entry::own(SHORTENED_FLOW_RECORD_TOTAL_COUNT, records),
        ],
    }
}

/// What became of each packet: the parts add up to those received.
pub(super) fn ledger(domain: u32, ledger: &PacketLedger) -> OptionsRecord {
    OptionsRecord {
        template: LEDGER_TEMPLATE,
        scope: 1,
        entries: vec![
            Entry::standard(OBSERVATION_DOMAIN_ID, u64::from(domain)),
            Entry::own(RECEIVED_PACKET_TOTAL_COUNT, ledger.received),
            Entry::own(METERED_PACKET_TOTAL_COUNT, ledger.metered),
            Entry::own(TUNNEL_FRAGMENT_TOTAL_COUNT, ledger.tunnel_fragments),
            Entry::own(FILTERED_PACKET_TOTAL_COUNT, ledger.filtered),
            Entry::own(SAMPLED_OUT_PACKET_TOTAL_COUNT, ledger.sampled_out),
            Entry::own(UNDECODED_PACKET_TOTAL_COUNT, ledger.undecoded()),
        ],
    }
}

/// What was lost on the way to a worker, which is a Metering Process, and from it. Workers count from 1 here, since 0 is none.
pub(super) fn worker(domain: u32, number: u32, losses: &WorkerLosses) -> OptionsRecord {
    OptionsRecord {
        template: WORKER_TEMPLATE,
        scope: 2,
        entries: vec![
            Entry::standard(OBSERVATION_DOMAIN_ID, u64::from(domain)),
            Entry::standard(METERING_PROCESS_ID, u64::from(number)),
            Entry::own(RECEIVED_PACKET_TOTAL_COUNT, losses.received),
            Entry::standard(
                DROPPED_PACKET_TOTAL_COUNT,
                losses.dropped_by_kernel + losses.dropped_by_interface,
            ),
            Entry::own(KERNEL_DROPPED_PACKET_TOTAL_COUNT, losses.dropped_by_kernel),
            Entry::own(INTERFACE_DROPPED_PACKET_TOTAL_COUNT, losses.dropped_by_interface),
            Entry::own(LOST_FLOW_RECORD_TOTAL_COUNT, losses.records_lost),
            Entry::own(LOST_OBSERVATION_TOTAL_COUNT, losses.observations_lost),
        ],
    }
}

/// RFC 7011 section 4.4, the Flow Keys: which fields of a template tell flows apart.
pub(super) fn flow_keys(template: &Template) -> OptionsRecord {
    let is_key = |element: &InformationElement| FLOW_KEYS.iter().any(|key| key == element);
    let fields = template.fields().iter().take(MOST_KEY_FIELDS).enumerate();
    let indicator = fields
        .filter(|(_, field)| is_key(field.element()))
        .fold(0, |indicator, (place, _)| indicator | 1_u64 << place);
    OptionsRecord {
        template: FLOW_KEYS_TEMPLATE,
        scope: 1,
        entries: vec![
            Entry::standard(TEMPLATE_ID, u64::from(template.id())),
            Entry::standard(FLOW_KEY_INDICATOR, indicator),
        ],
    }
}

/// How packets were chosen (RFC 5477 section 8): by a hash of ours, which has no number there, so that it is said to be what it
/// amounts to, uniform probabilistic sampling, with the range of hashes that are taken. Interval and space are what collectors
/// multiply by. The key of the hash stays a secret: who knows it can send what is never looked at.
pub(super) fn sampling(sampling: Sampling) -> OptionsRecord {
    let one_in = sampling.one_in.get();
    OptionsRecord {
        template: SAMPLING_TEMPLATE,
        scope: 1,
        entries: vec![
            Entry::standard(SELECTOR_ID, SELECTOR),
            Entry::standard(SELECTOR_ALGORITHM, UNIFORM_PROBABILISTIC),
            Entry::standard(SAMPLING_PACKET_INTERVAL, 1),
            Entry::standard(SAMPLING_PACKET_SPACE, u64::from(one_in - 1)),
            Entry::standard(HASH_OUTPUT_RANGE_MIN, 0),
            Entry::standard(HASH_OUTPUT_RANGE_MAX, u64::MAX),
            Entry::standard(HASH_SELECTED_RANGE_MIN, 0),
            Entry::standard(HASH_SELECTED_RANGE_MAX, u64::MAX / u64::from(one_in)),
            Entry::standard(SELECTOR_NAME, sampling.to_string()),
        ],
    }
}

/// The name of an interface, by the number that flow records have.
pub(super) fn interface(number: u32, name: &str) -> OptionsRecord {
    OptionsRecord {
        template: INTERFACE_TEMPLATE,
        scope: 1,
        entries: vec![
            Entry::standard(INGRESS_INTERFACE, u64::from(number)),
            Entry::standard(INTERFACE_NAME, name),
        ],
    }
}

/// By what flows are told apart.
const FLOW_KEYS: [InformationElement; 8] = [
    SOURCE_IPV4_ADDRESS,
    DESTINATION_IPV4_ADDRESS,
    SOURCE_IPV6_ADDRESS,
    DESTINATION_IPV6_ADDRESS,
    SOURCE_TRANSPORT_PORT,
    DESTINATION_TRANSPORT_PORT,
    PROTOCOL_IDENTIFIER,
    LAYER2_SEGMENT_ID,
];
/// Each has a bit.
const MOST_KEY_FIELDS: usize = 64;
/// There is one way of choosing at a time.
const SELECTOR: u64 = 1;
/// IANA's PSAMP parameters.
const UNIFORM_PROBABILISTIC: u64 = 4;

/// Identifiers of templates, which stay the same from version to version; those of flows are far below.
/// Those of flows are below.
pub(super) const FIRST_OPTIONS_TEMPLATE: u16 = 61_001;
const METERING_STATISTICS_TEMPLATE: u16 = 61_001;
const METERING_RELIABILITY_TEMPLATE: u16 = 61_002;
const EXPORTING_RELIABILITY_TEMPLATE: u16 = 61_003;
const FLOW_KEYS_TEMPLATE: u16 = 61_004;
const SAMPLING_TEMPLATE: u16 = 61_005;
const INTERFACE_TEMPLATE: u16 = 61_006;
const LEDGER_TEMPLATE: u16 = 61_007;
const WORKER_TEMPLATE: u16 = 61_008;
const SHORTENED_TEMPLATE: u16 = 61_009;
/// Shapes of findings have this and those that follow, as options and as data.
pub(super) const FINDINGS_TEMPLATE: u16 = 61_101;
