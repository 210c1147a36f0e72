use std::{collections::BTreeMap, net::IpAddr, sync::LazyLock};

use wire::Timestamp;

use super::{
    alarm::{Alarm, Noted},
    config::JudgeConfig,
    estimate::{number, share},
    evidence::EvidenceList,
    fates::Fates,
    second::{SourceCount, TriedTarget},
};
use crate::{Evidence, Kind, Prefix, Severity, Victim};

/// What a judge remembers of a source: what it tried, what came of it, and what it got without asking.
#[derive(Debug, Default)]
pub(super) struct SourceTracker {
    /// Everything since it was last silent for long.
    pub(super) count: SourceCount<u64>,
    pub(super) last_second: u64,
    /// The last packet of a second that gave reason for an alarm.
    pub(super) last_seen: Timestamp,
    /// Handshakes that servers answered and that it left, beyond what is put down to chance.
    half_open_excess: f64,
    /// SYN-ACKs that it got without asking, likewise.
    unsolicited_excess: f64,
    /// Everything since there is any excess.
    episode: Option<Box<SourceCount<u64>>>,
    peak_per_second: u64,
    pub(super) alarm: Option<Alarm>,
}

/// How the targets of a scan are spread.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Shape {
    /// Many ports of one host.
    Vertical(IpAddr),
    /// One port of many hosts.
    Horizontal(u16),
    /// Many ports of many hosts.
    Mixed,
}

/// The targets of a source, as far as they were tried.
#[derive(Debug)]
struct Tried {
    targets: u64,
    failed: u64,
    shape: Shape,
    /// Hosts of the prefix with the most of them, of those in the sample.
    neighbours: u64,
    hosts: u64,
}

impl Tried {
    /// Are there few hosts of any one network?
    const fn is_scattered(&self, config: &JudgeConfig) -> bool {
        self.neighbours < config.scan_targets.div_ceil(2)
    }

    /// The share of targets that a scanner completes a handshake with, at most. Whoever walks through a network, or through the ports of a
    /// host, finds open ones, too; many scattered hosts are chosen because they should be there.
    const fn may_complete(&self, config: &JudgeConfig) -> f64 {
        if self.is_scattered(config) && !matches!(self.shape, Shape::Vertical(_)) {
            config.scan_completion
        } else {
            config.scan_completion_nearby
        }
    }
}

impl SourceTracker {
    /// Takes in a second of the source and says which finding it makes, if any.
    pub(super) fn step(
        &mut self,
        second: u64,
        count: SourceCount<u32>,
        config: &JudgeConfig,
    ) -> Option<Noted> {
        let idle = if self.last_second == 0 { 1 } else { second.saturating_sub(self.last_second) };
        if idle > config.scan_memory_seconds && self.alarm.is_none() {
            *self = Self::default();
        }
        self.last_second = second;
        let is_reflected = self.measure(&count, idle, config);
        let (has_failures, last) = (count.has_failures(), count.span.last);
        if self.count.targets.is_empty() && self.count.fates == Fates::default() {
            self.count = count.into();
        } else {
            self.count.add(&count);
        }
        let reflection = if is_reflected { self.reflection(config) } else { None };
        let scan = || if has_failures { self.scan(config) } else { None };
        let (kind, severity) = reflection.or_else(scan)?;
        let noted = Alarm::note(&mut self.alarm, kind, severity, second);
        if self.alarm.is_some_and(|alarm| alarm.active == second) {
            self.last_seen = self.last_seen.max(last);
        }
        noted
    }

    /// Everything since there is any excess.
    fn episode(&self) -> &SourceCount<u64> {
        self.episode.as_deref().unwrap_or(&NOTHING)
    }

    /// Updates the cumulative sums, and says whether this second adds to any.
    fn measure(&mut self, count: &SourceCount<u32>, idle: u64, config: &JudgeConfig) -> bool {
        let unasked = u64::from(count.unsolicited.saturating_sub(count.unsolicited_completed));
        let half_open = u64::from(count.fates.half_open);
        let allowed = config.slack_per_second * number(idle.clamp(1, config.scan_memory_seconds));
        let ceiling = EXCESS_CEILING * config.reflection_excess;
        let grow = |excess: f64, now: u64| (excess + number(now) - allowed).clamp(0.0, ceiling);
        self.half_open_excess = grow(self.half_open_excess, half_open);
        self.unsolicited_excess = grow(self.unsolicited_excess, unasked);
        if self.half_open_excess == 0.0 && self.unsolicited_excess == 0.0 {
            self.episode = None;
        } else {
            self.episode.get_or_insert_default().add(count);
            self.peak_per_second = self.peak_per_second.max(unasked.max(half_open));
        }
        number(unasked.max(half_open)) > allowed
    }

    /// Is it the victim of servers that answer what it did not ask?
    ///
    /// A scanner tries a target once or thrice. Who is reflected upon has its name put into handshakes with the same few servers
    /// again and again, and they are answered.
    fn reflection(&self, config: &JudgeConfig) -> Option<(Kind, Severity)> {
        if self.half_open_excess.max(self.unsolicited_excess) < config.reflection_excess {
            return None;
        }
        let episode = self.episode();
        let hosts = hosts(episode.targets.values());
        let seen_asking = self.half_open_excess >= config.reflection_excess && looks_reflected(episode);
        let unseen = self.unsolicited_excess >= config.reflection_excess;
        if hosts < REFLECTORS || !(seen_asking || unseen) {
            return None;
        }
        let is_severe = number(self.peak_per_second) >= config.severe_per_second;
        Some((Kind::SynAckReflection, if is_severe { Severity::High } else { Severity::Medium }))
    }

    fn scan(&self, config: &JudgeConfig) -> Option<(Kind, Severity)> {
        if self.count.targets.distinct() < config.scan_targets {
            return None;
        }
        // Busy clients have many targets, too, and fail seldom: how targets are spread is looked at later.
        let (targets, failed) = self.targets_and_failed();
        let completed = 1.0 - share(failed, targets);
        if failed < config.scan_targets || completed > config.scan_completion_nearby {
            return None;
        }
        let tried = self.tried()?;
        let is_vertical = matches!(tried.shape, Shape::Vertical(_));
        if completed > tried.may_complete(config) {
            return None;
        }
        let is_scattered = tried.is_scattered(config);
        let fates = &self.count.fates;
        let retried = share(fates.retried, fates.opened());
        let is_met_by_silence = self.count.answered + fates.refused == 0;
        // Whose network is down asks many, scattered hosts, waits, and asks again. A scan of one network has neighbours.
        let is_outage = is_met_by_silence && retried >= MOST && is_scattered;
        // Peer-to-peer programs try stale addresses, each with a port of its own, and wait for them.
        let is_peering =
            tried.shape == Shape::Mixed && (tried.failed < 2 * config.scan_targets || retried >= FEW);
        // Others of them know one port only, such as 8333: they wait for scattered hosts, of which some answer.
        let is_peering = is_peering || is_scattered && retried >= MOST && !is_vertical;
        if (is_outage && !is_vertical) || looks_reflected(&self.count) {
            return None;
        }
        let is_large = tried.failed >= config.scan_targets_medium && !is_peering;
        Some((Kind::SynScan, if is_large { Severity::Medium } else { Severity::Low }))
    }

    /// How many targets were tried, and how many of these in vain.
    fn targets_and_failed(&self) -> (u64, u64) {
        let sample = &self.count.targets;
        let of = |share: f64| {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a share of a count, rounded"
            )]
            let part = (share * number(sample.distinct())).round() as u64;
            part
        };
        let tried = of(sample.share(|target| target.opened > 0));
        (tried, of(sample.share(|target| target.opened > 0 && target.completed == 0)))
    }

    fn tried(&self) -> Option<Tried> {
        let (targets, failed) = self.targets_and_failed();
        let tried: Vec<_> = self.count.targets.values().filter(|target| target.opened > 0).collect();
        let by_host = most(tried.iter().map(|target| target.address))?;
        let by_port = most(tried.iter().map(|target| target.port))?;
        let by_prefix = most(
            tried
                .iter()
                .map(|target| target.address)
                .collect::<std::collections::BTreeSet<_>>()
                .into_iter()
                .map(Prefix::of),
        )?;
        let half = tried.len().div_ceil(2);
        let shape = if by_host.1 >= half && by_host.1 >= by_port.1 {
            Shape::Vertical(by_host.0)
        } else if by_port.1 >= half {
            Shape::Horizontal(by_port.0)
        } else {
            Shape::Mixed
        };
        Some(Tried {
            targets,
            failed,
            shape,
            neighbours: by_prefix.1 as u64,
            hosts: hosts(tried.iter().copied()),
        })
    }

    /// Who the victim is of what was stated of `source`.
    pub(super) fn victim(&self, source: IpAddr) -> Victim {
        if self.kind() == Kind::SynAckReflection {
            return Victim::Address(source);
        }
        let Some(tried) = self.tried() else { return Victim::Many };
        let prefixes: std::collections::BTreeSet<_> =
            self.count.targets.values().map(|target| Prefix::of(target.address)).collect();
        match (tried.shape, prefixes.first()) {
            (Shape::Vertical(host), _) => Victim::Address(host),
            (_, Some(prefix)) if prefixes.len() == 1 => Victim::Prefix(*prefix),
            _ => Victim::Many,
        }
    }

    /// Who did it: a scanner itself, or the servers that are made to answer.
    pub(super) fn offenders(&self, source: IpAddr) -> (Vec<IpAddr>, u64) {
        if self.kind() != Kind::SynAckReflection {
            return (vec![source], 1);
        }
        let hosts: std::collections::BTreeSet<_> =
            self.episode().targets.values().map(|target| target.address).collect();
        let count = self.episode().targets.distinct();
        (hosts.into_iter().take(crate::MAX_OFFENDERS).collect(), count)
    }

    pub(super) fn kind(&self) -> Kind {
        self.alarm.map_or(Kind::SynScan, |alarm| alarm.kind)
    }

    /// What the finding is about: all, or the episode.
    pub(super) fn basis(&self) -> &SourceCount<u64> {
        if self.kind() == Kind::SynAckReflection { self.episode() } else { &self.count }
    }

    /// How sure it is, from 0 to 1.
    pub(super) fn confidence(&self) -> f64 {
        let is_seen = self.count.answered + self.count.fates.refused > 0;
        let is_large = self.alarm.is_some_and(|alarm| alarm.severity > Severity::Low);
        0.5 + if is_seen { 0.2 } else { 0.0 } + if is_large { 0.2 } else { 0.0 }
    }

    /// What it is called in ATT&CK: what a host of the inside does is discovery, from outside it is reconnaissance first.
    pub(super) fn techniques(&self, source: IpAddr) -> Vec<&'static str> {
        if self.kind() == Kind::SynAckReflection {
            return vec!["T1498.002"];
        }
        match self.tried().map(|tried| tried.shape) {
            Some(Shape::Horizontal(_) | Shape::Mixed) if !is_private(source) => vec!["T1595.001", "T1046"],
            _ => vec!["T1046"],
        }
    }

    /// The numbers that it rests on.
    pub(super) fn evidence(&self, config: &JudgeConfig) -> Vec<Evidence> {
        let basis = self.basis();
        let list = EvidenceList::default();
        let list = if self.kind() == Kind::SynAckReflection {
            let excess = self.unsolicited_excess.max(self.half_open_excess);
            list.held_against("excess_cusum", excess, config.reflection_excess)
                .count("unsolicited_syn_ack", basis.unsolicited)
                .count("peak_per_second", self.peak_per_second)
                .held_against("servers", number(hosts(basis.targets.values())), number(REFLECTORS))
        } else if let Some(tried) = self.tried() {
            let completed = 1.0 - share(tried.failed, tried.targets);
            list.held_against("targets_failed", number(tried.failed), number(config.scan_targets))
                .held_against("targets_completed_share", completed, tried.may_complete(config))
                .count("targets", tried.targets)
                .number("vertical", f64::from(u8::from(matches!(tried.shape, Shape::Vertical(_)))))
                .number("horizontal", f64::from(u8::from(matches!(tried.shape, Shape::Horizontal(_)))))
                .count("hosts_sampled", tried.hosts)
                .count("hosts_of_one_prefix_sampled", tried.neighbours)
        } else {
            list
        };
        list.count("opened", basis.fates.opened())
            .count("without_syn", basis.without_syn)
            .count("answered", basis.answered)
            .count("completed", basis.fates.completed)
            .count("refused", basis.fates.refused)
            .count("aborted", basis.fates.aborted)
            .count("half_open", basis.fates.half_open)
            .count("retried", basis.fates.retried)
            .count("silent", basis.fates.silent)
            .finish()
    }
}

/// Are nearly all its handshakes answered and then left, with the same targets again and again?
fn looks_reflected(count: &SourceCount<u64>) -> bool {
    let opened = count.fates.opened();
    share(count.answered, opened) >= NEARLY_ALL
        && share(count.fates.half_open, count.answered) >= NEARLY_ALL
        && opened >= TRIES_OF_A_SCANNER.saturating_mul(count.targets.distinct())
}

fn hosts<'a>(targets: impl Iterator<Item = &'a TriedTarget>) -> u64 {
    targets.map(|target| target.address).collect::<std::collections::BTreeSet<_>>().len() as u64
}

/// The most frequent of some things, the smallest one if there are several, and how often it is there.
fn most<T: Ord + Copy>(things: impl Iterator<Item = T>) -> Option<(T, usize)> {
    let mut counts = BTreeMap::<T, usize>::new();
    for thing in things {
        *counts.entry(thing).or_default() += 1;
    }
    counts.into_iter().rev().max_by_key(|(_, count)| *count)
}

/// Addresses that are used inside (RFC 1918, RFC 4193).
fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_private(),
        IpAddr::V6(address) => address.is_unique_local(),
    }
}

/// No episode.
static NOTHING: LazyLock<SourceCount<u64>> = LazyLock::new(SourceCount::default);
const REFLECTORS: u64 = 3;
pub(super) const TRIES_OF_A_SCANNER: u64 = 4;
const EXCESS_CEILING: f64 = 4.0;
const NEARLY_ALL: f64 = 0.8;
const MOST: f64 = 0.5;
const FEW: f64 = 0.3;
