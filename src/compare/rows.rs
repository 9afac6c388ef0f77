//! The rows of runs.csv and timing.csv, each held against its planned run: a cell that no run can have is named with its
//! file, row and column.

use std::collections::HashMap;
use std::io::{Read, Seek};

use anyhow::{bail, ensure};

use super::planned::Planned;
use super::sheet::{Column, Number, Row, Sheet, Word};
use crate::config::file::{Kind, Metric};
use crate::plan::RunEntry;
use crate::record::experiment::ExperimentRecord;
use crate::record::metrics::BEST_STEP;
use crate::record::run::Status;
use crate::record::tables;

/// A planned run and what came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// Which run.
    pub entry: RunEntry,
    /// How far it has come.
    pub status: Status,
    /// Why it diverged or failed; empty otherwise.
    pub reason: String,
    /// Steps that it took.
    pub steps: Option<f64>,
    /// Its score by each of the metrics of the experiment, in their order.
    pub scores: Vec<Option<f64>>,
    /// First step with the highest validation accuracy.
    pub best_validation_step: Option<f64>,
    /// First evaluation that reached the target.
    pub steps_to_target: Option<f64>,
    /// How it was run; none if it was not, or not timed.
    pub timing: Option<Timing>,
}

impl Run {
    /// Microseconds a training step, if the run trained for at least so many seconds.
    pub fn timed(&self, least: f64) -> Option<f64> {
        let time = self.timing.as_ref()?.us_per_step;
        time.filter(|us| us * self.steps.unwrap_or_default() / 1e6 >= least)
    }
}

/// What timing.csv says of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Timing {
    /// Steps that were timed.
    pub steps: Option<f64>,
    /// Microseconds a training step.
    pub us_per_step: Option<f64>,
    /// Instruction level.
    pub simd: String,
    /// Version of the program; empty in older tables.
    pub program_version: String,
}

/// Metrics that every table of runs has.
pub(super) const IN_THE_FIRST_TABLES: [&str; 7] = [
    "train_loss",
    "train_accuracy",
    "validation_loss",
    "validation_accuracy",
    "test_loss",
    "test_accuracy",
    "best_validation_accuracy",
];

/// What each planned run's row says.
fn by_run<R: Read + Seek, T>(
    sheet: &mut Sheet<R>,
    record: &ExperimentRecord,
    read: impl Fn(&Row<R>, &RunEntry) -> anyhow::Result<T>,
) -> anyhow::Result<HashMap<String, T>> {
    let plan = Planned::new(sheet, record)?;
    let entries: HashMap<&str, &RunEntry> = record.runs.iter().map(|run| (run.id.as_str(), run)).collect();
    let mut found = HashMap::new();
    while let Some(row) = sheet.next_row()? {
        let id = plan.id(&row)?;
        let earlier = found.insert(id.to_owned(), read(&row, entries[id])?);
        ensure!(earlier.is_none(), "{}: run {id} has more than one row", plan.at(&row));
    }
    Ok(found)
}

/// The runs of runs.csv, without their timing.
pub(super) fn runs<R: Read + Seek>(
    sheet: &mut Sheet<R>,
    record: &ExperimentRecord,
) -> anyhow::Result<HashMap<String, Run>> {
    let (status, reason) = (sheet.column::<Status>("status")?, sheet.column::<Word>("reason")?);
    let number = |name: &str| sheet.column::<Number>(name);
    // A metric that came after the first tables may be absent.
    let is_newer = |name: &str| {
        Metric::named(name).is_some_and(|metric| !IN_THE_FIRST_TABLES.contains(&name) && !metric.kind.is_time())
    };
    let optional = |name: &str| -> anyhow::Result<Option<Column<Number>>> {
        if is_newer(name) { Ok(sheet.optional_column(name)) } else { number(name).map(Some) }
    };
    // All columns of numbers are read, so that a damaged cell is found whichever is compared.
    let numbers = tables::RUNS.columns.iter().filter(|name| !["status", "reason"].contains(name));
    let numbers = numbers.map(|name| Ok((*name, optional(name)?))).collect::<anyhow::Result<Vec<_>>>()?;
    let (steps, steps_to_target) = (number("steps")?, number("steps_to_target")?);
    let (diverged_at, best_step) = (number("diverged_at_step")?, number(BEST_STEP)?);
    let (best, validation) = (number("best_validation_accuracy")?, number("validation_accuracy")?);
    let budget = record.configuration["train"]["steps"].as_f64();
    let budget = budget.filter(|_| !record.axes.iter().any(|axis| axis == "train.steps"));
    let per_epoch = steps_per_epoch(record);
    let (epochs, parameters) = (number("epochs")?, number("parameters")?);
    let scores = Metric::FINAL.iter().map(|metric| optional(metric.name)).collect::<anyhow::Result<Vec<_>>>()?;
    by_run(sheet, record, |row, entry| {
        for (name, column) in &numbers {
            if let Some(column) = column {
                checked(row, *column, name)?;
            }
        }
        let score = |column: &Option<_>| column.map_or(Ok(None), |column| row.get(column));
        let run = Run {
            entry: entry.clone(),
            status: row.get(status)?,
            reason: row.get(reason)?.to_owned(),
            steps: row.get(steps)?,
            scores: scores.iter().map(score).collect::<anyhow::Result<_>>()?,
            best_validation_step: row.get(best_step)?,
            steps_to_target: row.get(steps_to_target)?,
            timing: None,
        };
        let is_completed = run.status == Status::Completed;
        if let Some(budget) = budget.filter(|budget| is_completed && run.steps != Some(*budget)) {
            bail!("{}: a completed run has all {budget} steps", row.at(steps));
        }
        let is_within = budget.zip(run.steps).is_none_or(|(budget, steps)| steps <= budget);
        ensure!(is_within, "{}: the runs have {} steps each", row.at(steps), budget.unwrap_or_default());
        if let (Some(per_epoch), Some(steps), Some(epochs_done)) = (per_epoch, run.steps, row.get(epochs)?) {
            let expected = steps / per_epoch;
            let is_so = (epochs_done - expected).abs() <= 1e-9 * expected;
            ensure!(is_so, "{}: {steps} steps of {per_epoch} an epoch are {expected} epochs", row.at(epochs));
        }
        ensure!(!is_completed || row.get(parameters)? != Some(0.0), "{}: a network has parameters", row.at(parameters));
        for column in [steps_to_target, diverged_at, best_step] {
            let step: Option<f64> = row.get(column)?;
            let is_done = step.is_none_or(|step| run.steps.is_some_and(|steps| step <= steps));
            ensure!(is_done, "{}: above the run's {} steps", row.at(column), run.steps.unwrap_or_default());
        }
        let scored = scores.iter().zip(&run.scores).find_map(|(column, score)| score.and(*column));
        if let Some(column) = scored.filter(|_| !is_completed) {
            bail!("{}: a run that is {} has no scores", row.at(column), run.status.name());
        }
        if is_completed && !run.reason.is_empty() {
            bail!("{}: a completed run has no reason", row.at(reason));
        }
        if let (Some(highest), Some(last)) = (row.get(best)?, row.get(validation)?) {
            ensure!(highest >= last, "{}: below {last}, the validation_accuracy of the run", row.at(best));
        }
        let has_diverged = run.status == Status::Diverged;
        let is_marked = row.get(diverged_at)?.is_some();
        ensure!(
            is_marked == has_diverged,
            "{}: it is of diverged runs, and the run is {}",
            row.at(diverged_at),
            run.status.name()
        );
        // Where an update left a parameter that is not finite, that step was taken.
        if let (Some(at), Some(steps)) = (row.get(diverged_at)?, run.steps) {
            ensure!(steps <= at + 1.0, "{}: a run that diverges takes no further step", row.at(diverged_at));
        }
        Ok(run)
    })
}

/// Minibatches of an epoch; `None` if runs differ in it.
fn steps_per_epoch(record: &ExperimentRecord) -> Option<f64> {
    let of = |section: &str, key: &str| {
        let is_swept = record.axes.contains(&format!("{section}.{key}"));
        record.configuration[section][key].as_u64().filter(|_| !is_swept)
    };
    let batch = of("train", "batch_size").filter(|batch| *batch > 0)?;
    // Where the data differ, so may the samples of each.
    let train = of("data", "train").filter(|_| !record.axes.iter().any(|axis| axis == "data.source"))?;
    Some((train / batch).max(1) as f64)
}

/// A number of a table, if the column of this name can hold it.
fn checked<R: Read + Seek>(row: &Row<R>, column: Column<Number>, name: &str) -> anyhow::Result<Option<f64>> {
    let number: Option<f64> = row.get(column)?;
    let Some(x) = number else { return Ok(None) };
    let is_time = ["epochs", "us_per_step"].contains(&name) || name.ends_with("_seconds");
    let (can_be, range) = match Metric::FINAL.iter().find(|metric| metric.name == name).map(|metric| metric.kind) {
        Some(Kind::Accuracy) => ((0.0..=1.0).contains(&x), "an accuracy is from 0 to 1"),
        Some(_) => (x >= 0.0, "a loss is at least 0"),
        _ if is_time => (x >= 0.0, "it must not be below 0"),
        _ => (x >= 0.0 && x.fract() == 0.0, "a whole number from 0 is expected"),
    };
    ensure!(can_be, "{}: {x}; {range}", row.at(column));
    Ok(number)
}

pub(super) fn timings<R: Read + Seek>(
    sheet: &mut Sheet<R>,
    record: &ExperimentRecord,
) -> anyhow::Result<HashMap<String, Timing>> {
    let (us, simd) = (sheet.column::<Number>("us_per_step")?, sheet.column::<Word>("simd")?);
    let version = sheet.optional_column::<Word>("program_version");
    let words = ["started_at", "host", "simd", "program_version"];
    let numbers = tables::TIMING.columns.iter().filter(|name| !words.contains(name));
    let numbers: Vec<_> = numbers.filter_map(|name| Some((*name, sheet.optional_column::<Number>(name)?))).collect();
    let (steps, seconds) = (sheet.column::<Number>("steps")?, sheet.column::<Number>("train_seconds")?);
    by_run(sheet, record, |row, _| {
        numbers.iter().try_for_each(|(name, column)| checked(row, *column, name).map(drop))?;
        // A clock that stood still says nothing.
        let us_per_step: Option<f64> = row.get(us)?.filter(|us| *us > 0.0);
        let timed: Option<f64> = row.get(steps)?;
        if let Some(found) = us_per_step {
            let expected = row.get(seconds)?.zip(timed).map(|(seconds, steps)| seconds * 1e6 / steps);
            let is_so = expected.is_some_and(|expected| (found - expected).abs() <= 1e-6 * expected.min(f64::MAX));
            ensure!(is_so, "{}: it is not train_seconds · 10⁶ / steps of this row", row.at(us));
        }
        let program_version = version.map(|column| row.get(column)).transpose()?.unwrap_or_default().to_owned();
        Ok(Timing { steps: timed, us_per_step, simd: row.get(simd)?.to_owned(), program_version })
    })
}
