//! What a path carries in one piece, as far as the system has found out (RFC 1191, RFC 8201).

use std::net::{SocketAddr, UdpSocket};

/// Has the system find out what the path of a connected socket carries: it forbids routers to make fragments, and makes them itself where a
/// datagram is larger than what it knows. That is its habit, unless somebody has changed it.
pub(super) fn discover(socket: &UdpSocket, collector: SocketAddr) {
    #[cfg(target_os = "linux")]
    {
        use nix::sys::socket::setsockopt;
        // If it refuses, fragments arrive as well as they did before.
        match collector {
            SocketAddr::V4(_) => setsockopt(socket, linux::IpMtuDiscover, &libc::IP_PMTUDISC_WANT).ok(),
            SocketAddr::V6(_) => setsockopt(socket, linux::Ipv6MtuDiscover, &libc::IPV6_PMTUDISC_WANT).ok(),
        };
    }
    #[cfg(not(target_os = "linux"))]
    let _ = (socket, collector);
}

/// Octets of the largest message; `None` where the system does not tell.
pub(super) fn octets(socket: &UdpSocket, collector: SocketAddr) -> Option<u16> {
    #[cfg(target_os = "linux")]
    {
        use nix::sys::socket::{getsockopt, sockopt::IpMtu};
        let (mtu, headers) = match collector {
            SocketAddr::V4(_) => (getsockopt(socket, IpMtu).ok()?, IPV4_HEADER + UDP_HEADER),
            SocketAddr::V6(_) => (getsockopt(socket, linux::Ipv6Mtu).ok()?, IPV6_HEADER + UDP_HEADER),
        };
        u16::try_from((mtu - headers).clamp(0, u16::MAX.into())).ok()
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = (socket, collector);
        None
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use nix::{getsockopt_impl, setsockopt_impl, sockopt_impl};

    sockopt_impl!(
        /// Whether fragments may be made, over IPv4.
        IpMtuDiscover,
        SetOnly,
        libc::IPPROTO_IP,
        libc::IP_MTU_DISCOVER,
        libc::c_int
    );
    sockopt_impl!(
        /// Whether fragments may be made, over IPv6.
        Ipv6MtuDiscover,
        SetOnly,
        libc::IPPROTO_IPV6,
        libc::IPV6_MTU_DISCOVER,
        libc::c_int
    );
    sockopt_impl!(
        /// What the path carries, over IPv6.
        Ipv6Mtu,
        GetOnly,
        libc::IPPROTO_IPV6,
        libc::IPV6_MTU,
        libc::c_int
    );
}

#[cfg(target_os = "linux")]
const IPV4_HEADER: i32 = 20;
#[cfg(target_os = "linux")]
const IPV6_HEADER: i32 = 40;
#[cfg(target_os = "linux")]
const UDP_HEADER: i32 = 8;
