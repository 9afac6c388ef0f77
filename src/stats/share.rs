//! Which share of a gap is closed, without forming a ratio seed by seed.
//!
//! Of each seed there are the gap b_i and the part a_i of it that is closed, both logarithms of positive figures: with the
//! times T of three arms, b_i = ln T_far − ln T_near and a_i = ln T_far − ln T_arm. Were the share c, then
//!
//! D_i(c) = a_i − c·b_i
//!
//! would lie about 0. The sign-flip test of D(c) tests that; the interval is every c that it does not reject. A ratio
//! a_i/b_i has no mean where a gap may be near 0, and its interval covers nothing in particular. This is Fieller's way
//! (1954) with flips in the place of Student's t.

use super::orbit::{FEWEST, exchanges};

/// Shares are looked for up to so far from the estimate.
const REACH: f64 = 4.0;
/// Steps of the search, on either side.
const POINTS: usize = 400;

/// How much of a gap is closed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Share {
    /// Σ a_i / Σ b_i
    pub estimate: f64,
    /// From the smallest to the largest share that is not rejected; infinite where none is rejected within reach.
    pub interval: (f64, f64),
}

/// The share of the gaps `gap` that `closed` closes, at a confidence, by `most` exchanges where all are more. None for
/// fewer than six seeds, numbers that are not finite, or gaps that sum to 0.
pub fn share(closed: &[f64], gap: &[f64], confidence: f64, most: usize) -> Option<Share> {
    let tested = Tested::new(closed, gap, most)?;
    let estimate = closed.iter().sum::<f64>() / gap.iter().sum::<f64>();
    let alpha = 1.0 - confidence + 1e-9;
    let end = |sign: f64| {
        let at = |i: usize| estimate + sign * REACH * i as f64 / POINTS as f64;
        // From the outermost inwards: what is not rejected need not be in one piece.
        let outermost = (1..=POINTS).rev().find(|i| tested.p(at(*i)) > alpha);
        let (mut inside, mut outside) = match outermost {
            Some(POINTS) => return sign * f64::INFINITY,
            Some(i) => (at(i), at(i + 1)),
            None => (estimate, at(1)),
        };
        for _ in 0..40 {
            let middle = f64::midpoint(inside, outside);
            if tested.p(middle) > alpha { inside = middle } else { outside = middle }
        }
        inside
    };
    Some(Share { estimate, interval: (end(-1.0), end(1.0)) })
}

/// Two-sided p of the hypothesis that the share is `c`; none as for [`share`].
pub fn p(closed: &[f64], gap: &[f64], c: f64, most: usize) -> Option<f64> {
    Tested::new(closed, gap, most).map(|tested| tested.p(c))
}

/// Σ s_i a_i and Σ s_i b_i after every exchange that is tried, the data as they are first.
struct Tested(Vec<(f64, f64)>);

impl Tested {
    fn new(closed: &[f64], gap: &[f64], most: usize) -> Option<Self> {
        let n = closed.len();
        let is_sound = n >= FEWEST && gap.len() == n && closed.iter().chain(gap).all(|x| x.is_finite());
        if !is_sound || gap.iter().sum::<f64>() == 0.0 {
            return None;
        }
        Some(Self(exchanges(n, most, |flips| {
            let sign = |i: usize| if flips[i / 64] >> (i % 64) & 1 == 1 { -1.0 } else { 1.0 };
            let sum = |values: &[f64]| values.iter().enumerate().map(|(i, x)| sign(i) * x).sum::<f64>();
            (sum(closed), sum(gap))
        })))
    }

    fn p(&self, c: f64) -> f64 {
        let size = |(a, b): &(f64, f64)| (a - c * b).abs();
        let seen = size(&self.0[0]) - 1e-11;
        let extreme = self.0.iter().filter(|sums| size(sums) >= seen).count();
        extreme as f64 / self.0.len() as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::permutation::{ALL, sign_flips};
    use crate::stats::sample::Sample;

    #[test]
    fn the_interval_holds_the_shares_whose_differences_the_sign_flips_do_not_reject() {
        let gap = [1.0, 1.3, 0.8, 1.1, 0.9, 1.2, 1.05, 0.7];
        let closed = [0.5, 0.9, 0.2, 0.7, 0.5, 0.4, 0.8, 0.3];
        let found = share(&closed, &gap, 0.95, ALL).unwrap();
        let flips = |c: f64| {
            let d: Vec<f64> = closed.iter().zip(&gap).map(|(a, b)| a - c * b).collect();
            sign_flips(Sample::new(&d).unwrap(), ALL).p(0.0)
        };
        assert!((found.estimate - 4.3 / 8.05).abs() < 1e-12);
        let (low, high) = found.interval;
        assert!(low < found.estimate && found.estimate < high);
        for inside in [low + 1e-6, found.estimate, high - 1e-6] {
            assert!(flips(inside) > 0.05 && p(&closed, &gap, inside, ALL) == Some(flips(inside)), "{inside}");
        }
        assert!([low - 1e-6, high + 1e-6].into_iter().all(|outside| flips(outside) <= 0.05));
    }

    #[test]
    fn all_of_a_gap_and_none_of_it_are_shares_of_1_and_0() {
        let gap = [1.0, 1.3, 0.8, 1.1, 0.9, 1.2];
        assert_eq!(share(&gap, &gap, 0.95, ALL).unwrap().estimate, 1.0);
        let none = share(&[0.0; 6], &gap, 0.95, ALL).unwrap();
        assert!(none.estimate == 0.0 && none.interval.0.abs() < 1e-9 && none.interval.1.abs() < 1e-9);
    }

    #[test]
    fn a_gap_about_0_leaves_every_share_possible_and_too_little_data_none() {
        let gap = [0.1, -0.1, 0.12, -0.09, 0.08, -0.1];
        let open = share(&[0.3, -0.2, 0.1, 0.2, -0.3, 0.1], &gap, 0.95, ALL).unwrap();
        assert_eq!(open.interval, (f64::NEG_INFINITY, f64::INFINITY));
        assert_eq!(share(&[1.0; 5], &[1.0; 5], 0.95, ALL), None);
        assert_eq!(share(&[1.0; 6], &[f64::INFINITY; 6], 0.95, ALL), None);
        assert_eq!(share(&[1.0; 6], &[1.0; 7], 0.95, ALL), None);
    }
}
