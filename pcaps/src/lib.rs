//! Writes the captures that the project keeps: conversations as hosts would have them, byte for byte the same
//! each time.
//!
//! A story such as [`cryptojacking`] casts hosts, lets [`scenes`] play between them on one clock, and writes
//! what a probe at the switch would have seen. Scenes take parameters, so that another capture is another
//! cast rather than another crate.
//!
//! This crate must never know the probe: what it writes is the truth that the probe is measured against, so
//! it shares no code with it.

pub mod capture_file;
pub mod conversation;
pub mod cryptojacking;
pub mod datagram;
pub mod host;
pub mod packet;
pub mod protocol;
pub mod random;
pub mod recording;
pub mod scenes;
mod segment;
pub mod summary;
pub mod tunnels;

use std::path::Path;

/// A file that is kept beside this crate: a capture, or the page that says what is in one.
#[derive(Clone, Debug)]
pub struct Kept {
    /// The name of the file, without a folder.
    pub name: &'static str,
    /// The whole file.
    pub octets: Vec<u8>,
}

impl Kept {
    /// Where `other` first differs from this file: the packet of a capture, or the line of a page.
    pub fn first_difference(&self, other: &[u8]) -> Option<String> {
        if Path::new(self.name).extension().is_some_and(|extension| extension == "pcap") {
            return capture_file::first_difference(other, &self.octets)
                .map(|difference| difference.to_string());
        }
        let lines =
            |text: &'_ [u8]| text.split(|octet| *octet == b'\n').map(<[u8]>::to_vec).collect::<Vec<_>>();
        let (kept, written) = (lines(other), lines(&self.octets));
        let longest = kept.len().max(written.len());
        (0..longest)
            .find(|&number| kept.get(number) != written.get(number))
            .map(|n| format!("line {} differs", n + 1))
    }
}

/// Every file that the project keeps beside this crate.
pub fn all() -> Vec<Kept> {
    let story = cryptojacking::story();
    let exhibition = tunnels::exhibition();
    vec![
        Kept { name: "cryptojacking.md", octets: story.truth.page().into_bytes() },
        Kept { name: "cryptojacking.pcap", octets: story.capture },
        Kept { name: "tunnels.md", octets: exhibition.page().into_bytes() },
        Kept { name: "tunnels.pcap", octets: exhibition.capture },
    ]
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn what_is_kept_is_what_is_written() {
        for kept in all() {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(kept.name);
            let before = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            if let Some(difference) = kept.first_difference(&before) {
                panic!(
                    "{}: {difference}; `cargo run -p pcaps --bin write-pcaps` writes it anew",
                    path.display()
                );
            }
        }
    }

    #[test]
    fn the_same_is_written_each_time() {
        for (first, second) in all().into_iter().zip(all()) {
            assert!(first.octets == second.octets, "{} differs from itself", first.name);
        }
    }

    #[test]
    fn a_difference_of_pages_is_named_by_its_line() {
        let page = Kept { name: "page.md", octets: b"one\ntwo\n".to_vec() };
        assert_eq!(page.first_difference(b"one\ntwo\n"), None);
        assert_eq!(page.first_difference(b"one\n2\n").as_deref(), Some("line 2 differs"));
        assert_eq!(page.first_difference(b"one\ntwo\nthree").as_deref(), Some("line 3 differs"));
    }
}
