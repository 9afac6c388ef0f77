//! Whether what is found depends on the statistics under which the networks are evaluated.
//!
//! Running statistics are compared by default. After few steps, or with a small `norm.momentum`, they lag behind, and a
//! network that has learnt well scores badly. So everything is found under the other kinds as well, each tuned by its own
//! validation score, and what does not agree is said.

use super::comparison::Comparison;
use super::load::Loaded;
use super::warning::{MeanUnder, VerdictUnder, Warning};
use crate::config::file::{Kind, Metric, Statistics};

/// Differences of accuracy up to this, and of loss up to this share of it, are not said unless a verdict changes.
const SMALL: f64 = 0.005;

/// Whether any run of an experiment scores otherwise under these statistics.
pub fn differs(loaded: &Loaded, metric: Metric, statistics: Statistics) -> bool {
    let other = metric.under(statistics).and_then(|other| loaded.column(other));
    loaded.column(metric).zip(other).is_some_and(|(own, other)| {
        let mut scores = loaded.runs.iter().map(|run| (run.scores[own], run.scores[other]));
        scores.any(|(own, other)| other.is_some() && own != other)
    })
}

/// What the comparisons of one experiment under several kinds of statistics do not agree in, the first being the one
/// that is shown.
pub fn warnings(found: &[(Statistics, &Comparison)]) -> Vec<Warning> {
    let Some((_, shown)) = found.first() else { return Vec::new() };
    let mut warnings = Vec::new();
    for (i, arm) in shown.arms.iter().enumerate() {
        let under = |(statistics, comparison): &(Statistics, &Comparison)| {
            Some(MeanUnder { statistics: statistics.word(), mean: comparison.arms.get(i)?.mean? })
        };
        let means: Vec<MeanUnder> = found.iter().filter_map(under).collect();
        let depends =
            |other: &MeanUnder| arm.mean.is_some_and(|mean| is_other(shown.metric, mean, arm.interval, other.mean));
        if means.iter().any(depends) {
            let (setting, variant) = (arm.setting.clone(), arm.variant.clone());
            warnings.push(Warning::MeanDependsOnStatistics { setting, variant, metric: shown.metric, means });
        }
    }
    for (i, contrast) in shown.contrasts.iter().enumerate() {
        let under = |(statistics, comparison): &(Statistics, &Comparison)| {
            let found = &comparison.contrasts.get(i)?.found;
            Some(VerdictUnder { statistics: statistics.word(), verdict: found.verdict, difference: found.difference })
        };
        let verdicts: Vec<VerdictUnder> = found.iter().filter_map(under).collect();
        if verdicts.iter().any(|other| other.verdict != contrast.found.verdict) {
            warnings.push(Warning::VerdictDependsOnStatistics {
                setting: contrast.found.setting.clone(),
                arms: format!("{} and {}", contrast.a, contrast.b),
                metric: shown.metric,
                verdicts,
            });
        }
    }
    warnings
}

/// Whether a mean is another than the one that is shown: outside of its interval, and by more than is small.
fn is_other(metric: Metric, shown: f64, interval: Option<(f64, f64)>, other: f64) -> bool {
    let small = if metric.kind == Kind::Accuracy { SMALL } else { SMALL * shown.abs() };
    let is_outside = interval.is_none_or(|(low, high)| other < low || high < other);
    is_outside && (other - shown).abs() > small
}
