//! Packets become bidirectional flows.
//!
//! A [`Meter`] takes decoded packets in the order of their capture and keeps a [`Biflow`] for each conversation: who opened it,
//! what went each way, when. A flow that has ended, and a slice of one that lives longer than the active timeout, leaves as a
//! [`FlowRecord`]. Terms are those of RFC 7011, RFC 7012 and RFC 5103.
//!
//! It must never know where packets come from, where records go, threads, or the clock of the wall.
//!
//! # What holds
//!
//! - **Time is the time of packets.** The meter's clock is the latest time that any packet had, so it does not run back; its
//!   user may also tell it the time. When a record is cut depends on that clock alone, never on how often somebody looked.
//! - **Records leave in order**: ascending by [`FlowRecord::ended`], then by [`FlowRecord::opened`], then by key. A user who
//!   splits packets by [`Shard`] over several meters and merges their records gets the same as from one.
//! - **Octets and packets add up**: the sum over all records is what was accounted, while the meter is not full and when it is.
//! - **Memory is bounded** by [`MeterConfig`]: a full meter ends a flow that matters little to make room for a new one.
//! - Keys are compared whole, hashes are keyed by random numbers, and no hash order reaches a record.
//!
//! ```
//! use flow::{EndReason, Meter, MeterConfig, Placed};
//! use wire::{Frame, LinkType, Timestamp};
//!
//! let query = [
//!     0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0, 192, 0, 2, 1, 192, 0, 2, 53, // IPv4, 28 octets, UDP
//!     0x30, 0x39, 0, 53, 0, 8, 0, 0, // port 12345 to 53
//! ];
//! let timestamp = Timestamp::from_parts(1_700_000_000, 0);
//! let frame = Frame { data: &query, timestamp, original_length: 28, link_type: LinkType::RAW, interface: 0 };
//!
//! let mut meter = Meter::new(MeterConfig::default());
//! let packet = wire::decode(&frame)?;
//! if let Placed::InFlow(placement) = meter.place(&packet, timestamp) {
//!     meter.account(&packet, &placement);
//! }
//!
//! let mut records = Vec::new();
//! meter.close(timestamp);
//! while meter.take_records(&mut records, 64) {}
//! assert_eq!((records[0].forward.packets, records[0].responder().port), (1, 53));
//! assert_eq!(records[0].end_reason, EndReason::ForcedEnd);
//! # Ok::<(), wire::DecodeFailure>(())
//! ```

#![deny(clippy::indexing_slicing)]

mod bearing;
mod biflow;
mod chunks;
mod clock;
mod config;
mod connection;
mod details;
mod ending;
mod fragments;
mod gaps;
mod index;
mod key;
mod meter;
mod placement;
mod reassociation;
mod record;
mod schedule;
mod segments;
mod shard;
mod slab;
mod table;

pub use biflow::{Biflow, FlowNumber};
pub use clock::Clock;
pub use config::{MeterConfig, Timeouts};
pub use details::{BUCKETS, Detail, DetailsConfig, GAP_LIMITS_NANOS, Histograms, LENGTH_LIMITS};
pub use key::{FlowKey, Side};
pub use meter::{Accounted, Meter, MeterCounts, PacketCount};
pub use placement::{Placed, Placement};
pub use record::{
    Direction, DirectionReason, EndReason, Endpoint, FirstPacket, FlowId, FlowRecord, Loss, Segments,
};
pub use shard::{Shard, ShardMap};
