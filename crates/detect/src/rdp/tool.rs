use std::fmt;

use super::{ClientData, ConnectionRequest};

/// What a client gives itself away as. An indication: all of it can be changed by who runs the tool.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Tool {
    /// ncrack: a fixed cookie, build 2600 and name.
    Ncrack,
    /// Nmap's scripts: a fixed cookie.
    Nmap,
    /// Scanners of the whole Internet: cookies of example code.
    MassScanner,
    /// Not Microsoft's client, which cuts cookies to nine characters.
    LongCookie,
    /// Built on OpenSSL with its default ciphers, as `FreeRDP` and what is built on it: hydra, crowbar, Remmina.
    OpenSsl,
}

impl Tool {
    /// What a request, data in the clear and a TLS fingerprint say; the most telling one.
    pub(super) fn of(
        request: Option<&ConnectionRequest>,
        data: Option<&ClientData>,
        ja4: Option<&str>,
    ) -> Option<Self> {
        let cookie = request.and_then(|request| request.cookie.as_deref());
        let is_ncrack =
            |data: &ClientData| data.client_build == NCRACK_BUILD && data.client_name.starts_with("NCRA");
        match cookie {
            Some("NCRACK_USER") => return Some(Self::Ncrack),
            _ if data.is_some_and(is_ncrack) => return Some(Self::Ncrack),
            Some("nmap") => return Some(Self::Nmap),
            Some("eltons" | "hello" | "Test") => return Some(Self::MassScanner),
            _ => {}
        }
        // The suites are hashed apart from the extensions, which differ by what a program sets.
        let is_openssl =
            |ja4: &str| ja4.split('_').nth(1).is_some_and(|suites| OPENSSL_SUITES.contains(&suites));
        if ja4.is_some_and(is_openssl) {
            return Some(Self::OpenSsl);
        }
        cookie.filter(|cookie| cookie.chars().count() > MICROSOFT_COOKIE_LENGTH).map(|_| Self::LongCookie)
    }

    /// A word for outputs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ncrack => "ncrack",
            Self::Nmap => "nmap",
            Self::MassScanner => "mass scanner",
            Self::LongCookie => "not Microsoft's client",
            Self::OpenSsl => "OpenSSL client (FreeRDP, hydra and others)",
        }
    }
}

impl fmt::Display for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// ncrack, `modules/ncrack_rdp.cc`.
const NCRACK_BUILD: u32 = 2_600;
/// Found in captures; the standard gives no limit.
const MICROSOFT_COOKIE_LENGTH: usize = 9;
/// OpenSSL 3.0 with its default list.
const OPENSSL_SUITES: [&str; 1] = ["e8f1e7e78f70"];

#[cfg(test)]
mod tests {
    use super::*;

    fn of_cookie(cookie: &str, ja4: Option<&str>) -> Option<Tool> {
        let request = ConnectionRequest { cookie: Some(cookie.into()), ..ConnectionRequest::default() };
        Tool::of(Some(&request), None, ja4)
    }

    #[test]
    fn tools_are_told_by_what_they_say() {
        assert_eq!(of_cookie("NCRACK_USER", None), Some(Tool::Ncrack));
        assert_eq!(of_cookie("nmap", None), Some(Tool::Nmap));
        assert_eq!(of_cookie("administrator", None), Some(Tool::LongCookie));
        assert_eq!(of_cookie("administr", None), None);
        assert_eq!(of_cookie("bob", Some("t13i310900_e8f1e7e78f70_1f22a2ca17c4")), Some(Tool::OpenSsl));
        let data = ClientData { client_build: 2_600, client_name: "NCRACK".into(), ..ClientData::default() };
        assert_eq!(Tool::of(None, Some(&data), None), Some(Tool::Ncrack));
    }
}
