//! Two arms, each with a rate of its own chosen without looking at the seed that is then read.
//!
//! An arm's [`Record`] holds, for each seed and each candidate (a learning rate, say), what the choice goes
//! by and what is compared, in both of which more is better. For seed s the candidate is chosen by the mean
//! of the former over the *other* seeds; the latter is read once, for s.
//!
//! The test exchanges, seed by seed, the two arms' whole records and chooses anew each time: if the arms
//! were alike, every such exchange would be as likely as what was seen. Flipping the signs of the chosen
//! differences instead would pretend that the choice had been made beforehand, and reject too often.

use rand::Rng;

use super::permutation::{DRAWS, EXACT, signed_ranks};
use crate::random::stream;

/// What one arm came to with every candidate, \[seed\]\[candidate\], candidates in the order in which ties are
/// decided. A diverged loss is −∞.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Number of candidates.
    pub candidates: usize,
    /// What the choice goes by.
    pub selection: Vec<f64>,
    /// What is compared.
    pub value: Vec<f64>,
}

/// A paired comparison of two arms.
#[derive(Debug, Clone, PartialEq)]
pub struct Compared {
    /// First arm less second, seed by seed; infinite where a loss diverged.
    pub differences: Vec<f64>,
    /// The candidate chosen for each seed, in the first and the second arm.
    pub chosen: [Vec<usize>; 2],
    /// Two-sided p of the exchange test.
    pub p: f64,
    /// Whether it was on signed ranks, because a loss diverged.
    pub by_ranks: bool,
    /// |T| of every exchange that was tried, sorted.
    exchanged: Vec<f64>,
}

impl Record {
    /// Number of seeds.
    pub fn seeds(&self) -> usize {
        self.value.len() / self.candidates
    }
}

/// For each seed the best candidate by the mean over the others: fewest diverged, then the largest mean; of
/// equals the first. With one seed there is nothing to choose by: the first candidate.
pub fn choose(record: &Record) -> Vec<usize> {
    chosen(record.seeds(), record.candidates, |seed, k| record.selection[seed * record.candidates + k])
}

fn chosen(seeds: usize, candidates: usize, at: impl Fn(usize, usize) -> f64) -> Vec<usize> {
    let mut totals = vec![(0usize, 0.0f64); candidates];
    for seed in 0..seeds {
        for (k, (diverged, total)) in totals.iter_mut().enumerate() {
            let value = at(seed, k);
            if value.is_finite() { *total += value } else { *diverged += 1 }
        }
    }
    let scale = totals.iter().map(|(_, total)| total.abs()).fold(0.0, f64::max);
    let best = |seed: usize| {
        let others = |k: usize| {
            let (diverged, total) = totals[k];
            let own = at(seed, k);
            if own.is_finite() { (diverged, total - own) } else { (diverged - 1, total) }
        };
        (1..candidates).fold(0, |best, k| {
            let ((d, total), (least, largest)) = (others(k), others(best));
            // Sums that differ by rounding only are equal.
            if d < least || d == least && total > largest + 1e-12 * scale { k } else { best }
        })
    };
    (0..seeds).map(best).collect()
}

/// Compares two arms with the same seeds and candidates. `None` without seeds, or if a value is not a number.
///
/// # Panics
/// If the records differ in size.
pub fn compare(a: &Record, b: &Record) -> Option<Compared> {
    assert_eq!((a.candidates, a.value.len()), (b.candidates, b.value.len()), "records of different sizes");
    let all = || [a, b].into_iter().flat_map(|record| record.value.iter().chain(&record.selection));
    let n = a.seeds();
    if n == 0 || all().any(|v| v.is_nan()) {
        return None;
    }
    let by_ranks = a.value.iter().chain(&b.value).any(|v| v.is_infinite());
    let (differences, chosen) = differences(a, b, &vec![false; n]);
    let mut swapped = vec![false; n];
    let mut exchanged: Vec<f64> = Vec::new();
    if n <= EXACT {
        // An exchange and its opposite have the same |T|, so the last seed can stay.
        for pattern in 0..1u32 << (n - 1) {
            (0..n - 1).for_each(|seed| swapped[seed] = pattern >> seed & 1 == 1);
            exchanged.push(statistic(&self::differences(a, b, &swapped).0, by_ranks).abs());
        }
    } else {
        let mut rng = stream(0, "exchange");
        exchanged.push(statistic(&differences, by_ranks).abs());
        for _ in 1..DRAWS {
            for seeds in swapped.chunks_mut(64) {
                let bits = rng.next_u64();
                seeds.iter_mut().enumerate().for_each(|(i, swap)| *swap = bits >> i & 1 == 1);
            }
            exchanged.push(statistic(&self::differences(a, b, &swapped).0, by_ranks).abs());
        }
    }
    exchanged.sort_by(f64::total_cmp);
    let mut compared = Compared { differences, chosen, p: 1.0, by_ranks, exchanged };
    compared.p = compared.p_of(statistic(&compared.differences, by_ranks));
    Some(compared)
}

impl Compared {
    /// The share of exchanges whose |T| is at least that of `t`.
    fn p_of(&self, t: f64) -> f64 {
        let tolerance = 1e-12 * self.exchanged.last().copied().unwrap_or(0.0);
        let below = self.exchanged.partition_point(|other| *other < t.abs() - tolerance);
        (self.exchanged.len() - below) as f64 / self.exchanged.len() as f64
    }

    /// What T was: the sum of the differences or of their signed ranks. Positive speaks for the first arm.
    pub fn direction(&self) -> f64 {
        statistic(&self.differences, self.by_ranks)
    }
}

fn statistic(differences: &[f64], by_ranks: bool) -> f64 {
    if by_ranks { signed_ranks(differences).iter().sum() } else { differences.iter().sum() }
}

/// The chosen differences after exchanging the records of some seeds, and what was chosen.
fn differences(a: &Record, b: &Record, swapped: &[bool]) -> (Vec<f64>, [Vec<usize>; 2]) {
    let (n, k) = (swapped.len(), a.candidates);
    let of = |first: bool, seed: usize| if swapped[seed] == first { b } else { a };
    let choice = |first: bool| {
        if k == 1 {
            return vec![0; n];
        }
        chosen(n, k, |seed, candidate| of(first, seed).selection[seed * k + candidate])
    };
    let both = [choice(true), choice(false)];
    let value = |first: bool, seed: usize| of(first, seed).value[seed * k + both[usize::from(!first)][seed]];
    // Both diverged: equally bad, rather than ∞ − ∞.
    let difference = |(a, b): (f64, f64)| if a == b { 0.0 } else { a - b };
    ((0..n).map(|seed| difference((value(true, seed), value(false, seed)))).collect(), both)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::permutation::sign_flip;

    fn record(candidates: usize, selection: &[f64], value: &[f64]) -> Record {
        Record { candidates, selection: selection.to_vec(), value: value.to_vec() }
    }

    #[test]
    fn without_a_choice_it_is_the_sign_flip_test() {
        let (a, b) = ([0.5, 0.7, 0.2, 0.9, 0.4, 0.6], [0.4, 0.5, 0.3, 0.5, 0.35, 0.1]);
        let compared = compare(&record(1, &a, &a), &record(1, &b, &b)).unwrap();
        assert_eq!(Some(compared.p), sign_flip(&compared.differences));
        assert!(compared.direction() > 0.0);
    }

    #[test]
    fn a_seed_is_read_at_the_rate_that_the_others_prefer() {
        // The last seed alone prefers the second rate, so strongly that the first two follow it; for itself
        // it is read at the first.
        let selection = [0.9, 0.8, 0.9, 0.8, 0.1, 0.9];
        assert_eq!(choose(&record(2, &selection, &selection)), [1, 1, 0]);
    }

    #[test]
    fn ties_take_the_first_and_divergence_counts_before_the_mean() {
        assert_eq!(choose(&record(2, &[0.3, 0.3, 0.1, 0.1], &[0.0; 4])), [0, 0]);
        let inf = f64::NEG_INFINITY;
        assert_eq!(choose(&record(2, &[-0.1, -5.0, inf, -5.0, -0.1, -5.0], &[0.0; 6])), [1, 0, 1]);
        assert_eq!(choose(&record(3, &[inf, inf, inf], &[0.0; 3])), [0]);
    }

    #[test]
    fn diverged_losses_are_compared_by_ranks() {
        let inf = f64::NEG_INFINITY;
        let (a, b) = ([-0.2, -0.3, -5.0], [-0.3, inf, inf]);
        let compared = compare(&record(1, &a, &a), &record(1, &b, &b)).unwrap();
        assert!(compared.by_ranks && compared.differences[1] == f64::INFINITY);
        assert_eq!(compared.p, 0.25);
        let both = [inf, inf];
        assert_eq!(compare(&record(1, &both, &both), &record(1, &both, &both)).unwrap().differences, [0.0, 0.0]);
    }

    #[test]
    fn nothing_and_no_numbers_have_no_comparison() {
        assert_eq!(compare(&record(1, &[], &[]), &record(1, &[], &[])), None);
        assert_eq!(compare(&record(1, &[f64::NAN], &[0.0]), &record(1, &[0.0], &[0.0])), None);
    }
}
