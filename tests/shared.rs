//! Captures and tools that stand beside the checkout, and are no part of it: `../shared`, or what `FLOWCANARY_SHARED` names.

use std::{
    env,
    path::{Path, PathBuf},
};

/// The folder `name` beside the checkout.
///
/// `None` where it is absent, which is said on stderr. With `CI` set that fails instead, so that no run that counts leaves tests out.
pub(crate) fn folder(name: &str) -> Option<PathBuf> {
    let shared =
        env::var_os("FLOWCANARY_SHARED").map_or_else(|| workspace().join("../shared"), PathBuf::from);
    let folder = shared.join(name);
    if folder.is_dir() {
        return Some(folder);
    }
    let missing = format!("{} is not there; FLOWCANARY_SHARED names another place", folder.display());
    assert!(env::var_os("CI").is_none(), "{missing}");
    eprintln!("SKIPPED: {missing}");
    None
}

/// Every capture of the corpus, in the order of the names; empty where [`folder`] gives none.
pub(crate) fn corpus() -> Vec<PathBuf> {
    let Some(folder) = folder("corpus") else { return Vec::new() };
    let entries = folder.read_dir().unwrap().map(|entry| entry.unwrap().path());
    let mut captures: Vec<_> =
        entries.filter(|path| path.extension().is_none_or(|e| e != "json" && e != "md")).collect();
    captures.sort();
    assert!(captures.len() > 100, "{} holds {} captures only", folder.display(), captures.len());
    captures
}

/// The root of the workspace.
pub(crate) fn workspace() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}
