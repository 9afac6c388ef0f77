//! Only the first half of eq. 1: x̂ = x − μ, the batch's mean subtracted, the SD left as it is.
//!
//! For one channel with values x_1 … x_n, μ = Σx_i/n, m = μ and s = 1; then y_i = γ(x_i − μ) + β.
//!
//! **Backward.** Let g_i = ∂L/∂x̂_i = γ·dy_i. The loss depends on x_i directly and through μ, with
//! ∂μ/∂x_i = 1/n and ∂L/∂μ = −Σ_j g_j:
//!
//! ```text
//! dx_i = g_i − (Σ_j g_j)/n = g_i − mean(g)
//! ```
//!
//! With D₁ = Σ dy: p = γ, q = 0, r = −γ·D₁/n. So dx is orthogonal to the constant vector: a shift of the batch has no
//! effect, but a scaling has.
//!
//! **Evaluation** subtracts the kept mean, which moves as batch normalisation's does. A variance is kept
//! beside it, so that the buffers are those of `bn`; nothing is divided by it.

use super::moments::Moments;
use super::standardize::{Backward, Coefficients, Standardize};
use crate::kernels::Scalar;
use crate::nn::pass::Pass;

/// The batch's mean in training, the kept one in evaluation.
#[derive(Debug)]
pub struct Center;

impl<F: Scalar> Standardize<F> for Center {
    fn group(&self, pass: Pass, samples: usize) -> Option<usize> {
        pass.uses_batch().then_some(samples)
    }

    fn standardize(&self, moments: &mut Moments) {
        moments.subtract_the_mean();
        moments.inverse_sd.fill(1.0);
    }

    fn gradient_coefficients(&self, group: &Backward, to: &mut Coefficients) {
        let n = group.rows as f64;
        to.are_constant(group.scale);
        for c in 0..group.scale.len() {
            to.r[c] = -group.scale[c] * (group.sum[c] / n);
        }
    }
}
