//! Runs the programs that libpcap compiles filter expressions to.
//!
//! libpcap's own interpreter is behind a call that takes the captured length for the length on the wire, so that `greater`,
//! `less` and `len` would be wrong for every frame that a snap length cut. Source of the instruction set: S. `McCanne` and
//! V. Jacobson, "The BSD Packet Filter" (USENIX Winter 1993), table 1, and `bpf(4)` of `FreeBSD`.

/// One instruction.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Instruction {
    pub(crate) code: u16,
    pub(crate) jump_true: u8,
    pub(crate) jump_false: u8,
    pub(crate) constant: u32,
}

/// A program. Any sequence of instructions is one: it always ends, and reads nothing but its packet.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Program {
    instructions: Vec<Instruction>,
}

/// The registers of the machine.
#[derive(Default)]
struct Machine {
    accumulator: u32,
    index: u32,
    scratch: [u32; SCRATCH_WORDS],
}

impl Program {
    pub(crate) fn new(instructions: Vec<Instruction>) -> Self {
        Self { instructions }
    }

    /// Whether it accepts a packet of which `data` were captured and which had `wire_octets`.
    pub(crate) fn accepts(&self, data: &[u8], wire_octets: u32) -> bool {
        self.run(data, wire_octets).is_some_and(|octets| octets > 0)
    }

    /// What it returns; `None` where it reads beyond the packet or does what is not allowed, which rejects the packet.
    fn run(&self, data: &[u8], wire_octets: u32) -> Option<u32> {
        let mut machine = Machine::default();
        let mut at = 0_usize;
        let mut jumps_back = 0;
        loop {
            let &Instruction { code, jump_true, jump_false, constant } = self.instructions.get(at)?;
            at += 1;
            match code & CLASS {
                LD => machine.accumulator = machine.load(code, constant, data, wire_octets)?,
                LDX => machine.index = machine.load_index(code, constant, data, wire_octets)?,
                ST => *machine.scratch_word(constant)? = machine.accumulator,
                STX => *machine.scratch_word(constant)? = machine.index,
                ALU => machine.accumulator = machine.compute(code, constant)?,
                JMP if code & OPERATION == JA => {
                    let distance = isize::try_from(constant.cast_signed()).ok()?;
                    // Only `protochain` jumps back. A packet with more headers than this is made to cost time.
                    jumps_back += u32::from(distance < 0);
                    at = at.checked_add_signed(distance).filter(|_| jumps_back <= MAX_JUMPS_BACK)?;
                }
                JMP => at += usize::from(if machine.holds(code, constant)? { jump_true } else { jump_false }),
                RET => return machine.result(code, constant),
                _ if code & OPERATION == TAX => machine.index = machine.accumulator,
                _ if code & OPERATION == TXA => machine.accumulator = machine.index,
                _ => return None,
            }
        }
    }
}

impl Machine {
    fn load(&mut self, code: u16, constant: u32, data: &[u8], wire_octets: u32) -> Option<u32> {
        let at = match code & MODE {
            IMM => return Some(constant),
            MEM => return self.scratch_word(constant).copied(),
            LEN => return Some(wire_octets),
            ABS => constant,
            IND => self.index.checked_add(constant)?,
            _ => return None,
        };
        let rest = data.get(usize::try_from(at).ok()?..)?;
        match code & SIZE {
            W => rest.first_chunk().map(|&octets| u32::from_be_bytes(octets)),
            H => rest.first_chunk().map(|&octets| u32::from(u16::from_be_bytes(octets))),
            B => rest.first().map(|&octet| u32::from(octet)),
            _ => None,
        }
    }

    fn load_index(&mut self, code: u16, constant: u32, data: &[u8], wire_octets: u32) -> Option<u32> {
        match code & MODE {
            IMM => Some(constant),
            MEM => self.scratch_word(constant).copied(),
            LEN => Some(wire_octets),
            // The length of an IPv4 header, whose first octet is at `constant`.
            MSH => data.get(usize::try_from(constant).ok()?).map(|&octet| u32::from(octet & 0xf) << 2),
            _ => None,
        }
    }

    fn compute(&self, code: u16, constant: u32) -> Option<u32> {
        let (a, b) = (self.accumulator, self.operand(code, constant));
        Some(match code & OPERATION {
            ADD => a.wrapping_add(b),
            SUB => a.wrapping_sub(b),
            MUL => a.wrapping_mul(b),
            DIV => a.checked_div(b)?,
            MOD => a.checked_rem(b)?,
            OR => a | b,
            AND => a & b,
            XOR => a ^ b,
            LSH => a.checked_shl(b).unwrap_or(0),
            RSH => a.checked_shr(b).unwrap_or(0),
            NEG => a.wrapping_neg(),
            _ => return None,
        })
    }

    fn holds(&self, code: u16, constant: u32) -> Option<bool> {
        let (a, b) = (self.accumulator, self.operand(code, constant));
        Some(match code & OPERATION {
            JEQ => a == b,
            JGT => a > b,
            JGE => a >= b,
            JSET => a & b != 0,
            _ => return None,
        })
    }

    fn result(&self, code: u16, constant: u32) -> Option<u32> {
        match code & RETURNED {
            RETURN_CONSTANT => Some(constant),
            RETURN_ACCUMULATOR => Some(self.accumulator),
            _ => None,
        }
    }

    fn operand(&self, code: u16, constant: u32) -> u32 {
        if code & X == 0 { constant } else { self.index }
    }

    fn scratch_word(&mut self, constant: u32) -> Option<&mut u32> {
        self.scratch.get_mut(usize::try_from(constant).ok()?)
    }
}

const CLASS: u16 = 0x07;
const LD: u16 = 0x00;
const LDX: u16 = 0x01;
const ST: u16 = 0x02;
const STX: u16 = 0x03;
const ALU: u16 = 0x04;
const JMP: u16 = 0x05;
const RET: u16 = 0x06;

const SIZE: u16 = 0x18;
const W: u16 = 0x00;
const H: u16 = 0x08;
const B: u16 = 0x10;

const MODE: u16 = 0xe0;
const IMM: u16 = 0x00;
const ABS: u16 = 0x20;
const IND: u16 = 0x40;
const MEM: u16 = 0x60;
const LEN: u16 = 0x80;
const MSH: u16 = 0xa0;

/// Of arithmetic, jumps and register moves.
const OPERATION: u16 = 0xf0;
const ADD: u16 = 0x00;
const SUB: u16 = 0x10;
const MUL: u16 = 0x20;
const DIV: u16 = 0x30;
const OR: u16 = 0x40;
const AND: u16 = 0x50;
const LSH: u16 = 0x60;
const RSH: u16 = 0x70;
const NEG: u16 = 0x80;
const MOD: u16 = 0x90;
const XOR: u16 = 0xa0;
const JA: u16 = 0x00;
const JEQ: u16 = 0x10;
const JGT: u16 = 0x20;
const JGE: u16 = 0x30;
const JSET: u16 = 0x40;
const TAX: u16 = 0x00;
const TXA: u16 = 0x80;
/// The operand is the index register, not the constant.
const X: u16 = 0x08;

const RETURNED: u16 = 0x18;
const RETURN_CONSTANT: u16 = 0x00;
const RETURN_ACCUMULATOR: u16 = 0x10;

const SCRATCH_WORDS: usize = 16;
/// How often a program may jump back for one packet: libpcap's own bound.
const MAX_JUMPS_BACK: u32 = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn run(instructions: &[(u16, u8, u8, u32)], data: &[u8], wire_octets: u32) -> Option<u32> {
        let instruction =
            |&(code, jump_true, jump_false, constant)| Instruction { code, jump_true, jump_false, constant };
        Program::new(instructions.iter().map(instruction).collect()).run(data, wire_octets)
    }

    #[test]
    fn a_program_that_jumps_back_for_ever_ends() {
        assert_eq!(run(&[(JMP | JA, 0, 0, u32::MAX)], &[], 0), None);
    }

    proptest::proptest! {
        #[test]
        fn any_program_ends(octets in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..400)) {
            crate::fuzz_filter_program(&octets);
        }
    }

    #[test]
    fn a_program_that_runs_off_its_end_rejects() {
        assert_eq!(run(&[(LD | IMM, 0, 0, 7)], &[], 0), None);
        assert_eq!(run(&[], &[], 0), None);
        assert_eq!(run(&[(JMP | JEQ, 255, 255, 0)], &[], 0), None);
    }

    #[test]
    fn reads_beyond_the_captured_octets_reject() {
        assert_eq!(
            run(&[(LD | W | ABS, 0, 0, 1), (RET | RETURN_ACCUMULATOR, 0, 0, 0)], &[1, 2, 3, 4], 4),
            None
        );
        assert_eq!(
            run(&[(LD | W | ABS, 0, 0, 0), (RET | RETURN_ACCUMULATOR, 0, 0, 0)], &[1, 2, 3, 4], 4),
            Some(0x0102_0304)
        );
        assert_eq!(
            run(&[(LDX | IMM, 0, 0, 1), (LD | B | IND, 0, 0, u32::MAX), (RET, 0, 0, 1)], &[1, 2], 2),
            None
        );
    }

    #[test]
    fn the_length_is_that_on_the_wire() {
        assert_eq!(run(&[(LD | LEN, 0, 0, 0), (RET | RETURN_ACCUMULATOR, 0, 0, 0)], &[1], 1500), Some(1500));
    }

    #[test]
    fn division_by_zero_rejects() {
        assert_eq!(run(&[(ALU | DIV | X, 0, 0, 0), (RET, 0, 0, 1)], &[], 0), None);
        assert_eq!(run(&[(ALU | MOD, 0, 0, 0), (RET, 0, 0, 1)], &[], 0), None);
    }
}
