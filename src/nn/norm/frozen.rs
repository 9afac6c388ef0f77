//! Standardise once: the first minibatch's μ and σ² stand in eq. 1 for ever.
//!
//! ```text
//! before step 0:   m ← μ     v ← σ²                        of the first minibatch, σ² biased
//! always:          x̂_i = (x_i − m)/√(v + ε)      y_i = γ·x̂_i + β
//! ```
//!
//! The blocks are set one after the other, each from the minibatch as the blocks below, already set, transform it. γ and β
//! can reach the same functions as in eq. 3, as x̂ is a fixed map of x; only the effective rates differ.
//!
//! **Backward.** m and s are constants: dx = γs·dy, that is p = γs, q = r = 0.
//!
//! The constants are kept as `norm.running_mean` and `norm.running_var`, and evaluation uses them, too.

use super::moments::Moments;
use super::standardize::{Begin, Changed, Standardize};
use crate::kernels::Scalar;
use crate::nn::pass::Pass;

/// The first minibatch's statistics, in training and in evaluation.
#[derive(Debug)]
pub struct Frozen {
    /// ε
    pub epsilon: f64,
}

impl<F: Scalar> Standardize<F> for Frozen {
    fn group(&self, _: Pass, _: usize) -> Option<usize> {
        None
    }

    fn standardize(&self, moments: &mut Moments) {
        moments.subtract_the_mean();
        moments.divide_by_the_sd(self.epsilon);
    }

    fn is_due(&self, step: usize) -> bool {
        step == 0
    }

    fn begin(&self, from: Begin<F>) -> Changed {
        if let Some(kept) = from.kept {
            kept.set(from.moments);
        }
        Changed::Nothing
    }
}
