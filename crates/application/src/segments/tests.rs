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
fn of_a_head_whose_rest_is_missing_the_beginning_counts() {
    let mut connection = Connection::new();
    let (there, _missing) = REQUEST.split_at(REQUEST.len() - 10);
    connection.say(true, 0, there).say(true, length(REQUEST), b"more");
    assert_eq!(connection.known, None);
    connection.segments.finish(&mut connection.known);
    assert_eq!(&*connection.http().request.as_ref().unwrap().target, "/x");
    assert!(connection.segments.is_done());

    let mut connection = Connection::new();
    connection.say(true, 0, &client_hello(None)[..30]);
    connection.segments.finish(&mut connection.known);
    assert_eq!(connection.known, None, "a hello counts whole");
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
fn a_warning_before_the_hello_hides_nothing() {
    let (unrecognized_name, close_notify) = (&[21, 3, 3, 0, 2, 1, 112][..], &[21, 3, 3, 0, 2, 1, 0][..]);
    for (before, is_heard) in [(unrecognized_name, true), (close_notify, false)] {
        let mut connection = Connection::new();
        connection.say(true, 0, &client_hello(Some("shop.example")));
        connection.say(false, 0, &before[..6]);
        connection.say(false, 6, &[&before[6..], &server_hello(0x0303, 0xc02f)].concat());
        assert_eq!(connection.tls().server.is_some(), is_heard, "{before:?}");
        assert_eq!(connection.segments.is_done(), !is_heard);
    }
}

#[test]
fn a_chain_without_end_does_not_hide_the_first_certificate() {
    let chain_octets = 60_000_usize;
    let mut message = vec![11];
    message.extend(&chain_octets.to_be_bytes()[5..]);
    message.extend(&(chain_octets - 3).to_be_bytes()[5..]);
    message.extend(&CERTIFICATE.len().to_be_bytes()[5..]);
    message.extend(CERTIFICATE);
    message.resize(4 + chain_octets, 0);
    let records = message.chunks(4_000).flat_map(|content| {
        [&[22, 3, 3][..], &u16::try_from(content.len()).unwrap().to_be_bytes(), content].concat()
    });
    let said = [server_hello(0x0303, 0xc02f), records.collect()].concat();
    let mut connection = Connection::new();
    connection.say(true, 0, &client_hello(None));
    let mut at = 0;
    for segment in said.chunks(1_400) {
        connection.say(false, at, segment);
        at += length(segment);
    }
    let certificate = connection.tls().certificate.clone().unwrap();
    assert_eq!((&*certificate.subject, certificate.not_before), ("öД", 2_524_607_999));
    assert_eq!(certificate.not_after, 253_402_300_799, "the end of 9999");
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

/// A certificate of `öД` as `BMPString`, from the last second of 2049, the last of `UTCTime`, to that of 9999.
const CERTIFICATE: &[u8] = b"\
    0\x81\xc80|\xa0\x03\x02\x01\x02\x02\x01\x010\x05\x06\x03+ep0\x0c1\x0a0\x08\x06\x03U\x04\x0a\x0c\x01O\
    0 \x17\x0d491231235959Z\x18\x0f99991231235959Z0\x0f1\x0d0\x0b\x06\x03U\x04\x03\x1e\x04\0\xf6\x04\x14\
    0*0\x05\x06\x03+ep\x03!\0\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\
    \x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x090\x05\x06\x03+ep\x03A\0\x09\x09\x09\x09\x09\
    \x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\
    \x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\
    \x09\x09\x09\x09\x09\x09\x09\x09\x09\
    ";
