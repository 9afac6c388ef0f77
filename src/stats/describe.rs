//! A mean and what is known of it; the median.

use super::sample::Sample;
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
/// more. Both lie within the range of the values.
pub fn estimate(values: Sample, confidence: f64) -> Estimate {
    let n = values.len();
    let interval = match n {
        ..=permutation::EXACT => permutation::sign_flips(values, permutation::ALL).interval(confidence),
        _ => bootstrap::mean_interval(values, confidence),
    };
    Estimate { n, mean: values.mean(), interval }
}

/// The standard deviation, √(Σ(x − x̄)²/(n − 1)); none for one value.
pub fn deviation(values: Sample) -> Option<f64> {
    let (n, mean) = (values.len() as f64, values.mean());
    let squares: f64 = values.iter().map(|x| (x - mean).powi(2)).sum();
    (values.len() > 1).then(|| (squares / (n - 1.0)).sqrt())
}

/// The median.
pub fn median(values: Sample) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (n, half) = (sorted.len(), sorted.len() / 2);
    if n % 2 == 1 { sorted[half] } else { f64::midpoint(sorted[half - 1], sorted[half]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(values: &[f64]) -> Sample<'_> {
        Sample::new(values).expect("a sample")
    }

    #[test]
    fn the_deviation_is_that_of_a_sample() {
        // Σ(x − 4)² = 4 + 1 + 9 = 14.
        assert_eq!([deviation(sample(&[2.0, 3.0, 7.0])), deviation(sample(&[2.0]))], [Some(7f64.sqrt()), None]);
    }

    #[test]
    fn too_few_values_have_no_interval() {
        assert_eq!(estimate(sample(&[3.0]), 0.95), Estimate { n: 1, mean: 3.0, interval: None });
        assert_eq!(estimate(sample(&[3.0; 6]), 0.95).interval, Some((3.0, 3.0)));
        assert_eq!(estimate(sample(&[3.0; 30]), 0.95).interval, Some((3.0, 3.0)));
        let many: Vec<f64> = (0..30).map(f64::from).collect();
        let (low, high) = estimate(sample(&many), 0.95).interval.unwrap();
        assert!(low > 11.0 && low < 12.0 && high > 17.0 && high < 18.0, "{low} {high}");
    }

    #[test]
    fn medians() {
        assert_eq!([median(sample(&[3.0, 1.0, 2.0])), median(sample(&[4.0, 1.0]))], [2.0, 2.5]);
    }
}
