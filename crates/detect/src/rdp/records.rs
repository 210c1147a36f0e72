use wire::Timestamp;

use crate::tls::{ContentLength, RECORD_HEADER_OCTETS, ServerHello};

/// What was said after the security protocol was set up: the first messages one by one, all of them in sums.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RecordSummary {
    first: Vec<Record>,
    /// From the client.
    pub client: Totals,
    /// From the server.
    pub server: Totals,
}

/// One TLS record after the handshake, or one PDU of standard RDP security.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Record {
    /// Who sent it.
    pub from_client: bool,
    /// Is it a TLS alert?
    pub is_alert: bool,
    /// Octets with the header.
    pub octets: u16,
    /// Milliseconds since the connection's first octets.
    pub offset_ms: u32,
}

/// Sums over one direction.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Totals {
    /// Records or PDUs.
    pub records: u32,
    /// Their octets with headers.
    pub octets: u64,
    /// When the last one was complete.
    pub last: Timestamp,
}

impl RecordSummary {
    /// The first records, up to [`KEPT_RECORDS`], in the order of their completion.
    pub fn first(&self) -> &[Record] {
        &self.first
    }

    pub(super) fn push(&mut self, record: Record, time: Timestamp) {
        self.count(record.from_client, record.octets.into(), time);
        let totals = self.totals(record.from_client);
        totals.records = totals.records.saturating_add(1);
        if self.first.len() < KEPT_RECORDS {
            self.first.push(record);
        }
    }

    /// Counts octets, of which it need not be known where records begin.
    pub(super) fn count(&mut self, from_client: bool, octets: usize, time: Timestamp) {
        let totals = self.totals(from_client);
        totals.octets = totals.octets.saturating_add(u64::try_from(octets).unwrap_or(u64::MAX));
        totals.last = totals.last.max(time);
    }

    const fn totals(&mut self, from_client: bool) -> &mut Totals {
        if from_client { &mut self.client } else { &mut self.server }
    }

    /// Consecutive records of one side, from the client's first on: what a server says before is a TLS 1.3 session ticket.
    pub(super) fn runs(&self, hello: Option<ServerHello>) -> Vec<Run> {
        let mut runs: Vec<Run> = Vec::new();
        for record in self.first.iter().copied().filter(|record| !record.is_alert) {
            let content = content(record, hello);
            match runs.last_mut() {
                Some(run) if run.from_client == record.from_client => run.extend(record, content),
                None if !record.from_client => {}
                _ => runs.push(Run::new(record, content)),
            }
        }
        runs
    }
}

/// Consecutive records of one side.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Run {
    pub(super) from_client: bool,
    pub(super) records: u32,
    /// Content of the record that has most.
    pub(super) largest: ContentLength,
    /// Of the last record.
    pub(super) ended_ms: u32,
}

impl Run {
    fn new(record: Record, largest: ContentLength) -> Self {
        Self { from_client: record.from_client, records: 1, largest, ended_ms: record.offset_ms }
    }

    fn extend(&mut self, record: Record, content: ContentLength) {
        self.records += 1;
        self.ended_ms = record.offset_ms;
        if content.at_most > self.largest.at_most {
            self.largest = content;
        }
    }
}

fn content(record: Record, hello: Option<ServerHello>) -> ContentLength {
    let octets = usize::from(record.octets);
    match hello {
        Some(hello) => hello.content_of(octets),
        None => ContentLength { at_least: 0, at_most: octets.saturating_sub(RECORD_HEADER_OCTETS) },
    }
}

/// How many records are kept one by one: a logon with `CredSSP` and the connection sequence behind it are through by then
/// (MS-RDPBCGR, 1.3.1.1).
pub const KEPT_RECORDS: usize = 32;
