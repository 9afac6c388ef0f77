//! What makes runs comparable: arms of one seed share data, batches and weights, and `none` and
//! `affine` are the same function at step 0.

use bn_exp::config::resolve::synthetic_facts;
use bn_exp::config::{Experiment, Settings, Variant};
use bn_exp::data::Store;
use bn_exp::data::batches::Batches;
use bn_exp::kernels::Scalar;
use bn_exp::nn::parameters::Tensor;
use bn_exp::nn::{Network, Pass, Statistics};
use serde_json::json;

fn experiment(model: serde_json::Value) -> Experiment {
    let text = json!({
        "name": "t", "data": {"source": "glyphs", "train": 100, "validation": 10, "test": 10}, "model": model,
        "variants": ["none", "affine", "standardize", "bn"],
        "optimizer": {"kind": "sgd", "lr": 0.1}, "train": {"batch_size": 16, "steps": 3}
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
    let network = Network::<F>::new(settings, variant, seed).unwrap();
    let mut space = network.space_for_training(16);
    let mut batches = Batches::new(data.train.len(), 16, seed);
    let batch = batches.at(0);
    let labels: Vec<u8> = batch.iter().map(|i| data.train.labels[*i as usize]).collect();
    let scaler = data.scaler::<F>();
    space.input.write(16, |input, written| scaler.gather(&data.train, batch, input, data.shape.len(), written));
    let pass = Pass::Train { seed, step: 0 };
    network.forward(pass, &mut space).unwrap();
    let loss = network.loss(&mut space, &labels).loss_sum;
    network.backward(pass, &mut space, false);
    let gradient =
        |p: &bn_exp::nn::parameters::Parameter| (p.name.clone(), p.tensor, space.gradients[p.range.clone()].to_vec());
    (loss, network.index.iter().map(gradient).collect())
}

#[test]
fn none_and_affine_give_the_same_loss_and_weight_gradients_at_step_0() {
    for experiment in models() {
        let settings = &experiment.points[0].settings;
        let (none_loss, none) = first_step::<f32>(settings, &experiment.variants[0], 3);
        let (affine_loss, affine) = first_step::<f32>(settings, &experiment.variants[1], 3);
        assert_eq!(none_loss, affine_loss);
        let weights = |all: &[(String, Tensor, Vec<f32>)]| -> Vec<(String, Vec<f32>)> {
            all.iter().filter(|(_, t, _)| *t == Tensor::Weight).map(|(n, _, g)| (n.clone(), g.clone())).collect()
        };
        assert_eq!(weights(&none), weights(&affine));
        assert!(
            weights(&none).iter().all(|(_, g)| g.iter().any(|g| *g != 0.0)),
            "the gradients are not trivially equal"
        );
        // And β's gradient is the bias's.
        let of = |all: &[(String, Tensor, Vec<f32>)], name: &str| {
            all.iter().find(|(n, ..)| n == name).map(|(.., g)| g.clone()).unwrap()
        };
        if settings.model.norm_position == bn_exp::config::settings::NormPosition::BeforeActivation {
            assert_eq!(of(&none, "blocks.0.bias"), of(&affine, "blocks.0.norm.beta"));
        }
        let (bn_loss, _) = first_step::<f32>(settings, &experiment.variants[3], 3);
        assert_ne!(bn_loss, none_loss, "bn is another function");
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

#[test]
fn single_and_double_precision_start_from_the_same_draws() {
    let experiment = &models()[2];
    let settings = &experiment.points[0].settings;
    let double = Network::<f64>::new(settings, &experiment.variants[3], 1).unwrap().parameters;
    let single = Network::<f32>::new(settings, &experiment.variants[3], 1).unwrap().parameters;
    assert!(double.iter().zip(&single).all(|(d, s)| *d as f32 == *s));
}

#[test]
fn a_training_batch_with_one_value_per_channel_names_layer_and_batch_size() {
    let experiment = &models()[0];
    let settings = &experiment.points[0].settings;
    let network = Network::<f64>::new(settings, &experiment.variants[3], 0).unwrap();
    let one = vec![0.5; network.input.len()];
    let mut space = network.space_for_training(1);
    space.input.set(&one);
    let training = Pass::Train { seed: 0, step: 0 };
    let error = network.forward(training, &mut space).unwrap_err().to_string();
    assert!(error.contains("block 0") && error.contains("784 → 12") && error.contains("a batch of 1 "), "{error}");
    assert!(network.forward(Pass::Evaluate(Statistics::Running), &mut space).is_ok(), "evaluation needs no variance");
    let none = Network::<f64>::new(settings, &experiment.variants[0], 0).unwrap();
    let mut space = none.space_for_training(1);
    space.input.set(&one);
    assert!(none.forward(training, &mut space).is_ok());
}
