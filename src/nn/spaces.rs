//! Makes the buffers of [`super::workspace`]: which a pass needs follows from the blocks.

use super::block::{Block, Map};
use super::conv::Scratch;
use super::input::Input;
use super::network::Network;
use super::norm::NormCache;
use super::workspace::{BlockSpace, Path, Workspace};
use crate::kernels::{Aligned, Scalar};

impl<F: Scalar> Network<F> {
    /// Buffers for training on batches of up to `capacity` samples.
    pub fn space_for_training(&self, capacity: usize) -> Workspace<F> {
        self.space(capacity, false, true)
    }

    /// Buffers for forward passes only.
    pub fn space_for_evaluation(&self, capacity: usize) -> Workspace<F> {
        self.space(capacity, false, false)
    }

    /// Buffers for forward and backward passes that keep what every stage writes.
    pub fn space_for_probing(&self, capacity: usize) -> Workspace<F> {
        self.space(capacity, true, true)
    }

    fn space(&self, capacity: usize, is_plain: bool, with_gradients: bool) -> Workspace<F> {
        let gradient = |length: usize| Aligned::filled(F::zero(), if with_gradients { length } else { 0 });
        let is_dense = |block: &Block<F>| block.fused.is_some() && matches!(block.map, Map::Linear(_));
        let with_map = !is_plain && self.blocks.first().is_some_and(is_dense);
        Workspace {
            input: Input::new(capacity, self.input.len(), with_map),
            blocks: self.blocks.iter().map(|block| block.space(capacity, is_plain, with_gradients)).collect(),
            gradients: gradient(self.parameters.len()),
            dinput: gradient(capacity * self.input.len()),
        }
    }
}

impl<F: Scalar> Block<F> {
    /// Buffers for the stages one after the other, with no room for what they write.
    pub fn stage_space(&self, samples: usize) -> BlockSpace<F> {
        let length = |is_there: bool, length: usize| if is_there { length } else { 0 };
        let winners = length(self.has_max_pool(), samples * self.layer.output().len());
        BlockSpace {
            samples,
            path: Path::Plain { values: Vec::new(), gradients: Vec::new() },
            winner: vec![0; winners],
            scratch: match &self.map {
                Map::Linear(_) => None,
                Map::Conv(conv) => Some(Scratch::new(conv.shape, false)),
            },
            norm: self.norm_cache(samples),
            after: Aligned::filled(F::zero(), self.after.as_ref().map_or(0, |after| after.kept(samples))),
            weight: Aligned::filled(F::zero(), length(self.reparametrise.is_some(), self.weight.len())),
            weight_cache: NormCache::new(if self.reparametrise.is_some() { self.layer.mapped.channels } else { 0 }, 1),
            sums: vec![0.0; self.layer.mapped.channels],
        }
    }

    fn norm_cache(&self, samples: usize) -> NormCache<F> {
        match &self.norm {
            Some(norm) => norm.cache(samples),
            None => NormCache::new(self.layer.mapped.channels, 1),
        }
    }

    /// Buffers for passes over up to `capacity` samples: stage by stage if `is_plain`, else as training
    /// computes the block.
    pub fn space(&self, capacity: usize, is_plain: bool, with_gradients: bool) -> BlockSpace<F> {
        let zeros = |length: usize| Aligned::filled(F::zero(), length);
        let gradient = |length: usize| zeros(if with_gradients { length } else { 0 });
        let (mapped, output) = (self.layer.mapped.len(), self.layer.output().len());
        let space = self.stage_space(capacity);
        let path = match self.fused.filter(|_| !is_plain) {
            None => {
                let sizes = || (0..self.stages.len()).map(|i| capacity * self.shape_after(i).len());
                Path::Plain { values: sizes().map(zeros).collect(), gradients: sizes().map(gradient).collect() }
            }
            Some(_) => Path::Fused {
                mapped: zeros(if self.keeps_mapped() { capacity * mapped } else { mapped }),
                dmapped: gradient(if self.has_max_pool() { mapped } else { 0 }),
                winner_input: zeros(space.winner.len()),
                output: zeros(capacity * output),
                doutput: gradient(capacity * output),
            },
        };
        let scratch = match &self.map {
            Map::Conv(conv) if with_gradients => Some(Scratch::new(conv.shape, true)),
            _ => space.scratch,
        };
        BlockSpace { samples: 0, path, scratch, ..space }
    }
}
