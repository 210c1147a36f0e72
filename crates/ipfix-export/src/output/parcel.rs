//! Messages taken apart, so that their data can be sent in another session than the one they were made for.

mod shapes;

use std::{fmt, sync::Arc};

use self::shapes::{Shapes, number};
use crate::{
    TYPE_INFORMATION_TEMPLATE,
    message::{HEADER, OPTIONS_TEMPLATE_SET, SET_HEADER, TEMPLATE_SET},
};

/// The data of a message, and what a collector has to be told before it.
#[derive(Clone)]
pub(crate) struct Parcel {
    /// A message header and the data sets. The sequence number in it means nothing.
    octets: Vec<u8>,
    pub(crate) data_records: u32,
    /// Those of them that are of options.
    pub(crate) options_records: u32,
    /// Data records that stood between the parcel before and this one, and are lost.
    pub(crate) skipped: u32,
    pub(crate) catalogue: Catalogue,
}

/// All that was announced so far, in the order in which it was. Parcels share it.
pub(crate) type Catalogue = Arc<Vec<Announcement>>;

/// What a collector is told before data: a template, or the description of an element.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Announcement {
    /// The set that it stands in.
    pub(crate) set_id: u16,
    pub(crate) record: Box<[u8]>,
}

/// Makes parcels of the messages of one session, in their order.
#[derive(Debug, Default)]
pub(crate) struct Sorter {
    shapes: Shapes,
    catalogue: Catalogue,
    /// The sequence number that the next message should have.
    expected: u32,
}

/// A message that cannot be read.
#[derive(Debug)]
pub(crate) struct Damaged;

impl Parcel {
    /// The time in its header, in seconds since 1970.
    pub(crate) fn export_time_s(&self) -> u32 {
        header_number(&self.octets, EXPORT_TIME)
    }

    pub(crate) fn observation_domain(&self) -> u32 {
        header_number(&self.octets, OBSERVATION_DOMAIN)
    }

    pub(crate) const fn octets(&self) -> usize {
        self.octets.len()
    }

    /// The message with this sequence number.
    pub(crate) fn message(&self, sequence_number: u32) -> Vec<u8> {
        let mut message = self.octets.clone();
        if let Some(place) = message.get_mut(SEQUENCE_NUMBER..SEQUENCE_NUMBER + 4) {
            place.copy_from_slice(&sequence_number.to_be_bytes());
        }
        message
    }
}

impl fmt::Debug for Parcel {
    /// Leaves the octets out: there may be 65535 of them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parcel")
            .field("octets", &self.octets.len())
            .field("data_records", &self.data_records)
            .field("skipped", &self.skipped)
            .finish_non_exhaustive()
    }
}

impl Announcement {
    /// The id of the template that it is, if it is one.
    pub(crate) fn template(&self) -> Option<u16> {
        (self.set_id != TYPE_INFORMATION_TEMPLATE).then(|| number(&self.record, 0)).flatten()
    }
}

impl Sorter {
    /// Takes the next message. What it announces goes into the catalogue; `None` if there is no data besides.
    ///
    /// # Errors
    ///
    /// The message is none of ours. Nothing that follows can be relied on.
    pub(crate) fn take(&mut self, message: &[u8]) -> Result<Option<Parcel>, Damaged> {
        let mut parcel = Parcel {
            octets: Vec::with_capacity(message.len()),
            data_records: 0,
            options_records: 0,
            skipped: header_number(message, SEQUENCE_NUMBER).wrapping_sub(self.expected),
            catalogue: Catalogue::default(),
        };
        let (header, mut sets) = message.split_at_checked(HEADER).ok_or(Damaged)?;
        parcel.octets.extend_from_slice(header);
        let mut described = 0;
        while !sets.is_empty() {
            let id = number(sets, 0).ok_or(Damaged)?;
            let length = number(sets, 2).ok_or(Damaged)?;
            let (set, rest) = sets.split_at_checked(length.into()).ok_or(Damaged)?;
            let records = set.get(SET_HEADER..).ok_or(Damaged)?;
            match id {
                TEMPLATE_SET | OPTIONS_TEMPLATE_SET | TYPE_INFORMATION_TEMPLATE => {
                    described += self.note(id, records)?;
                }
                _ => {
                    let count = self.shapes.count(id, records).ok_or(Damaged)?;
                    parcel.data_records += count;
                    parcel.options_records += if self.shapes.is_options(id) { count } else { 0 };
                    parcel.octets.extend_from_slice(set);
                }
            }
            sets = rest;
        }
        self.expected = self.expected.wrapping_add(parcel.skipped + parcel.data_records + described);
        if parcel.octets.len() == HEADER {
            // The next one tells of the records that were lost before this one.
            self.expected = self.expected.wrapping_sub(parcel.skipped);
            return Ok(None);
        }
        let length = u16::try_from(parcel.octets.len()).map_err(|_| Damaged)?;
        parcel.octets.get_mut(2..4).ok_or(Damaged)?.copy_from_slice(&length.to_be_bytes());
        parcel.catalogue = Arc::clone(&self.catalogue);
        Ok(Some(parcel))
    }

    /// Notes what a set announces that was not announced yet. Returns how many data records it has.
    fn note(&mut self, set_id: u16, mut records: &[u8]) -> Result<u32, Damaged> {
        let mut data_records = 0;
        while !records.is_empty() {
            let octets = if set_id == TYPE_INFORMATION_TEMPLATE {
                data_records += 1;
                self.shapes.first(set_id, records)
            } else {
                self.shapes.learn(set_id, records)
            };
            let (record, rest) = octets.and_then(|octets| records.split_at_checked(octets)).ok_or(Damaged)?;
            let announcement = Announcement { set_id, record: record.into() };
            if !self.catalogue.contains(&announcement) {
                Arc::make_mut(&mut self.catalogue).push(announcement);
            }
            records = rest;
        }
        Ok(data_records)
    }
}

fn header_number(octets: &[u8], at: usize) -> u32 {
    octets.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |octets| u32::from_be_bytes(*octets))
}

const EXPORT_TIME: usize = 4;
const SEQUENCE_NUMBER: usize = 8;
const OBSERVATION_DOMAIN: usize = 12;
