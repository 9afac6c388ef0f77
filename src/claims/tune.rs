//! Chooses learning rates and targets, on seeds that are kept apart: `bn-exp claims --tune`.
//!
//! Rates are a quarter of a decade apart. A search has two rounds:
//!
//! 1. On [`FIRST_SEEDS`] it goes down by decades while most runs diverge at every rate. Then it goes on until the best rate
//!    has two others on either side, or the end of the sensible range is reached.
//! 2. The best, and those within two places of it that these seeds cannot tell from it (2 standard errors), are run on
//!    [`MORE_SEEDS`] too. The best of these on all seeds is chosen; rates that still cannot be told from it are named.
//!
//! With a constant rate, the best has the smallest mean of ln T, where T is the time to the target. Equals, as when no run
//! arrives, are ranked by accuracy, which is 0 for a run that diverged. With a decaying rate, the best has the highest mean
//! validation accuracy under population statistics. A rate at which most runs diverge is chosen only if all are such.
//!
//! The target is 99 % of the final validation accuracy of the better of `affine` and `bn` at its best rate. It is the
//! median over the first seeds, and for each run the mean of its last five evaluations. If a net is to hold its training
//! samples, rates are chosen by training accuracy, and there is no target.

use std::collections::BTreeMap;

use super::evidence::{Arm, Run};
use super::rates::{Chosen, FIRST_SEEDS, MORE_SEEDS, Rates, Tuned};
use super::regime::{Regime, Schedule};
use super::suite::Suite;
use crate::runner::Events;
use crate::stats::describe::median;
use crate::stats::sample::Sample;
use crate::stats::selection::{Record, as_good, overall};

/// The arms that set the target.
const ABOUT: [&str; 2] = ["affine", "bn"];
/// Share of the best accuracy that is the target.
const SHARE: f64 = 0.99;
/// Quarters of a decade that are tried on either side of the best: five rates in all.
const NEAR: i32 = 2;
/// The smallest and the largest rate, in quarters of a decade.
const ENDS: [i32; 2] = [-32, 6];
/// A decade.
const DECADE: i32 = 4;
/// Where every search begins.
const BEGIN: [i32; 5] = [-6, -4, -2, 0, 2];

/// The rate 10^(k/4), in two digits.
fn rate(k: i32) -> f64 {
    let digits = [1.0, 1.8, 3.2, 5.6][k.rem_euclid(4) as usize];
    // As it is written: 0.018 and not 0.018000000000000002.
    format!("{digits}e{}", k.div_euclid(4)).parse().unwrap_or(f64::NAN)
}

/// Chooses the rates of some arms in a regime. `suite` says on which data, and where. None if it was interrupted.
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
    let of = |name| Search { suite, arm: Arm { regime, schedule, name }, events, runs: BTreeMap::new() };
    let accuracy = |run: &Run| final_accuracy(run, regime, schedule);
    let is_timed = schedule == Schedule::Constant && !regime.is_about_memory();
    let mut target = None;
    let mut searches: Vec<Search> = arms.iter().copied().map(of).collect();
    if is_timed {
        let mut highest = 0.0f64;
        for name in ABOUT {
            let mut search = of(name);
            if !search.first_round(&accuracy)? {
                return Ok(None);
            }
            let scores: Vec<f64> = search.runs[&search.best(FIRST, &accuracy)].iter().map(accuracy).collect();
            highest = highest.max(Sample::new(&scores).map_or(0.0, median));
            // What it has tried is not read again.
            if let Some(same) = searches.iter_mut().find(|other| other.arm.name == name) {
                *same = search;
            }
        }
        target = Some((SHARE * highest * 1e4).round() / 1e4);
    }
    // Larger is better. Where no run arrives, the accuracy tells the rates apart; it weighs less than one step of evaluations.
    let speed = |run: &Run| 1e-3 * accuracy(run) - run.log_time(target.unwrap_or(f64::INFINITY));
    let score: &dyn Fn(&Run) -> f64 = if is_timed { &speed } else { &accuracy };
    let mut tuned = Tuned { target, ..Tuned::default() };
    for search in &mut searches {
        let Some(chosen) = search.both_rounds(score)? else { return Ok(None) };
        tuned.arms.insert(search.arm.name.to_owned(), chosen);
    }
    Ok(Some(tuned))
}

/// The accuracy that chooses a decaying rate, and that sets the target with a constant one.
fn final_accuracy(run: &Run, regime: Regime, schedule: Schedule) -> f64 {
    match schedule {
        // A net that guesses may do a little worse than chance, and is still better than one that diverged.
        Schedule::Constant if run.diverged => 0.0,
        Schedule::Cosine if run.diverged => run.accuracy(),
        _ if regime.is_about_memory() => run.train_accuracy.unwrap_or(0.0),
        Schedule::Cosine => run.validation_accuracy.unwrap_or(0.0),
        Schedule::Constant => {
            let last = &run.validation[run.validation.len().saturating_sub(5)..];
            last.iter().map(|(_, accuracy)| accuracy).sum::<f64>() / last.len().max(1) as f64
        }
    }
}

fn mostly_diverge(runs: &[Run]) -> bool {
    2 * runs.iter().filter(|run| run.diverged).count() > runs.len()
}

/// Seeds of the first round, and of both.
const FIRST: usize = (*FIRST_SEEDS.end() - *FIRST_SEEDS.start() + 1) as usize;
const BOTH: usize = FIRST + (*MORE_SEEDS.end() - *MORE_SEEDS.start() + 1) as usize;

/// The search for the rate of an arm.
struct Search<'a> {
    suite: &'a Suite<'a>,
    arm: Arm,
    events: &'a dyn Events,
    /// The runs at each rate that was tried, in quarters of a decade, by seed. All have the first seeds, some have more.
    runs: BTreeMap<i32, Vec<Run>>,
}

impl Search<'_> {
    /// The rate; none if it was interrupted.
    fn both_rounds(&mut self, score: &dyn Fn(&Run) -> f64) -> anyhow::Result<Option<Chosen>> {
        loop {
            if !self.first_round(score)? {
                return Ok(None);
            }
            let finalists: Vec<i32> = self.tied(FIRST, score);
            let open: Vec<i32> = finalists.iter().copied().filter(|k| self.runs[k].len() < BOTH).collect();
            if finalists.len() > 1 && !open.is_empty() && !self.run(&open, &MORE_SEEDS.collect::<Vec<_>>())? {
                return Ok(None);
            }
            let seeds = if finalists.len() > 1 { BOTH } else { FIRST };
            let best = self.best(seeds, score);
            let untried = self.untried(best);
            if untried.is_empty() {
                return Ok(Some(self.chosen(seeds, score)));
            }
            // More seeds moved the best to where its neighbours were not looked at.
            if !self.run(&untried, &FIRST_SEEDS.collect::<Vec<_>>())? {
                return Ok(None);
            }
        }
    }

    /// Tries rates on the first seeds until the best has two others on either side. Returns false if interrupted.
    fn first_round(&mut self, score: &dyn Fn(&Run) -> f64) -> anyhow::Result<bool> {
        let mut wanted = if self.runs.is_empty() { BEGIN.to_vec() } else { Vec::new() };
        loop {
            if wanted.is_empty() {
                wanted = match self.below_all_that_diverge() {
                    Some(lower) => vec![lower],
                    None => self.untried(self.best(FIRST, score)),
                };
            }
            if wanted.is_empty() {
                return Ok(true);
            }
            if !self.run(&wanted, &FIRST_SEEDS.collect::<Vec<_>>())? {
                return Ok(false);
            }
            wanted.clear();
        }
    }

    /// A rate a decade below the lowest, where most runs diverge at every rate.
    fn below_all_that_diverge(&self) -> Option<i32> {
        let (lowest, _) = self.runs.first_key_value()?;
        Some(lowest - DECADE).filter(|lower| *lower >= ENDS[0] && self.runs.values().all(|runs| mostly_diverge(runs)))
    }

    /// The rates about this one that were not tried.
    fn untried(&self, best: i32) -> Vec<i32> {
        let near = (best - NEAR..=best + NEAR).filter(|k| (ENDS[0]..=ENDS[1]).contains(k));
        near.filter(|k| !self.runs.contains_key(k)).collect()
    }

    /// Trains and reads some rates with some seeds. Returns false if interrupted.
    fn run(&mut self, places: &[i32], seeds: &[u64]) -> anyhow::Result<bool> {
        let Suite { data, store, ref folder, jobs, stop, .. } = *self.suite;
        let (claims, rates, shard) = (Vec::new(), Rates::default(), None);
        let suite =
            Suite { claims, data, store, folder: folder.clone(), seeds: seeds.to_vec(), rates, jobs, shard, stop };
        let part = suite.part(self.arm, &places.iter().map(|k| rate(*k)).collect::<Vec<_>>())?;
        if suite.train(&part, self.events)?.is_interrupted {
            return Ok(false);
        }
        let (found, _) = suite.read(&part)?;
        for k in places {
            let runs = found.get(&rate(*k).to_bits()).cloned().unwrap_or_default();
            anyhow::ensure!(runs.len() == seeds.len(), "some runs of {} at {} failed", self.arm.name, rate(*k));
            self.runs.entry(*k).or_default().extend(runs);
        }
        Ok(true)
    }

    /// The rates that have so many seeds, with one value for each seed and rate. A rate at which most runs diverge is left
    /// out, however soon the others arrive, unless all rates are such.
    fn record(&self, seeds: usize, score: &dyn Fn(&Run) -> f64) -> (Vec<i32>, Record) {
        let with_seeds = || self.runs.iter().filter(|(_, runs)| runs.len() >= seeds);
        let trains = with_seeds().any(|(_, runs)| !mostly_diverge(runs));
        let tried = with_seeds().filter(|(_, runs)| !(trains && mostly_diverge(runs)));
        let value = |seed: usize| tried.clone().map(move |(_, runs)| score(&runs[seed]));
        let values: Vec<f64> = (0..seeds).flat_map(value).collect();
        let places: Vec<i32> = tried.clone().map(|(k, _)| *k).collect();
        (places.clone(), Record { candidates: places.len(), selection: values.clone(), value: values })
    }

    /// The best rate of those that have so many seeds. If several score the same in every run, as when none arrives, it is
    /// the middle one: an end would say that the best lies beyond.
    fn best(&self, seeds: usize, score: &dyn Fn(&Run) -> f64) -> i32 {
        let (places, record) = self.record(seeds, score);
        let column = |k: usize| record.value.iter().skip(k).step_by(record.candidates);
        let first = overall(&record);
        let same: Vec<usize> = (0..record.candidates).filter(|k| column(*k).eq(column(first))).collect();
        places[same[same.len() / 2]]
    }

    /// The best, and those about it that so many seeds cannot tell from it.
    fn tied(&self, seeds: usize, score: &dyn Fn(&Run) -> f64) -> Vec<i32> {
        let best = self.best(seeds, score);
        let (places, record) = self.record(seeds, score);
        let others = as_good(&record).into_iter().map(|k| places[k]);
        [best].into_iter().chain(others.filter(|k| *k != best && (k - best).abs() <= NEAR)).collect()
    }

    fn chosen(&self, seeds: usize, score: &dyn Fn(&Run) -> f64) -> Chosen {
        let tied: Vec<f64> = self.tied(seeds, score).into_iter().map(rate).collect();
        let mut tried = self.runs.keys().map(|k| rate(*k));
        let low = tried.next().unwrap_or(f64::NAN);
        Chosen { best: tied[0], as_good: tied[1..].to_vec(), tried: [low, tried.next_back().unwrap_or(low)] }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::Nobody;
    use super::*;

    #[test]
    fn rates_are_a_quarter_of_a_decade_apart_and_written_in_two_digits() {
        let rates: Vec<f64> = (-5..=2).map(rate).collect();
        assert_eq!(rates, [0.056, 0.1, 0.18, 0.32, 0.56, 1.0, 1.8, 3.2]);
        assert_eq!(rate(-24), 1e-6);
    }

    fn accuracy(run: &Run) -> f64 {
        run.test_accuracy.unwrap_or(0.0)
    }

    /// What was tried: for each rate, from 1 upwards, the accuracies of its seeds.
    fn with_search(scores: &[Vec<f64>], look: &dyn Fn(&Search)) {
        let stop = std::sync::atomic::AtomicBool::new(false);
        let store = crate::data::Store::new("nowhere");
        let (claims, data, folder) = (Vec::new(), super::super::regime::Data::Glyphs, "nowhere".into());
        let (seeds, rates, jobs, shard) = (Vec::new(), Rates::default(), 1, None);
        let suite = Suite { claims, data, store: &store, folder, seeds, rates, jobs, shard, stop: &stop };
        let run =
            |accuracy: &f64| Run { diverged: accuracy.is_nan(), test_accuracy: Some(*accuracy), ..Run::default() };
        let runs = scores.iter().enumerate().map(|(k, scores)| (k as i32, scores.iter().map(run).collect())).collect();
        let arm = Arm { regime: Regime::Shallow, schedule: Schedule::Cosine, name: "bn" };
        look(&Search { suite: &suite, arm, events: &Nobody, runs });
    }

    #[test]
    fn of_rates_that_are_all_alike_the_middle_is_taken_and_of_others_the_best() {
        let alike = |scores: &[f64]| scores.iter().map(|score| vec![*score; FIRST]).collect::<Vec<_>>();
        with_search(&alike(&[0.5; 5]), &|search| assert_eq!(search.best(FIRST, &accuracy), 2));
        with_search(&alike(&[0.1, 0.2, 0.9, 0.9, 0.3]), &|search| assert_eq!(search.best(FIRST, &accuracy), 3));
        with_search(&alike(&[0.1, 0.2, 0.3, 0.9, 0.3]), &|search| {
            let chosen = search.chosen(FIRST, &accuracy);
            assert_eq!((chosen.best, chosen.tried, chosen.is_edge()), (rate(3), [rate(0), rate(4)], false));
            assert_eq!(search.untried(3), [5]);
        });
        with_search(&alike(&[0.9, 0.2]), &|search| assert!(search.chosen(FIRST, &accuracy).is_edge()));
    }

    #[test]
    fn while_every_rate_diverges_a_lower_one_is_looked_for() {
        let runs =
            |diverged: usize| -> Vec<f64> { (0..FIRST).map(|i| if i < diverged { f64::NAN } else { 0.5 }).collect() };
        with_search(&[runs(FIRST), runs(4)], &|search| assert_eq!(search.below_all_that_diverge(), Some(-DECADE)));
        with_search(&[runs(FIRST), runs(3)], &|search| assert_eq!(search.below_all_that_diverge(), None));
        // At rate 1 most diverge, and those that do not do best.
        with_search(&[vec![0.5; FIRST], [vec![f64::NAN; FIRST - 1], vec![9.0]].concat()], &|search| {
            let score = |run: &Run| if run.diverged { 0.0 } else { accuracy(run) };
            assert_eq!((search.best(FIRST, &score), search.tied(FIRST, &score)), (0, vec![0]));
        });
        let run = |diverged, accuracy| Run { diverged, validation: vec![(1, accuracy)], ..Run::default() };
        let of = |run: &Run| final_accuracy(run, Regime::Shallow, Schedule::Constant);
        assert!(
            of(&run(true, 0.9)) < of(&run(false, 0.098)),
            "a net that guesses badly is better than one that diverged"
        );
    }

    #[test]
    fn more_seeds_decide_between_rates_that_the_first_cannot_tell_apart() {
        // The first seeds cannot tell rates 1 and 2 apart and lean to 2; rate 0 is far below. On all seeds 1 is the better.
        let scores = |first: f64, more: f64, seeds: usize| -> Vec<f64> {
            let mean = |i: usize| if i < FIRST { first } else { more };
            (0..seeds).map(|i| mean(i) + if i % 2 == 0 { 0.02 } else { -0.02 }).collect()
        };
        let mut two = scores(0.91, 0.90, BOTH);
        two[..FIRST].rotate_left(1);
        with_search(&[vec![0.1; FIRST], scores(0.90, 0.92, BOTH), two], &|search| {
            assert_eq!(search.tied(FIRST, &accuracy), [2, 1]);
            assert_eq!(search.tied(BOTH, &accuracy), [1]);
            assert_eq!(search.chosen(BOTH, &accuracy).tried, [rate(0), rate(2)]);
        });
    }
}
