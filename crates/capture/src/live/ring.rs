//! A ring of packet(7), read in place: frames stay where the kernel wrote them until all of a block were used.

mod block;
mod drops;
mod memory;

use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, OwnedFd};

use libc::{packet_mreq, tpacket_stats_v3};
use nix::{
    errno::Errno,
    sys::socket::{
        AddressFamily, GetSockOpt as _, SetSockOpt as _, SockFlag, SockProtocol, SockType, bind, socket,
        sockopt::{GetStruct, SetStruct, SocketError},
    },
};

use super::{BLOCK_TIMEOUT_MS, FRAMES_PER_BATCH, LiveConfig, LiveCounts, link::Link, program::Program};
use crate::{Frames, octets::size};
pub use block::BlockFrames;
use block::Rest;
use drops::InterfaceDrops;
use memory::{Geometry, Memory};

/// The ring of an Ethernet interface.
pub(super) struct Ring {
    socket: OwnedFd,
    memory: Memory,
    /// Says which frames pass. On a loopback interface only those that come in: the same frames went out before.
    program: Program,
    /// What has not been read of the block that is held.
    rest: Rest,
    /// How many frames of it may be read before more are taken.
    taken: usize,
    name: String,
    /// The system's number of the interface, which another of the same name does not have.
    number: i32,
    /// Ours among all interfaces of the run.
    interface: u16,
    snap_length: u32,
    /// The interface was down when it was last looked at.
    is_down: bool,
    counted: LiveCounts,
    /// `None` if another handle counts them.
    drops: Option<InterfaceDrops>,
}

/// Why a ring cannot be had.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum Refusal {
    #[error("the kernel does not take the filter: {0}")]
    Filter(&'static str),
    #[error("the kernel does not give a ring: {0}")]
    Ring(&'static str),
}

impl From<Errno> for Refusal {
    fn from(errno: Errno) -> Self {
        Self::Ring(errno.desc())
    }
}

/// Why a ring can no longer be read.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum RingError {
    /// In the words of libpcap.
    #[error("The interface disappeared")]
    Disappeared,
    #[error("the kernel says: {0}")]
    Socket(Errno),
}

/// Socket options of packet(7).
#[derive(Clone, Copy, Debug)]
struct PacketReserve;
nix::setsockopt_impl!(PacketReserve, libc::SOL_PACKET, libc::PACKET_RESERVE, u32, SetStruct<'_, u32>);

#[derive(Clone, Copy, Debug)]
struct PacketAddMembership;
nix::setsockopt_impl!(
    PacketAddMembership,
    libc::SOL_PACKET,
    libc::PACKET_ADD_MEMBERSHIP,
    packet_mreq,
    SetStruct<'_, packet_mreq>
);

#[derive(Clone, Copy, Debug)]
struct PacketStatistics;
nix::getsockopt_impl!(
    PacketStatistics,
    libc::SOL_PACKET,
    libc::PACKET_STATISTICS,
    tpacket_stats_v3,
    GetStruct<tpacket_stats_v3>
);

impl Ring {
    /// Makes a ring for an interface, to which nothing comes before [`Ring::pass`]; then what `program` asks for.
    pub(super) fn open(
        name: &str,
        interface: u16,
        counts_interface: bool,
        config: &LiveConfig,
        program: Program,
    ) -> Result<Self, Refusal> {
        let link = Link::of(name).ok_or(Errno::ENODEV)?;
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        // Until it is bound, the socket hears all interfaces. What it has heard by then is thrown away when the ring is made.
        let socket = socket(AddressFamily::Packet, SockType::Raw, flags, SockProtocol::EthAll)?;
        let mut program = if link.is_loopback() { program.of_incoming() } else { program };
        // Whether the kernel takes the program is found out here, where libpcap can still read the interface instead.
        program.attach(&socket).map_err(|errno| Refusal::Filter(errno.desc()))?;
        Program::nothing().attach(&socket)?;
        PacketReserve.set(&socket, &VLAN_TAG_OCTETS)?;
        let memory = Memory::new(&socket, Geometry::of(config), BLOCK_TIMEOUT_MS)?;
        bind(socket.as_raw_fd(), &link.address)?;
        if config.is_promiscuous {
            PacketAddMembership.set(&socket, &promiscuous(link.number()))?;
        }
        let drops = counts_interface.then(|| InterfaceDrops::of(name));
        Ok(Self {
            socket,
            memory,
            program,
            rest: Rest::default(),
            taken: 0,
            name: name.to_owned(),
            number: link.number(),
            interface,
            snap_length: config.snap_length,
            is_down: false,
            counted: LiveCounts::default(),
            drops,
        })
    }

    /// Lets through what the program asks for, from now on. What came before is not counted.
    pub(super) fn pass(&mut self) -> Result<(), Errno> {
        self.counts();
        self.counted = LiveCounts::default();
        self.program.attach(&self.socket)
    }

    /// Takes some of the frames of a block, after giving back the block before if all of it was read. Returns how many frames it took, 0 if
    /// there are none yet.
    pub(super) fn take(&mut self) -> Result<usize, RingError> {
        self.taken = 0;
        while self.rest.frames() == 0 {
            if !self.memory.take_next() {
                return self.look().map(|()| 0);
            }
            self.rest = Rest::of(self.memory.held());
        }
        self.taken = size(self.rest.frames()).min(FRAMES_PER_BATCH);
        Ok(self.taken)
    }

    /// The frames that were taken last and not read.
    pub(super) fn frames(&mut self) -> Frames<'_> {
        let Self { memory, rest, snap_length, interface, .. } = self;
        let taken = std::mem::take(&mut self.taken);
        Frames::Block(BlockFrames::new(memory.frames_mut(), rest, taken, *snap_length, *interface))
    }

    /// Leaves the frames that were taken last unread.
    pub(super) fn clear(&mut self) {
        self.taken = 0;
    }

    /// What the kernel has counted so far.
    pub(super) fn counts(&mut self) -> LiveCounts {
        // The kernel counts from 0 again after each look. A socket that is open always answers.
        if let Ok(since) = PacketStatistics.get(&self.socket) {
            self.counted.received += u64::from(since.tp_packets);
            self.counted.dropped += u64::from(since.tp_drops);
        }
        if let Some(drops) = &mut self.drops {
            self.counted.dropped_by_interface += drops.since_last_look();
        }
        self.counted
    }

    /// Whether the interface is still there, if anything speaks against it. One that is down may come back.
    fn look(&mut self) -> Result<(), RingError> {
        match SocketError.get(&self.socket).map_err(RingError::Socket)? {
            0 => {}
            libc::ENETDOWN => self.is_down = true,
            error => return Err(RingError::Socket(Errno::from_raw(error))),
        }
        if self.is_down {
            let link = Link::of(&self.name).filter(|link| link.number() == self.number);
            self.is_down = !link.ok_or(RingError::Disappeared)?.is_up();
        }
        Ok(())
    }
}

impl AsFd for Ring {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Geometry {
    /// Blocks that have room for the longest frame that is kept, and are larger where the ring is large enough to have many of them.
    fn of(config: &LiveConfig) -> Self {
        let longest = config.snap_length.min(MOST_KEPT) + HEADROOM_OCTETS;
        let mut block_octets = longest.next_power_of_two().max(LEAST_BLOCK_OCTETS);
        while block_octets < BLOCK_OCTETS && config.ring_octets / (block_octets * 2) >= MANY_BLOCKS {
            block_octets *= 2;
        }
        Self { block_octets, blocks: (config.ring_octets / block_octets).max(LEAST_BLOCKS) }
    }
}

fn promiscuous(number: i32) -> packet_mreq {
    packet_mreq {
        mr_ifindex: number,
        mr_type: u16::try_from(libc::PACKET_MR_PROMISC).unwrap_or_default(),
        mr_alen: 0,
        mr_address: [0; 8],
    }
}

/// Room that the kernel leaves before each frame, so that a tag can be put back.
const VLAN_TAG_OCTETS: u32 = 4;
/// Large blocks wake a worker less often: at 400,000 packets a second, a packet costs it a quarter less with 4 MiB than with 256 KiB. Larger
/// ones the kernel cannot allocate in one piece, and they do not stay in the processor's caches until they are read.
const BLOCK_OCTETS: u32 = 4 << 20;
/// No processor has larger pages.
const LEAST_BLOCK_OCTETS: u32 = 64 << 10;
/// So many that little room is lost where a frame does not fit into what is left of a block.
const MANY_BLOCKS: u32 = 16;
/// One is read while others are filled.
const LEAST_BLOCKS: u32 = 4;
/// What libpcap takes for the longest frame there is.
const MOST_KEPT: u32 = 262_144;
/// More than the headers of a block and of a frame.
const HEADROOM_OCTETS: u32 = 256;

#[cfg(test)]
mod tests;
