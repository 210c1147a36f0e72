//! What a few seconds of traffic show: whether both directions of flows are there, and come by the same queue.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    time::{Duration, Instant},
};

use capture::live::{self, Fanout, LiveConfig, LiveFill};
use wire::{Packet, Tcp, Timestamp, Transport};

use super::Check;

/// What was seen of each flow.
#[derive(Clone, Debug, Default)]
pub(super) struct Sightings {
    flows: BTreeMap<Key, Sighting>,
    /// Frames of flows beyond [`MAX_FLOWS`].
    beyond: u64,
    /// Frames that the kernel had no room for.
    dropped: u64,
}

/// Both ends of a flow, the lesser one first, and its protocol.
type Key = ([(IpAddr, u16); 2], u8);

/// A bit for each handle that a direction came to, the one from the lesser end first.
type Sighting = [u16; 2];

impl Sightings {
    /// Takes note of a packet that came to a handle.
    fn see(&mut self, packet: &Packet<'_>, handle: u16) {
        // What has ports has the same ones both ways; other flows could not be told apart.
        let (Transport::Tcp(Tcp { ports, .. }) | Transport::Ports(ports)) = packet.transport else { return };
        let address = |address: wire::Address| address.to_ip(packet.ip.version);
        let source = (address(packet.ip.source), ports.source);
        let destination = (address(packet.ip.destination), ports.destination);
        let direction = usize::from(source > destination);
        let ends = [source.min(destination), source.max(destination)];
        let key = (ends, packet.ip.protocol);
        if self.flows.len() >= MAX_FLOWS && !self.flows.contains_key(&key) {
            self.beyond += 1;
            return;
        }
        let sighting = self.flows.entry(key).or_default();
        if let Some(handles) = sighting.get_mut(direction) {
            *handles |= 1 << (handle % MAX_HANDLES);
        }
    }

    /// How many flows showed both directions, and how many of these came to several handles.
    fn bidirectional(&self) -> (usize, usize) {
        let both: Vec<_> = self.flows.values().filter(|[forth, back]| *forth != 0 && *back != 0).collect();
        let split = both.iter().filter(|[forth, back]| (forth | back).count_ones() > 1).count();
        (both.len(), split)
    }
}

/// Watches `interface` for as long as `time`, with a handle for each of its queues.
#[expect(clippy::disallowed_methods, reason = "how long is watched goes by the clock of who waits")]
pub(super) fn watch(interface: &str, queues: usize, time: Duration) -> Result<Sightings, String> {
    let handles = u16::try_from(queues.max(1)).unwrap_or(MAX_HANDLES).min(MAX_HANDLES);
    let config = LiveConfig {
        snap_length: SNAP_LENGTH,
        ring_octets: RING_OCTETS,
        fanout: Fanout::Queue,
        ..LiveConfig::default()
    };
    let interfaces = [interface.to_owned()];
    let mut sources = live::open(&interfaces, handles, &config).map_err(|error| error.to_string())?;
    let mut sightings = Sightings::default();
    let end = Instant::now() + time;
    while Instant::now() < end {
        for (source, handle) in sources.iter_mut().zip(0..) {
            let filled = source.fill(PATIENCE, Timestamp::MAX);
            for packet in source.frames().filter_map(|frame| wire::decode(&frame).ok()) {
                sightings.see(&packet, handle);
            }
            if filled == LiveFill::Gone {
                return Err(source.gone().next().map_or_else(String::new, ToString::to_string));
            }
        }
    }
    sightings.dropped = sources.iter_mut().map(|source| source.counts().dropped).sum();
    Ok(sightings)
}

/// Whether both directions come, and to one place.
pub(super) fn judge(interface: &str, queues: usize, sightings: &Result<Sightings, String>) -> Vec<Check> {
    let sightings = match sightings {
        Ok(sightings) => sightings,
        Err(reason) => {
            return vec![Check::bad(
                DIRECTIONS,
                format!("nothing could be watched: {reason}"),
                "see the lines above",
            )];
        }
    };
    let (both, split) = sightings.bidirectional();
    vec![judge_directions(sightings.flows.len(), both), judge_symmetry(interface, queues, both, split)]
}

fn judge_directions(flows: usize, both: usize) -> Check {
    if flows == 0 {
        return Check::doubtful(
            DIRECTIONS,
            "no flow was seen",
            "flowcanary doctor --time 60s, while there is traffic",
        );
    }
    let found = format!("{both} of {flows} flows showed both directions");
    if both * 10 >= flows {
        Check::good(DIRECTIONS, found)
    } else if both == 0 && flows >= MANY_FLOWS {
        Check::bad(
            DIRECTIONS,
            found,
            "have the switch mirror both directions, or watch both interfaces of the tap",
        )
    } else {
        Check::doubtful(
            DIRECTIONS,
            found,
            "have the switch mirror both directions, or watch for longer (--time)",
        )
    }
}

fn judge_symmetry(interface: &str, queues: usize, both: usize, split: usize) -> Check {
    if queues <= 1 {
        return Check::good(SYMMETRY, "there is one queue, so that it does not matter");
    }
    if both == 0 {
        return Check::doubtful(
            SYMMETRY,
            "no flow showed both directions, so that it is unknown",
            "--time 60s",
        );
    }
    let found = format!("the directions of {split} of {both} flows came by different queues");
    if split == 0 {
        return Check::good(SYMMETRY, found);
    }
    let found = format!("{found}: --fanout queue and cpu would tear them; hash, the default, does not");
    Check::doubtful(SYMMETRY, found, format!("ethtool -X {interface} hkey {SYMMETRIC_KEY}"))
}

const DIRECTIONS: &str = "directions";
const SYMMETRY: &str = "symmetry of queues";
/// Enough for a share, and a bound on what traffic can make of it.
const MAX_FLOWS: usize = 1 << 16;
/// So few have both directions at random times of which just one is seen.
const MANY_FLOWS: usize = 20;
/// A bit of a [`Sighting`] for each.
const MAX_HANDLES: u16 = 16;
const SNAP_LENGTH: u32 = 256;
const RING_OCTETS: u32 = 8 << 20;
const PATIENCE: Duration = Duration::from_millis(10);
/// The key of Woo and Park (2012), "Scalable TCP Session Monitoring with Symmetric Receive-side Scaling": a pattern of 16 bits makes
/// Toeplitz's hash the same for both directions. 40 octets, as most interfaces have.
const SYMMETRIC_KEY: &str = "6d:5a:6d:5a:6d:5a:6d:5a:6d:5a:6d:5a:6d:5a:6d:5a:6d:5a:6d:5a:6d:5a:6d:5a:6d:5a:6d:5a:6d:5a:6d:5a:6d:5a:6d:5a:6d:5a:6d:5a";

#[cfg(test)]
mod tests {
    use wire::{Frame, LinkType};

    use super::{super::Verdict, *};

    /// UDP from one host and port to another.
    fn see(sightings: &mut Sightings, from: (u8, u8), to: (u8, u8), handle: u16) {
        let data = [
            0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0, 192, 0, 2, from.0, 192, 0, 2, to.0, 0, from.1, 0, to.1,
            0, 8, 0, 0,
        ];
        see_frame(sightings, &data, handle);
    }

    fn see_frame(sightings: &mut Sightings, data: &[u8], handle: u16) {
        let frame = Frame {
            data,
            timestamp: Timestamp::ZERO,
            original_length: data.len().try_into().unwrap(),
            link_type: LinkType::RAW,
            interface: 0,
        };
        sightings.see(&wire::decode(&frame).unwrap(), handle);
    }

    #[test]
    fn a_flow_is_split_if_its_directions_come_to_different_handles() {
        let mut sightings = Sightings::default();
        for port in 1..=4 {
            see(&mut sightings, (1, port), (2, 53), 0);
        }
        see(&mut sightings, (2, 53), (1, 1), 0);
        see(&mut sightings, (2, 53), (1, 2), 1);
        assert_eq!(sightings.bidirectional(), (2, 1));
        let checks = judge("eth0", 2, &Ok(sightings));
        assert_eq!(checks[0].found, "2 of 4 flows showed both directions");
        assert_eq!(checks[1].verdict, Verdict::Doubtful);
        assert!(checks[1].mend.as_ref().unwrap().starts_with("ethtool -X eth0 hkey 6d:5a:"));
    }

    #[test]
    fn connections_of_tcp_are_flows_as_well() {
        let mut data = [0; 40];
        data[..20].copy_from_slice(&[0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2]);
        data[20..24].copy_from_slice(&[0xc0, 1, 1, 0xbb]);
        data[32..34].copy_from_slice(&[0x50, 0x10]);
        let mut answer = data;
        answer[12..20].copy_from_slice(&[192, 0, 2, 2, 192, 0, 2, 1]);
        answer[20..24].copy_from_slice(&[1, 0xbb, 0xc0, 1]);
        let mut sightings = Sightings::default();
        for (octets, handle) in [(&data, 0), (&answer, 1)] {
            see_frame(&mut sightings, octets, handle);
        }
        assert_eq!(sightings.bidirectional(), (1, 1));
    }

    #[test]
    fn one_queue_cannot_be_asymmetric() {
        assert_eq!(judge_symmetry("eth0", 1, 0, 0).verdict, Verdict::Good);
        assert_eq!(judge_symmetry("eth0", 4, 0, 0).verdict, Verdict::Doubtful);
        assert_eq!(judge_symmetry("eth0", 4, 10, 0).verdict, Verdict::Good);
    }

    #[test]
    fn a_mirror_of_one_direction_is_bad() {
        assert_eq!(judge_directions(100, 0).verdict, Verdict::Bad);
        assert_eq!(judge_directions(3, 0).verdict, Verdict::Doubtful);
        assert_eq!(judge_directions(0, 0).verdict, Verdict::Doubtful);
        assert_eq!(judge_directions(100, 80).verdict, Verdict::Good);
        let failed = Err("interface eth0: not permitted".to_owned());
        assert_eq!(judge("eth0", 1, &failed)[0].verdict, Verdict::Bad);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut sightings = Sightings::default();
        for (a, b, c) in
            (0..=255).flat_map(|a| (0..=255).map(move |b| (a, b, 1))).chain([(1, 1, 2), (1, 2, 2)])
        {
            see(&mut sightings, (a, b), (c, 255), 0);
        }
        assert!(sightings.flows.len() <= MAX_FLOWS && sightings.beyond > 0);
    }
}
