//! Reads an experiment: its plan and, from its tables, what came of every run.

use std::io::{Read, Seek};
use std::path::Path;

use anyhow::{Context, bail, ensure};
use serde_json::Value;

use super::evaluations::{self, Arrivals};
use super::rows::{self, Run};
use super::sheet::{self, Sheet};
use crate::config::experiment::usual_baseline;
use crate::config::file::{CompareOptions, Metric, VariantEntry};
use crate::config::settings::Arm;
use crate::config::variants::variants;
use crate::config::{Problems, Variant};
use crate::files;
use crate::plan::RunEntry;
use crate::record::experiment::ExperimentRecord;
use crate::record::layout::ExperimentFolder;
use crate::record::replanned;
use crate::record::stamp;
use crate::record::tables;
use crate::sources::Source;

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
    /// Why its runs could not be held against its configuration; `None` if they were.
    pub not_planned: Option<String>,
    /// Tables that somebody has changed since they were written, by their paths.
    pub changed_tables: Vec<String>,
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

impl Loaded {
    /// Reads the record and the root tables of a folder. The order of their rows does not matter.
    ///
    /// # Errors
    /// If a file is missing or not what it should be: file, row and column are named.
    pub fn read(folder: &ExperimentFolder) -> anyhow::Result<Self> {
        let changed = stamp::changed(folder)?.into_iter().map(|file| folder.table(file).display().to_string());
        let changed: Vec<String> = changed.collect();
        let read = Self::checked(folder);
        let loaded = if changed.is_empty() {
            read
        } else {
            read.with_context(|| format!("somebody has changed {} since bn-exp wrote it", changed.join(", ")))
        };
        Ok(Self { changed_tables: changed, ..loaded? })
    }

    fn checked(folder: &ExperimentFolder) -> anyhow::Result<Self> {
        let record = ExperimentRecord::read(folder)?;
        let not_planned = replanned::check(&record, &folder.experiment_json())?;
        let (runs, timing) = (sheet::open(folder, tables::RUNS)?, sheet::open(folder, tables::TIMING)?);
        let loaded = Self::of(record.clone(), &folder.experiment_json(), runs, timing)?;
        let mut loaded = Self { not_planned, ..loaded };
        if files::look(&folder.table(tables::CURVES.file))?.is_some() {
            let told = folder.table(tables::RUNS.file).display().to_string();
            let mut curves = sheet::open(folder, tables::CURVES)?;
            let target = loaded.options.target_accuracy;
            loaded.arrivals = evaluations::check(&mut curves, &record, &loaded.runs, &told, target)?;
            loaded.check_arrivals(&folder.table(tables::RUNS.file))?;
        }
        Ok(loaded)
    }

    /// Checks the times to the target of runs.csv, at `path`, against the evaluations of curves.csv.
    fn check_arrivals(&self, path: &Path) -> anyhow::Result<()> {
        for run in self.runs.iter().filter(|run| run.status.is_finished()) {
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
        let mut rows = rows::runs(&mut sheet, &record)?;
        let mut timings = rows::timings(&mut timing, &record)?;
        let options = record.compare_options().with_context(|| path.display().to_string())?;
        if let Some(unknown) = options.select.iter().find(|axis| !record.axes.contains(axis)) {
            bail!("{}: configuration.compare.select has {unknown:?}, which is not one of axes", path.display());
        }
        let names: Vec<&str> = record.runs.iter().map(|run| run.variant.as_str()).collect();
        if let Some(primary) = options.primary.as_deref() {
            let at = format!("{}: configuration.compare.primary is {primary:?}", path.display());
            ensure!(names.contains(&primary), "{at}, which is not one of the arms");
            let has_others = names.iter().any(|name| *name != primary);
            ensure!(!has_others || usual_baseline(&names) != Some(primary), "{at}, which is the baseline");
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
            if let Some(timed) = run.timing.as_ref().filter(|timed| timed.steps != run.steps) {
                let (at, told) = (timing.path().display(), sheet.path().display());
                let number = |steps: Option<f64>| steps.map_or_else(|| "no".to_owned(), |steps| steps.to_string());
                let (here, there) = (number(timed.steps), number(run.steps));
                bail!("{at}, column steps: run {id} has {here} steps, but {there} in {told}");
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
            not_planned: None,
            changed_tables: Vec::new(),
            numerics,
            variants,
            corners,
            has_fixed_data,
            metrics,
            runs,
            arrivals: Arrivals::default(),
        })
    }

    /// Whether the axis at an index has several values: of one there is nothing to choose.
    pub fn has_choice(&self, axis: usize) -> bool {
        self.runs.iter().any(|run| run.entry.values[axis] != self.runs[0].entry.values[axis])
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
