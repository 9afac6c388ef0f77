//! Batch norm generalises better, apart from being faster.
//!
//! The arms are compared at a level of the loss that every run reaches. At the median of the slower arm's final losses,
//! half of its runs could not be read.

use serde_json::json;

use super::analysis::{Analysis, Bench, Replay, Rows, each_seed, made_from_runs};
use super::claim::{Claim, Kind};
use super::decide::{Beyond, Criterion, Unit, Verdict};
use super::evidence::{Cell, Evidence, Run};
use super::figures::{differences, mean_of};
use super::judging::{Found, Question};
use super::part::Part;
use super::regime::{Regime, Schedule};
use super::sheet::{Sheet, SheetRow};
use crate::nn::{Network, Statistics};
use crate::train::Observer;
use crate::train::evaluate::{Evaluator, Part as Split};

pub const CLAIM: Claim = Claim {
    id: "generalises",
    kind: Kind::Experiment,
    sentence: "batch norm generalises better, apart from being faster",
    criterion: "validation accuracy at equal training loss, bn − affine: above 0.005 holds, below fails",
    reasoning: "An arm that is faster has a lower training loss at the same step, and so a better accuracy: that is speed, not \
        generalisation. So the arms are held against each other where they have learnt the training set equally well. The \
        level is the lowest training loss that every run of both arms comes down to. Each run is read where it first reaches \
        that level, between two evaluations by interpolation: its accuracy on 10,000 samples held out. There are 20 \
        evaluations. Both figures are under the statistics of the population, so that moving averages that lag behind are not \
        to blame.\n\
        The verdict would be another if the whole interval of the difference lay on the other side of 0.005.",
    regimes: &[Regime::Shallow],
    cells: |regime| cells(regime).to_vec(),
    analysis: Some(Analysis {
        columns: &["arm", "rate", "seed", "step", "train_loss", "validation_accuracy"],
        comes_first: false,
        made_from: |bench| {
            let cells = cells(Regime::Shallow);
            json!([made_from_runs(bench, &cells), cells.map(|cell| cell.rates(bench.rates))])
        },
        make: |bench| each_seed(bench, &|seed| rows(bench, seed)),
    }),
    parts: |evidence, regime| vec![part(evidence, regime)],
    ..Claim::PLAIN
};

/// Steps between two evaluations.
const EVERY: usize = Regime::Shallow.steps() / 20;
/// Training samples that are evaluated.
const SAMPLES: usize = 1000;

fn cells(regime: Regime) -> [Cell; 2] {
    ["bn", "affine"].map(|arm| Cell::own(regime, Schedule::Cosine, arm))
}

/// One evaluation of a run.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Point {
    step: usize,
    loss: f64,
    accuracy: f64,
}

/// Evaluates a network on its way, under the statistics of the population.
struct OnTheWay<'a> {
    evaluator: Evaluator<'a, f32>,
    points: Vec<Point>,
}

impl Observer<f32> for OnTheWay<'_> {
    fn state(&mut self, step: usize, network: &Network<f32>) -> anyhow::Result<()> {
        if step.is_multiple_of(EVERY) {
            let [train, validation] = [Split::Train, Split::Validation].map(|part| self.evaluator.split(part).len());
            let parts = [(Split::Train, train.min(SAMPLES)), (Split::Validation, validation)];
            let scores = self.evaluator.scores(network, &parts, Statistics::Population)?;
            self.points.push(Point { step, loss: scores[0].loss, accuracy: scores[1].accuracy });
        }
        Ok(())
    }
}

/// The evaluations of both arms with a seed, at every rate that may be the best. A run that diverges has none.
fn rows(bench: &Bench, seed: u64) -> anyhow::Result<Rows> {
    let mut rows = Vec::new();
    let with_rates = |cell: Cell| cell.rates(bench.rates).into_iter().map(move |rate| (cell, rate));
    for (cell, rate) in cells(Regime::Shallow).into_iter().flat_map(with_rates) {
        let replay = Replay::at(bench, &cell, rate, seed)?;
        let evaluator = Evaluator::new(&replay.begun()?, &replay.data, replay.settings.train.batch_size, seed);
        let mut on_the_way = OnTheWay { evaluator, points: Vec::new() };
        if !replay.watch(Regime::Shallow.steps(), &mut on_the_way, bench.stop)? {
            continue;
        }
        rows.extend(on_the_way.points.iter().map(|Point { step, loss, accuracy }| {
            let numbers = [rate, seed as f64, *step as f64, *loss, *accuracy].map(|x| x.to_string());
            [&[cell.arm.name.to_owned()][..], &numbers].concat()
        }));
    }
    Ok(rows)
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
    let sheet = evidence.sheet(CLAIM.id);
    evidence.judge(&question, &|runs| {
        let of = |(cell, runs): (&Cell, &Vec<&Run>)| runs.iter().map(|run| curve(&sheet, cell.arm.name, run)).collect();
        let curves: Vec<Vec<Vec<Point>>> = question.cells.iter().zip(runs).map(of).collect();
        at_equal_loss(&curves[0], &curves[1])
    })
}

/// The evaluations of a run.
fn curve(sheet: &Sheet, arm: &str, run: &Run) -> Vec<Point> {
    let [rate, seed] = [run.rate.to_string(), run.seed.to_string()];
    let words = [("arm", arm), ("rate", &rate), ("seed", &seed)];
    let point = |row: SheetRow| Point {
        step: row.number("step") as usize,
        loss: row.number("train_loss"),
        accuracy: row.number("validation_accuracy"),
    };
    sheet.rows_where(&words).map(point).collect()
}

/// Validation accuracy of the first arm less that of the second, each where it first has the lowest training loss that all
/// runs reach.
fn at_equal_loss(a: &[Vec<Point>], b: &[Vec<Point>]) -> Found {
    let lowest = |curve: &Vec<Point>| curve.iter().map(|point| point.loss).fold(f64::INFINITY, f64::min);
    let level = a.iter().chain(b).map(lowest).fold(0.0, f64::max);
    let accuracies =
        |curves: &[Vec<Point>]| curves.iter().map(|curve| accuracy_at(curve, level)).collect::<Option<Vec<f64>>>();
    match (accuracies(a), accuracies(b)) {
        (Some(a), Some(b)) => mean_of(&differences(&a, &b)),
        _ => Err((Verdict::Inconclusive, "some run diverged".to_owned())),
    }
}

/// Validation accuracy where the training loss first is `level`, linear in ln loss between two evaluations.
fn accuracy_at(curve: &[Point], level: f64) -> Option<f64> {
    let at = curve.iter().position(|point| point.loss <= level)?;
    let after = curve[at];
    let Some(before) = at.checked_sub(1).map(|before| curve[before]) else { return Some(after.accuracy) };
    let share = (before.loss.ln() - level.ln()) / (before.loss.ln() - after.loss.ln());
    Some(before.accuracy + share * (after.accuracy - before.accuracy))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::atomic::AtomicBool;
    use std::time::Duration;

    use super::super::experiments::{experiment_of, folder_of};
    use super::super::rates::{Chosen, Rates, Tuned};
    use super::super::reading;
    use super::super::regime::Data;
    use super::super::tests::Nobody;
    use super::*;
    use crate::data::Store;
    use crate::runner::{Options, complete};

    #[test]
    fn at_the_end_it_has_read_what_the_run_has_under_the_statistics_of_the_population() {
        let lab = tempfile::tempdir().expect("a folder");
        let (store, stop) = (Store::new("nowhere"), AtomicBool::new(false));
        let [bn, _] = cells(Regime::Shallow);
        let mut rates = Rates::default();
        let chosen = Chosen { best: 0.3, as_good: Vec::new(), tried: [0.01, 1.0] };
        let tuned = Tuned { target: None, arms: BTreeMap::from([("bn".to_owned(), chosen)]) };
        rates.0.entry(Regime::Shallow).or_default().insert(Schedule::Cosine, tuned);
        let experiment = experiment_of(&bn.arm, Data::Glyphs, &store, &[0.3], &[3]).expect("an experiment");
        let (resume_every, only) = (Duration::MAX, None);
        let options =
            Options { jobs: 1, shard: None, only, known: None, trace: false, resume_every, discard: None, stop: &stop };
        let out = folder_of(lab.path(), &bn.arm);
        let done = complete(&experiment, &store, out.path().parent().expect("a folder"), &options, &Nobody);
        let (found, _) = reading::read(&done.expect("trained").folder, 1500, &[0.3], &[3], false).expect("read");
        let run = &found[&0.3f64.to_bits()][0];
        let (data, seeds, regimes) = (Data::Glyphs, &[3][..], &[Regime::Shallow][..]);
        let bench =
            Bench { folder: lab.path(), data, store: &store, rates: &rates, seeds, regimes, jobs: 1, stop: &stop };
        let rows = rows(&bench, 3).expect("rows");
        let columns = CLAIM.analysis.expect("an analysis").columns.iter().map(|name| (*name).to_owned()).collect();
        let curve = curve(&Sheet { columns, rows }, "bn", run);
        assert_eq!(curve.len(), 21);
        let last = curve[20];
        assert_eq!((last.step, Some(last.accuracy)), (1500, run.validation_accuracy));
        // Under moving averages the accuracy of 5,000 samples differs.
        assert!(curve[10].step == 750 && curve[10].loss > last.loss);
    }

    fn curve_of(points: &[(f64, f64)]) -> Vec<Point> {
        let point =
            |(i, (loss, accuracy)): (usize, &(f64, f64))| Point { step: 10 * i, loss: *loss, accuracy: *accuracy };
        points.iter().enumerate().map(point).collect()
    }

    #[test]
    fn an_accuracy_is_read_where_the_loss_crosses_the_level() {
        let curve = curve_of(&[(2.0, 0.1), (1.0, 0.5), (0.25, 0.8), (0.3, 0.9)]);
        // Half of the way from ln 1 to ln ¼.
        assert!((accuracy_at(&curve, 0.5).unwrap() - 0.65).abs() < 1e-12);
        assert_eq!(accuracy_at(&curve, 1.0), Some(0.5));
        assert_eq!(accuracy_at(&curve, 3.0), Some(0.1));
        assert_eq!(accuracy_at(&curve, 0.2), None);
    }

    #[test]
    fn the_level_is_the_lowest_that_every_run_comes_down_to_and_a_diverged_run_decides_nothing() {
        let fast = |shift: f64| curve_of(&[(2.0, 0.1), (0.5, 0.6 + shift), (0.1, 0.9)]);
        let slow = |shift: f64| curve_of(&[(2.0, 0.1), (1.0, 0.4), (0.5, 0.5 + shift)]);
        // Seed by seed 0.1 + 0.02 and 0.1 − 0.02.
        let found = at_equal_loss(&[fast(0.02), fast(0.0)], &[slow(0.0), slow(0.02)]).expect("a figure");
        assert!((found.estimate - 0.1).abs() < 1e-12, "{found:?}");
        assert!(at_equal_loss(&[fast(0.0), Vec::new()], &[slow(0.0), slow(0.0)]).is_err());
    }
}
