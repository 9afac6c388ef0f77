//! Eq. 1 over the batch (Ioffe & Szegedy 2015, algorithm 1): x̂ = (x − μ)/√(σ² + ε).
//!
//! For one channel with values x_1 … x_n (n = batch, times height × width in a convolutional
//! layer), μ = Σx_i/n, σ² = Σ(x_i − μ)²/n (biased), s = (σ² + ε)^(−1/2), x̂_i = s(x_i − μ).
//!
//! **Backward.** Let g_i = ∂L/∂x̂_i = γ·dy_i. The loss depends on x_i directly, through μ and
//! through σ²:
//!
//! ```text
//! ∂L/∂σ² = Σ_j g_j (x_j − μ) · (−½)(σ² + ε)^(−3/2) = −½ s³ Σ_j g_j (x_j − μ)
//! ∂L/∂μ  = −s Σ_j g_j                      (the path through σ² vanishes: Σ(x_j − μ) = 0)
//! ∂σ²/∂x_i = 2(x_i − μ)/n                  ∂μ/∂x_i = 1/n
//!
//! dx_i = s·g_i + ∂L/∂μ · 1/n + ∂L/∂σ² · 2(x_i − μ)/n
//!      = s·(g_i − mean(g) − x̂_i · mean(g·x̂))
//! ```
//!
//! With D₁ = Σ dy and D₂ = Σ dy·(x − μ): p = γs, q = −γs · s² D₂/n, r = −γs · D₁/n.
//! So dx is orthogonal to the constant vector and, up to ε, to x̂: neither a shift nor a scaling of the batch has any
//! effect.
//!
//! **Evaluation** uses running estimates, m ← (1 − a)m + aμ and v ← (1 − a)v + a·σ²·n/(n − 1), with
//! momentum a; they start at 0 and 1. The running variance is the unbiased one, as in PyTorch. Then
//! nothing depends on x and dx = p·dy.

use super::moments::Moments;
use super::standardize::{Backward, Coefficients, Standardize};
use crate::kernels::Scalar;
use crate::nn::pass::Pass;

/// Batch statistics in training, kept ones in evaluation.
#[derive(Debug)]
pub struct Batch {
    /// ε
    pub epsilon: f64,
}

impl<F: Scalar> Standardize<F> for Batch {
    fn group(&self, pass: Pass, samples: usize) -> Option<usize> {
        pass.uses_batch().then_some(samples)
    }

    fn standardize(&self, moments: &mut Moments) {
        moments.subtract_the_mean();
        moments.divide_by_the_sd(self.epsilon);
    }

    fn gradient_coefficients(&self, group: &Backward, to: &mut Coefficients) {
        through_mean_and_sd(group, to);
    }
}

/// p, q and r of a group whose m and s are its own μ and 1/√(σ² + ε).
pub(super) fn through_mean_and_sd(group: &Backward, to: &mut Coefficients) {
    let n = group.rows as f64;
    to.p.copy_from_slice(group.scale);
    let of_channel = group.scale.iter().zip(group.inverse_sd).zip(group.centered);
    to.q.iter_mut().zip(of_channel).for_each(|(q, ((p, s), centered))| *q = -p * (s * (s * (centered / n))));
    to.r.iter_mut().zip(group.scale.iter().zip(group.sum)).for_each(|(r, (p, sum))| *r = -p * (sum / n));
}
