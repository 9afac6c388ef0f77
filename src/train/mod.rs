//! Training: the loop, and what it tells those who watch.
//!
//! The loop is bare. Everything that records, probes, saves or shows progress is an [`Observer`].

pub mod evaluate;
pub mod optimizer;
pub mod schedule;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::config::Settings;
use crate::data::batches::Batches;
use crate::data::{Dataset, Scaler};
use crate::kernels::Scalar;
use crate::nn::{Network, Statistics, Workspace};
use optimizer::Optimizer;
use schedule::learning_rate;
use serde::{Deserialize, Serialize};

/// Minibatch `step` after its forward pass, before the update it leads to.
#[derive(Debug)]
pub struct Batch<'a, F: Scalar> {
    /// Updates done so far.
    pub step: usize,
    /// The network that saw the batch, not yet updated.
    pub network: &'a Network<F>,
    /// The batch's features, [N, H, W, C].
    pub input: &'a [F],
    /// Its labels.
    pub labels: &'a [u8],
    /// Mean loss.
    pub loss: f64,
    /// Share classified rightly.
    pub accuracy: f64,
    /// Whether this is the minibatch at which training is given up.
    pub diverged: bool,
}

/// Someone who watches training. Observers read, and change nothing.
pub trait Observer<F: Scalar> {
    /// The network after `step` updates: called with 0 first, then after each update.
    ///
    /// # Errors
    /// What makes going on pointless.
    fn state(&mut self, step: usize, network: &Network<F>) -> anyhow::Result<()>;

    /// Each minibatch.
    ///
    /// # Errors
    /// What makes going on pointless.
    fn batch(&mut self, _batch: &Batch<F>) -> anyhow::Result<()> {
        Ok(())
    }
}

/// How training ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// After all steps.
    Completed,
    /// A loss or parameter left the finite, or the loss grew too large; `step` is the minibatch's.
    Diverged {
        /// The minibatch at or by which it happened.
        step: usize,
        /// What happened.
        reason: String,
    },
    /// Asked to stop.
    Interrupted,
}

/// The first minibatch, before any update: what arms that are the same function must have in common.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Start {
    /// Its loss.
    pub loss: f64,
    /// ‖∂L/∂W‖ over the weights of all layers.
    pub weight_gradient: f64,
}

/// What training leaves besides the trained network.
#[derive(Debug, Clone)]
pub struct Trained {
    /// How it ended.
    pub ending: Ending,
    /// The first minibatch; none if its loss or gradient was not finite.
    pub start: Option<Start>,
    /// Updates done.
    pub steps: usize,
    /// Time in training steps alone: gather, forward, backward, update.
    pub seconds: f64,
}

/// Trains a network in place until all steps are done, it diverges, or `stop` is set.
///
/// # Errors
/// If the network cannot take a batch of this size, or an observer gives up.
pub fn train<F: Scalar>(
    network: &mut Network<F>,
    settings: &Settings,
    data: &Dataset,
    seed: u64,
    observers: &mut dyn Observer<F>,
    stop: &AtomicBool,
) -> anyhow::Result<Trained> {
    let size = settings.train.batch_size;
    let mut batches = Batches::new(data.train.len(), size, seed);
    let mut loader = Loader::new(data, size);
    let mut space = Workspace::for_training(network, size);
    let mut optimizer = Optimizer::new(&settings.optimizer, network.parameters.len());
    let mut first_loss = None;
    let mut spent = Duration::ZERO;
    let mut start: Option<Start> = None;
    let end =
        |ending, start, steps, spent: Duration| Ok(Trained { ending, start, steps, seconds: spent.as_secs_f64() });

    observers.state(0, network)?;
    for step in 0..settings.train.steps {
        if stop.load(Ordering::Relaxed) {
            return end(Ending::Interrupted, start, step, spent);
        }
        let clock = Instant::now();
        loader.load(batches.at(step), &mut space);
        network.forward(Statistics::Batch, &mut space, size)?;
        let outcome = network.loss(&mut space, &loader.labels);
        let (loss, accuracy) = (outcome.loss_sum / size as f64, outcome.correct as f64 / size as f64);
        spent += clock.elapsed();

        let (input, labels) = (&space.input[..], &loader.labels[..]);
        let reason = divergence(loss, *first_loss.get_or_insert(loss), settings.train.diverged_above);
        let diverged = reason.is_some();
        observers.batch(&Batch { step, network, input, labels, loss, accuracy, diverged })?;
        if let Some(reason) = reason {
            return end(Ending::Diverged { step, reason }, start, step, spent);
        }

        let clock = Instant::now();
        network.absorb(&space);
        network.backward(&mut space, false);
        if step == 0 {
            let weight_gradient = network.weight_norm(&space.gradients);
            start = Some(Start { loss, weight_gradient }).filter(|_| weight_gradient.is_finite());
        }
        let lr = learning_rate(&settings.optimizer, step, settings.train.steps);
        let is_finite = optimizer.step(&network.index, &mut network.parameters, &space.gradients, lr);
        spent += clock.elapsed();
        if !is_finite {
            let reason = format!("a parameter is not finite after update {step}");
            return end(Ending::Diverged { step, reason }, start, step + 1, spent);
        }
        observers.state(step + 1, network)?;
    }
    end(Ending::Completed, start, settings.train.steps, spent)
}

/// Why a batch loss counts as divergence, if it does.
fn divergence(loss: f64, first: f64, above: f64) -> Option<String> {
    if !loss.is_finite() {
        Some("the batch loss is not finite".to_owned())
    } else if loss > above * first {
        Some(format!("the batch loss {loss:.4e} is above {above} times the first, {first:.4}"))
    } else {
        None
    }
}

/// Gathers minibatches from the training split.
struct Loader<'a, F> {
    data: &'a Dataset,
    scaler: Scaler<F>,
    labels: Vec<u8>,
}

impl<'a, F: Scalar> Loader<'a, F> {
    fn new(data: &'a Dataset, batch_size: usize) -> Self {
        Self { data, scaler: data.scaler(), labels: vec![0; batch_size] }
    }

    fn load(&mut self, batch: &[u32], space: &mut Workspace<F>) {
        let split = &self.data.train;
        space.take(|input, written| self.scaler.gather(split, batch, input, self.data.shape.len(), written));
        self.labels.iter_mut().zip(batch).for_each(|(label, i)| *label = split.labels[*i as usize]);
    }
}
