//! Probes look at a network while it trains, and change nothing: they recompute what they look at
//! on a workspace of their own, so that training's arithmetic never depends on being observed.
//!
//! A new probe is one file here, an entry in [`Probes`], and its table in `record::tables`.

pub mod activations;
pub mod gradients;

use crate::config::Settings;
use crate::data::Dataset;
use crate::kernels::Scalar;
use crate::nn::Network;
use crate::train::{Batch, Observer};

/// The probes of a run.
#[derive(Debug)]
pub struct Probes<F: Scalar> {
    /// Activation statistics.
    pub activations: activations::ActivationProbe<F>,
    /// Gradient statistics.
    pub gradients: gradients::GradientProbe<F>,
}

impl<F: Scalar> Probes<F> {
    /// For networks like this one.
    pub fn new(network: &Network<F>, settings: &Settings, data: &Dataset) -> Self {
        Self {
            activations: activations::ActivationProbe::new(network, settings, data),
            gradients: gradients::GradientProbe::new(network, settings),
        }
    }
}

impl<F: Scalar> Observer<F> for Probes<F> {
    fn state(&mut self, step: usize, network: &Network<F>) -> anyhow::Result<()> {
        self.activations.state(step, network)?;
        self.gradients.state(step, network)
    }

    fn batch(&mut self, batch: &Batch<F>) -> anyhow::Result<()> {
        self.gradients.batch(batch)
    }
}

/// Whether a probe that looks every so many steps looks at `step`; also at the last; 0 is never.
fn looks_at(step: usize, every: usize, last: usize) -> bool {
    every > 0 && (step.is_multiple_of(every) || step == last)
}
