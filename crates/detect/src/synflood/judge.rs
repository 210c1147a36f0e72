use std::{
    collections::{BTreeMap, btree_map::Entry},
    net::IpAddr,
};

use wire::Timestamp;

use super::{
    alarm::Noted,
    config::JudgeConfig,
    estimate,
    flood::Circumstances,
    numbered_map::NumberedMap,
    parts::{Part, PortToJudge, add_overflow},
    remembered::Remembered,
    second::{FATE_SECONDS, Second, SourceCount, Target},
    source::SourceTracker,
    statements::{flood_finding, source_finding},
    victim::VictimSecond,
    view_tally::ViewTally,
};
use crate::{CaptureQuality, Finding, Kind, Phase, Prefix, Victim};

/// Adds up the seconds of all observers and states findings.
///
/// [`Judge::add`] takes seconds, in any order of observers. [`Judge::advance`] says that all seconds which are final at a time have
/// been added, and judges them in order. What it says does not depend on how often it is asked; but what it keeps of seconds that
/// wait to be judged does, so it should be asked for every second.
#[derive(Debug)]
pub struct Judge {
    config: JudgeConfig,
    waiting: BTreeMap<u64, Second>,
    remembered: Remembered,
    /// No alarm is over before this second.
    next_end: u64,
    /// There may be somebody who is reflected upon.
    has_reflections: bool,
    tally: ViewTally,
    first_second: Option<u64>,
    /// Seconds before it were judged.
    judged_until: u64,
    counts: JudgeCounts,
}

/// What a judge had no room for.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct JudgeCounts {
    /// Seconds that came when they had been judged.
    pub seconds_late: u64,
    /// Victims that were forgotten for others with more reason.
    pub victims_forgotten: u64,
    /// Sources that were forgotten for others with more targets.
    pub sources_forgotten: u64,
}

impl Judge {
    /// A judge that knows nothing.
    pub fn new(config: JudgeConfig) -> Self {
        Self {
            config,
            waiting: BTreeMap::new(),
            remembered: Remembered::new(),
            next_end: u64::MAX,
            has_reflections: false,
            tally: ViewTally::default(),
            first_second: None,
            judged_until: 0,
            counts: JudgeCounts::default(),
        }
    }

    /// Goes by other thresholds from now on.
    pub const fn reconfigure(&mut self, config: JudgeConfig) {
        self.config = config;
    }

    /// Takes in what an observer saw of a second.
    pub fn add(&mut self, second: Second) {
        if second.second < self.judged_until {
            self.counts.seconds_late += 1;
            return;
        }
        match self.waiting.entry(second.second) {
            Entry::Vacant(place) => {
                place.insert(second);
            }
            Entry::Occupied(mut waiting) => waiting.get_mut().add(&second),
        }
    }

    /// Judges what is final when the capture's clock shows `clock`: all observers have been told that time, and what they handed
    /// over has been added.
    pub fn advance(&mut self, clock: Timestamp, findings: &mut Vec<Finding>) {
        self.judge_until(clock.seconds().saturating_sub(FATE_SECONDS), findings);
    }

    /// The capture has ended, and all seconds have been added: judges the rest, and ends what is not over.
    pub fn close(&mut self, findings: &mut Vec<Finding>) {
        let end =
            self.waiting.last_key_value().map_or(self.judged_until, |(second, _)| second.saturating_add(1));
        self.judge_until(end.max(self.judged_until), findings);
        self.end_before(u64::MAX, findings);
    }

    /// What the capture can show, as far as the last minutes tell.
    pub fn capture_quality(&self) -> CaptureQuality {
        self.tally.quality()
    }

    /// What it had no room for.
    pub const fn counts(&self) -> JudgeCounts {
        self.counts
    }

    /// How many victims and sources it remembers: what [`JudgeConfig`] bounds.
    pub fn entries(&self) -> usize {
        self.remembered.victims.len() + self.remembered.sources.len()
    }

    fn judge_until(&mut self, end: u64, findings: &mut Vec<Finding>) {
        while let Some(entry) = self.waiting.first_entry() {
            if *entry.key() >= end {
                break;
            }
            let second = entry.remove();
            self.end_before(second.second, findings);
            self.judged_until = second.second.saturating_add(1);
            self.judge(second, findings);
        }
        if end > self.judged_until {
            self.judged_until = end;
        }
        self.end_before(self.judged_until, findings);
    }

    fn judge(&mut self, mut second: Second, findings: &mut Vec<Finding>) {
        let first = *self.first_second.get_or_insert(second.second);
        self.tally.add(&second);
        let quality = self.tally.quality();
        self.judge_sources(second.second, &mut second.sources, quality, findings);
        let config = self.config;
        let circumstances = Circumstances {
            config: &config,
            quality,
            has_learned: second.second.saturating_sub(first) >= config.learning_seconds,
            is_premature: second.premature,
            do_come_back: false,
            is_part_of_flooded: false,
        };
        let mut networks = self.judge_hosts(&mut second, &circumstances, findings);
        add_overflow(&mut networks, &mut second, &config);
        for network in &networks {
            self.judge_victim(network.victim, second.second, &network.count, &circumstances, findings);
        }
        let forgotten = self.remembered.make_room(&config);
        self.counts.victims_forgotten += forgotten.victims;
        self.counts.sources_forgotten += forgotten.sources;
    }

    fn judge_sources(
        &mut self,
        second: u64,
        sources: &mut NumberedMap<IpAddr, SourceCount<u32>>,
        quality: CaptureQuality,
        findings: &mut Vec<Finding>,
    ) {
        let mut stated = Vec::new();
        for ((source, is_quiet), count) in sources.iter_mut() {
            // Whoever succeeds at everything is of no interest until it fails.
            if is_quiet && !self.remembered.may_be_source(*source) {
                continue;
            }
            let is_new = !is_quiet && count.has_failures();
            let Some(tracker) = self.remembered.source(*source, is_new) else { continue };
            if let Some(noted) = tracker.step(second, std::mem::take(count), &self.config) {
                stated.push((*source, noted));
            }
        }
        stated.sort_unstable_by_key(|(source, _)| *source);
        for (source, Noted { phase, instead_of }) in stated {
            self.next_end = self.next_end.min(second);
            let Some(tracker) = self.remembered.sources.get_mut(&source) else { continue };
            self.has_reflections |= tracker.kind() == Kind::SynAckReflection;
            let mut say = |tracker: &SourceTracker, phase| {
                findings.push(source_finding(source, tracker, phase, second, quality, &self.config));
            };
            if let Some(alarm) = instead_of {
                let new = tracker.alarm.replace(alarm);
                say(tracker, Phase::Ended);
                tracker.alarm = new;
            }
            say(tracker, phase);
        }
    }

    /// Judges ports, then their hosts by what no port explains, and gives what no host explains, by network and in order.
    fn judge_hosts(
        &mut self,
        second: &mut Second,
        circumstances: &Circumstances<'_>,
        findings: &mut Vec<Finding>,
    ) -> Vec<Part> {
        let (mut networks, mut of_hosts) = (Vec::<Part>::new(), Vec::new());
        for ports in self.ports_to_judge(second).chunk_by(PortToJudge::shares_host) {
            let Some(host) = ports.first().map(PortToJudge::address) else { continue };
            let network = Victim::Prefix(Prefix::of(host));
            let of_port = Circumstances {
                is_part_of_flooded: self.is_flooded(Victim::Address(host)) || self.is_flooded(network),
                ..*circumstances
            };
            let mut unexplained = None::<VictimSecond>;
            for port in ports {
                let Some(count) = second.targets.at_mut(port.number) else { continue };
                let count = VictimSecond::of(count, &self.config);
                if self.judge_victim(port.victim(), second.second, &count, &of_port, findings) {
                    continue;
                }
                match &mut unexplained {
                    Some(sum) => sum.add_part(&count),
                    None => unexplained = Some(count),
                }
            }
            let Some(count) = unexplained else { continue };
            if self.judge_victim(Victim::Address(host), second.second, &count, circumstances, &mut of_hosts) {
                continue;
            }
            match networks.last_mut().filter(|latest| latest.victim == network) {
                Some(latest) => latest.count.add_part(&count),
                None => networks.push(Part { victim: network, count: VictimSecond { parts: 1, ..count } }),
            }
        }
        findings.append(&mut of_hosts);
        networks
    }

    /// Has a flood of the victim been stated, and is not over?
    fn is_flooded(&self, victim: Victim) -> bool {
        // Mostly there is no alarm at all, and nothing is fetched.
        self.next_end != u64::MAX
            && self
                .remembered
                .victims
                .get(&victim)
                .is_some_and(|tracker| tracker.alarm.is_some_and(|alarm| alarm.kind == Kind::SynFlood))
    }

    /// Those ports of which there is something to remember, in order.
    fn ports_to_judge(&self, second: &Second) -> Vec<PortToJudge> {
        let mut ports = Vec::with_capacity(second.targets.len());
        for (number, (target, is_quiet)) in (0_u32..).zip(second.targets.keys()) {
            let Target::Port(address, port) = *target else { continue };
            let is_of_interest = !is_quiet
                && second
                    .targets
                    .at(number)
                    .is_some_and(|count| VictimSecond::is_of_interest(count, &self.config));
            if is_of_interest || self.remembered.is_watched(address, port) {
                ports.push(PortToJudge::new(address, port, number));
            }
        }
        ports.sort_unstable();
        ports
    }

    /// Judges a second of a victim, and says whether it has an alarm.
    fn judge_victim(
        &mut self,
        victim: Victim,
        second: u64,
        count: &VictimSecond,
        circumstances: &Circumstances<'_>,
        findings: &mut Vec<Finding>,
    ) -> bool {
        if self.has_reflections && self.remembered.is_reflected(count) {
            return self.remembered.victims.get(&victim).is_some_and(|tracker| tracker.alarm.is_some());
        }
        let is_much = estimate::number(count.leading_nowhere) > self.config.slack_per_second;
        let is_new = match victim {
            // A port may be held for its persistence, however little it is.
            Victim::Port(..) => count.leading_nowhere > 0 || count.unsolicited > 0,
            // Less adds up to no excess. Most of the internet fails now and then, and need not be watched for that.
            _ => is_much || estimate::number(count.unsolicited) > self.config.slack_per_second,
        };
        if !is_new && !self.remembered.may_be_victim(victim) {
            return false;
        }
        // Asked only where enough leads nowhere for a flood: it costs a trip to memory for each source.
        let do_come_back =
            is_much && !matches!(victim, Victim::Port(..)) && self.remembered.do_come_back(count);
        let circumstances = &Circumstances { do_come_back, ..*circumstances };
        let Some(tracker) = self.remembered.victim(victim, is_new) else { return false };
        let noted = tracker.step(victim, second, count, circumstances);
        let has_alarm = tracker.alarm.is_some();
        if let Some(Noted { phase, instead_of }) = noted {
            self.next_end = self.next_end.min(second);
            let quality = circumstances.quality;
            if let Some(alarm) = instead_of {
                let new = tracker.alarm.replace(alarm);
                findings.push(self.flood_finding(victim, Phase::Ended, second, quality));
                if let Some(tracker) = self.remembered.victim(victim, false) {
                    tracker.alarm = new;
                }
            }
            findings.push(self.flood_finding(victim, phase, second, quality));
        }
        has_alarm
    }

    fn flood_finding(&self, victim: Victim, phase: Phase, second: u64, quality: CaptureQuality) -> Finding {
        flood_finding(&self.remembered, victim, phase, second, quality, &self.config)
    }

    /// Ends what has given no reason for long enough before `second`.
    fn end_before(&mut self, second: u64, findings: &mut Vec<Finding>) {
        if self.next_end >= second {
            return;
        }
        self.next_end = u64::MAX;
        self.has_reflections = false;
        let quality = self.tally.quality();
        let quiet = self.config.quiet_seconds;
        let silent = self.config.scan_memory_seconds / 10;
        let mut ended: Vec<(u64, Option<Victim>, Option<IpAddr>)> = Vec::new();
        for (victim, tracker) in &self.remembered.victims {
            let end = tracker.alarm.map(|alarm| alarm.active.saturating_add(quiet));
            self.next_end = self.next_end.min(end.unwrap_or(u64::MAX));
            ended.extend(end.filter(|end| *end < second).map(|end| (end, Some(*victim), None)));
        }
        for (source, tracker) in &self.remembered.sources {
            self.has_reflections |= tracker.alarm.is_some_and(|alarm| alarm.kind == Kind::SynAckReflection);
            let end = tracker.alarm.map(|alarm| alarm.active.saturating_add(silent));
            self.next_end = self.next_end.min(end.unwrap_or(u64::MAX));
            ended.extend(end.filter(|end| *end < second).map(|end| (end, None, Some(*source))));
        }
        ended.sort();
        for (end, victim, source) in ended {
            if let Some(victim) = victim {
                findings.push(self.flood_finding(victim, Phase::Ended, end.min(self.judged_until), quality));
                if let Some(tracker) = self.remembered.victim(victim, false) {
                    tracker.close();
                }
            }
            if let Some(source) = source
                && let Some(tracker) = self.remembered.sources.remove(&source)
            {
                let end = end.min(self.judged_until);
                findings.push(source_finding(source, &tracker, Phase::Ended, end, quality, &self.config));
            }
        }
    }
}
