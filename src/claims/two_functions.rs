//! Gradients of different functions are added, which hurts.

use std::collections::BTreeMap;

use super::analysis::{Analysis, Bench, Replay, Rows, each_seed, made_from_runs};
use super::claim::{Claim, Kind};
use super::decide::{Beyond, Criterion, Unit};
use super::evidence::{Cell, Evidence};
use super::figures::time_ratio;
use super::judging::{Part, Question};
use super::prediction::Prediction;
use super::regime::{Regime, Schedule};
use crate::data::Dataset;
use crate::nn::objective::Objective;
use crate::nn::{Network, Pass};
use crate::random::{shuffle, stream};

pub const CLAIM: Claim = Claim {
    id: "two-functions",
    kind: Kind::Experiment,
    sentence: "statistics that move from batch to batch add up gradients of different functions, which hurts",
    criterion: "time to target, statistics of 64 and of 8 samples/of all 256: above 1.25 holds, below fails",
    reasoning: "With another batch μ and σ are others, so one may say that each step has a function of its own. If that hurt, \
        statistics of fewer samples, which move more, would hurt more. All arms take the same minibatches of 256 at the same \
        rate, the best of bn; they differ in how many samples share a mean and an SD: 256, 64 (what people use), or 8. Seed by \
        seed d = ln T(64 or 8) − ln T(256); both parts decide.\n\
        The gradient through μ and σ is that of one function of all parameters and of the whole batch: the tests of the \
        program check it to 1e-6. That function is another for minibatches of another size. In theory: over all ways to part \
        N samples into minibatches of m, the mean of the gradient of bn is off the gradient of the whole by a bias of order \
        1/m − 1/N, since μ and σ² of a minibatch have variances of that order, and the net is curved in them; so ln bias \
        against ln(1/m − 1/N) has slope 1, which is −1 against ln m. The gradient of affine is a mean over samples and has no \
        bias at all. Measured in f64 after 100 steps, on the first 1,024 training samples, m = 16 to 128. Beside it also arm \
        detached, whose gradient leaves μ and σ out.\n\
        The verdict would be another if the whole interval lay below 1.25.",
    regimes: &[Regime::Batch256],
    cells: |regime| cells(regime).to_vec(),
    analysis: Some(Analysis {
        columns: &["seed", "arm", "samples", "bias"],
        comes_first: false,
        made_from: |bench| made_from_runs(bench, &biased(Regime::Batch256)),
        make: |bench| each_seed(bench, &|seed| rows(bench, seed)),
    }),
    parts,
    theory,
    ..Claim::PLAIN
};

fn cells(regime: Regime) -> [Cell; 4] {
    let at = |arm| Cell::at(regime, Schedule::Constant, arm, "bn");
    [Cell::own(regime, Schedule::Constant, "bn"), at("ghost_64"), at("ghost_8"), at("detached")]
}

/// The nets whose minibatch gradients are looked at.
fn biased(regime: Regime) -> [Cell; 2] {
    ["bn", "affine"].map(|arm| Cell::own(regime, Schedule::Constant, arm))
}

/// Steps before it is looked at.
const STEPS: usize = 100;
/// Samples that are parted into minibatches.
const SAMPLES: usize = 1024;
/// Sizes of the minibatches.
const SIZES: [usize; 4] = [16, 32, 64, 128];
/// Ways to part them.
const PARTITIONS: usize = 8;

fn rows(bench: &Bench, seed: u64) -> anyhow::Result<Rows> {
    let mut rows = Vec::new();
    for cell in biased(Regime::Batch256) {
        let Some(replay) = Replay::of(bench, &cell, seed)? else { continue };
        let mut parameters = Vec::new();
        let mut look = |step: usize, network: &Network<f32>| {
            if step == STEPS {
                parameters = network.parameters.iter().map(|x| f64::from(*x)).collect();
            }
        };
        if !replay.train(STEPS, &mut look, bench.stop)? {
            continue;
        }
        let network = replay.begun::<f64>()?;
        let gradient = |samples: &[u32]| gradient(&network, &parameters, &replay.data, samples, seed);
        let mut order: Vec<u32> = (0..SAMPLES.min(replay.data.train.len()) as u32).collect();
        let whole = gradient(&order)?;
        let mut rng = stream(seed, "claims/partitions");
        for size in SIZES {
            let mut differences = Vec::with_capacity(PARTITIONS);
            for _ in 0..PARTITIONS {
                shuffle(&mut order, &mut rng);
                let mut mean = vec![0.0; whole.len()];
                for samples in order.chunks_exact(size) {
                    let own = gradient(samples)?;
                    mean.iter_mut().zip(own).for_each(|(mean, g)| *mean += g * size as f64 / order.len() as f64);
                }
                differences.push(mean.iter().zip(&whole).map(|(mean, whole)| mean - whole).collect::<Vec<f64>>());
            }
            let bias = (squared_mean(&differences).max(0.0) / dot(&whole, &whole)).sqrt();
            rows.push(vec![seed.to_string(), cell.arm.name.to_owned(), size.to_string(), format!("{bias:e}")]);
        }
    }
    Ok(rows)
}

/// ∂L/∂θ of some training samples as one minibatch.
fn gradient(
    network: &Network<f64>,
    parameters: &[f64],
    data: &Dataset,
    samples: &[u32],
    seed: u64,
) -> anyhow::Result<Vec<f64>> {
    let length = data.shape.len();
    let mut features = vec![0.0; samples.len() * length];
    data.scaler::<f64>().gather(&data.train, samples, &mut features, length, &mut |_| {});
    let labels: Vec<u8> = samples.iter().map(|sample| data.train.labels[*sample as usize]).collect();
    let mut objective = Objective::new(network, Pass::Train { seed, step: STEPS }, &features, &labels);
    Ok(objective.at(parameters)?.1.to_vec())
}

/// ‖E d‖² without the scatter of the mean: the mean of dᵢ·dⱼ over all i ≠ j.
fn squared_mean(vectors: &[Vec<f64>]) -> f64 {
    let n = vectors.len();
    let pairs = (0..n).flat_map(|i| (0..i).map(move |j| (i, j)));
    pairs.map(|(i, j)| dot(&vectors[i], &vectors[j])).sum::<f64>() / (n * (n - 1) / 2) as f64
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn theory(evidence: &Evidence) -> Vec<Prediction> {
    let sheet = evidence.sheet(CLAIM.id);
    // ln(1/m − 1/N) and ln bias of each seed, size by size.
    let mut points: BTreeMap<u64, Vec<[f64; 2]>> = BTreeMap::new();
    for size in SIZES {
        let x = (1.0 / size as f64 - 1.0 / SAMPLES as f64).ln();
        for (seed, bias) in sheet.by_seed(&[("arm", "bn"), ("samples", &size.to_string())], &|row| row.number("bias")) {
            points.entry(seed).or_default().push([x, bias.ln()]);
        }
    }
    let slopes: Vec<[f64; 2]> = points.values().map(|points| [1.0, slope(points)]).collect();
    let none: Vec<[f64; 2]> =
        sheet.by_seed(&[("arm", "affine")], &|row| row.number("bias")).values().map(|bias| [0.0, *bias]).collect();
    let slope = Prediction::of("slope of ln bias of bn's gradient against ln(1/m − 1/N)", &slopes);
    let none = Prediction::of("bias of affine's gradient, as a share of the gradient", &none);
    slope.into_iter().chain(none).collect()
}

/// The slope of the least-squares line.
fn slope(points: &[[f64; 2]]) -> f64 {
    let mean = |i: usize| points.iter().map(|point| point[i]).sum::<f64>() / points.len() as f64;
    let [x, y] = [mean(0), mean(1)];
    let covariance: f64 = points.iter().map(|point| (point[0] - x) * (point[1] - y)).sum();
    covariance / points.iter().map(|point| (point[0] - x).powi(2)).sum::<f64>()
}

fn parts(evidence: &Evidence, regime: Regime) -> Vec<Part> {
    let [whole, of_64, of_8, detached] = cells(regime);
    let slower = |sentence: &str, arm: Cell, decides: bool| {
        let question = Question {
            sentence,
            regime,
            criterion: Criterion { holds: Beyond::Above(1.25), fails: Beyond::Below(1.25), unit: Unit::Ratio },
            cells: &[arm, whole],
            moved_by: [&[], &[]],
            decides,
        };
        evidence.judge(&question, &|runs| time_ratio(evidence, regime, runs))
    };
    vec![
        slower("statistics of 64 samples are slower", of_64, true),
        slower("statistics of 8 samples are slower", of_8, true),
        slower("without the gradient through μ and σ it is slower", detached, false),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scatter_of_a_mean_is_no_bias() {
        // Means 1 and 0: without i = j the first is left, and the second comes to less than 0.
        let vectors = [vec![2.0, 1.0], vec![0.0, -1.0], vec![1.0, 0.0]];
        assert!((squared_mean(&vectors) - (2.0 / 3.0 - 1.0 / 3.0)).abs() < 1e-12);
    }

    #[test]
    fn the_slope_is_that_of_a_line() {
        assert!((slope(&[[0.0, 1.0], [1.0, 3.1], [2.0, 4.9]]) - 1.95).abs() < 1e-12);
    }
}
