//! What an arm does after eq. 2, value by value.

use std::fmt::Debug;

use crate::kernels::Scalar;
use crate::nn::pass::Pass;

/// A map of each value by itself, after γ and β: a stage of its own in the block. Its randomness, if it
/// has any, follows from the pass's seed and step and from the block's index, and from nothing else.
pub trait Elementwise<F: Scalar>: Debug + Send + Sync {
    /// Values that the forward pass keeps for the backward pass, for a batch of so many samples.
    fn kept(&self, samples: usize) -> usize;

    /// y ← f(x), for x and y of `samples` samples. In evaluation f is the identity, unless the arm says otherwise.
    fn forward(&self, pass: Pass, samples: usize, x: &[F], y: &mut [F], kept: &mut [F]);

    /// Turns dy into dx in place, with what the forward pass of the same pass kept.
    fn backward(&self, pass: Pass, samples: usize, d: &mut [F], kept: &[F]);

    /// The random draws of a training step, for whoever replays it.
    fn draws(&self, seed: u64, step: usize, samples: usize) -> Draws<F>;
}

/// Draws by name, each [samples, C].
pub type Draws<F> = Vec<(&'static str, Vec<F>)>;
