//! The experiment of an arm in a regime: its configuration and its folder.

use std::path::Path;

use serde_json::{Value, json};

use super::evidence::Arm;
use super::regime::{Data, Schedule};
use crate::config::Experiment;
use crate::data::Store;
use crate::record::layout::ExperimentFolder;

/// Where the experiment of an arm is, below the folder of its data.
pub fn folder_of(folder: &Path, arm: &Arm) -> ExperimentFolder {
    let Arm { regime, schedule, name } = arm;
    let regime = match schedule {
        Schedule::Constant => regime.name().to_owned(),
        Schedule::Cosine => format!("{}-cosine", regime.name()),
    };
    ExperimentFolder::at(folder.join(regime).join(name))
}

/// The entry of `variants` for an arm.
pub fn entry(name: &str) -> Value {
    json!(name)
}

/// The experiment of an arm.
///
/// # Errors
/// If the data is not there.
pub fn experiment_of(arm: &Arm, data: Data, store: &Store, rates: &[f64], seeds: &[u64]) -> anyhow::Result<Experiment> {
    let Arm { regime, schedule, name } = *arm;
    let text = regime.configuration(data, schedule, name, entry(name), rates, seeds).to_string();
    Experiment::parse(&text, &[], &|data| Ok(store.facts(data)?))
}
