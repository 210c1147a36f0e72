//! Interfaces are watched in networks that the tests make themselves, and into which tcpreplay sends. What is found is held against
//! what `replay` finds in a recording by tcpdump of the same packets.

#![expect(
    clippy::disallowed_methods,
    reason = "programs are waited for by the clock, and what they do has to be done in time"
)]

mod fanout;
mod interfaces;
mod losses;
mod metrics;
mod network;
mod outputs;
mod privileges;
mod recordings;
mod reloading;
mod rings;
mod stopping;
mod streams;
mod traffic;
mod usage;
mod watching;
