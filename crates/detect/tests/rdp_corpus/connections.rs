//! TCP connections of a capture, put in order by a few lines that share nothing with the probe's own reassembly.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    net::SocketAddr,
    path::Path,
};

use capture::{Batch, CaptureReader, Fill};
use detect::rdp::{Connection, Interest, Observation, Recognition, interest};
use flow::{Endpoint, FlowId};
use serde_json::Value;
use wire::{Packet, Tcp, TcpFlags, Timestamp, Transport};

/// Client and server of a connection, and which of several with the same ports.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Ends {
    pub(crate) client: SocketAddr,
    pub(crate) server: SocketAddr,
    pub(crate) number: u32,
}

impl Ends {
    pub(crate) fn by_label(label: &Value) -> Self {
        let end = |address: &str, port: &str| {
            let port = label[port].as_u64().and_then(|port| u16::try_from(port).ok()).unwrap();
            SocketAddr::new(label[address].as_str().unwrap().parse().unwrap(), port)
        };
        Self { client: end("client", "client_port"), server: end("server", "server_port"), number: 0 }
    }
}

impl fmt::Display for Ends {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} > {}", self.client, self.server)
    }
}

/// Something that a direction gave.
#[derive(Clone, Debug)]
enum Event {
    Octets(Vec<u8>),
    Closed { reset: bool },
}

/// Everything that a capture's connection gave, in the order in which it could be read.
#[derive(Debug, Default)]
struct Followed {
    events: Vec<(bool, Timestamp, Event)>,
    directions: [Direction; 2],
}

#[derive(Debug, Default)]
struct Direction {
    next: Option<u32>,
    waiting: BTreeMap<u32, (Vec<u8>, bool)>,
    has_closed: bool,
}

/// An RDP connection with everything that was observed of it.
pub(crate) struct Observed {
    pub(crate) ends: Ends,
    pub(crate) connection: Connection,
    pub(crate) observations: Vec<Observation>,
}

/// The RDP connections of a capture. `None` if it is no capture that can be read.
pub(crate) fn rdp_connections(path: &Path) -> Option<Vec<Observed>> {
    let followed = follow(path)?.into_iter();
    let observed = followed.filter_map(|(ends, followed)| replay(ends, &followed));
    Some(observed.filter(|observed| observed.connection.recognition() == Recognition::Rdp).collect())
}

/// Gives a connection what was followed, if it is of interest.
fn replay(ends: Ends, followed: &Followed) -> Option<Observed> {
    let mut connection = Connection::new();
    let mut observations = Vec::new();
    let [client, server] =
        [ends.client, ends.server].map(|end| Endpoint { address: end.ip(), port: end.port() });
    let mut observe = |connection: &mut Connection, time| {
        while let Some(fact) = connection.next_fact() {
            observations.push(Observation::new(time, FlowId(0), client, server, fact, connection));
        }
    };
    let mut last = Timestamp::ZERO;
    let mut is_first = [true, true];
    for (from_initiator, time, event) in &followed.events {
        last = *time;
        match event {
            Event::Octets(octets) => {
                let first = std::mem::take(&mut is_first[usize::from(*from_initiator)]);
                if first && interest(*from_initiator, octets) == Interest::None {
                    return None;
                }
                connection.octets(*from_initiator, *time, octets);
            }
            Event::Closed { reset } => connection.closed(*from_initiator, *time, *reset),
        }
        observe(&mut connection, last);
    }
    connection.ended(last);
    observe(&mut connection, last);
    Some(Observed { ends, connection, observations })
}

/// Puts the connections of a capture in order, by the time of their first segments.
fn follow(path: &Path) -> Option<Vec<(Ends, Followed)>> {
    let mut reader = CaptureReader::open(path).ok()?;
    let mut batch = Batch::new();
    let mut connections: Vec<(Ends, Followed)> = Vec::new();
    let mut places: HashMap<(SocketAddr, SocketAddr), usize> = HashMap::new();
    while reader.fill(&mut batch).is_ok_and(|fill| fill == Fill::Frames) {
        for frame in batch.frames() {
            let Ok(packet) = wire::decode(&frame) else { continue };
            let Transport::Tcp(tcp) = packet.transport else { continue };
            let end = |address: wire::Address, port| SocketAddr::new(address.to_ip(packet.ip.version), port);
            let source = end(packet.ip.source, tcp.ports.source);
            let destination = end(packet.ip.destination, tcp.ports.destination);
            let key = (source.min(destination), source.max(destination));
            let before = places.get(&key).copied();
            let is_again = |place: &usize| tcp.flags.is_syn() && connections[*place].1.is_over();
            let place = before.filter(|place| !is_again(place)).unwrap_or_else(|| {
                let number = before.map_or(0, |place| connections[place].0.number + 1);
                let (client, server) =
                    if tcp.flags.is_syn_ack() { (destination, source) } else { (source, destination) };
                connections.push((Ends { client, server, number }, Followed::default()));
                connections.len() - 1
            });
            places.insert(key, place);
            let from_client = connections[place].0.client == source;
            connections[place].1.take(from_client, &tcp, &packet);
        }
    }
    Some(connections)
}

impl Followed {
    fn is_over(&self) -> bool {
        self.directions.iter().any(|direction| direction.has_closed)
    }

    fn take(&mut self, from_client: bool, tcp: &Tcp, packet: &Packet<'_>) {
        let direction = &mut self.directions[usize::from(from_client)];
        if tcp.flags.contains(TcpFlags::SYN) {
            direction.next = Some(tcp.sequence.wrapping_add(1));
            return;
        }
        let next = *direction.next.get_or_insert(tcp.sequence);
        let is_fin = tcp.flags.contains(TcpFlags::FIN);
        let ahead = tcp.sequence.wrapping_sub(next).cast_signed();
        if (!packet.payload.is_empty() || is_fin) && ahead > -(1 << 20) {
            direction.waiting.insert(tcp.sequence, (packet.payload.to_vec(), is_fin));
        }
        direction.deliver(from_client, packet.timestamp, &mut self.events);
        if tcp.flags.contains(TcpFlags::RST) {
            direction.has_closed = true;
            self.events.push((from_client, packet.timestamp, Event::Closed { reset: true }));
        }
    }
}

impl Direction {
    fn deliver(&mut self, from_client: bool, time: Timestamp, events: &mut Vec<(bool, Timestamp, Event)>) {
        while let Some(next) = self.next {
            let found = self.waiting.iter().find_map(|(sequence, (octets, is_fin))| {
                let behind = next.wrapping_sub(*sequence).cast_signed();
                (behind >= 0).then(|| (*sequence, usize::try_from(behind).unwrap(), octets.clone(), *is_fin))
            });
            let Some((sequence, behind, octets, is_fin)) = found else { return };
            self.waiting.remove(&sequence);
            if let Some(new) = octets.get(behind..).filter(|new| !new.is_empty()) {
                self.next = Some(next.wrapping_add(u32::try_from(new.len()).unwrap()));
                events.push((from_client, time, Event::Octets(new.to_vec())));
            }
            if is_fin && !self.has_closed {
                self.has_closed = true;
                events.push((from_client, time, Event::Closed { reset: false }));
            }
        }
    }
}
