//! What a service manager is told, and the unit that starts the program.

use std::{env, fs, os::unix::net::UnixDatagram, process::Command, time::Duration};

use crate::{
    config::Watching,
    program::{Ended, PROGRAM, program},
    shared::workspace,
};

#[test]
fn a_service_manager_hears_once_that_it_is_ready_then_that_it_lives_and_that_it_stops() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut command = program();
    command.args(["live", "-i", "lo", "--filter", "port 1", "--workers", "2", "--cpus", "none"]);
    let Some(watching) = Watching::of(command.env("NOTIFY_SOCKET", &path)) else { return };
    let hear = || {
        let mut octets = [0; 64];
        let length = socket.recv(&mut octets).unwrap();
        String::from_utf8(octets[..length].to_vec()).unwrap().trim().to_owned()
    };
    // However quiet it is, every worker has a pulse.
    assert_eq!([hear(), hear(), hear()], ["READY=1", "WATCHDOG=1", "WATCHDOG=1"]);
    watching.tell("TERM");
    let last = std::iter::repeat_with(hear).find(|said| said != "WATCHDOG=1");
    assert_eq!(last.as_deref(), Some("STOPPING=1"));
    watching.end();
    socket.set_nonblocking(true).unwrap();
    assert!(socket.recv(&mut [0; 64]).is_err(), "nothing is said after the end");
}

#[test]
fn systemd_finds_nothing_wrong_with_the_unit() {
    let unit = fs::read_to_string(workspace().join("docs/systemd/flowcanary@.service")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flowcanary@.service");
    fs::write(&path, unit.replace("/usr/bin/flowcanary", PROGRAM)).unwrap();
    let mut verify = Command::new("systemd-analyze");
    if verify.arg("--version").output().is_err() {
        assert!(env::var_os("CI").is_none(), "systemd-analyze is not there: the package systemd has it");
        eprintln!("SKIPPED: systemd-analyze is not there: the package systemd has it");
        return;
    }
    let ended = Ended::of(Command::new("systemd-analyze").args(["verify", "--man=no"]).arg(&path));
    // What it does not know it passes over, and ends well.
    assert_eq!((ended.status, &*ended.stderr), (0, ""));
}

#[test]
fn the_command_of_the_unit_is_one_that_the_program_takes() {
    let unit = fs::read_to_string(workspace().join("docs/systemd/flowcanary@.service")).unwrap();
    let line = unit.lines().find_map(|line| line.strip_prefix("ExecStart=/usr/bin/flowcanary ")).unwrap();
    let line = line.replace("%I", "nowhere0");
    let ended = Ended::of(program().args(line.split(' ')));
    // It gets as far as the file, which is not there.
    assert!(
        ended.assert_status(2).stderr.contains("/etc/flowcanary/nowhere0.toml: No such file"),
        "{ended:?}"
    );
}

#[test]
fn the_unit_does_under_systemd_what_is_said_of_it() {
    let ended = Ended::of(Command::new(workspace().join("scripts/under-systemd/run")).arg(PROGRAM));
    if ended.status == CANNOT_BE_TRIED {
        assert!(env::var_os("CI").is_none(), "{}", ended.stderr);
        eprintln!("SKIPPED: {}", ended.stderr);
        return;
    }
    assert_eq!(ended.status, 0, "{}{}", ended.stdout, ended.stderr);
    // Not one step was left out: the last one was taken.
    assert!(ended.stdout.contains("ok: and the journal says what is wrong"), "{}", ended.stdout);
}

const CANNOT_BE_TRIED: i32 = 77;
const PATIENCE: Duration = Duration::from_secs(10);
