//! Labelled captures beside the checkout.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

/// The captures of a folder with their labels; none where the folder is absent, which is said on stderr. With `CI` set that fails
/// instead, so that no run that counts leaves tests out.
pub(crate) fn labels(folder: &str) -> Vec<(String, Value)> {
    let labels = capture(folder, "labels.json");
    if !labels.is_file() {
        let missing = format!("{} is not there; FLOWCANARY_SHARED names another place", labels.display());
        assert!(env::var_os("CI").is_none(), "{missing}");
        eprintln!("SKIPPED: {missing}");
        return Vec::new();
    }
    let labels: Vec<Value> = serde_json::from_str(&fs::read_to_string(labels).unwrap()).unwrap();
    labels.into_iter().map(|label| (label["file"].as_str().unwrap().to_string(), label)).collect()
}

/// Where a capture of a folder is.
pub(crate) fn capture(folder: &str, file: &str) -> PathBuf {
    let shared =
        env::var_os("FLOWCANARY_SHARED").map_or_else(|| workspace().join("../shared"), PathBuf::from);
    shared.join(folder).join(file)
}

/// The root of the workspace.
pub(crate) fn workspace() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}
