//! Each arm by itself, and what is known of its derivatives.

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
    fn new(variant: &Variant, rows: usize, channels: usize, epsilon: f64, scale: f64) -> Self {
        let place = Place {
            block: 0,
            channels,
            area: 1,
            options: NormOptions { epsilon, momentum: 0.1 },
            activation: Activation::Relu,
        };
        let parts = parts(variant.arm, place);
        let affine = parts.affine.then_some((0..channels, channels..2 * channels));
        let per_channel = if parts.affine { channels } else { 0 };
        let x = rows * channels;
        let tensors = tensors([("x", &[rows, channels]), ("gamma", &[per_channel]), ("beta", &[per_channel])]);
        let tensors = tensors.into_iter().filter(|(_, range)| !range.is_empty()).collect();
        let mut at = normals(&mut stream(1, "norm"), x + 2 * per_channel);
        at[..x].iter_mut().for_each(|x| *x = scale * (1.0 + *x));
        let mut norm = Norm::new(parts.standardize.expect("the arm has a norm"), place, affine);
        if norm.standardize.is_due(0) {
            let mut cache = norm.cache(rows);
            let (x, parameters) = at.split_at_mut(x);
            norm.begin(parameters, 0, x, &mut cache).expect("there are enough rows");
        }
        Self { cache: RefCell::new(norm.cache(rows)), norm, tensors, at }
    }

    fn x(&self) -> usize {
        self.tensors[0].1.len()
    }

    fn forward(&self, statistics: Statistics, at: &[f64]) -> Vec<f64> {
        let (x, parameters) = at.split_at(self.x());
        let mut y = blank(x.len());
        let pass = Pass::Evaluate(statistics);
        let done = self.norm.forward(parameters, pass, x, &mut y, &mut self.cache.borrow_mut());
        done.expect("there are enough rows");
        y
    }

    fn gradient(&self, statistics: Statistics, at: &[f64], dy: &[f64]) -> Vec<f64> {
        self.forward(statistics, at);
        let (x, parameters) = at.split_at(self.x());
        let mut gradient = blank(at.len());
        let (dx, dparameters) = gradient.split_at_mut(x.len());
        dx.copy_from_slice(dy);
        self.norm.backward(parameters, x, dx, &mut self.cache.borrow_mut(), dparameters);
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
    for arm in arms::variants_where(|facts| facts.has_norm && !facts.is_detached) {
        for (rows, channels, epsilon, scale) in CASES {
            let facts = facts(arm.arm);
            let (rows, channels) = (facts.batch(rows), channels.max(1 + usize::from(facts.is_over_channels)));
            let layer = NormLayer::new(&arm, rows, channels, epsilon, scale);
            let case = format!("{} {rows}×{channels}, ε {epsilon}, scale {scale}", arm.name);
            let y = |at: &[f64]| layer.forward(Statistics::Batch, at);
            check(&case, &layer.at, &layer.tensors, y, |at, dy| layer.gradient(Statistics::Batch, at, dy));
        }
    }
}

#[test]
fn arms_without_batch_statistics_have_the_same_right_derivatives_under_running_ones() {
    for arm in arms::variants_where(|facts| facts.has_norm && !facts.uses_batch) {
        for (rows, channels) in [(1, 3), (2, 3), (7, 4)] {
            let rows = facts(arm.arm).batch(rows);
            let layer = NormLayer::new(&arm, rows, channels, 1e-5, 1.0);
            let y = |at: &[f64]| layer.forward(Statistics::Running, at);
            let case = format!("running {} {rows}×{channels}", arm.name);
            check(&case, &layer.at, &layer.tensors, y, |at, dy| layer.gradient(Statistics::Running, at, dy));
        }
    }
}

/// The gradient of an arm that takes its statistics for constants is that of the function which has them for constants.
#[test]
fn detached_arms_have_the_derivatives_of_constant_statistics() {
    for arm in arms::variants_where(|facts| facts.is_detached) {
        for (rows, channels, epsilon, scale) in CASES {
            let mut layer = NormLayer::new(&arm, rows, channels, epsilon, scale);
            layer.forward(Statistics::Batch, &layer.at);
            let moments = layer.cache.borrow().moments.clone();
            let kept = layer.norm.kept.as_mut().expect("an arm with statistics");
            kept.mean.copy_from_slice(&moments.mean);
            kept.variance.copy_from_slice(&moments.variance);
            let case = format!("{} {rows}×{channels}, ε {epsilon}, scale {scale}", arm.name);
            let y = |at: &[f64]| layer.forward(Statistics::Running, at);
            check(&case, &layer.at, &layer.tensors, y, |at, dy| layer.gradient(Statistics::Batch, at, dy));
        }
    }
}

#[test]
fn no_gradient_shifts_a_batch_whose_mean_is_subtracted_or_scales_one_that_its_sd_divides() {
    for arm in arms::variants_where(|facts| (facts.subtracts_mean || facts.divides_by_sd) && !facts.is_detached) {
        let (name, facts) = (&arm.name, facts(arm.arm));
        let layer = NormLayer::new(&arm, 21, 3, 0.0, 1.0);
        let dx = layer.dx(&normals(&mut stream(2, "dy"), layer.x()));
        for c in 0..3 {
            let (dx, x) = (layer.channel(&dx, c), layer.channel(&layer.at, c));
            let size = dot(&dx, &dx).sqrt() * dot(&x, &x).sqrt();
            assert!(size > 0.1, "{name}: nothing to be orthogonal to: {dx:?}");
            if facts.subtracts_mean {
                assert!(dx.iter().sum::<f64>().abs() < 1e-14 * size, "{name}, channel {c}: not orthogonal to 1");
            }
            if facts.divides_by_sd {
                assert!(dot(&dx, &x).abs() < 1e-14 * size, "{name}, channel {c}: not orthogonal to x");
            }
        }
    }
}

#[test]
fn a_plain_sum_as_loss_shows_nothing_of_the_gradient_by_x() {
    for arm in arms::variants_where(|facts| facts.subtracts_mean && !facts.is_detached) {
        let layer = NormLayer::new(&arm, 21, 3, 1e-5, 1.0);
        assert!(largest(&layer.dx(&vec![1.0; layer.x()])) < 1e-14, "{}", arm.name);
        assert!(largest(&layer.dx(&normals(&mut stream(2, "dy"), layer.x()))) > 0.1, "{}", arm.name);
    }
}

fn bn() -> Variant {
    arms::variants_where(|_| true).into_iter().find(|arm| arm.name == "bn").expect("there is batch norm")
}

#[test]
fn a_batch_of_two_passes_no_gradient() {
    let layer = NormLayer::new(&bn(), 2, 3, 0.0, 1.0);
    let dy = normals(&mut stream(2, "dy"), layer.x());
    let dx = largest(&layer.dx(&dy));
    let scale = largest(&layer.cache.borrow().moments.inverse_sd);
    assert!(scale > 0.0 && dx < 1e-13 * largest(&dy) * scale, "{dx}");
}

/// dx less one of the terms that come from the statistics, or scaled; none may pass.
#[test]
fn the_check_catches_wrong_gradients() {
    let (rows, channels) = (7, 4);
    let layer = NormLayer::new(&bn(), rows, channels, 1e-5, 1.0);
    let mut rng = stream(2, "wrong");
    let dy = normals(&mut rng, layer.x());
    let right = layer.gradient(Statistics::Batch, &layer.at, &dy);
    let direction = direction(&layer.at, &layer.tensors[..1], &mut rng);
    let error = |change: &dyn Fn(usize, f64) -> f64| {
        let wrong: Vec<f64> = right.iter().enumerate().map(|(i, d)| change(i, *d)).collect();
        let y = |at: &[f64]| layer.forward(Statistics::Batch, at);
        relative_error("bn", &layer.at, &direction, &dy, y, &wrong).expect("a batch norm has no kink")
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
#[should_panic(expected = "relu, along x [1]: two step sizes give 8e-1 and 1e0: a kink")]
fn the_check_refuses_a_kink_within_the_step_and_says_where() {
    let relu = |at: &[f64]| {
        let mut y = blank(1);
        activation::forward(Function::Relu, at, &mut y);
        y
    };
    let error = relative_error("relu, along x [1]", &[0.3 * STEP], &[1.0], &[1.0], relu, &[1.0]);
    panic!("{}", error.expect_err("there is a kink").0);
}
