//! What an application is in IPFIX: fields behind those of its flow.

use application::{
    Application, Certificate, Dns, Http, HttpRequest, HttpResponse, Quic, SmolStr, Ssh, Tls, TlsClient,
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

    /// The fields, in the order in which [`Bounded::write`] writes their values. `pen` is the enterprise of our own elements.
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

/// An application, and how many octets each of its texts may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounded<'a> {
    application: &'a Application,
    text_octets: usize,
}

impl<'a> Bounded<'a> {
    /// Texts are as long as in the largest message.
    pub(super) const fn new(application: &'a Application) -> Self {
        Self { application, text_octets: LONGEST_TEXT }
    }

    pub(super) const fn application(&self) -> &'a Application {
        self.application
    }

    /// Has all texts, with their lengths, take at most `room` octets: the longest are cut, and no more than need be.
    pub(super) fn within(self, room: usize) -> Self {
        let mut bounded = self;
        while bounded.octets() > room && bounded.text_octets > 0 {
            bounded.text_octets -= CUT_OCTETS.min(bounded.text_octets);
        }
        bounded
    }

    /// Whether a text is cut that would not be in a larger message.
    pub(super) const fn is_cut(&self) -> bool {
        self.text_octets < LONGEST_TEXT
    }

    /// Octets of all texts with their lengths.
    pub(super) fn octets(&self) -> usize {
        let texts = text_lengths(self.application).into_iter().flatten();
        let texts = texts.map(|length| length.min(self.text_octets));
        texts.chain([self.application.protocol().name().len()]).map(encoded_octets).sum()
    }

    fn cut<'t>(&self, text: &'t str) -> &'t str {
        text.get(..text.floor_char_boundary(self.text_octets)).unwrap_or(text)
    }

    /// Writes all values.
    pub(super) fn write(&self, writer: &mut RecordWriter<'_>) -> Result<(), RecordError> {
        writer.string(self.application.protocol().name())?;
        match self.application {
            Application::Dns(dns) => self.write_dns(dns, writer),
            Application::Http(http) => self.write_http(http, writer),
            Application::Quic(Quic { version, client }) => {
                writer.u32(*version)?;
                writer.string(self.cut(&client.server_name))?;
                writer.string(self.cut(&client.alpn.join(",")))?;
                writer.string(self.cut(&client.ja4))
            }
            Application::Ssh(Ssh { client, server }) => {
                writer.string(self.cut(client))?;
                writer.string(self.cut(server))
            }
            Application::Rdp(None) | Application::Stratum => Ok(()),
            Application::Rdp(Some(tls)) | Application::Tls(tls) => self.write_tls(tls, writer),
        }
    }

    fn write_dns(&self, dns: &Dns, writer: &mut RecordWriter<'_>) -> Result<(), RecordError> {
        writer.u16(dns.transaction_id)?;
        writer.string(self.cut(&dns.name))?;
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

    fn write_http(&self, http: &Http, writer: &mut RecordWriter<'_>) -> Result<(), RecordError> {
        if let Some(HttpRequest { method, target, host, user_agent, .. }) = &http.request {
            for text in [method, host, target, user_agent] {
                writer.string(self.cut(text))?;
            }
        }
        if let Some(HttpResponse { status, content_type }) = &http.response {
            writer.u16(*status)?;
            writer.string(self.cut(content_type))?;
        }
        Ok(())
    }

    fn write_tls(&self, tls: &Tls, writer: &mut RecordWriter<'_>) -> Result<(), RecordError> {
        if let Some(TlsClient { version, server_name, ja3, ja4, .. }) = &tls.client {
            writer.string(self.cut(server_name))?;
            writer.u16(*version)?;
            writer.string(self.cut(ja3))?;
            writer.string(self.cut(ja4))?;
        }
        if tls.client.is_some() || tls.server.is_some() {
            match chosen_protocol(tls) {
                Some(chosen) => writer.string(self.cut(chosen))?,
                None => writer.string(self.cut(&offered_protocols(tls).join(",")))?,
            }
        }
        if let Some(server) = &tls.server {
            writer.u16(server.version)?;
            writer.u16(server.cipher_suite)?;
        }
        if let Some(Certificate { subject, issuer, not_before, not_after }) = &tls.certificate {
            writer.string(self.cut(subject))?;
            writer.string(self.cut(issuer))?;
            writer.date_time_seconds(seconds(*not_before))?;
            writer.date_time_seconds(seconds(*not_after))?;
        }
        Ok(())
    }
}

/// What octets of variable length take in a record, with their length.
pub(super) const fn encoded_octets(length: usize) -> usize {
    length + if length < LONG_FROM { 1 } else { 3 }
}

/// Octets of each text that is written, its name apart.
fn text_lengths(application: &Application) -> [Option<usize>; MOST_TEXTS] {
    let mut lengths = [None; MOST_TEXTS];
    let mut put = |place: usize, length: usize| {
        if let Some(at) = lengths.get_mut(place) {
            *at = Some(length);
        }
    };
    match application {
        Application::Dns(dns) => put(0, dns.name.len()),
        Application::Http(Http { request, response }) => {
            if let Some(HttpRequest { method, target, host, user_agent, .. }) = request {
                for (place, text) in [method, target, host, user_agent].into_iter().enumerate() {
                    put(place, text.len());
                }
            }
            if let Some(response) = response {
                put(4, response.content_type.len());
            }
        }
        Application::Quic(Quic { client, .. }) => {
            put(0, client.server_name.len());
            put(1, joined_length(&client.alpn));
            put(2, client.ja4.len());
        }
        Application::Ssh(Ssh { client, server }) => {
            put(0, client.len());
            put(1, server.len());
        }
        Application::Rdp(None) | Application::Stratum => {}
        Application::Rdp(Some(tls)) | Application::Tls(tls) => {
            if let Some(client) = &tls.client {
                put(0, client.server_name.len());
                put(1, client.ja3.len());
                put(2, client.ja4.len());
            }
            put(3, chosen_protocol(tls).map_or_else(|| joined_length(offered_protocols(tls)), str::len));
            if let Some(certificate) = &tls.certificate {
                put(4, certificate.subject.len());
                put(5, certificate.issuer.len());
            }
        }
    }
    lengths
}

/// The protocol that the server says it has chosen.
fn chosen_protocol(tls: &Tls) -> Option<&str> {
    tls.server.as_ref().map(|server| &*server.alpn).filter(|alpn| !alpn.is_empty())
}

fn offered_protocols(tls: &Tls) -> &[SmolStr] {
    tls.client.as_ref().map(|client| &*client.alpn).unwrap_or_default()
}

/// Of the texts with a comma between each two.
fn joined_length(texts: &[SmolStr]) -> usize {
    texts.iter().map(|text| text.len() + 1).sum::<usize>().saturating_sub(1)
}

/// What 32 bits can say of a time: certificates may be valid beyond 2106, and before 1970.
fn seconds(seconds: i64) -> u32 {
    u32::try_from(seconds.max(0)).unwrap_or(u32::MAX)
}

/// The number before the first shape of each: behind it follow the parts that were seen, as bits.
const BEFORE_DNS: u8 = 0;
const BEFORE_HTTP: u8 = 3;
const BEFORE_QUIC: u8 = 6;
const BEFORE_SSH: u8 = 7;
const BEFORE_TLS: u8 = 8;
/// Behind the shapes of TLS.
const NAME_ALONE: u8 = 16;
/// What is asked for of an HTTP server may be longer; all other texts are shorter. So each record has room in a datagram.
const LONGEST_TEXT: usize = 400;
/// By how much the longest texts are cut at a time.
const CUT_OCTETS: usize = 8;
const MOST_TEXTS: usize = 6;
/// RFC 7011 section 7: the length of a longer text takes three octets.
const LONG_FROM: usize = 255;
