//! Only the second half of eq. 1: x̂ = x/√(σ² + ε), divided by the batch's SD, the mean left where it is.
//!
//! For one channel with values x_1 … x_n, σ² = Σ(x_i − μ)²/n is still the variance about the mean; m = 0 and
//! s = (σ² + ε)^(−1/2); then y_i = γ·s·x_i + β.
//!
//! **Backward.** Let g_i = ∂L/∂x̂_i = γ·dy_i. The loss depends on x_i directly and through σ², with
//! ∂σ²/∂x_i = 2(x_i − μ)/n and ∂L/∂σ² = −½ s³ Σ_j g_j x_j:
//!
//! ```text
//! dx_i = s·g_i − s³·(x_i − μ)·(Σ_j g_j x_j)/n
//! ```
//!
//! With D₂ = Σ dy·x, as m = 0: p = γs, q = −γs · s² D₂/n, r = −q·μ. So dx is orthogonal to x, up to ε: a scaling of the
//! batch has no effect, but a shift has.
//!
//! **Evaluation** divides by the root of the kept variance, which moves as batch normalisation's does. A mean is kept
//! beside it, so that the buffers are those of `bn`; nothing subtracts it.

use super::moments::Moments;
use super::standardize::{Backward, Coefficients, Standardize};
use crate::kernels::Scalar;
use crate::nn::pass::Pass;

/// The batch's SD in training, the kept one in evaluation.
#[derive(Debug)]
pub struct Scale {
    /// ε
    pub epsilon: f64,
}

impl<F: Scalar> Standardize<F> for Scale {
    fn group(&self, pass: Pass, samples: usize) -> Option<usize> {
        pass.uses_batch().then_some(samples)
    }

    fn standardize(&self, moments: &mut Moments) {
        moments.center.fill(0.0);
        moments.divide_by_the_sd(self.epsilon);
    }

    fn gradient_coefficients(&self, group: &Backward, to: &mut Coefficients) {
        let n = group.rows as f64;
        to.are_constant(group.scale);
        for c in 0..group.scale.len() {
            let s = group.inverse_sd[c];
            to.q[c] = -group.scale[c] * (s * (s * (group.centered[c] / n)));
            to.r[c] = -to.q[c] * group.mean[c];
        }
    }
}
