//! What stands where a norm could stand: the arms.
//!
//! An arm is a composition of two switches ([`parts`]): how to standardise (eq. 1), and whether a
//! learnable scale and shift follow (eq. 2). Both act on a matrix x of rows by C channels. Every
//! arm, whatever its statistics, is then one map per group of rows and channel,
//!
//! ```text
//! x̂ = (x − m)·s          m = μ, s = 1/√(σ² + ε), or what the arm puts in their place
//! y = γ·x̂ + β
//! ```
//!
//! and its gradients, with D₁ = Σ dy and D₂ = Σ dy·(x − m) over the group's rows, are
//!
//! ```text
//! dβ = Σ_groups D₁        dγ = Σ_groups s·D₂        dx = p·dy + q·(x − m) + r
//! ```
//!
//! where p, q, r say how the gradient passes through m and s: that is the arm's own affair. So an
//! arm is the file that supplies (m, s) forward and (p, q, r) backward, [`Standardize`]; the passes
//! over memory are shared (`kernels::norm`), and every arm runs at the same speed.

mod batch;
mod off;

use std::fmt::Debug;
use std::ops::Range;

use crate::config::settings::{Arm, NormOptions, Variant};
use crate::kernels::activation::Function;
use crate::kernels::norm::{Gradient, PerChannel};
use crate::kernels::{self, Scalar};

/// Which statistics a norm uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Statistics {
    /// Those of the batch at hand.
    Batch,
    /// The running ones.
    Running,
}

/// μ, σ², m and s of each group and channel, all [G, C], as one forward pass found them.
#[derive(Debug, Clone, Default)]
pub struct Moments {
    /// Rows in each group; the last may have fewer.
    pub group_rows: usize,
    /// μ
    pub mean: Vec<f64>,
    /// What is subtracted: μ, or 0 where an arm does not centre.
    pub center: Vec<f64>,
    /// σ², biased
    pub variance: Vec<f64>,
    /// s
    pub inverse_sd: Vec<f64>,
}

impl Moments {
    /// Sets one group of `rows` rows and C channels.
    fn one_group(&mut self, rows: usize, channels: usize) {
        self.group_rows = rows;
        for values in [&mut self.mean, &mut self.center, &mut self.variance, &mut self.inverse_sd] {
            values.resize(channels, 0.0);
        }
    }
}

/// What the gradient of one group's input follows from, all \[C\].
#[derive(Debug)]
pub struct Backward<'a> {
    /// Rows in the group.
    pub rows: usize,
    /// μ
    pub mean: &'a [f64],
    /// What was subtracted from x.
    pub center: &'a [f64],
    /// γ·s
    pub scale: &'a [f64],
    /// s
    pub inverse_sd: &'a [f64],
    /// D₁
    pub sum: &'a [f64],
    /// D₂
    pub centered: &'a [f64],
}

/// p, q, r of one group, all \[C\].
#[derive(Debug, Clone, Default)]
pub struct Coefficients {
    /// Factor of dy.
    pub p: Vec<f64>,
    /// Factor of x − m.
    pub q: Vec<f64>,
    /// What is added to every row.
    pub r: Vec<f64>,
}

/// How eq. 1 is done. One implementation a file.
pub trait Standardize<F: Scalar>: Debug + Send + Sync {
    /// Over how many of x's rows, `rows` in all, μ and σ² are to be found, each such group for itself;
    /// `None` if m and s do not depend on x. Then each sample can be normalised by itself, and
    /// dx = p·dy: q and r are 0.
    fn group_rows(&self, rows: usize, statistics: Statistics) -> Option<usize>;

    /// Sets m and s of each group, for which μ and σ² were found if they were asked for.
    ///
    /// # Errors
    /// If the groups have too few rows.
    fn standardize(&self, statistics: Statistics, moments: &mut Moments) -> Result<(), TooFewRows>;

    /// Finds p, q and r of dx = p·dy + q·(x − m) + r, for all channels of a group.
    fn input_gradient(&self, group: &Backward, coefficients: &mut Coefficients);

    /// Takes the statistics of a training batch into what is kept for evaluation.
    fn absorb(&mut self, _moments: &Moments) {}

    /// What is kept for evaluation, each \[C\], under its public name.
    fn buffers(&self) -> Vec<(&'static str, &[F])> {
        Vec::new()
    }

    /// The same, to be put in place.
    fn buffers_mut(&mut self) -> Vec<(&'static str, &mut [F])> {
        Vec::new()
    }

    /// Whether evaluation under batch and under running statistics differ.
    fn uses_batch(&self) -> bool {
        false
    }
}

/// A batch with one value per channel, which has no variance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooFewRows;

/// The two switches.
#[derive(Debug)]
pub struct Parts<F: Scalar> {
    /// Eq. 1; `None` together with no affine means there is no norm at all.
    pub standardize: Option<Box<dyn Standardize<F>>>,
    /// Eq. 2's γ and β.
    pub affine: bool,
}

/// The composition of an arm for C channels.
pub fn parts<F: Scalar>(variant: &Variant, channels: usize, options: NormOptions) -> Parts<F> {
    let batch = || Some(Box::new(batch::Batch::new(channels, options)) as Box<dyn Standardize<F>>);
    let (standardize, affine) = match variant.arm {
        Arm::None => (None, false),
        Arm::Affine => (None, true),
        Arm::Standardize => (batch(), false),
        Arm::Bn => (batch(), true),
    };
    Parts { standardize, affine }
}

/// A norm in its block: the standardisation and the places of γ and β among the parameters.
#[derive(Debug)]
pub struct Norm<F: Scalar> {
    /// C
    pub channels: usize,
    /// Eq. 1
    pub standardize: Box<dyn Standardize<F>>,
    /// γ and β in the network's parameters; `None` stands for γ = 1, β = 0.
    pub affine: Option<(Range<usize>, Range<usize>)>,
}

/// What forward leaves for backward, and scratch of size C.
#[derive(Debug, Clone, Default)]
pub struct NormCache<F> {
    /// μ, σ², s
    pub moments: Moments,
    center: Vec<F>,
    scale: Vec<F>,
    shift: Vec<F>,
    scale64: Vec<f64>,
    sum: Vec<f64>,
    centered: Vec<f64>,
    coefficients: Coefficients,
    p: Vec<F>,
    q: Vec<F>,
    r: Vec<F>,
}

impl<F: Scalar> NormCache<F> {
    /// For C channels, as the identity.
    pub fn new(channels: usize) -> Self {
        let (zeros, ones, d) = (|| vec![F::zero(); channels], || vec![F::one(); channels], || vec![0.0; channels]);
        let mut moments = Moments::default();
        moments.one_group(0, channels);
        Self {
            moments,
            center: zeros(),
            scale: ones(),
            shift: zeros(),
            scale64: d(),
            sum: d(),
            centered: d(),
            coefficients: Coefficients { p: d(), q: d(), r: d() },
            p: ones(),
            q: zeros(),
            r: zeros(),
        }
    }

    /// Begins the sums of one group, of which this is the first row.
    pub fn start_moments(&mut self, first: &[F]) {
        self.center.copy_from_slice(first);
        self.moments.mean.fill(0.0);
        self.moments.variance.fill(0.0);
        self.moments.group_rows = 0;
    }

    /// Adds rows of x to them.
    pub fn add_to_moments(&mut self, x: &[F]) {
        kernels::norm::add_to_moments(x, &self.center, &mut self.moments.mean, &mut self.moments.variance);
        self.moments.group_rows += x.len() / self.center.len();
    }

    /// Ends them: the group's μ and σ² are found.
    pub fn finish_moments(&mut self) {
        let Moments { group_rows, mean, variance, .. } = &mut self.moments;
        kernels::norm::finish_moments(&self.center, *group_rows, mean, variance);
    }

    /// Without a norm: x + bias, in rows of which all are one group.
    pub fn only_shift(&mut self, bias: Option<&[F]>, rows: usize) {
        self.moments.group_rows = rows;
        if let Some(bias) = bias {
            self.shift.copy_from_slice(bias);
        }
    }

    /// What forward does to each channel of the latest group.
    pub fn per_channel(&self) -> PerChannel<'_, F> {
        PerChannel { center: &self.center, scale: &self.scale, shift: &self.shift }
    }

    /// What backward does to each channel of the latest group.
    pub fn gradient(&self) -> Gradient<'_, F> {
        Gradient { center: &self.center, p: &self.p, q: &self.q, r: &self.r }
    }
}

impl<F: Scalar> Norm<F> {
    /// A norm from its parts; `None` where the arm has neither switch on.
    pub fn new(parts: Parts<F>, channels: usize, affine: Option<(Range<usize>, Range<usize>)>) -> Option<Self> {
        let standardize = match parts.standardize {
            Some(standardize) => standardize,
            None if parts.affine => Box::new(off::Off),
            None => return None,
        };
        Some(Self { channels, standardize, affine })
    }

    /// y ← γ·(x − m)·s + β for x, y [rows, C].
    ///
    /// # Errors
    /// If batch statistics are asked for and there is one row.
    pub fn forward(
        &self,
        parameters: &[F],
        statistics: Statistics,
        x: &[F],
        y: &mut [F],
        cache: &mut NormCache<F>,
    ) -> Result<(), TooFewRows> {
        self.find_moments(statistics, x, cache)?;
        let group = cache.moments.group_rows * self.channels;
        for (g, (x, y)) in x.chunks(group).zip(y.chunks_mut(group)).enumerate() {
            self.coefficients(parameters, g, cache);
            kernels::norm::normalize(Function::Identity, x, cache.per_channel(), y);
        }
        Ok(())
    }

    /// From dy to dx in place, and dγ, dβ into `gradients`, with the x and cache of the forward pass.
    pub fn backward(&self, parameters: &[F], x: &[F], d: &mut [F], cache: &mut NormCache<F>, gradients: &mut [F]) {
        self.clear_gradients(gradients);
        let group = cache.moments.group_rows * self.channels;
        for (g, (x, d)) in x.chunks(group).zip(d.chunks_mut(group)).enumerate() {
            self.gradient(parameters, g, (d, x), x.len() / self.channels, cache, gradients);
            kernels::norm::input_gradient(d, x, cache.gradient());
        }
    }

    /// Finds μ, σ², m and s of x [rows, C].
    ///
    /// # Errors
    /// If the statistics asked for need more rows.
    pub fn find_moments(&self, statistics: Statistics, x: &[F], cache: &mut NormCache<F>) -> Result<(), TooFewRows> {
        let rows = x.len() / self.channels;
        let asked = self.standardize.group_rows(rows, statistics);
        let Moments { group_rows, mean, variance, .. } = &mut cache.moments;
        *group_rows = asked.unwrap_or(rows);
        if asked.is_some() {
            let groups = x.chunks(*group_rows * self.channels);
            let found = mean.chunks_mut(self.channels).zip(variance.chunks_mut(self.channels));
            groups.zip(found).for_each(|(x, (mean, variance))| kernels::norm::moments(x, mean, variance));
        }
        self.standardize.standardize(statistics, &mut cache.moments)
    }

    /// Sets center, scale and shift of a group from the moments that were found.
    pub fn coefficients(&self, parameters: &[F], group: usize, cache: &mut NormCache<F>) {
        for c in 0..self.channels {
            let at = group * self.channels + c;
            cache.center[c] = F::of(cache.moments.center[at]);
            cache.scale[c] = F::of(self.gamma(parameters, c) * cache.moments.inverse_sd[at]);
            cache.shift[c] = self.affine.as_ref().map_or(F::zero(), |(_, beta)| parameters[beta.start + c]);
        }
    }

    /// Sets the gradients of γ and β to 0, for the groups to be added.
    pub fn clear_gradients(&self, gradients: &mut [F]) {
        if let Some((gamma, beta)) = &self.affine {
            gradients[gamma.clone()].fill(F::zero());
            gradients[beta.clone()].fill(F::zero());
        }
    }

    /// Sets p, q and r of a group of `rows` rows, and adds its dγ and dβ, from dy and x. Rows with
    /// dy = 0 may be left out of the two.
    pub fn gradient(
        &self,
        parameters: &[F],
        group: usize,
        (dy, x): (&[F], &[F]),
        rows: usize,
        cache: &mut NormCache<F>,
        gradients: &mut [F],
    ) {
        let channels = self.channels;
        let of_group = |values| -> &[f64] { &<[f64]>::as_ref(values)[group * channels..][..channels] };
        let Moments { mean, center, inverse_sd, .. } = &cache.moments;
        let (mean, center, inverse_sd) = (of_group(mean), of_group(center), of_group(inverse_sd));
        for (c, s) in inverse_sd.iter().enumerate() {
            cache.center[c] = F::of(center[c]);
            cache.scale64[c] = self.gamma(parameters, c) * s;
        }
        kernels::norm::reduce(dy, x, &cache.center, &mut cache.sum, &mut cache.centered);
        let (scale, sum, centered) = (&cache.scale64[..], &cache.sum[..], &cache.centered[..]);
        let found = &mut cache.coefficients;
        self.standardize.input_gradient(&Backward { rows, mean, center, scale, inverse_sd, sum, centered }, found);
        for c in 0..channels {
            (cache.p[c], cache.q[c], cache.r[c]) = (F::of(found.p[c]), F::of(found.q[c]), F::of(found.r[c]));
            if let Some((gamma, beta)) = &self.affine {
                gradients[gamma.start + c] += F::of(inverse_sd[c] * centered[c]);
                gradients[beta.start + c] += F::of(sum[c]);
            }
        }
    }

    fn gamma(&self, parameters: &[F], channel: usize) -> f64 {
        self.affine.as_ref().map_or(1.0, |(gamma, _)| parameters[gamma.start + channel].f64())
    }
}
