//! What is compared with what: an experiment's runs placed in a grid, and pairs of arms.

use super::grid::Grid;
use super::load::Loaded;
use super::options::Options;
use super::warning::Warning;
use crate::config::experiment::{PRIMARY, is_part_of_the_question, primary_arm, usual_baseline};
use crate::config::file::Metric;
use crate::record::run::Status;

/// An experiment's runs, arranged for comparing.
pub struct Arranged<'a> {
    /// The runs.
    pub grid: Grid<'a>,
    /// What is compared.
    pub metric: Metric,
    /// Why an axis that was to be tuned over is not.
    pub warnings: Vec<Warning>,
}

/// Places an experiment's runs in a grid.
///
/// # Errors
/// If the experiment has no such arm, axis or metric.
pub fn arrange<'a>(loaded: &'a Loaded, options: &Options) -> anyhow::Result<Arranged<'a>> {
    let metric = options.metric.unwrap_or(loaded.options.metric);
    check(loaded, metric, options)?;
    let mut warnings = Vec::new();
    // Earlier programs took any axis.
    let can_be = |axis: &&String| !options.by.contains(axis) && !is_part_of_the_question(axis);
    let selected = loaded.options.select.iter().filter(can_be);
    let mut tuned: Vec<usize> = Vec::new();
    for axis in selected.filter_map(|axis| loaded.axes.iter().position(|a| a == axis)) {
        if !tuned.contains(&axis) && loaded.has_choice(axis) {
            tuned.push(axis);
        }
    }
    let has_seeds = loaded.runs.iter().any(|run| run.entry.seed != loaded.runs[0].entry.seed);
    if !tuned.is_empty() && !has_seeds {
        warnings.push(Warning::OneSeed);
        tuned.clear();
    }
    if !tuned.is_empty() && has_completed(loaded) && !is_recorded(loaded, metric.chosen_by()) {
        warnings.push(Warning::NoValidation);
        tuned.clear();
    }
    Ok(Arranged { grid: Grid::new(loaded, tuned), metric, warnings })
}

/// An arm or an axis that was asked for and that an experiment does not have.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct NotThere(String);

fn check(loaded: &Loaded, metric: Metric, options: &Options) -> anyhow::Result<()> {
    let name = &loaded.name;
    if let Some(baseline) = options.baseline.as_ref().filter(|baseline| !loaded.variants.contains(baseline)) {
        let arms = loaded.variants.join(", ");
        anyhow::bail!(NotThere(format!("baseline {baseline:?} is not an arm of {name}; it has {arms}")));
    }
    if let Some(axis) = options.by.iter().find(|axis| !loaded.axes.contains(axis)) {
        let axes = if loaded.axes.is_empty() { "none".to_owned() } else { loaded.axes.join(", ") };
        anyhow::bail!(NotThere(format!("{axis:?} is not an axis of {name}; it has {axes}")));
    }
    if metric.kind.is_time() && loaded.options.target_accuracy.is_none() {
        anyhow::bail!("{name} has no compare.target_accuracy, so there is no time to it");
    }
    if has_completed(loaded) && !is_recorded(loaded, metric) {
        anyhow::bail!("no run of {name} has a {}", metric.name);
    }
    Ok(())
}

fn has_completed(loaded: &Loaded) -> bool {
    loaded.runs.iter().any(|run| run.status == Status::Completed)
}

/// Whether any completed run has this metric. A time to a validation accuracy is recorded wherever that accuracy is, even
/// if the target is never reached.
fn is_recorded(loaded: &Loaded, metric: Metric) -> bool {
    let column = loaded.column(if metric.kind.is_time() { Metric::VALIDATION_ACCURACY } else { metric });
    let mut completed = loaded.runs.iter().filter(|run| run.status == Status::Completed);
    completed.any(|run| column.is_some_and(|column| run.scores[column].is_some()))
}

/// The arm that the others are compared with by default.
pub fn usual(loaded: &Loaded) -> Option<&str> {
    usual_baseline(&names(loaded))
}

fn names(loaded: &Loaded) -> Vec<&str> {
    loaded.variants.iter().map(String::as_str).collect()
}

/// Whether a contrast is the one that the experiment is about. Beside other experiments its direction may be reversed.
pub fn is_primary(loaded: &Loaded, (a, b): (&str, &str), options: &Options) -> bool {
    let Some(baseline) = options.baseline.as_deref().or(usual(loaded)) else { return false };
    let primary = primary_arm(&names(loaded), loaded.options.primary.as_deref(), baseline);
    primary.is_some_and(|primary| (a, b) == (primary, baseline) || (b, a) == (primary, baseline))
}

/// Whether what is compared was chosen after the runs: by another baseline, metric or level of confidence than the
/// configuration's, at each value of an axis over which it tunes, or by a configuration that was changed after runs were
/// finished.
pub fn is_exploratory(loaded: &Loaded, options: &Options) -> bool {
    let is_other = |baseline: &str| usual(loaded).is_some_and(|usual| usual != baseline);
    !loaded.changes.is_empty()
        || options.confidence != Options::default().confidence
        || options.by.iter().any(|axis| loaded.options.select.contains(axis))
        || options.baseline.as_deref().is_some_and(is_other)
        || options.metric.is_some_and(|metric| metric != loaded.options.metric)
}

/// The pairs to compare: every arm and its experiment's baseline, `bn` first.
pub fn pairs<'a>(experiments: impl Iterator<Item = &'a Loaded>, baseline: Option<&'a str>) -> Vec<(&'a str, &'a str)> {
    let mut pairs = Vec::new();
    for loaded in experiments {
        let names = || loaded.variants.iter().map(String::as_str);
        let Some(baseline) = baseline.or(usual(loaded)) else { continue };
        for pair in names().filter(|name| *name != baseline).map(|name| (name, baseline)) {
            if !pairs.contains(&pair) {
                pairs.push(pair);
            }
        }
    }
    // One experiment's `a` less `b` is another's `b` less `a`: one of them is enough, whichever came first.
    let all = pairs.clone();
    pairs.retain(|(a, b)| !all.contains(&(*b, *a)) || *a == PRIMARY || *b != PRIMARY && a < b);
    pairs.sort_by_key(|(a, _)| *a != PRIMARY);
    pairs
}
