use crate::stratum::facts::Dialect;

/// What the first octets of an end look like.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::stratum) enum Guess {
    /// These octets begin like several things, or are a part of a word.
    More,
    /// JSON objects.
    Lines,
    Http,
    /// Frames whose request to change to them was not seen.
    WebSocket,
    Socks,
    StratumV2,
    /// Nodes of a currency among themselves.
    Peer(Dialect),
    Tls,
    Unknown,
}
