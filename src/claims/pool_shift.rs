//! Max pooling shifts mean and SD of normalised features.

use serde_json::json;

use super::analysis::{Analysis, Bench, each_seed, made_from_runs};
use super::claim::{Claim, Kind};
use super::decide::{Beyond, Criterion, Figure, Unit};
use super::evidence::{Cell, Evidence};
use super::judging::Question;
use super::part::Part;
use super::prediction::Prediction;
use super::regime::{Regime, Schedule};
use super::sheet::{Sheet, SheetRow};
use crate::config::settings::Shape;
use crate::files;
use crate::nn::stages::{Site, Stage};
use crate::nn::walk::Written;
use crate::nn::{Network, Pass, Statistics};
use crate::record::trained::{Trained, TrainedNetwork};

pub const CLAIM: Claim = Claim {
    id: "pool-shift",
    kind: Kind::Experiment,
    sentence: "a max pool shifts mean and SD of normalised features far from 0 and 1",
    criterion: "share of channels of pooled x̂ with |mean| > 0.25 or SD outside 0.8 to 1.25: above ½ holds, below fails",
    reasoning: "In trained CNNs with bn, x̂ of each channel, of mean 0 and SD 1 over the batch, is put through the 2×2 max pool as \
        it is. Of four independent normal values the largest has mean 1.0294 and SD 0.7012; where neighbours are correlated by ρ, \
        the mean is √(1 − ρ) times that, so that no normal x̂ with ρ of 0 or more is pooled to a mean above 1.03; ρ is measured, the \
        mean over the six pairs of a window, and the mean that it predicts shown beside the one measured. Beside it also the \
        share of *all* block inputs that are so far from 0 and 1, in bn and in affine: there the ReLU plays its part, and nets \
        with batch norm have such inputs, too.\n\
        The verdict would be another if the whole interval lay on the other side of ½.",
    regimes: &[Regime::Cnn],
    cells: |regime| cells(regime).to_vec(),
    analysis: Some(Analysis {
        columns: &["seed", "arm", "site", "block", "channel", "mean", "std", "correlation"],
        comes_first: false,
        made_from: |bench| {
            // A run that failed may be there the next time.
            let is_there = |cell: &Cell, seed: u64| {
                bench.run_folder(cell, seed).is_some_and(|run| files::is_file(&run.checkpoint()).is_ok_and(|is| is))
            };
            let found =
                cells(Regime::Cnn).map(|cell| bench.seeds.iter().filter(|seed| is_there(&cell, **seed)).count());
            json!([made_from_runs(bench, &cells(Regime::Cnn)), found])
        },
        make: |bench| each_seed(bench, &|seed| rows(bench, seed)),
    }),
    parts,
    theory,
    ..Claim::PLAIN
};

/// Samples that are looked at.
const SAMPLES: usize = 256;

fn cells(regime: Regime) -> [Cell; 2] {
    ["bn", "affine"].map(|arm| Cell::own(regime, Schedule::Constant, arm))
}

fn rows(bench: &Bench, seed: u64) -> anyhow::Result<Vec<Vec<String>>> {
    let mut rows = Vec::new();
    for cell in cells(Regime::Cnn) {
        let Some(folder) = bench.run_folder(&cell, seed) else { continue };
        let trained = Trained::load(&folder)?;
        let TrainedNetwork::F32(network) = &trained.network else { continue };
        let data = bench.store.load(&trained.settings.data, seed)?;
        let samples: Vec<u32> = (0..data.validation.len().min(SAMPLES) as u32).collect();
        let mut input = vec![0.0; samples.len() * data.shape.len()];
        data.scaler::<f32>().gather(&data.validation, &samples, &mut input, data.shape.len(), &mut |_| {});
        let mut row = |site: &str, block: usize, shape: Shape, values: &[f32], correlations: &[f64]| {
            for (channel, [mean, std]) in moments(values, shape.channels).into_iter().enumerate() {
                let words = [seed.to_string(), cell.arm.name.to_owned(), site.to_owned(), block.to_string()];
                let correlation = correlations.get(channel).map_or_else(String::new, |rho| format!("{rho:.6}"));
                let numbers = [channel.to_string(), format!("{mean:.6}"), format!("{std:.6}"), correlation];
                rows.push(words.into_iter().chain(numbers).collect());
            }
        };
        look(network, &input, &mut row)?;
    }
    Ok(rows)
}

/// Takes a site: its name, its block, the shape of its values, the values [N, H, W, C]; and for each pooled channel the
/// correlation of neighbours.
type Row<'a> = dyn FnMut(&str, usize, Shape, &[f32], &[f64]) + 'a;

/// Shows pooled x̂ of each block that pools, and what enters each block but the first.
fn look(network: &Network<f32>, input: &[f32], row: &mut Row) -> anyhow::Result<()> {
    network.walk(Pass::Evaluate(Statistics::Batch), input, &mut |Written { block: b, stage, values, .. }| {
        let block = &network.blocks[b];
        let shape = block.shape_after(stage);
        let pools = block.stages.contains(&Stage::Pool);
        if block.stage_of(Site::NormInput) == Some(stage) && pools {
            let pooled = Shape { height: shape.height / 2, width: shape.width / 2, ..shape };
            let x = standardized(values, shape.channels);
            row("pooled", b, pooled, &max_pooled(&x, shape), &correlations(&x, shape));
        }
        if stage + 1 == block.stages.len() && b + 1 < network.blocks.len() {
            row("block_input", b + 1, shape, values, &[]);
        }
    })?;
    Ok(())
}

/// Mean and SD of each channel of [N, H, W, C].
fn moments(values: &[f32], channels: usize) -> Vec<[f64; 2]> {
    let n = (values.len() / channels) as f64;
    let of = |channel: usize| {
        let own = || values.iter().skip(channel).step_by(channels).map(|x| f64::from(*x));
        let mean = own().sum::<f64>() / n;
        [mean, (own().map(|x| (x - mean).powi(2)).sum::<f64>() / n).sqrt()]
    };
    (0..channels).map(of).collect()
}

/// x̂: each channel less its mean, over its SD.
fn standardized(values: &[f32], channels: usize) -> Vec<f32> {
    let moments = moments(values, channels);
    let of = |(i, x): (usize, &f32)| {
        let [mean, std] = moments[i % channels];
        ((f64::from(*x) - mean) / std.max(1e-12)) as f32
    };
    values.iter().enumerate().map(of).collect()
}

/// The largest of each 2×2, [N, H, W, C]; an odd last row or column is dropped.
fn max_pooled(values: &[f32], shape: Shape) -> Vec<f32> {
    let mut pooled = Vec::with_capacity(values.len() / 4);
    windows(values, shape, &mut |_, [a, b, c, d]| pooled.push(a.max(b).max(c.max(d))));
    pooled
}

/// For each channel of x̂, the mean correlation over the six pairs of a 2×2.
fn correlations(values: &[f32], shape: Shape) -> Vec<f64> {
    let mut sums = vec![(0.0, 0.0); shape.channels];
    windows(values, shape, &mut |channel, window| {
        let [a, b, c, d] = window.map(f64::from);
        let (products, count) = &mut sums[channel];
        *products += (a * (b + c + d) + b * (c + d) + c * d) / 6.0;
        *count += 1.0;
    });
    sums.into_iter().map(|(products, count)| products / count).collect()
}

/// Shows each 2×2 of [N, H, W, C] with its channel, in the order of what is pooled.
fn windows(values: &[f32], Shape { channels, height, width }: Shape, look: &mut dyn FnMut(usize, [f32; 4])) {
    for image in values.chunks_exact(height * width * channels) {
        for (y, x) in (0..height / 2).flat_map(|y| (0..width / 2).map(move |x| (2 * y, 2 * x))) {
            for c in 0..channels {
                let at = |dy: usize, dx: usize| image[((y + dy) * width + x + dx) * channels + c];
                look(c, [at(0, 0), at(0, 1), at(1, 0), at(1, 1)]);
            }
        }
    }
}

/// The mean and the SD of the largest of four independent normal values.
const LARGEST_OF_FOUR: [f64; 2] = [1.0294, 0.7012];

fn theory(evidence: &Evidence) -> Vec<Prediction> {
    let sheet = evidence.sheet(CLAIM.id);
    let pooled = [("arm", "bn"), ("site", "pooled")];
    let of = |predicted: &dyn Fn(&SheetRow) -> f64, column: &str| -> Vec<[f64; 2]> {
        let [predicted, measured] =
            [sheet.by_seed(&pooled, predicted), sheet.by_seed(&pooled, &|row| row.number(column))];
        predicted.into_values().zip(measured.into_values()).map(|(predicted, measured)| [predicted, measured]).collect()
    };
    let [mean, std] = LARGEST_OF_FOUR;
    let correlated = |row: &SheetRow| mean * (1.0 - row.number("correlation")).max(0.0).sqrt();
    let all = [
        ("mean of pooled x̂, neighbours independent", of(&|_| mean, "mean")),
        ("SD of pooled x̂, neighbours independent", of(&|_| std, "std")),
        ("mean of pooled x̂, neighbours correlated as measured", of(&correlated, "mean")),
    ];
    all.iter().filter_map(|(what, pairs)| Prediction::of(what, pairs)).collect()
}

fn parts(evidence: &Evidence, regime: Regime) -> Vec<Part> {
    let sheet = evidence.sheet(CLAIM.id);
    let part = |sentence: &str, threshold: f64, unit, decides, values: Vec<f64>| {
        let criterion = Criterion { holds: Beyond::Above(threshold), fails: Beyond::Below(threshold), unit };
        let question = Question { sentence, regime, criterion, cells: &[], moved_by: [&[], &[]], decides };
        question.answered(Figure::mean(&values))
    };
    let off = |arm: &str, site: &str| by_seed(&sheet, arm, site, &|mean, std| f64::from(u8::from(is_off(mean, std))));
    vec![
        part("most channels of pooled x̂ are off", 0.5, Unit::Share, true, off("bn", "pooled")),
        part("their mean is above 1.03", 1.03, Unit::Number, false, by_seed(&sheet, "bn", "pooled", &|mean, _| mean)),
        part("their SD is above 0.8", 0.8, Unit::Number, false, by_seed(&sheet, "bn", "pooled", &|_, std| std)),
        part("most block inputs of bn are off", 0.5, Unit::Share, false, off("bn", "block_input")),
        part("most block inputs of affine are off", 0.5, Unit::Share, false, off("affine", "block_input")),
    ]
}

fn is_off(mean: f64, std: f64) -> bool {
    mean.abs() > 0.25 || !(0.8..=1.25).contains(&std)
}

/// The mean over all channels of some figure, seed by seed.
fn by_seed(sheet: &Sheet, arm: &str, site: &str, of: &dyn Fn(f64, f64) -> f64) -> Vec<f64> {
    let words = [("arm", arm), ("site", site)];
    sheet.by_seed(&words, &|row| of(row.number("mean"), row.number("std"))).into_values().collect()
}

#[cfg(test)]
mod tests {
    use rand_distr::{Distribution, StandardNormal};

    use super::*;
    use crate::random::stream;

    #[test]
    fn of_four_independent_normal_values_the_largest_has_the_moments_of_theory() {
        let shape = Shape { channels: 2, height: 40, width: 40 };
        let mut rng = stream(0, "pool");
        let mut normal = || -> f64 { StandardNormal.sample(&mut rng) };
        let values: Vec<f32> = (0..100 * shape.len()).map(|_| normal() as f32).collect();
        for [mean, std] in moments(&max_pooled(&standardized(&values, 2), shape), 2) {
            assert!((mean - 1.0294).abs() < 0.02 && (std - 0.7012).abs() < 0.01, "{mean} {std}");
            assert!(is_off(mean, std) && !is_off(0.1, 1.1) && is_off(0.0, 1.3) && is_off(0.0, 0.7));
        }
    }

    #[test]
    fn neighbours_that_share_a_part_are_correlated_by_it_and_pooled_to_what_theory_says() {
        let shape = Shape { channels: 1, height: 2, width: 2 };
        let mut rng = stream(1, "pool");
        let mut normal = || -> f64 { StandardNormal.sample(&mut rng) };
        // Each is √0.6·(a shared value) + √0.4·(its own): ρ = 0.6.
        let window = |_| {
            let common = 0.6f64.sqrt() * normal();
            [0; 4].map(|_| (common + 0.4f64.sqrt() * normal()) as f32)
        };
        let values: Vec<f32> = (0..40_000).flat_map(window).collect();
        let x = standardized(&values, 1);
        let rho = correlations(&x, shape)[0];
        assert!((rho - 0.6).abs() < 0.01, "{rho}");
        let [mean, _] = moments(&max_pooled(&x, shape), 1)[0];
        assert!((mean - LARGEST_OF_FOUR[0] * (1.0 - rho).sqrt()).abs() < 0.01, "{mean}");
    }

    #[test]
    fn an_odd_last_row_and_column_are_dropped() {
        let shape = Shape { channels: 1, height: 3, width: 3 };
        assert_eq!(max_pooled(&[1.0, 5.0, 9.0, 2.0, 3.0, 9.0, 9.0, 9.0, 9.0], shape), [5.0]);
    }
}
