//! A network of its own: a namespace with pairs of interfaces, from which nothing gets out and into which nothing gets.

use std::{
    net::{Ipv4Addr, TcpStream, UdpSocket},
    os::fd::OwnedFd,
    path::Path,
    process::Command,
    sync::{Mutex, MutexGuard, PoisonError},
};

use nix::sys::socket::{AddressFamily, SockFlag, SockType, setsockopt, socket, sockopt::ReceiveTimestamp};

use super::watching::Program;
use crate::{
    namespace::Namespace,
    program::{Ended, tool},
};

/// The network. It is gone when this is dropped.
///
/// What is sent into `wire0` is seen on `probe0`, and so on.
pub(super) struct Network {
    namespace: Namespace,
    /// As long as somebody wants times with packets, the kernel takes one for each as it comes, and all who look see the same. Otherwise
    /// each sees the time at which it looked.
    _stamps: OwnedFd,
    /// One at a time: they share two processors.
    _turn: MutexGuard<'static, ()>,
}

impl Network {
    /// A network with so many pairs of interfaces.
    ///
    /// `None` where that is not permitted, which is said on stderr. With `CI` set that fails instead, so that no run that counts leaves
    /// tests out.
    pub(super) fn new(pairs: usize) -> Option<Self> {
        Self::with_queues(pairs, 1)
    }

    /// The same, each interface with so many queues to receive from and to send from.
    pub(super) fn with_queues(pairs: usize, queues: usize) -> Option<Self> {
        let turn = TURNS.lock().unwrap_or_else(PoisonError::into_inner);
        let namespace = Namespace::new()?;
        let stamps = socket(AddressFamily::Inet, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None).unwrap();
        setsockopt(&stamps, ReceiveTimestamp, &true).unwrap();
        let network = Self { namespace, _stamps: stamps, _turn: turn };
        for number in 0..pairs {
            network.add_pair(number, &queues.to_string());
        }
        Some(network)
    }

    fn add_pair(&self, number: usize, queues: &str) {
        let [probe, wire] = ["probe", "wire"].map(|name| format!("{name}{number}"));
        let queues = ["numrxqueues", queues, "numtxqueues", queues];
        let pair = [&["link", "add", &probe][..], &queues, &["type", "veth", "peer", "name", &wire], &queues];
        self.run("ip", &pair.concat());
        for interface in [&probe, &wire] {
            // As long as the longest packet of the captures, and none put together or taken apart on the way.
            self.run("ip", &["link", "set", interface, "mtu", "65535"]);
            let mut ethtool = self.enter(&tool("ethtool", "ethtool"));
            let offloads = ["gro", "gso", "tso", "tx", "rx"];
            ethtool.args(["-K", interface]).args(offloads.iter().flat_map(|&offload| [offload, "off"]));
            Ended::of(&mut ethtool).assert_status(0);
        }
        self.run("ip", &["link", "set", &probe, "up"]);
        self.run("ip", &["link", "set", &wire, "up"]);
    }

    /// `command`, as it is run in this network.
    pub(super) fn enter(&self, command: &Command) -> Command {
        self.namespace.enter(command)
    }

    /// Connects to a port of its loopback interface.
    pub(super) fn connect(&self, port: u16) -> TcpStream {
        self.namespace.inside(move || TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap())
    }

    /// Listens on some port of its loopback interface.
    pub(super) fn listen(&self) -> UdpSocket {
        self.namespace.inside(|| UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap())
    }

    /// Runs a program that has to succeed.
    #[track_caller]
    pub(super) fn run(&self, program: &str, arguments: &[&str]) {
        self.namespace.run(program, arguments);
    }

    /// Sends the packets of `capture` into `interface`, so many a second; how many they were.
    #[track_caller]
    pub(super) fn send(&self, capture: &Path, interface: &str, a_second: u32) -> u64 {
        let mut tcpreplay = tool("tcpreplay", "tcpreplay");
        tcpreplay.args(["--intf1", interface, "--pps", &a_second.to_string()]).arg(capture);
        self.sent_by(&tcpreplay)
    }

    /// The same, by a sender that runs on processor `cpu` alone.
    #[track_caller]
    pub(super) fn send_on(&self, cpu: usize, capture: &Path, interface: &str, a_second: u32) -> u64 {
        let mut taskset = tool("taskset", "util-linux");
        taskset.args(["--cpu-list", &cpu.to_string()]).arg(tool("tcpreplay", "tcpreplay").get_program());
        self.sent_by(taskset.args(["--intf1", interface, "--pps", &a_second.to_string()]).arg(capture))
    }

    /// Sends `capture` as a tap would give it: what `router` sent into `wire0`, everything else into `wire1`.
    #[track_caller]
    pub(super) fn send_apart(&self, capture: &Path, router: &str, a_second: u32) -> u64 {
        let folder = tempfile::tempdir().unwrap();
        let directions = folder.path().join("directions");
        let mut tcpprep = tool("tcpprep", "tcpreplay");
        tcpprep.args(["--mac", router, "--pcap"]).arg(capture).arg("--cachefile").arg(&directions);
        Ended::of(&mut tcpprep).assert_status(0);
        let mut tcpreplay = tool("tcpreplay", "tcpreplay");
        tcpreplay.args(["--intf1", "wire0", "--intf2", "wire1", "--pps", &a_second.to_string()]);
        self.sent_by(tcpreplay.arg("--cachefile").arg(&directions).arg(capture))
    }

    #[track_caller]
    fn sent_by(&self, tcpreplay: &Command) -> u64 {
        let ended = Ended::of(&mut self.enter(tcpreplay));
        ended.assert_status(0);
        let count = |name: &str| {
            let counts = ended.stdout.lines().filter_map(|line| line.trim().strip_prefix(name));
            let counts = counts.map(|count| count.trim().parse::<u64>().unwrap());
            // One for each interface.
            counts.reduce(|one, other| one + other).unwrap_or_else(|| panic!("{ended:?}"))
        };
        assert_eq!(count("Failed packets:"), 0, "{ended:?}");
        count("Successful packets:")
    }

    /// Records what comes to `interface` into the file `path`, with nanoseconds.
    pub(super) fn record(&self, interface: &str, path: &Path) -> Program {
        let mut tcpdump = tool("tcpdump", "tcpdump");
        tcpdump.args(["-i", interface, "--time-stamp-precision=nano", "--immediate-mode", "-B", "65536"]);
        tcpdump.args(["-n", "-Z", "root", "-w"]).arg(path);
        let recording = Program::start(&mut self.enter(&tcpdump));
        recording.wait_for("listening on");
        recording
    }
}

static TURNS: Mutex<()> = Mutex::new(());
