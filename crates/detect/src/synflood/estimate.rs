//! Shares of counts, as numbers to compare with thresholds.

/// `part` of `whole`; 0 if there is no whole.
pub(super) fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { number(part) / number(whole) }
}

/// A count as a number.
#[expect(clippy::cast_precision_loss, reason = "counts are compared with thresholds, not accounted")]
pub(super) fn number(count: u64) -> f64 {
    count as f64
}
