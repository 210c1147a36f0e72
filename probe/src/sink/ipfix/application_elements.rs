//! The Information Elements for applications, in blocks: what is told of a record is one block or several.
//!
//! Numbers are never given to another element; new ones stand at the end. None is a multiple of eight: a collector keeps fields of
//! records in tables by their number modulo eight, and those of its own are there already.

use ipfix_export::{
    DataType, ElementError, InformationElement, Semantics,
    iana::{
        APPLICATION_NAME, HTTP_CONTENT_TYPE, HTTP_REQUEST_HOST, HTTP_REQUEST_METHOD, HTTP_REQUEST_TARGET,
        HTTP_STATUS_CODE, HTTP_USER_AGENT,
    },
};

/// An element of a block.
#[derive(Clone, Copy, Debug)]
pub(super) enum Element {
    /// One that IANA has registered.
    Iana(&'static InformationElement),
    /// One of our own: number, name, type, how values behave, and what it holds.
    Own(u16, &'static str, DataType, Semantics, &'static str),
}

impl Element {
    /// The element itself.
    pub(super) fn element(self) -> Result<InformationElement, ElementError> {
        match self {
            Self::Iana(element) => Ok(element.clone()),
            Self::Own(number, name, data_type, semantics, description) => {
                let element = InformationElement::new(ENTERPRISE, number, name, data_type)?;
                Ok(element.with_semantics(semantics).with_description(description))
            }
        }
    }
}

const fn number(id: u16, name: &'static str, data_type: DataType, description: &'static str) -> Element {
    Element::Own(id, name, data_type, Semantics::Identifier, description)
}

const fn text(id: u16, name: &'static str, description: &'static str) -> Element {
    Element::Own(id, name, DataType::String, Semantics::Default, description)
}

const DNS_FLAGS: Element = Element::Own(
    1101,
    "dnsFlags",
    DataType::Unsigned16,
    Semantics::Flags,
    "Second two octets of a DNS message: of the query, then of the response, as far as they were seen",
);

/// What every block is preceded by.
pub(super) const NAME: &[Element] = &[Element::Iana(&APPLICATION_NAME)];
/// The question of DNS.
pub(super) const DNS: &[Element] = &[
    number(
        1100,
        "dnsTransactionId",
        DataType::Unsigned16,
        "Identifier of the first DNS query and its response",
    ),
    text(1102, "dnsQueryName", "Name that was asked for, in lower case"),
    number(1103, "dnsQueryType", DataType::Unsigned16, "Type of records that were asked for"),
    number(1105, "dnsQueryClass", DataType::Unsigned16, "Class of records that were asked for"),
];
/// That the query was seen.
pub(super) const DNS_QUERY: &[Element] = &[DNS_FLAGS];
/// The response.
pub(super) const DNS_RESPONSE: &[Element] =
    &[DNS_FLAGS, number(1106, "dnsResponseCode", DataType::Unsigned8, "Response code of the DNS header")];
/// The request of HTTP.
pub(super) const HTTP_REQUEST: &[Element] = &[
    Element::Iana(&HTTP_REQUEST_METHOD),
    Element::Iana(&HTTP_REQUEST_HOST),
    Element::Iana(&HTTP_REQUEST_TARGET),
    Element::Iana(&HTTP_USER_AGENT),
];
/// The response of HTTP.
pub(super) const HTTP_RESPONSE: &[Element] =
    &[Element::Iana(&HTTP_STATUS_CODE), Element::Iana(&HTTP_CONTENT_TYPE)];
/// The hello of a TLS client.
pub(super) const TLS_CLIENT: &[Element] = &[
    text(1107, "tlsServerName", "Server that the TLS client names"),
    number(1108, "tlsClientVersion", DataType::Unsigned16, "First version that the TLS client offers"),
    text(1109, "tlsJa3", "JA3 of the TLS client"),
    text(1110, "tlsJa4", "JA4 of the TLS client"),
];
/// The protocols above TLS.
pub(super) const TLS_ALPN: &[Element] = &[text(
    1111,
    "tlsAlpn",
    "Protocol that the TLS server has chosen, or those that the client offers, with commas",
)];
/// The hello of a TLS server.
pub(super) const TLS_SERVER: &[Element] = &[
    number(1113, "tlsServerVersion", DataType::Unsigned16, "Version of the TLS connection"),
    number(1114, "tlsCipherSuite", DataType::Unsigned16, "Cipher suite of the TLS connection"),
];
/// The certificate of a TLS server.
pub(super) const TLS_CERTIFICATE: &[Element] = &[
    text(1115, "tlsSubjectCommonName", "Common name of the subject of the TLS server's certificate"),
    text(1116, "tlsIssuerCommonName", "Common name of the issuer of the TLS server's certificate"),
    Element::Own(
        1117,
        "tlsCertificateNotBefore",
        DataType::DateTimeSeconds,
        Semantics::Default,
        "From when on the TLS server's certificate is valid",
    ),
    Element::Own(
        1118,
        "tlsCertificateNotAfter",
        DataType::DateTimeSeconds,
        Semantics::Default,
        "Until when the TLS server's certificate is valid",
    ),
];
/// The hello inside QUIC.
pub(super) const QUIC: &[Element] = &[
    number(1119, "quicVersion", DataType::Unsigned32, "Version of QUIC"),
    text(1121, "quicServerName", "Server that the QUIC client names"),
    text(1122, "quicAlpn", "Protocols that the QUIC client offers, with commas between them"),
    text(1123, "quicJa4", "JA4 of the QUIC client"),
];
/// The first lines of SSH.
pub(super) const SSH: &[Element] = &[
    text(1124, "sshClientVersion", "Line that the SSH client begins with"),
    text(1125, "sshServerVersion", "Line that the SSH server begins with"),
];

/// For examples in documents (RFC 5612).
const ENTERPRISE: u32 = 32_473;

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn numbers_and_names_are_the_elements_own() {
        let blocks = [
            NAME,
            DNS,
            DNS_QUERY,
            DNS_RESPONSE,
            HTTP_REQUEST,
            HTTP_RESPONSE,
            TLS_CLIENT,
            TLS_ALPN,
            TLS_SERVER,
            TLS_CERTIFICATE,
            QUIC,
            SSH,
        ];
        let mut names = BTreeMap::new();
        for element in blocks.concat() {
            let element = element.element().unwrap();
            let name = element.name().to_owned();
            let before = names.insert((element.enterprise(), element.id()), name.clone());
            assert!(before.is_none_or(|before| before == name), "{name}");
            assert!(!element.is_enterprise_specific() || element.id() % 8 != 0, "{name}");
        }
        let distinct: std::collections::BTreeSet<_> = names.values().collect();
        assert_eq!(distinct.len(), names.len());
    }
}
