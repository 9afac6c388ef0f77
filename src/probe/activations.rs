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
use crate::kernels::{Scalar, gemm};
use crate::nn::block::Site;
use crate::nn::{Network, Statistics, Workspace};
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
    /// Holds the probe batch as its input; `None` if the probe is off.
    space: Option<Workspace<F>>,
    /// The rows so far.
    pub rows: Vec<ActivationRow>,
}

impl<F: Scalar> ActivationProbe<F> {
    /// For networks like this one.
    pub fn new(network: &Network<F>, settings: &Settings, data: &Dataset) -> Self {
        let (split, range) = probe_batch(data, settings.log.probe_size);
        let samples = range.len();
        let every = settings.log.activations_every;
        let space = (every > 0).then(|| {
            let mut space = Workspace::for_probing(network, samples, false);
            let samples: Vec<u32> = range.map(|i| i as u32).collect();
            data.scaler::<F>().gather(split, &samples, &mut space.input, data.shape.len());
            space
        });
        let (last, channels) = (settings.train.steps, settings.log.channels);
        Self { every, last, channels, samples, space, rows: Vec::new() }
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
        let Some(space) = self.space.as_mut().filter(|_| looks_at(step, self.every, self.last)) else {
            return Ok(());
        };
        network.forward(Statistics::Batch, space, self.samples)?;
        for (b, block) in network.blocks.iter().enumerate() {
            for site in Site::ALL {
                let Some(stage) = block.stage_of(site) else { continue };
                let shape = block.shape_after(stage);
                let values: Vec<f64> =
                    space.blocks[b].values[stage][..self.samples * shape.len()].iter().map(|v| v.f64()).collect();
                let saturates = if site == Site::Activation { block.activation } else { Activation::Identity };
                let row = |channel, summary| ActivationRow {
                    step,
                    block: b,
                    site,
                    channel,
                    summary,
                    effective_rank: None,
                    mean_cosine: None,
                };
                self.rows.push(ActivationRow {
                    effective_rank: effective_rank(&values, self.samples),
                    mean_cosine: mean_cosine(&values, self.samples),
                    ..row(None, summary(values.clone(), saturates))
                });
                for c in 0..shape.channels.min(self.channels) {
                    let channel = values.iter().skip(c).step_by(shape.channels).copied().collect();
                    self.rows.push(row(Some(c), summary(channel, saturates)));
                }
            }
        }
        Ok(())
    }
}

impl<F: Scalar> Probe<F> for ActivationProbe<F> {
    fn table(&self) -> Table {
        TABLE
    }

    fn rows(&self, write: &mut dyn FnMut(&[String])) {
        for row in &self.rows {
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

/// Statistics of some values, of which there must be at least one.
pub fn summary(mut values: Vec<f64>, activation: Activation) -> Summary {
    let n = values.len() as f64;
    let share = |count: usize| count as f64 / n;
    let mean = values.iter().sum::<f64>() / n;
    let std = (values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / n).sqrt();
    let saturated = |is: fn(f64) -> bool| Some(share(values.iter().filter(|v| is(**v)).count()));
    let saturated_fraction = match activation {
        Activation::Tanh => saturated(|v| v.abs() > 0.99),
        Activation::Sigmoid => saturated(|v| (2.0 * v - 1.0).abs() > 0.99),
        Activation::Relu | Activation::Identity => None,
    };
    let zero_fraction = share(values.iter().filter(|v| **v == 0.0).count());
    let by_order = |a: &f64, b: &f64| a.total_cmp(b);
    let min = values.iter().copied().min_by(by_order).unwrap_or(f64::NAN);
    let max = values.iter().copied().max_by(by_order).unwrap_or(f64::NAN);
    let [p15, p50, p85] = percentiles(&mut values);
    Summary { mean, std, min, p15, p50, p85, max, zero_fraction, saturated_fraction }
}

/// The 15 %, 50 % and 85 % quantiles, linear between order statistics. Reorders the values.
fn percentiles(values: &mut [f64]) -> [f64; 3] {
    let values_len = values.len();
    let last = (values_len - 1) as f64;
    // The median goes first: it parts the values, and the outer two lie within one part each.
    let half = (0.5 * last) as usize;
    let mut quantile = |q: f64, from: usize, to: usize| {
        let at = q * last;
        let part = &mut values[from..to];
        let (_, low, above) = part.select_nth_unstable_by(at as usize - from, f64::total_cmp);
        let low = *low;
        let next = above.iter().copied().min_by(f64::total_cmp);
        // The part ends before the median, which is then the next value.
        let high = next.unwrap_or_else(|| values.get(to).copied().unwrap_or(low));
        if at.fract() == 0.0 { low } else { low + at.fract() * (high - low) }
    };
    let middle = quantile(0.5, 0, values_len);
    let low = quantile(0.15, 0, half.max(1));
    let high = quantile(0.85, half, values_len);
    [low, middle, high]
}

/// exp(H(p)) of the sample × feature matrix less its column means; `None` if all rows are equal.
///
/// Singular values are roots of the eigenvalues of the smaller Gram matrix. That loses those below
/// 1e-8 of the largest, whose share in the entropy is negligible beside the rounding of f32 inputs.
pub fn effective_rank(values: &[f64], samples: usize) -> Option<f64> {
    let features = values.len() / samples;
    let mut centered = values.to_vec();
    for f in 0..features {
        let mean = values[f..].iter().step_by(features).sum::<f64>() / samples as f64;
        centered[f..].iter_mut().step_by(features).for_each(|v| *v -= mean);
    }
    if !centered.iter().all(|v| v.is_finite()) {
        return None;
    }
    let side = samples.min(features);
    let mut gram = vec![0.0; side * side];
    if samples <= features {
        gemm::product_nt(&centered, &centered, &mut gram, (samples, samples, features));
    } else {
        gemm::product_tn(&centered, &centered, &mut gram, (samples, features, features));
    }
    let eigenvalues = DMatrix::from_vec(side, side, gram).symmetric_eigenvalues();
    let singular: Vec<f64> = eigenvalues.iter().map(|l| l.max(0.0).sqrt()).collect();
    let total: f64 = singular.iter().sum();
    let term = |s: f64| if s > 0.0 { -(s / total) * (s / total).ln() } else { 0.0 };
    (total > 0.0).then(|| singular.into_iter().map(term).sum::<f64>().exp())
}

/// Mean of the cosines between all pairs of different samples; all-zero samples have none and are
/// left out. `None` if fewer than two remain.
pub fn mean_cosine(values: &[f64], samples: usize) -> Option<f64> {
    let features = values.len() / samples;
    let mut sum = vec![0.0; features];
    let mut n = 0.0;
    for row in values.chunks_exact(features) {
        let norm = row.iter().map(|v| v * v).sum::<f64>().sqrt();
        if norm > 0.0 {
            sum.iter_mut().zip(row).for_each(|(s, v)| *s += v / norm);
            n += 1.0;
        }
    }
    // ‖Σ unit rows‖² is n, from each row with itself, plus the sum over ordered pairs.
    let pairs = sum.iter().map(|s| s * s).sum::<f64>() - n;
    (n > 1.0).then(|| pairs / (n * (n - 1.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_interpolate_as_numpy_does() {
        // numpy.percentile([3, 1, 4, 1, 5, 9, 2, 6], [15, 50, 85]) = [1.05, 3.5, 5.95]
        let s = summary(vec![3.0, 1.0, 4.0, 1.0, 5.0, 9.0, 2.0, 6.0], Activation::Identity);
        assert_eq!((s.min, s.max), (1.0, 9.0));
        for (found, expected) in [(s.p15, 1.05), (s.p50, 3.5), (s.p85, 5.95), (s.mean, 3.875)] {
            assert!((found - expected).abs() < 1e-12, "{found} {expected}");
        }
    }

    #[test]
    fn percentiles_are_right_for_every_small_count_and_with_ties() {
        for n in 1..40usize {
            for modulus in [3, 7, 1000] {
                let mut values: Vec<f64> = (0..n).map(|i| (i * 37 % 41 % modulus) as f64).collect();
                let found = percentiles(&mut values.clone());
                values.sort_by(f64::total_cmp);
                let expected = [0.15, 0.5, 0.85].map(|q| {
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
        let s = summary(vec![0.0, 0.996, -0.996, 0.5], Activation::Tanh);
        assert_eq!((s.saturated_fraction, s.zero_fraction), (Some(0.5), 0.25));
        assert_eq!(summary(vec![0.004, 0.5], Activation::Sigmoid).saturated_fraction, Some(0.5));
        assert_eq!(summary(vec![0.0], Activation::Relu).saturated_fraction, None);
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
    }

    #[test]
    fn mean_cosine_is_over_different_samples() {
        assert_eq!(mean_cosine(&[1.0, 0.0, 0.0, 2.0, 0.0, 0.0], 3), Some(0.0));
        assert!((mean_cosine(&[1.0, 1.0, 3.0, 3.0], 2).unwrap() - 1.0).abs() < 1e-12);
        assert_eq!(mean_cosine(&[0.0, 0.0, 3.0, 3.0], 2), None);
    }
}
