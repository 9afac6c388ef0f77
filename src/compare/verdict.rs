//! What is said of a difference: a rule on its p and intervals, and nothing else.

use crate::stats::equivalence::is_equivalent;

/// What has been shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The difference is too small to matter.
    Equivalent,
    /// The first is better.
    Better,
    /// The first is worse.
    Worse,
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
            Self::Undecided => "undecided",
        }
    }
}

/// What the verdict goes by, turned so that more is better.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Evidence {
    /// p, corrected for the number of tests.
    pub p: Option<f64>,
    /// The interval at 1 − α.
    pub interval: Option<(f64, f64)>,
    /// The interval at 1 − 2α.
    pub narrower: Option<(f64, f64)>,
    /// The tested sum, of differences or of signed ranks.
    pub direction: f64,
    /// Whether it was of ranks: then there are no intervals, and none can disagree.
    pub by_ranks: bool,
}

/// *Equivalent* if the 1 − 2α interval lies within ± margin; else *better* or *worse* if p < α and the
/// interval agrees; else *undecided*.
pub fn verdict(evidence: &Evidence, alpha: f64, margin: Option<f64>) -> Verdict {
    if margin.is_some_and(|margin| is_equivalent(evidence.narrower, margin)) {
        return Verdict::Equivalent;
    }
    let is_rejected = evidence.p.is_some_and(|p| p < alpha);
    let lies = |side: fn(&(f64, f64)) -> bool| evidence.interval.as_ref().map_or(evidence.by_ranks, side);
    match evidence.direction {
        sum if sum > 0.0 && is_rejected && lies(|(low, _)| *low > 0.0) => Verdict::Better,
        sum if sum < 0.0 && is_rejected && lies(|(_, high)| *high < 0.0) => Verdict::Worse,
        _ => Verdict::Undecided,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLEAR: Evidence = Evidence {
        p: Some(0.01),
        interval: Some((0.1, 0.3)),
        narrower: Some((0.12, 0.28)),
        direction: 2.0,
        by_ranks: false,
    };

    #[test]
    fn better_needs_p_and_interval_and_equivalent_comes_first() {
        let of = |evidence: Evidence| verdict(&evidence, 0.05, Some(0.2));
        assert_eq!(of(CLEAR), Verdict::Better);
        assert_eq!(of(Evidence { p: Some(0.05), ..CLEAR }), Verdict::Undecided);
        assert_eq!(of(Evidence { p: None, ..CLEAR }), Verdict::Undecided);
        assert_eq!(of(Evidence { interval: Some((0.0, 0.3)), ..CLEAR }), Verdict::Undecided);
        assert_eq!(of(Evidence { interval: None, ..CLEAR }), Verdict::Undecided, "too few seeds for an interval");
        assert_eq!(of(Evidence { narrower: Some((0.12, 0.19)), ..CLEAR }), Verdict::Equivalent);
        let worse = Evidence { interval: Some((-0.3, -0.1)), narrower: None, direction: -2.0, ..CLEAR };
        assert_eq!(of(worse), Verdict::Worse);
        assert_eq!(verdict(&Evidence { narrower: Some((0.0, 0.0)), ..CLEAR }, 0.05, None), Verdict::Better);
    }

    #[test]
    fn ranks_have_no_interval_that_could_disagree() {
        let ranks = Evidence { interval: None, narrower: None, by_ranks: true, direction: -3.0, ..CLEAR };
        assert_eq!(verdict(&ranks, 0.05, Some(0.2)), Verdict::Worse);
    }
}
