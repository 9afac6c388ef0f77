//! What makes runs comparable: arms of one seed share data, batches and weights, and those that start as `none` are the
//! same function at step 0.

use bn_exp::config::resolve::synthetic_facts;
use bn_exp::config::settings::{NormPosition, ScaleRows};
use bn_exp::config::{Experiment, Settings, Variant};
use bn_exp::data::Store;
use bn_exp::data::batches::Batches;
use bn_exp::kernels::Scalar;
use bn_exp::nn::parameters::Tensor;
use bn_exp::nn::{Network, Pass, Statistics};
use bn_exp::random::stream;
use bn_exp::train::initial;
use rand_distr::{Distribution, StandardUniform};
use serde_json::json;

use crate::common::arms::{self, facts};

const BATCH: usize = 18;

fn experiment(model: serde_json::Value) -> Experiment {
    let text = json!({
        "name": "t", "data": {"source": "glyphs", "train": 100, "validation": 10, "test": 10}, "model": model,
        "variants": arms::entries(),
        "optimizer": {"kind": "sgd", "lr": 0.1}, "train": {"batch_size": BATCH, "steps": 3}
    });
    let facts = |data: &_| synthetic_facts(data).ok_or_else(|| anyhow::anyhow!("no files here"));
    Experiment::parse(&text.to_string(), &[], &facts).unwrap()
}

fn models() -> [Experiment; 3] {
    [
        experiment(json!({"kind": "mlp", "hidden": [12, 9]})),
        experiment(json!({"kind": "mlp", "hidden": [12, 12], "norm_position": "after_activation", "residual": true})),
        experiment(json!({"kind": "cnn", "channels": [3, 4], "dense": [8]})),
    ]
}

/// Loss and gradient of every parameter tensor on the first batch, before any update.
fn first_step<F: Scalar>(settings: &Settings, variant: &Variant, seed: u64) -> (f64, Vec<(String, Tensor, Vec<F>)>) {
    let data = Store::new("nowhere").load(&settings.data, seed).unwrap();
    let network = initial::<F>(settings, variant, &data, seed).unwrap();
    let mut space = network.space_for_training(BATCH);
    let mut batches = Batches::new(data.train.len(), BATCH, seed);
    let batch = batches.at(0);
    let labels: Vec<u8> = batch.iter().map(|i| data.train.labels[*i as usize]).collect();
    let scaler = data.scaler::<F>();
    space.input.write(BATCH, |input, written| scaler.gather(&data.train, batch, input, data.shape.len(), written));
    let pass = Pass::Train { seed, step: 0 };
    network.forward(pass, &mut space).unwrap();
    let loss = network.loss(&mut space, &labels).loss_sum;
    network.backward(pass, &mut space, false);
    let gradient =
        |p: &bn_exp::nn::parameters::Parameter| (p.name.clone(), p.tensor, space.gradients[p.range.clone()].to_vec());
    (loss, network.index.iter().map(gradient).collect())
}

#[test]
fn arms_that_start_as_none_give_its_loss_and_weight_gradients_at_step_0_and_the_others_do_not() {
    for experiment in models() {
        let settings = &experiment.points[0].settings;
        let weights = |all: &[(String, Tensor, Vec<f32>)]| -> Vec<(String, Vec<f32>)> {
            all.iter().filter(|(_, t, _)| *t == Tensor::Weight).map(|(n, _, g)| (n.clone(), g.clone())).collect()
        };
        let of = |all: &[(String, Tensor, Vec<f32>)], name: &str| {
            all.iter().find(|(n, ..)| n == name).map(|(.., g)| g.clone()).unwrap()
        };
        let (none_loss, none) = first_step::<f32>(settings, &experiment.variants[0], 3);
        assert!(weights(&none).iter().all(|(_, g)| g.iter().any(|g| *g != 0.0)), "all gradients are zero");
        for variant in &experiment.variants[1..] {
            let (name, facts) = (&variant.name, facts(variant.arm));
            let (loss, gradients) = first_step::<f32>(settings, variant, 3);
            if !facts.starts_as_none {
                assert_ne!(loss, none_loss, "{name} is another function");
                continue;
            }
            assert_eq!(loss, none_loss, "{name}");
            assert_eq!(weights(&gradients), weights(&none), "{name}");
            // And β's gradient is the bias's.
            let is_beside = settings.model.norm_position == NormPosition::BeforeActivation;
            if is_beside && facts.has_affine {
                assert_eq!(of(&gradients, "blocks.0.norm.beta"), of(&none, "blocks.0.bias"), "{name}");
            }
        }
    }
}

#[test]
fn all_arms_share_the_weights_of_their_seed_and_no_two_seeds_do() {
    for experiment in models() {
        let settings = &experiment.points[0].settings;
        let weights = |variant: &Variant, seed: u64| -> Vec<(String, Vec<f64>)> {
            let state = Network::<f64>::new(settings, variant, seed).unwrap().state();
            state.into_iter().filter(|(n, ..)| n.ends_with(".weight")).map(|(n, _, v)| (n, v)).collect()
        };
        let first = weights(&experiment.variants[0], 5);
        assert!(experiment.variants.iter().all(|variant| weights(variant, 5) == first));
        assert_ne!(weights(&experiment.variants[0], 6), first);
    }
}

/// Knobs of any arm at step 0.
#[test]
fn gamma_beta_and_scaled_rows_are_set_where_they_are_meant_and_draw_from_a_stream_of_their_own() {
    for experiment in models() {
        let settings = &experiment.points[0].settings;
        let plain = experiment.variants.iter().find(|variant| variant.name == "bn").unwrap();
        let scale_rows = ScaleRows { share: 0.5, factor: 0.1, spread: 4.0 };
        let changed = Variant { gamma: Some(0.5), beta: Some(-0.25), scale_rows: Some(scale_rows), ..plain.clone() };
        let [before, after] = [plain, &changed].map(|variant| Network::<f64>::new(settings, variant, 5).unwrap());
        for (p, b) in before.index.iter().map(|p| (p, &before.blocks[p.block])) {
            let of = |network: &Network<f64>| p.layout.export(&network.parameters[p.range.clone()]);
            let (before, after) = (of(&before), of(&after));
            let is_set = !settings.model.is_residual() || b.layer.residual;
            match p.tensor {
                Tensor::Gamma => {
                    assert!(after.iter().all(|gamma| *gamma == if is_set { 0.5 } else { 1.0 }), "{}", p.name)
                }
                Tensor::Beta => {
                    assert!(after.iter().all(|beta| *beta == if is_set { -0.25 } else { 0.0 }), "{}", p.name)
                }
                Tensor::Weight if b.layer.hidden => {
                    let rows = before.len() / p.shape[0];
                    let factors: Vec<f64> = (0..p.shape[0]).map(|c| after[c * rows] / before[c * rows]).collect();
                    for (i, (before, after)) in before.iter().zip(&after).enumerate() {
                        assert!(
                            (after - before * factors[i / rows]).abs() <= 1e-14 * before.abs(),
                            "{}: one factor a row",
                            p.name
                        );
                    }
                    let half = p.shape[0] / 2;
                    let mut rng = stream(5, &format!("scale_rows/{}", p.block));
                    for factor in &factors[..half] {
                        let uniform: f64 = StandardUniform.sample(&mut rng);
                        let expected = 0.1 * 4f64.powf(2.0 * uniform - 1.0);
                        assert!((factor - expected).abs() < 1e-12 * expected, "{}: {factor} {expected}", p.name);
                    }
                    assert!(factors[half..].iter().all(|factor| *factor == 1.0), "{}: {factors:?}", p.name);
                }
                _ => assert_eq!(before, after, "{}", p.name),
            }
        }
    }
}

#[test]
fn single_and_double_precision_start_from_the_same_draws() {
    let experiment = &models()[2];
    let settings = &experiment.points[0].settings;
    for variant in &experiment.variants {
        let double = Network::<f64>::new(settings, variant, 1).unwrap().parameters;
        let single = Network::<f32>::new(settings, variant, 1).unwrap().parameters;
        assert!(double.iter().zip(&single).all(|(d, s)| *d as f32 == *s), "{}", variant.name);
    }
}

#[test]
fn a_training_batch_too_small_for_its_arm_names_layer_and_batch_size() {
    let experiment = &models()[0];
    for variant in &experiment.variants {
        let (name, facts) = (&variant.name, facts(variant.arm));
        let mut network = Network::<f64>::new(&experiment.points[0].settings, variant, 0).unwrap();
        let mut space = network.space_for_training(1);
        space.input.set(&vec![0.5; network.input.len()]);
        let begun = network.begin(0, 0, &vec![0.5; network.input.len()]);
        let outcome = begun.and_then(|_| network.forward(Pass::Train { seed: 0, step: 0 }, &mut space));
        assert_eq!(outcome.is_err(), facts.least_batch > 1, "{name}");
        if let Err(error) = outcome {
            let error = error.to_string();
            let parts = ["block 0", "784 → 12", "a batch of 1 "];
            assert!(parts.iter().all(|part| error.contains(part)), "{name}: {error}");
        }
        let evaluated = network.forward(Pass::Evaluate(Statistics::Running), &mut space);
        assert!(evaluated.is_ok(), "{name}: evaluation needs no variance");
    }
}
