//! What people and systems read of a run: flows as lines of JSON or CSV, and the closing summary.
//!
//! It must never know where packets come from, threads, or IPFIX. It takes records, counts and a `Write`, and knows the forms.
//!
//! # What holds
//!
//! - The same records give the same octets.
//! - A column has one name and one meaning in every form ([`flow_columns`]); a name or a meaning is never changed, and new columns
//!   come at the end.
//! - What it keeps is bounded, however many hosts there are.

mod columns;
mod flow_file;
mod ledger;
mod line_file;
mod readable;
mod summary;
mod top_talkers;

pub use columns::{Column, flow_columns};
pub use flow_file::{FlowFile, FlowFormat};
pub use ledger::{MAX_REASONS, PacketLedger};
pub use readable::{grouped, printable, rfc3339, scaled_octets};
pub use summary::{FlowCounts, InterfaceDrops, OutputCounts, Summary};
pub use top_talkers::{Talker, TopTalkers};
