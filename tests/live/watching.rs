//! Programs that run until they are told to stop.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, PoisonError},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use serde_json::Value;

use super::network::Network;
use crate::program::{Ended, PROGRAM};

/// A program that runs. It is ended when this is dropped.
pub(super) struct Program {
    child: Child,
    stdout: Said,
    stderr: Said,
}

/// What a program has said so far.
struct Said {
    text: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
}

/// A probe that has ended.
pub(super) struct Watched {
    pub(super) ended: Ended,
    /// The closing summary; null if there is none.
    pub(super) summary: Value,
    /// How long it took from the signal on.
    pub(super) took: Duration,
}

/// `flowcanary live` in `network`, once it watches.
pub(super) fn watch(network: &Network, arguments: &[&str]) -> Program {
    let mut command = Command::new(PROGRAM);
    command.args(["live", "--summary", "json"]).args(arguments);
    let program = Program::start(&mut network.enter(&command));
    program.wait_for("flowcanary: watching ");
    program
}

impl Program {
    pub(super) fn start(command: &mut Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let (stdout, stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        Self { child, stdout: Said::by(stdout), stderr: Said::by(stderr) }
    }

    /// Its process.
    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it has said on standard error.
    pub(super) fn stderr(&self) -> String {
        self.stderr.so_far()
    }

    /// Waits until it has said `text` on standard error.
    #[track_caller]
    pub(super) fn wait_for(&self, text: &str) {
        until(|| self.stderr().contains(text), || format!("`{text}` is not in: {}", self.stderr()));
    }

    pub(super) fn signal(&self, signal: &str) {
        let id = self.id().to_string();
        assert!(Command::new("kill").args(["-s", signal, &id]).status().unwrap().success());
    }

    /// Ends it with `signal`.
    #[track_caller]
    pub(super) fn end(self, signal: &str) -> Watched {
        self.signal(signal);
        self.ended()
    }

    /// Waits until it ends.
    #[track_caller]
    pub(super) fn ended(mut self) -> Watched {
        let begun = Instant::now();
        let mut status = None;
        until(
            || {
                status = self.child.try_wait().unwrap();
                status.is_some()
            },
            || "it does not end".to_owned(),
        );
        let took = begun.elapsed();
        let (stdout, stderr) = (self.stdout.all(), self.stderr.all());
        let status = status.and_then(|status| status.code());
        let status = status.unwrap_or_else(|| panic!("it crashed: {stderr}"));
        let summary = serde_json::from_str(&stdout).unwrap_or_default();
        Watched { ended: Ended { status, stdout, stderr }, summary, took }
    }

    /// The fields of /proc/PID/status, of each of its threads.
    pub(super) fn threads(&self) -> Vec<String> {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.id())).unwrap();
        tasks.map(|task| fs::read_to_string(task.unwrap().path().join("status")).unwrap()).collect()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Said {
    fn by(stream: impl Read + Send + 'static) -> Self {
        let text = Arc::new(Mutex::new(String::new()));
        let kept = Arc::clone(&text);
        let read = move || {
            let mut lines = BufReader::new(stream);
            let mut line = String::new();
            while lines.read_line(&mut line).is_ok_and(|octets| octets > 0) {
                kept.lock().unwrap_or_else(PoisonError::into_inner).push_str(&line);
                line.clear();
            }
        };
        Self { text, reader: Some(thread::spawn(read)) }
    }

    fn so_far(&self) -> String {
        self.text.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn all(&mut self) -> String {
        if let Some(reader) = self.reader.take() {
            reader.join().unwrap();
        }
        self.so_far()
    }
}

impl Watched {
    /// A count of the packet ledger.
    #[track_caller]
    pub(super) fn packets(&self, name: &str) -> u64 {
        self.number(&["packets", name])
    }

    /// A number of the summary.
    #[track_caller]
    pub(super) fn number(&self, path: &[&str]) -> u64 {
        let value = path.iter().fold(&self.summary, |value, name| &value[name]);
        value.as_u64().unwrap_or_else(|| panic!("{path:?}: {:?} {}", self.ended, self.summary))
    }

    /// A count of all workers' losses.
    pub(super) fn workers(&self, name: &str) -> Vec<u64> {
        let workers = self.summary["live"]["workers"].as_array().unwrap();
        workers.iter().map(|worker| worker[name].as_u64().unwrap()).collect()
    }

    /// Each packet that was sent was received, or the kernel says that it dropped it, and each that was received is in one
    /// place of the ledger.
    #[track_caller]
    pub(super) fn assert_accounts_for(&self, sent: u64) {
        self.assert_counts(sent);
        self.assert_balanced();
    }

    /// The same, where some records are lost.
    #[track_caller]
    pub(super) fn assert_counts(&self, sent: u64) {
        let lost: u64 = ["dropped_by_kernel", "unread"].iter().flat_map(|name| self.workers(name)).sum();
        assert_eq!(self.packets("received") + lost, sent, "{} {:?}", self.summary, self.ended);
        self.assert_received_is_somewhere();
    }

    #[track_caller]
    pub(super) fn assert_balanced(&self) {
        self.assert_received_is_somewhere();
        let recorded = self.number(&["flows", "packets"]);
        assert_eq!(recorded, self.packets("metered"), "packets in records: {}", self.summary);
    }

    #[track_caller]
    fn assert_received_is_somewhere(&self) {
        let places = ["metered", "tunnel_fragments", "filtered", "undecoded"].map(|name| self.packets(name));
        assert_eq!(self.packets("received"), places.iter().sum::<u64>(), "{}", self.summary);
        let received: u64 = self.workers("received").iter().sum();
        assert_eq!(received, self.packets("received"));
    }
}

/// Waits until `is_so`.
#[track_caller]
pub(super) fn until(mut is_so: impl FnMut() -> bool, otherwise: impl FnOnce() -> String) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "{}", otherwise());
        thread::sleep(A_MOMENT);
    }
}

const PATIENCE: Duration = Duration::from_secs(20);
const A_MOMENT: Duration = Duration::from_millis(10);
