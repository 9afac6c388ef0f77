//! Initial parameters: weights at random, biases and β 0, γ 1.
//!
//! | scheme | distribution | source |
//! |---|---|---|
//! | `he` | normal, SD √(2/fan_in) | He et al. 2015 |
//! | `xavier` | normal, SD √(2/(fan_in + fan_out)) | Glorot & Bengio 2010 |
//! | `lecun` | normal, SD √(1/fan_in) | LeCun et al. 1998 |
//! | `normal` | normal, SD `std` | |
//! | `pytorch` | uniform on ±1/√fan_in | PyTorch's `nn.Linear` and `nn.Conv2d` |
//!
//! A convolution's fan_in is C·k², its fan_out O·k². Each block's weights have a random stream of
//! their own and are drawn in f64, in public order, so that they do not depend on the arm, on the
//! precision or on the layout inside.
//!
//! A variant may give γ and β other values. It may multiply the rows of a share of the channels, too, by factors from
//! another stream of their own.

use rand_distr::{Distribution, StandardNormal, StandardUniform};

use super::parameters::{Parameter, Tensor};
use crate::config::settings::{Init, InitScheme, Layer, Model, ScaleRows, Variant};
use crate::kernels::Scalar;
use crate::random::stream;

/// The initial values of one parameter, in public order.
pub fn values<F: Scalar>(parameter: &Parameter, layer: &Layer, model: &Model, variant: &Variant, seed: u64) -> Vec<F> {
    let count = parameter.layout.len();
    let set = |value: Option<f64>, usual: f64| {
        let is_meant = !model.is_residual() || layer.residual;
        vec![F::of(value.filter(|_| is_meant).unwrap_or(usual)); count]
    };
    match parameter.tensor {
        Tensor::Gamma => set(variant.gamma, 1.0),
        Tensor::Beta => set(variant.beta, 0.0),
        Tensor::Bias => vec![F::zero(); count],
        Tensor::Weight => {
            let mut weights = drawn(parameter, layer, model.init, seed);
            if let Some(scale) = variant.scale_rows.filter(|_| layer.hidden) {
                scale_rows(&mut weights, parameter.block, layer, scale, seed);
            }
            weights.into_iter().map(F::of).collect()
        }
    }
}

/// The number of channels that is this share of a block's, rounded down.
pub fn scaled_rows(share: f64, channels: usize) -> usize {
    (share * channels as f64) as usize
}

/// Multiplies the rows of the first channels by factors from stream `scale_rows/<block>`, in turn.
fn scale_rows(weights: &mut [f64], block: usize, layer: &Layer, scale: ScaleRows, seed: u64) {
    let channels = scaled_rows(scale.share, layer.mapped.channels);
    let mut rng = stream(seed, &format!("scale_rows/{block}"));
    for row in weights.chunks_exact_mut(layer.fan_in()).take(channels) {
        let uniform: f64 = StandardUniform.sample(&mut rng);
        let factor = scale.factor * ((2.0 * uniform - 1.0) * scale.spread.ln()).exp();
        row.iter_mut().for_each(|weight| *weight *= factor);
    }
}

/// Weights as they are drawn.
fn drawn(parameter: &Parameter, layer: &Layer, init: Init, seed: u64) -> Vec<f64> {
    let count = parameter.layout.len();
    let mut rng = stream(seed, &format!("init/{}", parameter.name));
    let (fan_in, fan_out) = (layer.fan_in() as f64, layer.fan_out() as f64);
    let std = match init.scheme {
        InitScheme::He => (2.0 / fan_in).sqrt(),
        InitScheme::Xavier => (2.0 / (fan_in + fan_out)).sqrt(),
        InitScheme::Lecun => (1.0 / fan_in).sqrt(),
        InitScheme::Normal => init.std,
        InitScheme::Pytorch => {
            let bound = 1.0 / fan_in.sqrt();
            let uniform = |rng: &mut _| -> f64 { StandardUniform.sample(rng) };
            return (0..count).map(|_| bound * (2.0 * uniform(&mut rng) - 1.0)).collect();
        }
    };
    let normal = |rng: &mut _| -> f64 { StandardNormal.sample(rng) };
    (0..count).map(|_| std * normal(&mut rng)).collect()
}
