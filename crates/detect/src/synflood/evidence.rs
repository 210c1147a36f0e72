//! Evidence in the making: names, numbers and thresholds in a fixed order.

use crate::Evidence;

/// A list of evidence that grows.
#[derive(Debug, Default)]
pub(super) struct EvidenceList(Vec<Evidence>);

impl EvidenceList {
    /// Adds words.
    pub(super) fn text(self, name: &'static str, value: &str) -> Self {
        self.with(Evidence::new(name, value))
    }

    /// Adds a count.
    pub(super) fn count(self, name: &'static str, value: u64) -> Self {
        self.with(Evidence::new(name, value))
    }

    /// Adds a number.
    pub(super) fn number(self, name: &'static str, value: f64) -> Self {
        self.with(Evidence::new(name, value))
    }

    /// Adds a number that was held against a threshold.
    pub(super) fn held_against(self, name: &'static str, value: f64, threshold: f64) -> Self {
        self.with(Evidence::new(name, value).held_against(threshold))
    }

    fn with(mut self, evidence: Evidence) -> Self {
        self.0.push(evidence);
        self
    }

    pub(super) fn finish(self) -> Vec<Evidence> {
        self.0
    }
}
