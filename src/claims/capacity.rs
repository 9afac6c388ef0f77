//! Suppressed features lower the network's capacity.

use super::bound::Bound;
use super::claim::{Claim, Kind};
use super::decide::{Beyond, Criterion, Figure, Unit, Verdict};
use super::evidence::{CHANCE, Cell, Evidence, Run};
use super::figures::differences;
use super::judging::{Found, Question};
use super::part::Part;
use super::regime::{Regime, Schedule};

pub const CLAIM: Claim = Claim {
    id: "capacity",
    kind: Kind::Experiment,
    sentence: "features that are small cost a net most of the capacity that it would lose without them",
    criterion: "share of the loss by halving the width that suppression comes to, random labels: above ½ holds, below fails",
    reasoning: "A net that is to learn 1,000 random labels by heart shows how much it can hold. Three nets of arm affine train for \
        600 steps: 100 channels a layer; 100, of which the first half begins with weights a tenth as large; and 50. With their \
        training accuracies A the share is (A₁₀₀ − A_small)/(A₁₀₀ − A₅₀), tested without forming the ratio, as in larger-rates. \
        First a gate: halving the width has to cost something. Each net has a rate of its own. \
        Beside it: the same share earlier in the training.\n\
        The verdict would be another if the whole interval lay on the other side of ½.",
    regimes: &[Regime::Memorise],
    cells: |regime| cells(regime).to_vec(),
    parts,
    ..Claim::PLAIN
};

fn cells(regime: Regime) -> [Cell; 3] {
    ["affine", "affine_50", "affine_small"].map(|arm| Cell::own(regime, Schedule::Constant, arm))
}

/// Steps at which it is looked at, besides the end.
const STEPS: [usize; 3] = [100, 200, 400];

fn parts(evidence: &Evidence, regime: Regime) -> Vec<Part> {
    let part = |sentence: &str, step: usize, decides: bool| {
        let question = Question {
            sentence,
            regime,
            criterion: Criterion { holds: Beyond::Above(0.5), fails: Beyond::Below(0.5), unit: Unit::Share },
            cells: &cells(regime),
            moved_by: [&["affine_small", "affine", "affine_50"], &["affine", "affine_50"]],
            decides,
        };
        evidence.judge(&question, &|runs| share(runs, step))
    };
    let sentence = "suppression costs more than half of what halving the width costs";
    let after = |step: usize| part(&format!("the same after {step} steps"), step, false);
    [part(sentence, regime.steps(), true)].into_iter().chain(STEPS.map(after)).collect()
}

/// Training accuracy at a step: that of the last evaluation up to it; at the end, the final one. A run that diverged counts
/// as guessing.
fn accuracy(run: &Run, step: usize) -> f64 {
    let on_the_way = || run.learning.iter().rev().find(|(at, _)| *at <= step).map(|(_, accuracy)| *accuracy);
    let found = if step == run.budget { run.train_accuracy } else { on_the_way() };
    found.filter(|_| !run.diverged).unwrap_or(CHANCE)
}

fn share(runs: &[Vec<&Run>], step: usize) -> Found {
    let accuracies = |runs: &Vec<&Run>| runs.iter().map(|run| accuracy(run, step)).collect::<Vec<_>>();
    let [whole, half, small] = [0, 1, 2].map(|i| accuracies(&runs[i]));
    let (gap, lost) = (differences(&whole, &half), differences(&whole, &small));
    let is_there = Figure::mean(&gap).is_some_and(|gap| gap.is(Beyond::Above(0.0)));
    let figure = Figure::share(&lost, &gap, Bound::Exact).filter(|_| is_there);
    figure.ok_or((Verdict::Inconclusive, "these seeds do not show that halving the width costs anything".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accuracy_on_the_way_is_that_of_the_last_evaluation() {
        let learning = vec![(1, 0.1), (95, 0.3), (101, 0.4)];
        let run = Run { budget: 600, learning, train_accuracy: Some(0.9), ..Run::default() };
        assert_eq!([1, 100, 101, 400, 600].map(|step| accuracy(&run, step)), [0.1, 0.3, 0.4, 0.4, 0.9]);
        assert_eq!(accuracy(&Run { diverged: true, ..run }, 600), CHANCE);
    }
}
