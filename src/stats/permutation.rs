//! The sign-flip test of paired differences.
//!
//! If two arms were alike, each seed's difference would be as likely with one sign as with the
//! other. p is the share of sign patterns whose |Σ ±d_i| is at least the one observed: of all 2ⁿ
//! for n ≤ 20, of 100,000 random ones, the observed one counted in, beyond that. No smaller p than
//! 2/2ⁿ is possible.
//!
//! The interval inverts the test: it holds every θ that the test of d_i − θ does not reject. Flipping
//! the signs of a subset A lowers the sum by 2 Σ_A (d_i − θ), so a pattern is at least as high as the
//! observed one exactly if the mean of A is at most θ: the ends of the interval are order statistics
//! of the means of all subsets (Hartigan 1969).

use rand::Rng;

use crate::random::stream;

/// Largest n for which all patterns are tried.
pub(super) const EXACT: usize = 20;
/// Random patterns beyond that.
pub(super) const DRAWS: usize = 100_000;

/// Two-sided p of the hypothesis that the differences are symmetric about 0.
///
/// `None` without differences, or if one of them is not finite.
pub fn sign_flip(differences: &[f64]) -> Option<f64> {
    let n = differences.len();
    if n == 0 || differences.iter().any(|d| !d.is_finite()) {
        return None;
    }
    // Sums that differ by rounding only are equal.
    let tolerance = 1e-12 * differences.iter().map(|d| d.abs()).sum::<f64>();
    let observed = differences.iter().sum::<f64>().abs() - tolerance;
    if n > EXACT {
        let mut rng = stream(0, "sign-flip");
        // Half of all signs: the sum is what is kept less what is flipped.
        let total: f64 = differences.iter().sum();
        let mut flip = || {
            let flipped = differences.chunks(64).map(|chunk| {
                let signs = rng.next_u64();
                chunk.iter().enumerate().map(|(i, d)| d * (signs >> i & 1) as f64).sum::<f64>()
            });
            total - 2.0 * flipped.sum::<f64>()
        };
        let extreme = (1..DRAWS).filter(|_| flip().abs() >= observed).count() + 1;
        return Some(extreme as f64 / DRAWS as f64);
    }
    // Patterns and their opposites have the same |sum|, so the last sign can stay.
    let patterns = 1u32 << (n - 1);
    let sum = |pattern: u32| -> f64 {
        differences.iter().enumerate().map(|(i, d)| if pattern >> i & 1 == 0 { *d } else { -d }).sum()
    };
    let extreme = (0..patterns).filter(|pattern| sum(*pattern).abs() >= observed).count();
    Some(extreme as f64 / f64::from(patterns))
}

/// Fewest differences for which an interval is given, and most, beyond which it would take too long.
const INTERVAL: std::ops::RangeInclusive<usize> = 6..=EXACT;

/// The differences that the sign-flip test does not reject at 1 − confidence, both ends included.
///
/// `None` for fewer than 6 or more than 20 differences, if one is not finite, or if so few cannot
/// reject anything at this confidence.
pub fn sign_flip_interval(differences: &[f64], confidence: f64) -> Option<(f64, f64)> {
    let n = differences.len();
    if !INTERVAL.contains(&n) || differences.iter().any(|d| !d.is_finite()) {
        return None;
    }
    let mut sums = vec![0.0; 1 << n];
    for subset in 1..sums.len() {
        let lowest = subset.trailing_zeros() as usize;
        sums[subset] = sums[subset & (subset - 1)] + differences[lowest];
    }
    let mut means: Vec<f64> = (1..sums.len()).map(|a| sums[a] / f64::from(a.count_ones())).collect();
    means.sort_by(f64::total_cmp);
    // θ is rejected from below if at most k patterns, the observed one among them, are as high.
    let k = ((1.0 - confidence) / 2.0 * sums.len() as f64 + 1e-9).floor() as usize;
    (k >= 1).then(|| (means[k - 1], means[means.len() - k]))
}

/// Signed ranks of differences, 1 for the smallest |d|, ties sharing their mean rank, zeros 0.
/// Infinite differences rank highest, so that a divergence counts as the worst there is.
pub fn signed_ranks(differences: &[f64]) -> Vec<f64> {
    let rank = |d: f64| {
        let below = differences.iter().filter(|other| other.abs() < d.abs()).count();
        let equal = differences.iter().filter(|other| other.abs() == d.abs()).count();
        if d == 0.0 { 0.0 } else { d.signum() * (below as f64 + (equal as f64 + 1.0) / 2.0) }
    };
    differences.iter().map(|d| rank(*d)).collect()
}

/// The smallest p that n differences can give.
pub fn smallest_p(n: usize) -> f64 {
    0.5f64.powi(n as i32 - 1).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_p_is_scipys() {
        // scipy.stats.permutation_test((d,), numpy.sum, permutation_type='samples', n_resamples=inf)
        let d = [0.3, -0.1, 0.4, 0.2, 0.6, -0.05, 0.15];
        assert!((sign_flip(&d).unwrap() - SCIPY_P).abs() < 1e-12, "{:?}", sign_flip(&d));
    }

    const SCIPY_P: f64 = 0.078125;

    #[test]
    fn the_interval_holds_exactly_what_the_test_does_not_reject() {
        let d = [0.3, -0.1, 0.4, 0.2, 0.6, -0.05, 0.15, 0.35];
        let (low, high) = sign_flip_interval(&d, 0.95).unwrap();
        let p = |theta: f64| sign_flip(&d.map(|x| x - theta)).unwrap();
        for inside in [low + 1e-9, (low + high) / 2.0, high - 1e-9] {
            assert!(p(inside) > 0.05, "{inside} {}", p(inside));
        }
        for outside in [low - 1e-9, high + 1e-9] {
            assert!(p(outside) <= 0.05, "{outside} {}", p(outside));
        }
        assert_eq!(sign_flip_interval(&d[..5], 0.95), None);
        assert_eq!(sign_flip_interval(&[2.0; 6], 0.95), Some((2.0, 2.0)));
        assert_eq!(sign_flip_interval(&d, 0.999), None, "8 pairs reject nothing at 0.001");
    }

    #[test]
    fn all_of_one_sign_gives_the_smallest_p() {
        for n in 1..=8 {
            let d: Vec<f64> = (1..=n).map(f64::from).collect();
            assert_eq!(sign_flip(&d), Some(smallest_p(n as usize)));
        }
        assert_eq!(sign_flip(&[0.0; 6]), Some(1.0));
        assert_eq!(sign_flip(&[]), None);
    }

    #[test]
    fn many_differences_are_sampled() {
        let alike: Vec<f64> = (0..30).map(|i| if i % 2 == 0 { 1.0 } else { -1.0 }).collect();
        assert!(sign_flip(&alike).unwrap() > 0.9);
        assert!(sign_flip(&[1.0; 30]).unwrap() < 1e-4);
    }

    #[test]
    fn ranks_put_divergence_last_and_share_ties() {
        assert_eq!(signed_ranks(&[0.2, f64::INFINITY, -0.2, 0.0]), [2.5, 4.0, -2.5, 0.0]);
    }
}
