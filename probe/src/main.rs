//! flowcanary: a passive network probe that warns of cryptojacking.
//!
//! The program around the crates: command line, threads, outputs. Only here may a clock be read, and only here is there
//! `anyhow`. `docs/ARCHITECTURE.md` is the map.

mod arguments;
mod collector;
mod configuration;
mod cpus;
mod destination;
mod doctor;
mod elements;
mod files_apart;
mod generated;
mod links;
mod live;
mod metrics;
mod outcome;
mod pipeline;
mod privileges;
mod progress;
mod reach;
mod reload;
mod replay;
mod rings;
mod run;
mod sampling;
mod service;
mod setup;
mod signals;
mod sink;
mod standard_error;
mod ticks;

use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _, error::ErrorKind};

use crate::{
    arguments::{Arguments, Command},
    configuration::Typed,
    outcome::Outcome,
    standard_error::{one_line, say},
};

fn main() -> ExitCode {
    let parsed = Arguments::command().try_get_matches().and_then(|matches| {
        let typed = Typed::of(&matches);
        Ok((Arguments::from_arg_matches(&matches)?, typed))
    });
    let (arguments, typed) = match parsed {
        Ok(parsed) => parsed,
        Err(error) => return explain(&error),
    };
    let outcome = match arguments.command {
        Command::Replay(arguments) => replay::run(arguments, &typed),
        Command::Live(arguments) => live::run(arguments, typed),
        Command::Check(arguments) => configuration::check(&arguments),
        Command::Doctor(arguments) => doctor::run(&arguments),
        Command::Elements(arguments) => elements::print(arguments.format, arguments.pen),
        Command::Completions(arguments) => generated::completions(&arguments),
        Command::Man(arguments) => generated::man(&arguments),
    };
    match outcome {
        Ok(outcome) => outcome.into(),
        Err(error) => {
            say(&one_line(&error));
            Outcome::of_error(&error).into()
        }
    }
}

/// Shows what was asked for, such as the help, or says in one line what is wrong with the command line.
fn explain(error: &clap::Error) -> ExitCode {
    let asked_for = [
        ErrorKind::DisplayHelp,
        ErrorKind::DisplayVersion,
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand,
    ];
    if asked_for.contains(&error.kind()) {
        error.exit();
    }
    let text = error.to_string();
    let reason: Vec<_> = text.lines().take_while(|line| !line.is_empty()).map(str::trim).collect();
    let reason = reason.join(" ");
    say(&format!("{}; see --help", reason.strip_prefix("error: ").unwrap_or(&reason)));
    Outcome::WrongUsage.into()
}
