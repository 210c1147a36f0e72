//! Files that are named twice: an output that is the file of a capture would empty it, two outputs to one file would spoil each other,
//! and a capture that is read twice counts double.

use std::{
    fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use crate::{arguments::CommonArguments, destination::Destination, outcome::UsageError};

/// What tells files apart, under whatever names.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Identity {
    /// One that is there: links and redirections lead to the same.
    Existing { device: u64, inode: u64 },
    /// One that is not there yet, by its whole path.
    New(PathBuf),
}

/// Refuses a command line that names a file twice.
pub(crate) fn check(captures: &[PathBuf], arguments: &CommonArguments) -> anyhow::Result<()> {
    let mut taken = Vec::new();
    let is_standard_input = |capture: &Path| capture == Path::new("-");
    if captures.iter().filter(|capture| is_standard_input(capture)).count() > 1 {
        return Err(UsageError("standard input (-) can be read only once; name it once".to_owned()).into());
    }
    for capture in captures {
        let path = if is_standard_input(capture) { Path::new("/dev/stdin") } else { capture };
        take(&mut taken, path, "is named more than once as a capture; name it once")?;
    }
    if let Some(config) = &arguments.config {
        take(&mut taken, config, "is a capture and the configuration, too; choose another name")?;
    }
    let exports = arguments.export.iter().filter_map(Destination::path);
    let flows = arguments.flows.iter().filter_map(|flows| flows.path.as_deref());
    let eve = arguments.eve.iter().filter_map(|eve| eve.0.as_deref());
    for output in exports.chain(flows).chain(eve) {
        take(
            &mut taken,
            output,
            "is a capture, the configuration or another output, too; choose another name",
        )?;
    }
    Ok(())
}

fn take(taken: &mut Vec<Identity>, path: &Path, complaint: &str) -> anyhow::Result<()> {
    let Some(identity) = identity(path) else { return Ok(()) };
    if taken.contains(&identity) {
        return Err(UsageError(format!("{}: {complaint}", path.display())).into());
    }
    taken.push(identity);
    Ok(())
}

/// `None` for what is no plain file, such as `/dev/null`, which may be named by several, and for what cannot be looked at, which opening
/// it will report.
fn identity(path: &Path) -> Option<Identity> {
    match fs::metadata(path) {
        Ok(file) if file.is_file() => Some(Identity::Existing { device: file.dev(), inode: file.ino() }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let path = &target(path);
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            let folder = folder.unwrap_or_else(|| Path::new(".")).canonicalize().ok()?;
            Some(Identity::New(folder.join(path.file_name()?)))
        }
        Ok(_) | Err(_) => None,
    }
}

/// Where a link leads to that leads to no file yet: creating it creates that one.
fn target(path: &Path) -> PathBuf {
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        let Ok(next) = fs::read_link(&path) else { break };
        path = path.parent().unwrap_or_else(|| Path::new("")).join(next);
    }
    path
}

/// As many as Linux follows (`path_resolution(7)`).
const MAX_LINKS: u8 = 40;

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_file_is_the_same_under_all_its_names() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("a"), "").unwrap();
        fs::hard_link(at("a"), at("hard")).unwrap();
        symlink(at("a"), at("soft")).unwrap();
        fs::write(at("b"), "").unwrap();
        let a = identity(&at("a"));
        assert!(a.is_some() && a == identity(&at("hard")) && a == identity(&at("soft")));
        assert_ne!(a, identity(&at("b")));
        assert_eq!(identity(&at("new")), identity(&folder.path().join(".").join("new")));
        symlink("new", at("leads to new")).unwrap();
        symlink(at("leads to new"), at("leads there, too")).unwrap();
        assert_eq!(identity(&at("new")), identity(&at("leads there, too")));
        symlink("loop", at("loop")).unwrap();
        assert_eq!(identity(&at("loop")), None);
        assert_eq!(identity(Path::new("/dev/null")), None);
    }
}
