//! How much memory a run will need, told before anything is allocated.

use crate::config::Shape;
use crate::config::settings::{OptimizerKind, Precision, Settings};

/// Parameters of a network, with γ and β, at most.
pub fn parameters(settings: &Settings) -> f64 {
    let layers = settings.model.layers(settings.data.shape, settings.data.classes);
    layers.iter().map(|l| (l.fan_in() as f64 + 3.0) * l.mapped.channels as f64).sum()
}

/// Bytes of one run, data included, somewhat above what it takes.
///
/// In f64, because the product of a hostile configuration's sizes may exceed any integer.
pub fn estimate(settings: &Settings) -> f64 {
    let layers = settings.model.layers(settings.data.shape, settings.data.classes);
    let float = if settings.model.precision == Precision::F32 { 4.0 } else { 8.0 };
    let size = |shape: Shape| shape.channels as f64 * shape.height as f64 * shape.width as f64;
    // Up to four stages a block write a buffer each.
    let per_sample = size(settings.data.shape) + layers.iter().map(|l| 4.0 * size(l.mapped)).sum::<f64>();
    let largest = layers.iter().map(|l| size(l.mapped)).fold(0.0, f64::max);
    let (batch, probe) = (settings.train.batch_size as f64, settings.log.probe_size as f64);
    // Training keeps gradients as well; beside it one of the gradient probe, which does too, an
    // evaluation, and the activation probe, which keeps two stages and a block's input.
    let beside = (2.0 * batch * per_sample).max((2.0 * batch).max(128.0) * per_sample).max(3.0 * probe * largest);
    let activations = 2.0 * batch * per_sample + beside;
    let states = if settings.optimizer.kind == OptimizerKind::Sgd { 1.0 } else { 2.0 };
    let parameters = parameters(settings) * (4.0 + states);
    let probing = 8.0 * (256.0 * probe.max(largest) + probe.min(largest).powi(2) * 3.0);
    let samples = (settings.data.train + settings.data.validation + settings.data.test) as f64;
    float * (activations + parameters) + probing + 4.0 * samples * size(settings.data.shape)
}
