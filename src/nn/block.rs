//! One layer of a network: u → a = pool(φ(norm(Wu + b))), or with the norm further back.
//!
//! A block is a list of [`Stage`]s, each reading what the one before it wrote. The order is the only
//! thing `norm_position` changes, and the places between stages are the sites that probes look at.
//! Here is the plain path, stage by stage, with every value kept; [`super::fused`] is the same in
//! fewer passes over memory, for training.

use std::ops::Range;

use super::conv::{Conv, ConvShape, Scratch};
use super::linear::Linear;
use super::norm::{Norm, Statistics, TooFewRows};
use super::workspace::BlockSpace;
use crate::config::settings::{Activation, Layer, NormPosition, PoolKind, Shape};
use crate::kernels::activation::{self, Function};
use crate::kernels::{self, Scalar, pool};

/// Wu, the learnable linear part.
#[derive(Debug, Clone)]
pub enum Map {
    /// Fully connected.
    Linear(Linear),
    /// Convolution.
    Conv(Box<Conv>),
}

/// One step of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Wu + b
    Map,
    /// The arm's norm; absent for arm `none`.
    Norm,
    /// φ
    Activation,
    /// 2×2 pooling
    Pool,
    /// Adds the block's input u.
    Skip,
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
    /// Place of the biases, if the layer has any.
    pub bias: Option<Range<usize>>,
    /// The arm, unless it is `none`.
    pub norm: Option<Norm<F>>,
    /// φ
    pub activation: Activation,
    /// φ, as kernels call it.
    pub function: Function,
    /// What happens, in order.
    pub stages: Vec<Stage>,
    /// The stage whose output the norm reads, or would read if the arm had one.
    pub before_norm: usize,
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

    /// As tables call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NormInput => "norm_input",
            Self::NormOutput => "norm_output",
            Self::Activation => "activation",
            Self::Pool => "pool",
        }
    }
}

/// The stages of a layer, and which of them the norm reads, whether or not there is one.
pub fn stages(layer: &Layer, position: NormPosition, has_norm: bool) -> (Vec<Stage>, usize) {
    if !layer.hidden {
        return (vec![Stage::Map], 0);
    }
    let order = match position {
        NormPosition::BeforeActivation => [Stage::Norm, Stage::Activation, Stage::Pool],
        NormPosition::AfterActivation => [Stage::Activation, Stage::Norm, Stage::Pool],
        NormPosition::AfterPool => [Stage::Activation, Stage::Pool, Stage::Norm],
    };
    let present = |stage: &Stage| match stage {
        Stage::Norm => has_norm,
        Stage::Pool => layer.pool != PoolKind::None,
        _ => true,
    };
    let before_norm = order.iter().take_while(|stage| **stage != Stage::Norm).filter(|s| present(s)).count();
    let skip = layer.residual.then_some(Stage::Skip);
    (std::iter::once(Stage::Map).chain(order.into_iter().filter(present)).chain(skip).collect(), before_norm)
}

impl Map {
    /// The map of a layer.
    pub fn new(layer: &Layer) -> Self {
        let Shape { channels, height, width } = layer.input;
        let output_channels = layer.mapped.channels;
        match layer.kernel {
            None => Self::Linear(Linear { inputs: layer.input.len(), outputs: output_channels }),
            Some(kernel) => Self::Conv(Box::new(Conv::new(ConvShape {
                height,
                width,
                input_channels: channels,
                output_channels,
                kernel,
            }))),
        }
    }
}

/// φ, as kernels call it.
pub const fn function(activation: Activation) -> Function {
    match activation {
        Activation::Relu => Function::Relu,
        Activation::Tanh => Function::Tanh,
        Activation::Sigmoid => Function::Sigmoid,
        Activation::Identity => Function::Identity,
    }
}

impl<F: Scalar> Block<F> {
    /// The stage that writes what stands at a site, if the block has it.
    pub fn stage_of(&self, site: Site) -> Option<usize> {
        match site {
            _ if !self.layer.hidden => None,
            Site::NormInput => Some(self.before_norm),
            Site::NormOutput => Some(self.before_norm + usize::from(self.norm.is_some())),
            Site::Activation => self.stages.iter().position(|s| *s == Stage::Activation),
            Site::Pool => self.stages.iter().position(|s| *s == Stage::Pool),
        }
    }

    /// Shape after the given stage.
    pub fn shape_after(&self, stage: usize) -> Shape {
        let is_pooled = self.stages[..=stage].contains(&Stage::Pool);
        if is_pooled { self.layer.output() } else { self.layer.mapped }
    }

    /// Computes every stage for `samples` samples of `input`.
    ///
    /// # Errors
    /// If the norm needs more than one value per channel and gets one.
    pub fn forward(
        &self,
        parameters: &[F],
        statistics: Statistics,
        input: &[F],
        space: &mut BlockSpace<F>,
        samples: usize,
    ) -> Result<(), TooFewRows> {
        space.samples = samples;
        if space.is_fused {
            return self.forward_fused(parameters, statistics, input, space);
        }
        let mut values = std::mem::take(&mut space.values);
        let result = (0..self.stages.len()).try_for_each(|i| {
            let (before, after) = values.split_at_mut(i);
            let x = before.last().map_or(input, |v| &v[..samples * self.shape_after(i - 1).len()]);
            let y = &mut after[0][..samples * self.shape_after(i).len()];
            self.stage(i, parameters, statistics, [x, input], y, space)
        });
        space.values = values;
        result
    }

    /// Computes stage `i` from what the stage before it wrote, x, and the block's input u, for
    /// `space.samples` samples.
    ///
    /// # Errors
    /// If the norm needs more than one value per channel and gets one.
    pub fn stage(
        &self,
        i: usize,
        parameters: &[F],
        statistics: Statistics,
        [x, u]: [&[F]; 2],
        y: &mut [F],
        space: &mut BlockSpace<F>,
    ) -> Result<(), TooFewRows> {
        let samples = space.samples;
        match self.stages[i] {
            Stage::Map => {
                self.map_forward(parameters, x, y, space.scratch.as_mut());
                if let Some(bias) = &self.bias {
                    kernels::add_to_rows(y, &parameters[bias.clone()]);
                }
            }
            Stage::Norm => {
                if let Some(norm) = &self.norm {
                    norm.forward(parameters, statistics, x, y, &mut space.norm)?;
                }
            }
            Stage::Activation => activation::forward(self.function, x, y),
            Stage::Pool => match self.layer.pool {
                PoolKind::Max => pool::max(x, y, &mut space.winner, samples, self.pool_shape()),
                _ => pool::average(x, y, samples, self.pool_shape()),
            },
            Stage::Skip => y.iter_mut().zip(x).zip(u).for_each(|((y, x), u)| *y = *x + *u),
        }
        Ok(())
    }

    /// From the gradient at the block's output, the last of `space.gradients`, to the gradients of
    /// its parameters and, if there is room for it, of its input; for the latest forward pass.
    pub fn backward(
        &self,
        parameters: &[F],
        input: &[F],
        space: &mut BlockSpace<F>,
        gradients: &mut [F],
        dinput: Option<&mut [F]>,
    ) {
        if space.is_fused {
            return self.backward_fused(parameters, input, space, gradients, dinput);
        }
        let samples = space.samples;
        for (i, stage) in self.stages.iter().enumerate().skip(1).rev() {
            let x = &space.values[i - 1][..samples * self.shape_after(i - 1).len()];
            let y = &space.values[i][..samples * self.shape_after(i).len()];
            let (before, after) = space.gradients.split_at_mut(i);
            let dy = &after[0][..y.len()];
            let dx = &mut before[i - 1][..x.len()];
            if *stage != Stage::Pool {
                dx.copy_from_slice(dy);
            }
            match stage {
                Stage::Map | Stage::Skip => {}
                Stage::Norm => {
                    if let Some(norm) = &self.norm {
                        norm.backward(parameters, x, dx, &mut space.norm, gradients);
                    }
                }
                Stage::Activation => activation::backward(self.function, y, dx),
                Stage::Pool => match self.layer.pool {
                    PoolKind::Max => pool::max_backward(dy, &space.winner, dx, samples, self.pool_shape()),
                    _ => pool::average_backward(dy, dx, samples, self.pool_shape()),
                },
            }
        }
        let dmapped = &space.gradients[0][..samples * self.layer.mapped.len()];
        if let Some(bias) = &self.bias {
            kernels::norm::column_sums(dmapped, &mut space.bias_sums);
            gradients[bias.clone()].iter_mut().zip(&space.bias_sums).for_each(|(g, s)| *g = F::of(*s));
        }
        let (weight, dweight) = (&parameters[self.weight.clone()], &mut gradients[self.weight.clone()]);
        let skip = self.stages.last() == Some(&Stage::Skip);
        match (&self.map, &mut space.scratch) {
            (Map::Linear(map), _) => {
                map.weight_gradient(input, dmapped, dweight);
                if let Some(dinput) = dinput {
                    map.input_gradient(dmapped, weight, dinput);
                    if skip {
                        let doutput = &space.gradients[self.stages.len() - 1];
                        dinput.iter_mut().zip(doutput).for_each(|(d, skip)| *d += *skip);
                    }
                }
            }
            (Map::Conv(map), Some(scratch)) => {
                map.weight_gradient(input, dmapped, false, dweight, scratch);
                if let Some(dinput) = dinput {
                    map.flip(weight, scratch);
                    map.input_gradient(dmapped, dinput, scratch);
                }
            }
            (Map::Conv(_), None) => unreachable!("a convolution's workspace has scratch"),
        }
    }

    /// Wu
    pub(super) fn map_forward(&self, parameters: &[F], x: &[F], y: &mut [F], scratch: Option<&mut Scratch<F>>) {
        let weight = &parameters[self.weight.clone()];
        match (&self.map, scratch) {
            (Map::Linear(map), _) => map.forward(x, weight, y),
            (Map::Conv(map), Some(scratch)) => map.forward(x, weight, y, scratch),
            (Map::Conv(_), None) => unreachable!("a convolution's workspace has scratch"),
        }
    }

    pub(super) fn pool_shape(&self) -> pool::Hwc {
        (self.layer.mapped.height, self.layer.mapped.width, self.layer.mapped.channels)
    }
}
