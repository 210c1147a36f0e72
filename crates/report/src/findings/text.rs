use std::{fmt, net::IpAddr, time::Duration};

use detect::{
    Kind, Severity, Victim,
    incident::{Incident, Link, Stage, StageReport},
};
use wire::Timestamp;

use super::{Findings, Found};
use crate::{eve::is_of_victim, grouped, moment::rfc3339, wrapped::write_wrapped};

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return self.write_nothing(f);
        }
        writeln!(f, "Found")?;
        self.write_counts(f)?;
        self.write_apart(f)?;
        self.write_incidents(f)
    }
}

impl Findings {
    fn write_nothing(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.detectors.is_empty() {
            return Ok(());
        }
        write_wrapped(
            f,
            "",
            &format!("Nothing was found. Detectors that ran: {}.", self.detectors.join(", ")),
        )
    }

    /// A line for each kind, with the worst severity first.
    fn write_counts(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = self.counts();
        let of = |kind: Kind| {
            let severities = WORST_FIRST.into_iter();
            severities
                .filter_map(|severity| Some((severity, *counts.get(&(kind, severity))?)))
                .map(|(severity, count)| format!("{} {}", grouped(count), severity.name()))
                .collect::<Vec<_>>()
        };
        for kind in Kind::ALL {
            let severities = of(kind);
            if !severities.is_empty() {
                writeln!(f, "  {:<48} {}", kind.title(), severities.join(", "))?;
            }
        }
        Ok(())
    }

    /// What belongs to no incident: one line each.
    fn write_apart(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = self.apart().count();
        if all == 0 {
            return Ok(());
        }
        let incidents = if self.incidents.is_empty() { "" } else { " in no incident" };
        writeln!(f, "Findings{incidents}, the worst first, times in UTC")?;
        for found in self.apart().take(SHOWN_FINDINGS) {
            let prefix = format!("  {:<8}  {}  ", found.severity.name(), second(found.first_seen));
            write_wrapped(f, &prefix, &found.sentence())?;
        }
        more(f, all.saturating_sub(SHOWN_FINDINGS), self.further_found.values().sum())
    }

    fn write_incidents(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = self.incidents().count();
        if all == 0 {
            return Ok(());
        }
        writeln!(f, "Incidents, the worst first, times in UTC")?;
        for incident in self.incidents().take(SHOWN_INCIDENTS) {
            write_incident(f, incident)?;
        }
        more(f, all.saturating_sub(SHOWN_INCIDENTS), self.further_incidents)
    }
}

impl Found {
    fn sentence(&self) -> String {
        let victim = match self.victim {
            Victim::Many => "many hosts".to_owned(),
            one => one.to_string(),
        };
        // Whoever mines is the victim, and the pool need not know what it is paid with.
        let preposition = if is_of_victim(self.kind) { "with" } else { "by" };
        let title = self.kind.title();
        // One line: the first of many stands for all.
        let named = if self.offender_count > 2 { 1 } else { 2 };
        let pool = self.connection.filter(|_| is_of_victim(self.kind)).map(|one| one.target.to_string());
        match pool.or_else(|| offenders(&self.offenders, self.offender_count, named)) {
            Some(offenders) => {
                format!("{title}: {victim}, {preposition} {offenders}, {} sure", percent(self.confidence))
            }
            None => format!("{title}: {victim}, {} sure", percent(self.confidence)),
        }
    }
}

fn write_incident(f: &mut fmt::Formatter<'_>, incident: &Incident) -> fmt::Result {
    let prefix = format!("  {}  ", incident.severity.name().to_uppercase());
    let headline =
        format!("{} {}, {} sure", incident.victim, what_became(incident), percent(incident.confidence));
    write_wrapped(f, &prefix, &headline)?;
    let offenders: Vec<_> = incident
        .offenders
        .iter()
        .take(NAMED_OFFENDERS)
        .map(|offender| match part_of(incident, *offender) {
            Some(part) => format!("{offender} ({part})"),
            None => offender.to_string(),
        })
        .collect();
    if !offenders.is_empty() {
        let others = incident.offenders.len() - offenders.len();
        let others = if others > 0 { format!(", and {others} others") } else { String::new() };
        write_wrapped(f, "    who       ", &(offenders.join(", ") + &others))?;
    }
    let mut before: Option<&StageReport> = None;
    for report in &incident.stages {
        let prefix = format!(
            "    {:<8}  {}  {:>9}  ",
            report.stage.title(),
            second(report.first_seen),
            before.map_or_else(String::new, |before| since(before.first_seen, report.first_seen)),
        );
        write_wrapped(f, &prefix, &format!("{} ({})", report.says, percent(report.confidence)))?;
        before = Some(report);
    }
    if !incident.missing.is_empty() {
        let missing: Vec<_> = incident.missing.iter().map(|stage| stage.title()).collect();
        write_wrapped(f, "    not seen  ", &missing.join(", "))?;
    }
    for link in &incident.links {
        write_wrapped(f, "    linked    ", &shared(link))?;
    }
    for (number, advice) in (1..).zip(&incident.advice) {
        let prefix = if number == 1 { "    do now    " } else { "              " };
        write_wrapped(f, &format!("{prefix}{number}. "), advice)?;
    }
    writeln!(f, "    id        {}", incident.id)
}

/// What somebody had to do with it: the worst of it.
fn part_of(incident: &Incident, offender: IpAddr) -> Option<&'static str> {
    let parts = [
        (Stage::Access, "got in"),
        (Stage::CredentialAttack, "guessed"),
        (Stage::Mining, "pool"),
        (Stage::Delivery, "fetched from"),
        (Stage::Noise, "flooded"),
    ];
    let is_part = |stage| incident.stage(stage).is_some_and(|report| report.offenders.contains(&offender));
    parts.into_iter().find(|(stage, _)| is_part(*stage)).map(|(_, part)| part)
}

/// What a stranger asks first.
fn what_became(incident: &Incident) -> &'static str {
    let has = |stage| incident.stage(stage).is_some();
    match (has(Stage::Access), has(Stage::Mining), has(Stage::Spread)) {
        (true, true, true) => "was broken into, mines cryptocurrency and reaches for other hosts",
        (true, true, false) => "was broken into and mines cryptocurrency",
        (true, false, true) => "was broken into and reaches for other hosts",
        (true, false, false) => "was broken into",
        (false, true, true) => "mines cryptocurrency and reaches for other hosts",
        (false, true, false) => "was attacked and mines cryptocurrency",
        (false, false, _) => "was attacked",
    }
}

fn shared(link: &Link) -> String {
    let victims = offenders(&link.victims, link.victims.len() as u64, NAMED_OFFENDERS).unwrap_or_default();
    format!("{victims}: the same {} {}", link.kind.name(), link.value)
}

/// The first `named` of them, and how many others there are; `None` if there is nobody.
fn offenders(offenders: &[IpAddr], count: u64, named: usize) -> Option<String> {
    if offenders.is_empty() {
        return None;
    }
    let shown: Vec<_> = offenders.iter().take(named).map(ToString::to_string).collect();
    let others = count.saturating_sub(shown.len() as u64);
    let shown = shown.join(", ");
    Some(match others {
        0 => shown,
        1 => format!("{shown} and 1 other"),
        others => format!("{shown} and {} others", grouped(others)),
    })
}

/// `2026-03-04 08:07:05`.
fn second(time: Timestamp) -> String {
    rfc3339(time).get(..19).unwrap_or_default().replace('T', " ")
}

/// From the beginning of a stage to that of the next one.
fn since(before: Timestamp, time: Timestamp) -> String {
    if time < before { "earlier".to_owned() } else { format!("+{}", duration(time - before)) }
}

/// `0.4 s`, `36 s`, `3.5 min`, `2.1 h`, `3.0 days`.
fn duration(duration: Duration) -> String {
    match duration.as_secs_f64() {
        instant if instant < 9.95 => format!("{instant:.1} s"),
        short if short < 120.0 => format!("{short:.0} s"),
        minutes if minutes < 7_200.0 => format!("{:.1} min", minutes / 60.0),
        hours if hours < 172_800.0 => format!("{:.1} h", hours / 3_600.0),
        days => format!("{:.1} days", days / 86_400.0),
    }
}

fn percent(confidence: f64) -> String {
    format!("{:.0} %", confidence * 100.0)
}

/// Those that are not shown, and those that were not kept.
fn more(f: &mut fmt::Formatter<'_>, kept: usize, further: u64) -> fmt::Result {
    let more = u64::try_from(kept).unwrap_or(u64::MAX).saturating_add(further);
    if more == 0 { Ok(()) } else { writeln!(f, "  {} more", grouped(more)) }
}

const WORST_FIRST: [Severity; 4] = [Severity::Critical, Severity::High, Severity::Medium, Severity::Low];
const SHOWN_FINDINGS: usize = 20;
const SHOWN_INCIDENTS: usize = 10;
const NAMED_OFFENDERS: usize = 3;
