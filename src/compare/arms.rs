//! The result of each arm, tuned for itself; its time to the target.

use serde::Serialize;

use super::grid::{Edge, End, Grid, Values};
use super::scores::Scores;
use crate::config::file::Metric;
use crate::stats::describe::{deviation, estimate};
use crate::stats::proportion::wilson;
use crate::stats::sample::Sample;
use crate::stats::selection::{Record, leave_one_out};
use crate::stats::survival::{Survival, kaplan_meier, restricted_mean};

/// One arm at one setting, each seed read at the candidate that the others favour.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ArmEstimate {
    /// The arm.
    pub variant: String,
    /// The setting.
    pub setting: Values,
    /// Seeds planned.
    pub planned: usize,
    /// Seeds with a score at every candidate.
    pub n: usize,
    /// How many of those diverged at the candidate at which they are read.
    pub diverged: usize,
    /// Wilson's interval of the share diverged.
    pub diverged_interval: Option<(f64, f64)>,
    /// Mean of the metric; none without seeds, or if a loss diverged.
    pub mean: Option<f64>,
    /// SD over seeds of the same values.
    pub std: Option<f64>,
    /// Interval of the mean; `None` if runs diverged, as it is not meant for a mixture of trained and diverged runs.
    pub interval: Option<(f64, f64)>,
    /// The candidate that all seeds together favour; none if nothing is tuned.
    pub selected: Option<Values>,
    /// The candidates that were read.
    pub chosen: Vec<Chosen>,
    /// Whether a candidate that was read is at the edge of its grid: then the arm is not tuned.
    pub edge: bool,
    /// Median µs a training step.
    pub us_per_step: Option<f64>,
}

/// A candidate at which seeds of an arm were read.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Chosen {
    /// The candidate.
    pub values: Values,
    /// How many seeds were read there.
    pub seeds: usize,
    /// The tuned axes on which nothing further was tried.
    #[serde(skip)]
    pub edges: Vec<Edge>,
}

/// An arm at a setting.
pub fn arm<'a>(scores: &Scores<'a>, setting: usize, variant: &'a str, confidence: f64) -> ArmEstimate {
    let seeds = scores.complete(setting, variant);
    let record = scores.record(setting, variant, &seeds);
    let choice = scores.choice(variant, &record);
    let values: Vec<f64> =
        record.read(&leave_one_out(&record)).iter().map(|value| scores.kind.sign() * value).collect();
    let has_diverged = |seed: u64, candidate: usize| {
        let run = scores.grid.run(setting, variant, seed, candidate);
        run.and_then(|run| scores.score(&run)).is_some_and(|score| score.diverged)
    };
    let diverged = seeds.iter().zip(&choice).filter(|(seed, candidate)| has_diverged(**seed, **candidate)).count();
    // Then all candidates are alike, and what was not tried may do better.
    let all_diverged =
        seeds.iter().all(|seed| scores.grid.candidates_of(variant).iter().all(|k| has_diverged(*seed, *k)));
    let at_edges = |candidate| match all_diverged {
        true => scores.grid.edges(variant, candidate),
        false => edges(scores.grid, variant, &record, candidate),
    };
    let found = Sample::new(&values).map(|values| estimate(values, confidence));
    let chosen = counted(&choice, scores.grid, at_edges);
    ArmEstimate {
        variant: variant.to_owned(),
        setting: scores.grid.setting(setting),
        planned: scores.grid.seeds(setting, variant).len(),
        n: seeds.len(),
        diverged,
        diverged_interval: wilson(diverged, seeds.len(), confidence),
        mean: found.map(|found| found.mean),
        std: Sample::new(&values).and_then(deviation),
        interval: found.and_then(|found| found.interval).filter(|_| diverged == 0),
        selected: selected(scores, variant, &record),
        edge: chosen.iter().any(|chosen| !chosen.edges.is_empty()),
        chosen,
        us_per_step: scores.us_per_step(setting, variant),
    }
}

/// The edges of the grid at which an arm's candidate lies, without those of axes that do not affect the arm: along such an
/// axis every candidate does exactly as well as the others, in every seed.
fn edges(grid: &Grid, variant: &str, record: &Record, candidate: usize) -> Vec<Edge> {
    let tried = grid.candidates_of(variant);
    let is_said = |axis: &str| {
        let elsewhere =
            |k: usize| -> Values { grid.candidate(tried[k]).into_iter().filter(|(on, _)| on != axis).collect() };
        let are_alike = |a: usize, b: usize| record.selection.chunks(record.candidates).all(|seed| seed[a] == seed[b]);
        let pairs = (0..tried.len()).flat_map(|b| (0..b).map(move |a| (a, b)));
        pairs.into_iter().any(|(a, b)| elsewhere(a) == elsewhere(b) && !are_alike(a, b))
    };
    let mut edges = grid.edges(variant, candidate);
    edges.retain(|edge| edge.end == End::Only || is_said(&edge.axis));
    edges
}

/// Each candidate with how often it was chosen, in the candidates' order.
fn counted(choice: &[usize], grid: &Grid, edges: impl Fn(usize) -> Vec<Edge>) -> Vec<Chosen> {
    let mut sorted = choice.to_vec();
    sorted.sort_unstable();
    let chosen =
        |alike: &[usize]| Chosen { values: grid.candidate(alike[0]), seeds: alike.len(), edges: edges(alike[0]) };
    sorted.chunk_by(|a, b| a == b).map(chosen).collect()
}

/// The candidate that all seeds of a record favour; none if nothing is tuned, or without seeds.
fn selected(scores: &Scores, variant: &str, record: &Record) -> Option<Values> {
    (scores.is_tuned() && record.seeds() > 0).then(|| scores.grid.candidate(scores.favourite(variant, record)))
}

/// How long an arm at a setting took to the target; tuned by that time.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TimeToTarget {
    /// The arm.
    pub variant: String,
    /// The setting.
    pub setting: Values,
    /// Seeds with a result at every candidate.
    pub n: usize,
    /// Of those, how many reached the target.
    pub reached: usize,
    /// Restricted mean of the steps: a run that never arrives counts at the budget.
    pub steps: Option<f64>,
    /// Median of the Kaplan–Meier curve: when half had reached it; none if they never did.
    pub median_steps: Option<f64>,
    /// The budget in steps.
    pub budget_steps: f64,
    /// The budget in seconds.
    pub budget_seconds: f64,
    /// Restricted mean in seconds.
    pub seconds: Option<f64>,
    /// The candidate that all seeds together favour; none if nothing is tuned.
    pub selected: Option<Values>,
    /// Seeds whose time is read there; the others' is read at the value that the other seeds favour.
    pub taken: usize,
    /// Whether a candidate that was read is the smallest or the largest of several on an axis.
    pub edge: bool,
    /// The Kaplan–Meier curve over steps.
    pub not_yet_reached: Vec<Survival>,
}

/// Time to target of every arm at every setting; none without a target.
pub fn times(grid: &Grid) -> Vec<TimeToTarget> {
    if grid.loaded.options.target_accuracy.is_none() {
        return Vec::new();
    }
    let (in_steps, in_seconds) =
        (Scores::new(grid, Metric::STEPS_TO_TARGET), Scores::new(grid, Metric::SECONDS_TO_TARGET));
    let settings = 0..grid.settings.len();
    let arms = settings.flat_map(|setting| grid.loaded.variants.iter().map(move |variant| (setting, variant)));
    arms.map(|(setting, variant)| time(&in_steps, &in_seconds, setting, variant)).collect()
}

fn time<'a>(in_steps: &Scores<'a>, in_seconds: &Scores<'a>, setting: usize, variant: &'a str) -> TimeToTarget {
    let grid = in_steps.grid;
    let (record, choice, steps) = read_times(in_steps, setting, variant);
    let (.., seconds) = read_times(in_seconds, setting, variant);
    let curve = kaplan_meier(&steps);
    let favourite = selected(in_steps, variant, &record);
    TimeToTarget {
        variant: variant.to_owned(),
        setting: grid.setting(setting),
        n: steps.len(),
        reached: steps.iter().flatten().count(),
        steps: restricted_mean(&steps, in_steps.budget(setting)),
        median_steps: curve.iter().find(|fall| fall.share <= 0.5 + 1e-12).map(|fall| fall.time),
        budget_steps: in_steps.budget(setting),
        budget_seconds: in_seconds.budget(setting),
        seconds: restricted_mean(&seconds, in_seconds.budget(setting)),
        taken: favourite.as_ref().map_or(0, |values| choice.iter().filter(|k| grid.candidate(**k) == *values).count()),
        selected: favourite,
        edge: choice
            .iter()
            .any(|candidate| edges(grid, variant, &record, *candidate).iter().any(|edge| edge.end != End::Only)),
        not_yet_reached: curve,
    }
}

/// What each seed came to, the candidate that the others favour for it, and when it reached the target there.
fn read_times<'a>(scores: &Scores<'a>, setting: usize, variant: &'a str) -> (Record, Vec<usize>, Vec<Option<f64>>) {
    let seeds = scores.complete(setting, variant);
    let record = scores.record(setting, variant, &seeds);
    let choice = scores.choice(variant, &record);
    let reached = |(seed, candidate): (&u64, &usize)| {
        scores.grid.run(setting, variant, *seed, *candidate).and_then(|run| scores.reached(&run))
    };
    let reached = seeds.iter().zip(&choice).map(reached).collect();
    (record, choice, reached)
}
