//! flowcanary: a passive network probe that warns of cryptojacking.
//!
//! The program around the crates: command line, threads, outputs. Only here may a clock be read, and only here is there
//! `anyhow`. `docs/ARCHITECTURE.md` is the map.

mod arguments;
mod collector;
mod destination;
mod outcome;
mod pipeline;
mod progress;
mod replay;
mod run;
mod sink;

use std::process::ExitCode;

use clap::Parser as _;

use crate::{
    arguments::{Arguments, Command},
    outcome::Outcome,
};

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = match arguments.command {
        Command::Replay(arguments) => replay::run(arguments),
    };
    match outcome {
        Ok(outcome) => outcome.into(),
        Err(error) => {
            // The chain of causes on one line, so that a log keeps it together.
            eprintln!("flowcanary: {error:#}");
            Outcome::of_error(&error).into()
        }
    }
}
