//! The record of an experiment against itself: its configuration gives a plan, and its list of runs has to be that plan.

use std::cell::Cell;
use std::path::Path;

use anyhow::{anyhow, bail, ensure};
use serde_json::Value;

use super::experiment::ExperimentRecord;
use crate::config::Experiment;
use crate::config::file::DataFile;
use crate::config::problem::ConfigError;
use crate::plan::{NUMERICS_VERSION, RunEntry, entries, plan};
use crate::sources::Kind;
use crate::sources::error::DataError;
use crate::sources::facts::DataFacts;
use crate::sources::traits::FromFiles;

/// Plans the configuration again and compares. A run's id is a digest of all that decides its numbers.
///
/// What this program cannot plan again is not checked: an experiment of another version of numbers, one whose configuration
/// this program refuses, as that of a program with an arm more, and of one on the user's own files, which may not be at hand,
/// the ids and the classes. If the configuration is refused, returns why.
///
/// # Errors
/// If the record, at `path`, contradicts itself: the first difference is named.
pub fn check(record: &ExperimentRecord, path: &Path) -> anyhow::Result<Option<String>> {
    if record.numerics_version != NUMERICS_VERSION {
        return Ok(None);
    }
    let has_own_files = Cell::new(false);
    let facts = |data: &DataFile| {
        has_own_files.set(has_own_files.get() || matches!(data.source.kind(), Kind::Own(_)));
        facts(data)
    };
    let parsed = Experiment::parse(&record.configuration.to_string(), &[], &facts);
    let (experiment, planned) = match parsed.and_then(|experiment| Ok((plan(&experiment)?, experiment))) {
        Ok((planned, experiment)) => (experiment, planned),
        Err(error) => {
            let faults = error.downcast_ref::<ConfigError>().map(|ConfigError(faults)| faults);
            return Ok(Some(faults.map_or_else(|| format!("{error:#}"), |faults| faults[0].to_string())));
        }
    };
    let path = path.display();
    ensure!(experiment.name == record.name, "{path}: name is not the name in configuration, {}", experiment.name);
    let axes: Vec<&str> = experiment.axes.iter().map(|axis| axis.path.as_str()).collect();
    ensure!(axes == record.axes, "{path}: axes are not those of configuration.sweep, {axes:?}");
    let count = experiment.points.len() * experiment.variants.len() * experiment.seeds.len();
    let listed = record.runs.len();
    ensure!(count == listed, "{path}: its configuration gives {count} runs, and {listed} are listed");
    for (listed, mut planned) in record.runs.iter().zip(entries(&experiment, &planned)) {
        if has_own_files.get() {
            (planned.id, planned.classes) = (listed.id.clone(), listed.classes);
        }
        if let Some((what, listed_value, planned_value)) = difference(listed, &planned) {
            let id = &listed.id;
            bail!("{path}: run {id} has {what} {listed_value}, but the configuration gives {planned_value}");
        }
    }
    Ok(None)
}

/// Samples that a file of the user's own is taken to hold: as many as any configuration asks for.
const ENOUGH: usize = 1 << 40;

/// What is known of data without its files. Of the user's own it is made up, such that the configuration fits.
fn facts(data: &DataFile) -> anyhow::Result<DataFacts> {
    match data.source.kind() {
        Kind::Generated(source) => Ok(source.facts()),
        Kind::Published(set) => Ok(set.facts(&|| Err(DataError::Io(anyhow!("its files are not read"))))?),
        Kind::Own(_) => {
            let (training_file, test_file) = (Some(ENOUGH), Some(ENOUGH));
            Ok(DataFacts { training_file, test_file, ..DataFacts::drawings(28, 28, 10) })
        }
    }
}

/// The first entry in which two runs differ, and its two values.
fn difference(listed: &RunEntry, planned: &RunEntry) -> Option<(&'static str, String, String)> {
    let RunEntry { id, variant, seed, values, classes } = listed;
    // A record may spell a number otherwise.
    let is_same = |(a, b): (&Value, &Value)| a == b || a.as_f64().zip(b.as_f64()).is_some_and(|(a, b)| a == b);
    let are_same = values.len() == planned.values.len() && values.iter().zip(&planned.values).all(is_same);
    let text = |values: &[Value]| Value::from(values.to_vec()).to_string();
    [
        ("variant", *variant == planned.variant, variant.clone(), planned.variant.clone()),
        ("seed", *seed == planned.seed, seed.to_string(), planned.seed.to_string()),
        ("values", are_same, text(values), text(&planned.values)),
        ("classes", *classes == planned.classes, classes.to_string(), planned.classes.to_string()),
        ("id", *id == planned.id, id.clone(), planned.id.clone()),
    ]
    .into_iter()
    .find(|(_, is_same, ..)| !is_same)
    .map(|(what, _, listed, planned)| (what, listed, planned))
}
