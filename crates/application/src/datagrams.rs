use crate::{
    Application, Quic, dns,
    quic::{self, Handshake},
    segments::read_dns,
};

/// The first datagrams of both directions.
#[derive(Debug)]
pub(crate) struct Datagrams {
    /// How many were looked at.
    seen: u8,
    reader: Reader,
    is_done: bool,
}

#[derive(Debug)]
enum Reader {
    Dns,
    Quic(Box<Handshake>),
}

/// Whether a datagram may be the first one of an application.
pub(crate) fn may_begin(octets: &[u8], is_dns: bool) -> bool {
    if is_dns { dns::add(&mut None, octets).is_some() } else { quic::is_initial(octets) }
}

impl Datagrams {
    pub(crate) fn new(is_dns: bool) -> Self {
        let reader = if is_dns { Reader::Dns } else { Reader::Quic(Box::default()) };
        Self { seen: 0, reader, is_done: false }
    }

    pub(crate) fn datagram(&mut self, octets: &[u8], known: &mut Option<Application>) {
        self.seen += 1;
        let is_complete = match &mut self.reader {
            Reader::Dns => {
                // What is of another transaction says nothing of this one.
                let _is_of_it = read_dns(octets, known);
                matches!(known, Some(Application::Dns(dns)) if dns::is_complete(dns))
            }
            Reader::Quic(handshake) => {
                if let Some(client) = handshake.datagram(octets) {
                    *known = Some(Application::Quic(Quic { version: handshake.version(), client }));
                }
                known.is_some()
            }
        };
        self.is_done = is_complete || self.seen >= MAX_DATAGRAMS;
    }

    pub(crate) const fn is_done(&self) -> bool {
        self.is_done
    }

    pub(crate) fn octets(&self) -> usize {
        match &self.reader {
            Reader::Dns => 0,
            Reader::Quic(handshake) => handshake.octets(),
        }
    }
}

/// Of both directions: a client repeats what is not answered a few times, and a hello takes three at most.
const MAX_DATAGRAMS: u8 = 16;
