//! Unnormalised dynamics are unpredictable.

use std::collections::BTreeMap;

use super::analysis::{Analysis, Bench, Replay, Rows, each_seed, made_from_runs};
use super::claim::{Claim, Kind};
use super::decide::{Beyond, Criterion, Figure, Unit};
use super::evidence::{Cell, Evidence};
use super::judging::Question;
use super::part::Part;
use super::regime::{Regime, Schedule};
use super::sheet::Sheet;
use crate::probe::landscape::prediction_error;
use crate::train::{Batch, Observer};

pub const CLAIM: Claim = Claim {
    id: "unpredictable",
    kind: Kind::Experiment,
    sentence: "without normalisation the gradient tells less of what a step will do",
    criterion: "error of what the gradient predicts, at equal training loss, affine/bn: above 1.25 holds, below 1 fails",
    reasoning: "The gradient g says that the step −αg lowers the loss by α‖g‖². With α such that this is a tenth of \
        the loss, whatever the rate, the error is |actual − predicted|/predicted fall (prediction_error of landscape.csv). It is \
        taken every 25 steps. As nets that have learnt more are in another place, the arms are held against each other at equal \
        loss: looks are sorted into bins of ln loss, a quarter wide; in each bin that both arms visit the root mean square is \
        taken, and the mean over bins of its logarithm, affine less bn, seed by seed.\n\
        It holds if the whole interval lies above 1.25, and fails if it lies below 1.",
    regimes: &[Regime::Shallow],
    cells: |regime| cells(regime).to_vec(),
    analysis: Some(Analysis {
        columns: &["seed", "arm", "step", "loss", "prediction_error"],
        comes_first: false,
        made_from: |bench| made_from_runs(bench, &cells(Regime::Shallow)),
        make: |bench| each_seed(bench, &|seed| rows(bench, seed)),
    }),
    parts,
    ..Claim::PLAIN
};

/// Steps between two looks.
const EVERY: usize = 25;
/// Width of a bin of ln loss.
const BIN: f64 = 0.25;

fn cells(regime: Regime) -> [Cell; 2] {
    ["affine", "bn"].map(|arm| Cell::own(regime, Schedule::Constant, arm))
}

/// Looks at minibatches: step, loss, and the error of the prediction where there is one.
#[derive(Default)]
struct Looks(Vec<(usize, f64, Option<f64>)>);

impl Observer<f32> for Looks {
    fn batch(&mut self, batch: &Batch<f32>) -> anyhow::Result<()> {
        if batch.step.is_multiple_of(EVERY) {
            self.0.push((batch.step, batch.loss, prediction_error(batch)?));
        }
        Ok(())
    }
}

fn rows(bench: &Bench, seed: u64) -> anyhow::Result<Rows> {
    let mut rows = Vec::new();
    for cell in cells(Regime::Shallow) {
        let Some(replay) = Replay::of(bench, &cell, seed)? else { continue };
        let mut looks = Looks::default();
        replay.watch(replay.settings.train.steps, &mut looks, bench.stop)?;
        for (step, loss, error) in looks.0.into_iter().filter_map(|(step, loss, error)| Some((step, loss, error?))) {
            let words = [seed.to_string(), cell.arm.name.to_owned(), step.to_string()];
            let numbers = [loss, error].map(|x| format!("{x:e}"));
            rows.push([&words[..], &numbers].concat());
        }
    }
    Ok(rows)
}

fn parts(evidence: &Evidence, regime: Regime) -> Vec<Part> {
    let sheet = evidence.sheet(CLAIM.id);
    let criterion = Criterion { holds: Beyond::Above(1.25), fails: Beyond::Below(1.0), unit: Unit::Ratio };
    let sentence = "the gradient of affine predicts less well";
    let question = Question { sentence, regime, criterion, cells: &[], moved_by: [&[], &[]], decides: true };
    vec![question.answered(Figure::mean(&differences(&sheet)))]
}

/// For each seed, the mean over bins of ln(RMS of the error), affine less bn.
fn differences(sheet: &Sheet) -> Vec<f64> {
    let mut found: BTreeMap<u64, BTreeMap<i64, [Vec<f64>; 2]>> = BTreeMap::new();
    for (i, arm) in ["affine", "bn"].into_iter().enumerate() {
        for row in sheet.rows_where(&[("arm", arm)]) {
            let bin = (row.number("loss").ln() / BIN).floor() as i64;
            let bins = found.entry(row.number("seed") as u64).or_default();
            bins.entry(bin).or_default()[i].push(row.number("prediction_error"));
        }
    }
    let log_rms = |errors: &[f64]| (errors.iter().map(|e| e * e).sum::<f64>() / errors.len() as f64).ln() / 2.0;
    let of_seed = |bins: &BTreeMap<i64, [Vec<f64>; 2]>| {
        let both = bins.values().filter(|[a, b]| !a.is_empty() && !b.is_empty());
        let ratios: Vec<f64> = both.map(|[affine, bn]| log_rms(affine) - log_rms(bn)).collect();
        (!ratios.is_empty()).then(|| ratios.iter().sum::<f64>() / ratios.len() as f64)
    };
    found.values().filter_map(of_seed).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_compared_at_equal_loss() {
        let row = |arm: &str, loss: f64, error: f64| {
            ["0", arm, "0", &loss.to_string(), &error.to_string()].map(str::to_owned).to_vec()
        };
        let columns = ["seed", "arm", "step", "loss", "prediction_error"].map(str::to_owned).to_vec();
        // The bin of 0.01 is visited by one arm alone, and does not count. In that of 1: √((1 + 49)/2) = 5 against 1.
        let rows =
            vec![row("affine", 1.01, 1.0), row("affine", 1.02, 7.0), row("bn", 1.03, 1.0), row("bn", 0.01, 100.0)];
        let found = differences(&Sheet { columns, rows });
        assert!((found[0] - 5f64.ln()).abs() < 1e-12, "{found:?}");
    }
}
