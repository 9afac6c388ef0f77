//! Batch norm lets γ and β learn under one scale.

use std::collections::BTreeMap;

use super::analysis::{Analysis, Bench, Replay, each_seed, made_from_runs};
use super::claim::{Claim, Kind};
use super::decide::{Beyond, Criterion, Figure, Unit};
use super::evidence::{Cell, Evidence};
use super::judging::Question;
use super::part::Part;
use super::regime::{Regime, Schedule};
use super::sheet::Sheet;
use crate::nn::parameters::Tensor;
use crate::nn::stages::{Site, Stage};
use crate::nn::walk::Written;
use crate::nn::{Network, Pass, Statistics};
use crate::stats::describe::median;
use crate::stats::sample::Sample;

pub const CLAIM: Claim = Claim {
    id: "same-scale",
    kind: Kind::Experiment,
    sentence: "batch norm lets the γ of all channels learn under one scale",
    criterion: "spread over channels of how far γ moves a step, bn/affine: below 0.8 holds, above 1 fails",
    reasoning: "In eq. 3 the gradient of γ is as large as its feature is, and features differ in size. Behind eq. 1 all have SD 1. \
        So over the first 200 steps the root mean square of each channel's Δγ is taken; the figure is the median absolute \
        deviation over channels of its logarithm, the mean over blocks of its own logarithm, bn less affine, seed by seed. Both \
        arms train at rates of their own: a rate moves all channels alike. Channels that are silent on the validation samples, \
        before or after, in either arm, are left out: their γ does not move for another reason.\n\
        The verdict would be another if the whole interval lay above 1.",
    regimes: &[Regime::Shallow],
    cells: |regime| cells(regime).to_vec(),
    analysis: Some(Analysis {
        columns: &["seed", "arm", "block", "channel", "rms", "is_active"],
        comes_first: false,
        made_from: |bench| made_from_runs(bench, &cells(Regime::Shallow)),
        make: |bench| each_seed(bench, &|seed| rows(bench, seed)),
    }),
    parts,
    ..Claim::PLAIN
};

/// Steps that are watched.
const STEPS: usize = 200;

fn cells(regime: Regime) -> [Cell; 2] {
    ["bn", "affine"].map(|arm| Cell::own(regime, Schedule::Constant, arm))
}

fn rows(bench: &Bench, seed: u64) -> anyhow::Result<Vec<Vec<String>>> {
    let mut rows = Vec::new();
    for cell in cells(Regime::Shallow) {
        let Some(replay) = Replay::of(bench, &cell, seed)? else { continue };
        let (mut before, mut squares, mut active) = (Vec::<f64>::new(), Vec::<f64>::new(), Vec::new());
        let gammas = |network: &Network<f32>| -> Vec<f64> {
            let own = network.index.iter().filter(|p| p.tensor == Tensor::Gamma);
            own.flat_map(|p| network.parameters[p.range.clone()].iter().map(|x| f64::from(*x))).collect()
        };
        let mut channels = Vec::new();
        let mut failed = None;
        let mut look = |step: usize, network: &Network<f32>| {
            let now = gammas(network);
            if step == 0 {
                squares = vec![0.0; now.len()];
                channels = network
                    .index
                    .iter()
                    .filter(|p| p.tensor == Tensor::Gamma)
                    .map(|p| (p.block, p.range.len()))
                    .collect();
            } else {
                squares.iter_mut().zip(now.iter().zip(&before)).for_each(|(sum, (a, b))| *sum += (a - b).powi(2));
            }
            if step == 0 || step == STEPS {
                match activity(network, &replay) {
                    Ok(found) => active.push(found),
                    Err(error) => failed = Some(error),
                }
            }
            before = now;
        };
        let is_whole = replay.train(STEPS, &mut look, bench.stop)?;
        if let Some(error) = failed {
            return Err(error);
        }
        if !is_whole || active.len() != 2 {
            continue;
        }
        let places = channels.iter().flat_map(|(block, count): &(usize, usize)| (0..*count).map(move |c| (block, c)));
        for (i, (block, channel)) in places.enumerate() {
            let rms = (squares[i] / STEPS as f64).sqrt();
            let is_active = active.iter().all(|at| at[i]);
            rows.push(vec![
                seed.to_string(),
                cell.arm.name.to_owned(),
                block.to_string(),
                channel.to_string(),
                format!("{rms:e}"),
                u8::from(is_active).to_string(),
            ]);
        }
    }
    Ok(rows)
}

/// Whether each hidden channel is above 0 for some validation sample.
fn activity(network: &Network<f32>, replay: &Replay) -> anyhow::Result<Vec<bool>> {
    let data = &replay.data;
    let samples: Vec<u32> = (0..data.validation.len() as u32).collect();
    let mut input = vec![0.0; samples.len() * data.shape.len()];
    data.scaler::<f32>().gather(&data.validation, &samples, &mut input, data.shape.len(), &mut |_| {});
    let mut active = Vec::new();
    network.walk(Pass::Evaluate(Statistics::Batch), &input, &mut |Written { block: b, stage, values, .. }| {
        let block = &network.blocks[b];
        if block.stages[stage] == Stage::Activation && block.stage_of(Site::NormInput).is_some() {
            let channels = block.shape_after(stage).channels;
            active.extend((0..channels).map(|c| values.iter().skip(c).step_by(channels).any(|x| *x > 0.0)));
        }
    })?;
    Ok(active)
}

fn parts(evidence: &Evidence, regime: Regime) -> Vec<Part> {
    let sheet = evidence.sheet(CLAIM.id);
    let criterion = Criterion { holds: Beyond::Below(0.8), fails: Beyond::Above(1.0), unit: Unit::Ratio };
    let sentence = "the γ of bn move at speeds that are closer together";
    let question = Question { sentence, regime, criterion, cells: &[], moved_by: [&[], &[]], decides: true };
    vec![question.answered(Figure::mean(&differences(&sheet)))]
}

/// For each seed, the mean over blocks of ln MAD(ln RMS Δγ), bn less affine.
fn differences(sheet: &Sheet) -> Vec<f64> {
    type Channels = BTreeMap<u64, (f64, bool)>;
    let mut found: BTreeMap<(u64, u64), [Channels; 2]> = BTreeMap::new();
    for (i, arm) in ["bn", "affine"].into_iter().enumerate() {
        for row in sheet.rows_where(&[("arm", arm)]) {
            let place = (row.number("seed") as u64, row.number("block") as u64);
            let of = (row.number("rms"), row.word("is_active") == "1");
            found.entry(place).or_default()[i].insert(row.number("channel") as u64, of);
        }
    }
    let mut by_seed: BTreeMap<u64, Vec<f64>> = BTreeMap::new();
    for ((seed, _), [bn, affine]) in &found {
        let both =
            |channel: &u64| [bn, affine].iter().all(|all| all.get(channel).is_some_and(|(rms, is)| *is && *rms > 0.0));
        let spread = |all: &Channels| {
            let logs: Vec<f64> = all.iter().filter(|(c, _)| both(c)).map(|(_, (rms, _))| rms.ln()).collect();
            deviation(&logs).map(f64::ln)
        };
        if let (Some(bn), Some(affine)) = (spread(bn), spread(affine)) {
            by_seed.entry(*seed).or_default().push(bn - affine);
        }
    }
    by_seed.values().map(|blocks| blocks.iter().sum::<f64>() / blocks.len() as f64).collect()
}

/// The median absolute deviation from the median.
fn deviation(values: &[f64]) -> Option<f64> {
    let middle = median(Sample::new(values)?);
    let distances: Vec<f64> = values.iter().map(|x| (x - middle).abs()).collect();
    Sample::new(&distances).map(median)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_count_that_are_active_in_both_arms() {
        let row = |arm: &str, channel: usize, rms: f64, active: u8| {
            ["0", arm, "0", &channel.to_string(), &rms.to_string(), &active.to_string()].map(str::to_owned).to_vec()
        };
        let e = |x: f64| x.exp();
        let columns = ["seed", "arm", "block", "channel", "rms", "is_active"].map(str::to_owned).to_vec();
        let rows = vec![
            row("bn", 0, e(0.0), 1),
            row("bn", 1, e(1.0), 1),
            row("bn", 2, e(2.0), 1),
            row("bn", 3, e(50.0), 1),
            row("affine", 0, e(0.0), 1),
            row("affine", 1, e(3.0), 1),
            row("affine", 2, e(6.0), 1),
            row("affine", 3, e(0.0), 0),
        ];
        // Deviations 1 and 3: the fourth channel is silent in one arm.
        let found = differences(&Sheet { columns, rows });
        assert!((found[0] - (1.0f64 / 3.0).ln()).abs() < 1e-12, "{found:?}");
    }
}
