//! Layer normalisation (Ba, Kiros & Hinton 2016): each sample is standardised over its own features, independently of the
//! others. In a convolutional layer that is over channels, rows and columns, as group normalisation with one group (Wu & He
//! 2018). γ and β are per channel.
//!
//! For one sample with N = C·H·W values x_ci, m = Σ x_ci/N, σ² = Σ(x_ci − m)²/N, s = (σ² + ε)^(−1/2):
//!
//! ```text
//! x̂_ci = (x_ci − m)·s          y_ci = γ_c·x̂_ci + β_c
//! ```
//!
//! m and σ² are found from the means μ_c and variances σ²_c of the sample's channels, which all have equally many values:
//! m = Σ_c μ_c/C and σ² = Σ_c (σ²_c + (μ_c − m)²)/C.
//!
//! **Backward.** As in [`super::batch`], with all N values in the place of a channel's: let g_ci = γ_c·dy_ci, then
//! dx_ci = s·(g_ci − mean(g) − x̂_ci·mean(g·x̂)). With the sample's D₁ and D₂ of each channel,
//!
//! ```text
//! p_c = γ_c s          q = −s²·(Σ_c γ_c s D₂c)/N          r = −(Σ_c γ_c s D₁c)/N
//! ```
//!
//! **Evaluation** does the same as training: there is nothing to keep.

use super::moments::Moments;
use super::standardize::{Backward, Coefficients, Standardize};
use crate::kernels::Scalar;
use crate::nn::pass::Pass;

/// Statistics of each sample by itself.
#[derive(Debug)]
pub struct LayerNorm {
    /// C
    pub channels: usize,
    /// ε
    pub epsilon: f64,
}

impl<F: Scalar> Standardize<F> for LayerNorm {
    fn group(&self, _: Pass, _: usize) -> Option<usize> {
        Some(1)
    }

    fn standardize(&self, moments: &mut Moments) {
        let Moments { mean, variance, center, inverse_sd, .. } = moments;
        let of_samples = mean.chunks(self.channels).zip(variance.chunks(self.channels));
        let to = center.chunks_mut(self.channels).zip(inverse_sd.chunks_mut(self.channels));
        let count = self.channels as f64;
        for ((mean, variance), (center, inverse_sd)) in of_samples.zip(to) {
            let m = mean.iter().sum::<f64>() / count;
            let squares = mean.iter().zip(variance).map(|(mean, variance)| variance + (mean - m) * (mean - m));
            let s = 1.0 / (squares.sum::<f64>() / count + self.epsilon).sqrt();
            center.fill(m);
            inverse_sd.fill(s);
        }
    }

    fn gradient_coefficients(&self, group: &Backward, to: &mut Coefficients) {
        let n = (group.rows * self.channels) as f64;
        let summed = |d: &[f64]| group.scale.iter().zip(d).map(|(scale, d)| scale * d).sum::<f64>() / n;
        let s = group.inverse_sd[0];
        to.p.copy_from_slice(group.scale);
        to.q.fill(-s * s * summed(group.centered));
        to.r.fill(-summed(group.sum));
    }

    fn values(&self, rows: usize, channels: usize) -> usize {
        rows * channels
    }

    fn keeps_statistics(&self) -> bool {
        false
    }
}
