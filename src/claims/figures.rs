//! Figures that several claims share: times to a target, accuracies, shares of a gap.

use super::decide::{Beyond, Figure, Verdict};
use super::evidence::{Evidence, Run};
use super::judging::Found;
use super::regime::Regime;

/// A gap whose interval lies within this ratio and its inverse is none.
const NO_GAP: f64 = 1.25;

/// ln of the time of each run, seed by seed.
pub fn log_times(runs: &[&Run], target: f64) -> Vec<f64> {
    runs.iter().map(|run| run.log_time(target)).collect()
}

/// The first less the second.
pub fn differences(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a - b).collect()
}

/// The mean of some differences as a figure.
pub fn mean_of(differences: &[f64]) -> Found {
    let none = (Verdict::Inconclusive, "there is nothing to judge by".to_owned());
    Figure::mean(differences).ok_or(none)
}

/// ln(T of the first arm / T of the second).
pub fn time_ratio(evidence: &Evidence, regime: Regime, runs: &[Vec<&Run>]) -> Found {
    let target = evidence.target(regime);
    let reached = |runs: &Vec<&Run>| runs.iter().any(|run| run.time_to(target).is_some());
    if !runs.iter().any(reached) {
        return Err((Verdict::Inconclusive, "no run of either arm reached the target".to_owned()));
    }
    mean_of(&differences(&log_times(&runs[0], target), &log_times(&runs[1], target)))
}

/// Accuracy of the first arm less that of the second.
pub fn accuracy_difference(runs: &[Vec<&Run>]) -> Found {
    let accuracies = |runs: &Vec<&Run>| runs.iter().map(|run| run.accuracy()).collect::<Vec<_>>();
    if runs.iter().flatten().all(|run| run.diverged) {
        return Err((Verdict::Inconclusive, "every run diverged".to_owned()));
    }
    mean_of(&differences(&accuracies(&runs[0]), &accuracies(&runs[1])))
}

/// Which share of the gap between `affine` and `bn` in ln T a third arm closes: runs of affine, bn, and that arm. First a
/// gate: there has to be a gap. `without` is the verdict where there is none.
pub fn share_of_gap(evidence: &Evidence, regime: Regime, runs: &[Vec<&Run>], without: Verdict) -> Found {
    let target = evidence.target(regime);
    let [affine, bn, arm] = [0, 1, 2].map(|i| log_times(&runs[i], target));
    let (gap, closed) = (differences(&affine, &bn), differences(&affine, &arm));
    let whole = mean_of(&gap)?;
    let shown = |x: f64| format!("{:.2}", x.exp());
    let ratio = shown(whole.estimate);
    if whole.is(Beyond::Above(-NO_GAP.ln())) && whole.is(Beyond::Below(NO_GAP.ln())) {
        return Err((without, format!("there is no gap to close: affine takes {ratio} times as long as bn")));
    }
    if whole.is(Beyond::Below(0.0)) {
        return Err((without, format!("bn has no gain here: affine takes {ratio} times as long")));
    }
    if !whole.is(Beyond::Above(0.0)) {
        let words = "these seeds do not show that there is a gap between affine and bn";
        return Err((Verdict::Inconclusive, words.to_owned()));
    }
    let is_censored = runs[0].iter().any(|run| run.time_to(target).is_none());
    let none = (Verdict::Inconclusive, "there is nothing to judge by".to_owned());
    Figure::share(&closed, &gap, is_censored).ok_or(none)
}
