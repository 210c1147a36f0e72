use std::time::Duration;

use crate::DetailsConfig;

/// When a flow has ended, by packet time.
///
/// The idle timeouts are RFC 7011's: no packet for so long ends a flow. The active timeout cuts a record off a flow that goes on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Timeouts {
    /// A record covers at most this long (RFC 7012 flowEndReason 2).
    pub active: Duration,
    /// Idle time of TCP while the connection is open.
    pub tcp: Duration,
    /// Idle time of TCP after both ends have sent FIN, or one RST.
    pub tcp_closed: Duration,
    /// Idle time of UDP.
    pub udp: Duration,
    /// Idle time of ICMP.
    pub icmp: Duration,
    /// Idle time of all other protocols.
    pub other: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            active: Duration::from_mins(5),
            tcp: Duration::from_mins(2),
            tcp_closed: Duration::from_secs(1),
            udp: Duration::from_mins(1),
            icmp: Duration::from_secs(30),
            other: Duration::from_secs(30),
        }
    }
}

/// What a meter is told once.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct MeterConfig {
    /// When flows end.
    pub timeouts: Timeouts,
    /// What the flows may take together, in octets; a few thousand flows fit in any case.
    pub memory_octets: u64,
    /// What is to be kept of each flow besides; nothing by default.
    pub details: DetailsConfig,
    /// Whether packets were left out before, one by one: records say it.
    pub is_sampled: bool,
}

impl Default for MeterConfig {
    /// The default timeouts and a gibibyte.
    fn default() -> Self {
        Self {
            timeouts: Timeouts::default(),
            memory_octets: 1 << 30,
            details: DetailsConfig::default(),
            is_sampled: false,
        }
    }
}

/// The idle timeout that a flow is under.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub(crate) enum IdleClass {
    Tcp = 0,
    TcpClosed = 1,
    Udp = 2,
    Icmp = 3,
    Other = 4,
}

/// Timeouts in nanoseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TimeoutNanos {
    pub(crate) active: u64,
    idle: [u64; 5],
}

impl TimeoutNanos {
    #[inline]
    pub(crate) fn idle(&self, class: IdleClass) -> u64 {
        self.idle.get(class as usize).copied().unwrap_or(u64::MAX)
    }
}

impl From<Timeouts> for TimeoutNanos {
    fn from(timeouts: Timeouts) -> Self {
        let Timeouts { active, tcp, tcp_closed, udp, icmp, other } = timeouts;
        Self { active: nanos(active), idle: [tcp, tcp_closed, udp, icmp, other].map(nanos) }
    }
}

impl IdleClass {
    /// The class of an open flow of an IP protocol.
    #[inline]
    pub(crate) const fn of_protocol(protocol: u8) -> Self {
        match protocol {
            6 => Self::Tcp,
            17 => Self::Udp,
            1 | 58 => Self::Icmp,
            _ => Self::Other,
        }
    }
}

/// At least one, so that time always passes before a timeout.
fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX).max(1)
}
