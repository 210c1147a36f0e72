use std::sync::Arc;

use wire::LinkType;

/// What a capture says of a place where its frames were seen. A pcap file has one interface without a name.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Interface {
    /// The capture that describes it, as it was named when it was opened.
    pub capture: Arc<str>,
    /// Its name (pcapng `if_name`), cut to 255 octets.
    pub name: Option<Arc<str>>,
    /// What its frames begin with.
    pub link_type: LinkType,
    /// Octets of a frame that were kept at most; frames are cut to it. 0 where the capture gives no limit.
    pub snap_length: u32,
    /// Packets that the interface received, by the last interface statistics block (`isb_ifrecv`).
    pub received: Option<u64>,
    /// Packets that the interface dropped for lack of resources (`isb_ifdrop`).
    pub dropped: Option<u64>,
    /// Packets that the capturing system dropped for lack of resources (`isb_osdrop`).
    pub dropped_by_system: Option<u64>,
}

impl Interface {
    pub(crate) fn new(capture: Arc<str>, link_type: LinkType, snap_length: u32) -> Self {
        Self {
            capture,
            name: None,
            link_type,
            snap_length,
            received: None,
            dropped: None,
            dropped_by_system: None,
        }
    }
}

/// How many interfaces one capture may describe: frames number them with 16 bits.
pub const MAX_INTERFACES: usize = 1 << 16;

/// How long a packet may be, in octets, for nearly every link type: libpcap's `MAXIMUM_SNAPLEN`.
pub const MAX_PACKET_OCTETS: u32 = 262_144;

/// How long a packet of `link_type` may be. The exceptions are libpcap's: D-Bus messages and USB transfers are long.
pub(crate) fn longest_packet(link_type: LinkType) -> u32 {
    match link_type.0 {
        LINKTYPE_DBUS | LINKTYPE_USBPCAP => 128 << 20,
        LINKTYPE_EBHSCR => 8 << 20,
        _ => MAX_PACKET_OCTETS,
    }
}

/// The octets of a frame to keep when the capture states `snap_length`. As libpcap does it: zero, and what is no positive
/// 32-bit integer, mean that nothing was cut.
pub(crate) fn effective_snap_length(link_type: LinkType, snap_length: u32) -> u32 {
    if snap_length == 0 || i32::try_from(snap_length).is_err() {
        longest_packet(link_type)
    } else {
        snap_length
    }
}

/// The link type that a number in a file means. Some systems wrote their own number of raw IP (12 on most, 14 on `OpenBSD`)
/// where 101 belongs.
pub(crate) fn link_type_in_file(number: u16) -> LinkType {
    match number {
        DLT_RAW | DLT_RAW_OPENBSD => LinkType::RAW,
        number => LinkType(number),
    }
}

const LINKTYPE_DBUS: u16 = 231;
const LINKTYPE_USBPCAP: u16 = 249;
const LINKTYPE_EBHSCR: u16 = 279;
const DLT_RAW: u16 = 12;
const DLT_RAW_OPENBSD: u16 = 14;
