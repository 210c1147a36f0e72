use std::{cmp::Reverse, net::IpAddr};

use wire::Timestamp;

use super::{
    alarm::Alarm, config::JudgeConfig, flood::FloodTracker, remembered::Remembered, second::FATE_SECONDS,
    source::SourceTracker,
};
use crate::{CaptureQuality, Finding, Kind, MAX_OFFENDERS, Phase, Prefix, Severity, Victim};

/// What is stated of a flood on `victim` after `second`.
pub(super) fn flood_finding(
    remembered: &Remembered,
    victim: Victim,
    phase: Phase,
    second: u64,
    quality: CaptureQuality,
    config: &JudgeConfig,
) -> Finding {
    let nothing = FloodTracker::default();
    let tracker = remembered.victims.get(&victim).unwrap_or(&nothing);
    let (offenders, offender_count) = offenders(remembered, victim, tracker);
    let alarm =
        tracker.alarm.unwrap_or(Alarm { kind: Kind::SynFlood, severity: Severity::Low, active: second });
    Finding {
        kind: alarm.kind,
        phase,
        severity: alarm.severity,
        confidence: tracker.confidence(quality),
        techniques: tracker.techniques(config),
        victim,
        offenders,
        offender_count,
        connection: None,
        first_seen: tracker.episode().span.first,
        last_seen: tracker.last_seen,
        stated_at: end_of(second),
        evidence: tracker.evidence(victim, config),
        capture_quality: quality,
    }
}

/// Who opened handshakes with `victim` and left them: by name those who did so often, else a fair sample.
fn offenders(remembered: &Remembered, victim: Victim, tracker: &FloodTracker) -> (Vec<IpAddr>, u64) {
    if tracker.alarm.is_some_and(|alarm| alarm.kind == Kind::Backscatter) {
        // Those who get it have done nothing, and who has is elsewhere.
        return (Vec::new(), 0);
    }
    let is_meant = |address: IpAddr, port: u16| match victim {
        Victim::Port(host, its_port) => (host, its_port) == (address, port),
        Victim::Address(host) => host == address,
        Victim::Prefix(prefix) => prefix == Prefix::of(address),
        Victim::Many => true,
    };
    let left_by = |source: &SourceTracker| {
        let targets = source.count.targets.values().filter(|one| is_meant(one.address, one.port));
        targets.map(|target| u64::from(target.opened.saturating_sub(target.completed))).sum::<u64>()
    };
    let mut often: Vec<_> = remembered
        .sources
        .iter()
        .map(|(address, source)| (Reverse(left_by(source)), *address))
        .filter(|(left, _)| left.0 >= OFTEN)
        .collect();
    often.sort();
    let by_few: u64 = often.iter().map(|(left, _)| left.0).sum();
    let is_by_few = by_few > 0 && by_few.saturating_mul(2) >= tracker.episode().leading_nowhere;
    let mut names: Vec<_> = often.iter().map(|(_, address)| *address).take(MAX_OFFENDERS).collect();
    if is_by_few {
        return (names, often.len() as u64);
    }
    let sources = &tracker.episode().sources;
    let mut others: Vec<_> = sources
        .values()
        .filter(|source| source.completed == 0 && !names.contains(&source.address))
        .map(|source| source.address)
        .collect();
    others.sort();
    names.extend(others);
    names.truncate(MAX_OFFENDERS);
    (names, sources.distinct_with(|source| source.completed == 0))
}

/// What is stated of a source after `second`.
pub(super) fn source_finding(
    source: IpAddr,
    tracker: &SourceTracker,
    phase: Phase,
    second: u64,
    quality: CaptureQuality,
    config: &JudgeConfig,
) -> Finding {
    let (offenders, offender_count) = tracker.offenders(source);
    Finding {
        kind: tracker.kind(),
        phase,
        severity: tracker.alarm.map_or(Severity::Low, |alarm| alarm.severity),
        confidence: tracker.confidence(),
        techniques: tracker.techniques(source),
        victim: tracker.victim(source),
        offenders,
        offender_count,
        connection: None,
        first_seen: tracker.basis().span.first,
        last_seen: tracker.last_seen,
        stated_at: end_of(second),
        evidence: tracker.evidence(config),
        capture_quality: quality,
    }
}

/// When a second could be judged.
fn end_of(second: u64) -> Timestamp {
    Timestamp::from_parts(second.saturating_add(FATE_SECONDS + 1), 0)
}

/// Handshakes that one source left, from which on it is named among the first.
const OFTEN: u64 = 5;
