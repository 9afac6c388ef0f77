//! What a forward pass is for: training, or evaluation under one of three kinds of statistics.

/// Which means and variances a norm uses in evaluation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Statistics {
    /// Those of the batch at hand.
    Batch,
    /// The running ones, kept while training.
    Running,
    /// Those of a large sample of the training split (Wu & Johnson 2021); see
    /// [`Network::find_population`](super::Network::find_population).
    Population,
}

/// What a forward pass is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pass {
    /// A training step. What an arm draws at random depends on the run's seed and on the step.
    Train {
        /// The run's seed.
        seed: u64,
        /// Updates done so far.
        step: usize,
    },
    /// An evaluation: nothing is drawn at random.
    Evaluate(Statistics),
}

impl Pass {
    /// Whether arms with batch statistics take them from the batch at hand.
    pub const fn uses_batch(self) -> bool {
        matches!(self, Self::Train { .. } | Self::Evaluate(Statistics::Batch))
    }
}
