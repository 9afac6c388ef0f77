//! Which arm wins, by how much, how surely: from experiments' tables to estimates and verdicts.
//!
//! [`load`] reads the tables with [`sheet`]; [`grid`] places the runs, [`scores`] says what each counts as;
//! [`contrasts`], [`arms`] and [`curve`] make estimates of them by way of [`crate::stats`]; [`verdict`] is the
//! rule that decides, [`warnings`] what speaks against it.

pub mod arms;
pub mod contrasts;
pub mod curve;
pub mod grid;
pub mod load;
pub mod scores;
pub mod sentence;
pub mod sheet;
pub mod verdict;
pub mod warnings;

use serde_json::{Map, Value};

use crate::config::file::{Kind, Metric};
use crate::record::run::Status;
use crate::stats::multiple::holm;
use arms::{ArmEstimate, TimeToTarget};
use contrasts::Contrast;
use curve::Curve;
use grid::Grid;
pub use load::Loaded;
use scores::Scores;

/// How to compare.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// By what; none for what each configuration says.
    pub metric: Option<Metric>,
    /// The arm that the others are held against; none for `affine`, or the first.
    pub baseline: Option<String>,
    /// Axes at each of whose values the arms are compared, rather than tuned over.
    pub by: Vec<String>,
    /// Confidence of the intervals, 1 − α.
    pub confidence: f64,
    /// Whether to measure the method's own false alarms.
    pub null: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { metric: None, baseline: None, by: Vec::new(), confidence: 0.95, null: false }
    }
}

/// Everything that is said of one experiment.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// Name of the experiment.
    pub name: String,
    /// What is compared.
    pub metric: Metric,
    /// Its kind.
    pub kind: Kind,
    /// Paths of the axes that each arm is tuned over.
    pub tuned: Vec<String>,
    /// Paths of the other axes.
    pub by: Vec<String>,
    /// Validation accuracy to be reached.
    pub target: Option<f64>,
    /// Differences smaller than this do not matter.
    pub margin: Option<f64>,
    /// Every setting: its values on the other axes.
    pub settings: Vec<Vec<Value>>,
    /// Every candidate: its values on the tuned axes.
    pub candidates: Vec<Vec<Value>>,
    /// `bn` less the baseline first, each at every setting.
    pub contrasts: Vec<Contrast>,
    /// What the two switches do, where the experiment has their four arms.
    pub effects: Vec<Contrast>,
    /// Setting by setting, arms in the order of the configuration.
    pub arms: Vec<ArmEstimate>,
    /// The metric over the tuned axes.
    pub curves: Vec<Curve>,
    /// Times to the target, if there is one.
    pub times: Vec<TimeToTarget>,
    /// Planned runs.
    pub planned: usize,
    /// Those without a result.
    pub missing: Vec<Missing>,
    /// Whether the data are the same for every seed.
    pub has_fixed_data: bool,
    /// What must be known before the numbers are believed.
    pub warnings: Vec<String>,
}

/// A planned run that has no result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// Which.
    pub id: String,
    /// Its status, or that it lacks the metric.
    pub why: String,
}

/// Compares the arms of each experiment, the same contrasts in all. Holm's correction is over every contrast
/// with a p in any of them, and over the effects of switches by themselves.
///
/// An experiment that cannot be compared as asked has an error in its place; it says why.
pub fn compare(experiments: &[Loaded], options: &Options) -> Vec<anyhow::Result<Comparison>> {
    let grids: Vec<anyhow::Result<(Grid, Metric, Vec<String>)>> =
        experiments.iter().map(|loaded| arrange(loaded, options)).collect();
    let pairs = pairs(grids.iter().flatten().map(|(grid, ..)| grid.loaded), options.baseline.as_deref());
    let mut comparisons: Vec<anyhow::Result<Comparison>> = Vec::new();
    for grid in &grids {
        comparisons.push(match grid {
            Ok((grid, metric, notes)) => Ok(estimates(&Scores::new(grid, *metric), &pairs, notes, options)),
            Err(error) => Err(anyhow::anyhow!("{error:#}")),
        });
    }
    let contrasts = conclude(&mut comparisons, |comparison| &mut comparison.contrasts, options);
    let effects = conclude(&mut comparisons, |comparison| &mut comparison.effects, options);
    let tests = contrasts.max(effects);
    for (comparison, grid) in comparisons.iter_mut().zip(&grids) {
        if let (Ok(comparison), Ok((grid, metric, _))) = (comparison, grid) {
            let found = warnings::warnings(&Scores::new(grid, *metric), comparison, options, tests);
            comparison.warnings.extend(found);
        }
    }
    comparisons
}

/// Places an experiment's runs as they are to be compared; the axes that cannot be tuned over are said.
fn arrange<'a>(loaded: &'a Loaded, options: &Options) -> anyhow::Result<(Grid<'a>, Metric, Vec<String>)> {
    let metric = options.metric.unwrap_or(loaded.options.metric);
    let name = &loaded.name;
    if let Some(baseline) = options.baseline.as_ref().filter(|baseline| !loaded.variants.contains(baseline)) {
        anyhow::bail!("baseline {baseline:?} is no arm of {name}; it has {}", loaded.variants.join(", "));
    }
    if let Some(axis) = options.by.iter().find(|axis| !loaded.axes.contains(axis)) {
        let axes = if loaded.axes.is_empty() { "none".to_owned() } else { loaded.axes.join(", ") };
        anyhow::bail!("{axis:?} is no axis of {name}; it has {axes}");
    }
    if metric.kind.is_time() && loaded.options.target_accuracy.is_none() {
        anyhow::bail!("{name} has no compare.target_accuracy, so there is no time to it");
    }
    let completed = || loaded.runs.iter().filter(|run| run.status == Status::Completed);
    // A time to a validation accuracy is recorded where that accuracy is, also if it is never reached.
    let column = |metric: Metric| if metric.kind.is_time() { Metric::VALIDATION_ACCURACY } else { metric };
    let is_recorded = |metric: Metric| completed().any(|run| run.score(column(metric)).is_some());
    if completed().next().is_some() && !is_recorded(metric) {
        anyhow::bail!("no run of {name} has a {}", metric.name);
    }
    let mut notes = Vec::new();
    let selected = loaded.options.select.iter().filter(|axis| !options.by.contains(axis));
    let mut tuned: Vec<usize> = Vec::new();
    for axis in selected.filter_map(|axis| loaded.axes.iter().position(|a| a == axis)) {
        if !tuned.contains(&axis) {
            tuned.push(axis);
        }
    }
    let has_seeds = loaded.runs.iter().any(|run| run.entry.seed != loaded.runs[0].entry.seed);
    if !tuned.is_empty() && !has_seeds {
        notes.push("One seed: there is no other to tune by.".to_owned());
        tuned.clear();
    }
    if !tuned.is_empty() && completed().next().is_some() && !is_recorded(metric.chosen_by()) {
        notes.push("There is no validation split to tune by.".to_owned());
        tuned.clear();
    }
    Ok((Grid::new(loaded, tuned), metric, notes))
}

/// What is held against what: every arm against its experiment's baseline, `bn` first.
fn pairs<'a>(experiments: impl Iterator<Item = &'a Loaded>, baseline: Option<&'a str>) -> Vec<(&'a str, &'a str)> {
    let mut pairs = Vec::new();
    for loaded in experiments {
        let names = || loaded.variants.iter().map(String::as_str);
        let usual = names().find(|name| *name == "affine").or(names().next());
        let Some(baseline) = baseline.or(usual) else { continue };
        for pair in names().filter(|name| *name != baseline).map(|name| (name, baseline)) {
            if !pairs.contains(&pair) {
                pairs.push(pair);
            }
        }
    }
    // One experiment's `a` less `b` is another's `b` less `a`: one of them is enough, whichever came first.
    let all = pairs.clone();
    pairs.retain(|(a, b)| !all.contains(&(*b, *a)) || *a == "bn" || *b != "bn" && a < b);
    pairs.sort_by_key(|(a, _)| *a != "bn");
    pairs
}

fn estimates(scores: &Scores, pairs: &[(&str, &str)], notes: &[String], options: &Options) -> Comparison {
    let (grid, loaded) = (scores.grid, scores.grid.loaded);
    let settings = || 0..grid.settings.len();
    let at_settings =
        |pair: &(&str, &str)| settings().map(|s| contrasts::contrast(scores, s, *pair, options)).collect::<Vec<_>>();
    let axes = |axes: &[usize]| axes.iter().map(|axis| loaded.axes[*axis].clone()).collect();
    let arm = |setting: usize| loaded.variants.iter().map(move |v| arms::arm(scores, setting, v, options.confidence));
    let mut missing = Vec::new();
    for placed in settings().flat_map(|setting| grid.runs(setting)) {
        if scores.score(placed).is_none() {
            let has_ended = placed.run.status == Status::Completed;
            let why = if has_ended { "without this metric" } else { placed.run.status.name() };
            missing.push(Missing { id: placed.run.entry.id.clone(), why: why.to_owned() });
        }
    }
    Comparison {
        name: loaded.name.clone(),
        metric: scores.metric,
        kind: scores.kind,
        tuned: axes(&grid.tuned),
        by: axes(&grid.by),
        target: loaded.options.target_accuracy,
        margin: scores.margin(),
        settings: grid.settings.clone(),
        candidates: grid.candidates.clone(),
        contrasts: pairs.iter().flat_map(at_settings).collect(),
        effects: settings().flat_map(|setting| contrasts::effects(scores, setting, options)).collect(),
        arms: settings().flat_map(arm).collect(),
        curves: settings().flat_map(|setting| curve::curves(scores, setting, options.confidence)).collect(),
        times: settings().flat_map(|setting| arms::times(grid, setting)).collect(),
        planned: loaded.runs.len(),
        missing,
        has_fixed_data: loaded.has_fixed_data,
        warnings: notes.to_vec(),
    }
}

/// Corrects the p of one family for its size and draws the conclusions; returns that size.
fn conclude(
    comparisons: &mut [anyhow::Result<Comparison>],
    family: impl Fn(&mut Comparison) -> &mut Vec<Contrast>,
    options: &Options,
) -> usize {
    let p: Vec<Option<f64>> =
        comparisons.iter_mut().flatten().flat_map(|c| family(c).iter().map(|contrast| contrast.p)).collect();
    let mut corrected = holm(&p).into_iter();
    for comparison in comparisons.iter_mut().flatten() {
        for contrast in family(comparison) {
            contrast.conclude(corrected.next().flatten(), options.confidence);
        }
    }
    p.iter().flatten().count()
}

/// p to four places; below that, its order of magnitude.
pub fn p_value(p: f64) -> String {
    if p < 1e-4 { format!("{p:.0e}") } else { format!("{p:.4}") }
}

/// An object of axes and values.
pub fn named_values(axes: &[String], values: &[Value]) -> Map<String, Value> {
    axes.iter().cloned().zip(values.iter().cloned()).collect()
}
