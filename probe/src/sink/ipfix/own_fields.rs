//! Elements of our own in flow records, behind those that IANA has registered.

use detect::incident::IncidentLink;
use flow::{Detail, Loss, Segments};
use ipfix_export::{RecordError, RecordWriter};

use super::content::{Content, HISTOGRAMS, histogram_text};
use crate::elements::{
    Element,
    registry::{
        DIRECTION_REASON, FIRST_PAYLOAD_OCTETS, HANDSHAKE_ROUND_TRIP_TIME, INCIDENT_ID, INCIDENT_SCORE,
        LOSS_INDICATORS, MISSED_OCTET_DELTA_COUNT, OUT_OF_ORDER_SEGMENT_DELTA_COUNT, PACKET_GAP_HISTOGRAM,
        PACKET_LENGTH_HISTOGRAM, RETRANSMITTED_SEGMENT_DELTA_COUNT, REVERSE_FIRST_PAYLOAD_OCTETS,
        REVERSE_HANDSHAKE_ROUND_TRIP_TIME, REVERSE_MISSED_OCTET_DELTA_COUNT,
        REVERSE_OUT_OF_ORDER_SEGMENT_DELTA_COUNT, REVERSE_PACKET_GAP_HISTOGRAM,
        REVERSE_PACKET_LENGTH_HISTOGRAM, REVERSE_RETRANSMITTED_SEGMENT_DELTA_COUNT,
    },
};

/// Which of them a record has.
#[expect(clippy::struct_excessive_bools, reason = "each stands for a block of fields")]
#[derive(Clone, Copy, Debug)]
pub(super) struct OwnFields {
    pub(super) is_tcp: bool,
    /// Elements of directions have their twins beside them: RFC 5103 has none for those of enterprises.
    pub(super) is_bidirectional: bool,
    pub(super) has_details: bool,
    pub(super) is_linked: bool,
}

impl OwnFields {
    /// The elements, in the order in which [`Self::write`] writes their values.
    pub(super) fn elements(self) -> Vec<Element> {
        let mut elements = vec![DIRECTION_REASON, LOSS_INDICATORS];
        let mut add = |twins: &[[Element; 2]]| {
            for [forward, reverse] in twins {
                elements.push(*forward);
                elements.extend(self.is_bidirectional.then_some(*reverse));
            }
        };
        if self.is_tcp {
            add(&SEGMENTS);
        }
        if self.has_details {
            add(&DETAILS);
        }
        if self.is_linked {
            elements.extend([INCIDENT_ID, INCIDENT_SCORE]);
        }
        elements
    }

    /// `is_turned` if the record is written with its reverse direction as the forward one.
    pub(super) fn write(
        self,
        content: &Content<'_>,
        is_turned: bool,
        writer: &mut RecordWriter<'_>,
    ) -> Result<(), RecordError> {
        let record = content.record;
        writer.u8(record.direction_reason as u8)?;
        writer.u8(loss_indicators(record.loss(), is_turned))?;
        if self.is_tcp {
            let segments = [&record.forward.segments, &record.reverse.segments];
            for value in SEGMENT_VALUES {
                self.for_each(segments, is_turned, |segments| writer.u32(value(segments)))?;
            }
        }
        if let Some([forward, reverse]) = record.details.as_deref().filter(|_| self.has_details) {
            let details = [forward, reverse];
            self.for_each(details, is_turned, |detail| {
                writer.octets(detail.payload.get(..content.payload_octets).unwrap_or(&detail.payload))
            })?;
            for histogram in HISTOGRAMS {
                self.for_each(details, is_turned, |detail: &Detail| {
                    writer.string(&histogram_text(detail, histogram))
                })?;
            }
        }
        if let Some(IncidentLink { case, score }) = content.incident {
            writer.u64(case.0)?;
            writer.u8(score)?;
        }
        Ok(())
    }

    /// Writes a value of the direction that is the forward one of the written record, and of the other one if that is there.
    fn for_each<T>(
        self,
        [forward, reverse]: [&T; 2],
        is_turned: bool,
        mut write: impl FnMut(&T) -> Result<(), RecordError>,
    ) -> Result<(), RecordError> {
        let [first, second] = if is_turned { [reverse, forward] } else { [forward, reverse] };
        write(first)?;
        if self.is_bidirectional { write(second) } else { Ok(()) }
    }
}

fn loss_indicators(loss: Loss, is_turned: bool) -> u8 {
    let Loss { forward, reverse, one_way, sampled } = loss;
    let [source, destination] = if is_turned { [reverse, forward] } else { [forward, reverse] };
    u8::from(source) | u8::from(destination) << 1 | u8::from(one_way) << 2 | u8::from(sampled) << 3
}

const SEGMENTS: [[Element; 2]; 4] = [
    [RETRANSMITTED_SEGMENT_DELTA_COUNT, REVERSE_RETRANSMITTED_SEGMENT_DELTA_COUNT],
    [OUT_OF_ORDER_SEGMENT_DELTA_COUNT, REVERSE_OUT_OF_ORDER_SEGMENT_DELTA_COUNT],
    [MISSED_OCTET_DELTA_COUNT, REVERSE_MISSED_OCTET_DELTA_COUNT],
    [HANDSHAKE_ROUND_TRIP_TIME, REVERSE_HANDSHAKE_ROUND_TRIP_TIME],
];
const SEGMENT_VALUES: [fn(&Segments) -> u32; 4] = [
    |segments| segments.retransmitted,
    |segments| segments.out_of_order,
    |segments| segments.missed_octets,
    |segments| segments.handshake_rtt_us,
];
const DETAILS: [[Element; 2]; 3] = [
    [FIRST_PAYLOAD_OCTETS, REVERSE_FIRST_PAYLOAD_OCTETS],
    [PACKET_LENGTH_HISTOGRAM, REVERSE_PACKET_LENGTH_HISTOGRAM],
    [PACKET_GAP_HISTOGRAM, REVERSE_PACKET_GAP_HISTOGRAM],
];
