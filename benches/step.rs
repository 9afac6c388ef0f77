//! One training step of each network and arm: forward, loss, backward, SGD update, on one thread.
//!
//! `mlp` is 784-100-100-100-10 with sigmoids at batch 60, `cnn` two 3×3 convolutions of 16 and 32
//! channels with ReLU and 2×2 max pool at batch 64. Compare the arms within one run: absolute times
//! move with the machine's load.

use bn_exp::config::Experiment;
use bn_exp::config::resolve::synthetic_facts;
use bn_exp::data::Store;
use bn_exp::data::batches::Batches;
use bn_exp::nn::{Network, Statistics, Workspace};
use bn_exp::train::optimizer::Optimizer;
use divan::Bencher;

const ARMS: [&str; 4] = ["none", "affine", "standardize", "bn"];

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

fn step(bencher: Bencher, model: &str, arm: &str, batch_size: usize) {
    let text = format!(
        r#"{{"name": "bench", "data": {{"source": "glyphs", "train": 2000}}, "model": {model}, "variants": ["{arm}"],
             "optimizer": {{"kind": "sgd", "lr": 0.01}}, "train": {{"batch_size": {batch_size}, "steps": 1}}}}"#
    );
    let facts = |data: &_| synthetic_facts(data).ok_or_else(|| anyhow::anyhow!("glyphs need no files"));
    let experiment = Experiment::parse(&text, &[], &facts).expect("the configuration above is right");
    let settings = &experiment.points[0].settings;
    let data = Store::new("nowhere").load(&settings.data, 0).expect("glyphs need no files");
    let mut network = Network::<f32>::new(settings, &experiment.variants[0], 0).expect("the arm exists");
    let mut space = Workspace::for_training(&network, batch_size);
    let mut optimizer = Optimizer::new(&settings.optimizer, network.parameters.len());
    let mut batches = Batches::new(data.train.len(), batch_size, 0);
    let scaler = data.scaler::<f32>();
    let mut step = 0;
    bencher.bench_local(|| {
        let batch = batches.at(step);
        let labels: Vec<u8> = batch.iter().map(|i| data.train.labels[*i as usize]).collect();
        scaler.gather(&data.train, batch, &mut space.input, data.shape.len());
        network.forward(Statistics::Batch, &mut space, batch_size).expect("the batch is large enough");
        network.loss(&mut space, &labels);
        network.absorb(&space);
        network.backward(&mut space, false);
        optimizer.step(&network.index, &mut network.parameters, &space.gradients, 0.01);
        step += 1;
    });
}
