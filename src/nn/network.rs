//! A network: blocks in a row, all parameters in one slice.
//!
//! Forward runs the blocks in order, backward in reverse; the gradient of a block's input is the
//! gradient of the output of the block below. The loss is softmax cross-entropy, mean over the batch.

use super::block::{Block, Map, Stage, function, stages};
use super::init;
use super::norm::{Norm, Statistics, parts};
use super::parameters::{Layout, Parameter, Tensor};
use super::workspace::{BlockSpace, Workspace};
use crate::config::settings::{Layer, Settings, Shape, Variant};
use crate::kernels::softmax::{self, Outcome};
use crate::kernels::{Scalar, l2_norm};

/// A network that cannot be built or run as asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NetworkError {
    /// Batch statistics over one value.
    #[error(
        "block {block} ({layer}): batch statistics need at least two values per channel, \
         but a batch of {batch_size} gives one; raise the batch size"
    )]
    OneValuePerChannel {
        /// Index of the block.
        block: usize,
        /// What kind of layer it is.
        layer: String,
        /// Samples in the batch.
        batch_size: usize,
    },
    /// `train_only` names nothing in this network.
    #[error("train_only entry `{entry}` names no parameter of this network; it has {known}")]
    UnknownParameter {
        /// What was written.
        entry: String,
        /// What there is.
        known: String,
    },
}

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

/// What a stage wrote.
#[derive(Debug)]
pub struct Written<'a, F> {
    /// Index of the block.
    pub block: usize,
    /// Index of the stage.
    pub stage: usize,
    /// The values, [N, H, W, C].
    pub values: &'a [F],
    /// Memory to work in.
    pub spare: &'a mut Vec<F>,
}

impl<F: Scalar> Network<F> {
    /// Builds the network of a variant with the initial parameters of `seed`.
    ///
    /// # Errors
    /// If `train_only` names a parameter that the network does not have.
    pub fn new(settings: &Settings, variant: &Variant, seed: u64) -> Result<Self, NetworkError> {
        let mut network = Self::without_parameters(settings, variant)?;
        let Self { blocks, parameters, index, .. } = &mut network;
        parameters.resize(index.last().map_or(0, |p| p.range.end), F::zero());
        for parameter in index {
            let values = init::values(parameter, &blocks[parameter.block].layer, settings.model.init, seed);
            parameter.layout.import(values, &mut parameters[parameter.range.clone()]);
        }
        Ok(network)
    }

    fn without_parameters(settings: &Settings, variant: &Variant) -> Result<Self, NetworkError> {
        let layers = settings.model.layers(settings.data.shape, settings.data.classes);
        let mut index = Vec::new();
        let blocks = layers.iter().enumerate().map(|(i, layer)| block(i, layer, settings, variant, &mut index));
        let blocks = blocks.collect();
        freeze(&mut index, variant)?;
        let (input, classes) = (settings.data.shape, settings.data.classes);
        Ok(Self { input, classes, blocks, parameters: Vec::new(), index })
    }

    /// Runs the first `samples` samples of `space.input` through the network. Changes no running
    /// statistics: see [`Network::absorb`].
    ///
    /// # Errors
    /// If a norm needs more than one value per channel and gets one.
    pub fn forward(
        &self,
        statistics: Statistics,
        space: &mut Workspace<F>,
        samples: usize,
    ) -> Result<(), NetworkError> {
        space.samples = samples;
        for (i, block) in self.blocks.iter().enumerate() {
            let (below, here) = space.blocks.split_at_mut(i);
            let input = match below.last() {
                None => &space.input[..samples * self.input.len()],
                Some(below) => &below.output()[..samples * block.layer.input.len()],
            };
            block
                .forward(&self.parameters, statistics, input, &mut here[0], samples)
                .map_err(|_| self.one_value(i, samples))?;
        }
        Ok(())
    }

    /// Runs samples through the network by the plain path and shows what every stage wrote; keeps no
    /// more of it at a time than the next stage needs.
    ///
    /// # Errors
    /// If a norm needs more than one value per channel and gets one.
    pub fn walk(
        &self,
        statistics: Statistics,
        input: &[F],
        look: &mut dyn FnMut(Written<F>),
    ) -> Result<(), NetworkError> {
        let samples = input.len() / self.input.len();
        let (mut x, mut y, mut below) = (Vec::new(), Vec::new(), Vec::new());
        for (b, block) in self.blocks.iter().enumerate() {
            let mut space = BlockSpace::without_values(block, samples);
            let u: &[F] = if b == 0 { input } else { &below };
            for i in 0..block.stages.len() {
                y.resize(samples * block.shape_after(i).len(), F::zero());
                let x_or_u: &[F] = if i == 0 { u } else { &x };
                block
                    .stage(i, &self.parameters, statistics, [x_or_u, u], &mut y, &mut space)
                    .map_err(|_| self.one_value(b, samples))?;
                std::mem::swap(&mut x, &mut y);
                look(Written { block: b, stage: i, values: &x, spare: &mut y });
            }
            below.clear();
            below.extend_from_slice(&x);
        }
        Ok(())
    }

    /// Loss and hits of the latest forward pass; in a workspace with gradients also that of the mean
    /// loss at the logits, for [`Network::backward`] to start from.
    pub fn loss(&self, space: &mut Workspace<F>, labels: &[u8]) -> Outcome {
        let length = space.samples * self.classes;
        let last = &mut space.blocks[self.blocks.len() - 1];
        let dlogits = last.gradients[0].get_mut(..length);
        softmax::cross_entropy(&last.values[0][..length], labels, self.classes, dlogits)
    }

    /// The logits of the latest forward pass, [N, K].
    pub fn logits<'a>(&self, space: &'a Workspace<F>) -> &'a [F] {
        &space.blocks[self.blocks.len() - 1].output()[..space.samples * self.classes]
    }

    /// Gradients, into `space.gradients`, of what the gradient at the logits in the last block's
    /// workspace belongs to, by the latest forward pass, which must have used batch statistics; with
    /// `input_gradient` also of the input.
    pub fn backward(&self, space: &mut Workspace<F>, input_gradient: bool) {
        let samples = space.samples;
        for (i, block) in self.blocks.iter().enumerate().rev() {
            let (below, here) = space.blocks.split_at_mut(i);
            let length = samples * block.layer.input.len();
            let (input, dinput) = match below.last_mut() {
                None => (&space.input[..length], input_gradient.then_some(&mut space.dinput[..length])),
                Some(below) => {
                    let (values, gradients) = below.output_and_gradient();
                    (&values[..length], Some(&mut gradients[..length]))
                }
            };
            block.backward(&self.parameters, input, &mut here[0], &mut space.gradients, dinput);
        }
    }

    /// Takes the batch statistics of the latest forward pass into the running ones.
    pub fn absorb(&mut self, space: &Workspace<F>) {
        for (block, space) in self.blocks.iter_mut().zip(&space.blocks) {
            if let Some(norm) = &mut block.norm {
                norm.standardize.absorb(&space.norm.moments);
            }
        }
    }

    /// Whether evaluation under batch and under running statistics differ.
    pub fn uses_batch_statistics(&self) -> bool {
        self.blocks.iter().any(|b| b.norm.as_ref().is_some_and(|n| n.standardize.uses_batch()))
    }

    /// Checks that a training batch of this size gives every norm enough values.
    fn check_batch_size(&self, batch_size: usize) -> Result<(), NetworkError> {
        let too_small = |block: &Block<F>| {
            let Some(norm) = &block.norm else { return false };
            let at = block.stages.iter().position(|s| *s == Stage::Norm).unwrap_or(0);
            norm.standardize.uses_batch() && batch_size * block.shape_after(at).area() < 2
        };
        self.blocks.iter().position(too_small).map_or(Ok(()), |i| Err(self.one_value(i, batch_size)))
    }

    fn one_value(&self, block: usize, batch_size: usize) -> NetworkError {
        let layer = match &self.blocks[block].map {
            Map::Linear(map) => format!("linear, {} → {}", map.inputs, map.outputs),
            Map::Conv(map) => format!("convolution, {} → {}", map.shape.input_channels, map.shape.output_channels),
        };
        NetworkError::OneValuePerChannel { block, layer, batch_size }
    }

    /// Number of parameters.
    pub fn parameter_count(&self) -> usize {
        self.parameters.len()
    }

    /// ‖·‖ over the weights of all layers, of values laid out like the parameters.
    pub fn weight_norm(&self, values: &[F]) -> f64 {
        let weights = self.index.iter().filter(|p| p.tensor == Tensor::Weight);
        weights.map(|p| l2_norm(&values[p.range.clone()]).powi(2)).sum::<f64>().sqrt()
    }

    /// Every parameter and buffer by public name, with shape and values in public order.
    pub fn state(&self) -> Vec<(String, Vec<usize>, Vec<F>)> {
        let parameters = self.index.iter().map(|p| {
            let values = p.layout.export(&self.parameters[p.range.clone()]);
            (p.name.clone(), p.shape.clone(), values)
        });
        let buffers = self.blocks.iter().enumerate().flat_map(|(i, block)| {
            let buffers = block.norm.iter().flat_map(|norm| norm.standardize.buffers());
            buffers.map(move |(name, values)| (format!("blocks.{i}.norm.{name}"), vec![values.len()], values.to_vec()))
        });
        parameters.chain(buffers).collect()
    }

    /// Puts parameters and buffers in place, each as [`Network::state`] gives it. Returns whether `take`, asked for
    /// each by its public name, had all of them in the right length.
    pub fn restore(&mut self, mut take: impl FnMut(&str) -> Option<Vec<F>>) -> bool {
        let mut has_all = true;
        for p in &self.index {
            match take(&p.name).filter(|values| values.len() == p.range.len()) {
                Some(values) => p.layout.import(values, &mut self.parameters[p.range.clone()]),
                None => has_all = false,
            }
        }
        for (i, block) in self.blocks.iter_mut().enumerate() {
            for (name, buffer) in block.norm.iter_mut().flat_map(|norm| norm.standardize.buffers_mut()) {
                match take(&format!("blocks.{i}.norm.{name}")).filter(|values| values.len() == buffer.len()) {
                    Some(values) => buffer.copy_from_slice(&values),
                    None => has_all = false,
                }
            }
        }
        has_all
    }
}

/// Checks, without allocating parameters, that a variant's network can be trained as configured.
///
/// # Errors
/// What [`Network::new`] or its first training step would say.
pub fn check(settings: &Settings, variant: &Variant) -> Result<(), NetworkError> {
    Network::<f32>::without_parameters(settings, variant)?.check_batch_size(settings.train.batch_size)
}

/// Builds block `i`, entering its parameters into the index.
fn block<F: Scalar>(
    i: usize,
    layer: &Layer,
    settings: &Settings,
    variant: &Variant,
    index: &mut Vec<Parameter>,
) -> Block<F> {
    let mut place = |tensor: Tensor, name: String, shape: Vec<usize>, layout: Layout| {
        let start = index.last().map_or(0, |p: &Parameter| p.range.end);
        let range = start..start + layout.len();
        index.push(Parameter { name, block: i, tensor, range: range.clone(), shape, layout, trained: true });
        range
    };
    let channels = layer.mapped.channels;
    let (shape, layout) = match layer.kernel {
        Some(k) => (
            vec![channels, layer.input.channels, k, k],
            Layout { out: channels, input: layer.input.channels, height: k, width: k },
        ),
        None => {
            let Shape { channels: input, height, width } = layer.input;
            (vec![channels, layer.input.len()], Layout { out: channels, input, height, width })
        }
    };
    let weight = place(Tensor::Weight, format!("blocks.{i}.weight"), shape, layout);
    let mut vector = |tensor: Tensor, name: &str| {
        place(tensor, format!("blocks.{i}.{name}"), vec![channels], Layout::vector(channels))
    };
    let arm = layer.hidden.then(|| parts::<F>(variant, channels, settings.norm));
    let has_bias = !layer.hidden || variant.has_bias();
    let bias = has_bias.then(|| vector(Tensor::Bias, "bias"));
    let norm = arm.and_then(|arm| {
        let affine = arm.affine.then(|| (vector(Tensor::Gamma, "norm.gamma"), vector(Tensor::Beta, "norm.beta")));
        Norm::new(arm, channels, affine)
    });
    let (stages, before_norm) = stages(layer, settings.model.norm_position, norm.is_some());
    let activation = settings.model.activation;
    let function = function(activation);
    Block { layer: *layer, map: Map::new(layer), weight, bias, norm, activation, function, stages, before_norm }
}

/// Marks everything that `train_only` does not name as not trained.
fn freeze(index: &mut [Parameter], variant: &Variant) -> Result<(), NetworkError> {
    let Some(entries) = &variant.train_only else { return Ok(()) };
    let names = |p: &Parameter, entry: &str| p.tensor.name() == entry || p.name == entry;
    if let Some(entry) = entries.iter().find(|entry| !index.iter().any(|p| names(p, entry))) {
        let known: Vec<_> = index.iter().map(|p| p.name.as_str()).collect();
        return Err(NetworkError::UnknownParameter { entry: entry.clone(), known: known.join(", ") });
    }
    index.iter_mut().for_each(|p| p.trained = entries.iter().any(|entry| names(p, entry)));
    Ok(())
}
