//! Facts from packets, and opinions from facts.
//!
//! An **observer** sees the packets of one worker and states facts: this connection speaks a dialect of Stratum and a share was
//! accepted; this RDP logon failed; this second brought so many SYN for one server and so few completed. A **judge** sees the facts
//! of all workers in the order of packet time and states an opinion, a finding. Observers keep what they need of a flow themselves.
//!
//! It must never know files, threads, outputs, or the clock of the wall.
//!
//! # What holds
//!
//! - What an observer or a judge says depends on packets and their times alone, and on their order.
//! - Nothing that a network can send makes it panic, or grow past the bounds that are constants beside the code.
//! - A finding rests on grammar, direction and state, or on numbers against thresholds; never on a port or a substring alone.

#![deny(clippy::indexing_slicing)]

mod bounded_map;
mod capture_quality;
mod digest;
mod evidence;
mod finding;
#[cfg(any(test, fuzzing))]
mod fuzz;
pub mod incident;
mod judge;
pub mod names;
mod observation;
pub mod observe;
mod prefix;
pub mod rdp;
mod severity;
pub mod stratum;
pub mod synflood;

/// What one end of a TCP connection said, in order.
pub use application::stream;
use application::{octets, tls};
pub use capture_quality::{CaptureQuality, View};
pub use evidence::{Evidence, Value};
pub use finding::{Connection, Finding, FindingId, Kind, MAX_OFFENDERS, Phase, Victim};
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub use fuzz::{fuzz_conversation, fuzz_names, fuzz_segments};
pub use judge::{Judge, JudgeConfig, JudgeCounts, Statement};
pub use observation::{NameHeard, Observation};
pub use prefix::Prefix;
pub use severity::Severity;
