//! What belongs together: the findings on one victim, in the order of an attack.
//!
//! A [`Ledger`] keeps a case for each victim of a finding that may be a stage of an attack, and the flows of victims that somebody has
//! got into, as far as they look like delivery or spread. It states an [`Incident`] once a case holds more than one finding alone
//! says: somebody got in or mines, and a stage before or after that was seen, too.
//!
//! Findings of different victims that name the same offender, wallet, pool or tool are linked.

mod case;
mod flows;
mod ledger;
mod linked;
mod links;
mod wording;

use std::{fmt, net::IpAddr, time::Duration};

use flow::FlowId;
use wire::Timestamp;

use crate::{CaptureQuality, Evidence, Kind, Phase, Severity};

pub use ledger::{Config, Ledger, MAX_CASES};
pub use linked::{IncidentLink, LinkedFlows};
pub use links::{Link, LinkKind};

/// Findings of one victim, ordered into stages, with what is missing named.
///
/// There is one when it is first stated, one more whenever its severity rises or somebody is seen to get in, to mine or to spread, some
/// when more is known, and one at the end.
#[derive(Clone, Debug, PartialEq)]
pub struct Incident {
    /// The case.
    pub id: CaseId,
    /// Which of its statements this is.
    pub phase: Phase,
    /// The host that it is about.
    pub victim: IpAddr,
    /// How much it matters.
    pub severity: Severity,
    /// From 0 to 1: that the stages are of one attack.
    pub confidence: f64,
    /// What was seen, in the order of an attack.
    pub stages: Vec<StageReport>,
    /// Stages of an attack that were not seen.
    pub missing: Vec<Stage>,
    /// Who did it: those of the weightiest stages first.
    pub offenders: Vec<IpAddr>,
    /// Identifiers of MITRE ATT&CK v18, in the order of the stages.
    pub techniques: Vec<&'static str>,
    /// The first packet of it.
    pub first_seen: Timestamp,
    /// The last one so far.
    pub last_seen: Timestamp,
    /// The time of the capture when it could be said.
    pub stated_at: Timestamp,
    /// Other victims, and what they have in common with this one.
    pub links: Vec<Link>,
    /// What to do now, the most urgent first.
    pub advice: Vec<String>,
    /// What the capture could show.
    pub capture_quality: CaptureQuality,
}

/// Identifies a case: what belongs to one victim, whether it has become an incident or not. It is the same in every replay.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct CaseId(pub u64);

impl fmt::Display for CaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:013x}", self.0)
    }
}

/// A part of an attack.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Stage {
    /// A flood that hides the rest among alarms.
    Noise,
    /// Passwords are guessed, or an exploit is tried.
    CredentialAttack,
    /// Somebody got in.
    Access,
    /// Something was fetched, or brought.
    Delivery,
    /// It mines.
    Mining,
    /// It reaches out for others.
    Spread,
}

impl Stage {
    /// All, in the order of an attack.
    pub const ALL: [Self; 6] =
        [Self::Noise, Self::CredentialAttack, Self::Access, Self::Delivery, Self::Mining, Self::Spread];

    /// The stage that a finding is about, on the side of its victim; `None` if by itself it is none of an attack.
    pub const fn of(kind: Kind) -> Option<Self> {
        case::stage_of(kind)
    }

    /// Its name in outputs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Noise => "noise",
            Self::CredentialAttack => "credential_attack",
            Self::Access => "access_gained",
            Self::Delivery => "delivery",
            Self::Mining => "mining",
            Self::Spread => "spread",
        }
    }

    /// Its name for people.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Noise => "noise",
            Self::CredentialAttack => "guessing",
            Self::Access => "access",
            Self::Delivery => "delivery",
            Self::Mining => "mining",
            Self::Spread => "spread",
        }
    }
}

/// What is known of a stage.
#[derive(Clone, Debug, PartialEq)]
pub struct StageReport {
    /// Which one.
    pub stage: Stage,
    /// Its first packet.
    pub first_seen: Timestamp,
    /// Its last packet so far.
    pub last_seen: Timestamp,
    /// How much it matters by itself.
    pub severity: Severity,
    /// From 0 to 1: that it is what it is called.
    pub confidence: f64,
    /// Identifiers of MITRE ATT&CK v18.
    pub techniques: Vec<&'static str>,
    /// Who did it.
    pub offenders: Vec<IpAddr>,
    /// What was seen, in a sentence.
    pub says: String,
    /// A flow that it rests on.
    pub flow: Option<FlowId>,
    /// Numbers and decoded facts.
    pub evidence: Vec<Evidence>,
}

impl Incident {
    /// The stage, if it was seen.
    pub fn stage(&self, stage: Stage) -> Option<&StageReport> {
        self.stages.iter().find(|report| report.stage == stage)
    }

    /// How much it asks for attention, from 0 to 100: 25 for each step of severity, times the confidence.
    pub fn score(&self) -> u8 {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is from 0 to 100")]
        let score =
            (25.0 * f64::from(self.severity.number()) * self.confidence.clamp(0.0, 1.0)).round() as u8;
        score
    }

    /// From the beginning of each stage to that of the next one that was seen; nothing where they began the other way round.
    pub fn dwell_times(&self) -> impl Iterator<Item = (Stage, Stage, Duration)> {
        self.stages.iter().zip(self.stages.iter().skip(1)).map(|(one, next)| {
            (one.stage, next.stage, Duration::from_nanos(next.first_seen.nanos_since(one.first_seen)))
        })
    }
}
