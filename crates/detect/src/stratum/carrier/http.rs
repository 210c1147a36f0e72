use super::header::{Header, Start};
use super::{Carrier, Context, Step};
use crate::stratum::dialogue::{Carriage, keep};
use crate::stratum::objects::{Layout, Objects};

/// Requests, or responses, of HTTP/1: JSON in bodies is heard, tunnels and `WebSocket` are followed.
#[derive(Debug, Default)]
pub(in crate::stratum) struct Http {
    state: State,
    objects: Option<Objects>,
}

#[derive(Debug)]
enum State {
    /// The head, as far as it has come.
    Head(Vec<u8>),
    /// So many octets of a body are to come.
    Body(u64),
    /// The line that says how long the next chunk is, as far as it has come.
    ChunkSize(Vec<u8>),
    /// So many octets of a chunk, its line end included, are to come.
    Chunk { data: u64, line_end: u8 },
    /// Everything up to the end of the connection is the body.
    UntilClose,
}

impl Default for State {
    fn default() -> Self {
        Self::Head(Vec::new())
    }
}

impl Http {
    pub(super) fn octets<'o>(&mut self, mut octets: &'o [u8], context: &mut Context<'_>) -> Step<'o> {
        context.path.is_http = true;
        while !octets.is_empty() {
            octets = match &mut self.state {
                State::Head(head) => {
                    let Some(rest) = take_until(head, octets, ends_head) else {
                        return if head.len() > MAX_HEAD_OCTETS {
                            Step::Become(Carrier::Opaque, &[])
                        } else {
                            Step::Done
                        };
                    };
                    let head = std::mem::take(head);
                    if let Some(next) = self.begin(&Header::read(head.trim_ascii()), context) {
                        return Step::Become(next, rest);
                    }
                    rest
                }
                State::ChunkSize(line) => {
                    let Some(rest) = take_until(line, octets, |line| line.ends_with(b"\n")) else {
                        return if line.len() > MAX_SIZE_OCTETS {
                            Step::Become(Carrier::Opaque, &[])
                        } else {
                            Step::Done
                        };
                    };
                    let line = std::mem::take(line);
                    let Some(state) = after_size(&line) else { return Step::Become(Carrier::Opaque, &[]) };
                    self.state = state;
                    rest
                }
                State::Body(remaining) | State::Chunk { data: remaining @ 1.., .. } => {
                    let length =
                        usize::try_from(*remaining).map_or(octets.len(), |all| all.min(octets.len()));
                    let (body, rest) = octets.split_at(length);
                    *remaining = remaining.saturating_sub(length as u64);
                    let is_over = *remaining == 0;
                    self.body(body, context);
                    if is_over && matches!(self.state, State::Body(_)) {
                        self.state = State::default();
                    }
                    rest
                }
                State::Chunk { line_end: 0, .. } => {
                    self.state = State::ChunkSize(Vec::new());
                    octets
                }
                State::Chunk { line_end, .. } => {
                    *line_end = line_end.saturating_sub(1);
                    octets.get(1..).unwrap_or_default()
                }
                State::UntilClose => {
                    self.body(octets, context);
                    return Step::Done;
                }
            };
        }
        Step::Done
    }

    fn body(&mut self, body: &[u8], context: &mut Context<'_>) {
        if let Some(objects) = &mut self.objects {
            objects.octets(body, |object| context.hear(Carriage::Http, object));
        }
    }

    /// Begins what follows a head: a body, or something that is no longer HTTP.
    fn begin(&mut self, header: &Header<'_>, context: &mut Context<'_>) -> Option<Carrier> {
        let facts = &mut context.dialogue.facts;
        facts.is_distinctive |= header.is_of_mining;
        facts.miner_names_itself |= header.is_of_mining && matches!(header.start, Start::Request { .. });
        self.objects = Some(Objects::new(Layout::Document));
        let has_body = match &header.start {
            Start::Neither => return Some(Carrier::Opaque),
            Start::Request { method, target } if method == "CONNECT" => {
                facts.carriers.connect = true;
                keep(&mut facts.pool, Some(target));
                context.path.asked_for_tunnel = true;
                context.path.left_proxy = true;
                return Some(Carrier::new());
            }
            Start::Request { method, .. } => {
                keep(&mut facts.agent, header.user_agent.as_deref());
                keep(&mut facts.user, header.user.as_deref());
                keep(&mut facts.pool, header.host.as_deref());
                if header.is_upgrade_to_websocket {
                    facts.carriers.websocket = true;
                    return Some(Carrier::WebSocket(Box::default()));
                }
                facts.carriers.http |= method == "POST" || header.is_of_mining;
                if method == "GET" && header.is_of_mining {
                    context.dialogue.polls_for_getwork(context.from_initiator, context.time);
                }
                header.is_chunked || header.content_length.is_some_and(|length| length > 0)
            }
            Start::Response { status: 101, .. } => {
                facts.carriers.websocket = true;
                return Some(Carrier::WebSocket(Box::default()));
            }
            Start::Response { status: 200..=299, reason }
                if context.path.asked_for_tunnel
                    || reason.to_ascii_lowercase().contains("connection established") =>
            {
                facts.carriers.connect = true;
                context.path.left_proxy = true;
                return Some(Carrier::new());
            }
            Start::Response { status: 100..=199 | 204 | 304, .. } => false,
            Start::Response { .. } => true,
        };
        self.state = match header.content_length {
            _ if !has_body => State::default(),
            _ if header.is_chunked => State::ChunkSize(Vec::new()),
            Some(0) => State::default(),
            Some(length) => State::Body(length),
            None => State::UntilClose,
        };
        None
    }
}

/// Puts octets aside until they are whole, and gives the rest; `None` if they all were taken.
fn take_until<'o>(
    held: &mut Vec<u8>,
    octets: &'o [u8],
    is_whole: impl Fn(&[u8]) -> bool,
) -> Option<&'o [u8]> {
    for (at, octet) in octets.iter().enumerate() {
        if held.len() > MAX_HEAD_OCTETS {
            return None;
        }
        held.push(*octet);
        if *octet == b'\n' && is_whole(held) {
            return octets.get(at + 1..);
        }
    }
    None
}

/// An empty line ends a head. Empty lines before it are allowed (RFC 9112, 2.2).
fn ends_head(head: &[u8]) -> bool {
    (head.ends_with(b"\r\n\r\n") || head.ends_with(b"\n\n")) && !head.trim_ascii().is_empty()
}

/// What follows a chunk's size (RFC 9112, 7.1). After the last one there may be a trailer; it reads like an empty head.
fn after_size(line: &[u8]) -> Option<State> {
    let digits: String = line
        .trim_ascii()
        .iter()
        .take_while(|octet| octet.is_ascii_hexdigit())
        .map(|octet| char::from(*octet))
        .collect();
    match u64::from_str_radix(&digits, 16).ok()? {
        0 => Some(State::default()),
        data => Some(State::Chunk { data, line_end: 2 }),
    }
}

/// The longest head that is read, as in nginx and Apache (8 KiB).
const MAX_HEAD_OCTETS: usize = 8 * 1024;
/// The longest line of a chunk's size, with extensions.
const MAX_SIZE_OCTETS: usize = 256;
