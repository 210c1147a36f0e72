use std::{fmt, process::ExitCode};

/// How a run ended, as its exit status says it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Outcome {
    /// All was read, and all was handed on.
    Done,
    /// It did not come to run, or broke off.
    Failed,
    /// The command line or the configuration is wrong.
    WrongUsage,
    /// It ran to its end, but some input was damaged or an output lost something.
    Incomplete,
}

/// An error that is the user's to mend on the command line.
#[derive(Debug)]
pub(crate) struct UsageError(pub(crate) String);

impl Outcome {
    /// The outcome of a run that ended with `error`.
    pub(crate) fn of_error(error: &anyhow::Error) -> Self {
        if error.is::<UsageError>() { Self::WrongUsage } else { Self::Failed }
    }
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        Self::from(match outcome {
            Outcome::Done => 0,
            Outcome::Failed => 1,
            Outcome::WrongUsage => 2,
            Outcome::Incomplete => 3,
        })
    }
}

impl fmt::Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for UsageError {}
