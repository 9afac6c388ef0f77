//! Every buffer that a pass through a network needs, allocated once for a largest batch.

use super::network::Network;
use super::norm::NormCache;
use crate::kernels::Scalar;

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
    /// One unfolded image.
    pub scratch: Vec<F>,
}

/// Buffers of one block.
#[derive(Debug)]
pub struct BlockSpace<F> {
    /// Samples of the latest forward pass.
    pub samples: usize,
    /// What each stage wrote.
    pub values: Vec<Vec<F>>,
    /// The gradient there; empty in a workspace for evaluation.
    pub gradients: Vec<Vec<F>>,
    /// Which of its four inputs each max pool output took.
    pub winner: Vec<u8>,
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

impl<F: Scalar> Workspace<F> {
    /// For forward and backward passes of up to `capacity` samples.
    pub fn for_training(network: &Network<F>, capacity: usize) -> Self {
        Self::new(network, capacity, true)
    }

    /// For forward passes only.
    pub fn for_evaluation(network: &Network<F>, capacity: usize) -> Self {
        Self::new(network, capacity, false)
    }

    fn new(network: &Network<F>, capacity: usize, with_gradients: bool) -> Self {
        let zeros = |length: usize| vec![F::zero(); length];
        let gradient = |length: usize| zeros(if with_gradients { length } else { 0 });
        let blocks = network.blocks.iter().map(|block| {
            let sizes = || (0..block.stages.len()).map(|i| capacity * block.shape_after(i).len());
            BlockSpace {
                samples: 0,
                values: sizes().map(zeros).collect(),
                gradients: sizes().map(gradient).collect(),
                winner: vec![0; capacity * block.layer.output().len()],
                norm: NormCache::new(block.norm.as_ref().map_or(0, |norm| norm.channels)),
                bias_sums: vec![0.0; block.layer.mapped.channels],
            }
        });
        Self {
            capacity,
            samples: 0,
            input: zeros(capacity * network.input.len()),
            blocks: blocks.collect(),
            gradients: gradient(network.parameters.len()),
            dinput: gradient(capacity * network.input.len()),
            scratch: zeros(network.blocks.iter().map(|b| b.map.scratch()).max().unwrap_or(0)),
        }
    }
}
