//! SYN floods and scans: what has to be found, what must not be, and what it may keep.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test ends where its setting fails"
)]

mod answers;
mod bounds;
mod corpus;
mod fates;
mod packets;
mod probe;
mod sampled;
mod scans;
mod traps;
