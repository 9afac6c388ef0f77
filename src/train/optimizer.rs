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

use crate::config::settings::{OptimizerKind, OptimizerOptions};
use crate::kernels::Scalar;
use crate::nn::parameters::{Parameter, Tensor};

/// An optimiser and its state.
#[derive(Debug)]
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

    /// One update at learning rate η. Returns whether every trained parameter is still finite.
    pub fn step(&mut self, index: &[Parameter], parameters: &mut [F], gradients: &[F], lr: f64) -> bool {
        self.steps_done = self.steps_done.saturating_add(1);
        let mut is_finite = true;
        for parameter in index.iter().filter(|p| p.trained) {
            let range = parameter.range.clone();
            let decays = parameter.tensor == Tensor::Weight || self.options.decay_norm;
            let decay = if decays { self.options.weight_decay } else { 0.0 };
            let (theta, g) = (&mut parameters[range.clone()], &gradients[range.clone()]);
            match self.options.kind {
                OptimizerKind::Sgd if self.first.is_empty() => sgd(theta, g, lr, decay),
                OptimizerKind::Sgd => {
                    let momentum = (self.options.momentum, self.options.nesterov);
                    sgd_momentum(theta, g, &mut self.first[range], lr, decay, momentum);
                }
                OptimizerKind::Adam => self.adam(theta, g, range, lr, decay),
                OptimizerKind::Adamw => {
                    let keep = F::of(1.0 - lr * decay);
                    theta.iter_mut().for_each(|t| *t *= keep);
                    self.adam(theta, g, range, lr, 0.0);
                }
            }
            is_finite &= theta.iter().all(|t| t.is_finite());
        }
        is_finite
    }

    fn adam(&mut self, theta: &mut [F], g: &[F], range: std::ops::Range<usize>, lr: f64, decay: f64) {
        let OptimizerOptions { beta1, beta2, epsilon, .. } = self.options;
        // Both bias corrections are taken out of the loop; θ still moves by η·m̂/(√v̂ + ε).
        let rate = F::of(lr / (1.0 - beta1.powi(self.steps_done)));
        let root = F::of((1.0 - beta2.powi(self.steps_done)).sqrt());
        let [beta1, beta2, rest1, rest2] = [beta1, beta2, 1.0 - beta1, 1.0 - beta2].map(F::of);
        let (decay, epsilon) = (F::of(decay), F::of(epsilon));
        let state = self.first[range.clone()].iter_mut().zip(&mut self.second[range]);
        for ((t, g), (m, v)) in theta.iter_mut().zip(g).zip(state) {
            let g = *g + decay * *t;
            *m = beta1 * *m + rest1 * g;
            *v = beta2 * *v + rest2 * g * g;
            *t -= rate * *m / (v.sqrt() / root + epsilon);
        }
    }
}

fn sgd<F: Scalar>(theta: &mut [F], g: &[F], lr: f64, decay: f64) {
    let (lr, decay) = (F::of(lr), F::of(decay));
    for (t, g) in theta.iter_mut().zip(g) {
        *t -= lr * (*g + decay * *t);
    }
}

fn sgd_momentum<F: Scalar>(
    theta: &mut [F],
    g: &[F],
    v: &mut [F],
    lr: f64,
    decay: f64,
    (momentum, nesterov): (f64, bool),
) {
    let (lr, decay, momentum) = (F::of(lr), F::of(decay), F::of(momentum));
    for ((t, g), v) in theta.iter_mut().zip(g).zip(v) {
        let g = *g + decay * *t;
        *v = momentum * *v + g;
        *t -= lr * if nesterov { g + momentum * *v } else { *v };
    }
}
