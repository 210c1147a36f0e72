//! The line with which each end of SSH begins (RFC 4253, 4.2).

use smol_str::SmolStr;

use crate::text::printable;

/// The line, without its end. `None` while that has not come; an empty one if there will be none. A server may send other lines before it.
pub(crate) fn banner(octets: &[u8], is_all: bool) -> Option<SmolStr> {
    let mut rest = octets;
    while let Some(end) = rest.iter().take(MAX_LINE_OCTETS).position(|octet| *octet == b'\n') {
        let (line, next) = rest.split_at_checked(end + 1)?;
        if line.starts_with(BEGINNING) {
            let line = line.strip_suffix(b"\r\n").or_else(|| line.strip_suffix(b"\n")).unwrap_or(line);
            return Some(printable(line, MAX_LINE_OCTETS));
        }
        rest = next;
    }
    (is_all || rest.len() >= MAX_LINE_OCTETS).then(SmolStr::default)
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
    fn lines_before_it_are_passed_over() {
        let said = b"Go away\r\nunless you are known.\r\nSSH-2.0-x\r\n";
        assert_eq!(banner(said, false).as_deref(), Some("SSH-2.0-x"));
        assert_eq!(banner(&said[..40], false), None, "it may come yet");
    }

    #[test]
    fn a_line_is_read_when_it_is_whole() {
        assert_eq!(banner(b"SSH-2.0-OpenSSH_9.6", false), None);
        assert_eq!(banner(b"SSH-2.0-OpenSSH_9.6\r\nmore", false).as_deref(), Some("SSH-2.0-OpenSSH_9.6"));
        assert_eq!(banner(b"SSH-2.0-dropbear\n", false).as_deref(), Some("SSH-2.0-dropbear"));
        assert_eq!(banner(b"220 ready\r\n", true).as_deref(), Some(""));
        assert_eq!(banner(&[b'S'; 300], false).as_deref(), Some(""));
        assert_eq!(
            (is_banner(b"SS"), is_banner(b"SSH-1"), is_banner(b"SST")),
            (None, Some(true), Some(false))
        );
    }
}
