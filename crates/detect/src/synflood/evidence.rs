//! Evidence in the making: names, numbers and thresholds in a fixed order.

use super::{estimate::number, finding::Evidence};

/// A list of evidence that grows.
#[derive(Debug, Default)]
pub(super) struct EvidenceList(Vec<Evidence>);

impl EvidenceList {
    /// Adds a count.
    pub(super) fn count(self, name: &'static str, value: u64) -> Self {
        self.number(name, number(value))
    }

    /// Adds a number.
    pub(super) fn number(mut self, name: &'static str, value: f64) -> Self {
        self.0.push(Evidence { name, value, threshold: None });
        self
    }

    /// Adds a number that was held against a threshold.
    pub(super) fn held_against(mut self, name: &'static str, value: f64, threshold: f64) -> Self {
        self.0.push(Evidence { name, value, threshold: Some(threshold) });
        self
    }

    pub(super) fn finish(self) -> Vec<Evidence> {
        self.0
    }
}
