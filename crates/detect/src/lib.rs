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

pub mod names;
mod octets;
mod opinion;
pub mod rdp;
pub mod stratum;
pub mod stream;
pub mod synflood;
mod tls;

pub use opinion::{Evidence, Severity, Value};
