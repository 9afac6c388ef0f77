//! How large a paired difference is, in ways that do not depend on the unit.

use super::describe::deviation;
use super::sample::Sample;

/// The share of pairs in which the first is larger, ties counted half: the probability of superiority of
/// paired samples (Grissom & Kim 2012). Infinite differences count like any other. `None` without
/// differences, or if one is not a number.
pub fn superiority(differences: &[f64]) -> Option<f64> {
    let point = |d: &f64| if *d > 0.0 { 1.0 } else { f64::from(u8::from(*d == 0.0)) / 2.0 };
    let is_defined = !differences.is_empty() && !differences.iter().any(|d| d.is_nan());
    is_defined.then(|| differences.iter().map(point).sum::<f64>() / differences.len() as f64)
}

/// The mean difference in units of the differences' own SD, d̄ / √(Σ(d − d̄)²/(n − 1)): Cohen's d for
/// paired samples (d_z). `None` for fewer than two differences, or if all are equal:
/// then the SD is 0 and no number says how large the effect is.
pub fn paired_effect(differences: Sample) -> Option<f64> {
    let mean = differences.mean();
    // Equal numbers may have a mean that differs from them by rounding.
    let sd = deviation(differences).filter(|sd| *sd > 1e-12 * mean.abs() && *sd > 0.0);
    sd.map(|sd| mean / sd)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn superiority_counts_ties_half_and_infinities_as_what_they_are() {
        assert_eq!(superiority(&[1.0, -2.0, 0.0, f64::INFINITY]), Some(0.625));
        assert_eq!(superiority(&[]), None);
        assert_eq!(superiority(&[f64::NAN]), None);
    }

    #[test]
    fn equal_differences_have_no_effect_size() {
        let of = |differences: &[f64]| paired_effect(Sample::new(differences).unwrap());
        assert_eq!([of(&[0.1, 0.1, 0.1]), of(&[0.0, 0.0]), of(&[1.0])], [None; 3]);
        assert!((of(&[1.0, 3.0]).unwrap() - 2.0 / 2f64.sqrt()).abs() < 1e-15);
    }
}
