mod tunnel;

use libc::sock_fprog;
use std::os::fd::AsFd;

use nix::{
    errno::Errno,
    sys::socket::{
        GetSockOpt as _, SetSockOpt as _,
        sockopt::{GetStruct, SetStruct},
    },
};

use super::program;

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
    /// By a hash of the two addresses that is the same for both directions of a flow: of the inner ones for VXLAN, else of the outer ones.
    Tunnel,
}

impl Fanout {
    /// `PACKET_FANOUT_HASH`, `_QM`, `_CPU`, `_CBPF` of packet(7).
    const fn mode(self) -> u32 {
        match self {
            Self::Hash => 0,
            Self::Queue => 5,
            Self::Cpu => 2,
            Self::Tunnel => 6,
        }
    }
}

/// The socket option of packet(7).
#[derive(Clone, Copy, Debug)]
struct PacketFanout;

nix::setsockopt_impl!(PacketFanout, libc::SOL_PACKET, libc::PACKET_FANOUT, u32, SetStruct<'_, u32>);
nix::getsockopt_impl!(PacketFanout, libc::SOL_PACKET, libc::PACKET_FANOUT, u32, GetStruct<u32>);

/// The program of the group in mode `PACKET_FANOUT_CBPF`.
#[derive(Clone, Copy, Debug)]
struct PacketFanoutData;

nix::setsockopt_impl!(
    PacketFanoutData,
    libc::SOL_PACKET,
    PACKET_FANOUT_DATA,
    sock_fprog,
    SetStruct<'_, sock_fprog>
);

/// Has all handles join one group, under an identifier that the kernel chooses: one that is in use would take another program's frames.
pub(super) fn join(sockets: &[impl AsFd], fanout: Fanout) -> Result<(), Errno> {
    let Some((first, others)) = sockets.split_first() else { return Ok(()) };
    PacketFanout.set(first, &((fanout.mode() | UNIQUE_IDENTIFIER) << 16))?;
    let group = PacketFanout.get(first)? & !(UNIQUE_IDENTIFIER << 16);
    for other in others {
        PacketFanout.set(other, &group)?;
    }
    if fanout == Fanout::Tunnel { set_program(first) } else { Ok(()) }
}

/// Gives the group that `socket` is in the program that shares frames out. Until then all come to the first handle.
fn set_program(socket: &impl AsFd) -> Result<(), Errno> {
    let mut instructions = tunnel::program().ok_or(Errno::E2BIG)?;
    program::set(&PacketFanoutData, socket, &mut instructions)
}

/// `PACKET_FANOUT_FLAG_UNIQUEID`.
const UNIQUE_IDENTIFIER: u32 = 0x2000;
/// `linux/if_packet.h`.
const PACKET_FANOUT_DATA: libc::c_int = 22;
