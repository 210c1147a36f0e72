//! Writes the captures that the project keeps, and the pages about them, beside the crate; with `--check`, compares instead.

use std::{env, fs, path::Path, process::ExitCode};

use pcaps::Kept;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let act = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => write,
        ["--check"] => check,
        _ => {
            eprintln!("usage: write-pcaps [--check]");
            return ExitCode::from(2);
        }
    };
    for kept in pcaps::all() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(kept.name);
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
    fs::write(path, &kept.octets).map_err(|error| error.to_string())?;
    Ok(format!("{} octets written", kept.octets.len()))
}

fn check(kept: &Kept, path: &Path) -> Result<String, String> {
    let before = fs::read(path).map_err(|error| error.to_string())?;
    match kept.first_difference(&before) {
        None => Ok("as it should be".to_owned()),
        Some(difference) => Err(format!("{difference}; run write-pcaps without arguments to write it anew")),
    }
}
