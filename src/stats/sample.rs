//! A sample that has been checked once.

use std::ops::Deref;

/// At least one value. Every value and their sum are finite, so there is a mean. Whoever takes a sample checks no more.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample<'a>(&'a [f64]);

impl<'a> Sample<'a> {
    /// `None` without values, or if one of them is not finite.
    pub fn new(values: &'a [f64]) -> Option<Self> {
        // A sum is finite only if every value is.
        (!values.is_empty() && values.iter().sum::<f64>().is_finite()).then_some(Self(values))
    }

    /// The mean.
    pub fn mean(self) -> f64 {
        self.iter().sum::<f64>() / self.len() as f64
    }
}

impl Deref for Sample<'_> {
    type Target = [f64];

    fn deref(&self) -> &[f64] {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_has_values_and_a_mean() {
        assert_eq!(Sample::new(&[1.0, 2.0, 6.0]).map(Sample::mean), Some(3.0));
        let (inf, nan) = (f64::INFINITY, f64::NAN);
        for values in [&[][..], &[nan], &[1.0, inf], &[inf, -inf], &[-inf, 0.0], &[1.5e308, 1.5e308]] {
            assert_eq!(Sample::new(values), None, "{values:?}");
        }
    }
}
