use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use wire::Timestamp;

use crate::{Finding, Kind, bounded_map::BoundedMap, digest::fnv1a};

/// Other victims that have something in common with one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Link {
    /// What kind of thing that is.
    pub kind: LinkKind,
    /// What it is.
    pub value: String,
    /// The others; no more than 32 are remembered.
    pub victims: Vec<IpAddr>,
}

/// What victims may have in common.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum LinkKind {
    /// Somebody who attacked both.
    Offender,
    /// Who is paid for what both mine.
    Wallet,
    /// Where both mine.
    Pool,
    /// A program that gives itself away.
    Tool,
}

impl LinkKind {
    /// Its name in outputs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Offender => "offender",
            Self::Wallet => "wallet",
            Self::Pool => "pool",
            Self::Tool => "tool",
        }
    }
}

/// Who has what in common.
#[derive(Clone, Debug)]
pub(super) struct Links {
    victims: BoundedMap<Shared, BTreeSet<IpAddr>>,
}

/// Something that victims may share.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Shared {
    kind: LinkKind,
    /// A digest of the value, so that long ones cost no more than short ones.
    digest: u64,
}

impl Links {
    pub(super) fn new() -> Self {
        Self { victims: BoundedMap::new(MAX_SHARED) }
    }

    /// Notes what `finding` says of `victim`, and returns the other victims of which the same was said.
    pub(super) fn note(&mut self, victim: IpAddr, finding: &Finding) -> Vec<Link> {
        let mut links = Vec::new();
        for (kind, value) in shared_by(finding) {
            let shared = Shared { kind, digest: digest(&value) };
            let victims = self.victims.entry(shared, finding.stated_at, BTreeSet::new);
            let others: Vec<_> = victims.iter().copied().filter(|other| *other != victim).collect();
            if victims.len() < MAX_VICTIMS {
                victims.insert(victim);
            }
            if !others.is_empty() {
                links.push(Link { kind, value, victims: others });
            }
        }
        links
    }

    /// Forgets what was not used since `time`.
    pub(super) fn forget_before(&mut self, time: Timestamp) {
        self.victims.forget_before(time);
    }
}

/// Adds links to those that are known.
pub(super) fn merge(known: &mut Vec<Link>, more: Vec<Link>) {
    let mut all: BTreeMap<(LinkKind, String), BTreeSet<IpAddr>> = BTreeMap::new();
    for Link { kind, value, victims } in known.drain(..).chain(more) {
        all.entry((kind, value)).or_default().extend(victims);
    }
    let link = |((kind, value), victims): (_, BTreeSet<_>)| Link {
        kind,
        value,
        victims: victims.into_iter().take(MAX_VICTIMS).collect(),
    };
    known.extend(all.into_iter().take(MAX_LINKS).map(link));
}

/// What others may have in common with the victim of a finding.
fn shared_by(finding: &Finding) -> Vec<(LinkKind, String)> {
    let mut shared = Vec::new();
    let mut add = |kind, value: Option<&str>| shared.extend(value.map(|value| (kind, value.to_owned())));
    match finding.kind {
        // Whoever is named as the source of a flood need not know of it.
        Kind::SynFlood | Kind::SynAckReflection | Kind::Backscatter => {}
        Kind::Mining => {
            add(LinkKind::Wallet, finding.text("wallet").or_else(|| finding.text("user")));
            add(LinkKind::Pool, finding.connection.map(|one| one.target.to_string()).as_deref());
        }
        _ => {
            for offender in &finding.offenders {
                add(LinkKind::Offender, Some(&offender.to_string()));
            }
            add(LinkKind::Tool, finding.text("tool"));
        }
    }
    shared
}

/// All that a collision spoils is a link.
fn digest(value: &str) -> u64 {
    fnv1a(value.bytes())
}

const MAX_SHARED: usize = 8_192;
/// Victims that a link names.
pub(super) const MAX_VICTIMS: usize = 32;
const MAX_LINKS: usize = 16;
