use std::{collections::VecDeque, net::IpAddr};

use flow::Endpoint;
use wire::{Packet, Tcp, Timestamp};

use super::{
    bin::Bin,
    config::ObserverConfig,
    counts::ObserverCounts,
    fates::Fate,
    fingerprint::has_options,
    half_open::{Answers, Handshake},
    sample::{address_hash, endpoint_hash},
    second::{FATE_SECONDS, Maps, Second, Span, TargetCount, TriedTarget, TryingSource},
    spare::Spare,
};

/// What becomes of handshakes, counted by target and by source in the second in which they were opened.
///
/// What is seen of a handshake itself, such as a repeated SYN, counts in the second in which it is seen.
#[derive(Debug)]
pub(super) struct Seconds {
    config: ObserverConfig,
    /// The second that it is.
    current: Bin,
    /// When it ends.
    ends: Timestamp,
    /// Those before it whose handshakes may still change their fate, the oldest first.
    bins: VecDeque<Bin>,
    finished: VecDeque<Second>,
    spare_maps: Spare<Maps>,
    had_no_room: ObserverCounts,
}

impl Seconds {
    pub(super) fn new(config: ObserverConfig) -> Self {
        Self {
            config,
            current: Bin::new(0, Maps::default(), &config),
            ends: Timestamp::ZERO,
            bins: VecDeque::new(),
            finished: VecDeque::new(),
            spare_maps: Spare::new(),
            had_no_room: ObserverCounts::default(),
        }
    }

    /// Is the current second over when the clock shows this?
    #[inline]
    pub(super) fn is_over(&self, clock: Timestamp) -> bool {
        clock >= self.ends
    }

    /// Begins the second that it is now.
    pub(super) fn begin(&mut self, clock: Timestamp) {
        let second = clock.seconds();
        self.ends = Timestamp::from_parts(second.saturating_add(1), 0);
        if self.ends <= clock {
            // The end of time.
            self.ends = Timestamp::MAX;
        }
        if self.current.is_empty() {
            let maps = std::mem::take(&mut self.current.maps);
            self.current = Bin::new(second, maps, &self.config);
        } else {
            let spare = self.spare_maps.take().map(Maps::cleared);
            let maps = spare.unwrap_or_else(|| Maps::as_large_as(&self.current.maps));
            let next = Bin::new(second, maps, &self.config);
            self.bins.push_back(std::mem::replace(&mut self.current, next));
        }
        while self.bins.front().is_some_and(|bin| bin.second.saturating_add(FATE_SECONDS) < second) {
            let Some(bin) = self.bins.pop_front() else { break };
            self.hand_over(bin, false);
        }
    }

    /// Makes all seconds final.
    pub(super) fn close(&mut self) {
        let last = std::mem::replace(&mut self.current, Bin::new(0, Maps::default(), &self.config));
        if !last.is_empty() {
            self.bins.push_back(last);
        }
        while let Some(bin) = self.bins.pop_front() {
            self.hand_over(bin, true);
        }
    }

    fn hand_over(&mut self, bin: Bin, premature: bool) {
        self.had_no_room.targets_overflow += bin.targets_overflow();
        let second = bin.finish(premature, self.spare_maps.home());
        self.had_no_room.samples_exhausted += u64::from(second.is_sample_exhausted);
        if self.finished.len() >= SECONDS_WAITING {
            self.finished.pop_front();
            self.had_no_room.seconds_lost += 1;
        }
        self.finished.push_back(second);
    }

    /// The next second that is final.
    pub(super) fn take(&mut self) -> Option<Second> {
        self.finished.pop_front()
    }

    /// What it had no room for.
    pub(super) const fn had_no_room(&self) -> ObserverCounts {
        self.had_no_room
    }

    /// How many things of any kind are kept.
    pub(super) fn entries(&self) -> usize {
        let waiting: usize = self.finished.iter().map(|second| second.targets.len()).sum();
        self.bins.iter().chain([&self.current]).map(Bin::entries).sum::<usize>() + waiting
    }

    /// Counts a handshake that begins, and gives the numbers of its target and of its source.
    #[inline]
    pub(super) fn opened(
        &mut self,
        packet: &Packet<'_>,
        tcp: &Tcp,
        (server, source): (&Endpoint, &IpAddr),
        clock: Timestamp,
    ) -> (u32, u32) {
        let Self { config, current: bin, .. } = self;
        let number = bin.target(server, config);
        if let Some((target, room)) = bin.target_at(number) {
            target.span.include(Span::at(clock));
            target.syn += 1;
            target.fates.enter(Fate::Silent);
            target.with_options += u32::from(has_options(packet));
            target.fingerprints.count(packet, tcp);
            target.opened_by(*source, config.sample_seed, room);
        }
        (number, self.tried(server, source, clock))
    }

    /// Counts by its source that a target is tried, and gives the number of the source.
    #[inline]
    fn tried(&mut self, server: &Endpoint, source: &IpAddr, clock: Timestamp) -> u32 {
        let Self { config, current: bin, .. } = self;
        let number = bin.source(source, config);
        if let Some((count, room)) = bin.source_at(number) {
            count.span.include(Span::at(clock));
            count.fates.enter(Fate::Silent);
            count.opened_with(server, config.sample_seed, room);
        } else {
            bin.sources_overflow += 1;
            self.had_no_room.sources_overflow += 1;
        }
        number
    }

    /// Counts by its source that a target is tried with what opens no connection.
    pub(super) fn tried_without_syn(&mut self, server: &Endpoint, source: &IpAddr, clock: Timestamp) {
        let number = self.tried(server, source, clock);
        if let Some((count, _)) = self.current.source_at(number) {
            count.without_syn += 1;
        }
    }

    /// Counts the SYN of `one` once more. `is_rapid` if it came sooner than a TCP sends it, `is_flood` if it did so more often than a
    /// mirror shows a packet.
    pub(super) fn repeated(&mut self, one: &Handshake, is_rapid: bool, is_flood: bool, clock: Timestamp) {
        let Some(target) = self.target(one) else { return };
        target.span.include(Span::at(clock));
        target.syn += 1;
        target.syn_rapid += u32::from(is_flood);
        target.syn_repeated += u32::from(!is_rapid);
        if is_flood {
            self.opened_again(one);
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

    /// Counts a SYN-ACK.
    pub(super) fn answered(&mut self, one: &Handshake, is_repeated: bool) {
        if let Some(target) = self.target(one) {
            target.syn_ack += 1;
            target.syn_ack_repeated += u32::from(is_repeated);
        }
    }

    /// Counts that a handshake was answered, or that it was answered again.
    pub(super) fn answered_first(&mut self, one: &Handshake, is_again: bool) {
        let Some(bin) = self.bin_of(one.opened) else { return };
        if let Some((target, _)) = bin.target_at(one.target) {
            target.answered += u32::from(!is_again);
            target.answered_again += u32::from(is_again);
        }
        if let Some((source, _)) = bin.source_at(one.source) {
            source.answered += u32::from(!is_again);
        }
    }

    /// Counts a SYN-ACK for which no SYN was seen, and gives the numbers of its target and of its source.
    pub(super) fn unsolicited(
        &mut self,
        server: &Endpoint,
        receiver: &IpAddr,
        clock: Timestamp,
    ) -> (u32, u32) {
        let Self { config, current: bin, .. } = self;
        let (number, source_number) = (bin.target(server, config), bin.source(receiver, config));
        if let Some((target, room)) = bin.target_at(number) {
            target.span.include(Span::at(clock));
            target.syn_ack += 1;
            target.unsolicited += 1;
            let hash = address_hash(config.sample_seed, *receiver);
            if let Some(source) = target.sources.enter(hash, room, || TryingSource::new(*receiver)) {
                source.unsolicited = source.unsolicited.saturating_add(1);
            }
        }
        if let Some((source, room)) = bin.source_at(source_number) {
            source.span.include(Span::at(clock));
            source.unsolicited += 1;
            let hash = endpoint_hash(config.sample_seed, server.address, server.port);
            source.targets.enter(hash, room, || TriedTarget::new(server));
        }
        (number, source_number)
    }

    /// Counts an RST, and what it made of the handshake if it ended it.
    pub(super) fn reset(&mut self, one: &Handshake, fate: Option<Fate>) {
        let is_late = fate == Some(Fate::Refused) && self.bin_of(one.opened).is_none();
        if let Some(target) = self.target(one) {
            target.resets += 1;
            target.refused_late += u32::from(is_late);
        }
        if let Some(fate) = fate {
            self.turn(one, fate);
        }
    }

    /// Counts that a handshake was completed.
    pub(super) fn completed(&mut self, one: &Handshake) {
        self.turn(one, Fate::Completed);
        let (server, client) = (one.key.endpoint(one.client.opposite()), one.key.endpoint(one.client));
        let seed = self.config.sample_seed;
        let Some(bin) = self.bin_of(one.opened) else {
            if !one.unsolicited
                && let Some(target) = self.target(one)
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

    /// Counts `one`, as it was, with another fate, if the second in which it was opened is still here.
    pub(super) fn turn(&mut self, one: &Handshake, to: Fate) {
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

    /// Counts that a handshake was given up for a newer one before its end was known.
    pub(super) const fn evicted(&mut self) {
        self.had_no_room.half_open_evicted += 1;
        self.current.evicted += 1;
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

/// Seconds that wait to be taken; no more than four become final at a time.
const SECONDS_WAITING: usize = 8;
