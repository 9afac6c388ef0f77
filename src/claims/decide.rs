//! From a figure and its interval to a verdict.
//!
//! A criterion has two thresholds, fixed before the runs. A claim *holds* if the whole 95 % interval lies beyond the one,
//! *fails* if it lies beyond the other, *holds in part* if it lies wholly between them; else it is *inconclusive*. The
//! interval alone decides, and no correction runs across claims: a verdict does not depend on which others were asked for.

use serde::{Deserialize, Serialize};

use super::bound::Bound;
use crate::stats::permutation::{FEWEST, Orbit, sign_flips};
use crate::stats::sample::Sample;
use crate::stats::seeds;
use crate::stats::share::Shares;

/// Confidence of the intervals that decide.
pub const CONFIDENCE: f64 = 0.95;
/// Most exchanges that are tried; up to 15 seeds, these are all.
const EXCHANGES: usize = 1 << 14;

/// What came of a claim, or of a part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the text above")]
pub enum Verdict {
    Holds,
    Fails,
    HoldsInPart,
    Inconclusive,
    NotTested,
}

impl Verdict {
    /// In words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::Fails => "fails",
            Self::HoldsInPart => "holds in part",
            Self::Inconclusive => "inconclusive",
            Self::NotTested => "not tested",
        }
    }

    /// Whether anything has been decided.
    pub const fn is_decided(self) -> bool {
        matches!(self, Self::Holds | Self::Fails | Self::HoldsInPart)
    }
}

/// One side of a threshold.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the names say it all")]
pub enum Beyond {
    Above(f64),
    Below(f64),
}

impl Beyond {
    /// The threshold.
    pub const fn threshold(self) -> f64 {
        match self {
            Self::Above(threshold) | Self::Below(threshold) => threshold,
        }
    }

    /// The same side of another threshold.
    const fn of(self, threshold: f64) -> Self {
        match self {
            Self::Above(_) => Self::Above(threshold),
            Self::Below(_) => Self::Below(threshold),
        }
    }
}

/// The unit in which a figure and its thresholds are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// A ratio; what is tested is its logarithm.
    Ratio,
    /// A difference of accuracies.
    Accuracy,
    /// The share of a gap.
    Share,
    /// A plain number.
    Number,
}

impl Unit {
    /// A threshold as it is tested.
    fn tested(self, threshold: f64) -> f64 {
        if self == Self::Ratio { threshold.ln() } else { threshold }
    }

    /// A tested value as it is shown.
    fn shown(self, value: f64) -> f64 {
        if self == Self::Ratio { value.exp() } else { value }
    }
}

/// What decides. If both thresholds are passed, `fails` decides: a difference may be certain and still too small to matter.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Criterion {
    /// The claim holds if the whole interval lies there.
    pub holds: Beyond,
    /// It fails if the whole interval lies there.
    pub fails: Beyond,
    /// The unit of both.
    pub unit: Unit,
}

impl Criterion {
    /// The verdict on a figure.
    pub fn verdict(&self, figure: &Figure) -> Verdict {
        let [holds, fails] = [self.holds, self.fails].map(|beyond| beyond.of(self.unit.tested(beyond.threshold())));
        let (low, high) = (holds.threshold().min(fails.threshold()), holds.threshold().max(fails.threshold()));
        let (verdict, is_shown) = match (figure.is(fails), figure.is(holds)) {
            (true, _) => (Verdict::Fails, figure.shows(fails)),
            (_, true) => (Verdict::Holds, figure.shows(holds)),
            _ => (Verdict::HoldsInPart, figure.shows(Beyond::Above(low)) && figure.shows(Beyond::Below(high))),
        };
        if is_shown { verdict } else { Verdict::Inconclusive }
    }
}

/// A figure of paired seeds, or other units, and its test.
#[derive(Debug, Clone)]
pub struct Figure {
    /// As it is tested: for a ratio, its logarithm.
    pub estimate: f64,
    of: Of,
    bound: Bound,
}

#[derive(Debug, Clone)]
enum Of {
    Mean { n: usize, orbit: Orbit },
    Share(Shares),
}

impl Figure {
    /// The mean of differences, one a seed; `None` without any, or if one is not a number.
    pub fn mean(differences: &[f64]) -> Option<Self> {
        let sample = Sample::new(differences)?;
        let of = Of::Mean { n: differences.len(), orbit: sign_flips(sample, EXCHANGES) };
        Some(Self { estimate: sample.mean(), of, bound: Bound::Exact })
    }

    /// The same figure, as a bound only.
    #[must_use]
    pub fn bounded(mut self, by: Bound) -> Self {
        self.bound = by;
        self
    }

    /// The share of a gap that is closed.
    pub fn share(closed: &[f64], gap: &[f64], bound: Bound) -> Option<Self> {
        let shares = Shares::new(closed, gap, EXCHANGES)?;
        Some(Self { estimate: shares.estimate(), of: Of::Share(shares), bound })
    }

    /// How many seeds it rests on.
    pub fn n(&self) -> usize {
        match &self.of {
            Of::Mean { n, .. } => *n,
            Of::Share(shares) => shares.n(),
        }
    }

    /// The interval; none for fewer than six seeds.
    pub fn interval(&self) -> Option<(f64, f64)> {
        match &self.of {
            Of::Mean { orbit, .. } => orbit.interval(CONFIDENCE),
            Of::Share(shares) => Some(shares.interval(CONFIDENCE)),
        }
    }

    /// Two-sided p of the hypothesis that the figure is `value`.
    fn p(&self, value: f64) -> f64 {
        match &self.of {
            Of::Mean { orbit, .. } => orbit.p(value),
            Of::Share(shares) => shares.p(value),
        }
    }

    /// Whether the whole interval lies beyond a threshold: the test rejects the threshold, and the estimate is on that
    /// side. This takes much less time than the interval.
    pub fn is(&self, beyond: Beyond) -> bool {
        let is_there = match beyond {
            Beyond::Above(threshold) => self.estimate > threshold,
            Beyond::Below(threshold) => self.estimate < threshold,
        };
        is_there && self.n() >= FEWEST && self.p(beyond.threshold()) <= 1.0 - CONFIDENCE + 1e-9
    }

    /// What has to be shown instead if some runs are cut off; `None` if nothing can show it. Two times can be shown to
    /// differ within the budget, but not to be alike: the end of the budget makes them alike. A share can only be shown to
    /// lie on the side on which it is a bound.
    fn asked(&self, beyond: Beyond) -> Option<Beyond> {
        let is_open = match beyond {
            Beyond::Above(_) => self.bound.may_be_smaller(),
            Beyond::Below(_) => self.bound.may_be_larger(),
        };
        match (&self.of, beyond) {
            _ if !is_open => Some(beyond),
            (Of::Mean { .. }, Beyond::Above(threshold)) => Some(Beyond::Above(threshold.max(0.0))),
            (Of::Mean { .. }, Beyond::Below(threshold)) => Some(Beyond::Below(threshold.min(0.0))),
            (Of::Share(_), _) => None,
        }
    }

    /// Whether the whole interval lies beyond a threshold, and runs that are cut off leave no doubt of it.
    pub fn shows(&self, beyond: Beyond) -> bool {
        self.asked(beyond).is_some_and(|asked| self.is(asked))
    }

    /// What it cannot show because runs are cut off; empty if none are.
    pub fn left_open(&self) -> String {
        let what = match (&self.of, self.bound) {
            (_, Bound::Exact) => return String::new(),
            (Of::Mean { .. }, _) => ", these times may show that one arm is faster, but not that both are alike",
            (Of::Share(_), bound) => bound.of_share(),
        };
        format!("as some runs did not reach the target{what}")
    }
}

/// A figure with what was decided by it.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// What was decided.
    pub verdict: Verdict,
    /// Why nothing was, and what it would take; empty if something was.
    pub detail: String,
    /// The figure as it is shown.
    pub estimate: f64,
    /// Its interval.
    pub interval: Option<(f64, f64)>,
    /// Two-sided p at the threshold that was passed, or at 1 if cut-off runs require that.
    pub p: Option<f64>,
}

/// Decides.
pub fn decide(figure: &Figure, criterion: &Criterion) -> Decision {
    let Criterion { holds, fails, unit } = *criterion;
    let tested = figure.interval();
    let verdict = criterion.verdict(figure);
    let tested_as = |beyond: Beyond| beyond.of(unit.tested(beyond.threshold()));
    let p = |beyond: Beyond| figure.asked(tested_as(beyond)).map(|asked| figure.p(asked.threshold()));
    let (detail, p) = match (verdict, tested) {
        (Verdict::Holds, _) => (String::new(), p(holds)),
        (Verdict::Fails, _) => (String::new(), p(fails)),
        (Verdict::HoldsInPart, _) => ("between the thresholds".to_owned(), None),
        (_, None) => (format!("n = {} gives no interval; at least {FEWEST} are needed", figure.n()), None),
        (_, Some(_)) if criterion.verdict(&figure.clone().bounded(Bound::Exact)).is_decided() => {
            (figure.left_open(), None)
        }
        (_, Some(interval)) => (open(figure, interval, criterion), None),
    };
    let shown = |value: f64| unit.shown(value);
    let interval = tested.map(|(low, high)| (shown(low), shown(high)));
    Decision { verdict, detail, estimate: shown(figure.estimate), interval, p }
}

/// Seeds that somebody may train.
const IN_SIGHT: usize = 1000;

/// What an undecided interval excludes; and about how many seeds would decide, or why no number would.
fn open(figure: &Figure, (low, high): (f64, f64), criterion: &Criterion) -> String {
    let mut thresholds = [criterion.holds.threshold(), criterion.fails.threshold()].to_vec();
    thresholds.dedup();
    let tested = |threshold: &f64| criterion.unit.tested(*threshold);
    let excluded = thresholds.iter().filter(|t| tested(t) < low || tested(t) > high);
    let excluded: Vec<String> = excluded.map(|threshold| format!("{threshold}")).collect();
    let excluded = if excluded.is_empty() { "no threshold".to_owned() } else { excluded.join(" and ") };
    // More seeds lead to the estimate's side, if it is right. They do not help if cut-off runs keep that from being shown.
    let sides = [criterion.holds, criterion.fails].map(|beyond| beyond.of(tested(&beyond.threshold())));
    let is_towards = |beyond: Beyond| match beyond {
        Beyond::Above(threshold) => figure.estimate > threshold,
        Beyond::Below(threshold) => figure.estimate < threshold,
    };
    let may_be_shown = |side: Beyond| figure.asked(side).is_some_and(is_towards);
    if sides.iter().any(|side| is_towards(*side) && !may_be_shown(*side)) {
        return format!("the interval excludes {excluded}; {}", figure.left_open());
    }
    // The distance to the nearest threshold within the interval: once the interval excludes that one, something is decided.
    let asked = sides.iter().filter_map(|side| figure.asked(*side)).map(Beyond::threshold);
    let nearest = asked.filter(|t| (low..=high).contains(t)).map(|t| (figure.estimate - t).abs());
    let nearest = nearest.fold(f64::INFINITY, f64::min);
    let half_width = (high - low) / 2.0;
    let needed =
        seeds::to_tell_from_0(figure.n(), half_width, nearest, 1, 1.0 - CONFIDENCE).filter(|_| half_width.is_finite());
    let needed = match needed {
        Some(needed) if needed <= IN_SIGHT => {
            format!("about {needed} seeds would decide nine times in ten, if the estimate is right")
        }
        _ => "no number of seeds is in sight that would decide".to_owned(),
    };
    format!("the interval excludes {excluded}; {needed}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const FASTER: Criterion = Criterion { holds: Beyond::Above(1.25), fails: Beyond::Below(1.25), unit: Unit::Ratio };

    /// Twelve differences about a value.
    fn about(value: f64, spread: f64) -> Figure {
        let differences: Vec<f64> = (0..12).map(|i| value + spread * (f64::from(i % 6) - 2.5)).collect();
        Figure::mean(&differences).unwrap()
    }

    #[test]
    fn the_whole_interval_beyond_a_threshold_decides() {
        assert_eq!(decide(&about(0.5, 0.02), &FASTER).verdict, Verdict::Holds);
        assert_eq!(decide(&about(0.1, 0.02), &FASTER).verdict, Verdict::Fails);
        let open = decide(&about(0.3, 0.2), &FASTER);
        assert_eq!(open.verdict, Verdict::Inconclusive);
        assert!(open.detail.contains("excludes no threshold; about"), "{}", open.detail);
        let decided = decide(&about(0.5, 0.02), &FASTER);
        assert!((decided.estimate - 0.5f64.exp()).abs() < 1e-12 && decided.interval.unwrap().0 > 1.25);
        assert_eq!(decided.p, Some(2.0 / 4096.0));
    }

    #[test]
    fn between_the_thresholds_it_holds_in_part() {
        let criterion = Criterion { holds: Beyond::Below(0.5), fails: Beyond::Above(1.0), unit: Unit::Number };
        assert_eq!(decide(&about(0.75, 0.01), &criterion).verdict, Verdict::HoldsInPart);
        assert_eq!(decide(&about(0.3, 0.01), &criterion).verdict, Verdict::Holds);
        assert_eq!(decide(&about(1.2, 0.01), &criterion).verdict, Verdict::Fails);
    }

    #[test]
    fn a_difference_that_is_certain_and_too_small_to_matter_fails() {
        let criterion = Criterion { holds: Beyond::Above(0.0), fails: Beyond::Below(0.002), unit: Unit::Accuracy };
        assert_eq!(decide(&about(0.001, 0.0001), &criterion).verdict, Verdict::Fails);
        assert_eq!(decide(&about(0.004, 0.0001), &criterion).verdict, Verdict::Holds);
        // Above 0, and perhaps above the margin.
        assert_eq!(decide(&about(0.002, 0.0005), &criterion).verdict, Verdict::Holds);
        assert_eq!(decide(&about(0.001, 0.002), &criterion).verdict, Verdict::Inconclusive);
    }

    #[test]
    fn few_seeds_decide_nothing_and_a_bound_shows_one_side_alone() {
        let few = Figure::mean(&[1.0; 5]).unwrap();
        assert_eq!(decide(&few, &FASTER).verdict, Verdict::Inconclusive);
        let small = Criterion { holds: Beyond::Below(0.5), fails: Beyond::Above(0.5), unit: Unit::Share };
        let gap = [1.0, 1.1, 0.9, 1.05, 0.95, 1.0, 1.1, 0.9];
        let share = |c: f64, bound| Figure::share(&gap.map(|g| c * g + 0.01 * (g - 1.0)), &gap, bound).unwrap();
        let verdicts = |bound| [0.1, 0.9].map(|c| decide(&share(c, bound), &small).verdict);
        assert_eq!(verdicts(Bound::Exact), [Verdict::Holds, Verdict::Fails]);
        assert_eq!(verdicts(Bound::Lower), [Verdict::Inconclusive, Verdict::Fails]);
        assert_eq!(verdicts(Bound::Upper), [Verdict::Holds, Verdict::Inconclusive]);
        assert_eq!(verdicts(Bound::Neither), [Verdict::Inconclusive; 2]);
    }

    #[test]
    fn times_that_are_cut_off_may_differ_and_are_never_alike() {
        let bounds = [Bound::Exact, Bound::Lower, Bound::Upper, Bound::Neither];
        let verdicts = |value: f64, holds, fails| {
            let criterion = Criterion { holds, fails, unit: Unit::Ratio };
            bounds.map(|bound| decide(&about(value, 0.01).bounded(bound), &criterion).verdict)
        };
        let (holds, fails, part, open) = (Verdict::Holds, Verdict::Fails, Verdict::HoldsInPart, Verdict::Inconclusive);
        let faster = |value| verdicts(value, FASTER.holds, FASTER.fails);
        // Twice as long is longer, and half as long is not; a tenth longer may be no more than what the budget leaves.
        assert_eq!(faster(0.7), [holds; 4]);
        assert_eq!(faster(-0.7), [fails; 4]);
        assert_eq!(faster(0.1), [fails, open, fails, open]);
        // The other way round: that the first is not faster.
        let slower = |value| verdicts(value, Beyond::Below(0.8), Beyond::Above(0.8));
        assert_eq!(slower(-0.7), [holds; 4]);
        assert_eq!(slower(0.7), [fails; 4]);
        assert_eq!(slower(-0.1), [fails, fails, open, open]);
        // With both thresholds at 1, nothing counts as alike.
        let either = |value| verdicts(value, Beyond::Above(1.0), Beyond::Below(1.0));
        assert_eq!([either(0.1), either(-0.1)], [[holds; 4], [fails; 4]]);
        // Between two thresholds it has to be shown to be smaller than the one and larger than the other.
        let between = |value| verdicts(value, Beyond::Above(1.5), Beyond::Below(1.1));
        assert_eq!(between(0.25), [part, open, part, open]);
    }

    #[test]
    fn an_open_verdict_names_what_keeps_it_open() {
        let why = |figure: Figure, criterion: &Criterion| decide(&figure, criterion).detail;
        let alike = "as some runs did not reach the target, these times may show that one arm is faster, but not that both \
            are alike";
        // All of it below 1.25, and not below 1.
        assert_eq!(why(about(0.1, 0.01).bounded(Bound::Lower), &FASTER), alike);
        // The interval holds 1.25. For an estimate below it more seeds do not help, for one above they do.
        assert_eq!(
            why(about(0.2, 0.1).bounded(Bound::Lower), &FASTER),
            format!("the interval excludes no threshold; {alike}")
        );
        let wide = why(about(0.26, 0.1).bounded(Bound::Lower), &FASTER);
        assert!(wide.starts_with("the interval excludes no threshold; about "), "{wide}");
        // All of it below 1.25, some of it above 1: more seeds would show that it lies below 1, too.
        let below = why(about(-0.03, 0.03).bounded(Bound::Lower), &FASTER);
        assert_eq!(below, alike, "the interval leaves out the threshold, and that is not enough");
        let below = why(about(-0.1, 0.35).bounded(Bound::Lower), &FASTER);
        assert!(below.starts_with("the interval excludes no threshold; about "), "{below}");
        // With both thresholds at 1, nothing counts as alike.
        let either = Criterion { holds: Beyond::Above(1.0), fails: Beyond::Below(1.0), unit: Unit::Ratio };
        let wide = why(about(0.05, 0.1).bounded(Bound::Neither), &either);
        assert!(wide.starts_with("the interval excludes no threshold; about "), "{wide}");
        // p belongs to what has to be shown.
        let slower = Criterion { holds: Beyond::Above(1.25), fails: Beyond::Below(1.1), unit: Unit::Ratio };
        let p = |value: f64, bound| decide(&about(value, 0.02).bounded(bound), &slower).p.unwrap();
        assert_eq!(p(-0.05, Bound::Exact), 2.0 / 4096.0);
        assert!(p(-0.05, Bound::Lower) > p(-0.05, Bound::Exact) && p(-0.05, Bound::Lower) < 0.05);
    }
}
