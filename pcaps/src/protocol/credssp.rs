//! How long the messages of `CredSSP` (MS-CSSP) with NTLM (MS-NLMP) are. They travel encrypted: their lengths
//! are all that is seen.
//!
//! A logon is judged by these lengths and their order, so they follow from the names in it rather than from a table.

/// What a server tells of itself in its challenge.
#[derive(Clone, Copy, Debug)]
pub struct Server<'a> {
    /// Its name in `NetBIOS`, which is also the name of its domain where it has none.
    pub netbios_name: &'a str,
    /// Its name in the DNS.
    pub dns_name: &'a str,
}

/// With what a client logs on.
#[derive(Clone, Copy, Debug)]
pub struct Logon<'a> {
    /// The user.
    pub user: &'a str,
    /// The password; its length tells in [`credentials`].
    pub password: &'a str,
    /// The name of the client's machine.
    pub workstation: &'a str,
    /// The name of the service that the client asks for, such as `TERMSRV/192.0.2.10`.
    pub service: &'a str,
}

/// The client's first message: an NTLM `NEGOTIATE_MESSAGE` of 40 octets.
pub fn negotiate() -> usize {
    request(token(40))
}

/// The server's challenge with its names (MS-NLMP, section 2.2.1.2).
pub fn challenge(server: &Server<'_>) -> usize {
    request(token(56 + utf16(server.netbios_name) + target_information(server)))
}

/// The client's proof that it knows the password, bound to the TLS channel (MS-NLMP, section 2.2.1.3;
/// `pubKeyAuth` and `clientNonce` of version 6).
pub fn authenticate(server: &Server<'_>, logon: &Logon<'_>) -> usize {
    let names = utf16(server.netbios_name) + utf16(logon.user) + utf16(logon.workstation);
    // The client adds flags, a hash of the channel and the service (MS-NLMP, section 2.2.2.1).
    let information = target_information(server) + 8 + 20 + 4 + utf16(logon.service);
    let response = 16 + 28 + information + 4;
    let message = AUTHENTICATE_HEADER + names + LM_RESPONSE + response + SESSION_KEY;
    request(token(message) + field(octets(SIGNATURE + HASH)) + field(octets(NONCE)))
}

/// The server's proof that it took the password, and that nobody stands between.
pub fn accepted() -> usize {
    request(field(octets(SIGNATURE + HASH)))
}

/// The server's refusal, with the reason in `errorCode` (version 3, and 5 and later).
pub fn refused() -> usize {
    request(field(2 + 4))
}

/// The password itself, for the session (`TSCredentials` with `TSPasswordCreds`, MS-CSSP, section 2.2.1.2.1).
pub fn credentials(logon: &Logon<'_>) -> usize {
    let password = field(octets(0)) + field(octets(utf16(logon.user))) + field(octets(utf16(logon.password)));
    let credentials = der(field(3) + field(octets(der(password))));
    request(field(octets(SIGNATURE + credentials)))
}

/// The end of the handshake where `HYBRID_EX` was chosen (MS-RDPBCGR, section 2.2.10.2).
pub const EARLY_USER_AUTHORIZATION_RESULT: usize = 4;

fn target_information(server: &Server<'_>) -> usize {
    let names = 2 * (4 + utf16(server.netbios_name)) + 2 * (4 + utf16(server.dns_name));
    let timestamp = 4 + 8;
    names + timestamp + 4
}

/// A `TSRequest`: a version and what follows.
fn request(fields: usize) -> usize {
    der(field(3) + fields)
}

/// The field `negoTokens`, a sequence of a sequence of one token.
fn token(length: usize) -> usize {
    field(der(der(field(octets(length)))))
}

fn octets(length: usize) -> usize {
    der(length)
}

fn field(length: usize) -> usize {
    der(length)
}

/// A tag and a length in front of `length` octets (X.690, section 8.1.3).
fn der(length: usize) -> usize {
    length
        + match length {
            0..=127 => 2,
            128..=255 => 3,
            _ => 4,
        }
}

fn utf16(text: &str) -> usize {
    2 * text.encode_utf16().count()
}

/// With the version and the message integrity code.
const AUTHENTICATE_HEADER: usize = 88;
const LM_RESPONSE: usize = 24;
const SESSION_KEY: usize = 16;
/// NTLM's, in front of what it seals.
const SIGNATURE: usize = 16;
/// SHA-256, since version 5.
const HASH: usize = 32;
const NONCE: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_those_of_captured_logons() {
        // In the clear: what a record of TLS 1.2 with AES-GCM holds is 29 octets less than itself.
        assert_eq!(negotiate() + 29, 86);
        assert_eq!(accepted() + 29, 88);
        assert_eq!(refused() + 29, 44);
        let server = Server { netbios_name: "WIN-3F7K2QH9P1D", dns_name: "WIN-3F7K2QH9P1D" };
        let logon = Logon {
            user: "administrator",
            password: "Winter2025!",
            workstation: "kali",
            service: "TERMSRV/192.0.2.10",
        };
        assert!((215..=336).contains(&(challenge(&server) + 29)));
        assert!((550..=930).contains(&(authenticate(&server, &logon) + 29)));
        assert!((105..=165).contains(&(credentials(&logon) + 29)));
    }
}
