//! The line with which each end of SSH begins (RFC 4253, 4.2).

use smol_str::SmolStr;

use crate::text::printable;

/// The line, without its end. `None` while that has not come; an empty one if it is none.
pub(crate) fn banner(octets: &[u8], is_all: bool) -> Option<SmolStr> {
    let end = octets.iter().take(MAX_LINE_OCTETS).position(|octet| *octet == b'\n');
    let line = match end {
        Some(end) => octets.get(..end)?,
        None if is_all || octets.len() >= MAX_LINE_OCTETS => return Some(SmolStr::default()),
        None => return None,
    };
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    Some(if line.starts_with(BEGINNING) { printable(line, MAX_LINE_OCTETS) } else { SmolStr::default() })
}

/// Whether octets begin like the line. `None` if there are too few of them to say.
pub(crate) fn is_banner(octets: &[u8]) -> Option<bool> {
    if octets.len() < BEGINNING.len() {
        return if BEGINNING.starts_with(octets) { None } else { Some(false) };
    }
    Some(octets.starts_with(BEGINNING))
}

const BEGINNING: &[u8] = b"SSH-";
/// RFC 4253, 4.2.
const MAX_LINE_OCTETS: usize = 255;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_when_it_is_whole() {
        assert_eq!(banner(b"SSH-2.0-OpenSSH_9.6", false), None);
        assert_eq!(banner(b"SSH-2.0-OpenSSH_9.6\r\nmore", false).as_deref(), Some("SSH-2.0-OpenSSH_9.6"));
        assert_eq!(banner(b"SSH-2.0-dropbear\n", false).as_deref(), Some("SSH-2.0-dropbear"));
        assert_eq!(banner(b"220 ready\r\n", false).as_deref(), Some(""));
        assert_eq!(banner(&[b'S'; 300], false).as_deref(), Some(""));
        assert_eq!(
            (is_banner(b"SS"), is_banner(b"SSH-1"), is_banner(b"SST")),
            (None, Some(true), Some(false))
        );
    }
}
