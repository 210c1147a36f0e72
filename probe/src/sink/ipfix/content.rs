//! What a flow record has to say in IPFIX, and how it is cut where a message has no room for all of it.

use std::fmt::Write as _;

use detect::incident::IncidentLink;
use flow::{BUCKETS, Detail, FlowRecord, Histograms};
use report::FlowContext;

use super::application_fields::{Bounded, encoded_octets};

/// What a record has to say.
#[derive(Clone, Copy, Debug)]
pub(super) struct Content<'a> {
    pub(super) record: &'a FlowRecord,
    pub(super) application: Option<Bounded<'a>>,
    pub(super) incident: Option<IncidentLink>,
    /// Octets of payload of each direction, at most, where some were kept.
    pub(super) payload_octets: usize,
}

/// Octets that payload and histograms take in a record, with their lengths.
#[derive(Clone, Copy, Debug, Default)]
struct DetailOctets {
    payload: usize,
    histograms: usize,
    /// How many directions are written.
    directions: usize,
}

impl<'a> Content<'a> {
    pub(super) fn new(record: &'a FlowRecord, context: FlowContext<'a>) -> Self {
        let FlowContext { application, incident } = context;
        Self { record, application: application.map(Bounded::new), incident, payload_octets: usize::MAX }
    }

    /// The same with at most `room` octets in what has no fixed length: payload is cut first, and then texts of the application.
    pub(super) fn within(self, room: usize) -> Self {
        let told = self.application.map_or(0, |application| application.octets());
        let DetailOctets { payload, histograms, directions } = DetailOctets::of(self.record, usize::MAX);
        let mut content = self;
        if payload + histograms + told > room {
            let each = room.saturating_sub(histograms + told) / directions.max(1);
            content.payload_octets = each.saturating_sub(LENGTH_OCTETS);
            let DetailOctets { payload, .. } = DetailOctets::of(self.record, content.payload_octets);
            let room = room.saturating_sub(payload + histograms);
            content.application = self.application.map(|application| application.within(room));
        }
        content
    }

    /// Whether something was cut.
    pub(super) fn is_cut(&self) -> bool {
        let details = self.record.details.iter().flat_map(|details| details.iter());
        let longest = details.map(|detail| detail.payload.len()).max().unwrap_or_default();
        self.application.is_some_and(|application| application.is_cut()) || longest > self.payload_octets
    }
}

impl DetailOctets {
    /// With at most `payload_octets` of payload for each direction.
    fn of(record: &FlowRecord, payload_octets: usize) -> Self {
        let Some([forward, reverse]) = record.details.as_deref() else { return Self::default() };
        let mut octets = Self::default();
        for (direction, detail) in [(&record.forward, forward), (&record.reverse, reverse)] {
            if direction.packets == 0 {
                continue;
            }
            octets.directions += 1;
            octets.payload += encoded_octets(detail.payload.len().min(payload_octets));
            let texts = HISTOGRAMS.map(|histogram| histogram_text(detail, histogram).len());
            octets.histograms += texts.into_iter().map(encoded_octets).sum::<usize>();
        }
        octets
    }
}

/// The numbers of a histogram, separated by commas.
pub(super) fn histogram_text(detail: &Detail, histogram: fn(&Histograms) -> [u32; BUCKETS]) -> String {
    let mut text = String::new();
    for (bucket, packets) in detail.histograms.as_ref().map(histogram).iter().flatten().enumerate() {
        // Writing to a String cannot fail.
        write!(text, "{}{packets}", if bucket == 0 { "" } else { "," }).unwrap_or_default();
    }
    text
}

/// The histograms of a direction, in the order in which they are written.
pub(super) const HISTOGRAMS: [fn(&Histograms) -> [u32; BUCKETS]; 2] =
    [|histograms| histograms.lengths, |histograms| histograms.gaps];
/// RFC 7011 section 7: what says how long a field of variable length is, at most.
const LENGTH_OCTETS: usize = 3;
