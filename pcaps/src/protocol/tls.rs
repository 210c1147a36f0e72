//! TLS as a probe sees it: handshakes in the clear as far as they are (RFC 5246, RFC 8446), and then records
//! of the right lengths.

use super::client_hello::{
    Client, EC_POINT_FORMATS, EXTENDED_MASTER_SECRET, KEY_SHARE, RENEGOTIATION_INFO, SECP384R1,
    SUPPORTED_VERSIONS, TLS_1_2, X25519, client_hello,
};
use super::tls_encoding::{extension, handshake_message, vector8, vector16, vector24};
use crate::{
    conversation::{Conversation, Side},
    packet::length16,
    random::Random,
};

/// The version that client and server agree on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Version {
    /// TLS 1.2 with `TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384`.
    Tls12,
    /// TLS 1.3 with `TLS_AES_256_GCM_SHA384`.
    Tls13,
}

/// Shakes hands over an open connection.
///
/// `certificate` is the server's, in DER. In TLS 1.3 only its length is seen.
pub fn handshake(
    conversation: &mut Conversation<'_>,
    client: Client,
    server_name: Option<&str>,
    version: Version,
    certificate: &[u8],
) {
    let hello = client_hello(conversation.random(), client, server_name);
    conversation.client(&record(HANDSHAKE, &hello));
    match version {
        Version::Tls12 => {
            let flight = server_flight(conversation.random(), certificate);
            conversation.server(&record(HANDSHAKE, &flight));
            let share = vector8(&[&[UNCOMPRESSED_POINT], &*conversation.random().octets(96)].concat());
            let exchange = record(HANDSHAKE, &handshake_message(CLIENT_KEY_EXCHANGE, &share));
            let finished =
                [CHANGE_CIPHER_SPEC_RECORD.to_vec(), encrypted_finished(conversation.random())].concat();
            conversation.client(&[exchange, finished].concat());
            let finished =
                [CHANGE_CIPHER_SPEC_RECORD.to_vec(), encrypted_finished(conversation.random())].concat();
            conversation.server(&finished);
        }
        Version::Tls13 => {
            // The session identifier that the server gives back stands behind the random (RFC 8446, section 4.1.3).
            let session = hello.get(39..39 + 32).unwrap_or_default().to_vec();
            let hello = record(HANDSHAKE, &server_hello(conversation.random(), version, &session));
            // Extensions, the certificate, its verification by a signature of 256 octets, and the end.
            let hidden = 10 + (certificate.len() + 13) + (4 + 4 + 256) + (4 + 48);
            let rest = application_data(conversation.random(), version, hidden);
            conversation.server(&[hello, CHANGE_CIPHER_SPEC_RECORD.to_vec(), rest].concat());
            let finished = application_data(conversation.random(), version, 4 + 48);
            conversation.client(&[CHANGE_CIPHER_SPEC_RECORD.to_vec(), finished].concat());
        }
    }
}

/// Records of application data that hold `length` octets. What they hold is random, as what is encrypted looks.
pub fn application_data(random: &mut Random, version: Version, length: usize) -> Vec<u8> {
    let mut records = Vec::new();
    let mut left = length;
    while left > 0 {
        let now = left.min(LARGEST_RECORD);
        records.extend(record(APPLICATION_DATA, &random.octets(now + overhead(version))));
        left -= now;
    }
    records
}

/// One side writes `length` octets into the encrypted connection.
pub fn send(conversation: &mut Conversation<'_>, side: Side, version: Version, length: usize) {
    let records = application_data(conversation.random(), version, length);
    conversation.send(side, &records);
}

/// An encrypted alert. Which one cannot be seen.
pub fn alert(random: &mut Random, version: Version) -> Vec<u8> {
    let kind = if version == Version::Tls12 { ALERT } else { APPLICATION_DATA };
    record(kind, &random.octets(2 + overhead(version)))
}

/// `ServerHello` to `ServerHelloDone` of TLS 1.2, in one record as Windows writes them.
fn server_flight(random: &mut Random, certificate: &[u8]) -> Vec<u8> {
    let session = random.octets(32);
    let hello = server_hello(random, Version::Tls12, &session);
    let certificates = vector24(&vector24(certificate));
    let point = [&[UNCOMPRESSED_POINT], &*random.octets(96)].concat();
    let parameters = [&[NAMED_CURVE][..], &SECP384R1.to_be_bytes(), &vector8(&point)].concat();
    let signature = [&RSA_PKCS1_SHA256.to_be_bytes()[..], &vector16(&random.octets(256))].concat();
    [
        hello,
        handshake_message(CERTIFICATE, &certificates),
        handshake_message(SERVER_KEY_EXCHANGE, &[parameters, signature].concat()),
        handshake_message(SERVER_HELLO_DONE, &[]),
    ]
    .concat()
}

fn server_hello(random: &mut Random, version: Version, session: &[u8]) -> Vec<u8> {
    let (suite, extensions) = match version {
        Version::Tls12 => (
            ECDHE_RSA_WITH_AES_256_GCM_SHA384,
            [
                extension(EC_POINT_FORMATS, &vector8(&[0])),
                extension(EXTENDED_MASTER_SECRET, &[]),
                extension(RENEGOTIATION_INFO, &[0]),
            ]
            .concat(),
        ),
        Version::Tls13 => (
            AES_256_GCM_SHA384,
            [
                extension(SUPPORTED_VERSIONS, &[3, 4]),
                extension(KEY_SHARE, &[&X25519.to_be_bytes()[..], &vector16(&random.array::<32>())].concat()),
            ]
            .concat(),
        ),
    };
    let mut body = TLS_1_2.to_vec();
    body.extend(random.array::<32>());
    body.extend(vector8(session));
    body.extend(suite.to_be_bytes());
    body.push(0);
    body.extend(vector16(&extensions));
    handshake_message(SERVER_HELLO, &body)
}

fn encrypted_finished(random: &mut Random) -> Vec<u8> {
    record(HANDSHAKE, &random.octets(4 + 12 + overhead(Version::Tls12)))
}

fn record(kind: u8, fragment: &[u8]) -> Vec<u8> {
    let [major, minor] = TLS_1_2;
    let [high, low] = length16(fragment.len()).to_be_bytes();
    [&[kind, major, minor, high, low], fragment].concat()
}

/// What AES-GCM adds: nonce and tag (RFC 5288, section 3), or the type inside and the tag (RFC 8446, section 5.2).
fn overhead(version: Version) -> usize {
    match version {
        Version::Tls12 => 8 + 16,
        Version::Tls13 => 1 + 16,
    }
}

/// RFC 8446, section 5.1.
const LARGEST_RECORD: usize = 16_384;
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const APPLICATION_DATA: u8 = 23;
const CHANGE_CIPHER_SPEC_RECORD: [u8; 6] = [20, 3, 3, 0, 1, 1];

const SERVER_HELLO: u8 = 2;
const CERTIFICATE: u8 = 11;
const SERVER_KEY_EXCHANGE: u8 = 12;
const SERVER_HELLO_DONE: u8 = 14;
const CLIENT_KEY_EXCHANGE: u8 = 16;

const ECDHE_RSA_WITH_AES_256_GCM_SHA384: u16 = 0xc030;
const AES_256_GCM_SHA384: u16 = 0x1302;
const RSA_PKCS1_SHA256: u16 = 0x0401;
/// RFC 8422, section 5.4.
const NAMED_CURVE: u8 = 3;
const UNCOMPRESSED_POINT: u8 = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_have_the_lengths_of_their_ciphers() {
        let mut random = Random::seeded("records");
        assert_eq!(application_data(&mut random, Version::Tls12, 57).len(), 86);
        assert_eq!(alert(&mut random, Version::Tls12).len(), 31);
        assert_eq!(application_data(&mut random, Version::Tls13, 16_385).len(), 16_385 + 2 * 22);
    }

    #[test]
    fn the_session_identifier_comes_back() {
        let hello = client_hello(&mut Random::seeded("hello"), Client::Browser, Some("www.example.org"));
        assert_eq!(hello[38], 32);
        let answer = server_hello(&mut Random::seeded("answer"), Version::Tls13, &hello[39..71]);
        assert_eq!(answer[39..71], hello[39..71]);
    }
}
