//! What is said of a difference: a rule on its p and intervals, and nothing else.

use serde::Serialize;

use crate::stats::equivalence;

/// What has been shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The difference is too small to matter.
    Equivalent,
    /// The first is better.
    Better,
    /// The first is worse.
    Worse,
    /// None of these, and none could be: so few seeds cannot pass the correction for so many tests.
    TooFewSeeds,
    /// Neither, with these seeds.
    Undecided,
}

impl Verdict {
    /// Its name in tables and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Equivalent => "equivalent",
            Self::Better => "better",
            Self::Worse => "worse",
            Self::TooFewSeeds => "too few seeds",
            Self::Undecided => "undecided",
        }
    }
}

/// How sure a verdict has to be, and which differences do not matter.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Level {
    /// Confidence of the interval, 1 − α.
    pub confidence: f64,
    /// Confidence of the interval that shows equivalence, 1 − 2α.
    pub narrower: f64,
    /// Differences smaller than this do not matter.
    pub margin: Option<f64>,
}

impl Level {
    /// At a confidence 1 − α.
    pub fn new(confidence: f64, margin: Option<f64>) -> Self {
        Self { confidence, narrower: equivalence::confidence_for(confidence), margin }
    }

    /// α.
    pub fn alpha(&self) -> f64 {
        1.0 - self.confidence
    }

    /// Whether an interval at 1 − 2α, and the mean difference at every plausible candidate, lie within ± margin.
    pub fn is_equivalent(&self, narrower: Option<(f64, f64)>, range: (f64, f64)) -> bool {
        let is_within =
            |margin: f64| equivalence::is_equivalent(narrower, margin) && range.0.abs().max(range.1.abs()) <= margin;
        self.margin.is_some_and(is_within)
    }
}

/// What the verdict depends on, turned so that more is better.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Evidence {
    /// p, corrected for the number of tests; none without a test.
    pub p: Option<f64>,
    /// The smallest that the corrected p could be, with all seeds on one side and the other tests as they are.
    pub p_least: f64,
    /// Whether the interval at 1 − α leaves out 0. Ranks have no interval that could disagree.
    pub interval_agrees: bool,
    /// Whether the interval at 1 − 2α lies within ± margin.
    pub within_margin: bool,
    /// The tested statistic: positive for the first arm.
    pub direction: f64,
    /// The smallest and the largest mean difference, over the candidates that chance may as well have chosen.
    pub range: (f64, f64),
    /// Whether more is better. It is not where a diverged run counts as guessing and another, trained to its end, is worse
    /// than guessing.
    pub is_sound: bool,
}

impl Default for Evidence {
    /// For a difference that was not tested.
    fn default() -> Self {
        Self {
            p: None,
            p_least: 0.0,
            interval_agrees: false,
            within_margin: false,
            direction: 0.0,
            range: (0.0, 0.0),
            is_sound: true,
        }
    }
}

/// *Equivalent* if the 1 − 2α interval lies within ± margin; else *better* or *worse* if p < α and the
/// interval agrees; else *too few seeds* if no outcome could bring p below α; else *undecided*. Better and worse
/// have to hold at every candidate that chance might have chosen.
pub fn verdict(evidence: &Evidence, alpha: f64) -> Verdict {
    let is_shown = evidence.interval_agrees && evidence.p.is_some_and(|p| p < alpha);
    let (low, high) = evidence.range;
    match evidence.direction {
        _ if !evidence.is_sound => Verdict::Undecided,
        _ if evidence.within_margin => Verdict::Equivalent,
        direction if is_shown && direction > 0.0 && low > 0.0 => Verdict::Better,
        direction if is_shown && direction < 0.0 && high < 0.0 => Verdict::Worse,
        _ if evidence.p.is_some() && evidence.p_least >= alpha => Verdict::TooFewSeeds,
        _ => Verdict::Undecided,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn better_needs_p_and_interval_and_equivalent_comes_first() {
        let clear = Evidence {
            p: Some(0.01),
            p_least: 0.01,
            interval_agrees: true,
            within_margin: false,
            direction: 2.0,
            range: (1.0, 3.0),
            is_sound: true,
        };
        let of = |evidence: Evidence| verdict(&evidence, 0.05);
        assert_eq!(of(clear), Verdict::Better);
        assert_eq!(of(Evidence { direction: -2.0, range: (-3.0, -1.0), ..clear }), Verdict::Worse);
        assert_eq!(of(Evidence { range: (-1.0, 3.0), ..clear }), Verdict::Undecided);
        assert_eq!(of(Evidence { p: Some(0.05), ..clear }), Verdict::Undecided);
        assert_eq!(of(Evidence { p: Some(0.06), p_least: 0.05, ..clear }), Verdict::TooFewSeeds);
        assert_eq!(of(Evidence { p: None, p_least: 0.05, ..clear }), Verdict::Undecided);
        assert_eq!(of(Evidence { interval_agrees: false, ..clear }), Verdict::Undecided);
        assert_eq!(of(Evidence { within_margin: true, ..clear }), Verdict::Equivalent);
        assert_eq!(of(Evidence { is_sound: false, ..clear }), Verdict::Undecided);
        assert_eq!(of(Evidence { direction: 0.0, ..clear }), Verdict::Undecided);
    }
}
