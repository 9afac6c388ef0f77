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
    /// Name of the machine; empty in older tables.
    pub host: String,
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
    mut read: impl FnMut(&Row<R>, &RunEntry) -> anyhow::Result<T>,
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
    let (columns, asked) = (Columns::of(sheet)?, Asked::of(record));
    // Of each arm at each setting. The seed does not change it.
    let mut parameters: HashMap<(String, String), f64> = HashMap::new();
    by_run(sheet, record, |row, entry| {
        columns.check_numbers(row)?;
        let run = columns.run(row, entry)?;
        columns.check_steps(row, &run, &asked)?;
        columns.check_scores(row, &run, &asked)?;
        columns.check_end(row, &run)?;
        // A run that failed has none.
        if let Some(found) = row.get(columns.parameters)?.filter(|_| run.status.is_finished()) {
            let setting = serde_json::to_string(&entry.values)?;
            let expected = *parameters.entry((entry.variant.clone(), setting)).or_insert(found);
            let at = || row.at(columns.parameters);
            ensure!(found == expected, "{}: this arm has {expected} in another row of the same setting", at());
        }
        Ok(run)
    })
}

/// What the configuration says of every run.
struct Asked {
    /// Steps of each run; `None` if runs differ in it.
    budget: Option<f64>,
    steps_per_epoch: Option<f64>,
    has_target: bool,
    has_validation: bool,
}

impl Asked {
    fn of(record: &ExperimentRecord) -> Self {
        let is_swept = |path: &str| record.axes.iter().any(|axis| axis == path);
        let (train, data) = (&record.configuration["train"], &record.configuration["data"]);
        Self {
            budget: train["steps"].as_f64().filter(|_| !is_swept("train.steps")),
            has_validation: data["validation"].as_u64().is_some_and(|samples| samples > 0)
                && !is_swept("data.validation"),
            steps_per_epoch: steps_per_epoch(record),
            // Options that cannot be read are told elsewhere.
            has_target: record.compare_options().map_or(true, |options| options.target_accuracy.is_some()),
        }
    }
}

/// Where the cells of a row of runs.csv are.
struct Columns {
    status: Column<Status>,
    reason: Column<Word>,
    /// All columns of numbers, by name. One of a metric that came after the first tables may be absent.
    numbers: Vec<(&'static str, Option<Column<Number>>)>,
    /// Those of the scores, in the order of the metrics.
    scores: Vec<Option<Column<Number>>>,
    steps: Column<Number>,
    epochs: Column<Number>,
    parameters: Column<Number>,
    diverged_at: Column<Number>,
    best_step: Column<Number>,
    best: Column<Number>,
    validation: Column<Number>,
    test: Column<Number>,
    steps_to_target: Column<Number>,
}

impl Columns {
    fn of<R: Read + Seek>(sheet: &Sheet<R>) -> anyhow::Result<Self> {
        let number = |name: &str| sheet.column::<Number>(name);
        let is_newer = |name: &str| {
            Metric::named(name).is_some_and(|metric| !IN_THE_FIRST_TABLES.contains(&name) && !metric.kind.is_time())
        };
        let optional = |name: &str| -> anyhow::Result<Option<Column<Number>>> {
            if is_newer(name) { Ok(sheet.optional_column(name)) } else { number(name).map(Some) }
        };
        let numbers = tables::RUNS.columns.iter().filter(|name| !["status", "reason"].contains(name));
        Ok(Self {
            status: sheet.column("status")?,
            reason: sheet.column("reason")?,
            numbers: numbers.map(|name| Ok((*name, optional(name)?))).collect::<anyhow::Result<_>>()?,
            scores: Metric::FINAL.iter().map(|metric| optional(metric.name)).collect::<anyhow::Result<_>>()?,
            steps: number("steps")?,
            epochs: number("epochs")?,
            parameters: number("parameters")?,
            diverged_at: number("diverged_at_step")?,
            best_step: number(BEST_STEP)?,
            best: number("best_validation_accuracy")?,
            validation: number("validation_accuracy")?,
            test: number("test_accuracy")?,
            steps_to_target: number("steps_to_target")?,
        })
    }

    fn run<R: Read + Seek>(&self, row: &Row<R>, entry: &RunEntry) -> anyhow::Result<Run> {
        let score = |column: &Option<_>| column.map_or(Ok(None), |column| row.get(column));
        Ok(Run {
            entry: entry.clone(),
            status: row.get(self.status)?,
            reason: row.get(self.reason)?.to_owned(),
            steps: row.get(self.steps)?,
            scores: self.scores.iter().map(score).collect::<anyhow::Result<_>>()?,
            best_validation_step: row.get(self.best_step)?,
            steps_to_target: row.get(self.steps_to_target)?,
            timing: None,
        })
    }

    /// Every number, so that a damaged cell is found whichever is compared.
    fn check_numbers<R: Read + Seek>(&self, row: &Row<R>) -> anyhow::Result<()> {
        let mut numbers = self.numbers.iter().filter_map(|(name, column)| Some((*name, (*column)?)));
        numbers.try_for_each(|(name, column)| checked(row, column, name).map(drop))
    }

    /// The steps of a run, and what is counted in steps.
    fn check_steps<R: Read + Seek>(&self, row: &Row<R>, run: &Run, asked: &Asked) -> anyhow::Result<()> {
        let Asked { budget, steps_per_epoch, has_target, .. } = *asked;
        let is_completed = run.status == Status::Completed;
        if let Some(budget) = budget.filter(|budget| is_completed && run.steps != Some(*budget)) {
            bail!("{}: a completed run has all {budget} steps", row.at(self.steps));
        }
        let is_within = budget.zip(run.steps).is_none_or(|(budget, steps)| steps <= budget);
        ensure!(is_within, "{}: the runs have {} steps each", row.at(self.steps), budget.unwrap_or_default());
        let told: Option<f64> = row.get(self.epochs)?;
        if let Some((per_epoch, steps)) = steps_per_epoch.zip(run.steps) {
            let expected = steps / per_epoch;
            let is_so = told.is_none_or(|told| (told - expected).abs() <= 1e-9 * expected);
            ensure!(is_so, "{}: {steps} steps of {per_epoch} an epoch are {expected} epochs", row.at(self.epochs));
        }
        for column in [self.steps_to_target, self.diverged_at, self.best_step] {
            let step: Option<f64> = row.get(column)?;
            let is_done = step.is_none_or(|step| run.steps.is_some_and(|steps| step <= steps));
            ensure!(is_done, "{}: above the run's {} steps", row.at(column), run.steps.unwrap_or_default());
        }
        let has_time = run.steps_to_target.is_some();
        ensure!(has_target || !has_time, "{}: the configuration has no target", row.at(self.steps_to_target));
        Ok(())
    }

    /// The scores of a run.
    fn check_scores<R: Read + Seek>(&self, row: &Row<R>, run: &Run, asked: &Asked) -> anyhow::Result<()> {
        let is_completed = run.status == Status::Completed;
        let scored = self.scores.iter().zip(&run.scores).find_map(|(column, score)| score.and(*column));
        if let Some(column) = scored.filter(|_| !is_completed) {
            bail!("{}: a run that is {} has no scores", row.at(column), run.status.name());
        }
        for (column, is_there) in [(self.test, true), (self.validation, asked.has_validation)] {
            let is_empty = is_completed && is_there && row.get(column)?.is_none();
            ensure!(!is_empty, "{}: a completed run has this score", row.at(column));
        }
        if let (Some(highest), Some(last)) = (row.get(self.best)?, row.get(self.validation)?) {
            ensure!(highest >= last, "{}: below {last}, the validation_accuracy of the run", row.at(self.best));
        }
        Ok(())
    }

    /// How a run ended.
    fn check_end<R: Read + Seek>(&self, row: &Row<R>, run: &Run) -> anyhow::Result<()> {
        let (state, is_completed) = (run.status.name(), run.status == Status::Completed);
        let has_reason = !run.reason.is_empty();
        ensure!(!(is_completed && has_reason), "{}: a completed run has no reason", row.at(self.reason));
        let no_parameters = row.get(self.parameters)? == Some(0.0);
        ensure!(!(is_completed && no_parameters), "{}: a network has parameters", row.at(self.parameters));
        let (diverged_at, has_diverged) = (row.get(self.diverged_at)?, run.status == Status::Diverged);
        let at = || row.at(self.diverged_at);
        ensure!(diverged_at.is_some() == has_diverged, "{}: it is of diverged runs, and the run is {state}", at());
        // Where an update left a parameter that is not finite, that step was taken.
        let goes_on = diverged_at.zip(run.steps).is_some_and(|(at, steps)| steps > at + 1.0);
        ensure!(!goes_on, "{}: a run that diverges takes no further step", at());
        Ok(())
    }
}

/// Minibatches of an epoch; `None` if runs differ in it.
pub(super) fn steps_per_epoch(record: &ExperimentRecord) -> Option<f64> {
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
    let host = sheet.optional_column::<Word>("host");
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
        let host = host.map(|column| row.get(column)).transpose()?.unwrap_or_default().to_owned();
        Ok(Timing { steps: timed, us_per_step, simd: row.get(simd)?.to_owned(), host, program_version })
    })
}
