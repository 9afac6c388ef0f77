//! Every layer against PyTorch's values in f64, `tests/goldens/layers.json`, which
//! `scripts/make_goldens.py` writes and describes.
//!
//! PyTorch's tensors are [N, C, H, W] and [out, in, …]; ours are turned to and from [N, H, W, C] by
//! [`Tensor`], weights by `Layout`.
//!
//! **Tolerances.** Both sides round to 2⁻⁵³ ≈ 1.1·10⁻¹⁶ at every operation and differ in the order of
//! their sums. The longest sums here have some 75 terms of random sign: differences of √75 roundings,
//! 10⁻¹⁵ of the tensor's largest value, are to be expected. With this machine's matrix products all
//! stay below that; [`TOLERANCE`] leaves other instruction sets a factor of 4. Where one value is
//! picked or one operation done, equality is asked for.

use std::collections::BTreeMap;

use bn_exp::config::Variant;
use bn_exp::config::settings::{Activation, NormOptions};
use bn_exp::kernels::activation::{self, Function};
use bn_exp::kernels::norm::column_sums;
use bn_exp::kernels::{add_to_rows, pool, softmax};
use bn_exp::nn::conv::{Conv, ConvShape, Scratch};
use bn_exp::nn::input::Features;
use bn_exp::nn::linear::Linear;
use bn_exp::nn::norm::{Norm, NormCache, Place, parts};
use bn_exp::nn::parameters::Layout;
use bn_exp::nn::{Pass, Statistics};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::common::arms::{self, facts};

/// Largest difference, relative to the largest value of the tensor or of the terms it is a sum of.
const TOLERANCE: f64 = 4e-15;

#[derive(Deserialize)]
struct Goldens {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    kind: String,
    #[serde(flatten)]
    fields: Map<String, Value>,
}

/// One of PyTorch's tensors, row-major.
#[derive(Deserialize)]
struct Tensor {
    shape: Vec<usize>,
    values: Vec<f64>,
}

impl Case {
    fn field<T: for<'a> Deserialize<'a>>(&self, name: &str) -> T {
        let value = self.fields.get(name).unwrap_or_else(|| panic!("{} has no {name}", self.name));
        T::deserialize(value).unwrap_or_else(|error| panic!("{}, {name}: {error}", self.name))
    }

    fn tensor(&self, name: &str) -> Tensor {
        let tensor: Tensor = self.field(name);
        assert_eq!(tensor.values.len(), tensor.shape.iter().product::<usize>(), "{}, {name}", self.name);
        tensor
    }

    /// A vector, or feature maps as [N, H, W, C].
    fn rows(&self, name: &str) -> Vec<f64> {
        self.tensor(name).rows()
    }

    /// A weight as the network stores it.
    fn weight(&self, layout: Layout) -> Vec<f64> {
        let mut stored = blank(layout.len());
        layout.import(self.tensor("weight").values, &mut stored);
        stored
    }

    /// `ours` ([N, H, W, C]) must equal the golden `name` but for rounding of its largest value.
    fn assert_close(&self, name: &str, ours: &[f64]) {
        let expected = self.tensor(name);
        self.assert_within(name, ours, TOLERANCE * largest(&expected.values));
    }

    fn assert_within(&self, name: &str, ours: &[f64], allowed: f64) {
        let expected = self.rows(name);
        assert_eq!(ours.len(), expected.len(), "{}, {name}", self.name);
        let differences: Vec<f64> = ours.iter().zip(&expected).map(|(ours, theirs)| ours - theirs).collect();
        let difference = largest(&differences);
        assert!(difference <= allowed, "{}, {name}: {difference:e} from PyTorch, allowed {allowed:e}", self.name);
    }
}

impl Tensor {
    /// N, C, H, W, where matrices have H = W = 1.
    fn nchw(&self) -> [usize; 4] {
        match self.shape[..] {
            [length] => [1, length, 1, 1],
            [n, c] => [n, c, 1, 1],
            [n, c, h, w] => [n, c, h, w],
            _ => panic!("shape {:?} is no feature map", self.shape),
        }
    }

    fn rows(&self) -> Vec<f64> {
        let [n, c, h, w] = self.nchw();
        let positions = (0..n).flat_map(|n| (0..h * w).map(move |position| (n, position)));
        let at = |(n, position): (usize, usize), channel: usize| (n * c + channel) * h * w + position;
        positions.flat_map(|row| (0..c).map(move |channel| self.values[at(row, channel)])).collect()
    }
}

/// What a pass must overwrite before anyone reads it.
fn blank(count: usize) -> Vec<f64> {
    vec![f64::NAN; count]
}

/// The largest size among the values; NaN if there is one.
fn largest(values: &[f64]) -> f64 {
    values.iter().fold(0.0, |most, v| if v.abs() <= most { most } else { v.abs() })
}

fn sums(rows: &[f64], channels: usize) -> Vec<f64> {
    let mut sums = blank(channels);
    column_sums(rows, &mut sums);
    sums
}

fn linear(case: &Case) {
    let [outputs, inputs] = case.tensor("weight").shape[..] else { panic!("{}: no matrix", case.name) };
    let layout = Layout { out: outputs, input: inputs, height: 1, width: 1 };
    let map = Linear { inputs, outputs };
    let (x, weight, dy) = (case.rows("x"), case.weight(layout), case.rows("dy"));
    let (mut y, mut dx, mut dweight) = (blank(dy.len()), blank(x.len()), blank(weight.len()));
    map.forward(Features::dense(&x), &weight, &mut y);
    add_to_rows(&mut y, &case.rows("bias"));
    map.weight_gradient(Features::dense(&x), &dy, &mut dweight);
    map.input_gradient(&dy, &weight, &mut dx);
    case.assert_close("y", &y);
    case.assert_close("dx", &dx);
    assert_weight(case, layout, &dweight);
    case.assert_close("dbias", &sums(&dy, outputs));
}

fn conv2d(case: &Case) {
    let [_, input_channels, height, width] = case.tensor("x").nchw();
    let [output_channels, _, kernel, _] = case.tensor("weight").nchw();
    assert_eq!(kernel, case.field::<usize>("kernel"));
    let layout = Layout { out: output_channels, input: input_channels, height: kernel, width: kernel };
    let map = Conv::new(ConvShape { height, width, input_channels, output_channels, kernel });
    let (x, weight, dy) = (case.rows("x"), case.weight(layout), case.rows("dy"));
    let (mut y, mut dx, mut dweight) = (blank(dy.len()), blank(x.len()), blank(weight.len()));
    let mut scratch = Scratch::new(map.shape, true);
    map.forward(&x, &weight, &mut y, &mut scratch);
    add_to_rows(&mut y, &case.rows("bias"));
    map.weight_gradient(&x, &dy, false, &mut dweight, &mut scratch);
    map.flip(&weight, &mut scratch);
    map.input_gradient(&dy, &mut dx, &mut scratch);
    case.assert_close("y", &y);
    case.assert_close("dx", &dx);
    assert_weight(case, layout, &dweight);
    case.assert_close("dbias", &sums(&dy, output_channels));
}

/// Weights are compared in public order, which is PyTorch's.
fn assert_weight(case: &Case, layout: Layout, dweight: &[f64]) {
    let (ours, theirs) = (layout.export(dweight), case.tensor("dweight").values);
    let differences: Vec<f64> = ours.iter().zip(&theirs).map(|(ours, theirs)| ours - theirs).collect();
    assert_eq!(ours.len(), theirs.len(), "{}, dweight", case.name);
    assert!(largest(&differences) <= TOLERANCE * largest(&theirs), "{}, dweight: {differences:?}", case.name);
}

/// A norm, its cache, and its γ and β, if it has them, one after the other.
struct NormLayer {
    norm: Norm<f64>,
    cache: NormCache<f64>,
    parameters: Vec<f64>,
    channels: usize,
}

impl NormLayer {
    fn new(case: &Case, arm: &Variant) -> Self {
        let [_, channels, height, width] = case.tensor("x").nchw();
        let number = |name: &str| case.fields.get(name).map(|value| value.as_f64().expect("a number"));
        let (epsilon, momentum) = (number("epsilon").unwrap_or(1e-5), number("momentum").unwrap_or(0.1));
        let options = NormOptions { epsilon, momentum };
        let place = Place { block: 0, channels, area: height * width, options, activation: Activation::Relu };
        let parts = parts(arm.arm, place);
        let affine = parts.affine.then_some((0..channels, channels..2 * channels));
        let parameters = if parts.affine { [case.rows("gamma"), case.rows("beta")].concat() } else { Vec::new() };
        let norm = Norm::new(parts.standardize.expect("the arm has a norm"), place, affine);
        Self { cache: norm.cache(1), norm, parameters, channels }
    }

    fn forward(&mut self, statistics: Statistics, x: &[f64]) -> Vec<f64> {
        let mut y = blank(x.len());
        let pass = Pass::Evaluate(statistics);
        let done = self.norm.forward(&self.parameters, pass, x, &mut y, &mut self.cache);
        done.expect("there are enough rows");
        y
    }

    /// dx and [dγ, dβ].
    fn backward(&mut self, x: &[f64], dy: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let (mut dx, mut gradients) = (dy.to_vec(), blank(self.parameters.len()));
        self.norm.backward(&self.parameters, x, &mut dx, &mut self.cache, &mut gradients);
        (dx, gradients)
    }

    fn assert_parameter_gradients(&self, case: &Case, gradients: &[f64]) {
        if let Some((dgamma, dbeta)) = (!gradients.is_empty()).then(|| gradients.split_at(self.channels)) {
            case.assert_close("dgamma", dgamma);
            case.assert_close("dbeta", dbeta);
        }
    }
}

/// The arm whose norm a case is of: the kind is its name, but that PyTorch's batch norm without γ and β is our
/// `standardize`.
fn arm(case: &Case) -> Option<Variant> {
    let name = match (case.kind.as_str(), case.fields.get("affine")) {
        ("batch_norm", Some(Value::Bool(false))) => "standardize",
        ("batch_norm", _) => "bn",
        (kind, _) => kind,
    };
    arms::variants().into_iter().find(|arm| arms::base(arm.arm) == name && facts(arm.arm).has_norm)
}

/// A norm in training, what it absorbs into its running statistics if it has any, and then in evaluation.
fn norm(case: &Case) {
    let arm = arm(case).expect("the kind is an arm's");
    let mut layer = NormLayer::new(case, &arm);
    let (x, dy) = (case.rows("x"), case.rows("dy"));
    for (name, values) in layer.norm.buffers_mut() {
        values.copy_from_slice(&case.rows(name));
    }

    case.assert_close("y", &layer.forward(Statistics::Batch, &x));
    let (dx, gradients) = layer.backward(&x, &dy);
    let allowed = if layer.norm.kept.is_some() || layer.norm.depends_on_x() {
        // dx is what is left of three terms about as large as γ·s·dy. In a batch of 2 they cancel but for
        // a few parts of ε, and dx has then few digits of its own, here as in PyTorch.
        TOLERANCE * largest(&layer.cache.moments.inverse_sd) * largest(&layer.parameters).max(1.0) * largest(&dy)
    } else {
        0.0
    };
    case.assert_within("dx", &dx, allowed);
    layer.assert_parameter_gradients(case, &gradients);

    layer.norm.absorb(&layer.cache.moments);
    let buffers: Vec<_> = layer.norm.buffers().collect();
    let expected: Vec<String> = buffers.iter().map(|(name, _)| format!("{name}_after")).collect();
    assert!(case.fields.keys().filter(|name| name.ends_with("_after")).eq(&expected), "{}: {expected:?}", case.name);
    buffers.iter().for_each(|(name, values)| case.assert_close(&format!("{name}_after"), values));
    let evaluated = if case.fields.contains_key("y_eval") { "y_eval" } else { "y" };
    assert_eq!(evaluated == "y_eval", facts(arm.arm).uses_batch, "{}: whether evaluation differs", case.name);
    case.assert_close(evaluated, &layer.forward(Statistics::Running, &x));
}

fn max_pool2d(case: &Case) {
    let [samples, c, h, w] = case.tensor("x").nchw();
    let (x, dy) = (case.rows("x"), case.rows("dy"));
    let (mut y, mut dx, mut winner) = (blank(dy.len()), blank(x.len()), vec![u8::MAX; dy.len()]);
    pool::max(&x, &mut y, &mut winner, samples, (h, w, c));
    pool::max_backward(&dy, &winner, &mut dx, samples, (h, w, c));
    case.assert_within("y", &y, 0.0);
    case.assert_within("dx", &dx, 0.0);
}

fn avg_pool2d(case: &Case) {
    let [samples, c, h, w] = case.tensor("x").nchw();
    let (x, dy) = (case.rows("x"), case.rows("dy"));
    let (mut y, mut dx) = (blank(dy.len()), blank(x.len()));
    pool::average(&x, &mut y, samples, (h, w, c));
    pool::average_backward(&dy, &mut dx, samples, (h, w, c));
    case.assert_close("y", &y);
    case.assert_within("dx", &dx, 0.0);
}

fn relu(case: &Case) {
    let (x, mut d) = (case.rows("x"), case.rows("dy"));
    let mut y = blank(x.len());
    activation::forward(Function::Relu, &x, &mut y);
    activation::backward(Function::Relu, &y, &mut d);
    case.assert_within("y", &y, 0.0);
    case.assert_within("dx", &d, 0.0);
}

fn tanh(case: &Case) {
    smooth_activation(case, Function::Tanh);
}

fn sigmoid(case: &Case) {
    smooth_activation(case, Function::Sigmoid);
}

/// y has all its digits however small it is. dx has not: φ′ is found from y, so that near saturation
/// it keeps only those that 1 − y has.
fn smooth_activation(case: &Case, function: Function) {
    let (x, mut dx) = (case.rows("x"), case.rows("dy"));
    let mut y = blank(x.len());
    activation::forward(function, &x, &mut y);
    activation::backward(function, &y, &mut dx);
    for ((x, ours), theirs) in x.iter().zip(&y).zip(case.rows("y")) {
        // Below the least normal number digits are lost by nature: e⁻⁸⁰⁰ is 0.
        let allowed = 4.0 * f64::EPSILON * theirs.abs() + f64::MIN_POSITIVE;
        assert!((ours - theirs).abs() <= allowed, "{}({x}) = {ours:e}, PyTorch has {theirs:e}", case.name);
    }
    case.assert_close("dx", &dx);
}

fn cross_entropy(case: &Case) {
    let [samples, classes, ..] = case.tensor("logits").nchw();
    let (logits, labels) = (case.rows("logits"), case.field::<Vec<u8>>("labels"));
    let mut dlogits = blank(logits.len());
    let loss = softmax::cross_entropy(&logits, &labels, classes, Some(&mut dlogits)).loss_sum;
    let expected = case.field::<f64>("loss");
    let difference = (loss / samples as f64 - expected).abs();
    assert!(difference <= TOLERANCE * expected, "{}: loss differs by {difference:e}", case.name);
    case.assert_close("dlogits", &dlogits);
}

fn goldens() -> Goldens {
    let goldens = serde_json::from_str(include_str!("../goldens/layers.json"));
    goldens.expect("scripts/make_goldens.py writes this format")
}

/// The test of a case.
fn test_of(case: &Case) -> fn(&Case) {
    match case.kind.as_str() {
        "linear" => linear,
        "conv2d" => conv2d,
        "max_pool2d" => max_pool2d,
        "avg_pool2d" => avg_pool2d,
        "relu" => relu,
        "tanh" => tanh,
        "sigmoid" => sigmoid,
        "cross_entropy" => cross_entropy,
        _ if arm(case).is_some() => norm,
        kind => panic!("{} is of unknown kind {kind}", case.name),
    }
}

#[test]
fn every_arm_with_a_norm_has_a_case() {
    let cases = goldens().cases;
    for arm in arms::variants_where(|facts| facts.has_norm) {
        let has_case =
            cases.iter().any(|case| self::arm(case).is_some_and(|other| arms::base(other.arm) == arms::base(arm.arm)));
        assert!(has_case, "layers.json has no case of arm {}; scripts/make_goldens.py makes them", arm.name);
    }
}

#[test]
fn every_case_of_every_kind_equals_pytorch() {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for case in goldens().cases {
        test_of(&case)(&case);
        *counts.entry(case.kind).or_default() += 1;
    }
    // That every arm has its cases is held above.
    counts.retain(|kind, _| !arms::variants().iter().any(|arm| arms::base(arm.arm) == *kind));
    let counts: Vec<(&str, usize)> = counts.iter().map(|(kind, count)| (kind.as_str(), *count)).collect();
    let expected = [
        ("avg_pool2d", 2),
        ("batch_norm", 12),
        ("conv2d", 4),
        ("cross_entropy", 2),
        ("linear", 1),
        ("max_pool2d", 2),
        ("relu", 1),
        ("sigmoid", 1),
        ("tanh", 1),
    ];
    assert_eq!(counts, expected);
}

#[test]
fn every_tensor_of_results_is_compared_to_better_than_a_millionth() {
    for case in goldens().cases {
        let test = test_of(&case);
        let is_result = |name: &str| name.starts_with(['y', 'd']) && name != "dy" || name.ends_with("_after");
        for name in case.fields.keys().filter(|name| is_result(name)) {
            let mut fields = case.fields.clone();
            let values = fields[name]["values"].as_array_mut().expect("a tensor has values");
            let index = (0..values.len()).max_by(|a, b| size(&values[*a]).total_cmp(&size(&values[*b])));
            let value = &mut values[index.expect("a tensor has values")];
            *value = Value::from(value.as_f64().expect("values are numbers") * (1.0 + 1e-6));
            let (kind, changed) = (case.kind.clone(), format!("{}, {name} changed", case.name));
            let case = Case { name: changed.clone(), kind, fields };
            let outcome = std::panic::catch_unwind(|| test(&case));
            assert!(outcome.is_err(), "{changed} by a millionth, and still equal");
        }
    }
}

fn size(value: &Value) -> f64 {
    value.as_f64().expect("values are numbers").abs()
}
