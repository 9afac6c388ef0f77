//! A network: blocks in a row, all parameters in one slice.
//!
//! Forward runs the blocks in order, backward in reverse; the gradient of a block's input is the
//! gradient of the output of the block below. The loss is softmax cross-entropy, mean over the batch.
//! Both passes can be taken at any parameters, not only at the network's own ([`super::objective`]).

use super::block::{Block, Map};
use super::error::NetworkError;
use super::fused;
use super::input::Features;
use super::norm::{Moments, TooFewValues};
use super::parameters::{Parameter, Tensor};
use super::pass::Pass;
use super::staged;
use super::workspace::{Path, Workspace};
use crate::config::settings::Shape;
use crate::kernels::softmax::{self, Outcome};
use crate::kernels::{Scalar, l2_norm};

/// Layers with an arm, and their parameters.
#[derive(Debug)]
pub struct Network<F: Scalar> {
    /// Shape of a sample.
    pub input: Shape,
    /// Number of classes.
    pub classes: usize,
    /// The layers, output layer last.
    pub blocks: Vec<Block<F>>,
    /// Every parameter's values; [`Network::index`] says where each lies.
    pub parameters: Vec<F>,
    /// Names, places and shapes of the parameters, in order.
    pub index: Vec<Parameter>,
}

impl<F: Scalar> Network<F> {
    /// Runs the samples of `space.input` through the network. Changes no running statistics: see
    /// [`Network::absorb`].
    ///
    /// # Errors
    /// If a norm needs more values per channel than it gets.
    pub fn forward(&self, pass: Pass, space: &mut Workspace<F>) -> Result<(), NetworkError> {
        self.forward_at(&self.parameters, pass, space)
    }

    /// The same with other parameters than the network's own.
    ///
    /// # Errors
    /// As [`Network::forward`].
    pub fn forward_at(&self, parameters: &[F], pass: Pass, space: &mut Workspace<F>) -> Result<(), NetworkError> {
        let samples = space.input.samples();
        for (i, block) in self.blocks.iter().enumerate() {
            let (below, here) = space.blocks.split_at_mut(i);
            let input = match below.last() {
                None => space.input.features(),
                Some(below) => Features::dense(&below.output()[..samples * block.layer.input.len()]),
            };
            let space = &mut here[0];
            space.samples = samples;
            let computed = match space.path {
                Path::Plain { .. } => staged::forward(block, parameters, pass, input, space),
                Path::Fused { .. } => fused::forward(block, parameters, pass, input, space),
            };
            computed.map_err(|too_few| self.too_few_values(i, too_few))?;
        }
        Ok(())
    }

    /// Loss and hits of the latest forward pass; in a workspace with gradients also ∂L/∂logits, for
    /// [`Network::backward`] to start from.
    pub fn loss(&self, space: &mut Workspace<F>, labels: &[u8]) -> Outcome {
        let length = space.input.samples() * self.classes;
        let Some(Path::Plain { values, gradients }) = space.blocks.last_mut().map(|last| &mut last.path) else {
            unreachable!("the output layer is a map alone")
        };
        softmax::cross_entropy(&values[0][..length], labels, self.classes, gradients[0].get_mut(..length))
    }

    /// The logits of the latest forward pass, [N, K].
    pub fn logits<'a>(&self, space: &'a Workspace<F>) -> &'a [F] {
        &space.blocks[self.blocks.len() - 1].output()[..space.input.samples() * self.classes]
    }

    /// Writes ∂L/∂θ of all parameters to `space.gradients`, from ∂L/∂logits, which [`Network::loss`] left in the last
    /// block's workspace; with `with_dinput` also ∂L/∂input. For the latest forward pass, which was for `pass`.
    pub fn backward(&self, pass: Pass, space: &mut Workspace<F>, with_dinput: bool) {
        self.backward_at(&self.parameters, pass, space, with_dinput);
    }

    /// The same with other parameters than the network's own: those of the forward pass.
    pub fn backward_at(&self, parameters: &[F], pass: Pass, space: &mut Workspace<F>, with_dinput: bool) {
        let samples = space.input.samples();
        for (i, block) in self.blocks.iter().enumerate().rev() {
            let (below, here) = space.blocks.split_at_mut(i);
            let length = samples * block.layer.input.len();
            let (input, dinput) = match below.last_mut() {
                None => (space.input.features(), with_dinput.then_some(&mut space.dinput[..length])),
                Some(below) => {
                    let (values, gradients) = below.output_and_gradient();
                    (Features::dense(&values[..length]), Some(&mut gradients[..length]))
                }
            };
            let (space, gradients) = (&mut here[0], &mut space.gradients);
            match space.path {
                Path::Plain { .. } => staged::backward(block, parameters, pass, input, space, gradients, dinput),
                Path::Fused { .. } => fused::backward(block, parameters, input, space, gradients, dinput),
            }
            block.weight_gradient(parameters, space, gradients);
        }
    }

    /// Takes the batch statistics of the latest forward pass into the running ones.
    pub fn absorb(&mut self, space: &Workspace<F>) {
        for (block, space) in self.blocks.iter_mut().zip(&space.blocks) {
            if let Some(norm) = &mut block.norm {
                norm.absorb(&space.norm.moments);
            }
        }
    }

    /// Why a block's constants cannot be set from the moments of minibatch `step`, if they cannot: a variance and ε are
    /// both 0; or a variance is infinite before anything was trained. Later that is divergence, which the loss will show.
    pub(super) fn unusable(&self, block: usize, step: usize, moments: &Moments) -> Option<NetworkError> {
        let epsilon = self.blocks[block].norm.as_ref()?.epsilon;
        let divides_by_0 = |v: f64| v.is_finite() && !F::of(1.0 / (v + epsilon).sqrt()).is_finite();
        moments.variance.iter().enumerate().find_map(|(channel, variance)| match *variance {
            f64::INFINITY if step == 0 => Some(NetworkError::InfiniteVariance { block, channel }),
            variance if divides_by_0(variance) => {
                Some(NetworkError::ZeroVariance { block, channel, variance, epsilon })
            }
            _ => None,
        })
    }

    /// The first norm that divided by 0 in the latest forward pass: one over the standard deviation is not finite there.
    pub fn zero_variance(&self, space: &Workspace<F>) -> Option<NetworkError> {
        let norms = self.blocks.iter().zip(&space.blocks).enumerate().filter_map(|(block, (b, space))| {
            let (norm, moments) = (b.norm.as_ref()?, &space.norm.moments);
            let i = moments.inverse_sd.iter().position(|s| !F::of(*s).is_finite())?;
            let (channel, variance) = (i % norm.channels, moments.variance[i]);
            // A variance that is not a number comes from a block below, which is found first.
            let epsilon = norm.epsilon;
            variance.is_finite().then_some(NetworkError::ZeroVariance { block, channel, variance, epsilon })
        });
        norms.into_iter().next()
    }

    /// The first norm that divided by an infinite standard deviation in the latest forward pass, and its channel: all that
    /// it wrote is 0, whatever entered.
    pub fn infinite_variance(&self, space: &Workspace<F>) -> Option<(usize, usize)> {
        let mut norms = self.blocks.iter().zip(&space.blocks).enumerate();
        norms.find_map(|(block, (b, space))| {
            let (norm, moments) = (b.norm.as_ref()?, &space.norm.moments);
            let i = moments.variance.iter().position(|variance| *variance == f64::INFINITY)?;
            Some((block, i % norm.channels))
        })
    }

    /// Whether evaluation under batch and under running statistics differ.
    pub fn uses_batch_statistics(&self) -> bool {
        self.blocks.iter().any(|b| b.norm.as_ref().is_some_and(|norm| norm.uses_batch()))
    }

    pub(super) fn too_few_values(&self, block: usize, TooFewValues { samples }: TooFewValues) -> NetworkError {
        let layer = match &self.blocks[block].map {
            Map::Linear(map) => format!("linear, {} → {}", map.inputs, map.outputs),
            Map::Conv(map) => format!("convolution, {} → {}", map.shape.input_channels, map.shape.output_channels),
        };
        NetworkError::OneValuePerChannel { block, layer, samples }
    }

    /// ‖·‖ over the weights of all layers, of values laid out like the parameters.
    pub fn weight_norm(&self, values: &[F]) -> f64 {
        let weights = self.index.iter().filter(|p| p.tensor == Tensor::Weight);
        weights.map(|p| l2_norm(&values[p.range.clone()]).powi(2)).sum::<f64>().sqrt()
    }
}
