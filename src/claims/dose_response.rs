//! Standardising more often helps more.

use super::claim::{Claim, Kind};
use super::decide::{Beyond, Criterion, Unit};
use super::evidence::{Cell, Evidence};
use super::figures::time_ratio;
use super::judging::Question;
use super::part::Part;
use super::regime::{Regime, Schedule};

pub const CLAIM: Claim = Claim {
    id: "dose-response",
    kind: Kind::Experiment,
    sentence: "standardising more often helps more",
    criterion: "time to target, frozen/refresh every 10 steps: above 1.25 holds, below 1.1 fails",
    reasoning: "Arm frozen standardises by the first minibatch for ever. Arm refresh_10 takes the statistics of every tenth \
        minibatch, and changes γ and β such that the function stays as it is: no weight's gradient changes at that moment, \
        so what it gains it gains by the scale at which γ and β are learnt. Seed by seed d = ln T(frozen) − ln T(refresh_10), \
        each arm at a rate of its own. Beside it: new statistics at every step, and every 10 steps with γ and β kept, so that \
        the function jumps.\n\
        The verdict would be another if the whole interval lay below 1.1.",
    regimes: &[Regime::Shallow, Regime::Sigmoid, Regime::Deep10],
    cells: |regime| cells(regime).to_vec(),
    parts,
    ..Claim::PLAIN
};

fn cells(regime: Regime) -> [Cell; 4] {
    ["frozen", "refresh_10", "refresh_1", "jumping_10"].map(|arm| Cell::own(regime, Schedule::Constant, arm))
}

fn parts(evidence: &Evidence, regime: Regime) -> Vec<Part> {
    let [frozen, every_10, every_1, jumping] = cells(regime);
    let faster = |sentence: &str, arm: Cell, decides: bool| {
        let question = Question {
            sentence,
            regime,
            criterion: Criterion { holds: Beyond::Above(1.25), fails: Beyond::Below(1.1), unit: Unit::Ratio },
            cells: &[frozen, arm],
            moved_by: [&["frozen"], &["refresh_10", "refresh_1", "jumping_10"]],
            decides,
        };
        evidence.judge(&question, &|runs| time_ratio(evidence, regime, runs))
    };
    vec![
        faster("every 10 steps is faster than once", every_10, true),
        faster("every step is faster than once", every_1, false),
        faster("every 10 steps, jumping, is faster than once", jumping, false),
    ]
}
