//! The numbers that stand for words in records of findings. `docs/ELEMENTS.md` has them; none ever changes.

use detect::{Kind, Phase, View};

pub(super) const fn kind_number(kind: Kind) -> u8 {
    match kind {
        Kind::SynFlood => 1,
        Kind::SynScan => 2,
        Kind::SynAckReflection => 3,
        Kind::Backscatter => 4,
        Kind::RdpBruteforce => 5,
        Kind::RdpCompromise => 6,
        Kind::RdpExploit => 7,
        Kind::RdpWithoutNla => 8,
        Kind::Mining => 9,
        Kind::WorkRequests => 10,
        Kind::CryptocurrencyNode => 11,
    }
}

pub(super) const fn phase_number(phase: Phase) -> u64 {
    match phase {
        Phase::Started => 1,
        Phase::Raised => 2,
        Phase::Updated => 3,
        Phase::Ended => 4,
    }
}

pub(super) const fn view_number(view: View) -> u64 {
    match view {
        View::Unknown => 0,
        View::BothWays => 1,
        View::TowardsServers => 2,
        View::TowardsClients => 3,
    }
}
