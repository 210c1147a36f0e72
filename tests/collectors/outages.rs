//! Collectors over TCP that go away in every way, and come back. What arrives is told by the identifiers of flows.

#![expect(clippy::disallowed_methods, reason = "here it matters how long something takes")]

use std::{
    fs,
    io::Write as _,
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use nix::sys::socket::{setsockopt, sockopt};
use tempfile::TempDir;

use super::streams::{flow_ids, ids_of, listen, read};
use crate::{
    namespace::Namespace,
    program::{PROGRAM, read_flows, tool},
};

/// Side by side, since each waits for most of the time.
#[test]
fn collectors_that_go_away_and_come_back_miss_nothing() {
    thread::scope(|scope| {
        let spooled = scope.spawn(|| a_process_is_away_for_a_minute(true));
        let in_memory = scope.spawn(|| a_process_is_away_for_a_minute(false));
        let silent = scope.spawn(|| {
            a_host_goes_without_a_word(
                "neigh replace 192.0.2.2 lladdr 02:00:5e:00:00:02 dev eth0 nud permanent",
            );
        });
        let gone = scope.spawn(|| a_host_goes_without_a_word("link show eth0"));
        let stops = scope.spawn(a_server_stops_reading);
        let resets = scope.spawn(a_server_resets);
        // Each is heard, so that one that fails does not hide another one.
        let failed: Vec<_> = [
            ("spooled", spooled),
            ("in memory", in_memory),
            ("silent", silent),
            ("gone", gone),
            ("stops reading", stops),
            ("resets", resets),
        ]
        .into_iter()
        .filter_map(|(name, scenario)| scenario.join().is_err().then_some(name))
        .collect();
        assert!(failed.is_empty(), "{failed:?}");
    });
}

fn a_process_is_away_for_a_minute(is_spooled: bool) {
    let folder = tempfile::tempdir().unwrap();
    let address = listen().1;
    let collector = Collector::start(&mut python(), address, &folder.path().join("first"));
    let mut feed = Feed::new(Command::new(PROGRAM), address, is_spooled);
    feed.flows(299);
    feed.flows(1);
    collector.wait_until_quiet();
    let first = collector.end();
    let away_since = Instant::now();
    for _ in 0..30 {
        feed.flows(40);
        thread::sleep(Duration::from_secs(2));
    }
    thread::sleep(Duration::from_mins(1).saturating_sub(away_since.elapsed()));
    let collector = Collector::start(&mut python(), address, &folder.path().join("second"));
    until("it has arrived", || !collector.sessions().is_empty());
    feed.flows(300);
    let expected = feed.end();
    let second = collector.end();
    assert!(first.len() == 1 && second.len() == 1, "{} and {} sessions", first.len(), second.len());
    assert_arrived(&[first, second].concat(), &expected);
    assert_eq!(expected.len(), 300 + 30 * 40 + 300);
}

/// The collector's host loses its address, and has it again when that was noticed. `prepare` is done at the probe's: with the other's link
/// address known for good nothing ever says that it is gone, as behind a router.
fn a_host_goes_without_a_word(prepare: &str) {
    let (Some(probe), Some(other)) = (Namespace::new(), Namespace::new()) else { return };
    probe.ip(&format!("link add eth0 type veth peer name eth0 netns {}", other.id()));
    for (host, number) in [(&probe, 1), (&other, 2)] {
        host.ip(&format!("link set eth0 address 02:00:5e:00:00:0{number} up"));
        host.ip(&format!("address add 192.0.2.{number}/24 dev eth0"));
    }
    probe.ip(prepare);
    let folder = tempfile::tempdir().unwrap();
    let address = "192.0.2.2:4739".parse().unwrap();
    let collector = Collector::start(&mut other.enter(&python()), address, &folder.path().join("sessions"));
    let mut feed = Feed::new(probe.enter(&Command::new(PROGRAM)), address, true);
    feed.flows(299);
    feed.flows(1);
    collector.wait_until_quiet();
    other.ip("address del 192.0.2.2/24 dev eth0");
    let gone_since = Instant::now();
    while feed.spooled_parts() == 0 {
        feed.flows(40);
        thread::sleep(Duration::from_secs(1));
        assert!(gone_since.elapsed() < NOTICED_WITHIN, "it is not noticed");
    }
    assert!(gone_since.elapsed() > Duration::from_secs(10), "a moment is no reason to give up");
    other.ip("address add 192.0.2.2/24 dev eth0");
    until("it has arrived", || collector.sessions().len() > 1);
    feed.flows(300);
    let expected = feed.end();
    let sessions = collector.end();
    assert_eq!(sessions.len(), 2);
    assert_arrived(&sessions, &expected);
}

/// For longer than a host may be silent; and for much more than what its buffers hold.
fn a_server_stops_reading() {
    let (listener, address) = listen();
    let collector = thread::spawn(move || {
        let mut connection = listener.accept().unwrap().0;
        thread::sleep(Duration::from_mins(1));
        read(&mut connection, Duration::from_mins(1))
    });
    let mut feed = Feed::new(Command::new(PROGRAM), address, false);
    for _ in 0..15 {
        feed.flows(10_000);
        thread::sleep(Duration::from_millis(4_200));
    }
    let expected = feed.end();
    let arrived = collector.join().unwrap();
    assert!(arrived.len() > 8 << 20, "{} octets", arrived.len());
    assert_arrived(&[flow_ids(&arrived)], &expected);
}

/// Again and again, each time with everything read that was sent.
fn a_server_resets() {
    let (listener, address) = listen();
    let collector = thread::spawn(move || {
        let reset = |listener: &TcpListener| {
            let mut connection = listener.accept().unwrap().0;
            let octets = read_until_quiet(&mut connection);
            setsockopt(&connection, sockopt::Linger, &nix::libc::linger { l_onoff: 1, l_linger: 0 }).unwrap();
            octets
        };
        let mut sessions: Vec<_> = (0..4).map(|_| reset(&listener)).collect();
        sessions.push(read(&mut listener.accept().unwrap().0, Duration::from_mins(1)));
        sessions
    });
    let mut feed = Feed::new(Command::new(PROGRAM), address, true);
    for _ in 0..15 {
        feed.flows(200);
        thread::sleep(4 * QUIET);
    }
    let expected = feed.end();
    let sessions: Vec<_> = collector.join().unwrap().iter().map(|octets| flow_ids(octets)).collect();
    assert!(sessions.iter().all(|session| !session.is_empty()));
    assert_arrived(&sessions, &expected);
}

/// Reads what comes until nothing has come for a while: then all of it is confirmed.
fn read_until_quiet(connection: &mut TcpStream) -> Vec<u8> {
    let mut octets = Vec::new();
    while octets.is_empty() {
        octets = read(connection, QUIET);
    }
    octets
}

/// All that was expected, once and in its order.
#[track_caller]
fn assert_arrived(sessions: &[Vec<String>], expected: &[String]) {
    let arrived = sessions.concat();
    let place = arrived.iter().zip(expected).position(|(arrived, expected)| arrived != expected);
    assert_eq!(
        (arrived.len(), place),
        (expected.len(), None),
        "sessions of {:?}",
        sessions.iter().map(Vec::len).collect::<Vec<_>>()
    );
}

/// A collector in a process of its own, which writes down what each connection brings.
struct Collector {
    child: Child,
    /// What the names of its files begin with.
    files: PathBuf,
}

impl Collector {
    /// Starts `python`, which knows what to run, and waits until it listens.
    fn start(python: &mut Command, address: SocketAddr, files: &Path) -> Self {
        python.args([&address.ip().to_string(), &address.port().to_string()]).arg(files);
        let child = python.stdin(Stdio::null()).spawn().unwrap();
        until("it listens", || files.exists());
        Self { child, files: files.to_owned() }
    }

    /// The files of its connections, in their order.
    fn files(&self) -> Vec<PathBuf> {
        let file = |number: u32| self.files.with_extension(number.to_string());
        (0..MOST_CONNECTIONS).map(file).take_while(|file| file.exists()).collect()
    }

    /// The flows that each of its connections has brought.
    fn sessions(&self) -> Vec<Vec<String>> {
        let sessions = self.files().into_iter().map(|file| flow_ids(&fs::read(file).unwrap()));
        sessions.filter(|session| !session.is_empty()).collect()
    }

    /// Waits until something has come, and then nothing for a while: so all that was confirmed was read.
    fn wait_until_quiet(&self) {
        let octets = || self.files().iter().map(|file| fs::metadata(file).unwrap().len()).sum::<u64>();
        let mut before = 0;
        until("it is quiet", || {
            thread::sleep(4 * QUIET);
            let now = octets();
            now > 0 && now == std::mem::replace(&mut before, now)
        });
    }

    /// Kills it.
    fn end(mut self) -> Vec<Vec<String>> {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.sessions()
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        // It may have ended.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// A replay of a capture that is written while it is read.
struct Feed {
    child: Child,
    capture: ChildStdin,
    folder: TempDir,
    address: SocketAddr,
    /// Flows that were written.
    flows: u32,
    /// Batches of flows.
    batches: u32,
}

impl Feed {
    /// Starts `program`, which is ours, to export to a collector, small messages one after the other.
    fn new(mut program: Command, address: SocketAddr, is_spooled: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        program.args(["replay", "-", "--udp-timeout", "1s", "--message-octets", "512", "--flows"]);
        program.arg(folder.path().join(FLOWS));
        program.args(["--export", &format!("tcp://{address}"), "--ipfix-profile", "nfdump"]);
        if is_spooled {
            program.arg("--spool").arg(folder.path());
        }
        program.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = program.spawn().unwrap();
        let mut capture = child.stdin.take().unwrap();
        capture
            .write_all(&[0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0])
            .unwrap();
        Self { child, capture, folder, address, flows: 0, batches: 0 }
    }

    /// Writes a datagram of each of so many new flows. Those of earlier batches have ended by then.
    fn flows(&mut self, count: u32) {
        let mut octets = Vec::new();
        self.batches += 1;
        for flow in self.flows..self.flows + count {
            let [_, high, middle, low] = flow.to_be_bytes();
            let mut frame =
                vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0];
            frame.extend([10, high, middle, low, 192, 0, 2, 1, 0x4e, 0x20, 0x0f, 0xa0, 0, 8, 0, 0]);
            for field in [1_700_000_000 + 5 * self.batches, 0, 42, 42] {
                octets.extend(field.to_le_bytes());
            }
            octets.extend(frame);
        }
        self.flows += count;
        self.capture.write_all(&octets).unwrap();
    }

    /// How many files of records that wait there are.
    fn spooled_parts(&self) -> usize {
        let Ok(entries) = fs::read_dir(self.folder.path().join(format!("tcp-{}", self.address))) else {
            return 0;
        };
        entries
            .filter(|entry| entry.as_ref().unwrap().path().extension().is_some_and(|end| end == "ipfix"))
            .count()
    }

    /// Ends the capture, and waits until the program has ended, which has lost nothing. The flows, in their order.
    fn end(mut self) -> Vec<String> {
        drop(self.capture);
        let status = self.child.wait().unwrap();
        assert!(status.success(), "{status}");
        let flows = read_flows(&self.folder.path().join(FLOWS));
        assert_eq!(flows.len(), usize::try_from(self.flows).unwrap());
        ids_of(&flows)
    }
}

fn python() -> Command {
    let mut command = tool("python3", "python3");
    command.args(["-c", COLLECTOR]);
    command
}

#[track_caller]
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "waited in vain until {what}");
        thread::sleep(Duration::from_millis(100));
    }
}

/// Listens, says so by a file, and writes what each connection brings into a file of its own as it comes.
const COLLECTOR: &str = "
import socket, sys, threading
def take(connection, path):
    with open(path, 'wb', buffering=0) as file:
        while data := connection.recv(65536):
            file.write(data)
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind((sys.argv[1], int(sys.argv[2])))
listener.listen()
open(sys.argv[3], 'w').close()
number = 0
while True:
    connection, _ = listener.accept()
    threading.Thread(target=take, args=(connection, f'{sys.argv[3]}.{number}')).start()
    number += 1
";
const MOST_CONNECTIONS: u32 = 100;
const FLOWS: &str = "flows.jsonl";
const QUIET: Duration = Duration::from_millis(500);
const PATIENCE: Duration = Duration::from_mins(2);
/// The 50 seconds that it takes at most, and what a machine that is busy takes besides.
const NOTICED_WITHIN: Duration = Duration::from_mins(1);
