//! Interfaces: frames as they come by.
//!
//! [`open`] gives a handle for each worker. All handles of an interface are in one fan-out group of the kernel's (packet(7),
//! `PACKET_FANOUT`), so that each frame comes to one of them, and in hash mode both directions of a flow to the same one.

mod fanout;
mod lanes;

use std::{os::fd::AsFd as _, time::Duration};

use nix::{
    ifaddrs::getifaddrs,
    net::if_::InterfaceFlags,
    poll::{PollFd, PollFlags, PollTimeout, poll},
};
use pcap::{Active, Capture, Precision};
use wire::{Frame, LinkType, Timestamp};

use crate::Batch;
pub use fanout::Fanout;
use lanes::Lanes;

/// How an interface is to be opened.
#[derive(Clone, Debug)]
pub struct LiveConfig {
    /// Octets that are kept of a frame, at most.
    pub snap_length: u32,
    /// Octets of the ring that the kernel fills, for each handle.
    pub ring_octets: u32,
    /// Whether the interface is to take what is not meant for it, too.
    pub is_promiscuous: bool,
    /// How the kernel shares frames out to several handles.
    pub fanout: Fanout,
    /// What the kernel is to leave out: an expression of pcap-filter(7); nothing if empty.
    pub filter: String,
}

impl Default for LiveConfig {
    fn default() -> Self {
        Self {
            snap_length: 65_535,
            ring_octets: 64 << 20,
            is_promiscuous: true,
            fanout: Fanout::Hash,
            filter: String::new(),
        }
    }
}

/// One of the handles of an interface.
struct LiveCapture {
    capture: Capture<Active>,
    name: String,
    link_type: LinkType,
    /// Its number among all interfaces of the run.
    interface: u16,
    /// Whether drops of the interface are counted here: all of its handles see the same ones.
    counts_interface: bool,
    /// Whether frames go out of it and come in again: libpcap takes those that come in, and the kernel counts both.
    is_loopback: bool,
    counted: LiveCounts,
    /// The kernel's counters as they were last read: they have 32 bits and wrap.
    last: pcap::Stat,
}

/// What the kernel says of a handle, from when frames were let through to it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct LiveCounts {
    /// Frames that the kernel had for the handle, dropped ones included.
    pub received: u64,
    /// Frames for which the ring had no room.
    pub dropped: u64,
    /// Frames that the interface or its driver dropped, as far as it counts them.
    pub dropped_by_interface: u64,
}

/// What a look at a handle has given.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LiveFill {
    /// Frames came. Those of several interfaces may still wait for others, so that the batch is empty.
    Frames,
    /// Nothing came for as long as one was willing to wait.
    Idle,
    /// All interfaces are gone.
    Gone,
}

/// An interface that cannot be opened, or no longer be read.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("interface {interface}: {reason}")]
pub struct LiveError {
    /// The interface.
    pub interface: String,
    /// What is wrong, and what to do.
    pub reason: String,
}

/// What one worker reads: a handle of each interface.
///
/// Handles with the same place in their interfaces' groups get the same flows in hash mode. So both directions of a flow come to one
/// worker, though a tap gives each of them on an interface of its own.
pub struct LiveSource {
    captures: Vec<LiveCapture>,
    /// Of interfaces that are gone.
    gone: Vec<(LiveCounts, LiveError)>,
    /// Where there are several.
    lanes: Option<Lanes>,
}

/// Opens `interfaces` for so many workers, and has the kernel share frames out to them.
///
/// # Errors
///
/// If an interface is not there, the program may not read it, or the filter is wrong for it.
pub fn open(interfaces: &[String], workers: u16, config: &LiveConfig) -> Result<Vec<LiveSource>, LiveError> {
    let workers = workers.max(1);
    let mut sources: Vec<_> = (0..workers).map(|_| LiveSource::new(interfaces.len())).collect();
    for (name, number) in interfaces.iter().zip(0..) {
        let opened = open_group(name, number, workers, config)?;
        for (source, capture) in sources.iter_mut().zip(opened) {
            source.captures.push(capture);
        }
    }
    Ok(sources)
}

fn open_group(
    name: &str,
    interface: u16,
    handles: u16,
    config: &LiveConfig,
) -> Result<Vec<LiveCapture>, LiveError> {
    let mut captures = Vec::new();
    for number in 0..handles {
        captures.push(LiveCapture::open(name, interface, number == 0, config)?);
    }
    // Until all have joined, each would see every frame: nothing passes till then, and what did before is thrown away.
    if captures.len() > 1 {
        fanout::join(&captures, config.fanout).map_err(|error| {
            let reason = format!(
                "the kernel does not share its frames out to several workers ({error}); use --workers 1"
            );
            error_of(name, reason)
        })?;
    }
    for capture in &mut captures {
        capture.drain()?;
        // What came before is nobody's.
        capture.counts()?;
        capture.counted = LiveCounts::default();
        capture.set_filter(&config.filter)?;
    }
    Ok(captures)
}

impl LiveSource {
    fn new(interfaces: usize) -> Self {
        let lanes = (interfaces > 1).then(|| Lanes::new(interfaces));
        Self { captures: Vec::new(), gone: Vec::new(), lanes }
    }

    /// Fills `batch` with frames that are there; waits for some for as long as `patience` if there are none.
    ///
    /// Those of several interfaces come in the order of their times. For that, a frame waits until the others have given a later one, or
    /// until it is older than `horizon`, the time before which the kernel has handed over everything.
    pub fn fill(&mut self, batch: &mut Batch, patience: Duration, horizon: Timestamp) -> LiveFill {
        batch.clear();
        let mut taken = self.take(batch);
        if taken == 0 && !self.captures.is_empty() {
            self.wait(patience);
            taken = self.take(batch);
        }
        // When nothing is to come from anywhere, nothing needs to wait.
        let is_gone = self.captures.is_empty();
        if let Some(lanes) = &mut self.lanes {
            lanes.release(if is_gone { Timestamp::MAX } else { horizon }, batch);
        }
        match (batch.is_empty() && taken == 0, is_gone) {
            (false, _) => LiveFill::Frames,
            (true, false) => LiveFill::Idle,
            (true, true) => LiveFill::Gone,
        }
    }

    /// Fills `batch` with frames that were taken from the kernel and wait for others.
    pub fn release(&mut self, batch: &mut Batch) {
        batch.clear();
        if let Some(lanes) = &mut self.lanes {
            lanes.release(Timestamp::MAX, batch);
        }
    }

    fn wait(&self, patience: Duration) {
        let mut fds: Vec<_> = self
            .captures
            .iter()
            .map(|capture| PollFd::new(capture.capture.as_fd(), PollFlags::POLLIN))
            .collect();
        // A signal may end the wait; then there is just nothing yet.
        let _ready = poll(&mut fds, PollTimeout::try_from(patience).unwrap_or(PollTimeout::MAX));
    }

    /// What the kernel has counted so far, for all interfaces together.
    pub fn counts(&mut self) -> LiveCounts {
        let mut sum = LiveCounts::default();
        for capture in &mut self.captures {
            // One that is gone will be found so when it is read.
            sum.add(capture.counts().unwrap_or_else(|_| capture.counted()));
        }
        for (counts, _) in &self.gone {
            sum.add(*counts);
        }
        sum
    }

    /// Interfaces that are gone, and why.
    pub fn gone(&self) -> impl Iterator<Item = &LiveError> {
        self.gone.iter().map(|(_, error)| error)
    }

    /// Takes what has come to each interface; how many frames.
    fn take(&mut self, batch: &mut Batch) -> usize {
        let (mut taken, mut lost) = (0, None);
        for (place, capture) in self.captures.iter_mut().enumerate() {
            let outcome = match &mut self.lanes {
                Some(lanes) => {
                    let mut batch = lanes.empty_batch();
                    let outcome = capture.take(&mut batch);
                    lanes.add(capture.interface, batch);
                    outcome
                }
                None => capture.take(batch),
            };
            match outcome {
                Ok(frames) => taken += frames,
                Err(error) => lost = Some((place, error)),
            }
        }
        if let Some((place, error)) = lost {
            let capture = self.captures.remove(place);
            if let Some(lanes) = &mut self.lanes {
                lanes.close(capture.interface);
            }
            self.gone.push((capture.counted(), error));
        }
        taken
    }
}

impl LiveCounts {
    /// Adds those of another handle.
    pub const fn add(&mut self, other: Self) {
        self.received += other.received;
        self.dropped += other.dropped;
        self.dropped_by_interface += other.dropped_by_interface;
    }
}

impl LiveCapture {
    fn open(
        name: &str,
        interface: u16,
        counts_interface: bool,
        config: &LiveConfig,
    ) -> Result<Self, LiveError> {
        let snap_length = i32::try_from(config.snap_length).unwrap_or(i32::MAX);
        let ring_octets = i32::try_from(config.ring_octets).unwrap_or(i32::MAX);
        let opened = Capture::from_device(name)
            .map(|capture| {
                capture
                    .promisc(config.is_promiscuous)
                    .snaplen(snap_length)
                    .buffer_size(ring_octets)
                    .timeout(BLOCK_TIMEOUT_MS)
                    .precision(Precision::Nano)
            })
            .and_then(Capture::open)
            .and_then(Capture::setnonblock);
        let mut capture = opened.map_err(|error| error_of(name, advice(&error)))?;
        capture.filter(NOTHING, true).map_err(|error| error_of(name, error.to_string()))?;
        let link_type = u16::try_from(capture.get_datalink().0).unwrap_or(u16::MAX);
        let last = pcap::Stat { received: 0, dropped: 0, if_dropped: 0 };
        let name = name.to_owned();
        let counted = LiveCounts::default();
        let link_type = LinkType(link_type);
        let is_loopback = is_loopback(&name);
        Ok(Self { capture, name, link_type, interface, counts_interface, is_loopback, counted, last })
    }

    /// What the kernel has counted so far.
    fn counts(&mut self) -> Result<LiveCounts, LiveError> {
        let now = self.capture.stats().map_err(|error| error_of(&self.name, error.to_string()))?;
        let since = |now: u32, last: u32| u64::from(now.wrapping_sub(last));
        // libpcap adds up on its own where the kernel's counters begin anew at each look.
        self.counted.received += since(now.received, self.last.received);
        self.counted.dropped += since(now.dropped, self.last.dropped);
        // libpcap reads these from /sys, and takes what it cannot read for none: then its sum falls.
        let by_interface = since(now.if_dropped, self.last.if_dropped);
        if self.counts_interface && by_interface <= MOST_DROPS_AT_ONCE {
            self.counted.dropped_by_interface += by_interface;
        }
        self.last = now;
        Ok(self.counted())
    }

    /// What it had counted when it was last asked.
    const fn counted(&self) -> LiveCounts {
        let LiveCounts { received, dropped, dropped_by_interface } = self.counted;
        if self.is_loopback {
            LiveCounts { received: received / 2, dropped: dropped / 2, dropped_by_interface }
        } else {
            self.counted
        }
    }

    /// Copies the frames of a block of the ring into the batch: they are gone once the kernel has the block back.
    fn take(&mut self, batch: &mut Batch) -> Result<usize, LiveError> {
        let (link_type, interface) = (self.link_type, self.interface);
        let outcome = self.capture.dispatch(Some(FRAMES_PER_BATCH), |packet| {
            let header = packet.header;
            let seconds = u64::try_from(header.ts.tv_sec).unwrap_or_default();
            // With nanosecond precision, that is what the field holds.
            let nanos = u64::try_from(header.ts.tv_usec).unwrap_or_default();
            let frame = Frame {
                data: packet.data,
                timestamp: Timestamp::from_parts(seconds, nanos),
                original_length: header.len,
                link_type,
                interface,
            };
            // It has room for so few.
            let _is_taken = batch.push(&frame);
        });
        match outcome {
            Ok(frames) => Ok(frames),
            Err(pcap::Error::TimeoutExpired) => Ok(0),
            Err(error) => Err(error_of(&self.name, advice(&error))),
        }
    }

    fn drain(&mut self) -> Result<(), LiveError> {
        let mut batch = Batch::new();
        while self.take(&mut batch)? > 0 {
            batch.clear();
        }
        Ok(())
    }

    fn set_filter(&mut self, expression: &str) -> Result<(), LiveError> {
        let filtered = self.capture.filter(expression, true);
        filtered.map_err(|error| {
            let reason =
                format!("filter expression \"{expression}\": {error}; pcap-filter(7) describes the language");
            error_of(&self.name, reason)
        })
    }
}

fn is_loopback(name: &str) -> bool {
    let mut interfaces = getifaddrs().into_iter().flatten();
    interfaces.any(|found| found.interface_name == name && found.flags.contains(InterfaceFlags::IFF_LOOPBACK))
}

fn error_of(interface: &str, reason: String) -> LiveError {
    LiveError { interface: interface.to_owned(), reason }
}

/// libpcap's words, and what to do where they do not say it.
fn advice(error: &pcap::Error) -> String {
    let words = match error {
        pcap::Error::PcapError(words) => words.trim().to_owned(),
        other => other.to_string(),
    };
    let lower = words.to_lowercase();
    let advice = if lower.contains("permission") || lower.contains("not permitted") {
        "; run it as root, or give it CAP_NET_RAW and CAP_NET_ADMIN"
    } else if lower.contains("no such device") || lower.contains("not found") {
        "; `ip link` lists the interfaces"
    } else if lower.contains("disappeared") {
        "; it was removed, or renamed and was down since: the new name has to be given"
    } else if lower.contains("is not up") || lower.contains("network is down") {
        "; `ip link set NAME up` brings it up"
    } else {
        ""
    };
    format!("{words}{advice}")
}

/// Matches no frame: none is shorter than an octet.
const NOTHING: &str = "less 0";
/// The kernel hands a block over when it is full, or after so long.
const BLOCK_TIMEOUT_MS: i32 = 50;
/// More than any interface drops between two looks: half of what the counter holds.
const MOST_DROPS_AT_ONCE: u64 = 1 << 31;
/// What a worker takes at a time.
const FRAMES_PER_BATCH: usize = 1_024;
