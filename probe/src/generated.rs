//! What is made from the definition of the command line: completions for shells, and pages of the manual.

use std::io::{self, Write as _};

use anyhow::Context as _;
use clap::CommandFactory as _;

use crate::{
    arguments::{Arguments, CompletionsArguments, ManArguments},
    outcome::{Outcome, UsageError},
};

/// `flowcanary completions`: prints what a shell reads to complete command lines.
pub(crate) fn completions(arguments: &CompletionsArguments) -> anyhow::Result<Outcome> {
    let mut text = Vec::new();
    clap_complete::generate(arguments.shell, &mut Arguments::command(), NAME, &mut text);
    print(&text)
}

/// `flowcanary man`: prints the page of the program or of one of its commands, for man(1).
pub(crate) fn man(arguments: &ManArguments) -> anyhow::Result<Outcome> {
    let mut command = Arguments::command();
    // Names the commands after the program, as their pages are.
    command.build();
    if let Some(name) = &arguments.command {
        let there: Vec<_> = command.get_subcommands().map(|command| command.get_name().to_owned()).collect();
        command = command.find_subcommand(name).cloned().ok_or_else(|| {
            UsageError(format!("man {name}: there is no such command; there are {}", there.join(", ")))
        })?;
    }
    let mut text = Vec::new();
    clap_mangen::Man::new(command).render(&mut text).context("cannot write the page")?;
    print(&text)
}

fn print(text: &[u8]) -> anyhow::Result<Outcome> {
    io::stdout().write_all(text).context("cannot write to standard output")?;
    Ok(Outcome::Done)
}

const NAME: &str = "flowcanary";
