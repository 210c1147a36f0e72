//! Writes the captures that the project keeps, and the pages about them, beside the crate or into a folder;
//! with `--check`, compares.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use pcaps::Kept;

fn main() -> ExitCode {
    let mut arguments = env::args_os().skip(1).peekable();
    let act = if arguments.next_if(|argument| argument == "--check").is_some() { check } else { write };
    let folder = arguments.next().map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    if arguments.next().is_some() || folder.to_string_lossy().starts_with('-') {
        eprintln!("usage: write-pcaps [--check] [FOLDER]");
        return ExitCode::from(2);
    }
    for kept in pcaps::all() {
        let path = folder.join(kept.name);
        match act(&kept, &path) {
            Ok(said) => println!("{}: {said}", path.display()),
            Err(said) => {
                eprintln!("{}: {said}", path.display());
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}

fn write(kept: &Kept, path: &Path) -> Result<String, String> {
    if fs::read(path).is_ok_and(|before| before == kept.octets) {
        return Ok(format!("{} octets, as before", kept.octets.len()));
    }
    fs::write(path, &kept.octets).map_err(|error| format!("cannot be written: {error}"))?;
    Ok(format!("{} octets written", kept.octets.len()))
}

fn check(kept: &Kept, path: &Path) -> Result<String, String> {
    let before = fs::read(path).map_err(|error| format!("cannot be read: {error}"))?;
    match kept.first_difference(&before) {
        None => Ok("as it should be".to_owned()),
        Some(difference) => Err(format!("{difference}; run write-pcaps without --check to write it anew")),
    }
}
