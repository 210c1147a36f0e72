//! What people and systems read of a run: flows as lines of JSON or CSV, everything as EVE JSON, and the closing summary.
//!
//! It must never know where packets come from, threads, or IPFIX. It takes records, statements, counts and a `Write`, and knows the
//! forms.
//!
//! # What holds
//!
//! - The same records give the same octets.
//! - A column has one name and one meaning in every form ([`flow_columns`]); a name or a meaning is never changed, and new columns
//!   come at the end.
//! - What it keeps is bounded, however many hosts there are.
//! - Text from the network stays text: it cannot end a line, move a cursor, or be longer than a bound.

mod application_object;
mod columns;
mod eve;
mod exposition;
mod findings;
mod flow_context;
mod flow_file;
mod ledger;
mod line_file;
mod moment;
mod readable;
#[cfg(test)]
mod sample;
mod sampling;
mod summary;
mod top_talkers;
mod worst;
mod wrapped;

pub use columns::{Column, flow_columns};
pub use eve::{Eve, EveType, EveTypes, Statistics, UnknownEveType, bounds_reached};
pub use exposition::{Exposition, MetricKind};
pub use findings::{Findings, MAX_FINDINGS, MAX_INCIDENTS};
pub use flow_context::FlowContext;
pub use flow_file::{FlowFile, FlowFormat};
pub use ledger::{MAX_REASONS, PacketLedger};
pub use readable::{grouped, printable, scaled_octets};
pub use sampling::{Sampling, SamplingUnit};
pub use summary::{FlowCounts, InterfaceDrops, LiveSummary, OutputCounts, Summary, WorkerLosses};
pub use top_talkers::{Talker, TopTalkers};
