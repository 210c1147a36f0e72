//! A TCP connection as a probe between its ends sees it: every octet acknowledged, every acknowledgement at its time.

mod loss;

use std::time::Duration;

use etherparse::{TcpHeader, TcpOptions};

use self::loss::Gap;
use crate::{
    host::{Endpoint, Path, Stack},
    packet::{Ip, ethernet, length32},
    recording::Recording,
    segment::{Flags, largest_segment, options_of_syn, selective_acknowledgement, timestamps, window},
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
    /// What was lost and is not yet sent again.
    gap: Option<Gap>,
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
    identification: u16,
    timestamp_offset: u32,
    /// What the other sent and the probe saw on its way to this end.
    heard: Vec<Heard>,
    /// Segments that it may send before the first of them is acknowledged.
    congestion_window: usize,
    /// Whether a segment of the other waits for its acknowledgement, and when that is sent at the latest.
    acknowledges_at: Option<Duration>,
}

/// A segment that passed the probe on its way to an end.
#[derive(Clone, Copy, Debug)]
struct Heard {
    at: Duration,
    /// The next sequence number that the end expects once it has the segment.
    expected: u32,
    /// The timestamp that the end echoes once it has the segment.
    timestamp: u32,
}

/// A segment that is to be recorded.
#[derive(Clone, Copy, Default)]
struct Segment<'d> {
    flags: Flags,
    sequence: u32,
    data: &'d [u8],
    /// What it acknowledges behind a gap.
    selective: Option<(u32, u32)>,
    is_lost: bool,
}

impl<'r> Conversation<'r> {
    /// The client opens a connection at `at`: three segments.
    pub fn open(
        recording: &'r mut Recording,
        path: Path,
        client: Endpoint,
        server: Endpoint,
        at: Duration,
    ) -> Self {
        let mut conversation = Self::new(recording, path, client, server, at);
        conversation.shake_hands(at);
        conversation
    }

    /// The client tries to open a connection at `at`, and nothing listens there.
    pub fn refused(
        recording: &'r mut Recording,
        path: Path,
        client: Endpoint,
        server: Endpoint,
        at: Duration,
    ) {
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
        self.transmit(side, data, None);
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

    fn new(
        recording: &'r mut Recording,
        path: Path,
        client: Endpoint,
        server: Endpoint,
        at: Duration,
    ) -> Self {
        let mut peer = |endpoint: Endpoint| Peer {
            endpoint,
            next_sequence: u32::from_be_bytes(recording.random.array()),
            identification: u16::from_be_bytes(recording.random.array()),
            timestamp_offset: u32::from_be_bytes(recording.random.array()),
            heard: Vec::new(),
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
            gap: None,
            now: at,
            last: Side::Server,
        }
    }

    fn transmit(&mut self, side: Side, data: &[u8], lost: Option<usize>) {
        let mut at = self.turn(side);
        self.settle(side, at);
        let mut burst_began = at;
        let mut left = self.peer(side).congestion_window;
        let segments: Vec<&[u8]> = data.chunks(self.segment_size).collect();
        let count = segments.len();
        for (number, segment) in segments.into_iter().enumerate() {
            if left == 0 {
                self.recover(side);
                at = at.max(self.now);
                let window = &mut self.peer(side).congestion_window;
                *window = (*window * 2).min(LARGEST_WINDOW_SEGMENTS);
                left = *window;
                at = at.max(burst_began + self.path.round_trip() + KERNEL);
                burst_began = at;
            }
            left -= 1;
            let push = number + 1 == count;
            if lost == Some(number) {
                self.lose(side, at, segment, push);
            } else {
                self.emit(side, at, Flags { acknowledge: true, push, ..Flags::default() }, segment);
                self.receive(side, at);
            }
            self.now = at;
            at += SEGMENT_ON_THE_WIRE;
        }
        self.recover(side);
        self.last = side;
    }

    fn shake_hands(&mut self, at: Duration) {
        self.emit(Side::Client, at, Flags { synchronize: true, ..Flags::default() }, &[]);
        let answered = at + self.path.server_round_trip + KERNEL;
        let flags = Flags { synchronize: true, acknowledge: true, ..Flags::default() };
        self.emit(Side::Server, answered, flags, &[]);
        let completed = answered + self.path.client_round_trip + KERNEL;
        self.emit(Side::Client, completed, Flags { acknowledge: true, ..Flags::default() }, &[]);
        self.now = completed;
        self.last = Side::Client;
    }

    /// The earliest time at which `side` can speak: when what was said last has reached it.
    fn turn(&self, side: Side) -> Duration {
        if side == self.last {
            self.now + SEGMENT_ON_THE_WIRE
        } else {
            self.now + self.round_trip_to(side) + PROGRAM
        }
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

    /// The other side takes a segment that `side` sent at `at`, and acknowledges every second one at once
    /// (RFC 9293, section 3.8.6.3).
    fn receive(&mut self, side: Side, at: Duration) {
        let receiver = other(side);
        let arrived = at + self.round_trip_to(receiver) + KERNEL;
        let next_sequence = self.peer(side).next_sequence;
        if let Some(gap) = &mut self.gap {
            // RFC 5681, section 4.2: what comes behind a gap is acknowledged at once.
            gap.duplicates.push(arrived);
            let behind = gap.sequence.wrapping_add(length32(gap.data.len()));
            let sequence = self.peer(receiver).next_sequence;
            let flags = Flags { acknowledge: true, ..Flags::default() };
            let selective = Some((behind, next_sequence));
            self.peer(receiver).acknowledges_at = None;
            self.record(receiver, arrived, Segment { flags, sequence, selective, ..Segment::default() });
        } else if self.peer(receiver).acknowledges_at.take().is_some() {
            self.acknowledge(receiver, arrived);
        } else {
            self.peer(receiver).acknowledges_at = Some(arrived + DELAYED_ACKNOWLEDGEMENT);
        }
    }

    fn acknowledge(&mut self, side: Side, at: Duration) {
        self.peer(side).acknowledges_at = None;
        self.emit(side, at, Flags { acknowledge: true, ..Flags::default() }, &[]);
    }

    /// Records the next segment of `side`.
    fn emit(&mut self, side: Side, at: Duration, flags: Flags, data: &[u8]) {
        let sequence = self.peer(side).next_sequence;
        let taken = length32(data.len()) + u32::from(flags.synchronize) + u32::from(flags.finish);
        self.peer(side).next_sequence = sequence.wrapping_add(taken);
        self.record(side, at, Segment { flags, sequence, data, ..Segment::default() });
    }

    /// Records one segment. It says what its sender can know at that time, and the other end knows of it when
    /// it has arrived.
    fn record(&mut self, side: Side, at: Duration, segment: Segment<'_>) {
        let round_trip = self.round_trip_to(side);
        let jitter = self.recording.random.time(Duration::ZERO, JITTER);
        let gap = self.gap.as_ref().map(|gap| gap.sequence);
        let (from, to) = match side {
            Side::Client => (&mut self.client, &mut self.server),
            Side::Server => (&mut self.server, &mut self.client),
        };
        let known = from.heard.iter().rev().find(|heard| heard.at + round_trip <= at);
        let (expected, echoed) = known.map_or((0, 0), |heard| (heard.expected, heard.timestamp));
        let Segment { flags, sequence, data, selective, is_lost } = segment;
        let at = at + jitter;
        let mut header =
            TcpHeader::new(from.endpoint.port, to.endpoint.port, sequence, window(from.endpoint, flags));
        header.syn = flags.synchronize;
        header.fin = flags.finish;
        header.rst = flags.reset;
        header.psh = flags.push;
        header.ack = flags.acknowledge;
        if flags.acknowledge {
            header.acknowledgment_number = expected;
        }
        let clock = from.timestamp_offset.wrapping_add(u32::try_from(at.as_millis()).unwrap_or(u32::MAX));
        header.options = if flags.synchronize {
            options_of_syn(from.endpoint, to.endpoint, flags.acknowledge, clock, echoed)
        } else {
            let stamps = (self.uses_timestamps && !flags.reset).then(|| timestamps(clock, echoed));
            options(stamps, selective.map(selective_acknowledgement))
        };
        // Linux answers a SYN from a socket that has no counter yet.
        let syn_ack_of_linux =
            flags.synchronize && flags.acknowledge && from.endpoint.host.stack == Stack::Linux;
        let identification = if syn_ack_of_linux { 0 } else { from.identification };
        from.identification = from.identification.wrapping_add(1);
        let next_sequence = from.next_sequence;

        let ip = Ip::between(&from.endpoint.host, &to.endpoint.host, identification);
        let packet = ip.tcp(header, data);
        let frame = ethernet(&from.endpoint.host, &to.endpoint.host, self.path.vlan, &packet);
        self.recording.push(at, frame);
        if !is_lost {
            let gap = gap.filter(|_| !data.is_empty());
            to.heard.push(Heard { at, expected: gap.unwrap_or(next_sequence), timestamp: clock });
        }
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

/// The options of a segment that opens nothing.
fn options(timestamps: Option<[u8; 12]>, selective: Option<[u8; 12]>) -> TcpOptions {
    match (timestamps, selective) {
        (None, None) => TcpOptions::new(),
        (Some(only), None) | (None, Some(only)) => only.into(),
        (Some(timestamps), Some(selective)) => {
            let mut both = [0; 24];
            both[..12].copy_from_slice(&timestamps);
            both[12..].copy_from_slice(&selective);
            both.into()
        }
    }
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
const JITTER: Duration = Duration::from_micros(9);
/// What Linux and Windows wait for data to send an acknowledgement with.
const DELAYED_ACKNOWLEDGEMENT: Duration = Duration::from_millis(40);
/// RFC 6928.
const INITIAL_WINDOW_SEGMENTS: usize = 10;
/// Less than the receiver's window of 64 KiB.
const LARGEST_WINDOW_SEGMENTS: usize = 40;

#[cfg(test)]
mod tests {
    use etherparse::{SlicedPacket, TransportSlice};

    use super::*;
    use crate::host::{Host, TEST_NET_1, TEST_NET_2, ipv4};

    /// Flags, relative sequence and acknowledgement numbers and payload length of each segment, in order of time.
    pub(super) fn segments(
        client: Stack,
        talk: impl FnOnce(Conversation<'_>),
    ) -> Vec<(String, u32, u32, usize)> {
        let mut recording = Recording::seeded("test");
        let (client, server) =
            (Host::here(ipv4(TEST_NET_1, 9), client), Host::beyond(ipv4(TEST_NET_2, 9), Stack::Linux, 9));
        let path = Path::to_server_afar(20);
        talk(Conversation::open(
            &mut recording,
            path,
            client.port(50_000),
            server.port(80),
            Duration::from_secs(1),
        ));
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
        assert_eq!(
            seen,
            expected.map(|(flags, sequence, acknowledged, length)| (
                flags.to_owned(),
                sequence,
                acknowledged,
                length
            ))
        );
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
