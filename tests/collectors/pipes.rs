//! Named pipes.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use tempfile::TempDir;

use super::{
    arriving::wait_until,
    streams::{flow_ids, ids_of},
};
use crate::program::{Ended, file_url, own_capture, read_flows, replay};

/// A program that writes to a pipe says that it waits, and then whoever comes gets everything.
#[test]
fn a_pipe_that_nobody_reads_is_said_and_waited_for() {
    let Piped { folder, pipe } = Piped::new();
    for option in ["--export", "--eve"] {
        let (said, flows) = (folder.path().join("said"), folder.path().join("flows.jsonl"));
        let target = if option == "--export" { file_url(&pipe) } else { pipe.to_str().unwrap().to_owned() };
        let mut command = replay([own_capture("tunnels.pcap")]);
        command.args([option, &target]).arg("--flows").arg(&flows);
        let mut child = Running::start(&mut command, &said);
        let waits = format!("{} is a pipe that nobody reads: waiting for a reader", pipe.display());
        wait_until(|| fs::read_to_string(&said).unwrap().contains(&waits));
        let read = fs::read(&pipe).unwrap();
        assert!(child.0.wait().unwrap().success());
        assert_eq!(fs::read_to_string(&said).unwrap().matches(&waits).count(), 1);
        if option == "--export" {
            assert_eq!(flow_ids(&read), ids_of(&read_flows(&flows)));
        } else {
            assert!(read.ends_with(b"}\n"));
        }
    }
}

/// A reader that is gone is a loss that is said, and the other outputs go on.
#[test]
fn a_reader_that_goes_away_costs_what_it_does_not_read() {
    let Piped { folder, pipe } = Piped::new();
    let mut reader = Command::new("head");
    reader.args(["-c", "100"]).arg(&pipe).stdout(Stdio::null());
    let mut reader = reader.spawn().unwrap();
    let flows = folder.path().join("flows.jsonl");
    let mut command = replay([own_capture("cryptojacking.pcap")]);
    command.args(["--export", &file_url(&pipe)]).arg("--flows").arg(&flows);
    let ended = Ended::of(&mut command);
    reader.wait().unwrap();
    ended.assert_status(3);
    assert!(
        ended.stderr.contains("cannot write the IPFIX file") && ended.stderr.contains("Broken pipe"),
        "{ended:?}"
    );
    assert!(read_flows(&flows).len() > 1_000);
}

struct Piped {
    folder: TempDir,
    pipe: PathBuf,
}

impl Piped {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        Ended::of(Command::new("mkfifo").arg(&pipe)).assert_status(0);
        Self { folder, pipe }
    }
}

/// A program that runs. It is ended when this is dropped.
struct Running(Child);

impl Running {
    /// What it says on standard error goes into a file.
    fn start(command: &mut Command, said: &Path) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(fs::File::create(said).unwrap());
        Self(command.spawn().unwrap())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended.
        self.0.kill().ok();
        self.0.wait().ok();
    }
}
