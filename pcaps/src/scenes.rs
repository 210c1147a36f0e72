//! What hosts do: each scene is a function of its cast, its time and its recording, and tells what it did.

pub mod housekeeping;
pub mod miner;
pub mod names;
pub mod remote_desktop;
pub mod syn_flood;
pub mod web;
