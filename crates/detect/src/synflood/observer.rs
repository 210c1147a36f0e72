use flow::{FlowKey, Placement, Side};
use wire::{Packet, Tcp, TcpFlags, Timestamp, Transport};

use super::{
    config::ObserverConfig,
    counts::ObserverCounts,
    fates::Fate,
    half_open::{Answers, HalfOpenTable, Handshake, Place},
    second::Second,
    seconds::Seconds,
};

/// Follows the handshakes of one worker's packets and states what became of them, second by second.
///
/// It has to be shown all TCP packets of an address pair, in order, with the capture's clock, which is the same for all workers.
#[derive(Debug)]
pub struct Observer {
    handshakes: HalfOpenTable,
    seconds: Seconds,
    /// TCP packets that were shown.
    segments: u64,
}

impl Observer {
    /// An observer that has seen nothing.
    pub fn new(config: ObserverConfig) -> Self {
        let handshakes = HalfOpenTable::new(config.half_open);
        Self { handshakes, seconds: Seconds::new(config), segments: 0 }
    }

    /// Takes in a packet that one and the same meter has placed. What is not TCP changes nothing.
    ///
    /// Says whether its connection's handshake is followed further. If not, the packets that come after on the same connection change
    /// nothing until one has SYN or RST, and need not be shown.
    #[inline]
    pub fn segment(&mut self, packet: &Packet<'_>, placement: &Placement) -> bool {
        let Transport::Tcp(tcp) = &packet.transport else { return false };
        self.segments += 1;
        self.advance(placement.clock);
        if is_control(tcp) {
            self.control(packet, tcp, placement);
            return true;
        }
        if tcp.flags.contains(TcpFlags::ACK) {
            self.follow(tcp, placement)
        } else {
            self.without_ack(placement)
        }
    }

    /// Has the processor fetch what a packet that is soon shown will need, if it opens, answers or resets a connection. What it returns
    /// means nothing, and must be used (see [`std::hint::black_box`]) for that to happen.
    #[inline]
    #[must_use]
    pub fn touch(&self, packet: &Packet<'_>, placement: &Placement) -> u64 {
        match &packet.transport {
            // A new connection has no handshake yet.
            Transport::Tcp(tcp) if tcp.flags.is_syn() => self.handshakes.touch(placement.hash()).into(),
            Transport::Tcp(tcp) if is_control(tcp) => self.handshakes.touch_known(placement.hash()).into(),
            _ => 0,
        }
    }

    /// Tells the time when no packet does. Seconds are handed over by it.
    #[inline]
    pub fn advance(&mut self, clock: Timestamp) {
        if self.seconds.is_over(clock) {
            self.begin_second(clock);
        }
    }

    /// The next second that is final.
    pub fn take(&mut self) -> Option<Second> {
        self.seconds.take()
    }

    /// The capture has ended: makes all seconds final.
    pub fn close(&mut self) {
        self.seconds.close();
    }

    /// What was seen so far.
    pub const fn counts(&self) -> ObserverCounts {
        ObserverCounts { segments: self.segments, ..self.seconds.had_no_room() }
    }

    /// How many things of any kind are kept: what [`ObserverConfig`] bounds.
    pub fn entries(&self) -> usize {
        self.handshakes.len() + self.seconds.entries()
    }

    /// How many handshakes are followed.
    #[cfg(test)]
    pub(crate) fn followed(&self) -> usize {
        self.handshakes.len()
    }

    fn begin_second(&mut self, clock: Timestamp) {
        self.seconds.begin(clock);
        let oldest = clock.seconds().saturating_sub(HANDSHAKE_SECONDS);
        self.handshakes.expire(Timestamp::from_parts(oldest, 0));
    }

    /// A packet with SYN or RST.
    fn control(&mut self, packet: &Packet<'_>, tcp: &Tcp, placement: &Placement) {
        let Placement { key, sender, clock, .. } = placement;
        let hash = placement.hash();
        if tcp.flags.contains(TcpFlags::RST) {
            return self.reset(key, hash, *sender);
        }
        let begun = if tcp.flags.is_syn() {
            self.syn(packet, tcp, (key, hash), *sender, *clock)
        } else {
            self.syn_ack(tcp, (key, hash), *sender, *clock)
        };
        if let Some(handshake) = begun {
            self.open(handshake, hash);
        }
    }

    #[inline]
    fn open(&mut self, handshake: Handshake, hash: u32) {
        let evicted = self.handshakes.open(handshake, hash);
        if evicted.is_some_and(|fate| !matches!(fate, Fate::Refused | Fate::Aborted)) {
            self.seconds.evicted();
        }
    }

    /// Returns the handshake that begins with it.
    fn syn(
        &mut self,
        packet: &Packet<'_>,
        tcp: &Tcp,
        (key, hash): (&FlowKey, u32),
        client: Side,
        clock: Timestamp,
    ) -> Option<Handshake> {
        if let Some((place, earlier)) = self.handshakes.find(key, hash) {
            let is_same = (earlier.client, earlier.client_sequence) == (client, tcp.sequence);
            if is_same && !earlier.unsolicited {
                self.repeat(key, hash, clock);
                return None;
            }
            self.handshakes.close(place);
        }
        let (server, source) = (key.endpoint(client.opposite()), key.endpoint(client).address);
        let (target, source) = self.seconds.opened(packet, tcp, (&server, &source), clock);
        let client_sequence = tcp.sequence;
        Some(Handshake {
            client_sequence,
            last_syn: clock,
            target,
            source,
            ..Handshake::new(*key, client, clock)
        })
    }

    /// A SYN that came before.
    fn repeat(&mut self, key: &FlowKey, hash: u32, clock: Timestamp) {
        let Some((_, earlier)) = self.handshakes.find(key, hash) else { return };
        earlier.repeats = earlier.repeats.saturating_add(1);
        let is_rapid =
            clock.nanos_since(earlier.last_syn) < BACK_OFF_NANOS || earlier.repeats > REPEATS_OF_A_TCP;
        earlier.last_syn = clock;
        earlier.rapid = if is_rapid { earlier.rapid.saturating_add(1) } else { 0 };
        let before = *earlier;
        if matches!(before.fate, Fate::Silent | Fate::HalfOpen) && !is_rapid {
            earlier.fate = Fate::Retried;
            self.seconds.turn(&before, Fate::Retried);
        }
        self.seconds.repeated(&before, is_rapid, before.rapid > SHOWN_AGAIN, clock);
    }

    /// Returns the handshake that it is the first sign of.
    fn syn_ack(
        &mut self,
        tcp: &Tcp,
        (key, hash): (&FlowKey, u32),
        server: Side,
        clock: Timestamp,
    ) -> Option<Handshake> {
        let client = server.opposite();
        // Nobody asked before either: a server answers with these numbers again, or somebody else is made to answer.
        let is_another = |one: &Handshake| one.unsolicited && one.server_sequence != tcp.sequence;
        let known =
            self.handshakes.find(key, hash).filter(|(_, one)| one.client == client && !is_another(one));
        let Some((_, handshake)) = known else {
            return Some(self.unsolicited(tcp, (key, hash), client, clock));
        };
        let is_first = handshake.answers == Answers::None;
        let is_repeated = !is_first && clock.nanos_since(handshake.last_syn_ack) >= BACK_OFF_NANOS;
        let is_first_repeat = is_repeated && handshake.answers == Answers::Once;
        if is_first {
            handshake.answers = Answers::Once;
        } else if is_repeated {
            handshake.answers = Answers::Again;
        }
        handshake.server_sequence = tcp.sequence;
        handshake.last_syn_ack = clock;
        let one = *handshake;
        let opens = is_first && one.fate == Fate::Silent && !one.unsolicited;
        if opens {
            handshake.fate = Fate::HalfOpen;
        }
        self.seconds.answered(&one, is_repeated);
        if !one.unsolicited && (is_first || is_first_repeat) {
            self.seconds.answered_first(&one, is_first_repeat);
        }
        if opens {
            self.seconds.turn(&one, Fate::HalfOpen);
        }
        None
    }

    /// A SYN-ACK for which no SYN was seen.
    fn unsolicited(
        &mut self,
        tcp: &Tcp,
        (key, hash): (&FlowKey, u32),
        client: Side,
        clock: Timestamp,
    ) -> Handshake {
        if let Some((place, _)) = self.handshakes.find(key, hash) {
            self.handshakes.close(place);
        }
        let (server, receiver) = (key.endpoint(client.opposite()), key.endpoint(client).address);
        let (target, source) = self.seconds.unsolicited(&server, &receiver, clock);
        Handshake {
            client_sequence: tcp.acknowledgment.wrapping_sub(1),
            server_sequence: tcp.sequence,
            last_syn_ack: clock,
            target,
            source,
            answers: Answers::Once,
            unsolicited: true,
            ..Handshake::new(*key, client, clock)
        }
    }

    fn reset(&mut self, key: &FlowKey, hash: u32, sender: Side) {
        let Some((_, handshake)) = self.handshakes.find(key, hash) else { return };
        let one = *handshake;
        let ends = !one.unsolicited && !matches!(one.fate, Fate::Refused | Fate::Aborted);
        let fate = if sender == one.client { Fate::Aborted } else { Fate::Refused };
        if ends {
            handshake.fate = fate;
        }
        self.seconds.reset(&one, ends.then_some(fate));
    }

    /// A packet that may show that a handshake was completed. `true` if there is one that is still open.
    fn follow(&mut self, tcp: &Tcp, placement: &Placement) -> bool {
        let Placement { key, sender, .. } = placement;
        let Some((place, one)) = self.handshakes.find(key, placement.hash()) else { return false };
        let goes_on = |sequence: u32, of: u32| (1..=WINDOW).contains(&sequence.wrapping_sub(of));
        let was_answered = one.answers != Answers::None;
        let is_completed = if *sender == one.client {
            goes_on(tcp.sequence, one.client_sequence)
                && (!was_answered || goes_on(tcp.acknowledgment, one.server_sequence))
        } else {
            was_answered && goes_on(tcp.sequence, one.server_sequence)
        };
        if is_completed {
            self.complete(place);
        }
        !is_completed
    }

    fn complete(&mut self, place: Place) {
        if let Some(one) = self.handshakes.close(place) {
            self.seconds.completed(&one);
        }
    }

    /// A segment without SYN, RST and ACK. Once a connection is established, ACK is always sent (RFC 9293, 3.1): scanners send FIN, no
    /// flag at all or all sorts of them to ports that answer only where they are closed. `true` if a handshake is still open.
    #[cold]
    fn without_ack(&mut self, placement: &Placement) -> bool {
        let Placement { key, sender, clock, .. } = placement;
        if self.handshakes.find(key, placement.hash()).is_some() {
            return true;
        }
        let (server, source) = (key.endpoint(sender.opposite()), key.endpoint(*sender).address);
        self.seconds.tried_without_syn(&server, &source, *clock);
        false
    }
}

/// Does a packet open, answer or reset a connection?
#[inline]
const fn is_control(tcp: &Tcp) -> bool {
    tcp.flags.0 & (TcpFlags::SYN.0 | TcpFlags::RST.0) != 0
}

/// A repeat that comes sooner is none of a TCP that waits. Windows asks again half a second after RST; RFC 6298 has a second.
const BACK_OFF_NANOS: u64 = 400_000_000;
/// How often a mirror may show a packet besides the first time.
const SHOWN_AGAIN: u8 = 2;
/// More repeats than those are none of a TCP: Linux makes six, or ten with `tcp_syn_linear_timeouts` at its default of four.
const REPEATS_OF_A_TCP: u8 = 10;
/// For how long a handshake is followed, in seconds. Linux repeats SYN and SYN-ACK for 63 (`tcp_syn_retries` 6 sends the last one then).
const HANDSHAKE_SECONDS: u64 = 66;
/// How far behind the handshake a packet can be that shows it was completed: the largest window there is (RFC 7323, 2.3).
const WINDOW: u32 = 1 << 30;
