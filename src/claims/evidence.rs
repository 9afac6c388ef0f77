//! What claims are judged by: runs, and tables of analyses, read into memory. Nothing here reads a file.

use std::collections::{BTreeMap, HashMap};

use super::rates::Rates;
use super::regime::{Regime, Schedule};
use super::sheet::Sheet;
use crate::nn::stages::Site;

/// Successive evaluations whose mean is to reach the target.
const SUCCESSIVE: usize = 5;
/// Far less than one sample adds to that mean: rounding must not put a mean that equals the target below it.
const ROUNDING: f64 = 1e-9;
/// Accuracy of guessing among ten classes: what a diverged run counts as.
pub const CHANCE: f64 = 0.1;

/// At which rate an arm is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rate {
    /// At its own best.
    Own,
    /// At the best of another arm.
    Of(&'static str),
}

/// One arm in one regime under one schedule: an experiment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Arm {
    /// The regime.
    pub regime: Regime,
    /// The schedule.
    pub schedule: Schedule,
    /// The arm's name.
    pub name: &'static str,
}

/// The runs of an arm at one kind of rate, one a seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cell {
    /// The arm.
    pub arm: Arm,
    /// Its rate.
    pub rate: Rate,
}

impl Cell {
    /// An arm at its own rate.
    pub const fn own(regime: Regime, schedule: Schedule, name: &'static str) -> Self {
        Self { arm: Arm { regime, schedule, name }, rate: Rate::Own }
    }

    /// An arm at another's rate.
    pub const fn at(regime: Regime, schedule: Schedule, name: &'static str, other: &'static str) -> Self {
        Self { arm: Arm { regime, schedule, name }, rate: Rate::Of(other) }
    }

    /// What it is called: the arm, and whose rate it has, if not its own.
    pub fn label(&self) -> String {
        match self.rate {
            Rate::Own => self.arm.name.to_owned(),
            Rate::Of(other) => format!("{} at {other}'s rate", self.arm.name),
        }
    }

    /// The arm whose chosen rate it uses.
    pub const fn chooser(&self) -> &'static str {
        match self.rate {
            Rate::Own => self.arm.name,
            Rate::Of(other) => other,
        }
    }

    /// The rates at which it is run: first the chosen one, then those that the tuning seeds cannot tell from it. Empty if
    /// none was chosen.
    pub fn rates(&self, rates: &Rates) -> Vec<f64> {
        let chosen = rates.chosen(self.arm.regime, self.arm.schedule, self.chooser());
        chosen.map(|chosen| chosen.all().collect()).unwrap_or_default()
    }
}

/// Moments of one channel before training and after it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Drift {
    /// Where in the block: what enters the norm, or what leaves it.
    pub site: Site,
    /// The block.
    pub block: usize,
    /// Mean and SD at the start.
    pub before: [f64; 2],
    /// Mean and SD at the end.
    pub after: [f64; 2],
}

/// What came of a run.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Run {
    /// Its seed.
    pub seed: u64,
    /// Its learning rate.
    pub rate: f64,
    /// Steps that it was to take.
    pub budget: usize,
    /// Whether it diverged.
    pub diverged: bool,
    /// Validation accuracy under running statistics, by step.
    pub validation: Vec<(usize, f64)>,
    /// Accuracy on the training samples that are evaluated on the way, by step.
    pub learning: Vec<(usize, f64)>,
    /// Test accuracy at the end under the statistics of the population.
    pub test_accuracy: Option<f64>,
    /// The same of the validation split.
    pub validation_accuracy: Option<f64>,
    /// Accuracy on the training samples at the end.
    pub train_accuracy: Option<f64>,
    /// Channels that enter and leave the norms, where they were looked at.
    pub drift: Vec<Drift>,
}

impl Run {
    /// The first step at which the mean of five successive evaluations, the last of them at this step, has reached the
    /// target; `None` if it never does.
    pub fn time_to(&self, target: f64) -> Option<usize> {
        if self.diverged {
            return None;
        }
        let mean = |five: &[(usize, f64)]| five.iter().map(|(_, accuracy)| accuracy).sum::<f64>() / SUCCESSIVE as f64;
        let reached = self.validation.windows(SUCCESSIVE).find(|five| mean(five) >= target - ROUNDING);
        reached.map(|five| five[SUCCESSIVE - 1].0)
    }

    /// ln of that time; for a run that never arrives, ln of its budget.
    pub fn log_time(&self, target: f64) -> f64 {
        (self.time_to(target).unwrap_or(self.budget) as f64).ln()
    }

    /// Test accuracy; that of guessing, if it diverged.
    pub fn accuracy(&self) -> f64 {
        self.test_accuracy.filter(|_| !self.diverged).unwrap_or(CHANCE)
    }
}

/// Runs of an arm by their rate's bits: rates come from one file, and are equal or different.
pub type ByRate = BTreeMap<u64, Vec<Run>>;

/// Everything that claims are judged by.
#[derive(Debug, Clone, Default)]
pub struct Evidence {
    /// What was chosen beforehand.
    pub rates: Rates,
    /// The runs of each arm.
    pub runs: HashMap<Arm, ByRate>,
    /// Tables of analyses, by claim.
    pub sheets: HashMap<&'static str, Sheet>,
}

impl Evidence {
    /// The table of a claim's analysis; an empty one where it was not made.
    pub fn sheet(&self, id: &str) -> Sheet {
        self.sheets.get(id).cloned().unwrap_or_default()
    }

    /// The target of a regime.
    pub fn target(&self, regime: Regime) -> f64 {
        self.rates.tuned(regime, Schedule::Constant).and_then(|tuned| tuned.target).unwrap_or(f64::INFINITY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(seed: u64, accuracies: &[f64]) -> Run {
        let validation = accuracies.iter().enumerate().map(|(i, a)| (10 * (i + 1), *a)).collect();
        Run { seed, budget: 100, validation, ..Run::default() }
    }

    #[test]
    fn the_target_is_reached_when_the_mean_of_five_evaluations_is() {
        let lucky = run(0, &[0.5, 0.9, 0.5, 0.5, 0.5, 0.5, 0.8, 0.8, 0.8, 0.8]);
        // One evaluation above 0.7 is not enough; the mean of 0.5, 0.8, 0.8, 0.8, 0.8 is 0.74.
        assert_eq!(lucky.time_to(0.7), Some(100));
        assert_eq!(lucky.time_to(0.56), Some(50));
        assert_eq!(lucky.time_to(0.75), None);
        assert_eq!(lucky.log_time(0.75), 100f64.ln());
        assert_eq!(Run { diverged: true, ..lucky }.time_to(0.1), None);
        // The mean of these five is 0.9688; in floating point it comes out a little below.
        assert_eq!(run(0, &[0.968, 0.969, 0.969, 0.969, 0.969]).time_to(0.9688), Some(50));
    }
}
