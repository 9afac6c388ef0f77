//! γ and β of one step no longer fit the statistics of a later one.

use anyhow::Context;

use super::analysis::{Analysis, Bench, Replay, each_seed, made_from_runs};
use super::claim::{Claim, Kind};
use super::decide::{Beyond, Criterion, Figure, Unit};
use super::evidence::{Cell, Evidence};
use super::judging::Question;
use super::part::Part;
use super::regime::{Regime, Schedule};
use super::sheet::Sheet;
use crate::data::Dataset;
use crate::nn::parameters::Tensor;
use crate::nn::{Network, Pass, Statistics, Workspace};
use crate::random::{below, stream};

pub const CLAIM: Claim = Claim {
    id: "stale-parameters",
    kind: Kind::Experiment,
    sentence: "γ and β that were learnt under old statistics no longer fit the new ones",
    criterion: "ln of the loss under old statistics, less that under renewed ones, 10 steps on: below −0.02 holds, above 0.02 fails",
    reasoning: "Inside bn, at its own rate: take γ and β as they are at step t, and all other parameters as they are k steps \
        later. Evaluate that net on the validation samples with the mean and variance of step t (old), and with those of its own \
        (renewed), both found on 2,048 training samples. D = ln L(old) − ln L(renewed), the mean over t = 50, 200, 500. If γ and \
        β fitted only the statistics that they were learnt under, renewing would hurt, and D would be below 0. If renewing is \
        what keeps them valid, it is above. Beside it: lags from 1 to 300, and statistics of 64 and of 4 samples.\n\
        The verdict would be another if the whole interval lay on the other side.",
    regimes: &[Regime::Shallow],
    cells: |regime| vec![cell(regime)],
    analysis: Some(Analysis {
        columns: &["seed", "t", "k", "samples", "ln_old", "ln_renewed"],
        comes_first: false,
        made_from: |bench| made_from_runs(bench, &[cell(Regime::Shallow)]),
        make: |bench| each_seed(bench, &|seed| rows(bench, seed)),
    }),
    parts,
    ..Claim::PLAIN
};

/// When γ and β are taken.
const TIMES: [usize; 3] = [50, 200, 500];
/// How much later everything else is.
const LAGS: [usize; 6] = [1, 3, 10, 30, 100, 300];
/// The lag that decides.
const DECIDES: usize = 10;
/// Numbers of samples that statistics are computed from.
const SAMPLES: [usize; 3] = [2048, 64, 4];

fn cell(regime: Regime) -> Cell {
    Cell::own(regime, Schedule::Constant, "bn")
}

fn rows(bench: &Bench, seed: u64) -> anyhow::Result<Vec<Vec<String>>> {
    let Some(replay) = Replay::of(bench, &cell(Regime::Shallow), seed)? else { return Ok(Vec::new()) };
    let mut kept: Vec<(usize, Vec<f32>)> = Vec::new();
    let is_meant = |step: usize| TIMES.iter().any(|t| step == *t || LAGS.iter().any(|k| step == t + k));
    let last = TIMES[2] + LAGS[5];
    let mut look = |step: usize, network: &Network<f32>| {
        if is_meant(step) {
            kept.push((step, network.parameters.clone()));
        }
    };
    if !replay.train(last, &mut look, bench.stop)? {
        return Ok(Vec::new());
    }
    let at = |step: usize| -> anyhow::Result<Network<f32>> {
        let (_, parameters) = kept.iter().find(|(known, _)| *known == step).context("every step was looked at")?;
        let mut network = replay.begun()?;
        network.parameters.clone_from(parameters);
        Ok(network)
    };
    let mut rows = Vec::new();
    for (t, k) in TIMES.iter().flat_map(|t| LAGS.map(|k| (*t, k))) {
        let (old, mut mixed) = (at(t)?, at(t + k)?);
        for parameter in old.index.iter().filter(|p| matches!(p.tensor, Tensor::Gamma | Tensor::Beta)) {
            mixed.parameters[parameter.range.clone()].copy_from_slice(&old.parameters[parameter.range.clone()]);
        }
        for samples in SAMPLES {
            let loss = |of: &Network<f32>, step: usize| loss(&mixed, of, &replay.data, samples, seed, step);
            let (before, after) = (loss(&old, t)?, loss(&mixed, t + k)?);
            rows.push(
                [seed as f64, t as f64, k as f64, samples as f64, before.ln(), after.ln()]
                    .map(|x| x.to_string())
                    .to_vec(),
            );
        }
    }
    Ok(rows)
}

/// Validation loss of a network under the statistics that `of` has on some training samples. The largest number takes the
/// first samples, as for the population; a smaller one draws them anew for each step.
fn loss(
    network: &Network<f32>,
    of: &Network<f32>,
    data: &Dataset,
    samples: usize,
    seed: u64,
    step: usize,
) -> anyhow::Result<f64> {
    let mut rng = stream(seed, &format!("claims/statistics/{step}"));
    let mut drawn = |i: u32| if samples == SAMPLES[0] { i } else { below(&mut rng, data.train.len()) as u32 };
    let samples: Vec<u32> = (0..samples as u32).map(&mut drawn).collect();
    let (scaler, length) = (data.scaler::<f32>(), data.shape.len());
    let mut inputs = vec![0.0; samples.len() * length];
    scaler.gather(&data.train, &samples, &mut inputs, length, &mut |_| {});
    let count = data.validation.len();
    let mut space: Workspace<f32> = network.space_for_evaluation(count);
    of.find_population(inputs, 128, &mut space)?;
    let all: Vec<u32> = (0..count as u32).collect();
    space.input.write(count, |input, written| scaler.gather(&data.validation, &all, input, length, written));
    network.forward(Pass::Evaluate(Statistics::Population), &mut space)?;
    Ok(network.loss(&mut space, &data.validation.labels).loss_sum / count as f64)
}

fn parts(evidence: &Evidence, regime: Regime) -> Vec<Part> {
    let sheet = evidence.sheet(CLAIM.id);
    let part = |sentence: &str, k: usize, samples: usize, words: &str, decides: bool| {
        let criterion = Criterion { holds: Beyond::Below(-0.02), fails: Beyond::Above(0.02), unit: Unit::Number };
        let question = Question { sentence, regime, criterion, cells: &[], moved_by: [&[], &[]], decides };
        let found = question.answered(Figure::mean(&differences(&sheet, k, samples)));
        Part { along: Some((words.to_owned(), k as f64)), ..found }
    };
    let [whole, ..] = SAMPLES;
    let words = ["2,048 samples", "64 samples", "4 samples"];
    let mut parts = vec![part("renewing hurts, 10 steps on", DECIDES, whole, words[0], true)];
    for (samples, words) in SAMPLES.into_iter().zip(words) {
        for k in LAGS {
            let steps = if k == 1 { "step" } else { "steps" };
            let sentence = format!("renewing those of {words} hurts, {k} {steps} on");
            if (k, samples) != (DECIDES, whole) {
                parts.push(part(&sentence, k, samples, words, false));
            }
        }
    }
    parts
}

/// D of each seed: the mean over the times.
fn differences(sheet: &Sheet, k: usize, samples: usize) -> Vec<f64> {
    let [k, samples] = [k, samples].map(|x| x.to_string());
    let words = [("k", &k[..]), ("samples", &samples[..])];
    sheet.by_seed(&words, &|row| row.number("ln_old") - row.number("ln_renewed")).into_values().collect()
}
