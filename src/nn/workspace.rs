//! Every buffer that a pass through a network needs, allocated once for a largest batch.

use super::block::{Block, Map};
use super::conv::Scratch;
use super::network::Network;
use super::norm::NormCache;
use crate::kernels::Scalar;
use crate::kernels::sparse;

/// Buffers of one network.
#[derive(Debug)]
pub struct Workspace<F: Scalar> {
    /// Most samples that fit.
    pub capacity: usize,
    /// Samples of the latest forward pass.
    pub samples: usize,
    /// The batch, [N, H, W, C].
    pub input: Vec<F>,
    /// Per block.
    pub blocks: Vec<BlockSpace<F>>,
    /// Gradients of all parameters, laid out like them. Empty in a workspace for evaluation.
    pub gradients: Vec<F>,
    /// Gradient of the input, if asked for.
    pub dinput: Vec<F>,
}

/// Buffers of one block.
#[derive(Debug)]
pub struct BlockSpace<F> {
    /// Samples of the latest forward pass.
    pub samples: usize,
    /// Whether norm, activation and pool are computed together.
    pub is_fused: bool,
    /// What each stage wrote; if fused, Wu, where it is kept, or that of one image, and the output.
    pub values: Vec<Vec<F>>,
    /// The gradient there; if fused, that of Wu for one image, and of the output.
    /// Empty in a workspace without gradients.
    pub gradients: Vec<Vec<F>>,
    /// Which of its four inputs each max pool output took.
    pub winner: Vec<u8>,
    /// If fused, Wu there.
    pub peak: Vec<F>,
    /// If fused, fully connected and the first: where the input is not 0.
    pub nonzero: Option<sparse::Map>,
    /// What a convolution needs to work in.
    pub scratch: Option<Scratch<F>>,
    /// What the norm's forward pass leaves for its backward pass.
    pub norm: NormCache<F>,
    /// Scratch of one value per output channel.
    pub bias_sums: Vec<f64>,
}

impl<F> BlockSpace<F> {
    /// What the last stage wrote: the block's output.
    pub fn output(&self) -> &[F] {
        self.values.last().map_or(&[], Vec::as_slice)
    }

    /// The block's output and the gradient there.
    pub fn output_and_gradient(&mut self) -> (&[F], &mut [F]) {
        (self.values.last().map_or(&[], Vec::as_slice), self.gradients.last_mut().map_or(&mut [], Vec::as_mut_slice))
    }
}

impl<F: Scalar> BlockSpace<F> {
    /// For `samples` samples, stage by stage, with no room for what the stages write.
    pub fn without_values(block: &Block<F>, samples: usize) -> Self {
        let pooled = if block.has_max_pool() { samples * block.layer.output().len() } else { 0 };
        Self {
            samples,
            is_fused: false,
            values: Vec::new(),
            gradients: Vec::new(),
            winner: vec![0; pooled],
            peak: Vec::new(),
            nonzero: None,
            scratch: match &block.map {
                Map::Linear(_) => None,
                Map::Conv(conv) => Some(Scratch::new(conv.shape, false)),
            },
            norm: NormCache::new(block.layer.mapped.channels),
            bias_sums: Vec::new(),
        }
    }

    fn new(block: &Block<F>, is_first: bool, capacity: usize, is_plain: bool, with_gradients: bool) -> Self {
        let zeros = |length: usize| vec![F::zero(); length];
        let gradient = |length: usize| zeros(if with_gradients { length } else { 0 });
        let (mapped, output) = (block.layer.mapped.len(), block.layer.output().len());
        let is_fused = !is_plain && block.can_fuse();
        let (values, gradients) = if is_fused {
            let image = if block.has_max_pool() { mapped } else { 0 };
            let kept = if block.keeps_mapped() { capacity * mapped } else { mapped };
            (vec![zeros(kept), zeros(capacity * output)], vec![gradient(image), gradient(capacity * output)])
        } else {
            let sizes = || (0..block.stages.len()).map(|i| capacity * block.shape_after(i).len());
            (sizes().map(zeros).collect(), sizes().map(gradient).collect())
        };
        let space = Self::without_values(block, capacity);
        Self {
            samples: 0,
            is_fused,
            values,
            gradients,
            peak: zeros(if is_fused { space.winner.len() } else { 0 }),
            nonzero: (is_fused && is_first && matches!(block.map, Map::Linear(_)))
                .then(|| sparse::Map::with_capacity(capacity, block.layer.input.len())),
            scratch: match &block.map {
                Map::Conv(conv) if with_gradients => Some(Scratch::new(conv.shape, true)),
                _ => space.scratch,
            },
            bias_sums: vec![0.0; block.layer.mapped.channels],
            ..space
        }
    }
}

impl<F: Scalar> Workspace<F> {
    /// For training on batches of up to `capacity` samples.
    pub fn for_training(network: &Network<F>, capacity: usize) -> Self {
        Self::new(network, capacity, false, true)
    }

    /// For forward passes only.
    pub fn for_evaluation(network: &Network<F>, capacity: usize) -> Self {
        Self::new(network, capacity, false, false)
    }

    /// For forward and backward passes that keep what every stage writes.
    pub fn for_probing(network: &Network<F>, capacity: usize) -> Self {
        Self::new(network, capacity, true, true)
    }

    /// Takes a batch: `gather` writes the samples to the slice it is given, and shows each to the function
    /// as soon as it is there. What is taken is to be run through the network before anything else is
    /// written to the input.
    pub fn take(&mut self, gather: impl FnOnce(&mut [F], &mut dyn FnMut(&[F]))) {
        match self.blocks.first_mut().and_then(|block| block.nonzero.as_mut()) {
            Some(nonzero) => {
                nonzero.clear();
                gather(&mut self.input, &mut |sample| nonzero.add_row(sample));
            }
            None => gather(&mut self.input, &mut |_| {}),
        }
    }

    fn new(network: &Network<F>, capacity: usize, is_plain: bool, with_gradients: bool) -> Self {
        let gradient = |length: usize| vec![F::zero(); if with_gradients { length } else { 0 }];
        let space = |(i, block)| BlockSpace::new(block, i == 0, capacity, is_plain, with_gradients);
        Self {
            capacity,
            samples: 0,
            input: vec![F::zero(); capacity * network.input.len()],
            blocks: network.blocks.iter().enumerate().map(space).collect(),
            gradients: gradient(network.parameters.len()),
            dinput: gradient(capacity * network.input.len()),
        }
    }
}
