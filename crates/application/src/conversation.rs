use wire::{Packet, Ports, Transport};

use crate::{
    Application,
    datagrams::{self, Datagrams},
    dns,
    segments::{self, Segments},
};

/// The beginning of a conversation, and what is known of its application.
#[derive(Debug)]
pub struct Conversation {
    carrier: Carrier,
    known: Option<Application>,
}

#[derive(Debug)]
enum Carrier {
    Datagrams(Datagrams),
    Segments(Segments),
}

/// Whether a packet may be the first one of an application that is known here.
pub fn may_begin(packet: &Packet<'_>) -> bool {
    match &packet.transport {
        Transport::Tcp(tcp) => segments::may_begin(packet.payload, is_dns(tcp.ports)),
        Transport::Ports(ports) if packet.ip.protocol == UDP => {
            datagrams::may_begin(packet.payload, is_dns(*ports))
        }
        _ => false,
    }
}

/// Whether a segment is what a server of mail or files says before both ends agree on TLS (RFC 3207, RFC 2595, RFC 4217). Of such talk
/// there may be more than of what comes before TLS elsewhere.
pub fn may_lead_to_tls(packet: &Packet<'_>) -> bool {
    let is_tcp = matches!(packet.transport, Transport::Tcp(_));
    is_tcp && REPLIES_BEFORE_TLS.iter().any(|reply| packet.payload.starts_with(reply))
}

impl Conversation {
    /// The one that `packet` is of, which is to be shown to it next. Given `syn_sequence`, it begins after the initiator's SYN with that
    /// number, and waits for what the packet has overtaken; else it begins with the packet. `None` if the packet has no ports.
    pub fn of(packet: &Packet<'_>, syn_sequence: Option<u32>) -> Option<Self> {
        let carrier = match &packet.transport {
            Transport::Tcp(tcp) => Carrier::Segments(Segments::new(is_dns(tcp.ports), syn_sequence)),
            Transport::Ports(ports) => Carrier::Datagrams(Datagrams::new(is_dns(*ports))),
            _ => return None,
        };
        Some(Self { carrier, known: None })
    }

    /// Takes in a packet. `true` if more is known now.
    pub fn packet(&mut self, packet: &Packet<'_>, from_initiator: bool) -> bool {
        let parts = |known: &Option<Application>| known.as_ref().map(Application::parts);
        let before = parts(&self.known);
        match (&mut self.carrier, &packet.transport) {
            (Carrier::Segments(segments), Transport::Tcp(tcp)) => {
                segments.segment(from_initiator, tcp, packet.payload, &mut self.known);
            }
            (Carrier::Datagrams(datagrams), _) => datagrams.datagram(packet.payload, &mut self.known),
            (Carrier::Segments(_), _) => {}
        }
        parts(&self.known) != before
    }

    /// Takes in that nothing more will come, and reads what waits for more. `true` if more is known now.
    pub fn finish(&mut self) -> bool {
        let before = self.known.as_ref().map(Application::parts);
        if let Carrier::Segments(segments) = &mut self.carrier {
            segments.finish(&mut self.known);
        }
        self.known.as_ref().map(Application::parts) != before
    }

    /// What is known.
    pub const fn application(&self) -> Option<&Application> {
        self.known.as_ref()
    }

    /// What is known at its end.
    pub fn into_application(self) -> Option<Application> {
        self.known
    }

    /// Whether nothing more will be known.
    pub fn is_done(&self) -> bool {
        match &self.carrier {
            Carrier::Datagrams(datagrams) => datagrams.is_done(),
            Carrier::Segments(segments) => segments.is_done(),
        }
    }

    /// Roughly the octets that it takes in memory.
    pub fn octets(&self) -> usize {
        let held = match &self.carrier {
            Carrier::Datagrams(datagrams) => datagrams.octets(),
            Carrier::Segments(segments) => segments.octets(),
        };
        size_of::<Self>() + held + self.known.as_ref().map_or(0, Application::octets)
    }
}

const fn is_dns(ports: Ports) -> bool {
    ports.source == dns::PORT || ports.destination == dns::PORT
}

const UDP: u8 = 17;
/// Of SMTP and FTP, IMAP, and POP3.
const REPLIES_BEFORE_TLS: [&[u8]; 4] = [b"220", b"250", b"* ", b"+OK"];
