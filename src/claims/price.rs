//! Batch norm has a price: few samples in a minibatch.

use super::claim::{Claim, Kind};
use super::decide::{Beyond, Criterion, Unit};
use super::evidence::{Cell, Evidence};
use super::figures::accuracy_difference;
use super::judging::Question;
use super::part::Part;
use super::regime::{Regime, Schedule};

pub const CLAIM: Claim = Claim {
    id: "price",
    kind: Kind::Experiment,
    sentence: "batch norm has a price where a minibatch has few samples",
    criterion: "test accuracy at a batch of 4, bn − affine: below 0 holds; above −0.005 (as good, or better) fails",
    reasoning: "The mean of four samples says little of the mean, and a sample's output hangs on three others. Tuned and read as \
        in omit-in-practice, under the statistics of the population, so that evaluation is not to blame. At a batch of 2 in an \
        MLP x̂ is ±1 whatever the inputs are, but for ε, and no gradient passes: that is a theorem and needs no run. Beside it, with \
        --full: minibatches of 8, and a CNN at 2, 4 and 8, where a channel has the values of many positions.\n\
        The verdict would be another if the whole interval lay above −0.005.",
    regimes: &[Regime::Batch4, Regime::Batch8, Regime::Cnn2, Regime::Cnn4, Regime::Cnn8],
    cells: |regime| cells(regime).to_vec(),
    parts,
    ..Claim::PLAIN
};

fn cells(regime: Regime) -> [Cell; 2] {
    ["bn", "affine"].map(|arm| Cell::own(regime, Schedule::Cosine, arm))
}

fn parts(evidence: &Evidence, regime: Regime) -> Vec<Part> {
    let question = Question {
        sentence: "bn ends with a lower accuracy than affine",
        regime,
        criterion: Criterion { holds: Beyond::Below(0.0), fails: Beyond::Above(-0.005), unit: Unit::Accuracy },
        cells: &cells(regime),
        moved_by: [&["affine"], &["bn"]],
        // Other minibatches are shown, and do not decide.
        decides: regime == Regime::Batch4,
    };
    vec![evidence.judge(&question, &|runs| accuracy_difference(runs))]
}
