//! Every information element of our own: what the code exports, `docs/ELEMENTS.md` and the definitions for collectors are made from this
//! table alone.
//!
//! Numbers are never used again, nor do they change their meaning: elements are appended to their range, or deprecated in their
//! description. They begin at 1001, since some collectors tell elements of a record apart by the number alone and confuse low ones with
//! those of IANA. All but octets of payload are integers, addresses, times and text: collectors read no others alike. A value that was not said is 0 or empty.

use ipfix_export::{DataType, Semantics, Units};

use super::Element;

/// Which of our elements a number belongs to.
pub(crate) struct Range {
    pub(crate) title: &'static str,
    pub(crate) first: u16,
    pub(crate) last: u16,
}

/// The ranges of numbers. Where one is full, its elements go on behind the last of all.
pub(crate) const RANGES: &[Range] = &[
    Range { title: "Flows", first: 1001, last: 1039 },
    Range { title: "Findings", first: 1040, last: 1099 },
    Range { title: "Application", first: 1100, last: 1139 },
    Range { title: "Statistics", first: 1140, last: 1179 },
];

macro_rules! elements {
    ($($constant:ident = $id:literal, $name:literal, $data_type:ident, $semantics:ident, $units:ident, $description:literal;)*) => {
        $(
            #[doc = concat!("`", $name, "`: ", $description)]
            pub(crate) const $constant: Element = Element {
                id: $id,
                name: $name,
                data_type: DataType::$data_type,
                semantics: Semantics::$semantics,
                units: Units::$units,
                description: $description,
            };
        )*

        /// All of them, by ascending number.
        pub(crate) const ELEMENTS: &[Element] = &[$($constant),*];
    };
}

elements! {
    DIRECTION_REASON = 1001, "directionReason", Unsigned8, Identifier, None,
        "How the initiator of the flow is known: 0 it sent the first packet seen, 1 by the ports, 2 a SYN-ACK went to it, 3 it sent a SYN.";
    INCIDENT_ID = 1002, "incidentId", Unsigned64, Identifier, None,
        "The case that the record belongs to; 0 for none. A case becomes an incident with its second stage.";
    INCIDENT_SCORE = 1003, "incidentScore", Unsigned8, Quantity, None,
        "From 0 to 100: 25 for each step of severity, times the confidence.";
    LOSS_INDICATORS = 1004, "lossIndicators", Unsigned8, Flags, None,
        "What the capture may lack of the record: 1 octets of the source, 2 octets of the destination, 4 all of one direction of TCP, 8 packets that sampling left out.";
    RETRANSMITTED_SEGMENT_DELTA_COUNT = 1005, "retransmittedSegmentDeltaCount", Unsigned32, DeltaCounter, Packets,
        "TCP segments of the source that took sequence numbers some of which were seen before; no keep-alives.";
    REVERSE_RETRANSMITTED_SEGMENT_DELTA_COUNT = 1006, "reverseRetransmittedSegmentDeltaCount", Unsigned32, DeltaCounter, Packets,
        "The same of the destination.";
    OUT_OF_ORDER_SEGMENT_DELTA_COUNT = 1007, "outOfOrderSegmentDeltaCount", Unsigned32, DeltaCounter, Packets,
        "TCP segments of the source that came behind later ones, and for the first time.";
    REVERSE_OUT_OF_ORDER_SEGMENT_DELTA_COUNT = 1008, "reverseOutOfOrderSegmentDeltaCount", Unsigned32, DeltaCounter, Packets,
        "The same of the destination.";
    MISSED_OCTET_DELTA_COUNT = 1009, "missedOctetDeltaCount", Unsigned32, DeltaCounter, Octets,
        "Octets of the source's TCP data that the capture has not, though they were acknowledged, or skipped where the capture has one direction only.";
    REVERSE_MISSED_OCTET_DELTA_COUNT = 1010, "reverseMissedOctetDeltaCount", Unsigned32, DeltaCounter, Octets,
        "The same of the destination.";
    HANDSHAKE_ROUND_TRIP_TIME = 1011, "handshakeRoundTripTime", Unsigned32, Quantity, Microseconds,
        "From a SYN or SYN-ACK that went to the source until its answer in the TCP handshake; 0 if not known.";
    REVERSE_HANDSHAKE_ROUND_TRIP_TIME = 1012, "reverseHandshakeRoundTripTime", Unsigned32, Quantity, Microseconds,
        "The same of the destination.";
    FIRST_PAYLOAD_OCTETS = 1013, "firstPayloadOctets", OctetArray, Default, None,
        "The first octets of the flow that the source has sent behind transport headers.";
    REVERSE_FIRST_PAYLOAD_OCTETS = 1014, "reverseFirstPayloadOctets", OctetArray, Default, None,
        "The same of the destination.";
    PACKET_LENGTH_HISTOGRAM = 1015, "packetLengthHistogram", String, Default, None,
        "Packets of the source by octets of IP: below 64, 128, 256, 512, 1024, 1501, 9001, and more; separated by commas.";
    REVERSE_PACKET_LENGTH_HISTOGRAM = 1016, "reversePacketLengthHistogram", String, Default, None,
        "The same of the destination.";
    PACKET_GAP_HISTOGRAM = 1017, "packetGapHistogram", String, Default, None,
        "Packets of the source by the time since the one before: below 10 us, 100 us, 1 ms, 10 ms, 100 ms, 1 s, 10 s, and more; separated by commas.";
    REVERSE_PACKET_GAP_HISTOGRAM = 1018, "reversePacketGapHistogram", String, Default, None,
        "The same of the destination.";

    FINDING_ID = 1040, "findingId", Unsigned64, Identifier, None,
        "What the finding is about: the same for all findings of a kind on a victim, and by the offender where there is one.";
    FINDING_KIND = 1041, "findingKind", Unsigned8, Identifier, None,
        "0 incident, 1 SYN flood, 2 SYN scan, 3 SYN-ACK reflection, 4 backscatter, 5 RDP guessing, 6 RDP compromise, 7 RDP exploit, 8 RDP without NLA, 9 mining, 10 work requests, 11 node of a currency.";
    FINDING_NAME = 1042, "findingName", String, Default, None,
        "The kind as EVE has it, such as rdp_bruteforce.";
    FINDING_PHASE = 1043, "findingPhase", Unsigned8, Identifier, None,
        "1 started, 2 raised, 3 updated, 4 ended.";
    ATTACK_STAGE = 1044, "attackStage", Unsigned8, Identifier, None,
        "0 none, 1 noise, 2 credential attack, 3 access gained, 4 delivery, 5 mining, 6 spread; of an incident, the last.";
    FINDING_SEVERITY = 1045, "findingSeverity", Unsigned8, Identifier, None,
        "1 low, 2 medium, 3 high, 4 critical.";
    FINDING_CONFIDENCE = 1046, "findingConfidence", Unsigned8, Quantity, None,
        "How sure it is, in per cent.";
    ATTACK_TECHNIQUES = 1047, "attackTechniques", String, Default, None,
        "Identifiers of MITRE ATT&CK, separated by commas.";
    VICTIM_IPV4_ADDRESS = 1048, "victimIPv4Address", Ipv4Address, Default, None,
        "Who it was done to: a host, or the first address of a network.";
    VICTIM_IPV6_ADDRESS = 1049, "victimIPv6Address", Ipv6Address, Default, None,
        "Who it was done to: a host, or the first address of a network.";
    VICTIM_PREFIX_LENGTH = 1050, "victimPrefixLength", Unsigned8, Default, Bits,
        "How many bits of the victim's address count: all of a host, 0 for no network in particular.";
    VICTIM_PORT = 1051, "victimPort", Unsigned16, Identifier, None,
        "The port of the victim; 0 if it is not one port.";
    OFFENDER_IPV4_ADDRESS = 1052, "offenderIPv4Address", Ipv4Address, Default, None,
        "Who did most of it, or seems to have; of mining, the pool.";
    OFFENDER_IPV6_ADDRESS = 1053, "offenderIPv6Address", Ipv6Address, Default, None,
        "Who did most of it, or seems to have; of mining, the pool.";
    OFFENDER_COUNT = 1054, "offenderCount", Unsigned64, Quantity, None,
        "How many offenders there were: exact below 64, else an estimate.";
    OFFENDER_ADDRESSES = 1055, "offenderAddresses", String, Default, None,
        "The offenders that did most, up to 16, separated by commas.";
    FIRST_SEEN_MILLISECONDS = 1056, "firstSeenMilliseconds", DateTimeMilliseconds, Default, Milliseconds,
        "The time of the first packet of it.";
    LAST_SEEN_MILLISECONDS = 1057, "lastSeenMilliseconds", DateTimeMilliseconds, Default, Milliseconds,
        "The time of the last packet of it so far.";
    STATED_MILLISECONDS = 1058, "statedMilliseconds", DateTimeMilliseconds, Default, Milliseconds,
        "The time of the capture when it could be said.";
    EVIDENCE = 1059, "evidence", String, Default, None,
        "Numbers, with the thresholds that they were held against in brackets, and decoded facts: name=value, separated by semicolons.";
    CAPTURE_VIEW = 1060, "captureView", Unsigned8, Identifier, None,
        "Which directions the capture has: 0 unknown, 1 both ways, 2 towards servers, 3 towards clients.";
    CAPTURE_MISSING_PERMILLE = 1061, "captureMissingPermille", Unsigned16, Quantity, None,
        "Of 1000 completed handshakes, how many a part was missing of: what the capture has lost.";
    LOSS_AFFECTED = 1062, "lossAffected", Boolean, Default, None,
        "Whether the finding may suffer from losses: packets that are missing, or handshakes that there was no room for.";
    SYN_COUNT = 1063, "synCount", Unsigned64, Quantity, Packets,
        "SYN to the victim, or from the offender, without those repeated.";
    UNSOLICITED_SYN_ACK_COUNT = 1064, "unsolicitedSynAckCount", Unsigned64, Quantity, Packets,
        "SYN-ACK that answered no SYN.";
    HANDSHAKES_OPENED = 1065, "handshakesOpened", Unsigned64, Quantity, None,
        "TCP handshakes that were opened: the attempts.";
    HANDSHAKES_COMPLETED = 1066, "handshakesCompleted", Unsigned64, Quantity, None,
        "Handshakes that were completed.";
    HANDSHAKES_HALF_OPEN = 1067, "handshakesHalfOpen", Unsigned64, Quantity, None,
        "Handshakes that were answered and left half open.";
    HANDSHAKES_SILENT = 1068, "handshakesSilent", Unsigned64, Quantity, None,
        "Handshakes that nothing answered.";
    HANDSHAKES_REFUSED = 1069, "handshakesRefused", Unsigned64, Quantity, None,
        "Handshakes that the server refused.";
    HANDSHAKES_ABORTED = 1070, "handshakesAborted", Unsigned64, Quantity, None,
        "Handshakes that the client broke off.";
    HANDSHAKES_PEAK_PER_SECOND = 1071, "handshakesPeakPerSecond", Unsigned64, Quantity, None,
        "Handshakes that led nowhere in the worst second.";
    COMPLETION_PERMILLE = 1072, "completionPermille", Unsigned16, Quantity, None,
        "Of 1000 handshakes of the last minute, how many were completed.";
    ATTACK_SOURCE_COUNT = 1073, "attackSourceCount", Unsigned64, Quantity, None,
        "Addresses that it came from.";
    ATTACK_TARGET_COUNT = 1074, "attackTargetCount", Unsigned64, Quantity, None,
        "Pairs of host and port that a scan has tried.";
    FAILED_LOGON_COUNT = 1075, "failedLogonCount", Unsigned64, Quantity, None,
        "Logons that failed.";
    LOGON_SCREEN_LEFT_COUNT = 1076, "logonScreenLeftCount", Unsigned64, Quantity, None,
        "Logon screens that were left without a session.";
    TRIED_USER_COUNT = 1077, "triedUserCount", Unsigned64, Quantity, None,
        "User names that were tried.";
    TRIED_SERVER_COUNT = 1078, "triedServerCount", Unsigned64, Quantity, None,
        "Servers that were tried.";
    REFUSED_CONNECTION_COUNT = 1079, "refusedConnectionCount", Unsigned64, Quantity, None,
        "Connections to remote desktops that were refused.";
    MEDIAN_PAUSE_MILLISECONDS = 1080, "medianPauseMilliseconds", Unsigned32, Quantity, Milliseconds,
        "Half of the pauses between two tries are shorter.";
    LOGON_OUTCOME = 1081, "logonOutcome", String, Default, None,
        "How the logon went that the finding rests on.";
    LOGON_USER_NAME = 1082, "logonUserName", String, Default, None,
        "The user name of that logon, as far as it was told.";
    MINING_DIALECT = 1083, "miningDialect", String, Default, None,
        "The dialect of the mining protocol.";
    MINING_COIN = 1084, "miningCoin", String, Default, None,
        "The currency, as far as it can be told.";
    MINING_WALLET = 1085, "miningWallet", String, Default, None,
        "The wallet that is mined for.";
    MINING_POOL_NAME = 1086, "miningPoolName", String, Default, None,
        "The name of the pool, by DNS or by the miner's own words.";
    MINING_JOB_COUNT = 1087, "miningJobCount", Unsigned64, Quantity, None,
        "Jobs that the pool has handed out.";
    SHARES_SUBMITTED_COUNT = 1088, "sharesSubmittedCount", Unsigned64, Quantity, None,
        "Shares that the miner has handed in.";
    SHARES_ACCEPTED_COUNT = 1089, "sharesAcceptedCount", Unsigned64, Quantity, None,
        "Shares that the pool has accepted.";
    SHARES_REJECTED_COUNT = 1090, "sharesRejectedCount", Unsigned64, Quantity, None,
        "Shares that the pool has rejected.";
    HASH_RATE = 1091, "hashRate", Unsigned64, Quantity, None,
        "Hashes per second, by the shares and their difficulty.";
    HASH_RATE_LOWER_BOUND = 1092, "hashRateLowerBound", Unsigned64, Quantity, None,
        "Hashes per second: the lower bound of the interval.";
    HASH_RATE_UPPER_BOUND = 1093, "hashRateUpperBound", Unsigned64, Quantity, None,
        "Hashes per second: the upper bound of the interval.";
    MISSING_STAGES = 1094, "missingStages", String, Default, None,
        "Stages of an attack that were not seen, separated by commas.";
    HANDSHAKES_HALF_OPEN_PEAK = 1095, "handshakesHalfOpenPeak", Unsigned64, Quantity, None,
        "The most handshakes that the victim may have held half open at a time: of those of a minute, the ones that were answered and neither completed nor broken off.";

    DNS_TRANSACTION_ID = 1100, "dnsTransactionId", Unsigned16, Identifier, None,
        "Identifier of the first DNS query and its response.";
    DNS_FLAGS = 1101, "dnsFlags", Unsigned16, Flags, None,
        "Second two octets of a DNS message: of the query, then of the response, as far as they were seen.";
    DNS_QUERY_NAME = 1102, "dnsQueryName", String, Default, None,
        "Name that was asked for, in lower case.";
    DNS_QUERY_TYPE = 1103, "dnsQueryType", Unsigned16, Identifier, None,
        "Type of records that were asked for.";
    DNS_QUERY_CLASS = 1104, "dnsQueryClass", Unsigned16, Identifier, None,
        "Class of records that were asked for.";
    DNS_RESPONSE_CODE = 1105, "dnsResponseCode", Unsigned8, Identifier, None,
        "Response code of the DNS header.";
    TLS_SERVER_NAME = 1106, "tlsServerName", String, Default, None,
        "Server that the TLS client names.";
    TLS_CLIENT_VERSION = 1107, "tlsClientVersion", Unsigned16, Identifier, None,
        "First version that the TLS client offers.";
    TLS_JA3 = 1108, "tlsJa3", String, Default, None,
        "JA3 of the TLS client.";
    TLS_JA4 = 1109, "tlsJa4", String, Default, None,
        "JA4 of the TLS client.";
    TLS_ALPN = 1110, "tlsAlpn", String, Default, None,
        "Protocol that the TLS server has chosen, or those that the client offers, with commas.";
    TLS_SERVER_VERSION = 1111, "tlsServerVersion", Unsigned16, Identifier, None,
        "Version of the TLS connection.";
    TLS_CIPHER_SUITE = 1112, "tlsCipherSuite", Unsigned16, Identifier, None,
        "Cipher suite of the TLS connection.";
    TLS_SUBJECT_COMMON_NAME = 1113, "tlsSubjectCommonName", String, Default, None,
        "Common name of the subject of the TLS server's certificate.";
    TLS_ISSUER_COMMON_NAME = 1114, "tlsIssuerCommonName", String, Default, None,
        "Common name of the issuer of the TLS server's certificate.";
    TLS_CERTIFICATE_NOT_BEFORE = 1115, "tlsCertificateNotBefore", DateTimeSeconds, Default, None,
        "From when on the TLS server's certificate is valid.";
    TLS_CERTIFICATE_NOT_AFTER = 1116, "tlsCertificateNotAfter", DateTimeSeconds, Default, None,
        "Until when the TLS server's certificate is valid.";
    QUIC_VERSION = 1117, "quicVersion", Unsigned32, Identifier, None,
        "Version of QUIC.";
    QUIC_SERVER_NAME = 1118, "quicServerName", String, Default, None,
        "Server that the QUIC client names.";
    QUIC_ALPN = 1119, "quicAlpn", String, Default, None,
        "Protocols that the QUIC client offers, with commas between them.";
    QUIC_JA4 = 1120, "quicJa4", String, Default, None,
        "JA4 of the QUIC client.";
    SSH_CLIENT_VERSION = 1121, "sshClientVersion", String, Default, None,
        "Line that the SSH client begins with.";
    SSH_SERVER_VERSION = 1122, "sshServerVersion", String, Default, None,
        "Line that the SSH server begins with.";

    RECEIVED_PACKET_TOTAL_COUNT = 1140, "receivedPacketTotalCount", Unsigned64, TotalCounter, Packets,
        "Packets that came from the source, before anything was left out.";
    METERED_PACKET_TOTAL_COUNT = 1141, "meteredPacketTotalCount", Unsigned64, TotalCounter, Packets,
        "Packets that were counted to flows.";
    TUNNEL_FRAGMENT_TOTAL_COUNT = 1142, "tunnelFragmentTotalCount", Unsigned64, TotalCounter, Packets,
        "Fragments that hold the rest of a tunnel packet that was metered whole.";
    FILTERED_PACKET_TOTAL_COUNT = 1143, "filteredPacketTotalCount", Unsigned64, TotalCounter, Packets,
        "Packets that the filter did not ask for.";
    SAMPLED_OUT_PACKET_TOTAL_COUNT = 1144, "sampledOutPacketTotalCount", Unsigned64, TotalCounter, Packets,
        "Packets that sampling has left out.";
    UNDECODED_PACKET_TOTAL_COUNT = 1145, "undecodedPacketTotalCount", Unsigned64, TotalCounter, Packets,
        "Packets in which no IP packet was found.";
    KERNEL_DROPPED_PACKET_TOTAL_COUNT = 1146, "kernelDroppedPacketTotalCount", Unsigned64, TotalCounter, Packets,
        "Packets that the kernel dropped since the worker's ring was full.";
    INTERFACE_DROPPED_PACKET_TOTAL_COUNT = 1147, "interfaceDroppedPacketTotalCount", Unsigned64, TotalCounter, Packets,
        "Packets that the interface dropped.";
    LOST_FLOW_RECORD_TOTAL_COUNT = 1148, "lostFlowRecordTotalCount", Unsigned64, TotalCounter, Flows,
        "Flow records of the worker that the collecting thread had no room for.";
    LOST_OBSERVATION_TOTAL_COUNT = 1149, "lostObservationTotalCount", Unsigned64, TotalCounter, None,
        "Observations of the worker that the collecting thread had no room for.";
    SHORTENED_FLOW_RECORD_TOTAL_COUNT = 1150, "shortenedFlowRecordTotalCount", Unsigned64, TotalCounter, Flows,
        "Flow records with texts or octets of payload that were cut, since messages are smaller than they were.";
}
