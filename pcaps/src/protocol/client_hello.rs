//! The first message of a TLS client, as the families of clients write it (RFC 8446, section 4.1.2).

use super::tls_encoding::{extension, handshake_message, vector8, vector16};
use crate::random::Random;

/// The implementation behind a client.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Client {
    /// A browser: GREASE (RFC 8701), HTTP/2, TLS 1.3.
    Browser,
    /// A program that uses Windows' own implementation, up to TLS 1.2, such as the remote desktop client.
    Schannel,
    /// A program that uses OpenSSL 3 as it comes, up to TLS 1.3, such as `FreeRDP`.
    OpenSsl,
}

/// A client's hello, without the record around it. `server_name` goes into the extension of that name.
pub fn client_hello(random: &mut Random, client: Client, server_name: Option<&str>) -> Vec<u8> {
    let mut body = TLS_1_2.to_vec();
    body.extend(random.array::<32>());
    // A session identifier for middleboxes (RFC 8446, appendix D.4); Schannel has no session to resume.
    let session = if client == Client::Schannel { Vec::new() } else { random.octets(32) };
    body.extend(vector8(&session));
    body.extend(vector16(&numbers(cipher_suites(client))));
    body.extend(vector8(&[0]));
    body.extend(vector16(&extensions(random, client, server_name)));
    handshake_message(CLIENT_HELLO, &body)
}

/// Extensions in the order of the implementation.
fn extensions(random: &mut Random, client: Client, server_name: Option<&str>) -> Vec<u8> {
    let name = server_name
        .map(|name| extension(SERVER_NAME, &vector16(&[&[0], &*vector16(name.as_bytes())].concat())));
    let name = name.unwrap_or_default();
    let status = extension(STATUS_REQUEST, &[1, 0, 0, 0, 0]);
    let points = extension(EC_POINT_FORMATS, &vector8(&[0]));
    let ticket = extension(SESSION_TICKET, &[]);
    let master_secret = extension(EXTENDED_MASTER_SECRET, &[]);
    let renegotiation = extension(RENEGOTIATION_INFO, &[0]);
    let signatures = extension(SIGNATURE_ALGORITHMS, &vector16(&numbers(signature_algorithms(client))));
    let groups = |groups: &[u16]| extension(SUPPORTED_GROUPS, &vector16(&numbers(groups)));
    let modes = extension(PSK_KEY_EXCHANGE_MODES, &vector8(&[1]));
    let key = random.array::<32>();
    let share = [&X25519.to_be_bytes()[..], &vector16(&key)].concat();
    match client {
        Client::Browser => {
            let grease_share = [&GREASE.to_be_bytes()[..], &vector16(&[0])].concat();
            let protocols = [vector8(b"h2"), vector8(b"http/1.1")].concat();
            [
                extension(GREASE, &[]),
                name,
                master_secret,
                renegotiation,
                groups(&[GREASE, X25519, SECP256R1, SECP384R1]),
                points,
                ticket,
                extension(APPLICATION_LAYER_PROTOCOLS, &vector16(&protocols)),
                status,
                signatures,
                extension(SIGNED_CERTIFICATE_TIMESTAMP, &[]),
                extension(KEY_SHARE, &vector16(&[grease_share, share].concat())),
                modes,
                extension(SUPPORTED_VERSIONS, &vector8(&numbers(&[GREASE, 0x0304, 0x0303]))),
                extension(COMPRESS_CERTIFICATE, &vector8(&[0, 2])),
                extension(GREASE_LAST, &[0]),
            ]
            .concat()
        }
        Client::Schannel => {
            let groups = groups(&[X25519, SECP256R1, SECP384R1]);
            [name, status, groups, points, signatures, ticket, master_secret, renegotiation].concat()
        }
        Client::OpenSsl => [
            name,
            extension(EC_POINT_FORMATS, &vector8(&[0, 1, 2])),
            groups(&[X25519, SECP256R1, X448, SECP521R1, SECP384R1, 0x0100, 0x0101, 0x0102, 0x0103, 0x0104]),
            ticket,
            extension(ENCRYPT_THEN_MAC, &[]),
            master_secret,
            signatures,
            extension(SUPPORTED_VERSIONS, &vector8(&numbers(&[0x0304, 0x0303]))),
            modes,
            extension(KEY_SHARE, &vector16(&share)),
        ]
        .concat(),
    }
}

fn cipher_suites(client: Client) -> &'static [u16] {
    match client {
        Client::Browser => &[
            GREASE, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014,
            0x009c, 0x009d, 0x002f, 0x0035,
        ],
        Client::Schannel => &[
            0xc02c, 0xc02b, 0xc030, 0xc02f, 0xc024, 0xc023, 0xc028, 0xc027, 0xc00a, 0xc009, 0xc014, 0xc013,
            0x009d, 0x009c, 0x003d, 0x003c, 0x0035, 0x002f, 0x000a,
        ],
        Client::OpenSsl => &[
            0x1302, 0x1303, 0x1301, 0xc02c, 0xc030, 0x009f, 0xcca9, 0xcca8, 0xccaa, 0xc02b, 0xc02f, 0x009e,
            0xc024, 0xc028, 0x006b, 0xc023, 0xc027, 0x0067, 0xc00a, 0xc014, 0x0039, 0xc009, 0xc013, 0x0033,
            0x009d, 0x009c, 0x003d, 0x003c, 0x0035, 0x002f, 0x00ff,
        ],
    }
}

fn signature_algorithms(client: Client) -> &'static [u16] {
    match client {
        Client::Browser => &[0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601],
        Client::Schannel => {
            &[0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0201, 0x0403, 0x0503, 0x0203, 0x0202, 0x0601, 0x0603]
        }
        Client::OpenSsl => &[
            0x0403, 0x0503, 0x0603, 0x0807, 0x0808, 0x0809, 0x080a, 0x080b, 0x0804, 0x0805, 0x0806, 0x0401,
            0x0501, 0x0601, 0x0303, 0x0301, 0x0302, 0x0402, 0x0502, 0x0602,
        ],
    }
}

fn numbers(numbers: &[u16]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
}

pub(crate) const TLS_1_2: [u8; 2] = [3, 3];
const CLIENT_HELLO: u8 = 1;

// The IANA registry of TLS extension types.
const SERVER_NAME: u16 = 0;
const STATUS_REQUEST: u16 = 5;
const SUPPORTED_GROUPS: u16 = 10;
pub(crate) const EC_POINT_FORMATS: u16 = 11;
const SIGNATURE_ALGORITHMS: u16 = 13;
const APPLICATION_LAYER_PROTOCOLS: u16 = 16;
const SIGNED_CERTIFICATE_TIMESTAMP: u16 = 18;
const ENCRYPT_THEN_MAC: u16 = 22;
pub(crate) const EXTENDED_MASTER_SECRET: u16 = 23;
const COMPRESS_CERTIFICATE: u16 = 27;
const SESSION_TICKET: u16 = 35;
pub(crate) const SUPPORTED_VERSIONS: u16 = 43;
const PSK_KEY_EXCHANGE_MODES: u16 = 45;
pub(crate) const KEY_SHARE: u16 = 51;
pub(crate) const RENEGOTIATION_INFO: u16 = 0xff01;

// The IANA registry of TLS supported groups.
pub(crate) const SECP384R1: u16 = 24;
const SECP256R1: u16 = 23;
const SECP521R1: u16 = 25;
pub(crate) const X25519: u16 = 29;
const X448: u16 = 30;

/// RFC 8701: values that a server must ignore.
const GREASE: u16 = 0x7a7a;
const GREASE_LAST: u16 = 0xdada;
