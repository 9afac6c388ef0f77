//! Whether a difference is so small that it does not matter.

/// Whether an interval of confidence 1 − 2α lies entirely within ± margin. If it does, that shows equivalence at level α:
/// two one-sided tests in one (Schuirmann 1987). Without an interval nothing is shown.
pub fn is_equivalent(interval: Option<(f64, f64)>, margin: f64) -> bool {
    interval.is_some_and(|(low, high)| -margin <= low && high <= margin)
}

/// The confidence of the interval that decides, for tests at `confidence` = 1 − α: 1 − 2α.
pub fn confidence_for(confidence: f64) -> f64 {
    1.0 - 2.0 * (1.0 - confidence)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_interval_within_the_margin_shows_equivalence() {
        assert!(is_equivalent(Some((-0.001, 0.002)), 0.002));
        assert!(!is_equivalent(Some((-0.003, 0.001)), 0.002));
        assert!(!is_equivalent(None, 1.0));
        assert!((confidence_for(0.95) - 0.9).abs() < 1e-15);
    }
}
