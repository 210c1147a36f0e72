use nix::{
    errno::Errno,
    sys::socket::{
        GetSockOpt as _, SetSockOpt as _,
        sockopt::{GetStruct, SetStruct},
    },
};

use super::LiveCapture;

/// How the kernel shares an interface's frames out to several handles.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Fanout {
    /// By a hash of addresses and ports that is the same for both directions of a flow.
    #[default]
    Hash,
    /// By the receive queue of the interface. Both directions of a flow come to one handle only if the interface's own hash is symmetric.
    Queue,
    /// By the processor that received the frame, likewise.
    Cpu,
}

impl Fanout {
    /// `PACKET_FANOUT_HASH`, `_QM`, `_CPU` of packet(7).
    const fn mode(self) -> u32 {
        match self {
            Self::Hash => 0,
            Self::Queue => 5,
            Self::Cpu => 2,
        }
    }
}

/// The socket option of packet(7).
#[derive(Clone, Copy, Debug)]
struct PacketFanout;

nix::setsockopt_impl!(PacketFanout, libc::SOL_PACKET, libc::PACKET_FANOUT, u32, SetStruct<'_, u32>);
nix::getsockopt_impl!(PacketFanout, libc::SOL_PACKET, libc::PACKET_FANOUT, u32, GetStruct<u32>);

/// Has all handles join one group, under an identifier that the kernel chooses: one that is in use would take another program's frames.
pub(super) fn join(captures: &[LiveCapture], fanout: Fanout) -> Result<(), Errno> {
    let Some((first, others)) = captures.split_first() else { return Ok(()) };
    PacketFanout.set(&first.capture, &((fanout.mode() | UNIQUE_IDENTIFIER) << 16))?;
    let group = PacketFanout.get(&first.capture)? & !(UNIQUE_IDENTIFIER << 16);
    for other in others {
        PacketFanout.set(&other.capture, &group)?;
    }
    Ok(())
}

/// `PACKET_FANOUT_FLAG_UNIQUEID`.
const UNIQUE_IDENTIFIER: u32 = 0x2000;
