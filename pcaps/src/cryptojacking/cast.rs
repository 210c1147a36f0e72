//! Who plays in the story, where they are and what they are called.

use std::net::{IpAddr, Ipv4Addr};

use crate::host::{Host, Stack, TEST_NET_1, TEST_NET_2, TEST_NET_3, ipv4, ipv6};

/// The hosts of the story. The site is `192.0.2.0/24` and `2001:db8:2::/64`; the probe stands at its only switch.
#[derive(Clone, Debug)]
pub struct Cast {
    /// The site's web server, which can be reached by remote desktop: the victim.
    pub victim: Host,
    /// The same host by its IPv6 address.
    pub victim_v6: Host,
    /// The site's resolver.
    pub resolver: Host,
    /// The site's resolver by its IPv6 address.
    pub resolver_v6: Host,
    /// The administrator's workstation.
    pub administrator: Host,
    /// Somebody else's workstation.
    pub workstation: Host,
    /// The same host by its IPv6 address.
    pub workstation_v6: Host,
    /// What watches over the site.
    pub monitor: Host,
    /// The router's own address.
    pub router: Host,
    /// A web server outside.
    pub outside_web: Host,
    /// The same server by its IPv6 address.
    pub outside_web_v6: Host,
    /// A time server outside.
    pub time_server: Host,
    /// Who scans the whole Internet for remote desktops.
    pub scanner: Host,
    /// Who guesses passwords, and uses the one that is right.
    pub attacker: Host,
    /// From where the miner is fetched.
    pub delivery: Host,
    /// The mining pool.
    pub pool: Host,
}

impl Cast {
    /// The cast of `cryptojacking.pcap`.
    pub fn new() -> Self {
        let here = |last, stack| Host::here(ipv4(TEST_NET_1, last), stack);
        let beyond = |last, hops| Host::beyond(ipv4(TEST_NET_2, last), Stack::Linux, hops);
        let mut router = here(1, Stack::Linux);
        router.mac = beyond(1, 0).mac;
        // A host has one hardware address, whatever its other addresses are.
        let also_v6 = |host: Host, last| Host { address: ipv6(SITE_SUBNET, last).into(), ..host };
        let (victim, resolver) = (here(10, Stack::Windows), here(53, Stack::Linux));
        let workstation = here(30, Stack::Linux);
        Self {
            victim,
            victim_v6: also_v6(victim, 0x10),
            resolver,
            resolver_v6: also_v6(resolver, 0x53),
            administrator: here(20, Stack::Windows),
            workstation,
            workstation_v6: also_v6(workstation, 0x30),
            monitor: here(40, Stack::Linux),
            router,
            outside_web: beyond(80, 9),
            outside_web_v6: Host::beyond(ipv6(OUTSIDE_SUBNET, 0x80), Stack::Linux, 9),
            time_server: beyond(123, 6),
            scanner: beyond(5, 17),
            attacker: beyond(7, 13),
            delivery: beyond(66, 11),
            pool: beyond(99, 8),
        }
    }

    /// Somebody who visits the site from outside, of a few dozen.
    pub fn visitor(number: u8) -> Host {
        Host::beyond(ipv4(TEST_NET_2, 20 + number % VISITORS), Stack::Linux, 7 + number % 9)
    }

    /// The same, over IPv6.
    pub fn visitor_v6(number: u8) -> Host {
        let address: IpAddr = ipv6(OUTSIDE_SUBNET, 0x100 + u16::from(number % VISITORS)).into();
        Host::beyond(address, Stack::Linux, 7 + number % 9)
    }

    /// Addresses that nobody else in the story has.
    pub fn spoofed() -> Vec<Ipv4Addr> {
        let second = (128..255).map(|last| ipv4(TEST_NET_2, last));
        let third = (1..255).map(|last| ipv4(TEST_NET_3, last));
        second.chain(third).collect()
    }
}

impl Default for Cast {
    fn default() -> Self {
        Self::new()
    }
}

/// The name of the victim's site.
pub const SITE_NAME: &str = "www.example.org";
/// The name of the victim as a Windows host.
pub const VICTIM_NAME: &str = "WIN-3F7K2QH9P1D";
/// The name of the web server outside.
pub const OUTSIDE_NAME: &str = "news.example.com";
/// The name of the host from which the miner is fetched.
pub const DELIVERY_NAME: &str = "cdn.update.example";
/// The name of the pool.
pub const POOL_NAME: &str = "xmr.pool.example";
/// The port of the pool.
pub const POOL_PORT: u16 = 3333;

const SITE_SUBNET: u16 = 2;
const OUTSIDE_SUBNET: u16 = 0x51;
/// Less than 46, which keeps their addresses clear of the rest of the cast.
const VISITORS: u8 = 40;
