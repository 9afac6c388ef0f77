//! Whole networks: every arm, activation and norm position.

use super::*;

const SAMPLES: usize = 6;

const PASS: Pass = Pass::Train { seed: 0, step: 0 };

/// What the plain path keeps: values and gradients, stage by stage.
fn plain(space: &BlockSpace<f64>) -> (&[Vec<f64>], &[Vec<f64>]) {
    match &space.path {
        Path::Plain { values, gradients } => (values, gradients),
        Path::Fused { .. } => panic!("this workspace is for probing"),
    }
}

/// All that a forward pass writes.
fn buffers(path: &mut Path<f64>) -> Vec<&mut Vec<f64>> {
    match path {
        Path::Plain { values, .. } => values.iter_mut().collect(),
        Path::Fused { mapped, winner_input, output, .. } => vec![mapped, winner_input, output],
    }
}

/// All that a backward pass writes.
fn gradients(path: &mut Path<f64>) -> Vec<&mut Vec<f64>> {
    match path {
        Path::Plain { gradients, .. } => gradients.iter_mut().collect(),
        Path::Fused { dmapped, doutput, .. } => vec![dmapped, doutput],
    }
}

/// A network at the point [parameters | input], no parameter at a value of symmetry.
struct Subject {
    network: Network<f64>,
    /// For the plain path, which keeps what every stage writes.
    space: Workspace<f64>,
    /// For the path that training takes.
    training: Workspace<f64>,
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
        let mut space = network.space_for_probing(SAMPLES + 2);
        let mut training = network.space_for_training(SAMPLES + 2);
        let nothing = blank((SAMPLES + 2) * network.input.len());
        space.input.set(&nothing);
        training.input.set(&nothing);
        Self { network, space, training, labels, tensors, at, piece: None }
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

    /// Whether in some layer over half of the relus are on for all values or for none: it is then
    /// nearly linear over the batch, and a norm behind it hides parameters below (see `is_cancelled`).
    fn has_linear_layer(&self) -> bool {
        self.network.blocks.iter().zip(&self.space.blocks).any(|(block, space)| {
            let Some(stage) = block.stages.iter().position(|s| *s == Stage::Activation) else { return false };
            let shape = block.shape_after(stage);
            let values = &plain(space).0[stage][..SAMPLES * shape.len()];
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
        if let Some(piece) = &self.piece {
            assert!(*piece == self.current_piece(), "a kink within the step");
        }
        let logits = self.network.logits(&self.space);
        assert_agree(logits, self.network.logits(&self.training));
        logits.to_vec()
    }

    /// The mean loss.
    fn loss(&mut self, at: &[f64]) -> Vec<f64> {
        self.forward(at);
        vec![self.network.loss(&mut self.space, &self.labels).loss_sum / SAMPLES as f64]
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
        assert_agree(&plain, &training);
        training
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
                    && next.norm.as_ref().is_some_and(|norm| norm.uses_batch())
            })
    }
}

/// Asserts that two paths found the same, to some roundings of the largest value.
fn assert_agree(plain: &[f64], training: &[f64]) {
    let tolerance = 1e-13 * largest(plain).max(1e-3);
    for (p, t) in plain.iter().zip(training) {
        assert!((p - t).abs() <= tolerance, "the plain path finds {p}, that of training {t}");
    }
}

fn check_network(case: &str, settings: &Settings, variant: &Variant) {
    let subject = Subject::away_from_kinks(settings, variant);
    let (at, all) = (subject.at.clone(), subject.tensors.clone());
    let (cancelled, tensors): (Tensors, Tensors) = all.into_iter().partition(|(name, _)| subject.is_cancelled(name));
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
