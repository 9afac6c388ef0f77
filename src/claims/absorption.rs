//! It takes an immense number of iterations to absorb what pooling shifts.

use super::claim::{Claim, Kind};
use super::decide::{Beyond, Criterion, Unit, Verdict};
use super::evidence::{Cell, Evidence};
use super::figures::share_of_gap;
use super::judging::{Part, Question};
use super::regime::{Regime, Schedule};

pub const CLAIM: Claim = Claim {
    id: "absorption",
    kind: Kind::Experiment,
    sentence: "it takes immense iterations until the layers behind a pool have absorbed its shift of mean and SD",
    criterion: "share of bn's gain in time that one standardisation behind the pools closes: above ½ holds, below, or no gap, fails",
    reasoning: "If what costs the steps is absorbing the mean and SD that the pools leave, then taking them out once, at the \
        start, saves those steps: arm frozen_pool standardises behind the pools by the first minibatch, and never again. The \
        share of the gap between affine and bn that it closes is found as in larger-rates. Where there is no gap, there is \
        nothing that took immense iterations, and the claim fails.\n\
        The verdict would be another if the whole interval lay above ½.",
    regimes: &[Regime::Cnn],
    cells: |regime| cells(regime).to_vec(),
    reads_activations: false,
    analysis: None,
    reads: &[],
    parts,
};

fn cells(regime: Regime) -> [Cell; 3] {
    ["affine", "bn", "frozen_pool"].map(|arm| Cell::own(regime, Schedule::Constant, arm))
}

fn parts(evidence: &Evidence, regime: Regime) -> Vec<Part> {
    let question = Question {
        sentence: "standardising once behind the pools closes more than half of the gap",
        regime,
        criterion: Criterion { holds: Beyond::Above(0.5), fails: Beyond::Below(0.5), unit: Unit::Share },
        cells: &cells(regime),
        moved_by: [&["affine", "bn"], &["affine", "bn", "frozen_pool"]],
        decides: true,
    };
    vec![evidence.judge(&question, &|runs| share_of_gap(evidence, regime, runs, Verdict::Fails))]
}
