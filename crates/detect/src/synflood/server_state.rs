use super::{estimate::share, victim::Window};

/// How a server bears a flood.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ServerState {
    /// The capture does not show it, or not yet.
    Unknown,
    /// It answers, and asks again where no answer comes, as always.
    Unaffected,
    /// It answers but does not ask again, while handshakes are half-open: it keeps none in memory (RFC 4987, 3.6).
    SynCookiesProbable,
    /// It no longer answers: there is no room for further half-open connections, or something keeps them from it.
    BacklogExhausted,
    /// It answers with RST: nobody listens at the port.
    PortClosed,
}

impl ServerState {
    /// Its name in outputs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Unaffected => "unaffected",
            Self::SynCookiesProbable => "syn_cookies_probable",
            Self::BacklogExhausted => "backlog_exhausted",
            Self::PortClosed => "port_closed",
        }
    }

    /// The state that the last seconds show. `was_answering` says whether the server answered earlier in the flood, or before it.
    pub(super) fn of(window: &Window, was_answering: bool) -> Self {
        let opened = window.fates.opened();
        let answered = share(window.answered, opened);
        if share(window.fates.refused, opened) > MOST {
            Self::PortClosed
        } else if was_answering && opened >= ENOUGH && answered < FEW {
            Self::BacklogExhausted
        } else if window.fates.half_open < ENOUGH || window.is_premature {
            Self::Unknown
        } else if share(window.answered_again, window.fates.half_open) < HARDLY_ANY {
            Self::SynCookiesProbable
        } else {
            Self::Unaffected
        }
    }
}

/// Handshakes, without which shares mean little.
const ENOUGH: u64 = 20;
const MOST: f64 = 0.5;
const FEW: f64 = 0.2;
const HARDLY_ANY: f64 = 0.1;
