//! Until a pool's shift is absorbed, features of low SD are suppressed.

use super::analysis::{Analysis, Bench, Replay, each_seed, made_from_runs};
use super::bound::Bound;
use super::claim::{Claim, Kind};
use super::decide::{Beyond, Criterion, Figure, Unit};
use super::evidence::{Cell, Evidence};
use super::figures::accuracy_difference;
use super::judging::Question;
use super::part::Part;
use super::regime::{Regime, Schedule};
use super::sheet::Sheet;
use crate::nn::parameters::Tensor;
use crate::nn::{Network, Pass, Statistics};

pub const CLAIM: Claim = Claim {
    id: "suppression",
    kind: Kind::Experiment,
    sentence: "features of low SD stay suppressed in eq. 3, and that does harm",
    criterion: "share of the loss by taking out the small half, of taking out either half: below ¼ holds, above 0.4 fails; and \
        accuracy lost by it: above 0.005 holds, below fails",
    reasoning: "In arm affine the incoming weights of the first half of each layer's channels begin a tenth as large. Along the \
        training one half of the channels at a time is taken out: nothing behind it reads it. ΔL is what that adds to the \
        validation loss. The share is ΔL(small half)/(ΔL(small half) + ΔL(other half)) at the end, tested without forming the \
        ratio; if both halves were of equal use it would be ½.\n\
        Second part, harm: final accuracy of a net that never had small features, less that of this one, tuned and read as in \
        omit-in-practice. In bn a factor on the weights cancels, so the question does not arise.\n\
        The verdict would be another if the share lay above 0.4, and the accuracy lost below 0.005.",
    regimes: &[Regime::Shallow],
    cells: |regime| cells(regime).to_vec(),
    analysis: Some(Analysis {
        columns: &["seed", "step", "loss", "without_small", "without_rest"],
        comes_first: false,
        made_from: |bench| made_from_runs(bench, &cells(Regime::Shallow)[..1]),
        make: |bench| each_seed(bench, &|seed| rows(bench, seed)),
    }),
    parts,
    ..Claim::PLAIN
};

/// Steps at which halves are taken out, besides the end.
const STEPS: [usize; 6] = [0, 50, 150, 300, 600, 1000];

fn cells(regime: Regime) -> [Cell; 3] {
    [
        Cell::own(regime, Schedule::Constant, "affine_small"),
        Cell::own(regime, Schedule::Cosine, "affine"),
        Cell::own(regime, Schedule::Cosine, "affine_small"),
    ]
}

fn rows(bench: &Bench, seed: u64) -> anyhow::Result<Vec<Vec<String>>> {
    let [cell, ..] = cells(Regime::Shallow);
    let Some(replay) = Replay::of(bench, &cell, seed)? else { return Ok(Vec::new()) };
    let last = Regime::Shallow.steps();
    let mut kept: Vec<(usize, Vec<f32>)> = Vec::new();
    let mut look = |step: usize, network: &Network<f32>| {
        if STEPS.contains(&step) || step == last {
            kept.push((step, network.parameters.clone()));
        }
    };
    if !replay.train(last, &mut look, bench.stop)? {
        return Ok(Vec::new());
    }
    let row = |(step, parameters): &(usize, Vec<f32>)| -> anyhow::Result<Vec<String>> {
        let mut network = replay.begun()?;
        let mut loss = |out: Option<bool>| {
            network.parameters.clone_from(parameters);
            if let Some(is_first) = out {
                take_out(&mut network, is_first);
            }
            validation_loss(&network, &replay)
        };
        let losses = [loss(None)?, loss(Some(true))?, loss(Some(false))?];
        Ok([vec![seed.to_string(), step.to_string()], losses.map(|loss| format!("{loss:e}")).to_vec()].concat())
    };
    kept.iter().map(row).collect()
}

/// Sets to 0 the weights by which each layer reads the first or the second half of the channels before it.
fn take_out(network: &mut Network<f32>, is_first: bool) {
    let readers: Vec<_> = network.index.iter().filter(|p| p.tensor == Tensor::Weight && p.block > 0).cloned().collect();
    for parameter in readers {
        let [out, inputs] = parameter.shape[..] else { continue };
        let own = &mut network.parameters[parameter.range.clone()];
        let mut weights = parameter.layout.export(own);
        for row in 0..out {
            let half = if is_first { 0..inputs / 2 } else { inputs / 2..inputs };
            weights[row * inputs..][half].fill(0.0);
        }
        parameter.layout.import(weights, own);
    }
}

fn validation_loss(network: &Network<f32>, replay: &Replay) -> anyhow::Result<f64> {
    let data = &replay.data;
    let count = data.validation.len();
    let samples: Vec<u32> = (0..count as u32).collect();
    let (scaler, length) = (data.scaler::<f32>(), data.shape.len());
    let mut space = network.space_for_evaluation(count);
    space.input.write(count, |input, written| scaler.gather(&data.validation, &samples, input, length, written));
    network.forward(Pass::Evaluate(Statistics::Running), &mut space)?;
    Ok(network.loss(&mut space, &data.validation.labels).loss_sum / count as f64)
}

fn parts(evidence: &Evidence, regime: Regime) -> Vec<Part> {
    let sheet = evidence.sheet(CLAIM.id);
    let share = |sentence: &str, step: usize, decides: bool| {
        let criterion = Criterion { holds: Beyond::Below(0.25), fails: Beyond::Above(0.4), unit: Unit::Share };
        let question = Question { sentence, regime, criterion, cells: &[], moved_by: [&[], &[]], decides };
        let [small, both] = added(&sheet, step);
        question.answered(Figure::share(&small, &both, Bound::Exact))
    };
    let [_, control, suppressed] = cells(regime);
    let harm = Question {
        sentence: "a net without small features ends with a higher accuracy",
        regime,
        criterion: Criterion { holds: Beyond::Above(0.005), fails: Beyond::Below(0.005), unit: Unit::Accuracy },
        cells: &[control, suppressed],
        moved_by: [&["affine_small"], &["affine"]],
        decides: true,
    };
    let last = regime.steps();
    let mut parts = vec![
        share("the small half is of little use at the end", last, true),
        evidence.judge(&harm, &|runs| accuracy_difference(runs)),
    ];
    parts.extend(STEPS.map(|step| share(&format!("the small half is of little use after {step} steps"), step, false)));
    parts
}

/// For each seed: what taking out the small half adds to the loss, and the sum of what each half adds.
fn added(sheet: &Sheet, step: usize) -> [Vec<f64>; 2] {
    let step = step.to_string();
    let words = [("step", &step[..])];
    let rows = sheet.rows_where(&words).map(|row| {
        let [loss, small, rest] = ["loss", "without_small", "without_rest"].map(|column| row.number(column));
        (small - loss, small - loss + (rest - loss))
    });
    let (small, both) = rows.unzip();
    [small, both]
}
