//! What a run costs, before it starts: multiply-adds, memory, rows and disk.
//!
//! One model for all who ask: the defaults of `log`, the refusal of networks larger than the machine's memory, and
//! `bn-exp plan`. Costs are in f64, because the product of a hostile configuration's sizes may exceed any integer.

use super::settings::{Data, Layer, Log, Model, OptimizerKind, PoolKind, Precision, Settings, Shape, Train};

/// What a value that a hidden layer computes costs a training step besides its multiply-adds, in
/// multiply-adds, as measured.
const TRAINED_VALUE: f64 = 80.0;
/// What a look at one activation costs, in multiply-adds: percentiles, moments and its share of the
/// effective rank, as measured.
const PROBED_VALUE: f64 = 3300.0;
/// What a look at the gradients costs, in training steps, as measured.
const PROBED_GRADIENT: f64 = 5.0;

/// Bytes of a row of each table, typically.
const CURVES_ROW: f64 = 90.0;
const ACTIVATIONS_ROW: f64 = 220.0;
const GRADIENTS_ROW: f64 = 150.0;
/// Bytes of a parameter in a checkpoint, at most.
const SAVED_PARAMETER: f64 = 8.0;

/// Multiply-adds of the parts of a run.
#[derive(Debug, Clone, Copy)]
pub struct Operations {
    /// All training steps.
    pub training: f64,
    /// One evaluation during training.
    pub evaluation: f64,
    /// The evaluation of all splits at the end.
    pub last_evaluation: f64,
    /// One look at the activations.
    pub activations: f64,
    /// One look at the gradients.
    pub gradients: f64,
}

impl Operations {
    /// Of a run that looks at `probe_size` samples' activations and evaluates `train_eval` training samples.
    pub fn new(data: &Data, model: &Model, train: Train, probe_size: usize, train_eval: usize) -> Self {
        let layers = model.layers(data.shape, data.classes);
        let forward = layers.iter().map(|l| l.multiply_adds() as f64).sum::<f64>();
        let hidden = || layers.iter().filter(|l| l.hidden);
        let computed = hidden().map(|l| l.mapped.len() as f64).sum::<f64>();
        let step = (3.0 * forward + TRAINED_VALUE * computed) * train.batch_size as f64;
        // A forward pass is a third of a training step; validation is read under running and under batch statistics,
        // every split at the end under those of the population as well.
        let read = |samples: usize| step / 3.0 * samples as f64 / train.batch_size as f64;
        let values: f64 = hidden().map(|l| (3 * l.mapped.len() + pooled(l)) as f64).sum();
        Self {
            training: step * train.steps as f64,
            evaluation: read(2 * data.validation + train_eval),
            last_evaluation: read(3 * (data.train + data.validation + data.test)),
            activations: probe_size as f64 * (forward + PROBED_VALUE * values),
            gradients: PROBED_GRADIENT * step,
        }
    }

    /// All multiply-adds of a run.
    pub fn total(settings: &Settings) -> f64 {
        let Settings { data, model, train, log, .. } = settings;
        let parts = Self::new(data, model, *train, log.probe_size, log.train_eval);
        parts.training
            + observations(log.evaluate_every, *train) * parts.evaluation
            + parts.last_evaluation
            + observations(log.activations_every, *train) * parts.activations
            + observations(log.gradients_every, *train) * parts.gradients
    }
}

/// Values of a layer's pool site.
fn pooled(layer: &Layer) -> usize {
    if layer.pool == PoolKind::None { 0 } else { layer.output().len() }
}

/// Observations at an interval, those at the start and at the end included.
fn observations(every: usize, train: Train) -> f64 {
    train.steps.checked_div(every).map_or(0.0, |n| (n + 2) as f64)
}

/// Parameters of a network, with γ and β, at most.
pub fn parameters(settings: &Settings) -> f64 {
    let layers = settings.model.layers(settings.data.shape, settings.data.classes);
    layers.iter().map(|l| (l.fan_in() as f64 + 3.0) * l.mapped.channels as f64).sum()
}

/// Bytes of memory of one run, data included, somewhat above what it takes.
pub fn memory(settings: &Settings) -> f64 {
    let layers = settings.model.layers(settings.data.shape, settings.data.classes);
    let float = if settings.model.precision == Precision::F32 { 4.0 } else { 8.0 };
    let size = |shape: Shape| shape.channels as f64 * shape.height as f64 * shape.width as f64;
    // Up to four stages a block write a buffer each.
    let per_sample = size(settings.data.shape) + layers.iter().map(|l| 4.0 * size(l.mapped)).sum::<f64>();
    let largest = layers.iter().map(|l| size(l.mapped)).fold(0.0, f64::max);
    let (batch, probe) = (settings.train.batch_size as f64, settings.log.probe_size as f64);
    // Training keeps gradients as well. Beside it there is a workspace of the gradient probe, which keeps
    // gradients too, of an evaluation, or of the activation probe, which keeps two stages and a block's input.
    let beside = (2.0 * batch * per_sample).max((2.0 * batch).max(128.0) * per_sample).max(3.0 * probe * largest);
    let activations = 2.0 * batch * per_sample + beside;
    let states = if settings.optimizer.kind == OptimizerKind::Sgd { 1.0 } else { 2.0 };
    let parameters = parameters(settings) * (4.0 + states);
    let probing = 8.0 * (256.0 * probe.max(largest) + probe.min(largest).powi(2) * 3.0);
    let samples = (settings.data.train + settings.data.validation + settings.data.test) as f64;
    float * (activations + parameters) + probing + 4.0 * samples * size(settings.data.shape)
}

/// Bytes of memory of the whole program, at its peak, with so many runs at once.
pub fn program_memory(settings: &[&Settings], _seeds: usize, jobs: usize) -> f64 {
    settings.iter().map(|settings| memory(settings)).fold(0.0, f64::max) * jobs as f64
}

/// Bytes of a run's folder and of its share of the root tables.
pub fn disk(settings: &Settings) -> f64 {
    let Settings { log, train, .. } = settings;
    let layers = settings.model.layers(settings.data.shape, settings.data.classes);
    let curves = (observations(log.batch_every, *train) + 4.0 * observations(log.evaluate_every, *train)) * CURVES_ROW;
    let activations = observations(log.activations_every, *train) * activation_rows(&layers, log) * ACTIVATIONS_ROW;
    let gradients = observations(log.gradients_every, *train) * 5.0 * layers.len() as f64 * GRADIENTS_ROW;
    let copies = 1.0 + observations(log.snapshot_every, *train);
    2.0 * (curves + activations + gradients) + copies * SAVED_PARAMETER * parameters(settings)
}

/// Rows of one look at the activations: four sites a block, one row for all channels and one for each.
fn activation_rows(layers: &[Layer], log: &Log) -> f64 {
    let rows = |layer: &Layer| 4 * (1 + layer.mapped.channels.min(log.channels));
    layers.iter().filter(|layer| layer.hidden).map(rows).sum::<usize>() as f64
}
