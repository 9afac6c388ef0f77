//! Figures that several claims share: times to a target, accuracies, shares of a gap.

use super::bound::Bound;
use super::decide::{Beyond, Figure, Verdict};
use super::evidence::{Evidence, Run};
use super::judging::Found;
use super::regime::Regime;

/// If a gap's interval lies within this ratio and its inverse, there is no gap.
const NO_GAP: f64 = 1.25;

/// ln of the time of each run, seed by seed.
pub fn log_times(runs: &[&Run], target: f64) -> Vec<f64> {
    runs.iter().map(|run| run.log_time(target)).collect()
}

/// Whether some run does not arrive within its budget, so that its time counts as shorter than it is.
fn is_cut_off(runs: &[&Run], target: f64) -> bool {
    runs.iter().any(|run| run.time_to(target).is_none())
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

/// ln(T of the first arm / T of the second), both within the budget.
pub fn time_ratio(evidence: &Evidence, regime: Regime, runs: &[Vec<&Run>]) -> Found {
    scaled_time_ratio(evidence, regime, runs, &[0.0])
}

/// The same with the first arm's time multiplied by e^factor, seed by seed; if there are fewer factors than seeds, they
/// repeat. If some run does not arrive, the budget is that of the arm with the shorter steps: until then both were watched.
pub fn scaled_time_ratio(evidence: &Evidence, regime: Regime, runs: &[Vec<&Run>], factors: &[f64]) -> Found {
    let target = evidence.target(regime);
    let reached = |runs: &Vec<&Run>| runs.iter().any(|run| run.time_to(target).is_some());
    if !runs.iter().any(reached) {
        return Err((Verdict::Inconclusive, "no run of either arm reached the target".to_owned()));
    }
    let all_arrive = !runs[..2].iter().any(|runs| is_cut_off(runs, target));
    let mut cut_off = [false; 2];
    let mut ratio = |(runs, factor): ((&&Run, &&Run), &f64)| {
        let end = if all_arrive { f64::INFINITY } else { (runs.0.budget as f64).ln() + factor.min(0.0) };
        let arrival = |run: &Run, factor: f64| run.time_to(target).map(|steps| (steps as f64).ln() + factor);
        let arrivals = [arrival(runs.0, *factor), arrival(runs.1, 0.0)].map(|at| at.filter(|at| *at <= end));
        cut_off = [0, 1].map(|i| cut_off[i] || arrivals[i].is_none());
        arrivals[0].unwrap_or(end) - arrivals[1].unwrap_or(end)
    };
    let ratios: Vec<f64> = runs[0].iter().zip(&runs[1]).zip(factors.iter().cycle()).map(&mut ratio).collect();
    Ok(mean_of(&ratios)?.bounded(Bound::of_ratio(cut_off)))
}

/// Accuracy of the first arm less that of the second.
pub fn accuracy_difference(runs: &[Vec<&Run>]) -> Found {
    let accuracies = |runs: &Vec<&Run>| runs.iter().map(|run| run.accuracy()).collect::<Vec<_>>();
    if runs.iter().flatten().all(|run| run.diverged) {
        return Err((Verdict::Inconclusive, "every run diverged".to_owned()));
    }
    mean_of(&differences(&accuracies(&runs[0]), &accuracies(&runs[1])))
}

/// The gap between `affine` and `bn` in ln T, seed by seed, if there is one; `runs` begins with theirs. `without` is the
/// verdict if there is no gap. If runs are cut off, it cannot be shown that there is none.
pub fn gap(
    evidence: &Evidence,
    regime: Regime,
    runs: &[Vec<&Run>],
    without: Verdict,
) -> Result<Vec<f64>, (Verdict, String)> {
    let target = evidence.target(regime);
    let gap = differences(&log_times(&runs[0], target), &log_times(&runs[1], target));
    let whole = mean_of(&gap)?.bounded(Bound::of_ratio([0, 1].map(|i| is_cut_off(&runs[i], target))));
    let ratio = format!("{:.2}", whole.estimate.exp());
    if whole.shows(Beyond::Above(-NO_GAP.ln())) && whole.shows(Beyond::Below(NO_GAP.ln())) {
        return Err((without, format!("there is no gap to close: affine takes {ratio} times as long as bn")));
    }
    if whole.shows(Beyond::Below(0.0)) {
        return Err((without, format!("bn has no gain here: affine takes {ratio} times as long")));
    }
    if !whole.shows(Beyond::Above(0.0)) {
        let words = "these seeds do not show that there is a gap between affine and bn";
        let open = whole.left_open();
        let words = if open.is_empty() { words.to_owned() } else { format!("{words}; {open}") };
        return Err((Verdict::Inconclusive, words));
    }
    Ok(gap)
}

/// The share of that gap that a third arm closes; its runs come third.
pub fn share_of_gap(evidence: &Evidence, regime: Regime, runs: &[Vec<&Run>], without: Verdict) -> Found {
    let gap = gap(evidence, regime, runs, without)?;
    let target = evidence.target(regime);
    let closed = differences(&log_times(&runs[0], target), &log_times(&runs[2], target));
    let bound = Bound::of([0, 1, 2].map(|i| is_cut_off(&runs[i], target)));
    let none = (Verdict::Inconclusive, "there is nothing to judge by".to_owned());
    Figure::share(&closed, &gap, bound).ok_or(none)
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
        // An arm that never arrives is slower still, nobody knows by how much.
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
    fn within_the_budget_a_gap_may_be_shown_and_its_absence_never() {
        let why = |affine: &[Run], bn: &[Run]| match found(affine, bn, &runs(100, 1)) {
            Ok(_) => "there is a gap".to_owned(),
            Err((verdict, words)) => {
                assert_eq!(verdict == Verdict::Inconclusive, words.contains("do not show"), "{words}");
                words
            }
        };
        // The budget is 500 steps.
        let (never, fast, slow) = (runs(500, 0), runs(100, 1), runs(490, 1));
        assert_eq!(why(&never, &fast), "there is a gap");
        // The same if one run of bn does not arrive.
        let mostly: Vec<Run> = fast.iter().take(11).chain(&never[11..]).cloned().collect();
        assert_eq!(why(&never, &mostly), "there is a gap");
        assert!(why(&mostly, &never).contains("bn has no gain here"));
        // Within a quarter of each other as measured, but perhaps not in fact. In `cut` every fourth does not arrive.
        let (near, cut) = (runs(479, 4), runs(470, 10));
        assert!(why(&runs(469, 10), &near).contains("no gap to close"));
        assert!(why(&cut, &near).ends_with(
            "do not show that there is a gap between affine and bn; as some runs did not \
            reach the target, these times may show that one arm is faster, but not that both are alike"
        ));
        assert!(why(&near, &cut).ends_with("not that both are alike"));
        assert!(why(&never, &never).ends_with("not that both are alike"));
        assert!(why(&slow, &slow).contains("no gap to close"));
    }

    #[test]
    fn seconds_are_compared_until_the_cheaper_arm_ends() {
        let mut evidence = Evidence::default();
        let tuned = Tuned { target: Some(0.9), ..Tuned::default() };
        evidence.rates.0.entry(Regime::Shallow).or_default().insert(Schedule::Constant, tuned);
        let ratio = |a: &[Run], b: &[Run], factor: f64| {
            let runs = [a, b].map(|runs| runs.iter().collect());
            scaled_time_ratio(&evidence, Regime::Shallow, &runs, &[factor.ln()]).expect("a ratio").estimate.exp()
        };
        let (fast, late, never) = (runs(100, 0), runs(450, 0), runs(500, 0));
        assert!((ratio(&late, &fast, 0.5) - 2.25).abs() < 1e-9);
        // All arrive, even if one arm takes as long as 900 steps of bn.
        assert!((ratio(&late, &fast, 2.0) - 9.0).abs() < 1e-9);
        // If one does not arrive, those 900 lie beyond the 500 for which bn was watched.
        let mostly: Vec<Run> = fast.iter().take(11).chain(&never[11..]).cloned().collect();
        assert!((ratio(&late, &mostly, 2.0) - 5.0f64.powf(11.0 / 12.0)).abs() < 1e-9);
        // After 500 steps of half the length affine has not arrived. bn arrives later than that, which makes it no slower.
        assert!((ratio(&never, &late, 0.5) - 1.0).abs() < 1e-9);
        assert!((ratio(&never, &fast, 0.5) - 2.5).abs() < 1e-9);
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
