use std::{
    collections::{BTreeSet, VecDeque},
    time::Duration,
};

use flow::Endpoint;
use sha2::{Digest, Sha256};
use wire::Timestamp;

use super::JudgeConfig;
use crate::rdp::{Outcome, SecurityProtocols, Tool, observation::LogonSeen};

/// What one source did: its latest tries, and how much has been said of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Source {
    tries: VecDeque<Try>,
    /// The latest logons that succeeded.
    successes: VecDeque<(Timestamp, User)>,
}

/// A logon that failed, was refused, or may have been tried.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Try {
    pub(super) ended: Timestamp,
    pub(super) opened: Timestamp,
    pub(super) server: Endpoint,
    pub(super) user: User,
    pub(super) requested: Option<SecurityProtocols>,
    /// `Failed`, `Refused`, or `Unknown` for a logon screen.
    pub(super) outcome: Outcome,
    pub(super) tool: Option<Tool>,
    pub(super) server_octets: u64,
    pub(super) client_records: u32,
    pub(super) lasted: Duration,
    /// It came so soon after another try at the server that a program made it.
    is_of_program: bool,
}

/// Tries of one source, in sums.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tries<'a> {
    tries: Vec<&'a Try>,
}

/// Stands for a name, which may be long: none, or the beginning of its SHA-256.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct User(Option<[u8; 8]>);

impl User {
    fn new(name: Option<&str>) -> Self {
        Self(name.and_then(|name| Sha256::digest(name.as_bytes()).first_chunk().copied()))
    }
}

impl Source {
    /// Takes a try. One that climbs down a ladder of protocols takes the place of the rung before.
    pub(super) fn push(&mut self, mut new: Try, config: &JudgeConfig) {
        // A rung of the same ladder is the same try.
        let is_another = |old: &&Try| old.outcome != Outcome::Refused && !is_ladder(old, &new, config);
        let is_soon = |old: &Try| old.server == new.server && new.opened - old.ended < config.typing_pause;
        let is_of_program = self.tries.iter().rev().filter(is_another).any(is_soon);
        new.is_of_program = is_of_program;
        let rung = self.tries.iter().rposition(|old| is_ladder(old, &new, config));
        match rung.and_then(|place| self.tries.get_mut(place)) {
            Some(old) => {
                let outcome = old.outcome.max(new.outcome);
                *old = Try { outcome, opened: old.opened, ..new };
            }
            None => self.tries.push_back(new),
        }
        if self.tries.len() > KEPT_TRIES {
            self.tries.pop_front();
        }
    }

    pub(super) fn succeeded(&mut self, time: Timestamp, user: Option<&str>) {
        self.successes.push_back((time, User::new(user)));
        if self.successes.len() > KEPT_SUCCESSES {
            self.successes.pop_front();
        }
    }

    /// Takes back failures of a name that has succeeded now, if they are few enough to be typing errors.
    pub(super) fn forgive(&mut self, user: Option<&str>, server: Endpoint, config: &JudgeConfig) {
        let user = User::new(user);
        let is_same = |old: &Try| old.user == user && old.server == server;
        let same = self.without_repeats().filter(|old| is_same(old)).count();
        if same <= usize::try_from(config.forgiven_failures).unwrap_or(usize::MAX) {
            self.tries.retain(|old| !is_same(old));
        }
    }

    /// Forgets what is older than the slow window.
    pub(super) fn forget_before(&mut self, time: Timestamp) {
        self.tries.retain(|old| old.ended >= time);
        self.successes.retain(|(ended, _)| *ended >= time);
    }

    /// Tries whose credentials the server did not take, or that left at a logon screen.
    pub(super) fn guesses(&self) -> Tries<'_> {
        Tries { tries: self.without_repeats().filter(|old| old.outcome != Outcome::Refused).collect() }
    }

    /// Tries without those that a client made by itself.
    fn without_repeats(&self) -> impl Iterator<Item = &Try> {
        self.tries.iter().enumerate().filter(|(place, _)| !self.is_repeat(*place)).map(|(_, tried)| tried)
    }

    /// `FreeRDP` connects once more, at once, with a password that was not taken: that is one try of its user. Those who guess go
    /// on as fast, so that only two that stand alone are a try and its repeat.
    fn is_repeat(&self, place: usize) -> bool {
        let at = |before: usize| place.checked_sub(before).and_then(|place| self.tries.get(place));
        let (Some(first), Some(second)) = (at(1), at(0)) else { return false };
        first.is_failure_like(second)
            && second.follows_at_once(first)
            && at(2).is_none_or(|earlier| !first.follows_at_once(earlier))
            && self.tries.get(place + 1).is_none_or(|later| !later.follows_at_once(second))
    }

    /// Tries with a name that never came to a logon. Who names nobody looks whether the server is up.
    pub(super) fn refusals(&self) -> Tries<'_> {
        let is_refused = |old: &&Try| old.outcome == Outcome::Refused && old.user != User(None);
        Tries { tries: self.tries.iter().filter(is_refused).collect() }
    }

    /// Names that have succeeded. Many of them are what a jump host has.
    pub(super) fn successful_users(&self) -> usize {
        self.successes.iter().map(|(_, user)| user).collect::<BTreeSet<_>>().len()
    }
}

impl Try {
    pub(super) fn new(ended: Timestamp, server: Endpoint, seen: &LogonSeen) -> Self {
        Self {
            ended,
            opened: seen.opened,
            server,
            user: User::new(seen.user.as_deref()),
            requested: seen.requested,
            outcome: seen.logon.outcome,
            tool: seen.tool,
            server_octets: seen.server_octets,
            client_records: seen.client_records,
            lasted: seen.lasted(ended),
            is_of_program: false,
        }
    }

    /// Did both fail with the same name at the same server?
    fn is_failure_like(&self, other: &Self) -> bool {
        let what = |tried: &Self| (tried.outcome, tried.server, tried.user, tried.requested);
        self.outcome == Outcome::Failed && what(self) == what(other)
    }

    fn follows_at_once(&self, earlier: &Self) -> bool {
        self.opened - earlier.ended <= REPEAT_PAUSE
    }

    /// How much it counts.
    fn weight(&self, config: &JudgeConfig) -> f64 {
        match self.outcome {
            Outcome::Failed => 1.0,
            // A program has no reason to look at a logon screen but to log on.
            Outcome::Unknown if self.is_of_program => 1.0,
            Outcome::Unknown => config.logon_screen_weight,
            _ => 0.0,
        }
    }
}

/// The same client tries again with fewer protocols, at once.
fn is_ladder(old: &Try, new: &Try, config: &JudgeConfig) -> bool {
    let protocols = |tried: &Try| tried.requested.unwrap_or_default().0;
    let (before, after) = (protocols(old), protocols(new));
    old.server == new.server
        && old.user == new.user
        && before != after
        && before & after == after
        && new.opened >= old.opened
        && new.opened - old.ended <= config.ladder_pause
}

impl<'a> Tries<'a> {
    pub(super) fn at(&self, server: Endpoint) -> Self {
        self.filtered(|tried| tried.server == server)
    }

    pub(super) fn since(&self, time: Timestamp) -> Self {
        self.filtered(|tried| tried.ended >= time)
    }

    fn filtered(&self, keep: impl Fn(&Try) -> bool) -> Self {
        Self { tries: self.tries.iter().copied().filter(|tried| keep(tried)).collect() }
    }

    pub(super) fn len(&self) -> usize {
        self.tries.len()
    }

    pub(super) fn first(&self) -> Option<&'a Try> {
        self.tries.first().copied()
    }

    pub(super) fn last(&self) -> Option<&'a Try> {
        self.tries.last().copied()
    }

    pub(super) fn count(&self, outcome: Outcome) -> usize {
        self.tries.iter().filter(|tried| tried.outcome == outcome).count()
    }

    /// Failures, with logon screens in part.
    pub(super) fn weight(&self, config: &JudgeConfig) -> f64 {
        self.tries.iter().map(|tried| tried.weight(config)).sum()
    }

    pub(super) fn users(&self) -> usize {
        self.tries.iter().map(|tried| tried.user).collect::<BTreeSet<_>>().len()
    }

    pub(super) fn servers(&self) -> usize {
        self.tries.iter().map(|tried| tried.server).collect::<BTreeSet<_>>().len()
    }

    /// The tool that the latest try gives away.
    pub(super) fn tool(&self) -> Option<Tool> {
        self.tries.iter().rev().find_map(|tried| tried.tool)
    }

    /// The median pause between the beginnings of tries.
    pub(super) fn median_pause(&self) -> Option<Duration> {
        let pauses = self.pauses();
        pauses.get(pauses.len() / 2).copied()
    }

    /// Tries that keep a shorter period than old passwords that are saved, and more exactly than people do: a program that pauses.
    pub(super) fn is_clockwork(&self, config: &JudgeConfig) -> bool {
        let pauses = self.pauses();
        let at = |tenths: usize| pauses.get(pauses.len() * tenths / 10).copied().unwrap_or_default();
        let (short, median, long) = (at(1), at(5), at(8));
        pauses.len() >= STEADY_PAUSES
            && median < config.steady_period
            && long.saturating_sub(short).as_secs_f64() <= median.as_secs_f64() * CLOCKWORK_SPREAD
    }

    /// One name at one server with a steady and long period: a program that has an old password, not somebody who guesses.
    pub(super) fn is_steady(&self, config: &JudgeConfig) -> bool {
        let pauses = self.pauses();
        let at = |tenths: usize| pauses.get(pauses.len() * tenths / 10).copied().unwrap_or_default();
        let (short, median, long) = (at(1), at(5), at(8));
        pauses.len() >= STEADY_PAUSES
            && self.users() == 1
            && self.servers() == 1
            && median >= config.steady_period
            && long.saturating_sub(short).as_secs_f64()
                <= STEADY_JITTER_SECONDS + median.as_secs_f64() * STEADY_SPREAD
    }

    /// The median of what servers sent to tries that left at a logon screen.
    pub(super) fn median_logon_screen_octets(&self) -> Option<u64> {
        let screens = self.tries.iter().filter(|tried| tried.outcome == Outcome::Unknown);
        let mut octets: Vec<u64> = screens.map(|tried| tried.server_octets).collect();
        octets.sort_unstable();
        octets.get(octets.len() / 2).copied()
    }

    /// Did a program leave most of them at a logon screen?
    pub(super) fn are_of_program(&self) -> bool {
        let is_of_program = |tried: &&&Try| tried.outcome == Outcome::Unknown && tried.is_of_program;
        self.tries.iter().filter(is_of_program).count() * 2 > self.tries.len()
    }

    /// The most that a client said, and the longest that it stayed, of tries that left at a logon screen, if there are at least `least`.
    pub(super) fn furthest(&self, least: u32) -> Option<(u32, Duration)> {
        let screens = || self.tries.iter().filter(|tried| tried.outcome == Outcome::Unknown);
        let records = screens().map(|tried| tried.client_records).max()?;
        let lasted = screens().map(|tried| tried.lasted).max()?;
        (screens().count() >= usize::try_from(least).unwrap_or(usize::MAX)).then_some((records, lasted))
    }

    /// Pauses between the beginnings of tries, shortest first.
    fn pauses(&self) -> Vec<Duration> {
        let mut opened: Vec<Timestamp> = self.tries.iter().map(|tried| tried.opened).collect();
        opened.sort_unstable();
        let mut pauses: Vec<Duration> =
            opened.windows(2).filter_map(|two| Some(*two.get(1)? - *two.first()?)).collect();
        pauses.sort_unstable();
        pauses
    }
}

/// Nobody types a password in that time. `FreeRDP` needs some 20 ms in `pcaps/recorded`.
const REPEAT_PAUSE: Duration = Duration::from_secs(1);
/// More than any threshold asks for.
const KEPT_TRIES: usize = 64;
const KEPT_SUCCESSES: usize = 32;
const STEADY_PAUSES: usize = 5;
/// Between a short pause and a long one: what a logon takes now and then, and a part of the median that timers drift by.
const STEADY_JITTER_SECONDS: f64 = 2.0;
const STEADY_SPREAD: f64 = 0.05;
/// A tenth: what a logon takes varies by less than a second.
const CLOCKWORK_SPREAD: f64 = 0.1;
