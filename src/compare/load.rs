//! Reads an experiment: its plan and, from its tables, what came of every run.

use std::collections::HashMap;
use std::path::Path;

use anyhow::{Context, bail, ensure};
use serde_json::Value;

use super::sheet::Sheet;
use crate::config::file::{CompareOptions, Metric, VariantEntry};
use crate::config::settings::Arm;
use crate::config::variants::variants;
use crate::config::{Problems, Variant};
use crate::plan::RunEntry;
use crate::record::experiment::ExperimentRecord;
use crate::record::layout::ExperimentFolder;
use crate::record::run::Status;
use crate::record::tables;
use crate::sources::Source;
use crate::table::Table;

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
    /// Its cell in each column that can be compared, by [`Metric::FINAL`].
    pub scores: [Option<f64>; Metric::FINAL.len()],
    /// First evaluation that reached the target.
    pub steps_to_target: Option<f64>,
    /// How it was run; none if it was not, or not timed.
    pub timing: Option<Timing>,
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
    /// Names of the arms, in the order of the configuration.
    pub variants: Vec<String>,
    /// The four arms that the switches of eq. 1 and eqs. 2 and 3 make, none with a bias: neither, only eq. 1, only
    /// γ and β, both. None if one of them is missing.
    pub corners: Option<[String; 4]>,
    /// Whether some runs share data that is the same for every seed.
    pub has_fixed_data: bool,
    /// Every planned run, in plan order.
    pub runs: Vec<Run>,
}

impl Run {
    /// Its final score in a column.
    pub fn score(&self, metric: Metric) -> Option<f64> {
        Metric::FINAL.iter().position(|column| *column == metric).and_then(|i| self.scores[i])
    }
}

impl Loaded {
    /// Reads the record and the root tables of a folder. The order of their rows does not matter.
    ///
    /// # Errors
    /// If a file is missing or not what it should be: file, row and column are named.
    pub fn read(folder: &ExperimentFolder) -> anyhow::Result<Self> {
        let record = ExperimentRecord::read(folder)?;
        let table = |table: Table| Sheet::read(&folder.table(table.file));
        Self::of(record, &folder.experiment_json(), &table(tables::RUNS)?, &table(tables::TIMING)?)
    }

    /// Puts together what `experiment.json`, at `path`, runs.csv and timing.csv say.
    ///
    /// # Errors
    /// If they do not belong together, or a cell is not what it should be: file, row and column are named.
    pub fn of(record: ExperimentRecord, path: &Path, sheet: &Sheet, timing: &Sheet) -> anyhow::Result<Self> {
        let mut rows = rows_by_id(sheet, &record)?;
        let mut timings = timings(timing, &record)?;
        let columns = Columns::of(sheet)?;
        let mut runs = Vec::with_capacity(record.runs.len());
        let options = record.compare_options().with_context(|| path.display().to_string())?;
        let (has_fixed_data, corners) = (has_fixed_data(&record), corners(&record));
        for entry in record.runs {
            let Some(row) = rows.remove(entry.id.as_str()) else {
                let (path, found) = (sheet.path().display(), sheet.rows());
                bail!("{path} is cut short: it has {found} rows, and none of the planned run {}", entry.id);
            };
            let own = timings.remove(&entry.id);
            let run = columns.run(sheet, row, entry, own)?;
            if run.timing.is_none() && matches!(run.status, Status::Completed | Status::Diverged) {
                bail!("{} is cut short: it has no row of run {}", timing.path().display(), run.entry.id);
            }
            runs.push(run);
        }
        let mut variants: Vec<String> = Vec::new();
        for run in &runs {
            if !variants.contains(&run.entry.variant) {
                variants.push(run.entry.variant.clone());
            }
        }
        Ok(Self { name: record.name, options, axes: record.axes, variants, corners, has_fixed_data, runs })
    }
}

/// The row of each planned run.
fn rows_by_id<'a>(sheet: &'a Sheet, record: &ExperimentRecord) -> anyhow::Result<HashMap<&'a str, usize>> {
    let column = sheet.column("run_id")?;
    let planned: std::collections::HashSet<&str> = record.runs.iter().map(|run| run.id.as_str()).collect();
    let mut rows = HashMap::new();
    for row in 0..sheet.rows() {
        let id = sheet.cell(row, column);
        let shown = || id.chars().take(40).collect::<String>();
        ensure!(planned.contains(id), "{}: {:?} is no run of experiment.json", sheet.at(row, column), shown());
        let earlier = rows.insert(id, row);
        ensure!(earlier.is_none(), "{}: run {id} has more than one row", sheet.at(row, column));
    }
    Ok(rows)
}

/// Where the columns of runs.csv are.
struct Columns {
    status: usize,
    reason: usize,
    /// Every column that holds numbers, so that a damaged cell is found whichever is compared.
    numbers: Vec<usize>,
    steps: usize,
    scores: [usize; Metric::FINAL.len()],
    steps_to_target: usize,
}

impl Columns {
    fn of(sheet: &Sheet) -> anyhow::Result<Self> {
        let words = ["status", "reason"];
        let numbers = tables::RUNS.columns.iter().filter(|name| !words.contains(name));
        let mut scores = [0; Metric::FINAL.len()];
        for (at, metric) in scores.iter_mut().zip(Metric::FINAL) {
            *at = sheet.column(metric.name)?;
        }
        Ok(Self {
            status: sheet.column("status")?,
            reason: sheet.column("reason")?,
            numbers: numbers.map(|name| sheet.column(name)).collect::<anyhow::Result<_>>()?,
            steps: sheet.column("steps")?,
            scores,
            steps_to_target: sheet.column("steps_to_target")?,
        })
    }

    fn run(&self, sheet: &Sheet, row: usize, entry: RunEntry, timing: Option<Timing>) -> anyhow::Result<Run> {
        for column in &self.numbers {
            sheet.number(row, *column)?;
        }
        let text = sheet.cell(row, self.status);
        let Ok(status) = serde_json::from_value::<Status>(Value::from(text)) else {
            bail!("{}: {text:?} is no status", sheet.at(row, self.status));
        };
        let mut scores = [None; Metric::FINAL.len()];
        for (score, column) in scores.iter_mut().zip(self.scores) {
            *score = sheet.number(row, column)?;
        }
        Ok(Run {
            entry,
            status,
            reason: sheet.cell(row, self.reason).to_owned(),
            steps: sheet.number(row, self.steps)?,
            scores,
            steps_to_target: sheet.number(row, self.steps_to_target)?,
            timing,
        })
    }
}

fn timings(sheet: &Sheet, record: &ExperimentRecord) -> anyhow::Result<HashMap<String, Timing>> {
    let (us, simd) = (sheet.column("us_per_step")?, sheet.column("simd")?);
    let version = sheet.optional_column("program_version");
    let timing = |(id, row): (&str, usize)| -> anyhow::Result<(String, Timing)> {
        let us_per_step = sheet.number(row, us)?;
        ensure!(us_per_step.is_none_or(|us| us > 0.0), "{}: a time must be above 0", sheet.at(row, us));
        let timing = Timing {
            us_per_step,
            simd: sheet.cell(row, simd).to_owned(),
            program_version: version.map_or_else(String::new, |column| sheet.cell(row, column).to_owned()),
        };
        Ok((id.to_owned(), timing))
    };
    rows_by_id(sheet, record)?.into_iter().map(timing).collect()
}

/// Whether any run reads its data from files, where samples and split do not depend on the seed.
fn has_fixed_data(record: &ExperimentRecord) -> bool {
    let axis = record.axes.iter().position(|axis| axis == "data.source");
    let swept = record.runs.iter().filter_map(|run| run.values.get(axis?));
    let mut sources = swept.chain([&record.configuration["data"]["source"]]);
    sources.any(|source| source.as_str().and_then(Source::named).is_some_and(|source| source.is_file()))
}

/// The arms of the 2×2 of eq. 1 and γ, β, if all are there.
fn corners(record: &ExperimentRecord) -> Option<[String; 4]> {
    let entries: Vec<VariantEntry> = serde_json::from_value(record.configuration.get("variants")?.clone()).ok()?;
    let variants = variants(&entries, &mut Problems::default());
    let named = |arm: Arm| {
        let is_plain = |v: &&Variant| v.arm == arm && !v.has_bias() && v.train_only.is_none();
        variants.iter().find(is_plain).map(|variant| variant.name.clone())
    };
    Some([named(Arm::None)?, named(Arm::Standardize)?, named(Arm::Affine)?, named(Arm::Bn)?])
}
