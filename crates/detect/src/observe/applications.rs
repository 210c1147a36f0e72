use std::sync::Arc;

use ahash::RandomState;
use application::{Application, Conversation, Recognized, may_begin, may_lead_to_tls};
use flow::{Accounted, Biflow, EndReason, FlowId, FlowKey, FlowNumber, FlowRecord, Meter, Side};
use hashbrown::HashMap;
use smallvec::SmallVec;
use wire::{Packet, TcpFlags, Timestamp, Transport};

use super::listening::Listening;

/// Finds out what applications the flows of one worker have, and tells it with their records.
///
/// It is an observer beside [`Observer`](super::Observer), with a mark of its own ([`Meter::second_mark`]): the first packets of each
/// flow are looked at, and those of a flow that may be of an application are listened to until enough is known. A packet after that, and
/// any of another flow, costs a look at the mark.
///
/// What a record is told depends on packets alone: of a flow that the active timeout has cut, a record has what was known when it was
/// cut, however late it is taken.
#[derive(Debug)]
pub struct Applications {
    /// Entries lie elsewhere, so that the table takes little where it is empty, and when it has to grow.
    by_flow: HashMap<FlowId, Box<Entry>, RandomState>,
    /// What the entries take.
    octets: usize,
    config: ApplicationsConfig,
    /// When it is looked for flows that have gone without a word.
    next_look: Timestamp,
    evicted: u64,
}

/// How much may be kept of applications.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ApplicationsConfig {
    /// What is known, and what is listened to, may take so many octets in memory.
    pub octets: usize,
    /// No flow goes on without a record for as long as this.
    pub longest_silence_nanos: u64,
}

/// What is known of a flow.
#[derive(Debug)]
struct Entry {
    initiator: Side,
    /// `None` when enough is known.
    conversation: Option<Box<Conversation>>,
    /// The opening of the record during which the conversation said what is not in `known` yet.
    learned: Option<Timestamp>,
    /// What others have recognized.
    recognized: Option<Recognized>,
    /// Packets that are still looked at for what is inside of that.
    looks: u8,
    known: Versions,
    /// The clock at the latest packet that was listened to, or the end of the latest record.
    last: Timestamp,
    octets: usize,
}

/// What was known when: the latest of each record, with the time at which that record was opened. What an earlier record knew stays, for
/// that may not have been taken yet.
type Versions = SmallVec<[(Timestamp, Arc<Application>); 1]>;

impl Applications {
    /// Nothing is known.
    pub fn new(config: ApplicationsConfig) -> Self {
        Self {
            by_flow: HashMap::with_hasher(RandomState::new()),
            octets: 0,
            config,
            next_look: Timestamp::ZERO,
            evicted: 0,
        }
    }

    /// Takes in a packet that came when the capture's clock showed `clock`, and that `meter` has just counted.
    #[inline]
    pub fn packet(&mut self, packet: &Packet<'_>, accounted: Accounted, clock: Timestamp, meter: &mut Meter) {
        let known = if accounted.is_new { Listening::NEW } else { Listening::of(accounted.second_mark) };
        if !known.is_over() {
            self.listen(packet, accounted, known, clock, meter);
        }
    }

    /// Takes in what others have recognized of a flow that lives, by a packet that came when the capture's clock showed `clock`, and that
    /// was shown here. It may be said again.
    pub fn recognize(
        &mut self,
        flow: FlowNumber,
        recognized: Recognized,
        clock: Timestamp,
        meter: &mut Meter,
    ) {
        let (Some(biflow), Some(id)) = (meter.flow(flow), meter.flow_id(flow)) else { return };
        let entry = self.by_flow.entry(id).or_insert_with(|| Box::new(Entry::new(biflow.initiator())));
        if entry.recognized == Some(recognized) {
            return;
        }
        entry.recognize(recognized, biflow.record_opened());
        // Inside of RDP there may be TLS to come.
        let goes_on = entry.conversation.is_some() || recognized == Recognized::Rdp;
        let listening = if goes_on { Listening::FOLLOWED } else { Listening::KNOWN };
        let change = entry.settle(clock);
        self.count(change);
        meter.second_mark(flow, listening.mark());
    }

    /// What was known of a record's flow when the record was cut. Each record has to be asked for once, in their order.
    #[inline]
    pub fn of_record(&mut self, record: &FlowRecord) -> Option<Arc<Application>> {
        if Listening::of(record.second_mark).is_followed() { self.of_followed(record) } else { None }
    }

    /// Forgets flows that have gone without a record, as they do if nothing came after one that the active timeout has cut. All records
    /// that ended before `clock` have been asked for.
    pub fn forget_before(&mut self, clock: Timestamp) {
        if clock < self.next_look {
            return;
        }
        self.next_look = clock.saturating_add_nanos(self.config.longest_silence_nanos);
        let (silence, octets) = (self.config.longest_silence_nanos, &mut self.octets);
        self.by_flow.retain(|_, entry| {
            let stays = clock.nanos_since(entry.last) < silence;
            *octets -= if stays { 0 } else { entry.octets };
            stays
        });
    }

    /// How many flows were given up for others.
    pub const fn evicted(&self) -> u64 {
        self.evicted
    }

    /// Of how many flows something is kept.
    pub fn len(&self) -> usize {
        self.by_flow.len()
    }

    /// Is nothing kept?
    pub fn is_empty(&self) -> bool {
        self.by_flow.is_empty()
    }

    #[inline(never)]
    fn listen(
        &mut self,
        packet: &Packet<'_>,
        accounted: Accounted,
        known: Listening,
        clock: Timestamp,
        meter: &mut Meter,
    ) {
        let (has_streams, says_nothing) = match &packet.transport {
            Transport::Tcp(tcp) => {
                let closes = tcp.flags.0 & (TcpFlags::FIN.0 | TcpFlags::RST.0) != 0;
                (true, packet.payload.is_empty() && !(closes && known.is_followed()))
            }
            Transport::Ports(_) if packet.ip.protocol == UDP => (true, packet.payload.is_empty()),
            // A later fragment, or less than a header: it says nothing of what the others are.
            Transport::Ports(_) if packet.ip.protocol == TCP => (true, true),
            Transport::Unseen => (true, true),
            _ => (false, true),
        };
        let after = if !has_streams {
            Listening::OVER
        } else if says_nothing {
            known
        } else if known == Listening::FOLLOWED {
            self.follow(packet, accounted, clock, meter)
        } else {
            self.look(packet, accounted, known, clock, meter)
        };
        if after.mark() != accounted.second_mark {
            meter.second_mark(accounted.flow, after.mark());
        }
    }

    /// Looks at the octets of a packet, and follows its flow if they may be of an application.
    fn look(
        &mut self,
        packet: &Packet<'_>,
        accounted: Accounted,
        known: Listening,
        clock: Timestamp,
        meter: &Meter,
    ) -> Listening {
        let Some(flow) = meter.flow(accounted.flow) else { return Listening::OVER };
        let begins = may_begin(packet);
        // Only the first segment that is seen can have overtaken the first one.
        let may_be_first = || known == Listening::NEW && is_ahead(packet, flow);
        if !begins && !may_be_first() {
            // Of those looks there are enough for what clients say before TLS, and not for the answers, too.
            return if known != Listening::NEW && may_lead_to_tls(packet) { known } else { known.looked() };
        }
        let Some(id) = meter.flow_id(accounted.flow) else { return Listening::OVER };
        // It begins here, whatever was said before: so it is with TLS that two ends of something else have agreed on.
        let syn_sequence = flow.syn_sequence().filter(|_| !begins);
        let Some(conversation) = Conversation::of(packet, syn_sequence) else { return Listening::OVER };
        let conversation = Some(Box::new(conversation));
        let entry = self.by_flow.entry(id).or_insert_with(|| Box::new(Entry::new(flow.initiator())));
        entry.conversation = conversation;
        self.follow(packet, accounted, clock, meter)
    }

    /// Shows a packet to the conversation that it is of.
    fn follow(
        &mut self,
        packet: &Packet<'_>,
        accounted: Accounted,
        clock: Timestamp,
        meter: &Meter,
    ) -> Listening {
        let (Some(flow), Some(id)) = (meter.flow(accounted.flow), meter.flow_id(accounted.flow)) else {
            return Listening::OVER;
        };
        // It may have been given up.
        let Some(entry) = self.by_flow.get_mut(&id) else { return Listening::OVER };
        let opened = flow.record_opened();
        if entry.learned.is_some_and(|learned| learned != opened) {
            entry.set_down();
        }
        if entry.conversation.is_none() {
            entry.look_inside(packet);
        }
        let Some(conversation) = &mut entry.conversation else {
            return if entry.looks > 0 { Listening::FOLLOWED } else { Listening::KNOWN };
        };
        let (_, sender) = FlowKey::of(packet);
        if conversation.packet(packet, sender == entry.initiator) {
            entry.learned = Some(opened);
        }
        let is_done = conversation.is_done();
        if is_done {
            entry.end();
        }
        if is_done && entry.known.is_empty() {
            self.remove(id);
            return Listening::OVER;
        }
        let change = entry.settle(clock);
        self.count(change);
        if is_done { Listening::KNOWN } else { Listening::FOLLOWED }
    }

    /// Counts what an entry takes, by what it took before and takes now.
    fn count(&mut self, [before, octets]: [usize; 2]) {
        self.octets = self.octets - before + octets;
        if self.octets > self.config.octets {
            self.make_room();
        }
    }

    #[inline(never)]
    fn of_followed(&mut self, record: &FlowRecord) -> Option<Arc<Application>> {
        if record.end_reason != EndReason::ActiveTimeout {
            // Nothing more will come of this flow.
            return self.remove(record.id).and_then(|entry| entry.latest(record.opened));
        }
        let entry = self.by_flow.get_mut(&record.id)?;
        if entry.learned.is_some_and(|learned| learned <= record.opened) {
            entry.set_down();
        }
        entry.last = entry.last.max(record.ended);
        let known = entry.known.partition_point(|(opened, _)| *opened <= record.opened).checked_sub(1)?;
        // Records after this one know this much at least.
        entry.known.drain(..known);
        let application = entry.known.first().map(|(_, known)| Arc::clone(known));
        let octets = entry.size();
        self.octets = self.octets - std::mem::replace(&mut entry.octets, octets) + octets;
        application
    }

    fn remove(&mut self, flow: FlowId) -> Option<Box<Entry>> {
        let entry = self.by_flow.remove(&flow)?;
        self.octets -= entry.octets;
        Some(entry)
    }

    /// Gives up those of which nothing was heard for longest, many at a time so that this is not done for each new one.
    #[cold]
    fn make_room(&mut self) {
        let mut oldest: Vec<_> = self.by_flow.iter().map(|(flow, entry)| (entry.last, *flow)).collect();
        oldest.sort_unstable();
        for (_, flow) in oldest {
            if self.octets <= self.config.octets / EVICTED_PART * (EVICTED_PART - 1) {
                return;
            }
            if self.remove(flow).is_some() {
                self.evicted += 1;
            }
        }
    }
}

impl Entry {
    fn new(initiator: Side) -> Self {
        Self {
            initiator,
            conversation: None,
            learned: None,
            recognized: None,
            looks: LOOKS_INSIDE,
            known: SmallVec::new(),
            last: Timestamp::ZERO,
            octets: 0,
        }
    }

    /// Others have recognized the protocol, in the record that was `opened` then.
    fn recognize(&mut self, recognized: Recognized, opened: Timestamp) {
        self.set_down();
        self.recognized = Some(recognized);
        let known = self.known.last().map(|(_, known)| Arc::clone(known));
        self.learn(opened, Application::recognized(recognized, known.as_deref()));
    }

    /// Looks at a packet of a flow that others have recognized, for what may begin inside of that.
    fn look_inside(&mut self, packet: &Packet<'_>) {
        if self.looks > 0 && may_begin(packet) {
            self.conversation = Conversation::of(packet, None).map(Box::new);
        }
        self.looks = self.looks.saturating_sub(1);
    }

    /// What the conversation said has to stay as it is for a record, while it goes on.
    fn set_down(&mut self) {
        let application = self.conversation.as_ref().and_then(|conversation| conversation.application());
        let application = application.map(|application| match self.recognized {
            Some(recognized) => Application::recognized(recognized, Some(application)),
            None => application.clone(),
        });
        if let Some((learned, application)) = self.learned.take().zip(application) {
            self.learn(learned, application);
        }
    }

    /// Nothing more will be said.
    fn end(&mut self) {
        if self.recognized.is_some() {
            self.set_down();
        }
        let application = self.conversation.take().and_then(|conversation| conversation.into_application());
        if let Some((learned, application)) = self.learned.take().zip(application) {
            self.learn(learned, application);
        }
    }

    /// All that is known at the end of the flow, whose last record was `opened` then.
    fn latest(mut self, opened: Timestamp) -> Option<Arc<Application>> {
        if self.conversation.as_mut().is_some_and(|conversation| conversation.finish()) {
            self.learned = Some(opened);
        }
        self.end();
        self.known.pop().map(|(_, known)| known)
    }

    /// Takes note of what is known in the record that was `opened` then.
    fn learn(&mut self, opened: Timestamp, application: Application) {
        let application = Arc::new(application);
        match self.known.last_mut() {
            Some((latest, before)) if *latest == opened => *before = application,
            _ => self.known.push((opened, application)),
        }
    }

    /// It was changed at `clock`. What it took before, and takes now.
    fn settle(&mut self, clock: Timestamp) -> [usize; 2] {
        self.last = clock;
        let octets = self.size();
        [std::mem::replace(&mut self.octets, octets), octets]
    }

    fn size(&self) -> usize {
        let known: usize = self.known.iter().map(|(_, known)| known.octets()).sum();
        // The table has an octet of its own for each, and room for some more.
        size_of::<(FlowId, Box<Self>)>() * 2
            + size_of::<Self>()
            + known
            + self.conversation.as_ref().map_or(0, |said| said.octets())
    }
}

/// Whether a segment of the initiator overtook the first one, of which it does not say what it is.
fn is_ahead(packet: &Packet<'_>, flow: &Biflow) -> bool {
    let (Transport::Tcp(tcp), Some(syn)) = (&packet.transport, flow.syn_sequence()) else { return false };
    let ahead = tcp.sequence.wrapping_sub(syn.wrapping_add(1));
    let (_, sender) = FlowKey::of(packet);
    sender == flow.initiator() && (1..=MOST_AHEAD).contains(&ahead)
}

const TCP: u8 = 6;
const UDP: u8 = 17;
/// Packets of a remote desktop that are looked at for TLS: it begins behind a message or two of each end.
const LOOKS_INSIDE: u8 = 4;
const EVICTED_PART: usize = 16;
/// Some segments.
const MOST_AHEAD: u32 = 4_096;

#[cfg(test)]
mod tests;
