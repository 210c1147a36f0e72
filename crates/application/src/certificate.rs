//! What certificates say of their owners (RFC 5280).

use smol_str::SmolStr;
use x509_parser::{certificate::X509CertificateParser, nom::Parser as _, x509::X509Name};

use crate::{Certificate, octets::Octets, text::printable};

/// The first certificate of the body of a handshake message, as TLS has it before 1.3 (RFC 5246, 7.4.2).
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
    first.map_or_else(SmolStr::default, |name| printable(name.attr_value().data, MAX_NAME_OCTETS))
}

/// RFC 5280, A.1: `ub-common-name` is 64 characters.
const MAX_NAME_OCTETS: usize = 128;
