//! How many steps gradient descent takes on features that a pool has shifted: by theory, and run.
//!
//! Each feature is the largest of four independent normal values, like a 2×2 max pool of x̂. A constant 1 beside them is
//! for the bias. X is the matrix of n samples. Gradient descent on the weights w starts at 0.
//!
//! - **Linear regression** on y = a·x̃, x̃ the standardised features, has the loss ½‖Xw − y‖²/n, with the Hessian H = XᵀX/n.
//! - **Logistic regression** on labels drawn by σ(a·x̃) has H = XᵀDX/n, D = p(1 − p) of each sample, here at the best w.
//!
//! Let λ be the eigenvalues of H, and c the first error, w − w*, in their directions. After t steps at the rate η =
//! 2/(λmax + λmin), the best for a quadratic, twice the excess of the loss is Σ λ(1 − ηλ)²ᵗc² (Nocedal and Wright 2006,
//! section 3.3). That is solved for t. For logistic regression it is an approximation, since H moves with w.

use nalgebra::{DMatrix, DVector};
use rand_distr::{Distribution, StandardNormal};

use crate::random::{Stream, stream};

/// Samples.
const SAMPLES: usize = 512;
/// Share of the first excess of the loss at which it has arrived: errors of outputs are then 1e-3 of the first ones.
const ARRIVED: f64 = 1e-6;
/// A run takes at most so many times the predicted steps.
const PATIENCE: usize = 20;
/// SD of the logit.
const LOGIT_SD: f64 = 0.5;

/// What is fitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Problem {
    /// By least squares.
    Linear,
    /// Two classes, by cross-entropy.
    Logistic,
}

/// What is done to the pooled features before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Treatment {
    /// Their means are subtracted.
    pub centred: bool,
    /// They are divided by their SDs.
    pub scaled: bool,
}

/// Steps by theory, and as run.
pub fn steps(problem: Problem, treatment: Treatment, features: usize, seed: u64) -> [f64; 2] {
    let mut rng = stream(seed, &format!("claims/regression/{features}"));
    let pooled = DMatrix::from_fn(SAMPLES, features, |_, _| (0..4).map(|_| normal(&mut rng)).fold(f64::MIN, f64::max));
    let a = DVector::from_fn(features, |_, _| normal(&mut rng));
    let standardized = treated(&pooled, Treatment { centred: true, scaled: true });
    // The first column is the constant.
    let logits = standardized.columns(1, features) * (&a * (LOGIT_SD / a.norm()));
    let x = treated(&pooled, treatment);
    let y = match problem {
        Problem::Linear => logits,
        Problem::Logistic => logits.map(|z| f64::from(u8::from(uniform(&mut rng) < sigmoid(z)))),
    };
    let best = best(problem, &x, &y);
    let spectrum = hessian(problem, &x, &best).symmetric_eigen();
    let (least, largest) = (spectrum.eigenvalues.min(), spectrum.eigenvalues.max());
    let rate = 2.0 / (largest + least);
    let error = spectrum.eigenvectors.transpose() * &best;
    let left = |t: f64| -> f64 {
        let terms = spectrum.eigenvalues.iter().zip(error.iter());
        terms.map(|(l, c)| l * (1.0 - rate * l).abs().powf(2.0 * t) * c * c).sum()
    };
    let predicted = first_below(&left, ARRIVED * left(0.0));
    [predicted, run(problem, &x, &y, &best, rate, predicted)]
}

fn normal(rng: &mut Stream) -> f64 {
    StandardNormal.sample(rng)
}

fn uniform(rng: &mut Stream) -> f64 {
    rand_distr::StandardUniform.sample(rng)
}

fn sigmoid(z: f64) -> f64 {
    1.0 / (1.0 + (-z).exp())
}

/// A constant 1 and the features, treated.
fn treated(pooled: &DMatrix<f64>, Treatment { centred, scaled }: Treatment) -> DMatrix<f64> {
    let mut x = pooled.clone().insert_column(0, 1.0);
    for mut column in x.column_iter_mut().skip(1) {
        let (mean, std) = (column.mean(), column.variance().sqrt());
        column.apply(|value| {
            *value = if centred { *value - mean } else { *value };
            *value = if scaled { *value / std } else { *value };
        });
    }
    x
}

/// Outputs less labels, r: the gradient of the loss is Xᵀr/n.
fn residuals(problem: Problem, x: &DMatrix<f64>, y: &DVector<f64>, w: &DVector<f64>) -> DVector<f64> {
    let z = x * w;
    match problem {
        Problem::Linear => z - y,
        Problem::Logistic => z.map(sigmoid) - y,
    }
}

fn loss(problem: Problem, x: &DMatrix<f64>, y: &DVector<f64>, w: &DVector<f64>) -> f64 {
    let z = x * w;
    let terms = z.iter().zip(y.iter());
    let sum: f64 = match problem {
        Problem::Linear => terms.map(|(z, y)| (z - y).powi(2) / 2.0).sum(),
        // ln(1 + eᶻ) − yz
        Problem::Logistic => terms.map(|(z, y)| z.max(0.0) + (-z.abs()).exp().ln_1p() - y * z).sum(),
    };
    sum / x.nrows() as f64
}

fn hessian(problem: Problem, x: &DMatrix<f64>, w: &DVector<f64>) -> DMatrix<f64> {
    let weights = match problem {
        Problem::Linear => DVector::from_element(x.nrows(), 1.0),
        Problem::Logistic => (x * w).map(|z| sigmoid(z) * (1.0 - sigmoid(z))),
    };
    let mut weighted = x.clone();
    weighted.row_iter_mut().zip(weights.iter()).for_each(|(mut row, weight)| row *= *weight);
    x.transpose() * weighted / x.nrows() as f64
}

/// The best w, by Newton's method; for a quadratic the first step arrives.
fn best(problem: Problem, x: &DMatrix<f64>, y: &DVector<f64>) -> DVector<f64> {
    let mut w = DVector::zeros(x.ncols());
    for _ in 0..30 {
        let gradient = x.transpose() * residuals(problem, x, y, &w) / x.nrows() as f64;
        let Some(step) = hessian(problem, x, &w).cholesky().map(|factors| factors.solve(&gradient)) else { break };
        w -= step;
    }
    w
}

/// The least whole t at which a falling function is not above a value.
fn first_below(of: &dyn Fn(f64) -> f64, value: f64) -> f64 {
    let mut high = 1.0;
    while of(high) > value && high < 1e9 {
        high *= 2.0;
    }
    let mut low = 0.0;
    while high - low > 1.0 {
        let middle = ((low + high) / 2.0f64).floor();
        if of(middle) > value { low = middle } else { high = middle }
    }
    high
}

/// Steps of gradient descent until it has arrived.
fn run(problem: Problem, x: &DMatrix<f64>, y: &DVector<f64>, best: &DVector<f64>, rate: f64, predicted: f64) -> f64 {
    let least = loss(problem, x, y, best);
    let mut w = DVector::zeros(x.ncols());
    let arrived = ARRIVED * (loss(problem, x, y, &w) - least);
    let limit = predicted as usize * PATIENCE;
    for step in 0..limit {
        if loss(problem, x, y, &w) - least <= arrived {
            return step as f64;
        }
        let gradient = x.tr_mul(&residuals(problem, x, y, &w)) / x.nrows() as f64;
        w -= gradient * rate;
    }
    limit as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const AS_POOLED: Treatment = Treatment { centred: false, scaled: false };
    const STANDARDIZED: Treatment = Treatment { centred: true, scaled: true };

    #[test]
    fn a_quadratic_takes_the_steps_that_its_spectrum_says() {
        for (features, treatment) in [(1, AS_POOLED), (8, AS_POOLED), (8, STANDARDIZED)] {
            let [predicted, run] = steps(Problem::Linear, treatment, features, 3);
            assert!((predicted - run).abs() <= 1.0 && run > 1.0, "{features}: {predicted} {run}");
        }
    }

    #[test]
    fn logistic_regression_takes_about_as_many() {
        let [predicted, run] = steps(Problem::Logistic, AS_POOLED, 8, 3);
        assert!((run / predicted).ln().abs() < 0.5, "{predicted} {run}");
    }

    #[test]
    fn two_eigenvalues_give_the_known_count() {
        // λ = 1 and 3, η = ½: each step halves both errors, and (½)²ᵗ = 1e-6 at t = 9.97.
        let left = |t: f64| 2.0 * 0.5f64.powf(2.0 * t);
        assert_eq!(first_below(&left, 2e-6), 10.0);
    }
}
