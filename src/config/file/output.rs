//! `log` and `compare`: what is recorded and what is looked at.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::metric::Metric;

/// When something is recorded: every so many steps, or at the steps of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
pub enum Every {
    /// An interval in steps, from the start; 0 is never.
    Interval(#[schemars(range(max = 1_000_000_000))] usize),
    /// These steps.
    Steps(#[schemars(length(min = 1, max = 100_000))] Vec<usize>),
}

impl Every {
    /// Not at all.
    pub const NEVER: Self = Self::Interval(0);

    /// Whether nothing is recorded.
    pub fn is_never(&self) -> bool {
        *self == Self::NEVER
    }

    /// Whether something is recorded at a step. A list is in rising order.
    pub fn is_due(&self, step: usize) -> bool {
        match self {
            Self::Interval(0) => false,
            Self::Interval(every) => step.is_multiple_of(*every),
            Self::Steps(steps) => steps.binary_search(&step).is_ok(),
        }
    }

    /// How often that is before step `steps`.
    pub fn count(&self, steps: usize) -> usize {
        match self {
            Self::Interval(0) => 0,
            Self::Interval(every) => steps.div_ceil(*every),
            Self::Steps(list) => list.partition_point(|step| *step < steps),
        }
    }

    /// In rising order, each step once.
    pub fn sort(&mut self) {
        if let Self::Steps(steps) = self {
            steps.sort_unstable();
            steps.dedup();
        }
    }
}

impl Default for Every {
    fn default() -> Self {
        Self::NEVER
    }
}

/// `log`: how often things are recorded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LogFile {
    /// Steps between two recorded batch losses, or a list of steps (default about 500 in all).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch_every: Option<Every>,
    /// Steps between two evaluations on validation and training samples, or a list of steps (default from operation counts: about 4 % of training, not counting those at the start and at the end).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evaluate_every: Option<Every>,
    /// Steps between two looks at the activations, or a list of steps (default from operation counts: about 2.5 % of training, not counting those at the start and at the end).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activations_every: Option<Every>,
    /// Steps between two looks at the gradients, or a list of steps (default from operation counts: about 1.5 % of training, not counting those at the start and at the end).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gradients_every: Option<Every>,
    /// Steps between two looks at the loss along the gradient, or a list of steps.
    #[serde(default)]
    pub landscape_every: Every,
    /// Steps between two saved copies of the parameters, or a list of steps.
    #[serde(default)]
    pub snapshot_every: Every,
    /// Samples whose activations are looked at.
    #[serde(default = "LogFile::default_probe_size")]
    #[schemars(range(min = 2, max = 100_000))]
    pub probe_size: usize,
    /// Channels of each site that get rows of their own in activations.csv, from the first (default all).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = 65_536))]
    pub channels: Option<usize>,
    /// Training samples of the last evaluation, from the first (default all).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 2, max = 10_000_000))]
    pub train_final: Option<usize>,
    /// Training samples evaluated during training, from the first.
    #[serde(default = "LogFile::default_train_eval")]
    #[schemars(range(min = 2, max = 10_000_000))]
    pub train_eval: usize,
}

impl LogFile {
    fn default_probe_size() -> usize {
        256
    }
    fn default_train_eval() -> usize {
        1000
    }
}

impl Default for LogFile {
    fn default() -> Self {
        Self {
            batch_every: None,
            evaluate_every: None,
            activations_every: None,
            gradients_every: None,
            landscape_every: Every::NEVER,
            snapshot_every: Every::NEVER,
            probe_size: Self::default_probe_size(),
            channels: None,
            train_final: None,
            train_eval: Self::default_train_eval(),
        }
    }
}

/// `compare`: what `bn-exp compare` looks at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CompareOptions {
    /// The column that is compared.
    #[serde(default = "CompareOptions::default_metric")]
    pub metric: Metric,
    /// Sweep axes to be tuned for each arm separately: for every seed the value that the other seeds' validation favours. Arms are compared at each value of the other axes.
    #[serde(default)]
    pub select: Vec<String>,
    /// The arm that the experiment is about. Its contrast with the baseline is tested first, apart from the others (default `bn`, else the first arm that is not the baseline).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub primary: Option<String>,
    /// Validation accuracy to reach. The time to target is the first time that a run reaches it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub target_accuracy: Option<f64>,
    /// Differences of the metric smaller than this do not matter: an interval that lies within ± this value shows that two arms are equivalent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0))]
    pub equivalence_margin: Option<f64>,
}

impl CompareOptions {
    fn default_metric() -> Metric {
        Metric::TEST_ACCURACY
    }
}

impl Default for CompareOptions {
    fn default() -> Self {
        Self {
            metric: Self::default_metric(),
            select: Vec::new(),
            primary: None,
            target_accuracy: None,
            equivalence_margin: None,
        }
    }
}
