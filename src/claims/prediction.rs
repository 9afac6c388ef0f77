//! Theory beside measurement.

/// A figure that a formula predicts, and what was measured of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Prediction {
    /// What it is.
    pub what: String,
    /// By the formula; the mean, if it depends on the seed.
    pub predicted: f64,
    /// The mean over seeds.
    pub measured: f64,
    /// Standard error of the mean difference of the two; none for fewer than two seeds.
    pub standard_error: Option<f64>,
    /// Seeds.
    pub n: usize,
}

/// Rounding of sums in f64, relative to the larger of two numbers, or to 1.
const ROUNDING: f64 = 1e-12;

impl Prediction {
    /// The means over seeds of predicted and measured values, one pair a seed. `None` without seeds, or if a mean is not
    /// finite.
    pub fn of(what: &str, pairs: &[[f64; 2]]) -> Option<Self> {
        let n = pairs.len();
        let mean = |of: &dyn Fn(&[f64; 2]) -> f64| pairs.iter().map(of).sum::<f64>() / n as f64;
        let [predicted, measured] = [mean(&|pair| pair[0]), mean(&|pair| pair[1])];
        let squares = mean(&|pair| (pair[1] - pair[0] - (measured - predicted)).powi(2)) * n as f64;
        let standard_error = (n > 1).then(|| (squares / (n as f64 - 1.0) / n as f64).sqrt());
        let is_known = n > 0 && predicted.is_finite() && measured.is_finite();
        is_known.then(|| Self { what: what.to_owned(), predicted, measured, standard_error, n })
    }

    /// How many standard errors lie between the two. `None` without a standard error, or if the two are equal but for
    /// rounding, about which it says nothing.
    pub fn difference(&self) -> Option<f64> {
        let difference = self.measured - self.predicted;
        let is_rounding = difference.abs() <= ROUNDING * self.measured.abs().max(self.predicted.abs()).max(1.0);
        self.standard_error.filter(|error| *error > 0.0 && !is_rounding).map(|error| difference / error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prediction_is_as_far_off_as_its_standard_error_says() {
        // Differences 1, 2, 3: mean 2, SD 1, standard error 1/√3.
        let found = Prediction::of("it", &[[1.0, 2.0], [5.0, 7.0], [3.0, 6.0]]).expect("three seeds");
        assert_eq!((found.predicted, found.measured, found.n), (3.0, 5.0, 3));
        assert!((found.difference().expect("an error") - 2.0 * 3f64.sqrt()).abs() < 1e-12);
        assert_eq!(Prediction::of("it", &[]), None);
        let exact = Prediction::of("it", &[[2.0, 2.0], [3.0, 3.0]]).expect("two seeds");
        assert_eq!((exact.standard_error, exact.difference()), (Some(0.0), None));
        let rounded = Prediction::of("it", &[[0.0, 5e-16], [0.0, 6e-16]]).expect("two seeds");
        assert!(rounded.standard_error.is_some_and(|error| error > 0.0) && rounded.difference().is_none());
    }
}
