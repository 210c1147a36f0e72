//! Remote desktop: which connections are RDP, what they say of themselves, how their logons end, and who guesses passwords.
//!
//! A [`Connection`] takes the octets of one TCP connection, recognises RDP by the grammar of TPKT and X.224 on any port, and states
//! [`Fact`]s; a [`Judge`] takes those of all connections and states [`Finding`](crate::Finding)s. Terms are those of MS-RDPBCGR. [`interest`] tells from a few octets which connections are worth one.
//!
//! It must never know packets, ports that RDP usually has, or where octets come from.

mod connection;
mod finalization;
mod framing;
mod judge;
mod mcs;
mod observation;
mod outcome;
mod protocols;
mod records;
#[cfg(test)]
mod sample;
mod tool;
mod x224;

pub use connection::{Connection, Description, Fact, MESSAGE_OCTETS, Recognition, TlsClient};
pub use judge::{Evicted, Judge, JudgeConfig, MAX_SERVERS, MAX_SOURCES, MAX_STATEMENTS};
pub use mcs::ClientData;
pub use observation::{LogonSeen, Observation, Seen};
pub use outcome::{Logon, Outcome, Reason};
pub use protocols::{FailureCode, SecurityProtocols};
pub use records::{KEPT_RECORDS, Record, RecordSummary, Totals};
pub use tool::Tool;
pub use x224::{ConnectionConfirm, ConnectionRequest, Interest, interest};
