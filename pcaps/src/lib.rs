//! Writes the captures that the project keeps: conversations as hosts would have them, byte for byte the same each time.
//!
//! A story such as [`cryptojacking`] casts hosts, lets [`scenes`] play between them on one clock, and writes what a probe at the
//! switch would have seen. Scenes take parameters, so that another capture is another cast rather than another crate.
//!
//! This crate must never know the probe: what it writes is the truth that the probe is measured against, so it shares no code with it.

pub mod capture_file;
pub mod conversation;
pub mod cryptojacking;
pub mod host;
pub mod packet;
pub mod protocol;
pub mod random;
pub mod recording;
pub mod scenes;
pub mod tunnels;

/// A capture of the project: its file name and what is in the file.
#[derive(Clone, Debug)]
pub struct Capture {
    /// The name of the file, without a folder.
    pub name: &'static str,
    /// The whole file, in pcap format.
    pub octets: Vec<u8>,
}

/// Every capture that the project keeps beside this crate.
pub fn all() -> Vec<Capture> {
    vec![
        Capture { name: "cryptojacking.pcap", octets: cryptojacking::capture() },
        Capture { name: "tunnels.pcap", octets: tunnels::capture() },
    ]
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use crate::{all, capture_file};

    #[test]
    fn what_is_kept_is_what_is_written() {
        for capture in all() {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(capture.name);
            let kept = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            if let Some(difference) = capture_file::first_difference(&kept, &capture.octets) {
                panic!("{}: {difference}; `cargo run -p pcaps --bin write-pcaps` writes it anew", path.display());
            }
        }
    }

    #[test]
    fn the_same_is_written_each_time() {
        for (first, second) in all().into_iter().zip(all()) {
            assert!(first.octets == second.octets, "{} differs from itself", first.name);
        }
    }
}
