//! Eq. 3 can be made to work.

use super::claim::{Claim, Kind};
use super::decide::{Beyond, Criterion, Unit, Verdict};
use super::evidence::{Cell, Evidence};
use super::figures::share_of_gap;
use super::judging::Question;
use super::part::Part;
use super::regime::{Regime, Schedule};

pub const CLAIM: Claim = Claim {
    id: "repaired",
    kind: Kind::Experiment,
    sentence: "eq. 3 can be repaired without looking at every batch",
    criterion: "share of bn's gain in time that one repair closes: above ½ holds, below fails",
    reasoning: "For each regime one repair was named before any run: shallow, the weights are standardised in the place of the \
        activations (weight_std); sigmoid, γ and β start from the first minibatch (affine_init); res20, γ starts at 0, so that \
        the net begins shallow (gamma_0). The share of the gap between affine and bn is found as in larger-rates, behind the \
        same gate.\n\
        The verdict would be another if the whole interval lay on the other side of ½. It says that a repair exists, and not that it always \
        helps.",
    regimes: &[Regime::Shallow, Regime::Sigmoid, Regime::Res20],
    cells: |regime| cells(regime).to_vec(),
    parts,
    ..Claim::PLAIN
};

/// The repair that was named for a regime.
const fn repair(regime: Regime) -> &'static str {
    match regime {
        Regime::Sigmoid => "affine_init",
        Regime::Res20 => "gamma_0",
        _ => "weight_std",
    }
}

fn cells(regime: Regime) -> [Cell; 3] {
    ["affine", "bn", repair(regime)].map(|arm| Cell::own(regime, Schedule::Constant, arm))
}

fn parts(evidence: &Evidence, regime: Regime) -> Vec<Part> {
    let question = Question {
        sentence: &format!("{} closes more than half of the gap", repair(regime)),
        regime,
        criterion: Criterion { holds: Beyond::Above(0.5), fails: Beyond::Below(0.5), unit: Unit::Share },
        cells: &cells(regime),
        moved_by: [&["affine", "bn"], &["affine", "bn", repair(regime)]],
        decides: true,
    };
    vec![evidence.judge(&question, &|runs| share_of_gap(evidence, regime, runs, Verdict::Inconclusive))]
}
