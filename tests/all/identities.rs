//! What the arms have in common by mathematics, in f64.

use std::sync::atomic::AtomicBool;

use bn_exp::config::resolve::synthetic_facts;
use bn_exp::config::{Experiment, Settings, Variant};
use bn_exp::data::Store;
use bn_exp::nn::parameters::Tensor;
use bn_exp::nn::{Network, Pass, Statistics};
use bn_exp::train::{Observer, State, initial, train};
use serde_json::{Value, json};

use super::replay::Losses;

const SEED: u64 = 4;
const BATCH: usize = 20;

/// An experiment with these arms; biases are left to the arms.
fn experiment(model: &Value, variants: Value) -> Experiment {
    let text = json!({
        "name": "identities", "data": { "source": "glyphs", "train": 200, "validation": 20, "test": 20 }, "model": model,
        "variants": variants, "norm": { "epsilon": 1e-2 },
        "optimizer": { "kind": "sgd", "lr": 0.02, "momentum": 0.9 }, "train": { "batch_size": BATCH, "steps": 40 },
    });
    let facts = |data: &_| synthetic_facts(data).ok_or_else(|| anyhow::anyhow!("glyphs need no files"));
    Experiment::parse(&text.to_string(), &[], &facts).expect("a valid configuration")
}

fn models() -> [Value; 3] {
    [
        json!({ "kind": "mlp", "hidden": [10, 8, 8], "precision": "f64" }),
        json!({ "kind": "mlp", "hidden": [9, 9], "activation": "tanh", "precision": "f64" }),
        json!({ "kind": "cnn", "channels": [3, 4], "dense": [6], "precision": "f64" }),
    ]
}

/// The network of a variant before step 0, after γ and β have left their values of symmetry if `is_moved`.
fn begun(settings: &Settings, variant: &Variant, is_moved: bool) -> Network<f64> {
    let data = Store::new("nowhere").load(&settings.data, SEED).expect("glyphs need no files");
    let mut network = initial(settings, variant, &data, SEED).expect("a network");
    for p in network.index.iter().filter(|p| is_moved && p.tensor != Tensor::Weight) {
        let values = &mut network.parameters[p.range.clone()];
        values.iter_mut().enumerate().for_each(|(i, value)| *value += 0.4 * (1.7 * i as f64).sin());
    }
    network
}

/// Logits and gradients on a minibatch.
fn pass(settings: &Settings, network: &Network<f64>, pass: Pass) -> (Vec<f64>, Vec<f64>) {
    let data = Store::new("nowhere").load(&settings.data, SEED).expect("glyphs need no files");
    let mut space = network.space_for_training(BATCH);
    let samples: Vec<u32> = (0..BATCH as u32).collect();
    let length = data.shape.len();
    let scaler = data.scaler::<f64>();
    space.input.write(BATCH, |input, written| scaler.gather(&data.train, &samples, input, length, written));
    network.forward(pass, &mut space).expect("logits");
    network.loss(&mut space, &data.train.labels[..BATCH]);
    network.backward(pass, &mut space, false);
    (network.logits(&space).to_vec(), space.gradients.to_vec())
}

const TRAINING: Pass = Pass::Train { seed: SEED, step: 0 };

/// All losses of a training.
fn losses(settings: &Settings, variant: &Variant) -> Vec<f64> {
    let data = Store::new("nowhere").load(&settings.data, SEED).expect("glyphs need no files");
    let mut network = initial(settings, variant, &data, SEED).expect("a network");
    let mut state = State::new(settings, &network);
    let mut losses = Losses::default();
    train(&mut network, &mut state, settings, &data, SEED, &mut losses, &AtomicBool::new(false)).expect("training");
    losses.0
}

fn assert_close(a: &[f64], b: &[f64], tolerance: f64, what: &str) {
    assert_eq!(a.len(), b.len(), "{what}");
    let largest = b.iter().fold(0.0f64, |most, b| most.max(b.abs()));
    assert!(largest > 0.0, "{what}: all are 0");
    for (i, (a, b)) in a.iter().zip(b).enumerate() {
        assert!((a - b).abs() <= tolerance * largest, "{what}, at {i}: {a} and {b}");
    }
}

/// Of block 0: w·∂L/∂w and γ·∂L/∂γ of each channel, and the factor between them that the arm's variance makes.
fn along(network: &Network<f64>, gradients: &[f64]) -> [Vec<f64>; 2] {
    let of = |tensor: Tensor| {
        let p = network.index.iter().find(|p| p.block == 0 && p.tensor == tensor).expect("a tensor of block 0");
        let products = network.parameters[p.range.clone()].iter().zip(&gradients[p.range.clone()]).map(|(v, g)| v * g);
        let channels = network.blocks[0].layer.mapped.channels;
        let mut sums = vec![0.0; channels];
        products.enumerate().for_each(|(i, product)| sums[i % channels] += product);
        sums
    };
    [of(Tensor::Weight), of(Tensor::Gamma)]
}

/// y = γ·(w·u): the two factors have the same effect along themselves.
#[test]
fn in_eq_3_gamma_and_the_weights_have_the_same_gradient_along_themselves() {
    for model in models() {
        let experiment = experiment(&model, json!(["affine"]));
        let settings = &experiment.points[0].settings;
        let network = begun(settings, &experiment.variants[0], true);
        let [weight, gamma] = along(&network, &pass(settings, &network, TRAINING).1);
        assert_close(&weight, &gamma, 1e-12, &model.to_string());
    }
}

/// In `bn` a factor on the weights cancels but for ε.
#[test]
fn in_batch_norm_the_weights_gradient_along_themselves_is_a_matter_of_epsilon() {
    for model in models() {
        let experiment = experiment(&model, json!(["bn"]));
        let settings = &experiment.points[0].settings;
        let network = begun(settings, &experiment.variants[0], true);
        let [weight, gamma] = along(&network, &pass(settings, &network, TRAINING).1);
        let mut space = network.space_for_training(BATCH);
        let data = Store::new("nowhere").load(&settings.data, SEED).expect("glyphs need no files");
        let samples: Vec<u32> = (0..BATCH as u32).collect();
        let scaler = data.scaler::<f64>();
        space.input.write(BATCH, |input, written| {
            scaler.gather(&data.train, &samples, input, data.shape.len(), written);
        });
        network.forward(TRAINING, &mut space).expect("logits");
        let epsilon = settings.norm.epsilon;
        let variance = &space.blocks[0].norm.moments.variance;
        let expected: Vec<f64> = gamma.iter().zip(variance).map(|(g, v)| g * epsilon / (v + epsilon)).collect();
        let largest = |values: &[f64]| values.iter().fold(0.0f64, |most, v| most.max(v.abs()));
        assert!(largest(&expected) < 0.5 * largest(&gamma), "ε makes a difference: {expected:?}, {gamma:?}");
        assert_close(&weight, &expected, 1e-11, &model.to_string());
    }
}

#[test]
fn frozen_and_affine_init_start_as_one_function_with_the_same_weight_gradients() {
    for model in models() {
        let experiment = experiment(&model, json!(["frozen", "affine_init", "affine"]));
        let settings = &experiment.points[0].settings;
        let [frozen, started, affine] = [0, 1, 2].map(|i| {
            let network = begun(settings, &experiment.variants[i], false);
            let (logits, gradients) = pass(settings, &network, TRAINING);
            let is_weight = |p: &&bn_exp::nn::parameters::Parameter| p.tensor == Tensor::Weight;
            let weights = network.index.iter().filter(is_weight).flat_map(|p| gradients[p.range.clone()].to_vec());
            (logits, weights.collect::<Vec<_>>())
        });
        assert_close(&frozen.0, &started.0, 1e-11, &format!("logits, {model}"));
        assert_close(&frozen.1, &started.1, 1e-11, &format!("weight gradients, {model}"));
        let differs = frozen.0.iter().zip(&affine.0).any(|(a, b)| (a - b).abs() > 1e-3);
        assert!(differs, "{model}: a start of its own");
    }
}

/// γ, β and their scale are then all that sets these arms apart, and they do not move.
#[test]
fn with_only_the_weights_trained_all_arms_with_that_start_give_the_same_losses() {
    for model in models() {
        let bias = if model["kind"] == "cnn" { "blocks.3.bias" } else { "bias" };
        let arm = |name: &str, more: &Value| {
            let mut entry = json!({ "name": name, "train_only": ["weight", bias] });
            more.as_object().into_iter().flatten().for_each(|(key, value)| entry[key] = value.clone());
            entry
        };
        let refresh = json!({ "every": 7, "keep": "function" });
        let same = [arm("frozen", &json!({})), arm("affine_init", &json!({})), arm("refresh", &refresh)];
        let other = arm("jumping", &json!({ "base": "refresh", "every": 7, "keep": "parameters" }));
        let experiment = experiment(&model, json!([same.to_vec(), vec![other]].concat()));
        let settings = &experiment.points[0].settings;
        let all: Vec<Vec<f64>> = experiment.variants.iter().map(|variant| losses(settings, variant)).collect();
        assert!(all[0][39] < 0.9 * all[0][0], "{model}: something is learned");
        for (variant, found) in experiment.variants.iter().zip(&all).skip(1).take(2) {
            assert_close(found, &all[0], 1e-8, &format!("{}, {model}", variant.name));
        }
        let differs = all[3].iter().zip(&all[0]).any(|(a, b)| (a - b).abs() > 1e-3 * b);
        assert!(
            differs && all[3][..7] == all[2][..7],
            "{model}: where the function jumps, they part after the first refresh"
        );
    }
}

#[test]
fn constants_found_anew_at_every_step_train_as_detached_statistics_do() {
    for model in models() {
        let refresh = json!({ "name": "refresh", "every": 1, "keep": "parameters" });
        let experiment = experiment(&model, json!(["detached", refresh, "bn"]));
        let settings = &experiment.points[0].settings;
        let [detached, refreshed, bn] = [0, 1, 2].map(|i| losses(settings, &experiment.variants[i]));
        assert_close(&refreshed, &detached, 1e-9, &model.to_string());
        assert!(
            bn.iter().zip(&detached).any(|(a, b)| (a - b).abs() > 1e-3 * b),
            "{model}: the gradient makes a difference"
        );
    }
}

/// Keeps the logits of a minibatch in evaluation, before and after each refresh.
struct Jumps<'a> {
    settings: &'a Settings,
    before: Vec<f64>,
    largest: Vec<f64>,
}

impl Observer<f64> for Jumps<'_> {
    fn updated(&mut self, _: usize, network: &Network<f64>) -> anyhow::Result<()> {
        self.before = pass(self.settings, network, Pass::Evaluate(Statistics::Running)).0;
        Ok(())
    }
    fn state(&mut self, step: usize, network: &Network<f64>) -> anyhow::Result<()> {
        if step > 0 && step < 40 && step.is_multiple_of(5) {
            let after = pass(self.settings, network, Pass::Evaluate(Statistics::Running)).0;
            let largest = after.iter().fold(0.0f64, |most, v| most.max(v.abs()));
            let jumps = after.iter().zip(&self.before).map(|(a, b)| (a - b).abs() / largest);
            self.largest.push(jumps.fold(0.0, f64::max));
        }
        Ok(())
    }
}

/// Keeps what stands as the mean of block 0 in evaluation, and the constants in use, at every step.
#[derive(Default)]
struct Means {
    running: Vec<Vec<f64>>,
    current: Vec<Vec<f64>>,
}

impl Observer<f64> for Means {
    fn state(&mut self, _: usize, network: &Network<f64>) -> anyhow::Result<()> {
        let state = network.state();
        let of = |name: &str| state.iter().find(|(known, ..)| known == name).expect("a buffer").2.clone();
        self.running.push(of("blocks.0.norm.running_mean"));
        self.current.push(of("blocks.0.norm.mean"));
        Ok(())
    }
}

/// By `norm.momentum` a refresh, here 0.1: not at every step, and not all the way.
#[test]
fn the_running_constants_of_refresh_move_by_the_momentum_at_each_refresh() {
    let entry = json!([{ "name": "refresh", "every": 5, "keep": "parameters" }]);
    let experiment = experiment(&models()[0], entry);
    let settings = &experiment.points[0].settings;
    let data = Store::new("nowhere").load(&settings.data, SEED).expect("glyphs need no files");
    let mut network = initial(settings, &experiment.variants[0], &data, SEED).expect("a network");
    let (mut state, mut means) = (State::new(settings, &network), Means::default());
    train(&mut network, &mut state, settings, &data, SEED, &mut means, &AtomicBool::new(false)).expect("training");
    let Means { running, current } = means;
    let mut expected = current[0].clone();
    let mut moved = 0.0f64;
    for step in 0..40 {
        if step > 0 && step % 5 == 0 {
            expected.iter_mut().zip(&current[step]).for_each(|(old, new)| *old += 0.1 * (new - *old));
            moved = current[step].iter().zip(&expected).fold(moved, |most, (a, b)| most.max((a - b).abs()));
        }
        assert_close(&running[step], &expected, 1e-12, &format!("step {step}"));
    }
    assert!(moved > 1e-3, "the two kinds of constants are apart: {moved}");
}

#[test]
fn a_refresh_that_keeps_the_function_leaves_it_as_it_was_to_rounding() {
    for model in models() {
        let entry = |keep: &str| json!({ "name": keep, "base": "refresh", "every": 5, "keep": keep });
        let experiment = experiment(&model, json!([entry("function"), entry("parameters")]));
        let settings = &experiment.points[0].settings;
        let data = Store::new("nowhere").load(&settings.data, SEED).expect("glyphs need no files");
        let jumps = [0, 1].map(|i| {
            let mut network = initial(settings, &experiment.variants[i], &data, SEED).expect("a network");
            let mut state = State::new(settings, &network);
            let mut jumps = Jumps { settings, before: Vec::new(), largest: Vec::new() };
            train(&mut network, &mut state, settings, &data, SEED, &mut jumps, &AtomicBool::new(false))
                .expect("training");
            assert_eq!(jumps.largest.len(), 7, "{model}: a refresh before steps 5 to 35");
            jumps.largest
        });
        assert!(jumps[0].iter().all(|jump| *jump < 1e-12), "{model}: {:?}", jumps[0]);
        assert!(jumps[1][0] > 1e-4, "{model}: the other kind jumps: {:?}", jumps[1]);
    }
}
