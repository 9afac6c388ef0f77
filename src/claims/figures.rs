//! Figures that several claims share: times to a target, accuracies, shares of a gap.

use super::decide::{Beyond, Bound, Figure, Verdict};
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
    let (lost, all) = (differences.iter().filter(|x| !x.is_finite()).count(), differences.len());
    let words = match lost {
        0 => "there is nothing to judge by".to_owned(),
        _ => format!("{lost} of {all} seeds came to nothing, as where a run diverges, and no mean leaves one out"),
    };
    Figure::mean(differences).ok_or((Verdict::Inconclusive, words))
}

/// ln(T of the first arm / T of the second). Where runs are cut off it is a bound.
pub fn time_ratio(evidence: &Evidence, regime: Regime, runs: &[Vec<&Run>]) -> Found {
    scaled_time_ratio(evidence, regime, runs, &[0.0])
}

/// The same and the logarithm of a factor of its own for each seed; where there are fewer, they begin again.
pub fn scaled_time_ratio(evidence: &Evidence, regime: Regime, runs: &[Vec<&Run>], factors: &[f64]) -> Found {
    let target = evidence.target(regime);
    let reached = |runs: &Vec<&Run>| runs.iter().any(|run| run.time_to(target).is_some());
    if !runs.iter().any(reached) {
        return Err((Verdict::Inconclusive, "no run of either arm reached the target".to_owned()));
    }
    let steps = differences(&log_times(&runs[0], target), &log_times(&runs[1], target));
    let scaled: Vec<f64> = steps.iter().zip(factors.iter().cycle()).map(|(steps, factor)| steps + factor).collect();
    let is_cut_off = |i: usize| runs[i].iter().any(|run| run.time_to(target).is_none());
    Ok(mean_of(&scaled)?.bounded(Bound::of_ratio([0, 1].map(is_cut_off))))
}

/// Accuracy of the first arm less that of the second.
pub fn accuracy_difference(runs: &[Vec<&Run>]) -> Found {
    let accuracies = |runs: &Vec<&Run>| runs.iter().map(|run| run.accuracy()).collect::<Vec<_>>();
    if runs.iter().flatten().all(|run| run.diverged) {
        return Err((Verdict::Inconclusive, "every run diverged".to_owned()));
    }
    mean_of(&differences(&accuracies(&runs[0]), &accuracies(&runs[1])))
}

/// The gap between `affine` and `bn` in ln T, seed by seed, if there is one: runs of affine and of bn first. `without` is the
/// verdict where there is none.
pub fn gap(
    evidence: &Evidence,
    regime: Regime,
    runs: &[Vec<&Run>],
    without: Verdict,
) -> Result<Vec<f64>, (Verdict, String)> {
    let target = evidence.target(regime);
    let gap = differences(&log_times(&runs[0], target), &log_times(&runs[1], target));
    let whole = mean_of(&gap)?;
    let ratio = format!("{:.2}", whole.estimate.exp());
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
    Ok(gap)
}

/// Which share of that gap a third arm closes, whose runs are the third.
pub fn share_of_gap(evidence: &Evidence, regime: Regime, runs: &[Vec<&Run>], without: Verdict) -> Found {
    let gap = gap(evidence, regime, runs, without)?;
    let target = evidence.target(regime);
    let closed = differences(&log_times(&runs[0], target), &log_times(&runs[2], target));
    let is_cut_off = |i: usize| runs[i].iter().any(|run| run.time_to(target).is_none());
    let none = (Verdict::Inconclusive, "there is nothing to judge by".to_owned());
    Figure::share(&closed, &gap, Bound::of([0, 1, 2].map(is_cut_off))).ok_or(none)
}

#[cfg(test)]
mod tests {
    use super::super::decide::{Criterion, Unit};
    use super::super::rates::Tuned;
    use super::super::regime::Schedule;
    use super::*;

    /// Runs that reach the target after so many steps, give or take a few; with a budget of 500.
    fn runs(time: usize, spread: usize) -> Vec<Run> {
        let run = |seed: usize| {
            let reached = time + spread * (seed % 4);
            let validation = (0..5).map(|i| (reached + i - 4, 1.0)).collect();
            let validation = if reached < 500 { validation } else { Vec::new() };
            Run { seed: seed as u64, budget: 500, validation, ..Run::default() }
        };
        (0..12).map(run).collect()
    }

    fn found(affine: &[Run], bn: &[Run], arm: &[Run]) -> Found {
        let mut evidence = Evidence::default();
        let tuned = Tuned { target: Some(0.9), ..Tuned::default() };
        evidence.rates.0.entry(Regime::Shallow).or_default().insert(Schedule::Constant, tuned);
        let runs = [affine, bn, arm].map(|runs| runs.iter().collect());
        share_of_gap(&evidence, Regime::Shallow, &runs, Verdict::Fails)
    }

    #[test]
    fn no_mean_leaves_out_a_seed_that_came_to_nothing() {
        let why = |differences: &[f64]| mean_of(differences).map(|figure| figure.estimate).expect_err("no mean").1;
        let all = [0.1, 0.2, 0.1, 0.3, 0.2, 0.1];
        assert!((mean_of(&all).expect("a mean").estimate - 1.0 / 6.0).abs() < 1e-12);
        let [mut one, mut two] = [all, all];
        one[3] = f64::INFINITY;
        (two[0], two[5]) = (f64::NAN, f64::NEG_INFINITY);
        assert!(why(&one).starts_with("1 of 6 seeds came to nothing"), "{}", why(&one));
        assert!(why(&two).starts_with("2 of 6 seeds came to nothing"), "{}", why(&two));
        assert_eq!(why(&[]), "there is nothing to judge by");
    }

    #[test]
    fn where_runs_are_cut_off_a_ratio_is_a_bound() {
        let (fast, slow, cut) = (runs(100, 1), runs(490, 1), runs(490, 4));
        let verdict = |a: &[Run], b: &[Run]| {
            let mut evidence = Evidence::default();
            let tuned = Tuned { target: Some(0.9), ..Tuned::default() };
            evidence.rates.0.entry(Regime::Shallow).or_default().insert(Schedule::Constant, tuned);
            let runs = [a, b].map(|runs| runs.iter().collect());
            let slower = Criterion { holds: Beyond::Above(1.25), fails: Beyond::Below(1.25), unit: Unit::Ratio };
            slower.verdict(&time_ratio(&evidence, Regime::Shallow, &runs).expect("a ratio"))
        };
        assert_eq!([verdict(&slow, &fast), verdict(&fast, &slow)], [Verdict::Holds, Verdict::Fails]);
        // Who never arrives is slower still; how much faster than that another is cannot be told.
        assert_eq!([verdict(&cut, &fast), verdict(&fast, &cut)], [Verdict::Holds, Verdict::Fails]);
        assert_eq!([verdict(&cut, &slow), verdict(&slow, &cut)], [Verdict::Inconclusive, Verdict::Fails]);
        assert_eq!(verdict(&slow, &slow), Verdict::Fails);
        assert_eq!(verdict(&cut, &cut), Verdict::Inconclusive);
    }

    #[test]
    fn without_a_gap_there_is_no_share() {
        let why = |found: Found| found.map(|figure| figure.estimate).expect_err("no share");
        let (usual, fast) = (runs(300, 1), runs(100, 1));
        let (verdict, words) = why(found(&usual, &usual, &fast));
        assert!(verdict == Verdict::Fails && words.contains("no gap to close"), "{words}");
        let (verdict, words) = why(found(&fast, &usual, &fast));
        assert!(verdict == Verdict::Fails && words.contains("no gain here"), "{words}");
        // 40 to 400 steps against the same in another order: neither a gap nor none.
        let mut other = runs(40, 120);
        other.rotate_left(2);
        let (verdict, words) = why(found(&runs(40, 120), &other, &fast));
        assert!(verdict == Verdict::Inconclusive && words.contains("do not show"), "{words}");
    }

    #[test]
    fn where_affine_never_arrives_a_share_cannot_be_shown_to_be_small() {
        let small = Criterion { holds: Beyond::Below(0.5), fails: Beyond::Above(0.5), unit: Unit::Share };
        let verdict = |found: Found| small.verdict(&found.expect("a share"));
        let (fast, slow) = (runs(100, 1), runs(490, 1));
        assert_eq!(verdict(found(&slow, &fast, &runs(480, 1))), Verdict::Holds);
        // The last of every four needs 502 steps, and has 500.
        assert_eq!(verdict(found(&runs(490, 4), &fast, &runs(480, 1))), Verdict::Inconclusive);
        assert_eq!(verdict(found(&runs(490, 4), &fast, &runs(110, 1))), Verdict::Fails);
        // An arm that is cut off cannot be shown to close much, and with eq. 3 cut off as well nothing can.
        assert_eq!(verdict(found(&slow, &runs(10, 1), &runs(491, 4))), Verdict::Holds);
        assert_eq!(verdict(found(&runs(490, 4), &runs(10, 1), &runs(491, 4))), Verdict::Inconclusive);
        // The budget is 500 steps. Where some runs of the arm are cut off there, the true share is at most the one found.
        assert_eq!(verdict(found(&slow, &runs(300, 1), &runs(60, 140))), Verdict::Fails);
        assert_eq!(verdict(found(&slow, &runs(300, 1), &runs(60, 150))), Verdict::Inconclusive);
    }
}
