//! Which half of eq. 1 does the work: centring or scaling?

use super::claim::{Claim, Kind};
use super::decide::{Beyond, Criterion, Unit, Verdict};
use super::evidence::{Cell, Evidence, Run};
use super::figures::{gap, share_of_gap, time_ratio};
use super::judging::{Found, Question};
use super::part::Part;
use super::regime::{Regime, Schedule};

pub const CLAIM: Claim = Claim {
    id: "which-half",
    kind: Kind::Experiment,
    sentence: "of eq. 1 it is the centring that does the work, more than the scaling",
    criterion: "time to target, scale/center: above 1 holds (centring), below fails (scaling)",
    reasoning: "Arm center subtracts the batch's mean and divides by nothing; arm scale divides by its SD and subtracts nothing. \
        Both have γ and β, the gradient through what they take from the batch, and a rate of their own. First a gate: bn has \
        to be faster than affine at all. Then seed by seed d = ln T(scale) − ln T(center). The share of bn's gain that each \
        half keeps is shown beside.\n\
        The verdict would be another if the whole interval lay on the other side of 1.",
    regimes: &Regime::ALL,
    cells: |regime| cells(regime).to_vec(),
    parts,
    ..Claim::PLAIN
};

fn cells(regime: Regime) -> [Cell; 4] {
    ["affine", "bn", "scale", "center"].map(|arm| Cell::own(regime, Schedule::Constant, arm))
}

fn parts(evidence: &Evidence, regime: Regime) -> Vec<Part> {
    let [affine, bn, scale, center] = cells(regime);
    let halves = |runs: &[Vec<&Run>]| -> Found {
        gap(evidence, regime, runs, Verdict::Inconclusive)?;
        time_ratio(evidence, regime, &runs[2..])
    };
    let decisive = Question {
        sentence: "center is faster than scale",
        regime,
        criterion: Criterion { holds: Beyond::Above(1.0), fails: Beyond::Below(1.0), unit: Unit::Ratio },
        cells: &[affine, bn, scale, center],
        // A better rate of affine might close the gap.
        moved_by: [&["affine", "scale"], &["affine", "center"]],
        decides: true,
    };
    let share = |sentence: &str, half: Cell| {
        let question = Question {
            sentence,
            regime,
            criterion: Criterion { holds: Beyond::Above(0.5), fails: Beyond::Below(0.5), unit: Unit::Share },
            cells: &[affine, bn, half],
            moved_by: [&["affine", "bn"], &["affine", "bn", "scale", "center"]],
            decides: false,
        };
        evidence.judge(&question, &|runs| share_of_gap(evidence, regime, runs, Verdict::Inconclusive))
    };
    vec![
        evidence.judge(&decisive, &halves),
        share("center keeps more than half of bn's gain", center),
        share("scale keeps more than half of bn's gain", scale),
    ]
}
