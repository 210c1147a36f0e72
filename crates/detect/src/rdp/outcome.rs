//! How a logon ended, from what can be seen of it: which record follows which, how long they are, who closes and when.
//!
//! With network level authentication the order of messages is that of MS-CSSP, 3.1.5: the client's token, the server's
//! challenge, the client's proof, the server's proof, the client's credentials. Without it the user logs on in a picture, and
//! only a long and busy connection tells that somebody works there.

use std::{fmt, time::Duration};

use super::{
    FailureCode, SecurityProtocols,
    records::{RecordSummary, Run},
};
use crate::tls::ServerHello;

/// How a logon ended.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Outcome {
    /// Nothing that was seen tells it.
    Unknown,
    /// The server refused the connection in the negotiation, before any logon.
    Refused,
    /// The server did not take the credentials.
    Failed,
    /// The server took the credentials, and no session followed.
    Accepted,
    /// The user got a session.
    Session,
}

impl Outcome {
    /// A word for outputs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Accepted => "accepted",
            Self::Session => "session",
        }
    }
}

/// What an [`Outcome`] rests on.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Reason {
    /// Refused: the server's `RDP_NEG_FAILURE`.
    NegotiationFailure(FailureCode),
    /// Failed: a TLS alert answers the client's proof.
    Alert,
    /// Failed: the server closes instead of answering the client's proof.
    Closed,
    /// Failed: a `TSRequest` too short for anything but an error code answers the client's proof (MS-CSSP, 2.2.1).
    ErrorCode,
    /// Accepted: the server answers the proof with its own, and the client leaves.
    ProofAnswered,
    /// Accepted: the client goes on to what follows only after the server's proof.
    CredentialsDelegated,
    /// Session: credentials were accepted, and the connection sequence came to its end.
    ConnectionSequenceDone,
    /// Session: credentials were accepted, and a desktop's traffic follows.
    DesktopAfterLogon,
    /// Session: long and busy, where the logon itself cannot be seen.
    LongAndBusy,
    /// Unknown: the server did not answer the connection request.
    NotAnswered,
    /// Unknown: the security protocol was not set up.
    HandshakeUnfinished,
    /// Unknown: the client left before it had proved or told anything.
    LeftBeforeLogon,
    /// Unknown: the client left while its proof was not answered.
    LeftBeforeAnswer,
    /// Unknown: the messages are not those of NTLM in `CredSSP`, and Kerberos and others cannot be told apart.
    OtherAuthentication,
    /// Unknown: the client told who it is and left early. Whether a logon was tried in the picture cannot be seen.
    LeftAtLogonScreen,
    /// Unknown: octets are missing from the capture.
    Gap,
    /// Unknown: the capture shows one direction only.
    OneDirection,
}

impl Reason {
    /// Do credentials stand behind it that were tried, or may have been?
    pub const fn is_attempt(self) -> bool {
        match self {
            Self::Alert | Self::Closed | Self::ErrorCode | Self::LeftAtLogonScreen => true,
            _ => self.is_success(),
        }
    }

    const fn is_success(self) -> bool {
        matches!(
            self,
            Self::ProofAnswered
                | Self::CredentialsDelegated
                | Self::ConnectionSequenceDone
                | Self::DesktopAfterLogon
                | Self::LongAndBusy
        )
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NegotiationFailure(code) => return write!(f, "negotiation failure {code}"),
            Self::Alert => "a TLS alert answered the client's proof",
            Self::Closed => "the server closed instead of answering the client's proof",
            Self::ErrorCode => "an error code answered the client's proof",
            Self::ProofAnswered => "the server answered the proof, the client left",
            Self::CredentialsDelegated => "the client went on after the server's proof",
            Self::ConnectionSequenceDone => "the whole connection sequence after an accepted logon",
            Self::DesktopAfterLogon => "a desktop's traffic after an accepted logon",
            Self::LongAndBusy => "a long and busy connection",
            Self::NotAnswered => "the connection request was not answered",
            Self::HandshakeUnfinished => "the security protocol was not set up",
            Self::LeftBeforeLogon => "the client left before a logon",
            Self::LeftBeforeAnswer => "the client left before an answer",
            Self::OtherAuthentication => "an authentication that is not NTLM",
            Self::LeftAtLogonScreen => "the client left at the logon screen",
            Self::Gap => "octets are missing",
            Self::OneDirection => "one direction was seen",
        })
    }
}

/// A logon that is over, or as good as over.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Logon {
    /// How it ended.
    pub outcome: Outcome,
    /// Why that is said.
    pub reason: Reason,
    /// Milliseconds from the client's last message to the server's answer or end; for failures.
    pub pause_ms: Option<u32>,
}

impl Logon {
    pub(super) const fn new(outcome: Outcome, reason: Reason) -> Self {
        Self { outcome, reason, pause_ms: None }
    }

    pub(super) const fn unknown(reason: Reason) -> Self {
        Self::new(Outcome::Unknown, reason)
    }
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Ending {
    /// The client sent FIN or RST first.
    Client,
    /// The server sent FIN or RST first, or a TLS alert.
    Server { by_alert: bool },
    /// Nothing more was seen of it.
    Silence,
}

/// Whether a logon whose credentials were taken has become a session: by size, or by time and liveliness. For servers and
/// ciphers that do not show the end of the connection sequence.
pub(super) fn is_desktop(records: &RecordSummary, lasted: Duration) -> bool {
    let is_large = is_large(records);
    let is_long =
        lasted >= DESKTOP_TIME && records.client.records.min(records.server.records) >= DESKTOP_RECORDS;
    is_large || is_long
}

/// More than a server sends before there is a session.
pub(super) fn is_large(records: &RecordSummary) -> bool {
    records.server.octets >= DESKTOP_OCTETS
}

/// A connection without network level authentication in which somebody works.
pub(super) fn is_long_and_busy(records: &RecordSummary, lasted: Duration) -> bool {
    records.server.octets >= BUSY_OCTETS && records.client.records >= BUSY_RECORDS && lasted >= BUSY_TIME
}

/// Whether records of network level authentication show that the server took the credentials.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Taken {
    Yes,
    NotYet,
}

/// Looks for what a client does only after the server's proof. `selected` is what the server chose, `hello` what TLS runs with.
pub(super) fn taken(
    records: &RecordSummary,
    selected: SecurityProtocols,
    hello: Option<ServerHello>,
) -> Taken {
    let runs = records.runs(hello);
    let rounds = runs.iter().filter(|run| run.from_client).count();
    if rounds >= MOST_ROUNDS {
        return Taken::Yes;
    }
    // The early user authorization result: four octets and nothing else (MS-RDPBCGR, 2.2.10.2).
    let is_result = |run: &Run| {
        run.records == 1
            && run.largest.at_least <= RESULT_OCTETS
            && (RESULT_OCTETS..RESULT_OCTETS + 16).contains(&run.largest.at_most)
    };
    let has_result = selected.intersects(SecurityProtocols::HYBRID_EX)
        && hello.is_some()
        && runs
            .iter()
            .enumerate()
            .any(|(place, run)| place >= THIRD_ANSWER && !run.from_client && is_result(run));
    // Credentials and MCS Connect Initial follow each other without an answer between, and then the server answers.
    let goes_on = runs.windows(3).enumerate().any(|(place, three)| {
        let [proof, credentials, _answer] = three else { return false };
        place + 1 >= THIRD_MESSAGE && credentials.from_client && credentials.records >= 2 && is_proof(proof)
    });
    if has_result || goes_on { Taken::Yes } else { Taken::NotYet }
}

/// How a logon with network level authentication ended, once the connection has.
pub(super) fn conclude(
    records: &RecordSummary,
    selected: SecurityProtocols,
    hello: Option<ServerHello>,
    ending: Ending,
    ended_ms: u32,
) -> Logon {
    if taken(records, selected, hello) == Taken::Yes {
        return Logon::new(Outcome::Accepted, Reason::CredentialsDelegated);
    }
    let runs = records.runs(hello);
    let failed = |reason, last: &Run, answered_ms: u32| Logon {
        pause_ms: Some(answered_ms.saturating_sub(last.ended_ms)),
        ..Logon::new(Outcome::Failed, reason)
    };
    match (runs.as_slice(), ending) {
        ([] | [_] | [_, _], _) => Logon::unknown(Reason::LeftBeforeLogon),
        ([.., proof @ Run { from_client: true, .. }], Ending::Server { by_alert }) => {
            // After its credentials, an NTLM client's server has no more to refuse but the session.
            if runs.len() > THIRD_MESSAGE && is_ntlm(&runs) && runs.get(3).is_some_and(is_proof) {
                return Logon::new(Outcome::Accepted, Reason::CredentialsDelegated);
            }
            failed(if by_alert { Reason::Alert } else { Reason::Closed }, proof, ended_ms)
        }
        ([.., proof, answer], _) if !answer.from_client && is_error(answer) => {
            failed(Reason::ErrorCode, proof, answer.ended_ms)
        }
        ([_, _, _, answer], Ending::Client | Ending::Server { .. }) if is_ntlm(&runs) && is_proof(answer) => {
            Logon::new(Outcome::Accepted, Reason::ProofAnswered)
        }
        ([_, _, _, answer, _], _) if is_ntlm(&runs) && is_proof(answer) => {
            Logon::new(Outcome::Accepted, Reason::CredentialsDelegated)
        }
        ([_, _, _], _) => Logon::unknown(Reason::LeftBeforeAnswer),
        _ => Logon::unknown(Reason::OtherAuthentication),
    }
}

/// NTLM begins with a short message and is done in two: other mechanisms send tickets or lists of mechanisms.
fn is_ntlm(runs: &[Run]) -> bool {
    match runs {
        [negotiate, challenge, authenticate, ..] => {
            negotiate.largest.at_least <= LONGEST_NEGOTIATE
                && challenge.largest.at_most <= LONGEST_CHALLENGE
                && authenticate.largest.at_least > negotiate.largest.at_most
        }
        _ => false,
    }
}

/// Long enough for the server's half of the binding to its public key.
fn is_proof(run: &Run) -> bool {
    !run.from_client && run.largest.at_least >= SHORTEST_PROOF
}

/// Too short for the server's proof. A `TSRequest` with version and error code has 15 octets (MS-CSSP, 2.2.1), and 34 with a token in
/// which SPNEGO rejects (RFC 4178, 4.2.2).
fn is_error(run: &Run) -> bool {
    run.largest.at_most < PROOF_OCTETS
}

/// Version and a sealed SHA-256 with its signature (MS-CSSP, 3.1.5, step 6).
const PROOF_OCTETS: usize = 59;
/// CBC padding makes 15 of them uncertain.
const SHORTEST_PROOF: usize = PROOF_OCTETS - 15;
/// `TSRequest` with an NTLM NEGOTIATE without names: 57 octets (MS-NLMP, 2.2.1.1); with names or in SPNEGO it is longer.
const LONGEST_NEGOTIATE: usize = 128;
/// NTLM CHALLENGE with names and time, each of them of up to fifteen characters or a domain's length (MS-NLMP, 2.2.1.2).
const LONGEST_CHALLENGE: usize = 768;
/// `AUTHZ_SUCCESS` or not (MS-RDPBCGR, 2.2.10.2).
const RESULT_OCTETS: usize = 4;
/// The server's third message, counted over both sides from 0.
const THIRD_ANSWER: usize = 5;
/// The client's third message, counted likewise.
const THIRD_MESSAGE: usize = 4;
/// No mechanism needs as many messages of the client; channels being joined one by one do (MS-RDPBCGR, 1.3.1.1).
const MOST_ROUNDS: usize = 7;
/// More than the connection sequence takes; a first picture takes more.
const DESKTOP_OCTETS: u64 = 16 * 1_024;
const DESKTOP_TIME: Duration = Duration::from_secs(30);
const DESKTOP_RECORDS: u32 = 40;
/// A logon screen with a picture behind it stays below one of these: it is sent once, and then waits for two minutes at most.
const BUSY_OCTETS: u64 = 256 * 1_024;
const BUSY_RECORDS: u32 = 200;
const BUSY_TIME: Duration = Duration::from_mins(1);
