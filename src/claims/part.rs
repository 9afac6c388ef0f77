//! The parts of a claim, and what they come to.

use super::decide::{Beyond, Criterion, Verdict};

/// What became of a part of a claim.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// What is asserted.
    pub sentence: String,
    /// Where it was tried.
    pub regime: String,
    /// The verdict on it.
    pub verdict: Verdict,
    /// Why there is none, or what else there is to say.
    pub detail: String,
    /// The figure, as it is shown.
    pub estimate: Option<f64>,
    /// Its 95 % interval.
    pub interval: Option<(f64, f64)>,
    /// What would make it hold, and what fail.
    pub criterion: Option<Criterion>,
    /// Two-sided p at the threshold that was passed.
    pub p: Option<f64>,
    /// Seeds, or other units.
    pub n: usize,
    /// Whether the claim's verdict depends on it.
    pub decides: bool,
    /// The arms whose runs it takes, in the order of the question. For a share, the last arm is the one whose share it is.
    pub arms: Vec<String>,
    /// Runs that diverged, by arm; empty if none did.
    pub diverged: Vec<(String, usize)>,
    /// For a plot: the line that this point belongs to, and its place on the horizontal axis.
    pub along: Option<(String, f64)>,
}

/// An end of an interval may lie so much on the wrong side of a threshold: it is found by a search.
const FOUND_TO: f64 = 1e-6;

impl Part {
    /// Whether its numbers belong together; else what does not.
    pub(super) fn check(&self) -> Result<(), String> {
        if let Some(p) = self.p.filter(|p| !(0.0..=1.0).contains(p)) {
            return Err(format!("p is {p}"));
        }
        let (Some(estimate), Some((low, high))) = (self.estimate, self.interval) else { return Ok(()) };
        let slack = |x: f64| FOUND_TO * (1.0 + x.abs());
        if !(low <= estimate + slack(estimate) && estimate <= high + slack(estimate)) {
            return Err(format!("{estimate} is not in the interval from {low} to {high}"));
        }
        let is_beyond = |beyond: Beyond| match beyond {
            Beyond::Above(threshold) => low >= threshold - slack(threshold),
            Beyond::Below(threshold) => high <= threshold + slack(threshold),
        };
        let Some(criterion) = self.criterion else { return Ok(()) };
        let is_shown = match self.verdict {
            Verdict::Holds => is_beyond(criterion.holds),
            Verdict::Fails => is_beyond(criterion.fails),
            _ => true,
        };
        let words = self.verdict.words();
        is_shown.then_some(()).ok_or_else(|| format!("the interval from {low} to {high} does not show that it {words}"))
    }
}

/// The verdict on a whole claim, and why. The parts of the first regime decide together; if another regime decides
/// otherwise, the claim holds in part.
pub fn combined(main: &[Part], elsewhere: &[Part]) -> (Verdict, String) {
    let main: Vec<&Part> = main.iter().filter(|part| part.decides).collect();
    let said = |part: &Part| format!("{}: {}", part.sentence, part.verdict.words());
    let Some(first) = main.first() else { return (Verdict::NotTested, "nothing was tried".to_owned()) };
    if let Some(open) = main.iter().find(|part| !part.verdict.is_decided()) {
        let others: Vec<String> = main.iter().filter(|part| part.verdict.is_decided()).map(|part| said(part)).collect();
        let open = match (&open.detail[..], main.len()) {
            ("", _) => open.sentence.clone(),
            (detail, 1) => detail.to_owned(),
            (detail, _) => format!("{}: {detail}", open.sentence),
        };
        return (Verdict::Inconclusive, [vec![open], others].concat().join("; "));
    }
    if main.iter().any(|part| part.verdict != first.verdict) {
        return (Verdict::HoldsInPart, main.iter().map(|part| said(part)).collect::<Vec<_>>().join("; "));
    }
    let differs = |part: &&Part| part.decides && part.verdict.is_decided() && part.verdict != first.verdict;
    let others = elsewhere.iter().filter(differs).map(|part| format!("{} in {}", part.verdict.words(), part.regime));
    let mut others: Vec<String> = others.collect();
    // Several parts of a regime may say the same.
    others.dedup();
    if others.is_empty() {
        return (first.verdict, first.detail.clone());
    }
    let here = format!("{} in {}", first.verdict.words(), first.regime);
    (Verdict::HoldsInPart, [vec![here], others].concat().join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_and_regimes_that_differ_make_a_claim_hold_in_part() {
        let part = |regime: &str, verdict| Part {
            sentence: "s".to_owned(),
            regime: regime.to_owned(),
            verdict,
            detail: String::new(),
            estimate: None,
            interval: None,
            criterion: None,
            p: None,
            n: 0,
            decides: true,
            arms: Vec::new(),
            diverged: Vec::new(),
            along: None,
        };
        let of = |main: &[Part], elsewhere: &[Part]| combined(main, elsewhere).0;
        let (holds, fails, open) = (Verdict::Holds, Verdict::Fails, Verdict::Inconclusive);
        let here = |verdict| part("shallow", verdict);
        assert_eq!(of(&[here(holds)], &[]), holds);
        assert_eq!(of(&[here(holds)], &[part("cnn", open)]), holds);
        assert_eq!(of(&[here(holds)], &[part("cnn", fails)]), Verdict::HoldsInPart);
        assert_eq!(of(&[here(holds), here(fails)], &[]), Verdict::HoldsInPart);
        let twice = combined(&[here(holds)], &[part("cnn", fails), part("cnn", fails), part("res20", fails)]).1;
        assert_eq!(twice, "holds in shallow; fails in cnn; fails in res20");
        assert_eq!(of(&[here(holds), here(open)], &[]), open);
        assert_eq!(of(&[here(open)], &[part("cnn", holds)]), open);
        let beside = Part { decides: false, ..here(fails) };
        assert_eq!(of(&[here(holds), beside], &[]), holds);
        assert_eq!(of(&[], &[part("cnn", holds)]), Verdict::NotTested);
    }
}
