//! The program by which the kernel finds the worker of a frame that may be in a tunnel (packet(7), `PACKET_FANOUT_CBPF`).
//!
//! It returns a number, which the kernel divides by how many workers there are; the rest says which one it is. The number is a hash of two
//! addresses that does not depend on which of them is the source: the inner ones of VXLAN (RFC 7348), else those of the IP packet, else
//! those of the link. Tunnels but VXLAN have the same outer addresses in both directions, and so the outer ones do for them.
//!
//! What of a frame is where: the kernel runs the program where it hands a frame to packet sockets (`packet_rcv_fanout` in
//! `net/packet/af_packet.c`), before it is put together again for them. There the data of one that came in begin with its network header,
//! and those of one that goes out with its link header. The first VLAN tag is out of the way already. `SKF_NET_OFF` finds the network
//! header of both, but before Linux 6.16 no octets that a driver left in pages beside the buffer; so it is used for those that go out,
//! whose headers are in the buffer. A read beyond the frame ends the program with 0, which is the first worker: that is where frames go
//! that say that they are longer than they are.

use libc::{
    BPF_A, BPF_ABS, BPF_ADD, BPF_ALU, BPF_AND, BPF_B, BPF_H, BPF_IMM, BPF_IND, BPF_JA, BPF_JEQ, BPF_JGE,
    BPF_JMP, BPF_JSET, BPF_K, BPF_LD, BPF_LDX, BPF_LSH, BPF_MEM, BPF_MISC, BPF_MUL, BPF_RET, BPF_RSH, BPF_ST,
    BPF_STX, BPF_TAX, BPF_W, BPF_X, BPF_XOR, sock_filter,
};

/// The program; `None` if a jump of it were too wide for an instruction.
///
/// In it the index register says where the header begins that is looked at.
pub(super) fn program() -> Option<Vec<sock_filter>> {
    let mut program = Assembly::default();
    program.begin();
    program.outer_packet();
    program.vxlan();
    program.inner_packet();
    program.end();
    program.assemble()
}

/// Where jumps lead.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Label {
    /// To what follows.
    Next,
    /// To what follows that.
    AfterNext,
    GoesOut,
    Network,
    Tagged,
    Untagged,
    Ipv4,
    Ipv6,
    Udp,
    VxlanPort,
    InnerTagged,
    InnerUntagged,
    InnerIpv4,
    InnerIpv6,
    /// The hash of the outer addresses is the one.
    Outer,
    /// The hash is in the accumulator.
    Hashed,
}

/// An instruction whose jumps are not yet numbers.
#[derive(Clone, Copy, Debug)]
struct Step {
    code: u32,
    constant: u32,
    if_so: Label,
    otherwise: Label,
}

/// A program that is being written.
#[derive(Debug, Default)]
struct Assembly {
    steps: Vec<Step>,
    labels: Vec<(Label, usize)>,
}

impl Assembly {
    /// Has the index register point at the network header.
    fn begin(&mut self) {
        self.step(BPF_LD | BPF_B | BPF_ABS, SKF_AD_OFF + SKF_AD_PKTTYPE);
        self.jump_if(BPF_JEQ, PACKET_OUTGOING, Label::GoesOut, Label::Next);
        self.step(BPF_LDX | BPF_W | BPF_IMM, 0);
        self.go_to(Label::Network);
        self.place(Label::GoesOut);
        self.step(BPF_LDX | BPF_W | BPF_IMM, SKF_NET_OFF);
    }

    /// Hashes the outer addresses. Goes on with what may be a tunnel.
    fn outer_packet(&mut self) {
        self.place(Label::Network);
        self.step(BPF_LD | BPF_H | BPF_ABS, SKF_AD_OFF + SKF_AD_PROTOCOL);
        self.store(TYPE);
        self.jump_if_tag(Label::Tagged, Label::Untagged);
        self.place(Label::Tagged);
        self.load(BPF_H, 2);
        self.store(TYPE);
        self.advance(4);
        self.place(Label::Untagged);
        self.step(BPF_LD | BPF_MEM, TYPE);
        self.jump_if(BPF_JEQ, ETHERTYPE_IPV4, Label::Ipv4, Label::Next);
        self.jump_if(BPF_JEQ, ETHERTYPE_IPV6, Label::Ipv6, Label::Next);
        self.hash_link();
        self.store(OUTER);
        self.go_to(Label::Outer);

        self.place(Label::Ipv4);
        self.hash_ipv4();
        self.store(OUTER);
        // A piece of a packet goes where all others go that have these addresses: only the first would have an inner packet to show.
        self.load(BPF_H, 6);
        self.jump_if(BPF_JSET, IPV4_FRAGMENT, Label::Next, Label::AfterNext);
        self.go_to(Label::Outer);
        self.load(BPF_B, 9);
        self.go_on_if(BPF_JEQ, UDP);
        self.load(BPF_B, 0);
        self.compute(BPF_AND, 0xf);
        self.compute(BPF_LSH, 2);
        self.step(BPF_ALU | BPF_ADD | BPF_X, 0);
        self.step(BPF_MISC | BPF_TAX, 0);
        self.go_to(Label::Udp);

        self.place(Label::Ipv6);
        self.hash_ipv6();
        self.store(OUTER);
        // Pieces have a header between.
        self.load(BPF_B, 6);
        self.go_on_if(BPF_JEQ, UDP);
        self.advance(40);
    }

    /// Finds out whether it is VXLAN, by what `wire` goes by, too.
    fn vxlan(&mut self) {
        self.place(Label::Udp);
        self.load(BPF_H, 2);
        self.jump_if(BPF_JEQ, VXLAN_PORT, Label::VxlanPort, Label::Next);
        self.go_on_if(BPF_JEQ, VXLAN_PORT_LINUX);
        self.place(Label::VxlanPort);
        self.load(BPF_H, 4);
        self.go_on_if(BPF_JGE, LEAST_VXLAN);
        self.load(BPF_W, 8);
        self.compute(BPF_AND, VXLAN_FLAGS);
        self.go_on_if(BPF_JEQ, VXLAN_HAS_NETWORK);
        self.load(BPF_B, 15);
        self.go_on_if(BPF_JEQ, 0);
    }

    /// Hashes the inner addresses, if there are any.
    fn inner_packet(&mut self) {
        // The type of the inner Ethernet frame, behind the headers of UDP and VXLAN.
        self.load(BPF_H, 28);
        self.store(TYPE);
        self.advance(30);
        self.step(BPF_LD | BPF_MEM, TYPE);
        self.jump_if_tag(Label::InnerTagged, Label::InnerUntagged);
        self.place(Label::InnerTagged);
        self.load(BPF_H, 2);
        self.store(TYPE);
        self.advance(4);
        self.place(Label::InnerUntagged);
        self.step(BPF_LD | BPF_MEM, TYPE);
        self.jump_if(BPF_JEQ, ETHERTYPE_IPV4, Label::InnerIpv4, Label::Next);
        self.jump_if(BPF_JEQ, ETHERTYPE_IPV6, Label::InnerIpv6, Label::Next);
        self.go_to(Label::Outer);

        self.place(Label::InnerIpv4);
        self.go_on_if_version(4);
        self.hash_ipv4();
        self.go_to(Label::Hashed);
        self.place(Label::InnerIpv6);
        self.go_on_if_version(6);
        self.hash_ipv6();
        self.go_to(Label::Hashed);
    }

    fn end(&mut self) {
        self.place(Label::Outer);
        self.step(BPF_LD | BPF_MEM, OUTER);
        self.place(Label::Hashed);
        self.step(BPF_RET | BPF_A, 0);
    }

    /// Hashes the addresses of the link header.
    fn hash_link(&mut self) {
        for (address, place) in [(0, ONE), (6, OTHER)] {
            self.step(BPF_LD | BPF_H | BPF_ABS, SKF_LL_OFF + address);
            self.compute(BPF_MUL, MULTIPLIER);
            self.step(BPF_MISC | BPF_TAX, 0);
            self.step(BPF_LD | BPF_W | BPF_ABS, SKF_LL_OFF + address + 2);
            self.step(BPF_ALU | BPF_ADD | BPF_X, 0);
            self.store(place);
        }
        self.combine();
    }

    /// Hashes the addresses of the IPv4 header.
    fn hash_ipv4(&mut self) {
        for (address, place) in [(12, ONE), (16, OTHER)] {
            self.load(BPF_W, address);
            self.store(place);
        }
        self.combine();
    }

    /// Hashes the addresses of the IPv6 header.
    fn hash_ipv6(&mut self) {
        self.step(BPF_STX, HEADER);
        for (address, place) in [(8, ONE), (24, OTHER)] {
            self.step(BPF_LD | BPF_IMM, 0);
            self.store(place);
            for word in [0, 4, 8, 12] {
                self.load(BPF_W, address + word);
                self.step(BPF_LDX | BPF_MEM, place);
                self.step(BPF_ALU | BPF_ADD | BPF_X, 0);
                self.compute(BPF_MUL, MULTIPLIER);
                self.store(place);
                self.step(BPF_LDX | BPF_MEM, HEADER);
            }
        }
        self.combine();
    }

    /// Makes one number of two, whichever of them comes first. Each is mixed before: sums of addresses as they are, and differences, are
    /// the same for too many pairs.
    fn combine(&mut self) {
        self.step(BPF_STX, HEADER);
        self.step(BPF_LD | BPF_MEM, ONE);
        self.mix();
        self.store(ONE);
        self.step(BPF_LD | BPF_MEM, OTHER);
        self.mix();
        self.step(BPF_LDX | BPF_MEM, ONE);
        self.step(BPF_ALU | BPF_ADD | BPF_X, 0);
        self.mix();
        self.step(BPF_LDX | BPF_MEM, HEADER);
    }

    /// Has every bit of the accumulator count in the low ones, which decide. Spoils the index register.
    fn mix(&mut self) {
        self.compute(BPF_MUL, MULTIPLIER);
        self.step(BPF_MISC | BPF_TAX, 0);
        self.compute(BPF_RSH, 15);
        self.step(BPF_ALU | BPF_XOR | BPF_X, 0);
    }

    fn jump_if_tag(&mut self, tagged: Label, otherwise: Label) {
        self.jump_if(BPF_JEQ, ETHERTYPE_VLAN, tagged, Label::Next);
        self.jump_if(BPF_JEQ, ETHERTYPE_SERVICE_VLAN, tagged, otherwise);
    }

    fn go_on_if_version(&mut self, version: u32) {
        self.load(BPF_B, 0);
        self.compute(BPF_RSH, 4);
        self.go_on_if(BPF_JEQ, version);
    }

    /// Loads what is so many octets behind the beginning of the header.
    fn load(&mut self, size: u32, octets: u32) {
        self.step(BPF_LD | size | BPF_IND, octets);
    }

    fn store(&mut self, place: u32) {
        self.step(BPF_ST, place);
    }

    /// Goes to a header so many octets further on. Spoils the accumulator.
    fn advance(&mut self, octets: u32) {
        self.step(BPF_LD | BPF_IMM, octets);
        self.step(BPF_ALU | BPF_ADD | BPF_X, 0);
        self.step(BPF_MISC | BPF_TAX, 0);
    }

    fn compute(&mut self, operation: u32, constant: u32) {
        self.step(BPF_ALU | operation | BPF_K, constant);
    }

    /// Leaves it at the outer addresses unless the accumulator is so.
    fn go_on_if(&mut self, operation: u32, constant: u32) {
        self.jump_if(operation, constant, Label::AfterNext, Label::Next);
        self.go_to(Label::Outer);
    }

    fn go_to(&mut self, label: Label) {
        self.jump_if(BPF_JA, 0, label, label);
    }

    fn jump_if(&mut self, operation: u32, constant: u32, if_so: Label, otherwise: Label) {
        self.steps.push(Step { code: BPF_JMP | operation | BPF_K, constant, if_so, otherwise });
    }

    fn step(&mut self, code: u32, constant: u32) {
        self.steps.push(Step { code, constant, if_so: Label::Next, otherwise: Label::Next });
    }

    fn place(&mut self, label: Label) {
        self.labels.push((label, self.steps.len()));
    }

    fn assemble(&self) -> Option<Vec<sock_filter>> {
        self.steps.iter().enumerate().map(|(place, step)| self.instruction(place, step)).collect()
    }

    fn instruction(&self, place: usize, step: &Step) -> Option<sock_filter> {
        let (if_so, otherwise) = (self.distance(place, step.if_so)?, self.distance(place, step.otherwise)?);
        let code = u16::try_from(step.code).ok()?;
        Some(if step.code == BPF_JMP | BPF_JA {
            // It has the distance in its constant, where there is room for any.
            sock_filter { code, jt: 0, jf: 0, k: if_so }
        } else {
            sock_filter {
                code,
                jt: u8::try_from(if_so).ok()?,
                jf: u8::try_from(otherwise).ok()?,
                k: step.constant,
            }
        })
    }

    /// How many instructions are passed over.
    fn distance(&self, from: usize, to: Label) -> Option<u32> {
        match to {
            Label::Next => Some(0),
            Label::AfterNext => Some(1),
            _ => {
                let &(_, place) = self.labels.iter().find(|(label, _)| *label == to)?;
                u32::try_from(place.checked_sub(from + 1)?).ok()
            }
        }
    }
}

/// Words that the program keeps.
const ONE: u32 = 0;
const OTHER: u32 = 1;
/// The index register, while that serves another purpose.
const HEADER: u32 = 2;
const TYPE: u32 = 3;
/// The hash of the outer addresses.
const OUTER: u32 = 4;

/// `linux/filter.h`: what the kernel knows of a frame, its link header, its network header.
const SKF_AD_OFF: u32 = libc::SKF_AD_OFF.cast_unsigned();
const SKF_AD_PROTOCOL: u32 = libc::SKF_AD_PROTOCOL.cast_unsigned();
const SKF_AD_PKTTYPE: u32 = libc::SKF_AD_PKTTYPE.cast_unsigned();
const SKF_LL_OFF: u32 = libc::SKF_LL_OFF.cast_unsigned();
const SKF_NET_OFF: u32 = libc::SKF_NET_OFF.cast_unsigned();
/// packet(7).
const PACKET_OUTGOING: u32 = 4;

const ETHERTYPE_IPV4: u32 = 0x0800;
const ETHERTYPE_IPV6: u32 = 0x86dd;
const ETHERTYPE_VLAN: u32 = 0x8100;
const ETHERTYPE_SERVICE_VLAN: u32 = 0x88a8;
/// More of them follow, or came before (RFC 791, 3.1).
const IPV4_FRAGMENT: u32 = 0x3fff;
const UDP: u32 = 17;
/// RFC 7348, 5.
const VXLAN_PORT: u32 = 4_789;
/// The port Linux used before one was assigned, and still its default.
const VXLAN_PORT_LINUX: u32 = 8_472;
/// Octets of the headers of UDP, VXLAN, Ethernet and IPv4.
const LEAST_VXLAN: u32 = 8 + 8 + 14 + 20;
/// The I flag, and those that have to be zero. The group-policy extension has the others.
const VXLAN_FLAGS: u32 = 0x7fb7_0000;
const VXLAN_HAS_NETWORK: u32 = 0x0800_0000;

/// 2^32 divided by the golden ratio, and odd: so multiplying loses nothing (D. Knuth, "The Art of Computer Programming" 3, 6.4).
const MULTIPLIER: u32 = 0x9e37_79b1;

#[cfg(test)]
mod tests;
