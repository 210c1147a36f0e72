use std::net::{Ipv4Addr, Ipv6Addr};

use super::{Carrier, Context, Step};
use crate::stratum::dialogue::keep;

/// What one end says to, or as, a SOCKS proxy, of version 5 (RFC 1928) or 4, until what is said goes through it.
#[derive(Debug, Default)]
pub(in crate::stratum) struct Socks {
    /// Of the message that is coming.
    held: Vec<u8>,
    /// The first message, which is about methods, is over.
    is_greeted: bool,
}

/// What a message turned out to be.
enum Message {
    /// Its end has not come.
    Partial,
    /// Methods, or a user name and password, or what the proxy thinks of them.
    Preamble,
    /// Where to, or from where.
    Address(String),
    /// No SOCKS.
    Foreign,
}

impl Socks {
    pub(super) fn octets<'o>(&mut self, octets: &'o [u8], context: &mut Context<'_>) -> Step<'o> {
        for (at, octet) in octets.iter().enumerate() {
            self.held.push(*octet);
            match self.read(context.from_initiator).unwrap_or(Message::Partial) {
                Message::Partial => (),
                Message::Preamble => {
                    self.is_greeted = true;
                    self.held.clear();
                }
                Message::Address(address) => {
                    let facts = &mut context.dialogue.facts;
                    facts.carriers.socks = true;
                    if context.from_initiator {
                        keep(&mut facts.pool, Some(&address));
                    }
                    context.path.left_proxy = true;
                    return Step::Become(Carrier::new(), octets.get(at + 1..).unwrap_or_default());
                }
                Message::Foreign => return Step::Become(Carrier::Opaque, &[]),
            }
        }
        Step::Done
    }

    /// Reads what is held; `None` if it is not whole.
    fn read(&self, from_client: bool) -> Option<Message> {
        let held = self.held.as_slice();
        let (version, second) = (*held.first()?, usize::from(*held.get(1)?));
        match (version, from_client) {
            (SOCKS_4, true) if !self.is_greeted => {
                if second == CONNECT {
                    address_4(held.get(2..)?)
                } else {
                    Some(Message::Foreign)
                }
            }
            (SOCKS_4_REPLY, false) if !self.is_greeted => {
                // Version of the reply, reply, port, address.
                let is_granted = second == GRANTED;
                held.get(..8)
                    .map(|_| if is_granted { Message::Address(String::new()) } else { Message::Foreign })
            }
            (SOCKS_5, true) if !self.is_greeted => {
                // RFC 1928, 3: version, number of methods, methods.
                (second > 0)
                    .then_some(())
                    .map_or(Some(Message::Foreign), |()| held.get(1 + second).map(|_| Message::Preamble))
            }
            (SOCKS_5, false) if !self.is_greeted => Some(Message::Preamble),
            (USER_AND_PASSWORD, true) if self.is_greeted => {
                // RFC 1929, 2: version, length of the name, name, length of the password, password.
                let password_length = usize::from(*held.get(2 + second)?);
                (held.len() >= 3 + second + password_length).then_some(Message::Preamble)
            }
            (USER_AND_PASSWORD, false) if self.is_greeted => Some(Message::Preamble),
            (SOCKS_5, _) if self.is_greeted => {
                // RFC 1928, 4 and 6: version, command or reply, reserved, address, port.
                let is_asked_for = if from_client { second == CONNECT } else { second == SUCCEEDED };
                if !is_asked_for || *held.get(2)? != 0 {
                    return Some(Message::Foreign);
                }
                address(held.get(3..)?)
            }
            _ => Some(Message::Foreign),
        }
    }
}

/// SOCKS 4: port, address, user name with an octet of 0 behind it; and in 4A, if the address is 0.0.0.x, the host's name likewise.
fn address_4(octets: &[u8]) -> Option<Message> {
    if octets.len() > MAX_REQUEST_OCTETS {
        return Some(Message::Foreign);
    }
    let (port, octets) = octets.split_first_chunk::<2>()?;
    let (address, octets) = octets.split_first_chunk::<4>()?;
    let port = u16::from_be_bytes(*port);
    let (_, octets) = zero_ended(octets)?;
    let host = if matches!(address, [0, 0, 0, host] if *host != 0) {
        String::from_utf8_lossy(zero_ended(octets)?.0).into_owned()
    } else {
        Ipv4Addr::from(*address).to_string()
    };
    Some(Message::Address(format!("{host}:{port}")))
}

/// A text up to an octet of 0, and what follows; `None` if its end has not come.
fn zero_ended(octets: &[u8]) -> Option<(&[u8], &[u8])> {
    let (text, rest) = octets.split_at(octets.iter().position(|octet| *octet == 0)?);
    Some((text, rest.get(1..)?))
}

fn address(octets: &[u8]) -> Option<Message> {
    let (kind, octets) = octets.split_first()?;
    let (host, port) = match kind {
        1 => {
            let (address, port) = octets.split_first_chunk::<4>()?;
            (Ipv4Addr::from(*address).to_string(), port)
        }
        3 => {
            let (length, octets) = octets.split_first()?;
            let (name, port) = octets.split_at_checked(usize::from(*length))?;
            (String::from_utf8_lossy(name).into_owned(), port)
        }
        4 => {
            let (address, port) = octets.split_first_chunk::<16>()?;
            (format!("[{}]", Ipv6Addr::from(*address)), port)
        }
        _ => return Some(Message::Foreign),
    };
    let port = u16::from_be_bytes(*port.first_chunk()?);
    Some(Message::Address(format!("{host}:{port}")))
}

const SOCKS_5: u8 = 5;
const SOCKS_4: u8 = 4;
const SOCKS_4_REPLY: u8 = 0;
const GRANTED: usize = 0x5a;
/// Port and address, and the names of a user and a host as long as SOCKS 5 has them.
const MAX_REQUEST_OCTETS: usize = 2 + 4 + 2 * 256;
const USER_AND_PASSWORD: u8 = 1;
const CONNECT: usize = 1;
const SUCCEEDED: usize = 0;
