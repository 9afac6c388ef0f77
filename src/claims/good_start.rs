//! The success of batch norm is mostly a good start (Peerthum & Stamp 2023).

use super::claim::{Claim, Kind};
use super::decide::{Beyond, Criterion, Unit, Verdict};
use super::evidence::{Cell, Evidence};
use super::figures::share_of_gap;
use super::judging::Question;
use super::part::Part;
use super::regime::{Regime, Schedule};

pub const CLAIM: Claim = Claim {
    id: "good-start",
    kind: Kind::Experiment,
    sentence: "batch norm's success is mostly a good start",
    criterion: "share of bn's gain in time that affine_init closes: above ½ holds, below fails",
    reasoning: "Arm affine_init is eq. 3 whose γ and β start such that on the first minibatch it does what bn would do; after that nothing \
        is standardised. If bn's gain were its start, this arm would have it. The share of the gap between affine and bn is \
        found as in larger-rates, behind the same gate; a share above 0.8 is nearly all, one below 0.2 hardly any. Arm frozen \
        is the same function at the start, with the statistics of the first minibatch for ever before γ and β, and is shown \
        beside.\n\
        The verdict would be another if the whole interval lay on the other side of ½.",
    regimes: &[Regime::Sigmoid, Regime::Shallow, Regime::Deep10, Regime::Res20, Regime::Offset],
    cells: |regime| cells(regime).to_vec(),
    parts,
    ..Claim::PLAIN
};

fn cells(regime: Regime) -> [Cell; 4] {
    ["affine", "bn", "affine_init", "frozen"].map(|arm| Cell::own(regime, Schedule::Constant, arm))
}

fn parts(evidence: &Evidence, regime: Regime) -> Vec<Part> {
    let [affine, bn, init, frozen] = cells(regime);
    let share = |sentence: &str, arm: Cell, decides: bool| {
        let question = Question {
            sentence,
            regime,
            criterion: Criterion { holds: Beyond::Above(0.5), fails: Beyond::Below(0.5), unit: Unit::Share },
            cells: &[affine, bn, arm],
            moved_by: [&["affine", "bn"], &["affine", "bn", "affine_init", "frozen"]],
            decides,
        };
        evidence.judge(&question, &|runs| share_of_gap(evidence, regime, runs, Verdict::Inconclusive))
    };
    vec![
        share("affine_init closes more than half of the gap", init, true),
        share("frozen closes more than half of the gap", frozen, false),
    ]
}
