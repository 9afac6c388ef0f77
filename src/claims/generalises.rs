//! Batch norm generalises better, apart from being faster.

use super::claim::{Claim, Kind};
use super::decide::{Beyond, Criterion, Unit, Verdict};
use super::evidence::{Cell, Evidence, Run};
use super::figures::{differences, mean_of};
use super::judging::{Found, Part, Question};
use super::regime::{Regime, Schedule};

pub const CLAIM: Claim = Claim {
    id: "generalises",
    kind: Kind::Experiment,
    sentence: "batch norm generalises better, apart from being faster",
    criterion: "validation accuracy at equal training loss, bn − affine: above 0.005 holds, below fails",
    reasoning: "An arm that is faster has a lower training loss at the same step, and so a better accuracy: that is speed, not \
        generalisation. So the arms are held against each other where they have learnt the training set equally well. The \
        level is the lowest training loss that every run of both arms comes down to. Each run is read where it first reaches \
        that level, between two evaluations by interpolation: its accuracy on 10,000 samples held out.\n\
        The verdict would be another if the whole interval of the difference lay below 0.005.",
    regimes: &[Regime::Shallow],
    cells: |regime| cells(regime).to_vec(),
    parts: |evidence, regime| vec![part(evidence, regime)],
    ..Claim::PLAIN
};

fn cells(regime: Regime) -> [Cell; 2] {
    ["bn", "affine"].map(|arm| Cell::own(regime, Schedule::Cosine, arm))
}

fn part(evidence: &Evidence, regime: Regime) -> Part {
    let question = Question {
        sentence: "at equal training loss bn has a higher validation accuracy",
        regime,
        criterion: Criterion { holds: Beyond::Above(0.005), fails: Beyond::Below(0.005), unit: Unit::Accuracy },
        cells: &cells(regime),
        moved_by: [&[], &[]],
        decides: true,
    };
    evidence.judge(&question, &|runs| at_equal_loss(runs))
}

/// Validation accuracy of the first arm less that of the second, where each first has the lowest training loss that all runs
/// reach.
fn at_equal_loss(runs: &[Vec<&Run>]) -> Found {
    let lowest = |run: &&Run| run.training.iter().map(|(_, loss)| *loss).fold(f64::INFINITY, f64::min);
    let level = runs.iter().flatten().map(lowest).fold(0.0, f64::max);
    let diverged = runs.iter().flatten().any(|run| run.diverged);
    let accuracies = |runs: &Vec<&Run>| runs.iter().map(|run| accuracy_at(run, level)).collect::<Option<Vec<f64>>>();
    match (accuracies(&runs[0]), accuracies(&runs[1])) {
        (Some(a), Some(b)) if !diverged => mean_of(&differences(&a, &b)),
        _ => Err((
            Verdict::Inconclusive,
            "some run diverged, or never came down to the other arm's training loss".to_owned(),
        )),
    }
}

/// Validation accuracy where the training loss first is `level`, linear in ln loss between two evaluations.
fn accuracy_at(run: &Run, level: f64) -> Option<f64> {
    let at = run.training.iter().position(|(_, loss)| *loss <= level)?;
    let accuracy = |i: usize| {
        let step = run.training[i].0;
        run.validation.iter().find(|(known, _)| *known == step).map(|(_, accuracy)| *accuracy)
    };
    if at == 0 {
        return accuracy(0);
    }
    let (above, below) = (run.training[at - 1].1, run.training[at].1);
    let share = (above.ln() - level.ln()) / (above.ln() - below.ln());
    Some(accuracy(at - 1)? + share * (accuracy(at)? - accuracy(at - 1)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_accuracy_is_read_where_the_loss_crosses_the_level() {
        let run = Run {
            validation: vec![(0, 0.1), (10, 0.5), (20, 0.8), (30, 0.9)],
            training: vec![(0, 2.0), (10, 1.0), (20, 0.25), (30, 0.3)],
            ..Run::default()
        };
        // Half of the way from ln 1 to ln ¼.
        assert!((accuracy_at(&run, 0.5).unwrap() - 0.65).abs() < 1e-12);
        assert_eq!(accuracy_at(&run, 1.0), Some(0.5));
        assert_eq!(accuracy_at(&run, 3.0), Some(0.1));
        assert_eq!(accuracy_at(&run, 0.2), None);
    }
}
