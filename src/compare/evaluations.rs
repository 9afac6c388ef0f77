//! The rows of curves.csv, held against the runs of runs.csv: both tell of the same evaluations.

use std::collections::HashMap;
use std::io::{Read, Seek};

use anyhow::{Context, bail, ensure};

use super::planned::Planned;
use super::rows::{IN_THE_FIRST_TABLES, Run};
use super::sheet::{Column, Number, Row, Sheet, Word};
use crate::config::file::{Kind, Metric, Part, Source, Statistics};
use crate::record::experiment::ExperimentRecord;
use crate::record::run::Status;

/// Where the cells of a row are.
struct Columns {
    step: Column<Number>,
    split: Column<Word>,
    mode: Column<Word>,
    scores: [(Kind, Column<Number>); 2],
}

/// What is kept of the rows of a run.
#[derive(Default)]
struct Seen {
    /// The latest step of each kind of row.
    latest: Vec<((Part, Statistics), f64)>,
    /// The highest validation accuracy under running statistics, and its first step.
    best: Option<(f64, f64)>,
    /// Whether there is a row of the last step.
    has_end: bool,
}

/// Checks every row, and that the rows of each completed run tell what its row of runs.csv, at `told`, does.
///
/// # Errors
/// If a cell is not what it should be, or contradicts runs.csv: file, row and column are named.
pub(super) fn check<R: Read + Seek>(
    sheet: &mut Sheet<R>,
    record: &ExperimentRecord,
    runs: &[Run],
    told: &str,
) -> anyhow::Result<()> {
    let plan = Planned::new(sheet, record)?;
    let columns = Columns {
        step: sheet.column("step")?,
        split: sheet.column("split")?,
        mode: sheet.column("mode")?,
        scores: [(Kind::Loss, sheet.column("loss")?), (Kind::Accuracy, sheet.column("accuracy")?)],
    };
    let mut seen: HashMap<&str, (&Run, Seen)> =
        runs.iter().map(|run| (run.entry.id.as_str(), (run, Seen::default()))).collect();
    while let Some(row) = sheet.next_row()? {
        let (run, seen) = seen.get_mut(plan.id(&row)?).context("a planned run")?;
        let is_finished = run.status.is_finished();
        let state = run.status.name();
        ensure!(is_finished, "{}: the run is {state} in {told}, and has no rows here", plan.at(&row));
        columns.check(&row, run, seen)?;
    }
    let path = sheet.path().display();
    for (run, seen) in runs.iter().filter_map(|run| seen.get(run.entry.id.as_str())) {
        if run.status == Status::Completed {
            let id = &run.entry.id;
            ensure!(seen.has_end, "{path} is cut short: it has no row of run {id} at its last step");
            check_best(run, seen, told)?;
        }
    }
    Ok(())
}

impl Columns {
    /// Checks a row of a run after those that were seen.
    fn check<R: Read + Seek>(&self, row: &Row<R>, run: &Run, seen: &mut Seen) -> anyhow::Result<()> {
        let step: Option<f64> = row.get(self.step)?;
        let step = step.filter(|step| *step >= 0.0 && step.fract() == 0.0);
        let step = step.with_context(|| format!("{}: a step is a whole number from 0", row.at(self.step)))?;
        let steps = run.steps.unwrap_or_default();
        ensure!(step <= steps, "{}: {step} is above the run's {steps} steps", row.at(self.step));
        let (split, mode) = (row.get(self.split)?, row.get(self.mode)?);
        let part =
            [Part::Batch, Part::Train, Part::Validation, Part::Test].into_iter().find(|part| part.name() == split);
        let part = part.with_context(|| format!("{}: {split:?} is not a split", row.at(self.split)))?;
        let statistics = Statistics::ALL.into_iter().find(|statistics| statistics.mode() == mode);
        let statistics = statistics.with_context(|| format!("{}: {mode:?} is not a mode", row.at(self.mode)))?;
        let kind = (part, statistics);
        match seen.latest.iter_mut().find(|(other, _)| *other == kind) {
            Some((_, latest)) if *latest == step => bail!("{}: the run has this row twice", row.at(self.step)),
            Some((_, latest)) if *latest > step => {
                bail!("{}: {step} comes after {latest}; the steps of a run rise", row.at(self.step))
            }
            Some((_, latest)) => *latest = step,
            None => seen.latest.push((kind, step)),
        }
        let is_end = step == steps && part != Part::Batch;
        seen.has_end |= is_end;
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
                check_end(run, (part, statistics, kind), score).with_context(|| row.at(column))?;
            }
            let is_validation = part == Part::Validation && statistics == Statistics::Running;
            if let Some(x) = score.filter(|_| is_validation && kind == Kind::Accuracy)
                && seen.best.is_none_or(|(best, _)| x > best)
            {
                seen.best = Some((x, step));
            }
        }
        Ok(())
    }
}

/// Checks a score of the last step. A metric that came after the first tables may be absent from runs.csv.
fn check_end(run: &Run, (part, statistics, kind): (Part, Statistics, Kind), score: Option<f64>) -> anyhow::Result<()> {
    let is_meant = |metric: &Metric| metric.kind == kind && metric.source == Source::End(part, statistics);
    let Some(place) = Metric::FINAL.iter().position(is_meant) else { return Ok(()) };
    let (name, told) = (Metric::FINAL[place].name, run.scores[place]);
    let is_same = told == score || (told.is_none() && !IN_THE_FIRST_TABLES.contains(&name));
    ensure!(is_same, "{}, but runs.csv has {} as {name} of run {}", words(score), words(told), run.entry.id);
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
