use std::{fmt, io::Write, os::fd::AsRawFd};

use pcap::{BpfProgram, Capture, Linktype, Offline};
use wire::{Frame, LinkType};

use crate::{
    MAX_PACKET_OCTETS,
    bpf::{Instruction, Program},
};

/// A filter expression in the language of `pcap-filter(7)`, compiled by libpcap for each link type that turns up.
///
/// Lengths in an expression are those on the wire, also of frames that a snap length cut. Names of hosts are looked up
/// when the expression is compiled, as libpcap does it; addresses avoid that.
///
/// An expression can be right for some link types and wrong for others: `vlan` means nothing for raw IP. For those it
/// is wrong for, no frame matches, and [`Filter::inapplicable`] says how many frames that were, and why.
#[derive(Clone, Debug)]
pub struct Filter {
    expression: String,
    /// In the order in which their link types turned up; at most [`MAX_FILTERED_LINK_TYPES`].
    compiled: Vec<Compiled>,
    /// Which of them judged the latest frame: most captures have one link type.
    latest: usize,
    /// Frames of link types beyond [`MAX_FILTERED_LINK_TYPES`].
    beyond_bound: u64,
}

/// A filter expression that libpcap refuses.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("filter expression \"{expression}\": {reason}")]
pub struct FilterError {
    /// As it was given.
    pub expression: String,
    /// libpcap's words.
    pub reason: String,
}

/// Frames that a filter could not judge, since its expression is wrong for their link type. None of them matched.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Inapplicable {
    /// Theirs; `None` for frames of more link types than a filter compiles its expression for.
    pub link_type: Option<LinkType>,
    /// libpcap's words.
    pub reason: String,
    /// How many.
    pub frames: u64,
}

/// What libpcap made of an expression for one link type.
#[derive(Clone, Debug)]
struct Compiled {
    link_type: LinkType,
    /// The program, or libpcap's reason for refusing.
    program: Result<Program, String>,
    /// Frames that had no program to judge them.
    unjudged: u64,
}

impl Filter {
    /// Compiles `expression` for Ethernet, or where Ethernet refuses it, for the first of a few other link types that
    /// accepts it. An empty expression matches every frame.
    ///
    /// # Errors
    ///
    /// If all of them refuse it. The reason is the one for Ethernet.
    pub fn new(expression: &str) -> Result<Self, FilterError> {
        let for_ethernet = Compiled::new(expression, LinkType::ETHERNET);
        if let Err(reason) = &for_ethernet.program
            && !VALIDATED_FOR.iter().any(|&link_type| compile(expression, link_type).is_ok())
        {
            return Err(FilterError { expression: expression.into(), reason: reason.clone() });
        }
        Ok(Self { expression: expression.into(), compiled: vec![for_ethernet], latest: 0, beyond_bound: 0 })
    }

    /// Whether the expression asks for `frame`.
    #[inline]
    pub fn matches(&mut self, frame: &Frame<'_>) -> bool {
        let link_type = program_link_type(frame);
        if self.compiled.get(self.latest).is_none_or(|latest| latest.link_type != link_type) {
            self.select(link_type);
        }
        if let Some(compiled) = self.compiled.get_mut(self.latest) {
            return compiled.matches(frame);
        }
        self.beyond_bound = self.beyond_bound.saturating_add(1);
        false
    }

    /// The expression, as it was given.
    pub fn expression(&self) -> &str {
        &self.expression
    }

    /// What could not be judged so far, and why; in the order in which the link types turned up.
    pub fn inapplicable(&self) -> Vec<Inapplicable> {
        let refused = self.compiled.iter().filter_map(Compiled::inapplicable);
        let beyond_bound = (self.beyond_bound > 0).then(|| Inapplicable {
            link_type: None,
            reason: format!("more than {MAX_FILTERED_LINK_TYPES} link types"),
            frames: self.beyond_bound,
        });
        refused.chain(beyond_bound).collect()
    }

    /// Makes the program for `link_type` the latest one; none if there are too many.
    #[cold]
    fn select(&mut self, link_type: LinkType) {
        let known = self.compiled.iter().position(|compiled| compiled.link_type == link_type);
        self.latest = known.unwrap_or(self.compiled.len());
        if known.is_none() && self.compiled.len() < MAX_FILTERED_LINK_TYPES {
            self.compiled.push(Compiled::new(&self.expression, link_type));
        }
    }
}

impl fmt::Display for Filter {
    /// The expression.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.expression)
    }
}

impl fmt::Display for Inapplicable {
    /// `3 frames of RAW: no VLAN support for RAW`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { link_type, reason, frames } = self;
        let noun = if *frames == 1 { "frame" } else { "frames" };
        match link_type {
            Some(link_type) => write!(f, "{frames} {noun} of {link_type}: {reason}"),
            None => write!(f, "{frames} {noun} of further link types: {reason}"),
        }
    }
}

impl Compiled {
    fn new(expression: &str, link_type: LinkType) -> Self {
        Self { link_type, program: compile(expression, link_type), unjudged: 0 }
    }

    #[inline]
    fn matches(&mut self, frame: &Frame<'_>) -> bool {
        if let Ok(program) = &self.program {
            return program.accepts(frame.data, frame.original_length);
        }
        self.unjudged = self.unjudged.saturating_add(1);
        false
    }

    fn inapplicable(&self) -> Option<Inapplicable> {
        let reason = self.program.as_ref().err()?;
        let (link_type, frames) = (Some(self.link_type), self.unjudged);
        (frames > 0).then(|| Inapplicable { link_type, reason: reason.clone(), frames })
    }
}

/// The link type whose program judges `frame`: its own, except that an address family of `LINKTYPE_NULL` in the big-endian
/// order, that of its system, is one of `LINKTYPE_LOOP`.
#[inline]
fn program_link_type(frame: &Frame<'_>) -> LinkType {
    match (frame.link_type, frame.data) {
        (LinkType::NULL, [0, 0, ..]) => LinkType::LOOP,
        (link_type, _) => link_type,
    }
}

/// Has libpcap compile `expression`. The error is libpcap's reason, in one line.
fn compile(expression: &str, link_type: LinkType) -> Result<Program, String> {
    let reason = |error: pcap::Error| match error {
        pcap::Error::PcapError(reason) => reason.lines().collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    };
    let program = if let Some(handle) = file_handle(link_type) {
        handle.compile(expression, true).map_err(reason)?
    } else {
        let handle = Capture::dead(Linktype(data_link_type(link_type))).map_err(reason)?;
        handle.compile(expression, true).map_err(reason)?
    };
    instructions(&program).map(Program::new).ok_or_else(|| "libpcap's program has an unknown form".to_owned())
}

/// A handle of a capture file of `link_type`, without packets, that libpcap reads from a pipe.
///
/// With a handle of a file libpcap takes into account that the file may come from another system, whose number for IPv6 is
/// another, and refuses what only Linux can tell of its own packets, such as `inbound`. A handle of nothing, [`Capture::dead`],
/// lacks that. `None` where the system does not let a pipe be opened by its path; then that one must do.
fn file_handle(link_type: LinkType) -> Option<Capture<Offline>> {
    let (reading_end, mut writing_end) = std::io::pipe().ok()?;
    let [snap_length, link_type] = [MAX_PACKET_OCTETS, u32::from(link_type.0)].map(u32::to_ne_bytes);
    let version = [2_u16, 4].map(u16::to_ne_bytes).concat();
    let header = [&0xa1b2_c3d4_u32.to_ne_bytes(), &version[..], &[0; 8], &snap_length, &link_type].concat();
    writing_end.write_all(&header).ok()?;
    Capture::from_file(format!("/dev/fd/{}", reading_end.as_raw_fd())).ok()
}

/// A program as it is; `None` if it has an unknown form.
pub(crate) fn instructions(program: &BpfProgram) -> Option<Vec<Instruction>> {
    program.get_instructions().iter().map(|instruction| parse(&instruction.to_string())).collect()
}

/// An instruction as the `pcap` crate shows it, which is the only way that it lets it be seen: four decimal numbers.
fn parse(instruction: &str) -> Option<Instruction> {
    let mut fields = instruction.split(' ');
    let instruction = Instruction {
        code: fields.next()?.parse().ok()?,
        jump_true: fields.next()?.parse().ok()?,
        jump_false: fields.next()?.parse().ok()?,
        constant: fields.next()?.parse().ok()?,
    };
    fields.next().is_none().then_some(instruction)
}

/// The number that libpcap uses in memory (`DLT_`) for a link type of capture files (`LINKTYPE_`). They differ for those
/// whose numbers in memory differ between systems.
fn data_link_type(link_type: LinkType) -> i32 {
    let number = i32::from(link_type.0);
    DIFFERING_NUMBERS
        .iter()
        .find(|&&(in_files, _)| in_files == number)
        .map_or(number, |&(_, in_memory)| in_memory)
}

/// For how many link types a filter compiles its expression; of further ones no frame matches. Links of more kinds than
/// this in one place do not exist; a capture can claim so.
pub const MAX_FILTERED_LINK_TYPES: usize = 32;

/// What an expression may be meant for that is wrong for Ethernet: IP alone, cooked captures, wireless, other links.
const VALIDATED_FOR: [LinkType; 11] = [
    LinkType::RAW,
    LinkType::LINUX_SLL,
    LinkType::LINUX_SLL2,
    LINKTYPE_IEEE802_11,
    LINKTYPE_IEEE802_11_RADIOTAP,
    LinkType::PPP,
    LinkType::NULL,
    LINKTYPE_ATM_SUNATM,
    LINKTYPE_MTP2,
    LINKTYPE_PFLOG,
    LINKTYPE_IEEE802_15_4,
];
const LINKTYPE_IEEE802_11: LinkType = LinkType(105);
const LINKTYPE_PFLOG: LinkType = LinkType(117);
const LINKTYPE_ATM_SUNATM: LinkType = LinkType(123);
const LINKTYPE_IEEE802_11_RADIOTAP: LinkType = LinkType(127);
const LINKTYPE_MTP2: LinkType = LinkType(140);
const LINKTYPE_IEEE802_15_4: LinkType = LinkType(195);

/// ATM with RFC 1483, raw IP, SLIP and PPP of BSD/OS, classical IP over ATM, pfsync: numbers in files and in memory.
const DIFFERING_NUMBERS: [(i32, i32); 6] = [(100, 11), (101, 12), (102, 15), (103, 16), (106, 19), (246, 18)];

#[cfg(test)]
mod tests {
    use wire::Timestamp;

    use super::*;

    fn frame(link_type: LinkType, data: &[u8], original_length: u32) -> Frame<'_> {
        Frame { data, timestamp: Timestamp::ZERO, original_length, link_type, interface: 0 }
    }

    /// IPv4, UDP from port 53.
    const DATAGRAM: [u8; 28] =
        [0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2, 0, 53, 0x30, 0x39, 0, 8, 0, 0];

    fn ethernet() -> Vec<u8> {
        [&[0; 12][..], &[8, 0], &DATAGRAM].concat()
    }

    #[test]
    fn lengths_are_those_on_the_wire() {
        let mut filter = Filter::new("greater 1000").unwrap();
        assert!(filter.matches(&frame(LinkType::ETHERNET, &ethernet(), 1_000)));
        assert!(!filter.matches(&frame(LinkType::ETHERNET, &ethernet(), 999)));
        let mut filter = Filter::new("udp and less 100").unwrap();
        assert!(filter.matches(&frame(LinkType::ETHERNET, &ethernet(), 100)));
        assert!(!filter.matches(&frame(LinkType::ETHERNET, &ethernet(), 101)));
    }

    #[test]
    fn every_link_type_has_its_own_program() {
        let mut filter = Filter::new("src port 53").unwrap();
        for _ in 0..2 {
            assert!(filter.matches(&frame(LinkType::ETHERNET, &ethernet(), 42)));
            assert!(filter.matches(&frame(LinkType::RAW, &DATAGRAM, 28)));
            assert!(!filter.matches(&frame(LinkType::RAW, &ethernet(), 42)));
        }
        assert_eq!(filter.inapplicable(), []);
    }

    /// IPv6 has another number on each system, and loopback links of some have it in their own byte order.
    #[test]
    fn ipv6_on_the_loopback_links_of_other_systems_matches() {
        let packet =
            [&[0x60, 0, 0, 0, 0, 8, 17, 64][..], &[0; 32], &[0, 53, 0x30, 0x39, 0, 8, 0, 0]].concat();
        let mut filter = Filter::new("ip6 and udp port 53").unwrap();
        for family in [24_u32, 28, 30] {
            for family in [family.to_le_bytes(), family.to_be_bytes()] {
                let data = [&family[..], &packet].concat();
                assert!(filter.matches(&frame(LinkType::NULL, &data, 52)), "{family:?}");
            }
            let data = [&family.to_be_bytes()[..], &packet].concat();
            assert!(filter.matches(&frame(LinkType::LOOP, &data, 52)), "{family:?}");
        }
        assert!(!filter.matches(&frame(LinkType::NULL, &[&[7, 0, 0, 0], &packet[..]].concat(), 52)));
    }

    #[test]
    fn what_only_a_kernel_can_tell_of_its_own_packets_is_not_judged() {
        let mut filter = Filter::new("inbound").unwrap();
        assert!(!filter.matches(&frame(LinkType::ETHERNET, &ethernet(), 42)));
        assert_eq!(filter.inapplicable().len(), 1);
    }

    #[test]
    fn what_an_expression_cannot_judge_is_counted() {
        // Not the other way round: what follows `vlan` is looked for behind a tag.
        let mut filter = Filter::new("udp or vlan 7").unwrap();
        assert!(filter.matches(&frame(LinkType::ETHERNET, &ethernet(), 42)));
        assert_eq!(filter.inapplicable(), []);
        for _ in 0..3 {
            assert!(!filter.matches(&frame(LinkType::RAW, &DATAGRAM, 28)));
        }
        let [raw] = &filter.inapplicable()[..] else { panic!("one link type is refused") };
        assert_eq!((raw.link_type, raw.frames), (Some(LinkType::RAW), 3));
        assert!(raw.to_string().starts_with("3 frames of RAW: no VLAN support for "), "{raw}");
    }

    #[test]
    fn an_error_is_one_line_in_the_words_of_libpcap() {
        let error = Filter::new("tcp prot 80").unwrap_err();
        assert_eq!(error.to_string().lines().count(), 1);
        assert!(error.to_string().starts_with("filter expression \"tcp prot 80\": "), "{error}");
        assert!(error.reason.contains("syntax error"), "{error}");
        assert!(Filter::new("port 99999").is_err());
    }

    #[test]
    fn expressions_for_other_links_than_ethernet_are_valid() {
        let mut filter = Filter::new("wlan type mgt").unwrap();
        assert!(!filter.matches(&frame(LinkType::ETHERNET, &ethernet(), 42)));
        assert!(filter.matches(&frame(LINKTYPE_IEEE802_11, &[0x80; 24], 24)));
        assert_eq!(filter.inapplicable().len(), 1);
    }

    #[test]
    fn an_empty_expression_matches_everything() {
        let mut filter = Filter::new("").unwrap();
        assert!(filter.matches(&frame(LinkType::ETHERNET, &[], 0)));
        assert!(filter.matches(&frame(LinkType(147), &[1], 1)));
    }

    #[test]
    fn link_types_without_end_are_not_compiled_without_end() {
        let mut filter = Filter::new("ip").unwrap();
        for number in 0..1_000 {
            let _: bool = filter.matches(&frame(LinkType(number), &DATAGRAM, 28));
        }
        assert_eq!(filter.compiled.len(), MAX_FILTERED_LINK_TYPES);
        let beyond = filter.inapplicable().pop().unwrap();
        let compiled = u64::try_from(MAX_FILTERED_LINK_TYPES).unwrap();
        assert_eq!((beyond.link_type, beyond.frames), (None, 1_000 - compiled));
        assert!(filter.matches(&frame(LinkType::ETHERNET, &ethernet(), 42)));
    }

    #[test]
    fn filters_go_to_threads() {
        fn sent<T: Clone + Send + Sync>() {}
        sent::<Filter>();
    }
}
