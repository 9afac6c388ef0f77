//! Eq. 3 with a good start: γ and β begin as the first minibatch's own statistics would have them, and are learned
//! from there. Nothing is standardised again.
//!
//! ```text
//! before step 0:   γ ← 1/√(σ² + ε)     β ← −γ·μ           μ, σ² of the first minibatch
//! always:          y_i = γ·x_i + β
//! ```
//!
//! The blocks are set one after the other, each from the minibatch as the blocks below, already set, transform it. At the
//! start this is the same function as `frozen`; but here γ multiplies x and not x̂, so that one step of gradient descent
//! moves it by another amount.
//!
//! **Backward.** No statistic depends on x: dx = γ·dy, that is p = γ, q = r = 0.

use super::moments::Moments;
use super::standardize::{Begin, Changed, Standardize};
use crate::kernels::Scalar;
use crate::nn::pass::Pass;

/// No standardising, except for the initial γ and β.
#[derive(Debug)]
pub struct AffineInit {
    /// ε
    pub epsilon: f64,
}

impl<F: Scalar> Standardize<F> for AffineInit {
    fn group(&self, _: Pass, _: usize) -> Option<usize> {
        None
    }

    fn standardize(&self, moments: &mut Moments) {
        moments.center.fill(0.0);
        moments.inverse_sd.fill(1.0);
    }

    fn keeps_statistics(&self) -> bool {
        false
    }

    fn is_due(&self, step: usize) -> bool {
        step == 0
    }

    fn begin(&self, from: Begin<F>) -> Changed {
        let Some([gamma, beta]) = from.affine else { return Changed::Nothing };
        for (c, (gamma, beta)) in gamma.iter_mut().zip(beta).enumerate() {
            let s = 1.0 / (from.moments.variance[c] + self.epsilon).sqrt();
            *gamma = F::of(s);
            *beta = F::of(-s * from.moments.mean[c]);
        }
        Changed::Affine
    }
}
