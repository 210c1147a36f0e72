//! Fragments find the flow of their first, which alone has ports.
//!
//! Nothing is reassembled. A first fragment leaves its ports behind for those that follow, and its protocol: of IPv6 the others name the
//! header that the fragmented part begins with (RFC 8200, 4.5). A fragment that comes before its first waits for it; if that does not come in
//! time, it is to be accounted to a flow without ports.
//!
//! Packets are placed some time before they are accounted. So what one of them sets free is queued here, and taken when the account
//! has come as far.

use std::collections::VecDeque;

use wire::{FragmentId, Packet, Timestamp};

use crate::{
    fragments::{CARRIERS, FragmentCache},
    key::Above,
};

/// What is known of fragmented packets.
#[derive(Debug)]
pub(crate) struct Reassociation {
    packets: FragmentCache<Known>,
    /// Tunnel packets whose first fragment has come, with the packet that they carry, which was metered whole. They stand apart:
    /// of their fragments that came before the first nobody knew that they are a tunnel's, and these wait in vain.
    carriers: FragmentCache<()>,
    /// Fragments that wait, in all.
    waiting: usize,
    /// Fragments whose first has come, in the order in which the firsts were placed.
    released: VecDeque<Vec<Packet<'static>>>,
    /// Fragments that have waited in vain, and until when; ascending.
    overdue: VecDeque<(Timestamp, Vec<Packet<'static>>)>,
}

/// What is known of a fragmented packet.
#[derive(Debug)]
enum Known {
    /// What the first fragment says.
    First(Above),
    /// Not yet the first fragment: those that wait for it.
    Waiting(Vec<Packet<'static>>),
}

/// Where a fragment belongs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Belonging {
    /// To the flow with these ports and this protocol. If `releases` is set, [`Reassociation::next_released`] has those that waited for it.
    Flow { above: Above, releases: bool },
    /// To a tunnel packet that was metered.
    Carried,
    /// It waits.
    Waits,
}

impl Reassociation {
    pub(crate) fn new() -> Self {
        let (released, overdue) = (VecDeque::new(), VecDeque::new());
        let (packets, carriers) = (FragmentCache::new(FRAGMENTED_PACKETS), FragmentCache::new(CARRIERS));
        Self { packets, carriers, waiting: 0, released, overdue }
    }

    /// Finds out where a packet belongs that is a fragment, or that a first fragment carries.
    pub(crate) fn belonging(&mut self, packet: &Packet<'_>, clock: Timestamp) -> Belonging {
        self.expire(clock);
        if let Some(carrier) = packet.carrier {
            while self.carriers.expire(clock).is_some() {}
            self.carriers.insert(carrier, (), clock);
        }
        let above = Above::of(packet);
        let Some(fragment) = packet.ip.fragment else { return Belonging::Flow { above, releases: false } };
        let id = FragmentId::new(&packet.ip, packet.segment, fragment);
        if fragment.offset == 0 {
            return self.begin(id, above, clock);
        }
        if self.carriers.get(&id, clock).is_some() {
            return Belonging::Carried;
        }
        match self.packets.get_mut(&id, clock) {
            Some(Known::First(above)) => Belonging::Flow { above: *above, releases: false },
            Some(Known::Waiting(_)) | None if self.waiting >= WAITING_FRAGMENTS => {
                Belonging::Flow { above, releases: false }
            }
            Some(Known::Waiting(packets)) => {
                self.waiting += 1;
                packets.push(without_payload(packet));
                Belonging::Waits
            }
            None => {
                self.waiting += 1;
                self.packets.insert(id, Known::Waiting(vec![without_payload(packet)]), clock);
                Belonging::Waits
            }
        }
    }

    /// The fragments that have waited for the first that is accounted now.
    pub(crate) fn next_released(&mut self) -> Vec<Packet<'static>> {
        self.released.pop_front().unwrap_or_default()
    }

    /// Whether [`Self::next_overdue`] may have something.
    #[inline]
    pub(crate) fn may_be_overdue(&self, clock: Timestamp) -> bool {
        !self.overdue.is_empty() || self.packets.next_expiry() <= clock
    }

    /// Fragments that have waited in vain, and until when; `None` if there are no more for now.
    pub(crate) fn next_overdue(&mut self, clock: Timestamp) -> Option<(Timestamp, Vec<Packet<'static>>)> {
        self.expire(clock);
        self.overdue.pop_front_if(|(until, _)| *until <= clock)
    }

    /// A first fragment has come, and carries nothing.
    fn begin(&mut self, id: FragmentId, above: Above, clock: Timestamp) -> Belonging {
        self.carriers.forget(&id);
        let waiting = match self.packets.get_mut(&id, clock) {
            Some(Known::Waiting(packets)) => std::mem::take(packets),
            Some(Known::First(_)) | None => Vec::new(),
        };
        self.packets.insert(id, Known::First(above), clock);
        self.waiting = self.waiting.saturating_sub(waiting.len());
        let releases = !waiting.is_empty();
        if releases {
            self.released.push_back(waiting);
        }
        Belonging::Flow { above, releases }
    }

    /// Forgets what is too old, or too much, and queues those that waited for it.
    fn expire(&mut self, clock: Timestamp) {
        while let Some((expired, known)) = self.packets.expire(clock) {
            if let Known::Waiting(packets) = known {
                self.waiting = self.waiting.saturating_sub(packets.len());
                self.overdue.push_back((expired.min(clock), packets));
            }
        }
    }
}

fn without_payload(packet: &Packet<'_>) -> Packet<'static> {
    Packet { payload: &[], ..*packet }
}

/// How many fragmented packets are known at a time: a flood of fragments must not make more of it.
const FRAGMENTED_PACKETS: usize = 1 << 15;
/// So many fragments wait at a time, a megabyte of them; further ones are accounted without ports at once.
const WAITING_FRAGMENTS: usize = 1 << 12;

#[cfg(test)]
mod tests {
    use wire::{Fragment, Ports, Transport};

    use super::*;
    use crate::{
        FlowKey,
        placement::testing::{packet, udp},
    };

    /// A piece of one packet of IPv6 whose fragmented part begins with destination options.
    fn piece(offset: u16) -> Packet<'static> {
        let transport = if offset == 0 { udp(5, 6) } else { Transport::Unseen };
        let mut piece = packet([10, 0, 0, 1], [10, 0, 0, 2], transport);
        piece.ip.version = 6;
        piece.ip.protocol = if offset == 0 { 17 } else { 60 };
        piece.ip.fragment = Some(Fragment { identification: 7, offset, more: true });
        piece
    }

    #[test]
    fn later_fragments_have_the_protocol_of_the_first() {
        let above = Above { protocol: 17, ports: Ports { source: 5, destination: 6 } };
        let mut fragments = Reassociation::new();
        assert_eq!(fragments.belonging(&piece(10), Timestamp::ZERO), Belonging::Waits);
        assert_eq!(
            fragments.belonging(&piece(0), Timestamp::ZERO),
            Belonging::Flow { above, releases: true }
        );
        assert_eq!(fragments.next_released().len(), 1);
        let later = fragments.belonging(&piece(20), Timestamp::ZERO);
        assert_eq!(later, Belonging::Flow { above, releases: false });
        assert_eq!(FlowKey::of_fragment(&piece(20), above), FlowKey::of(&piece(0)));
    }
}
