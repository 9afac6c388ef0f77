//! The order of things in a block, and the places in it that probes look at.

use crate::config::settings::{Layer, NormPosition, PoolKind};

/// One step of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Wu + b
    Map,
    /// The arm's norm; absent for arm `none`.
    Norm,
    /// What the arm does after γ and β, if anything.
    After,
    /// φ
    Activation,
    /// 2×2 pooling
    Pool,
    /// Adds the block's input u.
    Skip,
}

/// A place in a block that probes look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Site {
    /// What the norm reads; arms without a norm have the same place.
    NormInput,
    /// What the norm writes; without a norm, what it would read.
    NormOutput,
    /// φ's output
    Activation,
    /// The pool's output
    Pool,
}

impl Site {
    /// All of them, in the order of the tables.
    pub const ALL: [Self; 4] = [Self::NormInput, Self::NormOutput, Self::Activation, Self::Pool];

    /// Its name in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NormInput => "norm_input",
            Self::NormOutput => "norm_output",
            Self::Activation => "activation",
            Self::Pool => "pool",
        }
    }
}

/// The stages of a layer whose arm has a norm or not, with something after it or not.
pub fn stages(layer: &Layer, position: NormPosition, has_norm: bool, has_after: bool) -> Vec<Stage> {
    if !layer.hidden {
        return vec![Stage::Map];
    }
    let is_present = |stage: &Stage| match stage {
        Stage::Norm => has_norm,
        Stage::After => has_after,
        Stage::Pool => layer.pool != PoolKind::None,
        Stage::Skip => layer.residual,
        _ => true,
    };
    let order = match position {
        NormPosition::BeforeActivation => [Stage::Norm, Stage::After, Stage::Activation, Stage::Pool],
        NormPosition::AfterActivation => [Stage::Activation, Stage::Norm, Stage::After, Stage::Pool],
        NormPosition::AfterPool => [Stage::Activation, Stage::Pool, Stage::Norm, Stage::After],
    };
    [Stage::Map].into_iter().chain(order).chain([Stage::Skip]).filter(is_present).collect()
}

/// The stage whose output the norm reads, or would read if the arm had one.
pub fn before_norm(layer: &Layer, position: NormPosition) -> usize {
    let has_pool = layer.pool != PoolKind::None;
    match position {
        _ if !layer.hidden => 0,
        NormPosition::BeforeActivation => 0,
        NormPosition::AfterActivation => 1,
        NormPosition::AfterPool => 1 + usize::from(has_pool),
    }
}
