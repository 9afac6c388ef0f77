//! One training step of each network and arm, on one thread: gather the batch, forward, loss, backward,
//! SGD update; and each of these parts by itself, warm in the cache.
//!
//! `mlp` is 784-100-100-100-10 with sigmoids at batch 60, `cnn` two 3×3 convolutions of 16 and 32
//! channels with ReLU and 2×2 max pool at batch 64. Compare the arms within one run: absolute times
//! move with the machine's load.

use bn_exp::config::Experiment;
use bn_exp::config::resolve::synthetic_facts;
use bn_exp::data::batches::Batches;
use bn_exp::data::{Dataset, Scaler, Store};
use bn_exp::nn::norm::elementwise::Elementwise;
use bn_exp::nn::norm::noisy::Noisy;
use bn_exp::nn::{Network, Pass, Workspace};
use bn_exp::train::optimizer::Optimizer;
use divan::Bencher;
use std::sync::Arc;

const ARMS: [&str; 12] = [
    "none",
    "affine",
    "standardize",
    "bn",
    "center",
    "scale",
    "detached",
    "affine_init",
    "frozen",
    "noisy",
    "layer_norm",
    "weight_std",
];

const PASS: Pass = Pass::Train { seed: 0, step: 0 };

fn main() {
    divan::main();
}

#[divan::bench(args = ARMS)]
fn mlp_784_100_100_100_10_batch_60(bencher: Bencher, arm: &str) {
    step(bencher, r#"{"kind": "mlp", "hidden": [100, 100, 100], "activation": "sigmoid"}"#, arm, 60);
}

#[divan::bench(args = ARMS)]
fn cnn_16_32_batch_64(bencher: Bencher, arm: &str) {
    step(bencher, r#"{"kind": "cnn", "channels": [16, 32]}"#, arm, 64);
}

/// (samples, channels) of the layers of both networks.
const DRAWN: [(usize, usize); 3] = [(60, 100), (64, 16), (64, 32)];

/// What arm `noisy` draws for one layer and step, with one multiplication and addition a draw.
#[divan::bench(args = DRAWN)]
fn draws_of_noisy(bencher: Bencher, (samples, channels): (usize, usize)) {
    let noisy = Noisy { block: 0, channels };
    let (x, mut y) = (vec![0.5f32; samples * channels], vec![0.0; samples * channels]);
    let mut kept = vec![0.0; Elementwise::<f32>::kept(&noisy, samples)];
    bencher.bench_local(|| noisy.forward(PASS, samples, &x, &mut y, &mut kept));
}

/// The parts of a step: "arm part".
const PARTS: [&str; 10] = [
    "none gather",
    "none forward",
    "none loss",
    "none backward",
    "none update",
    "bn gather",
    "bn forward",
    "bn loss",
    "bn backward",
    "bn update",
];

#[divan::bench(args = PARTS)]
fn mlp_parts(bencher: Bencher, part: &str) {
    parts(bencher, r#"{"kind": "mlp", "hidden": [100, 100, 100], "activation": "sigmoid"}"#, part, 60);
}

#[divan::bench(args = PARTS)]
fn cnn_parts(bencher: Bencher, part: &str) {
    parts(bencher, r#"{"kind": "cnn", "channels": [16, 32]}"#, part, 64);
}

/// A network in training.
struct Training {
    network: Network<f32>,
    space: Workspace<f32>,
    optimizer: Optimizer<f32>,
    batches: Batches,
    data: Arc<Dataset>,
    scaler: Scaler<f32>,
    labels: Vec<u8>,
}

impl Training {
    fn new(model: &str, arm: &str, batch_size: usize) -> Self {
        let text = format!(
            r#"{{"name": "bench", "data": {{"source": "glyphs", "train": 2000}}, "model": {model}, "variants": ["{arm}"],
                 "optimizer": {{"kind": "sgd", "lr": 0.01}}, "train": {{"batch_size": {batch_size}, "steps": 1}}}}"#
        );
        let facts = |data: &_| synthetic_facts(data).ok_or_else(|| anyhow::anyhow!("glyphs need no files"));
        let experiment = Experiment::parse(&text, &[], &facts).expect("the configuration above is right");
        let settings = &experiment.points[0].settings;
        let data = Store::new("nowhere").load(&settings.data, 0).expect("glyphs need no files");
        let network = Network::<f32>::new(settings, &experiment.variants[0], 0).expect("the arm exists");
        Self {
            space: network.space_for_training(batch_size),
            optimizer: Optimizer::new(&settings.optimizer, &network.index),
            batches: Batches::new(data.train.len(), batch_size, 0),
            scaler: data.scaler(),
            labels: vec![0; batch_size],
            network,
            data,
        }
    }

    fn gather(&mut self, step: usize) {
        let (batch, split) = (self.batches.at(step), &self.data.train);
        self.labels.iter_mut().zip(batch).for_each(|(label, i)| *label = split.labels[*i as usize]);
        let length = self.data.shape.len();
        self.space.input.write(batch.len(), |input, written| self.scaler.gather(split, batch, input, length, written));
    }

    fn forward(&mut self) {
        self.network.forward(PASS, &mut self.space).expect("the batch is large enough");
    }

    fn loss(&mut self) {
        self.network.loss(&mut self.space, &self.labels);
    }

    fn backward(&mut self) {
        self.network.absorb(&self.space);
        self.network.backward(PASS, &mut self.space, false);
    }

    fn update(&mut self, rate: f64) {
        self.optimizer.step(&self.network.index, &mut self.network.parameters, &self.space.gradients, rate);
    }
}

fn step(bencher: Bencher, model: &str, arm: &str, batch_size: usize) {
    let mut training = Training::new(model, arm, batch_size);
    let mut step = 0;
    bencher.bench_local(|| {
        training.gather(step);
        training.forward();
        training.loss();
        training.backward();
        training.update(0.01);
        step += 1;
    });
}

fn parts(bencher: Bencher, model: &str, part: &str, batch_size: usize) {
    let (arm, part) = part.split_once(' ').expect("an arm and a part");
    let mut training = Training::new(model, arm, batch_size);
    training.gather(0);
    training.forward();
    training.loss();
    training.backward();
    let mut step = 0;
    bencher.bench_local(|| match part {
        "gather" => {
            training.gather(step);
            step += 1;
        }
        "forward" => training.forward(),
        "loss" => training.loss(),
        "backward" => training.backward(),
        _ => training.update(1e-9),
    });
}
