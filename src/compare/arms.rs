//! What each arm came to, tuned for itself; its time to the target.

use super::grid::Grid;
use super::scores::Scores;
use crate::config::file::Metric;
use crate::stats::describe::{Estimate, estimate};
use crate::stats::proportion::wilson;
use crate::stats::selection::{leave_one_out, overall};
use crate::stats::survival::{Survival, kaplan_meier, restricted_mean};

/// One arm at one setting, each seed read at the candidate that the others favour.
#[derive(Debug, Clone, PartialEq)]
pub struct ArmEstimate {
    /// Index of the setting.
    pub setting: usize,
    /// The arm.
    pub variant: String,
    /// Seeds planned.
    pub planned: usize,
    /// Seeds with a score at every candidate.
    pub n: usize,
    /// Of those, diverged where they are read.
    pub diverged: usize,
    /// Wilson's interval of the share diverged.
    pub diverged_interval: Option<(f64, f64)>,
    /// Mean of the metric; none without seeds, or if a loss diverged. The interval is left out where runs
    /// diverged, as a mixture of trained and diverged runs is not what it is for.
    pub estimate: Option<Estimate>,
    /// The candidate that all seeds together favour; none if nothing is tuned.
    pub selected: Option<usize>,
    /// The candidates that were read, each with the number of its seeds.
    pub chosen: Vec<(usize, usize)>,
    /// Whether a candidate that was read is at the edge of its grid: then the arm is not tuned.
    pub edge: bool,
    /// Median µs a training step.
    pub us_per_step: Option<f64>,
}

/// An arm at a setting.
pub fn arm<'a>(scores: &Scores<'a>, setting: usize, variant: &'a str, confidence: f64) -> ArmEstimate {
    let seeds = scores.complete(setting, variant);
    let record = scores.record(setting, variant, &seeds);
    let choice = leave_one_out(&record);
    let values: Vec<f64> = record.read(&choice).iter().map(|value| scores.kind.sign() * value).collect();
    let has_diverged = |(seed, candidate): (&u64, &usize)| {
        let placed = scores.grid.run(setting, variant, *seed, *candidate);
        placed.and_then(|placed| scores.score(&placed)).is_some_and(|score| score.diverged)
    };
    let diverged = seeds.iter().zip(&choice).filter(|read| has_diverged(*read)).count();
    ArmEstimate {
        setting,
        variant: variant.to_owned(),
        planned: scores.grid.seeds(setting, variant).len(),
        n: seeds.len(),
        diverged,
        diverged_interval: wilson(diverged, seeds.len(), confidence),
        estimate: estimate(&values, confidence)
            .map(|e| Estimate { interval: e.interval.filter(|_| diverged == 0), ..e }),
        selected: (scores.is_tuned() && !seeds.is_empty()).then(|| overall(&record)),
        edge: choice.iter().any(|candidate| !scores.grid.edges(*candidate).is_empty()),
        chosen: counted(&choice),
        us_per_step: scores.us_per_step(setting, variant),
    }
}

/// Each candidate with how often it was chosen, in the candidates' order.
fn counted(choice: &[usize]) -> Vec<(usize, usize)> {
    let mut sorted = choice.to_vec();
    sorted.sort_unstable();
    sorted.chunk_by(|a, b| a == b).map(|alike| (alike[0], alike.len())).collect()
}

/// How long an arm at a setting took to the target, tuned by that.
#[derive(Debug, Clone, PartialEq)]
pub struct TimeToTarget {
    /// Index of the setting.
    pub setting: usize,
    /// The arm.
    pub variant: String,
    /// Seeds with a result at every candidate.
    pub n: usize,
    /// Of those, how many reached the target.
    pub reached: usize,
    /// Restricted mean of the steps: never counts at the budget.
    pub steps: Option<f64>,
    /// The budget in steps.
    pub budget: f64,
    /// Median of the Kaplan–Meier curve: when half had reached it; none if they never did.
    pub median: Option<f64>,
    /// Restricted mean in seconds.
    pub seconds: Option<f64>,
    /// The candidate that all seeds together favour; none if nothing is tuned.
    pub selected: Option<usize>,
    /// Whether a candidate that was read is at the edge of its grid.
    pub edge: bool,
    /// The Kaplan–Meier curve over steps.
    pub curve: Vec<Survival>,
}

/// Time to target of every arm at a setting; none without a target.
pub fn times<'a>(grid: &'a Grid<'a>, setting: usize) -> Vec<TimeToTarget> {
    if grid.loaded.options.target_accuracy.is_none() {
        return Vec::new();
    }
    let (in_steps, in_seconds) =
        (Scores::new(grid, Metric::STEPS_TO_TARGET), Scores::new(grid, Metric::SECONDS_TO_TARGET));
    let time = |variant: &'a String| {
        let (times, selected, edge) = read_times(&in_steps, setting, variant);
        let curve = kaplan_meier(&times);
        TimeToTarget {
            setting,
            variant: variant.clone(),
            n: times.len(),
            reached: times.iter().flatten().count(),
            steps: restricted_mean(&times, in_steps.budget(setting)),
            budget: in_steps.budget(setting),
            median: curve.iter().find(|fall| fall.share <= 0.5 + 1e-12).map(|fall| fall.time),
            seconds: restricted_mean(&read_times(&in_seconds, setting, variant).0, in_seconds.budget(setting)),
            selected,
            edge,
            curve,
        }
    };
    grid.loaded.variants.iter().map(time).collect()
}

/// When each seed reached the target, at the candidate that the others favour; the candidate that all favour; whether one
/// is at the edge.
fn read_times<'a>(scores: &Scores<'a>, setting: usize, variant: &'a str) -> (Vec<Option<f64>>, Option<usize>, bool) {
    let seeds = scores.complete(setting, variant);
    let record = scores.record(setting, variant, &seeds);
    let chosen = leave_one_out(&record);
    let reached = |(seed, candidate): (&u64, &usize)| {
        scores.grid.run(setting, variant, *seed, *candidate).and_then(|placed| scores.reached(&placed))
    };
    let edge = chosen.iter().any(|candidate| !scores.grid.edges(*candidate).is_empty());
    let selected = (scores.is_tuned() && !seeds.is_empty()).then(|| overall(&record));
    (seeds.iter().zip(&chosen).map(reached).collect(), selected, edge)
}
