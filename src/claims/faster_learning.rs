//! Batch norm learns faster.

use super::cheaper_steps::log_cost_ratios;
use super::claim::{Claim, Kind};
use super::decide::{Beyond, Criterion, Unit};
use super::evidence::{Cell, Evidence, Run};
use super::figures::{scaled_time_ratio, time_ratio};
use super::judging::{Found, Question};
use super::part::Part;
use super::regime::{Regime, Schedule};

pub const CLAIM: Claim = Claim {
    id: "faster-learning",
    kind: Kind::Experiment,
    sentence: "batch norm (eqs. 1 and 2) learns faster than eq. 3",
    criterion: "time to target, affine/bn: above 1.25 holds, below fails; in steps and in seconds",
    reasoning: "T is the first time at which the mean of five successive validation accuracies reaches the target, 99 % of \
        the median final accuracy of affine or bn, whichever is higher, on the seeds that rates are chosen on. Each arm has the learning rate that is best \
        for it. Seed by seed d = ln T(affine) − ln T(bn); its mean is a ratio of times. A run that never arrives counts as \
        having taken all steps. In seconds d + ln(seconds a step of affine / seconds a step of bn) is used, with step times \
        measured in turn; where some run does not arrive, both arms count until the one with the cheaper steps has taken all.\n\
        That eq. 3, having the simpler gradient, learns faster is judged beside it: it holds if the ratio is below 0.8.\n\
        The verdict would be another if the whole interval lay on the other side of the threshold.",
    regimes: &Regime::ALL,
    cells: |regime| cells(regime).to_vec(),
    reads: &["cheaper-steps"],
    parts,
    ..Claim::PLAIN
};

fn cells(regime: Regime) -> [Cell; 2] {
    ["affine", "bn"].map(|arm| Cell::own(regime, Schedule::Constant, arm))
}

fn parts(evidence: &Evidence, regime: Regime) -> Vec<Part> {
    let bn = Criterion { holds: Beyond::Above(1.25), fails: Beyond::Below(1.25), unit: Unit::Ratio };
    let affine = Criterion { holds: Beyond::Below(0.8), fails: Beyond::Above(0.8), unit: Unit::Ratio };
    let in_steps = |runs: &[Vec<&Run>]| time_ratio(evidence, regime, runs);
    let in_seconds = |runs: &[Vec<&Run>]| seconds_ratio(evidence, regime, runs);
    let asked = |sentence: &str, criterion, decides, figure: &dyn Fn(&[Vec<&Run>]) -> Found| {
        let cells = &cells(regime);
        let moved_by: [&[&str]; 2] = [&["affine"], &["bn"]];
        evidence.judge(&Question { sentence, regime, criterion, cells, moved_by, decides }, figure)
    };
    vec![
        asked("batch norm learns faster, in steps", bn, true, &in_steps),
        asked("batch norm learns faster, in seconds", bn, true, &in_seconds),
        asked("eq. 3 learns faster, in steps", affine, false, &in_steps),
        asked("eq. 3 learns faster, in seconds", affine, false, &in_seconds),
    ]
}

/// Ratio of times in seconds: ratio of steps times ratio of a step's duration, of which each seed has one measured block.
fn seconds_ratio(evidence: &Evidence, regime: Regime, runs: &[Vec<&Run>]) -> Found {
    // bn over affine.
    let costs = log_cost_ratios(evidence, regime);
    if costs.is_empty() {
        let why = format!("the time of a step was not measured in regime {}", regime.name());
        return Err((super::decide::Verdict::Inconclusive, why));
    }
    let factors: Vec<f64> = costs.iter().map(|cost| -cost).collect();
    scaled_time_ratio(evidence, regime, runs, &factors)
}
