//! Reads an experiment's tables: one outcome a run.

use std::collections::HashMap;

use anyhow::Context;

use crate::config::file::Metric;
use crate::config::resolve::serde_name;
use crate::files;
use crate::record::experiment::ExperimentRecord;
use crate::record::layout::ExperimentFolder;
use crate::record::tables;

/// What came of one run.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Name of its variant.
    pub variant: String,
    /// Its seed.
    pub seed: u64,
    /// Its value on each axis, as in the tables.
    pub point: Vec<String>,
    /// How it ended.
    pub ending: Ending,
    /// Accuracy of guessing.
    pub chance: f64,
    /// Microseconds a training step.
    pub us_per_step: Option<f64>,
}

/// How a run ended, as far as a comparison goes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Ending {
    /// With this value of the metric.
    Value(f64),
    /// Diverged: chance accuracy, the worst loss.
    Diverged,
    /// Not at all, or without a value.
    None,
}

/// An experiment's outcomes.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// Name of the experiment.
    pub name: String,
    /// The column that is compared.
    pub metric: Metric,
    /// Paths of the axes.
    pub axes: Vec<String>,
    /// Whether some runs share data that is the same for every seed.
    pub has_fixed_data: bool,
    /// One a planned run, in plan order.
    pub outcomes: Vec<Outcome>,
}

impl Loaded {
    /// Reads the record and the root tables of a folder.
    ///
    /// # Errors
    /// If a file is missing or not what it should be: file, row and column are named.
    pub fn read(folder: &ExperimentFolder, metric: Option<Metric>) -> anyhow::Result<Self> {
        let record = ExperimentRecord::read(folder)?;
        let metric = metric.unwrap_or_else(|| record.compare_options().metric);
        let timing = timings(folder)?;
        let path = folder.table(tables::RUNS.file);
        let bytes = files::read(&path)?;
        let mut reader = csv::Reader::from_reader(bytes.as_slice());
        let headers = reader.headers().with_context(|| format!("{} is damaged", path.display()))?.clone();
        let column = |name: &str| {
            let index = headers.iter().position(|header| header == name);
            index.with_context(|| format!("{} has no column {name}", path.display()))
        };
        let axes = record.axes.iter().map(|axis| column(axis)).collect::<anyhow::Result<Vec<_>>>()?;
        let (id, variant, seed) = (column("run_id")?, column("variant")?, column("seed")?);
        let metric_name = serde_name(&metric);
        let (status, value) = (column("status")?, column(&metric_name)?);
        let classes: HashMap<&str, usize> = record.runs.iter().map(|run| (run.id.as_str(), run.classes)).collect();
        let mut outcomes = Vec::new();
        for (i, row) in reader.records().enumerate() {
            let at = |name: &str| format!("{}, row {}, column {name}", path.display(), i + 2);
            let row = row.with_context(|| format!("{} is damaged in row {}", path.display(), i + 2))?;
            let ending = match (&row[status], &row[value]) {
                ("diverged", _) => Ending::Diverged,
                ("completed", "") => Ending::None,
                ("completed", text) => {
                    let value = text.parse::<f64>().ok().filter(|v| v.is_finite());
                    Ending::Value(value.with_context(|| format!("{}: {text:?} is no number", at(&metric_name)))?)
                }
                _ => Ending::None,
            };
            outcomes.push(Outcome {
                variant: row[variant].to_owned(),
                seed: row[seed].parse().with_context(|| format!("{}: {:?} is no seed", at("seed"), &row[seed]))?,
                point: axes.iter().map(|axis| row[*axis].to_owned()).collect(),
                ending,
                chance: classes.get(&row[id]).map_or(0.0, |classes| 1.0 / *classes as f64),
                us_per_step: timing.get(&row[id]).copied(),
            });
        }
        let has_fixed_data = has_fixed_data(&record);
        Ok(Self { name: record.name, metric, axes: record.axes, has_fixed_data, outcomes })
    }

    /// Whether more is better.
    pub fn more_is_better(&self) -> bool {
        is_accuracy(self.metric)
    }
}

/// Whether a metric is an accuracy rather than a loss.
pub fn is_accuracy(metric: Metric) -> bool {
    !matches!(metric, Metric::TrainLoss | Metric::ValidationLoss | Metric::TestLoss)
}

/// Whether any run reads its data from files, where samples and split do not depend on the seed.
fn has_fixed_data(record: &ExperimentRecord) -> bool {
    let axis = record.axes.iter().position(|axis| axis == "data.source");
    let swept = record.runs.iter().filter_map(|run| run.values.get(axis?));
    let mut sources = swept.chain([&record.configuration["data"]["source"]]);
    sources.any(|source| source == "mnist" || source == "idx")
}

/// µs a step of each run that has been timed.
fn timings(folder: &ExperimentFolder) -> anyhow::Result<HashMap<String, f64>> {
    let path = folder.table(tables::TIMING.file);
    let bytes = files::read(&path)?;
    let mut reader = csv::Reader::from_reader(bytes.as_slice());
    let headers = reader.headers().with_context(|| format!("{} is damaged", path.display()))?.clone();
    let column = |name: &str| headers.iter().position(|header| header == name);
    let (Some(id), Some(us)) = (column("run_id"), column("us_per_step")) else {
        anyhow::bail!("{} has no column run_id or us_per_step", path.display());
    };
    let mut timings = HashMap::new();
    for row in reader.records() {
        let row = row.with_context(|| format!("{} is damaged", path.display()))?;
        if let Ok(us) = row[us].parse() {
            timings.insert(row[id].to_owned(), us);
        }
    }
    Ok(timings)
}
