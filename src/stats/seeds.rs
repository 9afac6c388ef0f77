//! How many seeds a question takes.

use statrs::distribution::{ContinuousCDF, Normal, StudentsT};

/// Power that a number of seeds is to have.
const POWER: f64 = 0.9;

/// The least number of seeds with which one of `tests` tests can pass Holm's correction at level α, whatever the others
/// come to: tests · 2^(1 − n) < α, n = ⌊log₂(tests/α)⌋ + 2. It is not enough to find a small difference.
pub fn needed(tests: usize, alpha: f64) -> usize {
    (tests as f64 / alpha).log2().floor() as usize + 2
}

/// About how many seeds tell a difference from 0 with a chance of 0.9, if it is as large as it seems and its test is one of
/// `tests` that are corrected together. The half width of an interval at level α is about t₁₋α/₂·SD/√n, with Student's t of
/// n − 1 degrees of freedom. This gives the SD of a seed; `enough` gives the number for the level α/tests and the chance
/// 0.9. `None` if the difference seems to be 0.
pub fn to_tell_from_0(n: usize, half_width: f64, difference: f64, tests: usize, alpha: f64) -> Option<usize> {
    let sd = half_width * (n as f64).sqrt() / student(1.0 - alpha / 2.0, n)?;
    enough(sd / difference.abs(), 1.0 - alpha / (2.0 * tests.max(1) as f64), POWER).map(|seeds| seeds.max(n + 1))
}

/// About how many seeds would show that a difference lies within ± margin if it is 0, with a chance of 0.9. Both sides have
/// to be shown, so each may fail with a chance of 0.05 (`enough`, with the margin for the difference).
pub fn to_show_equivalence(sd: f64, margin: f64, alpha: f64) -> Option<usize> {
    enough(sd / margin, 1.0 - alpha, (1.0 + POWER) / 2.0)
}

/// The least m with m ≥ ((t + z)·ratio)². t is Student's quantile at `level` for m seeds, z the normal one at `power`, and
/// `ratio` is a seed's SD over the difference. The power of the t test gives the same number to within one seed. `None` beyond
/// what anybody would train.
fn enough(ratio: f64, level: f64, power: f64) -> Option<usize> {
    let z = |p: f64| Normal::standard().inverse_cdf(p);
    let seeds = |quantile: f64| ((quantile + z(power)) * ratio).powi(2);
    // With the normal quantile it is a little less.
    let least = seeds(z(level)).ceil();
    let mut m = (least < 1e6).then_some(least as usize)?.max(2);
    while (m as f64) < seeds(student(level, m)?) {
        m += 1;
    }
    Some(m)
}

/// Student's t quantile for the mean of n numbers; `None` for fewer than two.
fn student(p: f64, n: usize) -> Option<f64> {
    let degrees = n.checked_sub(1)?;
    StudentsT::new(0.0, 1.0, degrees as f64).ok().map(|student| student.inverse_cdf(p))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::multiple::holm;
    use crate::stats::permutation::smallest_p;

    #[test]
    fn with_what_is_needed_the_smallest_p_passes_and_with_one_less_it_does_not() {
        for tests in 1..=40 {
            let passes = |n: usize| {
                let mut p = vec![Some(1.0); tests];
                p[0] = Some(smallest_p(n));
                holm(&p)[0].unwrap() < 0.05
            };
            let n = needed(tests, 0.05);
            assert!(passes(n) && !passes(n - 1), "{tests} tests, {n} seeds");
        }
        assert_eq!(needed(1, 0.05), 6);
        // Where the level is attained exactly it is not passed.
        assert_eq!(needed(1, 0.0625), 6);
    }

    /// The least n at which the paired t test has a power of 0.9, by SciPy's noncentral t.
    #[test]
    fn the_seeds_of_a_difference_have_the_power_that_is_said() {
        // of a difference of so many SDs, with one test and with four
        for (effect, one, four) in [
            (0.2, 265, 361),
            (0.3, 119, 162),
            (0.5, 44, 61),
            (0.592, 32, 44),
            (0.8, 19, 26),
            (1.0, 13, 18),
            (1.3, 9, 12),
        ] {
            for (tests, exact) in [(1, one), (4, four)] {
                // The interval of the mean of 6 numbers with SD 1.
                let half_width = 2.570_582 / 6f64.sqrt();
                let found = to_tell_from_0(6, half_width, effect, tests, 0.05).unwrap();
                assert!(found.abs_diff(exact) <= 1, "{effect} with {tests} tests: {found}, {exact} by the power");
            }
        }
        assert_eq!(to_tell_from_0(8, 0.1, 1.0, 1, 0.05), Some(9), "more than there are");
        assert_eq!(to_tell_from_0(8, 0.1, 0.0, 1, 0.05), None);
        assert_eq!(to_tell_from_0(8, f64::INFINITY, 0.1, 1, 0.05), None);
    }

    /// By the probability that both one-sided t tests reject, 2·Φ(margin/SE − t) − 1, with SciPy.
    #[test]
    fn the_seeds_of_equivalence_have_the_power_that_is_said() {
        for (sd, exact) in [(0.5, 5), (1.0, 13), (2.0, 45)] {
            let found = to_show_equivalence(sd, 1.0, 0.05).unwrap();
            assert!(found.abs_diff(exact) <= 1, "SD {sd}: {found}, {exact} by the power");
        }
        assert_eq!(to_show_equivalence(1.0, 0.0, 0.05), None);
    }
}
