use std::sync::Arc;

use super::parcel::{Announcement, Catalogue, Parcel};
use crate::{
    TYPE_INFORMATION_TEMPLATE,
    message::{Message, OPTIONS_TEMPLATE_SET},
};

/// A transport session, or a file, while parcels are put into it: what was announced in it, and its sequence numbers.
#[derive(Debug)]
pub(crate) struct Outgoing {
    /// For announcements.
    message: Message,
    announced: Vec<Announcement>,
    /// The last that was announced in full, to know it at a glance.
    catalogue: Option<Catalogue>,
    sequence_number: u32,
    /// Whether records that are lost before the first message show in its sequence number.
    shows_first_gap: bool,
}

/// A message that is ready to go.
#[derive(Debug)]
pub(crate) struct Ready {
    pub(crate) octets: Vec<u8>,
    pub(crate) data_records: u32,
    /// Those of them that describe elements.
    pub(crate) type_records: u32,
    pub(crate) template_records: u32,
}

impl Outgoing {
    /// A session with a collector: its first message has the sequence number 0.
    pub(crate) fn session(maximum_message: u16) -> Self {
        Self {
            message: Message::new(maximum_message),
            announced: Vec::new(),
            catalogue: None,
            sequence_number: 0,
            shows_first_gap: false,
        }
    }

    /// A part of what is kept: it shows all gaps, the first one too.
    pub(crate) fn part(maximum_message: u16) -> Self {
        Self { shows_first_gap: true, ..Self::session(maximum_message) }
    }

    /// Whether nothing was put into it yet.
    pub(crate) const fn is_new(&self) -> bool {
        self.catalogue.is_none()
    }

    /// Whether it announces a template of the same id that is another one. Then it takes a new session.
    pub(crate) fn is_at_odds_with(&self, parcel: &Parcel) -> bool {
        if self.knows(&parcel.catalogue) {
            return false;
        }
        let is_another = |new: &Announcement| {
            let id = new.template();
            id.is_some() && self.announced.iter().any(|old| old.template() == id && old != new)
        };
        parcel.catalogue.iter().any(is_another)
    }

    /// The messages that a parcel becomes here: announcements, if any are due, and its data.
    pub(crate) fn pack(&mut self, parcel: &Parcel) -> Vec<Ready> {
        let is_first = self.is_new();
        let mut ready = Vec::new();
        if !self.knows(&parcel.catalogue) {
            self.announce(parcel, &mut ready);
            self.catalogue = Some(Arc::clone(&parcel.catalogue));
        }
        if !is_first || self.shows_first_gap {
            self.sequence_number = self.sequence_number.wrapping_add(parcel.skipped);
        }
        ready.push(Ready {
            octets: parcel.message(self.sequence_number),
            data_records: parcel.data_records,
            type_records: 0,
            template_records: 0,
        });
        self.sequence_number = self.sequence_number.wrapping_add(parcel.data_records);
        ready
    }

    fn knows(&self, catalogue: &Catalogue) -> bool {
        self.catalogue.as_ref().is_some_and(|known| Arc::ptr_eq(known, catalogue))
    }

    fn announce(&mut self, parcel: &Parcel, ready: &mut Vec<Ready>) {
        let (mut described, mut template_records) = (0, 0);
        for announcement in parcel.catalogue.iter() {
            if self.announced.contains(announcement) {
                continue;
            }
            let Announcement { set_id, record } = announcement;
            if !self.message.holds(self.message.next_record(*set_id), record.len()) {
                self.complete(parcel, &mut described, &mut template_records, ready);
            }
            let start = self.message.next_record(*set_id);
            if let Some(room) = self.message.room(start).get_mut(..record.len()) {
                room.copy_from_slice(record);
                self.message.accept(*set_id, start, record.len());
            }
            if *set_id == TYPE_INFORMATION_TEMPLATE {
                described += 1;
            } else {
                template_records += 1;
            }
            if *set_id == OPTIONS_TEMPLATE_SET {
                // Some collectors cannot read two options templates in one set.
                self.message.close_set();
            }
            self.announced.push(announcement.clone());
        }
        self.complete(parcel, &mut described, &mut template_records, ready);
    }

    fn complete(
        &mut self,
        parcel: &Parcel,
        described: &mut u32,
        template_records: &mut u32,
        ready: &mut Vec<Ready>,
    ) {
        if self.message.is_empty() {
            return;
        }
        let (time, domain) = (parcel.export_time_s(), parcel.observation_domain());
        let octets = self.message.complete(time, self.sequence_number, domain).to_vec();
        self.message.clear();
        self.sequence_number = self.sequence_number.wrapping_add(*described);
        let (data_records, template_records) = (std::mem::take(described), std::mem::take(template_records));
        // Announcements hold no other data.
        ready.push(Ready { octets, data_records, type_records: data_records, template_records });
    }
}
