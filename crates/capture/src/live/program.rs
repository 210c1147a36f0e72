//! Programs by which the kernel decides what a socket gets (`Documentation/networking/filter.rst`).

use std::os::fd::AsFd;

use libc::{BPF_ABS, BPF_JEQ, BPF_JMP, BPF_K, BPF_LD, BPF_RET, BPF_W, sock_filter, sock_fprog};
use nix::{
    errno::Errno,
    sys::socket::{SetSockOpt, sockopt::SetStruct},
};
use pcap::{Active, Capture};

use crate::{bpf::Instruction, filter::instructions};

/// The socket option of socket(7).
#[derive(Clone, Copy, Debug)]
struct AttachFilter;

nix::setsockopt_impl!(
    AttachFilter,
    libc::SOL_SOCKET,
    libc::SO_ATTACH_FILTER,
    sock_fprog,
    SetStruct<'_, sock_fprog>
);

/// A program for a socket.
#[derive(Clone, Debug)]
pub(super) struct Program(Vec<sock_filter>);

impl Program {
    /// What libpcap makes of an expression for an interface. For each frame that is asked for, it returns the snap length of `capture`:
    /// so much of it is kept.
    /// `None` if its form is unknown.
    pub(super) fn of(expression: &str, capture: &Capture<Active>) -> Result<Option<Self>, pcap::Error> {
        let compiled = capture.compile(expression, true)?;
        let of = |Instruction { code, jump_true: jt, jump_false: jf, constant: k }| sock_filter {
            code,
            jt,
            jf,
            k,
        };
        Ok(instructions(&compiled).map(|instructions| Self(instructions.into_iter().map(of).collect())))
    }

    /// Asks for no frame.
    pub(super) fn nothing() -> Self {
        Self(vec![step(BPF_RET | BPF_K, 0)])
    }

    /// The same, but for frames that go out.
    pub(super) fn of_incoming(mut self) -> Self {
        let head = [
            step(BPF_LD | BPF_W | BPF_ABS, (libc::SKF_AD_OFF + libc::SKF_AD_PKTTYPE).cast_unsigned()),
            sock_filter { jf: 1, ..step(BPF_JMP | BPF_JEQ | BPF_K, libc::PACKET_OUTGOING.into()) },
            step(BPF_RET | BPF_K, 0),
        ];
        self.0.splice(..0, head);
        self
    }

    /// Has the kernel run it for what comes to `socket` from now on.
    pub(super) fn attach(&mut self, socket: &impl AsFd) -> Result<(), Errno> {
        set(&AttachFilter, socket, &mut self.0)
    }
}

/// Gives `socket` a program by an option that takes one.
pub(super) fn set(
    option: &impl SetSockOpt<Val = sock_fprog>,
    socket: &impl AsFd,
    instructions: &mut [sock_filter],
) -> Result<(), Errno> {
    let len = u16::try_from(instructions.len()).map_err(|_| Errno::E2BIG)?;
    // The kernel copies so many instructions from there before it returns.
    option.set(socket, &sock_fprog { len, filter: instructions.as_mut_ptr() })
}

fn step(code: u32, constant: u32) -> sock_filter {
    sock_filter { code: u16::try_from(code).unwrap_or_default(), jt: 0, jf: 0, k: constant }
}
