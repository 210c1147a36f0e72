//! How stages are worded: from findings and flows to sentences that stand alone.

use std::{fmt::Write as _, net::IpAddr};

use super::{
    Incident, Stage, StageReport,
    flows::{Download, VictimFlows},
};
use crate::{Evidence, Finding, Kind, MAX_OFFENDERS, Severity, Value};

/// What a finding says of a stage.
pub(super) fn report(stage: Stage, finding: &Finding) -> StageReport {
    let says = match finding.kind {
        Kind::SynFlood => flood(finding),
        Kind::RdpBruteforce => guessing(finding),
        Kind::RdpCompromise => access(finding),
        Kind::RdpExploit => exploit(finding),
        Kind::Mining => mining(finding),
        other => other.title().to_owned(),
    };
    // The tries before a logon are a stage of their own.
    let first_seen = if stage == Stage::Access { finding.last_seen } else { finding.first_seen };
    StageReport {
        stage,
        first_seen,
        last_seen: finding.last_seen,
        severity: finding.severity,
        confidence: finding.confidence,
        techniques: finding.techniques.clone(),
        offenders: finding.offenders.clone(),
        says,
        flow: finding.connection.map(|connection| connection.flow),
        evidence: finding.evidence.clone(),
    }
}

/// The guessing that a finding on a logon after it tells of.
pub(super) fn guessing_before(finding: &Finding) -> StageReport {
    StageReport {
        stage: Stage::CredentialAttack,
        first_seen: finding.first_seen,
        severity: Severity::Medium,
        techniques: vec!["T1110"],
        says: guessing(finding),
        flow: None,
        ..report(Stage::CredentialAttack, finding)
    }
}

/// That a victim scans others, or attacks their remote desktops.
pub(super) fn reaching_out(finding: &Finding) -> StageReport {
    let (says, techniques) = match finding.kind {
        Kind::SynScan => {
            let targets = count(finding, "targets").unwrap_or(0);
            (format!("scans {targets} addresses and ports"), vec!["T1046"])
        }
        Kind::RdpExploit => (format!("tries an exploit on RDP of {}", finding.victim), vec!["T1210"]),
        Kind::RdpCompromise => {
            (format!("guessed its way into {} by RDP", finding.victim), finding.techniques.clone())
        }
        _ => (format!("guesses RDP passwords at {}", finding.victim), finding.techniques.clone()),
    };
    StageReport {
        stage: Stage::Spread,
        offenders: Vec::new(),
        says,
        techniques,
        ..report(Stage::Spread, finding)
    }
}

/// A flood of a host beside the victim.
pub(super) fn of_neighbour(report: &StageReport) -> StageReport {
    StageReport {
        confidence: report.confidence / 2.0,
        says: format!("{}, a neighbour", report.says),
        ..report.clone()
    }
}

/// What was fetched after somebody had got in.
pub(super) fn delivery(download: &Download) -> StageReport {
    let &Download { first, last, peer, port, octets, is_new_peer, flow } = download;
    let before = if is_new_peer { ", where it was not seen before" } else { "" };
    let is_large = octets >= LARGE_DOWNLOAD_OCTETS;
    StageReport {
        stage: Stage::Delivery,
        first_seen: first,
        last_seen: last,
        severity: Severity::Low,
        confidence: match (is_new_peer, is_large) {
            (true, true) => 0.7,
            (true, false) => 0.5,
            (false, _) => 0.3,
        },
        techniques: vec!["T1105"],
        offenders: vec![peer],
        says: format!("fetched {} from {}{before}", octets_of(octets), at(peer, port)),
        flow: Some(flow),
        evidence: vec![
            Evidence::new("octets", octets).held_against(64.0 * 1_024.0),
            Evidence::new("peer", peer.to_string()),
            Evidence::new("port", u64::from(port)),
        ],
    }
}

/// Whom a victim has reached out for.
pub(super) fn spread(flows: &VictimFlows) -> StageReport {
    let (first_seen, last_seen) = flows.reaching.unwrap_or_default();
    let ports: Vec<_> = flows.ports.iter().map(ToString::to_string).collect();
    let hosts: Vec<_> = flows.reached.iter().take(MAX_OFFENDERS).map(ToString::to_string).collect();
    let mut techniques = vec!["T1046"];
    if flows.ports.contains(&RDP_PORT) {
        techniques.push("T1021.001");
    }
    StageReport {
        stage: Stage::Spread,
        first_seen,
        last_seen,
        severity: Severity::High,
        confidence: if flows.reached.len() >= MANY_HOSTS { 0.8 } else { 0.6 },
        techniques,
        offenders: Vec::new(),
        says: format!("reached for {} hosts of the inside at {}", flows.reached.len(), named("port", &ports)),
        flow: None,
        evidence: vec![
            Evidence::new("hosts", u64::try_from(flows.reached.len()).unwrap_or(u64::MAX)).held_against(5.0),
            Evidence::new("ports", ports.join(", ")),
            Evidence::new("reached", hosts.join(", ")),
        ],
    }
}

/// What to do, the most urgent first.
pub(super) fn advice(incident: &Incident) -> Vec<String> {
    let victim = incident.victim;
    let mut advice = Vec::new();
    let access = incident.stage(Stage::Access);
    if access.is_some() || incident.stage(Stage::Mining).is_some() {
        advice.push(format!(
            "Take {victim} off the network and leave it running: what was started is in its memory."
        ));
    }
    if let Some(access) = access {
        let account = match text_of(&access.evidence, "user").filter(|user| *user != NOT_TOLD) {
            Some(user) => format!("the account {user}, or one that begins so,"),
            None => "the accounts that may log on there".to_owned(),
        };
        advice.push(format!("Lock {account} and change the password; end its sessions elsewhere, too."));
    }
    let border: Vec<_> = [Stage::Access, Stage::CredentialAttack, Stage::Mining]
        .into_iter()
        .filter_map(|stage| incident.stage(stage))
        .flat_map(|stage| &stage.offenders)
        .copied()
        .fold(Vec::new(), |mut border: Vec<IpAddr>, offender| {
            if border.len() < SHOWN_ADDRESSES && !border.contains(&offender) {
                border.push(offender);
            }
            border
        });
    if !border.is_empty() {
        let border: Vec<_> = border.iter().map(ToString::to_string).collect();
        advice.push(format!("Block {} at the border, and see who else talks with them.", border.join(", ")));
    }
    if let Some(delivery) = incident.stage(Stage::Delivery) {
        let peer = text_of(&delivery.evidence, "peer").unwrap_or("there");
        advice.push(format!("Find on {victim} what came from {peer}, and where else it was fetched to."));
    }
    if incident.stage(Stage::Spread).is_some() {
        advice.push("Check the hosts that it reached for as if they were victims.".to_owned());
    }
    if access.is_none() {
        advice.push(format!("How anybody got into {victim} was not seen: look at its logons and services."));
    }
    advice
}

fn flood(finding: &Finding) -> String {
    let mut says = format!("SYN flood on {}", finding.victim);
    if let Some(peak) = count(finding, "peak_per_second") {
        write_to(&mut says, format_args!(", up to {peak} SYN a second"));
    }
    if let (Some(opened), Some(sources)) = (count(finding, "opened"), count(finding, "sources")) {
        let completed = count(finding, "completed").unwrap_or(0);
        let addresses = plural(sources, "address", "addresses");
        // Seen from the server alone.
        if let (0, Some(answers)) = (opened, count(finding, "unsolicited_syn_ack")) {
            write_to(&mut says, format_args!(": {answers} answers to {addresses} that did not go on"));
            return says;
        }
        write_to(&mut says, format_args!(": {opened} handshakes of {addresses}, {completed} completed"));
    }
    let server = match finding.text("server_state") {
        Some("unaffected") => "; the server bears it",
        Some("syn_cookies_probable") => "; the server probably uses SYN cookies",
        Some("backlog_exhausted") => "; the server no longer answers",
        Some("port_closed") => "; nobody listens there",
        _ => "",
    };
    says.push_str(server);
    says
}

fn guessing(finding: &Finding) -> String {
    let failed = count(finding, "failed_logons").unwrap_or(0);
    let screens = count(finding, "logon_screens_left").unwrap_or(0);
    let refused = count(finding, "refused_connections").unwrap_or(0);
    let mut tries = Vec::new();
    for (number, one, many) in [
        (failed, "failed RDP logon", "failed RDP logons"),
        (screens, "RDP logon screen left", "RDP logon screens left"),
        (refused, "refused RDP connection", "refused RDP connections"),
    ] {
        if number > 0 {
            tries.push(plural(number, one, many));
        }
    }
    let mut says = if tries.is_empty() { "RDP logons failed".to_owned() } else { tries.join(", ") };
    write_to(&mut says, format_args!(" of {}", offenders(finding)));
    if let Some(seconds) = finding.number("span_seconds").filter(|seconds| *seconds >= 1.0) {
        write_to(&mut says, format_args!(" in {}", duration(seconds)));
    }
    if let Some(users) = count(finding, "users").filter(|users| *users > 0) {
        write_to(&mut says, format_args!(", {}", plural(users, "user name", "user names")));
    }
    if let Some(tool) = finding.text("tool") {
        write_to(&mut says, format_args!(", {tool}"));
    }
    says
}

fn access(finding: &Finding) -> String {
    let user = match finding.text("user") {
        None | Some(NOT_TOLD) => String::new(),
        Some(user) => format!(" as {user}"),
    };
    let result = match finding.text("outcome") {
        Some("accepted") => "the password is right, no session followed",
        Some("session by its size") => "a session, by its size",
        Some("session by its connection sequence") => "a session, by how the connection went on",
        _ => "a session",
    };
    format!("RDP logon of {}{user} succeeded after the guesses: {result}", offenders(finding))
}

fn exploit(finding: &Finding) -> String {
    let cve = finding.text("cve").unwrap_or("a known flaw");
    format!("{} tried {cve} on RDP", offenders(finding))
}

fn mining(finding: &Finding) -> String {
    let what = match (finding.text("coin"), finding.text("algorithm")) {
        (Some(coin), Some(algorithm)) => format!("mines {coin} ({algorithm})"),
        (Some(what), None) | (None, Some(what)) => format!("mines {what}"),
        (None, None) => "mines".to_owned(),
    };
    let mut says = what;
    if let Some(connection) = finding.connection {
        write_to(&mut says, format_args!(" at {}", connection.target));
    }
    if let Some(name) = finding.text("pool_name").or_else(|| finding.text("pool")) {
        write_to(&mut says, format_args!(" ({name})"));
    }
    if let Some(accepted) = count(finding, "shares_accepted") {
        write_to(&mut says, format_args!(", {} accepted", plural(accepted, "share", "shares")));
    }
    if let Some(rate) = finding.number("hashes_per_second") {
        write_to(&mut says, format_args!(": {}H/s", scaled(rate)));
        if let (Some(low), Some(high)) =
            (finding.number("hashes_per_second_low"), finding.number("hashes_per_second_high"))
        {
            write_to(&mut says, format_args!(" ({} to {})", scaled(low).trim_end(), scaled(high).trim_end()));
        }
    }
    let range = |low, high| Some((finding.number(low)?, finding.number(high)?));
    if let Some((low, high)) = range("cores_low", "cores_high") {
        write_to(&mut says, format_args!(", {} to {} cores", low.ceil().max(1.0), high.ceil().max(1.0)));
    }
    if let Some((low, high)) = range("watts_low", "watts_high") {
        write_to(&mut says, format_args!(", {low:.0} to {high:.0} W"));
    }
    if let Some((low, high)) = range("kwh_per_day_low", "kwh_per_day_high") {
        write_to(&mut says, format_args!(", {low:.1} to {high:.1} kWh a day"));
    }
    says
}

fn offenders(finding: &Finding) -> String {
    match finding.offenders.as_slice() {
        [] => "somebody".to_owned(),
        [one] => one.to_string(),
        many => plural(finding.offender_count.max(many.len() as u64), "address", "addresses"),
    }
}

fn count(finding: &Finding, name: &str) -> Option<u64> {
    match finding.value(name)? {
        Value::Count(count) => Some(*count),
        Value::Number(_) | Value::Text(_) => None,
    }
}

fn text_of<'a>(evidence: &'a [Evidence], name: &str) -> Option<&'a str> {
    evidence.iter().find(|one| one.name == name).and_then(|one| match &one.value {
        Value::Text(text) => Some(text.as_str()),
        Value::Count(_) | Value::Number(_) => None,
    })
}

fn at(address: IpAddr, port: u16) -> String {
    std::net::SocketAddr::new(address, port).to_string()
}

fn plural(number: u64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// `port 22`, `ports 22, 445`.
fn named(noun: &str, values: &[String]) -> String {
    format!("{noun}{} {}", if values.len() == 1 { "" } else { "s" }, values.join(", "))
}

/// `1.90 k`: three digits and the unit's prefix.
fn scaled(number: f64) -> String {
    let (mut scaled, mut prefixes) = (number, ["", "k", "M", "G", "T", "P"].into_iter());
    let mut prefix = prefixes.next().unwrap_or_default();
    while scaled >= 999.5
        && let Some(next) = prefixes.next()
    {
        (scaled, prefix) = (scaled / 1_000.0, next);
    }
    let decimals = if scaled >= 99.95 {
        0
    } else if scaled >= 9.995 {
        1
    } else {
        2
    };
    format!("{scaled:.decimals$} {prefix}")
}

fn octets_of(octets: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    let octets = octets as f64;
    format!("{}B", scaled(octets))
}

/// `26 s`, `3.5 min`, `2.1 h`, `3.0 days`.
fn duration(seconds: f64) -> String {
    match seconds {
        short if short < 120.0 => format!("{short:.0} s"),
        minutes if minutes < 7_200.0 => format!("{:.1} min", minutes / 60.0),
        hours if hours < 172_800.0 => format!("{:.1} h", hours / 3_600.0),
        days => format!("{:.1} days", days / 86_400.0),
    }
}

fn write_to(text: &mut String, more: std::fmt::Arguments<'_>) {
    // A string takes everything.
    text.write_fmt(more).ok();
}

const NOT_TOLD: &str = "not told";
const RDP_PORT: u16 = 3_389;
const LARGE_DOWNLOAD_OCTETS: u64 = 1_024 * 1_024;
const MANY_HOSTS: usize = 20;
const SHOWN_ADDRESSES: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_digits() {
        assert_eq!(scaled(1_902.0), "1.90 k");
        assert_eq!(scaled(0.5), "0.50 ");
        assert_eq!(scaled(999.7), "1.00 k");
        assert_eq!(scaled(123_456_789.0), "123 M");
        assert_eq!(octets_of(102_000), "102 kB");
    }

    #[test]
    fn durations_fit_their_size() {
        assert_eq!(duration(26.2), "26 s");
        assert_eq!(duration(210.0), "3.5 min");
        assert_eq!(duration(86_400.0), "24.0 h");
    }
}
