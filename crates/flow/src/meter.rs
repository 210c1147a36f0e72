use ahash::RandomState;
use wire::{Packet, Timestamp};

use crate::{
    Biflow, FlowId, FlowKey, FlowNumber, FlowRecord, MeterConfig, Placed, Placement, Side,
    key::ports,
    reassociation::{Belonging, Reassociation},
    table::FlowTable,
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
    fragments: Reassociation,
    table: FlowTable,
    records: u64,
    waited: PacketCount,
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
    /// Packets that were [`Placed::Waiting`] and have been accounted since.
    pub waited: PacketCount,
}

/// Where a packet was counted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Accounted {
    /// Its flow.
    pub flow: FlowNumber,
    /// The packet has opened the flow: whatever was known of the number before belongs to another one.
    pub is_new: bool,
    /// What [`Meter::mark`] noted of the flow last, 0 if nothing.
    pub mark: u8,
    /// What [`Meter::second_mark`] noted of the flow last, 0 if nothing.
    pub second_mark: u8,
}

/// Packets and their octets from the IP header on.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct PacketCount {
    /// How many.
    pub packets: u64,
    /// Their octets.
    pub octets: u64,
}

impl MeterCounts {
    /// Adds what another meter has done.
    pub const fn add(&mut self, other: &Self) {
        self.live += other.live;
        self.flows += other.flows;
        self.records += other.records;
        self.evicted += other.evicted;
        self.waited.packets += other.waited.packets;
        self.waited.octets += other.waited.octets;
    }
}

impl Meter {
    /// A meter without flows.
    pub fn new(config: MeterConfig) -> Self {
        Self {
            hasher: RandomState::new(),
            fragments: Reassociation::new(),
            table: FlowTable::new(config),
            records: 0,
            waited: PacketCount::default(),
        }
    }

    /// Finds out which flow a packet belongs to. `clock` is the latest time of all packets up to this one. Packets have to be
    /// accounted in the order in which they were placed.
    #[inline]
    pub fn place(&mut self, packet: &Packet<'_>, clock: Timestamp) -> Placed {
        let mut placement = Placement::default();
        match self.place_into(packet, clock, &mut placement) {
            Placed::InFlow(()) => Placed::InFlow(placement),
            Placed::Carried => Placed::Carried,
            Placed::Waiting => Placed::Waiting,
        }
    }

    /// As [`Meter::place`], and fills the placement in where it is to stay, if the packet belongs to a flow: moving it about costs more
    /// than working it out.
    #[inline]
    pub fn place_into(
        &mut self,
        packet: &Packet<'_>,
        clock: Timestamp,
        placement: &mut Placement,
    ) -> Placed<()> {
        if packet.carrier.is_none() && packet.ip.fragment.is_none() {
            placement.sender = placement.key.set(packet, ports(&packet.transport));
            placement.hash = self.hash(&placement.key);
            (placement.clock, placement.releases) = (clock, false);
            placement.sighting.number = None;
            return Placed::InFlow(());
        }
        self.place_fragment(packet, clock, placement)
    }

    /// Looks for the flow of a packet that will soon be accounted, and has the processor fetch it. What it returns means nothing, and must
    /// be used (see [`std::hint::black_box`]) for that to happen.
    #[inline]
    #[must_use]
    pub fn touch(&self, placement: &mut Placement) -> u64 {
        self.table.touch(placement)
    }

    /// Counts a packet to its flow, and says which that is. What waited for the packet is counted behind it.
    #[inline]
    pub fn account(&mut self, packet: &Packet<'_>, placement: &Placement) -> Accounted {
        self.account_overdue(placement.clock);
        let accounted = self.table.account(packet, placement);
        if placement.releases {
            self.account_released(placement);
        }
        accounted
    }

    /// Notes an octet of a flow, for whoever observes its packets. It lies with what each packet has fetched anyway, and comes with
    /// each that is accounted, until the flow ends.
    #[inline]
    pub fn mark(&mut self, flow: FlowNumber, mark: u8) {
        self.table.mark(flow.0, mark);
    }

    /// Notes three bits of a flow, 0 to 7, for a second observer, which need not know of the first. Records come with them, too.
    #[inline]
    pub fn second_mark(&mut self, flow: FlowNumber, mark: u8) {
        self.table.second_mark(flow.0, mark);
    }

    /// A flow that lives.
    pub fn flow(&self, number: FlowNumber) -> Option<&Biflow> {
        self.table.flow(number.0)
    }

    /// The identity of a flow that lives, which its records have, too.
    pub fn flow_id(&self, number: FlowNumber) -> Option<FlowId> {
        self.table.flow_id(number.0)
    }

    /// Tells the meter the time, which it also takes from packets. `true` if it looked for flows that have ended: then take
    /// their records, before any packet is accounted; all that ended before `clock` are among them.
    #[inline]
    #[must_use]
    pub fn advance(&mut self, clock: Timestamp) -> bool {
        self.account_overdue(clock);
        self.table.advance(clock)
    }

    /// Looks for flows that have ended, whether it is time for that or not: for others who wait to hear how far this meter has come.
    /// It costs in proportion to the flows that live. Take the records afterwards, as after [`Self::advance`].
    pub fn look(&mut self, clock: Timestamp) {
        self.account_overdue(clock);
        self.table.look(clock);
    }

    /// Ends all flows at `clock`. Take the records afterwards.
    pub fn close(&mut self, clock: Timestamp) {
        self.account_overdue(clock);
        while let Some((until, packets)) = self.fragments.next_overdue(Timestamp::MAX) {
            self.account_without_ports(&packets, until.min(clock));
        }
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
        MeterCounts {
            live: u64::try_from(self.table.len()).unwrap_or(u64::MAX),
            flows: self.table.opened(),
            records: self.records,
            evicted: self.table.evicted(),
            waited: self.waited,
        }
    }

    fn placement(&self, key: FlowKey, sender: Side, clock: Timestamp) -> Placement {
        Placement { key, sender, clock, hash: self.hash(&key), ..Placement::default() }
    }

    #[inline]
    fn hash(&self, key: &FlowKey) -> u32 {
        #[expect(clippy::cast_possible_truncation, reason = "half of the hash is enough")]
        let hash = self.hasher.hash_one(key) as u32;
        hash
    }

    #[cold]
    fn place_fragment(
        &mut self,
        packet: &Packet<'_>,
        clock: Timestamp,
        placement: &mut Placement,
    ) -> Placed<()> {
        match self.fragments.belonging(packet, clock) {
            Belonging::Flow { above, releases } => {
                let (key, sender) = FlowKey::of_fragment(packet, above);
                *placement = self.placement(key, sender, clock);
                placement.releases = releases;
                Placed::InFlow(())
            }
            Belonging::Carried => Placed::Carried,
            Belonging::Waits => Placed::Waiting,
        }
    }

    /// Accounts the fragments that came before their first, whose placement this is.
    #[cold]
    fn account_released(&mut self, placement: &Placement) {
        for packet in self.fragments.next_released() {
            self.table.account(&packet, placement);
            self.count_waited(&packet);
        }
    }

    /// Accounts fragments whose first has not come until `clock`: each at the moment when its time was over, so that it does not
    /// matter when somebody looks.
    #[inline]
    fn account_overdue(&mut self, clock: Timestamp) {
        if self.fragments.may_be_overdue(clock) {
            while let Some((until, packets)) = self.fragments.next_overdue(clock) {
                self.account_without_ports(&packets, until);
            }
        }
    }

    #[cold]
    fn account_without_ports(&mut self, packets: &[Packet<'static>], clock: Timestamp) {
        for packet in packets {
            let (key, sender) = FlowKey::of(packet);
            let placement = self.placement(key, sender, clock);
            self.table.account(packet, &placement);
            self.count_waited(packet);
        }
    }

    fn count_waited(&mut self, packet: &Packet<'_>) {
        self.waited.packets += 1;
        self.waited.octets += u64::from(packet.ip.octets);
    }
}
