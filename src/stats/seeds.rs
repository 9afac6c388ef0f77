//! How many seeds a question takes.

use statrs::distribution::{ContinuousCDF, Normal};

/// Power that a number of seeds is to have.
const POWER: f64 = 0.9;

/// The least number of seeds with which one of `tests` tests can pass Holm's correction at level α, whatever the others
/// come to: tests · 2^(1 − n) < α, n = ⌊log₂(tests/α)⌋ + 2. It is not enough to find a small difference.
pub fn needed(tests: usize, alpha: f64) -> usize {
    (tests as f64 / alpha).log2().floor() as usize + 2
}

/// About how many seeds would tell a difference from 0 with a chance of 0.9, if it is as large as it seems, by one of `tests`
/// tests that are corrected together. The half width of an interval at level α is z₁₋α/₂·SE, and SE falls with √n, so
/// n·((z₁₋α/₍₂ₖ₎ + z₀.₉)/z₁₋α/₂ · half width/difference)² for k tests. `None` if it seems to be 0.
pub fn to_tell_from_0(n: usize, half_width: f64, difference: f64, tests: usize, alpha: f64) -> Option<usize> {
    let z = |tail: f64| Normal::standard().inverse_cdf(1.0 - tail);
    let factor = (z(alpha / (2.0 * tests.max(1) as f64)) + z(1.0 - POWER)) / z(alpha / 2.0);
    whole(n as f64 * (factor * half_width / difference).powi(2)).map(|seeds| seeds.max(n + 1))
}

/// About how many seeds would show that a difference lies within ± margin if it is 0, with a chance of 0.9:
/// ((z₁₋α + z₀.₉)·SD/margin)².
pub fn to_show_equivalence(sd: f64, margin: f64, alpha: f64) -> Option<usize> {
    let normal = Normal::standard();
    whole(((normal.inverse_cdf(1.0 - alpha) + normal.inverse_cdf(POWER)) * sd / margin).powi(2))
}

/// The next whole number; none beyond what anybody would train.
fn whole(seeds: f64) -> Option<usize> {
    (seeds.ceil() < 1e6).then(|| seeds.ceil() as usize)
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

    #[test]
    fn the_seeds_of_a_difference_and_of_equivalence() {
        // ((1.95996 + 1.28155)/1.95996)² · 8 · 4 = 87.53, and with four tests (2.49771 + 1.28155)² in its place.
        assert_eq!(to_tell_from_0(8, 0.2, 0.1, 1, 0.05), Some(88));
        assert_eq!(to_tell_from_0(8, 0.2, 0.1, 4, 0.05), Some(119));
        assert_eq!(to_tell_from_0(8, 0.1, 1.0, 1, 0.05), Some(9));
        assert_eq!(to_tell_from_0(8, 0.1, 0.0, 1, 0.05), None);
        // (1.6449 + 1.2816)² · (0.004/0.002)² = 34.26
        assert_eq!(to_show_equivalence(0.004, 0.002, 0.05), Some(35));
        assert_eq!(to_show_equivalence(0.004, 0.0, 0.05), None);
    }
}
