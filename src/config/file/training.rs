//! `optimizer` and `train`: how parameters move, on how much data, for how long.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Kind of optimiser.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OptimizerKind {
    /// v ← mv + g, θ ← θ − ηv
    Sgd,
    /// Adam (Kingma & Ba 2015); weight decay joins the gradient
    Adam,
    /// AdamW (Loshchilov & Hutter 2019); weight decay shrinks the weights directly
    Adamw,
}

/// How the learning rate moves over training.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Schedule {
    /// lr throughout
    Constant,
    /// from lr to 0 along half a cosine
    Cosine,
    /// times `step_factor` after every `step_every` steps
    Step,
}

/// `optimizer`: the optimiser, its learning rate and schedule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OptimizerOptions {
    /// Kind of optimiser.
    pub kind: OptimizerKind,
    /// Learning rate η.
    #[schemars(range(max = 1e6), extend("exclusiveMinimum" = 0))]
    pub lr: f64,
    /// Momentum m (kind `sgd`).
    #[serde(default)]
    #[schemars(range(min = 0.0), extend("exclusiveMaximum" = 1))]
    pub momentum: f64,
    /// Nesterov's momentum (kind `sgd`, with `momentum`).
    #[serde(default)]
    pub nesterov: bool,
    /// β₁ of Adam.
    #[serde(default = "OptimizerOptions::default_beta1")]
    #[schemars(range(min = 0.0), extend("exclusiveMaximum" = 1))]
    pub beta1: f64,
    /// β₂ of Adam.
    #[serde(default = "OptimizerOptions::default_beta2")]
    #[schemars(range(min = 0.0), extend("exclusiveMaximum" = 1))]
    pub beta2: f64,
    /// ε of Adam, outside the root. Above 0: where a gradient is 0, Adam would divide 0 by 0.
    #[serde(default = "OptimizerOptions::default_epsilon")]
    #[schemars(range(max = 1.0), extend("exclusiveMinimum" = 0))]
    pub epsilon: f64,
    /// Weight decay, on weights only unless `decay_norm`.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 1e6))]
    pub weight_decay: f64,
    /// Decay γ, β and biases too.
    #[serde(default)]
    pub decay_norm: bool,
    /// How the learning rate moves over training.
    #[serde(default = "OptimizerOptions::default_schedule")]
    pub schedule: Schedule,
    /// Steps over which the rate first rises linearly to lr.
    #[serde(default)]
    #[schemars(range(max = 1_000_000_000))]
    pub warmup: usize,
    /// Steps between two falls of schedule `step` (required there).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub step_every: Option<usize>,
    /// Factor of each fall of schedule `step` (default 0.1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = 1.0), extend("exclusiveMinimum" = 0))]
    pub step_factor: Option<f64>,
}

impl OptimizerOptions {
    fn default_beta1() -> f64 {
        0.9
    }
    fn default_beta2() -> f64 {
        0.999
    }
    fn default_epsilon() -> f64 {
        1e-8
    }
    fn default_schedule() -> Schedule {
        Schedule::Constant
    }
}

/// `train`: batch size and length of training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TrainFile {
    /// Samples in a minibatch; the last partial batch of an epoch is dropped.
    #[serde(default = "TrainFile::default_batch_size")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub batch_size: usize,
    /// Length of training in steps (give this or `epochs`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub steps: Option<usize>,
    /// Length of training in epochs (give this or `steps`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub epochs: Option<usize>,
    /// A batch loss above this many times the first, or above this many times ln(classes) if the first is lower, counts as divergence.
    #[serde(default = "TrainFile::default_diverged_above")]
    #[schemars(range(max = 1e300), extend("exclusiveMinimum" = 1))]
    pub diverged_above: f64,
}

impl TrainFile {
    fn default_batch_size() -> usize {
        64
    }
    fn default_diverged_above() -> f64 {
        1e3
    }
}
