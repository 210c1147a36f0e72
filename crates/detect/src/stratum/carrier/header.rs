use std::borrow::Cow;

/// The head of an HTTP message, as far as it matters for what follows it.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Header<'a> {
    pub(super) start: Start<'a>,
    pub(super) host: Option<Cow<'a, str>>,
    pub(super) user_agent: Option<Cow<'a, str>>,
    /// The user of `Authorization: Basic`. The password is not read.
    pub(super) user: Option<String>,
    pub(super) content_length: Option<u64>,
    pub(super) is_chunked: bool,
    pub(super) is_upgrade_to_websocket: bool,
    /// A field that only miners, or only servers of work, send.
    pub(super) is_of_mining: bool,
}

/// The first line.
#[derive(Debug, Default, PartialEq)]
pub(super) enum Start<'a> {
    Request {
        method: Cow<'a, str>,
        target: Cow<'a, str>,
    },
    Response {
        status: u16,
        reason: Cow<'a, str>,
    },
    #[default]
    Neither,
}

impl<'a> Header<'a> {
    /// Reads a head (RFC 9112, 2).
    pub(super) fn read(octets: &'a [u8]) -> Self {
        let mut lines = octets.split(|octet| *octet == b'\n').map(<[u8]>::trim_ascii);
        let mut header = Self { start: Start::read(lines.next().unwrap_or_default()), ..Self::default() };
        for line in lines {
            let Some(colon) = line.iter().position(|octet| *octet == b':') else { continue };
            let (name, value) = line.split_at(colon);
            header.field(name, value.get(1..).unwrap_or_default().trim_ascii());
        }
        header
    }

    fn field(&mut self, name: &[u8], value: &'a [u8]) {
        let is = |candidate: &str| name.eq_ignore_ascii_case(candidate.as_bytes());
        if is("host") {
            self.host = Some(String::from_utf8_lossy(value));
        } else if is("user-agent") {
            self.user_agent = Some(String::from_utf8_lossy(value));
        } else if is("content-length") {
            self.content_length = std::str::from_utf8(value).ok().and_then(|digits| digits.parse().ok());
        } else if is("transfer-encoding") {
            self.is_chunked = value.to_ascii_lowercase().ends_with(b"chunked");
        } else if is("upgrade") {
            self.is_upgrade_to_websocket = value.eq_ignore_ascii_case(b"websocket");
        } else if is("authorization") {
            self.user = basic_user(value);
        } else if MINING_FIELDS.iter().any(|field| is(field)) {
            self.is_of_mining = true;
        }
    }
}

impl<'a> Start<'a> {
    fn read(line: &'a [u8]) -> Self {
        let mut words = line.splitn(3, |octet| *octet == b' ');
        let mut word = || words.next().map(String::from_utf8_lossy);
        let (Some(first), Some(second)) = (word(), word()) else { return Self::Neither };
        if !first.starts_with("HTTP/1.") {
            return Self::Request { method: first, target: second };
        }
        match second.parse() {
            Ok(status) => Self::Response { status, reason: word().unwrap_or_default() },
            Err(_) => Self::Neither,
        }
    }
}

/// The user of basic authentication (RFC 7617, 2): base64 of user, colon, password; decoded as far as the colon.
fn basic_user(value: &[u8]) -> Option<String> {
    let (scheme, credentials) = value.split_at_checked(BASIC.len())?;
    if !scheme.eq_ignore_ascii_case(BASIC) {
        return None;
    }
    let mut user = Vec::new();
    let (mut bits, mut count) = (0_u32, 0);
    for octet in credentials.trim_ascii().iter().take(MAX_CREDENTIALS_OCTETS) {
        let six = BASE64.iter().position(|digit| digit == octet).and_then(|six| u32::try_from(six).ok())?;
        bits = (bits << 6 | six) & 0xffff;
        count += 6;
        if count >= 8 {
            count -= 8;
            match u8::try_from(bits >> count & 0xff).ok()? {
                b':' => return String::from_utf8(user).ok(),
                octet => user.push(octet),
            }
        }
    }
    None
}

const BASIC: &[u8] = b"Basic ";
const MAX_CREDENTIALS_OCTETS: usize = 512;
/// RFC 4648, 4.
const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Of getwork's extensions (Bitcoin wiki, "Getwork": X-Mining-Extensions, X-Mining-Hashrate, X-Long-Polling, X-Stratum).
const MINING_FIELDS: &[&str] =
    &["x-mining-extensions", "x-mining-hashrate", "x-long-polling", "x-stratum", "x-roll-ntime"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_of_requests_and_responses() {
        let header = Header::read(
            b"POST / HTTP/1.1\r\nHost: pool.example:8332\r\nAuthorization: Basic d29ya2VyOnNlY3JldA==\r\n\
              Content-Length: 12\r\nX-Mining-Extensions: midstate\r\n\r\n",
        );
        assert_eq!(header.start, Start::Request { method: "POST".into(), target: "/".into() });
        assert_eq!(header.user.as_deref(), Some("worker"), "and nothing after the colon");
        assert_eq!((header.content_length, header.is_of_mining), (Some(12), true));
        let header =
            Header::read(b"HTTP/1.1 200 Connection established\r\nTransfer-Encoding: gzip, chunked\r\n\r\n");
        assert_eq!(header.start, Start::Response { status: 200, reason: "Connection established".into() });
        assert!(header.is_chunked);
    }

    #[test]
    fn broken_heads_say_nothing() {
        assert_eq!(Header::read(b"").start, Start::Neither);
        assert_eq!(Header::read(b"HTTP/1.1 abc").start, Start::Neither);
        assert_eq!(basic_user(b"Basic !!!"), None);
        assert_eq!(basic_user(b"Basic"), None);
        assert_eq!(basic_user(b"Basic YWFhYQ=="), None);
    }
}
