//! Which share of a gap is closed, without forming a ratio seed by seed.
//!
//! Each seed has a gap b_i and the part a_i of it that is closed, both logarithms of positive figures. With the times T of
//! three arms, b_i = ln T_far − ln T_near and a_i = ln T_far − ln T_arm. If the share were c, then
//!
//! D_i(c) = a_i − c·b_i
//!
//! would lie about 0. The sign-flip test of D(c) tests that; the interval is every c that it does not reject. A ratio
//! a_i/b_i has no mean if a gap may be near 0, and its interval covers nothing in particular. This is Fieller's way (1954)
//! with flips instead of Student's t.

use super::orbit::{FEWEST, exchanges};

/// Largest distance from the estimate at which shares are looked for.
const REACH: f64 = 4.0;
/// Steps of the search, on either side.
const POINTS: usize = 64;

/// Σ s_i a_i and Σ s_i b_i after every exchange that is tried, the data as they are first.
#[derive(Debug, Clone)]
pub struct Shares {
    n: usize,
    sums: Vec<(f64, f64)>,
}

impl Shares {
    /// For gaps and what is closed of them, by all exchanges, or by `most` if there are more. `None` for fewer than six
    /// seeds, numbers that are not finite, or gaps that sum to 0.
    pub fn new(closed: &[f64], gap: &[f64], most: usize) -> Option<Self> {
        let n = closed.len();
        let is_sound = n >= FEWEST && gap.len() == n && closed.iter().chain(gap).all(|x| x.is_finite());
        if !is_sound || gap.iter().sum::<f64>() == 0.0 {
            return None;
        }
        let sums = exchanges(n, most, |flips| {
            let mut sums = (0.0, 0.0);
            for (word, (closed, gap)) in flips.iter().zip(closed.chunks(64).zip(gap.chunks(64))) {
                for (i, (a, b)) in closed.iter().zip(gap).enumerate() {
                    // The bit of an exchanged seed flips the sign bit: a branch would be guessed wrongly half of the time.
                    let signed = |x: f64| f64::from_bits(x.to_bits() ^ (word >> i) << 63);
                    sums = (sums.0 + signed(*a), sums.1 + signed(*b));
                }
            }
            sums
        });
        Some(Self { n, sums })
    }

    /// Number of seeds.
    pub fn n(&self) -> usize {
        self.n
    }

    /// Σ a_i / Σ b_i
    pub fn estimate(&self) -> f64 {
        self.sums[0].0 / self.sums[0].1
    }

    /// Two-sided p of the hypothesis that the share is `c`.
    pub fn p(&self, c: f64) -> f64 {
        let size = |(a, b): &(f64, f64)| (a - c * b).abs();
        let seen = size(&self.sums[0]) - 1e-11;
        let extreme = self.sums.iter().filter(|sums| size(sums) >= seen).count();
        extreme as f64 / self.sums.len() as f64
    }

    /// From the smallest to the largest share that is not rejected; infinite where none is rejected within reach.
    pub fn interval(&self, confidence: f64) -> (f64, f64) {
        (self.end(-1.0, confidence), self.end(1.0, confidence))
    }

    fn end(&self, sign: f64, confidence: f64) -> f64 {
        let is_kept = |c: f64| self.p(c) > 1.0 - confidence + 1e-9;
        let at = |i: usize| self.estimate() + sign * REACH * i as f64 / POINTS as f64;
        // From the outermost inwards: what is not rejected need not be in one piece.
        let outermost = (1..=POINTS).rev().find(|i| is_kept(at(*i)));
        let (mut inside, mut outside) = match outermost {
            Some(POINTS) => return sign * f64::INFINITY,
            Some(i) => (at(i), at(i + 1)),
            None => (self.estimate(), at(1)),
        };
        for _ in 0..40 {
            let middle = f64::midpoint(inside, outside);
            if is_kept(middle) { inside = middle } else { outside = middle }
        }
        inside
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
        let found = Shares::new(&closed, &gap, ALL).unwrap();
        let flips = |c: f64| {
            let d: Vec<f64> = closed.iter().zip(&gap).map(|(a, b)| a - c * b).collect();
            sign_flips(Sample::new(&d).unwrap(), ALL).p(0.0)
        };
        let estimate = found.estimate();
        assert!((estimate - 4.3 / 8.05).abs() < 1e-12);
        let (low, high) = found.interval(0.95);
        assert!(low < estimate && estimate < high);
        for inside in [low + 1e-6, estimate, high - 1e-6] {
            assert!(flips(inside) > 0.05 && found.p(inside) == flips(inside), "{inside}");
        }
        assert!([low - 1e-6, high + 1e-6].into_iter().all(|outside| flips(outside) <= 0.05));
    }

    #[test]
    fn all_of_a_gap_and_none_of_it_are_shares_of_1_and_0() {
        let gap = [1.0, 1.3, 0.8, 1.1, 0.9, 1.2];
        assert_eq!(Shares::new(&gap, &gap, ALL).unwrap().estimate(), 1.0);
        let none = Shares::new(&[0.0; 6], &gap, ALL).unwrap();
        let (low, high) = none.interval(0.95);
        assert!(none.estimate() == 0.0 && low.abs() < 1e-9 && high.abs() < 1e-9);
    }

    #[test]
    fn a_gap_about_0_leaves_every_share_possible_and_too_little_data_none() {
        let gap = [0.1, -0.1, 0.12, -0.09, 0.08, -0.1];
        let open = Shares::new(&[0.3, -0.2, 0.1, 0.2, -0.3, 0.1], &gap, ALL).unwrap();
        assert_eq!(open.interval(0.95), (f64::NEG_INFINITY, f64::INFINITY));
        for (closed, gap) in
            [(vec![1.0; 5], vec![1.0; 5]), (vec![1.0; 6], vec![f64::INFINITY; 6]), (vec![1.0; 6], vec![1.0; 7])]
        {
            assert!(Shares::new(&closed, &gap, ALL).is_none());
        }
    }
}
