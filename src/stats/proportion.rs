//! A share and its interval.

use statrs::distribution::{ContinuousCDF, Normal};

/// Wilson's score interval of a share of `count` in `n`:
///
/// (p̂ + z²/2n ± z √(p̂(1 − p̂)/n + z²/4n²)) / (1 + z²/n),  p̂ = count/n, z the (1 + confidence)/2 quantile
///
/// of the normal distribution (Wilson 1927). Unlike p̂ ± z·SE it stays within 0 and 1 and has a width where
/// nothing or everything was counted. `None` for n = 0, count > n, or a confidence not between 0 and 1.
pub fn wilson(count: usize, n: usize, confidence: f64) -> Option<(f64, f64)> {
    if n == 0 || count > n || !(confidence > 0.0 && confidence < 1.0) {
        return None;
    }
    let z = Normal::standard().inverse_cdf(0.5 + confidence / 2.0);
    let (share, n) = (count as f64 / n as f64, n as f64);
    let center = share + z * z / (2.0 * n);
    let half = z * (share * (1.0 - share) / n + z * z / (4.0 * n * n)).sqrt();
    let scale = 1.0 + z * z / n;
    // At the ends the formula gives 0 and 1, but for rounding.
    let low = if count == 0 { 0.0 } else { (center - half) / scale };
    let high = if share == 1.0 { 1.0 } else { (center + half) / scale };
    Some((low, high))
}
