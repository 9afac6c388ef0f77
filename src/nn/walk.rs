//! A forward pass by the plain path, a stage at a time, and what needs to stop on the way: looking at what
//! every stage writes, population statistics, and data-dependent starts.

use super::error::NetworkError;
use super::network::Network;
use super::norm::moments::Sums;
use super::norm::standardize::Changed;
use super::parameters::{Parameter, Tensor};
use super::pass::{Pass, Statistics};
use super::staged;
use super::stages::Stage;
use super::workspace::{BlockSpace, Workspace};
use crate::kernels::Scalar;

const EVALUATION: Pass = Pass::Evaluate(Statistics::Population);

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

/// A walk through a network that keeps no more at a time than the next stage needs.
struct Walk<F> {
    samples: usize,
    block: usize,
    stage: usize,
    /// The block's input.
    u: Vec<F>,
    /// What the stage before wrote.
    x: Vec<F>,
    y: Vec<F>,
    /// The buffers of the block at hand.
    space: Option<BlockSpace<F>>,
}

impl<F: Scalar> Walk<F> {
    /// Before the first stage, with this input.
    fn new(network: &Network<F>, input: &[F]) -> Self {
        Self::at_block(0, input.len() / network.input.len(), input)
    }

    /// Before the first stage of a block, with what enters it.
    fn at_block(block: usize, samples: usize, u: &[F]) -> Self {
        Self { samples, block, stage: 0, u: u.to_vec(), x: Vec::new(), y: Vec::new(), space: None }
    }

    /// Block and stage that come next, what the stage will read, and the block's buffers; `None` at the end.
    fn next(&mut self, network: &Network<F>) -> Option<(usize, Stage, &[F], &mut BlockSpace<F>)> {
        let block = network.blocks.get(self.block)?;
        let space = self.space.get_or_insert_with(|| block.stage_space(self.samples));
        let x = if self.stage == 0 { &self.u } else { &self.x };
        Some((self.block, block.stages[self.stage], x, space))
    }

    /// Takes that stage. Returns its block and index.
    fn step(&mut self, network: &Network<F>, pass: Pass) -> Result<(usize, usize), NetworkError> {
        let (b, i) = (self.block, self.stage);
        let block = &network.blocks[b];
        let space = self.space.get_or_insert_with(|| block.stage_space(self.samples));
        self.y.resize(self.samples * block.shape_after(i).len(), F::zero());
        let x = if i == 0 { &self.u } else { &self.x };
        staged::stage(block, i, &network.parameters, pass, [x, &self.u], &mut self.y, space)
            .map_err(|too_few| network.too_few_values(b, too_few))?;
        std::mem::swap(&mut self.x, &mut self.y);
        self.stage += 1;
        if self.stage == block.stages.len() {
            (self.block, self.stage, self.space) = (b + 1, 0, None);
            self.u.clear();
            self.u.extend_from_slice(&self.x);
        }
        Ok((b, i))
    }
}

impl<F: Scalar> Network<F> {
    /// Runs samples through the network and shows what every stage wrote.
    ///
    /// # Errors
    /// If a norm needs more values per channel than it gets.
    pub fn walk(&self, pass: Pass, input: &[F], look: &mut dyn FnMut(Written<F>)) -> Result<(), NetworkError> {
        let mut walk = Walk::new(self, input);
        while walk.next(self).is_some() {
            let (block, stage) = walk.step(self, pass)?;
            look(Written { block, stage, values: &walk.x, spare: &mut walk.y });
        }
        Ok(())
    }

    /// Finds the population statistics of every norm, for evaluation in `space`: those of `input` as one batch, norm by
    /// norm; the norms below already use theirs (Wu & Johnson 2021). Sends `chunk` samples at a time through a block, once
    /// up to its norm and once through all of it. For all samples it keeps only what enters and what leaves the block.
    ///
    /// # Errors
    /// If a norm needs more values per channel than it gets.
    pub fn find_population(&self, input: Vec<F>, chunk: usize, space: &mut Workspace<F>) -> Result<(), NetworkError> {
        let norm = |b: usize| self.blocks[b].norm.as_ref().filter(|norm| norm.has_population());
        let Some(last) = (0..self.blocks.len()).rfind(|b| norm(*b).is_some()) else { return Ok(()) };
        let samples = input.len() / self.input.len();
        let mut u = input;
        for b in 0..=last {
            let values = u.len() / samples;
            let walks = || u.chunks(chunk * values).map(|u| Walk::at_block(b, u.len() / values, u));
            if let Some(norm) = norm(b) {
                let mut population = Sums::new(norm.channels);
                for mut walk in walks() {
                    while let Some((_, stage, x, _)) = walk.next(self) {
                        if stage == Stage::Norm {
                            population.add(x);
                            break;
                        }
                        walk.step(self, EVALUATION)?;
                    }
                }
                space.blocks[b].norm.population = Some(population.kept());
            }
            if b == last {
                break;
            }
            let block = &self.blocks[b];
            let mut leaving = Vec::with_capacity(samples * block.shape_after(block.stages.len() - 1).len());
            for mut walk in walks() {
                while let Some((_, _, _, here)) = walk.next(self).filter(|(at, ..)| *at == b) {
                    here.norm.population.clone_from(&space.blocks[b].norm.population);
                    walk.step(self, EVALUATION)?;
                }
                leaving.extend_from_slice(&walk.u);
            }
            u = leaving;
        }
        Ok(())
    }

    /// Whether an arm sets something from minibatch `step` before that step.
    pub fn is_due(&self, step: usize) -> bool {
        self.blocks.iter().any(|block| block.norm.as_ref().is_some_and(|norm| norm.standardize.is_due(step)))
    }

    /// Sets what arms set from minibatch `step`, whose features are `input`, before that step. It goes block by block: each
    /// arm sees the input as the blocks below, already set, transform it. Returns the places in [`Network::index`] of the
    /// parameters that were set: the optimiser has to forget their moments.
    ///
    /// # Errors
    /// If a norm needs more values per channel than it gets, or cannot divide by the root of a variance.
    pub fn begin(&mut self, seed: u64, step: usize, input: &[F]) -> Result<Vec<usize>, NetworkError> {
        let mut changed = Vec::new();
        let mut walk = Walk::new(self, input);
        while let Some((b, stage, x, here)) = walk.next(self) {
            let norm = self.blocks[b].norm.as_mut().filter(|norm| norm.standardize.is_due(step));
            if let Some(norm) = norm.filter(|_| stage == Stage::Norm) {
                let set = norm.begin(&mut self.parameters, step, x, &mut here.norm);
                let set = set.map_err(|too_few| self.too_few_values(b, too_few))?;
                if let Some(error) = self.unusable(b, step, &here.norm.moments) {
                    return Err(error);
                }
                let is_set = |p: &Parameter| p.block == b && matches!(p.tensor, Tensor::Gamma | Tensor::Beta);
                changed.extend((0..self.index.len()).filter(|i| set == Changed::Affine && is_set(&self.index[*i])));
            }
            walk.step(self, Pass::Train { seed, step })?;
        }
        Ok(changed)
    }
}
