//! What the kernel and `ethtool` say of an interface and of the machine. Nothing is judged here.

use std::{fs, path::PathBuf, process::Command, thread};

use anyhow::anyhow;
use caps::{CapSet, Capability};

use super::counters::Counters;

/// What was read.
#[derive(Clone, Debug)]
pub(super) struct Machine {
    /// `CAP_NET_RAW`.
    pub(super) may_capture: bool,
    /// `CAP_NET_ADMIN`.
    pub(super) may_configure: bool,
    /// `operstate` of the interface.
    pub(super) state: String,
    /// `None` where the kernel does not say, which is so while it is down.
    pub(super) has_carrier: Option<bool>,
    pub(super) mtu: Option<u32>,
    /// Receive queues; 0 where none can be seen.
    pub(super) queues: usize,
    pub(super) processors: usize,
    pub(super) counters: Counters,
    /// The driver, as far as it is known.
    pub(super) driver: String,
    /// `ethtool -k`.
    pub(super) features: Answer,
    /// `ethtool -g`.
    pub(super) rings: Answer,
    /// `ethtool -l`.
    pub(super) channels: Answer,
    /// `ethtool -T`.
    pub(super) stamps: Answer,
    /// The clock source in use, and those that could be.
    pub(super) clock_source: String,
    pub(super) clock_sources: String,
}

/// What a program answered.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Answer {
    Said(String),
    /// The interface has no such thing.
    Unsupported,
    /// The program is not there.
    NotInstalled,
    /// It failed, with this on its first line.
    Failed(String),
}

impl Machine {
    /// Reads everything about `interface`.
    pub(super) fn read(interface: &str) -> anyhow::Result<Self> {
        let folder = folder(interface);
        // A name with a slash would lead elsewhere.
        if interface.contains('/') || !folder.is_dir() {
            return Err(anyhow!(
                "interface {interface}: there is no such device; `ip link` lists the interfaces"
            ));
        }
        let may = |capability| caps::has_cap(None, CapSet::Effective, capability).unwrap_or(false);
        let queues = fs::read_dir(folder.join("queues")).map_or(0, |queues| {
            queues.flatten().filter(|queue| queue.file_name().to_string_lossy().starts_with("rx-")).count()
        });
        Ok(Self {
            may_capture: may(Capability::CAP_NET_RAW),
            may_configure: may(Capability::CAP_NET_ADMIN),
            state: read(folder.join("operstate")).unwrap_or_default(),
            has_carrier: read(folder.join("carrier")).map(|carrier| carrier == "1"),
            mtu: read(folder.join("mtu")).and_then(|mtu| mtu.parse().ok()),
            queues,
            processors: thread::available_parallelism().map_or(1, usize::from),
            counters: counters(interface),
            driver: driver(&ask("-i", interface)),
            features: ask("-k", interface),
            rings: ask("-g", interface),
            channels: ask("-l", interface),
            stamps: ask("-T", interface),
            clock_source: read(PathBuf::from(CLOCK_SOURCES).join("current_clocksource")).unwrap_or_default(),
            clock_sources: read(PathBuf::from(CLOCK_SOURCES).join("available_clocksource"))
                .unwrap_or_default(),
        })
    }
}

/// What the interface has counted so far.
pub(super) fn counters(interface: &str) -> Counters {
    let folder = folder(interface).join("statistics");
    let count = |name: &str| read(folder.join(name)).and_then(|count| count.parse().ok()).unwrap_or(0);
    Counters {
        received: count("rx_packets"),
        dropped: count("rx_dropped"),
        missed: count("rx_missed_errors"),
        overrun: count("rx_fifo_errors"),
        too_long: count("rx_length_errors"),
    }
}

fn driver(answer: &Answer) -> String {
    let Answer::Said(text) = answer else { return String::new() };
    text.lines().find_map(|line| line.strip_prefix("driver:")).unwrap_or_default().trim().to_owned()
}

fn ask(question: &str, interface: &str) -> Answer {
    for program in ETHTOOL {
        let asked = Command::new(program).args([question, interface]).env("LC_ALL", "C").output();
        let Ok(output) = asked else { continue };
        if output.status.success() {
            return Answer::Said(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        return if words.contains("not supported") {
            Answer::Unsupported
        } else {
            Answer::Failed(words.lines().next().unwrap_or_default().to_owned())
        };
    }
    Answer::NotInstalled
}

fn folder(interface: &str) -> PathBuf {
    PathBuf::from("/sys/class/net").join(interface)
}

fn read(path: PathBuf) -> Option<String> {
    fs::read_to_string(path).ok().map(|text| text.trim().to_owned())
}

const CLOCK_SOURCES: &str = "/sys/devices/system/clocksource/clocksource0";
/// Where Debian has it is not on every user's path.
const ETHTOOL: [&str; 2] = ["ethtool", "/usr/sbin/ethtool"];
