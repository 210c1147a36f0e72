use std::net::IpAddr;

use flow::Endpoint;
use wire::Timestamp;

use super::{
    fates::{Count, Fates},
    fingerprint::Fingerprints,
    numbered_map::NumberedMap,
    sample::{Additive, Sample, address_hash, endpoint_hash},
    spare::Home,
};
use crate::Prefix;

/// What one observer saw of the handshakes that were opened in one second of packet time.
///
/// It is final: what became of the handshakes in the seconds after is in it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Second {
    /// Which one, since the epoch.
    pub second: u64,
    /// By what was to be connected to.
    pub targets: NumberedMap<Target, TargetCount>,
    /// By who opened, or seemed to.
    pub sources: NumberedMap<IpAddr, SourceCount<u32>>,
    /// Handshakes that are missing in `sources`, since too many sources opened some in this second.
    pub sources_overflow: u64,
    /// Half-open handshakes that were given up for newer ones.
    pub evicted: u64,
    /// Set if it was handed over before all fates could be known: the capture ended.
    pub premature: bool,
    /// Set if there was no room for all samples, so that estimates are too small.
    pub is_sample_exhausted: bool,
    /// What tells how much the capture can show.
    pub(super) shown: Shown,
    /// Where `targets` and `sources` go at its end.
    pub(super) home: Home<Maps>,
}

/// What a second is counted in, by target and by source.
#[derive(Debug, Default)]
pub(super) struct Maps {
    pub(super) targets: NumberedMap<Target, TargetCount>,
    pub(super) sources: NumberedMap<IpAddr, SourceCount<u32>>,
}

impl Maps {
    /// Empty ones, with room for as much as `before` hold.
    pub(super) fn as_large_as(before: &Self) -> Self {
        Self {
            targets: NumberedMap::with_capacity(before.targets.len()),
            sources: NumberedMap::with_capacity(before.sources.len()),
        }
    }

    /// The same without anything in them. They keep their room.
    pub(super) fn cleared(mut self) -> Self {
        self.targets.clear();
        self.sources.clear();
        self
    }
}

impl Drop for Second {
    fn drop(&mut self) {
        let (targets, sources) = (std::mem::take(&mut self.targets), std::mem::take(&mut self.sources));
        self.home.take_back(Maps { targets, sources });
    }
}

/// Sums over the targets of a second, from which the quality of the capture follows.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Shown {
    pub(super) completed: u64,
    pub(super) completed_unanswered: u64,
    pub(super) unsolicited_completed: u64,
    /// Answers of any kind to SYN that were seen.
    pub(super) answers: u64,
}

impl Shown {
    /// Takes in a target.
    pub(super) fn add_target(&mut self, count: &TargetCount) {
        self.add(&Self {
            completed: count.fates.completed.into(),
            completed_unanswered: count.completed_unanswered.into(),
            unsolicited_completed: count.unsolicited_completed.into(),
            answers: [count.answered, count.fates.refused, count.refused_late].map(u64::from).iter().sum(),
        });
    }

    pub(super) const fn add(&mut self, other: &Self) {
        self.completed = self.completed.saturating_add(other.completed);
        self.completed_unanswered = self.completed_unanswered.saturating_add(other.completed_unanswered);
        self.unsolicited_completed = self.unsolicited_completed.saturating_add(other.unsolicited_completed);
        self.answers = self.answers.saturating_add(other.answers);
    }

    /// What was before counts half.
    pub(super) const fn halve(&mut self) {
        self.completed /= 2;
        self.completed_unanswered /= 2;
        self.unsolicited_completed /= 2;
        self.answers /= 2;
    }
}

/// What handshakes are counted by: a port of a host, or what that belongs to once there are too many of them in a second.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Target {
    /// An address and a port.
    Port(IpAddr, u16),
    /// Further ports, together.
    Prefix(Prefix),
    /// Ports of further prefixes, together.
    Other,
}

/// A second of a target.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TargetCount {
    /// The first packet that is counted here, and the last.
    pub span: Span,
    /// What became of the handshakes that were opened in this second.
    pub fates: Fates<u32>,
    /// Of these, how many got a SYN-ACK.
    pub answered: u32,
    /// Of these, how many got it again after a pause.
    pub answered_again: u32,
    /// Of the completed, how many without a SYN-ACK that was seen.
    pub completed_unanswered: u32,
    /// Of the opened, how many had TCP options in their SYN.
    pub with_options: u32,
    /// SYN in this second, repeated ones included.
    pub syn: u32,
    /// SYN with ports and sequence number of an earlier one, after a pause.
    pub syn_repeated: u32,
    /// The same without a pause, and more often than a mirror shows a packet: from a tool that does not care.
    pub syn_rapid: u32,
    /// SYN-ACK in this second, repeated ones included.
    pub syn_ack: u32,
    /// SYN-ACK that repeat an earlier one after a pause.
    pub syn_ack_repeated: u32,
    /// RST that ended a handshake, from either side, in this second.
    pub resets: u32,
    /// Handshakes of earlier seconds that were completed in this one, after those had been handed over.
    pub completed_late: u32,
    /// Handshakes of earlier seconds that were refused in this one, likewise.
    pub refused_late: u32,
    /// SYN-ACK for which no SYN was seen.
    pub unsolicited: u32,
    /// Of these, how many were followed by more of the same connection.
    pub unsolicited_completed: u32,
    /// What the SYN looked like.
    pub fingerprints: Fingerprints,
    /// Who opened, or got an unsolicited SYN-ACK.
    pub sources: Sample<TryingSource>,
}

/// Three lines of the cache, for each target of a second.
const _: () = assert!(size_of::<TargetCount>() <= 192);

impl TargetCount {
    /// Does nothing of it lead nowhere, whatever a judge pardons? If so of two, then also of their sum.
    pub(super) const fn is_quiet(&self) -> bool {
        let left = self.fates.half_open | self.fates.silent | self.fates.aborted | self.fates.refused;
        left | self.syn_rapid == 0 && self.unsolicited <= self.unsolicited_completed
    }

    /// Counts that a source opened a handshake, or seemed to, if it belongs into the sample, and there is `room`.
    #[inline]
    pub(super) fn opened_by(&mut self, source: IpAddr, seed: u64, room: &mut usize) {
        let hash = address_hash(seed, source);
        if let Some(trying) = self.sources.enter(hash, room, || TryingSource::new(source)) {
            trying.opened = trying.opened.saturating_add(1);
        }
    }

    /// Adds what another observer saw of the same second.
    pub(super) fn add(&mut self, other: &Self) {
        self.span.include(other.span);
        self.fates.add(&other.fates);
        for (own, other) in [
            (&mut self.answered, other.answered),
            (&mut self.answered_again, other.answered_again),
            (&mut self.completed_unanswered, other.completed_unanswered),
            (&mut self.with_options, other.with_options),
            (&mut self.syn, other.syn),
            (&mut self.syn_repeated, other.syn_repeated),
            (&mut self.syn_rapid, other.syn_rapid),
            (&mut self.syn_ack, other.syn_ack),
            (&mut self.syn_ack_repeated, other.syn_ack_repeated),
            (&mut self.resets, other.resets),
            (&mut self.completed_late, other.completed_late),
            (&mut self.refused_late, other.refused_late),
            (&mut self.unsolicited, other.unsolicited),
            (&mut self.unsolicited_completed, other.unsolicited_completed),
        ] {
            *own = own.saturating_add(other);
        }
        self.fingerprints.add(&other.fingerprints);
        self.sources.merge(&other.sources);
    }
}

/// The times of a first and a last packet.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Span {
    /// Of the first.
    pub first: Timestamp,
    /// Of the last.
    pub last: Timestamp,
}

impl Default for Span {
    fn default() -> Self {
        Self { first: Timestamp::MAX, last: Timestamp::ZERO }
    }
}

impl Span {
    /// One moment.
    pub(super) const fn at(time: Timestamp) -> Self {
        Self { first: time, last: time }
    }

    /// Widens it so that it holds `other`.
    pub(super) fn include(&mut self, other: Self) {
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
    }
}

/// One of the sources that opened handshakes with a target in a second.
#[derive(Clone, Debug, PartialEq)]
pub struct TryingSource {
    /// Its address, which may be forged.
    pub address: IpAddr,
    /// How many it opened.
    pub opened: u32,
    /// How many of them were completed.
    pub completed: u32,
    /// Unsolicited SYN-ACKs that it got.
    pub unsolicited: u32,
}

impl TryingSource {
    /// One that did nothing yet.
    pub(super) const fn new(address: IpAddr) -> Self {
        Self { address, opened: 0, completed: 0, unsolicited: 0 }
    }
}

impl Additive for TryingSource {
    fn add(&mut self, other: &Self) {
        self.opened = self.opened.saturating_add(other.opened);
        self.completed = self.completed.saturating_add(other.completed);
        self.unsolicited = self.unsolicited.saturating_add(other.unsolicited);
    }
}

/// A second of a source, or more of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SourceCount<N> {
    /// The first packet that is counted here, and the last.
    pub span: Span,
    /// What became of the handshakes that it opened.
    pub fates: Fates<N>,
    /// Of these, how many got a SYN-ACK.
    pub answered: N,
    /// Of these, how many it tried with a segment that has neither SYN nor ACK.
    pub without_syn: N,
    /// SYN-ACKs that it got without a SYN that was seen.
    pub unsolicited: N,
    /// Of these, how many were followed by more of the same connection.
    pub unsolicited_completed: N,
    /// The addresses and ports that it tried, and those it got unsolicited SYN-ACKs from.
    pub targets: Sample<TriedTarget>,
}

impl SourceCount<u32> {
    /// Counts that the source opened a handshake with a server, if that belongs into the sample, and there is `room`.
    #[inline]
    pub(super) fn opened_with(&mut self, server: &Endpoint, seed: u64, room: &mut usize) {
        let hash = endpoint_hash(seed, server.address, server.port);
        if let Some(tried) = self.targets.enter(hash, room, || TriedTarget::new(server)) {
            tried.opened = tried.opened.saturating_add(1);
        }
    }

    /// Did it fail at anything, or get anything that it did not ask for?
    pub(super) const fn has_failures(&self) -> bool {
        let Fates { refused, aborted, retried, half_open, silent, .. } = self.fates;
        refused | aborted | retried | half_open | silent != 0 || self.unsolicited > self.unsolicited_completed
    }
}

impl<N: Count> SourceCount<N> {
    /// Adds what another observer, or another second, saw of the source.
    pub(super) fn add<M: Copy + Into<N>>(&mut self, other: &SourceCount<M>) {
        self.span.include(other.span);
        self.fates.add(&other.fates);
        self.answered = self.answered.plus(other.answered.into());
        self.without_syn = self.without_syn.plus(other.without_syn.into());
        self.unsolicited = self.unsolicited.plus(other.unsolicited.into());
        self.unsolicited_completed = self.unsolicited_completed.plus(other.unsolicited_completed.into());
        self.targets.merge(&other.targets);
    }
}

impl From<SourceCount<u32>> for SourceCount<u64> {
    fn from(second: SourceCount<u32>) -> Self {
        Self {
            span: second.span,
            fates: second.fates.into(),
            answered: second.answered.into(),
            without_syn: second.without_syn.into(),
            unsolicited: second.unsolicited.into(),
            unsolicited_completed: second.unsolicited_completed.into(),
            targets: second.targets,
        }
    }
}

/// One of the targets that a source tried.
#[derive(Clone, Debug, PartialEq)]
pub struct TriedTarget {
    /// The address.
    pub address: IpAddr,
    /// The port.
    pub port: u16,
    /// How many handshakes were opened with it.
    pub opened: u32,
    /// How many of them were completed.
    pub completed: u32,
}

impl TriedTarget {
    /// One that was not tried yet.
    pub(super) const fn new(server: &Endpoint) -> Self {
        Self { address: server.address, port: server.port, opened: 0, completed: 0 }
    }
}

impl Additive for TriedTarget {
    fn add(&mut self, other: &Self) {
        self.opened = self.opened.saturating_add(other.opened);
        self.completed = self.completed.saturating_add(other.completed);
    }
}

impl Second {
    /// When the capture's clock shows this, an observer hands the second over.
    pub const fn is_final_at(&self) -> Timestamp {
        Timestamp::from_parts(self.second.saturating_add(FATE_SECONDS + 1), 0)
    }

    /// Adds what another observer saw of the same second.
    pub(super) fn add(&mut self, other: &Self) {
        self.targets.merge(&other.targets, TargetCount::add);
        self.sources.merge(&other.sources, SourceCount::add);
        self.shown.add(&other.shown);
        self.sources_overflow = self.sources_overflow.saturating_add(other.sources_overflow);
        self.evicted = self.evicted.saturating_add(other.evicted);
        self.premature |= other.premature;
        self.is_sample_exhausted |= other.is_sample_exhausted;
    }
}

/// For how many seconds after its own a handshake may change its fate before its second is handed over: clients repeat a SYN after
/// one second (RFC 6298, 2.1), older ones after three (RFC 1122, 4.2.3.1).
pub(super) const FATE_SECONDS: u64 = 3;
