//! What a TLS handshake shows before it encrypts: the client's hello and the server's (RFC 8446, 4.1; RFC 5246, 7.4.1).

mod ja3;
mod ja4;
#[cfg(any(test, feature = "sample"))]
#[doc(hidden)]
pub mod sample;

pub use ja3::{Ja3, ja3};
pub use ja4::{Carrier, Ja4, ja4};

use std::fmt::Write;

use super::octets::Octets;

/// A client's hello, borrowed from the octets that it was read from.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct ClientHello<'a> {
    /// The version field, which stands still at TLS 1.2.
    pub legacy_version: u16,
    /// The cipher suites on offer, in their order.
    pub cipher_suites: Numbers<'a>,
    /// The extensions in their order.
    pub extensions: Extensions<'a>,
    /// From the extension `supported_versions`.
    pub supported_versions: Numbers<'a>,
    /// The name that it asks for (RFC 6066, 3).
    pub server_name: Option<&'a [u8]>,
    /// The protocols of the ALPN extension (RFC 7301, 3.1), in their order.
    pub alpn: Protocols<'a>,
    /// From the extension `signature_algorithms`, in their order.
    pub signature_algorithms: Numbers<'a>,
    /// From the extension `supported_groups`, in their order.
    pub groups: Numbers<'a>,
    /// From the extension `ec_point_formats`, in their order.
    pub point_formats: &'a [u8],
}

/// Numbers of two octets, one after the other.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Numbers<'a>(&'a [[u8; 2]]);

/// The extensions of a hello, with what they hold.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Extensions<'a>(&'a [u8]);

/// Names of protocols (RFC 7301, 3.1).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Protocols<'a>(&'a [u8]);

/// What of a client's hello tells most connections apart, borrowed from it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Outline<'a> {
    /// It names protocols (RFC 7301, 3.1).
    pub has_alpn: bool,
    /// The name that it asks for (RFC 6066, 3).
    pub server_name: Option<&'a str>,
}

impl<'a> ClientHello<'a> {
    /// The outline of a handshake record whose hello is whole; `None` if it is cut, or none.
    pub fn outline(record: &'a [u8]) -> Option<Outline<'a>> {
        let mut octets = Octets::new(handshake_message(record, CLIENT_HELLO, true)?);
        let _version_and_random = octets.take(2 + RANDOM_OCTETS)?;
        let _session_id = octets.vector8()?;
        let _cipher_suites = octets.vector16()?;
        let _compression_methods = octets.vector8()?;
        let mut outline = Outline::default();
        for (kind, content) in Extensions(octets.vector16().unwrap_or_default()).iter() {
            match kind {
                ALPN => outline.has_alpn = true,
                // The list's length, the name's type and its length come before it (RFC 6066, 3).
                SERVER_NAME => {
                    outline.server_name = content.get(5..).and_then(|name| str::from_utf8(name).ok());
                }
                _ => {}
            }
        }
        Some(outline)
    }

    /// Reads a handshake record; the hello must be whole.
    pub fn parse(record: &'a [u8]) -> Option<Self> {
        Self::of_body(handshake_message(record, CLIENT_HELLO, true)?)
    }

    /// Reads the body of a handshake message, without its type and length.
    pub fn of_body(body: &'a [u8]) -> Option<Self> {
        let mut octets = Octets::new(body);
        let legacy_version = octets.u16_be()?;
        let _random = octets.take(RANDOM_OCTETS)?;
        let _session_id = octets.vector8()?;
        let cipher_suites = Numbers::of(octets.vector16()?);
        let _compression_methods = octets.vector8()?;
        let extensions = Extensions(octets.vector16().unwrap_or_default());
        let mut hello = Self { legacy_version, cipher_suites, extensions, ..Self::default() };
        for (kind, content) in extensions.iter() {
            hello.take_extension(kind, Octets::new(content));
        }
        Some(hello)
    }

    fn take_extension(&mut self, kind: u16, mut content: Octets<'a>) -> Option<()> {
        match kind {
            SERVER_NAME => {
                let mut names = Octets::new(content.vector16()?);
                let _name_type = names.u8()?;
                self.server_name = Some(names.vector16()?);
            }
            ALPN => self.alpn = Protocols(content.vector16()?),
            SIGNATURE_ALGORITHMS => self.signature_algorithms = Numbers::of(content.vector16()?),
            SUPPORTED_VERSIONS => self.supported_versions = Numbers::of(content.vector8()?),
            SUPPORTED_GROUPS => self.groups = Numbers::of(content.vector16()?),
            POINT_FORMATS => self.point_formats = content.vector8()?,
            _ => {}
        }
        Some(())
    }

    /// The highest version that the client offers.
    pub fn version(&self) -> u16 {
        let offered = self.supported_versions.iter().filter(|version| !is_grease(*version)).max();
        offered.unwrap_or(self.legacy_version)
    }
}

/// What a server's hello settles.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ServerHello {
    /// The version of the connection.
    pub version: u16,
    /// The cipher suite of the connection.
    pub cipher_suite: u16,
}

impl ServerHello {
    /// Reads the beginning of a handshake record. A hello that is cut gives what it says before its extensions.
    pub fn parse(record: &[u8]) -> Option<Self> {
        Self::of_body(handshake_message(record, SERVER_HELLO, false)?)
    }

    /// Reads the body of a handshake message, without its type and length, or the beginning of it.
    pub fn of_body(body: &[u8]) -> Option<Self> {
        let mut octets = Octets::new(body);
        let legacy_version = octets.u16_be()?;
        let _random = octets.take(RANDOM_OCTETS)?;
        let _session_id = octets.vector8()?;
        let cipher_suite = octets.u16_be()?;
        let _compression_method = octets.u8();
        let mut version = legacy_version;
        for (kind, content) in Extensions(octets.vector16().unwrap_or_default()).iter() {
            if kind == SUPPORTED_VERSIONS {
                version = Octets::new(content).u16_be().unwrap_or(version);
            }
        }
        Some(Self { version, cipher_suite })
    }

    /// The protocol that a server has chosen (RFC 7301, 3.1), by the body of its hello.
    pub fn alpn(body: &[u8]) -> Option<&[u8]> {
        let mut octets = Octets::new(body);
        let _version_and_random = octets.take(2 + RANDOM_OCTETS)?;
        let _session_id = octets.vector8()?;
        let _cipher_suite_and_compression_method = octets.take(3)?;
        let (_, content) = Extensions(octets.vector16()?).iter().find(|(kind, _)| *kind == ALPN)?;
        Protocols(Octets::new(content).vector16()?).iter().next()
    }

    /// How long the content of an encrypted record of this connection is.
    pub fn content_of(self, record_octets: usize) -> ContentLength {
        let body = record_octets.saturating_sub(RECORD_HEADER_OCTETS);
        let exactly = |overhead: usize| {
            let content = body.saturating_sub(overhead);
            ContentLength { at_least: content, at_most: content }
        };
        if self.version >= TLS_1_3 {
            // One octet of content type and a tag (RFC 8446, 5.2); padding is not used in practice.
            return exactly(1 + 16);
        }
        match self.cipher_suite {
            // GCM: a nonce and a tag (RFC 5288, 3).
            0x009c..=0x00a7 | 0xc02b..=0xc032 => exactly(8 + 16),
            // ChaCha20-Poly1305 has a tag (RFC 7905, 2), RC4 the digest of MD5 or SHA-1 (RFC 5246, 6.2.3.1).
            0xcca8..=0xccae | 0x0004 => exactly(16),
            0x0005 | 0xc007 | 0xc011 => exactly(20),
            suite => match cbc_authentication_octets(suite) {
                Some(authentication) => self.cbc_content(body, suite, authentication),
                None => ContentLength { at_least: 0, at_most: body },
            },
        }
    }

    /// CBC pads to whole blocks: one to sixteen octets (RFC 5246, 6.2.3.2), and has an initialisation vector from TLS 1.1 on.
    fn cbc_content(self, body: usize, suite: u16, authentication: usize) -> ContentLength {
        let block = if matches!(suite, 0x000a | 0xc008 | 0xc012) { 8 } else { 16 };
        let vector = if self.version >= TLS_1_1 { block } else { 0 };
        let at_most = body.saturating_sub(vector + authentication + 1);
        ContentLength { at_least: at_most.saturating_sub(block - 1), at_most }
    }
}

/// Octets of content in an encrypted record, as exact as the cipher suite lets them be known.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct ContentLength {
    /// No fewer.
    pub at_least: usize,
    /// No more.
    pub at_most: usize,
}

/// Octets of the message authentication code of a suite with CBC that servers for RDP use.
fn cbc_authentication_octets(suite: u16) -> Option<usize> {
    Some(match suite {
        0x000a | 0x002f | 0x0033 | 0x0035 | 0x0039 | 0xc008..=0xc00a | 0xc012..=0xc014 => 20,
        0x003c | 0x003d | 0x0067 | 0x006b | 0xc023 | 0xc027 => 32,
        0xc024 | 0xc028 => 48,
        _ => return None,
    })
}

/// The body of the first handshake message of a record, or what is there of it.
fn handshake_message(record: &[u8], kind: u8, whole: bool) -> Option<&[u8]> {
    let mut octets = Octets::new(record);
    if octets.u8()? != HANDSHAKE || octets.u8()? != MAJOR_VERSION {
        return None;
    }
    let _minor_version_and_length = octets.take(3)?;
    (octets.u8()? == kind).then_some(())?;
    let length = usize::from(octets.u8()?) << 16 | usize::from(octets.u16_be()?);
    if whole { octets.take(length) } else { octets.take(length.min(octets.rest().len())) }
}

impl<'a> Numbers<'a> {
    pub(crate) const fn of(octets: &'a [u8]) -> Self {
        Self(octets.as_chunks().0)
    }

    /// Each of them.
    pub fn iter(self) -> impl Iterator<Item = u16> + use<'a> {
        self.0.iter().map(|pair| u16::from_be_bytes(*pair))
    }
}

impl<'a> Extensions<'a> {
    /// Types and contents, up to one that is cut.
    pub fn iter(self) -> impl Iterator<Item = (u16, &'a [u8])> + use<'a> {
        let mut octets = Octets::new(self.0);
        std::iter::from_fn(move || Some((octets.u16_be()?, octets.vector16()?)))
    }
}

impl<'a> Protocols<'a> {
    /// Each of them.
    pub fn iter(self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let mut octets = Octets::new(self.0);
        std::iter::from_fn(move || octets.vector8())
    }
}

/// Appends two digits: some two hundred octets for each hello, so that this is done without the machinery of formats.
fn hexadecimal(text: &mut impl Write, octet: u8) {
    for digit in [octet >> 4, octet & 0xf] {
        // Texts have room for what is written to them.
        char::from_digit(digit.into(), 16).map_or(Ok(()), |digit| text.write_char(digit)).unwrap_or_default();
    }
}

/// A value that clients send to see whether servers bear unknown ones (RFC 8701, 2).
pub fn is_grease(value: u16) -> bool {
    value & 0x0f0f == 0x0a0a && value >> 8 == value & 0xff
}

/// A content type (RFC 8446, 5.1): what follows is encrypted. So it is with the three after it.
pub const CHANGE_CIPHER_SPEC: u8 = 20;
/// An alert.
pub const ALERT: u8 = 21;
/// A handshake message, or a part of one.
pub const HANDSHAKE: u8 = 22;
/// What is encrypted, whatever it is.
pub const APPLICATION_DATA: u8 = 23;
/// Of all versions from SSL 3.0 on.
pub const MAJOR_VERSION: u8 = 3;
/// TLS 1.1 (RFC 4346).
pub const TLS_1_1: u16 = 0x0302;
/// TLS 1.3 (RFC 8446).
pub const TLS_1_3: u16 = 0x0304;
/// Type, version and length (RFC 8446, 5.1).
pub const RECORD_HEADER_OCTETS: usize = 5;
/// RFC 8446, 5.2, with the most that a cipher may add.
pub const LONGEST_RECORD_OCTETS: usize = RECORD_HEADER_OCTETS + (1 << 14) + 2_048;
/// A type of handshake messages (RFC 8446, 4).
pub const CLIENT_HELLO: u8 = 1;
/// A type of handshake messages (RFC 8446, 4).
pub const SERVER_HELLO: u8 = 2;
/// A type of handshake messages (RFC 5246, 7.4.2).
pub const CERTIFICATE: u8 = 11;
const RANDOM_OCTETS: usize = 32;
/// An extension type (IANA, TLS `ExtensionType` Values), as those that follow.
pub const SERVER_NAME: u16 = 0;
const SUPPORTED_GROUPS: u16 = 10;
const POINT_FORMATS: u16 = 11;
const SIGNATURE_ALGORITHMS: u16 = 13;
/// The protocols above TLS (RFC 7301).
pub const ALPN: u16 = 16;
const SUPPORTED_VERSIONS: u16 = 43;

#[cfg(test)]
mod tests {
    use super::sample::{client_hello, server_hello};
    use super::*;

    #[test]
    fn a_hello_is_read_and_its_truncations_are_not() {
        let record = client_hello(Some("desktop.example"));
        let hello = ClientHello::parse(&record).unwrap();
        assert_eq!(hello.server_name, Some(&b"desktop.example"[..]));
        assert_eq!(hello.version(), 0x0303);
        for end in 0..record.len() {
            assert_eq!(ClientHello::parse(&record[..end]), None, "{end}");
        }
    }

    #[test]
    fn a_server_settles_version_and_suite() {
        let old = ServerHello::parse(&server_hello(0x0303, 0xc030)).unwrap();
        assert_eq!((old.version, old.cipher_suite), (0x0303, 0xc030));
        let new = ServerHello::parse(&server_hello(0x0304, 0x1302)).unwrap();
        assert_eq!((new.version, new.cipher_suite), (0x0304, 0x1302));
        for end in 0..20 {
            assert_eq!(ServerHello::parse(&server_hello(0x0303, 0xc030)[..end]), None);
        }
    }

    #[test]
    fn content_lengths_follow_the_suite() {
        let length = |version, cipher_suite, record| {
            let content = ServerHello { version, cipher_suite }.content_of(record);
            (content.at_least, content.at_most)
        };
        // A TSRequest with an error code has 15 octets.
        assert_eq!(length(0x0303, 0xc030, 44), (15, 15));
        assert_eq!(length(0x0304, 0x1302, 37), (15, 15));
        assert_eq!(length(0x0303, 0xcca8, 36), (15, 15));
        assert_eq!(length(0x0301, 0xc013, 53), (12, 27));
        assert_eq!(length(0x0303, 0x1234, 53), (0, 48));
    }

    #[test]
    fn grease_is_known() {
        assert!(is_grease(0x0a0a) && is_grease(0xfafa));
        assert!(!is_grease(0x0a1a) && !is_grease(0x0303));
    }
}
