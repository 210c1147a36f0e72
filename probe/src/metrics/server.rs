//! As much of HTTP (RFC 9112) as a scraper needs: GET and HEAD of two paths, one request for each connection.
//!
//! Nobody takes longer than twice [`PATIENCE`], neither by asking slowly nor by reading slowly, in however small pieces, and those who are slow hold
//! up others only if they are [`MOST_CLIENTS`].

use std::{
    io::{self, ErrorKind, Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use anyhow::Context as _;

use super::Metrics;

/// A port that is open, and that nobody answers on yet.
pub(crate) struct Endpoint {
    listener: TcpListener,
}

/// What is answered.
#[derive(Debug, Eq, PartialEq)]
struct Answer {
    status: &'static str,
    kind: &'static str,
    body: String,
}

/// What was asked for.
#[derive(Debug, Eq, PartialEq)]
enum Request {
    Get(String),
    Head(String),
    Other,
}

impl Endpoint {
    /// Opens the port.
    pub(crate) fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(address)
            .with_context(|| format!("--metrics {address}: cannot listen there; choose another port"))?;
        Ok(Self { listener })
    }

    /// Where it is: the port is the kernel's choice if 0 was asked for.
    pub(crate) fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Answers from now on, in threads that end with the program.
    pub(crate) fn serve(self, metrics: Arc<Metrics>) -> anyhow::Result<()> {
        let serve = move || {
            loop {
                match self.listener.accept() {
                    Ok((client, _)) => attend_beside_others(client, &metrics),
                    // There are too many files open, perhaps.
                    Err(_) => thread::sleep(A_MOMENT),
                }
            }
        };
        thread::Builder::new()
            .name("metrics".to_owned())
            .spawn(serve)
            .context("cannot start the thread metrics")?;
        Ok(())
    }
}

/// Attends to a client in a thread of its own, once there are not too many of them.
fn attend_beside_others(client: TcpStream, metrics: &Arc<Metrics>) {
    // This thread and the collector have one each, too.
    while Arc::strong_count(metrics) > MOST_CLIENTS {
        thread::sleep(A_MOMENT);
    }
    let metrics = Arc::clone(metrics);
    // Who goes away before the answer does not want it, and who finds no thread has to ask again.
    let attend = move || drop(attend(client, &metrics));
    drop(thread::Builder::new().name("metrics client".to_owned()).spawn(attend));
}

#[expect(clippy::disallowed_methods, reason = "clients are waited for by the clock")]
fn attend(mut client: TcpStream, metrics: &Metrics) -> io::Result<()> {
    let begun = Instant::now();
    let (answer, has_body) = match read_request(&mut client, begun) {
        Ok(Request::Get(path)) => (answer(&path, metrics, Instant::now()), true),
        Ok(Request::Head(path)) => (answer(&path, metrics, Instant::now()), false),
        Ok(Request::Other) => (Answer::text("405 Method Not Allowed", "only GET and HEAD\n"), true),
        Err(error) => match error.kind() {
            ErrorKind::TimedOut | ErrorKind::WouldBlock => {
                (Answer::text("408 Request Timeout", "too slow\n"), true)
            }
            ErrorKind::FileTooLarge => {
                (Answer::text("431 Request Header Fields Too Large", "too long\n"), true)
            }
            ErrorKind::InvalidData => (Answer::text("400 Bad Request", "this is no HTTP\n"), true),
            _ => return Err(error),
        },
    };
    let head = format!(
        "HTTP/1.1 {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nCache-Control: no-store\r\nConnection: close\r\n{}\r\n",
        answer.status,
        answer.kind,
        answer.body.len(),
        if answer.status.starts_with("405") { "Allow: GET, HEAD\r\n" } else { "" },
    );
    let octets = if has_body { head + &answer.body } else { head };
    write(&mut client, octets.as_bytes(), Instant::now())?;
    client.shutdown(Shutdown::Write)
}

fn answer(path: &str, metrics: &Metrics, now: Instant) -> Answer {
    match path {
        "/metrics" => Answer { status: "200 OK", kind: EXPOSITION, body: metrics.exposition(now) },
        "/healthz" => match metrics.health(now) {
            Ok(()) => Answer::text("200 OK", "ok\n"),
            Err(reason) => Answer::text("503 Service Unavailable", &format!("{reason}\n")),
        },
        _ => Answer::text("404 Not Found", "there are /metrics and /healthz\n"),
    }
}

impl Answer {
    fn text(status: &'static str, body: &str) -> Self {
        Self { status, kind: "text/plain; charset=utf-8", body: body.to_owned() }
    }
}

/// Reads the header of a request, to its empty line.
fn read_request(client: &mut TcpStream, begun: Instant) -> io::Result<Request> {
    let (mut octets, mut piece) = (Vec::new(), [0; 1_024]);
    while !octets.windows(4).any(|end| end == b"\r\n\r\n") {
        if octets.len() > MOST_OCTETS {
            return Err(ErrorKind::FileTooLarge.into());
        }
        client.set_read_timeout(Some(left(begun)?))?;
        match client.read(&mut piece) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(read) => octets.extend_from_slice(piece.get(..read).unwrap_or_default()),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    parse(&octets).ok_or_else(|| ErrorKind::InvalidData.into())
}

/// The request line; `None` if it is none (RFC 9112, 3).
fn parse(octets: &[u8]) -> Option<Request> {
    let line = octets.split(|octet| *octet == b'\r').next()?;
    let words: Vec<_> = str::from_utf8(line).ok()?.split(' ').collect();
    let [method, target, version] = words[..] else { return None };
    if !version.starts_with("HTTP/1.") || !target.starts_with('/') {
        return None;
    }
    let path = target.split('?').next()?.to_owned();
    Some(match method {
        "GET" => Request::Get(path),
        "HEAD" => Request::Head(path),
        _ => Request::Other,
    })
}

fn write(client: &mut TcpStream, octets: &[u8], begun: Instant) -> io::Result<()> {
    let mut written = 0;
    while let Some(rest) = octets.get(written..).filter(|rest| !rest.is_empty()) {
        client.set_write_timeout(Some(left(begun)?))?;
        match client.write(rest) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(octets) => written += octets,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// How long a client still has.
#[expect(clippy::disallowed_methods, reason = "clients are waited for by the clock")]
fn left(begun: Instant) -> io::Result<Duration> {
    let left = PATIENCE.saturating_sub(Instant::now().duration_since(begun));
    if left.is_zero() { Err(ErrorKind::TimedOut.into()) } else { Ok(left) }
}

/// For asking, and once more for reading the answer.
const PATIENCE: Duration = Duration::from_secs(2);
const A_MOMENT: Duration = Duration::from_millis(100);
/// At a time: a scraper or two are usual.
const MOST_CLIENTS: usize = 32;
/// More than scrapers ask with.
const MOST_OCTETS: usize = 8 << 10;
/// Prometheus, "Exposition formats", "Text-based format".
const EXPOSITION: &str = "text/plain; version=0.0.4; charset=utf-8";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::Board;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a test of how long something takes")]
    fn those_who_are_silent_do_not_hold_up_others() {
        let metrics = Arc::new(Metrics::new(Arc::new(Board::new(1)), Instant::now()));
        let endpoint = Endpoint::open(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let address = endpoint.address().unwrap();
        endpoint.serve(metrics).unwrap();
        let silent: Vec<_> = (0..10).map(|_| TcpStream::connect(address).unwrap()).collect();
        let begun = Instant::now();
        let mut client = TcpStream::connect(address).unwrap();
        client.write_all(b"GET /healthz HTTP/1.1\r\n\r\n").unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 OK") && begun.elapsed() < PATIENCE, "{answer}");
        drop(silent);
    }

    #[test]
    fn a_request_line_has_three_words() {
        let get = |path: &str| Some(Request::Get(path.to_owned()));
        assert_eq!(parse(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"), get("/metrics"));
        assert_eq!(parse(b"GET /metrics?name=x HTTP/1.0\r\n\r\n"), get("/metrics"));
        assert_eq!(parse(b"HEAD /healthz HTTP/1.1\r\n\r\n"), Some(Request::Head("/healthz".to_owned())));
        assert_eq!(parse(b"POST /metrics HTTP/1.1\r\n\r\n"), Some(Request::Other));
        for wrong in [
            &b"\r\n\r\n"[..],
            b"GET /metrics\r\n\r\n",
            b"GET  /metrics HTTP/1.1\r\n\r\n",
            b"GET metrics HTTP/1.1\r\n\r\n",
            b"GET /metrics HTTP/2\r\n\r\n",
            b"GET /\xff HTTP/1.1\r\n\r\n",
        ] {
            assert_eq!(parse(wrong), None, "{wrong:?}");
        }
    }
}
