//! Gradients of different functions are added, which hurts.

use super::claim::{Claim, Kind};
use super::decide::{Beyond, Criterion, Unit};
use super::evidence::{Cell, Evidence};
use super::figures::time_ratio;
use super::judging::{Part, Question};
use super::regime::{Regime, Schedule};

pub const CLAIM: Claim = Claim {
    id: "two-functions",
    kind: Kind::Experiment,
    sentence: "statistics that move from batch to batch add up gradients of different functions, which hurts",
    criterion: "time to target, statistics of 64 and of 8 samples/of all 256: above 1.25 holds, below fails",
    reasoning: "With another batch μ and σ are others, so one may say that each step has a function of its own. If that hurt, \
        statistics of fewer samples, which move more, would hurt more. All arms take the same minibatches of 256 at the same \
        rate, the best of bn; they differ in how many samples share a mean and an SD: 256, 64 (what people use), or 8. Seed by \
        seed d = ln T(64 or 8) − ln T(256); both parts decide.\n\
        The gradient through μ and σ is that of one function of all parameters and of the whole batch: the tests of the \
        program check it to 1e-6.\n\
        The verdict would be another if the whole interval lay below 1.25.",
    regimes: &[Regime::Batch256],
    cells: |regime| cells(regime).to_vec(),
    reads_activations: false,
    analysis: None,
    reads: &[],
    parts,
};

fn cells(regime: Regime) -> [Cell; 3] {
    let at = |arm| Cell::at(regime, Schedule::Constant, arm, "bn");
    [Cell::own(regime, Schedule::Constant, "bn"), at("ghost_64"), at("ghost_8")]
}

fn parts(evidence: &Evidence, regime: Regime) -> Vec<Part> {
    let [whole, of_64, of_8] = cells(regime);
    let slower = |sentence: &str, ghost: Cell| {
        let question = Question {
            sentence,
            regime,
            criterion: Criterion { holds: Beyond::Above(1.25), fails: Beyond::Below(1.25), unit: Unit::Ratio },
            cells: &[ghost, whole],
            moved_by: [&[], &[]],
            decides: true,
        };
        evidence.judge(&question, &|runs| time_ratio(evidence, regime, runs))
    };
    vec![slower("statistics of 64 samples are slower", of_64), slower("statistics of 8 samples are slower", of_8)]
}
