//! Tests of the whole: the program run as its users run it, and its crates against programs and libraries that were written by others.
//!
//! One binary with a module for each subject, so that it links once.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test ends where its setting fails")]

mod accuracy;
mod application_oracle;
mod capture_oracle;
mod collectors;
mod command_line;
mod config;
mod corpus;
mod details;
mod doctor;
mod elements;
mod eve;
mod generated;
mod golden;
mod kept;
mod live;
mod namespace;
mod oracle;
mod parallel;
mod program;
mod sampling;
mod score;
mod segments;
mod shared;
mod systemd;
mod wire_oracle;
mod workers;
