//! The sign-flip test of paired differences.
//!
//! If two arms were alike, each seed's difference would be as likely with one sign as with the
//! other. p is the share of sign patterns whose |Σ ±d_i| is at least the one observed: of all 2ⁿ
//! for n ≤ 20, of 100,000 random ones, the observed one counted in, beyond that. No smaller p than
//! 2/2ⁿ is possible.

use rand::Rng;

use crate::random::stream;

/// Largest n for which all patterns are tried.
const EXACT: usize = 20;
/// Random patterns beyond that.
const DRAWS: usize = 100_000;

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
        let mut flip = || differences.iter().map(|d| if rng.next_u32() & 1 == 0 { *d } else { -d }).sum::<f64>();
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
