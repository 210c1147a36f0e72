use std::fmt;

/// Security protocols, as a client asks for them and a server selects one (MS-RDPBCGR, 2.2.1.1.1 and 2.2.1.2.1).
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct SecurityProtocols(pub u32);

impl SecurityProtocols {
    /// Standard RDP security: RDP's own encryption. It is the absence of all other bits.
    pub const RDP: Self = Self(0);
    /// TLS.
    pub const SSL: Self = Self(1);
    /// `CredSSP` inside TLS: network level authentication.
    pub const HYBRID: Self = Self(2);
    /// RDSTLS.
    pub const RDSTLS: Self = Self(4);
    /// As `HYBRID`, and the server tells at the end whether the user may log on.
    pub const HYBRID_EX: Self = Self(8);
    /// Microsoft Entra authentication inside TLS.
    pub const RDSAAD: Self = Self(0x10);

    /// Is there a bit that both have?
    pub const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Does `CredSSP` authenticate the user before there is a session?
    pub const fn is_network_level_authentication(self) -> bool {
        self.intersects(Self(Self::HYBRID.0 | Self::HYBRID_EX.0))
    }
}

impl fmt::Display for SecurityProtocols {
    /// The names of MS-RDPBCGR in small letters, joined: `ssl|hybrid`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("rdp");
        }
        let mut unnamed = self.0;
        let mut separator = "";
        for (bit, name) in NAMES {
            if self.intersects(bit) {
                write!(f, "{separator}{name}")?;
                separator = "|";
                unnamed &= !bit.0;
            }
        }
        if unnamed == 0 { Ok(()) } else { write!(f, "{separator}{unnamed:#x}") }
    }
}

/// Why a server does not go on (MS-RDPBCGR, 2.2.1.2.2).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct FailureCode(pub u32);

impl FailureCode {
    /// The server permits nothing but network level authentication.
    pub const HYBRID_REQUIRED_BY_SERVER: Self = Self(5);

    /// The name of MS-RDPBCGR, if it has one.
    pub const fn name(self) -> Option<&'static str> {
        Some(match self.0 {
            1 => "SSL_REQUIRED_BY_SERVER",
            2 => "SSL_NOT_ALLOWED_BY_SERVER",
            3 => "SSL_CERT_NOT_ON_SERVER",
            4 => "INCONSISTENT_FLAGS",
            5 => "HYBRID_REQUIRED_BY_SERVER",
            6 => "SSL_WITH_USER_AUTH_REQUIRED_BY_SERVER",
            _ => return None,
        })
    }
}

impl fmt::Display for FailureCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "{:#x}", self.0),
        }
    }
}

const NAMES: [(SecurityProtocols, &str); 5] = [
    (SecurityProtocols::SSL, "ssl"),
    (SecurityProtocols::HYBRID, "hybrid"),
    (SecurityProtocols::RDSTLS, "rdstls"),
    (SecurityProtocols::HYBRID_EX, "hybrid_ex"),
    (SecurityProtocols::RDSAAD, "rdsaad"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_standard() {
        assert_eq!(SecurityProtocols(0).to_string(), "rdp");
        assert_eq!(SecurityProtocols(0x0b).to_string(), "ssl|hybrid|hybrid_ex");
        assert_eq!(SecurityProtocols(0x41).to_string(), "ssl|0x40");
        assert_eq!(FailureCode(5).to_string(), "HYBRID_REQUIRED_BY_SERVER");
        assert_eq!(FailureCode(9).to_string(), "0x9");
    }
}
