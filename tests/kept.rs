//! Outputs that are kept in files, so that a change of any of them shows in a diff.

use std::{env, fs, path::Path};

/// `found` is what the file `kept` holds, which is written anew with `UPDATE_GOLDEN` set.
#[track_caller]
pub(crate) fn assert_as_kept(kept: &Path, found: &str) {
    if env::var_os("UPDATE_GOLDEN").is_some() {
        fs::create_dir_all(kept.parent().unwrap()).unwrap();
        fs::write(kept, found).unwrap();
        return;
    }
    let expected = fs::read_to_string(kept).unwrap_or_default();
    if let Some(difference) = first_difference(&expected, found) {
        panic!("{}: {difference}\nUPDATE_GOLDEN=1 writes it anew", kept.display());
    }
}

/// The first lines that differ, if any do.
fn first_difference(expected: &str, found: &str) -> Option<String> {
    if expected == found {
        return None;
    }
    let (expected_lines, found_lines): (Vec<_>, Vec<_>) =
        (expected.lines().collect(), found.lines().collect());
    let mut said = format!("{} lines instead of {}", found_lines.len(), expected_lines.len());
    let longest = expected_lines.len().max(found_lines.len());
    let differing = (0..longest).filter(|&line| expected_lines.get(line) != found_lines.get(line));
    for line in differing.take(SHOWN_DIFFERENCES) {
        let show = |lines: &[&str]| (*lines.get(line).unwrap_or(&"nothing")).to_owned();
        let pair = format!("\nline {}:\n- {}\n+ {}", line + 1, show(&expected_lines), show(&found_lines));
        said.push_str(&pair);
    }
    Some(said)
}

const SHOWN_DIFFERENCES: usize = 3;
