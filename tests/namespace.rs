//! Network namespaces, each of which is a host by itself.

use std::{
    env,
    fs::File,
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    thread,
};

use nix::sched::{CloneFlags, setns};

use crate::program::{Ended, tool};

/// A namespace. It is gone when this is dropped.
pub(crate) struct Namespace {
    /// Is in the namespace, and ends when its input does: so it does not outlive the tests, however they end.
    holder: Child,
}

impl Namespace {
    /// A namespace with nothing but a loopback interface.
    ///
    /// `None` where that is not permitted, which is said on stderr. With `CI` set that fails instead, so that no run that counts leaves
    /// tests out.
    pub(crate) fn new() -> Option<Self> {
        let mut holder = Command::new("unshare");
        holder.args(["--net", "sh", "-c", "echo ready; exec cat"]);
        holder.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut holder = holder.spawn().unwrap();
        let mut said = String::new();
        BufReader::new(holder.stdout.take().unwrap()).read_line(&mut said).unwrap();
        if said != "ready\n" {
            holder.wait().unwrap();
            let missing = "network namespaces are not permitted; be root";
            assert!(env::var_os("CI").is_none(), "{missing}");
            eprintln!("SKIPPED: {missing}");
            return None;
        }
        let namespace = Self { holder };
        // A system that greets its neighbours sends packets that nobody counts on.
        namespace.run(
            "sh",
            &["-c", "for i in all default; do echo 1 > /proc/sys/net/ipv6/conf/$i/disable_ipv6; done"],
        );
        namespace.run("ip", &["link", "set", "lo", "up"]);
        Some(namespace)
    }

    /// A process that is in it.
    pub(crate) fn id(&self) -> u32 {
        self.holder.id()
    }

    /// `command`, as it is run there.
    pub(crate) fn enter(&self, command: &Command) -> Command {
        let mut entered = tool("nsenter", "util-linux");
        entered.arg(format!("--net=/proc/{}/ns/net", self.id())).arg("--");
        entered.arg(command.get_program()).args(command.get_args());
        entered
    }

    /// Does something there. What is opened there stays there.
    pub(crate) fn inside<T: Send + 'static>(&self, action: impl FnOnce() -> T + Send + 'static) -> T {
        let namespace = File::open(format!("/proc/{}/ns/net", self.id())).unwrap();
        let act = move || {
            // It is this thread alone that goes there.
            setns(namespace, CloneFlags::CLONE_NEWNET).unwrap();
            action()
        };
        thread::spawn(act).join().unwrap()
    }

    /// Runs a program that has to succeed.
    #[track_caller]
    pub(crate) fn run(&self, program: &str, arguments: &[&str]) {
        let mut command = Command::new(program);
        Ended::of(&mut self.enter(command.args(arguments))).assert_status(0);
    }

    /// Runs `ip` with the words of `line`.
    #[track_caller]
    pub(crate) fn ip(&self, line: &str) {
        self.run("ip", &line.split_whitespace().collect::<Vec<_>>());
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // It may have ended.
        self.holder.kill().ok();
        self.holder.wait().ok();
    }
}
