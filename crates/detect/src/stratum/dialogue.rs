//! Who said what, and what it answered: from messages to facts.

use wire::Timestamp;

use super::facts::{Dialect, Facts, Login, kept};
use super::grammar::{
    Act, Answer, Credentials, Expectation, Speaker, Statement, Weight, is_answer, read_answer,
    read_statement, rolls_versions,
};
use super::message::Message;
use super::objects::Object;
use super::wallet;

mod ledger;
mod work;

use ledger::{Jobs, Requests};

/// In what a message came.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Carriage {
    Lines,
    Http,
    WebSocket,
}

impl Carriage {
    /// Over HTTP, only a miner asks, and only what nodes understand: other messages in there are text about mining. Nobody logs in
    /// at a node.
    fn may_hold(self, statement: &Statement<'_>) -> bool {
        self != Self::Http
            || (statement.speaker == Speaker::Miner
                && !matches!(statement.act, Act::Login(_))
                && statement
                    .dialect
                    .is_some_and(|(dialect, _)| dialect.asks_a_node() || dialect == Dialect::EthProxy))
    }
}

/// Follows the messages of both ends of a connection and keeps the facts.
#[derive(Debug, Default)]
pub(super) struct Dialogue {
    pub(super) facts: Facts,
    weight: Weight,
    jobs: Jobs,
    requests: Requests,
    /// Something was said otherwise than over HTTP. What answers over HTTP answers a request whose head was not read.
    is_other_than_http: bool,
    /// Objects that were no message of the grammar, since the last one that was.
    strange: u32,
}

impl Dialogue {
    /// One that goes on from these facts.
    pub(super) fn new(facts: Facts) -> Self {
        Self { facts, ..Self::default() }
    }

    /// Takes one JSON object that an end has said.
    pub(super) fn hear(
        &mut self,
        from_initiator: bool,
        carriage: Carriage,
        time: Timestamp,
        object: Object<'_>,
    ) {
        let belongs = Message::read(object)
            .is_some_and(|message| self.understand(from_initiator, carriage, time, &message));
        self.strange = if belongs { 0 } else { self.strange.saturating_add(1) };
    }

    /// Have both ends talked of other things for so long that this will not be about mining?
    pub(super) fn is_foreign(&self) -> bool {
        self.facts.statements == 0 && self.strange >= MAX_STRANGE_OBJECTS
    }

    fn understand(
        &mut self,
        from_initiator: bool,
        carriage: Carriage,
        time: Timestamp,
        message: &Message<'_>,
    ) -> bool {
        if let Some(statement) = read_statement(message) {
            if !carriage.may_hold(&statement) || !self.plays_its_role(from_initiator, statement.speaker) {
                return false;
            }
            self.note(time);
            self.is_other_than_http |= carriage != Carriage::Http;
            self.facts.is_distinctive |= statement.is_distinctive;
            self.facts.is_plausible |= statement.is_plausible;
            self.facts.miner_spoke |= statement.speaker == Speaker::Miner;
            self.facts.pool_said |= statement.speaker == Speaker::Pool;
            if let Some((dialect, weight)) = statement.dialect {
                self.speaks(dialect, weight);
            }
            self.act(time, message, statement);
            return true;
        }
        if self.facts.miner_is_initiator == Some(from_initiator) {
            // What is asked in words that are not known has an answer, which must not be taken for one to something else.
            if let (Some(_), Some(identifier)) = (message.method, message.request()) {
                self.requests.add(identifier, Expectation::Foreign);
            }
            return false;
        }
        if !is_answer(message) {
            return false;
        }
        self.answer(from_initiator, carriage, time, message)
    }

    /// Does the speaker say what fits the role that it has, or takes now?
    pub(super) fn plays_its_role(&mut self, from_initiator: bool, speaker: Speaker) -> bool {
        let is_initiator = from_initiator == (speaker == Speaker::Miner);
        let fits = *self.facts.miner_is_initiator.get_or_insert(is_initiator) == is_initiator;
        if !fits {
            self.facts.contradictions = self.facts.contradictions.saturating_add(1);
        }
        fits
    }

    /// Takes note that these are nodes of a currency.
    pub(super) fn meets_node(&mut self, dialect: Dialect, time: Timestamp) {
        self.speaks(dialect, Weight::Shape);
        self.note(time);
        self.facts.is_distinctive = true;
        self.facts.miner_is_initiator.get_or_insert(true);
    }

    /// Takes note of a request for work that has no method: its header says it.
    pub(super) fn polls_for_getwork(&mut self, from_initiator: bool, time: Timestamp) {
        if !self.plays_its_role(from_initiator, Speaker::Miner) {
            return;
        }
        self.note(time);
        self.facts.miner_spoke = true;
        self.facts.polls = self.facts.polls.saturating_add(1);
        self.speaks(Dialect::Getwork, Weight::Shape);
        self.requests.add(LONG_POLL, Expectation::Work);
    }

    pub(super) fn note(&mut self, time: Timestamp) {
        self.facts.statements = self.facts.statements.saturating_add(1);
        self.facts.first.get_or_insert(time);
        self.facts.last = self.facts.last.max(Some(time));
    }

    pub(super) fn speaks(&mut self, dialect: Dialect, weight: Weight) {
        let dialect = match dialect {
            Dialect::EthProxy if self.facts.carriers.http || self.facts.carriers.websocket => {
                Dialect::EthereumGetwork
            }
            dialect => dialect,
        };
        if weight > self.weight || self.facts.dialect.is_none() {
            self.facts.dialect = Some(dialect);
            self.weight = weight;
            self.facts.coin = match self.facts.coin {
                Some(coin) => Some(wallet::coin_in_dialect(coin, dialect)),
                None => wallet::coin_of_dialect(dialect),
            };
        }
    }

    fn act(&mut self, time: Timestamp, message: &Message<'_>, statement: Statement<'_>) {
        let expect = |requests: &mut Requests, expectation| {
            if let Some(identifier) = message.request() {
                requests.add(identifier, expectation);
            }
        };
        match statement.act {
            Act::Introduce { agent, pool } => {
                expect(&mut self.requests, Expectation::Introduction);
                self.introduces(Login::Asked);
                keep(&mut self.facts.agent, agent.as_deref());
                keep(&mut self.facts.pool, pool.as_deref());
            }
            Act::Login(credentials) => {
                expect(&mut self.requests, Expectation::Login);
                self.login(&credentials);
            }
            Act::Share { job, user } => {
                let hashes = self.share(job.as_deref());
                self.requests.add(message.request().unwrap_or_default(), Expectation::Share { hashes });
                self.user(user.as_deref());
            }
            Act::Rate(rate) => {
                expect(&mut self.requests, Expectation::Other);
                self.facts.reported_hashes_per_second = Some(rate);
            }
            Act::Poll { user } => {
                expect(&mut self.requests, Expectation::Work);
                self.facts.polls = self.facts.polls.saturating_add(1);
                self.user(user.as_deref());
            }
            // Grin's miners ask for jobs; other questions have answers of no interest.
            Act::Ask if self.facts.dialect == Some(Dialect::Grin) => {
                expect(&mut self.requests, Expectation::Work);
            }
            Act::Ask => expect(&mut self.requests, Expectation::Other),
            Act::Job(job) => self.job(time, &job),
            Act::Difficulty(difficulty) => self.difficulty(difficulty),
            Act::Redirect(pool) => keep(&mut self.facts.redirect, pool.as_deref()),
            Act::ShareAnswer(result) => match self.requests.oldest_share() {
                Some(hashes) => self.share_answered(result, Some(hashes)),
                None if result.is_err() => self.authorizes(Login::Refused),
                None => self.share_answered(result, None),
            },
            Act::Welcome => self.authorizes(Login::Accepted),
            Act::Notice => (),
        }
    }

    /// What the pool answers; whether it belongs to the grammar.
    fn answer(
        &mut self,
        from_initiator: bool,
        carriage: Carriage,
        time: Timestamp,
        message: &Message<'_>,
    ) -> bool {
        if carriage == Carriage::Http && self.is_other_than_http {
            return false;
        }
        let expected = message
            .request()
            .and_then(|identifier| self.requests.take(identifier))
            .or_else(|| if carriage == Carriage::Http { None } else { self.requests.lone_greeting() })
            // Of a template that is too long, the identifier was not read; a long poll has none.
            .or_else(|| {
                let is_work = !message.is_whole || carriage == Carriage::Http;
                if is_work { self.requests.oldest_work() } else { None }
            });
        if expected == Some(Expectation::Foreign) {
            return false;
        }
        // Over HTTP, a response without its request is any document.
        if expected.is_none() && carriage == Carriage::Http {
            return false;
        }
        let Some(answer) = read_answer(message, expected) else {
            if expected.is_some() {
                self.facts.pool_said = true;
                self.facts.last = self.facts.last.max(Some(time));
            }
            return expected.is_some();
        };
        // What nobody asked for here counts only among other things that miners and pools say, or if it is work itself.
        let is_lone = expected.is_none() && self.facts.statements == 0;
        if (is_lone && matches!(answer, Answer::Share(_)))
            || !self.plays_its_role(from_initiator, Speaker::Pool)
        {
            return false;
        }
        self.note(time);
        self.facts.pool_said = true;
        match answer {
            Answer::Welcome(job) => {
                self.answers_greeting(expected, Login::Accepted);
                if rolls_versions(message) {
                    keep(&mut self.facts.algorithm, Some(SHA256D));
                }
                if let Some((dialect, job)) = job {
                    self.work(time, dialect, &job);
                } else if is_lone {
                    self.facts.is_distinctive = true;
                    self.speaks(Dialect::Bitcoin, Weight::Name);
                }
            }
            Answer::Unwelcome => self.answers_greeting(expected, Login::Refused),
            Answer::Share(result) => {
                let hashes = match expected {
                    Some(Expectation::Share { hashes }) => Some(hashes),
                    _ => self.facts.difficulty.map(|difficulty| difficulty.hashes),
                };
                self.share_answered(result, hashes);
            }
            Answer::Work(dialect, job) => self.work(time, dialect, &job),
        }
        true
    }

    /// The miner subscribes, or is let do so. That is no login where a name is asked for and refused.
    pub(super) fn introduces(&mut self, login: Login) {
        self.facts.is_subscribed |= login == Login::Accepted;
        if self.facts.authorization < Login::Refused {
            self.facts.login = self.facts.login.max(login);
        }
    }

    /// The miner says who is to be paid, or is told what the pool thinks of it. One name that is let in is enough.
    pub(super) fn authorizes(&mut self, login: Login) {
        self.facts.authorization = self.facts.authorization.max(login);
        self.facts.login = match self.facts.authorization {
            outcome @ (Login::Refused | Login::Accepted) => outcome,
            asked => self.facts.login.max(asked),
        };
    }

    fn answers_greeting(&mut self, expected: Option<Expectation>, login: Login) {
        match expected {
            Some(Expectation::Login) => self.authorizes(login),
            _ => self.introduces(login),
        }
    }

    fn login(&mut self, credentials: &Credentials<'_>) {
        self.authorizes(Login::Asked);
        self.user(Some(&credentials.user));
        keep(&mut self.facts.worker, credentials.worker.as_deref());
        keep(&mut self.facts.agent, credentials.agent.as_deref());
        keep(&mut self.facts.algorithm, credentials.algorithm.as_deref());
    }

    pub(super) fn user(&mut self, user: Option<&str>) {
        let Some(user) = user.filter(|_| self.facts.user.is_none()) else { return };
        self.facts.user = kept(user);
        let name = wallet::parse(user);
        keep(&mut self.facts.wallet, name.wallet);
        keep(&mut self.facts.worker, name.worker);
        let dialect = self.facts.dialect;
        let coin =
            name.coin.map(|coin| dialect.map_or(coin, |dialect| wallet::coin_in_dialect(coin, dialect)));
        self.facts.coin = coin.or(self.facts.coin);
    }
}

/// Keeps what was said first.
pub(super) fn keep(place: &mut Option<Box<str>>, text: Option<&str>) {
    if place.is_none() {
        *place = text.and_then(kept);
    }
}

/// As miners call Bitcoin's algorithm.
const SHA256D: &str = "sha256d";
/// After so many JSON objects that mean nothing here, a connection speaks of something else.
const MAX_STRANGE_OBJECTS: u32 = 32;
/// The identifier of requests that have none.
const LONG_POLL: u64 = u64::MAX;
