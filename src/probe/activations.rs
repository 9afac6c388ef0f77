//! Statistics of activations on a fixed probe batch, per site and channel and over all channels.
//!
//! The probe batch is the first `probe_size` validation samples, or the last of the training split
//! where there is no validation; norms use its own batch statistics.
//!
//! Percentiles interpolate linearly between order statistics (NumPy's default), SD is the
//! population's. Over all channels also, with X the sample × feature matrix of the site:
//! effective rank exp(H(p)), p = σ/Σσ the normalised singular values of X less its column means
//! (Roy & Vetterli 2007), and the mean cosine between two different samples' rows.

use nalgebra::DMatrix;

use super::{Probe, looks_at};
use crate::config::Settings;
use crate::config::settings::Activation;
use crate::data::{Dataset, Split};
use crate::kernels::Scalar;
use crate::kernels::gemm::{Offsets, Product};
use crate::kernels::simd;
use crate::nn::stages::{Site, Stage};
use crate::nn::walk::Written;
use crate::nn::{Network, Pass, Statistics};
use crate::table::{Table, float};
use crate::train::Observer;

/// activations.csv
pub const TABLE: Table = Table {
    file: "activations.csv",
    columns: &[
        "step",
        "block",
        "site",
        "channel",
        "mean",
        "std",
        "min",
        "p15",
        "p50",
        "p85",
        "max",
        "zero_fraction",
        "saturated_fraction",
        "effective_rank",
        "mean_cosine",
    ],
};

/// One row of activations.csv.
#[derive(Debug, Clone, PartialEq)]
pub struct ActivationRow {
    /// Updates done.
    pub step: usize,
    /// Index of the block.
    pub block: usize,
    /// Where in the block.
    pub site: Site,
    /// Index of the channel; `None` is all together.
    pub channel: Option<usize>,
    /// What was found.
    pub summary: Summary,
    /// exp of the entropy of the normalised singular values; all channels only.
    pub effective_rank: Option<f64>,
    /// Mean cosine between samples; all channels only.
    pub mean_cosine: Option<f64>,
}

/// Statistics of a set of values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Summary {
    /// Mean.
    pub mean: f64,
    /// Population SD.
    pub std: f64,
    /// Smallest.
    pub min: f64,
    /// 15th percentile.
    pub p15: f64,
    /// Median.
    pub p50: f64,
    /// 85th percentile.
    pub p85: f64,
    /// Largest.
    pub max: f64,
    /// Share of exact zeros.
    pub zero_fraction: f64,
    /// Share of saturated units, |tanh| or |2σ − 1| > 0.99; only after such an activation.
    pub saturated_fraction: Option<f64>,
}

/// Looks at activations.
#[derive(Debug)]
pub struct ActivationProbe<F: Scalar> {
    every: usize,
    last: usize,
    channels: usize,
    samples: usize,
    /// The probe batch; empty if the probe is off.
    input: Vec<F>,
    /// The rows so far.
    pub rows: Vec<ActivationRow>,
}

impl<F: Scalar> ActivationProbe<F> {
    /// On this data.
    pub fn new(settings: &Settings, data: &Dataset) -> Self {
        let (split, range) = probe_batch(data, settings.log.probe_size);
        let (every, last, channels) = (settings.log.activations_every, settings.train.steps, settings.log.channels);
        let samples = range.len();
        let mut input = Vec::new();
        if every > 0 {
            input.resize(samples * data.shape.len(), F::zero());
            let places: Vec<u32> = range.map(|i| i as u32).collect();
            data.scaler::<F>().gather(split, &places, &mut input, data.shape.len(), &mut |_| {});
        }
        Self { every, last, channels, samples, input, rows: Vec::new() }
    }
}

/// The split and samples that probes look at.
fn probe_batch(data: &Dataset, size: usize) -> (&Split, std::ops::Range<usize>) {
    if data.validation.is_empty() {
        let n = data.train.len();
        (&data.train, n - size.min(n)..n)
    } else {
        (&data.validation, 0..size.min(data.validation.len()))
    }
}

impl<F: Scalar> Observer<F> for ActivationProbe<F> {
    fn state(&mut self, step: usize, network: &Network<F>) -> anyhow::Result<()> {
        if !looks_at(step, self.every, self.last) {
            return Ok(());
        }
        let Self { rows, samples, channels, .. } = self;
        network.walk(
            Pass::Evaluate(Statistics::Batch),
            &self.input,
            &mut |Written { block: b, stage, values, spare }| {
                let block = &network.blocks[b];
                let here = || Site::ALL.into_iter().filter(|site| block.stage_of(*site) == Some(stage));
                if here().next().is_none() {
                    return;
                }
                let shape = block.shape_after(stage);
                let is_activation = block.stages[stage] == Stage::Activation;
                let saturates = if is_activation { block.activation } else { Activation::Identity };
                let row = |channel, summary| ActivationRow {
                    step,
                    block: b,
                    site: Site::NormInput,
                    channel,
                    summary,
                    effective_rank: None,
                    mean_cosine: None,
                };
                let mut found = Vec::with_capacity(1 + shape.channels.min(*channels));
                spare.clear();
                spare.extend_from_slice(values);
                found.push(ActivationRow {
                    effective_rank: effective_rank(values, *samples),
                    mean_cosine: mean_cosine(values, *samples),
                    ..row(None, summary(spare, saturates))
                });
                for c in 0..shape.channels.min(*channels) {
                    spare.clear();
                    spare.extend(values.chunks_exact(shape.channels).map(|row| row[c]));
                    found.push(row(Some(c), summary(spare, saturates)));
                }
                for site in here() {
                    rows.extend(found.iter().map(|row| {
                        let saturated_fraction = row.summary.saturated_fraction.filter(|_| site == Site::Activation);
                        ActivationRow { site, summary: Summary { saturated_fraction, ..row.summary }, ..*row }
                    }));
                }
            },
        )?;
        // Stages come in the block's order, which may be another than that of the sites.
        let first = self.rows.partition_point(|row| row.step < step);
        self.rows[first..].sort_by_key(|row| (row.block, row.site));
        Ok(())
    }
}

impl<F: Scalar> Probe<F> for ActivationProbe<F> {
    fn table(&self) -> Table {
        TABLE
    }

    fn take_rows(&mut self, write: &mut dyn FnMut(&[String])) {
        for row in self.rows.drain(..) {
            let s = &row.summary;
            write(&[
                row.step.to_string(),
                row.block.to_string(),
                row.site.name().to_owned(),
                row.channel.map_or_else(|| "all".to_owned(), |c| c.to_string()),
                float(s.mean),
                float(s.std),
                float(s.min),
                float(s.p15),
                float(s.p50),
                float(s.p85),
                float(s.max),
                float(s.zero_fraction),
                float(s.saturated_fraction),
                float(row.effective_rank),
                float(row.mean_cosine),
            ]);
        }
    }
}

/// Statistics of some values, of which there must be at least one. Reorders them.
pub fn summary<F: Scalar>(values: &mut [F], activation: Activation) -> Summary {
    let n = values.len() as f64;
    let mean = sum(values, |v| v) / n;
    let std = (sum(values, |v| (v - mean) * (v - mean)) / n).sqrt();
    let share = |is: fn(f64) -> bool| sum(values, |v| f64::from(u8::from(is(v)))) / n;
    let saturated_fraction = match activation {
        Activation::Tanh => Some(share(|v| v.abs() > 0.99)),
        Activation::Sigmoid => Some(share(|v| (2.0 * v - 1.0).abs() > 0.99)),
        Activation::Relu | Activation::Identity => None,
    };
    let zero_fraction = share(|v| v == 0.0);
    // Where one is not a number, nor is any statistic of their order.
    let is_ordered = !mean.is_nan() || !values.iter().any(|v| v.is_nan());
    let [min, p15, p50, p85, max] = if is_ordered { quantiles(values) } else { [f64::NAN; 5] };
    Summary { mean, std, min, p15, p50, p85, max, zero_fraction, saturated_fraction }
}

/// Σ f(v), in several sums at once.
fn sum<F: Scalar>(values: &[F], f: impl Fn(f64) -> f64) -> f64 {
    let mut sums = [0.0; 8];
    let chunks = values.chunks_exact(sums.len());
    let rest: f64 = chunks.remainder().iter().map(|v| f(v.f64())).sum();
    for chunk in chunks {
        sums.iter_mut().zip(chunk).for_each(|(sum, v)| *sum += f(v.f64()));
    }
    sums.iter().sum::<f64>() + rest
}

/// The order of numbers, NaN at its ends.
fn by_order<F: Scalar>(a: &F, b: &F) -> std::cmp::Ordering {
    a.f64().total_cmp(&b.f64())
}

/// Smallest, 15 %, 50 % and 85 % quantiles, linear between order statistics, and largest. Reorders the
/// values.
fn quantiles<F: Scalar>(values: &mut [F]) -> [f64; 5] {
    let values_len = values.len();
    let last = (values_len - 1) as f64;
    // The median goes first: it parts the values, and the outer two lie within one part each.
    let half = (0.5 * last) as usize;
    let mut quantile = |q: f64, from: usize, to: usize| {
        let at = q * last;
        let part = &mut values[from..to];
        let (_, low, above) = part.select_nth_unstable_by(at as usize - from, by_order);
        let low = *low;
        let next = above.iter().copied().min_by(by_order);
        // The part ends before the median, which is then the next value.
        let high = next.unwrap_or_else(|| values.get(to).copied().unwrap_or(low));
        let (low, high) = (low.f64(), high.f64());
        if at.fract() == 0.0 { low } else { low + at.fract() * (high - low) }
    };
    let p50 = quantile(0.5, 0, values_len);
    let p15 = quantile(0.15, 0, half.max(1));
    let p85 = quantile(0.85, half, values_len);
    // By now the smallest are in front and the largest at the end.
    let front = values[..=(0.15 * last) as usize].iter().copied().min_by(by_order);
    let end = values[(0.85 * last) as usize..].iter().copied().max_by(by_order);
    let [min, max] = [front, end].map(|v| v.map_or(f64::NAN, Scalar::f64));
    [min, p15, p50, p85, max]
}

/// exp(H(p)) of the sample × feature matrix less its column means; `None` if all rows are equal.
///
/// Singular values are roots of the eigenvalues of the smaller Gram matrix. That blurs those below 1e-8 of
/// the largest: a matrix of rank 1 with 500 rows and columns is found to have 1.00001.
pub fn effective_rank<F: Scalar>(values: &[F], samples: usize) -> Option<f64> {
    let features = values.len() / samples;
    let mut mean = vec![0.0; features];
    for row in values.chunks_exact(features) {
        mean.iter_mut().zip(row).for_each(|(m, v)| *m += v.f64());
    }
    mean.iter_mut().for_each(|m| *m /= samples as f64);
    // XXᵀ or XᵀX, whichever is smaller, from a part of the columns or rows of X at a time.
    let side = samples.min(features);
    let mut gram = vec![0.0; side * side];
    let mut part = Vec::new();
    if samples <= features {
        for first in (0..features).step_by(PART) {
            let columns = first..features.min(first + PART);
            part.clear();
            for row in values.chunks_exact(features) {
                part.extend(columns.clone().map(|f| row[f].f64() - mean[f]));
            }
            add_gram(&part, (Offsets::every(columns.len()), Offsets::every(1)), columns.len(), &mut gram, side);
        }
    } else {
        for rows in values.chunks(PART * features) {
            part.clear();
            for row in rows.chunks_exact(features) {
                part.extend(row.iter().zip(&mean).map(|(v, m)| v.f64() - m));
            }
            let depth = rows.len() / features;
            add_gram(&part, (Offsets::every(1), Offsets::every(features)), depth, &mut gram, side);
        }
    }
    // Equal rows differ from their mean by its rounding.
    let (spread, size) = (gram.iter().step_by(side + 1).sum::<f64>(), sum(values, |v| v * v));
    if !gram.iter().all(|v| v.is_finite()) || spread <= 1e-28 * size {
        return None;
    }
    let eigenvalues = DMatrix::from_vec(side, side, gram).symmetric_eigenvalues();
    let singular: Vec<f64> = eigenvalues.iter().map(|l| l.max(0.0).sqrt()).collect();
    let total: f64 = singular.iter().sum();
    let term = |s: f64| if s > 0.0 { -(s / total) * (s / total).ln() } else { 0.0 };
    (total > 0.0).then(|| singular.into_iter().map(term).sum::<f64>().exp())
}

/// Columns or rows that [`effective_rank`] copies at a time.
const PART: usize = 256;

/// G ← G + AAᵀ on and above the diagonal, for A [side, depth] whose rows and columns lie as given.
fn add_gram(a: &[f64], (rows, columns): (Offsets, Offsets), depth: usize, gram: &mut [f64], side: usize) {
    const ROWS: usize = 64;
    for top in (0..side).step_by(ROWS) {
        let here = &a[rows.at(top)..];
        simd::run(Product {
            size: (ROWS.min(side - top), depth, side - top),
            nonzeros: None,
            a: here,
            a_rows: rows,
            a_columns: columns,
            b: here,
            b_rows: columns,
            b_columns: rows.at(1),
            c: &mut gram[top * side + top..],
            c_rows: Offsets::every(side),
            adds: true,
        });
    }
}

/// Mean of the cosines between all pairs of different samples; all-zero samples have none and are
/// left out. `None` if fewer than two remain, or if one is not finite.
pub fn mean_cosine<F: Scalar>(values: &[F], samples: usize) -> Option<f64> {
    let features = values.len() / samples;
    let mut directions = vec![0.0; features];
    let mut n = 0.0;
    for row in values.chunks_exact(features) {
        let norm = sum(row, |v| v * v).sqrt();
        if !norm.is_finite() {
            return None;
        }
        if norm > 0.0 {
            directions.iter_mut().zip(row).for_each(|(s, v)| *s += v.f64() / norm);
            n += 1.0;
        }
    }
    // ‖Σ unit rows‖² is n, from each row with itself, plus the sum over ordered pairs.
    let pairs = directions.iter().map(|s| s * s).sum::<f64>() - n;
    (n > 1.0).then(|| pairs / (n * (n - 1.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_interpolate_as_numpy_does() {
        // numpy.percentile([3, 1, 4, 1, 5, 9, 2, 6], [15, 50, 85]) = [1.05, 3.5, 5.95]
        let s = summary(&mut [3.0, 1.0, 4.0, 1.0, 5.0, 9.0, 2.0, 6.0], Activation::Identity);
        assert_eq!((s.min, s.max), (1.0, 9.0));
        for (found, expected) in [(s.p15, 1.05), (s.p50, 3.5), (s.p85, 5.95), (s.mean, 3.875)] {
            assert!((found - expected).abs() < 1e-12, "{found} {expected}");
        }
    }

    #[test]
    fn quantiles_are_right_for_every_small_count_and_with_ties() {
        for n in 1..40usize {
            for modulus in [3, 7, 1000] {
                let mut values: Vec<f64> = (0..n).map(|i| (i * 37 % 41 % modulus) as f64).collect();
                let found = quantiles(&mut values.clone());
                values.sort_by(f64::total_cmp);
                let expected = [0.0, 0.15, 0.5, 0.85, 1.0].map(|q| {
                    let at = q * (n - 1) as f64;
                    let (low, high) = (values[at as usize], values[(at.ceil() as usize).min(n - 1)]);
                    low + at.fract() * (high - low)
                });
                let close = found.iter().zip(&expected).all(|(f, e)| (f - e).abs() < 1e-12);
                assert!(close, "{n} {modulus}: {found:?} {expected:?}");
            }
        }
    }

    #[test]
    fn saturation_is_counted_where_the_activation_saturates() {
        let s = summary(&mut [0.0, 0.996, -0.996, 0.5], Activation::Tanh);
        assert_eq!((s.saturated_fraction, s.zero_fraction), (Some(0.5), 0.25));
        assert_eq!(summary(&mut [0.004, 0.5], Activation::Sigmoid).saturated_fraction, Some(0.5));
        assert_eq!(summary(&mut [0.0], Activation::Relu).saturated_fraction, None);
    }

    #[test]
    fn effective_rank_counts_equal_directions_and_discounts_unequal_ones() {
        // Two orthogonal centred directions of singular values 2 and 2, then 2 and 1.
        let equal = [1.0, 1.0, 0.0, -1.0, 1.0, 0.0, 1.0, -1.0, 0.0, -1.0, -1.0, 0.0];
        assert!((effective_rank(&equal, 4).unwrap() - 2.0).abs() < 1e-9);
        let unequal: Vec<f64> = equal.iter().enumerate().map(|(i, v)| if i % 3 == 1 { v / 2.0 } else { *v }).collect();
        let h = |p: f64| -p * p.ln();
        assert!((effective_rank(&unequal, 4).unwrap() - (h(2.0 / 3.0) + h(1.0 / 3.0)).exp()).abs() < 1e-9);
        assert_eq!(effective_rank(&[1.0, 2.0, 1.0, 2.0], 2), None);
        assert_eq!(effective_rank(&[0.1; 30], 3), None);
    }

    #[test]
    fn what_is_not_a_number_makes_every_statistic_undefined() {
        let s = summary(&mut [1.0, 2.0, f64::NAN, 3.0], Activation::Identity);
        assert!([s.mean, s.std, s.min, s.p15, s.p50, s.p85, s.max].iter().all(|v| v.is_nan()));
        assert_eq!(mean_cosine(&[1.0, 1.0, f64::NAN, 1.0, 2.0, 1.0], 3), None);
    }

    #[test]
    fn mean_cosine_is_over_different_samples() {
        assert_eq!(mean_cosine(&[1.0, 0.0, 0.0, 2.0, 0.0, 0.0], 3), Some(0.0));
        assert!((mean_cosine(&[1.0, 1.0, 3.0, 3.0], 2).unwrap() - 1.0).abs() < 1e-12);
        assert_eq!(mean_cosine(&[0.0, 0.0, 3.0, 3.0], 2), None);
    }
}
