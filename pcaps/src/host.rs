//! Who talks, and how far they are from the probe.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    time::Duration,
};

/// The family of a host's TCP/IP implementation: it decides options, windows and hop limits.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Stack {
    /// Linux, 4.x and later.
    Linux,
    /// Windows 10, Windows Server 2016 and later.
    Windows,
}

/// A host as the probe sees it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Host {
    /// Its hardware address, or that of the router it is behind.
    pub mac: [u8; 6],
    /// Its address.
    pub address: IpAddr,
    /// The implementation it runs.
    pub stack: Stack,
    /// Routers between it and the probe.
    pub hops: u8,
}

impl Host {
    /// A host on the probe's own segment. Its hardware address follows from the last octet of its address.
    pub fn here(address: impl Into<IpAddr>, stack: Stack) -> Self {
        let address = address.into();
        let number = match address {
            IpAddr::V4(address) => address.octets()[3],
            IpAddr::V6(address) => address.octets()[15],
        };
        Self { mac: [0x02, 0x00, 0x5e, 0x00, 0x10, number], address, stack, hops: 0 }
    }

    /// A host behind the router, `hops` routers away.
    pub fn beyond(address: impl Into<IpAddr>, stack: Stack, hops: u8) -> Self {
        Self { mac: ROUTER_MAC, address: address.into(), stack, hops }
    }

    /// A port of this host.
    pub fn port(self, port: u16) -> Endpoint {
        Endpoint { host: self, port }
    }

    /// The hop limit (time to live) with which its packets pass the probe.
    pub fn hop_limit(&self) -> u8 {
        let initial: u8 = match self.stack {
            Stack::Linux => 64,
            Stack::Windows => 128,
        };
        initial.saturating_sub(self.hops)
    }
}

/// A port of a host.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Endpoint {
    /// The host.
    pub host: Host,
    /// The port.
    pub port: u16,
}

/// Where the probe stands between a client and a server.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Path {
    /// From the probe to the client and back.
    pub client_round_trip: Duration,
    /// From the probe to the server and back.
    pub server_round_trip: Duration,
    /// The VLAN identifier that the frames carry, if any.
    pub vlan: Option<u16>,
}

impl Path {
    /// The client is near the probe and the server is `milliseconds` away.
    pub fn to_server_afar(milliseconds: u64) -> Self {
        Self { client_round_trip: NEAR, server_round_trip: Duration::from_millis(milliseconds), vlan: None }
    }

    /// The server is near the probe and the client is `milliseconds` away.
    pub fn to_client_afar(milliseconds: u64) -> Self {
        Self { client_round_trip: Duration::from_millis(milliseconds), server_round_trip: NEAR, vlan: None }
    }

    /// Both are near the probe.
    pub fn near() -> Self {
        Self { client_round_trip: NEAR, server_round_trip: NEAR, vlan: None }
    }

    /// The same path, on a VLAN.
    #[must_use]
    pub fn tagged(self, vlan: u16) -> Self {
        Self { vlan: Some(vlan), ..self }
    }

    /// From the client to the server and back.
    pub fn round_trip(&self) -> Duration {
        self.client_round_trip + self.server_round_trip
    }
}

/// An IPv4 address from its last octet, in one of the documentation networks (RFC 5737).
pub fn ipv4(network: [u8; 3], last: u8) -> Ipv4Addr {
    let [a, b, c] = network;
    Ipv4Addr::new(a, b, c, last)
}

/// An IPv6 address in the documentation network `2001:db8::/32` (RFC 3849), from its subnet and its last group.
pub fn ipv6(subnet: u16, last: u16) -> Ipv6Addr {
    Ipv6Addr::new(0x2001, 0xdb8, subnet, 0, 0, 0, 0, last)
}

/// TEST-NET-1.
pub const TEST_NET_1: [u8; 3] = [192, 0, 2];
/// TEST-NET-2.
pub const TEST_NET_2: [u8; 3] = [198, 51, 100];
/// TEST-NET-3.
pub const TEST_NET_3: [u8; 3] = [203, 0, 113];

/// Locally administered, like all hardware addresses here.
const ROUTER_MAC: [u8; 6] = [0x02, 0x00, 0x5e, 0x00, 0x00, 0x01];
/// A switch and a cable.
const NEAR: Duration = Duration::from_micros(280);
