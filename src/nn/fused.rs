//! A block's forward and backward pass in as few passes over memory as it takes, for training and
//! evaluation: the map, and then norm, activation and max pool together.
//!
//! The formulas are those of the plain path in [`super::block`], stage by stage; only Wu and the
//! block's output are kept. A bias is the shift of a norm that does nothing else, so arms without a
//! norm take the same way.
//!
//! A convolution's images are 50 kB apiece, the batch is more than a core's cache. So what can be done
//! an image at a time is done so, while it is there: everything, unless the norm has to see the whole
//! batch first; and backward, the gradient of Wu, which the convolution reads next. Wu itself is kept
//! only where the backward pass will ask for it: if statistics depend on it, or if there is no pool to
//! keep the winners' share.
//!
//! A fully connected first block leaves out inputs that are 0, such as pixels at an image's border:
//! they add nothing and get no gradient ([`crate::kernels::sparse`]).
//!
//! Blocks with another order of stages, an average pool, a skip connection, or a bias in front of a
//! norm take the plain path.

use super::block::{Block, Map, Stage};
use super::norm::{NormCache, Statistics, TooFewRows};
use super::workspace::BlockSpace;
use crate::config::settings::PoolKind;
use crate::kernels::tail::{self, Pooled};
use crate::kernels::{Scalar, activation, norm};

impl<F: Scalar> Block<F> {
    /// Whether this block can be computed so.
    pub fn can_fuse(&self) -> bool {
        let order: Vec<Stage> = self.stages.iter().copied().filter(|stage| *stage != Stage::Norm).collect();
        let is_plain_order = order == [Stage::Map, Stage::Activation]
            || order == [Stage::Map, Stage::Activation, Stage::Pool] && self.layer.pool == PoolKind::Max;
        let norm_follows_map = self.norm.is_none() || self.stages.get(1) == Some(&Stage::Norm);
        is_plain_order && norm_follows_map && (self.norm.is_none() || self.bias.is_none())
    }

    /// Whether the block ends with a max pool.
    pub fn has_max_pool(&self) -> bool {
        self.stages.contains(&Stage::Pool) && self.layer.pool == PoolKind::Max
    }

    /// Over how many rows of Wu, `rows` in all, the norm takes its statistics; `None` if over none.
    fn group_rows(&self, rows: usize, statistics: Statistics) -> Option<usize> {
        self.norm.as_ref().and_then(|norm| norm.standardize.group_rows(rows, statistics))
    }

    /// Whether Wu of the whole batch is kept, and not of one image only.
    pub fn keeps_mapped(&self) -> bool {
        self.group_rows(2, Statistics::Batch).is_some() || !self.has_max_pool()
    }

    pub(super) fn forward_fused(
        &self,
        parameters: &[F],
        statistics: Statistics,
        input: &[F],
        space: &mut BlockSpace<F>,
    ) -> Result<(), TooFewRows> {
        let BlockSpace { samples, values, peak, winner, norm: cache, scratch, nonzero, .. } = space;
        let samples = *samples;
        let [mapped, y] = &mut values[..] else { unreachable!("a fused block keeps two values") };
        let (length, output) = (self.layer.mapped.len(), self.layer.output().len());
        let rows = samples * self.layer.mapped.area();
        let group_rows = self.group_rows(rows, statistics);
        let is_conv = matches!(self.map, Map::Conv(_));
        let at_once = if is_conv && group_rows.is_none() { 1 } else { samples };

        for first in (0..samples).step_by(at_once.max(1)) {
            let here = |length: usize| first * length..(first + at_once) * length;
            let input = &input[here(self.layer.input.len())];
            let x = if self.keeps_mapped() { &mut mapped[here(length)] } else { &mut mapped[..length] };
            match (&self.map, &mut *nonzero) {
                (Map::Linear(map), Some(nonzero)) => {
                    nonzero.find(input, map.inputs);
                    map.forward_of(nonzero, input, &parameters[self.weight.clone()], x);
                }
                (Map::Linear(_), None) => self.map_forward(parameters, input, x, None),
                (Map::Conv(_), _) => {
                    let images = input.chunks(self.layer.input.len()).zip(x.chunks_mut(length));
                    for (i, (image, x)) in images.enumerate() {
                        self.map_forward(parameters, image, x, scratch.as_mut());
                        // One group: its statistics are summed while the image is in the cache.
                        if group_rows == Some(rows) {
                            if i == 0 {
                                cache.start_moments(&x[..self.layer.mapped.channels]);
                            }
                            cache.add_to_moments(x);
                        }
                    }
                }
            }
            match &self.norm {
                Some(norm) if is_conv && group_rows == Some(rows) => {
                    cache.finish_moments();
                    norm.standardize.standardize(statistics, &mut cache.moments)?;
                }
                Some(norm) => norm.find_moments(statistics, x, cache)?,
                None => {
                    let bias = self.bias.clone().map(|bias| &parameters[bias]);
                    cache.only_shift(bias, x.len() / self.layer.mapped.channels);
                }
            }
            let pooled = self.has_max_pool().then(|| here(output));
            let kept = pooled.map(|range| (&mut peak[range.clone()], &mut winner[range]));
            self.tail_forward(parameters, x, &mut y[here(output)], kept, cache);
        }
        if group_rows.is_none() {
            // The same for every sample: one group.
            cache.moments.group_rows = rows;
        }
        Ok(())
    }

    /// Norm, activation and pool of x [rows, C], whose moments were found; with a pool, what is kept of
    /// its winners.
    fn tail_forward(
        &self,
        parameters: &[F],
        x: &[F],
        y: &mut [F],
        mut kept: Option<(&mut [F], &mut [u8])>,
        cache: &mut NormCache<F>,
    ) {
        let (group, pooled) = self.group(cache.moments.group_rows);
        for (g, (x, y)) in x.chunks(group).zip(y.chunks_mut(pooled)).enumerate() {
            if let Some(norm) = &self.norm {
                norm.coefficients(parameters, g, cache);
            }
            match &mut kept {
                Some((peak, winner)) => {
                    let range = g * pooled..g * pooled + y.len();
                    let to = Pooled { y, peak: &mut peak[range.clone()], winner: &mut winner[range] };
                    tail::forward(self.function, x, self.pool_shape(), cache.per_channel(), to);
                }
                None => norm::normalize(self.function, x, cache.per_channel(), y),
            }
        }
    }

    pub(super) fn backward_fused(
        &self,
        parameters: &[F],
        input: &[F],
        space: &mut BlockSpace<F>,
        gradients: &mut [F],
        mut dinput: Option<&mut [F]>,
    ) {
        let BlockSpace { samples, values, gradients: dvalues, peak, winner, norm: cache, .. } = space;
        let (scratch, bias_sums, nonzero) = (&mut space.scratch, &mut space.bias_sums, &space.nonzero);
        let [x, y] = &values[..] else { unreachable!("a fused block keeps two values") };
        let [dimage, d] = &mut dvalues[..] else { unreachable!("and two gradients") };
        let (mapped, output) = (self.layer.mapped.len(), self.layer.output().len());
        let (y, d) = (&y[..*samples * output], &mut d[..*samples * output]);
        activation::backward(self.function, y, d);

        match (&self.norm, &self.bias) {
            (Some(norm), _) => norm.clear_gradients(gradients),
            (None, Some(bias)) => {
                norm::column_sums(d, bias_sums);
                gradients[bias.clone()].iter_mut().zip(bias_sums).for_each(|(g, s)| *g = F::of(*s));
            }
            (None, None) => {}
        }
        let weight = &parameters[self.weight.clone()];
        if let (Map::Conv(map), Some(scratch), true) = (&self.map, scratch.as_mut(), dinput.is_some()) {
            map.flip(weight, scratch);
        }
        let (group, pooled) = self.group(cache.moments.group_rows);
        for (g, d) in d.chunks_mut(pooled).enumerate() {
            let (first, count) = (g * pooled / output, d.len() / output);
            let x = if self.keeps_mapped() { &x[g * group..][..count * mapped] } else { &[] };
            if let Some(norm) = &self.norm {
                // With a pool, the winners' x: elsewhere dy is 0.
                let x = if self.has_max_pool() { &peak[g * pooled..][..d.len()] } else { x };
                let rows = count * self.layer.mapped.area();
                norm.gradient(parameters, g, (d, x), rows, cache, gradients);
            }
            let (Map::Conv(map), Some(scratch)) = (&self.map, scratch.as_mut()) else {
                if self.norm.is_some() {
                    norm::input_gradient(d, x, cache.gradient());
                }
                continue;
            };
            for i in 0..count {
                let n = first + i;
                let d = &mut d[i * output..][..output];
                let winner = || &winner[n * output..][..output];
                let dmapped = match (self.has_max_pool(), x.get(i * mapped..(i + 1) * mapped)) {
                    (true, Some(x)) => {
                        tail::input_gradient(d, winner(), x, self.pool_shape(), cache.gradient(), dimage);
                        &dimage[..]
                    }
                    (true, None) => {
                        tail::scatter(d, winner(), self.pool_shape(), cache.gradient().p, dimage);
                        &dimage[..]
                    }
                    (false, x) => {
                        if let (Some(_), Some(x)) = (&self.norm, x) {
                            norm::input_gradient(d, x, cache.gradient());
                        }
                        &d[..]
                    }
                };
                let length = self.layer.input.len();
                let dweight = &mut gradients[self.weight.clone()];
                map.weight_gradient(&input[n * length..][..length], dmapped, n > 0, dweight, scratch);
                if let Some(dinput) = &mut dinput {
                    map.input_gradient(dmapped, &mut dinput[n * length..][..length], scratch);
                }
            }
        }
        if let Map::Linear(map) = &self.map {
            let dweight = &mut gradients[self.weight.clone()];
            match nonzero {
                Some(nonzero) => map.weight_gradient_of(nonzero, input, d, dweight),
                None => map.weight_gradient(input, d, dweight),
            }
            if let Some(dinput) = dinput {
                map.input_gradient(d, weight, dinput);
            }
        }
    }

    /// Values of a group of rows, before and after the pool.
    fn group(&self, rows: usize) -> (usize, usize) {
        let group = rows * self.layer.mapped.channels;
        (group, group / self.layer.mapped.len() * self.layer.output().len())
    }
}
