use std::net::IpAddr;

use wire::Timestamp;

use super::{
    fingerprint::Fingerprints,
    numbered_map::NumberedMap,
    observer::FATE_SECONDS,
    sample::{Additive, Sample},
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
    pub sources: NumberedMap<IpAddr, SourceCount>,
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
            completed: count.fates.completed,
            completed_unanswered: count.completed_unanswered,
            unsolicited_completed: count.unsolicited_completed,
            answers: count.answered.saturating_add(count.fates.refused).saturating_add(count.refused_late),
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

/// What became of opened handshakes by the time that their second was handed over. Each has one fate.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Fates {
    /// One side went on after the handshake.
    pub completed: u64,
    /// The server sent RST.
    pub refused: u64,
    /// The client, or the host that was made to look like one, sent RST.
    pub aborted: u64,
    /// The client repeated its SYN after a pause, as a TCP does that waits for an answer, and got no further.
    pub retried: u64,
    /// The server answered with SYN-ACK, and the client said no more.
    pub half_open: u64,
    /// Nothing came back, and nothing more was sent.
    pub silent: u64,
}

/// The fate of one handshake.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum Fate {
    #[default]
    Silent,
    HalfOpen,
    Retried,
    Aborted,
    Refused,
    Completed,
}

impl Fates {
    /// All handshakes.
    pub const fn opened(&self) -> u64 {
        self.completed
            .saturating_add(self.refused)
            .saturating_add(self.aborted)
            .saturating_add(self.retried)
            .saturating_add(self.half_open)
            .saturating_add(self.silent)
    }

    /// Counts a handshake.
    pub(super) fn enter(&mut self, fate: Fate) {
        let count = self.of(fate);
        *count = count.saturating_add(1);
    }

    /// Counts a handshake differently than before.
    pub(super) fn change(&mut self, from: Fate, to: Fate) {
        let count = self.of(from);
        *count = count.saturating_sub(1);
        self.enter(to);
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.completed = self.completed.saturating_add(other.completed);
        self.refused = self.refused.saturating_add(other.refused);
        self.aborted = self.aborted.saturating_add(other.aborted);
        self.retried = self.retried.saturating_add(other.retried);
        self.half_open = self.half_open.saturating_add(other.half_open);
        self.silent = self.silent.saturating_add(other.silent);
    }

    /// Takes out what was added.
    pub(super) const fn subtract(&mut self, other: &Self) {
        self.completed = self.completed.saturating_sub(other.completed);
        self.refused = self.refused.saturating_sub(other.refused);
        self.aborted = self.aborted.saturating_sub(other.aborted);
        self.retried = self.retried.saturating_sub(other.retried);
        self.half_open = self.half_open.saturating_sub(other.half_open);
        self.silent = self.silent.saturating_sub(other.silent);
    }

    /// One number for each fate, for who keeps them otherwise.
    pub(super) const fn counts(&self) -> [u64; 6] {
        [self.completed, self.refused, self.aborted, self.retried, self.half_open, self.silent]
    }

    /// The same back.
    pub(super) const fn from_counts(counts: [u64; 6]) -> Self {
        let [completed, refused, aborted, retried, half_open, silent] = counts;
        Self { completed, refused, aborted, retried, half_open, silent }
    }

    const fn of(&mut self, fate: Fate) -> &mut u64 {
        match fate {
            Fate::Completed => &mut self.completed,
            Fate::Refused => &mut self.refused,
            Fate::Aborted => &mut self.aborted,
            Fate::Retried => &mut self.retried,
            Fate::HalfOpen => &mut self.half_open,
            Fate::Silent => &mut self.silent,
        }
    }
}

/// A second of a target.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TargetCount {
    /// The first packet that is counted here, and the last.
    pub span: Span,
    /// What became of the handshakes that were opened in this second.
    pub fates: Fates,
    /// Of these, how many got a SYN-ACK.
    pub answered: u64,
    /// Of these, how many got it again after a pause.
    pub answered_again: u64,
    /// Of the completed, how many without a SYN-ACK that was seen.
    pub completed_unanswered: u64,
    /// Of the opened, how many had TCP options in their SYN.
    pub with_options: u64,
    /// SYN in this second, repeated ones included.
    pub syn: u64,
    /// SYN with ports and sequence number of an earlier one, after a pause.
    pub syn_repeated: u64,
    /// The same without a pause: from a mirror that shows packets twice, or from a tool that does not care.
    pub syn_rapid: u64,
    /// SYN-ACK in this second, repeated ones included.
    pub syn_ack: u64,
    /// SYN-ACK that repeat an earlier one after a pause.
    pub syn_ack_repeated: u64,
    /// RST that ended a handshake, from either side, in this second.
    pub resets: u64,
    /// Handshakes of earlier seconds that were completed in this one, after those had been handed over.
    pub completed_late: u64,
    /// Handshakes of earlier seconds that were refused in this one, likewise.
    pub refused_late: u64,
    /// SYN-ACK for which no SYN was seen.
    pub unsolicited: u64,
    /// Of these, how many were followed by more of the same connection.
    pub unsolicited_completed: u64,
    /// What the SYN looked like.
    pub fingerprints: Fingerprints,
    /// Who opened, or got an unsolicited SYN-ACK.
    pub sources: Sample<TryingSource>,
}

impl TargetCount {
    /// Does nothing of it lead nowhere, whatever a judge pardons? If so of two, then also of their sum.
    pub(super) const fn is_quiet(&self) -> bool {
        let left = self.fates.half_open | self.fates.silent | self.fates.aborted | self.fates.refused;
        left | self.syn_rapid == 0 && self.unsolicited <= self.unsolicited_completed
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

impl Additive for TryingSource {
    fn add(&mut self, other: &Self) {
        self.opened = self.opened.saturating_add(other.opened);
        self.completed = self.completed.saturating_add(other.completed);
        self.unsolicited = self.unsolicited.saturating_add(other.unsolicited);
    }
}

/// A second of a source.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SourceCount {
    /// The first packet that is counted here, and the last.
    pub span: Span,
    /// What became of the handshakes that it opened.
    pub fates: Fates,
    /// Of these, how many got a SYN-ACK.
    pub answered: u64,
    /// SYN-ACKs that it got without a SYN that was seen.
    pub unsolicited: u64,
    /// Of these, how many were followed by more of the same connection.
    pub unsolicited_completed: u64,
    /// The addresses and ports that it tried, and those it got unsolicited SYN-ACKs from.
    pub targets: Sample<TriedTarget>,
}

impl SourceCount {
    /// Did it fail at anything, or get anything that it did not ask for?
    pub(super) const fn has_failures(&self) -> bool {
        self.fates.opened() > self.fates.completed || self.unsolicited > self.unsolicited_completed
    }

    /// Adds what another observer, or another second, saw of the source.
    pub(super) fn add(&mut self, other: &Self) {
        self.span.include(other.span);
        self.fates.add(&other.fates);
        self.answered = self.answered.saturating_add(other.answered);
        self.unsolicited = self.unsolicited.saturating_add(other.unsolicited);
        self.unsolicited_completed = self.unsolicited_completed.saturating_add(other.unsolicited_completed);
        self.targets.merge(&other.targets);
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
