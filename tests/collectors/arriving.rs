//! Collectors that listen for datagrams.

use std::{
    fs,
    net::UdpSocket,
    process::{Child, Command},
    thread,
    time::Duration,
};

/// A collector that runs. It is ended when this goes.
pub(super) struct Listening {
    child: Child,
    pub(super) port: u16,
}

impl Listening {
    /// Starts `command`, which is to listen on `port` of the loopback address, and waits until it does.
    pub(super) fn start(command: &mut Command, port: u16) -> Self {
        let child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let mut listening = Self { child, port };
        for _ in 0..PATIENCE {
            if socket(port).is_some() {
                return listening;
            }
            if let Some(status) = listening.child.try_wait().unwrap() {
                panic!("{command:?} has ended: {status}");
            }
            thread::sleep(A_MOMENT);
        }
        panic!("{command:?} does not listen on port {port}");
    }

    /// Where a probe sends to.
    pub(super) fn url(&self) -> String {
        format!("udp://127.0.0.1:{}", self.port)
    }

    /// Waits until it has taken all that has arrived, of which nothing was dropped.
    pub(super) fn wait_until_taken(&self) {
        for _ in 0..PATIENCE {
            let Some(Socket { waiting, dropped }) = socket(self.port) else {
                panic!("nobody listens on port {} any more", self.port);
            };
            assert_eq!(dropped, 0, "the collector was too slow");
            if waiting == 0 {
                return;
            }
            thread::sleep(A_MOMENT);
        }
        panic!("the collector does not take what has arrived");
    }

    /// Asks it to end with `signal`, and waits until it has.
    pub(super) fn end(mut self, signal: &str) {
        let asked = Command::new("kill").args(["-s", signal]).arg(self.child.id().to_string()).status();
        assert!(asked.unwrap().success());
        for _ in 0..PATIENCE {
            if self.child.try_wait().unwrap().is_some() {
                return;
            }
            thread::sleep(A_MOMENT);
        }
        panic!("the collector does not end");
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        // It may have ended.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// A UDP port that nobody uses now.
pub(super) fn free_port() -> u16 {
    UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Waits until `is_so`, or until it is clear that it will not be: then what follows fails.
pub(super) fn wait_until(is_so: impl Fn() -> bool) {
    for _ in 0..PATIENCE {
        if is_so() {
            return;
        }
        thread::sleep(A_MOMENT);
    }
}

/// What the system says of a socket.
struct Socket {
    /// Octets that have arrived and were not taken.
    waiting: u64,
    /// Datagrams for which there was no room.
    dropped: u64,
}

/// The socket that is bound to `port`, by proc(5): local address in the second column, queues in the fifth, drops in the last.
fn socket(port: u16) -> Option<Socket> {
    let sockets = fs::read_to_string("/proc/net/udp").unwrap();
    let suffix = format!(":{port:04X}");
    let columns = sockets.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let columns =
        columns.into_iter().find(|columns| columns.get(1).is_some_and(|at| at.ends_with(&suffix)))?;
    let (_, waiting) = columns.get(4)?.split_once(':')?;
    Some(Socket { waiting: u64::from_str_radix(waiting, 16).ok()?, dropped: columns.last()?.parse().ok()? })
}

const A_MOMENT: Duration = Duration::from_millis(20);
/// Moments to wait for a collector: long, for machines that are busy.
const PATIENCE: usize = 1_500;
