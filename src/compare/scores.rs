//! What every run counts as when a metric is compared, and what it is tuned by.

use std::collections::HashMap;

use super::grid::{Grid, GridRun};
use crate::config::file::{Kind, Metric, Statistics};
use crate::record::run::Status;
use crate::stats::describe::median;
use crate::stats::sample::Sample;
use crate::stats::selection::{Record, leave_one_out, overall};

/// Runs that trained for fewer seconds are too short to say what a step takes.
const TIMED: f64 = 0.02;

/// What a run counts as, in the metric's own unit. A diverged loss is infinite.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Score {
    /// The score that chooses the candidate.
    pub selection: f64,
    /// What is compared.
    pub value: f64,
    /// Whether the run diverged.
    pub diverged: bool,
    /// Whether the score was assigned, because the run diverged or never arrived.
    pub assigned: bool,
}

/// One metric over the grid.
pub struct Scores<'a> {
    /// The runs.
    pub grid: &'a Grid<'a>,
    /// What is compared.
    pub metric: Metric,
    /// Its kind.
    pub kind: Kind,
    /// Its column, and the column that chooses the candidate; `None` for a time, which is made of others.
    columns: Option<(usize, usize)>,
    /// µs a step of an arm, at a setting, for a seed, with a candidate.
    costs: HashMap<(usize, &'a str, u64, usize), f64>,
    /// For each setting, how long every run of every arm lasted at least, in steps or seconds.
    budgets: Vec<f64>,
}

impl<'a> Scores<'a> {
    /// The scores of a metric.
    pub fn new(grid: &'a Grid<'a>, metric: Metric) -> Self {
        let column = |metric| grid.loaded.column(metric);
        let columns = column(metric).zip(column(metric.chosen_by()).or(column(metric)));
        let mut scores = Self { grid, metric, kind: metric.kind, columns, costs: costs(grid), budgets: Vec::new() };
        scores.budgets = (0..grid.settings.len()).map(|setting| scores.shortest(setting)).collect();
        scores
    }

    /// The length of the shortest completed run; of the longest diverged one if none was completed, as then
    /// none arrived and any length will do.
    fn shortest(&self, setting: usize) -> f64 {
        let lengths = |status: Status| {
            let ended = self.grid.runs(setting).iter().filter(move |grid_run| grid_run.run.status == status);
            ended.filter_map(|grid_run| Some(grid_run.run.steps? * self.unit(grid_run)?))
        };
        let shortest = lengths(Status::Completed).fold(f64::INFINITY, f64::min);
        if shortest.is_finite() { shortest } else { lengths(Status::Diverged).fold(0.0, f64::max) }
    }

    /// What one step counts: 1, or the arm's own seconds if they have been measured.
    fn unit(&self, grid_run: &GridRun) -> Option<f64> {
        if self.kind != Kind::Seconds {
            return Some(1.0);
        }
        let entry = &grid_run.run.entry;
        let key = (grid_run.setting, entry.variant.as_str(), entry.seed, grid_run.candidate);
        self.costs.get(&key).map(|us| us / 1e6)
    }

    /// Median µs a step of an arm's runs; none if all of them are too short to be timed.
    pub fn us_per_step(&self, setting: usize, variant: &str) -> Option<f64> {
        let runs = self.grid.runs(setting).iter().filter(|grid_run| grid_run.run.entry.variant == variant);
        let time = |status: Status| -> Vec<f64> {
            let ended = runs.clone().filter(|grid_run| grid_run.run.status == status);
            ended.filter_map(|grid_run| grid_run.run.timed(TIMED)).collect()
        };
        [Status::Completed, Status::Diverged].into_iter().find_map(|status| Some(median(Sample::new(&time(status))?)))
    }

    /// The margin within which differences do not matter. A margin finer than the resolution of times does not count.
    pub fn margin(&self) -> Option<f64> {
        let dearest = self.costs.values().fold(0.0, |dearest: f64, us| dearest.max(*us));
        let unit = if self.kind == Kind::Seconds { dearest / 1e6 } else { 1.0 };
        let is_seen = |margin: &f64| self.resolution().is_none_or(|steps| *margin >= unit * steps);
        self.own_margin().filter(is_seen)
    }

    /// The configured margin, if it belongs to this metric, under any statistics.
    pub fn own_margin(&self) -> Option<f64> {
        let options = &self.grid.loaded.options;
        let is_same = |of: Statistics| self.metric.under(of) == Some(options.metric);
        let is_its = options.metric == self.metric || options.metric.statistics().is_some_and(is_same);
        options.equivalence_margin.filter(|_| is_its)
    }

    /// How many steps a time to the target may be off, as it is seen at evaluations only. It is taken from curves.csv;
    /// without that table, it is the most steps between two evaluations in the configuration; if runs differ in that, the
    /// smallest difference between their times. `None` if there is none, and for other metrics.
    pub fn resolution(&self) -> Option<f64> {
        if !self.kind.is_time() {
            return None;
        }
        if let Some(gap) = self.grid.loaded.arrivals.widest_gap {
            return Some(gap as f64);
        }
        let widest = |steps: &mut dyn Iterator<Item = f64>| {
            let widest = steps.fold((0.0, 0.0f64), |(last, widest), step| (step, widest.max(step - last)));
            Some(widest.1).filter(|widest| *widest > 0.0)
        };
        let log = &self.grid.loaded.configuration["log"]["evaluate_every"];
        match log.as_array() {
            Some(steps) => widest(&mut steps.iter().filter_map(serde_json::Value::as_f64)),
            None if log.is_number() => log.as_f64().filter(|every| *every > 0.0),
            None => {
                let mut times: Vec<f64> = self.grid.loaded.runs.iter().filter_map(|run| run.steps_to_target).collect();
                times.sort_by(f64::total_cmp);
                let (first, gaps) = (times.first().copied(), times.array_windows().map(|[a, b]| b - a));
                gaps.chain(first).filter(|gap| *gap > 0.0).min_by(f64::total_cmp)
            }
        }
    }

    /// The candidate at which each seed of an arm's record is read: the one that the others favour.
    pub fn choice(&self, variant: &str, record: &Record) -> Vec<usize> {
        let candidates = self.grid.candidates_of(variant);
        leave_one_out(record).into_iter().map(|k| candidates[k]).collect()
    }

    /// The candidate that all seeds of an arm's record favour.
    pub fn favourite(&self, variant: &str, record: &Record) -> usize {
        self.grid.candidates_of(variant)[overall(record)]
    }

    /// The scores at which an arm is read for these seeds, which must be complete.
    pub fn read(&self, setting: usize, variant: &'a str, seeds: &[u64]) -> Vec<Score> {
        let chosen = self.choice(variant, &self.record(setting, variant, seeds));
        let score = |(seed, candidate): (&u64, usize)| self.score(&self.grid.run(setting, variant, *seed, candidate)?);
        seeds.iter().zip(chosen).filter_map(score).collect()
    }

    /// What a run counts as; none if it is not finished, or has no such score.
    pub fn score(&self, grid_run: &GridRun) -> Option<Score> {
        let run = grid_run.run;
        let assigned =
            |selection: f64, value: f64, diverged: bool| Score { selection, value, diverged, assigned: true };
        match (run.status, self.kind) {
            (Status::Diverged, Kind::Accuracy) => {
                let chance = 1.0 / run.entry.classes as f64;
                Some(assigned(chance, chance, true))
            }
            (Status::Diverged, Kind::Loss) => Some(assigned(f64::INFINITY, f64::INFINITY, true)),
            (Status::Diverged, Kind::Steps | Kind::Seconds) => {
                let budget = self.budgets[grid_run.setting];
                Some(assigned(budget, budget, true))
            }
            (Status::Completed, Kind::Steps | Kind::Seconds) => {
                self.unit(grid_run)?;
                let budget = self.budgets[grid_run.setting];
                let own = |time| Score { selection: time, value: time, diverged: false, assigned: false };
                Some(self.reached(grid_run).map_or(assigned(budget, budget, false), own))
            }
            (Status::Completed, Kind::Accuracy | Kind::Loss) => {
                let (column, choice) = self.columns?;
                let value = run.scores[column]?;
                let selection = if self.is_tuned() { run.scores[choice]? } else { value };
                Some(Score { selection, value, diverged: false, assigned: false })
            }
            (Status::Failed | Status::Interrupted | Status::Missing, _) => None,
        }
    }

    /// When a run reached the target. It never did if it diverged, or if it arrived after the budget.
    pub fn reached(&self, grid_run: &GridRun) -> Option<f64> {
        let time = grid_run.run.steps_to_target? * self.unit(grid_run)?;
        (grid_run.run.status == Status::Completed && time <= self.budgets[grid_run.setting]).then_some(time)
    }

    /// How long every run at a setting lasted at least. A run that never arrives counts at this time.
    pub fn budget(&self, setting: usize) -> f64 {
        self.budgets[setting]
    }

    /// Whether arms are tuned at all.
    pub fn is_tuned(&self) -> bool {
        !self.grid.tuned.is_empty()
    }

    /// The seeds of an arm at a setting for which every candidate has a score.
    pub fn complete(&self, setting: usize, variant: &'a str) -> Vec<u64> {
        let has_score = |seed: u64, candidate: usize| {
            self.grid.run(setting, variant, seed, candidate).is_some_and(|grid_run| self.score(&grid_run).is_some())
        };
        let candidates = self.grid.candidates_of(variant);
        let mut seeds = self.grid.seeds(setting, variant);
        seeds.retain(|seed| candidates.iter().all(|candidate| has_score(*seed, *candidate)));
        seeds
    }

    /// Everything that an arm came to for these seeds, which must be complete, turned so that more is better.
    pub fn record(&self, setting: usize, variant: &'a str, seeds: &[u64]) -> Record {
        let candidates = self.grid.candidates_of(variant);
        let (mut selection, mut value) = (Vec::new(), Vec::new());
        for (seed, candidate) in seeds.iter().flat_map(|seed| candidates.iter().map(move |k| (*seed, *k))) {
            let grid_run = self.grid.run(setting, variant, seed, candidate);
            let score = grid_run.and_then(|grid_run| self.score(&grid_run));
            selection.push(score.map_or(f64::NAN, |score| self.kind.sign() * score.selection));
            value.push(score.map_or(f64::NAN, |score| self.kind.sign() * score.value));
        }
        Record { candidates: candidates.len(), selection, value }
    }
}

/// µs a step of every arm at every setting, for every seed, with every candidate. Each seed has its own measurement, so
/// that the error of measuring is in the differences between seeds. The learning rate does not change what a step costs: a
/// seed's candidates that differ in nothing else share their median. Runs that diverged, perhaps after a few cold steps,
/// count only if no other was timed.
fn costs<'a>(grid: &Grid<'a>) -> HashMap<(usize, &'a str, u64, usize), f64> {
    let kept: Vec<usize> =
        (0..grid.tuned.len()).filter(|i| grid.loaded.axes[grid.tuned[*i]] != "optimizer.lr").collect();
    let alike = |a: usize, b: usize| kept.iter().all(|i| grid.candidates[a][*i] == grid.candidates[b][*i]);
    // The first candidate of each kind stands for it.
    let first: Vec<usize> =
        (0..grid.candidates.len()).map(|k| (0..k).find(|other| alike(*other, k)).unwrap_or(k)).collect();
    let mut times: HashMap<(usize, &str, u64, usize), [Vec<f64>; 2]> = HashMap::new();
    for grid_run in (0..grid.settings.len()).flat_map(|setting| grid.runs(setting)) {
        let ended = [Status::Completed, Status::Diverged].iter().position(|status| *status == grid_run.run.status);
        if let Some((us, ended)) = grid_run.run.timed(TIMED).zip(ended) {
            let entry = &grid_run.run.entry;
            let key = (grid_run.setting, entry.variant.as_str(), entry.seed, first[grid_run.candidate]);
            times.entry(key).or_default()[ended].push(us);
        }
    }
    let mut costs = HashMap::new();
    for ((setting, variant, seed, kind), [completed, diverged]) in times {
        let Some(us) = Sample::new(&completed).or(Sample::new(&diverged)).map(median) else { continue };
        for candidate in (0..first.len()).filter(|k| first[*k] == kind) {
            costs.insert((setting, variant, seed, candidate), us);
        }
    }
    costs
}
