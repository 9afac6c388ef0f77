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

use std::cell::RefCell;
use std::ops::Range;

use bn_exp::config::resolve::synthetic_facts;
use bn_exp::config::settings::{Activation, Arm, NormOptions, PoolKind};
use bn_exp::config::{DataFacts, Experiment, Settings, Shape, Variant};
use bn_exp::kernels::conv::ConvShape;
use bn_exp::kernels::{activation, pool, softmax};
use bn_exp::nn::block::{Map, Stage};
use bn_exp::nn::conv::Conv;
use bn_exp::nn::linear::Linear;
use bn_exp::nn::norm::{Norm, NormCache, parts};
use bn_exp::nn::parameters::Tensor;
use bn_exp::nn::{Network, Statistics, Workspace};
use bn_exp::random::{Stream, stream};
use rand_distr::{Distribution, StandardNormal};
use serde_json::{Value, json};

/// h, in units of each tensor's size. Rounding costs about 10⁻¹⁶/h, truncation h⁴ (see [`relative_error`]),
/// and a derivative that happens to be small for its terms multiplies both.
const STEP: f64 = 1e-4;
/// Largest relative error of a right derivative.
const TOLERANCE: f64 = 1e-6;
/// Largest relative difference between the slopes of the two steps.
const SMOOTH: f64 = 1e-4;

/// The tensors that make up a point, by name and place.
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

fn tensors<const N: usize>(sizes: [(&str, usize); N]) -> Tensors {
    let mut start = 0;
    let place = |(name, size): (&str, usize)| {
        start += size;
        (name.to_owned(), start - size..start)
    };
    sizes.into_iter().map(place).collect()
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

/// Relative error of `gradient` = ∂⟨cotangent, y⟩/∂at along `direction`.
///
/// Two step sizes, extrapolated to h = 0 (Richardson). They differ by O(h²), and by far more where a
/// kink lies within the step: that is a failure of the check itself, and no reason to skip it.
fn relative_error(
    at: &[f64],
    direction: &[f64],
    cotangent: &[f64],
    y: impl Fn(&[f64]) -> Vec<f64>,
    gradient: &[f64],
) -> f64 {
    let slope = |h: f64| {
        let (up, down) = (y(&step(at, direction, h)), y(&step(at, direction, -h)));
        let change: Vec<f64> = up.iter().zip(&down).map(|(up, down)| (up - down) / (2.0 * h)).collect();
        dot(cotangent, &change)
    };
    let (wide, narrow) = (slope(STEP), slope(STEP / 2.0));
    let is_smooth = relative_difference(wide, narrow) <= SMOOTH;
    assert!(is_smooth, "two step sizes give {wide:e} and {narrow:e}: a kink within the step, or no slope at all");
    relative_difference((4.0 * narrow - wide) / 3.0, dot(gradient, direction))
}

/// Checks `gradient(at, cotangent)` along all tensors at once and along each.
fn check(
    case: &str,
    at: &[f64],
    tensors: &Tensors,
    y: impl Fn(&[f64]) -> Vec<f64>,
    gradient: impl Fn(&[f64], &[f64]) -> Vec<f64>,
) {
    let mut rng = stream(0, case);
    let cotangent = normals(&mut rng, y(at).len());
    let gradient = gradient(at, &cotangent);
    let all = (tensors.len() > 1).then(|| &tensors[..]);
    for moved in all.into_iter().chain(tensors.chunks(1)) {
        let names: Vec<&str> = moved.iter().map(|(name, _)| name.as_str()).collect();
        let direction = direction(at, moved, &mut rng);
        let error = relative_error(at, &direction, &cotangent, &y, &gradient);
        assert!(error <= TOLERANCE, "{case}: relative error {error:e} along {}", names.join(", "));
    }
}

mod layers {
    use super::*;

    #[test]
    fn a_linear_map_has_the_right_derivatives() {
        for (samples, inputs, outputs) in [(3, 5, 4), (1, 1, 2), (8, 2, 7), (2, 17, 1)] {
            let map = Linear { inputs, outputs };
            let (x, weight) = (samples * inputs, inputs * outputs);
            let case = format!("{map:?}, {samples} samples");
            let y = |at: &[f64]| {
                let mut y = blank(samples * outputs);
                map.forward(&at[..x], &at[x..], &mut y);
                y
            };
            let gradient = |at: &[f64], dy: &[f64]| {
                let mut gradient = blank(at.len());
                let (dx, dweight) = gradient.split_at_mut(x);
                map.weight_gradient(&at[..x], dy, dweight);
                map.input_gradient(dy, &at[x..], dx);
                gradient
            };
            let at = normals(&mut stream(1, &case), x + weight);
            check(&case, &at, &tensors([("x", x), ("weight", weight)]), y, gradient);
        }
    }

    #[test]
    fn a_convolution_has_the_right_derivatives_on_odd_sizes() {
        // Samples, height, width, input channels, output channels, kernel.
        let sizes =
            [(2, 5, 7, 3, 4, 3), (3, 5, 7, 2, 3, 5), (2, 4, 3, 3, 2, 1), (2, 1, 1, 1, 2, 3), (1, 1, 6, 2, 2, 5)];
        for (samples, height, width, input_channels, output_channels, kernel) in sizes {
            let shape = ConvShape { height, width, input_channels, output_channels, kernel };
            let map = Conv(shape);
            let case = format!("{shape:?}, {samples} samples");
            let pixels = samples * height * width;
            let (x, weight) = (pixels * input_channels, shape.patch() * output_channels);
            let y = |at: &[f64]| {
                let mut y = blank(pixels * output_channels);
                map.forward(&at[..x], &at[x..], &mut y, &mut blank(shape.unfolded()));
                y
            };
            let gradient = |at: &[f64], dy: &[f64]| {
                let mut gradient = blank(at.len());
                let (dx, dweight) = gradient.split_at_mut(x);
                map.weight_gradient(&at[..x], dy, dweight, &mut blank(shape.unfolded()));
                map.input_gradient(dy, &at[x..], dx, &mut blank(shape.unfolded()));
                gradient
            };
            let at = normals(&mut stream(1, &case), x + weight);
            check(&case, &at, &tensors([("x", x), ("weight", weight)]), y, gradient);
        }
    }

    #[test]
    fn activations_have_the_right_derivatives_away_from_kinks() {
        type Forward = fn(&[f64], &mut [f64]);
        type Backward = fn(&[f64], &[f64], &mut [f64]);
        let functions: [(&str, Forward, Backward); 3] = [
            ("relu", activation::relu, activation::relu_backward),
            ("tanh", activation::tanh, activation::tanh_backward),
            ("sigmoid", activation::sigmoid, activation::sigmoid_backward),
        ];
        for (name, forward, backward) in functions {
            let at: Vec<f64> = normals(&mut stream(1, name), 40).iter().map(|x| x + 0.01 * x.signum()).collect();
            assert!(at.iter().any(|x| *x < 0.0) && at.iter().any(|x| *x > 0.0));
            let y = |at: &[f64]| {
                let mut y = blank(at.len());
                forward(at, &mut y);
                y
            };
            let gradient = |at: &[f64], dy: &[f64]| {
                let mut dx = blank(at.len());
                backward(&y(at), dy, &mut dx);
                dx
            };
            check(name, &at, &tensors([("x", at.len())]), y, gradient);
        }
    }

    #[test]
    fn pools_have_the_right_derivatives_where_rows_and_columns_are_dropped() {
        for (samples, h, w, c) in [(2, 5, 7, 3), (3, 4, 6, 2), (1, 2, 3, 1), (2, 3, 2, 4)] {
            let (shape, outputs) = ((h, w, c), samples * (h / 2) * (w / 2) * c);
            let maximum = |at: &[f64]| {
                let (mut y, mut winner) = (blank(outputs), vec![u8::MAX; outputs]);
                pool::max(at, &mut y, &mut winner, samples, shape);
                (y, winner)
            };
            let average = |at: &[f64]| {
                let mut y = blank(outputs);
                pool::average(at, &mut y, samples, shape);
                y
            };
            let max_gradient = |at: &[f64], dy: &[f64]| {
                let mut dx = blank(at.len());
                pool::max_backward(dy, &maximum(at).1, &mut dx, samples, shape);
                dx
            };
            let average_gradient = |at: &[f64], dy: &[f64]| {
                let mut dx = blank(at.len());
                pool::average_backward(dy, &mut dx, samples, shape);
                dx
            };
            let case = format!("{samples}×{h}×{w}×{c}");
            let at = normals(&mut stream(1, &case), samples * h * w * c);
            let x = tensors([("x", at.len())]);
            check(&format!("max {case}"), &at, &x, |at| maximum(at).0, max_gradient);
            check(&format!("average {case}"), &at, &x, average, average_gradient);
        }
    }

    #[test]
    fn softmax_cross_entropy_has_the_right_derivative() {
        for (samples, classes) in [(4, 5), (1, 2), (7, 10)] {
            let case = format!("cross-entropy {samples}×{classes}");
            let labels: Vec<u8> = (0..samples).map(|n| (n * 3 % classes) as u8).collect();
            let mean = |at: &[f64]| vec![softmax::cross_entropy(at, &labels, classes).loss_sum / samples as f64];
            let gradient = |at: &[f64], dloss: &[f64]| {
                let mut dlogits = blank(at.len());
                softmax::cross_entropy_backward(at, &labels, classes, &mut dlogits);
                dlogits.iter().map(|d| dloss[0] * d).collect()
            };
            let at = normals(&mut stream(1, &case), samples * classes);
            check(&case, &at, &tensors([("logits", at.len())]), mean, gradient);
        }
    }
}

mod norms {
    use super::*;

    /// A norm by itself, at a point [x | γ | β], or [x] where the arm has no γ and β.
    struct NormLayer {
        norm: Norm<f64>,
        cache: RefCell<NormCache<f64>>,
        tensors: Tensors,
        at: Vec<f64>,
    }

    impl NormLayer {
        /// x is normal with mean and SD `scale`; γ and β are normal.
        fn new(arm: Arm, rows: usize, channels: usize, epsilon: f64, scale: f64) -> Self {
            let variant = Variant { name: String::new(), arm, bias: None, train_only: None };
            let parts = parts(&variant, channels, NormOptions { epsilon, momentum: 0.1 });
            let affine = parts.affine.then_some((0..channels, channels..2 * channels));
            let per_channel = if parts.affine { channels } else { 0 };
            let x = rows * channels;
            let tensors = tensors([("x", x), ("gamma", per_channel), ("beta", per_channel)]);
            let tensors = tensors.into_iter().filter(|(_, range)| !range.is_empty()).collect();
            let mut at = normals(&mut stream(1, "norm"), x + 2 * per_channel);
            at[..x].iter_mut().for_each(|x| *x = scale * (1.0 + *x));
            let norm = Norm::new(parts, channels, affine).expect("the arm has a norm");
            Self { norm, cache: RefCell::new(cache(channels)), tensors, at }
        }

        fn x(&self) -> usize {
            self.tensors[0].1.len()
        }

        fn forward(&self, statistics: Statistics, at: &[f64]) -> Vec<f64> {
            let (x, parameters) = at.split_at(self.x());
            let mut y = blank(x.len());
            let done = self.norm.forward(parameters, statistics, x, &mut y, &mut self.cache.borrow_mut());
            done.expect("there are enough rows");
            y
        }

        fn gradient(&self, statistics: Statistics, at: &[f64], dy: &[f64]) -> Vec<f64> {
            self.forward(statistics, at);
            let (x, parameters) = at.split_at(self.x());
            let mut gradient = blank(at.len());
            let (dx, dparameters) = gradient.split_at_mut(x.len());
            self.norm.backward(parameters, x, dy, dx, &mut self.cache.borrow_mut(), dparameters);
            gradient
        }

        fn dx(&self, dy: &[f64]) -> Vec<f64> {
            self.gradient(Statistics::Batch, &self.at, dy)[..self.x()].to_vec()
        }

        /// The values of channel c among x's.
        fn channel(&self, values: &[f64], c: usize) -> Vec<f64> {
            values[..self.x()].iter().skip(c).step_by(self.norm.channels).copied().collect()
        }
    }

    /// A cache of this width, which only a workspace can make.
    fn cache(channels: usize) -> NormCache<f64> {
        let experiment = experiment(MLP, &[("model.hidden", json!([channels]))]);
        let network =
            Network::new(&experiment.points[0].settings, &experiment.variants[3], 0).expect("it can be built");
        Workspace::for_training(&network, 1).blocks[0].norm.clone()
    }

    /// Rows, channels, ε and the scale of x. In a batch of 2, x̂ = ±1 up to ε and no gradient is left
    /// unless ε is of the size of the variance.
    const CASES: [(usize, usize, f64, f64); 7] = [
        (2, 3, 0.1, 1.0),
        (2, 3, 1e-5, 3e-3),
        (3, 1, 1e-5, 1.0),
        (7, 4, 1e-5, 1.0),
        (7, 4, 1e-2, 1e-3),
        (30, 3, 1e-5, 100.0),
        (70, 5, 0.0, 1.0),
    ];

    #[test]
    fn every_arm_has_the_right_derivatives_by_x_gamma_and_beta() {
        for arm in [Arm::Affine, Arm::Standardize, Arm::Bn] {
            for (rows, channels, epsilon, scale) in CASES {
                let layer = NormLayer::new(arm, rows, channels, epsilon, scale);
                let case = format!("{arm:?} {rows}×{channels}, ε {epsilon}, scale {scale}");
                let y = |at: &[f64]| layer.forward(Statistics::Batch, at);
                check(&case, &layer.at, &layer.tensors, y, |at, dy| layer.gradient(Statistics::Batch, at, dy));
            }
        }
    }

    #[test]
    fn affine_has_the_same_right_derivatives_under_running_statistics() {
        for (rows, channels) in [(1, 3), (2, 3), (7, 4)] {
            let layer = NormLayer::new(Arm::Affine, rows, channels, 1e-5, 1.0);
            let y = |at: &[f64]| layer.forward(Statistics::Running, at);
            let case = format!("running affine {rows}×{channels}");
            check(&case, &layer.at, &layer.tensors, y, |at, dy| layer.gradient(Statistics::Running, at, dy));
        }
    }

    #[test]
    fn arm_none_has_no_norm() {
        let variant = Variant { name: String::new(), arm: Arm::None, bias: None, train_only: None };
        let parts = parts::<f64>(&variant, 3, NormOptions { epsilon: 1e-5, momentum: 0.1 });
        assert!(parts.bias && Norm::new(parts, 3, None).is_none());
    }

    #[test]
    fn no_gradient_through_the_batch_shifts_or_scales_it() {
        for arm in [Arm::Standardize, Arm::Bn] {
            let layer = NormLayer::new(arm, 20, 3, 0.0, 1.0);
            let dx = layer.dx(&normals(&mut stream(2, "dy"), layer.x()));
            let standardized = NormLayer::new(Arm::Standardize, 20, 3, 0.0, 1.0);
            let xhat = standardized.forward(Statistics::Batch, &layer.at[..layer.x()]);
            for c in 0..3 {
                let (dx, xhat) = (layer.channel(&dx, c), layer.channel(&xhat, c));
                let size = dot(&dx, &dx).sqrt() * 20f64.sqrt();
                assert!(size > 0.1, "nothing to be orthogonal to: {dx:?}");
                assert!(dx.iter().sum::<f64>().abs() < 1e-14 * size, "{arm:?}, channel {c}: not orthogonal to 1");
                assert!(dot(&dx, &xhat).abs() < 1e-14 * size, "{arm:?}, channel {c}: not orthogonal to x̂");
            }
        }
    }

    #[test]
    fn a_plain_sum_as_loss_shows_nothing_of_the_gradient_by_x() {
        for arm in [Arm::Standardize, Arm::Bn] {
            let layer = NormLayer::new(arm, 20, 3, 1e-5, 1.0);
            assert!(largest(&layer.dx(&vec![1.0; layer.x()])) < 1e-14, "{arm:?}");
            assert!(largest(&layer.dx(&normals(&mut stream(2, "dy"), layer.x()))) > 0.1, "{arm:?}");
        }
    }

    #[test]
    fn a_batch_of_two_passes_no_gradient() {
        let layer = NormLayer::new(Arm::Bn, 2, 3, 0.0, 1.0);
        let dy = normals(&mut stream(2, "dy"), layer.x());
        let scale = largest(&layer.cache.borrow().moments.inverse_sd);
        assert!(largest(&layer.dx(&dy)) < 1e-14 * largest(&dy) * scale.max(1.0));
    }

    /// dx less one of the terms that come from the statistics, or scaled; none may pass.
    #[test]
    fn the_check_catches_wrong_gradients() {
        let (rows, channels) = (7, 4);
        let layer = NormLayer::new(Arm::Bn, rows, channels, 1e-5, 1.0);
        let mut rng = stream(2, "wrong");
        let dy = normals(&mut rng, layer.x());
        let right = layer.gradient(Statistics::Batch, &layer.at, &dy);
        let direction = direction(&layer.at, &layer.tensors[..1], &mut rng);
        let error = |change: &dyn Fn(usize, f64) -> f64| {
            let wrong: Vec<f64> = right.iter().enumerate().map(|(i, d)| change(i, *d)).collect();
            relative_error(&layer.at, &direction, &dy, |at| layer.forward(Statistics::Batch, at), &wrong)
        };
        let moments = layer.cache.borrow().moments.clone();
        let x = |i: usize| layer.at[i] - moments.mean[i % channels];
        let (gamma, n) = (&layer.at[layer.x()..], rows as f64);
        let scale = |c: usize| gamma[c] * moments.inverse_sd[c];
        let sum = |c: usize| layer.channel(&dy, c).iter().sum::<f64>();
        let centered = |c: usize| (0..rows).map(|row| row * channels + c).map(|i| dy[i] * x(i)).sum::<f64>();
        let through_mean = |c: usize| -scale(c) * sum(c) / n;
        let through_variance = |c: usize| -scale(c) * moments.inverse_sd[c].powi(2) * centered(c) / n;
        let is_x = |i: usize| i < layer.x();

        assert!(error(&|_, d| d) <= TOLERANCE);
        assert!(error(&|i, d| if is_x(i) { d - through_mean(i % channels) } else { d }) > 1e-3);
        assert!(error(&|i, d| if is_x(i) { d - through_variance(i % channels) * x(i) } else { d }) > 1e-2);
        assert!(error(&|_, d| d * (1.0 + 1e-5)) > TOLERANCE);
        assert!(error(&|_, d| -d) > 1.0);
        assert!(error(&|_, _| 0.0) > 0.5);
        assert!(error(&|i, d| if i == 0 { f64::NAN } else { d }).is_nan(), "NaN is not within any tolerance");
    }

    #[test]
    #[should_panic(expected = "a kink within the step")]
    fn the_check_refuses_a_kink_within_the_step() {
        let relu = |at: &[f64]| {
            let mut y = blank(1);
            activation::relu(at, &mut y);
            y
        };
        relative_error(&[0.3 * STEP], &[1.0], &[1.0], relu, &[1.0]);
    }
}

const MLP: &str = r#"{
    "name": "mlp",
    "data": { "source": "gaussians", "dimension": 5, "classes": 4 },
    "model": { "kind": "mlp", "hidden": [6, 4, 5] },
    "variants": ["none", "affine", "standardize", "bn"],
    "optimizer": { "kind": "sgd", "lr": 0.1 },
    "train": { "batch_size": 6, "steps": 1 },
    "seeds": 1
}"#;

const CNN: &str = r#"{
    "name": "cnn",
    "data": { "source": "glyphs" },
    "model": { "kind": "cnn", "channels": [3, 4], "dense": [5] },
    "variants": ["none", "affine", "standardize", "bn"],
    "optimizer": { "kind": "sgd", "lr": 0.1 },
    "train": { "batch_size": 6, "steps": 1 },
    "seeds": 1
}"#;

/// The configuration with overrides. Images are 9×7 with two channels, so that pools drop rows and columns.
fn experiment(text: &str, overrides: &[(&str, Value)]) -> Experiment {
    let overrides: Vec<_> = overrides.iter().map(|(path, value)| ((*path).to_owned(), value.clone())).collect();
    let images = Shape { channels: 2, height: 9, width: 7 };
    let known = Experiment::parse(text, &overrides, &|data| {
        let facts = synthetic_facts(data).expect("the source is synthetic");
        Ok(if facts.images { DataFacts { shape: images, classes: 4, ..facts } } else { facts })
    });
    known.expect("the configuration is valid")
}

mod networks {
    use super::*;

    const SAMPLES: usize = 6;

    /// A network at the point [parameters | input], no parameter at a value of symmetry.
    struct Subject {
        network: Network<f64>,
        space: Workspace<f64>,
        labels: Vec<u8>,
        tensors: Tensors,
        at: Vec<f64>,
        /// The linear piece of its relus and max pools that the point lies in, once it is settled.
        piece: Option<Vec<bool>>,
    }

    impl Subject {
        fn new(settings: &Settings, variant: &Variant, seed: u64) -> Self {
            let mut network = Network::new(settings, variant, seed).expect("the network can be built");
            let mut rng = stream(seed, "subject");
            for parameter in network.index.iter().filter(|p| p.tensor != Tensor::Weight) {
                let values = &mut network.parameters[parameter.range.clone()];
                let draws = normals(&mut rng, values.len());
                let spread = |z: f64| if parameter.tensor == Tensor::Gamma { z + 0.5 * z.signum() } else { 0.5 * z };
                values.iter_mut().zip(draws).for_each(|(value, z)| *value = spread(z));
            }
            let mut tensors: Tensors = network.index.iter().map(|p| (p.name.clone(), p.range.clone())).collect();
            let mut at = network.parameters.clone();
            at.extend(normals(&mut rng, SAMPLES * network.input.len()));
            tensors.push(("input".to_owned(), network.parameters.len()..at.len()));
            let labels = (0..SAMPLES).map(|n| (n * 3 % network.classes) as u8).collect();
            // More room than samples: what lies behind them must not be read.
            let mut space = Workspace::for_training(&network, SAMPLES + 2);
            space.input.fill(f64::NAN);
            Self { network, space, labels, tensors, at, piece: None }
        }

        /// The subject of the first seed that has no kink near its point and no dead layer.
        fn away_from_kinks(settings: &Settings, variant: &Variant) -> Self {
            let mut subjects = (0..2000).map(|seed| Self::new(settings, variant, seed));
            subjects.find_map(Self::settled).expect("some seed has no kink near its point")
        }

        /// Settles the piece if a number of steps longer than the check's do not leave it.
        fn settled(mut self) -> Option<Self> {
            let at = self.at.clone();
            self.forward(&at);
            let piece = self.current_piece();
            let mut rng = stream(0, "kinks");
            if self.has_linear_layer() {
                return None;
            }
            for h in [-10.0 * STEP, 10.0 * STEP].repeat(3) {
                let direction = direction(&at, &self.tensors, &mut rng);
                self.forward(&step(&at, &direction, h));
                if self.current_piece() != piece {
                    return None;
                }
            }
            self.piece = Some(piece);
            Some(self)
        }

        fn current_piece(&self) -> Vec<bool> {
            let mut piece = Vec::new();
            for (block, space) in self.network.blocks.iter().zip(&self.space.blocks) {
                for (stage, values) in block.stages.iter().zip(&space.values) {
                    if *stage == Stage::Activation && block.activation == Activation::Relu {
                        piece.extend(values.iter().map(|v| *v > 0.0));
                    }
                    if *stage == Stage::Pool && block.layer.pool == PoolKind::Max {
                        piece.extend(space.winner.iter().flat_map(|w| [w & 1 > 0, w & 2 > 0]));
                    }
                }
            }
            piece
        }

        /// Whether in some layer over half of the relus are on for all values or for none: it is then
        /// nearly linear over the batch, and a norm behind it hides parameters below (see `is_cancelled`).
        fn has_linear_layer(&self) -> bool {
            self.network.blocks.iter().zip(&self.space.blocks).any(|(block, space)| {
                let Some(stage) = block.stages.iter().position(|s| *s == Stage::Activation) else { return false };
                let shape = block.shape_after(stage);
                let values = &space.values[stage][..SAMPLES * shape.len()];
                let is_linear = |c: usize| {
                    let on = values.iter().skip(c).step_by(shape.channels).filter(|v| **v > 0.0).count();
                    on == 0 || on == SAMPLES * shape.area()
                };
                let linear = (0..shape.channels).filter(|c| is_linear(*c)).count();
                block.activation == Activation::Relu && 2 * linear > shape.channels
            })
        }

        /// The logits.
        fn forward(&mut self, at: &[f64]) -> Vec<f64> {
            let (parameters, input) = at.split_at(self.network.parameters.len());
            self.network.parameters.copy_from_slice(parameters);
            self.space.input[..input.len()].copy_from_slice(input);
            self.space.blocks.iter_mut().flat_map(|b| &mut b.values).for_each(|values| values.fill(f64::NAN));
            let done = self.network.forward(Statistics::Batch, &mut self.space, SAMPLES);
            done.expect("the batch is large enough");
            if let Some(piece) = &self.piece {
                assert!(*piece == self.current_piece(), "a kink within the step");
            }
            self.network.logits(&self.space).to_vec()
        }

        /// The mean loss.
        fn loss(&mut self, at: &[f64]) -> Vec<f64> {
            self.forward(at);
            vec![self.network.outcome(&self.space, &self.labels).loss_sum / SAMPLES as f64]
        }

        /// Gradient of ⟨dlogits, logits⟩.
        fn gradient(&mut self, at: &[f64], dlogits: &[f64]) -> Vec<f64> {
            self.forward(at);
            self.forget_gradients();
            let last = self.space.blocks.last_mut().expect("there is an output layer");
            last.gradients[0][..dlogits.len()].copy_from_slice(dlogits);
            self.network.backward_from_logits(&mut self.space, true);
            self.found()
        }

        /// Gradient of dloss · loss.
        fn loss_gradient(&mut self, at: &[f64], dloss: &[f64]) -> Vec<f64> {
            self.forward(at);
            self.forget_gradients();
            self.network.backward(&mut self.space, &self.labels, true);
            self.found().iter().map(|d| dloss[0] * d).collect()
        }

        fn forget_gradients(&mut self) {
            let Workspace { blocks, gradients, dinput, scratch, .. } = &mut self.space;
            let inner = blocks.iter_mut().flat_map(|b| &mut b.gradients);
            inner.chain([gradients, dinput, scratch]).for_each(|values| values.fill(f64::NAN));
        }

        fn found(&self) -> Vec<f64> {
            let input = self.at.len() - self.network.parameters.len();
            [&self.space.gradients[..], &self.space.dinput[..input]].concat()
        }

        /// The βs whose only effect the next block's eq. 1 takes away again: with φ(x) = x, a shift of
        /// a dense block's whole input.
        fn is_cancelled(&self, name: &str) -> bool {
            let Some(parameter) = self.network.index.iter().find(|p| p.name == name) else { return false };
            let next = self.network.blocks.get(parameter.block + 1);
            parameter.tensor == Tensor::Beta
                && next.is_some_and(|next| {
                    next.activation == Activation::Identity
                        && matches!(next.map, Map::Linear(_))
                        && !next.layer.residual
                        && next.norm.as_ref().is_some_and(|norm| norm.standardize.uses_batch())
                })
        }
    }

    fn check_network(case: &str, settings: &Settings, variant: &Variant) {
        let subject = Subject::away_from_kinks(settings, variant);
        let (at, all) = (subject.at.clone(), subject.tensors.clone());
        let (cancelled, tensors): (Tensors, Tensors) =
            all.into_iter().partition(|(name, _)| subject.is_cancelled(name));
        let subject = RefCell::new(subject);
        let logits = |at: &[f64]| subject.borrow_mut().forward(at);
        let loss = |at: &[f64]| subject.borrow_mut().loss(at);
        let gradient = |at: &[f64], c: &[f64]| subject.borrow_mut().gradient(at, c);
        check(&format!("{case}, logits"), &at, &tensors, logits, gradient);
        let loss_gradient = |at: &[f64], c: &[f64]| subject.borrow_mut().loss_gradient(at, c);
        check(&format!("{case}, loss"), &at, &tensors, loss, loss_gradient);

        let found = subject.borrow_mut().loss_gradient(&at, &[1.0]);
        for (name, range) in cancelled {
            assert!(largest(&found[range]) < 1e-13 * largest(&found), "{case}: {name} should have no effect");
        }
    }

    fn check_networks(text: &str, overrides: &[(&str, Value)]) {
        let experiment = experiment(text, overrides);
        for variant in &experiment.variants {
            let case = format!("{} {} {overrides:?}", experiment.name, variant.name);
            check_network(&case, &experiment.points[0].settings, variant);
        }
    }

    const ACTIVATIONS: [&str; 4] = ["relu", "tanh", "sigmoid", "identity"];

    #[test]
    fn fully_connected_networks_have_the_right_derivatives_in_every_arm() {
        for activation in ACTIVATIONS {
            for position in ["before_activation", "after_activation"] {
                let model = [("model.activation", json!(activation)), ("model.norm_position", json!(position))];
                check_networks(MLP, &model);
            }
        }
    }

    #[test]
    fn residual_networks_have_the_right_derivatives_in_every_arm() {
        let residual = [("model.residual", json!(true)), ("model.hidden", json!([6, 6, 6]))];
        for activation in ACTIVATIONS {
            for position in ["before_activation", "after_activation"] {
                let model = [("model.activation", json!(activation)), ("model.norm_position", json!(position))];
                check_networks(MLP, &[residual.clone(), model].concat());
            }
        }
        // Every block residual, the first included.
        check_networks(MLP, &[("model.residual", json!(true)), ("model.hidden", json!([5, 5]))]);
    }

    fn check_convolutional_networks(pool: &str, positions: &[&str]) {
        for activation in ACTIVATIONS {
            for position in positions {
                let model = [("model.activation", json!(activation)), ("model.norm_position", json!(position))];
                check_networks(CNN, &[model, [("model.pool", json!(pool)), ("model.kernel", json!(3))]].concat());
            }
        }
    }

    #[test]
    fn convolutional_networks_with_max_pools_have_the_right_derivatives_in_every_arm() {
        check_convolutional_networks("max", &["before_activation", "after_activation", "after_pool"]);
    }

    #[test]
    fn convolutional_networks_with_average_pools_have_the_right_derivatives_in_every_arm() {
        check_convolutional_networks("average", &["before_activation", "after_activation", "after_pool"]);
    }

    #[test]
    fn convolutional_networks_without_pools_have_the_right_derivatives_in_every_arm() {
        check_convolutional_networks("none", &["before_activation", "after_activation"]);
    }

    #[test]
    fn other_kernels_and_no_dense_layer_have_the_right_derivatives_in_every_arm() {
        for kernel in [1, 5] {
            check_networks(CNN, &[("model.kernel", json!(kernel)), ("model.dense", json!([]))]);
        }
    }

    #[test]
    fn a_bias_beside_a_norm_has_the_right_derivative_where_it_counts() {
        let biased = |arm: &str| json!({ "name": format!("{arm}_bias"), "base": arm, "bias": true });
        let unbiased = json!({ "name": "none_without", "base": "none", "bias": false });
        let before = [("variants", json!([biased("affine"), unbiased]))];
        let after = [
            ("variants", json!([biased("affine"), biased("standardize"), biased("bn")])),
            ("model.norm_position", json!("after_activation")),
        ];
        for text in [MLP, CNN] {
            check_networks(text, &before);
            check_networks(text, &after);
        }
    }

    #[test]
    fn a_bias_before_batch_norm_has_no_gradient() {
        for text in [MLP, CNN] {
            for arm in ["standardize", "bn"] {
                let experiment = experiment(text, &[("variants", json!([{ "name": arm, "bias": true }]))]);
                let settings = &experiment.points[0].settings;
                let mut subject = Subject::new(settings, &experiment.variants[0], 0);
                let at = subject.at.clone();
                let gradient = subject.loss_gradient(&at, &[1.0]);
                let index = &subject.network.index;
                let biases: Vec<_> = index.iter().filter(|p| p.tensor == Tensor::Bias).collect();
                let (output, hidden) = biases.split_last().expect("there are biases");
                assert_eq!(biases.len(), subject.network.blocks.len());
                assert!(largest(&gradient[output.range.clone()]) > 1e-3);
                for bias in hidden {
                    let size = largest(&gradient[bias.range.clone()]);
                    assert!(size < 1e-14 * largest(&gradient), "{arm}: {} has gradient {size:e}", bias.name);
                }
            }
        }
    }
}
