//! The information elements for applications, in blocks: what is told of a record is one block or several.

use ipfix_export::{
    ElementError, InformationElement,
    iana::{
        APPLICATION_NAME, HTTP_CONTENT_TYPE, HTTP_REQUEST_HOST, HTTP_REQUEST_METHOD, HTTP_REQUEST_TARGET,
        HTTP_STATUS_CODE, HTTP_USER_AGENT,
    },
};

use crate::elements::{
    Element,
    registry::{
        DNS_FLAGS, DNS_QUERY_CLASS, DNS_QUERY_NAME, DNS_QUERY_TYPE, DNS_RESPONSE_CODE, DNS_TRANSACTION_ID,
        QUIC_ALPN, QUIC_JA4, QUIC_SERVER_NAME, QUIC_VERSION, SSH_CLIENT_VERSION, SSH_SERVER_VERSION,
        TLS_CERTIFICATE_NOT_AFTER, TLS_CERTIFICATE_NOT_BEFORE, TLS_CIPHER_SUITE, TLS_CLIENT_VERSION,
        TLS_ISSUER_COMMON_NAME, TLS_JA3, TLS_JA4, TLS_SERVER_NAME, TLS_SERVER_VERSION,
        TLS_SUBJECT_COMMON_NAME,
    },
};

/// An element of a block.
#[derive(Clone, Copy, Debug)]
pub(super) enum FieldElement {
    /// One that IANA has registered.
    Iana(&'static InformationElement),
    /// One of our own.
    Own(Element),
}

use FieldElement::{Iana, Own};

impl FieldElement {
    /// The element itself; `pen` is the enterprise of our own ones.
    pub(super) fn under(self, pen: u32) -> Result<InformationElement, ElementError> {
        match self {
            Iana(element) => Ok(element.clone()),
            Own(element) => element.under(pen),
        }
    }
}

/// What every block is preceded by.
pub(super) const NAME: &[FieldElement] = &[Iana(&APPLICATION_NAME)];
/// The question of DNS.
pub(super) const DNS: &[FieldElement] =
    &[Own(DNS_TRANSACTION_ID), Own(DNS_QUERY_NAME), Own(DNS_QUERY_TYPE), Own(DNS_QUERY_CLASS)];
/// That the query was seen.
pub(super) const DNS_QUERY: &[FieldElement] = &[Own(DNS_FLAGS)];
/// The response.
pub(super) const DNS_RESPONSE: &[FieldElement] = &[Own(DNS_FLAGS), Own(DNS_RESPONSE_CODE)];
/// The request of HTTP.
pub(super) const HTTP_REQUEST: &[FieldElement] = &[
    Iana(&HTTP_REQUEST_METHOD),
    Iana(&HTTP_REQUEST_HOST),
    Iana(&HTTP_REQUEST_TARGET),
    Iana(&HTTP_USER_AGENT),
];
/// The response of HTTP.
pub(super) const HTTP_RESPONSE: &[FieldElement] = &[Iana(&HTTP_STATUS_CODE), Iana(&HTTP_CONTENT_TYPE)];
/// The hello of a TLS client.
pub(super) const TLS_CLIENT: &[FieldElement] =
    &[Own(TLS_SERVER_NAME), Own(TLS_CLIENT_VERSION), Own(TLS_JA3), Own(TLS_JA4)];
/// The protocols above TLS.
pub(super) const TLS_ALPN: &[FieldElement] = &[Own(crate::elements::registry::TLS_ALPN)];
/// The hello of a TLS server.
pub(super) const TLS_SERVER: &[FieldElement] = &[Own(TLS_SERVER_VERSION), Own(TLS_CIPHER_SUITE)];
/// The certificate of a TLS server.
pub(super) const TLS_CERTIFICATE: &[FieldElement] = &[
    Own(TLS_SUBJECT_COMMON_NAME),
    Own(TLS_ISSUER_COMMON_NAME),
    Own(TLS_CERTIFICATE_NOT_BEFORE),
    Own(TLS_CERTIFICATE_NOT_AFTER),
];
/// The hello inside QUIC.
pub(super) const QUIC: &[FieldElement] =
    &[Own(QUIC_VERSION), Own(QUIC_SERVER_NAME), Own(QUIC_ALPN), Own(QUIC_JA4)];
/// The first lines of SSH.
pub(super) const SSH: &[FieldElement] = &[Own(SSH_CLIENT_VERSION), Own(SSH_SERVER_VERSION)];
