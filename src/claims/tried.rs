//! What the search for learning rates found at every rate that it tried.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::evidence::{Arm, CHANCE};
use super::experiments::folder_of;
use super::regime::{Regime, Schedule};
use crate::compare::Loaded;
use crate::files;
use crate::record::run::Status;

/// An arm at every rate that was tried.
#[derive(Debug, Clone, PartialEq)]
pub struct Tried {
    /// The arm.
    pub arm: Arm,
    /// By rate, upwards: the final validation accuracies of the seeds, upwards. A run that diverged counts as guessing.
    pub by_rate: Vec<(f64, Vec<f64>)>,
}

/// Where this is of interest: regimes in which arms bear different rates, and the arms.
const REGIMES: [Regime; 3] = [Regime::Sigmoid, Regime::Shallow, Regime::Deep10];
const ARMS: [&str; 4] = ["affine", "affine_init", "center", "bn"];

/// The folder of the runs that chose the rates for some data, in a folder of claims.
pub fn tuning_folder(out: &Path, data: &str) -> PathBuf {
    out.join("tuning").join(data)
}

/// The tuning runs of these arms in a folder; empty if rates were not searched for.
///
/// # Errors
/// If an experiment cannot be read.
pub fn tried(folder: &Path) -> anyhow::Result<Vec<Tried>> {
    let schedule = Schedule::Constant;
    let arms = REGIMES.into_iter().flat_map(|regime| ARMS.map(|name| Arm { regime, schedule, name }));
    let mut found = Vec::new();
    for arm in arms {
        let own = folder_of(folder, &arm);
        if files::look(&own.experiment_json())?.is_some() {
            found.push(Tried { arm, by_rate: by_rate(&Loaded::read(&own)?) });
        }
    }
    found.retain(|tried| !tried.by_rate.is_empty());
    Ok(found)
}

fn by_rate(loaded: &Loaded) -> Vec<(f64, Vec<f64>)> {
    let at = loaded.metrics.iter().position(|metric| metric.name == "validation_accuracy");
    let mut found: Vec<(f64, Vec<f64>)> = Vec::new();
    for run in loaded.runs.iter().filter(|run| run.status.is_finished()) {
        let score = if run.status == Status::Diverged { Some(CHANCE) } else { at.and_then(|at| run.scores[at]) };
        let (Some(rate), Some(score)) = (run.entry.values.first().and_then(Value::as_f64), score) else { continue };
        match found.iter_mut().find(|(known, _)| *known == rate) {
            Some((_, scores)) => scores.push(score),
            None => found.push((rate, vec![score])),
        }
    }
    found.iter_mut().for_each(|(_, scores)| scores.sort_by(f64::total_cmp));
    found.sort_by(|a, b| a.0.total_cmp(&b.0));
    found
}
