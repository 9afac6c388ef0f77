//! Which initial γ and β a network can be trained from.

use super::error::NetworkError;
use crate::config::settings::{Activation, Arm, Layer, NormPosition, Settings, Variant};

/// Refuses γ = 0 where no input could ever reach the output, or nothing could ever train.
///
/// # Errors
/// The block at which it ends, and why.
pub(super) fn check(layers: &[Layer], settings: &Settings, variant: &Variant) -> Result<(), NetworkError> {
    if let Some(block) = first_that_never_trains(layers, settings, variant) {
        return Err(NetworkError::NeverTrains { block });
    }
    first_that_sees_nothing(layers, settings, variant).map_or(Ok(()), |block| Err(NetworkError::SeesNothing { block }))
}

/// Whether γ of a variant starts at 0. No configuration has a value that is 0 in single precision alone.
pub(super) fn has_gamma_0(variant: &Variant) -> bool {
    variant.gamma == Some(0.0)
}

fn initial_beta(variant: &Variant) -> f64 {
    variant.beta.unwrap_or(0.0)
}

/// What an arm does to values that are the same for every sample.
#[derive(Default)]
struct OfConstants {
    /// It makes 0 of them, as long as they stay what they are.
    centres: bool,
    /// Where no zeros are added at a border, its weights map them to 0.
    maps_to_0: bool,
    /// It adds something to β.
    adds: bool,
}

impl OfConstants {
    /// The compiler asks for every arm.
    fn of(variant: &Variant, settings: &Settings) -> Self {
        // Weight decay moves W, and with it x away from the constant that is subtracted.
        let keeps_constants = settings.optimizer.weight_decay == 0.0;
        match variant.arm {
            Arm::Bn | Arm::Center | Arm::Detached | Arm::Ghost { .. } => Self { centres: true, ..Self::default() },
            Arm::Frozen | Arm::Refresh { .. } => Self { centres: keeps_constants, ..Self::default() },
            Arm::WeightStd => Self { maps_to_0: true, ..Self::default() },
            Arm::Noisy => Self { adds: true, ..Self::default() },
            Arm::None | Arm::Affine | Arm::Standardize | Arm::Scale | Arm::AffineInit | Arm::LayerNorm => {
                Self::default()
            }
        }
    }
}

/// Whether γ of a variant starts at 0, so that a norm gives β for any input.
fn starts_at_beta(variant: &Variant, settings: &Settings) -> bool {
    has_gamma_0(variant) && !OfConstants::of(variant, settings).adds
}

/// Whether γ and β of a variant start such that a norm gives 0 to a ReLU for every input.
fn starts_silent(settings: &Settings, variant: &Variant) -> bool {
    let is_dead = starts_at_beta(variant, settings) && initial_beta(variant) <= 0.0;
    is_dead && settings.model.activation == Activation::Relu
}

/// With γ = 0 in every block, each block gets the same value for every sample. This finds the first block whose norm turns
/// that value into 0.
///
/// γ of this block then has a derivative of 0, and γ = 0 lets no derivative pass to the blocks before. Both stay so for ever:
/// β of the last block and the output layer learn, and no input ever reaches them.
fn first_that_sees_nothing(layers: &[Layer], settings: &Settings, variant: &Variant) -> Option<usize> {
    if !starts_at_beta(variant, settings) || settings.model.is_residual() {
        return None;
    }
    let activated = |x: f64| match settings.model.activation {
        Activation::Relu => x.max(0.0),
        Activation::Tanh => x.tanh(),
        Activation::Sigmoid => 1.0 / (1.0 + (-x).exp()),
        Activation::Identity => x,
    };
    let is_before = settings.model.norm_position == NormPosition::BeforeActivation;
    let beta = initial_beta(variant);
    // What a block hands on, the same in every channel, at every position, for every sample.
    let handed_on = if is_before { activated(beta) } else { beta };
    let OfConstants { centres, maps_to_0, .. } = OfConstants::of(variant, settings);
    let makes_nothing = |layer: &Layer| {
        // At the border of a convolution zeros are added, so that its output is not the same everywhere.
        let has_border = layer.kernel.is_some_and(|side| side > 1) && layer.mapped.area() > 1;
        let is_mapped_to_0 = handed_on == 0.0 || maps_to_0 && !has_border;
        is_mapped_to_0 && (is_before || activated(0.0) == 0.0) || centres && !has_border
    };
    let hidden = layers.iter().enumerate().filter(|(_, layer)| layer.hidden);
    hidden.skip(1).find(|(_, layer)| makes_nothing(layer)).map(|(block, _)| block)
}

/// The first block behind which nothing trains, with γ = 0 and β ≤ 0: an output of 0 behind a ReLU has a derivative of 0.
fn first_that_never_trains(layers: &[Layer], settings: &Settings, variant: &Variant) -> Option<usize> {
    if !starts_silent(settings, variant) {
        return None;
    }
    let last_hidden = layers.len().saturating_sub(2);
    let is_before = settings.model.norm_position == NormPosition::BeforeActivation;
    // Behind an activation zeros reach the next block's ReLU; what is below 0 does not.
    let reaches = initial_beta(variant) == 0.0;
    let stops = |block: usize, layer: &Layer| {
        let is_set = layer.hidden && !layer.residual && !settings.model.is_residual();
        is_set && (is_before || reaches && block < last_hidden)
    };
    layers.iter().enumerate().position(|(block, layer)| stops(block, layer))
}

/// Whether the branches of a residual network can never train from this start, though the rest can.
pub fn has_silent_branches(settings: &Settings, variant: &Variant) -> bool {
    let is_before = settings.model.norm_position == NormPosition::BeforeActivation;
    settings.model.is_residual() && is_before && starts_silent(settings, variant)
}
