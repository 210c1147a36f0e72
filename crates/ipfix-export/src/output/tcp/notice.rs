use std::fmt;

/// Something that has happened to an output in the background, and that somebody may want to know at once.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Notice {
    /// There is a connection, and what waits follows.
    Connected {
        /// Which collector it is to, where several stand in for each other.
        collector: Option<String>,
        /// Data records that have waited for it, those that an earlier run has left in a spool too.
        waiting_records: u64,
    },
    /// There is no connection; it is tried again and again.
    Away {
        /// What is wrong.
        reason: String,
    },
    /// Records found no room while they had to wait.
    Lost(Gap),
    /// The spool does not work as it should, in a sentence.
    Spool(String),
    /// A router has dropped a datagram that was too long for its next link, and perhaps more that were on their way.
    PathTooNarrow {
        /// Octets of the largest message that the path is known to carry now.
        octets: u16,
    },
}

/// Records that are lost, one after the other.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Gap {
    /// Messages that these records stood in.
    pub messages: u64,
    /// Data records.
    pub records: u64,
    /// The export time of the first message, in seconds since 1970.
    pub first_export_s: u32,
    /// The export time of the last message, in seconds since 1970.
    pub last_export_s: u32,
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connected { collector, waiting_records } => {
                f.write_str("connected")?;
                if let Some(collector) = collector {
                    write!(f, " to {collector}")?;
                }
                if *waiting_records > 0 {
                    write!(f, "; {waiting_records} records that waited follow")?;
                }
                Ok(())
            }
            Self::Away { reason } => write!(f, "the collector is away: {reason}; trying again"),
            Self::Lost(gap) => {
                let Gap { records, first_export_s, last_export_s, .. } = gap;
                write!(f, "{records} records are lost, exported from {first_export_s} to {last_export_s}")
            }
            Self::Spool(text) => f.write_str(text),
            Self::PathTooNarrow { octets } => {
                write!(f, "the path has dropped a message that was too long; it carries {octets} octets")
            }
        }
    }
}
