use std::{collections::VecDeque, net::IpAddr};

use flow::{Endpoint, FlowKey, Placement, Side};
use wire::{Packet, Tcp, TcpFlags, Timestamp, Transport};

use super::{
    bin::Bin,
    config::ObserverConfig,
    fates::Fate,
    fingerprint::has_options,
    half_open::{Answers, HalfOpenTable, Handshake, Place},
    maps::{Maps, SpareMaps},
    sample::{address_hash, endpoint_hash},
    second::{FATE_SECONDS, Second, Span, TargetCount, TriedTarget, TryingSource},
};

/// Follows the handshakes of one worker's packets and states what became of them, second by second.
///
/// It has to be shown all TCP packets of an address pair, in order, with the capture's clock, which is the same for all workers.
#[derive(Debug)]
pub struct Observer {
    config: ObserverConfig,
    handshakes: HalfOpenTable,
    /// The second that it is.
    current: Bin,
    /// Those before it whose handshakes may still change their fate, the oldest first.
    bins: VecDeque<Bin>,
    finished: VecDeque<Second>,
    spare_maps: SpareMaps,
    /// When the clock's second ends.
    second_ends: Timestamp,
    counts: ObserverCounts,
}

/// What an observer has seen, and what it had no room for.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct ObserverCounts {
    /// TCP packets that were shown.
    pub segments: u64,
    /// Handshakes that were given up for newer ones before their end was known.
    pub half_open_evicted: u64,
    /// Handshakes that were counted by prefix, or not even that, since a second had too many targets.
    pub targets_overflow: u64,
    /// Handshakes that were not counted by source, since a second had too many of them.
    pub sources_overflow: u64,
    /// Seconds with more sources or targets than there was room for in samples.
    pub samples_exhausted: u64,
    /// Seconds that nobody took before there were too many of them.
    pub seconds_lost: u64,
}

impl ObserverCounts {
    /// Adds those of another observer.
    pub const fn add(&mut self, other: &Self) {
        self.segments += other.segments;
        self.half_open_evicted += other.half_open_evicted;
        self.targets_overflow += other.targets_overflow;
        self.sources_overflow += other.sources_overflow;
        self.samples_exhausted += other.samples_exhausted;
        self.seconds_lost += other.seconds_lost;
    }
}

impl Observer {
    /// An observer that has seen nothing.
    pub fn new(config: ObserverConfig) -> Self {
        Self {
            config,
            handshakes: HalfOpenTable::new(config.half_open),
            current: Bin::new(0, Maps::default(), &config),
            bins: VecDeque::new(),
            finished: VecDeque::new(),
            spare_maps: SpareMaps::new(),
            second_ends: Timestamp::ZERO,
            counts: ObserverCounts::default(),
        }
    }

    /// Takes in a packet that one and the same meter has placed. What is not TCP changes nothing.
    ///
    /// Says whether its connection's handshake is followed further. If not, the packets that come after on the same connection change
    /// nothing until one has SYN or RST, and need not be shown.
    #[inline]
    pub fn segment(&mut self, packet: &Packet<'_>, placement: &Placement) -> bool {
        let Transport::Tcp(tcp) = &packet.transport else { return false };
        self.counts.segments += 1;
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
        if clock >= self.second_ends {
            self.begin_second(clock);
        }
    }

    /// The next second that is final.
    pub fn take(&mut self) -> Option<Second> {
        self.finished.pop_front()
    }

    /// The capture has ended: makes all seconds final.
    pub fn close(&mut self) {
        let last = std::mem::replace(&mut self.current, Bin::new(0, Maps::default(), &self.config));
        if !last.is_empty() {
            self.bins.push_back(last);
        }
        while let Some(bin) = self.bins.pop_front() {
            self.hand_over(bin, true);
        }
    }

    /// What was seen so far.
    pub const fn counts(&self) -> ObserverCounts {
        self.counts
    }

    /// How many things of any kind are kept: what [`ObserverConfig`] bounds.
    pub fn entries(&self) -> usize {
        let waiting: usize = self.finished.iter().map(|second| second.targets.len()).sum();
        self.handshakes.len()
            + self.bins.iter().chain([&self.current]).map(Bin::entries).sum::<usize>()
            + waiting
    }

    /// How many handshakes are followed.
    #[cfg(test)]
    pub(crate) fn followed(&self) -> usize {
        self.handshakes.len()
    }

    fn begin_second(&mut self, clock: Timestamp) {
        let second = clock.seconds();
        self.second_ends = Timestamp::from_parts(second.saturating_add(1), 0);
        if self.second_ends <= clock {
            // The end of time.
            self.second_ends = Timestamp::MAX;
        }
        if self.current.is_empty() {
            let maps = std::mem::take(&mut self.current.maps);
            self.current = Bin::new(second, maps, &self.config);
        } else {
            let maps = self.spare_maps.take(&self.current.maps);
            let next = Bin::new(second, maps, &self.config);
            self.bins.push_back(std::mem::replace(&mut self.current, next));
        }
        while self.bins.front().is_some_and(|bin| bin.second.saturating_add(FATE_SECONDS) < second) {
            let Some(bin) = self.bins.pop_front() else { break };
            self.hand_over(bin, false);
        }
        self.handshakes.expire(Timestamp::from_parts(second.saturating_sub(HANDSHAKE_SECONDS), 0));
    }

    fn hand_over(&mut self, bin: Bin, premature: bool) {
        self.counts.targets_overflow += bin.targets_overflow();
        let second = bin.finish(premature, self.spare_maps.home());
        self.counts.samples_exhausted += u64::from(second.is_sample_exhausted);
        if self.finished.len() >= SECONDS_WAITING {
            self.finished.pop_front();
            self.counts.seconds_lost += 1;
        }
        self.finished.push_back(second);
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
        let Self { config, current: bin, .. } = self;
        let number = bin.target(&server, config);
        if let Some((target, room)) = bin.target_at(number) {
            target.span.include(Span::at(clock));
            target.syn += 1;
            target.fates.enter(Fate::Silent);
            target.with_options += u32::from(has_options(packet));
            target.fingerprints.count(packet, tcp);
            target.opened_by(source, config.sample_seed, room);
        }
        let source_number = self.tried(&server, &source, clock);
        Some(Handshake {
            client_sequence: tcp.sequence,
            last_syn: clock,
            target: number,
            source: source_number,
            ..Handshake::new(*key, client, clock)
        })
    }

    /// Counts by its source that a target is tried, and gives the number of the source.
    #[inline]
    fn tried(&mut self, server: &Endpoint, source: &IpAddr, clock: Timestamp) -> u32 {
        let Self { config, current: bin, counts, .. } = self;
        let number = bin.source(source, config);
        if let Some((count, room)) = bin.source_at(number) {
            count.span.include(Span::at(clock));
            count.fates.enter(Fate::Silent);
            count.opened_with(server, config.sample_seed, room);
        } else {
            bin.sources_overflow += 1;
            counts.sources_overflow += 1;
        }
        number
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
            self.turn(&before, Fate::Retried);
        }
        let is_flood = before.rapid > SHOWN_AGAIN;
        let Some(target) = self.target(&before) else { return };
        target.span.include(Span::at(clock));
        target.syn += 1;
        target.syn_rapid += u32::from(is_flood);
        target.syn_repeated += u32::from(!is_rapid);
        if is_flood {
            self.opened_again(&before);
        }
    }

    /// Counts a SYN that is none of a TCP by its source, though it opens no further handshake.
    fn opened_again(&mut self, one: &Handshake) {
        let (server, client) = (one.key.endpoint(one.client.opposite()), one.key.endpoint(one.client));
        let Self { config, current: bin, .. } = self;
        let number = bin.target(&server, config);
        if let Some((target, room)) = bin.target_at(number) {
            target.opened_by(client.address, config.sample_seed, room);
        }
        let number = bin.source(&client.address, config);
        if let Some((count, room)) = bin.source_at(number) {
            count.opened_with(&server, config.sample_seed, room);
        }
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
        if let Some(target) = self.target(&one) {
            target.syn_ack += 1;
            target.syn_ack_repeated += u32::from(is_repeated);
        }
        if one.unsolicited || !(is_first || is_first_repeat) {
            return None;
        }
        if let Some(bin) = self.bin_of(one.opened) {
            if let Some((target, _)) = bin.target_at(one.target) {
                target.answered += u32::from(is_first);
                target.answered_again += u32::from(is_first_repeat);
            }
            if let Some((source, _)) = bin.source_at(one.source) {
                source.answered += u32::from(is_first);
            }
        }
        if opens {
            self.turn(&one, Fate::HalfOpen);
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
        let config = self.config;
        let bin = &mut self.current;
        let number = bin.target(&server, &config);
        let source_number = bin.source(&receiver, &config);
        if let Some((target, room)) = bin.target_at(number) {
            target.span.include(Span::at(clock));
            target.syn_ack += 1;
            target.unsolicited += 1;
            let hash = address_hash(config.sample_seed, receiver);
            if let Some(source) = target.sources.enter(hash, room, || TryingSource::new(receiver)) {
                source.unsolicited = source.unsolicited.saturating_add(1);
            }
        }
        if let Some((source, room)) = bin.source_at(source_number) {
            source.span.include(Span::at(clock));
            source.unsolicited += 1;
            let hash = endpoint_hash(config.sample_seed, server.address, server.port);
            source.targets.enter(hash, room, || TriedTarget::new(&server));
        }
        Handshake {
            client_sequence: tcp.acknowledgment.wrapping_sub(1),
            server_sequence: tcp.sequence,
            last_syn_ack: clock,
            target: number,
            source: source_number,
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
        let is_late = ends && fate == Fate::Refused && self.bin_of(one.opened).is_none();
        if let Some(target) = self.target(&one) {
            target.resets += 1;
            target.refused_late += u32::from(is_late);
        }
        if ends {
            self.turn(&one, fate);
        }
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

    /// A segment without SYN, RST and ACK. Once a connection is established, ACK is always sent (RFC 9293, 3.1): scanners send FIN, no
    /// flag at all or all sorts of them to ports that answer only where they are closed. `true` if a handshake is still open.
    #[cold]
    fn without_ack(&mut self, placement: &Placement) -> bool {
        let Placement { key, sender, clock, .. } = placement;
        if self.handshakes.find(key, placement.hash()).is_some() {
            return true;
        }
        let (server, source) = (key.endpoint(sender.opposite()), key.endpoint(*sender).address);
        let number = self.tried(&server, &source, *clock);
        if let Some((count, _)) = self.current.source_at(number) {
            count.without_syn += 1;
        }
        false
    }

    fn complete(&mut self, place: Place) {
        let Some(one) = self.handshakes.close(place) else { return };
        self.turn(&one, Fate::Completed);
        let (server, client) = (one.key.endpoint(one.client.opposite()), one.key.endpoint(one.client));
        let seed = self.config.sample_seed;
        let Some(bin) = self.bin_of(one.opened) else {
            if !one.unsolicited
                && let Some(target) = self.target(&one)
            {
                target.completed_late += 1;
            }
            return;
        };
        if let Some((target, _)) = bin.target_at(one.target) {
            target.unsolicited_completed += u32::from(one.unsolicited);
            target.completed_unanswered += u32::from(one.answers == Answers::None);
            if let Some(source) = target.sources.find(address_hash(seed, client.address)) {
                source.completed = source.completed.saturating_add(1);
            }
        }
        if let Some((source, _)) = bin.source_at(one.source) {
            source.unsolicited_completed += u32::from(one.unsolicited);
            if let Some(tried) = source.targets.find(endpoint_hash(seed, server.address, server.port)) {
                tried.completed = tried.completed.saturating_add(1);
            }
        }
    }

    /// Counts `one`, as it was, with another fate, in the second in which it was opened if that is still here.
    fn turn(&mut self, one: &Handshake, to: Fate) {
        if one.unsolicited {
            return;
        }
        let Some(bin) = self.bin_of(one.opened) else { return };
        if let Some((target, _)) = bin.target_at(one.target) {
            target.fates.change(one.fate, to);
        }
        if let Some((source, _)) = bin.source_at(one.source) {
            source.fates.change(one.fate, to);
        }
    }

    #[inline]
    fn open(&mut self, handshake: Handshake, hash: u32) {
        let evicted = self.handshakes.open(handshake, hash);
        if evicted.is_some_and(|fate| !matches!(fate, Fate::Refused | Fate::Aborted)) {
            self.counts.half_open_evicted += 1;
            self.current.evicted += 1;
        }
    }

    /// The counts, in the second that it is now, of what a handshake is with.
    fn target(&mut self, handshake: &Handshake) -> Option<&mut TargetCount> {
        let number = if handshake.opened.seconds() == self.current.second {
            handshake.target
        } else {
            let server = handshake.key.endpoint(handshake.client.opposite());
            self.current.target(&server, &self.config)
        };
        self.current.target_at(number).map(|(target, _)| target)
    }

    /// The second in which a handshake was opened, if it is not final.
    fn bin_of(&mut self, opened: Timestamp) -> Option<&mut Bin> {
        let second = opened.seconds();
        if self.current.second == second {
            return Some(&mut self.current);
        }
        self.bins.iter_mut().rev().find(|bin| bin.second == second)
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
/// Seconds that wait to be taken; no more than four become final at a time.
const SECONDS_WAITING: usize = 8;
