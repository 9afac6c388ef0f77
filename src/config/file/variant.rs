//! `variants`: the arms that are compared, by name or with changes; and what an arm is once its knobs are read.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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
}

impl Arm {
    /// The arm of this name with the knobs that `object` gives it. Faults go to `problems`, under `path`.
    pub fn of(name: ArmName, object: &VariantObject, path: &str, problems: &mut Problems) -> Option<Self> {
        // Every field by name: a knob that is not looked at here does not compile.
        let VariantObject { name: _, base: _, bias: _, train_only: _ } = object;
        let _ = (path, &problems);
        Some(match name {
            ArmName::None => Self::None,
            ArmName::Affine => Self::Affine,
            ArmName::Standardize => Self::Standardize,
            ArmName::Bn => Self::Bn,
            ArmName::Center => Self::Center,
        })
    }

    /// Whether at initialisation the arm is the same function as no norm at all: γ = 1, β = 0, and no
    /// statistics.
    pub const fn starts_as_identity(self) -> bool {
        matches!(self, Self::None | Self::Affine)
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
}
