//! What is measured along −g from a point θ. L may be any differentiable function.

use super::row::{FIGURES, LandscapeRow, PREDICTION_ERROR};
use crate::kernels::{Scalar, l2_norm};
use crate::nn::NetworkError;

/// A function and its gradient: writes ∇L(θ), laid out like θ, and returns L(θ).
pub(super) type Function<'a, F> = dyn FnMut(&[F], &mut [F]) -> Result<f64, NetworkError> + 'a;

/// Distances k, in lengths of the step.
const DISTANCES: [f64; 5] = [0.5, 1.0, 2.0, 3.0, 4.0];

/// The share of the loss by which it should fall, to first order, in the test of the prediction.
const PREDICTED_DECREASE: f64 = 0.1;

/// The rows of minibatch `step`: every figure at every distance, and the error of the prediction. Sums, products and
/// quotients are in f64; entries of θ and ∇L are of type `F`.
pub(super) fn rows<F: Scalar>(
    step: usize,
    function: &mut Function<F>,
    parameters: &[F],
    learning_rate: f64,
) -> Result<Vec<LandscapeRow>, NetworkError> {
    let mut gradient = vec![F::zero(); parameters.len()];
    let loss = function(parameters, &mut gradient)?;
    let norm = l2_norm(&gradient);
    let mut there = gradient.clone();
    let mut rows = Vec::with_capacity(DISTANCES.len() * FIGURES.len() + 1);
    let mut add = |metric: &'static str, distance: Option<f64>, value: f64| {
        rows.push(LandscapeRow { step, metric, distance, value: Some(value).filter(|value| value.is_finite()) });
    };
    for distance in DISTANCES {
        let alpha = distance * learning_rate;
        let loss_there = function(&moved(parameters, &gradient, alpha), &mut there)?;
        let change = distance_between(&there, &gradient);
        let smoothness = change / (alpha * norm);
        let cosine = (dot(&there, &gradient) / (l2_norm(&there) * norm)).clamp(-1.0, 1.0);
        let values = [loss_there, change, change / norm, smoothness, smoothness * loss / (norm * norm), cosine];
        FIGURES.into_iter().zip(values).for_each(|(metric, value)| add(metric, Some(distance), value));
    }
    let error = error_at(function, parameters, loss, &gradient, &mut there)?;
    add(PREDICTION_ERROR, None, error);
    Ok(rows)
}

/// The error of the prediction alone.
pub(super) fn prediction_error<F: Scalar>(
    function: &mut Function<F>,
    parameters: &[F],
) -> Result<Option<f64>, NetworkError> {
    let mut gradient = vec![F::zero(); parameters.len()];
    let loss = function(parameters, &mut gradient)?;
    let error = error_at(function, parameters, loss, &gradient, &mut vec![F::zero(); parameters.len()])?;
    Ok(Some(error).filter(|error| error.is_finite()))
}

/// |L(θ) − L(θ − α*g) − α*‖g‖²|/(α*‖g‖²). `unread` is room for a gradient that nobody reads.
fn error_at<F: Scalar>(
    function: &mut Function<F>,
    parameters: &[F],
    loss: f64,
    gradient: &[F],
    unread: &mut [F],
) -> Result<f64, NetworkError> {
    let predicted = PREDICTED_DECREASE * loss;
    let actual = loss - function(&moved(parameters, gradient, predicted / l2_norm(gradient).powi(2)), unread)?;
    Ok((actual - predicted).abs() / predicted)
}

/// θ − αg, rounded once.
fn moved<F: Scalar>(parameters: &[F], gradient: &[F], alpha: f64) -> Vec<F> {
    parameters.iter().zip(gradient).map(|(theta, g)| F::of(theta.f64() - alpha * g.f64())).collect()
}

fn dot<F: Scalar>(a: &[F], b: &[F]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a.f64() * b.f64()).sum()
}

/// ‖a − b‖
fn distance_between<F: Scalar>(a: &[F], b: &[F]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a.f64() - b.f64()).powi(2)).sum::<f64>().sqrt()
}

#[cfg(test)]
mod tests {
    use super::super::row::metrics;
    use super::*;
    use crate::table::Row;

    /// L(θ) = ½(θ₁² + 3θ₂²) + 3, with ∇L = (θ₁, 3θ₂).
    fn function(at: &[f64], gradient: &mut [f64]) -> Result<f64, NetworkError> {
        gradient.copy_from_slice(&[at[0], 3.0 * at[1]]);
        Ok(0.5 * (at[0] * at[0] + 3.0 * at[1] * at[1]) + 3.0)
    }

    /// That function looked at from θ.
    fn quadratic(theta: [f64; 2], learning_rate: f64) -> Vec<LandscapeRow> {
        rows(7, &mut function, &theta, learning_rate).unwrap()
    }

    fn value(rows: &[LandscapeRow], metric: &str, distance: Option<f64>) -> Option<f64> {
        rows.iter().find(|row| row.metric == metric && row.distance == distance).expect("a row").value
    }

    #[test]
    fn the_figures_of_a_quadratic_are_those_worked_out_by_hand() {
        // θ = (2, 1): L = 6.5, g = (2, 3), ‖g‖² = 13, Hg = (2, 9), ‖Hg‖² = 85, gᵀHg = 31.
        let rows = quadratic([2.0, 1.0], 0.1);
        assert_eq!(rows.len(), 31);
        assert!(rows.iter().all(|row| row.step == 7));
        let near = |metric: &str, distance: Option<f64>, expected: f64| {
            let found = value(&rows, metric, distance).expect("a value");
            assert!((found - expected).abs() < 1e-12 * expected.abs(), "{metric} at {distance:?}: {found}, {expected}");
        };
        for k in [0.5, 1.0, 2.0, 3.0, 4.0] {
            let alpha = 0.1 * k;
            near("loss", Some(k), 6.5 - 13.0 * alpha + 15.5 * alpha * alpha);
            near("gradient_change", Some(k), alpha * 85_f64.sqrt());
            near("gradient_change_relative", Some(k), alpha * (85.0_f64 / 13.0).sqrt());
            near("beta_smoothness", Some(k), (85.0_f64 / 13.0).sqrt());
            near("beta_smoothness_relative", Some(k), 0.5 * (85.0_f64 / 13.0).sqrt());
            let norm_there = (13.0 - 62.0 * alpha + 85.0 * alpha * alpha).sqrt();
            near("gradient_cosine", Some(k), (13.0 - 31.0 * alpha) / (norm_there * 13_f64.sqrt()));
        }
        // α = 0.65/13 = 0.05 should take 0.65 off, and takes 0.65 − ½·0.05²·31 = 0.61125.
        near("prediction_error", None, 0.03875 / 0.65);
        assert_eq!(
            prediction_error(&mut function, &[2.0, 1.0]).unwrap(),
            value(&rows, "prediction_error", None),
            "alone as with the rest"
        );
    }

    #[test]
    fn what_is_undefined_is_an_empty_cell() {
        // The minimum, where g = 0; a rate of 0; a point from which every step leaves the finite.
        let undefined = |rows: &[LandscapeRow]| -> Vec<&'static str> {
            assert!(rows.iter().all(|row| row.value.is_none_or(f64::is_finite)));
            assert!(rows.iter().all(|row| (row.cells()[3].is_empty()) == row.value.is_none()));
            metrics().filter(|m| rows.iter().any(|row| row.metric == *m && row.value.is_none())).collect()
        };
        let minimum = quadratic([0.0, 0.0], 0.1);
        assert_eq!(undefined(&minimum), [&FIGURES[2..], &[PREDICTION_ERROR]].concat());
        assert_eq!(value(&minimum, "loss", Some(1.0)), Some(3.0));
        assert_eq!(undefined(&quadratic([2.0, 1.0], 0.0)), ["beta_smoothness", "beta_smoothness_relative"]);
        assert_eq!(undefined(&quadratic([2.0, f64::INFINITY], 0.1)), metrics().collect::<Vec<_>>());
    }
}
