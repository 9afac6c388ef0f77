//! Batch normalisation as in a textbook: one function forward, one backward, no fusing, in f64.
//!
//! It is here to be read, and as the reference that [`super::layer::Norm`] is tested against; training does not call it.
//! (The gradient checks of whole networks compare the fused path with the staged one, which calls `Norm`.) x is [rows, C]:
//! the samples of a fully connected layer, or samples × positions of a convolutional one. γ and β are \[C\].

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};

/// What the forward pass keeps for the backward pass.
#[derive(Debug, Clone, PartialEq)]
pub struct Saved {
    /// x̂, [rows, C]
    pub normalized: Array2<f64>,
    /// s = 1/√(σ² + ε), \[C\]
    pub inverse_sd: Array1<f64>,
}

/// y = γ·x̂ + β, x̂ = (x − μ)·s.
pub fn forward(
    x: ArrayView2<f64>,
    gamma: ArrayView1<f64>,
    beta: ArrayView1<f64>,
    epsilon: f64,
) -> (Array2<f64>, Saved) {
    let n = x.nrows() as f64;
    let mean = x.sum_axis(Axis(0)) / n;
    let centered = &x - &mean;
    let variance = centered.mapv(|d| d * d).sum_axis(Axis(0)) / n;
    let inverse_sd = variance.mapv(|v| 1.0 / (v + epsilon).sqrt());
    let normalized = centered * &inverse_sd;
    let y = &normalized * &gamma + beta;
    (y, Saved { normalized, inverse_sd })
}

/// ∂L/∂x, ∂L/∂γ and ∂L/∂β from dy = ∂L/∂y.
///
/// β is added to every row and γ multiplies every x̂, so dβ = Σ dy and dγ = Σ dy·x̂. With g = γ·dy = ∂L/∂x̂,
/// x_i acts on the loss through its own x̂_i, through μ and through σ². The three together
/// ([`super::batch`] derives them) are dx = s·(g − mean(g) − x̂·mean(g·x̂)): g without its parts along
/// the constant vector and along x̂.
pub fn backward(dy: ArrayView2<f64>, gamma: ArrayView1<f64>, saved: &Saved) -> (Array2<f64>, Array1<f64>, Array1<f64>) {
    let n = dy.nrows() as f64;
    let Saved { normalized, inverse_sd } = saved;
    let dbeta = dy.sum_axis(Axis(0));
    let dgamma = (&dy * normalized).sum_axis(Axis(0));
    let g = &dy * &gamma;
    let mean_g = g.sum_axis(Axis(0)) / n;
    let mean_g_normalized = (&g * normalized).sum_axis(Axis(0)) / n;
    let dx = (g - mean_g - normalized * &mean_g_normalized) * inverse_sd;
    (dx, dgamma, dbeta)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::settings::{Activation, Arm, NormOptions};
    use crate::kernels::testing::at_each_level;
    use crate::nn::norm::arms::{Place, parts};
    use crate::nn::norm::layer::Norm;
    use crate::nn::pass::{Pass, Statistics};

    /// Samples, positions, channels, ε.
    const CASES: [(usize, usize, usize, f64); 8] = [
        (2, 1, 1, 1e-5),
        (7, 1, 4, 1e-5),
        (60, 1, 100, 1e-5),
        (33, 1, 17, 0.0),
        (5, 1, 3, 0.5),
        (1, 4, 3, 1e-5),
        (6, 9, 5, 1e-5),
        (3, 49, 16, 0.1),
    ];
    /// Both look at the batch.
    const PASSES: [Pass; 2] = [Pass::Evaluate(Statistics::Batch), Pass::Train { seed: 3, step: 7 }];

    fn waves(count: usize, frequency: f64) -> Vec<f64> {
        (0..count).map(|i| (i as f64 * frequency).sin() + 0.3 * (i as f64 * 2.1 * frequency).cos()).collect()
    }

    #[test]
    fn the_norm_of_the_networks_is_the_plain_one() {
        for (samples, area, channels, epsilon) in CASES {
            let rows = samples * area;
            let (x, dy) = (waves(rows * channels, 0.7), waves(rows * channels, 1.3));
            let (gamma, beta) = (waves(channels, 0.37), waves(channels, 0.91));
            let matrix = |v: &[f64]| Array2::from_shape_vec((rows, channels), v.to_vec()).unwrap();
            let (gammas, betas) = (ArrayView1::from(&gamma[..]), ArrayView1::from(&beta[..]));
            let (y, saved) = forward(matrix(&x).view(), gammas, betas, epsilon);
            let (dx, dgamma, dbeta) = backward(matrix(&dy).view(), gammas, &saved);
            let expected = [
                y.into_raw_vec_and_offset().0,
                dx.into_raw_vec_and_offset().0,
                [dgamma, dbeta].map(|v| v.to_vec()).concat(),
            ];

            let place = Place {
                block: 0,
                channels,
                area,
                options: NormOptions { epsilon, momentum: 0.1 },
                activation: Activation::Relu,
            };
            let standardize = parts::<f64>(Arm::Bn, place).standardize.unwrap();
            let norm = Norm::new(standardize, place, Some((0..channels, channels..2 * channels)));
            let parameters = [gamma, beta].concat();
            at_each_level(|level| {
                for pass in PASSES {
                    let mut cache = norm.cache(samples);
                    let (mut y, mut dx) = (vec![f64::NAN; x.len()], dy.clone());
                    let mut gradients = vec![f64::NAN; 2 * channels];
                    norm.forward(&parameters, pass, &x, &mut y, &mut cache).unwrap();
                    norm.backward(&parameters, &x, &mut dx, &mut cache, &mut gradients);
                    for (found, expected) in [&y, &dx, &gradients].into_iter().zip(&expected) {
                        let largest = expected.iter().fold(1.0f64, |most, v| most.max(v.abs()));
                        let close = found.iter().zip(expected).all(|(f, e)| (f - e).abs() <= 1e-13 * largest);
                        let at = format!("{samples}×{area}×{channels}, ε {epsilon}, {pass:?}, {}", level.name());
                        assert!(close, "{at}: {found:?} {expected:?}");
                    }
                }
            });
        }
    }
}
