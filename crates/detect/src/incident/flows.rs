//! What the flows of a victim say once somebody has got in: what it was brought, and whom it reaches out for.

use std::{collections::BTreeSet, net::IpAddr};

use flow::{FlowId, FlowRecord};
use wire::Timestamp;

use crate::Prefix;

/// The flows of a victim, as far as they matter.
#[derive(Clone, Debug, Default)]
pub(super) struct VictimFlows {
    /// Hosts outside that it opened connections with before anybody got in.
    known: BTreeSet<IpAddr>,
    /// Large downloads since.
    pub(super) downloads: Vec<Download>,
    /// Neighbours that it tried to reach at ports of administration, and those ports.
    pub(super) reached: BTreeSet<IpAddr>,
    pub(super) ports: BTreeSet<u16>,
    /// When it first did, and when it last did.
    pub(super) reaching: Option<(Timestamp, Timestamp)>,
}

/// Many octets that came to a victim in one flow.
#[derive(Clone, Copy, Debug)]
pub(super) struct Download {
    pub(super) first: Timestamp,
    pub(super) last: Timestamp,
    pub(super) peer: IpAddr,
    pub(super) port: u16,
    pub(super) octets: u64,
    /// The victim had no connection with the peer before, as far as it was watched.
    pub(super) is_new_peer: bool,
    pub(super) flow: FlowId,
}

impl VictimFlows {
    /// Takes in a record of which `victim` is an end. `access` is since when somebody has been in. `true` if it tells anything.
    pub(super) fn take(&mut self, victim: IpAddr, record: &FlowRecord, access: Option<Timestamp>) -> bool {
        let (initiator, responder) = (record.initiator(), record.responder());
        if initiator.address != victim {
            return false;
        }
        let peer = responder.address;
        if access.is_none_or(|access| record.first() < access) {
            if self.known.len() < MAX_KNOWN && !is_neighbour(victim, peer) {
                self.known.insert(peer);
            }
            return false;
        }
        if is_neighbour(victim, peer) {
            return SPREAD_PORTS.contains(&responder.port) && self.reach(peer, responder.port, record);
        }
        let (octets, is_new_peer) = (record.reverse.octets, !self.known.contains(&peer));
        let least = if is_new_peer { LEAST_OF_NEW_PEER } else { LEAST_OF_KNOWN_PEER };
        if octets < least || self.downloads.len() >= MAX_DOWNLOADS {
            return false;
        }
        self.downloads.push(Download {
            first: record.first(),
            last: record.last(),
            peer,
            port: responder.port,
            octets,
            is_new_peer,
            flow: record.id,
        });
        true
    }

    fn reach(&mut self, peer: IpAddr, port: u16, record: &FlowRecord) -> bool {
        let (first, last) = self.reaching.unwrap_or_else(|| (record.first(), record.last()));
        self.reaching = Some((first.min(record.first()), last.max(record.last())));
        self.ports.insert(port);
        self.reached.len() < MAX_REACHED && self.reached.insert(peer) && self.is_spread()
    }

    /// Has it reached for more hosts than an administrator's day explains?
    pub(super) fn is_spread(&self) -> bool {
        self.reached.len() >= LEAST_REACHED
    }

    /// The download that most looks like a delivery: before the mining, if there is any; from a new peer rather than a known one; then
    /// the largest.
    pub(super) fn delivery(&self, mining: Option<Timestamp>) -> Option<&Download> {
        let is_before = |download: &&Download| mining.is_none_or(|mining| download.first <= mining);
        self.downloads.iter().filter(is_before).max_by_key(|one| (one.is_new_peer, one.octets, one.flow))
    }
}

/// Is `peer` on the inside, as far as addresses tell: private (RFC 1918, RFC 4193), or in the network of `victim`?
fn is_neighbour(victim: IpAddr, peer: IpAddr) -> bool {
    let is_private = match peer {
        IpAddr::V4(peer) => peer.is_private(),
        IpAddr::V6(peer) => peer.is_unique_local(),
    };
    is_private || Prefix::of(victim) == Prefix::of(peer)
}

/// SSH, MS-RPC, SMB, RDP, `WinRM`: ways to run programs on other hosts.
const SPREAD_PORTS: [u16; 7] = [22, 135, 139, 445, 3_389, 5_985, 5_986];
/// A miner is some megabytes, packed less; the scripts that fetch it are some kilobytes. Servers seldom fetch anything from where they
/// never were, so there the bound is low.
const LEAST_OF_NEW_PEER: u64 = 64 * 1_024;
const LEAST_OF_KNOWN_PEER: u64 = 1_024 * 1_024;
/// Hosts are administered from few others, and a server itself reaches for hardly any.
const LEAST_REACHED: usize = 5;
const MAX_KNOWN: usize = 256;
const MAX_DOWNLOADS: usize = 64;
const MAX_REACHED: usize = 1_024;
