//! A mean and what is known of it; the median.

use super::{bootstrap, permutation};

/// A mean and its confidence interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// Number of values.
    pub n: usize,
    /// Their mean.
    pub mean: f64,
    /// The confidence interval; none for fewer than 6 values.
    pub interval: Option<(f64, f64)>,
}

/// Mean and interval: the inverted sign-flip test about the mean for 6 to 20 values, the BCa bootstrap for
/// more. Both lie within the range of the values. `None` without values, or if one of them is not finite.
pub fn estimate(values: &[f64], confidence: f64) -> Option<Estimate> {
    let n = values.len();
    let interval = match n {
        ..=permutation::EXACT => permutation::sign_flips(values, permutation::ALL)?.interval(confidence),
        _ => bootstrap::mean_interval(values, confidence),
    };
    Some(Estimate { n, mean: mean(values)?, interval })
}

/// The mean; `None` without values, or if it is not finite.
pub fn mean(values: &[f64]) -> Option<f64> {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    mean.is_finite().then_some(mean)
}

/// The median; `None` without values.
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (n, half) = (sorted.len(), sorted.len() / 2);
    match n {
        0 => None,
        _ if n % 2 == 1 => Some(sorted[half]),
        _ => Some(f64::midpoint(sorted[half - 1], sorted[half])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_few_or_infinite_values_have_no_interval() {
        assert_eq!(estimate(&[], 0.95), None);
        assert_eq!(estimate(&[1.0, f64::INFINITY], 0.95), None);
        assert_eq!(estimate(&[3.0], 0.95), Some(Estimate { n: 1, mean: 3.0, interval: None }));
        assert_eq!(estimate(&[3.0; 6], 0.95).unwrap().interval, Some((3.0, 3.0)));
        assert_eq!(estimate(&[3.0; 30], 0.95).unwrap().interval, Some((3.0, 3.0)));
        let many: Vec<f64> = (0..30).map(f64::from).collect();
        let (low, high) = estimate(&many, 0.95).unwrap().interval.unwrap();
        assert!(low > 11.0 && low < 12.0 && high > 17.0 && high < 18.0, "{low} {high}");
    }

    #[test]
    fn medians() {
        assert_eq!([median(&[]), median(&[3.0, 1.0, 2.0]), median(&[4.0, 1.0])], [None, Some(2.0), Some(2.5)]);
    }
}
