//! What findings rest on.

use std::fmt;

/// A number or a word that an opinion rests on.
#[derive(Clone, Debug, PartialEq)]
pub struct Evidence {
    /// What it is; units stand in the name.
    pub name: &'static str,
    /// Its value.
    pub value: Value,
    /// What the value was held against, in the same unit; `None` if it was not.
    pub threshold: Option<f64>,
}

impl Evidence {
    /// A value that was held against nothing.
    pub fn new(name: &'static str, value: impl Into<Value>) -> Self {
        Self { name, value: value.into(), threshold: None }
    }

    /// The same value, held against a threshold.
    #[must_use]
    pub fn held_against(self, threshold: f64) -> Self {
        Self { threshold: Some(threshold), ..self }
    }
}

/// The value of an [`Evidence`].
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A whole number.
    Count(u64),
    /// A measured or estimated number.
    Number(f64),
    /// Words, which may be those of somebody on the network.
    Text(String),
}

impl Value {
    /// The value as a number to compare; `None` for words.
    #[expect(clippy::cast_precision_loss, reason = "it is compared, not accounted")]
    pub const fn number(&self) -> Option<f64> {
        match *self {
            Self::Count(count) => Some(count as f64),
            Self::Number(number) => Some(number),
            Self::Text(_) => None,
        }
    }
}

impl From<u64> for Value {
    fn from(count: u64) -> Self {
        Self::Count(count)
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(count) => write!(f, "{count}"),
            Self::Number(number) => write!(f, "{number}"),
            Self::Text(text) => f.write_str(text),
        }
    }
}
