//! A block's forward and backward pass in as few passes over memory as it takes, for training and
//! evaluation: the map, and then norm, activation and max pool together.
//!
//! The formulas are those of [`super::staged`], stage by stage; only Wu and the
//! block's output are kept. A bias is the shift of a norm that does nothing else, so arms without a
//! norm take the same way.
//!
//! There are three cases, [`Fused`], settled when the network is built:
//!
//! - **Dense.** A fully connected layer takes the whole batch at once.
//! - **Images.** A convolution's images are 50 kB apiece, the batch is more than a core's cache. If the norm does not look
//!   at the batch, each image goes all the way while it is in the cache. With a pool, Wu itself is not kept: backward needs
//!   only the winners' share of it.
//! - **Batch.** Where the norm looks at the batch, the map comes first for all images of a group, and its
//!   moments are summed while each image is in the cache; then comes the rest. Evaluation under kept
//!   statistics goes as in the case before.
//!
//! In the backward pass, both convolutions compute the gradient of Wu one image at a time; the convolution reads it next.
//!
//! Blocks with another order of stages, an average pool, a skip connection, a part after γ and β, or a
//! bias in front of a norm take the plain path.

use std::ops::Range;

use super::block::{Block, Fused, Map};
use super::conv::Conv;
use super::input::Features;
use super::norm::{NormCache, TooFewValues};
use super::pass::Pass;
use super::stages::Stage;
use super::workspace::{BlockSpace, Path};
use crate::config::settings::{PoolKind, Shape};
use crate::kernels::fused_pool::{self, Pooled};
use crate::kernels::{Scalar, activation, norm};

const OTHER_PATH: &str = "a block that is not fused, or its workspace, takes the plain path";

/// Values of these samples, each of `length`.
const fn of(samples: &Range<usize>, length: usize) -> Range<usize> {
    samples.start * length..samples.end * length
}

/// Computes the block's output for `space.samples` samples of `input`.
///
/// # Errors
/// If the norm needs more values per channel than it gets.
pub(super) fn forward<F: Scalar>(
    block: &Block<F>,
    parameters: &[F],
    pass: Pass,
    input: Features<F>,
    space: &mut BlockSpace<F>,
) -> Result<(), TooFewValues> {
    let (samples, cache) = (space.samples, &mut space.norm);
    let looks_at_batch = match &block.norm {
        Some(norm) => norm.begin_moments(pass, samples, cache)?,
        None => {
            cache.only_shift(block.bias.clone().map(|bias| &parameters[bias]), samples);
            false
        }
    };
    block.make_weight(parameters, space);
    match block.fused {
        Some(Fused::Dense) => block.forward_dense(parameters, looks_at_batch, input, space),
        Some(Fused::Batch) if looks_at_batch => block.forward_batch(parameters, input, space),
        Some(Fused::Batch | Fused::Images) => block.forward_images(parameters, input, space),
        None => unreachable!("{OTHER_PATH}"),
    }
    Ok(())
}

/// Turns the gradient at the block's output into the gradients of its parameters and, if there is room for it, of its
/// input; for the latest forward pass.
pub(super) fn backward<F: Scalar>(
    block: &Block<F>,
    parameters: &[F],
    input: Features<F>,
    space: &mut BlockSpace<F>,
    gradients: &mut [F],
    dinput: Option<&mut [F]>,
) {
    let Path::Fused { output: y, doutput: d, .. } = &mut space.path else { unreachable!("{OTHER_PATH}") };
    let values = of(&(0..space.samples), block.layer.output().len());
    let (y, d) = (&y[values.clone()], &mut d[values]);
    activation::backward(block.function, y, d);
    if block.norm.is_none() {
        block.bias_gradient(d, &mut space.sums, gradients);
    }
    match &block.map {
        Map::Linear(_) => block.backward_dense(parameters, input, space, gradients, dinput),
        Map::Conv(map) => block.backward_images(map, parameters, input, space, gradients, dinput),
    }
}

impl<F: Scalar> Block<F> {
    /// Which fused case this block is, if any.
    pub(super) fn fusable(&self) -> Option<Fused> {
        let order: Vec<Stage> = self.stages.iter().copied().filter(|stage| *stage != Stage::Norm).collect();
        let is_plain_order = order == [Stage::Map, Stage::Activation]
            || order == [Stage::Map, Stage::Activation, Stage::Pool] && self.layer.pool == PoolKind::Max;
        let norm_follows_map = self.norm.is_none() || self.stages.get(1) == Some(&Stage::Norm);
        let can_fuse = is_plain_order && norm_follows_map && (self.norm.is_none() || self.bias.is_none());
        let looks_at_batch = self.norm.as_ref().is_some_and(|norm| norm.depends_on_x());
        can_fuse.then_some(match self.map {
            Map::Linear(_) => Fused::Dense,
            Map::Conv(_) if looks_at_batch => Fused::Batch,
            Map::Conv(_) => Fused::Images,
        })
    }

    /// The map of the whole batch, its moments, then the rest.
    fn forward_dense(&self, parameters: &[F], looks_at_batch: bool, input: Features<F>, space: &mut BlockSpace<F>) {
        let BlockSpace { samples, path, norm: cache, weight: made, .. } = space;
        let Path::Fused { mapped, output: y, .. } = path else { unreachable!("{OTHER_PATH}") };
        let length = self.layer.mapped.len();
        let x = &mut mapped[..*samples * length];
        self.map_forward(self.weight(parameters, made), input, x, None);
        if let Some(norm) = &self.norm {
            if looks_at_batch {
                norm.find_from(x, cache);
            }
            norm.standardize.standardize(&mut cache.moments);
        }
        for g in 0..cache.moments.groups.count() {
            let values = of(&cache.moments.groups.samples(g), length);
            self.coefficients(parameters, g, cache);
            norm::normalize(self.function, &x[values.clone()], cache.per_channel(), &mut y[values]);
        }
    }

    /// Image by image, all the way.
    fn forward_images(&self, parameters: &[F], input: Features<F>, space: &mut BlockSpace<F>) {
        let BlockSpace { samples, path, winner, scratch, norm: cache, weight: made, .. } = space;
        let Path::Fused { mapped, winner_input, output: y, .. } = path else { unreachable!("{OTHER_PATH}") };
        let (length, image) = (self.layer.mapped.len(), self.layer.input.len());
        let weight = self.weight(parameters, made);
        if let Some(norm) = &self.norm {
            norm.standardize.standardize(&mut cache.moments);
        }
        self.coefficients(parameters, 0, cache);
        for n in 0..*samples {
            let here = n..n + 1;
            let x = if self.keeps_mapped() { &mut mapped[of(&here, length)] } else { &mut mapped[..length] };
            let image = Features::dense(&input.values[of(&here, image)]);
            self.map_forward(weight, image, x, scratch.as_mut());
            self.normalize_and_pool(x, here, [y, winner_input], winner, cache);
        }
    }

    /// A group's images through the map, their moments summed on the way; then all groups through the rest.
    fn forward_batch(&self, parameters: &[F], input: Features<F>, space: &mut BlockSpace<F>) {
        let BlockSpace { path, winner, scratch, norm: cache, weight: made, .. } = space;
        let (Path::Fused { mapped, winner_input, output: y, .. }, Some(norm)) = (path, &self.norm) else {
            unreachable!("{OTHER_PATH}")
        };
        let (length, image) = (self.layer.mapped.len(), self.layer.input.len());
        let weight = self.weight(parameters, made);
        let groups = cache.moments.groups;
        for (g, samples) in groups.iter().enumerate() {
            let first = samples.start;
            for n in samples {
                let here = n..n + 1;
                let x = &mut mapped[of(&here, length)];
                let image = Features::dense(&input.values[of(&here, image)]);
                self.map_forward(weight, image, x, scratch.as_mut());
                if n == first {
                    cache.start_moments(g, &x[..self.layer.mapped.channels]);
                }
                cache.add_to_moments(g, x);
            }
            cache.finish_moments(g);
        }
        norm.standardize.standardize(&mut cache.moments);
        for (g, samples) in groups.iter().enumerate() {
            self.coefficients(parameters, g, cache);
            self.normalize_and_pool(&mapped[of(&samples, length)], samples, [y, winner_input], winner, cache);
        }
    }

    /// Sets what the norm, if there is one, does to each channel of a group.
    fn coefficients(&self, parameters: &[F], g: usize, cache: &mut NormCache<F>) {
        if let Some(norm) = &self.norm {
            norm.coefficients(parameters, g, cache);
        }
    }

    /// Norm, activation and pool of x, the mapped values of some samples.
    fn normalize_and_pool(
        &self,
        x: &[F],
        samples: Range<usize>,
        [y, winner_input]: [&mut [F]; 2],
        winner: &mut [u8],
        cache: &NormCache<F>,
    ) {
        let output = of(&samples, self.layer.output().len());
        let y = &mut y[output.clone()];
        if self.has_max_pool() {
            let to = Pooled { y, winner_input: &mut winner_input[output.clone()], winner: &mut winner[output] };
            fused_pool::forward(self.function, x, self.pool_shape(), cache.per_channel(), to);
        } else {
            norm::normalize(self.function, x, cache.per_channel(), y);
        }
    }

    /// The whole batch, from the gradient at the norm's output.
    fn backward_dense(
        &self,
        parameters: &[F],
        input: Features<F>,
        space: &mut BlockSpace<F>,
        gradients: &mut [F],
        dinput: Option<&mut [F]>,
    ) {
        let BlockSpace { samples, path, norm: cache, weight: made, .. } = space;
        let Path::Fused { mapped, doutput: d, .. } = path else { unreachable!("{OTHER_PATH}") };
        let values = of(&(0..*samples), self.layer.mapped.len());
        let (x, d) = (&mapped[values.clone()], &mut d[values]);
        if let Some(norm) = &self.norm {
            norm.backward(parameters, x, d, cache, gradients);
        }
        let weight = self.weight(parameters, made);
        self.map_backward(weight, input, d, None, &mut gradients[self.weight.clone()], dinput, None);
    }

    /// Group by group, and image by image in it.
    fn backward_images(
        &self,
        map: &Conv,
        parameters: &[F],
        input: Features<F>,
        space: &mut BlockSpace<F>,
        gradients: &mut [F],
        mut dinput: Option<&mut [F]>,
    ) {
        let BlockSpace { path, winner, scratch, norm: cache, weight: made, .. } = space;
        let Path::Fused { mapped, dmapped, winner_input, doutput: d, .. } = path else { unreachable!("{OTHER_PATH}") };
        let Some(scratch) = scratch else { unreachable!("a convolution's workspace has scratch") };
        let [length, output, image] = [self.layer.mapped, self.layer.output(), self.layer.input].map(Shape::len);
        if dinput.is_some() {
            map.flip(self.weight(parameters, made), scratch);
        }
        for (g, samples) in cache.moments.groups.iter().enumerate() {
            if let Some(norm) = &self.norm {
                // With a pool, the winners' x: elsewhere dy is 0.
                let x = if self.has_max_pool() {
                    &winner_input[of(&samples, output)]
                } else {
                    &mapped[of(&samples, length)]
                };
                norm.gradient(parameters, g, (&d[of(&samples, output)], x), cache, gradients);
            }
            for n in samples {
                let here = n..n + 1;
                let x = mapped.get(of(&here, length)).filter(|_| self.keeps_mapped());
                let (d, winner) = (&mut d[of(&here, output)], winner.get(of(&here, output)).unwrap_or_default());
                let dmapped = self.mapped_gradient(x, d, winner, cache, dmapped);
                let dweight = &mut gradients[self.weight.clone()];
                map.weight_gradient(&input.values[of(&here, image)], dmapped, n > 0, dweight, scratch);
                if let Some(dinput) = &mut dinput {
                    map.input_gradient(dmapped, &mut dinput[of(&here, image)], scratch);
                }
            }
        }
    }

    /// The gradient at Wu of one image, from the gradient d at the norm's output (with a pool, at its winners). Written to
    /// `to` or to d itself.
    fn mapped_gradient<'a>(
        &self,
        x: Option<&[F]>,
        d: &'a mut [F],
        winner: &[u8],
        cache: &NormCache<F>,
        to: &'a mut [F],
    ) -> &'a [F] {
        match (self.has_max_pool(), x) {
            (true, Some(x)) => fused_pool::combine(d, winner, x, self.pool_shape(), cache.gradient(), to),
            (true, None) => fused_pool::scatter(d, winner, self.pool_shape(), cache.gradient().p, to),
            (false, x) => {
                if let (Some(_), Some(x)) = (&self.norm, x) {
                    norm::combine(d, x, cache.gradient());
                }
                return d;
            }
        }
        to
    }
}
