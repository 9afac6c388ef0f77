//! The arms, each as the composition of its parts.

use std::fmt::Debug;

use super::affine_init::AffineInit;
use super::batch::Batch;
use super::center::Center;
use super::detached::Detached;
use super::elementwise::Elementwise;
use super::frozen::Frozen;
use super::ghost::Ghost;
use super::layer_norm::LayerNorm;
use super::noisy::Noisy;
use super::off::Off;
use super::refresh::Refresh;
use super::reparametrise::Reparametrise;
use super::scale::Scale;
use super::standardize::Standardize;
use super::weight_std::WeightStd;
use crate::config::settings::{Activation, Arm, NormOptions};
use crate::kernels::Scalar;

/// Where a norm stands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Place {
    /// Index of the block.
    pub block: usize,
    /// Channels of the feature map that it reads.
    pub channels: usize,
    /// Positions of that feature map.
    pub area: usize,
    /// ε and the momentum of the running statistics.
    pub options: NormOptions,
    /// φ of the hidden layers.
    pub activation: Activation,
}

/// What an arm is made of.
#[derive(Debug)]
pub struct Parts<F: Scalar> {
    /// Eq. 1; `None` means that there is no norm at all.
    pub standardize: Option<Box<dyn Standardize<F>>>,
    /// Whether γ and β follow (eq. 2). They need a norm: eq. 3 alone is [`Off`] with γ and β.
    pub affine: bool,
    /// What comes after γ and β.
    pub after: Option<Box<dyn Elementwise<F>>>,
    /// What the weights in front of the norm are made of.
    pub weight: Option<Box<dyn Reparametrise<F>>>,
}

/// The parts of an arm.
pub fn parts<F: Scalar>(arm: Arm, place: Place) -> Parts<F> {
    let NormOptions { epsilon, momentum } = place.options;
    match arm {
        Arm::None => Parts { standardize: None, affine: false, after: None, weight: None },
        Arm::Affine => Parts::of(Off).with_affine(),
        Arm::Standardize => Parts::of(Batch { epsilon }),
        Arm::Bn => Parts::of(Batch { epsilon }).with_affine(),
        Arm::Center => Parts::of(Center).with_affine(),
        Arm::Scale => Parts::of(Scale { epsilon }).with_affine(),
        Arm::Detached => Parts::of(Detached { epsilon }).with_affine(),
        Arm::AffineInit => Parts::of(AffineInit { epsilon }).with_affine(),
        Arm::Frozen => Parts::of(Frozen { epsilon }).with_affine(),
        Arm::Refresh { every, keep } => Parts::of(Refresh { every, keep, epsilon, momentum }).with_affine(),
        Arm::LayerNorm => Parts::of(LayerNorm { channels: place.channels, epsilon }).with_affine(),
        Arm::WeightStd => Parts::of(Off).with_affine().with_weight(WeightStd::new(place.activation)),
        Arm::Noisy => Parts::of(Batch { epsilon })
            .with_affine()
            .with_after(Noisy { block: place.block, channels: place.channels }),
        Arm::Ghost { batch } => Parts::of(Ghost { batch, epsilon }).with_affine(),
    }
}

impl<F: Scalar> Parts<F> {
    /// Eq. 1 alone.
    pub fn of(standardize: impl Standardize<F> + 'static) -> Self {
        Self { standardize: Some(Box::new(standardize)), affine: false, after: None, weight: None }
    }

    /// With weights that are a function of the parameters.
    pub fn with_weight(self, weight: impl Reparametrise<F> + 'static) -> Self {
        Self { weight: Some(Box::new(weight)), ..self }
    }

    /// With something after γ and β.
    pub fn with_after(self, after: impl Elementwise<F> + 'static) -> Self {
        Self { after: Some(Box::new(after)), ..self }
    }

    /// The same with γ and β.
    pub fn with_affine(self) -> Self {
        Self { affine: true, ..self }
    }
}
