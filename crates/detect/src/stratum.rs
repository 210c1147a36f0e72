//! Mining, recognised by what miners and pools say to each other.
//!
//! [`interest()`] looks at the first octets of a connection. If they can be about mining, a [`Session`] listens to both ends and
//! keeps [`Facts`]: a dialect, who is paid, jobs, shares and what became of them. What is said counts by its grammar, its
//! direction, its framing and what was said before it, never by a word or a port alone.
//!
//! From facts, [`impact`] estimates how fast is mined and what that takes, and [`judge`] states an opinion.
//!
//! # What holds
//!
//! - Facts depend on octets, their order and their times, not on how they were cut.
//! - A session holds at most one partial message of 16 KiB for each end, or 12 KiB of compressed messages, and 64 requests and 32 jobs.
//! - An alarm needs both ends to speak, or one whose other end was not captured: words that the other end hears and leaves unanswered
//!   are a record of what others said.
//! - Passwords are read over and never kept.

mod carrier;
mod dialogue;
mod difficulty;
pub mod encrypted;
mod facts;
mod flights;
mod grammar;
pub mod impact;
mod interest;
pub mod judge;
mod message;
mod miners;
mod objects;
mod observation;
pub mod pools;
mod session;
mod wallet;

pub use difficulty::{Difficulty, Work};
pub use facts::{Carriers, Dialect, Facts, Login, MAX_TEXT_CHARACTERS, NoiseSizes, Shares, Stage};
pub use interest::{Interest, interest};
pub use miners::{Judge, MAX_PAIRS};
pub use observation::{Heard, Observation};
pub use session::Session;
