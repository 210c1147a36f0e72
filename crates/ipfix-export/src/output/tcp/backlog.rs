use std::{collections::VecDeque, io};

use super::{
    notice::{Gap, Notice},
    spool::{Place, Spool},
};
use crate::{Statistics, output::parcel::Parcel};

/// What a collector has yet to get, in the order in which it is to get it: first what is on its way, then what waits in memory, then what
/// is in the spool.
///
/// While something is in the spool, whatever comes goes there too, so that nothing overtakes. Without a connection memory is empty if there
/// is a spool: what a crash of the program would take along is what was on its way at that moment.
#[derive(Debug)]
pub(super) struct Backlog {
    memory: VecDeque<Parcel>,
    /// Of what is in memory, and of what is on its way from there.
    memory_octets: usize,
    memory_limit: usize,
    spool: Option<Spool>,
    spool_limit: u64,
    is_connected: bool,
    /// Why it is not, as it was told last.
    away: Option<String>,
    /// Whether an earlier run has left something in the spool, and there was no connection yet.
    has_inherited: bool,
    /// Parcels that are on their way.
    on_way: usize,
    /// What is lost since a parcel found room last.
    gap: Option<Gap>,
    statistics: Statistics,
    notices: VecDeque<Notice>,
    /// Whether the spool has refused to work, and that was told.
    has_told_of_spool: bool,
}

/// A parcel that was sent and is not confirmed.
#[derive(Debug)]
pub(super) struct OnWay {
    pub(super) parcel: Parcel,
    pub(super) origin: Origin,
    /// Where it ends among all octets of the connection.
    pub(super) end: u64,
    /// What it became there, with its announcements.
    pub(super) messages: u64,
    pub(super) octets: u64,
    pub(super) data_records: u64,
    pub(super) type_records: u64,
    pub(super) template_records: u64,
}

/// Where a parcel was before it was on its way.
#[derive(Clone, Copy, Debug)]
pub(super) enum Origin {
    Memory,
    Spool(Place),
}

impl Backlog {
    pub(super) fn new(memory_limit: usize, spool: Option<(Spool, u64)>) -> Self {
        let (mut spool, spool_limit) = spool.map_or((None, 0), |(spool, limit)| (Some(spool), limit));
        let damage = spool.as_mut().map(Spool::take_damage).unwrap_or_default();
        let has_inherited = spool.as_ref().is_some_and(|spool| spool.records() > 0);
        Self {
            memory: VecDeque::new(),
            memory_octets: 0,
            memory_limit,
            spool,
            spool_limit,
            is_connected: false,
            away: None,
            has_inherited,
            on_way: 0,
            gap: None,
            statistics: Statistics::default(),
            notices: damage.into_iter().map(Notice::Spool).collect(),
            has_told_of_spool: false,
        }
    }

    /// Takes a parcel behind all others, or gives it back if there is no room.
    pub(super) fn put(&mut self, mut parcel: Parcel) -> Result<(), Parcel> {
        if !self.has_room(parcel.octets()) {
            return Err(parcel);
        }
        let gap = self.gap.map_or(0, |gap| gap.records);
        let skipped = parcel.skipped;
        parcel.skipped = skipped.wrapping_add(u32::try_from(gap).unwrap_or(u32::MAX));
        if let Err(mut parcel) = self.store(parcel) {
            parcel.skipped = skipped;
            return Err(parcel);
        }
        self.close_gap();
        Ok(())
    }

    /// Counts a parcel as lost.
    pub(super) fn lose(&mut self, parcel: &Parcel) {
        let time = parcel.export_time_s();
        let gap = self.gap.get_or_insert(Gap {
            messages: 0,
            records: 0,
            first_export_s: time,
            last_export_s: time,
        });
        gap.messages += 1;
        gap.records += u64::from(parcel.data_records);
        gap.last_export_s = time;
        self.statistics.lost_messages += 1;
        self.statistics.lost_records += u64::from(parcel.data_records);
        self.statistics.lost_options_records += u64::from(parcel.options_records);
    }

    /// The next parcel, which is then on its way.
    pub(super) fn next(&mut self) -> Option<(Parcel, Origin)> {
        let next = match self.memory.pop_front() {
            Some(parcel) => Some((parcel, Origin::Memory)),
            None => match self.spool.as_mut()?.next() {
                Ok(next) => next.map(|(parcel, place)| (parcel, Origin::Spool(place))),
                Err(error) => {
                    self.give_spool_up(&error);
                    None
                }
            },
        };
        self.on_way += usize::from(next.is_some());
        next
    }

    /// Notes that these parcels were confirmed.
    pub(super) fn confirm(&mut self, confirmed: impl Iterator<Item = OnWay>) {
        let mut failure = None;
        for sent in confirmed {
            let OnWay {
                parcel, origin, messages, octets, data_records, type_records, template_records, ..
            } = sent;
            self.on_way -= 1;
            let statistics = &mut self.statistics;
            statistics.messages += messages;
            statistics.octets += octets;
            statistics.data_records += data_records;
            statistics.options_records += u64::from(parcel.options_records) + type_records;
            statistics.type_records += type_records;
            statistics.template_records += template_records;
            match origin {
                Origin::Memory => self.memory_octets = self.memory_octets.saturating_sub(parcel.octets()),
                Origin::Spool(place) => {
                    let outcome = self.spool.as_mut().map(|spool| spool.confirm(place, parcel.data_records));
                    failure = outcome.and_then(Result::err).or(failure);
                }
            }
        }
        if let Some(spool) = self.spool.as_mut().filter(|spool| !spool.is_empty()) {
            failure = spool.settle().err().or(failure);
        }
        if let Some(error) = failure {
            self.tell_of_spool(&error);
        }
    }

    /// Notes that there is a connection; to which of several collectors, if there are several.
    pub(super) fn connect(&mut self, collector: Option<&str>) {
        self.is_connected = true;
        // What comes while the first connection is made has not waited.
        let have_waited = self.away.take().is_some() | std::mem::take(&mut self.has_inherited);
        let waiting_records = if have_waited { self.waiting_records() } else { 0 };
        self.tell(Notice::Connected { collector: collector.map(ToOwned::to_owned), waiting_records });
    }

    /// Takes back what was on its way, in its order, since there is no connection any more.
    pub(super) fn disconnect(&mut self, on_way: impl DoubleEndedIterator<Item = (Parcel, Origin)>) {
        self.is_connected = false;
        self.on_way = 0;
        for (parcel, origin) in on_way.rev() {
            if matches!(origin, Origin::Memory) {
                self.memory.push_front(parcel);
            }
        }
        if let Some(spool) = &mut self.spool {
            spool.rewind();
            self.stow_all();
        }
    }

    /// Says why there is no connection, unless that was told.
    pub(super) fn tell_away(&mut self, reason: String) {
        if self.away.as_ref() != Some(&reason) {
            self.away = Some(reason.clone());
            self.tell(Notice::Away { reason });
        }
    }

    /// Why there is no connection, if there is none and it was tried.
    pub(super) fn away(&self) -> Option<&str> {
        self.away.as_deref()
    }

    /// Ends. What is left stays in the spool, which others may use from now on, or is lost if there is none.
    pub(super) fn end(&mut self) {
        if self.spool.take().is_none() {
            for parcel in std::mem::take(&mut self.memory) {
                self.lose(&parcel);
            }
            self.memory_octets = 0;
        }
        self.close_gap();
    }

    /// Data records that wait or are on their way, those of an earlier run too.
    pub(super) fn waiting_records(&self) -> u64 {
        let memory = self.memory.iter().map(|parcel| u64::from(parcel.data_records)).sum::<u64>();
        memory + self.spool.as_ref().map_or(0, Spool::records)
    }

    /// Whether all that came is confirmed.
    pub(super) fn is_empty(&self) -> bool {
        self.memory.is_empty() && self.on_way == 0 && self.spool.as_ref().is_none_or(Spool::is_empty)
    }

    pub(super) const fn spool(&self) -> Option<&Spool> {
        self.spool.as_ref()
    }

    pub(super) const fn statistics(&self) -> Statistics {
        self.statistics
    }

    pub(super) fn take_notices(&mut self) -> Vec<Notice> {
        self.notices.drain(..).collect()
    }

    fn tell(&mut self, notice: Notice) {
        if self.notices.len() >= MOST_NOTICES {
            self.notices.pop_front();
        }
        self.notices.push_back(notice);
    }

    /// Once something was lost, there is room again only when a part has become free: so there is one gap and not a thousand.
    fn has_room(&self, octets: usize) -> bool {
        let octets_of = |octets: usize| u64::try_from(octets).unwrap_or(u64::MAX);
        let (taken, limit) = match &self.spool {
            Some(spool) => (spool.octets() + octets_of(self.memory_octets), self.spool_limit),
            None => (octets_of(self.memory_octets), octets_of(self.memory_limit)),
        };
        let limit = if self.gap.is_some() { limit - limit / 4 } else { limit };
        taken + octets_of(octets) <= limit
    }

    fn store(&mut self, parcel: Parcel) -> Result<(), Parcel> {
        let fits_memory = self.memory_octets + parcel.octets() <= self.memory_limit;
        let Some(spool) = &mut self.spool else {
            self.keep_in_memory(parcel);
            return Ok(());
        };
        if self.is_connected && spool.is_empty() && fits_memory {
            self.keep_in_memory(parcel);
            return Ok(());
        }
        if self.is_connected && spool.is_empty() {
            self.stow();
        }
        if let Some(Err(error)) = self.spool.as_mut().map(|spool| spool.append(&parcel)) {
            self.tell_of_spool(&error);
            return Err(parcel);
        }
        self.has_told_of_spool = false;
        Ok(())
    }

    fn keep_in_memory(&mut self, parcel: Parcel) {
        self.memory_octets += parcel.octets();
        self.memory.push_back(parcel);
    }

    /// Moves what waits in memory behind what is in the spool.
    fn stow(&mut self) {
        for parcel in std::mem::take(&mut self.memory) {
            self.memory_octets -= parcel.octets();
            if let Some(Err(error)) = self.spool.as_mut().map(|spool| spool.append(&parcel)) {
                self.tell_of_spool(&error);
                self.lose(&parcel);
            }
        }
    }

    /// Moves what was in memory into the spool, before what is there.
    fn stow_all(&mut self) {
        let Some(spool) = self.spool.as_mut().filter(|spool| !spool.is_empty()) else { return self.stow() };
        if self.memory.is_empty() {
            return;
        }
        let parcels = Vec::from(std::mem::take(&mut self.memory));
        self.memory_octets = 0;
        if let Err(error) = spool.prepend(&parcels) {
            self.tell_of_spool(&error);
            for parcel in &parcels {
                self.lose(parcel);
            }
        }
    }

    fn close_gap(&mut self) {
        if let Some(gap) = self.gap.take() {
            self.tell(Notice::Lost(gap));
        }
    }

    #[cold]
    fn give_spool_up(&mut self, error: &io::Error) {
        let Some(spool) = &mut self.spool else { return };
        let folder = spool.folder().display().to_string();
        let records = spool.abandon();
        self.statistics.lost_records += records;
        let text = format!("cannot read the spool {folder}: {error}; {records} records in it are lost");
        self.tell(Notice::Spool(text));
    }

    #[cold]
    fn tell_of_spool(&mut self, error: &io::Error) {
        if let Some(spool) = &self.spool
            && !std::mem::replace(&mut self.has_told_of_spool, true)
        {
            let text = format!("cannot write to the spool {}: {error}", spool.folder().display());
            self.tell(Notice::Spool(text));
        }
    }
}

const MOST_NOTICES: usize = 64;
