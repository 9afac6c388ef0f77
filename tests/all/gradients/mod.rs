//! Every derivative of the crate against central differences, in f64.
//!
//! As in JAX's `check_grads`: for an output y(θ), a random cotangent c and a random direction d,
//!
//! ```text
//! ⟨c, (y(θ + hd) − y(θ − hd)) / 2h⟩ = ⟨∂⟨c, y⟩/∂θ, d⟩
//! ```
//!
//! within a relative 10⁻⁶, along all of θ at once and along each tensor by itself. c is never
//! constant: under a plain sum a batch norm's input gradient is zero, right or wrong.

mod layers;
mod networks;
mod norms;

use std::cell::RefCell;
use std::ops::Range;

use bn_exp::config::resolve::synthetic_facts;
use bn_exp::config::settings::{Activation, NormOptions, PoolKind};
use bn_exp::config::{DataFacts, Experiment, Settings, Shape, Variant};
use bn_exp::kernels::activation::Function;
use bn_exp::kernels::{Aligned, activation, pool, softmax};
use bn_exp::nn::block::Map;
use bn_exp::nn::conv::{Conv, ConvShape, Scratch};
use bn_exp::nn::input::Features;
use bn_exp::nn::linear::Linear;
use bn_exp::nn::norm::{Norm, NormCache, Place, parts};
use bn_exp::nn::parameters::{Parameter, Tensor};
use bn_exp::nn::stages::Stage;
use bn_exp::nn::workspace::{BlockSpace, Path};
use bn_exp::nn::{Network, Pass, Statistics, Workspace};
use bn_exp::random::{Stream, stream};
use rand_distr::{Distribution, StandardNormal};
use serde_json::{Value, json};

use crate::common::arms::{self, Facts, facts};

/// h, in units of each tensor's size. Rounding costs about 10⁻¹⁶/h, truncation h⁴ (see [`relative_error`]),
/// and a derivative that happens to be small for its terms multiplies both.
const STEP: f64 = 1e-4;
/// Largest relative error of a right derivative.
const TOLERANCE: f64 = 1e-6;
/// Largest relative difference between the slopes of the two steps.
const SMOOTH: f64 = 1e-4;

/// The tensors that make up a point: name with shape, and place.
type Tensors = Vec<(String, Range<usize>)>;

fn normals(rng: &mut Stream, count: usize) -> Vec<f64> {
    (0..count).map(|_| StandardNormal.sample(rng)).collect()
}

/// What a pass must overwrite before anyone reads it.
fn blank(count: usize) -> Vec<f64> {
    vec![f64::NAN; count]
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn largest(values: &[f64]) -> f64 {
    values.iter().fold(0.0, |most, v| if v.abs() <= most { most } else { v.abs() })
}

fn named(name: &str, shape: &[usize]) -> String {
    format!("{name} {shape:?}")
}

/// Tensors of these names and shapes, one after the other.
fn tensors<const N: usize>(shapes: [(&str, &[usize]); N]) -> Tensors {
    let mut start = 0;
    let place = |(name, shape): (&str, &[usize])| {
        let size = shape.iter().product::<usize>();
        start += size;
        (named(name, shape), start - size..start)
    };
    shapes.into_iter().map(place).collect()
}

/// A random direction along the tensors given, each moved in proportion to its own size.
fn direction<'a>(
    at: &[f64],
    moved: impl IntoIterator<Item = &'a (String, Range<usize>)>,
    rng: &mut Stream,
) -> Vec<f64> {
    let mut direction = vec![0.0; at.len()];
    for (_, range) in moved {
        let values = &at[range.clone()];
        let size = (dot(values, values) / values.len() as f64).sqrt();
        let draws = normals(rng, values.len());
        direction[range.clone()].iter_mut().zip(draws).for_each(|(d, z)| *d = size * z);
    }
    direction
}

fn step(at: &[f64], direction: &[f64], h: f64) -> Vec<f64> {
    at.iter().zip(direction).map(|(x, d)| x + h * d).collect()
}

fn relative_difference(a: f64, b: f64) -> f64 {
    (a - b).abs() / a.abs().max(b.abs())
}

/// A kink too near the point for a derivative to be checked there: of which arm or layer, along which tensors, and how it
/// was seen. No fault of the derivative: where another point can be had, that is checked instead.
#[derive(Debug)]
struct Kink(String);

/// Relative error of `gradient` = ∂⟨cotangent, y⟩/∂at along `direction`; `case` says of what.
///
/// Two step sizes, extrapolated to h = 0 (Richardson). They differ by O(h²), and by far more where a
/// kink lies within the step. Where a slope is small and y curved they may differ too much all the same; so both steps
/// are halved once before a kink is reported. y may be NaN where it knows itself to be beyond one.
fn relative_error(
    case: &str,
    at: &[f64],
    direction: &[f64],
    cotangent: &[f64],
    y: impl Fn(&[f64]) -> Vec<f64>,
    gradient: &[f64],
) -> Result<f64, Kink> {
    let slope = |h: f64| {
        let (up, down) = (y(&step(at, direction, h)), y(&step(at, direction, -h)));
        let change: Vec<f64> = up.iter().zip(&down).map(|(up, down)| (up - down) / (2.0 * h)).collect();
        dot(cotangent, &change)
    };
    let is_smooth = |(wide, narrow): &(f64, f64)| relative_difference(*wide, *narrow) <= SMOOTH;
    let slopes = |h: f64| (slope(h), slope(h / 2.0));
    let (wide, narrow) = Some(slopes(STEP)).filter(is_smooth).unwrap_or_else(|| slopes(STEP / 2.0));
    if !is_smooth(&(wide, narrow)) {
        let slopes = format!("two step sizes give {wide:e} and {narrow:e}");
        return Err(Kink(format!("{case}: {slopes}: a kink within the step, or no slope at all")));
    }
    Ok(relative_difference((4.0 * narrow - wide) / 3.0, dot(gradient, direction)))
}

/// Checks `gradient(at, cotangent)` along all tensors at once and along each. A wrong derivative panics.
///
/// # Errors
/// If a kink lies within a step.
fn check_unless_kink(
    case: &str,
    at: &[f64],
    tensors: &Tensors,
    y: impl Fn(&[f64]) -> Vec<f64>,
    gradient: impl Fn(&[f64], &[f64]) -> Vec<f64>,
) -> Result<(), Kink> {
    let mut rng = stream(0, case);
    let cotangent = normals(&mut rng, y(at).len());
    let gradient = gradient(at, &cotangent);
    let all = (tensors.len() > 1).then(|| &tensors[..]);
    for moved in all.into_iter().chain(tensors.chunks(1)) {
        let names: Vec<&str> = moved.iter().map(|(name, _)| name.as_str()).collect();
        let case = format!("{case}, along {}", names.join(", "));
        let direction = direction(at, moved, &mut rng);
        let error = relative_error(&case, at, &direction, &cotangent, &y, &gradient)?;
        assert!(error <= TOLERANCE, "{case}: relative error {error:e}");
    }
    Ok(())
}

/// The same at the only point there is.
fn check(
    case: &str,
    at: &[f64],
    tensors: &Tensors,
    y: impl Fn(&[f64]) -> Vec<f64>,
    gradient: impl Fn(&[f64], &[f64]) -> Vec<f64>,
) {
    check_unless_kink(case, at, tensors, y, gradient).unwrap_or_else(|Kink(found)| panic!("{found}"));
}

const MLP: &str = r#"{
    "name": "mlp",
    "data": { "source": "gaussians", "dimension": 5, "classes": 4 },
    "model": { "kind": "mlp", "hidden": [6, 4, 5] },
    "variants": ["none"],
    "optimizer": { "kind": "sgd", "lr": 0.1 },
    "train": { "batch_size": 6, "steps": 1 },
    "seeds": 1
}"#;

const CNN: &str = r#"{
    "name": "cnn",
    "data": { "source": "glyphs" },
    "model": { "kind": "cnn", "channels": [3, 4], "dense": [5] },
    "variants": ["none"],
    "optimizer": { "kind": "sgd", "lr": 0.1 },
    "train": { "batch_size": 6, "steps": 1 },
    "seeds": 1
}"#;

/// The configuration with every arm, then with overrides. Images are 9×7 with two channels, so that pools drop rows and
/// columns.
fn experiment(text: &str, overrides: &[(&str, Value)]) -> Experiment {
    let every_arm = ("variants", Value::from(arms::entries()));
    let overrides = std::iter::once(&every_arm).chain(overrides);
    let overrides: Vec<_> = overrides.map(|(path, value)| ((*path).to_owned(), value.clone())).collect();
    let images = Shape { channels: 2, height: 9, width: 7 };
    let known = Experiment::parse(text, &overrides, &|data| {
        let facts = synthetic_facts(data).expect("the source is synthetic");
        Ok(if facts.images { DataFacts { shape: images, classes: 4, ..facts } } else { facts })
    });
    known.expect("the configuration is valid")
}
