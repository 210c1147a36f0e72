/// What a capture can show, as far as its completed handshakes tell.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CaptureQuality {
    /// Which directions are seen.
    pub view: View,
    /// Of the completed handshakes, the share of which a part was not seen. Meaningful where both directions are seen.
    pub missing: f64,
    /// There were more half-open handshakes than can be followed, so that some were given up.
    pub is_overloaded: bool,
}

/// Which directions of the traffic a capture has.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum View {
    /// No handshake was completed yet, and nothing came back: it cannot be known.
    #[default]
    Unknown,
    /// Both.
    BothWays,
    /// From clients to servers alone, for nearly all: whether a server answers is not seen.
    TowardsServers,
    /// From servers to clients alone, for nearly all.
    TowardsClients,
}

impl View {
    /// Its name in outputs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::BothWays => "both_ways",
            Self::TowardsServers => "towards_servers",
            Self::TowardsClients => "towards_clients",
        }
    }

    /// Can answers of servers be told from their absence?
    pub const fn shows_answers(self) -> bool {
        matches!(self, Self::BothWays)
    }
}
