//! JA4, the fingerprint of a TLS client, as `FoxIO` specifies it for TLS over TCP and inside QUIC
//! (`github.com/FoxIO-LLC/ja4`, `technical_details/JA4.md`).

use std::fmt::Write as _;

use arrayvec::ArrayString;
use sha2::{Digest, Sha256};
use smallvec::SmallVec;

use super::{ALPN, ClientHello, SERVER_NAME, hexadecimal, is_grease};

/// A JA4, such as `t13d1516h2_8daaf6152771_e5627efa2ab1`.
pub type Ja4 = ArrayString<36>;

/// What a hello came over.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Carrier {
    /// QUIC.
    Quic,
    /// TCP.
    Tcp,
}

/// The fingerprint of a hello.
pub fn ja4(hello: &ClientHello<'_>, carrier: Carrier) -> Ja4 {
    let mut ciphers = without_grease(hello.cipher_suites.iter());
    let mut extensions = without_grease(hello.extensions.iter().map(|(kind, _)| kind));
    let version = match hello.version() {
        0x0304 => "13",
        0x0303 => "12",
        0x0302 => "11",
        0x0301 => "10",
        0x0300 => "s3",
        0x0002 => "s2",
        _ => "00",
    };
    let name = if extensions.contains(&SERVER_NAME) { 'd' } else { 'i' };
    let carrier = if carrier == Carrier::Quic { 'q' } else { 't' };
    let (cipher_count, extension_count) = (ciphers.len().min(99), extensions.len().min(99));
    let alpn = alpn_characters(hello.alpn.iter().next());
    ciphers.sort_unstable();
    extensions.retain(|kind| *kind != SERVER_NAME && *kind != ALPN);
    extensions.sort_unstable();
    let algorithms = without_grease(hello.signature_algorithms.iter());
    let mut text = Ja4::new();
    // Writing to a string does not fail.
    let [first, last] = alpn;
    write!(text, "{carrier}{version}{name}{cipher_count:02}{extension_count:02}{first}{last}_")
        .unwrap_or_default();
    let mut hashed = String::with_capacity(USUAL_OCTETS);
    list(&mut hashed, &ciphers);
    digest(&mut text, &hashed);
    text.push('_');
    hashed.clear();
    list(&mut hashed, &extensions);
    if !algorithms.is_empty() && !hashed.is_empty() {
        hashed.push('_');
        list(&mut hashed, &algorithms);
    }
    digest(&mut text, &hashed);
    text
}

/// The first and the last character of the first protocol; of its hexadecimal form if one of them is no letter or digit.
fn alpn_characters(protocol: Option<&[u8]>) -> [char; 2] {
    let Some([first, .., last] | [first @ last]) = protocol else { return ['0'; 2] };
    if first.is_ascii_alphanumeric() && last.is_ascii_alphanumeric() {
        return [char::from(*first), char::from(*last)];
    }
    [first >> 4, last & 0x0f].map(|digit| char::from_digit(digit.into(), 16).unwrap_or('0'))
}

fn without_grease(values: impl Iterator<Item = u16>) -> SmallVec<[u16; USUAL_NUMBERS]> {
    values.filter(|value| !is_grease(*value)).collect()
}

/// Appends four hexadecimal digits for each, with commas between.
fn list(text: &mut String, values: &[u16]) {
    for (place, value) in values.iter().enumerate() {
        if place > 0 {
            text.push(',');
        }
        value.to_be_bytes().into_iter().for_each(|octet| hexadecimal(text, octet));
    }
}

/// Appends the first twelve digits of the SHA-256 of a list; zeros for an empty one.
fn digest(text: &mut Ja4, list: &str) {
    let digest = if list.is_empty() { [0; 32] } else { Sha256::digest(list.as_bytes()).into() };
    digest.into_iter().take(6).for_each(|octet| hexadecimal(text, octet));
}

/// Browsers need less.
const USUAL_OCTETS: usize = 192;
const USUAL_NUMBERS: usize = 32;

#[cfg(test)]
mod tests {
    use super::{
        super::{
            Extensions, Numbers, Protocols,
            sample::{empty_extensions, numbers},
        },
        *,
    };

    #[test]
    fn the_example_of_the_specification() {
        let suites = numbers(&[
            0x2a2a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014,
            0x009c, 0x009d, 0x002f, 0x0035,
        ]);
        let extensions = empty_extensions(&[
            0x1a1a, 0x0000, 0x0010, 0x001b, 0x0017, 0xff01, 0x4469, 0x000d, 0x0033, 0x0005, 0x0023, 0x000b,
            0x002d, 0x0012, 0x000a, 0x002b, 0x0015, 0x4a4a,
        ]);
        let versions = numbers(&[0x3a3a, 0x0304, 0x0303]);
        let algorithms = numbers(&[0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601]);
        let hello = ClientHello {
            legacy_version: 0x0303,
            cipher_suites: Numbers::of(&suites),
            extensions: Extensions(&extensions),
            supported_versions: Numbers::of(&versions),
            server_name: Some(b"example.org"),
            alpn: Protocols(b"\x02h2"),
            signature_algorithms: Numbers::of(&algorithms),
            ..ClientHello::default()
        };
        assert_eq!(&*ja4(&hello, Carrier::Tcp), "t13d1516h2_8daaf6152771_e5627efa2ab1");
    }

    #[test]
    fn nothing_is_zeros() {
        assert_eq!(&*ja4(&ClientHello::default(), Carrier::Tcp), "t00i000000_000000000000_000000000000");
    }

    #[test]
    fn protocols_that_are_no_text_are_hexadecimal() {
        assert_eq!(alpn_characters(Some(&[0xab, 0x00, 0xcd])), ['a', 'd']);
        assert_eq!(alpn_characters(Some(b"h")), ['h', 'h']);
        assert_eq!(alpn_characters(Some(b"")), ['0', '0']);
    }
}
