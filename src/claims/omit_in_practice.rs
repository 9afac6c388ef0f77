//! In practice batch norm cannot be omitted.

use super::claim::{Claim, Kind};
use super::decide::{Beyond, Criterion, Unit};
use super::evidence::{Cell, Evidence};
use super::figures::accuracy_difference;
use super::judging::Question;
use super::part::Part;
use super::regime::{Regime, Schedule};

pub const CLAIM: Claim = Claim {
    id: "omit-in-practice",
    kind: Kind::Experiment,
    sentence: "in practice batch norm cannot be left out for eq. 3",
    criterion: "test accuracy, bn − affine: above 0 holds; below 0.002 (as good, or better without) fails",
    reasoning: "Whoever leaves something out wants the same accuracy at the end. Both arms are tuned on 10,000 samples held out, \
        with a learning rate that decays to 0, and the test set is read once, under the statistics of the population. Seed \
        by seed the difference of accuracies is taken.\n\
        The verdict would be another if the whole interval lay below 0.002: then nothing that matters is lost. The test set \
        has an error of its own, of about ± 0.003 for a difference; the seeds do not show it.",
    regimes: &Regime::ALL,
    cells: |regime| cells(regime).to_vec(),
    parts: |evidence, regime| vec![part(evidence, regime)],
    ..Claim::PLAIN
};

fn cells(regime: Regime) -> [Cell; 2] {
    ["bn", "affine"].map(|arm| Cell::own(regime, Schedule::Cosine, arm))
}

fn part(evidence: &Evidence, regime: Regime) -> Part {
    let question = Question {
        sentence: "bn ends with a higher accuracy than affine",
        regime,
        criterion: Criterion { holds: Beyond::Above(0.0), fails: Beyond::Below(0.002), unit: Unit::Accuracy },
        cells: &cells(regime),
        moved_by: [&["affine"], &["bn"]],
        decides: true,
    };
    evidence.judge(&question, &|runs| accuracy_difference(runs))
}
