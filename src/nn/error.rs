//! What can be wrong with a network.

/// A network that cannot be built or run as asked.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum NetworkError {
    /// Statistics of one value.
    #[error(
        "block {block} ({layer}): batch statistics need at least two values per channel, \
         but a batch of {samples} gives one; raise the batch size"
    )]
    OneValuePerChannel {
        /// Index of the block.
        block: usize,
        /// What kind of layer it is.
        layer: String,
        /// Samples that share the statistics.
        samples: usize,
    },
    /// A training batch that the arm's groups do not cut into equal parts.
    #[error("statistics are taken of {group} samples at a time, which do not divide train.batch_size, {batch_size}")]
    UnequalGroups {
        /// Samples in a group.
        group: usize,
        /// Samples in the batch.
        batch_size: usize,
    },
    /// Groups of one value.
    #[error(
        "block {block}: the statistics of {} would be taken over one value alone, which is its own mean; give ghost a larger \
         batch, or layer_norm more than one channel",
        if *group == 1 { "one sample".to_owned() } else { format!("{group} samples") }
    )]
    SmallGroups {
        /// Index of the block.
        block: usize,
        /// Samples in a group.
        group: usize,
    },
    /// `weight_std` over one weight.
    #[error(
        "block {block}: weight_std standardises the weights into a channel, and there is one alone, which is its own mean: \
         it would be 0 for ever; leave the arm out, or give the layer more inputs"
    )]
    OneWeight {
        /// Index of the block.
        block: usize,
    },
    /// A norm that divides by 0.
    #[error(
        "block {block}, channel {channel}: the variance over the batch is {variance:?} and norm.epsilon {epsilon:?}, so \
         dividing by the standard deviation gives no number; raise norm.epsilon, or leave out features that do not vary"
    )]
    ZeroVariance {
        /// Index of the block.
        block: usize,
        /// Index of the channel.
        channel: usize,
        /// σ²
        variance: f64,
        /// ε
        epsilon: f64,
    },
    /// A norm whose input is too large.
    #[error(
        "block {block}, channel {channel}: the variance over the batch is larger than any number of this precision; scale \
         the data (data.scaling `standardize`), or train in f64 (model.precision)"
    )]
    InfiniteVariance {
        /// Index of the block.
        block: usize,
        /// Index of the channel.
        channel: usize,
    },
    /// `train_only` names nothing in this network.
    #[error("train_only entry `{entry}` names no parameter of this network; it has {known}")]
    UnknownParameter {
        /// What was written.
        entry: String,
        /// What there is.
        known: String,
    },
    /// `scale_rows` with a share of less than a channel.
    #[error(
        "scale_rows.share {share} of {channels} channels is less than one channel, so nothing would be multiplied; raise \
         it to at least {least:.3}"
    )]
    NoRows {
        /// The share.
        share: f64,
        /// Channels of the widest hidden block.
        channels: usize,
        /// 1/channels, rounded up.
        least: f64,
    },
    /// `gamma` or `beta` in a residual network without a skip connection.
    #[error(
        "{knob} is that of blocks with a skip connection, and this residual network has none: its first hidden layer \
         has no skip; give model.hidden at least two widths"
    )]
    NoSkip {
        /// The knob.
        knob: &'static str,
    },
    /// γ of 0 and β of at most 0 in front of a ReLU.
    #[error(
        "block {block}: with gamma 0 and beta not above 0 the ReLU's output is 0 for every input, and so is its \
         derivative: no input could ever reach the output; give gamma or beta another value, or let a skip connection carry the \
         input past it (model.residual with norm_position after_activation)"
    )]
    NeverTrains {
        /// Index of the block.
        block: usize,
    },
    /// γ of 0 in blocks one behind the other.
    #[error(
        "block {block}: with gamma 0 in every block it gets the same for every sample, its norm makes 0 of that, and so the \
         derivative of gamma is 0: nothing but the last beta and the output layer could ever train; give gamma another \
         value, or let a skip connection carry the input past it (model.residual with norm_position after_activation)"
    )]
    SeesNothing {
        /// Index of the block.
        block: usize,
    },
    /// γ of 0 that is not trained.
    #[error(
        "block {block}: gamma is 0 and train_only leaves it out, so no input could ever reach the output; give gamma another \
         value, or add \"gamma\" to train_only"
    )]
    GammaStays {
        /// Index of the block.
        block: usize,
    },
}
