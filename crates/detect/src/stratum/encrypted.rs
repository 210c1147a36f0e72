//! Mining inside TLS, suspected from outside: by names, lengths of records and their rhythm. Nothing is read, and nothing that is
//! said of it is more than a suspicion of low confidence.
//!
//! [`interest()`] looks at the first octets of a connection. If they are TLS, a [`Session`] follows records and keeps [`Facts`], and
//! says early when nothing will come of it, which is so for nearly all of TLS: its first message names a web site, or a protocol.
//!
//! # What mining looks like from outside
//!
//! - The client asks for no protocol (ALPN), and for no host (SNI) unless its owner wants it to: `XMRig`'s option `sni` is off by
//!   default (xmrig, `src/base/net/stratum`). If it asks for a host, it is a pool's.
//! - The client speaks first: a login of 150 to 900 octets, answered by 200 to 1,200.
//! - Then, for hours, the client hands in shares. They are all of one length, since they hold a number, names and hashes, and
//!   so are their answers, which are short. `XMRig` adds a sign of life after 60 seconds of silence, of another length.
//!   Shares are found by luck: the times between them are distributed exponentially, and no clock's.
//! - In between, the pool pushes jobs, all of one length, whenever there is a block or the pool likes to.
//! - In sum there are few records, and they are short.
//!
//! Lengths and rates are those of Monero's and Bitcoin's dialects in captures of mining in the clear, plus what TLS adds: shares of
//! 183 octets, answers of 63, jobs of 253, between 0.5 and 20 shares a minute. Earlier work found the same features to tell (`DeCrypto`,
//! `NordSec` 2022; XMR-Ray, EURASIP JIS 2021).
//!
//! # The rule
//!
//! All of this has to hold at once, for five minutes with eight answered shares and four jobs: no foreign name, no ALPN, a beginning like a
//! login if it was seen, requests of at most two lengths, answers that are shorter and as alike, irregular times, unasked records that are
//! alike, longer than answers and mostly not answered within a second, at most 60 records a minute. The host of a well-known pool counts
//! for itself: with it, a minute and two jobs are enough. A label like `pool` only lets a name pass.
//!
//! Each part keeps others out. Polling, heartbeats and MQTT go by the clock, have tiny acknowledgments, or nothing is
//! pushed; IMAP's server speaks first, and its client hardly; syslog and logs are never answered; people, shells and databases say things of
//! all lengths; VPN and web sites send too much; most services have a name.
//!
//! Messengers and agents acknowledge what they are sent, and no miner acknowledges a job.
//!
//! What remains are devices and agents that connect to an address without a name, report events of one length as they occur, have
//! each report acknowledged, and are sent commands of one length that they do not acknowledge. That is why confidence is low.
//!
//! # What is missed
//!
//! Pools and proxies that are asked for by a name that is not known as a pool's; shares of Equihash, which are long; miners that poll for
//! work; TLS within SOCKS or an HTTP tunnel; a program that pads its records.

mod facts;
mod judge;
mod records;
mod rhythm;
mod session;
mod sizes;

pub use facts::{Facts, GivenUp, Introduction};
pub use judge::{is_possible, judge, miner_is_initiator};
pub use rhythm::{Counts, Rhythm};
pub use session::Session;

use crate::stratum::pools::{PoolName, pool_name};
use crate::tls::{CLIENT_HELLO, ClientHello, HANDSHAKE, SERVER_HELLO};
use records::is_plausible;

/// Whether the first octets of a connection rule mining out without a [`Session`]: a whole hello that asks for another protocol or for a
/// foreign host. Nearly all of TLS ends here, at the cost of a walk along the hello's extensions.
pub fn is_ruled_out(octets: &[u8]) -> bool {
    ClientHello::outline(octets).is_some_and(|outline| {
        outline.has_alpn || outline.server_name.is_some_and(|name| pool_name(name) == PoolName::Other)
    })
}

/// Whether a connection is TLS, by the first octets of one of its ends, the payload of its first segment: it is if they are a
/// hello. If the connection began before the capture, a record of application data is enough.
pub fn interest(octets: &[u8]) -> bool {
    match octets.get(..6) {
        Some([header @ .., CLIENT_HELLO | SERVER_HELLO]) if header.first() == Some(&HANDSHAKE) => {
            is_plausible(header, false)
        }
        Some([header @ .., _]) => is_plausible(header, true),
        _ => false,
    }
}
