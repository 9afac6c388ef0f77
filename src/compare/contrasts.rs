//! Estimates: one for each arm at each sweep point, and one for each pair of arms.
//!
//! A contrast is paired by seed. A diverged run counts as chance accuracy; where losses are compared
//! and a run diverged, the difference is infinite and the test is on signed ranks.

use std::collections::HashMap;

use super::load::{Ending, Loaded, Outcome};
use crate::stats::describe::{Estimate, estimate, median};
use crate::stats::permutation::{sign_flip, sign_flip_interval, signed_ranks};

/// Seeds below which an arm's mean has no interval.
const FEWEST_FOR_INTERVAL: usize = 6;

/// One arm at one sweep point.
#[derive(Debug, Clone, PartialEq)]
pub struct ArmEstimate {
    /// Index of the sweep point.
    pub point: usize,
    /// The arm.
    pub variant: String,
    /// Runs planned.
    pub planned: usize,
    /// Runs finished, diverged ones included.
    pub n: usize,
    /// Of those, diverged.
    pub diverged: usize,
    /// Mean of the metric; none if nothing is finished or a loss diverged.
    pub estimate: Option<Estimate>,
    /// Median µs a training step.
    pub us_per_step: Option<f64>,
}

/// Arm `a` less arm `b` at one sweep point, paired by seed.
#[derive(Debug, Clone, PartialEq)]
pub struct Contrast {
    /// Index of the sweep point.
    pub point: usize,
    /// The arm that is looked at.
    pub a: String,
    /// The arm it is held against.
    pub b: String,
    /// Seeds with both.
    pub n: usize,
    /// Mean difference, with the inverted sign-flip interval (Student's t beyond 20 pairs); none if a
    /// loss diverged.
    pub estimate: Option<Estimate>,
    /// Two-sided p of the sign-flip test.
    pub p: Option<f64>,
    /// Whether the test was on signed ranks, because a loss diverged.
    pub by_ranks: bool,
    /// Sign of the tested sum: positive if the metric is higher in `a`.
    pub direction: f64,
}

/// Everything that is said of an experiment.
#[derive(Debug, Clone)]
pub struct Comparison {
    /// The sweep points, in plan order, as their values on the axes.
    pub points: Vec<Vec<String>>,
    /// Point by point, arms in plan order.
    pub arms: Vec<ArmEstimate>,
    /// `bn` less baseline first, each contrast point by point.
    pub contrasts: Vec<Contrast>,
}

/// Compares the arms of an experiment.
///
/// # Errors
/// If `baseline` is given and not among the arms.
pub fn compare(loaded: &Loaded, baseline: Option<&str>, confidence: f64) -> anyhow::Result<Comparison> {
    let points = distinct(loaded.outcomes.iter().map(|o| o.point.clone()));
    let variants = distinct(loaded.outcomes.iter().map(|o| o.variant.clone()));
    let has = |name: &str| variants.iter().any(|v| v == name);
    if let Some(missing) = baseline.filter(|name| !has(name)) {
        anyhow::bail!("baseline {missing:?} is no arm of {}; it has {}", loaded.name, variants.join(", "));
    }
    let first = variants.first().map_or("", String::as_str);
    let baseline = baseline.unwrap_or(if has("affine") { "affine" } else { first });
    let mut others: Vec<&String> = variants.iter().filter(|v| *v != baseline).collect();
    others.sort_by_key(|v| *v != "bn");

    let mut comparison = Comparison { points, arms: Vec::new(), contrasts: Vec::new() };
    for (point, values) in comparison.points.iter().enumerate() {
        let here: Vec<&Outcome> = loaded.outcomes.iter().filter(|o| o.point == *values).collect();
        for variant in &variants {
            let runs: Vec<&Outcome> = here.iter().copied().filter(|o| o.variant == *variant).collect();
            comparison.arms.push(arm(loaded, point, variant, &runs, confidence));
        }
    }
    for other in &others {
        for (point, values) in comparison.points.iter().enumerate() {
            let here: Vec<&Outcome> = loaded.outcomes.iter().filter(|o| o.point == *values).collect();
            comparison.contrasts.push(contrast(loaded, point, &here, (other, baseline), confidence));
        }
    }
    Ok(comparison)
}

/// What stands for a run in means and differences: a diverged loss is infinite.
fn value(loaded: &Loaded, outcome: &Outcome) -> Option<f64> {
    match outcome.ending {
        Ending::Value(value) => Some(value),
        Ending::Diverged if loaded.more_is_better() => Some(outcome.chance),
        Ending::Diverged => Some(f64::INFINITY),
        Ending::None => None,
    }
}

fn arm(loaded: &Loaded, point: usize, variant: &str, runs: &[&Outcome], confidence: f64) -> ArmEstimate {
    let values: Vec<f64> = runs.iter().filter_map(|run| value(loaded, run)).collect();
    let diverged = runs.iter().filter(|run| run.ending == Ending::Diverged).count();
    // Student's t knows no bounds; an accuracy does.
    let within =
        |(low, high): (f64, f64)| if loaded.more_is_better() { (low.max(0.0), high.min(1.0)) } else { (low, high) };
    let times: Vec<f64> = runs.iter().filter_map(|run| run.us_per_step).collect();
    ArmEstimate {
        point,
        variant: variant.to_owned(),
        planned: runs.len(),
        n: values.len(),
        diverged,
        estimate: estimate(&values, confidence).map(|e| Estimate {
            // Few seeds, or a mixture of trained and diverged runs, are not what Student's t is for.
            interval: e.interval.filter(|_| values.len() >= FEWEST_FOR_INTERVAL && diverged == 0).map(within),
            ..e
        }),
        us_per_step: median(&times),
    }
}

fn contrast(loaded: &Loaded, point: usize, here: &[&Outcome], (a, b): (&str, &str), confidence: f64) -> Contrast {
    let of = |variant| here.iter().filter(move |o| o.variant == variant);
    let others: HashMap<u64, f64> = of(b).filter_map(|o| Some((o.seed, value(loaded, o)?))).collect();
    let pairs = of(a).filter_map(|o| Some((value(loaded, o)?, *others.get(&o.seed)?)));
    let pairs: Vec<(f64, f64)> = pairs.collect();
    let by_ranks = pairs.iter().any(|(a, b)| a.is_infinite() || b.is_infinite());
    // Both diverged: equally bad, rather than ∞ − ∞.
    let differences: Vec<f64> = pairs.iter().map(|(a, b)| if a == b { 0.0 } else { a - b }).collect();
    let tested = if by_ranks { signed_ranks(&differences) } else { differences.clone() };
    Contrast {
        point,
        a: a.to_owned(),
        b: b.to_owned(),
        n: differences.len(),
        estimate: estimate(&differences, confidence).filter(|_| !by_ranks).map(|t| match differences.len() {
            ..=20 => Estimate { interval: sign_flip_interval(&differences, confidence), ..t },
            _ => t,
        }),
        p: sign_flip(&tested),
        by_ranks,
        direction: tested.iter().sum(),
    }
}

/// The different values, in the order of their first appearance.
fn distinct<T: PartialEq>(values: impl Iterator<Item = T>) -> Vec<T> {
    values.fold(Vec::new(), |mut seen, value| {
        if !seen.contains(&value) {
            seen.push(value);
        }
        seen
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::file::Metric;

    fn loaded(metric: Metric, endings: &[(&str, u64, Ending)]) -> Loaded {
        let outcome = |(variant, seed, ending): &(&str, u64, Ending)| Outcome {
            variant: (*variant).to_owned(),
            seed: *seed,
            point: Vec::new(),
            ending: *ending,
            chance: 0.1,
            us_per_step: None,
        };
        let outcomes = endings.iter().map(outcome).collect();
        Loaded { name: "t".into(), metric, axes: Vec::new(), has_fixed_data: true, outcomes }
    }

    #[test]
    fn a_diverged_run_counts_as_chance() {
        use Ending::{Diverged, Value};
        let data = [("affine", 0, Diverged), ("affine", 1, Value(0.9)), ("bn", 0, Value(0.8)), ("bn", 1, Value(0.9))];
        let c = compare(&loaded(Metric::TestAccuracy, &data), None, 0.95).unwrap();
        assert_eq!((c.arms[0].n, c.arms[0].diverged), (2, 1));
        assert!((c.arms[0].estimate.unwrap().mean - 0.5).abs() < 1e-12);
        assert_eq!((c.contrasts[0].a.as_str(), c.contrasts[0].b.as_str()), ("bn", "affine"));
        assert!((c.contrasts[0].estimate.unwrap().mean - 0.35).abs() < 1e-12);
    }

    #[test]
    fn a_diverged_loss_is_the_worst_rank_and_no_number() {
        use Ending::{Diverged, Value};
        let data = [("affine", 0, Diverged), ("affine", 1, Value(0.3)), ("bn", 0, Value(5.0)), ("bn", 1, Value(0.2))];
        let c = &compare(&loaded(Metric::TestLoss, &data), None, 0.95).unwrap().contrasts[0];
        assert!(c.by_ranks && c.estimate.is_none());
        assert_eq!((c.p, c.direction), (Some(0.5), -3.0));
    }

    #[test]
    fn two_diverged_losses_of_a_pair_are_no_difference_of_numbers() {
        use Ending::{Diverged, Value};
        let data = [("affine", 0, Diverged), ("affine", 1, Value(0.3)), ("bn", 0, Diverged), ("bn", 1, Value(0.2))];
        let c = &compare(&loaded(Metric::TestLoss, &data), None, 0.95).unwrap().contrasts[0];
        assert!(c.by_ranks && c.estimate.is_none());
        assert_eq!((c.p, c.direction), (Some(1.0), -2.0));
    }

    #[test]
    fn unfinished_runs_are_counted_and_never_paired() {
        use Ending::{None, Value};
        let data = [("affine", 0, Value(0.5)), ("affine", 1, Value(0.5)), ("bn", 0, Value(0.6)), ("bn", 1, None)];
        let c = compare(&loaded(Metric::TestAccuracy, &data), Option::None, 0.95).unwrap();
        assert_eq!((c.arms[1].planned, c.arms[1].n, c.contrasts[0].n), (2, 1, 1));
        assert!(compare(&loaded(Metric::TestAccuracy, &data), Some("x"), 0.95).is_err());
    }
}
