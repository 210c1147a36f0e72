//! The memory of a ring, which the kernel shares with the program: the only place with `unsafe`.
//!
//! A block is the kernel's or ours, and its status says whose (`Documentation/networking/packet_mmap.rst`). Octets are shown of one block
//! only, while it is ours, and a block can be given back only by whoever has the whole value for himself: then nobody borrows from it.
#![expect(unsafe_code, reason = "memory that the kernel shares can be had in no other way")]

use std::{
    num::NonZeroUsize,
    os::fd::AsFd,
    ptr::NonNull,
    slice,
    sync::atomic::{AtomicU32, Ordering},
};

use libc::{TP_STATUS_KERNEL, TP_STATUS_USER, c_void, tpacket_req3};
use nix::{
    errno::Errno,
    sys::{
        mman::{MapFlags, ProtFlags, mmap, munmap},
        socket::{SetSockOpt as _, sockopt::SetStruct},
    },
};

/// How large a ring is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Geometry {
    /// A power of two, and whole pages.
    pub(super) block_octets: u32,
    pub(super) blocks: u32,
}

/// A ring, and which of its blocks is ours.
#[derive(Debug)]
pub(super) struct Memory {
    start: NonNull<c_void>,
    octets: NonZeroUsize,
    block_octets: usize,
    /// Where the block begins that is looked at, or held. The kernel fills them in turn.
    place: usize,
    is_held: bool,
}

// SAFETY: nothing but this value knows where the memory is, and it is the same in every thread.
unsafe impl Send for Memory {}

#[derive(Clone, Copy, Debug)]
struct PacketVersion;
nix::setsockopt_impl!(PacketVersion, libc::SOL_PACKET, libc::PACKET_VERSION, u32, SetStruct<'_, u32>);

#[derive(Clone, Copy, Debug)]
struct PacketRxRing;
nix::setsockopt_impl!(
    PacketRxRing,
    libc::SOL_PACKET,
    libc::PACKET_RX_RING,
    tpacket_req3,
    SetStruct<'_, tpacket_req3>
);

impl Memory {
    /// Has the kernel make a ring for a socket of packet(7), of which it hands over a block when it is full, or after `timeout_ms` if there is
    /// anything in it. A socket has one, as long as it is open.
    pub(super) fn new(socket: &impl AsFd, geometry: Geometry, timeout_ms: u32) -> Result<Self, Errno> {
        let Geometry { block_octets, blocks } = geometry;
        let frames_per_block = block_octets / FRAME_OCTETS;
        PacketVersion.set(socket, &TPACKET_V3)?;
        let request = tpacket_req3 {
            tp_block_size: block_octets,
            tp_block_nr: blocks,
            tp_frame_size: FRAME_OCTETS,
            tp_frame_nr: frames_per_block.checked_mul(blocks).ok_or(Errno::EINVAL)?,
            tp_retire_blk_tov: timeout_ms,
            tp_sizeof_priv: 0,
            tp_feature_req_word: 0,
        };
        PacketRxRing.set(socket, &request)?;
        let block_octets = usize::try_from(block_octets).map_err(|_| Errno::EINVAL)?;
        let blocks = usize::try_from(blocks).map_err(|_| Errno::EINVAL)?;
        let octets = block_octets.checked_mul(blocks).and_then(NonZeroUsize::new).ok_or(Errno::EINVAL)?;
        let access = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        // SAFETY: the kernel chooses where, so that it lies over nothing else. It has just made this socket a ring of this version and of so
        // many octets, and lets nobody change it while it is mapped.
        let start = unsafe { mmap(None, octets, access, MapFlags::MAP_SHARED, socket, 0)? };
        Ok(Self { start, octets, block_octets, place: 0, is_held: false })
    }

    /// Gives back the block that is held, if any, and takes the next one if the kernel is done with it.
    pub(super) fn take_next(&mut self) -> bool {
        if self.is_held {
            // What was read of it was read before.
            self.status().store(TP_STATUS_KERNEL, Ordering::Release);
            let next = self.place + self.block_octets;
            self.place = if next < self.octets.get() { next } else { 0 };
        }
        // What the kernel wrote it wrote before.
        self.is_held = self.status().load(Ordering::Acquire) & TP_STATUS_USER != 0;
        self.is_held
    }

    /// The octets of the block that is held; none if there is no such block.
    pub(super) fn held(&self) -> &[u8] {
        if !self.is_held {
            return &[];
        }
        // SAFETY: a block begins there, and all of it is within the memory. It is ours until it is given back, which takes `&mut self`; so
        // does changing it.
        unsafe { slice::from_raw_parts(self.block(), self.block_octets) }
    }

    /// What follows the descriptor of the block that is held, to be changed. The descriptor, with the status, is nobody's to change.
    pub(super) fn frames_mut(&mut self) -> &mut [u8] {
        let Some(octets) = self.block_octets.checked_sub(DESCRIPTOR_OCTETS).filter(|_| self.is_held) else {
            return &mut [];
        };
        // SAFETY: as above, and `&mut self` sees to it that nobody else has them.
        unsafe { slice::from_raw_parts_mut(self.block().add(DESCRIPTOR_OCTETS), octets) }
    }

    /// Whose the block is.
    fn status(&mut self) -> &AtomicU32 {
        // SAFETY: a block begins there, with a descriptor, in which the status stands aligned. The kernel writes it while we read it, as is
        // what atomics are for; no slice of the block is alive, since `&mut self` ends them all.
        unsafe { AtomicU32::from_ptr(self.block().add(STATUS_OFFSET).cast()) }
    }

    fn block(&self) -> *mut u8 {
        // SAFETY: `place` is a multiple of the size of a block, and less than that of the memory.
        unsafe { self.start.as_ptr().cast::<u8>().add(self.place) }
    }
}

/// Has the processor fetch the first `count` octets into its cache, while the program goes on.
#[cfg_attr(
    not(target_arch = "x86_64"),
    expect(unused_variables, reason = "on other processors there is no stable way to say it")
)]
#[inline]
pub(super) fn prefetch(octets: &[u8], count: usize) {
    #[cfg(target_arch = "x86_64")]
    for line in octets.get(..count).unwrap_or(octets).chunks(CACHE_LINE_OCTETS) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: the address is that of an octet, and nothing changes that a program could see.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(line.as_ptr().cast()) };
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: it was mapped with this size, and who borrowed from it is gone. It can only fail for memory that is not mapped.
        let _unmapped = unsafe { munmap(self.start, self.octets.get()) };
    }
}

#[cfg(target_arch = "x86_64")]
const CACHE_LINE_OCTETS: usize = 64;
/// `linux/if_packet.h`.
const TPACKET_V3: u32 = libc::tpacket_versions::TPACKET_V3 as u32;
/// `struct tpacket_block_desc`.
pub(super) const DESCRIPTOR_OCTETS: usize = 48;
/// `block_status` in it.
const STATUS_OFFSET: usize = 8;
/// In this version, frames take what they need; the kernel wants to be told one that blocks can be divided by all the same.
const FRAME_OCTETS: u32 = 2_048;
