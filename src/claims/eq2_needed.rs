//! γ and β matter: another mean and variance may be better.

use super::claim::{Claim, Kind};
use super::decide::{Beyond, Criterion, Unit};
use super::evidence::{Cell, Evidence};
use super::figures::accuracy_difference;
use super::judging::Question;
use super::part::Part;
use super::regime::{Regime, Schedule};

pub const CLAIM: Claim = Claim {
    id: "eq2-needed",
    kind: Kind::Experiment,
    sentence: "γ and β matter: another mean and variance than 0 and 1 are better",
    criterion: "test accuracy, bn − standardize: above 0 holds; below 0.005 (as good without) fails",
    reasoning: "Arm standardize has eq. 1 alone: mean 0 and variance 1 for ever. If γ and β were of use for the values that they \
        let the net choose, it would end lower. Tuned and read as in omit-in-practice.\n\
        The verdict would be another if the whole interval lay below 0.005.",
    regimes: &Regime::ALL,
    cells: |regime| cells(regime).to_vec(),
    parts: |evidence, regime| vec![part(evidence, regime)],
    ..Claim::PLAIN
};

fn cells(regime: Regime) -> [Cell; 2] {
    ["bn", "standardize"].map(|arm| Cell::own(regime, Schedule::Cosine, arm))
}

fn part(evidence: &Evidence, regime: Regime) -> Part {
    let question = Question {
        sentence: "bn ends with a higher accuracy than standardize",
        regime,
        criterion: Criterion { holds: Beyond::Above(0.0), fails: Beyond::Below(0.005), unit: Unit::Accuracy },
        cells: &cells(regime),
        moved_by: [&["standardize"], &["bn"]],
        decides: true,
    };
    evidence.judge(&question, &|runs| accuracy_difference(runs))
}
