//! Eq. 1 without its gradient: forward as `bn`, backward as if μ and σ² were constants.
//!
//! ```text
//! x̂_i = (x_i − μ)/√(σ² + ε)          y_i = γ·x̂_i + β
//! ```
//!
//! **Backward.** Of the three paths by which x_i acts on the loss ([`super::batch`]) only the direct one is left: dx_i =
//! γs·dy_i, that is p = γs, q = r = 0. This is not the gradient of the function that training sees: it has parts along the
//! constant vector and along x̂, and along these that function does not change. The arm tells the effect of eq. 1 on the
//! activations from its effect on the gradient.
//!
//! **Evaluation** is that of `bn`.

use super::moments::Moments;
use super::standardize::Standardize;
use crate::kernels::Scalar;
use crate::nn::pass::Pass;

/// Batch statistics in training, through which no gradient passes; kept ones in evaluation.
#[derive(Debug)]
pub struct Detached {
    /// ε
    pub epsilon: f64,
}

impl<F: Scalar> Standardize<F> for Detached {
    fn group(&self, pass: Pass, samples: usize) -> Option<usize> {
        pass.uses_batch().then_some(samples)
    }

    fn standardize(&self, moments: &mut Moments) {
        moments.subtract_the_mean();
        moments.divide_by_the_sd(self.epsilon);
    }
}
