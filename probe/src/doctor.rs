//! `flowcanary doctor`: whether a machine can be trusted to see all that passes an interface, before it is.
//!
//! [`machine`] reads what the kernel and `ethtool` say, and [`sightings`] watches for a few seconds. The other modules judge what these
//! give, and neither read nor ask anything.

mod clock;
mod counters;
mod link;
mod machine;
mod offloads;
mod permission;
mod queues;
mod settings;
mod sightings;

use std::{
    fmt,
    io::{self, Write as _},
};

use anyhow::Context as _;
use report::printable;
use serde::Serialize;

use crate::{arguments::DoctorArguments, outcome::Outcome};
use machine::Machine;

/// One thing that was looked at.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
struct Check {
    /// What was looked at.
    subject: &'static str,
    verdict: Verdict,
    /// What was found.
    found: String,
    /// The command that mends it, or what to do where no command does.
    mend: Option<String>,
}

/// How it is.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Good,
    /// Something may be missed or counted wrongly, or it could not be found out.
    Doubtful,
    /// Something is missed or counted wrongly.
    Bad,
}

/// All that was looked at, as JSON has it.
#[derive(Debug, Serialize)]
struct Findings<'a> {
    interface: &'a str,
    worst: Verdict,
    checks: &'a [Check],
}

/// Examines an interface and the machine around it. The outcome is a failure if anything is bad.
pub(crate) fn run(arguments: &DoctorArguments) -> anyhow::Result<Outcome> {
    let interface = &arguments.interface;
    let machine = Machine::read(interface)?;
    let sightings = sightings::watch(interface, machine.queues, arguments.time);
    let after = machine::counters(interface);
    let checks = examine(arguments, &machine, &sightings, after);
    let worst = checks.iter().map(|check| check.verdict).max().unwrap_or(Verdict::Good);
    let text = if arguments.json {
        let findings = Findings { interface, worst, checks: &checks };
        serde_json::to_string_pretty(&findings)? + "\n"
    } else {
        checks.iter().map(|check| printable(&check.to_string()).to_string() + "\n").collect()
    };
    io::stdout().write_all(text.as_bytes()).context("cannot write to standard output")?;
    Ok(if worst == Verdict::Bad { Outcome::Failed } else { Outcome::Done })
}

fn examine(
    arguments: &DoctorArguments,
    machine: &Machine,
    sightings: &Result<sightings::Sightings, String>,
    after: counters::Counters,
) -> Vec<Check> {
    let name = &*arguments.interface;
    let mut checks = vec![
        permission::judge(machine.may_capture, machine.may_configure),
        link::judge_state(name, &machine.state, machine.has_carrier),
        link::judge_length(machine.mtu, arguments.snap_length),
        offloads::judge(name, &machine.driver, &machine.features),
        queues::judge_rings(name, &machine.rings),
        queues::judge_number(name, machine.queues, machine.processors, &machine.channels),
    ];
    checks.extend(sightings::judge(name, machine.queues, sightings));
    checks.push(counters::judge(name, machine.counters, after));
    checks.push(clock::judge_source(&machine.clock_source, &machine.clock_sources));
    checks.push(clock::judge_stamps(&machine.stamps));
    checks
}

impl Check {
    fn good(subject: &'static str, found: impl Into<String>) -> Self {
        Self { subject, verdict: Verdict::Good, found: found.into(), mend: None }
    }

    fn doubtful(subject: &'static str, found: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { subject, verdict: Verdict::Doubtful, found: found.into(), mend: Some(mend.into()) }
    }

    fn bad(subject: &'static str, found: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { subject, verdict: Verdict::Bad, found: found.into(), mend: Some(mend.into()) }
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = match self.verdict {
            Verdict::Good => "good",
            Verdict::Doubtful => "doubtful",
            Verdict::Bad => "bad",
        };
        write!(f, "{verdict:<8}  {}: {}", self.subject, self.found)?;
        self.mend.as_ref().map_or(Ok(()), |mend| write!(f, "  {mend}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_the_verdict_what_was_found_and_what_mends_it() {
        let check = Check::bad("link", "eth0 is down", "ip link set dev eth0 up");
        assert_eq!(check.to_string(), "bad       link: eth0 is down  ip link set dev eth0 up");
        assert_eq!(Check::good("rings", "full").to_string(), "good      rings: full");
        assert!(Verdict::Good < Verdict::Doubtful && Verdict::Doubtful < Verdict::Bad);
    }
}
