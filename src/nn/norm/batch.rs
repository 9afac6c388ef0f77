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
//! So dx is orthogonal to the constant vector and, up to ε, to x̂: the batch can neither be shifted
//! nor scaled to any effect.
//!
//! **Evaluation** uses running estimates, m ← (1 − a)m + aμ and v ← (1 − a)v + a·σ²·n/(n − 1), with
//! momentum a; they start at 0 and 1. The running variance is the unbiased one, as in PyTorch. Then
//! nothing depends on x and dx = p·dy.

use super::{Backward, Coefficients, Moments, Standardize, Statistics, TooFewRows};
use crate::config::settings::NormOptions;
use crate::kernels::Scalar;

/// Batch statistics in training, running ones in evaluation.
#[derive(Debug)]
pub struct Batch<F> {
    epsilon: f64,
    momentum: f64,
    running_mean: Vec<F>,
    running_var: Vec<F>,
}

impl<F: Scalar> Batch<F> {
    /// For C channels.
    pub fn new(channels: usize, options: NormOptions) -> Self {
        let NormOptions { epsilon, momentum } = options;
        Self { epsilon, momentum, running_mean: vec![F::zero(); channels], running_var: vec![F::one(); channels] }
    }
}

impl<F: Scalar> Standardize<F> for Batch<F> {
    fn group_rows(&self, rows: usize, statistics: Statistics) -> Option<usize> {
        (statistics == Statistics::Batch).then_some(rows)
    }

    fn standardize(&self, statistics: Statistics, moments: &mut Moments) -> Result<(), TooFewRows> {
        match statistics {
            Statistics::Batch if moments.group_rows < 2 => return Err(TooFewRows),
            Statistics::Batch => {}
            Statistics::Running => {
                for c in 0..self.running_mean.len() {
                    moments.mean[c] = self.running_mean[c].f64();
                    moments.variance[c] = self.running_var[c].f64();
                }
            }
        }
        moments.center.copy_from_slice(&moments.mean);
        for (s, variance) in moments.inverse_sd.iter_mut().zip(&moments.variance) {
            *s = 1.0 / (variance + self.epsilon).sqrt();
        }
        Ok(())
    }

    fn input_gradient(&self, group: &Backward, to: &mut Coefficients) {
        let n = group.rows as f64;
        for c in 0..group.scale.len() {
            let (p, s) = (group.scale[c], group.inverse_sd[c]);
            to.p[c] = p;
            to.q[c] = -p * (s * (s * (group.centered[c] / n)));
            to.r[c] = -p * (group.sum[c] / n);
        }
    }

    fn absorb(&mut self, moments: &Moments) {
        let n = moments.group_rows as f64;
        let toward = |running: &mut F, new: f64| {
            *running = F::of((1.0 - self.momentum) * running.f64() + self.momentum * new);
        };
        for c in 0..self.running_mean.len() {
            toward(&mut self.running_mean[c], moments.mean[c]);
            toward(&mut self.running_var[c], moments.variance[c] * n / (n - 1.0));
        }
    }

    fn buffers(&self) -> Vec<(&'static str, &[F])> {
        vec![("running_mean", &self.running_mean), ("running_var", &self.running_var)]
    }

    fn buffers_mut(&mut self) -> Vec<(&'static str, &mut [F])> {
        vec![("running_mean", &mut self.running_mean), ("running_var", &mut self.running_var)]
    }

    fn uses_batch(&self) -> bool {
        true
    }
}
