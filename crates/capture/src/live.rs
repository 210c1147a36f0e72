//! Interfaces: frames as they pass.
//!
//! [`open`] gives a handle for each worker. All handles of an interface are in one fan-out group of the kernel's (packet(7),
//! `PACKET_FANOUT`), so that each frame comes to one of them, and in hash mode both directions of a flow to the same one.
//!
//! Of an Ethernet interface, a handle is a ring of our own, whose frames are read where the kernel wrote them. Others are libpcap's.

mod fanout;
mod handle;
mod lanes;
mod libpcap;
mod link;
mod program;
mod ring;

use std::{os::fd::AsFd as _, time::Duration};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use smallvec::SmallVec;
use wire::Timestamp;

use crate::{Batch, Frames};
pub use fanout::Fanout;
use handle::{Handle, error_of};
use lanes::Lanes;
pub use ring::BlockFrames;

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
    /// Frames came. Where there are several interfaces, all of them may still have to wait for those of the others.
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
    handles: Vec<Handle>,
    /// Of interfaces that are gone.
    gone: Vec<(LiveCounts, LiveError)>,
    /// Where there are several.
    order: Option<Order>,
}

/// Frames of several interfaces on their way into one order.
struct Order {
    lanes: Lanes,
    /// Those whose turn it is.
    ready: Batch,
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
        for (source, handle) in sources.iter_mut().zip(opened) {
            source.handles.push(handle);
        }
    }
    Ok(sources)
}

fn open_group(
    name: &str,
    interface: u16,
    handles: u16,
    config: &LiveConfig,
) -> Result<Vec<Handle>, LiveError> {
    let mut opened = Vec::new();
    for number in 0..handles {
        opened.push(Handle::open(name, interface, number == 0, config)?);
    }
    // Until all have joined, each would see every frame: nothing passes till then, and what did before is thrown away.
    if opened.len() > 1 {
        fanout::join(&opened, config.fanout).map_err(|error| {
            let reason = format!(
                "the kernel does not share its frames out to several workers ({error}); use --workers 1"
            );
            error_of(name, &reason)
        })?;
    }
    for handle in &mut opened {
        handle.pass(&config.filter)?;
    }
    Ok(opened)
}

impl LiveSource {
    fn new(interfaces: usize) -> Self {
        let order = (interfaces > 1).then(|| Order { lanes: Lanes::new(interfaces), ready: Batch::new() });
        Self { handles: Vec::new(), gone: Vec::new(), order }
    }

    /// Takes frames that are there; waits for some for as long as `patience` if there are none. [`LiveSource::frames`] has them then, and no
    /// longer those that it had before.
    ///
    /// Those of several interfaces come in the order of their times. For that, a frame waits until the others have given a later one, or
    /// until it is older than `horizon`, the time before which the kernel has handed over everything.
    pub fn fill(&mut self, patience: Duration, horizon: Timestamp) -> LiveFill {
        let mut taken = self.take();
        if taken == 0 && !self.handles.is_empty() {
            self.wait(patience);
            taken = self.take();
        }
        // Once all interfaces are gone, no frame needs to wait for another.
        let is_gone = self.handles.is_empty();
        if let Some(order) = &mut self.order {
            order.release(if is_gone { Timestamp::MAX } else { horizon });
        }
        let is_ready = self.order.as_ref().is_some_and(|order| !order.ready.is_empty());
        match (is_ready || taken > 0, is_gone) {
            (true, _) => LiveFill::Frames,
            (false, false) => LiveFill::Idle,
            (false, true) => LiveFill::Gone,
        }
    }

    /// Has [`LiveSource::frames`] give all frames that still wait for those of other interfaces, and nothing else.
    pub fn release(&mut self) {
        match &mut self.order {
            Some(order) => order.release(Timestamp::MAX),
            None => self.handles.iter_mut().for_each(Handle::clear),
        }
    }

    /// The frames that were taken last; each is given once. Those of a single ring lie where the kernel wrote them, and are the kernel's
    /// again when others are taken.
    pub fn frames(&mut self) -> Frames<'_> {
        match &self.order {
            Some(order) => order.ready.frames(),
            None => self.handles.first_mut().map(Handle::frames).unwrap_or_default(),
        }
    }

    fn wait(&self, patience: Duration) {
        let fds = self.handles.iter().map(|handle| PollFd::new(handle.as_fd(), PollFlags::POLLIN));
        let mut fds: SmallVec<[_; 4]> = fds.collect();
        // A signal may end the wait; then there is just nothing yet.
        let _ready = poll(&mut fds, PollTimeout::try_from(patience).unwrap_or(PollTimeout::MAX));
    }

    /// What the kernel has counted so far, for all interfaces together.
    pub fn counts(&mut self) -> LiveCounts {
        let mut sum = LiveCounts::default();
        for handle in &mut self.handles {
            sum.add(handle.counts());
        }
        for (counts, _) in &self.gone {
            sum.add(*counts);
        }
        sum
    }

    /// Ethernet interfaces that are read in another way than from a ring in place, and why, in words.
    pub fn detours(&self) -> impl Iterator<Item = String> {
        self.handles.iter().filter_map(Handle::detour)
    }

    /// Interfaces that are gone, and why.
    pub fn gone(&self) -> impl Iterator<Item = &LiveError> {
        self.gone.iter().map(|(_, error)| error)
    }

    /// Takes what has come to each interface; how many frames.
    fn take(&mut self) -> usize {
        let (mut taken, mut lost) = (0, None);
        for (place, handle) in self.handles.iter_mut().enumerate() {
            match handle.take() {
                Ok(frames) => taken += frames,
                Err(error) => lost = Some((place, error)),
            }
            if let Some(order) = &mut self.order {
                order.lanes.add(handle.interface, handle.frames());
            }
        }
        if let Some((place, error)) = lost {
            let mut handle = self.handles.remove(place);
            if let Some(order) = &mut self.order {
                order.lanes.close(handle.interface);
            }
            self.gone.push((handle.counts(), error));
        }
        taken
    }
}

impl Order {
    fn release(&mut self, horizon: Timestamp) {
        self.ready.clear();
        self.lanes.release(horizon, &mut self.ready);
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

/// The kernel hands a block over when it is full, or after so long.
const BLOCK_TIMEOUT_MS: u32 = 50;
/// What a worker takes at a time.
const FRAMES_PER_BATCH: usize = 1_024;
