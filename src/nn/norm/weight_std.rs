//! Standardised weights (Qiao et al. 2019, Brock et al. 2021): no statistic of the data at all. The weights into each
//! channel are centred and scaled instead, and γ and β follow the map.
//!
//! For the n = fan-in weights w_i into one channel, with mean w̄ and S = Σ(w_i − w̄)²:
//!
//! ```text
//! ŵ_i = c·a·(w_i − w̄)          a = (S + 1e-8)^(−1/2)
//! y = γ·(Σ ŵ_i u_i) + β
//! ```
//!
//! S is n times the weights' variance. c compensates for the activation: c = 1/√Var(φ(z)) for a standard normal z, so that
//! inputs φ(z) give outputs of variance 1; √(2/(1 − 1/π)) for ReLU.
//!
//! **Backward.** With d_i = ∂L/∂ŵ_i, D₁ = Σ d_i and D₂ = Σ d_i(w_i − w̄), as ∂S/∂w_i = 2(w_i − w̄) and the path through w̄
//! takes the mean out:
//!
//! ```text
//! ∂L/∂w_i = c·a·(d_i − D₁/n) − c·a³·D₂·(w_i − w̄)
//! ```
//!
//! In the form p·d + q·(w − w̄) + r: p = ca, q = −ca³D₂, r = −ca·D₁/n. The gradient is orthogonal to the constant vector
//! and, but for 1e-8, to w: as `bn`'s does, it only turns the weights.

use std::f64::consts::PI;

use super::cache::NormCache;
use super::moments::Groups;
use super::reparametrise::Reparametrise;
use crate::config::settings::Activation;
use crate::kernels::activation::Function;
use crate::kernels::{Scalar, norm};

/// Keeps a channel whose weights are all alike from a division by 0.
const SMALLEST: f64 = 1e-8;

/// Weights of mean 0 and norm c.
#[derive(Debug)]
pub struct WeightStd {
    /// c
    pub gain: f64,
}

impl WeightStd {
    /// For blocks with this activation.
    pub fn new(activation: Activation) -> Self {
        Self { gain: gain(activation) }
    }

    /// Finds w̄ and S/n of each channel, and sets its a.
    fn find<F: Scalar>(&self, weight: &[F], cache: &mut NormCache<F>) {
        let channels = cache.center.len();
        let n = (weight.len() / channels) as f64;
        let moments = &mut cache.moments;
        moments.resize(Groups::new(1, 1), channels);
        norm::moments(weight, &mut moments.mean, &mut moments.variance);
        for c in 0..channels {
            moments.inverse_sd[c] = 1.0 / (n * moments.variance[c] + SMALLEST).sqrt();
            cache.center[c] = F::of(moments.mean[c]);
            cache.scale[c] = F::of(self.gain * moments.inverse_sd[c]);
            cache.shift[c] = F::zero();
        }
    }
}

impl<F: Scalar> Reparametrise<F> for WeightStd {
    fn forward(&self, weight: &[F], to: &mut [F], cache: &mut NormCache<F>) {
        self.find(weight, cache);
        norm::normalize(Function::Identity, weight, cache.per_channel(), to);
    }

    fn backward(&self, weight: &[F], d: &mut [F], cache: &mut NormCache<F>) {
        let n = (weight.len() / cache.center.len()) as f64;
        norm::reduce(d, weight, &cache.center, &mut cache.sum, &mut cache.centered);
        for (c, a) in cache.moments.inverse_sd.iter().enumerate() {
            let scale = self.gain * a;
            cache.p[c] = F::of(scale);
            cache.q[c] = F::of(-scale * (a * (a * cache.centered[c])));
            cache.r[c] = F::of(-scale * (cache.sum[c] / n));
        }
        norm::combine(d, weight, cache.gradient());
    }
}

/// c = 1/√Var(φ(z)) for a standard normal z.
fn gain(activation: Activation) -> f64 {
    let variance = match activation {
        Activation::Relu => 0.5 * (1.0 - 1.0 / PI),
        Activation::Identity => 1.0,
        Activation::Tanh => variance(f64::tanh),
        Activation::Sigmoid => variance(|z| 1.0 / (1.0 + (-z).exp())),
    };
    1.0 / variance.sqrt()
}

/// Var(φ(z)) of a smooth φ, by the trapezoidal rule over the whole density: its error vanishes faster than any power of the
/// step.
fn variance(phi: fn(f64) -> f64) -> f64 {
    let (step, count) = (1.0 / 64.0, 640);
    let density = |z: f64| (-0.5 * z * z).exp() / (2.0 * PI).sqrt();
    let expected = |f: &dyn Fn(f64) -> f64| -> f64 {
        (-count..=count).map(|i| f64::from(i) * step).map(|z| f(z) * density(z)).sum::<f64>() * step
    };
    let mean = expected(&phi);
    expected(&|z| (phi(z) - mean).powi(2))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SciPy 1.17's `integrate.quad`.
    #[test]
    fn variances_of_activations_are_those_of_quadrature() {
        for (activation, variance) in [
            (Activation::Relu, 0.340_845_056_908_104_6),
            (Activation::Identity, 1.0),
            (Activation::Tanh, 0.394_294_490_397_841_24),
            (Activation::Sigmoid, 0.043_379_035_858_092_954),
        ] {
            let found = gain(activation).powi(-2);
            assert!((found - variance).abs() < 1e-14, "{activation:?}: {found} {variance}");
        }
    }
}
