//! Tests by exchange, and the intervals that invert them.
//!
//! If two arms were alike, exchanging what they came to for any of the seeds would give data as likely as those
//! seen. An exchange π gives differences d_i(π), one a seed, and their size against their spread
//!
//! S_π = Σ d_i(π) / √(Σ d_i(π)²)
//!
//! which grows with Student's t and with nothing else. p is the share of exchanges with |S_π| ≥ |S|: of all 2ⁿ for
//! n ≤ 20, of 100,000 random ones, the data as they are counted in, beyond that. No p below 2/2ⁿ is possible.
//!
//! Where an exchange does no more than flip signs, Σ d_i² is always the same, and this is the sign-flip test of the
//! mean. Where it changes which candidate is read, it is not: an exchange may then read an arm where that arm fails,
//! and a mean, unlike S, would be judged by the size of such accidents.
//!
//! The interval holds the shifts θ that the test of "the first arm is the second plus θ" does not reject: under that
//! hypothesis d_i(π) − θ is what was seen of a seed kept, and d_i(π) + θ of one exchanged. For flips of signs its
//! ends are means of subsets of the differences (Hartigan 1969).

use std::cell::OnceCell;

use rand::Rng;

use crate::random::stream;

/// Largest n for which all exchanges are tried.
pub const EXACT: usize = 20;
/// As many as those are.
pub const ALL: usize = 1 << (EXACT - 1);
/// Random exchanges beyond that.
const DRAWS: usize = 100_000;
/// Fewest seeds for which an interval is given.
pub const FEWEST: usize = 6;

/// The differences after every exchange that is tried; the first is none at all.
#[derive(Debug, Clone)]
pub struct Orbit {
    n: usize,
    /// Words of 64 seeds an exchange.
    words: usize,
    /// One bit a seed, set if exchanged.
    exchanges: Vec<u64>,
    /// The differences, n an exchange.
    differences: Vec<f64>,
    /// |S|, sorted, when first asked for.
    sizes: OnceCell<Vec<f64>>,
}

impl Orbit {
    /// Tries the exchanges of `n` seeds, at least one: `differences` is told which are exchanged, and writes what that
    /// gives. All are tried if they are at most `most`, else that many random ones, or 100,000. An exchange and its
    /// opposite differ in the sign of S alone; where all are tried, the last seed stays.
    pub fn new(n: usize, most: usize, mut differences: impl FnMut(&[bool], &mut [f64])) -> Self {
        let words = n.div_ceil(64);
        let all = 1usize.checked_shl(n as u32 - 1).filter(|all| n <= EXACT && *all <= most);
        let exchanges: Vec<u64> = if let Some(all) = all {
            (0..all as u64).collect()
        } else {
            let mut rng = stream(0, "exchange");
            let in_last = u64::MAX >> (words * 64 - n);
            let word = |i: usize| match i {
                i if i < words => 0,
                i if i % words == words - 1 => rng.next_u64() & in_last,
                _ => rng.next_u64(),
            };
            (0..words * most.min(DRAWS)).map(word).collect()
        };
        let mut orbit =
            Self { n, words, differences: vec![0.0; exchanges.len() / words * n], exchanges, sizes: OnceCell::new() };
        let mut exchanged = vec![false; n];
        for (exchange, out) in orbit.exchanges.chunks(words).zip(orbit.differences.chunks_mut(n)) {
            exchanged.iter_mut().enumerate().for_each(|(seed, is)| *is = has(exchange, seed));
            differences(&exchanged, out);
        }
        orbit
    }

    /// Number of exchanges tried.
    pub fn exchanges(&self) -> usize {
        self.exchanges.len() / self.words
    }

    /// The differences after exchange `i`; 0 is the data as they are.
    pub fn differences(&self, i: usize) -> &[f64] {
        &self.differences[i * self.n..][..self.n]
    }

    fn exchange(&self, i: usize) -> &[u64] {
        &self.exchanges[i * self.words..][..self.words]
    }

    /// S of exchange `i`; positive speaks for the first arm.
    pub fn statistic(&self, i: usize) -> f64 {
        let differences = self.differences(i);
        limit(differences).unwrap_or_else(|| ratio(differences.iter().sum(), differences.iter().map(|d| d * d).sum()))
    }

    /// Two-sided p, had exchange `i` been the data.
    pub fn p(&self, i: usize) -> f64 {
        let sizes = self.sizes.get_or_init(|| {
            let mut sizes: Vec<f64> = (0..self.exchanges()).map(|j| self.statistic(j).abs()).collect();
            sizes.sort_by(f64::total_cmp);
            sizes
        });
        let below = sizes.partition_point(|size| *size < self.statistic(i).abs() - TOLERANCE);
        (sizes.len() - below) as f64 / sizes.len() as f64
    }

    /// The tests of shifts, had exchange `i` been the data.
    ///
    /// `None` for fewer than 6 seeds, or if one of those data's differences is not finite.
    pub fn shifts(&self, i: usize) -> Option<Shifts> {
        if self.n < FEWEST || self.differences(i).iter().any(|d| !d.is_finite()) {
            return None;
        }
        let of_data = self.exchange(i);
        let moments = |j: usize| {
            let exchange = self.exchange(j);
            let limit = limit(self.differences(j));
            let mut moments = Moments { signs: 0.0, sum: 0.0, signed: 0.0, squares: 0.0, limit };
            for (seed, d) in self.differences(j).iter().enumerate() {
                let sign = if has(exchange, seed) == has(of_data, seed) { 1.0 } else { -1.0 };
                moments.signs += sign;
                moments.sum += d;
                moments.signed += sign * d;
                moments.squares += d * d;
            }
            moments
        };
        // The data themselves first.
        let mut all: Vec<Moments> = (0..self.exchanges()).map(moments).collect();
        all.swap(0, i);
        Some(Shifts { n: self.n as f64, moments: all })
    }
}

fn has(exchange: &[u64], seed: usize) -> bool {
    exchange[seed / 64] >> (seed % 64) & 1 == 1
}

/// S's that differ by less are equal but for rounding.
const TOLERANCE: f64 = 1e-11;

/// S where some differences are infinite: what it tends to as they grow together, (k₊ − k₋)/√(k₊ + k₋) with k₊ and
/// k₋ of either sign.
fn limit(differences: &[f64]) -> Option<f64> {
    let signs = || differences.iter().filter(|d| d.is_infinite()).map(|d| d.signum());
    let infinite = signs().count();
    (infinite > 0).then(|| signs().sum::<f64>() / (infinite as f64).sqrt())
}

fn ratio(sum: f64, squares: f64) -> f64 {
    if squares > 0.0 { sum / squares.sqrt() } else { 0.0 }
}

/// What S after an exchange depends on, at any shift.
#[derive(Debug, Clone)]
struct Moments {
    /// Σ s_i, s_i = −1 for the seeds exchanged and 1 for the others.
    signs: f64,
    /// Σ d_i
    sum: f64,
    /// Σ s_i d_i
    signed: f64,
    /// Σ d_i²
    squares: f64,
    /// S, if some d_i are infinite: then no shift moves it.
    limit: Option<f64>,
}

/// Tests of all shifts on the same data.
#[derive(Debug, Clone)]
pub struct Shifts {
    n: f64,
    /// Of every exchange, the data themselves first.
    moments: Vec<Moments>,
}

impl Shifts {
    /// Two-sided p of the hypothesis that the first arm is the second plus θ.
    pub fn p(&self, theta: f64) -> f64 {
        let size = |m: &Moments| {
            if let Some(limit) = m.limit {
                return limit.abs();
            }
            let squares = m.squares - 2.0 * theta * m.signed + self.n * theta * theta;
            // What is left of a sum of squares by rounding is nothing.
            let is_nothing = squares <= 1e-14 * (m.squares + self.n * theta * theta);
            if is_nothing { 0.0 } else { (m.sum - theta * m.signs).abs() / squares.sqrt() }
        };
        let seen = size(&self.moments[0]) - TOLERANCE;
        let extreme = self.moments.iter().filter(|m| size(m) >= seen).count();
        extreme as f64 / self.moments.len() as f64
    }

    /// The shifts that are not rejected at 1 − confidence.
    ///
    /// `None` if so few seeds cannot reject anything at this confidence.
    pub fn interval(&self, confidence: f64) -> Option<(f64, f64)> {
        let alpha = 1.0 - confidence + 1e-9;
        if 1.0 / self.moments.len() as f64 > alpha {
            return None;
        }
        let data = &self.moments[0];
        let mean = data.sum / self.n;
        let spread = (data.squares / self.n - mean * mean).max(0.0).sqrt();
        if spread <= 1e-7 * mean.abs() || spread == 0.0 {
            return Some((mean, mean));
        }
        let is_kept = |distance: f64| self.p(mean + distance) > alpha;
        Some((mean - reach(spread, |distance| is_kept(-distance)), mean + reach(spread, is_kept)))
    }
}

/// The largest distance that is kept, from far outside inwards, then by bisection to the last bits.
fn reach(spread: f64, is_kept: impl Fn(f64) -> bool) -> f64 {
    let mut outside = spread * 1024.0;
    while is_kept(outside) && outside.is_finite() {
        outside *= 2.0;
    }
    let mut inside = outside / 2.0;
    while !is_kept(inside) && inside > spread * 1e-9 {
        (inside, outside) = (inside / 2.0, inside);
    }
    for _ in 0..60 {
        let middle = f64::midpoint(inside, outside);
        if middle <= inside || middle >= outside {
            break;
        }
        if is_kept(middle) { inside = middle } else { outside = middle }
    }
    inside
}

/// The exchanges of paired differences: their signs are flipped.
///
/// `None` without differences, or if one of them is not a number.
pub fn sign_flips(differences: &[f64], most: usize) -> Option<Orbit> {
    let is_defined = !differences.is_empty() && !differences.iter().any(|d| d.is_nan());
    let flip = |flipped: &[bool], out: &mut [f64]| {
        out.iter_mut().zip(differences).zip(flipped).for_each(|((out, d), flip)| *out = if *flip { -d } else { *d });
    };
    is_defined.then(|| Orbit::new(differences.len(), most, flip))
}

/// Signed ranks of differences, 1 for the smallest |d|, ties sharing their mean rank, zeros 0.
/// Infinite differences rank highest, so that a divergence counts as the worst there is.
pub fn signed_ranks(differences: &[f64]) -> Vec<f64> {
    let mut sizes: Vec<f64> = differences.iter().map(|d| d.abs()).collect();
    sizes.sort_by(f64::total_cmp);
    let rank = |d: f64| {
        let below = sizes.partition_point(|size| *size < d.abs());
        let equal = sizes.partition_point(|size| *size <= d.abs()) - below;
        if d == 0.0 { 0.0 } else { d.signum() * (below as f64 + (equal as f64 + 1.0) / 2.0) }
    };
    differences.iter().map(|d| rank(*d)).collect()
}

/// The smallest p that n differences can give.
pub fn smallest_p(n: usize) -> f64 {
    let exchanges = if n <= EXACT { 0.5f64.powi(n as i32 - 1) } else { 1.0 / DRAWS as f64 };
    exchanges.min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn p(differences: &[f64]) -> f64 {
        sign_flips(differences, ALL).unwrap().p(0)
    }

    fn interval(differences: &[f64], confidence: f64) -> Option<(f64, f64)> {
        sign_flips(differences, ALL).unwrap().shifts(0)?.interval(confidence)
    }

    #[test]
    fn the_interval_holds_exactly_what_the_test_does_not_reject() {
        let d = [0.3, -0.1, 0.4, 0.2, 0.6, -0.05, 0.15, 0.35];
        for confidence in [0.9, 0.95, 0.97] {
            let (low, high) = interval(&d, confidence).unwrap();
            let p = |theta: f64| p(&d.map(|x| x - theta));
            assert_eq!(p(0.1), sign_flips(&d, ALL).unwrap().shifts(0).unwrap().p(0.1));
            for inside in [low + 1e-9, f64::midpoint(low, high), high - 1e-9] {
                assert!(p(inside) > 1.0 - confidence, "{inside} {}", p(inside));
            }
            for outside in [low - 1e-9, high + 1e-9] {
                assert!(p(outside) <= 1.0 - confidence, "{outside} {}", p(outside));
            }
        }
        assert_eq!(interval(&d[..5], 0.95), None);
        assert_eq!(interval(&[2.0; 6], 0.95), Some((2.0, 2.0)));
        assert_eq!(interval(&d, 0.999), None, "8 pairs reject nothing at 0.001");
    }

    #[test]
    fn its_ends_are_means_of_subsets() {
        let d = [0.3, -0.1, 0.4, 0.2, 0.6, -0.05, 0.15];
        let mean = |subset: u32| {
            let chosen = (0..7).filter(|i| subset >> i & 1 == 1).map(|i| d[i]).sum::<f64>();
            chosen / f64::from(subset.count_ones())
        };
        let mut means: Vec<f64> = (1..1u32 << 7).map(mean).collect();
        means.sort_by(f64::total_cmp);
        // 0.025 of 2⁷ is 3.2: the third from either end.
        let (low, high) = interval(&d, 0.95).unwrap();
        assert!((low - means[2]).abs() < 1e-9 && (high - means[means.len() - 3]).abs() < 1e-9, "{low} {high}");
    }

    #[test]
    fn exchanged_data_have_the_p_and_interval_of_data_made_so() {
        let d = [0.3, -0.1, 0.4, 0.2, 0.6, -0.05, 0.15];
        let orbit = sign_flips(&d, ALL).unwrap();
        for i in [1usize, 5, 44] {
            let flipped: Vec<f64> = d.iter().enumerate().map(|(s, d)| if i >> s & 1 == 1 { -d } else { *d }).collect();
            let direct = sign_flips(&flipped, ALL).unwrap();
            assert_eq!(orbit.p(i), direct.p(0));
            let interval = |orbit: &Orbit, i| orbit.shifts(i).unwrap().interval(0.95).unwrap();
            let ((low, high), (l, h)) = (interval(&orbit, i), interval(&direct, 0));
            assert!((low - l).abs() < 1e-12 && (high - h).abs() < 1e-12);
        }
    }

    #[test]
    fn infinite_differences_count_like_any_that_grow_without_bound() {
        let with = |large: f64| {
            let d = [0.3, large, -0.1, 0.2, -large, large, 0.4];
            Orbit::new(7, ALL, |exchanged, out| {
                let sign = |i: usize| if exchanged[i] { -1.0 } else { 1.0 };
                // Large only where the first seed has been exchanged.
                (0..7).for_each(|i| out[i] = sign(i) * if exchanged[0] { d[i] } else { d[i].clamp(-0.5, 0.5) });
            })
        };
        let (huge, infinite) = (with(1e12), with(f64::INFINITY));
        assert!((0..huge.exchanges()).all(|i| (huge.statistic(i) - infinite.statistic(i)).abs() < 1e-9));
        assert_eq!(huge.p(0), infinite.p(0));
        let interval = |orbit: &Orbit| orbit.shifts(0).unwrap().interval(0.9).unwrap();
        let ((l, h), (low, high)) = (interval(&huge), interval(&infinite));
        assert!((l - low).abs() < 1e-6 && (h - high).abs() < 1e-6);
        assert!(infinite.shifts(1).is_none());
    }

    #[test]
    fn all_of_one_sign_gives_the_smallest_p() {
        for n in 1..=8 {
            let d: Vec<f64> = (1..=n).map(f64::from).collect();
            assert_eq!(p(&d), smallest_p(n as usize));
        }
        assert_eq!(p(&[0.0; 6]), 1.0);
        assert!(sign_flips(&[], ALL).is_none() && sign_flips(&[f64::NAN], ALL).is_none());
        assert_eq!(p(&[f64::INFINITY, 1.0, 2.0]), 1.0, "one that is infinite decides by its sign alone");
    }

    #[test]
    fn fewer_exchanges_than_all_are_a_sample_of_them() {
        let d: Vec<f64> = (0..14).map(|i| f64::from(i % 5) - 1.3).collect();
        let (all, sampled) = (sign_flips(&d, ALL).unwrap(), sign_flips(&d, 4096).unwrap());
        assert_eq!((all.exchanges(), sampled.exchanges()), (8192, 4096));
        assert!((all.p(0) - sampled.p(0)).abs() < 0.03, "{} {}", all.p(0), sampled.p(0));
    }

    #[test]
    fn many_differences_are_sampled_and_agree_with_the_normal_approximation() {
        // Σ±d is nearly normal with variance Σd²: p of a mean 2 standard errors off is 0.0455.
        let n = 70;
        let spread: Vec<f64> = (0..n).map(|i| f64::from(i % 7) - 3.0).collect();
        let se = spread.iter().map(|d| d * d).sum::<f64>().sqrt() / f64::from(n);
        let shifted: Vec<f64> = spread.iter().map(|d| d + 2.0 * se).collect();
        let se = shifted.iter().map(|d| d * d).sum::<f64>().sqrt() / f64::from(n);
        assert!((p(&shifted) - 0.0455).abs() < 0.01, "{}", p(&shifted));
        let (low, high) = interval(&shifted, 0.95).unwrap();
        let mean = shifted.iter().sum::<f64>() / f64::from(n);
        assert!((low - (mean - 1.96 * se)).abs() < 0.1 * se && (high - (mean + 1.96 * se)).abs() < 0.1 * se);
        assert_eq!(p(&[1.0; 30]), smallest_p(30));
    }

    #[test]
    fn ranks_put_divergence_last_and_share_ties() {
        assert_eq!(signed_ranks(&[0.2, f64::INFINITY, -0.2, 0.0]), [2.5, 4.0, -2.5, 0.0]);
    }
}
