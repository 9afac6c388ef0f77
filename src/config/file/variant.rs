//! `variants`: the arms that are compared, by name or with changes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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
