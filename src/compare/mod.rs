//! Which arm wins, by how much, how surely: from experiments' tables to estimates and verdicts.
//!
//! [`sheet`] reads a table, [`load`] an experiment; [`arrange`](mod@arrange) and [`grid`] place its runs, [`scores`] says
//! what each counts as; [`contrasts`], [`arms`] and [`curve`] make estimates of them by way of [`crate::stats`];
//! [`verdict`](mod@verdict) is the rule that decides, [`checks`] finds what speaks against it. All of that is one value, a
//! [`Comparison`].

pub mod arms;
pub mod arrange;
pub mod checks;
pub mod comparison;
pub mod contrasts;
pub mod curve;
pub mod grid;
pub mod load;
pub mod null;
pub mod options;
pub mod scores;
pub mod sentence;
pub mod sheet;
pub mod verdict;
pub mod warning;
pub mod words;

use crate::record::run::Status;
use crate::stats::multiple::holm;
use arrange::{Arranged, arrange, pairs};
pub use comparison::Comparison;
use contrasts::Finding;
pub use load::Loaded;
pub use options::Options;
use scores::Scores;
use warning::Missing;

/// Compares the arms of each experiment, the same contrasts in all. Holm's correction is over every contrast
/// with a p in any of them, and over the effects of switches by themselves.
///
/// An experiment that cannot be compared as asked has an error in its place; it says why.
pub fn compare(experiments: &[Loaded], options: &Options) -> Vec<anyhow::Result<Comparison>> {
    let arranged: Vec<anyhow::Result<Arranged>> = experiments.iter().map(|loaded| arrange(loaded, options)).collect();
    let pairs = pairs(arranged.iter().flatten().map(|arranged| arranged.grid.loaded), options.baseline.as_deref());
    let estimated = |arranged: &anyhow::Result<Arranged>| match arranged {
        Ok(Arranged { grid, metric, warnings }) => {
            let scores = Scores::new(grid, *metric);
            Ok(Comparison { warnings: warnings.clone(), ..estimates(&scores, &pairs, options) })
        }
        Err(error) => Err(anyhow::anyhow!("{error:#}")),
    };
    let mut comparisons: Vec<_> = arranged.iter().map(estimated).collect();
    let contrasts = conclude(&mut comparisons, |c| c.contrasts.iter_mut().map(|one| &mut one.found).collect(), options);
    let effects = conclude(&mut comparisons, |c| c.effects.iter_mut().map(|one| &mut one.found).collect(), options);
    for (comparison, arranged) in comparisons.iter_mut().zip(&arranged) {
        if let (Ok(comparison), Ok(Arranged { grid, metric, .. })) = (comparison, arranged) {
            let scores = Scores::new(grid, *metric);
            let found = checks::warnings(&scores, comparison, options, contrasts.max(effects));
            comparison.warnings.extend(found);
        }
    }
    comparisons
}

/// Everything that is estimated of one experiment; verdicts and warnings come later.
fn estimates(scores: &Scores, pairs: &[(&str, &str)], options: &Options) -> Comparison {
    let (grid, loaded) = (scores.grid, scores.grid.loaded);
    let settings = || 0..grid.settings.len();
    let at_settings =
        |pair: &(&str, &str)| settings().map(|s| contrasts::contrast(scores, s, *pair, options)).collect::<Vec<_>>();
    let axes = |axes: &[usize]| axes.iter().map(|axis| loaded.axes[*axis].clone()).collect();
    let arm = |setting: usize| loaded.variants.iter().map(move |v| arms::arm(scores, setting, v, options.confidence));
    Comparison {
        name: loaded.name.clone(),
        metric: scores.metric,
        tuned: axes(&grid.tuned),
        by: axes(&grid.by),
        equivalence_margin: scores.margin(),
        target_accuracy: loaded.options.target_accuracy,
        contrasts: pairs.iter().flat_map(at_settings).collect(),
        effects: settings().flat_map(|setting| contrasts::effects(scores, setting, options)).collect(),
        arms: settings().flat_map(arm).collect(),
        times_to_target: arms::times(grid),
        curves: settings().flat_map(|setting| curve::curves(scores, setting, options.confidence)).collect(),
        planned: loaded.runs.len(),
        missing: missing(scores),
        warnings: Vec::new(),
        has_fixed_data: loaded.has_fixed_data,
    }
}

/// The planned runs without a result.
fn missing(scores: &Scores) -> Vec<Missing> {
    let runs = (0..scores.grid.settings.len()).flat_map(|setting| scores.grid.runs(setting));
    let without = runs.filter(|grid_run| scores.score(grid_run).is_none()).map(|grid_run| grid_run.run);
    let missing = without.map(|run| {
        let has_ended = run.status == Status::Completed;
        let why = if has_ended { "without this metric" } else { run.status.name() };
        Missing { run_id: run.entry.id.clone(), why: why.to_owned() }
    });
    missing.collect()
}

/// Corrects the p of one family for its size and draws the conclusions; returns that size.
fn conclude(
    comparisons: &mut [anyhow::Result<Comparison>],
    family: impl Fn(&mut Comparison) -> Vec<&mut Finding>,
    options: &Options,
) -> usize {
    let findings: Vec<&mut Finding> = comparisons.iter_mut().flatten().flat_map(family).collect();
    let p: Vec<Option<f64>> = findings.iter().map(|found| found.p).collect();
    for (found, corrected) in findings.into_iter().zip(holm(&p)) {
        found.conclude(corrected, options.confidence);
    }
    p.iter().flatten().count()
}
