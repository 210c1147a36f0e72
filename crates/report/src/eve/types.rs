use std::{fmt, str::FromStr};

use thiserror::Error;

/// A type of EVE lines that can be asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum EveType {
    /// Findings and incidents: `alert` when they are stated, `finding` when they are over.
    Alert,
    /// A line for each remote desktop connection.
    Rdp,
    /// A line for each flow record.
    Flow,
    /// Counts.
    Stats,
}

/// A set of types of EVE lines; all of them, unless told otherwise.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct EveTypes(u8);

/// A word that is no type of EVE lines.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("`{word}` is no type of EVE lines; write one or more of {}, separated by commas", EveTypes::ALL)]
pub struct UnknownEveType {
    word: String,
}

impl EveType {
    /// All there are.
    pub const ALL: [Self; 4] = [Self::Alert, Self::Rdp, Self::Flow, Self::Stats];

    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Alert => "alert",
            Self::Rdp => "rdp",
            Self::Flow => "flow",
            Self::Stats => "stats",
        }
    }
}

impl EveTypes {
    /// All types.
    pub const ALL: Self = Self(0b1111);
    /// None.
    pub const NONE: Self = Self(0);

    /// This set with `one` added.
    #[must_use]
    pub const fn with(self, one: EveType) -> Self {
        Self(self.0 | 1 << one as u8)
    }

    /// Is `one` among them?
    pub const fn wants(self, one: EveType) -> bool {
        self.0 >> one as u8 & 1 == 1
    }
}

impl Default for EveTypes {
    fn default() -> Self {
        Self::ALL
    }
}

impl FromStr for EveTypes {
    type Err = UnknownEveType;

    /// Reads words that are separated by commas: `alert,rdp`.
    fn from_str(words: &str) -> Result<Self, Self::Err> {
        words.split(',').map(str::trim).try_fold(Self::NONE, |types, word| {
            let named = EveType::ALL.into_iter().find(|one| one.name() == word);
            named.map(|one| types.with(one)).ok_or_else(|| UnknownEveType { word: word.to_owned() })
        })
    }
}

impl fmt::Display for EveTypes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> =
            EveType::ALL.into_iter().filter(|one| self.wants(*one)).map(EveType::name).collect();
        f.write_str(&names.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_named_with_commas_between_them() {
        let some: EveTypes = "alert, rdp".parse().unwrap();
        assert!(some.wants(EveType::Alert) && some.wants(EveType::Rdp));
        assert!(!some.wants(EveType::Flow) && !some.wants(EveType::Stats));
        assert_eq!(some.to_string(), "alert,rdp");
        assert_eq!(EveTypes::default().to_string().parse(), Ok(EveTypes::ALL));
    }

    #[test]
    fn a_wrong_word_is_told_with_the_right_ones() {
        for (words, word) in [("alert,flows", "flows"), ("", ""), ("alert,", "")] {
            let expected = format!(
                "`{word}` is no type of EVE lines; write one or more of alert,rdp,flow,stats, separated by commas"
            );
            assert_eq!(words.parse::<EveTypes>().unwrap_err().to_string(), expected);
        }
    }
}
