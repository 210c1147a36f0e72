//! A TCP connection as a probe between its ends sees it: every octet acknowledged, every acknowledgement at its time.

use std::time::Duration;

use etherparse::{TcpHeader, TcpOptions};

use crate::{
    host::{Endpoint, Path, Stack},
    packet::{Ip, ethernet, length16, length32},
    recording::Recording,
};

/// One end of a conversation.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Side {
    /// The end that opened it.
    Client,
    /// The end that was asked.
    Server,
}

/// How a conversation ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Close {
    /// This side sends FIN first, and the other follows.
    Finish(Side),
    /// This side sends RST.
    Reset(Side),
    /// This side sends FIN, and the other answers with RST, as Windows does where data is left unread.
    FinishThenReset(Side),
}

/// A TCP connection. Its ends speak in turn; each speaks when what it answers to has reached it.
#[derive(Debug)]
pub struct Conversation<'r> {
    recording: &'r mut Recording,
    path: Path,
    client: Peer,
    server: Peer,
    uses_timestamps: bool,
    segment_size: usize,
    /// When the last data, or the end of the handshake, passed the probe.
    now: Duration,
    /// Whose packet that was.
    last: Side,
}

/// What one end knows.
#[derive(Debug)]
struct Peer {
    endpoint: Endpoint,
    next_sequence: u32,
    /// The next sequence number that it expects of the other.
    expected: u32,
    identification: u16,
    timestamp_offset: u32,
    /// The other's timestamp that it echoes.
    timestamp_seen: u32,
    /// Segments that it may send before the first of them is acknowledged.
    congestion_window: usize,
    /// Whether a segment of the other waits for its acknowledgement, and when that is sent at the latest.
    acknowledges_at: Option<Duration>,
}

/// The flags of a segment that are not always set.
#[derive(Clone, Copy, Default)]
struct Flags {
    synchronize: bool,
    finish: bool,
    reset: bool,
    push: bool,
    /// Clear only in a client's first segment.
    acknowledge: bool,
}

impl<'r> Conversation<'r> {
    /// The client opens a connection at `at`: three segments.
    pub fn open(recording: &'r mut Recording, path: Path, client: Endpoint, server: Endpoint, at: Duration) -> Self {
        let mut conversation = Self::new(recording, path, client, server, at);
        conversation.emit(Side::Client, at, Flags { synchronize: true, ..Flags::default() }, &[]);
        let answered = at + path.server_round_trip + KERNEL;
        let flags = Flags { synchronize: true, acknowledge: true, ..Flags::default() };
        conversation.emit(Side::Server, answered, flags, &[]);
        let completed = answered + path.client_round_trip + KERNEL;
        conversation.emit(Side::Client, completed, Flags { acknowledge: true, ..Flags::default() }, &[]);
        conversation.now = completed;
        conversation.last = Side::Client;
        conversation
    }

    /// The client tries to open a connection at `at`, and nothing listens there.
    pub fn refused(recording: &'r mut Recording, path: Path, client: Endpoint, server: Endpoint, at: Duration) {
        let mut conversation = Self::new(recording, path, client, server, at);
        conversation.emit(Side::Client, at, Flags { synchronize: true, ..Flags::default() }, &[]);
        // RFC 9293, section 3.10.7.1: a reset in answer to a SYN has the sequence number zero.
        conversation.server.next_sequence = 0;
        let flags = Flags { reset: true, acknowledge: true, ..Flags::default() };
        conversation.emit(Side::Server, at + path.server_round_trip + KERNEL, flags, &[]);
    }

    /// When the last data passed the probe.
    pub fn now(&self) -> Duration {
        self.now
    }

    /// The recording's source of random numbers.
    pub fn random(&mut self) -> &mut crate::random::Random {
        &mut self.recording.random
    }

    /// Nobody speaks for a while.
    pub fn pause(&mut self, time: Duration) {
        self.now += time;
    }

    /// Nobody speaks until `at`; nothing happens if that is over.
    pub fn pause_until(&mut self, at: Duration) {
        self.now = self.now.max(at);
    }

    /// The client writes `data`.
    pub fn client(&mut self, data: &[u8]) {
        self.send(Side::Client, data);
    }

    /// The server writes `data`.
    pub fn server(&mut self, data: &[u8]) {
        self.send(Side::Server, data);
    }

    /// One side writes `data`: as many segments as it takes, in bursts of the congestion window (RFC 5681).
    pub fn send(&mut self, side: Side, data: &[u8]) {
        let mut at = self.turn(side);
        self.settle(side, at);
        let mut burst_began = at;
        let mut left = self.peer(side).congestion_window;
        let segments: Vec<&[u8]> = data.chunks(self.segment_size).collect();
        let count = segments.len();
        for (number, segment) in (1..).zip(segments) {
            if left == 0 {
                let window = &mut self.peer(side).congestion_window;
                *window = (*window * 2).min(LARGEST_WINDOW_SEGMENTS);
                left = *window;
                at = at.max(burst_began + self.path.round_trip() + KERNEL);
                burst_began = at;
            }
            left -= 1;
            self.emit(side, at, Flags { acknowledge: true, push: number == count, ..Flags::default() }, segment);
            self.receive(side, at);
            self.now = at;
            at += SEGMENT_ON_THE_WIRE;
        }
        self.last = side;
    }

    /// Ends the connection.
    pub fn close(mut self, close: Close) {
        match close {
            Close::Finish(side) => {
                let answered = self.finish(side);
                let flags = Flags { finish: true, acknowledge: true, ..Flags::default() };
                self.emit(other(side), answered, flags, &[]);
                let acknowledged = answered + self.round_trip_to(side) + KERNEL;
                self.emit(side, acknowledged, Flags { acknowledge: true, ..Flags::default() }, &[]);
            }
            Close::FinishThenReset(side) => {
                let answered = self.finish(side);
                let flags = Flags { reset: true, acknowledge: true, ..Flags::default() };
                self.emit(other(side), answered, flags, &[]);
            }
            Close::Reset(side) => {
                let at = self.turn(side);
                self.settle(side, at);
                self.emit(side, at, Flags { reset: true, acknowledge: true, ..Flags::default() }, &[]);
            }
        }
    }

    /// Leaves the connection open. What is unacknowledged is acknowledged.
    pub fn leave(mut self) {
        for side in [Side::Client, Side::Server] {
            if let Some(due) = self.peer(side).acknowledges_at {
                self.acknowledge(side, due);
            }
        }
    }

    fn new(recording: &'r mut Recording, path: Path, client: Endpoint, server: Endpoint, at: Duration) -> Self {
        let mut peer = |endpoint: Endpoint| Peer {
            endpoint,
            next_sequence: u32::from_be_bytes(recording.random.array()),
            expected: 0,
            identification: u16::from_be_bytes(recording.random.array()),
            timestamp_offset: u32::from_be_bytes(recording.random.array()),
            timestamp_seen: 0,
            congestion_window: INITIAL_WINDOW_SEGMENTS,
            acknowledges_at: None,
        };
        let (client_peer, server_peer) = (peer(client), peer(server));
        let uses_timestamps = client.host.stack == Stack::Linux && server.host.stack == Stack::Linux;
        let segment_size = usize::from(largest_segment(client)) - if uses_timestamps { 12 } else { 0 };
        Self {
            recording,
            path,
            client: client_peer,
            server: server_peer,
            uses_timestamps,
            segment_size,
            now: at,
            last: Side::Server,
        }
    }

    /// The earliest time at which `side` can speak: when what was said last has reached it.
    fn turn(&self, side: Side) -> Duration {
        if side == self.last { self.now + SEGMENT_ON_THE_WIRE } else { self.now + self.round_trip_to(side) + PROGRAM }
    }

    /// Sends the FIN of `side`, and gives the time of the other's answer.
    fn finish(&mut self, side: Side) -> Duration {
        let at = self.turn(side);
        self.settle(side, at);
        self.emit(side, at, Flags { finish: true, acknowledge: true, ..Flags::default() }, &[]);
        at + self.round_trip_to(other(side)) + PROGRAM
    }

    /// Sends acknowledgements that fall due before `side` speaks at `at`; what `side` itself owes goes with its data.
    fn settle(&mut self, side: Side, at: Duration) {
        for owing in [side, other(side)] {
            match self.peer(owing).acknowledges_at {
                Some(due) if due < at => self.acknowledge(owing, due),
                _ if owing == side => self.peer(owing).acknowledges_at = None,
                _ => {}
            }
        }
    }

    /// The other side takes a segment that `side` sent at `at`, and acknowledges every second one at once (RFC 9293, section 3.8.6.3).
    fn receive(&mut self, side: Side, at: Duration) {
        let receiver = other(side);
        let arrived = at + self.round_trip_to(receiver) + KERNEL;
        if self.peer(receiver).acknowledges_at.take().is_some() {
            self.acknowledge(receiver, arrived);
        } else {
            self.peer(receiver).acknowledges_at = Some(arrived + DELAYED_ACKNOWLEDGEMENT);
        }
    }

    fn acknowledge(&mut self, side: Side, at: Duration) {
        self.peer(side).acknowledges_at = None;
        self.emit(side, at, Flags { acknowledge: true, ..Flags::default() }, &[]);
    }

    /// Records one segment, and lets both ends know of it.
    fn emit(&mut self, side: Side, at: Duration, flags: Flags, data: &[u8]) {
        let at = at + self.recording.random.time(Duration::ZERO, JITTER);
        let uses_timestamps = self.uses_timestamps;
        let (from, to) = match side {
            Side::Client => (&mut self.client, &mut self.server),
            Side::Server => (&mut self.server, &mut self.client),
        };
        let mut header =
            TcpHeader::new(from.endpoint.port, to.endpoint.port, from.next_sequence, window(from.endpoint, flags));
        header.syn = flags.synchronize;
        header.fin = flags.finish;
        header.rst = flags.reset;
        header.psh = flags.push;
        header.ack = flags.acknowledge;
        if flags.acknowledge {
            header.acknowledgment_number = from.expected;
        }
        let clock = from.timestamp_offset.wrapping_add(u32::try_from(at.as_millis()).unwrap_or(u32::MAX));
        header.options = if flags.synchronize {
            options_of_syn(from.endpoint, to.endpoint, flags.acknowledge, clock, from.timestamp_seen)
        } else if uses_timestamps && !flags.reset {
            timestamps(clock, from.timestamp_seen).into()
        } else {
            TcpOptions::new()
        };
        // Linux answers a SYN from a socket that has no counter yet.
        let syn_ack_of_linux = flags.synchronize && flags.acknowledge && from.endpoint.host.stack == Stack::Linux;
        let identification = if syn_ack_of_linux { 0 } else { from.identification };
        from.identification = from.identification.wrapping_add(1);

        let ip = Ip::between(&from.endpoint.host, &to.endpoint.host, identification);
        let packet = ip.tcp(header, data);
        let frame = ethernet(&from.endpoint.host, &to.endpoint.host, self.path.vlan, &packet);
        self.recording.push(at, frame);

        let taken = length32(data.len()) + u32::from(flags.synchronize) + u32::from(flags.finish);
        from.next_sequence = from.next_sequence.wrapping_add(taken);
        to.expected = from.next_sequence;
        to.timestamp_seen = clock;
    }

    fn round_trip_to(&self, side: Side) -> Duration {
        match side {
            Side::Client => self.path.client_round_trip,
            Side::Server => self.path.server_round_trip,
        }
    }

    fn peer(&mut self, side: Side) -> &mut Peer {
        match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        }
    }
}

/// The options of a SYN or SYN-ACK in the order in which `from` writes them; an answer holds what both ends know.
fn options_of_syn(from: Endpoint, to: Endpoint, is_answer: bool, clock: u32, echoed: u32) -> TcpOptions {
    let [high, low] = largest_segment(from).to_be_bytes();
    let size = [0x02, 0x04, high, low];
    match (from.host.stack, is_answer && to.host.stack == Stack::Windows) {
        (Stack::Linux, false) => {
            let [kind, length, stamps @ ..] = timestamp_option(clock, echoed);
            let mut options = [0; 20];
            options[..4].copy_from_slice(&size);
            options[4..8].copy_from_slice(&[0x04, 0x02, kind, length]);
            options[8..16].copy_from_slice(&stamps);
            options[16..].copy_from_slice(&[0x01, 0x03, 0x03, LINUX_WINDOW_SCALE]);
            options.into()
        }
        (Stack::Linux, true) => {
            let [a, b, c, d] = size;
            [a, b, c, d, 0x01, 0x01, 0x04, 0x02, 0x01, 0x03, 0x03, LINUX_WINDOW_SCALE].into()
        }
        (Stack::Windows, _) => {
            let [a, b, c, d] = size;
            [a, b, c, d, 0x01, 0x03, 0x03, WINDOWS_WINDOW_SCALE, 0x01, 0x01, 0x04, 0x02].into()
        }
    }
}

/// The timestamps option (RFC 7323, section 3) behind two octets that align it.
fn timestamps(clock: u32, echoed: u32) -> [u8; 12] {
    let mut options = [0x01; 12];
    options[2..].copy_from_slice(&timestamp_option(clock, echoed));
    options
}

fn timestamp_option(clock: u32, echoed: u32) -> [u8; 10] {
    let mut option = [0x08, 0x0a, 0, 0, 0, 0, 0, 0, 0, 0];
    option[2..6].copy_from_slice(&clock.to_be_bytes());
    option[6..].copy_from_slice(&echoed.to_be_bytes());
    option
}

/// The window field. That of a SYN is never scaled (RFC 7323, section 2.2).
fn window(from: Endpoint, flags: Flags) -> u16 {
    match (from.host.stack, flags) {
        (_, Flags { reset: true, .. }) => 0,
        (Stack::Linux, Flags { synchronize: true, acknowledge: true, .. }) => 65_160,
        (_, Flags { synchronize: true, .. }) => 64_240,
        (Stack::Linux, _) => 502,
        (Stack::Windows, _) => 1_026,
    }
}

/// What fits into an Ethernet frame of 1500 octets behind the IP and the TCP header.
fn largest_segment(endpoint: Endpoint) -> u16 {
    let ip_header = if endpoint.host.address.is_ipv6() { 40 } else { 20 };
    length16(1500 - ip_header - 20)
}

fn other(side: Side) -> Side {
    match side {
        Side::Client => Side::Server,
        Side::Server => Side::Client,
    }
}

/// A kernel's answer.
const KERNEL: Duration = Duration::from_micros(25);
/// A program's answer: behind the kernel's acknowledgement.
const PROGRAM: Duration = Duration::from_micros(120);
/// A full frame at 1 Gbit/s, and some.
const SEGMENT_ON_THE_WIRE: Duration = Duration::from_micros(15);
/// Less than any of the above.
const JITTER: Duration = Duration::from_nanos(9_000);
/// What Linux and Windows wait for data to send an acknowledgement with.
const DELAYED_ACKNOWLEDGEMENT: Duration = Duration::from_millis(40);
/// RFC 6928.
const INITIAL_WINDOW_SEGMENTS: usize = 10;
/// Less than the receiver's window of 64 KiB.
const LARGEST_WINDOW_SEGMENTS: usize = 40;
const LINUX_WINDOW_SCALE: u8 = 7;
const WINDOWS_WINDOW_SCALE: u8 = 8;

#[cfg(test)]
mod tests {
    use etherparse::{SlicedPacket, TransportSlice};

    use super::*;
    use crate::host::{Host, TEST_NET_1, TEST_NET_2, ipv4};

    /// Flags, relative sequence and acknowledgement numbers and payload length of each segment, in order of time.
    fn segments(client: Stack, talk: impl FnOnce(Conversation<'_>)) -> Vec<(String, u32, u32, usize)> {
        let mut recording = Recording::seeded("test");
        let (client, server) = (Host::here(ipv4(TEST_NET_1, 9), client), Host::beyond(ipv4(TEST_NET_2, 9), Stack::Linux, 9));
        let path = Path::to_server_afar(20);
        talk(Conversation::open(&mut recording, path, client.port(50_000), server.port(80), Duration::from_secs(1)));
        let frames = recording.into_frames(Duration::MAX);
        let segments: Vec<_> = frames
            .iter()
            .map(|frame| match SlicedPacket::from_ethernet(&frame.octets).unwrap().transport.unwrap() {
                TransportSlice::Tcp(tcp) => (tcp.to_header(), tcp.payload().len()),
                other => panic!("{other:?}"),
            })
            .collect();
        let (first, second) = (segments[0].0.sequence_number, segments[1].0.sequence_number);
        let flag = |set: bool, letter: &'static str| if set { letter } else { "" };
        segments
            .iter()
            .map(|(tcp, length)| {
                let (own, others) = if tcp.source_port == 50_000 { (first, second) } else { (second, first) };
                let set = [(tcp.syn, "S"), (tcp.fin, "F"), (tcp.rst, "R"), (tcp.psh, "P"), (tcp.ack, "A")];
                let flags = set.iter().map(|&(on, letter)| flag(on, letter)).collect();
                let acknowledged = if tcp.ack { tcp.acknowledgment_number.wrapping_sub(others) } else { 0 };
                (flags, tcp.sequence_number.wrapping_sub(own), acknowledged, *length)
            })
            .collect()
    }

    #[test]
    fn an_exchange_has_the_segments_it_must_have() {
        let seen = segments(Stack::Windows, |mut conversation| {
            conversation.client(b"hello");
            conversation.server(&[b'x'; 3000]);
            conversation.close(Close::Finish(Side::Client));
        });
        let expected = [
            ("S", 0, 0, 0),
            ("SA", 0, 1, 0),
            ("A", 1, 1, 0),
            ("PA", 1, 1, 5),
            ("A", 1, 6, 1460),
            ("A", 1461, 6, 1460),
            ("PA", 2921, 6, 80),
            ("A", 6, 2921, 0),
            ("FA", 6, 3001, 0),
            ("FA", 3001, 7, 0),
            ("A", 7, 3002, 0),
        ];
        assert_eq!(seen, expected.map(|(flags, sequence, acknowledged, length)| (flags.to_owned(), sequence, acknowledged, length)));
    }

    #[test]
    fn silence_brings_the_delayed_acknowledgement() {
        let seen = segments(Stack::Linux, |mut conversation| {
            conversation.client(b"hello");
            conversation.pause(Duration::from_secs(1));
            conversation.client(b"again");
            conversation.leave();
        });
        let flags: Vec<_> = seen.iter().map(|segment| segment.0.as_str()).collect();
        assert_eq!(flags, ["S", "SA", "A", "PA", "A", "PA", "A"]);
    }

    #[test]
    fn a_burst_is_no_larger_than_the_window() {
        let seen = segments(Stack::Linux, |mut conversation| {
            conversation.server(&vec![0; 100_000]);
            conversation.leave();
        });
        let mut in_flight: usize = 0;
        let mut acknowledged = 1;
        for (_, sequence, acknowledgement, length) in seen.iter().skip(3) {
            if *length > 0 {
                in_flight = usize::try_from(sequence - acknowledged).unwrap() + length;
            } else {
                acknowledged = acknowledged.max(*acknowledgement);
            }
            assert!(in_flight <= 64_256, "{in_flight}");
        }
        assert_eq!(acknowledged, 100_001);
    }
}
