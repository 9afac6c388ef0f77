//! Which arm wins, by how much, how surely: from experiments' tables to estimates and verdicts.
//!
//! [`sheet`] reads a table, [`planned`] holds its rows against the plan, [`load`] reads an experiment;
//! [`arrange`](mod@arrange) and [`grid`] place its runs, [`scores`] says
//! what each counts as; [`contrasts`], [`arms`] and [`curve`] make estimates of them by way of [`crate::stats`];
//! [`verdict`](mod@verdict) is the rule that decides, [`checks`] finds what speaks against it. All of that is one value, a
//! [`Comparison`].

pub mod arms;
pub mod arrange;
pub mod checks;
pub mod comparison;
pub mod contrasts;
pub mod curve;
pub mod evaluations;
pub mod families;
pub mod grid;
pub mod joined;
pub mod kinds;
pub mod load;
pub mod null;
pub mod options;
pub mod outlook;
pub mod places;
pub mod planned;
pub mod rows;
pub mod scores;
pub mod sentence;
pub mod sheet;
pub mod verdict;
pub mod warning;
pub mod words;

use crate::config::file::{Kind, Statistics};
use crate::record::run::Status;
use arrange::{Arranged, NotThere, arrange, pairs};
pub use comparison::Comparison;
pub use load::Loaded;
pub use options::Options;
use scores::Scores;
use warning::{Missing, Warning, Why};

/// Compares the arms of each experiment, the same contrasts in all, in three families of tests ([`families`]).
///
/// An experiment that cannot be compared as asked has an error in its place; it says why.
pub fn compare(experiments: &[Loaded], options: &Options) -> Vec<anyhow::Result<Comparison>> {
    let arranged: Vec<anyhow::Result<Arranged>> = experiments.iter().map(|loaded| arrange(loaded, options)).collect();
    let pairs = pairs(arranged.iter().flatten().map(|arranged| arranged.grid.loaded), options.baseline.as_deref());
    let mut comparisons = concluded(&arranged, options, |scores| estimates(scores, &pairs, options));
    let under = under_other_statistics(&arranged, &pairs, options);
    let times = times_under_batch(experiments, &pairs, options);
    for (i, (comparison, arranged)) in comparisons.iter_mut().zip(&arranged).enumerate() {
        if let (Ok(comparison), Ok(Arranged { grid, metric, .. })) = (comparison, arranged) {
            let found = checks::warnings(&Scores::new(grid, *metric), comparison, options);
            let others = under.iter().filter_map(|(statistics, found)| Some((*statistics, found[i].as_ref().ok()?)));
            let shown = metric.statistics().map(|statistics| (statistics, &*comparison));
            let all: Vec<_> = shown.into_iter().chain(others).collect();
            let mut of_kinds = kinds::warnings(&all, grid.loaded);
            // A time, or the best of all evaluations, has no score at the end. For these, only the warning is kept that the
            // running statistics have not settled even there.
            of_kinds.retain(|warning| {
                shown.is_some() || matches!(warning, Warning::MeanDependsOnStatistics { why: Why::NotSettled, .. })
            });
            if let Some(Ok(other)) = times.get(i).filter(|_| metric.kind.is_time()) {
                let both = [(Statistics::Running, &*comparison), (Statistics::Batch, other)];
                of_kinds.splice(0..0, kinds::warnings(&both, grid.loaded));
            }
            comparison.warnings.extend(of_kinds.into_iter().chain(found));
        }
    }
    comparisons
}

/// The experiments as `estimate` finds them, with their conclusions.
fn concluded(
    arranged: &[anyhow::Result<Arranged>],
    options: &Options,
    estimate: impl Fn(&Scores) -> Comparison,
) -> Vec<anyhow::Result<Comparison>> {
    let estimated = |arranged: &anyhow::Result<Arranged>| match arranged {
        Ok(Arranged { grid, metric, warnings }) => {
            Ok(Comparison { warnings: warnings.clone(), ..estimate(&Scores::new(grid, *metric)) })
        }
        Err(error) => match error.downcast_ref::<NotThere>() {
            Some(error) => Err(error.clone().into()),
            None => Err(anyhow::anyhow!("{error:#}")),
        },
    };
    let mut comparisons: Vec<_> = arranged.iter().map(estimated).collect();
    families::conclude(&mut comparisons, options);
    comparisons
}

/// Arms and contrasts with the times to the target under batch statistics; empty if no time differs.
fn times_under_batch(
    experiments: &[Loaded],
    pairs: &[(&str, &str)],
    options: &Options,
) -> Vec<anyhow::Result<Comparison>> {
    let is_time = |loaded: &Loaded| options.metric.unwrap_or(loaded.options.metric).kind.is_time();
    if !experiments.iter().any(|loaded| is_time(loaded) && loaded.under_batch().is_some()) {
        return Vec::new();
    }
    let others: Vec<Loaded> = experiments.iter().map(|l| l.under_batch().unwrap_or_else(|| l.clone())).collect();
    let arranged: Vec<anyhow::Result<Arranged>> = others.iter().map(|loaded| arrange(loaded, options)).collect();
    let options = Options { null: false, exchanges: options.exchanges.min(kinds::EXCHANGES), ..options.clone() };
    concluded(&arranged, &options, |scores| arms_and_contrasts(scores, pairs, &options))
}

/// Arms and contrasts under the other kinds of statistics, where any run scores otherwise under them.
fn under_other_statistics(
    arranged: &[anyhow::Result<Arranged>],
    pairs: &[(&str, &str)],
    options: &Options,
) -> Vec<(Statistics, Vec<anyhow::Result<Comparison>>)> {
    let differs = |statistics: &Statistics| {
        let mut experiments = arranged.iter().flatten();
        experiments.any(|Arranged { grid, metric, .. }| kinds::differs(grid.loaded, metric.at_the_end(), *statistics))
    };
    let options = Options { null: false, exchanges: options.exchanges.min(kinds::EXCHANGES), ..options.clone() };
    let found = |statistics: Statistics| {
        let under = |scores: &Scores| {
            let metric = scores.metric.at_the_end().under(statistics).unwrap_or(scores.metric);
            arms_and_contrasts(&Scores::new(scores.grid, metric), pairs, &options)
        };
        (statistics, concluded(arranged, &options, under))
    };
    let mut others: Vec<Statistics> = Statistics::ALL.into_iter().filter(differs).collect();
    let is_of_one_kind = arranged.iter().flatten().any(|arranged| arranged.metric.statistics().is_none());
    if is_of_one_kind && !others.is_empty() && !others.contains(&Statistics::Running) {
        others.insert(0, Statistics::Running);
    }
    others.into_iter().map(found).collect()
}

/// Everything that is estimated of one experiment; verdicts and warnings come later.
fn estimates(scores: &Scores, pairs: &[(&str, &str)], options: &Options) -> Comparison {
    let settings = || 0..scores.grid.settings.len();
    Comparison {
        effects: settings().flat_map(|setting| contrasts::effects(scores, setting, options)).collect(),
        times_to_target: arms::times(scores.grid),
        curves: settings().flat_map(|setting| curve::curves(scores, setting, options.confidence)).collect(),
        missing: missing(scores),
        ..arms_and_contrasts(scores, pairs, options)
    }
}

fn arms_and_contrasts(scores: &Scores, pairs: &[(&str, &str)], options: &Options) -> Comparison {
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
        effects: Vec::new(),
        arms: settings().flat_map(arm).collect(),
        times_to_target: Vec::new(),
        curves: Vec::new(),
        planned: loaded.runs.len(),
        missing: Vec::new(),
        warnings: Vec::new(),
        has_fixed_data: loaded.has_fixed_data,
        configuration: loaded.configuration.clone(),
        numerics: loaded.numerics.clone(),
    }
}

/// The planned runs without a result.
fn missing(scores: &Scores) -> Vec<Missing> {
    let runs = (0..scores.grid.settings.len()).flat_map(|setting| scores.grid.runs(setting));
    let without = runs.filter(|grid_run| scores.score(grid_run).is_none()).map(|grid_run| grid_run.run);
    let missing = without.map(|run| {
        let why = match run.status {
            Status::Completed if scores.kind == Kind::Seconds => "too short to be timed",
            Status::Completed => "without this metric",
            status => status.name(),
        };
        Missing { run_id: run.entry.id.clone(), why: why.to_owned() }
    });
    missing.collect()
}
