//! What the messages of one end are wrapped in: lines, HTTP, WebSocket, or a proxy's tunnel with any of these inside.

use wire::Timestamp;

use super::dialogue::{Carriage, Dialogue};
use super::objects::{Layout, Object, Objects};
pub(super) use guess::Guess;
use http::Http;
pub(super) use opening::guess;
use socks::Socks;
use stratum_v2::Frames;
use websocket::WebSocket;

mod guess;
mod header;
mod http;
mod opening;
mod packed;
mod peer;
mod socks;
mod stratum_v2;
mod websocket;

/// The state of one end's octets.
#[derive(Debug)]
pub(super) enum Carrier {
    /// Too few octets to tell.
    Opening(Vec<u8>),
    Lines(Objects),
    Http(Box<Http>),
    WebSocket(Box<WebSocket>),
    Socks(Socks),
    StratumV2(Box<Frames>),
    /// Something that is not read.
    Opaque,
}

/// What the carriers of a connection's ends share, for one stretch of octets.
#[derive(Debug)]
pub(super) struct Context<'d> {
    pub(super) dialogue: &'d mut Dialogue,
    pub(super) from_initiator: bool,
    pub(super) time: Timestamp,
    pub(super) path: &'d mut Path,
    /// The end has said something that was not for a proxy.
    pub(super) spoke: bool,
}

/// What is known of the way that both ends' octets take.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "they are independent of each other")]
pub(super) struct Path {
    /// The capture begins in the middle of the connection.
    pub(super) is_midstream: bool,
    /// An end asked an HTTP proxy for a tunnel.
    pub(super) asked_for_tunnel: bool,
    /// An end spoke HTTP: what cannot be read is the rest of a body.
    pub(super) is_http: bool,
    /// A proxy's part has just ended: what follows is the other end's.
    pub(super) left_proxy: bool,
}

/// What a carrier leaves of the octets that it was given: nothing, or a rest for what it turns into.
pub(super) enum Step<'o> {
    Done,
    Become(Carrier, &'o [u8]),
}

impl Context<'_> {
    fn hear(&mut self, carriage: Carriage, object: Object<'_>) {
        self.dialogue.hear(self.from_initiator, carriage, self.time, object);
    }
}

impl Carrier {
    pub(super) fn new() -> Self {
        Self::Opening(Vec::new())
    }

    /// Is it known that nothing will be read?
    pub(super) fn is_opaque(&self) -> bool {
        match self {
            Self::Opaque => true,
            Self::Lines(objects) => objects.has_ended(),
            _ => false,
        }
    }

    /// Takes octets, through as many changes of the carrier as they bring.
    pub(super) fn octets(&mut self, mut octets: &[u8], context: &mut Context<'_>) {
        while !octets.is_empty() {
            match self.advance(octets, context) {
                Step::Done => return,
                Step::Become(next, rest) => {
                    let before = std::mem::replace(self, next);
                    octets = rest;
                    if std::mem::take(&mut context.path.left_proxy) {
                        context.spoke = false;
                    }
                    // Octets that were held back to tell what this is belong to what it turned out to be.
                    if let Self::Opening(held) = before
                        && !held.is_empty()
                    {
                        self.octets(&held, context);
                    }
                    context.spoke |= !octets.is_empty();
                }
            }
        }
    }

    /// Octets are missing.
    pub(super) fn gap(&mut self, context: &mut Context<'_>) {
        match self {
            Self::Lines(objects) => objects.gap(|object| context.hear(Carriage::Lines, object)),
            Self::Opaque => (),
            // Whatever follows is likely to be the beginning of a segment, and that is where messages begin.
            _ => {
                context.path.is_midstream = true;
                *self = Self::new();
            }
        }
    }

    fn advance<'o>(&mut self, octets: &'o [u8], context: &mut Context<'_>) -> Step<'o> {
        match self {
            Self::Opening(held) => open(held, octets, context),
            Self::Lines(objects) => {
                objects.octets(octets, |object| context.hear(Carriage::Lines, object));
                Step::Done
            }
            Self::Http(http) => http.octets(octets, context),
            Self::WebSocket(frames) => frames.octets(octets, context),
            Self::Socks(socks) => socks.octets(octets, context),
            Self::StratumV2(frames) => frames.octets(octets, context),
            Self::Opaque => Step::Done,
        }
    }
}

fn open<'o>(held: &mut Vec<u8>, octets: &'o [u8], context: &mut Context<'_>) -> Step<'o> {
    // What is held decides the same however it came: octet by octet where the guess needs more than is there.
    let guessed = if held.is_empty() { guess(octets) } else { Guess::More };
    let (guessed, rest) = match guessed {
        Guess::More => match decide(held, octets) {
            Some(decided) => decided,
            None => return Step::Done,
        },
        guessed => (guessed, octets),
    };
    let next = match guessed {
        Guess::Lines => Carrier::Lines(Objects::new(Layout::Lines)),
        Guess::Http => Carrier::Http(Box::default()),
        Guess::WebSocket => {
            context.dialogue.facts.carriers.websocket = true;
            Carrier::WebSocket(Box::default())
        }
        Guess::Socks => Carrier::Socks(Socks::default()),
        Guess::StratumV2 => Carrier::StratumV2(Box::default()),
        Guess::Peer(dialect) => {
            context.dialogue.meets_node(dialect, context.time);
            Carrier::Opaque
        }
        Guess::Unknown if context.path.is_midstream && !context.path.is_http => {
            Carrier::Lines(Objects::resuming())
        }
        Guess::Unknown | Guess::Tls | Guess::More => Carrier::Opaque,
    };
    Step::Become(next, rest)
}

/// Puts octets aside, one by one, until they tell what this is.
fn decide<'o>(held: &mut Vec<u8>, octets: &'o [u8]) -> Option<(Guess, &'o [u8])> {
    for (at, octet) in octets.iter().enumerate() {
        held.push(*octet);
        match guess(held) {
            Guess::More => (),
            guessed => return Some((guessed, octets.get(at + 1..).unwrap_or_default())),
        }
    }
    None
}
