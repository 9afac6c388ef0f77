//! Puts networks together: from settings and a variant to blocks and initial parameters.

use super::block::{Block, Map};
use super::conv::{Conv, ConvShape};
use super::error::NetworkError;
use super::init;
use super::linear::Linear;
use super::network::Network;
use super::norm::{Norm, Parts, Place, parts};
use super::parameters::{Layout, Parameter, Tensor};
use super::stages::{before_norm, stages};
use super::start;
use crate::config::settings::{Activation, Layer, PoolKind, ScaleRows, Settings, Shape, Variant};
use crate::kernels::Scalar;
use crate::kernels::activation::Function;

impl<F: Scalar> Network<F> {
    /// Builds the network of a variant with the initial parameters of `seed`.
    ///
    /// # Errors
    /// If `train_only` names a parameter that the network does not have.
    pub fn new(settings: &Settings, variant: &Variant, seed: u64) -> Result<Self, NetworkError> {
        Self::of_parts(settings, variant, seed, &|place| parts(variant.arm, place))
    }

    /// The same with other parts instead of those of the variant's arm.
    ///
    /// # Errors
    /// As [`Network::new`].
    pub fn of_parts(
        settings: &Settings,
        variant: &Variant,
        seed: u64,
        parts: &dyn Fn(Place) -> Parts<F>,
    ) -> Result<Self, NetworkError> {
        let mut network = Self::without_parameters(settings, variant, parts)?;
        let Self { blocks, parameters, index, .. } = &mut network;
        parameters.resize(index.last().map_or(0, |p| p.range.end), F::zero());
        for parameter in index {
            let layer = &blocks[parameter.block].layer;
            let values = init::values(parameter, layer, &settings.model, variant, seed);
            parameter.layout.import(values, &mut parameters[parameter.range.clone()]);
        }
        Ok(network)
    }

    fn without_parameters(
        settings: &Settings,
        variant: &Variant,
        parts: &dyn Fn(Place) -> Parts<F>,
    ) -> Result<Self, NetworkError> {
        let layers = settings.model.layers(settings.data.shape, settings.data.classes);
        let mut index = Vec::new();
        let blocks = layers.iter().enumerate().map(|(i, layer)| block(i, layer, settings, variant, parts, &mut index));
        let blocks = blocks.collect();
        freeze(&mut index, variant)?;
        let (input, classes) = (settings.data.shape, settings.data.classes);
        Ok(Self { input, classes, blocks, parameters: Vec::new(), index })
    }

    /// Checks that a training batch of this size gives every norm enough values, in equal groups.
    fn check_batch_size(&self, batch_size: usize) -> Result<(), NetworkError> {
        for (block, norm) in self.blocks.iter().enumerate().filter_map(|(i, b)| Some((i, b.norm.as_ref()?))) {
            let group = norm.group(batch_size).unwrap_or(batch_size);
            if !batch_size.is_multiple_of(group) {
                return Err(NetworkError::UnequalGroups { group, batch_size });
            }
            norm.check_batch(batch_size).map_err(|too_few| match group == batch_size {
                true => self.too_few_values(block, too_few),
                false => NetworkError::SmallGroups { block, group },
            })?;
        }
        Ok(())
    }
}

/// Checks, without allocating parameters, that a variant's network can be trained as configured.
///
/// # Errors
/// What [`Network::new`] or its first training step would say.
pub fn check(settings: &Settings, variant: &Variant) -> Result<(), NetworkError> {
    let network = Network::<f32>::without_parameters(settings, variant, &|place| parts(variant.arm, place))?;
    network.check_batch_size(settings.train.batch_size)?;
    let is_one_weight = |block: &Block<f32>| block.reparametrise.is_some() && block.layer.fan_in() == 1;
    if let Some(block) = network.blocks.iter().position(is_one_weight) {
        return Err(NetworkError::OneWeight { block });
    }
    let layers: Vec<Layer> = network.blocks.iter().map(|block| block.layer).collect();
    check_reach(&layers, settings, variant)?;
    start::check(&layers, settings, variant)?;
    let stays = |parameter: &&Parameter| parameter.tensor == Tensor::Gamma && !parameter.trained;
    match network.index.iter().find(stays).filter(|_| start::has_gamma_0(variant) && !settings.model.is_residual()) {
        Some(gamma) => Err(NetworkError::GammaStays { block: gamma.block }),
        None => Ok(()),
    }
}

/// Refuses knobs that would change nothing in this network.
fn check_reach(layers: &[Layer], settings: &Settings, variant: &Variant) -> Result<(), NetworkError> {
    if let Some(ScaleRows { share, .. }) = variant.scale_rows.filter(|scale| !scale.changes_nothing()) {
        let hidden = layers.iter().filter(|layer| layer.hidden);
        let channels = hidden.map(|layer| layer.mapped.channels).max().unwrap_or(0);
        if init::scaled_rows(share, channels) == 0 {
            return Err(NetworkError::NoRows { share, channels, least: (1e3 / channels as f64).ceil() / 1e3 });
        }
    }
    let mut knobs = [("gamma", variant.gamma), ("beta", variant.beta)].into_iter();
    let set = knobs.find(|(_, value)| value.is_some());
    let has_skip = !settings.model.is_residual() || layers.iter().any(|layer| layer.residual);
    set.filter(|_| !has_skip).map_or(Ok(()), |(knob, _)| Err(NetworkError::NoSkip { knob }))
}

/// Builds block `i`, entering its parameters into the index.
fn block<F: Scalar>(
    i: usize,
    layer: &Layer,
    settings: &Settings,
    variant: &Variant,
    parts: &dyn Fn(Place) -> Parts<F>,
    index: &mut Vec<Parameter>,
) -> Block<F> {
    let mut place = |tensor: Tensor, name: String, shape: Vec<usize>, layout: Layout| {
        let start = index.last().map_or(0, |p: &Parameter| p.range.end);
        let range = start..start + layout.len();
        index.push(Parameter { name, block: i, tensor, range: range.clone(), shape, layout, trained: true });
        range
    };
    let channels = layer.mapped.channels;
    let (shape, layout) = weight_layout(layer);
    let weight = place(Tensor::Weight, format!("blocks.{i}.weight"), shape, layout);
    let mut vector = |tensor: Tensor, name: &str| {
        place(tensor, format!("blocks.{i}.{name}"), vec![channels], Layout::vector(channels))
    };
    let position = settings.model.norm_position;
    let before_norm = before_norm(layer, position);
    let is_pooled = layer.pool != PoolKind::None && before_norm == 2;
    let area = if is_pooled { layer.output().area() } else { layer.mapped.area() };
    let at = Place { block: i, channels, area, options: settings.norm, activation: settings.model.activation };
    let arm = layer.hidden.then(|| parts(at));
    let has_bias = !layer.hidden || variant.has_bias();
    let bias = has_bias.then(|| vector(Tensor::Bias, "bias"));
    let (standardize, affine, after, reparametrise) = match arm {
        None => (None, false, None, None),
        Some(Parts { standardize, affine, after, weight }) => (standardize, affine, after, weight),
    };
    assert!(standardize.is_some() || !affine, "γ and β without a norm: the parts are `Off` with an affine");
    let norm = standardize.map(|standardize| {
        let affine = affine.then(|| (vector(Tensor::Gamma, "norm.gamma"), vector(Tensor::Beta, "norm.beta")));
        Norm::new(standardize, at, affine)
    });
    let stages = stages(layer, position, norm.is_some(), after.is_some());
    let activation = settings.model.activation;
    let mut block = Block {
        layer: *layer,
        map: map(layer),
        weight,
        reparametrise,
        bias,
        norm,
        after,
        activation,
        function: function(activation),
        stages,
        before_norm,
        fused: None,
    };
    block.fused = block.fusable();
    block
}

/// Public shape and layout of a layer's weight.
fn weight_layout(layer: &Layer) -> (Vec<usize>, Layout) {
    let out = layer.mapped.channels;
    let Shape { channels: input, height, width } = layer.input;
    match layer.kernel {
        Some(k) => (vec![out, input, k, k], Layout { out, input, height: k, width: k }),
        None => (vec![out, layer.input.len()], Layout { out, input, height, width }),
    }
}

/// The map of a layer.
fn map(layer: &Layer) -> Map {
    let Shape { channels, height, width } = layer.input;
    let output_channels = layer.mapped.channels;
    match layer.kernel {
        None => Map::Linear(Linear { inputs: layer.input.len(), outputs: output_channels }),
        Some(kernel) => {
            let shape = ConvShape { height, width, input_channels: channels, output_channels, kernel };
            Map::Conv(Box::new(Conv::new(shape)))
        }
    }
}

/// φ, as kernels call it.
const fn function(activation: Activation) -> Function {
    match activation {
        Activation::Relu => Function::Relu,
        Activation::Tanh => Function::Tanh,
        Activation::Sigmoid => Function::Sigmoid,
        Activation::Identity => Function::Identity,
    }
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
