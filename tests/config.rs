//! The configuration file: what it changes, how it is refused, and how it is read again while an interface is watched.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
    time::Duration,
};

use serde_json::Value;
use tempfile::TempDir;

use crate::program::{Ended, Replay, own_capture, program, replay};

#[test]
fn a_file_says_what_options_say() {
    let folder = tempfile::tempdir().unwrap();
    let flows = folder.path().join("flows.jsonl");
    let file = write(
        &folder,
        &format!(
            "[metering]\nfilter = \"tcp port 3389\"\nworkers = 2\n[timeouts]\nactive = \"30s\"\n\
             [outputs]\nflows = \"{}\"\nsummary = \"json\"\n[live]\ninterfaces = [\"eth0\"]\n",
            flows.display()
        ),
    );
    let capture = own_capture("cryptojacking.pcap");
    let ended = Ended::of(replay([&capture]).arg("--config").arg(&file));
    ended.assert_status(0);
    let said = Replay::of([&capture], &["--filter", "tcp port 3389", "--active-timeout", "30s"]);
    let summary: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(summary["packets"], said.summary["packets"]);
    assert_eq!(summary["workers"], 2);
    assert_eq!(crate::program::read_flows(&flows), said.flows);

    // What is typed wins, and a list replaces a list.
    let ended = Ended::of(replay([&capture]).args(["--workers", "1", "--config"]).arg(&file));
    let summary: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(summary["workers"], 1);
}

#[test]
fn thresholds_change_what_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let capture = own_capture("cryptojacking.pcap");
    let kinds = |arguments: &[&str]| -> Vec<String> {
        let eve = crate::eve::eve_of(&[&capture], arguments);
        eve.alerts.iter().map(|alert| alert["flowcanary"]["kind"].as_str().unwrap().to_owned()).collect()
    };
    let usual = kinds(&[]);
    assert!(usual.iter().any(|kind| kind == "rdp_bruteforce"), "{usual:?}");
    let deaf = "[rdp]\nfast-failures = 1000000\nslow-failures = 1000000\ndistributed-failures = 1000000\n\
                failures-before-success = 1000000\ntyped-failures-before-success = 1000000\n\
                refusals = 1000000\nforgiven-failures = 999999\n";
    let file = write(&folder, deaf);
    let without = kinds(&["--config", file.to_str().unwrap()]);
    assert!(!without.iter().any(|kind| kind.starts_with("rdp_bruteforce")), "{without:?}");
    assert!(without.iter().any(|kind| kind == "mining"), "{without:?}");
}

#[test]
fn a_wrong_file_is_wrong_usage_and_its_place_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let wrong = |text: &str, says: &str| {
        let file = write(&folder, text);
        for command in [
            replay([own_capture("tunnels.pcap")]).arg("--config").arg(&file),
            program().args(["live", "-i", "lo", "--config"]).arg(&file),
            program().arg("check").arg(&file),
        ] {
            let ended = Ended::of(command);
            ended.assert_status(2);
            assert_eq!((&*ended.stdout, ended.stderr.lines().count()), ("", 1), "{ended:?}");
            let says = format!("{}:{says}", file.display());
            assert!(ended.stderr.contains(&says), "{says}: {}", ended.stderr);
        }
    };
    wrong("[metering]\nwrokers = 2\n", "2:1: there is no key `wrokers`; the nearest is `workers`");
    wrong("[metering]\nmemory = \"lots\"\n", "2:10: `lots`: write it as 512MiB or 2GiB");
    wrong(
        "[outputs]\nstats-interval = 1\n",
        "2:1: there is no key `stats-interval` in this table; it belongs to [live]",
    );
    wrong("[outputs\n", "1:9: ");
}

#[test]
fn a_file_that_is_not_there_or_would_be_overwritten_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing.toml");
    let ended = Ended::of(program().arg("check").arg(&missing));
    ended.assert_status(2);
    assert!(ended.stderr.contains("missing.toml: No such file"), "{ended:?}");

    let file = write(&folder, "");
    let mut command = replay([own_capture("tunnels.pcap")]);
    let ended = Ended::of(command.arg("--config").arg(&file).arg("--eve").arg(&file));
    ended.assert_status(2);
    assert!(ended.stderr.contains("another name"), "{ended:?}");

    let ended = Ended::of(program().args(["live", "--config"]).arg(&file));
    ended.assert_status(2);
    assert!(ended.stderr.contains("names no interface"), "{ended:?}");
}

#[test]
fn check_prints_all_values_as_a_file_that_says_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let file = write(&folder, "[live]\ninterfaces = [\"eth0\"]\n[synflood]\nport-excess = 99\n");
    let first = Ended::of(program().arg("check").arg(&file));
    first.assert_status(0);
    for line in
        ["interfaces = [\"eth0\"]", "port-excess = 99", "prefix-excess = 1000", "fast-window = \"10m\""]
    {
        assert!(first.stdout.lines().any(|said| said == line), "{line}: {}", first.stdout);
    }
    let file = write(&folder, &first.stdout);
    let second = Ended::of(program().arg("check").arg(&file));
    assert_eq!(second.assert_status(0).stdout, first.stdout);
}

#[test]
fn hup_reads_the_file_again_and_a_wrong_one_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let base = "[live]\ninterfaces = [\"lo\"]\ncpus = \"none\"\n[metering]\nfilter = \"port 1\"\n[outputs]\nsummary = \"json\"\n";
    let file = write(&folder, base);
    let Some(watching) = Watching::of(program().args(["live", "--config"]).arg(&file)) else { return };

    watching.tell("HUP");
    watching.until("is in effect: nothing has changed");
    write(&folder, &format!("{base}[synflood]\nport-excess = 80\n"));
    watching.tell("HUP");
    watching.until("synflood.port-excess 80 (was 60)");
    write(&folder, &format!("{base}workers = 2\n[synflood]\nport-excess = 70\n[rdp]\nrefusals = 0\n"));
    watching.tell("HUP");
    watching.until("the configuration stays as it was: ");
    // As an editor saves it: a new file by the old name.
    let other = folder.path().join("other.toml");
    fs::write(&other, format!("{base}eve-types = \"alert\"\n[rdp]\nrefusals = 30\n")).unwrap();
    fs::rename(&other, &file).unwrap();
    watching.tell("HUP");
    // The flood's threshold, which the refused file did not change, goes back to what it is by itself.
    watching.until("stats\"), synflood.port-excess 60 (was 80), rdp.refusals 30 (was 20)");
    watching.tell("TERM");
    watching.end();
}

fn write(folder: &TempDir, text: &str) -> PathBuf {
    let path = folder.path().join("probe.toml");
    fs::write(&path, text).unwrap();
    path
}

/// `flowcanary live` on loopback, which nobody has to be asked for.
pub(crate) struct Watching {
    child: Child,
    said: Receiver<String>,
}

impl Watching {
    /// `None` where interfaces may not be watched, which is said; with `CI` set that fails.
    pub(crate) fn of(command: &mut Command) -> Option<Self> {
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (say, said) = mpsc::channel();
        thread::spawn(move || stderr.lines().map_while(Result::ok).try_for_each(|line| say.send(line)));
        let mut watching = Self { child, said };
        while let Ok(line) = watching.said.recv_timeout(PATIENCE) {
            if line.contains("watching lo") {
                return Some(watching);
            }
            if line.contains("CAP_NET_RAW") {
                watching.child.wait().unwrap();
                assert!(std::env::var_os("CI").is_none(), "{line}");
                eprintln!("SKIPPED: {line}");
                return None;
            }
        }
        panic!("it does not begin: {:?}", watching.child.wait())
    }

    pub(crate) fn tell(&self, signal: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", signal, &id]).status().unwrap().success());
    }

    /// Waits until it says something.
    #[track_caller]
    fn until(&self, words: &str) {
        let mut lines = Vec::new();
        while let Ok(line) = self.said.recv_timeout(PATIENCE) {
            if line.contains(words) {
                return;
            }
            lines.push(line);
        }
        panic!("it does not say `{words}`, but {lines:?}");
    }

    pub(crate) fn end(mut self) {
        assert_eq!(self.child.wait().unwrap().code(), Some(0));
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

const PATIENCE: Duration = Duration::from_secs(10);
