//! What is kept of flows only if that is asked for: the first octets of what they carry, and how their packets are spread by length and by
//! the time between them.

use wire::{Packet, Transport};

use crate::{
    Side,
    biflow::{Biflow, of, of_mut},
    chunks::SparseChunks,
};

/// What is to be kept of each flow besides.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct DetailsConfig {
    /// So many octets of payload of each direction, at most.
    pub payload_octets: u16,
    /// Histograms of packets.
    pub has_histograms: bool,
}

/// What was kept of a direction besides.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Detail {
    /// The first octets behind the transport headers, of the flow and not of the record alone. Of TCP they are those that followed each other
    /// without a gap, none twice; of other protocols, those of packet after packet, without later fragments.
    pub payload: Vec<u8>,
    /// How packets of the record are spread.
    pub histograms: Option<Histograms>,
    /// Nothing is added to the payload any more.
    is_complete: bool,
}

/// How the packets of a direction are spread.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Histograms {
    /// Packets by their octets from the IP header on: below each of [`LENGTH_LIMITS`], and more.
    pub lengths: [u32; BUCKETS],
    /// Packets but the record's first by the time since the one before them, in the order of their capture: below each of
    /// [`GAP_LIMITS_NANOS`], and more. One that is earlier than the one before it came after no time.
    pub gaps: [u32; BUCKETS],
}

/// The details of flows, by number.
#[derive(Debug)]
pub(crate) struct DetailSlab {
    config: DetailsConfig,
    /// By side.
    flows: SparseChunks<Option<Box<[Detail; 2]>>>,
}

impl DetailsConfig {
    /// Whether anything is to be kept.
    pub(crate) const fn is_any(self) -> bool {
        self.has_histograms || self.payload_octets > 0
    }

    /// What a flow takes, in octets.
    pub(crate) fn octets_per_flow(self) -> usize {
        let payload = 2 * usize::from(self.payload_octets);
        if self.is_any() { size_of::<Option<Box<Detail>>>() + size_of::<[Detail; 2]>() + payload } else { 0 }
    }
}

impl DetailSlab {
    pub(crate) const fn new(config: DetailsConfig) -> Self {
        Self { config, flows: SparseChunks::new() }
    }

    /// Takes in a packet that `flow` has not counted yet.
    pub(crate) fn packet(&mut self, number: u32, flow: &Biflow, packet: &Packet<'_>, sender: Side) {
        let Some(place) = self.flows.get_mut(number) else { return };
        let detail = of_mut(place.get_or_insert_default(), sender);
        if self.config.has_histograms {
            let histograms = detail.histograms.get_or_insert_default();
            add(&mut histograms.lengths, &LENGTH_LIMITS, packet.ip.octets);
            if *of(&flow.packets, sender) > 0 {
                let gap = packet.timestamp.nanos().saturating_sub(of(&flow.last, sender).nanos());
                add(&mut histograms.gaps, &GAP_LIMITS_NANOS, gap);
            }
        }
        detail.add_payload(flow, packet, sender, self.config.payload_octets.into());
    }

    /// Forgets what was kept of a number.
    pub(crate) fn forget(&mut self, number: u32) {
        self.take(number);
    }

    /// What was kept of a flow, which is not kept any longer.
    pub(crate) fn take(&mut self, number: u32) -> Option<Box<[Detail; 2]>> {
        self.flows.get(number)?.as_ref()?;
        self.flows.get_mut(number)?.take()
    }

    /// Gives `copy` what was kept of a flow, which begins a record.
    pub(crate) fn split(&mut self, number: u32, copy: u32) {
        let Some(details) = self.flows.get_mut(number).and_then(Option::as_mut) else { return };
        let cut = details.clone();
        for detail in &mut **details {
            detail.histograms = None;
        }
        if let Some(place) = self.flows.get_mut(copy) {
            *place = Some(cut);
        }
    }
}

impl Detail {
    fn add_payload(&mut self, flow: &Biflow, packet: &Packet<'_>, sender: Side, most: usize) {
        let room = most.saturating_sub(self.payload.len());
        if self.is_complete || room == 0 || packet.payload.is_empty() {
            return;
        }
        match &packet.transport {
            Transport::Unseen => return,
            Transport::Tcp(tcp) if flow.connection.knows(sender) => {
                let ahead = tcp.sequence.wrapping_sub(*of(&flow.next, sender)).cast_signed();
                self.is_complete = ahead > 0;
                if ahead != 0 {
                    return;
                }
            }
            _ => {}
        }
        let octets = packet.payload.get(..room).unwrap_or(packet.payload);
        self.payload.reserve_exact(octets.len());
        self.payload.extend_from_slice(octets);
        // What the snap length has cut off is a gap.
        self.is_complete =
            matches!(&packet.transport, Transport::Tcp(tcp) if is_cut(tcp.data_octets, packet));
    }
}

fn is_cut(data_octets: u32, packet: &Packet<'_>) -> bool {
    u32::try_from(packet.payload.len()).is_ok_and(|captured| captured < data_octets)
}

/// Counts `value` in its bucket.
fn add<T: PartialOrd + Copy>(histogram: &mut [u32; BUCKETS], limits: &[T; BUCKETS - 1], value: T) {
    let bucket = limits.iter().filter(|limit| value >= **limit).count();
    if let Some(count) = histogram.get_mut(bucket) {
        *count = count.saturating_add(1);
    }
}

/// How many buckets a histogram has.
pub const BUCKETS: usize = 8;
/// Octets at which another bucket begins: powers of two, what Ethernet carries, and what its jumbo frames do.
pub const LENGTH_LIMITS: [u32; BUCKETS - 1] = [64, 128, 256, 512, 1_024, 1_501, 9_001];
/// Nanoseconds at which another bucket begins: ten microseconds to ten seconds.
pub const GAP_LIMITS_NANOS: [u64; BUCKETS - 1] =
    [10_000, 100_000, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000, 10_000_000_000];

#[cfg(test)]
mod tests {
    use wire::{Tcp, TcpFlags, Timestamp};

    use super::*;
    use crate::{
        FlowRecord, Meter, MeterConfig, Placed, Timeouts,
        placement::testing::{packet, udp},
    };

    const CONFIG: DetailsConfig = DetailsConfig { payload_octets: 8, has_histograms: true };

    fn records(packets: &[Packet<'_>], details: DetailsConfig) -> Vec<FlowRecord> {
        let mut meter =
            Meter::new(MeterConfig { details, timeouts: Timeouts::default(), ..MeterConfig::default() });
        let mut records = Vec::new();
        for packet in packets {
            let Placed::InFlow(placement) = meter.place(packet, packet.timestamp) else {
                panic!("no fragment")
            };
            meter.account(packet, &placement);
        }
        let end = packets.iter().map(|packet| packet.timestamp).max().unwrap();
        meter.close(end);
        while meter.take_records(&mut records, usize::MAX) {}
        records
    }

    fn segment(flags: u16, sequence: u32, payload: &[u8], micros: u64) -> Packet<'_> {
        let ports = wire::Ports { source: 40_000, destination: 80 };
        let data_octets = u32::try_from(payload.len()).unwrap();
        let tcp = Tcp { ports, sequence, flags: TcpFlags(flags), data_octets, ..Tcp::default() };
        let timestamp = Timestamp::from_nanos(micros * 1_000);
        Packet { payload, timestamp, ..packet([10, 0, 0, 9], [10, 0, 0, 1], Transport::Tcp(tcp)) }
    }

    fn payload(packets: &[Packet<'_>]) -> Vec<u8> {
        let [record] = &records(packets, CONFIG)[..] else { panic!("one record") };
        let [forward, reverse] = &**record.details.as_ref().unwrap();
        assert_eq!(reverse, &Detail::default());
        forward.payload.clone()
    }

    #[test]
    fn payload_is_what_follows_without_a_gap() {
        let (syn, one, two) =
            (segment(2, 9, b"", 0), segment(16, 10, b"abc", 1), segment(16, 13, b"defghij", 2));
        assert_eq!(payload(&[syn, one, one, two, two]), b"abcdefgh");
        assert_eq!(payload(&[syn, two, one, segment(16, 20, b"k", 3)]), b"", "the first was not seen first");
        assert_eq!(payload(&[one, segment(16, 15, b"xyz", 3)]), b"abc");
    }

    #[test]
    fn packets_are_spread_by_length_and_time() {
        let times = [0, 9, 19, 20, 30_000_000];
        let mut packets = times.map(|micros| segment(16, 1, b"", micros));
        packets[4].ip.octets = 9_001;
        let [record] = &records(&packets, CONFIG)[..] else { panic!("one record") };
        let [Detail { histograms: Some(forward), .. }, _] = &**record.details.as_ref().unwrap() else {
            panic!()
        };
        assert_eq!(forward.lengths, [0, 4, 0, 0, 0, 0, 0, 1]);
        assert_eq!(forward.gaps, [2, 1, 0, 0, 0, 0, 0, 1]);
    }

    #[test]
    fn a_slice_has_packets_of_its_own_and_the_payload_of_the_flow() {
        let at = |seconds| Timestamp::from_parts(seconds, 0);
        let datagram = |seconds, payload| Packet {
            payload,
            timestamp: at(seconds),
            ..packet([1; 4], [2; 4], udp(5, 6))
        };
        let packets: Vec<_> = (0..10)
            .map(|minute| datagram(minute * 50, if minute == 0 { &b"abc"[..] } else { b"-" }))
            .collect();
        let records = records(&packets, CONFIG);
        let seen: Vec<_> = records
            .iter()
            .map(|record| {
                let [forward, _] = &**record.details.as_ref().unwrap();
                let histograms = forward.histograms.unwrap();
                let sums =
                    [histograms.lengths, histograms.gaps].map(|histogram| histogram.iter().sum::<u32>());
                (forward.payload.clone(), sums)
            })
            .collect();
        assert_eq!(seen, [(b"abc-----".to_vec(), [6, 5]), (b"abc-----".to_vec(), [4, 3])]);
    }

    #[test]
    fn nothing_is_kept_unless_it_is_asked_for() {
        let packets = [segment(16, 10, b"abc", 1)];
        assert_eq!(records(&packets, DetailsConfig::default())[0].details, None);
        let payload_only = records(&packets, DetailsConfig { has_histograms: false, ..CONFIG });
        assert_eq!(payload_only[0].details.as_ref().unwrap()[0].histograms, None);
    }
}
