//! An arm with its knobs: everything that decides what it does.

use serde::{Deserialize, Serialize};

use super::file::{ArmName, VariantObject};
use super::problem::Problems;

/// What stands where the norm could stand. An arm's knobs lie in its entry, which is part of a run's
/// identity as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Arm {
    /// Nothing; the layer keeps its bias.
    None,
    /// y = γx + β (eq. 3)
    Affine,
    /// x̂ = (x − μ)/√(σ² + ε) alone (eq. 1)
    Standardize,
    /// y = γx̂ + β (eqs. 1 and 2)
    Bn,
}

impl Arm {
    /// The arm of this name with the knobs that `object` gives it; faults go to `problems`, under `path`.
    pub fn of(name: ArmName, object: &VariantObject, path: &str, problems: &mut Problems) -> Option<Self> {
        // Every field by name: a new knob is looked at here, or this does not compile.
        let VariantObject { name: _, base: _, bias: _, train_only: _ } = object;
        let _ = (path, &problems);
        Some(match name {
            ArmName::None => Self::None,
            ArmName::Affine => Self::Affine,
            ArmName::Standardize => Self::Standardize,
            ArmName::Bn => Self::Bn,
        })
    }

    /// Whether at initialisation the arm is the same function as no norm at all: γ = 1, β = 0, and no
    /// statistics.
    pub const fn starts_as_identity(self) -> bool {
        match self {
            Self::None | Self::Affine => true,
            Self::Standardize | Self::Bn => false,
        }
    }
}
