use std::collections::VecDeque;

use super::{
    config::JudgeConfig,
    estimate::number,
    fates::{Fates, narrow},
    fingerprint::Fingerprints,
    sample::Sample,
    second::{Span, TargetCount, TryingSource},
};

/// A second of a victim, added up over what it consists of.
#[derive(Clone, Debug, Default)]
pub(super) struct VictimSecond {
    pub(super) span: Span,
    pub(super) fates: Fates<u64>,
    pub(super) answered: u64,
    pub(super) answered_again: u64,
    pub(super) with_options: u64,
    pub(super) syn: u64,
    pub(super) syn_ack: u64,
    pub(super) syn_repeated: u64,
    pub(super) completed_late: u64,
    /// SYN-ACKs that nobody asked for, and that nobody went on after.
    pub(super) unsolicited: u64,
    pub(super) unsolicited_completed: u64,
    /// Handshakes, and SYN without a handshake of their own, that lead nowhere.
    pub(super) leading_nowhere: u64,
    pub(super) fingerprints: Fingerprints,
    pub(super) sources: Sample<TryingSource>,
    /// How many ports of an address, or addresses of a prefix, it is the sum of.
    pub(super) parts: u64,
}

impl VictimSecond {
    /// That of one target, whose sources and fingerprints it takes.
    pub(super) fn of(count: &mut TargetCount, config: &JudgeConfig) -> Self {
        // It asks how many sources there were.
        let leading_nowhere = leading_nowhere(count, config);
        Self {
            span: count.span,
            fates: count.fates.into(),
            answered: count.answered.into(),
            answered_again: count.answered_again.into(),
            with_options: count.with_options.into(),
            syn: count.syn.into(),
            syn_ack: count.syn_ack.into(),
            syn_repeated: count.syn_repeated.into(),
            completed_late: count.completed_late.into(),
            unsolicited: count.unsolicited.saturating_sub(count.unsolicited_completed).into(),
            unsolicited_completed: count.unsolicited_completed.into(),
            leading_nowhere,
            fingerprints: std::mem::take(&mut count.fingerprints),
            sources: std::mem::take(&mut count.sources),
            parts: 1,
        }
    }

    /// SYN-ACKs that nobody asked for, as far as the capture can show. Where SYN are seen that the same port does not answer, and answers
    /// to SYN that are not seen, packets are missing.
    pub(super) fn unasked(&self) -> f64 {
        number(self.unsolicited.saturating_sub(self.fates.silent))
            - number(self.unsolicited_completed) * UNSEEN_COMPLETIONS
    }

    /// Who got SYN-ACKs that they did not ask for: how many there are.
    pub(super) fn receivers(&self) -> u64 {
        self.sources.distinct_with(|source| source.unsolicited > 0)
    }

    /// Is there anything in a second of a target that could make it a victim?
    pub(super) fn is_of_interest(count: &TargetCount, config: &JudgeConfig) -> bool {
        count.unsolicited > count.unsolicited_completed || leading_nowhere(count, config) > 0
    }

    /// Adds a part of the next smaller kind, which counts as one.
    pub(super) fn add_part(&mut self, part: &Self) {
        let parts = self.parts;
        self.add(part);
        self.parts = parts.saturating_add(1);
    }

    /// Adds another second, or another part of the same kind.
    pub(super) fn add(&mut self, other: &Self) {
        self.span.include(other.span);
        self.fates.add(&other.fates);
        for (own, other) in [
            (&mut self.answered, other.answered),
            (&mut self.answered_again, other.answered_again),
            (&mut self.with_options, other.with_options),
            (&mut self.syn, other.syn),
            (&mut self.syn_ack, other.syn_ack),
            (&mut self.syn_repeated, other.syn_repeated),
            (&mut self.completed_late, other.completed_late),
            (&mut self.unsolicited, other.unsolicited),
            (&mut self.unsolicited_completed, other.unsolicited_completed),
            (&mut self.leading_nowhere, other.leading_nowhere),
            (&mut self.parts, other.parts),
        ] {
            *own = own.saturating_add(other);
        }
        self.fingerprints.add(&other.fingerprints);
        self.sources.merge(&other.sources);
    }
}

/// What a flood is made of.
///
/// Retried handshakes are not: whoever waits and asks again wants an answer. Nor are, of clients that send options like any TCP,
/// refusals and answers that they reset: they ask at a closed port, again and again, or check whether a port is open, or took another
/// address that answered sooner (RFC 8305, 5), until there are more of them than such clients send.
fn leading_nowhere(count: &TargetCount, config: &JudgeConfig) -> u64 {
    let (opened, fates) = (count.fates.opened(), Fates::<u64>::from(count.fates));
    let by_each = config.refusals_per_source.saturating_mul(count.sources.distinct());
    let pardoned = if sent_by_clients(count.with_options.into(), opened) {
        config.refusals_per_second.min(by_each)
    } else {
        0
    };
    let reset = fates.refused.saturating_add(fates.aborted).saturating_sub(pardoned);
    let left = fates.half_open + fates.silent;
    left.saturating_add(reset).saturating_add(count.syn_rapid.into())
}

/// Do SYN come from whole TCPs, as far as their options say?
pub(super) const fn sent_by_clients(with_options: u64, opened: u64) -> bool {
    with_options.saturating_mul(2) >= opened
}

/// The numbers of a victim's last seconds.
#[derive(Debug, Default)]
pub(super) struct History {
    rows: VecDeque<Row>,
    /// The first second of `rows`, so that these need not be fetched to know that all of them still count.
    first: u64,
    /// The sum of `rows`, but for whether any is premature.
    sum: Window,
    /// How many of `rows` are premature.
    premature: usize,
}

/// What is kept of a second, in less than a line of the cache: a judge comes back to each of many victims once in a second.
#[derive(Clone, Copy, Debug)]
struct Row {
    /// The lower half of its number: rows span a minute.
    second: u32,
    fates: Fates<u32>,
    answered: u32,
    answered_again: u32,
    leading_nowhere: u32,
    completed_late: u32,
    is_premature: bool,
}

const _: () = assert!(size_of::<Row>() <= 48);

impl Row {
    fn new(second: u64, count: &VictimSecond, is_premature: bool) -> Self {
        Self {
            second: low(second),
            fates: count.fates.narrow(),
            answered: narrow(count.answered),
            answered_again: narrow(count.answered_again),
            leading_nowhere: narrow(count.leading_nowhere),
            completed_late: narrow(count.completed_late),
            is_premature,
        }
    }

    fn counts(&self) -> Window {
        Window {
            fates: self.fates.into(),
            answered: self.answered.into(),
            answered_again: self.answered_again.into(),
            leading_nowhere: self.leading_nowhere.into(),
            completed_late: self.completed_late.into(),
            is_premature: self.is_premature,
        }
    }
}

/// The lower half of the number of a second.
const fn low(second: u64) -> u32 {
    #[expect(clippy::cast_possible_truncation, reason = "half of it is asked for")]
    let low = second as u32;
    low
}

/// The sum of some seconds.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Window {
    pub(super) fates: Fates<u64>,
    pub(super) answered: u64,
    pub(super) answered_again: u64,
    pub(super) leading_nowhere: u64,
    pub(super) completed_late: u64,
    pub(super) is_premature: bool,
}

/// Handshakes a second.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rates {
    pub(super) opened: f64,
    pub(super) completed: f64,
}

impl History {
    /// Takes in a second, later than all before.
    pub(super) fn push(&mut self, second: u64, count: &VictimSecond, is_premature: bool) {
        while !self.rows.is_empty() && self.first.saturating_add(HALF_OPEN_SECONDS) <= second {
            let Some(row) = self.rows.pop_front() else { break };
            let passed = self.rows.front().map(|next| next.second.wrapping_sub(row.second));
            self.first = passed.map_or(second, |passed| self.first.saturating_add(passed.into()));
            self.sum.subtract(&row.counts());
            self.premature -= usize::from(row.is_premature);
        }
        if self.rows.is_empty() {
            self.first = second;
        }
        let row = Row::new(second, count, is_premature);
        self.sum.add(&row.counts());
        self.premature += usize::from(is_premature);
        self.rows.push_back(row);
    }

    /// The sum of the `seconds` that end with the latest, `second`.
    pub(super) fn window(&self, second: u64, seconds: u32) -> Window {
        let mut window = Window::default();
        let is_within = |row: &&Row| low(second).wrapping_sub(row.second) < seconds;
        for row in self.rows.iter().rev().take_while(is_within) {
            window.add(&row.counts());
        }
        window
    }

    /// What a second of the [`HALF_OPEN_SECONDS`] has that end with the latest, `second`, on average.
    pub(super) fn per_second(&self, second: u64) -> Rates {
        let seconds = number(second.saturating_sub(self.first).saturating_add(1));
        let fates = &self.sum.fates;
        Rates { opened: number(fates.opened()) / seconds, completed: number(fates.completed) / seconds }
    }

    /// The sum of the [`HALF_OPEN_SECONDS`] that end with the latest second.
    pub(super) fn minute(&self) -> Window {
        Window { is_premature: self.premature > 0, ..self.sum }
    }
}

impl Window {
    fn add(&mut self, other: &Self) {
        self.fates.add(&other.fates);
        self.answered = self.answered.saturating_add(other.answered);
        self.answered_again = self.answered_again.saturating_add(other.answered_again);
        self.leading_nowhere = self.leading_nowhere.saturating_add(other.leading_nowhere);
        self.completed_late = self.completed_late.saturating_add(other.completed_late);
        self.is_premature |= other.is_premature;
    }

    /// Takes out what was added. Whether anything was premature stays.
    fn subtract(&mut self, other: &Self) {
        self.fates.subtract(&other.fates);
        self.answered = self.answered.saturating_sub(other.answered);
        self.answered_again = self.answered_again.saturating_sub(other.answered_again);
        self.leading_nowhere = self.leading_nowhere.saturating_sub(other.leading_nowhere);
        self.completed_late = self.completed_late.saturating_sub(other.completed_late);
    }

    /// Handshakes that a server may still hold half-open, if the window is as long as it holds them.
    pub(super) const fn half_open(&self) -> u64 {
        self.fates.half_open.saturating_sub(self.completed_late)
    }

    /// The share of completed handshakes among all.
    pub(super) fn completion(&self) -> f64 {
        let completed = self.fates.completed.saturating_add(self.completed_late);
        number(completed) / number(self.fates.opened().max(1))
    }

    /// The share that leads nowhere, of what does and what was completed.
    pub(super) fn ratio(&self) -> f64 {
        let all = self.leading_nowhere.saturating_add(self.fates.completed);
        number(self.leading_nowhere) / number(all.max(1))
    }
}

/// Handshakes that nobody saw begin and that go on, and the packets that show it may be missing too.
const UNSEEN_COMPLETIONS: f64 = 0.5;
/// Linux holds a half-open connection for 63 seconds (`tcp_synack_retries` 5: 1 + 2 + 4 + 8 + 16 + 32), others for 75 and less.
pub(super) const HALF_OPEN_SECONDS: u64 = 63;
