//! A handle of libpcap's, which hands over each frame by itself: for what is not Ethernet, and where a ring cannot be had.

use std::os::fd::{AsFd, BorrowedFd};

use pcap::{Active, Capture, Precision};
use wire::{Frame, LinkType, Timestamp};

use super::{BLOCK_TIMEOUT_MS, FRAMES_PER_BATCH, LiveConfig, LiveCounts, link::Link, program::Program};
use crate::{Batch, Frames};

/// A handle, and copies of the frames that it gave last: they are gone once the kernel has their block back.
pub(super) struct Libpcap {
    capture: Capture<Active>,
    link_type: LinkType,
    /// Its number among all interfaces of the run.
    interface: u16,
    /// Whether drops of the interface are counted here: all of its handles see the same ones.
    counts_interface: bool,
    /// Whether frames go out of it and come in again: libpcap takes those that come in, and the kernel counts both.
    is_loopback: bool,
    batch: Batch,
    counted: LiveCounts,
    /// The kernel's counters as they were last read: they have 32 bits and wrap.
    last: pcap::Stat,
}

impl Libpcap {
    /// Opens an interface, from which nothing comes before [`Libpcap::pass`].
    pub(super) fn open(
        name: &str,
        interface: u16,
        counts_interface: bool,
        config: &LiveConfig,
    ) -> Result<Self, pcap::Error> {
        let snap_length = i32::try_from(config.snap_length).unwrap_or(i32::MAX);
        let ring_octets = i32::try_from(config.ring_octets).unwrap_or(i32::MAX);
        let timeout_ms = i32::try_from(BLOCK_TIMEOUT_MS).unwrap_or(i32::MAX);
        let mut capture = Capture::from_device(name)?
            .promisc(config.is_promiscuous)
            .snaplen(snap_length)
            .buffer_size(ring_octets)
            .timeout(timeout_ms)
            .precision(Precision::Nano)
            .open()?
            .setnonblock()?;
        capture.filter(NOTHING, true)?;
        let link_type = LinkType(u16::try_from(capture.get_datalink().0).unwrap_or(u16::MAX));
        Ok(Self {
            capture,
            link_type,
            interface,
            counts_interface,
            is_loopback: Link::of(name).is_some_and(|link| link.is_loopback()),
            batch: Batch::new(),
            counted: LiveCounts::default(),
            last: pcap::Stat { received: 0, dropped: 0, if_dropped: 0 },
        })
    }

    pub(super) const fn link_type(&self) -> LinkType {
        self.link_type
    }

    /// What libpcap makes of an expression here; `None` if it cannot be read.
    pub(super) fn program(&self, expression: &str) -> Result<Option<Program>, pcap::Error> {
        Program::of(expression, &self.capture)
    }

    /// Lets through what `expression` asks for, from now on. What came before is not counted.
    pub(super) fn pass(&mut self, expression: &str) -> Result<(), pcap::Error> {
        while self.take()? > 0 {}
        self.counts();
        self.counted = LiveCounts::default();
        self.capture.filter(expression, true)
    }

    /// Copies frames of a block of libpcap's ring; how many.
    pub(super) fn take(&mut self) -> Result<usize, pcap::Error> {
        let Self { capture, batch, link_type, interface, .. } = self;
        batch.clear();
        let outcome = capture.dispatch(Some(FRAMES_PER_BATCH), |packet| {
            let header = packet.header;
            let seconds = u64::try_from(header.ts.tv_sec).unwrap_or_default();
            // With nanosecond precision, that is what the field holds.
            let nanos = u64::try_from(header.ts.tv_usec).unwrap_or_default();
            let frame = Frame {
                data: packet.data,
                timestamp: Timestamp::from_parts(seconds, nanos),
                original_length: header.len,
                link_type: *link_type,
                interface: *interface,
            };
            // It has room for so few.
            let _is_taken = batch.push(&frame);
        });
        match outcome {
            Err(pcap::Error::TimeoutExpired) => Ok(0),
            outcome => outcome,
        }
    }

    /// The frames that were taken last.
    pub(super) fn frames(&self) -> Frames<'_> {
        self.batch.frames()
    }

    /// Forgets the frames that were taken last.
    pub(super) fn clear(&mut self) {
        self.batch.clear();
    }

    /// What the kernel has counted so far.
    pub(super) fn counts(&mut self) -> LiveCounts {
        // One that is gone will be found so when it is read.
        if let Ok(now) = self.capture.stats() {
            self.count_since_last(now);
        }
        let LiveCounts { received, dropped, dropped_by_interface } = self.counted;
        if self.is_loopback {
            LiveCounts { received: received / 2, dropped: dropped / 2, dropped_by_interface }
        } else {
            self.counted
        }
    }

    fn count_since_last(&mut self, now: pcap::Stat) {
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
    }
}

impl AsFd for Libpcap {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.capture.as_fd()
    }
}

/// Matches no frame: none is shorter than an octet.
const NOTHING: &str = "less 0";
/// More than any interface drops between two looks: half of what the counter holds.
const MOST_DROPS_AT_ONCE: u64 = 1 << 31;
