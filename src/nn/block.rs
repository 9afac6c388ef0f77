//! One layer of a network: u → a = pool(φ(norm(Wu + b))), or with the norm further back.
//!
//! A block is a list of [`Stage`]s, each reading what the one before it wrote. The order is the only
//! thing `norm_position` changes, and the places between stages are the sites that probes look at.
//! [`super::staged`] computes it stage by stage and keeps every value; [`super::fused`] computes the same in
//! fewer passes over memory, for training.

use std::ops::Range;

use super::conv::{Conv, Scratch};
use super::input::Features;
use super::linear::Linear;
use super::norm::Norm;
use super::norm::elementwise::Elementwise;
use super::norm::reparametrise::Reparametrise;
use super::stages::{Site, Stage};
use super::workspace::BlockSpace;
use crate::config::settings::{Activation, Layer, PoolKind, Shape};
use crate::kernels::activation::Function;
use crate::kernels::{self, Scalar, pool};

/// Wu, the learnable linear part.
#[derive(Debug, Clone)]
pub enum Map {
    /// Fully connected.
    Linear(Linear),
    /// Convolution.
    Conv(Box<Conv>),
}

/// How a block is computed in few passes over memory; see [`super::fused`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fused {
    /// Fully connected: the whole batch at once.
    Dense,
    /// A convolution whose norm does not look at the batch: an image at a time, from the map to the pool.
    Images,
    /// A convolution whose norm looks at the batch: all images through the map, then all through the rest.
    Batch,
}

/// One layer.
#[derive(Debug)]
pub struct Block<F: Scalar> {
    /// Sizes.
    pub layer: Layer,
    /// W
    pub map: Map,
    /// Place of the weights among the parameters.
    pub weight: Range<usize>,
    /// Computes Ŵ from the weights, if they differ.
    pub reparametrise: Option<Box<dyn Reparametrise<F>>>,
    /// Place of the biases, if the layer has any.
    pub bias: Option<Range<usize>>,
    /// The arm's eqs. 1 and 2, unless it is `none`.
    pub norm: Option<Norm<F>>,
    /// What the arm does after them.
    pub after: Option<Box<dyn Elementwise<F>>>,
    /// φ
    pub activation: Activation,
    /// φ, as kernels call it.
    pub function: Function,
    /// What happens, in order.
    pub stages: Vec<Stage>,
    /// The stage whose output the norm reads, or would read if the arm had one.
    pub before_norm: usize,
    /// How training computes it; `None` is stage by stage.
    pub fused: Option<Fused>,
}

impl<F: Scalar> Block<F> {
    /// The stage that writes the values at a site, if the block has the site.
    pub fn stage_of(&self, site: Site) -> Option<usize> {
        let of_the_arm = usize::from(self.norm.is_some()) + usize::from(self.after.is_some());
        match site {
            _ if !self.layer.hidden => None,
            Site::NormInput => Some(self.before_norm),
            Site::NormOutput => Some(self.before_norm + of_the_arm),
            Site::Activation => self.stages.iter().position(|s| *s == Stage::Activation),
            Site::Pool => self.stages.iter().position(|s| *s == Stage::Pool),
        }
    }

    /// Shape after the given stage.
    pub fn shape_after(&self, stage: usize) -> Shape {
        let is_pooled = self.stages[..=stage].contains(&Stage::Pool);
        if is_pooled { self.layer.output() } else { self.layer.mapped }
    }

    /// Whether the block has a max pool.
    pub fn has_max_pool(&self) -> bool {
        self.layer.pool == PoolKind::Max
    }

    /// Whether the fused path keeps Wu of the whole batch, and not of one image only.
    pub(super) fn keeps_mapped(&self) -> bool {
        self.fused != Some(Fused::Images) || !self.has_max_pool()
    }

    /// The gradients of the map's weight and, if there is room for it, of its input, from the gradient of Wu.
    #[allow(clippy::too_many_arguments, reason = "each is a buffer of its own")]
    pub(super) fn map_backward(
        &self,
        weight: &[F],
        input: Features<F>,
        dmapped: &[F],
        scratch: Option<&mut Scratch<F>>,
        dweight: &mut [F],
        dinput: Option<&mut [F]>,
        carried: Option<&[F]>,
    ) {
        match (&self.map, scratch) {
            (Map::Linear(map), _) => {
                map.weight_gradient(input, dmapped, dweight);
                if let Some(dinput) = dinput {
                    map.input_gradient(dmapped, weight, dinput);
                    if let Some(carried) = carried {
                        dinput.iter_mut().zip(carried).for_each(|(d, skip)| *d += *skip);
                    }
                }
            }
            (Map::Conv(map), Some(scratch)) => {
                map.weight_gradient(input.values, dmapped, false, dweight, scratch);
                if let Some(dinput) = dinput {
                    map.flip(weight, scratch);
                    map.input_gradient(dmapped, dinput, scratch);
                }
            }
            (Map::Conv(_), None) => unreachable!("a convolution's workspace has scratch"),
        }
    }

    /// db ← Σ dy, where the layer has a bias.
    pub(super) fn bias_gradient(&self, dy: &[F], sums: &mut [f64], gradients: &mut [F]) {
        if let Some(bias) = &self.bias {
            kernels::norm::column_sums(dy, sums);
            gradients[bias.clone()].iter_mut().zip(sums).for_each(|(g, s)| *g = F::of(*s));
        }
    }

    /// Computes Ŵ, if it is a function of the parameter.
    pub(super) fn make_weight(&self, parameters: &[F], space: &mut BlockSpace<F>) {
        if let Some(reparametrise) = &self.reparametrise {
            reparametrise.forward(&parameters[self.weight.clone()], &mut space.weight, &mut space.weight_cache);
        }
    }

    /// Turns the gradient at Ŵ, which is in the weight's place, into the gradient of the weight.
    pub(super) fn weight_gradient(&self, parameters: &[F], space: &mut BlockSpace<F>, gradients: &mut [F]) {
        if let Some(reparametrise) = &self.reparametrise {
            let weight = self.weight.clone();
            reparametrise.backward(&parameters[weight.clone()], &mut gradients[weight], &mut space.weight_cache);
        }
    }

    /// The weight that the map multiplies by: the parameter, or Ŵ as it was made for the latest forward pass.
    pub(super) fn weight<'a>(&self, parameters: &'a [F], made: &'a [F]) -> &'a [F] {
        if self.reparametrise.is_some() { made } else { &parameters[self.weight.clone()] }
    }

    /// Wu
    pub(super) fn map_forward(&self, weight: &[F], x: Features<F>, y: &mut [F], scratch: Option<&mut Scratch<F>>) {
        match (&self.map, scratch) {
            (Map::Linear(map), _) => map.forward(x, weight, y),
            (Map::Conv(map), Some(scratch)) => map.forward(x.values, weight, y, scratch),
            (Map::Conv(_), None) => unreachable!("a convolution's workspace has scratch"),
        }
    }

    pub(super) fn pool_shape(&self) -> pool::Hwc {
        (self.layer.mapped.height, self.layer.mapped.width, self.layer.mapped.channels)
    }
}
