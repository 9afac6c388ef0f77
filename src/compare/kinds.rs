//! Whether what is found depends on the statistics under which the networks are evaluated.
//!
//! Running statistics are compared by default. After few steps, or with a small `norm.momentum`, they lag behind, and a
//! network that has learnt well scores badly. So arms and contrasts are found under the other kinds as well, each tuned by
//! its own validation score, and disagreements are reported. If running and population statistics agree, the running ones
//! have settled.

use super::arms::ArmEstimate;
use super::comparison::Comparison;
use super::load::Loaded;
use super::warning::{MeanUnder, VerdictUnder, Warning, Why};
use crate::config::file::{Kind, Metric, Source, Statistics};

/// Differences of accuracy up to this, and of loss up to this share of it, are not reported unless a verdict changes.
const SMALL: f64 = 0.005;
/// What a network gains, as an accuracy or as a share of a loss, beyond what its own batches tell of a sample's data.
const FAR: f64 = 0.05;

/// Most exchanges that the tests under other statistics try: enough to see that a verdict differs, and a small part of what
/// the comparison itself takes.
pub const EXCHANGES: usize = 1 << 14;

/// Whether any run of an experiment has another score under these statistics.
pub fn differs(loaded: &Loaded, metric: Metric, statistics: Statistics) -> bool {
    let other = metric.under(statistics).and_then(|other| loaded.column(other));
    loaded.column(metric).zip(other).is_some_and(|(own, other)| {
        let mut scores = loaded.runs.iter().map(|run| (run.scores[own], run.scores[other]));
        scores.any(|(own, other)| other.is_some() && own != other)
    })
}

/// Where the comparisons of one experiment under several kinds of statistics disagree. The first is the one that is shown.
pub fn warnings(found: &[(Statistics, &Comparison)], loaded: &Loaded) -> Vec<Warning> {
    let Some((_, shown)) = found.first() else { return Vec::new() };
    let small = small(loaded, shown.metric.at_the_end());
    let means = (0..shown.arms.len()).filter_map(|i| mean_depends(found, small, i));
    means.chain((0..shown.contrasts.len()).filter_map(|i| verdict_depends(found, small, i))).collect()
}

/// The difference of accuracy, or the share of a loss, that is small: an accuracy has a step of one sample, and a mean that
/// is one step away tells nothing.
fn small(loaded: &Loaded, metric: Metric) -> f64 {
    let Source::End(part, _) = metric.source else { return SMALL };
    let samples = loaded.configuration["data"][part.name()].as_f64().filter(|samples| *samples > 0.0);
    match samples {
        // A little more, as means are rounded.
        Some(samples) if metric.kind == Kind::Accuracy => SMALL.max((1.0 + 1e-9) / samples),
        _ => SMALL,
    }
}

/// The `i`-th arm, if its mean differs under other statistics.
fn mean_depends(found: &[(Statistics, &Comparison)], small: f64, i: usize) -> Option<Warning> {
    let (_, shown) = found.first()?;
    let (arm, metric) = (&shown.arms[i], shown.metric);
    let mean = arm.mean?;
    let under = |(statistics, comparison): &(Statistics, &Comparison)| {
        Some(MeanUnder { statistics: statistics.word(), mean: comparison.arms[i].mean? })
    };
    let means: Vec<MeanUnder> = found.iter().filter_map(under).collect();
    let is_outside = |other: f64| arm.interval.is_none_or(|(low, high)| other < low || high < other);
    if !means.iter().any(|other| is_outside(other.mean) && is_large(metric, small, [mean, other.mean])) {
        return None;
    }
    let why = why(found, small, i);
    let (setting, variant) = (arm.setting.clone(), arm.variant.clone());
    Some(Warning::MeanDependsOnStatistics { setting, variant, metric, means, why })
}

/// The `i`-th contrast, if its verdict differs under other statistics.
fn verdict_depends(found: &[(Statistics, &Comparison)], small: f64, i: usize) -> Option<Warning> {
    let (_, shown) = found.first()?;
    let contrast = &shown.contrasts[i];
    let under = |(statistics, comparison): &(Statistics, &Comparison)| {
        let found = &comparison.contrasts[i].found;
        VerdictUnder { statistics: statistics.word(), verdict: found.verdict, difference: found.difference }
    };
    let verdicts: Vec<VerdictUnder> = found.iter().map(under).collect();
    if verdicts.iter().all(|other| other.verdict == contrast.found.verdict) {
        return None;
    }
    let is_its =
        |arm: &ArmEstimate| arm.setting == contrast.found.setting && [&contrast.a, &contrast.b].contains(&&arm.variant);
    let own = (0..shown.arms.len()).filter(|arm| is_its(&shown.arms[*arm]));
    let why = own.map(|arm| why(found, small, arm)).max().unwrap_or(Why::RoughBatches);
    let (setting, of) = (contrast.found.setting.clone(), vec![contrast.a.clone(), contrast.b.clone()]);
    Some(Warning::VerdictDependsOnStatistics { setting, of, metric: shown.metric, verdicts, why })
}

/// Why the `i`-th arm's means differ. Its running statistics have settled if those of the population give the same mean.
fn why(found: &[(Statistics, &Comparison)], small: f64, i: usize) -> Why {
    let of = |kind: Statistics| {
        let (_, comparison) = found.iter().find(|(statistics, _)| *statistics == kind)?;
        Some((comparison.metric, comparison.arms[i].mean?))
    };
    let running = of(Statistics::Running);
    if running.zip(of(Statistics::Population)).is_some_and(|((metric, a), (_, b))| is_large(metric, small, [a, b])) {
        return Why::NotSettled;
    }
    let is_far_better = |((metric, running), (_, batch)): ((Metric, f64), (Metric, f64))| {
        let far = if metric.kind == Kind::Accuracy { FAR } else { FAR * running.abs() };
        metric.name.starts_with("test") && metric.kind.sign() * (batch - running) > far
    };
    if running.zip(of(Statistics::Batch)).is_some_and(is_far_better) { Why::OtherData } else { Why::RoughBatches }
}

/// Whether two means differ by more than is small.
fn is_large(metric: Metric, small: f64, [shown, other]: [f64; 2]) -> bool {
    let small = if metric.kind == Kind::Accuracy { small } else { small * shown.abs() };
    (other - shown).abs() > small
}
