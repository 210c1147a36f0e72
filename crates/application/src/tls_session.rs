//! A TLS handshake, from the octets of both ends.

use std::borrow::Cow;

use smol_str::SmolStr;

use crate::{
    Tls, TlsClient, TlsServer, certificate,
    octets::Octets,
    text::printable,
    tls::{
        ALERT, CERTIFICATE, CLIENT_HELLO, Carrier, ClientHello, HANDSHAKE, MAJOR_VERSION, SERVER_HELLO,
        ServerHello, TLS_1_3, ja3, ja4,
    },
};

/// Adds what the client's octets say. `true` if nothing more is to come of them.
pub(crate) fn add_client(known: &mut Tls, octets: &[u8]) -> bool {
    let handshake = Handshake::of(octets);
    if let Some(Message { kind, body, is_whole: true }) = handshake.messages().next() {
        if kind == CLIENT_HELLO {
            known.client = ClientHello::of_body(body).map(|hello| client(&hello, Carrier::Tcp));
        }
        return true;
    }
    handshake.is_over
}

/// Adds what the server's octets say. `true` if nothing more is to come of them.
pub(crate) fn add_server(known: &mut Tls, octets: &[u8]) -> bool {
    let handshake = Handshake::of(octets);
    for Message { kind, body, is_whole } in handshake.messages() {
        match kind {
            SERVER_HELLO if is_whole => {
                known.server = ServerHello::of_body(body).map(|hello| server(hello, body));
                if known.server.as_ref().is_none_or(|server| server.version >= TLS_1_3) {
                    // What follows is encrypted.
                    return true;
                }
            }
            // The server's own is the first one: a chain without end does not hide it.
            CERTIFICATE => {
                known.certificate = certificate::first(body);
                if is_whole || known.certificate.is_some() {
                    return true;
                }
            }
            // Messages between hello and certificate, of which there may be some (RFC 5246, 7.3).
            _ => {}
        }
    }
    handshake.is_over
}

/// What a client's hello says.
pub(crate) fn client(hello: &ClientHello<'_>, carrier: Carrier) -> TlsClient {
    let alpn = hello.alpn.iter().take(MAX_PROTOCOLS);
    let name = hello.server_name.unwrap_or_default();
    TlsClient {
        version: hello.supported_versions.iter().next().unwrap_or(hello.legacy_version),
        server_name: printable(name, MAX_NAME_OCTETS),
        alpn: alpn.map(|protocol| printable(protocol, MAX_PROTOCOL_OCTETS)).collect(),
        ja3: ja3(hello),
        ja4: ja4(hello, carrier),
    }
}

fn server(hello: ServerHello, body: &[u8]) -> TlsServer {
    let alpn =
        ServerHello::alpn(body).map_or_else(SmolStr::default, |one| printable(one, MAX_PROTOCOL_OCTETS));
    TlsServer { version: hello.version, cipher_suite: hello.cipher_suite, alpn }
}

/// The handshake messages of one end, as far as they are not encrypted.
struct Handshake<'a> {
    octets: Cow<'a, [u8]>,
    /// Nothing of it follows: something else has.
    is_over: bool,
}

impl<'a> Handshake<'a> {
    /// Takes the handshake records at the beginning of `octets` together: a message may span several, and a record hold several
    /// (RFC 8446, 5.1). Warnings may come between: servers that do not know a name say so before their hello (RFC 6066, 3).
    fn of(octets: &'a [u8]) -> Self {
        let (mut rest, mut messages) = (Octets::new(octets), Cow::default());
        while let (Some(kind), Some(major), Some(_minor)) = (rest.u8(), rest.u8(), rest.u8()) {
            let Some(length) = rest.u16_be() else { break };
            let is_alert = kind == ALERT && usize::from(length) == WARNING_OCTETS;
            if kind != HANDSHAKE && !is_alert || major != MAJOR_VERSION {
                return Self { octets: messages, is_over: true };
            }
            let there = usize::from(length).min(rest.rest().len());
            let content = rest.take(there).unwrap_or_default();
            if kind == HANDSHAKE {
                append(&mut messages, content);
            } else if matches!(content, [level, about] if *level != WARNING || *about == CLOSE_NOTIFY) {
                return Self { octets: messages, is_over: true };
            }
            if there < usize::from(length) {
                break;
            }
        }
        Self { octets: messages, is_over: false }
    }

    /// The messages, the last of which may be cut.
    fn messages(&self) -> impl Iterator<Item = Message<'_>> {
        let mut rest = Octets::new(&self.octets);
        std::iter::from_fn(move || {
            let (kind, length) = (rest.u8()?, rest.u24_be()?);
            let there = length.min(rest.rest().len());
            Some(Message { kind, body: rest.take(there)?, is_whole: there == length })
        })
    }
}

/// A handshake message (RFC 8446, 4).
struct Message<'a> {
    kind: u8,
    /// As much as there is of it.
    body: &'a [u8],
    is_whole: bool,
}

/// Appends to octets, which are copied only if there are some already.
fn append<'a>(octets: &mut Cow<'a, [u8]>, more: &'a [u8]) {
    if octets.is_empty() {
        *octets = Cow::Borrowed(more);
    } else {
        octets.to_mut().extend_from_slice(more);
    }
}

/// What an alert consists of that is not encrypted: a level, and what it is about (RFC 5246, 7.2).
const WARNING_OCTETS: usize = 2;
/// A level.
const WARNING: u8 = 1;
/// A warning after which nothing comes.
const CLOSE_NOTIFY: u8 = 0;
/// Of what a client offers.
const MAX_PROTOCOLS: usize = 8;
const MAX_PROTOCOL_OCTETS: usize = 32;
/// RFC 1035, 2.3.4.
const MAX_NAME_OCTETS: usize = 255;
