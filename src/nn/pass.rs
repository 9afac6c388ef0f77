//! What a forward pass is for: training, or evaluation under one of three kinds of statistics.

pub use crate::config::file::Statistics;

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
