//! Mean and Student's t interval.

use statrs::distribution::{ContinuousCDF, StudentsT};

/// A mean and what is known of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// Number of values.
    pub n: usize,
    /// Their mean.
    pub mean: f64,
    /// The confidence interval; none for fewer than two values.
    pub interval: Option<(f64, f64)>,
}

/// Mean x̄ and interval x̄ ± t·s/√n, with s² = Σ(x − x̄)²/(n − 1) and t the (1 + confidence)/2
/// quantile of Student's distribution with n − 1 degrees of freedom. `None` without values, or if
/// one of them is not finite.
pub fn estimate(values: &[f64], confidence: f64) -> Option<Estimate> {
    if values.is_empty() || values.iter().any(|x| !x.is_finite()) {
        return None;
    }
    let n = values.len();
    let mean = values.iter().sum::<f64>() / n as f64;
    let squares: f64 = values.iter().map(|x| (x - mean).powi(2)).sum();
    let t = StudentsT::new(0.0, 1.0, n as f64 - 1.0).ok().filter(|_| n > 1);
    let interval = t.map(|t| {
        let half = t.inverse_cdf(0.5 + confidence / 2.0) * (squares / (n as f64 - 1.0) / n as f64).sqrt();
        (mean - half, mean + half)
    });
    Some(Estimate { n, mean, interval })
}

/// The median; `None` without values.
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (n, half) = (sorted.len(), sorted.len() / 2);
    match n {
        0 => None,
        _ if n % 2 == 1 => Some(sorted[half]),
        _ => Some((sorted[half - 1] + sorted[half]) / 2.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_is_scipys() {
        // scipy.stats.t.interval(0.95, 4, loc=numpy.mean(x), scale=scipy.stats.sem(x)), x = [1, 2, 4, 8, 16]
        let e = estimate(&[1.0, 2.0, 4.0, 8.0, 16.0], 0.95).unwrap();
        let (low, high) = e.interval.unwrap();
        assert!((e.mean - 6.2).abs() < 1e-14);
        assert!((low - SCIPY_LOW).abs() < 1e-9 && (high - SCIPY_HIGH).abs() < 1e-9, "{low} {high}");
    }

    const SCIPY_LOW: f64 = -1.3731325632789027;
    const SCIPY_HIGH: f64 = 13.773132563278903;

    #[test]
    fn too_few_or_infinite_values_have_no_interval() {
        assert_eq!(estimate(&[], 0.95), None);
        assert_eq!(estimate(&[1.0, f64::INFINITY], 0.95), None);
        assert_eq!(estimate(&[3.0], 0.95), Some(Estimate { n: 1, mean: 3.0, interval: None }));
        assert_eq!(estimate(&[3.0, 3.0], 0.95).unwrap().interval, Some((3.0, 3.0)));
    }

    #[test]
    fn medians() {
        assert_eq!([median(&[]), median(&[3.0, 1.0, 2.0]), median(&[4.0, 1.0])], [None, Some(2.0), Some(2.5)]);
    }
}
