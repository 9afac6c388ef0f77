//! Reads the tables of an experiment into what claims are judged by.

use std::collections::BTreeMap;

use anyhow::Context;
use serde_json::Value;

use super::evidence::{ByRate, Drift, Run};
use crate::compare::Loaded;
use crate::compare::sheet::{self as table, Number, Word};
use crate::files;
use crate::nn::stages::Site;
use crate::record::layout::ExperimentFolder;
use crate::record::run::Status;
use crate::record::tables;
use crate::table::Row;

/// The finished runs at these rates with these seeds, and the seconds of computing that they took.
///
/// # Errors
/// If a table is missing or damaged.
pub fn read(
    folder: &ExperimentFolder,
    budget: usize,
    rates: &[f64],
    seeds: &[u64],
    with_activations: bool,
) -> anyhow::Result<(ByRate, f64)> {
    let loaded = Loaded::read(folder)?;
    let column = |name: &str| loaded.metrics.iter().position(|metric| metric.name == name);
    let [test, validation, train] =
        ["test_accuracy_population", "validation_accuracy_population", "train_accuracy_population"].map(column);
    let mut runs: BTreeMap<String, Run> = BTreeMap::new();
    for run in loaded.runs.iter().filter(|run| run.status.is_finished() && seeds.contains(&run.entry.seed)) {
        let Some(rate) = run.entry.values.first().and_then(Value::as_f64).filter(|rate| rates.contains(rate)) else {
            continue;
        };
        let found = Run {
            seed: run.entry.seed,
            rate,
            budget,
            diverged: run.status == Status::Diverged,
            test_accuracy: test.and_then(|at| run.scores[at]),
            validation_accuracy: validation.and_then(|at| run.scores[at]),
            train_accuracy: train.and_then(|at| run.scores[at]),
            ..Run::default()
        };
        runs.insert(run.entry.id.clone(), found);
    }
    curves(folder, &mut runs)?;
    if with_activations {
        activations(folder, &mut runs)?;
    }
    let seconds = seconds(folder, &runs)?;
    let mut by_rate = ByRate::new();
    for run in runs.into_values() {
        by_rate.entry(run.rate.to_bits()).or_default().push(run);
    }
    by_rate.values_mut().for_each(|runs| runs.sort_by_key(|run| run.seed));
    Ok((by_rate, seconds))
}

fn curves(folder: &ExperimentFolder, runs: &mut BTreeMap<String, Run>) -> anyhow::Result<()> {
    let mut sheet = table::open(folder, tables::CURVES)?;
    let [id, split, mode] = [sheet.column::<Word>("run_id")?, sheet.column("split")?, sheet.column("mode")?];
    let [step, accuracy] = [sheet.column::<Number>("step")?, sheet.column("accuracy")?];
    while let Some(row) = sheet.next_row()? {
        let Some(run) = runs.get_mut(row.get(id)?) else { continue };
        let (Some(step), "running_stats") = (row.get(step)?, row.get(mode)?) else { continue };
        match (row.get(split)?, row.get(accuracy)?) {
            ("train", Some(accuracy)) => run.learning.push((step as usize, accuracy)),
            ("validation", Some(accuracy)) => run.validation.push((step as usize, accuracy)),
            _ => {}
        }
    }
    Ok(())
}

/// The first and the last look at each channel that enters and leaves a norm.
fn activations(folder: &ExperimentFolder, runs: &mut BTreeMap<String, Run>) -> anyhow::Result<()> {
    let activations = crate::probe::activations::ActivationRow::TABLE;
    if files::look(&folder.table(activations.file))?.is_none() {
        return Ok(());
    }
    let mut sheet = table::open(folder, activations)?;
    let [id, site, channel] = [sheet.column::<Word>("run_id")?, sheet.column("site")?, sheet.column("channel")?];
    let [step, block, mean, std] =
        [sheet.column::<Number>("step")?, sheet.column("block")?, sheet.column("mean")?, sheet.column("std")?];
    while let Some(row) = sheet.next_row()? {
        let Some(run) = runs.get_mut(row.get(id)?) else { continue };
        let site = match row.get(site)? {
            "norm_input" => Site::NormInput,
            "norm_output" => Site::NormOutput,
            _ => continue,
        };
        if row.get(channel)? == "all" {
            continue;
        }
        let (Some(step), Some(block), Some(mean), Some(std)) =
            (row.get(step)?, row.get(block)?, row.get(mean)?, row.get(std)?)
        else {
            continue;
        };
        let channel: usize = row.get(channel)?.parse().with_context(|| row.at(channel))?;
        let block = block as usize;
        if step == 0.0 {
            run.drift.push(Drift { site, block, before: [mean, std], after: [f64::NAN; 2] });
        } else if let Some(drift) = run.drift.iter_mut().filter(|d| (d.site, d.block) == (site, block)).nth(channel) {
            drift.after = [mean, std];
        }
    }
    Ok(())
}

/// Seconds of computing that runs took.
fn seconds(folder: &ExperimentFolder, runs: &BTreeMap<String, Run>) -> anyhow::Result<f64> {
    let mut sheet = table::open(folder, tables::TIMING)?;
    let id = sheet.column::<Word>("run_id")?;
    let columns = ["train_seconds", "evaluate_seconds", "probe_seconds"];
    let columns = columns.into_iter().map(|name| sheet.column::<Number>(name)).collect::<anyhow::Result<Vec<_>>>()?;
    let mut total = 0.0;
    while let Some(row) = sheet.next_row()? {
        if runs.contains_key(row.get(id)?) {
            for column in &columns {
                total += row.get(*column)?.unwrap_or_default();
            }
        }
    }
    Ok(total)
}
