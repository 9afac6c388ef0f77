//! Statistics of activations on a fixed probe batch, per site and channel and over all channels.
//!
//! The probe batch is the first `probe_size` validation samples, or the last of the training split
//! where there is no validation; norms use its own batch statistics.
//!
//! The statistics of a set of values are in [`summary`](mod@summary). Over all channels there are also the effective rank
//! and the mean cosine of the site's matrix of samples by features: [`matrix`].

pub mod matrix;
pub mod summary;

use matrix::{effective_rank, mean_cosine};
use ndarray::ArrayView2;
use summary::{Summary, summary};

use super::{Probe, looks_at};
use crate::config::Settings;
use crate::config::settings::{Activation, Every};
use crate::data::Dataset;
use crate::kernels::Scalar;
use crate::nn::stages::{Site, Stage};
use crate::nn::walk::Written;
use crate::nn::{Network, Pass, Statistics};
use crate::table::{Row, Table, float, number, optional};
use crate::train::Observer;

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

/// Looks at activations.
#[derive(Debug)]
pub struct ActivationProbe<F: Scalar> {
    every: Every,
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
        let (every, last, channels) =
            (settings.log.activations_every.clone(), settings.train.steps, settings.log.channels);
        let (samples, input) = if every.is_never() { (0, Vec::new()) } else { probe_batch(settings, data) };
        Self { every, last, channels, samples, input, rows: Vec::new() }
    }
}

/// The samples that probes of states look at: how many, and their scaled features, \[N, H, W, C\]. The first of the validation
/// split, or the last of the training split where there is no other.
pub(super) fn probe_batch<F: Scalar>(settings: &Settings, data: &Dataset) -> (usize, Vec<F>) {
    let (size, length) = (settings.log.probe_size, data.shape.len());
    let (split, range) = if data.validation.is_empty() {
        let n = data.train.len();
        (&data.train, n - size.min(n)..n)
    } else {
        (&data.validation, 0..size.min(data.validation.len()))
    };
    let places: Vec<u32> = range.map(|i| i as u32).collect();
    let mut input = vec![F::zero(); places.len() * length];
    data.scaler::<F>().gather(split, &places, &mut input, length, &mut |_| {});
    (places.len(), input)
}

impl<F: Scalar> Observer<F> for ActivationProbe<F> {
    fn state(&mut self, step: usize, network: &Network<F>) -> anyhow::Result<()> {
        if !looks_at(step, &self.every, self.last) {
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
                let by_sample = ArrayView2::from_shape((*samples, values.len() / *samples), values);
                let by_sample = by_sample.expect("every sample has as many values");
                spare.clear();
                spare.extend_from_slice(values);
                found.push(ActivationRow {
                    effective_rank: effective_rank(by_sample),
                    mean_cosine: mean_cosine(by_sample),
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
        // Stages come in the block's order, which may differ from that of the sites.
        let first = self.rows.partition_point(|row| row.step < step);
        self.rows[first..].sort_by_key(|row| (row.block, row.site));
        Ok(())
    }
}

impl<F: Scalar> Probe<F> for ActivationProbe<F> {
    fn take_rows(&mut self, write: &mut dyn FnMut(Table, &[String])) {
        self.rows.drain(..).for_each(|row| write(ActivationRow::TABLE, &row.cells()));
    }
}

impl Row for ActivationRow {
    const TABLE: Table = Table {
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

    fn cells(&self) -> Vec<String> {
        let s = &self.summary;
        let numbers = [s.mean, s.std, s.min, s.p15, s.p50, s.p85, s.max, s.zero_fraction].map(float);
        let channel = self.channel.map_or_else(|| "all".to_owned(), |c| c.to_string());
        let place = [self.step.to_string(), self.block.to_string(), self.site.name().to_owned(), channel];
        let rest = [s.saturated_fraction, self.effective_rank, self.mean_cosine].map(float);
        place.into_iter().chain(numbers).chain(rest).collect()
    }

    fn parse(cells: &[&str]) -> Option<Self> {
        let [step, block, site, channel, numbers @ .., saturated, rank, cosine] = cells else { return None };
        let &[mean, std, min, p15, p50, p85, max, zero_fraction] = numbers else { return None };
        let summary = Summary {
            mean: number(mean)?,
            std: number(std)?,
            min: number(min)?,
            p15: number(p15)?,
            p50: number(p50)?,
            p85: number(p85)?,
            max: number(max)?,
            zero_fraction: number(zero_fraction)?,
            saturated_fraction: optional(saturated)?,
        };
        let is_all = *channel == "all";
        Some(Self {
            step: step.parse().ok()?,
            block: block.parse().ok()?,
            site: Site::ALL.into_iter().find(|known| known.name() == *site)?,
            channel: if is_all { None } else { Some(channel.parse().ok()?) },
            summary,
            effective_rank: optional(rank)?,
            mean_cosine: optional(cosine)?,
        })
    }
}
