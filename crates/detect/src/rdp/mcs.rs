//! MCS Connect Initial with the GCC Conference Create Request in it, where a client says what it is: in the clear only with
//! standard RDP security (MS-RDPBCGR, 2.2.1.3).

use crate::octets::Octets;

/// What a client says of itself (MS-RDPBCGR, 2.2.1.3.2 and 2.2.1.3.4).
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ClientData {
    /// The RDP version, for instance `0x0008_0004` for 5.0 and later.
    pub version: u32,
    /// Width of the desktop in pixels.
    pub desktop_width: u16,
    /// Height of the desktop in pixels.
    pub desktop_height: u16,
    /// The active input locale identifier.
    pub keyboard_layout: u32,
    /// The build number of the client.
    pub client_build: u32,
    /// The name of the client's computer, up to fifteen characters.
    pub client_name: String,
    /// Names of the static virtual channels that the client asks for, in its order.
    pub channels: Vec<String>,
}

impl ClientData {
    /// Does the client ask for the channel that belongs to the server alone? No client of good faith does: it is what exploits of
    /// CVE-2019-0708 and scanners for it do.
    pub fn asks_for_ms_t120(&self) -> bool {
        self.channels.iter().any(|channel| channel.eq_ignore_ascii_case("MS_T120"))
    }

    /// Reads a TPKT with the MCS Connect Initial. `None` if it is something else, or of something else than RDP.
    pub(super) fn parse(tpkt: &[u8]) -> Option<Self> {
        let connect_initial = tpkt.get(4..)?.strip_prefix(&X224_DATA)?.strip_prefix(&CONNECT_INITIAL)?;
        // The blocks of RDP stand in the user data of the GCC request behind this key (MS-RDPBCGR, 4.1.3: h221NonStandard).
        let key = memchr::memmem::find(connect_initial, CLIENT_KEY)?;
        let mut octets = Octets::new(connect_initial.get(key + CLIENT_KEY.len()..)?);
        skip_per_length(&mut octets)?;
        let mut data = Self::default();
        while let Some((kind, block)) = block(&mut octets) {
            match kind {
                CS_CORE => data.take_core(block),
                CS_NET => data.take_channels(block),
                _ => Some(()),
            };
        }
        Some(data)
    }

    fn take_core(&mut self, block: &[u8]) -> Option<()> {
        let mut octets = Octets::new(block);
        self.version = octets.u32_le()?;
        (self.desktop_width, self.desktop_height) = (octets.u16_le()?, octets.u16_le()?);
        let _color_depth_and_sas_sequence = octets.take(4)?;
        (self.keyboard_layout, self.client_build) = (octets.u32_le()?, octets.u32_le()?);
        let name = octets.take(CLIENT_NAME_OCTETS)?;
        let characters = name.as_chunks::<2>().0.iter().map(|unit| u16::from_le_bytes(*unit));
        self.client_name = char::decode_utf16(characters.take_while(|unit| *unit != 0))
            .map(|c| c.unwrap_or('\u{fffd}'))
            .collect();
        Some(())
    }

    fn take_channels(&mut self, block: &[u8]) -> Option<()> {
        let mut octets = Octets::new(block);
        let count = octets.u32_le()?;
        for _ in 0..count.min(MOST_CHANNELS) {
            let (name, _options) = (octets.take(8)?, octets.take(4)?);
            let name = name.split(|octet| *octet == 0).next()?;
            self.channels.push(String::from_utf8_lossy(name).into_owned());
        }
        Some(())
    }
}

/// A length of aligned PER: one octet below 128, else two (X.691, 11.9).
fn skip_per_length(octets: &mut Octets<'_>) -> Option<()> {
    if octets.u8()? & 0x80 != 0 {
        octets.u8()?;
    }
    Some(())
}

/// A user data block: type, length with these four octets, content (MS-RDPBCGR, 2.2.1.3.1). One that is cut gives what is there.
fn block<'a>(octets: &mut Octets<'a>) -> Option<(u16, &'a [u8])> {
    let (kind, length) = (octets.u16_le()?, octets.u16_le()?);
    let content = usize::from(length).checked_sub(4)?;
    let available = content.min(octets.rest().len());
    Some((kind, octets.take(available)?))
}

/// What a PDU of MCS is, as far as it tells what the client is doing.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Pdu {
    /// MCS Connect Initial.
    ConnectInitial,
    /// The client's user name and password, encrypted or not (MS-RDPBCGR, 2.2.1.11).
    ClientInfo,
    /// Anything else.
    Other,
}

impl Pdu {
    /// What the first octets of a TPKT say.
    pub(super) fn of(tpkt: &[u8]) -> Self {
        let Some(mcs) = tpkt.get(4..).and_then(|tpdu| tpdu.strip_prefix(&X224_DATA)) else {
            return Self::Other;
        };
        if mcs.starts_with(&CONNECT_INITIAL) {
            return Self::ConnectInitial;
        }
        match security_flags(mcs) {
            Some(flags) if flags & SEC_INFO_PKT != 0 => Self::ClientInfo,
            _ => Self::Other,
        }
    }
}

/// The flags of the security header in a Send Data Request (MS-RDPBCGR, 2.2.8.1.1.2.1).
fn security_flags(mcs: &[u8]) -> Option<u16> {
    let mut octets = Octets::new(mcs);
    (octets.u8()? == SEND_DATA_REQUEST).then_some(())?;
    let _initiator_channel_and_priority = octets.take(5)?;
    skip_per_length(&mut octets)?;
    octets.u16_le()
}

/// How much of a PDU [`Pdu::of`] looks at.
pub(super) const PDU_HEAD_OCTETS: usize = 4 + 3 + 1 + 5 + 2 + 2;
/// Data TPDU, end of transmission (X.224, 13.7).
const X224_DATA: [u8; 3] = [2, 0xf0, 0x80];
/// BER, application 101 (T.125, 7).
const CONNECT_INITIAL: [u8; 2] = [0x7f, 0x65];
/// PER, choice 25 of `DomainMCSPDU` (T.125, 7).
const SEND_DATA_REQUEST: u8 = 0x64;
/// MS-RDPBCGR, 2.2.8.1.1.2.1.
const SEC_INFO_PKT: u16 = 0x0040;
/// MS-RDPBCGR, 4.1.3.
const CLIENT_KEY: &[u8] = b"Duca";
/// MS-RDPBCGR, 2.2.1.3.1.
const CS_CORE: u16 = 0xc001;
const CS_NET: u16 = 0xc003;
/// MS-RDPBCGR, 2.2.1.3.2.
const CLIENT_NAME_OCTETS: usize = 32;
/// MS-RDPBCGR, 2.2.1.3.4.
const MOST_CHANNELS: u32 = 31;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rdp::sample::connect_initial;

    #[test]
    fn core_data_and_channels_are_read() {
        let data = ClientData::parse(&connect_initial("NCRACK", 2600, &["rdpdr", "MS_T120"])).unwrap();
        assert_eq!((data.client_name.as_str(), data.client_build), ("NCRACK", 2600));
        assert_eq!((data.version, data.keyboard_layout), (0x0008_0004, 0x409));
        assert_eq!(data.channels, ["rdpdr", "MS_T120"]);
        assert!(data.asks_for_ms_t120());
    }

    #[test]
    fn every_truncation_gives_what_was_there() {
        let tpkt = connect_initial("CLIENT", 7601, &["cliprdr"]);
        for end in 0..tpkt.len() {
            if let Some(data) = ClientData::parse(&tpkt[..end]) {
                assert!(!data.asks_for_ms_t120(), "{end}");
                assert!(data.channels.len() <= 1 && data.client_name.len() <= 6, "{end}");
            }
        }
    }

    #[test]
    fn t120_of_a_conference_is_not_rdp() {
        let mut tpkt = connect_initial("X", 1, &[]);
        let key = memchr::memmem::find(&tpkt, b"Duca").unwrap();
        tpkt[key..key + 4].copy_from_slice(b"NetM");
        assert_eq!(ClientData::parse(&tpkt), None);
        assert_eq!(Pdu::of(&tpkt), Pdu::ConnectInitial);
    }

    #[test]
    fn client_info_is_told_by_its_security_header() {
        let info = [3, 0, 0, 60, 2, 0xf0, 0x80, 0x64, 0, 4, 3, 0xeb, 0x70, 0x2a, 0x48, 0, 0, 0];
        assert_eq!(Pdu::of(&info), Pdu::ClientInfo);
        assert_eq!(Pdu::of(&info[..14]), Pdu::Other);
        let other = [3, 0, 0, 60, 2, 0xf0, 0x80, 0x64, 0, 4, 3, 0xeb, 0x70, 0x80, 0xaa, 0x08, 0, 0, 0];
        assert_eq!(Pdu::of(&other), Pdu::Other);
    }
}
