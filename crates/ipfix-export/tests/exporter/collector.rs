//! The other end of a connection: collectors that read, stop reading, or break off.

use std::{
    io::Read as _,
    net::{SocketAddr, TcpListener, TcpStream},
    thread::{self, JoinHandle},
    time::Duration,
};

use super::numbered::Session;

/// A collector that has not taken a connection yet, and where it is.
pub(crate) fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// Where no collector is, for the time being.
pub(crate) fn nobody() -> SocketAddr {
    listen().1
}

/// Has a collector take one connection, and read it to its end.
pub(crate) fn collect(listener: TcpListener) -> JoinHandle<Session> {
    thread::spawn(move || Session::of(&read_to_end(&mut listener.accept().unwrap().0)))
}

pub(crate) fn read_to_end(connection: &mut TcpStream) -> Vec<u8> {
    let mut octets = Vec::new();
    connection.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
    // It may be reset in the end; what came before counts.
    connection.read_to_end(&mut octets).ok();
    octets
}

/// Reads for about this long.
#[expect(clippy::disallowed_methods, reason = "a test waits")]
pub(crate) fn read_for(connection: &mut TcpStream, time: Duration) -> Vec<u8> {
    let end = std::time::Instant::now() + time;
    let (mut octets, mut buffer) = (Vec::new(), vec![0; 10_000]);
    connection.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
    while std::time::Instant::now() < end {
        if let Ok(length) = connection.read(&mut buffer) {
            octets.extend_from_slice(&buffer[..length]);
        }
    }
    octets
}

/// Reads until nothing has come for a while, so that all is confirmed.
pub(crate) fn read_until_quiet(connection: &mut TcpStream) -> Vec<u8> {
    let (mut octets, mut buffer) = (Vec::new(), vec![0; 10_000]);
    connection.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    loop {
        match connection.read(&mut buffer) {
            Ok(0) => return octets,
            Ok(length) => octets.extend_from_slice(&buffer[..length]),
            Err(_) if octets.is_empty() => {}
            Err(_) => return octets,
        }
    }
}

/// Has the connection end with RST, so that what was sent and not confirmed is lost.
pub(crate) fn reset_when_dropped(connection: &TcpStream) {
    use nix::sys::socket::{setsockopt, sockopt};
    setsockopt(connection, sockopt::Linger, &libc::linger { l_onoff: 1, l_linger: 0 }).unwrap();
}
