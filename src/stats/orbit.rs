//! Tests by exchange.
//!
//! If two arms are alike, exchanging their results for any seeds gives data as likely as those seen. An exchange π gives
//! differences d_i(π), one a seed. Their size relative to their spread is
//!
//! S_π = Σ d_i(π) / √(Σ d_i(π)²)
//!
//! which rises with Student's t and depends on nothing else. p is the share of exchanges with |S_π| ≥ |S|: of all 2ⁿ if
//! the caller allows so many (n ≤ 20 at most); else of random ones, 100,000 at most, the data as they are counted in. No p
//! below 2/2ⁿ is possible.
//!
//! If exchanges only flip signs, Σ d_i² is always the same, and this is the sign-flip test of the mean. If they change
//! which candidate is read, it is not: an exchange may then read an arm where that arm fails. Such accidents would decide
//! the size of a mean, but not of S.

use rand::Rng;

use crate::random::stream;

/// Largest n for which all exchanges are tried.
pub const EXACT: usize = 20;
/// The number of exchanges that are then tried.
pub const ALL: usize = 1 << (EXACT - 1);
/// Random exchanges beyond that.
const DRAWS: usize = 100_000;
/// Fewest seeds for which an interval is given.
pub const FEWEST: usize = 6;

/// What the differences come to after every exchange that is tried.
#[derive(Debug, Clone)]
pub struct Orbit {
    pub(super) n: usize,
    /// One for each exchange, the data as they are first.
    pub(super) moments: Vec<Moments>,
    /// Whether exchanges flip signs and do nothing else: then p falls monotonically on both sides of the mean.
    pub(super) is_flips: bool,
}

/// What S after an exchange depends on, at any shift.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moments {
    /// Σ s_i, s_i = −1 for the seeds exchanged and 1 for the others.
    pub(super) signs: f64,
    /// Σ d_i
    pub(super) sum: f64,
    /// Σ s_i d_i
    pub(super) signed: f64,
    /// Σ d_i²
    pub(super) squares: f64,
    /// S, if some d_i are infinite: then no shift moves it.
    pub(super) limit: Option<f64>,
}

impl Orbit {
    /// Tries the exchanges of `n` seeds, at least one: `differences` is told which are exchanged, and writes what that
    /// gives. All are tried if they are at most `most`, else that many random ones, or 100,000. An exchange and its
    /// opposite differ in the sign of S alone; where all are tried, the last seed stays.
    pub fn new(n: usize, most: usize, mut differences: impl FnMut(&[bool], &mut [f64])) -> Self {
        let (mut is_exchanged, mut after) = (vec![false; n], vec![0.0; n]);
        let moments = exchanges(n, most, |exchange| {
            let is_set = |seed: usize| exchange[seed / 64] >> (seed % 64) & 1 == 1;
            is_exchanged.iter_mut().enumerate().for_each(|(seed, is)| *is = is_set(seed));
            differences(&is_exchanged, &mut after);
            Moments::of(&after, &is_exchanged)
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
        // A smaller difference is only rounding.
        let seen = self.moments[0].statistic(n, theta).abs() - 1e-11;
        let is_extreme =
            |moments: &&Moments| !moments.is_below(n, theta, seen) && moments.statistic(n, theta).abs() >= seen;
        let extreme = self.moments.iter().filter(is_extreme).count();
        extreme as f64 / self.moments.len() as f64
    }

    /// Whether an interval at this confidence leaves a shift out; never where there is none.
    pub fn rejects(&self, theta: f64, confidence: f64) -> bool {
        self.n >= FEWEST && confidence > 0.0 && self.moments[0].limit.is_none() && self.p(theta) <= alpha(confidence)
    }
}

/// 1 − confidence, but for rounding.
pub(super) fn alpha(confidence: f64) -> f64 {
    1.0 - confidence + 1e-9
}

impl Moments {
    /// The moments of the differences after an exchange of some seeds.
    fn of(differences: &[f64], is_exchanged: &[bool]) -> Self {
        let mut moments = Self { signs: 0.0, sum: 0.0, signed: 0.0, squares: 0.0, limit: limit(differences) };
        for (is, d) in is_exchanged.iter().zip(differences) {
            let sign = if *is { -1.0 } else { 1.0 };
            moments.signs += sign;
            moments.sum += d;
            moments.signed += sign * d;
            moments.squares += d * d;
        }
        moments
    }

    /// Σ (d_i − θ s_i)²
    fn squares(&self, n: f64, theta: f64) -> f64 {
        self.squares - 2.0 * theta * self.signed + n * theta * theta
    }

    /// Whether |S| at a shift is below `seen` by more than rounding, as it mostly is. Needs no root and no quotient.
    fn is_below(&self, n: f64, theta: f64, seen: f64) -> bool {
        let sum = self.sum - theta * self.signs;
        self.limit.is_none() && seen > 0.0 && sum * sum < 0.999_999 * (seen * seen) * self.squares(n, theta)
    }

    /// S at a shift.
    fn statistic(&self, n: f64, theta: f64) -> f64 {
        if let Some(limit) = self.limit {
            return limit;
        }
        let squares = self.squares(n, theta);
        // A sum of squares that is only rounding counts as 0.
        let is_nothing = squares <= 1e-14 * (self.squares + n * theta * theta);
        if is_nothing { 0.0 } else { (self.sum - theta * self.signs) / squares.sqrt() }
    }
}

/// What `of` makes of every exchange that is tried. An exchange has one bit a seed, set if the seed is exchanged. The first
/// exchanges nothing.
pub(super) fn exchanges<T>(n: usize, most: usize, mut of: impl FnMut(&[u64]) -> T) -> Vec<T> {
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

/// S if some differences are infinite: its limit as they grow together, (k₊ − k₋)/√(k₊ + k₋) with k₊ and k₋ of either sign.
fn limit(differences: &[f64]) -> Option<f64> {
    let signs = || differences.iter().filter(|d| d.is_infinite()).map(|d| d.signum());
    let infinite = signs().count();
    (infinite > 0).then(|| signs().sum::<f64>() / (infinite as f64).sqrt())
}

/// The smallest p that n differences can give.
pub fn smallest_p(n: usize) -> f64 {
    let exchanges = if n <= EXACT { 0.5f64.powi(n as i32 - 1) } else { 1.0 / DRAWS as f64 };
    exchanges.min(1.0)
}
