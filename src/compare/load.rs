//! Reads an experiment: its plan and, from its tables, what came of every run.

use std::collections::HashMap;
use std::io::{Read, Seek};
use std::path::Path;

use anyhow::{Context, bail, ensure};
use serde_json::Value;

use super::planned::Planned;
use super::sheet::{self, Column, Number, Row, Sheet, Word};
use crate::config::file::{CompareOptions, Kind, Metric, VariantEntry};
use crate::config::settings::Arm;
use crate::config::variants::variants;
use crate::config::{Problems, Variant};
use crate::plan::RunEntry;
use crate::record::curves::{self, Arrivals};
use crate::record::experiment::ExperimentRecord;
use crate::record::layout::ExperimentFolder;
use crate::record::metrics::BEST_STEP;
use crate::record::run::Status;
use crate::record::tables;
use crate::sources::Source;

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
    /// Its score by each of [`Loaded::metrics`].
    pub scores: Vec<Option<f64>>,
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
    /// Microseconds a training step.
    pub us_per_step: Option<f64>,
    /// Instruction level.
    pub simd: String,
    /// Version of the program; empty in older tables.
    pub program_version: String,
}

/// An experiment as it is compared.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// Name of the experiment.
    pub name: String,
    /// What its configuration says of comparing.
    pub options: CompareOptions,
    /// Paths of the sweep's axes.
    pub axes: Vec<String>,
    /// The configuration with every default filled in.
    pub configuration: Value,
    /// The experiment that it is shown beside, and the keys in which they differ; `None` if it is alone, or joined with it.
    pub differs_from: Option<(String, Vec<String>)>,
    /// SHA-256 of the user's own data files, if they are known.
    pub data_sha256: Vec<String>,
    /// How the question was changed after there were results.
    pub changes: Vec<String>,
    /// Version of the program's numbers.
    pub numerics: String,
    /// Names of the arms, in the order of the configuration.
    pub variants: Vec<String>,
    /// The four arms that the switches of eq. 1 and eqs. 2 and 3 make, none with a bias: neither, only eq. 1, only
    /// γ and β, both. None if one of them is missing.
    pub corners: Option<[String; 4]>,
    /// Whether some runs share data that is the same for every seed.
    pub has_fixed_data: bool,
    /// What the runs are scored by.
    pub metrics: Vec<Metric>,
    /// Every planned run, in plan order.
    pub runs: Vec<Run>,
    /// How the runs came to the target, as far as curves.csv tells.
    pub arrivals: Arrivals,
}

/// Metrics that every table of runs has.
const IN_THE_FIRST_TABLES: [&str; 7] = [
    "train_loss",
    "train_accuracy",
    "validation_loss",
    "validation_accuracy",
    "test_loss",
    "test_accuracy",
    "best_validation_accuracy",
];

impl Loaded {
    /// Reads the record and the root tables of a folder. The order of their rows does not matter.
    ///
    /// # Errors
    /// If a file is missing or not what it should be: file, row and column are named.
    pub fn read(folder: &ExperimentFolder) -> anyhow::Result<Self> {
        let record = ExperimentRecord::read(folder)?;
        let (runs, timing) = (sheet::open(folder, tables::RUNS)?, sheet::open(folder, tables::TIMING)?);
        let mut loaded = Self::of(record, &folder.experiment_json(), runs, timing)?;
        if let Some(target) = loaded.options.target_accuracy {
            loaded.arrivals = curves::arrivals(folder, target)?;
            loaded.check_arrivals(&folder.table(tables::RUNS.file))?;
        }
        Ok(loaded)
    }

    /// Checks the times to the target of runs.csv, at `path`, against the evaluations of curves.csv.
    fn check_arrivals(&self, path: &Path) -> anyhow::Result<()> {
        for run in self.runs.iter().filter(|run| run.status == Status::Completed) {
            let id = &run.entry.id;
            let Some(step) = self.arrivals.under_running.get(id) else { continue };
            let words = |step: Option<f64>| step.map_or_else(|| "never".to_owned(), |step| format!("at step {step}"));
            let (seen, told) = (step.map(|step| step as f64), run.steps_to_target);
            ensure!(
                seen == told,
                "{}, column steps_to_target: run {id} reaches the target {}, but in curves.csv {}",
                path.display(),
                words(told),
                words(seen)
            );
        }
        Ok(())
    }

    /// The same with times to the target under batch statistics, where known; `None` if that changes nothing.
    pub fn under_batch(&self) -> Option<Self> {
        let mut other = self.clone();
        for run in &mut other.runs {
            if let Some(step) = self.arrivals.under_batch.get(&run.entry.id) {
                run.steps_to_target = step.map(|step| step as f64);
            }
        }
        Some(other).filter(|other| other.runs != self.runs)
    }

    /// Puts together what `experiment.json`, at `path`, runs.csv and timing.csv say.
    ///
    /// # Errors
    /// If they do not belong together, or a cell is not what it should be: file, row and column are named.
    pub fn of<R: Read + Seek>(
        record: ExperimentRecord,
        path: &Path,
        mut sheet: Sheet<R>,
        mut timing: Sheet<R>,
    ) -> anyhow::Result<Self> {
        let mut rows = runs(&mut sheet, &record)?;
        let mut timings = timings(&mut timing, &record)?;
        let options = record.compare_options().with_context(|| path.display().to_string())?;
        if let Some(unknown) = options.select.iter().find(|axis| !record.axes.contains(axis)) {
            bail!("{}: configuration.compare.select has {unknown:?}, which is not one of axes", path.display());
        }
        if let Some(primary) =
            options.primary.as_ref().filter(|name| !record.runs.iter().any(|run| run.variant == **name))
        {
            bail!("{}: configuration.compare.primary is {primary:?}, which is not one of the arms", path.display());
        }
        let (has_fixed_data, corners) = (has_fixed_data(&record), corners(&record.configuration));
        let numerics = record.numerics();
        let changes = record.changes()?;
        let mut runs = Vec::with_capacity(record.runs.len());
        for RunEntry { id, .. } in &record.runs {
            let Some(run) = rows.remove(id) else {
                let (path, found) = (sheet.path().display(), sheet.rows());
                bail!("{path} is cut short: none of its {found} rows is of the planned run {id}");
            };
            let run = Run { timing: timings.remove(id), ..run };
            if run.timing.is_none() && run.status.is_finished() {
                bail!("{} is cut short: it has no row of run {id}", timing.path().display());
            }
            runs.push(run);
        }
        let mut variants: Vec<String> = Vec::new();
        for run in &runs {
            if !variants.contains(&run.entry.variant) {
                variants.push(run.entry.variant.clone());
            }
        }
        let metrics = Metric::FINAL.to_vec();
        Ok(Self {
            name: record.name,
            options,
            axes: record.axes,
            configuration: record.configuration,
            differs_from: None,
            data_sha256: record.data_sha256,
            changes,
            numerics,
            variants,
            corners,
            has_fixed_data,
            metrics,
            runs,
            arrivals: Arrivals::default(),
        })
    }

    /// Index of a metric among the scores of a run; `None` if it is not there.
    pub fn column(&self, metric: Metric) -> Option<usize> {
        self.metrics.iter().position(|other| *other == metric)
    }

    /// Adds a metric that runs.csv does not have, so that arms can be compared by it; `score` gives it for each run.
    pub fn add_metric(&mut self, metric: Metric, score: impl Fn(&Run) -> Option<f64>) {
        self.metrics.push(metric);
        for run in &mut self.runs {
            let score = score(run);
            run.scores.push(score);
        }
    }
}

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
fn runs<R: Read + Seek>(sheet: &mut Sheet<R>, record: &ExperimentRecord) -> anyhow::Result<HashMap<String, Run>> {
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
            steps_to_target: row.get(steps_to_target)?,
            timing: None,
        };
        let is_completed = run.status == Status::Completed;
        if let Some(budget) = budget.filter(|budget| is_completed && run.steps != Some(*budget)) {
            bail!("{}: a completed run has all {budget} steps", row.at(steps));
        }
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

fn timings<R: Read + Seek>(sheet: &mut Sheet<R>, record: &ExperimentRecord) -> anyhow::Result<HashMap<String, Timing>> {
    let (us, simd) = (sheet.column::<Number>("us_per_step")?, sheet.column::<Word>("simd")?);
    let version = sheet.optional_column::<Word>("program_version");
    let words = ["started_at", "host", "simd", "program_version"];
    let numbers = tables::TIMING.columns.iter().filter(|name| !words.contains(name));
    let numbers: Vec<_> = numbers.filter_map(|name| Some((*name, sheet.optional_column::<Number>(name)?))).collect();
    by_run(sheet, record, |row, _| {
        numbers.iter().try_for_each(|(name, column)| checked(row, *column, name).map(drop))?;
        // A clock that stood still says nothing.
        let us_per_step: Option<f64> = row.get(us)?.filter(|us| *us > 0.0);
        let program_version = version.map(|column| row.get(column)).transpose()?.unwrap_or_default().to_owned();
        Ok(Timing { us_per_step, simd: row.get(simd)?.to_owned(), program_version })
    })
}

/// Whether any run reads its data from files, where samples and split do not depend on the seed.
fn has_fixed_data(record: &ExperimentRecord) -> bool {
    let axis = record.axes.iter().position(|axis| axis == "data.source");
    let swept = record.runs.iter().filter_map(|run| run.values.get(axis?));
    let mut sources = swept.chain([&record.configuration["data"]["source"]]);
    sources.any(|source| source.as_str().and_then(Source::named).is_some_and(|source| source.is_file()))
}

/// The arms of the 2×2 of eq. 1 and γ, β, if all are there.
pub(super) fn corners(configuration: &Value) -> Option<[String; 4]> {
    let entries: Vec<VariantEntry> = serde_json::from_value(configuration.get("variants")?.clone()).ok()?;
    let variants = variants(&entries, &mut Problems::default());
    let named = |arm: Arm| {
        let is_plain = |v: &&Variant| v.arm == arm && !v.has_bias() && v.train_only.is_none();
        variants.iter().find(is_plain).map(|variant| variant.name.clone())
    };
    Some([named(Arm::None)?, named(Arm::Standardize)?, named(Arm::Affine)?, named(Arm::Bn)?])
}
