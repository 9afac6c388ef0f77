//! SGD, Adam and AdamW on the network's one slice of parameters.
//!
//! With gradient g, learning rate η, weight decay λ (weights only, unless `decay_norm`), and t
//! counting steps from 1:
//!
//! ```text
//! sgd    g ← g + λθ;  v ← mv + g;  θ ← θ − η v            (nesterov: θ ← θ − η (g + mv))
//! adam   g ← g + λθ;  m ← β₁m + (1 − β₁)g;  v ← β₂v + (1 − β₂)g²
//!        θ ← θ − η · m/(1 − β₁ᵗ) / (√(v/(1 − β₂ᵗ)) + ε)
//! adamw  θ ← θ − ηλθ, then as adam with λ = 0
//! ```
//!
//! These are PyTorch's definitions (dampening 0), so that runs can be replayed there.

use std::ops::Range;

use crate::config::settings::{OptimizerKind, OptimizerOptions};
use crate::kernels::Scalar;
use crate::kernels::update::{self, Adam, Momentum, Sgd};
use crate::nn::parameters::{Parameter, Tensor};

/// An optimiser and its state.
#[derive(Debug, Clone)]
pub struct Optimizer<F> {
    options: OptimizerOptions,
    steps_done: i32,
    /// v of SGD with momentum, m of Adam; empty where not needed.
    first: Vec<F>,
    /// v of Adam; empty where not needed.
    second: Vec<F>,
}

impl<F: Scalar> Optimizer<F> {
    /// For `parameters` values, with zero state.
    pub fn new(options: &OptimizerOptions, parameters: usize) -> Self {
        let is_adam = options.kind != OptimizerKind::Sgd;
        let zeros = |is_needed: bool| vec![F::zero(); if is_needed { parameters } else { 0 }];
        let first = zeros(is_adam || options.momentum != 0.0);
        Self { options: options.clone(), steps_done: 0, first, second: zeros(is_adam) }
    }

    /// Everything but the options that decides the next update: the moments, by PyTorch's names where it has one.
    pub fn moments(&self) -> [(&'static str, &[F]); 2] {
        [("exp_avg", &self.first), ("exp_avg_sq", &self.second)]
    }

    /// Puts the state after `steps` updates in place. Returns whether the moments are as many as needed.
    pub fn restore(&mut self, steps: usize, first: Vec<F>, second: Vec<F>) -> bool {
        let fits = (first.len(), second.len()) == (self.first.len(), self.second.len());
        (self.steps_done, self.first, self.second) = (i32::try_from(steps).unwrap_or(i32::MAX), first, second);
        fits
    }

    /// One update at learning rate η. Returns whether every trained parameter is still finite.
    pub fn step(&mut self, index: &[Parameter], parameters: &mut [F], gradients: &[F], lr: f64) -> bool {
        self.steps_done = self.steps_done.saturating_add(1);
        let mut is_finite = true;
        for parameter in index.iter().filter(|p| p.trained) {
            let range = parameter.range.clone();
            let decays = parameter.tensor == Tensor::Weight || self.options.decay_norm;
            let decay = if decays { self.options.weight_decay } else { 0.0 };
            let kind = self.options.kind;
            let (rate, keep, decay) = match kind {
                OptimizerKind::Adamw => (lr, 1.0 - lr * decay, 0.0),
                OptimizerKind::Sgd | OptimizerKind::Adam => (lr, 1.0, decay),
            };
            let (theta, gradient) = (&mut parameters[range.clone()], &gradients[range.clone()]);
            let sgd = Sgd { theta, gradient, rate: F::of(rate), decay: F::of(decay) };
            is_finite &= match kind {
                OptimizerKind::Sgd if self.first.is_empty() => update::run(sgd),
                OptimizerKind::Sgd => update::run(Momentum {
                    sgd,
                    velocity: &mut self.first[range],
                    momentum: F::of(self.options.momentum),
                    nesterov: self.options.nesterov,
                }),
                OptimizerKind::Adam | OptimizerKind::Adamw => update::run(self.adam(sgd, range, keep)),
            };
        }
        is_finite
    }

    /// Both bias corrections are taken out of the loop; θ still moves by η·m̂/(√v̂ + ε).
    fn adam<'a>(&'a mut self, sgd: Sgd<'a, F>, range: Range<usize>, keep: f64) -> Adam<'a, F> {
        let OptimizerOptions { beta1, beta2, epsilon, .. } = self.options;
        Adam {
            sgd: Sgd { rate: sgd.rate / F::of(1.0 - beta1.powi(self.steps_done)), ..sgd },
            keep: F::of(keep),
            first: &mut self.first[range.clone()],
            second: &mut self.second[range],
            beta1: (F::of(beta1), F::of(1.0 - beta1)),
            beta2: (F::of(beta2), F::of(1.0 - beta2)),
            per_root: F::of(1.0 / (1.0 - beta2.powi(self.steps_done)).sqrt()),
            epsilon: F::of(epsilon),
        }
    }
}
