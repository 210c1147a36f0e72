//! What certificates say of their owners (RFC 5280).

use smol_str::SmolStr;
use x509_parser::{
    asn1_rs::{Any, Tag},
    certificate::X509CertificateParser,
    nom::Parser as _,
    x509::X509Name,
};

use crate::{Certificate, octets::Octets, text::printable};

/// The first certificate of the body of a handshake message, or of the beginning of it, as TLS has it before 1.3 (RFC 5246, 7.4.2).
pub(crate) fn first(body: &[u8]) -> Option<Certificate> {
    let mut octets = Octets::new(body);
    let _octets_of_all = octets.u24_be()?;
    let length = octets.u24_be()?;
    read(octets.take(length)?)
}

fn read(der: &[u8]) -> Option<Certificate> {
    // Extensions say nothing that is asked here, and some certificates have bad ones.
    let (_, certificate) = X509CertificateParser::new().with_deep_parse_extensions(false).parse(der).ok()?;
    let validity = certificate.validity();
    Some(Certificate {
        subject: common_name(certificate.subject()),
        issuer: common_name(certificate.issuer()),
        not_before: validity.not_before.timestamp(),
        not_after: validity.not_after.timestamp(),
    })
}

fn common_name(name: &X509Name<'_>) -> SmolStr {
    let first = name.iter_common_name().next();
    first.map_or_else(SmolStr::default, |name| directory_string(name.attr_value()))
}

/// A text of one of the kinds that names may have (RFC 5280, 4.1.2.4).
fn directory_string(value: &Any<'_>) -> SmolStr {
    let characters: String = match value.tag() {
        Tag::BmpString => {
            let pairs = value.data.as_chunks().0.iter().map(|pair| u16::from_be_bytes(*pair));
            char::decode_utf16(pairs).map(|read| read.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
        }
        Tag::UniversalString => {
            let numbers = value.data.as_chunks().0.iter().map(|number| u32::from_be_bytes(*number));
            numbers.map(|number| char::from_u32(number).unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
        }
        // Those who write it mean ISO 8859-1.
        Tag::T61String => value.data.iter().copied().map(char::from).collect(),
        _ => return printable(value.data, MAX_NAME_OCTETS),
    };
    printable(characters.as_bytes(), MAX_NAME_OCTETS)
}

/// RFC 5280, A.1: `ub-common-name` is 64 characters.
const MAX_NAME_OCTETS: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_in_each_of_their_alphabets() {
        let read = |tag, data: &[u8]| directory_string(&Any::from_tag_and_data(tag, data));
        assert_eq!(read(Tag::Utf8String, "höf".as_bytes()), "höf");
        assert_eq!(read(Tag::PrintableString, b"hof"), "hof");
        assert_eq!(read(Tag::BmpString, b"\0h\0\xf6\x04\x14\xd8\0\0\n"), "höД??");
        assert_eq!(read(Tag::UniversalString, b"\0\0\0h\0\x01\xf6\0\xff\xff\xff\xff"), "h\u{1f600}?");
        assert_eq!(read(Tag::T61String, b"h\xf6f"), "höf");
        assert_eq!(read(Tag::BmpString, &[0x04; 400]).len(), 128);
    }
}
