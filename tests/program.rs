//! The program, run as its users run it, and what it leaves behind.

use std::{
    ffi::OsStr,
    fmt, fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::Duration,
};

use serde_json::{Map, Value};
use tempfile::TempDir;

use crate::shared::workspace;

/// `flowcanary replay` of `captures`, to be given further arguments.
pub(crate) fn replay<P: AsRef<OsStr>>(captures: impl IntoIterator<Item = P>) -> Command {
    let mut command = program();
    command.arg("replay").args(captures);
    command
}

/// `flowcanary` without arguments.
pub(crate) fn program() -> Command {
    Command::new(PROGRAM)
}

/// Its path.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_flowcanary");

/// One of the captures that the project wrote itself.
pub(crate) fn own_capture(name: &str) -> PathBuf {
    workspace().join("pcaps").join(name)
}

/// A program that has ended.
pub(crate) struct Ended {
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    /// Runs `command` without input.
    pub(crate) fn of(command: &mut Command) -> Self {
        command.stdin(Stdio::null());
        Self::run(command, &[])
    }

    /// Runs `command` with `input` on its standard input.
    pub(crate) fn with_input(command: &mut Command, input: &[u8]) -> Self {
        command.stdin(Stdio::piped());
        Self::run(command, input)
    }

    /// What was said on standard error, without the warning of times that lie long before others, which some captures have, and without
    /// that of the enterprise number for examples.
    pub(crate) fn complaints(&self) -> Vec<&str> {
        let expected = ["lie an hour or more before", "which is for examples; --pen takes your number"];
        self.stderr.lines().filter(|line| !expected.iter().any(|text| line.contains(text))).collect()
    }

    fn run(command: &mut Command, input: &[u8]) -> Self {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let (id, pipe) = (child.id(), child.stdin.take());
        let (ended, has_ended) = mpsc::channel::<()>();
        let output = thread::scope(|scope| {
            // One that hangs fails its test, rather than to hang the tests.
            scope.spawn(move || {
                if has_ended.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                    Command::new("kill").args(["-s", "KILL", &id.to_string()]).status().unwrap();
                }
            });
            // It writes while it still reads, so that one thread could not do both.
            if let Some(mut pipe) = pipe {
                scope.spawn(move || pipe.write_all(input).unwrap());
            }
            let output = child.wait_with_output().unwrap();
            drop(ended);
            output
        });
        Self::new(output, command)
    }

    fn new(output: Output, command: &Command) -> Self {
        let status =
            output.status.code().unwrap_or_else(|| panic!("{command:?} crashed or hung: {}", output.status));
        let text = |octets| String::from_utf8(octets).unwrap();
        Self { status, stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    #[track_caller]
    pub(crate) fn assert_status(&self, status: i32) -> &Self {
        assert_eq!(self.status, status, "{self:?}");
        self
    }
}

impl fmt::Debug for Ended {
    /// In a few lines, however much was printed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { status, stdout, stderr } = self;
        writeln!(f, "status {status}")?;
        for (name, printed) in [("output", stdout), ("errors", stderr)] {
            let shown: String = printed.chars().take(SHOWN_OUTPUT).collect();
            writeln!(f, "{name} of {} octets: {shown}", printed.len())?;
        }
        Ok(())
    }
}

/// A replay with all that it wrote: flows, IPFIX and the closing summary.
#[derive(Debug)]
pub(crate) struct Replay {
    pub(crate) ended: Ended,
    pub(crate) flows: Vec<Flow>,
    pub(crate) summary: Value,
    /// Holds [`Replay::ipfix`] as long as this is there.
    folder: TempDir,
}

impl Replay {
    /// Replays `captures` with further `arguments`.
    pub(crate) fn of<P: AsRef<OsStr>>(captures: impl IntoIterator<Item = P>, arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let flows = folder.path().join("flows.jsonl");
        let mut command = replay(captures);
        command.args(["--summary", "json", "--flows"]).arg(&flows);
        command.arg("--export").arg(file_url(&folder.path().join(IPFIX))).args(arguments);
        let ended = Ended::of(&mut command);
        let summary = serde_json::from_str(&ended.stdout)
            .unwrap_or_else(|error| panic!("{command:?}: no summary: {error}: {ended:?}"));
        Self { flows: read_flows(&flows), ended, summary, folder }
    }

    /// The IPFIX file.
    pub(crate) fn ipfix(&self) -> PathBuf {
        self.folder.path().join(IPFIX)
    }

    /// A count of the packet ledger.
    pub(crate) fn packets(&self, name: &str) -> i64 {
        self.summary["packets"][name].as_i64().unwrap_or_else(|| panic!("{name}: {}", self.summary))
    }
}

/// A line of a flow file.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Flow(Map<String, Value>);

impl Flow {
    /// A column that holds a number.
    pub(crate) fn number(&self, column: &str) -> u64 {
        self.optional_number(column).unwrap_or_else(|| panic!("{column}: {self:?}"))
    }

    pub(crate) fn optional_number(&self, column: &str) -> Option<u64> {
        self.0.get(column).map(|value| value.as_u64().unwrap())
    }

    /// What is known of its application.
    pub(crate) fn application(&self) -> Option<&Value> {
        self.0.get("application")
    }

    /// All columns but one.
    pub(crate) fn without(&self, column: &str) -> Self {
        let mut columns = self.0.clone();
        columns.remove(column);
        Self(columns)
    }

    /// A column that holds text.
    pub(crate) fn text(&self, column: &str) -> &str {
        self.optional_text(column).unwrap_or_else(|| panic!("{column}: {self:?}"))
    }

    pub(crate) fn optional_text(&self, column: &str) -> Option<&str> {
        self.0.get(column).map(|value| value.as_str().unwrap())
    }
}

/// The flows in a file of JSON lines.
pub(crate) fn read_flows(path: &Path) -> Vec<Flow> {
    parse_flows(&fs::read_to_string(path).unwrap())
}

/// The flows in JSON lines.
pub(crate) fn parse_flows(lines: &str) -> Vec<Flow> {
    let flow = |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    lines.lines().map(|line| Flow(flow(line))).collect()
}

/// `path` as `--export` takes it.
pub(crate) fn file_url(path: &Path) -> String {
    format!("file:{}", path.display())
}

/// Another program, which the tests need; `package` is where Debian has it. Without it they fail.
pub(crate) fn tool(name: &str, package: &str) -> Command {
    let is_there = |folder: PathBuf| folder.join(name).is_file();
    let folders = std::env::var_os("PATH").unwrap_or_default();
    // Where Debian puts programs that listen.
    let system = [PathBuf::from("/usr/sbin"), PathBuf::from("/usr/bin")];
    let Some(folder) = std::env::split_paths(&folders).chain(system).find(|folder| is_there(folder.clone()))
    else {
        panic!("{name} is not installed: the package {package} has it, and `make test` installs it");
    };
    let mut command = Command::new(folder.join(name));
    // What they print is read here.
    command.env("TZ", "UTC").env("LC_ALL", "C");
    command
}

/// No run takes a tenth of it, unless it hangs.
const PATIENCE: Duration = Duration::from_mins(3);
const SHOWN_OUTPUT: usize = 2_000;
const IPFIX: &str = "flows.ipfix";
