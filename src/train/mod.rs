//! Training: the loop, and what it tells those who watch.
//!
//! The loop is bare. Everything that records, probes, saves or shows progress is an [`Observer`].

pub mod evaluate;
mod loader;
pub mod optimizer;
pub mod schedule;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::config::{Settings, Variant};
use crate::data::Dataset;
use crate::kernels::Scalar;
use crate::nn::{Network, NetworkError, Pass, Workspace};
use loader::Loader;
use optimizer::Optimizer;
use schedule::learning_rate;
use serde::{Deserialize, Serialize};

/// Minibatch `step` after its forward pass, before the update it leads to.
#[derive(Debug)]
pub struct Batch<'a, F: Scalar> {
    /// Updates done so far.
    pub step: usize,
    /// What the forward pass was for.
    pub pass: Pass,
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
    /// The network as minibatch `step` will find it: called with 0 first, then after each update.
    ///
    /// # Errors
    /// What makes going on pointless.
    fn state(&mut self, _step: usize, _network: &Network<F>) -> anyhow::Result<()> {
        Ok(())
    }

    /// Each minibatch, before the update that follows from it.
    ///
    /// # Errors
    /// What makes going on pointless.
    fn batch(&mut self, _batch: &Batch<F>) -> anyhow::Result<()> {
        Ok(())
    }

    /// Right after the update that followed from minibatch `step`, before an arm refreshes anything.
    ///
    /// # Errors
    /// What makes going on pointless.
    fn updated(&mut self, _step: usize, _network: &Network<F>) -> anyhow::Result<()> {
        Ok(())
    }

    /// Between two updates, everybody having seen the network: what training could be continued from.
    ///
    /// # Errors
    /// What makes going on pointless.
    fn between(&mut self, _state: &State<F>, _network: &Network<F>) -> anyhow::Result<()> {
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

/// Where training stands between two updates: this and the network decide all that comes next. Batches and learning rates
/// are functions of the step.
#[derive(Debug, Clone)]
pub struct State<F> {
    /// Updates done.
    pub step: usize,
    /// The optimiser, with its moments.
    pub optimizer: Optimizer<F>,
    /// The loss of the first minibatch, which divergence is measured by.
    pub first_loss: Option<f64>,
    /// The first minibatch; none if its loss or gradient was not finite.
    pub start: Option<Start>,
    /// Time in training steps alone: gather, forward, backward, update.
    pub spent: Duration,
}

impl<F: Scalar> State<F> {
    /// Before the first update.
    pub fn new(settings: &Settings, network: &Network<F>) -> Self {
        let optimizer = Optimizer::new(&settings.optimizer, &network.index);
        Self { step: 0, optimizer, first_loss: None, start: None, spent: Duration::ZERO }
    }
}

/// The network of a run as training finds it: the initial parameters of its seed, and after them what its arm
/// sets from the first minibatch.
///
/// # Errors
/// If the network cannot be built, or cannot take a batch of this size.
pub fn initial<F: Scalar>(
    settings: &Settings,
    variant: &Variant,
    data: &Dataset,
    seed: u64,
) -> Result<Network<F>, NetworkError> {
    let mut network = Network::new(settings, variant, seed)?;
    let mut loader = Loader::new(data, settings.train.batch_size, seed);
    loader.begin(&mut network, 0)?;
    Ok(network)
}

/// Trains a network in place, from where it stands until all steps are done, it diverges, or `stop` is set.
///
/// # Errors
/// If the network cannot take a batch of this size, or an observer gives up.
pub fn train<F: Scalar>(
    network: &mut Network<F>,
    state: &mut State<F>,
    settings: &Settings,
    data: &Dataset,
    seed: u64,
    observers: &mut dyn Observer<F>,
    stop: &AtomicBool,
) -> anyhow::Result<Ending> {
    let size = settings.train.batch_size;
    let mut loader = Loader::new(data, size, seed);
    let mut space = network.space_for_training(size);

    if state.step == 0 {
        observers.state(0, network)?;
    }
    while state.step < settings.train.steps {
        if stop.load(Ordering::Relaxed) {
            return Ok(Ending::Interrupted);
        }
        let step = state.step;
        let pass = Pass::Train { seed, step };
        let clock = Instant::now();
        loader.load(step, &mut space.input);
        network.forward(pass, &mut space)?;
        let outcome = network.loss(&mut space, &loader.labels);
        let (loss, accuracy) = outcome.means(size);
        state.spent += clock.elapsed();

        let (input, labels) = (space.input.features().values, &loader.labels[..]);
        let first = *state.first_loss.get_or_insert(loss);
        let infinite = network.infinite_variance(&space);
        if let Some((block, channel)) = infinite.filter(|_| step == 0) {
            return Err(NetworkError::InfiniteVariance { block, channel }.into());
        }
        let reason = divergence(loss, first, network.classes, settings.train.diverged_above).or_else(|| {
            let (block, channel) = infinite?;
            Some(format!("the variance over the batch is not finite in block {block}, channel {channel}"))
        });
        let diverged = reason.is_some();
        if diverged {
            refuse_zero_variance(network, &space)?;
        }
        observers.batch(&Batch { step, pass, network, input, labels, loss, accuracy, diverged })?;
        if let Some(reason) = reason {
            return Ok(Ending::Diverged { step, reason });
        }

        let clock = Instant::now();
        network.absorb(&space);
        network.backward(pass, &mut space, false);
        if step == 0 {
            let weight_gradient = network.weight_norm(&space.gradients);
            state.start = Some(Start { loss, weight_gradient }).filter(|_| weight_gradient.is_finite());
        }
        let lr = learning_rate(&settings.optimizer, step, settings.train.steps);
        let is_finite = state.optimizer.step(&network.index, &mut network.parameters, &space.gradients, lr);
        state.spent += clock.elapsed();
        state.step += 1;
        if !is_finite {
            refuse_zero_variance(network, &space)?;
            let reason = format!("a parameter is not finite after update {step}");
            return Ok(Ending::Diverged { step, reason });
        }
        observers.updated(step, network)?;
        if state.step < settings.train.steps {
            let clock = Instant::now();
            let changed = loader.begin(network, state.step)?;
            state.optimizer.forget(&network.index, &changed);
            state.spent += clock.elapsed();
        }
        observers.state(state.step, network)?;
        observers.between(state, network)?;
    }
    Ok(Ending::Completed)
}

/// A division by 0 is not training that diverged: the arm cannot do anything with such a batch.
fn refuse_zero_variance<F: Scalar>(network: &Network<F>, space: &Workspace<F>) -> Result<(), NetworkError> {
    network.zero_variance(space).map_or(Ok(()), Err)
}

/// Why a batch loss counts as divergence, if it does: it is far above the first, or above guessing, ln K, where the first
/// was lower. A first batch of one or two samples that happen to be right has a loss near 0.
fn divergence(loss: f64, first: f64, classes: usize, above: f64) -> Option<String> {
    let guessing = (classes as f64).ln();
    if !loss.is_finite() {
        Some("the batch loss is not finite".to_owned())
    } else if loss > above * first.max(guessing) {
        let (than, of) = if first < guessing { ("guessing", guessing) } else { ("the first", first) };
        let above = if above < 1e7 { above.to_string() } else { format!("{above:e}") };
        Some(format!("the batch loss {loss:.4e} is above {above} times that of {than}, {of:.4}"))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn divergence_is_held_against_guessing_where_the_first_loss_was_lower() {
        // A first batch of one sample that was right: a loss of 0.9 does not mean divergence.
        assert_eq!(divergence(0.9, 1e-5, 10, 1e3), None);
        assert_eq!(divergence(2302.0, 1e-5, 10, 1e3), None);
        let reason = divergence(2303.0, 1e-5, 10, 1e3).unwrap();
        assert!(reason.ends_with("is above 1000 times that of guessing, 2.3026"), "{reason}");
        let reason = divergence(f64::MAX, 2.5, 10, 1e300).unwrap();
        assert!(reason.ends_with("is above 1e300 times that of the first, 2.5000"), "{reason}");
        assert_eq!(divergence(2400.0, 2.5, 10, 1e3), None);
        assert!(divergence(2600.0, 2.5, 10, 1e3).unwrap().ends_with("times that of the first, 2.5000"));
        assert!(divergence(f64::NAN, 2.5, 10, 1e3).is_some() && divergence(f64::INFINITY, 2.5, 10, 1e3).is_some());
    }
}
