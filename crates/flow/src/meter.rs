use ahash::RandomState;
use wire::{FragmentId, Packet, Ports, Timestamp, Transport};

use crate::{
    Arrival, Biflow, FlowKey, FlowNumber, FlowRecord, MeterConfig, fragments::FragmentCache, table::FlowTable,
};

/// Turns packets into flow records.
///
/// A packet goes through it in two steps, so that its user can take the first step for several packets before the second for
/// any: [`Meter::place`] finds out which flow it belongs to, [`Meter::account`] counts it there. In between, [`Meter::touch`]
/// has the processor fetch what will be needed, while other packets' flows are on their way too (measured in
/// `benches/flow_table.rs`).
#[derive(Debug)]
pub struct Meter {
    hasher: RandomState,
    fragments: FragmentCache<Beginning>,
    table: FlowTable,
    records: u64,
}

/// What the first fragment of a packet says of those that follow it.
#[derive(Clone, Copy, Debug)]
enum Beginning {
    /// They belong to the flow with these ports.
    Flow(Ports),
    /// They hold the rest of a packet in a tunnel, which was counted whole with the first.
    Carrier,
}

/// What a meter has done so far.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct MeterCounts {
    /// Flows that live.
    pub live: u64,
    /// Flows that there have been.
    pub flows: u64,
    /// Records that were taken.
    pub records: u64,
    /// Flows that were ended to make room for others.
    pub evicted: u64,
}

impl Meter {
    /// A meter without flows.
    pub fn new(config: MeterConfig) -> Self {
        Self {
            hasher: RandomState::new(),
            fragments: FragmentCache::new(FRAGMENTED_PACKETS),
            table: FlowTable::new(config.timeouts.into(), config.memory_octets),
            records: 0,
        }
    }

    /// Finds out which flow a packet belongs to. `clock` is the latest time of all packets up to this one.
    ///
    /// `None` for a fragment of a tunnel packet after its first: the packet that it carries the rest of was counted, whole, when
    /// the first one came.
    #[inline]
    pub fn place<'a>(&mut self, packet: Packet<'a>, clock: Timestamp) -> Option<Arrival<'a>> {
        let (key, sender) = if packet.carrier.is_none() && packet.ip.fragment.is_none() {
            FlowKey::of(&packet)
        } else {
            FlowKey::with_ports(&packet, self.ports_of_fragment(&packet, clock)?)
        };
        #[expect(clippy::cast_possible_truncation, reason = "half of the hash is enough")]
        let hash = self.hasher.hash_one(key) as u32;
        Some(Arrival { packet, key, sender, clock, hash })
    }

    /// Has the processor fetch the flow of a packet that will soon be accounted. What it returns means nothing, and must be used
    /// (see [`std::hint::black_box`]) for that to happen.
    #[inline]
    #[must_use]
    pub fn touch(&self, arrival: &Arrival<'_>) -> u64 {
        self.table.touch(arrival)
    }

    /// Counts a packet to its flow, and says which that is.
    #[inline]
    pub fn account(&mut self, arrival: &Arrival<'_>) -> FlowNumber {
        FlowNumber(self.table.account(arrival))
    }

    /// A flow that lives.
    pub fn flow(&self, number: FlowNumber) -> Option<&Biflow> {
        self.table.flow(number.0)
    }

    /// Tells the meter the time, which it also takes from packets. `true` if it looked for flows that have ended: then take
    /// their records, before any packet is accounted; all that ended before `clock` are among them.
    #[inline]
    #[must_use]
    pub fn advance(&mut self, clock: Timestamp) -> bool {
        self.table.advance(clock)
    }

    /// Ends all flows at `clock`. Take the records afterwards.
    pub fn close(&mut self, clock: Timestamp) {
        self.table.close(clock);
    }

    /// Moves records that are ready into `records`, until it holds `limit`. `false` if there were none.
    pub fn take_records(&mut self, records: &mut Vec<FlowRecord>, limit: usize) -> bool {
        let before = records.len();
        self.table.take_records(records, limit);
        let taken = records.len() - before;
        self.records += u64::try_from(taken).unwrap_or_default();
        taken > 0
    }

    /// What it has done so far.
    pub fn counts(&self) -> MeterCounts {
        let live = u64::try_from(self.table.len()).unwrap_or(u64::MAX);
        MeterCounts { live, flows: self.table.opened(), records: self.records, evicted: self.table.evicted() }
    }

    /// The ports of the flow that a fragment belongs to, which it may have to learn from the first one.
    #[cold]
    fn ports_of_fragment(&mut self, packet: &Packet<'_>, clock: Timestamp) -> Option<Ports> {
        if let Some(carrier) = packet.carrier {
            self.fragments.insert(carrier, Beginning::Carrier, clock);
        }
        let ports = match packet.transport {
            Transport::Tcp(tcp) => tcp.ports,
            Transport::Ports(ports) => ports,
            Transport::Icmp(_) | Transport::Other | Transport::Unseen => Ports::default(),
        };
        let Some(fragment) = packet.ip.fragment else { return Some(ports) };
        let id = FragmentId::new(&packet.ip, packet.segment, fragment);
        if fragment.offset == 0 {
            self.fragments.insert(id, Beginning::Flow(ports), clock);
            return Some(ports);
        }
        match self.fragments.get(&id, clock) {
            Some(Beginning::Flow(ports)) => Some(ports),
            Some(Beginning::Carrier) => None,
            None => Some(ports),
        }
    }
}

/// How many fragmented packets are remembered at a time: a flood of first fragments must not make more of it.
const FRAGMENTED_PACKETS: usize = 1 << 14;
