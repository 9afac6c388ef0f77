//! What a user may write: the JSON configuration, key for key.
//!
//! These types are the only list of keys, types, ranges and constant defaults. `bn-exp schema`
//! prints the JSON Schema derived from them, and [`super::check`](mod@super::check) checks every configuration against
//! the same schema, so an editor and the program agree by construction. A key that is `Option`
//! here has a default that depends on other keys; [`super::resolve`] fills it in.

mod data;
mod metric;
mod model;
mod output;
mod training;
mod variant;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use data::{DataFile, Scaling};
pub use metric::{Kind, Metric, POPULATION, Part, Source, Statistics};
pub use model::{
    Activation, InitOptions, InitScheme, ModelFile, ModelKind, NormOptions, NormPosition, Pool, PoolKind, Precision,
};
pub use output::{CompareOptions, Every, LogFile};
pub use training::{OptimizerKind, OptimizerOptions, Schedule, TrainFile};
pub use variant::{Arm, ArmName, Keep, ScaleRows, VariantEntry, VariantObject};

/// A configuration of `bn-exp`: one experiment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "bn-exp experiment")]
pub struct ConfigFile {
    /// Where editors find this schema. Ignored by the program.
    #[serde(rename = "$schema", default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// Name of the experiment and of its results folder: letters, digits, `_`, `-`, `.`.
    pub name: String,
    /// What the experiment is for, in a sentence or two.
    #[serde(default)]
    pub description: String,
    /// The data set and how it is split and scaled.
    pub data: DataFile,
    /// The network.
    pub model: ModelFile,
    /// Constants of batch normalisation.
    #[serde(default)]
    pub norm: NormOptions,
    /// The arms to compare: names, or objects that change one.
    #[schemars(length(min = 1))]
    pub variants: Vec<VariantEntry>,
    /// The optimiser, its learning rate and schedule.
    pub optimizer: OptimizerOptions,
    /// Batch size and length of training.
    pub train: TrainFile,
    /// Seeds of the random numbers; each variant is trained once for each: a count N (seeds 0 to N − 1) or a list of seeds.
    #[serde(default)]
    pub seeds: Seeds,
    /// Axes to cross: each key is a dotted path into data, model, norm, optimizer, train or log, its value the list of values to try.
    #[serde(default)]
    pub sweep: Map<String, Value>,
    /// How often losses and statistics are recorded.
    #[serde(default)]
    pub log: LogFile,
    /// What `bn-exp compare` looks at.
    #[serde(default)]
    pub compare: CompareOptions,
}

/// `seeds`: a count N, for seeds 0 to N − 1, or a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Seeds {
    /// Seeds 0 to N − 1.
    Count(#[schemars(range(min = 1, max = 1_000_000))] u64),
    /// These seeds.
    List(#[schemars(length(min = 1), inner(range(max = 9_007_199_254_740_991u64)))] Vec<u64>),
}

impl Default for Seeds {
    fn default() -> Self {
        Self::Count(10)
    }
}
