//! SGD, Adam and AdamW on the network's one slice of parameters.
//!
//! With gradient g, learning rate η, weight decay λ (weights only, unless `decay_norm`), and t
//! counting a tensor's steps from 1:
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
    /// How many updates each tensor's moments are made of, in the order of the network's index.
    steps: Vec<u32>,
    /// v of SGD with momentum, m of Adam; empty where not needed.
    first: Vec<F>,
    /// v of Adam; empty where not needed.
    second: Vec<F>,
}

impl<F: Scalar> Optimizer<F> {
    /// For the parameters of this index, with zero state.
    pub fn new(options: &OptimizerOptions, index: &[Parameter]) -> Self {
        let is_adam = options.kind != OptimizerKind::Sgd;
        let parameters = index.last().map_or(0, |p| p.range.end);
        let zeros = |is_needed: bool| vec![F::zero(); if is_needed { parameters } else { 0 }];
        let first = zeros(is_adam || options.momentum != 0.0);
        Self { options: options.clone(), steps: vec![0; index.len()], first, second: zeros(is_adam) }
    }

    /// Everything but the options that decides the next update: the moments, by PyTorch's names where it has one.
    pub fn moments(&self) -> [(&'static str, &[F]); 2] {
        [("exp_avg", &self.first), ("exp_avg_sq", &self.second)]
    }

    /// And how many updates each tensor's moments are made of.
    pub fn steps(&self) -> &[u32] {
        &self.steps
    }

    /// Puts a state in place. Returns whether it has as many values as needed.
    pub fn restore(&mut self, steps: Vec<u32>, first: Vec<F>, second: Vec<F>) -> bool {
        let sizes = |o: &Self| [o.steps.len(), o.first.len(), o.second.len()];
        let restored = Self { options: self.options.clone(), steps, first, second };
        let fits = sizes(&restored) == sizes(self);
        *self = restored;
        fits
    }

    /// Forgets what it remembers of the tensors at these places of the index: they begin anew.
    pub fn forget(&mut self, index: &[Parameter], places: &[usize]) {
        for &place in places {
            self.steps[place] = 0;
            for moments in [&mut self.first, &mut self.second].into_iter().filter(|moments| !moments.is_empty()) {
                moments[index[place].range.clone()].fill(F::zero());
            }
        }
    }

    /// One update at learning rate η. Returns whether every trained parameter is still finite.
    pub fn step(&mut self, index: &[Parameter], parameters: &mut [F], gradients: &[F], lr: f64) -> bool {
        let mut is_finite = true;
        for (place, parameter) in index.iter().enumerate().filter(|(_, p)| p.trained) {
            self.steps[place] = self.steps[place].saturating_add(1);
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
                OptimizerKind::Adam | OptimizerKind::Adamw => update::run(self.adam(sgd, place, range, keep)),
            };
        }
        is_finite
    }

    /// Both bias corrections are taken out of the loop; θ still moves by η·m̂/(√v̂ + ε).
    fn adam<'a>(&'a mut self, sgd: Sgd<'a, F>, place: usize, range: Range<usize>, keep: f64) -> Adam<'a, F> {
        let OptimizerOptions { beta1, beta2, epsilon, .. } = self.options;
        let steps = i32::try_from(self.steps[place]).unwrap_or(i32::MAX);
        Adam {
            sgd: Sgd { rate: sgd.rate / F::of(1.0 - beta1.powi(steps)), ..sgd },
            keep: F::of(keep),
            first: &mut self.first[range.clone()],
            second: &mut self.second[range],
            beta1: (F::of(beta1), F::of(1.0 - beta1)),
            beta2: (F::of(beta2), F::of(1.0 - beta2)),
            per_root: F::of(1.0 / (1.0 - beta2.powi(steps)).sqrt()),
            epsilon: F::of(epsilon),
        }
    }
}
