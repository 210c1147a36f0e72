//! What people read on standard error.
//!
//! Where it cannot be written to there is nobody to tell, and the exit status still says how it went.

use std::io::{self, Write as _};

use report::printable;

/// Writes a line with the program's name before it. What a terminal would act on is escaped, since text may come from the network.
pub(crate) fn say(text: &str) {
    write(&format!("flowcanary: {}\n", printable(text)));
}

/// Writes text that is ready to be shown as it is.
pub(crate) fn write(text: &str) {
    io::stderr().write_all(text.as_bytes()).ok();
}

/// An error and its causes on one line, so that a log keeps them together. A cause that a text already names is not repeated.
pub(crate) fn one_line(error: &anyhow::Error) -> String {
    error
        .chain()
        .map(ToString::to_string)
        .reduce(|line, cause| if line.contains(&cause) { line } else { format!("{line}: {cause}") })
        .unwrap_or_default()
}
