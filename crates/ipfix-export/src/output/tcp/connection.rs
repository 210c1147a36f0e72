use std::{
    io::{self, ErrorKind, Read as _, Write as _},
    net::{Shutdown, TcpStream},
    time::Duration,
};

use super::acknowledged::{self, Standing};

/// A connection to a collector, in the clear or inside TLS, that never waits.
pub(super) struct Connection {
    socket: TcpStream,
    #[cfg(feature = "tls")]
    tls: Option<Box<rustls::ClientConnection>>,
    /// What the socket has not taken yet, from `pending_start` on.
    pending: Vec<u8>,
    pending_start: usize,
    /// Octets that the socket has taken.
    sent: u64,
    /// What the system counts as acknowledged of a connection over which nothing has gone.
    acknowledged_before: u64,
    /// The last that was known of it.
    acknowledged: u64,
    /// Whether the other side has said anything since TLS was agreed upon.
    #[cfg(feature = "tls")]
    has_heard: bool,
}

impl Connection {
    /// Takes over a socket that is connected and over which nothing has gone yet.
    pub(super) fn new(socket: TcpStream) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        // Messages are large, and what is flushed is to arrive.
        socket.set_nodelay(true)?;
        acknowledged::keep_alive(&socket)?;
        let acknowledged_before =
            acknowledged::standing(&socket)?.map_or(0, |standing| standing.acknowledged);
        Ok(Self {
            socket,
            #[cfg(feature = "tls")]
            tls: None,
            pending: Vec::new(),
            pending_start: 0,
            sent: 0,
            acknowledged_before,
            acknowledged: 0,
            #[cfg(feature = "tls")]
            has_heard: false,
        })
    }

    /// Takes a message on its way. Returns where it ends among all octets of this connection.
    #[cfg_attr(not(feature = "tls"), expect(clippy::unnecessary_wraps, reason = "TLS may fail"))]
    pub(super) fn put(&mut self, message: &[u8]) -> io::Result<u64> {
        #[cfg(feature = "tls")]
        if let Some(tls) = &mut self.tls {
            tls.writer().write_all(message)?;
            self.take_from_tls()?;
            return Ok(self.end());
        }
        self.pending.extend_from_slice(message);
        Ok(self.end())
    }

    /// Gives the socket what it takes now.
    pub(super) fn push(&mut self) -> io::Result<()> {
        while let Some(rest) = self.pending.get(self.pending_start..).filter(|rest| !rest.is_empty()) {
            match self.socket.write(rest) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(octets) => {
                    self.pending_start += octets;
                    self.sent += u64::try_from(octets).unwrap_or(u64::MAX);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        self.pending.clear();
        self.pending_start = 0;
        Ok(())
    }

    /// Octets that wait for the socket.
    pub(super) fn waiting(&self) -> usize {
        self.pending.len() - self.pending_start
    }

    /// Hears what the other side says, which is of no interest but for its end.
    ///
    /// # Errors
    ///
    /// It has closed the connection, or broken it off, or said what makes no sense.
    pub(super) fn listen(&mut self) -> io::Result<()> {
        #[cfg(feature = "tls")]
        if self.tls.is_some() {
            return self.listen_to_tls();
        }
        let mut scratch = [0; 4_096];
        loop {
            match self.socket.read(&mut scratch) {
                Ok(0) => return Err(closed()),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }

    /// Up to where the other host's system has confirmed what was sent; where the system does not tell, up to where it was sent.
    ///
    /// # Errors
    ///
    /// The other host has not answered for so long that it must be gone.
    pub(super) fn acknowledged(&mut self) -> io::Result<u64> {
        let Some(Standing { acknowledged, unanswered, wait, .. }) = acknowledged::standing(&self.socket)?
        else {
            return Ok(self.sent);
        };
        let acknowledged = acknowledged.saturating_sub(self.acknowledged_before).min(self.sent);
        self.acknowledged = self.acknowledged.max(acknowledged);
        if unanswered > MOST_UNANSWERED || unanswered > 1 && wait >= LONGEST_WAIT {
            return Err(io::Error::new(ErrorKind::TimedOut, "it does not answer any more"));
        }
        Ok(self.acknowledged)
    }

    /// Whether something that was sent may still be confirmed.
    pub(super) fn is_open(&self) -> bool {
        acknowledged::standing(&self.socket)
            .is_ok_and(|standing| standing.is_some_and(|standing| standing.is_open))
    }

    /// Breaks the connection off: what the system has not sent is not to be sent any more.
    pub(super) fn break_off(self) {
        acknowledged::forget_unsent(&self.socket);
    }

    /// What [`acknowledged`](Self::acknowledged) is, or was when it could be asked last.
    pub(super) fn last_acknowledged(&mut self) -> u64 {
        self.acknowledged().unwrap_or(self.acknowledged)
    }

    /// Waits until the socket takes what waits for it, or the other side says something, or for `time` at most.
    pub(super) fn wait(&self, time: Duration) {
        #[cfg(target_os = "linux")]
        {
            use std::os::fd::AsFd as _;

            use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
            let time = PollTimeout::try_from(time).unwrap_or(PollTimeout::ZERO);
            let mut flags = PollFlags::POLLIN;
            flags.set(PollFlags::POLLOUT, self.waiting() > 0);
            // What it says is found out by trying.
            poll(&mut [PollFd::new(self.socket.as_fd(), flags)], time).ok();
        }
        #[cfg(not(target_os = "linux"))]
        std::thread::sleep(time.min(Duration::from_millis(10)));
    }

    /// Says that nothing more will come. All that was put has to be pushed before.
    pub(super) fn end_of_messages(&mut self) -> io::Result<()> {
        #[cfg(feature = "tls")]
        if let Some(tls) = &mut self.tls {
            tls.send_close_notify();
            self.take_from_tls()?;
            self.push()?;
        }
        self.socket.shutdown(Shutdown::Write)
    }

    fn end(&self) -> u64 {
        self.sent + u64::try_from(self.waiting()).unwrap_or(u64::MAX)
    }
}

#[cfg(feature = "tls")]
impl Connection {
    /// Agrees upon TLS. Octets that are put from now on go inside it.
    pub(super) fn agree(&mut self, tls: rustls::ClientConnection) -> io::Result<()> {
        self.tls = Some(Box::new(tls));
        self.converse_while(HANDSHAKE_MOMENTS, |tls, _| tls.is_handshaking())?;
        if self.tls.as_ref().is_some_and(|tls| tls.is_handshaking()) {
            return Err(io::Error::new(ErrorKind::TimedOut, "it does not answer in TLS"));
        }
        // A server of TLS 1.3 looks at our certificate only when our part of the handshake is over. Until it has said something, what
        // we send may never be looked at, although its system confirms it. Nearly all say something.
        self.has_heard = false;
        self.converse_while(JUDGEMENT_MOMENTS, |tls, has_heard| {
            !has_heard && tls.protocol_version() == Some(rustls::ProtocolVersion::TLSv1_3)
        })?;
        self.push()
    }

    fn converse_while(
        &mut self,
        moments: u32,
        is_so: impl Fn(&rustls::ClientConnection, bool) -> bool,
    ) -> io::Result<()> {
        for _ in 0..moments {
            if !self.tls.as_ref().is_some_and(|tls| is_so(tls, self.has_heard)) {
                return Ok(());
            }
            self.take_from_tls()?;
            self.push()?;
            self.wait(MOMENT);
            self.listen()?;
        }
        Ok(())
    }

    fn take_from_tls(&mut self) -> io::Result<()> {
        if let Some(tls) = &mut self.tls {
            while tls.wants_write() {
                tls.write_tls(&mut self.pending)?;
            }
        }
        Ok(())
    }

    fn listen_to_tls(&mut self) -> io::Result<()> {
        let Some(tls) = &mut self.tls else { return Ok(()) };
        let mut scratch = [0; 4_096];
        loop {
            match tls.read_tls(&mut self.socket) {
                Ok(0) => return Err(closed()),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
            self.has_heard = true;
            let state = match tls.process_new_packets() {
                Ok(state) => state,
                Err(error) => {
                    // What the other side is told about it.
                    self.take_from_tls()?;
                    self.push().ok();
                    return Err(super::tls::explain(&error));
                }
            };
            if state.peer_has_closed() {
                return Err(closed());
            }
            while tls.reader().read(&mut scratch).is_ok_and(|octets| octets > 0) {}
        }
        self.take_from_tls()
    }
}

fn closed() -> io::Error {
    io::Error::new(ErrorKind::ConnectionAborted, "it has closed the connection")
}

/// How long the system may wait for one answer. The waits before it add up to as much, and the next would be twice as long: so a host that
/// has gone is given up 25 to 50 seconds after it should have answered first, however far away it is.
const LONGEST_WAIT: Duration = Duration::from_secs(25);
/// Where the system was told to keep its waits shorter than that.
const MOST_UNANSWERED: u8 = 12;
#[cfg(feature = "tls")]
const MOMENT: Duration = Duration::from_millis(50);
/// Ten seconds at least.
#[cfg(feature = "tls")]
const HANDSHAKE_MOMENTS: u32 = 200;
/// A second.
#[cfg(feature = "tls")]
const JUDGEMENT_MOMENTS: u32 = 20;
