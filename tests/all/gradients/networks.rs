//! Whole networks: every arm, activation and norm position.
//!
//! **What has no effect.** In some networks a norm takes away all that a bias or β below it does; its gradient is then 0
//! and there is no slope to compare it with. [`Subject::has_effect`] follows a shift from there through the stages, by
//! what the arm is known to do, and the check holds both it and the gradient against the network.

use super::*;

const SAMPLES: usize = 6;

/// Largest 1/SD at a point where a check is made.
const STEEP: f64 = 20.0;

const PASS: Pass = Pass::Train { seed: 0, step: 0 };

/// What the plain path keeps: values and gradients, stage by stage.
fn plain(space: &BlockSpace<f64>) -> (&[Aligned<f64>], &[Aligned<f64>]) {
    match &space.path {
        Path::Plain { values, gradients } => (values, gradients),
        Path::Fused { .. } => panic!("this workspace is for probing"),
    }
}

/// All that a forward pass writes.
fn buffers(path: &mut Path<f64>) -> Vec<&mut Aligned<f64>> {
    match path {
        Path::Plain { values, .. } => values.iter_mut().collect(),
        Path::Fused { mapped, winner_input, output, .. } => vec![mapped, winner_input, output],
    }
}

/// All that a backward pass writes.
fn gradients(path: &mut Path<f64>) -> Vec<&mut Aligned<f64>> {
    match path {
        Path::Plain { gradients, .. } => gradients.iter_mut().collect(),
        Path::Fused { dmapped, doutput, .. } => vec![dmapped, doutput],
    }
}

/// A network at the point [parameters | input], no parameter at a value of symmetry.
struct Subject {
    case: String,
    network: Network<f64>,
    facts: Facts,
    /// For the plain path, which keeps what every stage writes.
    space: Workspace<f64>,
    /// For the path that training takes.
    training: Workspace<f64>,
    /// The statistics of the point as constants, for an arm whose gradient takes them for that.
    constants: Option<Workspace<f64>>,
    labels: Vec<u8>,
    tensors: Tensors,
    at: Vec<f64>,
    /// The linear piece of its relus and max pools that the point lies in, once it is settled.
    piece: Option<Vec<bool>>,
}

impl Subject {
    fn new(case: &str, settings: &Settings, variant: &Variant, seed: u64) -> Self {
        let mut network = Network::new(settings, variant, seed).expect("the network can be built");
        let mut rng = stream(seed, "subject");
        let vectors: Vec<_> = network.index.iter().filter(|p| p.tensor != Tensor::Weight).cloned().collect();
        let draws: Vec<_> = vectors.iter().map(|p| normals(&mut rng, p.range.len())).collect();
        let input = normals(&mut rng, SAMPLES * network.input.len());
        network.begin(seed, 0, &input).expect("the batch is large enough");
        for (parameter, draws) in vectors.iter().zip(draws) {
            let values = &mut network.parameters[parameter.range.clone()];
            let spread = |z: f64| if parameter.tensor == Tensor::Gamma { z + 0.5 * z.signum() } else { 0.5 * z };
            values.iter_mut().zip(draws).for_each(|(value, z)| *value = spread(z));
        }
        let mut tensors: Tensors = network.index.iter().map(|p| (named(&p.name, &p.shape), p.range.clone())).collect();
        let mut at = network.parameters.clone();
        at.extend(&input);
        tensors.push((named("input", &[SAMPLES, network.input.len()]), network.parameters.len()..at.len()));
        let labels = (0..SAMPLES).map(|n| (n * 3 % network.classes) as u8).collect();
        // More room than samples: what lies behind them must not be read.
        let mut space = network.space_for_probing(SAMPLES + 2);
        let mut training = network.space_for_training(SAMPLES + 2);
        let nothing = blank((SAMPLES + 2) * network.input.len());
        space.input.set(&nothing);
        training.input.set(&nothing);
        let (case, facts) = (case.to_owned(), facts(variant.arm));
        let constants = facts.is_detached.then(|| {
            let mut space = network.space_for_probing(SAMPLES);
            network.find_population(input, SAMPLES, &mut space).expect("the batch is large enough");
            space
        });
        Self { case, network, facts, space, training, constants, labels, tensors, at, piece: None }
    }

    /// Settles the piece of the point, unless some layer has no effect there, or too steep a one.
    fn settled(mut self) -> Option<Self> {
        let at = self.at.clone();
        self.forward(&at);
        self.piece = Some(self.current_piece());
        (!self.has_linear_layer() && !self.is_steep()).then_some(self)
    }

    fn current_piece(&self) -> Vec<bool> {
        let mut piece = Vec::new();
        for (block, space) in self.network.blocks.iter().zip(&self.space.blocks) {
            for (stage, values) in block.stages.iter().zip(plain(space).0) {
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

    /// Whether some group of few samples has an SD far below 1: dividing by it makes so steep a curve that no step of
    /// the check is short enough.
    fn is_steep(&self) -> bool {
        let inverse_sds = self.space.blocks.iter().flat_map(|space| &space.norm.moments.inverse_sd);
        let Facts { subtracts_mean, divides_by_sd, .. } = self.facts;
        let has_groups = self.space.blocks.iter().any(|space| space.norm.moments.groups.count() > 1);
        // Without the mean, ReLUs make SDs that are small beside it.
        let has_relus = self.network.blocks[0].activation == Activation::Relu;
        let may_be_steep = has_groups || divides_by_sd && !subtracts_mean && has_relus;
        may_be_steep && inverse_sds.fold(0.0, |most, s| s.max(most)) > STEEP
    }

    /// Whether in some layer over half of the relus are on for all values or for none: it is then
    /// nearly linear over the batch, and a norm behind it hides parameters below. Of a max pool, the largest count.
    fn has_linear_layer(&self) -> bool {
        self.network.blocks.iter().zip(&self.space.blocks).any(|(block, space)| {
            let Some(stage) = block.stages.iter().position(|s| *s == Stage::Activation) else { return false };
            let is_max_pool = block.stages.get(stage + 1) == Some(&Stage::Pool) && block.layer.pool == PoolKind::Max;
            let stage = stage + usize::from(is_max_pool);
            let shape = block.shape_after(stage);
            let values = &plain(space).0[stage][..SAMPLES * shape.len()];
            let low = match block.activation {
                Activation::Sigmoid => Some(0.0),
                Activation::Tanh => Some(-1.0),
                Activation::Relu | Activation::Identity => None,
            };
            if let Some(low) = low {
                // Saturated: no weight below has an effect.
                let is_flat = |v: &&f64| (1.0 - **v).min(**v - low) < 1e-4;
                return 2 * values.iter().filter(is_flat).count() > values.len();
            }
            let is_linear = |c: usize| {
                let on = values.iter().skip(c).step_by(shape.channels).filter(|v| **v > 0.0).count();
                on == 0 || on == SAMPLES * shape.area()
            };
            let linear = (0..shape.channels).filter(|c| is_linear(*c)).count();
            block.activation == Activation::Relu && 2 * linear > shape.channels
        })
    }

    /// The logits, for which both paths must agree.
    fn forward(&mut self, at: &[f64]) -> Vec<f64> {
        let (parameters, input) = at.split_at(self.network.parameters.len());
        self.network.parameters.copy_from_slice(parameters);
        for space in [&mut self.space, &mut self.training] {
            space.input.set(input);
            space.blocks.iter_mut().flat_map(|b| buffers(&mut b.path)).for_each(|values| values.fill(f64::NAN));
            let done = self.network.forward(PASS, space);
            done.expect("the batch is large enough");
        }
        let logits = self.network.logits(&self.space);
        self.assert_agree(logits, self.network.logits(&self.training));
        logits.to_vec()
    }

    /// Whether the latest pass was beyond a kink: in another linear piece than the point.
    fn is_beyond_kink(&self) -> bool {
        self.piece.as_ref().is_some_and(|piece| *piece != self.current_piece())
    }

    /// The logits of the function whose gradient the arm finds; NaN beyond a kink.
    fn logits(&mut self, at: &[f64]) -> Vec<f64> {
        let logits = self.forward(at);
        if self.is_beyond_kink() {
            return blank(logits.len());
        }
        let Some(space) = &mut self.constants else { return logits };
        space.input.set(&at[self.network.parameters.len()..]);
        self.network.forward(Pass::Evaluate(Statistics::Population), space).expect("statistics");
        self.network.logits(space).to_vec()
    }

    /// Its mean loss; NaN beyond a kink.
    fn loss(&mut self, at: &[f64]) -> Vec<f64> {
        self.logits(at);
        if self.is_beyond_kink() {
            return blank(1);
        }
        let space = self.constants.as_mut().unwrap_or(&mut self.space);
        vec![self.network.loss(space, &self.labels).loss_sum / SAMPLES as f64]
    }

    /// Gradient of ⟨dlogits, logits⟩.
    fn gradient(&mut self, at: &[f64], dlogits: &[f64]) -> Vec<f64> {
        self.forward(at);
        self.found(|network, space, _| {
            let last = space.blocks.last_mut().expect("there is an output layer");
            let (_, gradient) = last.output_and_gradient();
            gradient[..dlogits.len()].copy_from_slice(dlogits);
            network.backward(PASS, space, true);
        })
    }

    /// Gradient of dloss · loss.
    fn loss_gradient(&mut self, at: &[f64], dloss: &[f64]) -> Vec<f64> {
        self.forward(at);
        let gradient = self.found(|network, space, labels| {
            network.loss(space, labels);
            network.backward(PASS, space, true);
        });
        gradient.iter().map(|d| dloss[0] * d).collect()
    }

    /// The gradient that a backward pass finds on the path of training; on the plain path it must
    /// find the same.
    fn found(&mut self, backward: impl Fn(&Network<f64>, &mut Workspace<f64>, &[u8])) -> Vec<f64> {
        let input = self.at.len() - self.network.parameters.len();
        let [plain, training] = [&mut self.space, &mut self.training].map(|space| {
            let inner = space.blocks.iter_mut().flat_map(|b| gradients(&mut b.path));
            inner.chain([&mut space.gradients, &mut space.dinput]).for_each(|values| values.fill(f64::NAN));
            backward(&self.network, space, &self.labels);
            [&space.gradients[..], &space.dinput[..input]].concat()
        });
        self.assert_agree(&plain, &training);
        training
    }

    /// Asserts that two paths found the same, to some roundings of the largest value.
    fn assert_agree(&self, plain: &[f64], training: &[f64]) {
        let tolerance = 1e-13 * largest(plain).max(1e-3);
        for (p, t) in plain.iter().zip(training) {
            let is_same = (p - t).abs() <= tolerance;
            assert!(is_same, "{}: the plain path finds {p}, that of training {t}", self.case);
        }
    }

    /// Whether the logits depend on a parameter. Weights and γs always have an effect; of a bias or β, a norm may leave
    /// nothing.
    fn has_effect(&self, parameter: &Parameter) -> bool {
        let added_at = match parameter.tensor {
            Tensor::Weight | Tensor::Gamma => return true,
            Tensor::Bias => Stage::Map,
            Tensor::Beta => Stage::Norm,
        };
        let mut shift = None;
        for (b, block) in self.network.blocks.iter().enumerate().skip(parameter.block) {
            let input = shift;
            for stage in &block.stages {
                shift = match stage {
                    _ if b == parameter.block && *stage == added_at => Some(Shift::Even),
                    Stage::Map => shift.map(|shift| shift.after_map(&block.map)),
                    Stage::Norm if self.facts.is_detached => shift,
                    Stage::Norm => shift.and_then(|shift| shift.after_norm(self.facts)),
                    Stage::After => shift.map(|_| Shift::Other),
                    Stage::Activation if block.activation == Activation::Identity => shift,
                    Stage::Activation => shift.map(|_| Shift::Other),
                    Stage::Pool => shift.map(|shift| shift.after_pool(block.layer.pool)),
                    Stage::Skip => shift.max(input),
                };
            }
        }
        shift.is_some()
    }

    /// Moves each parameter tensor by itself: those in `idle` must leave the logits as they are, all others not.
    ///
    /// # Errors
    /// If a kink lies within a step.
    fn assert_only_these_have_no_effect(&mut self, idle: &Tensors) -> Result<(), Kink> {
        let at = self.at.clone();
        let logits = self.logits(&at);
        let mut rng = stream(0, "effects");
        for tensor in self.tensors.clone() {
            let moved = step(&at, &direction(&at, [&tensor], &mut rng), STEP);
            let change: Vec<f64> = self.logits(&moved).iter().zip(&logits).map(|(a, b)| a - b).collect();
            let (size, is_idle) = (largest(&change) / largest(&logits), idle.contains(&tensor));
            let (case, name) = (&self.case, &tensor.0);
            if self.is_beyond_kink() {
                return Err(Kink(format!("{case}, along {name}: a kink within the step")));
            }
            assert!(!is_idle || size < 1e-12, "{case}: {name} should have no effect, and has one of {size:e}");
            assert!(is_idle || size > 1e-9, "{case}: {name} should have an effect, and has one of {size:e}");
        }
        Ok(())
    }
}

/// What becomes, at a later place, of a constant that was added to a channel.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Shift {
    /// A constant for each channel.
    Even,
    /// One for each channel and pixel, the same in all samples.
    Pixels,
    /// Something that depends on the sample.
    Other,
}

impl Shift {
    /// At an edge a kernel sees fewer pixels. Behind a dense layer there are none.
    fn after_map(self, map: &Map) -> Self {
        match (self, map) {
            (Self::Other, _) => Self::Other,
            (_, Map::Linear(_)) => Self::Even,
            (Self::Even, Map::Conv(conv)) if conv.shape.kernel == 1 => Self::Even,
            (_, Map::Conv(_)) => Self::Pixels,
        }
    }

    fn after_pool(self, pool: PoolKind) -> Self {
        if self == Self::Pixels && pool == PoolKind::Max { Self::Other } else { self }
    }

    /// `None` if nothing is left. What differs from pixel to pixel changes the SD.
    fn after_norm(self, facts: Facts) -> Option<Self> {
        match self {
            Self::Even => (!facts.subtracts_mean).then_some(Self::Even),
            Self::Pixels if facts.divides_by_sd => Some(Self::Other),
            other => Some(other),
        }
    }
}

/// Most points that are tried for one without a kink near it.
const POINTS: usize = 200;

fn check_network(case: &str, settings: &Settings, variant: &Variant) {
    let subjects = (0..2000).filter_map(|seed| Subject::new(case, settings, variant, seed).settled());
    let mut latest = Kink(format!("{case}: a layer without effect at every point"));
    for subject in subjects.take(POINTS) {
        match check_at(subject) {
            Ok(()) => return,
            Err(kink) => latest = kink,
        }
    }
    panic!("{}; so at every point that was tried", latest.0);
}

/// Checks a network at one point.
///
/// # Errors
/// If a kink lies within a step.
fn check_at(mut subject: Subject) -> Result<(), Kink> {
    let (case, at, all) = (subject.case.clone(), subject.at.clone(), subject.tensors.clone());
    let without_effect: Vec<_> = subject.network.index.iter().filter(|p| !subject.has_effect(p)).collect();
    let is_idle = |range: &Range<usize>| without_effect.iter().any(|p| p.range == *range);
    let (idle, tensors): (Tensors, Tensors) = all.into_iter().partition(|(_, range)| is_idle(range));
    subject.assert_only_these_have_no_effect(&idle)?;
    let subject = RefCell::new(subject);
    let logits = |at: &[f64]| subject.borrow_mut().logits(at);
    let loss = |at: &[f64]| subject.borrow_mut().loss(at);
    let gradient = |at: &[f64], c: &[f64]| subject.borrow_mut().gradient(at, c);
    check_unless_kink(&format!("{case}, logits"), &at, &tensors, logits, gradient)?;
    let loss_gradient = |at: &[f64], c: &[f64]| subject.borrow_mut().loss_gradient(at, c);
    check_unless_kink(&format!("{case}, loss"), &at, &tensors, loss, loss_gradient)?;

    let found = subject.borrow_mut().loss_gradient(&at, &[1.0]);
    for (name, range) in idle {
        assert!(largest(&found[range]) < 1e-13 * largest(&found), "{case}: {name} has no effect, and yet a gradient");
    }
    Ok(())
}

fn check_networks(text: &str, overrides: &[(&str, Value)]) {
    let experiment = experiment(text, overrides);
    for variant in &experiment.variants {
        let settings = &experiment.points[0].settings;
        let network = Network::<f64>::new(settings, variant, 0).expect("the network can be built");
        // Two weights of mean 0 and a fixed norm are two constants.
        if network.blocks.iter().any(|block| block.reparametrise.is_some() && block.layer.fan_in() < 3) {
            continue;
        }
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
fn a_bias_beside_a_norm_has_the_right_derivative_and_none_where_the_norm_subtracts_it() {
    for text in [MLP, CNN] {
        for position in ["before_activation", "after_activation"] {
            check_biases(text, position, |facts| facts.has_norm, true);
            check_biases(text, position, |facts| !facts.has_norm, false);
        }
    }
}

/// Checks networks of some arms, all with biases in the hidden layers or all without.
fn check_biases(text: &str, position: &str, of: fn(&Facts) -> bool, bias: bool) {
    let experiment = experiment(text, &[("model.norm_position", json!(position))]);
    for variant in experiment.variants.iter().filter(|variant| of(&facts(variant.arm))) {
        let variant = Variant { bias: Some(bias), ..variant.clone() };
        let case = format!("{} {} with bias: {bias}, {position}", experiment.name, variant.name);
        check_network(&case, &experiment.points[0].settings, &variant);
    }
}
