//! A block's forward and backward pass in as few passes over memory as it takes, for training and
//! evaluation: the map, and then norm, activation and max pool together.
//!
//! The formulas are those of the plain path in [`super::block`], stage by stage; only Wu and the
//! block's output are kept. A bias is the shift of a norm that does nothing else, so arms without a
//! norm take the same way. The gradient of Wu after a pool is made an image at a time, in the cache,
//! for the convolution's backward pass to read.
//!
//! A fully connected first block leaves out inputs that are 0, such as pixels at an image's border:
//! they add nothing and get no gradient ([`crate::kernels::sparse`]).
//!
//! Blocks with another order of stages, an average pool, a skip connection, or a bias in front of a
//! norm take the plain path.

use super::block::{Block, Map, Stage};
use super::norm::{Statistics, TooFewRows};
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

    pub(super) fn forward_fused(
        &self,
        parameters: &[F],
        statistics: Statistics,
        input: &[F],
        space: &mut BlockSpace<F>,
    ) -> Result<(), TooFewRows> {
        let BlockSpace { samples, values, peak, winner, norm: cache, scratch, columns, .. } = space;
        let [x, y] = &mut values[..] else { unreachable!("a fused block keeps two values") };
        let (x, y) = (&mut x[..*samples * self.layer.mapped.len()], &mut y[..*samples * self.layer.output().len()]);
        match (&self.map, columns) {
            (Map::Linear(map), Some(columns)) => {
                columns.find(input, map.inputs);
                map.forward_of(columns, input, &parameters[self.weight.clone()], x);
            }
            _ => self.map_forward(parameters, input, x, scratch.as_mut()),
        }

        let channels = self.layer.mapped.channels;
        match &self.norm {
            Some(norm) => norm.standardize.moments(x, statistics, &mut cache.moments)?,
            None => cache.only_shift(self.bias.clone().map(|bias| &parameters[bias]), x.len() / channels),
        }
        let (group, pooled) = self.group(cache.moments.group_rows);
        for (g, (x, y)) in x.chunks(group).zip(y.chunks_mut(pooled)).enumerate() {
            if let Some(norm) = &self.norm {
                norm.coefficients(parameters, g, cache);
            }
            if self.has_max_pool() {
                let range = g * pooled..g * pooled + y.len();
                let to = Pooled { y, peak: &mut peak[range.clone()], winner: &mut winner[range] };
                tail::forward(self.function, x, self.pool_shape(), cache.per_channel(), to);
            } else {
                norm::normalize(self.function, x, cache.per_channel(), y);
            }
        }
        Ok(())
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
        let (scratch, bias_sums, columns) = (&mut space.scratch, &mut space.bias_sums, &space.columns);
        let [x, y] = &values[..] else { unreachable!("a fused block keeps two values") };
        let [dimage, d] = &mut dvalues[..] else { unreachable!("and two gradients") };
        let (x, y) = (&x[..*samples * self.layer.mapped.len()], &y[..*samples * self.layer.output().len()]);
        let d = &mut d[..y.len()];
        activation::backward(self.function, y, d);

        let weight = &parameters[self.weight.clone()];
        if let (Map::Conv(map), Some(scratch), true) = (&self.map, scratch.as_mut(), dinput.is_some()) {
            map.flip(weight, scratch);
        }
        match &self.norm {
            Some(norm) => norm.clear_gradients(gradients),
            None => {
                if let Some(bias) = &self.bias {
                    norm::column_sums(d, bias_sums);
                    gradients[bias.clone()].iter_mut().zip(bias_sums).for_each(|(g, s)| *g = F::of(*s));
                }
            }
        }
        let channels = self.layer.mapped.channels;
        let (group, pooled) = self.group(cache.moments.group_rows);
        for (g, (x, d)) in x.chunks(group).zip(d.chunks_mut(pooled)).enumerate() {
            if let Some(norm) = &self.norm {
                // The winners' x if there is a pool: elsewhere dy is 0.
                let x_of_d = if self.has_max_pool() { &peak[g * pooled..][..d.len()] } else { x };
                norm.gradient(parameters, g, (d, x_of_d), x.len() / channels, cache, gradients);
            }
            match (&self.map, scratch.as_mut()) {
                (Map::Linear(_), _) | (_, None) => {
                    if self.norm.is_some() {
                        norm::input_gradient(d, x, cache.gradient());
                    }
                }
                (Map::Conv(map), Some(scratch)) => {
                    let (area, pooled_area) = (self.layer.mapped.len(), self.layer.output().len());
                    let first = g * group / area;
                    let dweight = &mut gradients[self.weight.clone()];
                    for (i, (x, d)) in x.chunks(area).zip(d.chunks_mut(pooled_area)).enumerate() {
                        let n = first + i;
                        let dmapped = if self.has_max_pool() {
                            let winner = &winner[n * pooled_area..][..pooled_area];
                            tail::input_gradient(d, winner, x, self.pool_shape(), cache.gradient(), dimage);
                            &dimage[..]
                        } else {
                            if self.norm.is_some() {
                                norm::input_gradient(d, x, cache.gradient());
                            }
                            &d[..]
                        };
                        let length = self.layer.input.len();
                        let image = &input[n * length..][..length];
                        let beta = if n == 0 { F::zero() } else { F::one() };
                        map.weight_gradient(image, dmapped, beta, dweight, scratch);
                        if let Some(dinput) = &mut dinput {
                            map.input_gradient(dmapped, &mut dinput[n * length..][..length], scratch);
                        }
                    }
                }
            }
        }
        if let Map::Linear(map) = &self.map {
            let dweight = &mut gradients[self.weight.clone()];
            match columns {
                Some(columns) => map.weight_gradient_of(columns, input, d, dweight),
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
