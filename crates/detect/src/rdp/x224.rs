//! The first message of each side: X.224 Connection Request and Connection Confirm in a TPKT (MS-RDPBCGR, 2.2.1.1 and 2.2.1.2;
//! RFC 1006, 6; X.224, 13.3 and 13.4).

use super::{FailureCode, SecurityProtocols};
use crate::octets::Octets;

/// What a client asks for (MS-RDPBCGR, 2.2.1.1).
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ConnectionRequest {
    /// The user's name, as far as the client tells it, from `Cookie: mstshash=`.
    pub cookie: Option<String>,
    /// Where a load balancer shall send the client: what follows `Cookie: msts=`, or another token as a whole.
    pub routing_token: Option<String>,
    /// What the client can do; absent in clients that know standard RDP security only.
    pub protocols: Option<SecurityProtocols>,
    /// Flags of the negotiation request: 0x01 restricted administration, 0x02 redirected authentication, 0x08 correlation
    /// information follows.
    pub flags: u8,
}

/// How a server answers (MS-RDPBCGR, 2.2.1.2).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ConnectionConfirm {
    /// It says nothing of protocols: standard RDP security.
    Bare,
    /// It has selected one (`RDP_NEG_RSP`).
    Selected {
        /// The protocol.
        protocol: SecurityProtocols,
        /// Flags of the negotiation response: 0x01 extended client data, 0x02 graphics pipeline, 0x08 restricted administration,
        /// 0x10 redirected authentication.
        flags: u8,
    },
    /// It does not go on (`RDP_NEG_FAILURE`).
    Failure(FailureCode),
}

/// What a first message is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Message<T> {
    /// RDP, by its grammar.
    Rdp(T),
    /// X.224 without any parameter: RDP or T.120, which the next message tells.
    Bare,
    /// Something else: S7, MMS, H.323, or no X.224.
    Other,
}

impl ConnectionRequest {
    /// Reads a whole TPKT.
    pub(super) fn parse(tpkt: &[u8]) -> Message<Self> {
        let Some(variable) = variable_part(tpkt, CONNECTION_REQUEST) else { return Message::Other };
        if variable.is_empty() {
            return Message::Bare;
        }
        let mut request = Self::default();
        let Some(rest) = request.take_lines(variable) else { return Message::Other };
        if rest.is_empty() {
            return Message::Rdp(request);
        }
        let Some(Negotiation { kind: NEGOTIATION_REQUEST, flags, value }) = negotiation(rest) else {
            // A cookie is RDP's own; what stands behind it may be of a client that was never finished.
            return if request.says_cookie() { Message::Rdp(request) } else { Message::Other };
        };
        (request.protocols, request.flags) = (Some(SecurityProtocols(value)), flags);
        Message::Rdp(request)
    }

    /// Reads cookie and routing token, which end with CR LF, and gives what follows. `None` if it is text of something else.
    fn take_lines<'a>(&mut self, mut variable: &'a [u8]) -> Option<&'a [u8]> {
        while variable.first().is_some_and(|first| *first > LAST_NEGOTIATION_TYPE) {
            let end = memchr::memmem::find(variable, b"\r\n");
            let line = variable.get(..end.unwrap_or(variable.len()))?;
            if let Some(user) = line.strip_prefix(b"Cookie: mstshash=") {
                self.cookie = Some(text(user));
            } else if let Some(token) = line.strip_prefix(b"Cookie: msts=") {
                self.routing_token = Some(text(token));
            } else if end.is_some() && line.iter().all(|octet| (b' '..=b'~').contains(octet)) {
                self.routing_token = Some(text(line));
            } else {
                return None;
            }
            variable = variable.get(end.map_or(variable.len(), |end| end + 2)..)?;
        }
        Some(variable)
    }

    fn says_cookie(&self) -> bool {
        self.cookie.is_some() || self.routing_token.is_some()
    }
}

impl ConnectionConfirm {
    /// Reads a whole TPKT.
    pub(super) fn parse(tpkt: &[u8]) -> Message<Self> {
        let Some(variable) = variable_part(tpkt, CONNECTION_CONFIRM) else { return Message::Other };
        if variable.is_empty() {
            return Message::Bare;
        }
        match negotiation(variable) {
            Some(Negotiation { kind: NEGOTIATION_RESPONSE, flags, value }) => {
                Message::Rdp(Self::Selected { protocol: SecurityProtocols(value), flags })
            }
            Some(Negotiation { kind: NEGOTIATION_FAILURE, value, .. }) => {
                Message::Rdp(Self::Failure(FailureCode(value)))
            }
            _ => Message::Other,
        }
    }
}

/// Whether octets can be the beginning of a first message, as far as they go.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Interest {
    /// They are not, and nothing need be kept.
    None,
    /// They are so far, and too few.
    Undecided,
    /// They begin an X.224 connection request or confirm of class 0: worth a [`super::Connection`], which tells RDP from others.
    Worth,
}

/// A first look at the first octets of one direction of a TCP connection: a few comparisons, no state.
pub fn interest(from_initiator: bool, first_octets: &[u8]) -> Interest {
    let code = if from_initiator { CONNECTION_REQUEST } else { CONNECTION_CONFIRM };
    let mut octets = Octets::new(first_octets);
    let version = octets.u8().map(|version| version == TPKT_VERSION);
    let reserved = octets.u8().map(|reserved| reserved == 0);
    let length = octets.u16_be();
    let fits = length.map(|length| (SHORTEST..=LONGEST).contains(&length));
    let indicator = octets.u8().map(|indicator| length.is_some_and(|l| l == u16::from(indicator) + 5));
    let kind = octets.u8().map(|kind| kind == code);
    for check in [version, reserved, fits, indicator, kind] {
        match check {
            Some(true) => {}
            Some(false) => return Interest::None,
            None => return Interest::Undecided,
        }
    }
    Interest::Worth
}

/// The parameters of a TPDU `code` of class 0 that fills a TPKT.
fn variable_part(tpkt: &[u8], code: u8) -> Option<&[u8]> {
    let mut octets = Octets::new(tpkt);
    if octets.u8()? != TPKT_VERSION || octets.u8()? != 0 {
        return None;
    }
    let length = octets.u16_be()?;
    let indicator = octets.u8()?;
    if usize::from(length) != tpkt.len() || u16::from(indicator) + 5 != length || octets.u8()? != code {
        return None;
    }
    let _references = octets.take(4)?;
    // The class is 0 in RDP; S7 and MMS use class 0 too, and tell themselves by their parameters.
    (octets.u8()? == 0).then(|| octets.rest())
}

struct Negotiation {
    kind: u8,
    flags: u8,
    value: u32,
}

/// Reads one negotiation structure: type, flags, length 8, value (MS-RDPBCGR, 2.2.1.1.1).
fn negotiation(octets: &[u8]) -> Option<Negotiation> {
    let mut octets = Octets::new(octets);
    let (kind, flags) = (octets.u8()?, octets.u8()?);
    (octets.u16_le()? == 8).then_some(())?;
    Some(Negotiation { kind, flags, value: octets.u32_le()? })
}

fn text(octets: &[u8]) -> String {
    let shown = octets.get(..LONGEST_TEXT).unwrap_or(octets);
    String::from_utf8_lossy(shown).into_owned()
}

/// RFC 1006, 6.
pub(super) const TPKT_VERSION: u8 = 3;
/// X.224, 13.3.
const CONNECTION_REQUEST: u8 = 0xe0;
/// X.224, 13.4.
const CONNECTION_CONFIRM: u8 = 0xd0;
/// TPKT header, length indicator, code, two references, class.
const SHORTEST: u16 = 11;
/// The length indicator has one octet, of which 255 is reserved (X.224, 13.2.1).
const LONGEST: u16 = 4 + 1 + 254;
/// Of a cookie or token; the length indicator leaves no more.
const LONGEST_TEXT: usize = 254;
const NEGOTIATION_REQUEST: u8 = 1;
const NEGOTIATION_RESPONSE: u8 = 2;
const NEGOTIATION_FAILURE: u8 = 3;
/// `CORRELATION_INFO` (MS-RDPBCGR, 2.2.1.1.2); types are below all characters of text.
const LAST_NEGOTIATION_TYPE: u8 = 6;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rdp::sample::{connection_confirm, connection_request, tpdu};

    fn parsed(tpkt: &[u8]) -> ConnectionRequest {
        match ConnectionRequest::parse(tpkt) {
            Message::Rdp(request) => request,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_request_that_the_standard_shows() {
        // MS-RDPBCGR, 4.1.1, with protocols.
        let tpkt = connection_request(Some("eltons"), Some(3));
        let request = parsed(&tpkt);
        assert_eq!(request.cookie.as_deref(), Some("eltons"));
        assert_eq!(request.protocols, Some(SecurityProtocols(3)));
        assert_eq!(interest(true, &tpkt), Interest::Worth);
    }

    #[test]
    fn a_routing_token_is_no_user() {
        let request = parsed(&tpdu(0xe0, b"Cookie: msts=3640205228.15629.0000\r\n\x01\0\x08\0\x03\0\0\0"));
        assert_eq!((request.cookie, request.routing_token.as_deref()), (None, Some("3640205228.15629.0000")));
        let token = b"tsv://MS Terminal Services Plugin.1.Farm\r\n\x01\0\x08\0\x0b\0\0\0";
        assert_eq!(
            parsed(&tpdu(0xe0, token)).routing_token.as_deref(),
            Some("tsv://MS Terminal Services Plugin.1.Farm")
        );
    }

    #[test]
    fn correlation_information_may_follow() {
        let mut variable = b"\x01\x08\x08\0\x0b\0\0\0\x06\0\x24\0".to_vec();
        variable.extend([7; 32]);
        let request = parsed(&tpdu(0xe0, &variable));
        assert_eq!((request.flags, request.protocols), (8, Some(SecurityProtocols(0x0b))));
    }

    #[test]
    fn a_cookie_without_end_or_with_leftovers_is_still_one() {
        assert_eq!(parsed(&tpdu(0xe0, b"Cookie: mstshash=hello")).cookie.as_deref(), Some("hello"));
        let request = parsed(&tpdu(0xe0, b"Cookie: mstshash=a\r\n\x01\0"));
        assert_eq!((request.cookie.as_deref(), request.protocols), (Some("a"), None));
    }

    #[test]
    fn s7_and_mms_are_not_rdp() {
        // TSAP and TPDU size parameters, as S7 and MMS send them.
        let s7 = tpdu(0xe0, b"\xc1\x02\x02\x00\xc2\x02\x02\x02\xc0\x01\x0a");
        let mms = tpdu(0xe0, b"\xc0\x01\x0d\xc2\x02\x00\x01\xc1\x02\x00\x00");
        for tpkt in [s7, mms] {
            assert_eq!(ConnectionRequest::parse(&tpkt), Message::Other);
        }
        let confirm = tpdu(0xd0, b"\xc0\x01\x0a\xc1\x02\x02\x00\xc2\x02\x02\x02");
        assert_eq!(ConnectionConfirm::parse(&confirm), Message::Other);
        // H.323: Q.931 in a TPKT.
        assert_eq!(interest(true, &[3, 0, 0, 0x20, 8, 2, 0, 1, 5]), Interest::None);
    }

    #[test]
    fn a_request_without_parameters_is_undecided() {
        assert_eq!(ConnectionRequest::parse(&tpdu(0xe0, b"")), Message::Bare);
        assert_eq!(ConnectionConfirm::parse(&tpdu(0xd0, b"")), Message::Bare);
    }

    #[test]
    fn answers() {
        let answer = |kind, flags, value| ConnectionConfirm::parse(&connection_confirm(kind, flags, value));
        let protocol = SecurityProtocols::HYBRID_EX;
        assert_eq!(answer(2, 0x1f, 8), Message::Rdp(ConnectionConfirm::Selected { protocol, flags: 0x1f }));
        let failure = ConnectionConfirm::Failure(FailureCode::HYBRID_REQUIRED_BY_SERVER);
        assert_eq!(answer(3, 0, 5), Message::Rdp(failure));
        assert_eq!(answer(9, 0, 5), Message::Other);
    }

    #[test]
    fn every_truncation_is_undecided_at_first_and_never_another_message() {
        let tpkt = connection_request(Some("administrator"), Some(0x0b));
        for end in 0..tpkt.len() {
            let expected = if end < 6 { Interest::Undecided } else { Interest::Worth };
            assert_eq!(interest(true, &tpkt[..end]), expected, "{end}");
            assert_eq!(ConnectionRequest::parse(&tpkt[..end]), Message::Other, "{end}");
        }
    }
}
