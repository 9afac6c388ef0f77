//! Tests of differences between arms that are valid however candidates were chosen.
//!
//! The unit is the seed. There are two tests, and p is the larger of their p:
//!
//! - **Exchange.** For some seeds the arms change places in all their results, at every candidate, and the choice is made
//!   anew. It is exact if the arms are alike, whatever the choice does. Flipping the signs of the chosen differences
//!   pretends that the choice had been made beforehand. But arms that are alike may by chance be tuned to different
//!   candidates, for all seeds together; flipping then rejects far too often (simulated: up to 0.37 at 0.05).
//! - **Flips** of the chosen differences' signs. Exact if they are symmetric about 0, whatever the arms do at other
//!   candidates. The exchange alone finds a difference between equally good tuned arms if they fail at different candidates
//!   (simulated with 6 seeds: up to 0.12 at 0.05).
//!
//! Without a choice both are the same. A shift of a whole record by θ moves all candidates of a seed alike, and so no
//! choice. So both invert into intervals ([`super::inversion`]); the interval given holds both.

use super::orbit::Orbit;
use super::permutation::{sign_flips, signed_ranks};
use super::sample::Sample;
use super::selection::{Record, choose, overall, unsettled};

/// A weighted sum of arms, and which arms a seed's exchange swaps. The exchange turns the weights into their negatives:
/// `weights[partner[j]] = −weights[j]`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Effect {
    /// Weight of each arm; the weights sum to 0. For a difference of two means those above 0 sum to 1, so that it is in the unit
    /// of the values; the interaction is a difference of two such differences.
    pub weights: &'static [f64],
    /// The arm that each changes places with.
    pub partner: &'static [usize],
}

/// The first arm less the second.
pub const DIFFERENCE: Effect = Effect { weights: &[1.0, -1.0], partner: &[1, 0] };

/// An effect in the data, and its tests.
#[derive(Debug, Clone)]
pub struct Tested {
    /// Seed by seed, positive where it speaks for the arms with positive weight; infinite where a loss diverged.
    pub differences: Vec<f64>,
    /// Whether the test is on signed ranks, because a loss that is read has diverged.
    pub by_ranks: bool,
    orbits: Vec<Orbit>,
}

impl Tested {
    /// The tests: first by exchange, if a candidate was chosen, and last by flips.
    pub fn orbits(&self) -> &[Orbit] {
        &self.orbits
    }

    /// Two-sided p.
    pub fn p(&self) -> f64 {
        self.orbits.iter().map(|orbit| orbit.p(0.0)).fold(0.0, f64::max)
    }

    /// Positive if the data speak for the arms with positive weight.
    pub fn direction(&self) -> f64 {
        self.orbits[0].statistic()
    }

    /// From the smallest to the largest shift that is not rejected by both, at each of some confidences; `None` for fewer
    /// than 6 seeds, on ranks, if a difference is not finite, or if so few seeds cannot reject anything.
    pub fn intervals<const N: usize>(&self, confidences: [f64; N]) -> [Option<(f64, f64)>; N] {
        if self.by_ranks {
            return [None; N];
        }
        let each: Vec<[Option<(f64, f64)>; N]> = self.orbits.iter().map(|orbit| orbit.intervals(confidences)).collect();
        std::array::from_fn(|i| {
            let all = each.iter().map(|intervals| intervals[i]).collect::<Option<Vec<_>>>()?;
            all.into_iter().reduce(|(a, b), (c, d)| (a.min(c), b.max(d)))
        })
    }

    /// The interval at one confidence.
    pub fn interval(&self, confidence: f64) -> Option<(f64, f64)> {
        self.intervals([confidence])[0]
    }

    /// Whether the interval at this confidence leaves a shift out; never where there is none.
    pub fn rejects(&self, theta: f64, confidence: f64) -> bool {
        !self.by_ranks && self.orbits.iter().all(|orbit| orbit.rejects(theta, confidence))
    }
}

/// Tests an effect of arms that have the same seeds and candidates, by all exchanges, or by `most` if there are more.
///
/// `None` without seeds, or if a value is not a number.
///
/// # Panics
/// If the records differ in size, or are not as many as the effect has weights.
pub fn test(arms: &[&Record], effect: Effect, most: usize) -> Option<Tested> {
    assert_eq!(arms.len(), effect.weights.len(), "as many arms as weights");
    let (n, candidates) = (arms[0].seeds(), arms[0].candidates);
    assert!(arms.iter().all(|arm| (arm.seeds(), arm.candidates) == (n, candidates)), "records of different sizes");
    if n == 0 || arms.iter().any(|arm| arm.value.iter().chain(&arm.selection).any(|v| v.is_nan())) {
        return None;
    }
    let mut chosen = vec![Vec::new(); arms.len()];
    let mut seen = vec![0.0; n];
    read(arms, effect, &vec![false; n], &mut chosen, &mut seen);
    let is_infinite = |(arm, chosen): (&&Record, &Vec<usize>)| arm.read(chosen).iter().any(|v| v.is_infinite());
    let by_ranks = arms.iter().zip(&chosen).any(is_infinite) || Sample::new(&seen).is_none();
    let compared = if by_ranks { signed_ranks(&seen) } else { seen.clone() };
    let flips = sign_flips(Sample::new(&compared)?, most);
    // Without a choice an exchange is a flip of the difference's sign.
    let exchanges = (candidates > 1).then(|| {
        Orbit::new(n, most, |exchanged, differences| {
            read(arms, effect, exchanged, &mut chosen, differences);
            if by_ranks {
                differences.copy_from_slice(&signed_ranks(differences));
            }
        })
    });
    Some(Tested { differences: seen, by_ranks, orbits: exchanges.into_iter().chain([flips]).collect() })
}

/// The smallest and the largest mean effect, over the candidates that each arm may be read at: the one that all its seeds
/// favour, and those that chance may as well have chosen ([`unsettled`]). Infinite where a loss diverged there.
pub fn range(arms: &[&Record], effect: Effect) -> (f64, f64) {
    let mut ends = (0.0, 0.0);
    for (arm, weight) in arms.iter().zip(effect.weights) {
        let mean =
            |k: usize| (0..arm.seeds()).map(|s| arm.value[s * arm.candidates + k]).sum::<f64>() / arm.seeds() as f64;
        let candidates = || unsettled(arm).into_iter().chain([overall(arm)]).map(|k| weight * mean(k));
        ends.0 += candidates().fold(f64::INFINITY, f64::min);
        ends.1 += candidates().fold(f64::NEG_INFINITY, f64::max);
    }
    ends
}

/// The arms after the exchange of some seeds.
pub fn exchanged(arms: &[&Record], effect: Effect, is_exchanged: &[bool]) -> Vec<Record> {
    let candidates = arms[0].candidates;
    let of = |j: usize| {
        let row = |seed: usize| (arms[if is_exchanged[seed] { effect.partner[j] } else { j }], seed * candidates);
        let rows = || (0..is_exchanged.len()).map(row);
        Record {
            candidates,
            selection: rows().flat_map(|(arm, at)| &arm.selection[at..at + candidates]).copied().collect(),
            value: rows().flat_map(|(arm, at)| &arm.value[at..at + candidates]).copied().collect(),
        }
    };
    (0..arms.len()).map(of).collect()
}

/// The effect, seed by seed, after some seeds' records have been exchanged and the candidates chosen anew.
fn read(arms: &[&Record], effect: Effect, exchanged: &[bool], chosen: &mut [Vec<usize>], differences: &mut [f64]) {
    let candidates = arms[0].candidates;
    let arm = |j: usize, seed: usize| arms[if exchanged[seed] { effect.partner[j] } else { j }];
    for (j, chosen) in chosen.iter_mut().enumerate() {
        choose(exchanged.len(), candidates, |seed| arm(j, seed).row(seed), chosen);
    }
    for (seed, difference) in differences.iter_mut().enumerate() {
        let (mut sum, mut size) = (0.0, 0.0f64);
        for (j, weight) in effect.weights.iter().enumerate() {
            let term = weight * arm(j, seed).value[seed * candidates + chosen[j][seed]];
            sum += term;
            size = size.max(term.abs());
        }
        // Diverged on both sides, ∞ − ∞, or equal but for rounding: no difference.
        *difference = if sum.is_nan() || sum.abs() <= 1e-13 * size && size.is_finite() { 0.0 } else { sum };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::permutation::ALL;

    fn record(candidates: usize, selection: &[f64], value: &[f64]) -> Record {
        Record { candidates, selection: selection.to_vec(), value: value.to_vec() }
    }

    #[test]
    fn without_a_choice_it_is_the_sign_flip_test() {
        let (a, b) = ([0.5, 0.7, 0.2, 0.9, 0.4, 0.6], [0.4, 0.5, 0.3, 0.5, 0.35, 0.1]);
        let tested = test(&[&record(1, &a, &a), &record(1, &b, &b)], DIFFERENCE, ALL).unwrap();
        let flips = sign_flips(Sample::new(&tested.differences).unwrap(), ALL);
        assert_eq!((tested.p(), tested.interval(0.95)), (flips.p(0.0), flips.interval(0.95)));
    }

    #[test]
    fn the_choice_is_made_anew_after_each_exchange() {
        // By hand: seeds 0 and 1, candidates x and y. As they are, each seed reads what the other prefers:
        // a reads x (seed 0 sees 0.1 < 0.9 of seed 1: y), and so on.
        let a = record(2, &[0.9, 0.1, 0.1, 0.9], &[10.0, 20.0, 30.0, 40.0]);
        let b = record(2, &[0.9, 0.1, 0.9, 0.1], &[1.0, 2.0, 3.0, 4.0]);
        let tested = test(&[&a, &b], DIFFERENCE, ALL).unwrap();
        // a: seed 0 by seed 1's (0.1, 0.9): y = 20; seed 1 by seed 0's: x = 30. b: x both: 1, 3.
        assert_eq!(tested.differences, [19.0, 27.0]);
        // Seed 0 exchanged: first arm (b0, a1), second (a0, b1). First: seed 0 by a1: y = 2; seed 1 by b0: x = 30.
        // Second: seed 0 by b1: x = 10; seed 1 by a0: x = 3. Sum (2 − 10) + (30 − 3).
        let swapped = exchanged(&[&a, &b], DIFFERENCE, &[true, false]);
        let after = test(&[&swapped[0], &swapped[1]], DIFFERENCE, ALL).unwrap();
        assert_eq!(after.differences, [-8.0, 27.0]);
        // 46²/(19² + 27²) = 1.94, 19²/(8² + 27²) = 0.46.
        assert_eq!(tested.orbits[0].p(0.0), 0.5);
    }

    #[test]
    fn a_shift_of_whole_records_shifts_the_interval_and_moves_no_choice() {
        let value = |i: usize| ((i * 37 + 11) % 23) as f64 / 23.0;
        let of = |from: usize| (0..24).map(|i| value(i + from)).collect::<Vec<_>>();
        let (a, b) = (record(3, &of(0), &of(5)), record(3, &of(60), &of(100)));
        let moved = |v: &[f64]| v.iter().map(|x| x + 2.0).collect::<Vec<_>>();
        let shifted = record(3, &moved(&a.selection), &moved(&a.value));
        let (before, after) =
            (test(&[&a, &b], DIFFERENCE, ALL).unwrap(), test(&[&shifted, &b], DIFFERENCE, ALL).unwrap());
        let interval = |tested: &Tested| tested.interval(0.9).unwrap();
        let ((l, h), (low, high)) = (interval(&before), interval(&after));
        assert!((low - l - 2.0).abs() < 1e-9 && (high - h - 2.0).abs() < 1e-9);
    }

    #[test]
    fn the_shifts_beyond_the_interval_are_the_rejected_ones() {
        let value = |i: usize| ((i * 53 + 7) % 29) as f64 / 29.0;
        let of = |from: usize| (0..16).map(|i| value(i + from)).collect::<Vec<_>>();
        let tested = test(&[&record(2, &of(0), &of(5)), &record(2, &of(60), &of(100))], DIFFERENCE, ALL).unwrap();
        let (low, high) = tested.interval(0.9).unwrap();
        assert!([low - 1e-6, high + 1e-6].iter().all(|theta| tested.rejects(*theta, 0.9)));
        assert!(![low + 1e-6, high - 1e-6].iter().any(|theta| tested.rejects(*theta, 0.9)));
    }

    #[test]
    fn the_range_of_an_effect_is_over_the_candidates_that_chance_may_have_chosen() {
        // Alike in selection, 1 apart in value; the third is out of the question.
        let selection = [0.9, 0.8, 0.1, 0.7, 0.8, 0.2, 0.8, 0.9, 0.1, 0.9, 0.7, 0.2];
        let value = [5.0, 4.0, 0.0, 5.1, 4.1, 0.0, 5.0, 4.01, 0.0, 5.1, 4.09, 0.0];
        let (a, b) = (record(3, &selection, &value), record(1, &[0.0; 4], &[4.5; 4]));
        assert_eq!(unsettled(&a), [1]);
        let only = record(1, &[0.0; 4], &[5.0, 5.1, 5.0, 5.1]);
        let close =
            |found: (f64, f64), low: f64, high: f64| (found.0 - low).abs() < 1e-12 && (found.1 - high).abs() < 1e-12;
        assert!(close(range(&[&only, &b], DIFFERENCE), 0.55, 0.55));
        let b = Record { candidates: 3, selection: vec![0.0; 12], value: vec![4.5; 12] };
        assert!(close(range(&[&a, &b], DIFFERENCE), -0.45, 0.55));
    }

    #[test]
    fn diverged_losses_are_compared_by_ranks() {
        let inf = f64::NEG_INFINITY;
        let (a, b) = ([-0.2, -0.3, -5.0], [-0.3, inf, inf]);
        let tested = test(&[&record(1, &a, &a), &record(1, &b, &b)], DIFFERENCE, ALL).unwrap();
        assert!(tested.by_ranks && tested.differences[1] == f64::INFINITY);
        assert_eq!((tested.p(), tested.interval(0.95)), (0.25, None));
        let both = record(1, &[inf, inf], &[inf, inf]);
        assert_eq!(test(&[&both, &both], DIFFERENCE, ALL).unwrap().differences, [0.0, 0.0]);
    }

    #[test]
    fn nothing_and_no_numbers_have_no_test() {
        assert!(test(&[&record(1, &[], &[]), &record(1, &[], &[])], DIFFERENCE, ALL).is_none());
        assert!(test(&[&record(1, &[f64::NAN], &[0.0]), &record(1, &[0.0], &[0.0])], DIFFERENCE, ALL).is_none());
    }
}
