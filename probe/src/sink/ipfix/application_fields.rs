//! What an application is in IPFIX: fields behind those of its flow.

use application::{
    Application, Certificate, Dns, Http, HttpRequest, HttpResponse, Quic, Ssh, Tls, TlsClient,
};
use ipfix_export::{ElementError, Field, RecordError, RecordWriter};

use super::application_elements::{
    DNS, DNS_QUERY, DNS_RESPONSE, FieldElement, HTTP_REQUEST, HTTP_RESPONSE, NAME, QUIC, SSH, TLS_ALPN,
    TLS_CERTIFICATE, TLS_CLIENT, TLS_SERVER,
};

/// Which fields a record has for its application: a number, 0 for none.
///
/// It is part of the identifier of the template, and stays the same from version to version: new ones are appended.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct ApplicationShape(u8);

impl ApplicationShape {
    /// How many there are.
    pub(super) const COUNT: usize = 17;

    pub(super) fn of(application: Option<&Application>) -> Self {
        let bits =
            |parts: [bool; 3]| parts.into_iter().rev().fold(0, |bits, part| bits << 1 | u8::from(part));
        let Some(application) = application else { return Self(0) };
        let (before_first, parts) = match application {
            Application::Dns(dns) => (BEFORE_DNS, [dns.query_flags.is_some(), dns.response.is_some(), false]),
            Application::Http(http) => {
                (BEFORE_HTTP, [http.request.is_some(), http.response.is_some(), false])
            }
            Application::Quic(_) => (BEFORE_QUIC, [true, false, false]),
            Application::Ssh(_) => (BEFORE_SSH, [true, false, false]),
            Application::Rdp(None) | Application::Stratum => return Self(NAME_ALONE),
            Application::Rdp(Some(tls)) | Application::Tls(tls) => {
                (BEFORE_TLS, [tls.client.is_some(), tls.server.is_some(), tls.certificate.is_some()])
            }
        };
        let bits = bits(parts);
        // Of which nothing was seen there is nothing to say.
        Self(if bits == 0 { 0 } else { before_first + bits })
    }

    /// A number below [`Self::COUNT`].
    pub(super) fn index(self) -> usize {
        self.0.into()
    }

    /// The fields, in the order in which [`write()`] writes their values. `pen` is the enterprise of our own elements.
    pub(super) fn fields(self, pen: u32) -> Result<Vec<Field>, ElementError> {
        let blocks = self.blocks();
        blocks.concat().into_iter().map(|element| Ok(element.under(pen)?.field())).collect()
    }

    fn blocks(self) -> [&'static [FieldElement]; 5] {
        let parts_behind = |before: u8| [1, 2, 4].map(|part| (self.0 - before) & part != 0);
        let when = |is_there: bool, block: &'static [FieldElement]| if is_there { block } else { &[] };
        match self.0 {
            0 => [&[]; 5],
            shape if shape <= BEFORE_HTTP => {
                let [query, response, _] = parts_behind(BEFORE_DNS);
                [NAME, DNS, when(query, DNS_QUERY), when(response, DNS_RESPONSE), &[]]
            }
            shape if shape <= BEFORE_QUIC => {
                let [request, response, _] = parts_behind(BEFORE_HTTP);
                [NAME, when(request, HTTP_REQUEST), when(response, HTTP_RESPONSE), &[], &[]]
            }
            shape if shape <= BEFORE_SSH => [NAME, QUIC, &[], &[], &[]],
            shape if shape <= BEFORE_TLS => [NAME, SSH, &[], &[], &[]],
            NAME_ALONE => [NAME, &[], &[], &[], &[]],
            _ => {
                let [client, server, certificate] = parts_behind(BEFORE_TLS);
                [
                    NAME,
                    when(client, TLS_CLIENT),
                    when(client | server, TLS_ALPN),
                    when(server, TLS_SERVER),
                    when(certificate, TLS_CERTIFICATE),
                ]
            }
        }
    }
}

/// Writes the values of an application.
pub(super) fn write(application: &Application, writer: &mut RecordWriter<'_>) -> Result<(), RecordError> {
    writer.string(application.protocol().name())?;
    match application {
        Application::Dns(dns) => write_dns(dns, writer),
        Application::Http(http) => write_http(http, writer),
        Application::Quic(Quic { version, client }) => {
            writer.u32(*version)?;
            writer.string(&client.server_name)?;
            writer.string(&client.alpn.join(","))?;
            writer.string(&client.ja4)
        }
        Application::Ssh(Ssh { client, server }) => {
            writer.string(client)?;
            writer.string(server)
        }
        Application::Rdp(None) | Application::Stratum => Ok(()),
        Application::Rdp(Some(tls)) | Application::Tls(tls) => write_tls(tls, writer),
    }
}

fn write_dns(dns: &Dns, writer: &mut RecordWriter<'_>) -> Result<(), RecordError> {
    writer.u16(dns.transaction_id)?;
    writer.string(&dns.name)?;
    writer.u16(dns.query_type)?;
    writer.u16(dns.query_class)?;
    if let Some(flags) = dns.query_flags {
        writer.u16(flags)?;
    }
    if let Some(response) = dns.response {
        writer.u16(response.flags)?;
        writer.u8(response.code)?;
    }
    Ok(())
}

fn write_http(http: &Http, writer: &mut RecordWriter<'_>) -> Result<(), RecordError> {
    if let Some(HttpRequest { method, target, host, user_agent, .. }) = &http.request {
        writer.string(method)?;
        writer.string(host)?;
        writer.string(cut(target))?;
        writer.string(user_agent)?;
    }
    if let Some(HttpResponse { status, content_type }) = &http.response {
        writer.u16(*status)?;
        writer.string(content_type)?;
    }
    Ok(())
}

fn write_tls(tls: &Tls, writer: &mut RecordWriter<'_>) -> Result<(), RecordError> {
    if let Some(TlsClient { version, server_name, ja3, ja4, .. }) = &tls.client {
        writer.string(server_name)?;
        writer.u16(*version)?;
        writer.string(ja3)?;
        writer.string(ja4)?;
    }
    if tls.client.is_some() || tls.server.is_some() {
        let chosen = tls.server.as_ref().map(|server| &*server.alpn).filter(|alpn| !alpn.is_empty());
        let offered = || tls.client.as_ref().map(|client| client.alpn.join(",")).unwrap_or_default();
        match chosen {
            Some(chosen) => writer.string(chosen)?,
            None => writer.string(&offered())?,
        }
    }
    if let Some(server) = &tls.server {
        writer.u16(server.version)?;
        writer.u16(server.cipher_suite)?;
    }
    if let Some(Certificate { subject, issuer, not_before, not_after }) = &tls.certificate {
        writer.string(subject)?;
        writer.string(issuer)?;
        writer.date_time_seconds(seconds(*not_before))?;
        writer.date_time_seconds(seconds(*not_after))?;
    }
    Ok(())
}

/// What 32 bits can say of a time: certificates may be valid beyond 2106, and before 1970.
fn seconds(seconds: i64) -> u32 {
    u32::try_from(seconds.max(0)).unwrap_or(u32::MAX)
}

/// The beginning of a target, so that a record has room in a datagram.
fn cut(target: &str) -> &str {
    target.get(..target.floor_char_boundary(MAX_TARGET_OCTETS)).unwrap_or(target)
}

/// The number before the first shape of each: behind it follow the parts that were seen, as bits.
const BEFORE_DNS: u8 = 0;
const BEFORE_HTTP: u8 = 3;
const BEFORE_QUIC: u8 = 6;
const BEFORE_SSH: u8 = 7;
const BEFORE_TLS: u8 = 8;
/// Behind the shapes of TLS.
const NAME_ALONE: u8 = 16;
const MAX_TARGET_OCTETS: usize = 400;
