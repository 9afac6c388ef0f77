//! Batch norm helps because it keeps activations stable (against it: Santurkar et al. 2018).

use super::claim::{Claim, Kind};
use super::decide::{Beyond, Criterion, Unit, Verdict};
use super::evidence::{Cell, Evidence};
use super::figures::share_of_gap;
use super::judging::Question;
use super::part::Part;
use super::regime::{Regime, Schedule};

pub const CLAIM: Claim = Claim {
    id: "stability-is-why",
    kind: Kind::Experiment,
    sentence: "batch norm helps because it keeps activations stable",
    criterion: "share of bn's gain in time that noisy keeps: below ½ holds, above fails",
    reasoning: "Arm noisy is bn with random factors and shifts behind γ and β, drawn anew at every step and for every sample: what the next \
        layer gets is less stable than without any norm. If stability were why bn helps, its gain would be gone. The share of \
        the gap between affine and bn is found as in larger-rates, behind the same gate.\n\
        The verdict would be another if the whole interval lay on the other side of ½.",
    regimes: &[Regime::Shallow, Regime::Sigmoid, Regime::Deep10],
    cells: |regime| cells(regime).to_vec(),
    parts,
    ..Claim::PLAIN
};

fn cells(regime: Regime) -> [Cell; 3] {
    ["affine", "bn", "noisy"].map(|arm| Cell::own(regime, Schedule::Constant, arm))
}

fn parts(evidence: &Evidence, regime: Regime) -> Vec<Part> {
    let question = Question {
        sentence: "noisy loses most of bn's gain",
        regime,
        criterion: Criterion { holds: Beyond::Below(0.5), fails: Beyond::Above(0.5), unit: Unit::Share },
        cells: &cells(regime),
        moved_by: [&["affine", "bn"], &["affine", "bn", "noisy"]],
        decides: true,
    };
    vec![evidence.judge(&question, &|runs| share_of_gap(evidence, regime, runs, Verdict::Inconclusive))]
}
