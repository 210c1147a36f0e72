//! The negotiation in front of a remote desktop session (MS-RDPBCGR, section 2.2.1): TPKT and X.224 in the clear.

use crate::packet::length16;

/// What a client can do, or what a server chose (MS-RDPBCGR, section 2.2.1.1.1).
pub mod security {
    /// RDP's own encryption.
    pub const STANDARD: u32 = 0;
    /// TLS.
    pub const SSL: u32 = 1;
    /// `CredSSP` inside TLS, that is, network level authentication.
    pub const HYBRID: u32 = 2;
    /// The same, and the server tells at its end whether the user may log on.
    pub const HYBRID_EX: u32 = 8;
}

/// The server permits nothing but network level authentication (MS-RDPBCGR, section 2.2.1.2.2).
pub const HYBRID_REQUIRED_BY_SERVER: u32 = 5;

/// A connection request with a cookie and the protocols that the client offers.
///
/// `user` is cut to nine characters where `is_microsoft`, as Microsoft's clients do.
pub fn connection_request(user: &str, is_microsoft: bool, protocols: u32) -> Vec<u8> {
    let length = if is_microsoft { MICROSOFT_COOKIE_LENGTH } else { usize::MAX };
    let user: String = user.chars().take(length).collect();
    let mut variable = format!("Cookie: mstshash={user}\r\n").into_bytes();
    variable.extend(negotiation(NEGOTIATION_REQUEST, 0, protocols));
    x224(CONNECTION_REQUEST, [0, 0], &variable)
}

/// A connection confirm with the protocol that the server chose.
pub fn connection_confirm(protocol: u32) -> Vec<u8> {
    x224(CONNECTION_CONFIRM, SERVER_REFERENCE, &negotiation(NEGOTIATION_RESPONSE, RESPONSE_FLAGS, protocol))
}

/// A connection confirm that says why the server does not go on.
pub fn connection_failure(code: u32) -> Vec<u8> {
    x224(CONNECTION_CONFIRM, SERVER_REFERENCE, &negotiation(NEGOTIATION_FAILURE, 0, code))
}

fn negotiation(kind: u8, flags: u8, value: u32) -> Vec<u8> {
    let mut structure = vec![kind, flags, 8, 0];
    structure.extend(value.to_le_bytes());
    structure
}

/// A TPDU of class 0 (X.224, section 13.3) in a TPKT (RFC 1006, section 6).
fn x224(kind: u8, source_reference: [u8; 2], variable: &[u8]) -> Vec<u8> {
    let [_, length_indicator] = length16(6 + variable.len()).to_be_bytes();
    let [high, low] = source_reference;
    let mut packet = vec![TPKT_VERSION, 0];
    packet.extend(length16(4 + 7 + variable.len()).to_be_bytes());
    packet.extend([length_indicator, kind, 0, 0, high, low, 0]);
    packet.extend(variable);
    packet
}

const TPKT_VERSION: u8 = 3;
const CONNECTION_REQUEST: u8 = 0xe0;
const CONNECTION_CONFIRM: u8 = 0xd0;
const SERVER_REFERENCE: [u8; 2] = [0x12, 0x34];
const NEGOTIATION_REQUEST: u8 = 1;
const NEGOTIATION_RESPONSE: u8 = 2;
const NEGOTIATION_FAILURE: u8 = 3;
/// Extended client data, graphics pipeline, restricted administration and redirected authentication, as
/// Windows Server answers.
const RESPONSE_FLAGS: u8 = 0x1f;
/// Found in captures; the standard gives no limit.
const MICROSOFT_COOKIE_LENGTH: usize = 9;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_laid_out_as_the_standard_shows() {
        // MS-RDPBCGR, section 4.1.1, has this request with other numbers.
        let request = connection_request("administrator", true, security::SSL | security::HYBRID);
        assert_eq!(request.len(), 47);
        assert_eq!(request[..11], [3, 0, 0, 47, 42, 0xe0, 0, 0, 0, 0, 0]);
        assert_eq!(request[11..39], *b"Cookie: mstshash=administr\r\n");
        assert_eq!(request[39..], [1, 0, 8, 0, 3, 0, 0, 0]);
        assert_eq!(
            connection_confirm(2),
            [3, 0, 0, 19, 14, 0xd0, 0, 0, 0x12, 0x34, 0, 2, 0x1f, 8, 0, 2, 0, 0, 0]
        );
    }
}
