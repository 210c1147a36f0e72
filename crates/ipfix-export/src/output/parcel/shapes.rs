use std::collections::{BTreeMap, BTreeSet};

use crate::{
    VARIABLE_LENGTH,
    message::{OPTIONS_TEMPLATE_SET, TEMPLATE_SET},
};

/// How long the records of each template are, as the templates themselves say it.
#[derive(Clone, Debug, Default)]
pub(super) struct Shapes {
    by_template: BTreeMap<u16, Shape>,
    /// The templates that are of options.
    options: BTreeSet<u16>,
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum Shape {
    /// Every record has that many octets, which are not 0.
    Fixed(usize),
    /// The lengths of the fields.
    Variable(Box<[u16]>),
}

impl Shapes {
    /// Learns of the template whose record `octets` begins with, and returns how long that record is. `None` if it makes no sense.
    pub(super) fn learn(&mut self, set_id: u16, octets: &[u8]) -> Option<usize> {
        let id = number(octets, 0)?;
        let fields = number(octets, 2)?;
        let mut at = match set_id {
            TEMPLATE_SET => 4,
            OPTIONS_TEMPLATE_SET => 6,
            _ => return None,
        };
        let mut lengths = Vec::with_capacity(fields.into());
        for _ in 0..fields {
            let is_enterprise_specific = number(octets, at)? & ENTERPRISE_BIT != 0;
            lengths.push(number(octets, at + 2)?);
            at += if is_enterprise_specific { 8 } else { 4 };
        }
        octets.get(..at)?;
        let shape = if lengths.contains(&VARIABLE_LENGTH) {
            Shape::Variable(lengths.into())
        } else {
            match lengths.iter().map(|length| usize::from(*length)).sum() {
                0 => return None,
                octets => Shape::Fixed(octets),
            }
        };
        self.by_template.insert(id, shape);
        if set_id == OPTIONS_TEMPLATE_SET {
            self.options.insert(id);
        } else {
            self.options.remove(&id);
        }
        Some(at)
    }

    /// Whether this template is one of options.
    pub(super) fn is_options(&self, template: u16) -> bool {
        self.options.contains(&template)
    }

    /// How many records a data set of this template holds; `None` if that cannot be told.
    pub(super) fn count(&self, template: u16, mut records: &[u8]) -> Option<u32> {
        if let Shape::Fixed(octets) = self.by_template.get(&template)? {
            return u32::try_from(records.len() / octets).ok();
        }
        let mut count = 0;
        while !records.is_empty() {
            let octets = self.first(template, records)?;
            records = records.get(octets..)?;
            count += 1;
        }
        Some(count)
    }

    /// How long the first of these records is.
    pub(super) fn first(&self, template: u16, records: &[u8]) -> Option<usize> {
        let lengths = match self.by_template.get(&template)? {
            Shape::Fixed(octets) => return records.get(..*octets).map(|_| *octets),
            Shape::Variable(lengths) => lengths,
        };
        let mut at = 0;
        for length in lengths {
            at += match *length {
                // RFC 7011 section 7.
                VARIABLE_LENGTH => match *records.get(at)? {
                    LONG => 3 + usize::from(number(records, at + 1)?),
                    short => 1 + usize::from(short),
                },
                length => usize::from(length),
            };
        }
        // A record without an octet would be counted for ever.
        records.get(..at).filter(|record| !record.is_empty()).map(|_| at)
    }
}

/// The two octets at a place.
pub(super) fn number(octets: &[u8], at: usize) -> Option<u16> {
    octets.get(at..)?.first_chunk().map(|octets| u16::from_be_bytes(*octets))
}

/// RFC 7011 section 3.2.
const ENTERPRISE_BIT: u16 = 0x8000;
/// RFC 7011 section 7: the length stands in the next two octets.
const LONG: u8 = 255;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_counted_by_their_templates() {
        let mut shapes = Shapes::default();
        let fixed = [1, 0, 0, 2, 0, 4, 0, 1, 0x83, 0xe9, 0, 2, 0, 0, 0x7e, 0xd9, 99];
        assert_eq!(shapes.learn(TEMPLATE_SET, &fixed), Some(16));
        assert_eq!(shapes.count(256, &[0; 9]), Some(3));
        let variable = [1, 1, 0, 2, 0, 1, 0, 4, 0, 1, 0, 96, 0xff, 0xff];
        assert_eq!(shapes.learn(OPTIONS_TEMPLATE_SET, &variable), Some(14));
        let mut records = vec![7, 2, b'a', b'b', 7, 255, 1, 0];
        records.extend([b'x'; 256]);
        records.extend([7, 0]);
        assert!(shapes.is_options(257) && !shapes.is_options(256));
        assert_eq!(shapes.first(257, &records), Some(4));
        assert_eq!(shapes.count(257, &records), Some(3));
    }

    #[test]
    fn what_makes_no_sense_has_no_number() {
        let mut shapes = Shapes::default();
        assert_eq!(shapes.count(256, &[0]), None, "no such template");
        assert_eq!(shapes.learn(TEMPLATE_SET, &[1, 0, 0, 2, 0, 4, 0, 1]), None, "cut");
        assert_eq!(shapes.learn(TEMPLATE_SET, &[1, 0, 0, 1, 0, 4, 0, 0]), None, "records of no octets");
        shapes.learn(TEMPLATE_SET, &[1, 0, 0, 1, 0, 96, 0xff, 0xff]).unwrap();
        assert_eq!(shapes.count(256, &[3, 1]), None, "a value that is cut");
    }
}
