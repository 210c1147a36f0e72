//! `flowcanary doctor` on interfaces that are there on every machine, or made for the test.

use std::{env, process::Command};

use serde_json::Value;

use crate::program::{Ended, PROGRAM, program};

#[test]
fn an_interface_that_is_not_there_is_refused() {
    for name in ["nowhere0", "../../etc"] {
        let ended = Ended::of(program().args(["doctor", "-i", name]));
        ended.assert_status(1);
        assert_eq!(ended.stdout, "");
        assert!(ended.stderr.contains(name) && ended.stderr.contains("`ip link`"), "{ended:?}");
    }
    Ended::of(program().arg("doctor")).assert_status(2);
}

#[test]
fn each_line_has_a_verdict_and_the_status_is_that_of_the_worst() {
    let text = Ended::of(program().args(["doctor", "-i", "lo", "--time", "200ms"]));
    for line in text.stdout.lines() {
        let (verdict, said) = line.split_at(10);
        assert!(["good", "doubtful", "bad"].contains(&verdict.trim()), "{line}");
        assert!(said.contains(": "), "{line}");
    }
    let is_bad = text.stdout.lines().any(|line| line.starts_with("bad "));
    text.assert_status(i32::from(is_bad));

    let ended = Ended::of(program().args(["doctor", "-i", "lo", "--time", "200ms", "--json"]));
    let found: Value = serde_json::from_str(&ended.stdout).unwrap();
    ended.assert_status(i32::from(found["worst"] == "bad"));
    assert_eq!(found["interface"], "lo");
    let subjects: Vec<_> =
        found["checks"].as_array().unwrap().iter().map(|check| check["subject"].as_str().unwrap()).collect();
    for subject in ["permission", "link", "frame length", "offloads", "receive ring", "drops", "clock source"]
    {
        assert!(subjects.contains(&subject), "{subjects:?}");
    }
}

#[test]
fn an_interface_that_is_down_is_bad_and_it_is_said_what_brings_it_up() {
    let Some(namespace) = Namespace::new("fcdoctor") else { return };
    let mut command = namespace.command(PROGRAM);
    let ended = Ended::of(command.args(["doctor", "-i", "lo", "--time", "200ms"]));
    ended.assert_status(1);
    let line = ended.stdout.lines().find(|line| line.contains("link: ")).unwrap();
    assert!(line.starts_with("bad ") && line.ends_with("  ip link set dev lo up"), "{line}");
}

/// A network of its own, which goes with this.
struct Namespace(String);

impl Namespace {
    /// `None` where none can be made, which is said; with `CI` set that fails.
    fn new(name: &str) -> Option<Self> {
        let name = format!("{name}{}", std::process::id());
        let is_made = Command::new("ip").args(["netns", "add", &name]).status().is_ok_and(|ip| ip.success());
        if is_made {
            return Some(Self(name));
        }
        assert!(env::var_os("CI").is_none(), "no network namespace can be made; it takes root and iproute2");
        eprintln!("SKIPPED: no network namespace can be made; it takes root and iproute2");
        None
    }

    /// A program in it.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.0, program]);
        command
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        Command::new("ip").args(["netns", "del", &self.0]).status().ok();
    }
}
