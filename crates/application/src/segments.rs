use wire::{Tcp, TcpFlags};

use crate::{
    Application, Http, Ssh, Tls, dns,
    http::{self, Head},
    octets::Octets,
    ssh,
    stream::{Chunk, Direction},
    tls::{CLIENT_HELLO, HANDSHAKE, MAJOR_VERSION, SERVER_HELLO},
    tls_session,
};

/// The beginnings of both directions of a TCP connection.
#[derive(Debug)]
pub(crate) struct Segments {
    /// Of the initiator, and of the responder.
    ends: [Prefix; 2],
    /// Segments with octets, so that tiny ones do not cost more than their octets.
    shown: u8,
    is_dns: bool,
    reader: Option<Reader>,
}

/// The first octets of a direction.
#[derive(Debug, Default)]
struct Prefix {
    stream: Direction,
    /// Those that are needed again: most messages come whole in the first segment, and are read where they are.
    octets: Vec<u8>,
    /// No more octets will be added: they have ended, some are missing, or there are enough.
    is_all: bool,
    /// Nothing more is to be read from them.
    is_read: bool,
}

/// A direction, and what a segment has just added to it.
struct End<'a> {
    prefix: &'a mut Prefix,
    /// What is not kept yet; nothing if something is kept.
    fresh: &'a [u8],
}

/// Who reads both directions.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Reader {
    Dns,
    /// Whether the initiator is the client.
    Http(bool),
    Ssh,
    /// Whether the initiator is the client.
    Tls(bool),
}

/// What the first octets of a direction are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Beginning {
    /// There are too few of them.
    Unclear,
    Nothing,
    Dns,
    HttpRequest,
    HttpResponse,
    Ssh,
    TlsClient,
    TlsServer,
}

/// Whether the octets of a segment may be the first ones of a direction.
pub(crate) fn may_begin(octets: &[u8], is_dns: bool) -> bool {
    Beginning::of(octets, is_dns) != Beginning::Nothing
}

impl Segments {
    /// A connection of which nothing was seen but the initiator's SYN, if anything.
    pub(crate) fn new(is_dns: bool, syn_sequence: Option<u32>) -> Self {
        let mut ends = [Prefix::default(), Prefix::default()];
        if let ([initiator, _], Some(sequence)) = (&mut ends, syn_sequence) {
            initiator.begin_after(sequence);
        }
        Self { ends, shown: 0, is_dns, reader: None }
    }

    pub(crate) fn segment(
        &mut self,
        from_initiator: bool,
        tcp: &Tcp,
        payload: &[u8],
        known: &mut Option<Application>,
    ) {
        let most = self.most_octets(from_initiator);
        let [initiator, responder] = &mut self.ends;
        let (own, other) = if from_initiator {
            (&mut *initiator, &mut *responder)
        } else {
            (&mut *responder, &mut *initiator)
        };
        if self.shown == 0 && tcp.flags.contains(TcpFlags::ACK) {
            // So that the other end's segments find their place from the beginning.
            other.begin_after(tcp.acknowledgment.wrapping_sub(1));
        }
        self.shown = self.shown.saturating_add(u8::from(!payload.is_empty()));
        let fresh = own.segment(tcp, payload, most);
        if self.shown >= MAX_SEGMENTS || tcp.flags.contains(TcpFlags::RST) {
            (own.is_all, other.is_all) = (true, true);
        }
        let nothing = &[][..];
        let [of_initiator, of_responder] = if from_initiator { [fresh, nothing] } else { [nothing, fresh] };
        let mut ends =
            [End { prefix: initiator, fresh: of_initiator }, End { prefix: responder, fresh: of_responder }];
        read(&mut self.reader, &mut ends, (self.is_dns, self.shown), known);
        ends.iter_mut().for_each(End::keep);
    }

    /// Nothing more will come: of a message whose rest is missing, what is there is read.
    pub(crate) fn finish(&mut self, known: &mut Option<Application>) {
        let mut ends = self.ends.each_mut().map(|prefix| End { prefix, fresh: &[] });
        for end in &mut ends {
            end.prefix.is_all = true;
        }
        read(&mut self.reader, &mut ends, (self.is_dns, self.shown), known);
    }

    pub(crate) fn is_done(&self) -> bool {
        self.ends.iter().all(|end| end.is_read)
    }

    pub(crate) fn octets(&self) -> usize {
        self.ends.iter().map(|end| end.octets.capacity() + end.stream.held_octets()).sum()
    }

    /// How many octets of a direction are kept.
    fn most_octets(&self, of_initiator: bool) -> usize {
        match self.reader {
            // A server's certificates come in the same message.
            Some(Reader::Tls(is_client)) if is_client != of_initiator => MAX_CERTIFICATE_OCTETS,
            _ => MAX_OCTETS,
        }
    }
}

/// Reads both directions, once it is found out what is spoken.
fn read(
    reader: &mut Option<Reader>,
    ends: &mut [End<'_>; 2],
    (is_dns, shown): (bool, u8),
    known: &mut Option<Application>,
) {
    if reader.is_none() {
        *reader = recognize(ends, is_dns, shown);
    }
    if let Some(reader) = reader {
        reader.read(ends, known);
    }
}

/// Finds out what is spoken, from whichever direction says it.
fn recognize(ends: &mut [End<'_>; 2], is_dns: bool, shown: u8) -> Option<Reader> {
    let mut can_still_be = false;
    for (is_initiator, end) in [true, false].into_iter().zip(ends.iter()) {
        return Some(match Beginning::of(end.octets(), is_dns) {
            Beginning::Unclear if !end.prefix.is_all => {
                can_still_be = true;
                continue;
            }
            Beginning::Unclear | Beginning::Nothing => continue,
            Beginning::Dns => Reader::Dns,
            Beginning::HttpRequest => Reader::Http(is_initiator),
            Beginning::HttpResponse => Reader::Http(!is_initiator),
            Beginning::Ssh => Reader::Ssh,
            Beginning::TlsClient => Reader::Tls(is_initiator),
            Beginning::TlsServer => Reader::Tls(!is_initiator),
        });
    }
    let said = ends.iter().filter(|end| !end.octets().is_empty() || end.prefix.is_all).count();
    if !can_still_be || said == ends.len() && shown >= MAX_UNCLEAR_SEGMENTS {
        ends.iter_mut().for_each(End::finish);
    }
    None
}

impl Reader {
    fn read(self, [initiator, responder]: &mut [End<'_>; 2], known: &mut Option<Application>) {
        // The client and the server.
        let both = match self {
            Self::Http(false) | Self::Tls(false) => [responder, initiator],
            _ => [initiator, responder],
        };
        match self {
            Self::Dns => both.into_iter().for_each(|end| end.read_dns(known)),
            Self::Http(_) => read_http(both, known),
            Self::Ssh => read_ssh(both, known),
            Self::Tls(_) => read_tls(both, known),
        }
    }
}

impl Prefix {
    /// The first octet follows this sequence number, unless a segment has said otherwise.
    fn begin_after(&mut self, sequence: u32) {
        self.stream.segment(sequence, TcpFlags::SYN, &[], |_| {});
    }

    /// Takes a segment, and gives those octets of it that follow what is kept, and are not kept yet.
    fn segment<'a>(&mut self, tcp: &Tcp, payload: &'a [u8], most: usize) -> &'a [u8] {
        if self.is_all || self.is_read {
            return &[];
        }
        let in_order = if self.octets.is_empty() {
            self.stream.segment_in_order(tcp.sequence, tcp.flags, payload)
        } else {
            None
        };
        let fresh = if let Some(new) = in_order {
            self.is_all = new.len() >= most;
            new.get(..most).unwrap_or(new)
        } else {
            self.assemble(tcp, payload, most);
            &[]
        };
        self.is_all |= self.stream.is_complete();
        if self.is_all {
            self.stream = Direction::new();
        }
        fresh
    }

    fn assemble(&mut self, tcp: &Tcp, payload: &[u8], most: usize) {
        let Self { stream, octets, is_all, .. } = self;
        stream.segment(tcp.sequence, tcp.flags, payload, |chunk| match chunk {
            Chunk::Octets(new) if !*is_all => {
                let room = most.saturating_sub(octets.len());
                octets.extend_from_slice(new.get(..room).unwrap_or(new));
                *is_all = octets.len() >= most;
            }
            Chunk::Octets(_) => {}
            Chunk::Gap(_) => *is_all = true,
        });
    }
}

impl End<'_> {
    fn octets(&self) -> &[u8] {
        if self.prefix.octets.is_empty() { self.fresh } else { &self.prefix.octets }
    }

    /// More octets will have to be read with these.
    fn keep(&mut self) {
        if !self.prefix.is_read {
            self.prefix.octets.extend_from_slice(self.fresh);
        }
    }

    /// Nothing more is to be read: lets the octets go.
    fn finish(&mut self) {
        *self.prefix = Prefix { is_all: self.prefix.is_all, is_read: true, ..Prefix::default() };
    }

    /// Reads the first message (RFC 1035, 4.2.2), or the beginning of it.
    fn read_dns(&mut self, known: &mut Option<Application>) {
        if self.prefix.is_read {
            return;
        }
        let mut octets = Octets::new(self.octets());
        let is_read = octets.u16_be().map_or(self.prefix.is_all, |length| {
            let message = octets.rest();
            let is_whole = message.len() >= usize::from(length);
            let message = message.get(..length.into()).unwrap_or(message);
            read_dns(message, known).is_some() || is_whole || self.prefix.is_all
        });
        if is_read {
            self.finish();
        }
    }
}

/// Reads a message of DNS, or the beginning of it.
pub(crate) fn read_dns(message: &[u8], known: &mut Option<Application>) -> Option<()> {
    let mut dns = match known.take() {
        Some(Application::Dns(dns)) => Some(dns),
        _ => None,
    };
    let read = dns::add(&mut dns, message);
    *known = dns.map(Application::Dns);
    read
}

fn read_http([client, server]: [&mut End<'_>; 2], known: &mut Option<Application>) {
    let mut http = match known.take() {
        Some(Application::Http(http)) => http,
        _ => Http::default(),
    };
    if !client.prefix.is_read {
        match http::request(client.octets(), client.prefix.is_all) {
            Head::Incomplete => {}
            Head::Known(request) => {
                http.request = Some(request);
                client.finish();
            }
            Head::Wrong => client.finish(),
        }
    }
    if !server.prefix.is_read {
        match http::response(server.octets(), server.prefix.is_all) {
            Head::Incomplete => {}
            Head::Known(response) => {
                http.response = Some(response);
                server.finish();
            }
            Head::Wrong => server.finish(),
        }
    }
    *known = (http != Http::default()).then_some(Application::Http(http));
}

fn read_ssh([client, server]: [&mut End<'_>; 2], known: &mut Option<Application>) {
    let mut ssh = match known.take() {
        Some(Application::Ssh(ssh)) => ssh,
        _ => Ssh::default(),
    };
    for (end, line) in [(client, &mut ssh.client), (server, &mut ssh.server)] {
        if !end.prefix.is_read
            && let Some(banner) = ssh::banner(end.octets(), end.prefix.is_all)
        {
            *line = banner;
            end.finish();
        }
    }
    *known = (ssh != Ssh::default()).then_some(Application::Ssh(ssh));
}

fn read_tls([client, server]: [&mut End<'_>; 2], known: &mut Option<Application>) {
    let mut tls = match known.take() {
        Some(Application::Tls(tls)) => tls,
        _ => Tls::default(),
    };
    if !client.prefix.is_read && (tls_session::add_client(&mut tls, client.octets()) || client.prefix.is_all)
    {
        client.finish();
    }
    if !server.prefix.is_read && (tls_session::add_server(&mut tls, server.octets()) || server.prefix.is_all)
    {
        server.finish();
    }
    *known = (tls != Tls::default()).then_some(Application::Tls(tls));
}

impl Beginning {
    fn of(octets: &[u8], is_dns: bool) -> Self {
        if octets.is_empty() {
            return Self::Unclear;
        }
        if is_dns {
            // The grammar is looked at when there is more of it.
            return Self::Dns;
        }
        let words = [
            (http::is_request(octets), Self::HttpRequest),
            (http::is_response(octets), Self::HttpResponse),
            (ssh::is_banner(octets), Self::Ssh),
            (is_hello(octets, CLIENT_HELLO), Self::TlsClient),
            (is_hello(octets, SERVER_HELLO), Self::TlsServer),
        ];
        if let Some((_, beginning)) = words.into_iter().find(|(is_it, _)| *is_it == Some(true)) {
            return beginning;
        }
        if words.iter().any(|(is_it, _)| is_it.is_none()) { Self::Unclear } else { Self::Nothing }
    }
}

/// Whether octets begin like a record with this hello. `None` if there are too few of them to say.
fn is_hello(octets: &[u8], kind: u8) -> Option<bool> {
    let is_record = match octets {
        [content, major, ..] => *content == HANDSHAKE && *major == MAJOR_VERSION,
        [content] => *content == HANDSHAKE,
        [] => true,
    };
    if !is_record {
        return Some(false);
    }
    octets.get(5).map(|there| *there == kind)
}

/// Of a direction: heads of HTTP with their cookies, of which servers take lines of 8,190 octets, and hellos with their keys.
const MAX_OCTETS: usize = 8 * 1024;
/// Of a server that shows its certificates: chains of four are common, and the first one counts.
const MAX_CERTIFICATE_OCTETS: usize = 16 * 1024;
/// Of both directions.
const MAX_SEGMENTS: u8 = 64;
const MAX_UNCLEAR_SEGMENTS: u8 = 8;

#[cfg(test)]
mod tests;
