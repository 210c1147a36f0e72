//! SYN floods, scans and reflected SYN-ACKs, from the fates of handshakes.
//!
//! An [`Observer`] follows every handshake of its worker's packets for a few seconds and states, for each second, how many were
//! opened at a port and what became of them: a [`Second`]. A [`Judge`] adds up the seconds of all workers and states a [`Finding`](crate::Finding)
//! when a victim has more handshakes that lead nowhere than its past explains.
//!
//! # What holds
//!
//! - Everything in a second adds up: packets that are divided among observers by address pair give the same seconds, once merged,
//!   as one observer gives, as long as no bound of [`ObserverConfig`] is reached.
//! - A handshake counts as completed when either side goes on after it, so one direction of the traffic is enough to know.
//! - A client that repeats its SYN the way a TCP does is no flood: a flood does not wait for answers.

mod alarm;
mod bin;
mod config;
mod counts;
mod estimate;
mod evidence;
mod fates;
mod fingerprint;
mod flood;
mod half_open;
mod judge;
mod numbered_map;
mod observer;
mod parts;
mod remembered;
mod sample;
mod second;
mod seconds;
mod server_state;
mod source;
mod spare;
mod statements;
mod victim;
mod view_tally;
mod watched;
mod young_index;

pub use config::{JudgeConfig, ObserverConfig};
pub use counts::ObserverCounts;
pub use fates::{Count, Fates};
pub use fingerprint::Fingerprints;
pub use judge::{Judge, JudgeCounts};
pub use numbered_map::NumberedMap;
pub use observer::Observer;
pub use sample::{SAMPLE_SIZE, Sample, Sampled};
pub use second::{Second, SourceCount, Span, Target, TargetCount, TriedTarget, TryingSource};
pub use server_state::ServerState;
