//! Chooses learning rates and targets, on seeds that are kept apart: `bn-exp claims --tune`.
//!
//! Rates are a quarter of a decade apart. From where a search begins it goes on until the best has two others on either
//! side, or the end of what is sensible is reached. With a constant rate the best has the smallest mean of ln T, T the time
//! to the target (of equals, as where no run arrives, that with the higher accuracy); with a decaying one the highest mean validation accuracy under the statistics of the population. The
//! target is 99 % of the final validation accuracy, the median over seeds, of the better of `affine` and `bn` at its best
//! rate, the mean of the last five evaluations of each run. Where a net is to hold its training samples, the rate goes by the
//! training accuracy, and there is no target.

use std::collections::BTreeMap;

use super::evidence::{Arm, ByRate, Evidence, Run};
use super::rates::{Chosen, Tuned};
use super::regime::{Regime, Schedule};
use super::suite::Suite;
use crate::runner::Events;
use crate::stats::describe::median;
use crate::stats::sample::Sample;
use crate::stats::selection::{Record, as_good, overall};

/// The arms by which the target goes.
const ABOUT: [&str; 2] = ["affine", "bn"];
/// Share of the best accuracy that is the target.
const SHARE: f64 = 0.99;
/// So many quarters of a decade on either side of the best are looked at: five rates in all.
const NEAR: i32 = 2;
/// The smallest and the largest rate, in quarters of a decade.
const ENDS: [i32; 2] = [-24, 6];
/// Where every search begins.
const BEGIN: [i32; 5] = [-6, -4, -2, 0, 2];

/// The rate 10^(k/4), in two digits.
fn rate(k: i32) -> f64 {
    let digits = [1.0, 1.8, 3.2, 5.6][k.rem_euclid(4) as usize];
    // As it is written: 0.018 and not 0.018000000000000002.
    format!("{digits}e{}", k.div_euclid(4)).parse().unwrap_or(f64::NAN)
}

/// Chooses the rates of some arms in a regime. `suite` is one of the seeds that are kept apart.
///
/// # Errors
/// If training or reading fails.
pub fn tune(
    suite: &Suite,
    regime: Regime,
    schedule: Schedule,
    arms: &[&'static str],
    events: &dyn Events,
) -> anyhow::Result<Option<Tuned>> {
    let mut tuned = Tuned::default();
    let mut trials: BTreeMap<&'static str, Trials> = BTreeMap::new();
    // The first two settle the target; with another target another rate may be the best, so all are looked at again.
    let ordered: Vec<&'static str> =
        ABOUT.into_iter().chain(arms.iter().copied().filter(|a| !ABOUT.contains(a))).collect();
    for &name in &ordered {
        let arm = Arm { regime, schedule, name };
        let mut trial = Trials::default();
        if !trial.settle(suite, arm, events, &|run| final_accuracy(run, regime, schedule))? {
            return Ok(None);
        }
        trials.insert(name, trial);
    }
    if schedule == Schedule::Cosine || regime.is_about_memory() {
        let chosen = |trial: &Trials| trial.chosen(&|run| final_accuracy(run, regime, schedule));
        tuned.arms = trials.iter().map(|(name, trial)| ((*name).to_owned(), chosen(trial))).collect();
        return Ok(Some(tuned));
    }
    let best = |trial: &Trials| {
        let score = |run: &Run| final_accuracy(run, regime, schedule);
        let runs = &trial.runs[&trial.best(&score)];
        let scores: Vec<f64> = runs.iter().map(score).collect();
        Sample::new(&scores).map_or(0.0, median)
    };
    let target = SHARE * ABOUT.iter().filter_map(|name| trials.get(name)).map(best).fold(0.0, f64::max);
    let target = (target * 1e4).round() / 1e4;
    tuned.target = Some(target);
    // Larger is better. Where no run arrives, the accuracy tells the rates apart; it weighs less than one step of evaluations.
    let speed = |run: &Run| 1e-3 * final_accuracy(run, regime, schedule) - run.log_time(target);
    for (name, mut trial) in trials {
        if !trial.settle(suite, Arm { regime, schedule, name }, events, &speed)? {
            return Ok(None);
        }
        tuned.arms.insert(name.to_owned(), trial.chosen(&speed));
    }
    Ok(Some(tuned))
}

/// What a rate is chosen by with a decaying rate, and the target with a constant one.
fn final_accuracy(run: &Run, regime: Regime, schedule: Schedule) -> f64 {
    if run.diverged {
        return run.accuracy();
    }
    match schedule {
        _ if regime.is_about_memory() => run.train_accuracy.unwrap_or(0.0),
        Schedule::Cosine => run.validation_accuracy.unwrap_or(0.0),
        Schedule::Constant => {
            let last = &run.validation[run.validation.len().saturating_sub(5)..];
            last.iter().map(|(_, accuracy)| accuracy).sum::<f64>() / last.len().max(1) as f64
        }
    }
}

/// The rates of an arm that were tried, in quarters of a decade, with their runs.
#[derive(Debug, Default)]
struct Trials {
    runs: BTreeMap<i32, Vec<Run>>,
}

impl Trials {
    /// Tries rates until the best has two others on either side. Whether it was not interrupted.
    fn settle(
        &mut self,
        suite: &Suite,
        arm: Arm,
        events: &dyn Events,
        score: &dyn Fn(&Run) -> f64,
    ) -> anyhow::Result<bool> {
        let mut wanted: Vec<i32> = if self.runs.is_empty() { BEGIN.to_vec() } else { Vec::new() };
        loop {
            if !self.runs.is_empty() {
                let best = self.best(score);
                let near = (best - NEAR..=best + NEAR).filter(|k| (ENDS[0]..=ENDS[1]).contains(k));
                wanted = near.filter(|k| !self.runs.contains_key(k)).collect();
            }
            if wanted.is_empty() {
                return Ok(true);
            }
            let rates: Vec<f64> = wanted.iter().map(|k| rate(*k)).collect();
            let part = suite.part(arm, &rates)?;
            if suite.train(&part, events)?.is_interrupted {
                return Ok(false);
            }
            let mut evidence = Evidence::default();
            suite.read(&part, &mut evidence)?;
            let found: ByRate = evidence.runs.remove(&arm).unwrap_or_default();
            for k in wanted.drain(..) {
                let runs = found.get(&rate(k).to_bits()).cloned().unwrap_or_default();
                anyhow::ensure!(runs.len() == suite.seeds.len(), "some runs of {} at {} failed", arm.name, rate(k));
                self.runs.insert(k, runs);
            }
        }
    }

    /// As a record of one value for each seed and rate.
    fn record(&self, score: &dyn Fn(&Run) -> f64) -> Record {
        let seeds = self.runs.values().next().map_or(0, Vec::len);
        let value = |seed: usize| self.runs.values().map(move |runs| score(&runs[seed]));
        let values: Vec<f64> = (0..seeds).flat_map(value).collect();
        Record { candidates: self.runs.len(), selection: values.clone(), value: values }
    }

    /// The best rate. Of rates at which every run comes to the same, as where none arrives, the one in the middle: an end
    /// would say that the best lies beyond.
    fn best(&self, score: &dyn Fn(&Run) -> f64) -> i32 {
        let record = self.record(score);
        let column = |k: usize| (0..record.seeds()).map(move |seed| (seed, k));
        let value = |(seed, k): (usize, usize)| record.value[seed * record.candidates + k];
        let first = overall(&record);
        let is_same = |k: &usize| column(*k).zip(column(first)).all(|(a, b)| value(a) == value(b));
        let same: Vec<usize> = (0..record.candidates).filter(is_same).collect();
        *self.runs.keys().nth(same[same.len() / 2]).unwrap_or(&0)
    }

    fn chosen(&self, score: &dyn Fn(&Run) -> f64) -> Chosen {
        let record = self.record(score);
        let of = |place: usize| rate(*self.runs.keys().nth(place).unwrap_or(&0));
        let tried = self.runs.keys();
        let [low, high] = [tried.clone().next(), tried.clone().next_back()].map(|k| rate(*k.unwrap_or(&0)));
        let best = self.best(score);
        let near = |place: &usize| self.runs.keys().nth(*place).is_some_and(|k| *k != best && (k - best).abs() <= NEAR);
        let as_good = as_good(&record).into_iter().filter(near).map(of).collect();
        Chosen { best: rate(best), as_good, tried: [low, high] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_a_quarter_of_a_decade_apart_and_written_in_two_digits() {
        let rates: Vec<f64> = (-5..=2).map(rate).collect();
        assert_eq!(rates, [0.056, 0.1, 0.18, 0.32, 0.56, 1.0, 1.8, 3.2]);
        assert_eq!(rate(-24), 1e-6);
    }

    #[test]
    fn of_rates_that_are_all_alike_the_middle_is_taken_and_of_others_the_best() {
        let run = |accuracy: f64| Run { test_accuracy: Some(accuracy), ..Run::default() };
        let trials = |scores: &[f64]| Trials {
            runs: scores.iter().enumerate().map(|(k, score)| (k as i32, vec![run(*score); 6])).collect(),
        };
        let accuracy = |run: &Run| run.accuracy();
        assert_eq!(trials(&[0.5; 5]).best(&accuracy), 2);
        assert_eq!(trials(&[0.1, 0.2, 0.9, 0.9, 0.3]).best(&accuracy), 3);
        let chosen = trials(&[0.1, 0.2, 0.3, 0.9, 0.3]).chosen(&accuracy);
        assert_eq!((chosen.best, chosen.tried, chosen.is_edge()), (rate(3), [rate(0), rate(4)], false));
        assert!(trials(&[0.9, 0.2]).chosen(&accuracy).is_edge());
    }
}
