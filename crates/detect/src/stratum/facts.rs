use wire::Timestamp;

use super::difficulty::{Difficulty, Work};

/// What a connection was heard to say about mining, opinions aside.
///
/// Strings are what the two ends said, cut at [`MAX_TEXT_CHARACTERS`]. Passwords are never kept.
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "they are independent of each other")]
pub struct Facts {
    /// The language, as far as what was heard tells.
    pub dialect: Option<Dialect>,
    /// What the language was wrapped in.
    pub carriers: Carriers,
    /// Who the miner is, once somebody said what only a miner or only a pool says.
    pub miner_is_initiator: Option<bool>,
    /// Something was said that other software does not say. Without it, all may be a coincidence of names.
    pub is_distinctive: bool,
    /// Something was said that little other software says: enough to be told of, not for an alarm.
    pub is_plausible: bool,
    /// What happened when the miner introduced itself.
    pub login: Login,
    /// What became of saying who is to be paid, alone: it outweighs what became of subscribing.
    pub authorization: Login,
    /// The pool let the miner subscribe, whatever it thought of the name afterwards.
    pub is_subscribed: bool,
    /// The program that mines, as it calls itself.
    pub agent: Option<Box<str>>,
    /// The user name at the pool, whole: often a wallet with a worker's name.
    pub user: Option<Box<str>>,
    /// The part of the user name that is paid.
    pub wallet: Option<Box<str>>,
    /// The part of the user name that tells the payee's machines apart.
    pub worker: Option<Box<str>>,
    /// The pool as the miner names it, to the pool or to a proxy.
    pub pool: Option<Box<str>>,
    /// Where the pool sent the miner.
    pub redirect: Option<Box<str>>,
    /// The algorithm that the pool or the miner named, or that follows from the grammar.
    pub algorithm: Option<Box<str>>,
    /// The coin that the wallet or the grammar is of.
    pub coin: Option<&'static str>,
    /// Jobs handed out, pushed or asked for.
    pub jobs: u32,
    /// When the first job was handed out, of the algorithm at hand if there were several.
    pub first_job: Option<Timestamp>,
    /// When the last job was handed out.
    pub last_job: Option<Timestamp>,
    /// How often the miner asked for work that it could have been told.
    pub polls: u32,
    /// Whether the pool has said how hard a share is.
    pub has_difficulty: bool,
    /// Jobs have the parts of Bitcoin's coinbase transaction, so that difficulties are likely to be counted as Bitcoin's.
    pub has_coinbase_jobs: bool,
    /// How hard a share is at the moment.
    pub difficulty: Option<Difficulty>,
    /// What became of shares.
    pub shares: Shares,
    /// The work behind shares that were submitted, of the algorithm at hand.
    pub submitted_work: Work,
    /// The work behind shares that were accepted, of the algorithm at hand.
    pub accepted_work: Work,
    /// Hashes per second as the miner itself reports them.
    pub reported_hashes_per_second: Option<f64>,
    /// Messages that break the roles: what only a miner says, from both ends. An echo does that.
    pub contradictions: u32,
    /// How many messages belong to the grammar.
    pub statements: u32,
    /// The miner's end was heard to say something.
    pub miner_spoke: bool,
    /// The miner's requests have a header that only programs for mining send.
    pub miner_names_itself: bool,
    /// The pool's end was heard to say something, or to answer.
    pub pool_said: bool,
    /// The pool's end sent octets of any kind.
    pub pool_spoke: bool,
    /// The connection was seen being opened.
    pub is_from_beginning: bool,
    /// Both ends sent segments that were captured, with octets or without.
    pub both_ends_captured: bool,
    /// When the first message of the grammar was complete.
    pub first: Option<Timestamp>,
    /// When the last one was.
    pub last: Option<Timestamp>,
    /// Sizes of flights that match the encrypted form of Stratum V2, and how many of a share's size followed.
    pub noise: Option<NoiseSizes>,
}

impl Facts {
    /// How far the two ends came; `None` if nothing of the grammar was heard.
    pub fn stage(&self) -> Option<Stage> {
        if self.noise.is_some() && self.statements == 0 {
            return Some(Stage::Handshake);
        }
        if self.statements == 0 {
            return None;
        }
        let flows =
            self.jobs > 0 || self.has_difficulty || self.shares.submitted > 0 || self.shares.answered() > 0;
        Some(match self.login {
            _ if flows => Stage::Session,
            Login::Accepted => Stage::Handshake,
            _ if self.is_subscribed => Stage::Handshake,
            _ if self.pool_spoke => Stage::Answered,
            _ => Stage::Attempt,
        })
    }
}

/// How far a connection came.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Stage {
    /// Only the miner spoke.
    Attempt,
    /// The other end answered, with a refusal or with something else.
    Answered,
    /// The pool accepted a request.
    Handshake,
    /// Jobs, difficulty or shares flow.
    Session,
}

/// What became of subscribing, logging in or authorizing.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub enum Login {
    /// Not heard.
    #[default]
    Unseen,
    /// Asked for.
    Asked,
    /// Asked for and refused.
    Refused,
    /// Granted.
    Accepted,
}

/// What became of shares.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Shares {
    /// Handed in by the miner.
    pub submitted: u32,
    /// Of these, or of unseen ones, accepted by the pool.
    pub accepted: u32,
    /// Refused, stale ones included.
    pub rejected: u32,
    /// Refused because their job was over.
    pub stale: u32,
    /// Handed in for a job that was seen on this connection.
    pub of_known_jobs: u32,
}

impl Shares {
    /// How many the pool has answered.
    pub fn answered(&self) -> u32 {
        self.accepted.saturating_add(self.rejected)
    }
}

/// The sizes of the encrypted form of Stratum V2 (Stratum V2 specification, 4.5).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct NoiseSizes {
    /// Octets of the answer to the initiator's 64.
    pub answer_octets: u32,
    /// Flights that are exactly as long as one encrypted `SubmitSharesStandard`.
    pub share_sized_flights: u32,
}

/// What a dialect was wrapped in; several may be true.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "they are independent of each other")]
pub struct Carriers {
    /// Requests and answers of HTTP.
    pub http: bool,
    /// Frames of WebSocket.
    pub websocket: bool,
    /// A SOCKS proxy.
    pub socks: bool,
    /// A tunnel through an HTTP proxy.
    pub connect: bool,
}

macro_rules! dialects {
    ($($(#[$documentation:meta])* $variant:ident = $name:literal,)*) => {
        /// A language in which work for a proof of work is handed out, or in which nodes of a currency talk.
        #[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
        pub enum Dialect { $($(#[$documentation])* $variant,)* }

        impl Dialect {
            /// Its name in output.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

dialects! {
    /// Bitcoin Stratum v1: `mining.subscribe`, `mining.notify`, `mining.submit`.
    Bitcoin = "stratum-v1",
    /// `CryptoNote`, spoken by Monero's miners: `login`, `job`, `submit` (xmrig-proxy, `STRATUM.md`).
    CryptoNote = "cryptonote",
    /// eth-proxy: `eth_submitLogin`, `eth_getWork`, `eth_submitWork`.
    EthProxy = "eth-proxy",
    /// `NiceHash`'s `EthereumStratum/1.0.0`.
    EthereumStratum1 = "ethereum-stratum-1.0",
    /// Ethereum in the words of Bitcoin's Stratum, as miners for two kinds of cards called it "stratum".
    EthashStratum = "ethash-stratum",
    /// `EthereumStratum/2.0.0` (EIP-1571).
    EthereumStratum2 = "ethereum-stratum-2.0",
    /// Zcash and others with Equihash (ZIP 301).
    Equihash = "equihash",
    /// Ravencoin and others with `KawPoW`.
    KawPow = "kawpow",
    /// Kaspa, as its bridges speak it.
    Kaspa = "kaspa",
    /// Grin: `getjobtemplate`, jobs with `pre_pow`.
    Grin = "grin",
    /// Beam: `solution`, jobs with `input`.
    Beam = "beam",
    /// Iron Fish: `mining.subscribe` with a `body`.
    IronFish = "iron-fish",
    /// Bitcoin's first way, `getwork`, over HTTP.
    Getwork = "getwork",
    /// Ethereum's `eth_getWork` over HTTP.
    EthereumGetwork = "eth-getwork",
    /// Block templates from a node (BIP 22, or Monero's `get_block_template`).
    BlockTemplate = "getblocktemplate",
    /// Coinhive's messages, from a web page.
    Coinhive = "coinhive",
    /// Stratum V2 in the clear.
    StratumV2 = "stratum-v2",
    /// Stratum V2 encrypted, by its sizes alone.
    StratumV2Noise = "stratum-v2-noise",
    /// Monero nodes among themselves.
    MoneroPeer = "monero-p2p",
    /// Bitcoin nodes among themselves, and those of its relatives.
    BitcoinPeer = "bitcoin-p2p",
    /// Ethereum nodes among themselves (`RLPx`), by sizes.
    EthereumPeer = "ethereum-p2p",
}

impl Dialect {
    /// Is it what nodes speak, which follow a currency and need not mine?
    pub const fn is_of_nodes(self) -> bool {
        matches!(self, Self::MoneroPeer | Self::BitcoinPeer | Self::EthereumPeer)
    }

    /// Is it also what somebody speaks who only looks after a node?
    pub const fn asks_a_node(self) -> bool {
        matches!(self, Self::Getwork | Self::EthereumGetwork | Self::BlockTemplate)
    }
}

/// How many characters of a string are kept: an integrated address of Monero has 106, and workers' names follow it.
pub const MAX_TEXT_CHARACTERS: usize = 256;

/// A text as it is kept: cut, and without control characters, since it ends up on terminals.
pub(super) fn kept(text: &str) -> Option<Box<str>> {
    let text: String = text.trim().chars().filter(|c| !c.is_control()).take(MAX_TEXT_CHARACTERS).collect();
    (!text.is_empty()).then(|| text.into_boxed_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_follow_from_what_was_heard() {
        let mut facts = Facts::default();
        assert_eq!(facts.stage(), None);
        facts.statements = 1;
        facts.login = Login::Asked;
        assert_eq!(facts.stage(), Some(Stage::Attempt));
        facts.pool_spoke = true;
        facts.login = Login::Refused;
        assert_eq!(facts.stage(), Some(Stage::Answered));
        facts.login = Login::Accepted;
        assert_eq!(facts.stage(), Some(Stage::Handshake));
        facts.jobs = 1;
        assert_eq!(facts.stage(), Some(Stage::Session));
    }

    #[test]
    fn kept_texts_are_short_and_harmless() {
        assert_eq!(kept(" a\u{1b}[2Jb\n").as_deref(), Some("a[2Jb"));
        assert_eq!(kept(&"x".repeat(1_000)).map(|text| text.len()), Some(MAX_TEXT_CHARACTERS));
        assert_eq!(kept("\n"), None);
    }
}
