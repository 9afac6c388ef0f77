//! Statistics of gradients: of every parameter tensor, and of what enters each block and its norm.
//!
//! Rows at step k belong to minibatch k: the gradient that update k is made from, the norm of the
//! values before that update, and ‖Δθ‖/‖θ‖ by which the update changed them.

use super::{Probe, looks_at};
use crate::config::Settings;
use crate::config::settings::Every;
use crate::kernels::{Scalar, l2_norm};
use crate::nn::Network;
use crate::nn::objective::Objective;
use crate::nn::parameters::Tensor;
use crate::nn::stages::Site;
use crate::nn::workspace::Path;
use crate::table::{Row, Table, float, number, optional};
use crate::train::{Batch, Observer};

/// One row of gradients.csv.
#[derive(Debug, Clone, PartialEq)]
pub struct GradientRow {
    /// Index of the minibatch.
    pub step: usize,
    /// Index of the block.
    pub block: usize,
    /// One of `TENSORS`.
    pub tensor: &'static str,
    /// ‖∂L/∂·‖
    pub norm: f64,
    /// Mean of its entries.
    pub mean: f64,
    /// Population SD of its entries.
    pub std: f64,
    /// ‖·‖ of the values themselves, before the update.
    pub value_norm: f64,
    /// ‖Δθ‖/‖θ‖; parameters only, and none where ‖θ‖ = 0.
    pub update_ratio: Option<f64>,
}

/// Looks at gradients.
#[derive(Debug)]
pub struct GradientProbe<F: Scalar> {
    every: Every,
    last: usize,
    /// The parameters before the update that is awaited, and where its rows begin.
    before: Option<(Vec<F>, usize)>,
    /// The rows so far.
    pub rows: Vec<GradientRow>,
}

impl<F: Scalar> GradientProbe<F> {
    /// For these settings.
    pub fn new(settings: &Settings) -> Self {
        let (every, last) = (settings.log.gradients_every.clone(), settings.train.steps - 1);
        Self { every, last, before: None, rows: Vec::new() }
    }
}

impl<F: Scalar> Observer<F> for GradientProbe<F> {
    fn batch(&mut self, batch: &Batch<F>) -> anyhow::Result<()> {
        if !looks_at(batch.step, &self.every, self.last) {
            return Ok(());
        }
        let network = batch.network;
        let samples = batch.labels.len();
        // Made anew for each look, so that it takes no memory in between.
        let mut objective = Objective::new(network, batch.pass, batch.input, batch.labels);
        objective.at(&network.parameters)?;
        let space = objective.space();

        self.before = Some((network.parameters.clone(), self.rows.len()));
        for parameter in &network.index {
            let (range, tensor) = (parameter.range.clone(), parameter.tensor.name());
            let values = &network.parameters[range.clone()];
            self.rows.push(row(batch.step, parameter.block, tensor, &space.gradients[range], values));
        }
        for (b, block) in network.blocks.iter().enumerate() {
            if let Some(stage) = block.stage_of(Site::NormInput) {
                let length = samples * block.shape_after(stage).len();
                if let Path::Plain { values, gradients } = &space.blocks[b].path {
                    let (gradient, values) = (&gradients[stage][..length], &values[stage][..length]);
                    self.rows.push(row(batch.step, b, "norm_input", gradient, values));
                }
            }
            let length = samples * block.layer.input.len();
            let (gradient, values) = match b.checked_sub(1) {
                None => (&space.dinput[..], batch.input),
                Some(below) => (space.blocks[below].output_gradient(), space.blocks[below].output()),
            };
            self.rows.push(row(batch.step, b, "input", &gradient[..length], &values[..length]));
        }
        Ok(())
    }

    fn updated(&mut self, _step: usize, network: &Network<F>) -> anyhow::Result<()> {
        let Some((before, first_row)) = self.before.take() else { return Ok(()) };
        for (parameter, row) in network.index.iter().zip(&mut self.rows[first_row..]) {
            debug_assert_eq!(row.tensor, Tensor::name(parameter.tensor));
            let range = parameter.range.clone();
            let change: Vec<F> =
                network.parameters[range.clone()].iter().zip(&before[range]).map(|(new, old)| *new - *old).collect();
            row.update_ratio = (row.value_norm > 0.0).then(|| l2_norm(&change) / row.value_norm);
        }
        Ok(())
    }
}

impl<F: Scalar> Probe<F> for GradientProbe<F> {
    fn take_rows(&mut self, write: &mut dyn FnMut(Table, &[String])) {
        self.rows.drain(..).for_each(|row| write(GradientRow::TABLE, &row.cells()));
    }
}

/// What gradients are taken of: the parameters, then what enters a block's norm and the block.
const TENSORS: [&str; 6] = ["weight", "bias", "gamma", "beta", "norm_input", "input"];

impl Row for GradientRow {
    const TABLE: Table = Table {
        file: "gradients.csv",
        columns: &["step", "block", "tensor", "norm", "mean", "std", "value_norm", "update_ratio"],
    };

    fn cells(&self) -> Vec<String> {
        let place = [self.step.to_string(), self.block.to_string(), self.tensor.to_owned()];
        let numbers = [self.norm, self.mean, self.std, self.value_norm].map(float);
        place.into_iter().chain(numbers).chain([float(self.update_ratio)]).collect()
    }

    fn parse(cells: &[&str]) -> Option<Self> {
        let &[step, block, tensor, norm, mean, std, value_norm, update_ratio] = cells else { return None };
        Some(Self {
            step: step.parse().ok()?,
            block: block.parse().ok()?,
            tensor: TENSORS.into_iter().find(|known| *known == tensor)?,
            norm: number(norm)?,
            mean: number(mean)?,
            std: number(std)?,
            value_norm: number(value_norm)?,
            update_ratio: optional(update_ratio)?,
        })
    }
}

fn row<F: Scalar>(step: usize, block: usize, tensor: &'static str, gradient: &[F], values: &[F]) -> GradientRow {
    let n = gradient.len() as f64;
    let mean = gradient.iter().map(|g| g.f64()).sum::<f64>() / n;
    let std = (gradient.iter().map(|g| (g.f64() - mean).powi(2)).sum::<f64>() / n).sqrt();
    let (norm, value_norm) = (l2_norm(gradient), l2_norm(values));
    GradientRow { step, block, tensor, norm, mean, std, value_norm, update_ratio: None }
}
