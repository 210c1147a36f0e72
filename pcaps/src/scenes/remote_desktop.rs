//! Remote desktop over TLS with network level authentication: logons that fail, logons that succeed, and sessions.
//!
//! All is encrypted but the negotiation. What tells the outcomes apart is which record follows which, how
//! long it is and after what pause: [`credssp`] computes the lengths, and the pauses are those of Windows
//! servers.

use std::time::Duration;

use crate::{
    conversation::{Close, Conversation, Side},
    host::{Endpoint, Path},
    protocol::{
        client_hello::Client,
        credssp::{self, Logon, Server},
        rdp::{self, security},
        tls::{self, Version},
    },
    recording::Recording,
};

/// A server that permits nothing but network level authentication.
#[derive(Clone, Copy, Debug)]
pub struct Desktop<'a> {
    /// Where it listens.
    pub endpoint: Endpoint,
    /// Its names.
    pub names: Server<'a>,
    /// Its certificate, in DER.
    pub certificate: &'a [u8],
}

/// The program that connects.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Program {
    /// Microsoft's client: cookies of nine characters, Schannel, `HYBRID_EX`.
    Microsoft,
    /// `FreeRDP`, or what is built on it: whole cookies, OpenSSL, `HYBRID`.
    FreeRdp,
}

/// How a logon goes on once the client has proved what it knows.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// The password is wrong: after a second an alert, and the client resets the connection.
    Refused,
    /// The password is wrong, and the server says so in a message before it closes.
    RefusedWithReason,
    /// The password is right, and the client wanted to know nothing else.
    Accepted,
    /// The password is right, and a session follows. It lasts until this time.
    Session(Duration),
}

/// A client on its way to a desktop.
#[derive(Clone, Copy, Debug)]
pub struct Attempt<'a> {
    /// Where the probe stands.
    pub path: Path,
    /// Where the client connects from.
    pub client: Endpoint,
    /// What the client is.
    pub program: Program,
    /// With what it logs on.
    pub logon: Logon<'a>,
}

impl Attempt<'_> {
    /// Connects, logs on and does what the outcome says. Returns when it is over.
    pub fn play(
        &self,
        recording: &mut Recording,
        desktop: &Desktop<'_>,
        outcome: Outcome,
        at: Duration,
    ) -> Duration {
        let mut conversation = Conversation::open(recording, self.path, self.client, desktop.endpoint, at);
        self.negotiate(&mut conversation, desktop);
        tls_send(&mut conversation, Side::Client, credssp::negotiate());
        tls_send(&mut conversation, Side::Server, credssp::challenge(&desktop.names));
        tls_send(&mut conversation, Side::Client, credssp::authenticate(&desktop.names, &self.logon));
        match outcome {
            Outcome::Refused => {
                let delay = conversation.random().time(REFUSAL_SHORTEST, REFUSAL_LONGEST);
                conversation.pause(delay);
                let alert = tls::alert(conversation.random(), Version::Tls12);
                conversation.server(&alert);
                finish(conversation, Close::Reset(Side::Client))
            }
            Outcome::RefusedWithReason => {
                let delay = conversation.random().time(REFUSAL_SHORTEST, REFUSAL_LONGEST);
                conversation.pause(delay);
                tls_send(&mut conversation, Side::Server, credssp::refused());
                finish(conversation, Close::Finish(Side::Client))
            }
            Outcome::Accepted => {
                tls_send(&mut conversation, Side::Server, credssp::accepted());
                finish(conversation, Close::FinishThenReset(Side::Client))
            }
            Outcome::Session(until) => {
                tls_send(&mut conversation, Side::Server, credssp::accepted());
                tls_send(&mut conversation, Side::Client, credssp::credentials(&self.logon));
                if self.program == Program::Microsoft {
                    tls_send(&mut conversation, Side::Server, credssp::EARLY_USER_AUTHORIZATION_RESULT);
                }
                connect(&mut conversation);
                work(&mut conversation, until);
                finish(conversation, Close::FinishThenReset(Side::Client))
            }
        }
    }

    /// From the connection request to the end of the TLS handshake.
    fn negotiate(&self, conversation: &mut Conversation<'_>, desktop: &Desktop<'_>) {
        let is_microsoft = self.program == Program::Microsoft;
        let (offered, chosen, client) = match self.program {
            Program::Microsoft => {
                let offered = security::SSL | security::HYBRID | security::HYBRID_EX;
                (offered, security::HYBRID_EX, Client::Schannel)
            }
            Program::FreeRdp => (security::SSL | security::HYBRID, security::HYBRID, Client::OpenSsl),
        };
        conversation.client(&rdp::connection_request(self.logon.user, is_microsoft, offered));
        let delay = conversation.random().time(Duration::from_millis(1), Duration::from_millis(5));
        conversation.pause(delay);
        conversation.server(&rdp::connection_confirm(chosen));
        let name = is_microsoft.then_some(desktop.names.dns_name);
        tls::handshake(conversation, client, name, Version::Tls12, desktop.certificate);
    }
}

/// A scanner asks for what the server does not permit, and is told so. Returns when it is over.
pub fn probe(
    recording: &mut Recording,
    path: Path,
    client: Endpoint,
    desktop: &Desktop<'_>,
    cookie: &str,
    at: Duration,
) -> Duration {
    let mut conversation = Conversation::open(recording, path, client, desktop.endpoint, at);
    conversation.client(&rdp::connection_request(cookie, true, security::STANDARD));
    conversation.server(&rdp::connection_failure(rdp::HYBRID_REQUIRED_BY_SERVER));
    finish(conversation, Close::Finish(Side::Client))
}

/// A dictionary attack by one host.
#[derive(Clone, Debug)]
pub struct Guessing<'a> {
    /// Where the probe stands, the attacker and the names it uses; the user is tried last, with the right password.
    pub last: Attempt<'a>,
    /// Users whose passwords it guesses, in turn.
    pub users: &'a [&'a str],
    /// Guesses that fail.
    pub failures: usize,
    /// Connections that it holds at a time.
    pub parallel: usize,
}

/// What a dictionary attack did.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Guessed {
    /// When its first connection was opened.
    pub first: Duration,
    /// When the last of the failing ones was over.
    pub last_failure: Duration,
    /// Guesses that failed.
    pub failures: usize,
    /// When the connection of the right guess was opened.
    pub right: Duration,
    /// When it was over.
    pub end: Duration,
}

impl Guessing<'_> {
    /// Plays the attack from `start` on.
    pub fn play(&self, recording: &mut Recording, desktop: &Desktop<'_>, start: Duration) -> Guessed {
        let mut free: Vec<Duration> = (0..).map(|n| start + STAGGER * n).take(self.parallel).collect();
        let mut port = self.last.client.port;
        let mut told = Guessed { first: start, last_failure: start, failures: 0, right: start, end: start };
        for number in 0..=self.failures {
            free.sort();
            let at = free[0] + recording.random.time(Duration::from_millis(4), Duration::from_millis(60));
            let mut attempt = self.last;
            attempt.client.port = port;
            // A system that hands out ports in order skips those that are in use.
            port += u16::try_from(recording.random.between(1, 4)).unwrap_or(1);
            if number == self.failures {
                told.right = at;
                told.end = attempt.play(recording, desktop, Outcome::Accepted, at);
            } else {
                attempt.logon.user = self.users[number % self.users.len()];
                free[0] = attempt.play(recording, desktop, Outcome::Refused, at);
                told.last_failure = told.last_failure.max(free[0]);
                told.failures += 1;
            }
        }
        told
    }
}

/// From the MCS connection to the first picture (MS-RDPBCGR, section 1.3.1.1): the lengths of what each side
/// writes in turn.
fn connect(conversation: &mut Conversation<'_>) {
    for &(side, length) in CONNECTION_SEQUENCE {
        tls_send(conversation, side, length);
    }
    for _ in 0..14 {
        let length = conversation.random().count(120, 1400);
        let delay = conversation.random().time(Duration::from_millis(2), Duration::from_millis(60));
        conversation.pause(delay);
        tls_send(conversation, Side::Server, length);
    }
}

/// Somebody works: input in bursts, and pictures that answer it.
fn work(conversation: &mut Conversation<'_>, until: Duration) {
    loop {
        let idle = conversation.random().waiting_time(Duration::from_secs(4));
        if conversation.now() + idle >= until {
            return conversation.pause_until(until);
        }
        conversation.pause(idle);
        for _ in 0..conversation.random().count(1, 4) {
            let length = *conversation.random().choice(&INPUT_LENGTHS);
            tls_send(conversation, Side::Client, length);
            let delay = conversation.random().time(Duration::from_millis(8), Duration::from_millis(90));
            conversation.pause(delay);
        }
        let length = *conversation.random().choice(&PICTURE_LENGTHS);
        let length = conversation.random().count(length / 2, length);
        tls_send(conversation, Side::Server, length);
    }
}

fn tls_send(conversation: &mut Conversation<'_>, side: Side, length: usize) {
    tls::send(conversation, side, Version::Tls12, length);
}

fn finish(conversation: Conversation<'_>, close: Close) -> Duration {
    let end = conversation.now();
    conversation.close(close);
    end
}

/// A Windows server waits a second before it refuses a password.
const REFUSAL_SHORTEST: Duration = Duration::from_millis(960);
const REFUSAL_LONGEST: Duration = Duration::from_millis(1060);
/// A guesser opens its first connections one after the other.
const STAGGER: Duration = Duration::from_millis(70);
/// Mouse and keyboard (MS-RDPBCGR, section 2.2.8.1.2).
const INPUT_LENGTHS: [usize; 4] = [6, 14, 14, 22];
const PICTURE_LENGTHS: [usize; 6] = [40, 110, 320, 700, 1200, 2900];

const CONNECTION_SEQUENCE: &[(Side, usize)] = &[
    // MCS Connect Initial and Response, Erect Domain, Attach User and its confirmation.
    (Side::Client, 447),
    (Side::Server, 132),
    (Side::Client, 12),
    (Side::Client, 8),
    (Side::Server, 11),
    // Channels are joined one at a time.
    (Side::Client, 12),
    (Side::Server, 15),
    (Side::Client, 12),
    (Side::Server, 15),
    (Side::Client, 12),
    (Side::Server, 15),
    (Side::Client, 12),
    (Side::Server, 15),
    (Side::Client, 12),
    (Side::Server, 15),
    // Client information, and the licence that is not asked for.
    (Side::Client, 349),
    (Side::Server, 34),
    // Capabilities.
    (Side::Server, 471),
    (Side::Client, 543),
    // Synchronization, control and fonts, both ways.
    (Side::Client, 36),
    (Side::Client, 40),
    (Side::Client, 40),
    (Side::Client, 40),
    (Side::Server, 36),
    (Side::Server, 40),
    (Side::Server, 40),
    (Side::Server, 40),
    // Channels announce themselves.
    (Side::Server, 59),
    (Side::Server, 22),
    (Side::Client, 26),
    (Side::Client, 32),
    (Side::Client, 68),
    (Side::Server, 129),
    (Side::Server, 72),
    (Side::Client, 32),
];
