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

/// The entry of `variants` for an arm. An arm that the program has under another name is written out.
pub fn entry(name: &str) -> Value {
    let refresh = |every: usize, keep: &str| json!({ "name": name, "base": "refresh", "every": every, "keep": keep });
    match name {
        "gamma_0" => json!({ "name": name, "base": "affine", "gamma": 0.0 }),
        "refresh_1" => refresh(1, "function"),
        "refresh_10" => refresh(10, "function"),
        "jumping_10" => refresh(10, "parameters"),
        "ghost_64" => json!({ "name": name, "base": "ghost", "batch": 64 }),
        "ghost_8" => json!({ "name": name, "base": "ghost", "batch": 8 }),
        "frozen_pool" => json!({ "name": name, "base": "frozen" }),
        "affine_spread" => {
            json!({ "name": name, "base": "affine", "scale_rows": { "share": 1.0, "spread": 10.0 } })
        }
        "affine_50" => json!({ "name": name, "base": "affine" }),
        "affine_small" => json!({ "name": name, "base": "affine", "scale_rows": { "share": 0.5, "factor": 0.1 } }),
        _ => json!(name),
    }
}

/// What an arm changes in the configuration beside its entry: where its norms stand, or its width.
fn change(name: &str, configuration: &mut Value) {
    match name {
        "frozen_pool" => configuration["model"]["norm_position"] = json!("after_pool"),
        "affine_50" => configuration["model"]["hidden"] = json!([50, 50, 50]),
        _ => {}
    }
}

/// The same in words, to stand behind what the entry says; empty if it changes nothing.
pub fn change_in_words(name: &str) -> &'static str {
    match name {
        "frozen_pool" => ", behind the pools",
        "affine_50" => ", in layers of 50 units",
        _ => "",
    }
}

/// The experiment of an arm.
///
/// # Errors
/// If the data is not there.
pub fn experiment_of(arm: &Arm, data: Data, store: &Store, rates: &[f64], seeds: &[u64]) -> anyhow::Result<Experiment> {
    let Arm { regime, schedule, name } = *arm;
    let mut configuration = regime.configuration(data, schedule, name, entry(name), rates, seeds);
    change(name, &mut configuration);
    Experiment::parse(&configuration.to_string(), &[], &|data| Ok(store.facts(data)?))
}
