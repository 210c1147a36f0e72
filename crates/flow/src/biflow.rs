use wire::{Icmp, Packet, Tcp, TcpFlags, Timestamp, Transport};

use crate::{
    DirectionReason, FirstPacket, FlowKey, Side,
    bearing::Bearing,
    config::{IdleClass, TimeoutNanos},
    connection::Connection,
};

/// The number of a flow's place in its meter, for as long as the flow lives. A later flow may get it again.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct FlowNumber(pub(crate) u32);

impl FlowNumber {
    /// The number as the index of a list that has an entry for each place. Numbers are dense from 0.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// A flow that still grows: what every packet changes, in two cache lines.
///
/// Counters stand by the ends of the key, not by direction, so that finding out late who opened the flow changes one bit.
#[derive(Clone, Debug)]
#[repr(C, align(64))]
pub struct Biflow {
    pub(crate) key: FlowKey,
    /// Joined since the record was opened.
    pub(crate) tcp_flags: [TcpFlags; 2],
    pub(crate) octets: [u64; 2],
    pub(crate) packets: [u32; 2],
    /// The latest packet's time by side; 0 while `packets` is.
    pub(crate) last: [Timestamp; 2],
    /// The clock at the first packet of the record that is being gathered.
    pub(crate) opened: Timestamp,
    /// The clock at the latest packet.
    pub(crate) seen: Timestamp,
    /// Of TCP: the sequence number behind the last octet that was seen of each side, or that the other one has acknowledged; meaningful
    /// where the connection knows it.
    pub(crate) next: [u32; 2],
    /// Of the latest SYN; meaningful if the connection has one.
    pub(crate) syn_sequence: u32,
    pub(crate) minimum_ttl: [u8; 2],
    pub(crate) maximum_ttl: [u8; 2],
    pub(crate) hash: u32,
    pub(crate) connection: Connection,
    pub(crate) idle_class: IdleClass,
    pub(crate) bearing: Bearing,
    /// What whoever observes its packets has noted of it.
    pub(crate) mark: u8,
}

const _: () = assert!(size_of::<Biflow>() <= 128, "a flow's hot state is two cache lines");

/// What is written once for each direction, beside the hot state.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Opening {
    /// The earliest packet's time in the record that is being gathered.
    pub(crate) first: Timestamp,
    /// The first one of the flow, not of the record.
    pub(crate) first_packet: FirstPacket,
    /// How long the sender took to answer in the handshake, in microseconds; 0 if that is not known.
    pub(crate) round_trip_us: u32,
}

/// What counting a packet has shown.
#[expect(clippy::struct_excessive_bools, reason = "each asks for something else to be done")]
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counted {
    /// It is the first of its direction in the record.
    pub(crate) is_first: bool,
    /// One that came before has a later time.
    pub(crate) is_late: bool,
    /// A deadline has come closer; other packets only put it off.
    pub(crate) brings_deadline: bool,
    /// TCP control bits that its direction had in the record before; meaningful for a segment that `is_irregular`.
    pub(crate) flags_before: TcpFlags,
    /// It is a segment of TCP that does not simply go on: its numbers have to be looked at.
    pub(crate) is_irregular: bool,
}

impl Counted {
    /// Whether anything is left to be done.
    #[inline]
    pub(crate) const fn is_of_note(self) -> bool {
        self.is_first | self.is_late | self.brings_deadline | self.is_irregular
    }
}

impl Opening {
    /// A direction whose first packet is `packet`.
    pub(crate) fn new(packet: &Packet<'_>) -> Self {
        let icmp = if let Transport::Icmp(icmp) = packet.transport { icmp } else { Icmp::default() };
        let (link, interface, tos) = (packet.link, packet.interface, packet.ip.tos);
        let first_packet = FirstPacket { link, icmp, interface, tos };
        Self { first: packet.timestamp, first_packet, round_trip_us: 0 }
    }
}

impl Biflow {
    /// A flow that `packet` of `sender` opens, and that has not counted it yet.
    pub(crate) fn new(key: FlowKey, hash: u32, packet: &Packet<'_>, sender: Side, clock: Timestamp) -> Self {
        let has_ports = matches!(packet.transport, Transport::Tcp(_) | Transport::Ports(_));
        let bearing = if has_ports && is_from_service(&key, sender) {
            Bearing::new(sender, sender.opposite(), DirectionReason::Ports)
        } else if has_ports && is_from_service(&key, sender.opposite()) {
            Bearing::new(sender, sender, DirectionReason::Ports)
        } else {
            Bearing::new(sender, sender, DirectionReason::FirstSeen)
        };
        Self {
            key,
            tcp_flags: [TcpFlags::default(); 2],
            octets: [0; 2],
            packets: [0; 2],
            last: [Timestamp::ZERO; 2],
            opened: clock,
            seen: clock,
            next: [0; 2],
            syn_sequence: 0,
            minimum_ttl: [u8::MAX; 2],
            maximum_ttl: [0; 2],
            hash,
            connection: Connection::default(),
            idle_class: IdleClass::of_protocol(key.protocol()),
            bearing,
            mark: 0,
        }
    }

    /// Its key.
    pub const fn key(&self) -> &FlowKey {
        &self.key
    }

    /// The end that opened it, as far as is known.
    pub const fn initiator(&self) -> Side {
        self.bearing.initiator()
    }

    /// The sequence number of the initiator's latest SYN, if one was seen.
    pub const fn syn_sequence(&self) -> Option<u32> {
        if self.connection.has_syn() { Some(self.syn_sequence) } else { None }
    }

    /// What those who observe its packets have noted of it.
    #[inline]
    pub(crate) const fn marks(&self) -> [u8; 2] {
        [self.mark, self.bearing.second_mark()]
    }

    /// When the record was opened that is being gathered: what [`FlowRecord::opened`](crate::FlowRecord::opened) will be.
    pub const fn record_opened(&self) -> Timestamp {
        self.opened
    }

    /// Whether no packet was counted since the last record was cut.
    pub(crate) const fn is_empty(&self) -> bool {
        let [low, high] = self.packets;
        low == 0 && high == 0
    }

    /// Counts a packet of `sender` that came at `clock`.
    #[inline]
    pub(crate) fn count(&mut self, packet: &Packet<'_>, sender: Side, clock: Timestamp) -> Counted {
        let begins = self.is_empty();
        if begins {
            self.opened = clock;
        }
        self.seen = clock;
        let latest = of_mut(&mut self.last, sender);
        let (is_first, is_late) = (*of(&self.packets, sender) == 0, packet.timestamp < *latest);
        *latest = (*latest).max(packet.timestamp);
        *of_mut(&mut self.packets, sender) += 1;
        *of_mut(&mut self.octets, sender) += u64::from(packet.ip.octets);
        let minimum = of_mut(&mut self.minimum_ttl, sender);
        *minimum = (*minimum).min(packet.ip.ttl);
        let maximum = of_mut(&mut self.maximum_ttl, sender);
        *maximum = (*maximum).max(packet.ip.ttl);
        let (mut closes, mut is_irregular, mut flags_before) = (false, false, TcpFlags::default());
        if let Transport::Tcp(tcp) = &packet.transport {
            let flags = of_mut(&mut self.tcp_flags, sender);
            flags_before = *flags;
            flags.0 |= tcp.flags.0;
            is_irregular = !self.goes_on(packet, tcp, sender);
            if tcp.flags.0 & (TcpFlags::SYN.0 | TcpFlags::FIN.0 | TcpFlags::RST.0) != 0 {
                closes = self.follow_connection(tcp, sender);
            }
        }
        Counted { is_first, is_late, brings_deadline: begins | closes, flags_before, is_irregular }
    }

    /// When the idle timeout will end it, should no packet come.
    pub(crate) fn idle_at(&self, timeouts: &TimeoutNanos) -> Timestamp {
        self.seen.saturating_add_nanos(timeouts.idle(self.idle_class))
    }

    /// When the active timeout will cut its record; never, while that is empty.
    pub(crate) fn active_at(&self, timeouts: &TimeoutNanos) -> Timestamp {
        if self.is_empty() { Timestamp::MAX } else { self.opened.saturating_add_nanos(timeouts.active) }
    }

    /// When the next thing will happen to it by itself.
    pub(crate) fn deadline(&self, timeouts: &TimeoutNanos) -> Timestamp {
        self.idle_at(timeouts).min(self.active_at(timeouts))
    }

    /// Begins a record: counters back to nothing. What is known of the connection stays.
    pub(crate) fn begin_record(&mut self) {
        self.tcp_flags = [TcpFlags::default(); 2];
        self.octets = [0; 2];
        self.packets = [0; 2];
        self.last = [Timestamp::ZERO; 2];
        self.minimum_ttl = [u8::MAX; 2];
        self.maximum_ttl = [0; 2];
    }

    /// Takes in a segment that opens or closes. `true` if it has closed the connection.
    fn follow_connection(&mut self, tcp: &Tcp, sender: Side) -> bool {
        self.connection.observe(tcp.flags, sender);
        self.correct_direction(tcp.flags, sender);
        if tcp.flags.is_syn() {
            self.syn_sequence = tcp.sequence;
        }
        let closes = self.connection.is_closed() && self.idle_class == IdleClass::Tcp;
        if closes {
            self.idle_class = IdleClass::TcpClosed;
        }
        closes
    }

    /// Lets a segment of `sender` with SYN say who opened the flow, if it knows better than what came before it.
    const fn correct_direction(&mut self, flags: TcpFlags, sender: Side) {
        if flags.is_syn() {
            self.bearing.correct(sender, DirectionReason::Syn);
        } else if flags.is_syn_ack() {
            self.bearing.correct(sender.opposite(), DirectionReason::SynAck);
        }
    }

    /// How much would be lost with it, from the least.
    pub(crate) const fn weight(&self) -> u8 {
        let [low, high] = self.packets;
        let is_answered = low > 0 && high > 0;
        match self.idle_class {
            IdleClass::Tcp if !is_answered && self.connection.has_syn() => 0,
            _ if low as u64 + high as u64 <= 1 => 1,
            IdleClass::TcpClosed => 2,
            _ => 3,
        }
    }
}

/// Whether a packet of `sender` would be an answer by its ports: from a system port (RFC 6335, 6) to one that systems choose for their
/// clients. Linux takes those from 32768, others from 49152.
const fn is_from_service(key: &FlowKey, sender: Side) -> bool {
    key.port(sender) < FIRST_USER_PORT && key.port(sender.opposite()) >= FIRST_CLIENT_PORT
}

/// The member of a pair that belongs to a side.
#[inline]
pub(crate) const fn of<T>(pair: &[T; 2], side: Side) -> &T {
    let [low, high] = pair;
    match side {
        Side::Low => low,
        Side::High => high,
    }
}

/// The member of a pair that belongs to a side.
#[inline]
pub(crate) const fn of_mut<T>(pair: &mut [T; 2], side: Side) -> &mut T {
    let [low, high] = pair;
    match side {
        Side::Low => low,
        Side::High => high,
    }
}

const FIRST_USER_PORT: u16 = 1_024;
const FIRST_CLIENT_PORT: u16 = 32_768;
