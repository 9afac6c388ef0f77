//! Standardise now and then: every k steps the constants of eq. 1 become those of the minibatch at hand.
//!
//! ```text
//! before steps 0, k, 2k, …:   m ← μ     v ← σ²             of that minibatch, σ² biased
//! always:                     x̂_i = (x_i − m)·s            s = 1/√(v + ε)
//!                             y_i = γ·x̂_i + β
//! ```
//!
//! With k = ∞ this is `frozen`. The knob `keep` says what becomes of γ and β when m, s turn into m′, s′ (not at the start):
//!
//! - `function`: γ′ = γ·s/s′ and β′ = β + γs·(m′ − m), so that γ′s′(x − m′) + β′ = γs(x − m) + β for every x. The
//!   function does not jump, and no weight's gradient changes at that moment: whatever a refresh then gains, it gains by
//!   the scale at which γ and β are learned. The optimiser forgets its moments of γ and β, which were of the old scale.
//! - `parameters`: γ and β stay, and the function jumps. Evaluation uses running constants, which start as the first
//!   ones and move towards each new pair by `norm.momentum`: they are `norm.running_mean` and `norm.running_var`; those
//!   of training are `norm.mean` and `norm.var`. With k = 1 the training losses are those of `detached`.
//!
//! **Backward.** m and s are constants: dx = γs·dy, that is p = γs, q = r = 0.

use super::moments::Moments;
use super::standardize::{Begin, Changed, Standardize};
use crate::config::settings::Keep;
use crate::kernels::Scalar;
use crate::nn::pass::Pass;

/// Constants that are found anew every `every` steps.
#[derive(Debug)]
pub struct Refresh {
    /// k
    pub every: usize,
    /// What stays as it is at a refresh.
    pub keep: Keep,
    /// ε
    pub epsilon: f64,
    /// By how much the running constants move.
    pub momentum: f64,
}

impl<F: Scalar> Standardize<F> for Refresh {
    fn group(&self, _: Pass, _: usize) -> Option<usize> {
        None
    }

    fn standardize(&self, moments: &mut Moments) {
        moments.subtract_the_mean();
        moments.divide_by_the_sd(self.epsilon);
    }

    fn trains_on_others(&self) -> bool {
        self.keep == Keep::Parameters
    }

    fn is_due(&self, step: usize) -> bool {
        step.is_multiple_of(self.every)
    }

    fn begin(&self, from: Begin<F>) -> Changed {
        let Begin { step, moments, affine, kept: Some(kept), current } = from else { return Changed::Nothing };
        if let Some(current) = current {
            current.set(moments);
            kept.approach(moments, if step == 0 { 1.0 } else { self.momentum });
            return Changed::Nothing;
        }
        let before = kept.clone();
        kept.set(moments);
        let Some([gamma, beta]) = affine.filter(|_| step > 0) else { return Changed::Nothing };
        let inverse_sd = |variance: F| 1.0 / (variance.f64() + self.epsilon).sqrt();
        for c in 0..gamma.len() {
            let scale = gamma[c].f64() * inverse_sd(before.variance[c]);
            gamma[c] = F::of(scale / inverse_sd(kept.variance[c]));
            beta[c] = F::of(beta[c].f64() + scale * (kept.mean[c].f64() - before.mean[c].f64()));
        }
        Changed::Affine
    }
}
