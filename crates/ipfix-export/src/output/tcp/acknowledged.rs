//! What the system knows of a connection: how much of what was sent has arrived.

use std::{io, net::TcpStream, time::Duration};

/// How far a connection has come.
#[derive(Clone, Copy, Debug)]
pub(super) struct Standing {
    /// Octets that the other host's system has confirmed.
    pub(super) acknowledged: u64,
    /// How often what was not confirmed was repeated, or the other side asked for a sign of life, without any answer since.
    pub(super) unanswered: u8,
    /// How long the system waits for the answer that it waits for now. It doubles with each time that there is none (RFC 6298 section 5.5),
    /// so that it has waited for about as long already.
    pub(super) wait: Duration,
    /// Whether something may still be confirmed.
    pub(super) is_open: bool,
}

/// The state of `socket`; `None` where the system does not tell.
///
/// # Errors
///
/// The socket is not one of TCP.
#[cfg(target_os = "linux")]
pub(super) fn standing(socket: &TcpStream) -> io::Result<Option<Standing>> {
    let info = nix::sys::socket::getsockopt(socket, linux::TcpInfo)?;
    let [state, _, retransmits, probes, backoff, ..] = info;
    let wait_us =
        info.get(linux::RTO..).and_then(<[u8]>::first_chunk).map_or(0, |us| u32::from_ne_bytes(*us));
    // Between probes the system doubles the wait, but does not say so.
    let doublings = if retransmits > 0 { 0 } else { backoff.min(linux::MOST_DOUBLINGS) };
    let acknowledged = info.last_chunk().map_or(0, |octets| u64::from_ne_bytes(*octets));
    Ok(Some(Standing {
        acknowledged,
        unanswered: retransmits.max(probes),
        wait: Duration::from_micros(u64::from(wait_us) << doublings),
        is_open: state != linux::TCP_CLOSE,
    }))
}

/// The state of `socket`; `None` where the system does not tell.
#[cfg(not(target_os = "linux"))]
pub(super) fn standing(_socket: &TcpStream) -> io::Result<Option<Standing>> {
    Ok(None)
}

/// Has the system find out that the other host is gone though nothing is to be sent.
pub(super) fn keep_alive(socket: &TcpStream) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        use nix::sys::socket::{setsockopt, sockopt};
        setsockopt(socket, sockopt::KeepAlive, &true)?;
        setsockopt(socket, sockopt::TcpKeepIdle, &30)?;
        setsockopt(socket, sockopt::TcpKeepInterval, &10)?;
        setsockopt(socket, sockopt::TcpKeepCount, &3)?;
    }
    #[cfg(not(target_os = "linux"))]
    let _ = socket;
    Ok(())
}

/// Has the system forget, when `socket` is closed, what it has not sent of it. Otherwise it might arrive though it is sent again elsewhere.
pub(super) fn forget_unsent(socket: &TcpStream) {
    #[cfg(target_os = "linux")]
    {
        use nix::sys::socket::{setsockopt, sockopt};
        // If it fails, the connection is gone already.
        setsockopt(socket, sockopt::Linger, &libc::linger { l_onoff: 1, l_linger: 0 }).ok();
    }
    #[cfg(not(target_os = "linux"))]
    let _ = socket;
}

#[cfg(target_os = "linux")]
mod linux {
    use nix::{getsockopt_impl, sockopt_impl};

    /// `tcpi_state` of a connection that is over.
    pub(super) const TCP_CLOSE: u8 = 7;
    /// Where `tcpi_rto` is, in microseconds.
    pub(super) const RTO: usize = 8;
    /// From 0.2 seconds to the two minutes that are the most.
    pub(super) const MOST_DOUBLINGS: u8 = 10;

    sockopt_impl!(
        /// `struct tcp_info` up to `tcpi_bytes_acked`, which Linux has since version 4.1.
        TcpInfo,
        GetOnly,
        libc::IPPROTO_TCP,
        libc::TCP_INFO,
        [u8; 128]
    );
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::{
        io::{Read as _, Write as _},
        net::TcpListener,
        thread,
    };

    use super::*;

    #[test]
    fn what_has_arrived_is_known_after_a_reset_too() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut sender = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut receiver, _) = listener.accept().unwrap();
        let start = standing(&sender).unwrap().unwrap().acknowledged;
        sender.write_all(&[7; 1_000]).unwrap();
        receiver.read_exact(&mut [0; 999]).unwrap();
        // An acknowledgement may take a moment.
        thread::sleep(Duration::from_millis(100));
        assert_eq!(standing(&sender).unwrap().unwrap().acknowledged - start, 1_000);
        // One octet is not read: the system resets the connection.
        drop(receiver);
        assert!(sender.write_all(&[7; 10]).is_err());
        let standing = standing(&sender).unwrap().unwrap();
        assert_eq!((standing.acknowledged - start, standing.is_open), (1_000, false));
    }
}
