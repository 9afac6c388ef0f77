//! A training step allocates nothing: every buffer is made before the first.

#[path = "common/arms.rs"]
#[allow(dead_code, reason = "a step needs to know nothing of an arm")]
mod arms;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use bn_exp::config::Experiment;
use bn_exp::config::resolve::synthetic_facts;
use bn_exp::data::Store;
use bn_exp::data::batches::Batches;
use bn_exp::kernels::Scalar;
use bn_exp::nn::{Network, Pass};
use bn_exp::train::optimizer::Optimizer;
use serde_json::Value;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

/// The system's allocator, counting what this thread asks of it.
struct Counting;

// SAFETY: every call goes to the system's allocator unchanged.
#[allow(unsafe_code, reason = "an allocator cannot be written without")]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller's.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's.
        unsafe { System.dealloc(pointer, layout) }
    }
    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller's.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// Allocations of some steps of each arm.
fn allocations<F: Scalar>(model: &str, optimizer: &str, batch_size: usize) -> Vec<(String, usize)> {
    let arms = Value::from(arms::entries());
    let text = format!(
        r#"{{"name": "steps", "data": {{"source": "glyphs", "train": 300}}, "model": {model}, "optimizer": {optimizer},
             "variants": {arms}, "train": {{"batch_size": {batch_size}, "steps": 1}}}}"#
    );
    let facts = |data: &_| synthetic_facts(data).ok_or_else(|| anyhow::anyhow!("glyphs need no files"));
    let experiment = Experiment::parse(&text, &[], &facts).unwrap();
    let settings = &experiment.points[0].settings;
    let data = Store::new("nowhere").load(&settings.data, 0).unwrap();
    let arms = experiment.variants.iter().map(|variant| {
        let mut network = Network::<F>::new(settings, variant, 0).unwrap();
        let mut space = network.space_for_training(batch_size);
        let mut optimizer = Optimizer::new(&settings.optimizer, &network.index);
        let mut batches = Batches::new(data.train.len(), batch_size, 0);
        let scaler = data.scaler::<F>();
        let mut labels = vec![0; batch_size];
        let mut counted = 0;
        for step in 0..5 {
            // The order of an epoch is not part of a step.
            let batch = batches.at(step);
            let before = ALLOCATIONS.get();
            space.input.write(batch_size, |input, written| {
                scaler.gather(&data.train, batch, input, data.shape.len(), written);
            });
            labels.iter_mut().zip(batch).for_each(|(label, i)| *label = data.train.labels[*i as usize]);
            let pass = Pass::Train { seed: 0, step };
            network.forward(pass, &mut space).unwrap();
            network.loss(&mut space, &labels);
            network.absorb(&space);
            network.backward(pass, &mut space, false);
            optimizer.step(&network.index, &mut network.parameters, &space.gradients, 0.01);
            counted += ALLOCATIONS.get() - before;
        }
        (variant.name.clone(), counted)
    });
    arms.collect()
}

#[test]
fn a_training_step_allocates_nothing() {
    let before = ALLOCATIONS.get();
    drop(std::hint::black_box(vec![1]));
    assert!(ALLOCATIONS.get() > before, "allocations are counted");

    let models = [
        r#"{"kind": "mlp", "hidden": [30, 20], "activation": "sigmoid"}"#,
        r#"{"kind": "mlp", "hidden": [784, 784], "residual": true, "norm_position": "after_activation"}"#,
        r#"{"kind": "cnn", "channels": [8, 16], "dense": [20]}"#,
        r#"{"kind": "cnn", "channels": [3], "pool": "average", "kernel": 5, "norm_position": "after_pool"}"#,
        r#"{"kind": "cnn", "channels": [3, 2], "pool": "none", "activation": "tanh"}"#,
    ];
    let optimizers = [
        r#"{"kind": "sgd", "lr": 0.1}"#,
        r#"{"kind": "sgd", "lr": 0.1, "momentum": 0.9, "nesterov": true, "weight_decay": 1e-4}"#,
        r#"{"kind": "adam", "lr": 0.001}"#,
        r#"{"kind": "adamw", "lr": 0.001, "weight_decay": 1e-2}"#,
    ];
    // Each model and each optimizer once: neither knows of the other.
    let pairs = models.iter().zip(optimizers.iter().cycle());
    for (model, optimizer) in pairs {
        for counts in [allocations::<f32>(model, optimizer, 21), allocations::<f64>(model, optimizer, 6)] {
            for (arm, count) in counts {
                assert_eq!(count, 0, "{model} {optimizer} {arm}");
            }
        }
    }
}
