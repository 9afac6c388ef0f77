//! `variants`: the arms that are compared, by name or with changes; and what an arm is once its knobs are read.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::config::names::serde_name;
use crate::config::problem::Problems;

/// An arm: what stands where the norm could stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "Arm")]
pub enum ArmName {
    /// Nothing; the layer keeps its bias.
    None,
    /// y = γx + β (eq. 3)
    Affine,
    /// x̂ = (x − μ)/√(σ² + ε) alone (eq. 1)
    Standardize,
    /// y = γx̂ + β (eqs. 1 and 2)
    Bn,
    /// y = γ(x − μ) + β: only the mean is subtracted
    Center,
    /// y = γx/√(σ² + ε) + β: only divided by the SD
    Scale,
    /// As bn, but no gradient passes through μ and σ
    Detached,
    /// As affine, but γ and β start from the statistics of the first minibatch
    AffineInit,
    /// As bn, with the statistics of the first minibatch for ever
    Frozen,
    /// Eq. 3 behind constants that are those of the minibatch at every `every`-th step
    Refresh,
    /// Each sample standardised over its own features, without a batch; γ and β per channel
    LayerNorm,
    /// Eq. 3 behind weights that are standardised themselves, without looking at data
    WeightStd,
    /// As bn, with random factors and shifts after γ and β, off in evaluation
    Noisy,
    /// As bn, with the statistics of groups of `batch` samples
    Ghost,
}

impl ArmName {
    /// What the arm makes of x, in a line. With x̂ = (x − μ)/√(σ² + ε), where μ and σ² are the moments of the minibatch.
    pub const fn formula(self) -> &'static str {
        match self {
            Self::None => "y = x",
            Self::Affine => "y = γx + β",
            Self::Standardize => "y = x̂",
            Self::Bn => "y = γx̂ + β",
            Self::Center => "y = γ(x − μ) + β",
            Self::Scale => "y = γx/√(σ² + ε) + β",
            Self::Detached => "y = γx̂ + β, and no gradient through μ and σ²",
            Self::AffineInit => "y = γx + β, at first with γ = 1/√(σ² + ε) and β = −γμ of the first minibatch",
            Self::Frozen => "y = γ(x − m)/√(v + ε) + β with m and v the μ and σ² of the first minibatch",
            Self::Refresh => {
                "y = γ(x − m)/√(v + ε) + β with m and v the μ and σ² of a minibatch, found anew now and then"
            }
            Self::LayerNorm => "y = γ(x − m)/√(v + ε) + β with m and v the moments of one sample's features",
            Self::WeightStd => "y = γŴu + β with the rows of Ŵ standardised",
            Self::Noisy => "y = f(γx̂ + β) + b with f and b random in training, for each step, sample and channel",
            Self::Ghost => "y = γx̂ + β with μ and σ² of groups of samples",
        }
    }
}

/// What stays as it is when arm `refresh` takes new constants.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Keep {
    /// The function: γ and β make up for the change.
    #[default]
    Function,
    /// γ and β: the function jumps.
    Parameters,
}

/// An arm with its knobs. They lie in its entry, which is part of a run's identity as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "as at the names")]
pub enum Arm {
    None,
    Affine,
    Standardize,
    Bn,
    Center,
    Scale,
    Detached,
    AffineInit,
    Frozen,
    Refresh { every: usize, keep: Keep },
    LayerNorm,
    WeightStd,
    Noisy,
    Ghost { batch: usize },
}

impl Arm {
    /// The arm of this name with the knobs that `object` gives it. Faults go to `problems`, under `path`.
    pub fn of(name: ArmName, object: &VariantObject, path: &str, problems: &mut Problems) -> Option<Self> {
        let mut knobs = object.knobs();
        let word = serde_name(&name);
        let mut needed = |knob: &str| {
            let value = knobs.remove(knob);
            if value.is_none() {
                let example = format!("{{\"name\": \"{word}\", \"{knob}\": …}}");
                problems.add(format!("{path}.{knob}"), format!("missing; arm {word} needs it: {example}"));
            }
            value
        };
        let arm = match name {
            ArmName::None => Some(Self::None),
            ArmName::Affine => Some(Self::Affine),
            ArmName::Standardize => Some(Self::Standardize),
            ArmName::Bn => Some(Self::Bn),
            ArmName::Center => Some(Self::Center),
            ArmName::Scale => Some(Self::Scale),
            ArmName::Detached => Some(Self::Detached),
            ArmName::AffineInit => Some(Self::AffineInit),
            ArmName::Frozen => Some(Self::Frozen),
            ArmName::Refresh => needed("every")
                .and_then(|v| serde_json::from_value(v).ok())
                .map(|every| Self::Refresh { every, keep: object.keep.unwrap_or_default() }),
            ArmName::LayerNorm => Some(Self::LayerNorm),
            ArmName::WeightStd => Some(Self::WeightStd),
            ArmName::Noisy => Some(Self::Noisy),
            ArmName::Ghost => {
                needed("batch").and_then(|v| serde_json::from_value(v).ok()).map(|batch| Self::Ghost { batch })
            }
        };
        knobs.retain(|knob, _| !(name == ArmName::Refresh && knob == "keep"));
        for knob in knobs.keys() {
            problems.add(format!("{path}.{knob}"), format!("has no meaning with arm {word}"));
        }
        arm
    }

    /// Whether γ and β follow.
    pub const fn has_affine(self) -> bool {
        !matches!(self, Self::None | Self::Standardize)
    }

    /// Whether it standardises by the statistics of the batch in training, and by kept ones in evaluation: for these those of
    /// the population can stand.
    pub const fn has_population(self) -> bool {
        matches!(
            self,
            Self::Standardize
                | Self::Bn
                | Self::Center
                | Self::Scale
                | Self::Detached
                | Self::Noisy
                | Self::Ghost { .. }
        )
    }

    /// Whether at initialisation the arm is the same function as no norm at all: γ = 1, β = 0, and no
    /// statistics.
    pub const fn starts_as_identity(self) -> bool {
        matches!(self, Self::None | Self::Affine)
    }
}

/// Initial weights of some channels, multiplied: after they are drawn, before a start that depends on data.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScaleRows {
    /// Share of each hidden block's channels, the first ones, rounded down.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub share: f64,
    /// Factor of all their incoming weights.
    #[serde(default = "ScaleRows::one")]
    #[schemars(range(min = 1e-6, max = 1e6))]
    pub factor: f64,
    /// Each of them has a factor of its own besides, eᵘ with u uniform between ± ln of this.
    #[serde(default = "ScaleRows::one")]
    #[schemars(range(min = 1.0, max = 1e6))]
    pub spread: f64,
}

impl ScaleRows {
    /// Whether every weight stays as it was drawn.
    pub fn changes_nothing(&self) -> bool {
        self.share == 0.0 || self.factor == 1.0 && self.spread == 1.0
    }

    fn one() -> f64 {
        1.0
    }
}

/// One entry of `variants`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum VariantEntry {
    /// An arm by its name.
    Name(ArmName),
    /// An arm with changes, under a name of its own.
    Object(VariantObject),
}

/// An arm with changes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VariantObject {
    /// Name in the tables: letters, digits, `_`, `-`, `.`.
    pub name: String,
    /// The arm that is changed (default: the arm called `name`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<ArmName>,
    /// Whether hidden layers have a bias (default: only arm `none`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bias: Option<bool>,
    /// Train only these, and freeze everything else: tensors (`weight`, `bias`, `gamma`, `beta`) or whole parameter names (`blocks.0.weight`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub train_only: Option<Vec<String>>,
    /// Initial γ (default 1). In a residual network that of the blocks with a skip connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = -1e6, max = 1e6))]
    pub gamma: Option<f64>,
    /// Initial β (default 0). In a residual network that of the blocks with a skip connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = -1e6, max = 1e6))]
    pub beta: Option<f64>,
    /// Multiplies the initial weights of some channels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scale_rows: Option<ScaleRows>,
    /// Steps between two refreshes of the constants (arm `refresh`, required there).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub every: Option<usize>,
    /// What stays as it is at a refresh: the function that the network computes, or the parameters γ and β (arm `refresh`, default `function`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep: Option<Keep>,
    /// Samples that share statistics; they must divide the batch size (arm `ghost`, required there).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub batch: Option<usize>,
}

impl VariantObject {
    /// The keys that belong to single arms, with their values.
    fn knobs(&self) -> Map<String, Value> {
        let Ok(Value::Object(mut keys)) = serde_json::to_value(self) else { return Map::new() };
        keys.retain(|key, _| {
            !["name", "base", "bias", "train_only", "gamma", "beta", "scale_rows"].contains(&key.as_str())
        });
        keys
    }
}
