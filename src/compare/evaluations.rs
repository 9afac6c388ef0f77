//! The rows of curves.csv, held against the runs of runs.csv: both tell of the same evaluations. And when a run comes to the
//! target, by these rows.

use std::collections::HashMap;
use std::io::{Read, Seek};

use anyhow::{Context, ensure};

use super::planned::Planned;
use super::rows::{IN_THE_FIRST_TABLES, Run, steps_per_epoch};
use super::sheet::{Column, Number, Row, Sheet, Word};
use crate::config::file::{Kind, Metric, Part, Source, Statistics};
use crate::record::experiment::ExperimentRecord;
use crate::record::run::Status;

/// How the runs of an experiment came to the target.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Arrivals {
    /// For each run that was evaluated under running statistics: the step of the first such evaluation that reaches it.
    pub under_running: HashMap<String, Option<usize>>,
    /// For each run that was evaluated under batch statistics: the step of the first such evaluation that reaches it.
    pub under_batch: HashMap<String, Option<usize>>,
    /// The most steps between the evaluation that first reaches it, under running statistics, and the one before: no time
    /// to the target is more exact. `None` if no run arrives after an earlier evaluation.
    pub widest_gap: Option<usize>,
}

/// Where the cells of a row are.
struct Columns {
    step: Column<Number>,
    epoch: Column<Number>,
    /// Minibatches of an epoch; `None` if runs differ in it.
    steps_per_epoch: Option<f64>,
    split: Column<Word>,
    mode: Column<Word>,
    scores: [(Kind, Column<Number>); 2],
    /// For each metric, whether no run has it: one that came after the first tables may be absent.
    is_absent: Vec<bool>,
}

/// What is kept of the rows of a run.
#[derive(Default)]
struct Seen {
    /// The latest step of each kind of row.
    latest: Vec<((Part, Statistics), f64)>,
    /// The highest validation accuracy under running statistics, and its first step.
    best: Option<(f64, f64)>,
    /// The splits and statistics with a row of the last step.
    ends: Vec<(Part, Statistics)>,
    /// The first evaluation of the validation split that reaches the target, for each kind of statistics with any.
    arrived: Vec<(Statistics, Option<usize>)>,
    /// Steps between that under running statistics and the evaluation before it.
    gap: Option<usize>,
}

/// Checks every row, and that the rows of each completed run tell what its row of runs.csv, at `told`, does. Returns how the
/// runs came to the target accuracy, if there is one.
///
/// # Errors
/// If a cell is not what it should be, or contradicts runs.csv: file, row and column are named.
pub(super) fn check<R: Read + Seek>(
    sheet: &mut Sheet<R>,
    record: &ExperimentRecord,
    runs: &[Run],
    told: &str,
    target: Option<f64>,
) -> anyhow::Result<Arrivals> {
    let plan = Planned::new(sheet, record)?;
    let columns = Columns {
        step: sheet.column("step")?,
        epoch: sheet.column("epoch")?,
        steps_per_epoch: steps_per_epoch(record),
        split: sheet.column("split")?,
        mode: sheet.column("mode")?,
        scores: [(Kind::Loss, sheet.column("loss")?), (Kind::Accuracy, sheet.column("accuracy")?)],
        is_absent: (0..Metric::FINAL.len()).map(|place| runs.iter().all(|run| run.scores[place].is_none())).collect(),
    };
    let mut seen: HashMap<&str, (&Run, Seen)> =
        runs.iter().map(|run| (run.entry.id.as_str(), (run, Seen::default()))).collect();
    while let Some(row) = sheet.next_row()? {
        let (run, seen) = seen.get_mut(plan.id(&row)?).context("a planned run")?;
        let is_finished = run.status.is_finished();
        let state = run.status.name();
        ensure!(is_finished, "{}: the run is {state} in {told}, and has no rows here", plan.at(&row));
        columns.check(&row, run, seen, target)?;
    }
    let path = sheet.path().display();
    let mut arrivals = Arrivals::default();
    for (run, seen) in runs.iter().filter_map(|run| seen.get(run.entry.id.as_str())) {
        if run.status == Status::Completed {
            check_ends(run, seen, told).with_context(|| path.to_string())?;
            check_best(run, seen, told)?;
        }
        arrivals.add(run, seen);
    }
    Ok(arrivals)
}

impl Arrivals {
    fn add(&mut self, run: &Run, seen: &Seen) {
        for (statistics, first) in &seen.arrived {
            let of = match statistics {
                Statistics::Running => &mut self.under_running,
                Statistics::Batch => &mut self.under_batch,
                Statistics::Population => continue,
            };
            of.insert(run.entry.id.clone(), *first);
        }
        self.widest_gap = self.widest_gap.max(seen.gap);
    }
}

impl Seen {
    /// Takes an evaluation of the validation split, after the one at step `before`.
    fn arrive(&mut self, statistics: Statistics, step: usize, before: Option<usize>, reaches: bool) {
        let place = self.arrived.iter().position(|(other, _)| *other == statistics).unwrap_or_else(|| {
            self.arrived.push((statistics, None));
            self.arrived.len() - 1
        });
        let (_, first) = &mut self.arrived[place];
        if first.is_none() && reaches {
            *first = Some(step);
            if statistics == Statistics::Running {
                self.gap = before.map(|before| step - before);
            }
        }
    }
}

impl Columns {
    /// Checks a row of a run after those that were seen.
    fn check<R: Read + Seek>(
        &self,
        row: &Row<R>,
        run: &Run,
        seen: &mut Seen,
        target: Option<f64>,
    ) -> anyhow::Result<()> {
        let step: Option<f64> = row.get(self.step)?;
        let step = step.filter(|step| *step >= 0.0 && step.fract() == 0.0);
        let step = step.with_context(|| format!("{}: a step is a whole number from 0", row.at(self.step)))?;
        let steps = run.steps.unwrap_or_default();
        ensure!(step <= steps, "{}: {step} is above the run's {steps} steps", row.at(self.step));
        if let Some(expected) = self.steps_per_epoch.map(|per_epoch| step / per_epoch) {
            let told: Option<f64> = row.get(self.epoch)?;
            let is_so = told.is_some_and(|told| (told - expected).abs() <= 1e-9 * expected);
            ensure!(is_so, "{}: step {step} is at {expected} epochs", row.at(self.epoch));
        }
        let (split, mode) = (row.get(self.split)?, row.get(self.mode)?);
        let part =
            [Part::Batch, Part::Train, Part::Validation, Part::Test].into_iter().find(|part| part.name() == split);
        let part = part.with_context(|| format!("{}: {split:?} is not a split", row.at(self.split)))?;
        let statistics = Statistics::ALL.into_iter().find(|statistics| statistics.mode() == mode);
        let statistics = statistics.with_context(|| format!("{}: {mode:?} is not a mode", row.at(self.mode)))?;
        let kind = (part, statistics);
        let before = seen.latest.iter().find(|(other, _)| *other == kind).map(|(_, latest)| *latest);
        if let Some(before) = before {
            ensure!(before != step, "{}: the run has this row twice", row.at(self.step));
            ensure!(before < step, "{}: {step} comes after {before}; the steps of a run rise", row.at(self.step));
        }
        seen.latest.retain(|(other, _)| *other != kind);
        seen.latest.push((kind, step));
        let is_end = step == steps && part != Part::Batch;
        if is_end {
            seen.ends.push(kind);
        }
        for (kind, column) in self.scores {
            let score: Option<f64> = row.get(column)?;
            let (can_be, range) = match kind {
                Kind::Accuracy => (score.is_none_or(|x| x <= 1.0), "an accuracy is from 0 to 1"),
                _ => (true, "a loss is at least 0"),
            };
            ensure!(
                can_be && score.is_none_or(|x| x >= 0.0),
                "{}: {}; {range}",
                row.at(column),
                score.unwrap_or_default()
            );
            if is_end && run.status == Status::Completed {
                self.check_end(run, (part, statistics, kind), score).with_context(|| row.at(column))?;
            }
            let is_validation = part == Part::Validation && statistics == Statistics::Running;
            if let Some(target) = target.filter(|_| part == Part::Validation && kind == Kind::Accuracy) {
                let before = before.map(|before| before as usize);
                seen.arrive(statistics, step as usize, before, score.is_some_and(|x| x >= target));
            }
            if let Some(x) = score.filter(|_| is_validation && kind == Kind::Accuracy)
                && seen.best.is_none_or(|(best, _)| x > best)
            {
                seen.best = Some((x, step));
            }
        }
        Ok(())
    }

    /// Checks a score of the last step.
    fn check_end(
        &self,
        run: &Run,
        (part, statistics, kind): (Part, Statistics, Kind),
        score: Option<f64>,
    ) -> anyhow::Result<()> {
        let is_meant = |metric: &Metric| metric.kind == kind && metric.source == Source::End(part, statistics);
        let Some(place) = Metric::FINAL.iter().position(is_meant) else { return Ok(()) };
        let (name, told) = (Metric::FINAL[place].name, run.scores[place]);
        let is_absent = self.is_absent[place] && !IN_THE_FIRST_TABLES.contains(&name);
        let is_same = told == score || is_absent;
        ensure!(is_same, "{}, but runs.csv has {} as {name} of run {}", words(score), words(told), run.entry.id);
        Ok(())
    }
}

/// Checks that every score of the end has a row. An arm that evaluates alike under all statistics has rows under running ones
/// only; its other scores are the same.
fn check_ends(run: &Run, seen: &Seen, told: &str) -> anyhow::Result<()> {
    let id = &run.entry.id;
    let score = |meant: (Part, Statistics, Kind)| {
        let is_meant = |metric: &Metric| (metric.source, metric.kind) == (Source::End(meant.0, meant.1), meant.2);
        Metric::FINAL.iter().position(is_meant).and_then(|place| run.scores[place])
    };
    for (metric, told_score) in Metric::FINAL.iter().zip(&run.scores).filter(|(_, score)| score.is_some()) {
        let Source::End(part, statistics) = metric.source else { continue };
        if seen.ends.contains(&(part, statistics)) {
            continue;
        }
        let (name, mode) = (metric.name, statistics.mode());
        let is_alike = statistics != Statistics::Running
            && seen.ends.contains(&(part, Statistics::Running))
            && *told_score == score((part, Statistics::Running, metric.kind));
        ensure!(
            is_alike,
            "{told} gives {name} {} for run {id}, but this table has no row of its last step in the split {}, mode {mode}",
            words(*told_score),
            part.name()
        );
    }
    Ok(())
}

/// Checks the best evaluation.
fn check_best(run: &Run, seen: &Seen, told_in: &str) -> anyhow::Result<()> {
    let place = Metric::FINAL.iter().position(|metric| metric.source == Source::Best);
    let accuracy = place.and_then(|place| run.scores[place]);
    for (column, told, best) in [
        ("best_validation_accuracy", accuracy, seen.best.map(|(best, _)| best)),
        ("best_validation_step", run.best_validation_step, seen.best.map(|(_, step)| step)),
    ] {
        let id = &run.entry.id;
        ensure!(
            told == best,
            "{told_in}, column {column}: run {id} has {}, but in curves.csv {}",
            words(told),
            words(best)
        );
    }
    Ok(())
}

fn words(number: Option<f64>) -> String {
    number.map_or_else(|| "nothing".to_owned(), |x| x.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_known_as_well_as_the_evaluation_before_it_allows() {
        let gap = |rows: &[(usize, Statistics, f64)]| {
            let (mut seen, mut before) = (Seen::default(), Vec::new());
            for (step, statistics, accuracy) in rows {
                let latest = before.iter().rev().find(|(_, other)| other == statistics).map(|(step, _)| *step);
                seen.arrive(*statistics, *step, latest, *accuracy >= 0.5);
                before.push((*step, *statistics));
            }
            (seen.gap, seen.arrived)
        };
        let (running, batch) = (Statistics::Running, Statistics::Batch);
        // Rows after the arrival do not count, nor do other statistics.
        let a = [(0, running, 0.1), (10, running, 0.2), (13, running, 0.6), (90, running, 0.1)];
        assert_eq!(gap(&a), (Some(3), vec![(running, Some(13))]));
        let b = [(0, running, 0.1), (2, batch, 0.1), (4, batch, 0.9), (7, running, 0.5)];
        assert_eq!(gap(&b), (Some(7), vec![(running, Some(7)), (batch, Some(4))]));
        assert_eq!(gap(&[(0, running, 0.9), (5, running, 0.1), (6, running, 0.9)]).0, None);
        assert_eq!(gap(&[(0, running, 0.1), (5, running, 0.1)]), (None, vec![(running, None)]));
    }
}
