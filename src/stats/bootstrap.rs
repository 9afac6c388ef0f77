//! The bias-corrected and accelerated bootstrap interval of a mean.
//!
//! Efron 1987. With m*_1 … m*_B the means of B resamples drawn with replacement, the ends are the quantiles
//! of the m* at
//!
//! Φ(z₀ + (z₀ + z)/(1 − a(z₀ + z))),   z = Φ⁻¹((1 ∓ confidence)/2)
//!
//! where z₀ = Φ⁻¹(share of m* below the mean, ties half) corrects for bias and
//! a = Σ (m̄ − m_i)³ / (6 (Σ (m̄ − m_i)²)^{3/2}), m_i the mean without value i, for skewness.

use rand::Rng;
use statrs::distribution::{ContinuousCDF, Normal};

use super::sample::Sample;
use crate::random::stream;

/// Resamples.
const RESAMPLES: usize = 10_000;

/// Fewest values that this interval is for: with 10 a 95 % interval covers less than 90 % in simulations.
pub const FEWEST: usize = 20;

/// The interval of the mean. The resamples come from a fixed seed: the same values give the same interval.
///
/// `None` for fewer than [`FEWEST`] values; if all are equal, that value twice.
pub fn mean_interval(values: Sample, confidence: f64) -> Option<(f64, f64)> {
    let n = values.len();
    if n < FEWEST {
        return None;
    }
    let mut rng = stream(0, "bootstrap");
    let mut draw = || values[((u64::from(rng.next_u32()) * n as u64) >> 32) as usize];
    let mut means: Vec<f64> = (0..RESAMPLES).map(|_| (0..n).map(|_| draw()).sum::<f64>() / n as f64).collect();
    Some(bca(values, &mut means, confidence))
}

/// The interval from these resampled means, which are sorted.
pub fn bca(values: Sample, means: &mut [f64], confidence: f64) -> (f64, f64) {
    let mean = values.mean();
    means.sort_by(f64::total_cmp);
    // The mean without value i differs from their mean by (m̄ − x_i)/(n − 1); the factor cancels in a.
    let power = |k: i32| values.iter().map(|x| (x - mean).powi(k)).sum::<f64>();
    let squares = power(2);
    if squares == 0.0 {
        return (mean, mean);
    }
    let a = power(3) / (6.0 * squares.powf(1.5));
    let below = means.partition_point(|m| *m < mean) + means.partition_point(|m| *m <= mean);
    let normal = Normal::standard();
    // If all resamples lie on one side, the bias is as large as if half a resample lay on the other.
    let least = 0.5 / means.len() as f64;
    let z0 = normal.inverse_cdf((below as f64 / (2 * means.len()) as f64).clamp(least, 1.0 - least));
    let end = |tail: f64| {
        let z = z0 + normal.inverse_cdf(tail);
        quantile(means, normal.cdf(z0 + z / (1.0 - a * z)))
    };
    (end((1.0 - confidence) / 2.0), end(f64::midpoint(1.0, confidence)))
}

/// Linear between order statistics.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let at = share.clamp(0.0, 1.0) * (sorted.len() - 1) as f64;
    let (low, high) = (sorted[at as usize], sorted[(at.ceil() as usize).min(sorted.len() - 1)]);
    low + at.fract() * (high - low)
}
