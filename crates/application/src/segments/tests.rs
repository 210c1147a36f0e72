use super::*;
use crate::{
    HttpRequest,
    tls::sample::{client_hello, server_hello},
};

/// A connection that both ends have opened with sequence number 0.
struct Connection {
    segments: Segments,
    known: Option<Application>,
}

impl Connection {
    fn new() -> Self {
        Self { segments: Segments::new(false, Some(0)), known: None }
    }

    /// Octets of an end, so far behind its SYN.
    fn say(&mut self, from_initiator: bool, at: u32, octets: &[u8]) -> &mut Self {
        let tcp = Tcp { sequence: at + 1, acknowledgment: 1, flags: TcpFlags::ACK, ..Tcp::default() };
        self.segments.segment(from_initiator, &tcp, octets, &mut self.known);
        self
    }

    fn http(&self) -> &Http {
        let Some(Application::Http(http)) = &self.known else { panic!("{:?}", self.known) };
        http
    }

    fn tls(&self) -> &Tls {
        let Some(Application::Tls(tls)) = &self.known else { panic!("{:?}", self.known) };
        tls
    }
}

fn length(octets: &[u8]) -> u32 {
    u32::try_from(octets.len()).unwrap()
}

const REQUEST: &[u8] = b"GET /x HTTP/1.1\r\nHost: example.org\r\n\r\n";

#[test]
fn a_request_and_its_answer() {
    let mut connection = Connection::new();
    connection.say(true, 0, REQUEST);
    assert_eq!((&*connection.http().request.as_ref().unwrap().host), "example.org");
    assert!(!connection.segments.is_done());
    connection.say(false, 0, b"HTTP/1.1 200 OK\r\n\r\n<html>");
    assert_eq!(connection.http().response.as_ref().unwrap().status, 200);
    assert!(connection.segments.is_done() && connection.segments.octets() == 0);
}

#[test]
fn segments_out_of_order_find_their_place() {
    let mut connection = Connection::new();
    let (first, last) = REQUEST.split_at(7);
    connection.say(true, 7, last);
    assert_eq!(connection.known, None);
    connection.say(true, 0, first);
    assert_eq!(&*connection.http().request.as_ref().unwrap().target, "/x");
    // The answer's first segment comes last.
    connection.say(false, 21, b"\nContent-Type: a/b\r\n\r\n");
    connection.say(false, 0, b"HTTP/1.1 200 Alright\r");
    assert_eq!(&*connection.http().response.as_ref().unwrap().content_type, "a/b");
}

#[test]
fn octets_one_by_one_are_given_up() {
    let mut connection = Connection::new();
    for (at, octet) in (0..).zip(REQUEST.iter().cycle().take(200)) {
        connection.say(true, at, &[*octet]);
    }
    assert!(connection.segments.is_done());
    assert_eq!(connection.http().request.as_ref().map(|request| &*request.target), Some("/x"));
}

#[test]
fn a_head_without_end_is_cut() {
    let mut connection = Connection::new();
    let mut said = b"GET / HTTP/1.1\r\nHost: a\r\nCookie: ".to_vec();
    said.resize(MAX_OCTETS + 100, b'a');
    let mut at = 0;
    for segment in said.chunks(1_000) {
        connection.say(true, at, segment);
        at += length(segment);
    }
    let expected =
        HttpRequest { method: "GET".into(), target: "/".into(), minor_version: 1, ..HttpRequest::default() };
    let request = connection.http().request.clone().unwrap();
    assert_eq!(HttpRequest { host: "".into(), ..request }, expected);
}

#[test]
fn both_hellos_and_nothing_after() {
    let mut connection = Connection::new();
    connection.say(true, 0, &client_hello(Some("shop.example")));
    let client = connection.tls().client.clone().unwrap();
    assert_eq!((&*client.server_name, client.version), ("shop.example", 0x0303));
    assert!(client.ja4.starts_with("t12d") && client.ja3.len() == 32);
    // Without a certificate, since that is encrypted.
    connection.say(false, 0, &server_hello(0x0304, 0x1301));
    assert_eq!(connection.tls().server.as_ref().unwrap().version, 0x0304);
    assert!(connection.segments.is_done());
}

#[test]
fn a_resumed_session_shows_no_certificate() {
    let mut connection = Connection::new();
    connection.say(true, 0, &client_hello(None));
    let hello = server_hello(0x0303, 0xc02f);
    connection.say(false, 0, &hello);
    assert!(!connection.segments.is_done());
    connection.say(false, length(&hello), &[20, 3, 3, 0, 1, 1]);
    assert!(connection.segments.is_done());
}

#[test]
fn a_server_that_speaks_first_is_heard() {
    let mut connection = Connection::new();
    connection.say(false, 0, b"SSH-2.0-OpenSSH_9.6\r\n");
    connection.say(true, 0, b"SSH-2.0-Go\r\n");
    let expected = Ssh { client: "SSH-2.0-Go".into(), server: "SSH-2.0-OpenSSH_9.6".into() };
    assert_eq!(connection.known, Some(Application::Ssh(expected)));
    assert!(connection.segments.is_done());
}

#[test]
fn beginnings_are_told_apart_from_what_else_there_is() {
    assert!(may_begin(b"G", false) && may_begin(REQUEST, false) && may_begin(b"\x16\x03\x01\x01\x00", false));
    assert!(!may_begin(b"220 mail", false) && !may_begin(b"\x16\x03\x01\x01\x00\x0b", false));
    assert!(!may_begin(b"\x03\x00\x00\x13", false));
}
