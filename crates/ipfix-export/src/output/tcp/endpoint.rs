use std::{
    io::{self, ErrorKind},
    net::{SocketAddr, TcpStream, ToSocketAddrs as _},
    time::Duration,
};

use super::connection::Connection;
#[cfg(feature = "tls")]
use super::tls::{Tls, TlsSettings};

/// Where a collector is, and how it is spoken to.
#[derive(Clone, Debug)]
pub(super) struct Endpoint {
    /// As it was given, with a port.
    collector: String,
    /// The last that its name stood for.
    addresses: Vec<SocketAddr>,
    #[cfg(feature = "tls")]
    tls: Option<Tls>,
}

impl Endpoint {
    pub(super) fn resolve(
        collector: &str,
        #[cfg(feature = "tls")] tls: Option<&TlsSettings>,
    ) -> io::Result<Self> {
        let addresses: Vec<_> = collector
            .to_socket_addrs()
            .map_err(|error| {
                let text = format!(
                    "cannot resolve the collector {collector}: {error}; check the name or give its address"
                );
                io::Error::new(error.kind(), text)
            })?
            .collect();
        if addresses.is_empty() {
            let text = format!("cannot reach the collector {collector}: it has no address");
            return Err(io::Error::new(ErrorKind::AddrNotAvailable, text));
        }
        Ok(Self {
            collector: collector.to_owned(),
            addresses,
            #[cfg(feature = "tls")]
            tls: tls.map(|tls| tls.read(host(collector))).transpose()?,
        })
    }

    /// As it was given.
    pub(super) fn collector(&self) -> &str {
        &self.collector
    }

    /// Opens a connection to the first of its addresses that takes one. Takes some seconds for each at most.
    pub(super) fn connect(&mut self) -> io::Result<Connection> {
        // It may have moved. Who has given up reading files can no longer look names up, and goes by what they stood for.
        if let Ok(found) = self.collector.to_socket_addrs() {
            let found: Vec<_> = found.collect();
            if !found.is_empty() {
                self.addresses = found;
            }
        }
        let mut failure = io::Error::from(ErrorKind::AddrNotAvailable);
        for address in &self.addresses {
            match TcpStream::connect_timeout(address, CONNECT_TIMEOUT) {
                Ok(socket) => return self.agree(Connection::new(socket)?),
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    #[cfg(feature = "tls")]
    fn agree(&self, mut connection: Connection) -> io::Result<Connection> {
        if let Some(tls) = &self.tls {
            connection.agree(tls.begin()?)?;
        }
        Ok(connection)
    }

    #[cfg(not(feature = "tls"))]
    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "with TLS there is more to it")]
    fn agree(&self, connection: Connection) -> io::Result<Connection> {
        Ok(connection)
    }
}

/// What stands before the port, without the brackets of an IPv6 address.
#[cfg(feature = "tls")]
fn host(collector: &str) -> &str {
    let host = collector.rsplit_once(':').map_or(collector, |(host, _)| host);
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
