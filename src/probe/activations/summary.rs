//! Statistics of a set of values, whatever their order.
//!
//! Percentiles interpolate linearly between order statistics (NumPy's default). SD is the population's.

use crate::config::settings::Activation;
use crate::kernels::Scalar;

/// Statistics of a set of values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Summary {
    /// Mean.
    pub mean: f64,
    /// Population SD.
    pub std: f64,
    /// Smallest.
    pub min: f64,
    /// 15th percentile.
    pub p15: f64,
    /// Median.
    pub p50: f64,
    /// 85th percentile.
    pub p85: f64,
    /// Largest.
    pub max: f64,
    /// Share of exact zeros.
    pub zero_fraction: f64,
    /// Share of saturated units, |tanh| or |2σ − 1| > 0.99; only after such an activation.
    pub saturated_fraction: Option<f64>,
}

/// Statistics of at least one value. Reorders the values.
pub fn summary<F: Scalar>(values: &mut [F], activation: Activation) -> Summary {
    let n = values.len() as f64;
    let mean = sum(values, |v| v) / n;
    let std = (sum(values, |v| (v - mean) * (v - mean)) / n).sqrt();
    let share = |is: fn(f64) -> bool| sum(values, |v| f64::from(u8::from(is(v)))) / n;
    let saturated_fraction = match activation {
        Activation::Tanh => Some(share(|v| v.abs() > 0.99)),
        Activation::Sigmoid => Some(share(|v| (2.0 * v - 1.0).abs() > 0.99)),
        Activation::Relu | Activation::Identity => None,
    };
    let zero_fraction = share(|v| v == 0.0);
    // Values among which there is a NaN have no order.
    let is_ordered = !mean.is_nan() || !values.iter().any(|v| v.is_nan());
    let [min, p15, p50, p85, max] = if is_ordered { quantiles(values) } else { [f64::NAN; 5] };
    Summary { mean, std, min, p15, p50, p85, max, zero_fraction, saturated_fraction }
}

/// Σ f(v), in several sums at once.
pub(super) fn sum<F: Scalar>(values: &[F], f: impl Fn(f64) -> f64) -> f64 {
    let mut sums = [0.0; 8];
    let chunks = values.chunks_exact(sums.len());
    let rest: f64 = chunks.remainder().iter().map(|v| f(v.f64())).sum();
    for chunk in chunks {
        sums.iter_mut().zip(chunk).for_each(|(sum, v)| *sum += f(v.f64()));
    }
    sums.iter().sum::<f64>() + rest
}

/// A total order, in which NaN comes first or last by its sign.
fn by_order<F: Scalar>(a: &F, b: &F) -> std::cmp::Ordering {
    a.f64().total_cmp(&b.f64())
}

/// Smallest, 15 %, 50 % and 85 % quantiles, linear between order statistics, and largest. Reorders the
/// values.
fn quantiles<F: Scalar>(values: &mut [F]) -> [f64; 5] {
    let values_len = values.len();
    let last = (values_len - 1) as f64;
    // The median comes first. It parts the values, and each outer quantile lies within one part.
    let half = (0.5 * last) as usize;
    let mut quantile = |q: f64, from: usize, to: usize| {
        let at = q * last;
        let part = &mut values[from..to];
        let (_, low, above) = part.select_nth_unstable_by(at as usize - from, by_order);
        let low = *low;
        let next = above.iter().copied().min_by(by_order);
        // The part ends before the median, which is then the next value.
        let high = next.unwrap_or_else(|| values.get(to).copied().unwrap_or(low));
        let (low, high) = (low.f64(), high.f64());
        if at.fract() == 0.0 { low } else { low + at.fract() * (high - low) }
    };
    let p50 = quantile(0.5, 0, values_len);
    let p15 = quantile(0.15, 0, half.max(1));
    let p85 = quantile(0.85, half, values_len);
    // By now the smallest are in front and the largest at the end.
    let front = values[..=(0.15 * last) as usize].iter().copied().min_by(by_order);
    let end = values[(0.85 * last) as usize..].iter().copied().max_by(by_order);
    let [min, max] = [front, end].map(|v| v.map_or(f64::NAN, Scalar::f64));
    [min, p15, p50, p85, max]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_interpolate_as_numpy_does() {
        // numpy.percentile([3, 1, 4, 1, 5, 9, 2, 6], [15, 50, 85]) = [1.05, 3.5, 5.95]
        let s = summary(&mut [3.0, 1.0, 4.0, 1.0, 5.0, 9.0, 2.0, 6.0], Activation::Identity);
        assert_eq!((s.min, s.max), (1.0, 9.0));
        for (found, expected) in [(s.p15, 1.05), (s.p50, 3.5), (s.p85, 5.95), (s.mean, 3.875)] {
            assert!((found - expected).abs() < 1e-12, "{found} {expected}");
        }
    }

    #[test]
    fn quantiles_are_right_for_every_small_count_and_with_ties() {
        for n in 1..40usize {
            for modulus in [3, 7, 1000] {
                let mut values: Vec<f64> = (0..n).map(|i| (i * 37 % 41 % modulus) as f64).collect();
                let found = quantiles(&mut values.clone());
                values.sort_by(f64::total_cmp);
                let expected = [0.0, 0.15, 0.5, 0.85, 1.0].map(|q| {
                    let at = q * (n - 1) as f64;
                    let (low, high) = (values[at as usize], values[(at.ceil() as usize).min(n - 1)]);
                    low + at.fract() * (high - low)
                });
                let close = found.iter().zip(&expected).all(|(f, e)| (f - e).abs() < 1e-12);
                assert!(close, "{n} {modulus}: {found:?} {expected:?}");
            }
        }
    }

    #[test]
    fn saturation_is_counted_where_the_activation_saturates() {
        let s = summary(&mut [0.0, 0.996, -0.996, 0.5], Activation::Tanh);
        assert_eq!((s.saturated_fraction, s.zero_fraction), (Some(0.5), 0.25));
        assert_eq!(summary(&mut [0.004, 0.5], Activation::Sigmoid).saturated_fraction, Some(0.5));
        assert_eq!(summary(&mut [0.0], Activation::Relu).saturated_fraction, None);
    }

    #[test]
    fn what_is_not_a_number_makes_every_statistic_undefined() {
        let s = summary(&mut [1.0, 2.0, f64::NAN, 3.0], Activation::Identity);
        assert!([s.mean, s.std, s.min, s.p15, s.p50, s.p85, s.max].iter().all(|v| v.is_nan()));
    }
}
