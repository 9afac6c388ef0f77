//! Everything that is said of one experiment, as values: reports only put it into words and tables.

use serde::Serialize;
use serde_json::Value;

use super::arms::{ArmEstimate, TimeToTarget};
use super::contrasts::{Contrast, SwitchEffect};
use super::curve::Curve;
use super::warning::{Missing, Warning};
use crate::config::file::Metric;

/// What was found in one experiment. Settings and candidates are given by the paths and values of their axes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// Name of the experiment.
    pub name: String,
    /// What is compared.
    pub metric: Metric,
    /// Paths of the axes that each arm is tuned over.
    pub tuned: Vec<String>,
    /// Paths of the other axes.
    pub by: Vec<String>,
    /// Differences smaller than this do not matter.
    pub equivalence_margin: Option<f64>,
    /// Validation accuracy to be reached.
    pub target_accuracy: Option<f64>,
    /// `bn` less the baseline first, each at every setting.
    pub contrasts: Vec<Contrast>,
    /// What the two switches do, where the experiment has their four arms.
    pub effects: Vec<SwitchEffect>,
    /// Setting by setting, arms in the order of the configuration.
    pub arms: Vec<ArmEstimate>,
    /// Times to the target, if there is one.
    pub times_to_target: Vec<TimeToTarget>,
    /// The metric over the tuned axes.
    pub curves: Vec<Curve>,
    /// Planned runs.
    pub planned: usize,
    /// Those without a result.
    pub missing: Vec<Missing>,
    /// What must be known before the numbers are believed.
    pub warnings: Vec<Warning>,
    /// Whether the data are the same for every seed.
    #[serde(skip)]
    pub has_fixed_data: bool,
    /// The configuration with every default filled in.
    #[serde(skip)]
    pub configuration: Value,
    /// Version of the program's numbers.
    #[serde(skip)]
    pub numerics: String,
}
