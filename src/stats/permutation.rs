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

/// What the differences come to after every exchange that is tried.
#[derive(Debug, Clone)]
pub struct Orbit {
    n: usize,
    /// The data as they are first.
    moments: Vec<Moments>,
    /// Whether exchanges flip signs and do nothing else: then p falls monotonically on both sides of the mean.
    is_flips: bool,
}

/// What S after an exchange depends on, at any shift.
#[derive(Debug, Clone, Copy)]
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

impl Orbit {
    /// Tries the exchanges of `n` seeds, at least one: `differences` is told which are exchanged, and writes what that
    /// gives. All are tried if they are at most `most`, else that many random ones, or 100,000. An exchange and its
    /// opposite differ in the sign of S alone; where all are tried, the last seed stays.
    pub fn new(n: usize, most: usize, mut differences: impl FnMut(&[bool], &mut [f64])) -> Self {
        let (mut is_exchanged, mut after) = (vec![false; n], vec![0.0; n]);
        let moments = exchanges(n, most, |exchange| {
            is_exchanged
                .iter_mut()
                .enumerate()
                .for_each(|(seed, is)| *is = exchange[seed / 64] >> (seed % 64) & 1 == 1);
            differences(&is_exchanged, &mut after);
            let mut moments = Moments { signs: 0.0, sum: 0.0, signed: 0.0, squares: 0.0, limit: limit(&after) };
            for (is, d) in is_exchanged.iter().zip(&after) {
                let sign = if *is { -1.0 } else { 1.0 };
                moments.signs += sign;
                moments.sum += d;
                moments.signed += sign * d;
                moments.squares += d * d;
            }
            moments
        });
        Self { n, moments, is_flips: false }
    }

    /// Number of exchanges tried.
    pub fn exchanges(&self) -> usize {
        self.moments.len()
    }

    /// S of the data; positive speaks for the first arm.
    pub fn statistic(&self) -> f64 {
        self.moments[0].statistic(self.n as f64, 0.0)
    }

    /// Two-sided p of the hypothesis that the first arm is the second plus θ.
    pub fn p(&self, theta: f64) -> f64 {
        let n = self.n as f64;
        // What differs by less is equal but for rounding.
        let seen = self.moments[0].statistic(n, theta).abs() - 1e-11;
        let extreme = self.moments.iter().filter(|moments| moments.statistic(n, theta).abs() >= seen).count();
        extreme as f64 / self.moments.len() as f64
    }

    /// From the smallest to the largest shift θ that is not rejected, at each of some confidences 1 − α.
    ///
    /// For flips these are exact. After other exchanges the shifts that are kept need not be in one piece: the outermost
    /// is looked for at 512 distances to either side (128 where there are very many exchanges), each some per cent
    /// further out than the one before, and then bisected.
    ///
    /// `None` for fewer than 6 seeds, if a difference is not finite, if so few seeds cannot reject anything at this
    /// confidence, or if the confidence is not above 0.
    pub fn intervals<const N: usize>(&self, confidences: [f64; N]) -> [Option<(f64, f64)>; N] {
        let n = self.n as f64;
        let (data, mean) = (&self.moments[0], self.moments[0].sum / n);
        let rms = |moments: &Moments| if moments.limit.is_some() { 0.0 } else { (moments.squares / n).sqrt() };
        let largest = self.moments.iter().map(rms).fold(0.0, f64::max);
        let spread = (data.squares / n - mean * mean).max(0.0).sqrt();
        // A spread that is nothing but rounding is none.
        let nearest = if spread > 1e-7 * mean.abs() { spread } else { largest };
        let is_given = |alpha: f64| {
            let decides = (1.0 / self.moments.len() as f64..1.0).contains(&alpha);
            self.n >= FEWEST && data.limit.is_none() && decides
        };
        if !confidences.iter().any(|confidence| is_given(alpha(*confidence))) {
            return [None; N];
        }
        if largest == 0.0 || self.is_flips && spread <= 1e-7 * mean.abs() {
            return confidences.map(|confidence| is_given(alpha(confidence)).then_some((mean, mean)));
        }
        // Beyond several times the largest difference that any exchange makes everything is rejected.
        let (first, last) = (1e-3 * nearest, 8.0 * n.sqrt() * largest);
        let points: usize = match self.moments.len() {
            _ if self.is_flips => 24,
            many if many > 1 << 14 => 128,
            _ => 512,
        };
        let distance = |i: usize| first * (last / first).powf(i as f64 / (points - 1) as f64);
        let side = |sign: f64| {
            let p: Vec<f64> = (0..points).map(|i| self.p(mean + sign * distance(i))).collect();
            confidences.map(|confidence| {
                let is_kept = |p: f64| p > alpha(confidence);
                let (mut inside, mut outside) = match p.iter().rposition(|p| is_kept(*p)) {
                    Some(i) => (distance(i), distance((i + 1).min(points - 1))),
                    None => (0.0, first),
                };
                for _ in 0..60 {
                    let middle = f64::midpoint(inside, outside);
                    if middle <= inside || middle >= outside {
                        break;
                    }
                    if is_kept(self.p(mean + sign * middle)) { inside = middle } else { outside = middle }
                }
                mean + sign * inside
            })
        };
        let (lows, highs) = (side(-1.0), side(1.0));
        std::array::from_fn(|i| is_given(alpha(confidences[i])).then_some((lows[i], highs[i])))
    }

    /// The interval at one confidence.
    pub fn interval(&self, confidence: f64) -> Option<(f64, f64)> {
        self.intervals([confidence])[0]
    }

    /// Whether an interval at this confidence leaves a shift out; never where there is none.
    pub fn rejects(&self, theta: f64, confidence: f64) -> bool {
        self.n >= FEWEST && confidence > 0.0 && self.moments[0].limit.is_none() && self.p(theta) <= alpha(confidence)
    }
}

/// 1 − confidence, but for rounding.
fn alpha(confidence: f64) -> f64 {
    1.0 - confidence + 1e-9
}

impl Moments {
    /// S at a shift.
    fn statistic(&self, n: f64, theta: f64) -> f64 {
        if let Some(limit) = self.limit {
            return limit;
        }
        let squares = self.squares - 2.0 * theta * self.signed + n * theta * theta;
        // What is left of a sum of squares by rounding is nothing.
        let is_nothing = squares <= 1e-14 * (self.squares + n * theta * theta);
        if is_nothing { 0.0 } else { (self.sum - theta * self.signs) / squares.sqrt() }
    }
}

/// Something of every exchange that is tried, each a bit a seed, set if exchanged; none at all first.
fn exchanges<T>(n: usize, most: usize, mut of: impl FnMut(&[u64]) -> T) -> Vec<T> {
    let words = n.div_ceil(64);
    let all = 1usize.checked_shl(n as u32 - 1).filter(|all| n <= EXACT && *all <= most);
    if let Some(all) = all {
        return (0..all as u64).map(|exchange| of(&[exchange])).collect();
    }
    let mut rng = stream(0, "exchange");
    let mut exchange = vec![0; words];
    let mut drawn = vec![of(&exchange)];
    for _ in 1..most.min(DRAWS) {
        exchange.iter_mut().for_each(|word| *word = rng.next_u64());
        exchange[words - 1] &= u64::MAX >> (words * 64 - n);
        drawn.push(of(&exchange));
    }
    drawn
}

/// The exchanges of paired differences: their signs are flipped. `most` as for [`Orbit::new`].
///
/// `None` without differences, or if one of them is not a number.
pub fn sign_flips(differences: &[f64], most: usize) -> Option<Orbit> {
    let n = differences.len();
    if n == 0 || differences.iter().any(|d| d.is_nan()) {
        return None;
    }
    if limit(differences).is_some() {
        return Some(Orbit::new(n, most, |flipped, out| {
            out.iter_mut().zip(differences).zip(flipped).for_each(|((out, d), is)| *out = if *is { -d } else { *d });
        }));
    }
    let (total, squares) = (differences.iter().sum::<f64>(), differences.iter().map(|d| d * d).sum());
    let moments = exchanges(n, most, |flips| {
        let of_word =
            |(word, d): (&u64, &[f64])| -> f64 { d.iter().enumerate().map(|(i, d)| d * (word >> i & 1) as f64).sum() };
        let flipped: f64 = flips.iter().zip(differences.chunks(64)).map(of_word).sum();
        let count: u32 = flips.iter().map(|word| word.count_ones()).sum();
        let signs = n as f64 - 2.0 * f64::from(count);
        Moments { signs, sum: total - 2.0 * flipped, signed: total, squares, limit: None }
    });
    Some(Orbit { n, moments, is_flips: true })
}

/// S where some differences are infinite: what it tends to as they grow together, (k₊ − k₋)/√(k₊ + k₋) with k₊ and
/// k₋ of either sign.
fn limit(differences: &[f64]) -> Option<f64> {
    let signs = || differences.iter().filter(|d| d.is_infinite()).map(|d| d.signum());
    let infinite = signs().count();
    (infinite > 0).then(|| signs().sum::<f64>() / (infinite as f64).sqrt())
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
        sign_flips(differences, ALL).unwrap().p(0.0)
    }

    fn interval(differences: &[f64], confidence: f64) -> Option<(f64, f64)> {
        sign_flips(differences, ALL).unwrap().interval(confidence)
    }

    #[test]
    fn the_interval_holds_exactly_what_the_test_does_not_reject() {
        let d = [0.3, -0.1, 0.4, 0.2, 0.6, -0.05, 0.15, 0.35];
        for confidence in [0.9, 0.95, 0.97] {
            let (low, high) = interval(&d, confidence).unwrap();
            let p = |theta: f64| p(&d.map(|x| x - theta));
            assert_eq!(p(0.1), sign_flips(&d, ALL).unwrap().p(0.1));
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
        assert_eq!(interval(&d, -0.2), None);
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
    fn flips_are_the_exchanges_of_differences() {
        for n in [1, 7, 30, 70] {
            let d: Vec<f64> = (0..n).map(|i| ((i * 37 + 5) % 17) as f64 / 17.0 - 0.3).collect();
            let flips = sign_flips(&d, 512).unwrap();
            let exchanges =
                Orbit::new(n, 512, |is, out| (0..n).for_each(|i| out[i] = if is[i] { -d[i] } else { d[i] }));
            for theta in [0.0, 0.1, -0.4] {
                assert_eq!(flips.p(theta), exchanges.p(theta), "n = {n}, θ = {theta}");
            }
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
        assert_eq!(huge.p(0.0), infinite.p(0.0));
        let ((l, h), (low, high)) = (huge.interval(0.9).unwrap(), infinite.interval(0.9).unwrap());
        assert!((l - low).abs() < 1e-6 && (h - high).abs() < 1e-6);
        let d = [0.3, f64::INFINITY, -0.1, 0.2, 0.5, 0.7, 0.4];
        assert_eq!(sign_flips(&d, ALL).unwrap().interval(0.9), None);
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
        assert!((all.p(0.0) - sampled.p(0.0)).abs() < 0.03, "{} {}", all.p(0.0), sampled.p(0.0));
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
