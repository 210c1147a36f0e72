//! The information elements of our own, and `flowcanary elements`, which prints their definitions for collectors.

mod formats;
pub(crate) mod registry;

use std::io::{self, Write as _};

use anyhow::Context as _;
use ipfix_export::{DataType, ElementError, InformationElement, Semantics, Units};

pub(crate) use formats::ElementsFormat;

use crate::outcome::Outcome;

/// An information element of our own. Its enterprise is chosen by who runs the program.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Element {
    pub(crate) id: u16,
    pub(crate) name: &'static str,
    pub(crate) data_type: DataType,
    pub(crate) semantics: Semantics,
    pub(crate) units: Units,
    pub(crate) description: &'static str,
}

impl Element {
    /// The element under the Private Enterprise Number `pen`.
    pub(crate) fn under(&self, pen: u32) -> Result<InformationElement, ElementError> {
        let element = InformationElement::new(pen, self.id, self.name, self.data_type)?;
        Ok(element.with_semantics(self.semantics).with_units(self.units).with_description(self.description))
    }
}

/// `flowcanary elements`: prints the definitions in the form that a collector reads.
pub(crate) fn print(format: ElementsFormat, pen: u32) -> anyhow::Result<Outcome> {
    let text = formats::definitions(format, pen);
    io::stdout().write_all(text.as_bytes()).context("cannot write to standard output")?;
    Ok(Outcome::Done)
}

/// The number that RFC 5612 sets aside for examples: nobody else is to see it.
pub(crate) const EXAMPLE_PEN: u32 = 32_473;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use ipfix_export::iana;

    use super::{
        registry::{ELEMENTS, RANGES},
        *,
    };

    #[test]
    fn numbers_are_contiguous_in_their_ranges() {
        assert!(ELEMENTS.is_sorted_by_key(|element| element.id));
        for range in RANGES {
            let ids: Vec<_> = ELEMENTS
                .iter()
                .map(|element| element.id)
                .filter(|id| (range.first..=range.last).contains(id))
                .collect();
            let expected: Vec<_> = (range.first..).take(ids.len()).collect();
            assert_eq!(ids, expected, "{}", range.title);
        }
        let is_in_range =
            |element: &&Element| RANGES.iter().any(|range| (range.first..=range.last).contains(&element.id));
        assert_eq!(ELEMENTS.iter().filter(is_in_range).count(), ELEMENTS.len());
    }

    /// Some collectors merge all elements by their names.
    #[test]
    fn names_are_lower_camel_case_and_nobody_elses() {
        let standard: BTreeSet<_> =
            iana::ELEMENTS.iter().map(|element| element.name().to_lowercase()).collect();
        let mut own = BTreeSet::new();
        for element in ELEMENTS {
            let name = element.name;
            assert!(name.starts_with(|letter: char| letter.is_ascii_lowercase()), "{name}");
            assert!(name.chars().all(|letter| letter.is_ascii_alphanumeric()), "{name}");
            assert!(!standard.contains(&name.to_lowercase()), "{name} is IANA's");
            assert!(own.insert(name.to_lowercase()), "{name} is there twice");
            assert!(element.description.ends_with('.') && element.description.len() < 250, "{name}");
        }
    }

    #[test]
    fn every_element_can_be_exported() {
        for element in ELEMENTS {
            let exported = element.under(EXAMPLE_PEN).unwrap();
            assert!(exported.is_enterprise_specific() && exported.name() == element.name);
        }
    }
}
