//! Suppressed features lower the network's capacity.

use super::claim::{Claim, Kind};
use super::decide::{Beyond, Criterion, Figure, Unit, Verdict};
use super::evidence::{Cell, Evidence, Run};
use super::figures::differences;
use super::judging::{Found, Part, Question};
use super::regime::{Regime, Schedule};

pub const CLAIM: Claim = Claim {
    id: "capacity",
    kind: Kind::Experiment,
    sentence: "while half of the features are small, the net has the capacity of one of half the width",
    criterion: "share of the loss by halving the width that suppression comes to, random labels: above ½ holds, below fails",
    reasoning: "A net that is to learn 1,000 random labels by heart shows how much it can hold. Three nets of arm affine train for \
        600 steps: 100 channels a layer; 100, of which the first half begins with weights a tenth as large; and 50. With their \
        training accuracies A the share is (A₁₀₀ − A_small)/(A₁₀₀ − A₅₀), tested without forming the ratio, as in larger-rates. \
        First a gate: halving the width has to cost something. Each net has a rate of its own.\n\
        The verdict would be another if the whole interval lay below ½.",
    regimes: &[Regime::Memorise],
    cells: |regime| cells(regime).to_vec(),
    reads_activations: false,
    analysis: None,
    reads: &[],
    parts,
};

fn cells(regime: Regime) -> [Cell; 3] {
    ["affine", "affine_50", "affine_small"].map(|arm| Cell::own(regime, Schedule::Constant, arm))
}

fn parts(evidence: &Evidence, regime: Regime) -> Vec<Part> {
    let question = Question {
        sentence: "suppression costs more than half of what halving the width costs",
        regime,
        criterion: Criterion { holds: Beyond::Above(0.5), fails: Beyond::Below(0.5), unit: Unit::Share },
        cells: &cells(regime),
        moved_by: [&["affine_small", "affine", "affine_50"], &["affine", "affine_50"]],
        decides: true,
    };
    vec![evidence.judge(&question, &share)]
}

fn share(runs: &[Vec<&Run>]) -> Found {
    let accuracies = |runs: &Vec<&Run>| runs.iter().map(|run| run.train_accuracy.unwrap_or(0.1)).collect::<Vec<_>>();
    let [whole, half, small] = [0, 1, 2].map(|i| accuracies(&runs[i]));
    let (gap, lost) = (differences(&whole, &half), differences(&whole, &small));
    let is_there = Figure::mean(&gap).is_some_and(|gap| gap.is(Beyond::Above(0.0)));
    let figure = Figure::share(&lost, &gap, false).filter(|_| is_there);
    figure.ok_or((Verdict::Inconclusive, "these seeds do not show that halving the width costs anything".to_owned()))
}
