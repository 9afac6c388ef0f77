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

use rand_distr::{Distribution, StandardNormal, StandardUniform};

use super::parameters::{Parameter, Tensor};
use crate::config::settings::{Init, InitScheme, Layer};
use crate::kernels::Scalar;
use crate::random::stream;

/// The initial values of one parameter, in public order.
pub fn values<F: Scalar>(parameter: &Parameter, layer: &Layer, init: Init, seed: u64) -> Vec<F> {
    let count = parameter.layout.len();
    match parameter.tensor {
        Tensor::Gamma => return vec![F::one(); count],
        Tensor::Beta | Tensor::Bias => return vec![F::zero(); count],
        Tensor::Weight => {}
    }
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
            return (0..count).map(|_| F::of(bound * (2.0 * uniform(&mut rng) - 1.0))).collect();
        }
    };
    let normal = |rng: &mut _| -> f64 { StandardNormal.sample(rng) };
    (0..count).map(|_| F::of(std * normal(&mut rng))).collect()
}
