mod path;

use std::{
    collections::VecDeque,
    io::{self, ErrorKind},
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs, UdpSocket},
};

use super::{Notice, Output};

/// A connected UDP socket: one message per datagram (RFC 7011 section 10.3).
///
/// On Linux, messages are as small as the path needs it where the exporter is not told otherwise: datagrams are not to be fragmented by
/// routers, and what a router says is longer than its next link carries is not sent again. It has dropped that datagram, and perhaps some that
/// were on their way; that is counted and told as [`Notice::PathTooNarrow`]. A message that is larger than what the path is known to carry, since
/// it holds a single large record or was asked for, goes in fragments.
///
/// RFC 7011 allows UDP only where loss is bearable and the path cannot be congested. A collector that is not there is
/// no error: its refusals are counted, and sending goes on until it comes back.
#[derive(Debug)]
pub struct UdpOutput {
    socket: UdpSocket,
    collector: SocketAddr,
    refused: u64,
    too_long: u64,
    /// What the path carried when it was asked last.
    path_octets: Option<u16>,
    notices: VecDeque<Notice>,
}

impl UdpOutput {
    /// Opens a socket towards `collector`.
    ///
    /// # Errors
    ///
    /// This host has no route to the address.
    pub fn connect(collector: SocketAddr) -> io::Result<Self> {
        Self::connect_to(collector).map_err(|error| {
            io::Error::new(error.kind(), format!("cannot reach the collector {collector}: {error}"))
        })
    }

    /// Opens a socket towards `collector`, given as `host:port`, `address:port` or `[IPv6 address]:port`.
    ///
    /// A name may have several addresses, of both versions; the first that this host has a route to is taken.
    ///
    /// # Errors
    ///
    /// The text is no address and no name that resolves, or this host has a route to none of its addresses.
    pub fn resolve(collector: &str) -> io::Result<Self> {
        let addresses = collector.to_socket_addrs().map_err(|error| {
            let text = format!(
                "cannot resolve the collector {collector}: {error}; check the name or give its address"
            );
            io::Error::new(error.kind(), text)
        })?;
        let mut failures = String::new();
        let mut kind = ErrorKind::AddrNotAvailable;
        for address in addresses {
            match Self::connect_to(address) {
                Ok(output) => return Ok(output),
                Err(error) => {
                    kind = error.kind();
                    failures = format!("{failures}; {address}: {error}");
                }
            }
        }
        if failures.is_empty() {
            failures.push_str("; it has no address");
        }
        Err(io::Error::new(kind, format!("cannot reach the collector {collector}{failures}")))
    }

    /// The address that messages go to.
    pub const fn collector(&self) -> SocketAddr {
        self.collector
    }

    /// The address that messages come from. A new port is a new transport session (RFC 7011 section 2).
    ///
    /// # Errors
    ///
    /// The operating system does not tell.
    pub fn local_address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    fn connect_to(collector: SocketAddr) -> io::Result<Self> {
        let any = match collector {
            SocketAddr::V4(_) => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
            SocketAddr::V6(_) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
        };
        let socket = UdpSocket::bind(any)?;
        socket.connect(collector)?;
        path::discover(&socket, collector);
        let path_octets = path::octets(&socket, collector);
        Ok(Self { socket, collector, refused: 0, too_long: 0, path_octets, notices: VecDeque::new() })
    }

    /// Notes that a router has dropped a datagram since it was too long.
    #[cold]
    fn note_too_long(&mut self) {
        self.too_long += 1;
        self.path_octets = path::octets(&self.socket, self.collector);
        if let Some(octets) = self.path_octets
            && self.notices.len() < MOST_NOTICES
        {
            self.notices.push_back(Notice::PathTooNarrow { octets });
        }
    }

    fn explain(&self, error: &io::Error, octets: usize) -> io::Error {
        let collector = self.collector;
        if is_too_long(error) {
            let text = format!(
                "a message of {octets} octets is too large for the path to {collector}: lower the maximum message size"
            );
            return io::Error::new(ErrorKind::InvalidInput, text);
        }
        io::Error::new(error.kind(), format!("cannot send to {collector}: {error}"))
    }
}

impl Output for UdpOutput {
    fn send(&mut self, message: &[u8]) -> io::Result<()> {
        let mut attempts = 0;
        loop {
            let Err(error) = self.socket.send(message) else {
                self.path_octets = path::octets(&self.socket, self.collector);
                return Ok(());
            };
            attempts += 1;
            match error.kind() {
                // The refusal of an earlier datagram, told in place of sending this one: so this one goes again.
                ErrorKind::ConnectionRefused if attempts < MAX_ATTEMPTS => self.refused += 1,
                ErrorKind::Interrupted if attempts < MAX_ATTEMPTS => {}
                // Likewise: the system takes it in fragments, unless no datagram could hold it.
                _ if is_too_long(&error) && attempts < MAX_ATTEMPTS && message.len() <= LARGEST_DATAGRAM => {
                    self.note_too_long();
                }
                _ => return Err(self.explain(&error, message.len())),
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        // The refusal of the last datagram, which no other will be told.
        match self.socket.take_error()? {
            Some(error) if error.kind() == ErrorKind::ConnectionRefused => self.refused += 1,
            Some(error) if is_too_long(&error) => self.note_too_long(),
            Some(error) => return Err(self.explain(&error, 0)),
            None => {}
        }
        Ok(())
    }

    fn is_datagram(&self) -> bool {
        true
    }

    fn refused(&self) -> u64 {
        self.refused
    }

    fn path_octets(&self) -> Option<u16> {
        self.path_octets
    }

    fn too_long(&self) -> u64 {
        self.too_long
    }

    fn take_notices(&mut self) -> Vec<Notice> {
        self.notices.drain(..).collect()
    }
}

fn is_too_long(error: &io::Error) -> bool {
    error.raw_os_error() == Some(MESSAGE_TOO_LONG)
}

/// Each refusal is told once, so that a second attempt nearly always sends; more would wait for a flood to end.
const MAX_ATTEMPTS: u32 = 4;
/// What an IPv4 packet of 65535 octets has room for.
const LARGEST_DATAGRAM: usize = 65_507;
const MOST_NOTICES: usize = 64;

/// EMSGSIZE, which the standard library has no kind for.
#[cfg(any(target_os = "linux", target_os = "android"))]
const MESSAGE_TOO_LONG: i32 = 90;
/// EMSGSIZE, which the standard library has no kind for.
#[cfg(windows)]
const MESSAGE_TOO_LONG: i32 = 10_040;
/// EMSGSIZE, which the standard library has no kind for.
#[cfg(not(any(target_os = "linux", target_os = "android", windows)))]
const MESSAGE_TOO_LONG: i32 = 40;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_address_is_named() {
        let error = UdpOutput::resolve("127.0.0.1:none").unwrap_err().to_string();
        assert!(error.contains("cannot resolve the collector 127.0.0.1:none"), "{error}");
        let error = UdpOutput::resolve("192.0.2.1").unwrap_err().to_string();
        assert!(error.contains("check the name"), "{error}");
    }

    #[test]
    fn a_datagram_beyond_udp_is_explained() {
        let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
        let mut output = UdpOutput::connect(receiver.local_addr().unwrap()).unwrap();
        let error = output.send(&vec![0; 65_535]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains("lower the maximum message size"), "{error}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_loopback_interface_carries_what_a_packet_can_hold() {
        for (loopback, octets) in [("127.0.0.1:9", 65_507), ("[::1]:9", 65_488)] {
            let output = UdpOutput::connect(loopback.parse().unwrap()).unwrap();
            assert_eq!(output.path_octets(), Some(octets));
        }
    }

    #[test]
    fn both_versions_of_ip_are_spoken() {
        for loopback in ["127.0.0.1:0", "[::1]:0"] {
            let receiver = UdpSocket::bind(loopback).unwrap();
            let mut output = UdpOutput::connect(receiver.local_addr().unwrap()).unwrap();
            output.send(b"message").unwrap();
            let mut octets = [0; 16];
            assert_eq!(receiver.recv(&mut octets).unwrap(), 7);
            assert_eq!(output.local_address().unwrap().is_ipv4(), loopback.starts_with("127"));
        }
    }
}
